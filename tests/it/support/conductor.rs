//! Several computers on one clock: time passes only while all of them wait, and only until the first of them goes on. So
//! minutes pass at once, and what happens at the same moment is the same in every run.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use awsmfa::testing::clock::Clock;
use chrono::{DateTime, Utc};

/// The clock of computers that run in threads of their own. Each must call [`done`](Self::done) at its end.
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
    /// A clock for so many computers, which moves that of fake-aws. That must be frozen.
    pub fn new(aws: fake_aws::Clock, computers: usize) -> Arc<Self> {
        let state = Mutex::new(State { running: computers, wakes: Vec::new() });
        Arc::new(Self { aws, state, woken: Condvar::new() })
    }

    /// A computer has nothing more to do.
    pub fn done(&self) {
        let mut state = self.state.lock().unwrap();
        state.running -= 1;
        self.go_on(&mut state);
    }

    /// Lets time pass if everyone waits.
    fn go_on(&self, state: &mut State) {
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
        self.go_on(&mut state);
        let asleep = |_: &mut State| self.now() < wake;
        drop(self.woken.wait_while(state, asleep).unwrap());
    }
}
