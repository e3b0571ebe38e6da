//! The environment, read once at the start and passed down, and the names of awsmfa's own variables.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use crate::model::handout::{Change, TakenBack};

/// Which store new secrets go to: `keyring` or `file`.
pub const AWSMFA_STORE: &str = "AWSMFA_STORE";
/// `1` turns every prompt into an error that names the flag or variable that answers it.
pub const AWSMFA_NO_INPUT: &str = "AWSMFA_NO_INPUT";
/// A file whose first line is the passphrase of the file store.
pub const AWSMFA_PASSPHRASE_FILE: &str = "AWSMFA_PASSPHRASE_FILE";
/// A command, run without a shell, that prints the passphrase of the file store.
pub const AWSMFA_PASSPHRASE_COMMAND: &str = "AWSMFA_PASSPHRASE_COMMAND";
/// The duration of a user's sessions unless a flag sets it, as in `12h`. Roles have limits of their own.
pub const AWSMFA_DURATION: &str = "AWSMFA_DURATION";
/// A file with the passphrase that `store passwd` sets.
pub const AWSMFA_NEW_PASSPHRASE_FILE: &str = "AWSMFA_NEW_PASSPHRASE_FILE";
/// A file with the passphrase of a backup, for `store backup` and `store restore`.
pub const AWSMFA_BACKUP_PASSPHRASE_FILE: &str = "AWSMFA_BACKUP_PASSPHRASE_FILE";
/// What leads to a passphrase. Only awsmfa itself needs these variables.
pub const PASSPHRASE_VARIABLES: [&str; 4] = [
    AWSMFA_PASSPHRASE_FILE,
    AWSMFA_PASSPHRASE_COMMAND,
    AWSMFA_NEW_PASSPHRASE_FILE,
    AWSMFA_BACKUP_PASSPHRASE_FILE,
];
/// How long the file store stays unlocked after its passphrase was typed or read from a file, as in `8h`; `0`: not at all.
pub const AWSMFA_UNLOCK_FOR: &str = "AWSMFA_UNLOCK_FOR";
/// The pinentry program that prompts for passphrases and codes where there is no terminal.
pub const AWSMFA_PINENTRY: &str = "AWSMFA_PINENTRY";

/// How deeply awsmfa is nested in programs that awsmfa runs. Set by awsmfa, so that profiles that call awsmfa in a loop fail.
pub const AWSMFA_DEPTH: &str = "AWSMFA_DEPTH";

/// The profiles whose `credential_process` awsmfa is running. Set by awsmfa for itself.
pub const SERVING: &str = "AWSMFA_SERVING";

/// awsmfa's variables with their meanings, for `--help`.
pub const OWN_VARIABLES: &[(&str, &str)] = &[
    (AWSMFA_STORE, "where to store new secrets: `keyring` or `file`"),
    (AWSMFA_DURATION, "session duration, e.g. `12h`"),
    (AWSMFA_NO_INPUT, "`1`: never prompt; fail instead"),
    (AWSMFA_PASSPHRASE_FILE, "file with the file store's passphrase"),
    (AWSMFA_PASSPHRASE_COMMAND, "command that prints the file store's passphrase (without a shell)"),
    (AWSMFA_NEW_PASSPHRASE_FILE, "file with the new passphrase, for `store passwd`"),
    (AWSMFA_PINENTRY, "program that prompts in a window [default: `pinentry`]"),
    (AWSMFA_BACKUP_PASSPHRASE_FILE, "file with the passphrase of a backup"),
    (AWSMFA_UNLOCK_FOR, "how long the file store stays unlocked, e.g. `8h`; `0`: not at all"),
];

/// Variables that determine the session behind a cached `credential-process` answer. The fast path compares their values; a
/// variable missing here would let a stale answer through.
pub const ANSWER_VARIABLES: &[&str] = &[
    "HOME",
    "USERPROFILE",
    "HOMEDRIVE",
    "HOMEPATH",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "XDG_CACHE_HOME",
    "LOCALAPPDATA",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    AWSMFA_DURATION,
];

const PROFILES: [&str; 2] = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"];

