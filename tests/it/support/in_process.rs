//! The commands run in this process with a clock that both we and fake-aws obey, so that minutes pass in no time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use awsmfa::testing::clock::{Clock, SharedClock};
use awsmfa::testing::context::Context;
use awsmfa::testing::env::Env;
use awsmfa::testing::model::secret::Secret;
use awsmfa::testing::ui::{Prompt, PromptError, Style, Ui, Verbosity};
use chrono::{DateTime, TimeDelta, Utc};

use super::World;

/// fake-aws's clock, as a computer whose own may be off sees it. Sleeping makes time pass for both.
#[derive(Debug)]
pub struct SharedTime {
    aws: fake_aws::Clock,
    off: TimeDelta,
}

impl From<fake_aws::Clock> for SharedTime {
    fn from(aws: fake_aws::Clock) -> Self {
        Self { aws, off: TimeDelta::zero() }
    }
}

impl Clock for SharedTime {
    fn now(&self) -> DateTime<Utc> {
        self.aws.now() + self.off
    }

    fn sleep(&self, duration: Duration) {
        self.aws.advance(duration);
    }
}

/// Nobody.
struct Nobody;

impl Prompt for Nobody {
    fn can_ask(&self) -> bool {
        false
    }
    fn secret(&self, _: &str) -> Result<Secret<String>, PromptError> {
        Err(PromptError::CannotAsk("nobody is there"))
    }
    fn confirm(&self, _: &str) -> Result<bool, PromptError> {
        Err(PromptError::CannotAsk("nobody is there"))
    }
}

/// A person at a terminal, who types these lines and says yes to everything.
#[derive(Default)]
pub struct Typist {
    lines: Mutex<VecDeque<String>>,
    seen: Mutex<Vec<String>>,
}

impl Typist {
    /// Types these lines, and no more.
    pub fn new(lines: &[&str]) -> Arc<Self> {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        Arc::new(Self { lines: Mutex::new(lines), seen: Mutex::default() })
    }

    /// How many lines nobody asked for.
    pub fn left(&self) -> usize {
        self.lines.lock().unwrap().len()
    }

    /// What the terminal showed, prompts with a colon at the end.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Prompt for Typist {
    fn can_ask(&self) -> bool {
        true
    }
    fn secret(&self, question: &str) -> Result<Secret<String>, PromptError> {
        self.seen.lock().unwrap().push(format!("{question}:"));
        let line = self.lines.lock().unwrap().pop_front();
        line.map(Secret::new).ok_or(PromptError::CannotAsk("nobody types any more"))
    }
    fn confirm(&self, question: &str) -> Result<bool, PromptError> {
        self.seen.lock().unwrap().push(question.to_owned());
        Ok(true)
    }
    fn tell(&self, line: &str) {
        self.seen.lock().unwrap().push(line.to_owned());
    }
}

/// An error as `main` prints it.
pub fn in_words(error: &awsmfa::testing::error::CommandError) -> String {
    let hints = error.hints.iter().map(|hint| format!("hint: {hint}\n"));
    format!("error: {error}\n{}", hints.collect::<String>())
}

/// What was written to a stream.
#[derive(Clone, Default)]
pub struct Captured(Rc<RefCell<Vec<u8>>>);

impl Captured {
    /// As text.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A context in this process, with what it said.
pub struct InProcess {
    /// The context.
    pub ctx: Context,
    /// Its stdout.
    pub out: Captured,
    /// Its stderr.
    pub err: Captured,
}

impl World {
    /// Freezes fake-aws's clock at a time in the middle of a step, and of a three-minute window.
    pub fn freeze(&self) {
        self.aws.clock().freeze(DateTime::from_timestamp(1_800_000_005, 0).unwrap());
    }

    /// A context on this world's home, on a computer whose clock is off by so many seconds.
    pub fn in_process(&self, off_seconds: i64) -> InProcess {
        InProcess::on(&self.aws, &self.home, off_seconds)
    }
}

impl InProcess {
    /// A context on a home, on a computer whose clock differs from that of `aws` by so many seconds.
    pub fn on(aws: &fake_aws::FakeAws, home: &super::Home, off_seconds: i64) -> Self {
        Self::with_clock(home, SharedTime { aws: aws.clock(), off: TimeDelta::seconds(off_seconds) })
    }

    /// A context on a home, on a computer with a clock of its own.
    pub fn with_clock(home: &super::Home, clock: SharedTime) -> Self {
        Self::with_shared(home, Arc::new(clock))
    }

    /// A context on a home, on a computer whose clock is shared.
    pub fn with_shared(home: &super::Home, clock: SharedClock) -> Self {
        Self::with_prompt(home, clock, Arc::new(Nobody))
    }

    /// A context on a home, with someone who answers.
    pub fn with_prompt(home: &super::Home, clock: SharedClock, prompt: Arc<dyn Prompt>) -> Self {
        let (out, err) = (Captured::default(), Captured::default());
        let style = Style { verbosity: Verbosity::Verbose, ..Style::default() };
        let ui = Ui::new(style, Box::new(out.clone()), Box::new(err.clone()));
        let ctx = Context::new(Env::from_pairs(home.vars()), clock, ui, prompt).unwrap();
        Self { ctx, out, err }
    }
}

/// `awsmfa device` with these arguments, in this context.
pub fn device(ctx: &Context, args: &[&str]) -> awsmfa::testing::error::CommandResult {
    #[derive(clap::Parser)]
    struct Line {
        #[command(subcommand)]
        command: awsmfa::testing::commands::device::DeviceCommand,
    }
    let line = <Line as clap::Parser>::try_parse_from(["device"].iter().chain(args)).unwrap();
    awsmfa::testing::commands::device::run(ctx, &line.command)
}
