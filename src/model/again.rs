//! The command that a person typed, so that a hint can repeat it with all of its options.

use std::fmt;
use std::sync::OnceLock;

use super::shell::CommandLine;

static TYPED: OnceLock<Again> = OnceLock::new();

/// A command to run again: as it was typed, apart from what the hint changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Again {
    /// `awsmfa device remove`
    command: String,
    words: Vec<Word>,
    /// What follows `--`.
    rest: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Operand(String),
    /// `--name`, and its value if it takes one.
    Option(String, Option<String>),
}

/// The flag of every command that works on a profile.
const PROFILE: &str = "--profile";

/// `command`, such as `awsmfa login`, with the options that the person gave it; without, if the person ran another command.
pub fn again(command: &str) -> Again {
    let typed = TYPED.get().filter(|typed| typed.command == command);
    typed.cloned().unwrap_or_else(|| Again::new(command))
}

/// The command that the person typed, whichever it is.
pub fn typed() -> Again {
    TYPED.get().cloned().unwrap_or_else(|| Again::new("awsmfa"))
}

impl Again {
    /// A command without options.
    pub fn new(command: &str) -> Self {
        Self { command: command.to_owned(), ..Self::default() }
    }

    /// Makes this the command that the person typed, for the rest of the process.
    pub fn settle(self) {
        let _ = TYPED.set(self);
    }

    #[must_use]
    pub fn operand(mut self, word: impl Into<String>) -> Self {
        self.words.push(Word::Operand(word.into()));
        self
    }

    /// Adds `--name value`, or `--name` without a value.
    #[must_use]
    pub fn option(mut self, name: &str, value: Option<&str>) -> Self {
        self.words.push(Word::Option(name.to_owned(), value.map(str::to_owned)));
        self
    }

    /// Adds what follows `--`.
    #[must_use]
    pub fn rest(mut self, words: impl IntoIterator<Item = String>) -> Self {
        self.rest.extend(words);
        self
    }

    /// With `--name value` in place of the option's other values.
    #[must_use]
    pub fn with(self, name: &str, value: Option<&str>) -> Self {
        self.without(name).option(name, value)
    }

    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.words.retain(|word| !word.is(name));
        self
    }

    /// For this profile.
    #[must_use]
    pub fn profile(self, name: &str) -> Self {
        self.with(PROFILE, Some(name))
    }

    /// For the profiles that were typed or, if none was, for this one.
    #[must_use]
    pub fn profile_if_none(self, name: &str) -> Self {
        if self.words.iter().any(|word| word.is(PROFILE)) { self } else { self.profile(name) }
    }
}

impl Word {
    fn is(&self, option: &str) -> bool {
        matches!(self, Self::Option(name, _) if name == option)
    }
}

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let add = |line: CommandLine, word: &Word| match word {
            Word::Operand(word) => line.arg(word),
            Word::Option(name, None) => line.arg(name),
            Word::Option(name, value) => line.option(name, value.as_deref()),
        };
        let line = self.words.iter().fold(CommandLine::new(&self.command), add);
        let line = if self.rest.is_empty() { line } else { line.arg("--") };
        self.rest.iter().fold(line, CommandLine::arg).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_leave_the_other_options_and_the_program_alone() {
        let typed = Again::new("awsmfa exec").option("--profile", Some("dev")).option("--serve", None);
        let typed = typed.option("--duration", Some("2h")).rest(["aws".to_owned(), "s3 ls".to_owned()]);
        assert_eq!(typed.to_string(), "awsmfa exec --profile dev --serve --duration 2h -- aws 's3 ls'");
        assert_eq!(typed.clone().profile_if_none("x"), typed);
        let changed = typed.profile("a b").with("--duration", Some("1h")).with("--serve", None);
        assert_eq!(changed.to_string(), "awsmfa exec --profile 'a b' --duration 1h --serve -- aws 's3 ls'");
    }

    #[test]
    fn command_that_was_not_typed_has_no_options() {
        assert_eq!(again("awsmfa login").profile_if_none("dev").to_string(), "awsmfa login --profile dev");
    }
}
