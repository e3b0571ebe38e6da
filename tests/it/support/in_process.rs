//! Runs commands in the test process, on a clock that awsmfa and fake-aws share, so that minutes take no time.

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

/// The clock of fake-aws plus a constant error, as a computer with a wrong clock has it. Sleeping advances both clocks.
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

/// No terminal: nobody can answer a prompt.
struct NoTerminal;

impl Prompt for NoTerminal {
    fn can_ask(&self) -> bool {
        false
    }
    fn secret(&self, _: &str) -> Result<Secret<String>, PromptError> {
        Err(PromptError::CannotAsk("there is no terminal"))
    }
    fn confirm(&self, _: &str) -> Result<bool, PromptError> {
        Err(PromptError::CannotAsk("there is no terminal"))
    }
}

/// A person at a terminal who types prepared lines, answers yes to every question and accepts no offer.
#[derive(Default)]
pub struct Typist {
    lines: Mutex<VecDeque<String>>,
    seen: Mutex<Vec<String>>,
}

impl Typist {
    /// A person who types these lines, in order.
    pub fn new(lines: &[&str]) -> Arc<Self> {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        Arc::new(Self { lines: Mutex::new(lines), seen: Mutex::default() })
    }

    /// The number of lines that no prompt has read.
    pub fn left(&self) -> usize {
        self.lines.lock().unwrap().len()
    }

    /// The prompts and lines that the terminal showed. Prompts end in a colon.
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
        line.map(Secret::new).ok_or(PromptError::CannotAsk("all lines were typed"))
    }
    fn answer(&self, question: &str) -> Result<String, PromptError> {
        self.seen.lock().unwrap().push(question.to_owned());
        let line = self.lines.lock().unwrap().pop_front();
        line.ok_or(PromptError::CannotAsk("all lines were typed"))
    }
    fn confirm(&self, question: &str) -> Result<bool, PromptError> {
        self.seen.lock().unwrap().push(question.to_owned());
        Ok(true)
    }
    fn offer(&self, _: &str) -> Result<bool, PromptError> {
        Ok(false)
    }
    fn tell(&self, line: &str) {
        self.seen.lock().unwrap().push(line.to_owned());
    }
}

/// An error and its hints, as `main` prints them.
pub fn in_words(error: &awsmfa::testing::error::CommandError) -> String {
    let hints = error.hints.iter().map(|hint| format!("hint: {hint}\n"));
    format!("error: {error}\n{}", hints.collect::<String>())
}

/// A stream that keeps what is written to it.
#[derive(Clone, Default)]
pub struct Captured(Rc<RefCell<Vec<u8>>>);

impl Captured {
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

/// A context in the test process, with its captured output.
pub struct InProcess {
    pub ctx: Context,
    pub out: Captured,
    pub err: Captured,
}

impl World {
    /// Freezes the clock of fake-aws five seconds into a 30-second step and into a three-minute window.
    pub fn freeze(&self) {
        self.aws.clock().freeze(DateTime::from_timestamp(1_800_000_005, 0).unwrap());
    }

    /// A context in this world's home folder, on a computer with a clock that is `off_seconds` ahead.
    pub fn in_process(&self, off_seconds: i64) -> InProcess {
        InProcess::on(&self.aws, &self.home, off_seconds)
    }
}

impl InProcess {
    /// A context in a home folder, on a computer with a clock that is `off_seconds` ahead of `aws`.
    pub fn on(aws: &fake_aws::FakeAws, home: &super::Home, off_seconds: i64) -> Self {
        Self::with_clock(home, SharedTime { aws: aws.clock(), off: TimeDelta::seconds(off_seconds) })
    }

    /// A context in a home folder, on a computer with this clock.
    pub fn with_clock(home: &super::Home, clock: SharedTime) -> Self {
        Self::with_shared(home, Arc::new(clock))
    }

    /// A context in a home folder, on a clock that other computers use, too.
    pub fn with_shared(home: &super::Home, clock: SharedClock) -> Self {
        Self::with_prompt(home, clock, Arc::new(NoTerminal))
    }

    /// A context in a home folder, with someone who answers prompts.
    pub fn with_prompt(home: &super::Home, clock: SharedClock, prompt: Arc<dyn Prompt>) -> Self {
        let (out, err) = (Captured::default(), Captured::default());
        let style = Style { verbosity: Verbosity::Verbose, ..Style::default() };
        let ui = Ui::new(style, Box::new(out.clone()), Box::new(err.clone()));
        let ctx = Context::new(Env::from_pairs(home.vars()), clock, ui, prompt).unwrap();
        Self { ctx, out, err }
    }
}

/// Runs `awsmfa store` with these arguments in this context.
pub fn store(ctx: &Context, args: &[&str]) -> awsmfa::testing::error::CommandResult {
    #[derive(clap::Parser)]
    struct Line {
        #[command(subcommand)]
        command: awsmfa::testing::commands::store::StoreCommand,
    }
    let line = <Line as clap::Parser>::try_parse_from(["store"].iter().chain(args)).unwrap();
    awsmfa::testing::commands::store::run(ctx, &line.command)
}

/// Runs `awsmfa device` with these arguments in this context.
pub fn device(ctx: &Context, args: &[&str]) -> awsmfa::testing::error::CommandResult {
    #[derive(clap::Parser)]
    struct Line {
        #[command(subcommand)]
        command: awsmfa::testing::commands::device::DeviceCommand,
    }
    let line = <Line as clap::Parser>::try_parse_from(["device"].iter().chain(args)).unwrap();
    awsmfa::testing::commands::device::run(ctx, &line.command)
}
