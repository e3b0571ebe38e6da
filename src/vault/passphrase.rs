//! Sources of the file store's passphrase: a file, a command, or a person at the terminal.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::env::{AWSMFA_PASSPHRASE_COMMAND, AWSMFA_PASSPHRASE_FILE, Env};
use crate::files;
use crate::model::duration::in_words;
use crate::model::secret::Secret;
use crate::process::{self, ProcessError};
use crate::store::passphrase::{Origin, PassphraseSource};
use crate::store::{StoreError, kernel_keyring};
use crate::ui::{Prompt, PromptError};

/// How long `AWSMFA_PASSPHRASE_COMMAND` may take; it may prompt a person itself.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);
/// The minimum length of a new passphrase, in characters.
const MIN_LENGTH: usize = 8;
/// What the passphrase is for, in prompts.
pub const THE_STORE: &str = "the file store";
/// The largest passphrase file, in bytes.
const FILE_LIMIT: u64 = 64 * 1024;

/// The passphrase from `AWSMFA_PASSPHRASE_FILE`, else `AWSMFA_PASSPHRASE_COMMAND`, else a person.
pub struct Passphrases {
    pub env: Env,
    pub prompt: Arc<dyn Prompt>,
    /// The folder of the file store.
    pub folder: PathBuf,
    pub unlock_for: Duration,
    /// Why the keyring is not used, once that is known.
    pub no_keyring: Arc<OnceLock<String>>,
}

impl Passphrases {
    fn of_environment(&self) -> Option<Result<Secret<String>, StoreError>> {
        if let Some(path) = self.env.path(AWSMFA_PASSPHRASE_FILE) {
            return Some(from_file(AWSMFA_PASSPHRASE_FILE, &self.env.expand_home(&path)));
        }
        Some(from_command(self.env.get(AWSMFA_PASSPHRASE_COMMAND)?, &self.env, COMMAND_LIMIT))
    }

    /// Explains the store that is about to be created.
    fn introduce(&self) {
        if let Some(why) = self.no_keyring.get() {
            self.prompt.tell(&format!("{why}, so the secret goes to the file store"));
        }
        let folder = self.folder.display();
        self.prompt.tell(&format!("the file store keeps secrets in {folder}, encrypted with a passphrase"));
        self.prompt.tell(&if kernel_keyring::IS_EXPECTED && !self.unlock_for.is_zero() {
            format!(
                "the store stays unlocked for {} after you type the passphrase",
                in_words(self.unlock_for)
            )
        } else {
            "you will be prompted for the passphrase whenever a secret is needed".to_owned()
        });
    }
}

impl PassphraseSource for Passphrases {
    fn origin(&self) -> Origin {
        match (self.env.path(AWSMFA_PASSPHRASE_FILE), self.env.get(AWSMFA_PASSPHRASE_COMMAND)) {
            (Some(_), _) => Origin::File,
            (None, Some(_)) => Origin::Command,
            (None, None) => Origin::Person,
        }
    }

    fn can_answer(&self) -> bool {
        self.origin() != Origin::Person || self.prompt.can_ask_secret()
    }

    fn existing(&self, attempt: u32) -> Result<Secret<String>, StoreError> {
        self.of_environment().unwrap_or_else(|| ask_existing(&*self.prompt, THE_STORE, attempt))
    }

    fn new_passphrase(&self) -> Result<Secret<String>, StoreError> {
        let given = self.of_environment().unwrap_or_else(|| {
            self.introduce();
            ask_new(&*self.prompt, THE_STORE)
        });
        given.and_then(long_enough).map_err(|error| not_new(error, THE_STORE, Some(AWSMFA_PASSPHRASE_FILE)))
    }

    fn is_waiting(&self) {
        if self.prompt.is_taken() {
            return;
        }
        self.prompt.tell("waiting for another awsmfa process that prompts for the passphrase");
    }

    fn not_kept(&self) {
        self.prompt.tell(&format!(
            "this system cannot keep the store unlocked; set `{AWSMFA_PASSPHRASE_FILE}` or \
             `{AWSMFA_PASSPHRASE_COMMAND}` to avoid this prompt"
        ));
    }
}

