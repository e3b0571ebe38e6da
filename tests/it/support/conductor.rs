//! Several simulated computers on one clock. Time passes only while all of them sleep, and only until the first one wakes
//! up, so minutes take no time and every run has the same order of events.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use awsmfa::testing::clock::Clock;
use chrono::{DateTime, Utc};

/// The clock of computers that each run in a thread. A computer must call [`done`](Self::done) when it has finished.
#[derive(Debug)]
pub struct Conductor {
    aws: fake_aws::Clock,
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Debug)]
struct State {
    running: usize,
    wakes: Vec<DateTime<Utc>>,
}

impl Conductor {
    /// A clock for this many computers. It advances the clock of fake-aws, which must be frozen.
    pub fn new(aws: fake_aws::Clock, computers: usize) -> Arc<Self> {
        let state = Mutex::new(State { running: computers, wakes: Vec::new() });
        Arc::new(Self { aws, state, woken: Condvar::new() })
    }

    /// Reports that a computer has finished.
    pub fn done(&self) {
        let mut state = self.state.lock().unwrap();
        state.running -= 1;
        self.advance(&mut state);
    }

    /// Advances time to the next wake-up if every computer sleeps.
    fn advance(&self, state: &mut State) {
        let Some(first) = state.wakes.iter().min().copied().filter(|_| state.running == 0) else { return };
        self.aws.advance((first - self.aws.now()).to_std().unwrap_or_default());
        let asleep = state.wakes.len();
        state.wakes.retain(|wake| *wake > first);
        state.running += asleep - state.wakes.len();
        self.woken.notify_all();
    }
}

impl Clock for Conductor {
    fn now(&self) -> DateTime<Utc> {
        self.aws.now()
    }

    fn sleep(&self, duration: Duration) {
        let mut state = self.state.lock().unwrap();
        let wake = self.now() + duration;
        state.wakes.push(wake);
        state.running -= 1;
        self.advance(&mut state);
        let asleep = |_: &mut State| self.now() < wake;
        drop(self.woken.wait_while(state, asleep).unwrap());
    }
}
