//! Where the file store's passphrase comes from: a file, a command, or a person. The terminal itself is not here; a
//! person is asked through [`AskPassphrase`].

use std::io;
use std::path::Path;
use std::time::Duration;

use super::StoreError;
use crate::env::{AWSMFA_PASSPHRASE_COMMAND, AWSMFA_PASSPHRASE_FILE, Env};
use crate::files;
use crate::model::secret::Secret;
use crate::process::{self, ProcessError};

/// How long `AWSMFA_PASSPHRASE_COMMAND` may take; it may ask a person itself.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);
/// The fewest characters of a new passphrase.
const MIN_LENGTH: usize = 8;
/// The largest passphrase file.
const FILE_LIMIT: u64 = 64 * 1024;

/// Gives the file store its passphrase.
pub trait PassphraseSource: Send + Sync {
    /// Whether a person types it. Only then is a wrong one asked for again, and an unlocked store kept unlocked.
    fn is_typed(&self) -> bool;
    /// The passphrase of an existing store. `attempt` counts from 1; over 1 means that the one before was wrong.
    fn existing(&self, attempt: u32) -> Result<Secret<String>, StoreError>;
    /// The passphrase for a store that is being created, not too short.
    fn new_passphrase(&self) -> Result<Secret<String>, StoreError>;
    /// Says that the system does not keep a store unlocked whose passphrase was typed.
    fn not_kept(&self) {}
}

/// Asks a person, without echo. Where there is nobody to ask, the answer is [`StoreError::NoPassphrase`].
pub trait AskPassphrase: Send + Sync {
    /// Shows `prompt` (without a colon) and reads a line.
    fn ask(&self, prompt: &str) -> Result<Secret<String>, StoreError>;
    /// Says what the store is that is about to be created.
    fn introduce(&self) {}
    /// Says something that the person can act on.
    fn hint(&self, _hint: &str) {}
}

/// The passphrase from `AWSMFA_PASSPHRASE_FILE`, else `AWSMFA_PASSPHRASE_COMMAND`, else a person.
pub struct EnvPassphrase<A> {
    env: Env,
    person: A,
}

impl<A: AskPassphrase> EnvPassphrase<A> {
    /// Takes what `env` names; else `person` is asked.
    pub fn new(env: Env, person: A) -> Self {
        Self { env, person }
    }

    fn environment(&self) -> Option<Result<Secret<String>, StoreError>> {
        if let Some(path) = self.env.path(AWSMFA_PASSPHRASE_FILE) {
            return Some(from_file(&self.env.expand_home(&path)));
        }
        Some(from_command(self.env.get(AWSMFA_PASSPHRASE_COMMAND)?, &self.env))
    }
}

impl<A: AskPassphrase> PassphraseSource for EnvPassphrase<A> {
    fn is_typed(&self) -> bool {
        self.env.path(AWSMFA_PASSPHRASE_FILE).is_none() && self.env.get(AWSMFA_PASSPHRASE_COMMAND).is_none()
    }

    fn existing(&self, attempt: u32) -> Result<Secret<String>, StoreError> {
        self.environment().unwrap_or_else(|| {
            let again = if attempt > 1 { "wrong passphrase, try again: " } else { "" };
            self.person.ask(&format!("{again}passphrase for the file store"))
        })
    }

    fn new_passphrase(&self) -> Result<Secret<String>, StoreError> {
        match self.environment() {
            Some(passphrase) => passphrase.and_then(|passphrase| match is_too_short(&passphrase) {
                true => {
                    Err(no_passphrase(format!("a new passphrase needs at least {MIN_LENGTH} characters")))
                }
                false => Ok(passphrase),
            }),
            None => {
                self.person.introduce();
                ask_new(&self.person)
            }
        }
    }

    fn not_kept(&self) {
        self.person.hint(&format!(
            "this system cannot keep the store unlocked; set `{AWSMFA_PASSPHRASE_FILE}` or `{AWSMFA_PASSPHRASE_COMMAND}` to be asked no more"
        ));
    }
}

/// Asks a person for a new passphrase: twice, until both are the same, three times at most.
pub fn ask_new(person: &dyn AskPassphrase) -> Result<Secret<String>, StoreError> {
    let mut complaint = "";
    for _ in 0..3 {
        let question =
            format!("{complaint}new passphrase for the file store (at least {MIN_LENGTH} characters)");
        let first = person.ask(&question)?;
        if is_too_short(&first) {
            complaint = "too short, try again: ";
            continue;
        }
        if person.ask("repeat the passphrase")? == first {
            return Ok(first);
        }
        complaint = "they do not match, try again: ";
    }
    Err(no_passphrase("no new passphrase was chosen in three attempts"))
}

fn is_too_short(passphrase: &Secret<String>) -> bool {
    passphrase.expose().chars().count() < MIN_LENGTH
}

fn from_file(path: &Path) -> Result<Secret<String>, StoreError> {
    let shown = path.display();
    let unreadable = |error: io::Error| no_passphrase(format!("{AWSMFA_PASSPHRASE_FILE} `{shown}`: {error}"));
    if is_open_to_all(&std::fs::metadata(path).map_err(unreadable)?) {
        return Err(no_passphrase(format!(
            "{AWSMFA_PASSPHRASE_FILE} `{shown}` can be read by everyone on this computer (`chmod 600`)"
        )));
    }
    let bytes = files::read_bounded(path, FILE_LIMIT).map_err(unreadable)?;
    let text = std::str::from_utf8(&bytes);
    let text =
        text.map_err(|_| no_passphrase(format!("{AWSMFA_PASSPHRASE_FILE} `{shown}` is not UTF-8 text")))?;
    first_line(text)
        .ok_or_else(|| no_passphrase(format!("{AWSMFA_PASSPHRASE_FILE} `{shown}` has an empty first line")))
}