/// The passphrase for `what`, a backup or an identity: the first line of the file that `variable` gives, if it is set, else from a
/// person.
pub struct FilePassphrase<'a> {
    pub env: &'a Env,
    pub prompt: &'a dyn Prompt,
    pub variable: Option<&'static str>,
    pub what: &'a str,
}

impl FilePassphrase<'_> {
    fn of_file(&self) -> Option<Result<Secret<String>, StoreError>> {
        let variable = self.variable?;
        Some(from_file(variable, &self.env.expand_home(&self.env.path(variable)?)))
    }
}

impl PassphraseSource for FilePassphrase<'_> {
    fn origin(&self) -> Origin {
        match self.variable.and_then(|variable| self.env.path(variable)) {
            Some(_) => Origin::File,
            None => Origin::Person,
        }
    }

    fn existing(&self, attempt: u32) -> Result<Secret<String>, StoreError> {
        self.of_file().unwrap_or_else(|| ask_existing(self.prompt, self.what, attempt))
    }

    fn new_passphrase(&self) -> Result<Secret<String>, StoreError> {
        let given = self.of_file().unwrap_or_else(|| ask_new(self.prompt, self.what));
        given.and_then(long_enough).map_err(|error| not_new(error, self.what, self.variable))
    }
}

fn ask_existing(prompt: &dyn Prompt, what: &str, attempt: u32) -> Result<Secret<String>, StoreError> {
    let again = if attempt > 1 { "wrong passphrase, try again: " } else { "" };
    ask(prompt, &format!("{again}passphrase for {what}"))
}

fn ask(prompt: &dyn Prompt, question: &str) -> Result<Secret<String>, StoreError> {
    prompt.secret(question).map_err(unanswered)
}

/// Why a prompt for a passphrase got no answer.
pub(super) fn unanswered(error: PromptError) -> StoreError {
    match error {
        PromptError::Interrupted => StoreError::Interrupted,
        other => no_passphrase(other.to_string()),
    }
}

/// Asks twice for a new passphrase until both are the same, at most three times.
fn ask_new(prompt: &dyn Prompt, what: &str) -> Result<Secret<String>, StoreError> {
    let mut complaint = "";
    for _ in 0..3 {
        let first =
            ask(prompt, &format!("{complaint}new passphrase for {what} (at least {MIN_LENGTH} characters)"))?;
        if is_too_short(&first) {
            complaint = "too short, try again: ";
        } else if ask(prompt, "repeat the passphrase")? == first {
            return Ok(first);
        } else {
            complaint = "they do not match, try again: ";
        }
    }
    Err(no_passphrase("none was chosen in three attempts"))
}

fn long_enough(passphrase: Secret<String>) -> Result<Secret<String>, StoreError> {
    match is_too_short(&passphrase) {
        true => Err(no_passphrase(format!("it needs at least {MIN_LENGTH} characters"))),
        false => Ok(passphrase),
    }
}

/// The same, where something is to be encrypted.
fn not_new(error: StoreError, what: &str, variable: Option<&'static str>) -> StoreError {
    match error {
        StoreError::NoPassphrase { why } => {
            StoreError::NoNewPassphrase { what: what.to_owned(), why, variable }
        }
        other => other,
    }
}

fn is_too_short(passphrase: &Secret<String>) -> bool {
    passphrase.expose().chars().count() < MIN_LENGTH
}

/// Fails if `AWSMFA_PASSPHRASE_FILE` is set and certainly does not provide a passphrase. A pipe is not read: its content can be read
/// only once.
pub(super) fn check_file(env: &Env) -> Result<(), StoreError> {
    let Some(path) = env.path(AWSMFA_PASSPHRASE_FILE).map(|path| env.expand_home(&path)) else {
        return Ok(());
    };
    match std::fs::metadata(&path) {
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => Ok(()),
        _ => from_file(AWSMFA_PASSPHRASE_FILE, &path).map(drop),
    }
}