/// A snapshot of the environment. What another awsmfa put there, as `awsmfa exec` does for its command, is taken back: the
/// session of one profile must not be mistaken for the keys, nor its region for the choice, of the person who runs awsmfa.
#[derive(Clone, Default)]
pub struct Env {
    vars: BTreeMap<OsString, OsString>,
    /// The variables as they are, and the profile whose session awsmfa put there.
    handed_out: Option<(BTreeMap<OsString, OsString>, String)>,
    /// Whether names are stored in upper case, because `aws_profile` and `AWS_PROFILE` are the same variable, as on Windows.
    any_case: bool,
}

impl std::fmt::Debug for Env {
    // Values may be secrets (AWS_SECRET_ACCESS_KEY): only names are shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.vars.keys()).finish()
    }
}

impl Env {
    /// The environment of this process.
    #[allow(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    pub fn from_process() -> Self {
        Self::new(std::env::vars_os(), cfg!(windows))
    }

    fn new(vars: impl Iterator<Item = (OsString, OsString)>, any_case: bool) -> Self {
        let mut env = Self { vars: BTreeMap::new(), any_case, handed_out: None };
        for (name, value) in vars {
            let name = env.key(&name);
            env.vars.insert(name, value);
        }
        if let Some(TakenBack { profile, changes }) = TakenBack::of(|name| env.get(name)) {
            let inherited = env.vars.clone();
            env = env.changed(&changes);
            env.handed_out = Some((inherited, profile));
        }
        env
    }

    /// The name under which a variable is stored.
    fn key(&self, name: &OsStr) -> OsString {
        if self.any_case { name.to_ascii_uppercase() } else { name.to_owned() }
    }

    fn value(&self, name: &str) -> Option<&OsString> {
        self.vars.get(&self.key(OsStr::new(name)))
    }

    /// An environment of exactly these variables.
    pub fn from_pairs<K: Into<OsString>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::new(pairs.into_iter().map(|(k, v)| (k.into(), v.into())), cfg!(windows))
    }

    /// The same environment with one variable set.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut env = self.clone();
        env.vars.insert(env.key(OsStr::new(name)), value.into());
        env
    }

    /// The same environment with these changes.
    #[must_use]
    pub fn changed(&self, changes: &[Change]) -> Self {
        let mut env = self.clone();
        for Change { name, value } in changes {
            let name = env.key(OsStr::new(name));
            match value {
                Some(value) => env.vars.insert(name, value.expose().into()),
                None => env.vars.remove(&name),
            };
        }
        env
    }

    /// What turns the environment as other programs see it into this one with these changes.
    pub fn inherited_changes(&self, changes: &[Change]) -> Vec<Change> {
        let inherited = self.inherited_vars();
        let mut all = changes.to_vec();
        for name in inherited.keys().chain(self.vars.keys()).collect::<BTreeSet<_>>() {
            let (before, after) = (inherited.get(name), self.vars.get(name));
            let Some(name) = name.to_str().filter(|_| before != after) else { continue };
            if changes.iter().all(|change| change.name != name) {
                let value = after.and_then(|value| value.to_str()).map(Into::into);
                all.push(Change { name: name.to_owned(), value });
            }
        }
        all.retain(|change| change.value.is_some() || self.inherited_value(&change.name).is_some());
        all
    }

    /// The profile whose session awsmfa put into the environment.
    pub fn handed_out(&self) -> Option<&str> {
        Some(&self.handed_out.as_ref()?.1)
    }

    /// The value of a variable as other programs see it, with what awsmfa put there.
    pub fn inherited(&self, name: &str) -> Option<&str> {
        self.inherited_value(name).and_then(|v| v.to_str()).filter(|v| !v.is_empty())
    }

    fn inherited_value(&self, name: &str) -> Option<&OsString> {
        self.inherited_vars().get(&self.key(OsStr::new(name)))
    }

    fn inherited_vars(&self) -> &BTreeMap<OsString, OsString> {
        self.handed_out.as_ref().map_or(&self.vars, |(inherited, _)| inherited)
    }

    /// The value of a variable. Unset, empty and non-UTF-8 values are `None`, as in the AWS SDKs.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.value(name).and_then(|v| v.to_str()).filter(|v| !v.is_empty())
    }

    /// The path in a variable; unlike [`Env::get`], it need not be UTF-8.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.value(name).filter(|v| !v.is_empty()).map(PathBuf::from)
    }

    /// The profile set by a variable: `AWS_PROFILE`, then `AWS_DEFAULT_PROFILE`, as in AWS CLI v2. If awsmfa put a session into
    /// the environment and neither has been set since, it is the session's profile.
    pub fn named_profile(&self) -> Option<&str> {
        let set = |name: &&str| self.inherited_value(name).is_some_and(|value| !value.is_empty());
        match self.handed_out() {
            Some(profile) if !PROFILES.iter().any(set) => Some(profile),
            _ => PROFILES.into_iter().find_map(|name| self.get(name)),
        }
    }

    /// The profile to use without a flag: [`named_profile`](Self::named_profile), then `default`.
    pub fn profile(&self) -> &str {
        self.named_profile().unwrap_or("default")
    }

    /// Whether a variable is on: `1`, `true` or `yes`.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|v| matches!(v.to_ascii_lowercase().as_str(), "1" | "true" | "yes"))
    }

    /// The absolute path of this program, by which it can be found again after an update: where `PATH` finds it, because
    /// package managers keep a link there, otherwise where it was started from.
    pub fn own_program(&self) -> io::Result<PathBuf> {
        #[allow(clippy::disallowed_methods, reason = "the one place where the environment is read")]
        let running = std::env::current_exe()?;
        let (Some(name), Ok(real)) = (running.file_name(), running.canonicalize()) else {
            return Ok(running);
        };
        let folders = self.path("PATH").unwrap_or_default();
        let found = std::env::split_paths(&folders)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|path| path.canonicalize().is_ok_and(|path| path == real));
        Ok(found.unwrap_or(running))
    }

    /// All variables, for the environment of a child process.
    pub fn iter(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.vars.iter()
    }

    /// The home folder: `HOME`, then `USERPROFILE`, then `HOMEDRIVE` + `HOMEPATH`, as in the AWS SDKs.
    pub fn home(&self) -> Option<PathBuf> {
        self.path("HOME").or_else(|| self.path("USERPROFILE")).or_else(|| {
            let mut drive = self.path("HOMEDRIVE")?.into_os_string();
            drive.push(self.path("HOMEPATH")?);
            Some(drive.into())
        })
    }

    /// The path in a variable, expanded as by botocore.
    pub fn user_path(&self, name: &str) -> Option<PathBuf> {
        Some(self.expand(&self.path(name)?))
    }

    /// A path with `$NAME`, `${NAME}` and then a leading `~` expanded, as by `os.path.expandvars` and `expanduser`: unknown
    /// variables stay, and values are not expanded again.
    pub fn expand(&self, path: &Path) -> PathBuf {
        match path.to_str() {
            Some(text) => self.expand_home(Path::new(&self.expand_variables(text))),
            None => self.expand_home(path),
        }
    }

    fn expand_variables(&self, text: &str) -> OsString {
        let mut expanded = OsString::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, from) = rest.split_at(at);
            let (name, length) = variable_at(from);
            expanded.push(before);
            match self.value(name) {
                Some(value) if length > 1 => expanded.push(value),
                _ => expanded.push(&from[..length]),
            }
            rest = &from[length..];
        }
        expanded.push(rest);
        expanded
    }

    /// `path` with a leading `~` replaced by the home folder.
    pub fn expand_home(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), self.home()) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path.to_owned(),
        }
    }
}