#[cfg(unix)]
fn is_open_to_all(metadata: &std::fs::Metadata) -> bool {
    metadata.is_file() && std::os::unix::fs::MetadataExt::mode(metadata) & 0o007 != 0
}

/// Windows keeps a user's profile folder to that user.
#[cfg(not(unix))]
fn is_open_to_all(_: &std::fs::Metadata) -> bool {
    false
}

fn from_command(command_line: &str, env: &Env) -> Result<Secret<String>, StoreError> {
    let printed = process::run(command_line, env, COMMAND_LIMIT).map_err(|error| match error {
        // The line itself may hold a secret.
        ProcessError::Unreadable => {
            no_passphrase(format!("{AWSMFA_PASSPHRASE_COMMAND} is not a command line"))
        }
        error => no_passphrase(format!("{AWSMFA_PASSPHRASE_COMMAND}: {error}")),
    })?;
    first_line(printed.expose())
        .ok_or_else(|| no_passphrase(format!("{AWSMFA_PASSPHRASE_COMMAND} printed an empty line")))
}

/// The first line, without its end; `None` if it is empty.
fn first_line(text: &str) -> Option<Secret<String>> {
    text.lines().next().filter(|line| !line.is_empty()).map(Secret::from)
}

fn no_passphrase(why: impl Into<String>) -> StoreError {
    StoreError::NoPassphrase { why: why.into() }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Mutex;

    use super::*;

    /// Answers in turn and remembers the prompts.
    struct Script(Mutex<(Vec<&'static str>, Vec<String>)>);

    impl Script {
        fn new(answers: &[&'static str]) -> Self {
            Self(Mutex::new((answers.iter().rev().copied().collect(), Vec::new())))
        }
    }

    impl AskPassphrase for Script {
        fn ask(&self, prompt: &str) -> Result<Secret<String>, StoreError> {
            let mut state = self.0.lock().unwrap();
            state.1.push(prompt.to_owned());
            state.0.pop().map(Secret::from).ok_or_else(|| no_passphrase("nobody is there"))
        }
    }

    fn from(variable: &str, value: &str) -> Result<String, String> {
        let env = Env::from_pairs([("PATH", "/usr/bin:/bin"), (variable, value)]);
        let source = EnvPassphrase::new(env, Script::new(&["typed"]));
        assert!(!source.is_typed());
        source.existing(1).map(|p| p.expose().clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_gives_its_first_line() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("passphrase");
        let read = |bytes: &[u8], mode: u32| {
            files::write_private(&path, bytes).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            from(AWSMFA_PASSPHRASE_FILE, path.to_str().unwrap())
        };
        assert_eq!(read(b" correct horse \r\nsecond", 0o600).unwrap(), " correct horse ");
        assert_eq!(read(b"group", 0o440).unwrap(), "group");
        assert!(read(b"open\n", 0o644).unwrap_err().contains("chmod 600"));
        assert!(read(b"\nsecond\n", 0o600).unwrap_err().contains("empty first line"));
        assert!(from(AWSMFA_PASSPHRASE_FILE, "/nowhere/at/all").unwrap_err().contains("/nowhere/at/all"));
    }

    #[test]
    fn a_command_gives_its_first_line_and_errors_show_no_secret() {
        assert_eq!(from(AWSMFA_PASSPHRASE_COMMAND, "printf 'a b\\nc\\n'").unwrap(), "a b");
        assert!(from(AWSMFA_PASSPHRASE_COMMAND, "true").unwrap_err().contains("empty line"));
        assert!(from(AWSMFA_PASSPHRASE_COMMAND, "false").unwrap_err().contains("failed"));
        let unreadable = from(AWSMFA_PASSPHRASE_COMMAND, "echo 'hunter2").unwrap_err();
        assert!(!unreadable.contains("hunter2"), "{unreadable}");
    }

    #[test]
    fn a_new_one_has_eight_characters_wherever_it_comes_from() {
        let new = |printed: &str| {
            let command = format!("printf {printed}");
            let env =
                Env::from_pairs([("PATH", "/usr/bin:/bin"), (AWSMFA_PASSPHRASE_COMMAND, command.as_str())]);
            EnvPassphrase::new(env, Script::new(&[])).new_passphrase().map(|p| p.expose().clone())
        };
        assert_eq!(new("12345678").unwrap(), "12345678");
        assert!(new("1234567").unwrap_err().to_string().contains("at least 8 characters"));
        // One that exists already opens its store.
        assert_eq!(from(AWSMFA_PASSPHRASE_COMMAND, "printf a").unwrap(), "a");
    }

    #[test]
    fn a_person_gives_a_new_one_twice() {
        let source = |answers: &[&'static str]| EnvPassphrase::new(Env::default(), Script::new(answers));
        let new = |answers: &[&'static str]| source(answers).new_passphrase().map(|p| p.expose().clone());
        assert!(source(&[]).is_typed());
        assert_eq!(new(&["correct horse", "correct horse"]).unwrap(), "correct horse");
        assert_eq!(new(&["12345678", "12345679", "seven77", "fünf&acht", "fünf&acht"]).unwrap(), "fünf&acht");
        let twice = ["12345678", "87654321"];
        assert!(matches!(new(&[twice, twice, twice].concat()), Err(StoreError::NoPassphrase { .. })));
        assert!(matches!(new(&["", "1234567", "       "]), Err(StoreError::NoPassphrase { .. })));
        assert!(new(&["12345678"]).unwrap_err().to_string().contains("nobody is there"));
        let again = source(&["x"]);
        again.existing(2).unwrap();
        assert!(again.person.0.lock().unwrap().1[0].starts_with("wrong passphrase"));
    }
}