fn from_file(variable: &str, path: &Path) -> Result<Secret<String>, StoreError> {
    let shown = path.display();
    let unreadable = |error: io::Error| no_passphrase(format!("{variable} `{shown}`: {error}"));
    if let Some(can) = open_to_all(&std::fs::metadata(path).map_err(unreadable)?) {
        return Err(no_passphrase(format!("{variable} `{shown}` is {can} by every user (`chmod 600`)")));
    }
    let bytes = files::read_bounded(path, FILE_LIMIT).map_err(unreadable)?;
    let text = std::str::from_utf8(&bytes);
    let text = text.map_err(|_| no_passphrase(format!("{variable} `{shown}` is not UTF-8 text")))?;
    first_line(text).ok_or_else(|| no_passphrase(format!("{variable} `{shown}` has an empty first line")))
}

/// What every user can do with a file that only its owner should use.
#[cfg(unix)]
fn open_to_all(metadata: &std::fs::Metadata) -> Option<&'static str> {
    match std::os::unix::fs::MetadataExt::mode(metadata) & 0o006 {
        _ if !metadata.is_file() => None,
        0o006 => Some("readable and writable"),
        0o004 => Some("readable"),
        0o002 => Some("writable"),
        _ => None,
    }
}

/// On Windows, a user's profile folder is private.
#[cfg(not(unix))]
fn open_to_all(_: &std::fs::Metadata) -> Option<&'static str> {
    None
}

fn from_command(command_line: &str, env: &Env, limit: Duration) -> Result<Secret<String>, StoreError> {
    let printed = process::run(command_line, env, limit).map_err(|error| match error {
        // The command line may contain a secret.
        ProcessError::Unreadable => {
            no_passphrase(format!("{AWSMFA_PASSPHRASE_COMMAND} is not a command line"))
        }
        error => no_passphrase(format!("{AWSMFA_PASSPHRASE_COMMAND}: {error}")),
    })?;
    first_line(printed.expose())
        .ok_or_else(|| no_passphrase(format!("{AWSMFA_PASSPHRASE_COMMAND} printed an empty line")))
}