/// The variable's name in a text that starts with `$`, and the length of its spelling; without a name, that of the `$`.
fn variable_at(text: &str) -> (&str, usize) {
    let rest = &text[1..];
    if let Some((name, _)) = rest.strip_prefix('{').and_then(|braced| braced.split_once('}')) {
        return (name, name.len() + 3);
    }
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
    (&rest[..end], end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_is_found_as_by_the_sdks() {
        let env = Env::from_pairs([("USERPROFILE", "/u"), ("HOMEDRIVE", "C:"), ("HOMEPATH", "\\h")]);
        assert_eq!(env.home(), Some("/u".into()));
        let env = Env::from_pairs([("HOME", ""), ("HOMEDRIVE", "C:"), ("HOMEPATH", "\\h")]);
        assert_eq!(env.home(), Some("C:\\h".into()));
        assert_eq!(Env::default().home(), None);
    }

    #[test]
    fn profile_is_aws_profile_then_aws_default_profile() {
        let both = [("AWS_PROFILE", "a"), ("AWS_DEFAULT_PROFILE", "b")];
        assert_eq!(Env::from_pairs(both).profile(), "a");
        assert_eq!(Env::from_pairs([both[1]]).profile(), "b");
        assert_eq!(Env::from_pairs([("AWS_PROFILE", ""), both[1]]).profile(), "b");
        assert_eq!((Env::default().profile(), Env::default().named_profile()), ("default", None));
    }

    #[test]
    fn paths_are_expanded_as_botocore_expands_them() {
        let env = Env::from_pairs([("HOME", "/home/a"), ("X", "x$HOME"), ("EMPTY", "")]);
        // The right side is what Python's `os.path.expanduser(os.path.expandvars(path))` returns.
        for (path, expanded) in [
            ("~/c", "/home/a/c"),
            ("~", "/home/a"),
            ("~other/c", "~other/c"),
            ("/~/c", "/~/c"),
            ("$HOME/c", "/home/a/c"),
            ("${HOME}/c", "/home/a/c"),
            ("$HOMER/c", "$HOMER/c"),
            ("${NO}/c", "${NO}/c"),
            ("${HOME", "${HOME"),
            ("$X/c", "x$HOME/c"),
            ("a$EMPTY/c", "a/c"),
            ("$", "$"),
            ("$$HOME", "$/home/a"),
            ("a$-b", "a$-b"),
            ("$X-é$X", "x$HOME-éx$HOME"),
        ] {
            assert_eq!(env.expand(Path::new(path)), PathBuf::from(expanded), "{path}");
        }
    }

    #[test]
    fn names_differ_by_case_except_on_windows() {
        let vars = || [("aws_profile".into(), "a".into()), ("Path".into(), "p".into())].into_iter();
        let (unix, windows) = (Env::new(vars(), false), Env::new(vars(), true));
        assert_eq!((unix.profile(), unix.get("aws_profile")), ("default", Some("a")));
        assert_eq!((windows.profile(), windows.get("PATH")), ("a", Some("p")));
        assert_eq!(windows.expand(Path::new("$path/x")), PathBuf::from("p/x"));
        assert_eq!(windows.with("path", "q").iter().count(), 2, "replaced, not added");
    }

    #[test]
    fn what_awsmfa_put_there_is_taken_back() {
        let pairs = [
            ("AWSMFA_SESSION", "ASIA"),
            ("AWSMFA_PROFILE", "dev"),
            ("AWSMFA_REGION", "eu-west-1"),
            ("AWSMFA_OLD_AWS_PROFILE", "prod"),
            ("AWS_ACCESS_KEY_ID", "ASIA"),
            ("AWS_REGION", "eu-west-1"),
        ];
        let env = Env::from_pairs(pairs);
        assert_eq!(
            (env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_REGION"), env.iter().count()),
            (None, None, 1)
        );
        assert_eq!((env.handed_out(), env.get("AWS_PROFILE")), (Some("dev"), Some("prod")));
        assert_eq!((env.inherited("AWS_ACCESS_KEY_ID"), env.inherited("AWS_PROFILE")), (Some("ASIA"), None));
        assert_eq!((env.profile(), Env::from_pairs(pairs).with("A", "b").profile()), ("dev", "dev"));
        let set_since = Env::from_pairs([("AWS_PROFILE", "other")].into_iter().chain(pairs));
        assert_eq!((set_since.profile(), set_since.handed_out()), ("other", Some("dev")));
        let other_keys = Env::from_pairs(pairs.into_iter().chain([("AWS_ACCESS_KEY_ID", "AKIA")]));
        assert_eq!((other_keys.handed_out(), other_keys.profile()), (None, "default"));
        assert_eq!(other_keys.get("AWS_ACCESS_KEY_ID"), Some("AKIA"));
    }

    #[test]
    fn debug_shows_no_values() {
        let shown = format!("{:?}", Env::from_pairs([("AWS_SECRET_ACCESS_KEY", "wJalr")]));
        assert!(shown.contains("AWS_SECRET_ACCESS_KEY") && !shown.contains("wJalr"), "{shown}");
    }
}