/// The first line, without the line ending; `None` if it is empty.
fn first_line(text: &str) -> Option<Secret<String>> {
    text.lines().next().filter(|line| !line.is_empty()).map(|line| Secret::locked(line.to_owned()))
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

    /// Types these answers in turn and remembers the prompts.
    struct Script(Mutex<(Vec<&'static str>, Vec<String>)>);

    impl Script {
        fn new(answers: &[&'static str]) -> Arc<Self> {
            Arc::new(Self(Mutex::new((answers.iter().rev().copied().collect(), Vec::new()))))
        }
    }

    impl Prompt for Script {
        fn can_ask(&self) -> bool {
            true
        }

        fn secret(&self, question: &str) -> Result<Secret<String>, PromptError> {
            let mut state = self.0.lock().unwrap();
            state.1.push(question.to_owned());
            state.0.pop().map(Secret::from).ok_or(PromptError::CannotAsk("nobody is there"))
        }

        fn confirm(&self, _: &str) -> Result<bool, PromptError> {
            Ok(false)
        }
    }

    fn passphrases(env: Env, prompt: Arc<Script>) -> Passphrases {
        let (folder, unlock_for) = (PathBuf::from("store"), Duration::ZERO);
        Passphrases { env, prompt, folder, unlock_for, no_keyring: Arc::default() }
    }

    fn from(variable: &str, value: &str) -> Result<String, String> {
        let env = Env::from_pairs([("PATH", "/usr/bin:/bin"), (variable, value)]);
        let source = passphrases(env, Script::new(&["typed"]));
        assert_ne!(source.origin(), Origin::Person);
        source.existing(1).map(|p| p.expose().clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn file_gives_its_first_line() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("passphrase");
        let read = |bytes: &[u8], mode: u32| {
            files::write_private(&path, bytes).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            from(AWSMFA_PASSPHRASE_FILE, path.to_str().unwrap())
        };
        assert_eq!(read(b" correct horse \r\nsecond", 0o600).unwrap(), " correct horse ");
        assert_eq!(read(b"group", 0o440).unwrap(), "group");
        for (mode, open) in
            [(0o644, "is readable by"), (0o602, "is writable by"), (0o666, "is readable and writable by")]
        {
            let why = read(b"open\n", mode).unwrap_err();
            assert!(why.contains(&format!("passphrase` {open} every user (`chmod 600`)")), "{why}");
        }
        assert!(read(b"\nsecond\n", 0o600).unwrap_err().contains("empty first line"));
        assert!(from(AWSMFA_PASSPHRASE_FILE, "/nowhere/at/all").unwrap_err().contains("/nowhere/at/all"));
    }

    #[test]
    fn command_gives_its_first_line_and_errors_show_no_secret() {
        for printed in ["a b", "a b\\n", "a b\\r\\n", "a b\\nuser: x\\n", "a b\\n\\n"] {
            let command = format!("printf '{printed}'");
            assert_eq!(from(AWSMFA_PASSPHRASE_COMMAND, &command).unwrap(), "a b", "{printed}");
        }
        for nothing in ["printf ''", "printf '\\n'", "printf '\\r\\n'", "printf '\\na b\\n'"] {
            assert!(
                from(AWSMFA_PASSPHRASE_COMMAND, nothing).unwrap_err().contains("empty line"),
                "{nothing}"
            );
        }
        assert!(from(AWSMFA_PASSPHRASE_COMMAND, "true").unwrap_err().contains("empty line"));
        assert!(from(AWSMFA_PASSPHRASE_COMMAND, "false").unwrap_err().contains("failed"));
        let env = Env::from_pairs([("PATH", "/usr/bin:/bin")]);
        let late = from_command("sleep 60", &env, Duration::from_millis(50)).unwrap_err().to_string();
        assert!(late.contains("AWSMFA_PASSPHRASE_COMMAND: `sleep` timed out"), "{late}");
        let missing = from(AWSMFA_PASSPHRASE_COMMAND, "/nowhere/at/all").unwrap_err();
        assert!(missing.contains("cannot start `/nowhere/at/all`"), "{missing}");
        let unreadable = from(AWSMFA_PASSPHRASE_COMMAND, "echo 'hunter2").unwrap_err();
        assert!(!unreadable.contains("hunter2"), "{unreadable}");
    }

    #[test]
    fn new_passphrase_has_eight_characters_from_any_source() {
        let new = |printed: &str| {
            let command = format!("printf {printed}");
            let env =
                Env::from_pairs([("PATH", "/usr/bin:/bin"), (AWSMFA_PASSPHRASE_COMMAND, command.as_str())]);
            passphrases(env, Script::new(&[])).new_passphrase().map(|p| p.expose().clone())
        };
        assert_eq!(new("12345678").unwrap(), "12345678");
        assert_eq!(
            new("1234567").unwrap_err().to_string(),
            "no new passphrase for the file store: it needs at least 8 characters"
        );
        // An existing passphrase may be shorter.
        assert_eq!(from(AWSMFA_PASSPHRASE_COMMAND, "printf a").unwrap(), "a");
    }

    #[test]
    fn person_types_a_new_passphrase_twice() {
        let source = |answers: &[&'static str]| passphrases(Env::default(), Script::new(answers));
        let new = |answers: &[&'static str]| source(answers).new_passphrase().map(|p| p.expose().clone());
        assert_eq!(source(&[]).origin(), Origin::Person);
        assert_eq!(new(&["correct horse", "correct horse"]).unwrap(), "correct horse");
        assert_eq!(new(&["12345678", "12345679", "seven77", "fünf&acht", "fünf&acht"]).unwrap(), "fünf&acht");
        let twice = ["12345678", "87654321"];
        assert!(matches!(new(&[twice, twice, twice].concat()), Err(StoreError::NoNewPassphrase { .. })));
        assert!(matches!(new(&["", "1234567", "       "]), Err(StoreError::NoNewPassphrase { .. })));
        assert!(new(&["12345678"]).unwrap_err().to_string().contains("nobody is there"));
        let script = Script::new(&["x"]);
        passphrases(Env::default(), script.clone()).existing(2).unwrap();
        assert!(script.0.lock().unwrap().1[0].starts_with("wrong passphrase"));
    }
}
