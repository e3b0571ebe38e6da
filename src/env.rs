//! The environment, read once in `main` and handed down. Every variable that awsmfa obeys, and every folder that
//! follows from them, is named here and nowhere else.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Which store new secrets go to: `keyring` or `file`.
pub const AWSMFA_STORE: &str = "AWSMFA_STORE";
/// `1` turns every question into an error that names the flag or variable that answers it.
pub const AWSMFA_NO_INPUT: &str = "AWSMFA_NO_INPUT";
/// A file whose first line is the passphrase of the file store.
pub const AWSMFA_PASSPHRASE_FILE: &str = "AWSMFA_PASSPHRASE_FILE";
/// A command, run without a shell, that prints the passphrase of the file store.
pub const AWSMFA_PASSPHRASE_COMMAND: &str = "AWSMFA_PASSPHRASE_COMMAND";
/// How long a user's sessions live unless a flag says otherwise, as in `12h`. Roles have limits of their own.
pub const AWSMFA_DURATION: &str = "AWSMFA_DURATION";
/// How long the file store stays unlocked after its passphrase was typed, as in `8h`; `0` means never.
pub const AWSMFA_UNLOCK_FOR: &str = "AWSMFA_UNLOCK_FOR";

/// How often awsmfa was run by a program that awsmfa ran; set by us, so that profiles that lead back end.
pub const AWSMFA_DEPTH: &str = "AWSMFA_DEPTH";

/// The profiles whose `credential_process` is being run, for the programs that it runs; set by us, for us.
pub const SERVING: &str = "AWSMFA_SERVING";

/// The name of each folder of our own, in the places that the platform has for them.
pub const OWN_FOLDER: &str = "awsmfa";

/// Every variable of our own with one line of meaning, for `--help`.
pub const OWN_VARIABLES: &[(&str, &str)] = &[
    (AWSMFA_STORE, "where new secrets go: `keyring` or `file`"),
    (AWSMFA_DURATION, "how long sessions live, as in `12h`"),
    (AWSMFA_NO_INPUT, "`1`: never ask; what would be asked is an error"),
    (AWSMFA_PASSPHRASE_FILE, "file with the file store's passphrase"),
    (AWSMFA_PASSPHRASE_COMMAND, "command that prints the file store's passphrase, run without a shell"),
    (AWSMFA_UNLOCK_FOR, "how long a typed passphrase is good for, as in `8h`; `0`: once"),
];

/// Variables that change which session a cached `credential-process` answer stands for. The fast path compares
/// them literally; a variable that is missing here would let a stale answer through.
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

/// A snapshot of the environment.
#[derive(Clone, Default)]
pub struct Env {
    vars: BTreeMap<OsString, OsString>,
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
        Self { vars: std::env::vars_os().collect() }
    }

    /// An environment of exactly these variables, for tests.
    pub fn from_pairs<K: Into<OsString>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self { vars: pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect() }
    }

    /// The same environment with one variable set.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut env = self.clone();
        env.vars.insert(name.into(), value.into());
        env
    }

    /// The value of a variable. Unset, empty and not UTF-8 are all `None`, as in the AWS SDKs.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.vars.get(std::ffi::OsStr::new(name)).and_then(|v| v.to_str()).filter(|v| !v.is_empty())
    }

    /// The value of a variable that names a path; unlike [`Env::get`] it need not be UTF-8.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.vars.get(std::ffi::OsStr::new(name)).filter(|v| !v.is_empty()).map(PathBuf::from)
    }

    /// The profile set by a variable: `AWS_PROFILE`, then `AWS_DEFAULT_PROFILE`, as in AWS CLI v2.
    pub fn named_profile(&self) -> Option<&str> {
        self.get("AWS_PROFILE").or_else(|| self.get("AWS_DEFAULT_PROFILE"))
    }

    /// The profile to use without a flag: `AWS_PROFILE`, `AWS_DEFAULT_PROFILE`, then `default`.
    pub fn profile(&self) -> &str {
        self.named_profile().unwrap_or("default")
    }

    /// Whether a variable is switched on: `1`, `true` or `yes`.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|v| matches!(v.to_ascii_lowercase().as_str(), "1" | "true" | "yes"))
    }

    /// All variables, for handing a cleaned environment to a child.
    pub fn iter(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.vars.iter()
    }

    /// The user's home: `HOME`, then `USERPROFILE`, then `HOMEDRIVE` + `HOMEPATH`, as the AWS SDKs have it.
    pub fn home(&self) -> Option<PathBuf> {
        self.path("HOME").or_else(|| self.path("USERPROFILE")).or_else(|| {
            let mut drive = self.path("HOMEDRIVE")?.into_os_string();
            drive.push(self.path("HOMEPATH")?);
            Some(drive.into())
        })
    }

    /// The AWS config file: `AWS_CONFIG_FILE`, else `~/.aws/config`. `None` without a home.
    pub fn aws_config_file(&self) -> Option<PathBuf> {
        self.aws_file("AWS_CONFIG_FILE", "config")
    }

    /// The AWS credentials file: `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`. `None` without a home.
    pub fn aws_credentials_file(&self) -> Option<PathBuf> {
        self.aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials")
    }

    fn aws_file(&self, variable: &str, name: &str) -> Option<PathBuf> {
        match self.user_path(variable) {
            Some(path) => Some(path),
            None => Some(self.home()?.join(".aws").join(name)),
        }
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
            match self.vars.get(std::ffi::OsStr::new(name)) {
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

    /// Where the registry and the file store live: `$XDG_DATA_HOME/awsmfa` or the platform's own folder.
    pub fn data_dir(&self) -> Option<PathBuf> {
        self.own_dir("XDG_DATA_HOME", ".local/share", "Library/Application Support", "data")
    }

    /// Where ledgers, locks and journals live: `$XDG_STATE_HOME/awsmfa` or the platform's own folder.
    pub fn state_dir(&self) -> Option<PathBuf> {
        self.own_dir("XDG_STATE_HOME", ".local/state", "Library/Application Support", "state")
    }

    /// Where sessions are cached: `$XDG_CACHE_HOME/awsmfa` or the platform's own folder.
    pub fn cache_dir(&self) -> Option<PathBuf> {
        self.own_dir("XDG_CACHE_HOME", ".cache", "Library/Caches", "cache")
    }

    fn own_dir(&self, xdg: &str, linux: &str, mac: &str, windows: &str) -> Option<PathBuf> {
        // The XDG specification says that relative paths are to be ignored.
        if let Some(base) = self.path(xdg).filter(|p| p.is_absolute()) {
            return Some(base.join(OWN_FOLDER));
        }
        if cfg!(windows) {
            return Some(self.path("LOCALAPPDATA")?.join(OWN_FOLDER).join(windows));
        }
        let under_home = if cfg!(target_os = "macos") { mac } else { linux };
        Some(self.home()?.join(under_home).join(OWN_FOLDER))
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
    fn home_is_found_as_the_sdks_find_it() {
        let env = Env::from_pairs([("USERPROFILE", "/u"), ("HOMEDRIVE", "C:"), ("HOMEPATH", "\\h")]);
        assert_eq!(env.home(), Some("/u".into()));
        let env = Env::from_pairs([("HOME", ""), ("HOMEDRIVE", "C:"), ("HOMEPATH", "\\h")]);
        assert_eq!(env.home(), Some("C:\\h".into()));
        assert_eq!(Env::default().home(), None);
    }

    #[test]
    fn aws_files_follow_their_variables_and_tilde() {
        let env = Env::from_pairs([("HOME", "/home/a"), ("AWS_CONFIG_FILE", "~/elsewhere")]);
        assert_eq!(env.aws_config_file(), Some("/home/a/elsewhere".into()));
        assert_eq!(env.aws_credentials_file(), Some("/home/a/.aws/credentials".into()));
    }

    #[test]
    fn the_profile_is_aws_profile_then_aws_default_profile() {
        let both = [("AWS_PROFILE", "a"), ("AWS_DEFAULT_PROFILE", "b")];
        assert_eq!(Env::from_pairs(both).profile(), "a");
        assert_eq!(Env::from_pairs([both[1]]).profile(), "b");
        assert_eq!(Env::from_pairs([("AWS_PROFILE", ""), both[1]]).profile(), "b");
        assert_eq!((Env::default().profile(), Env::default().named_profile()), ("default", None));
    }

    #[test]
    fn paths_are_expanded_as_botocore_expands_them() {
        let env = Env::from_pairs([("HOME", "/home/a"), ("X", "x$HOME"), ("EMPTY", "")]);
        // The right side is what Python's `os.path.expanduser(os.path.expandvars(path))` gives.
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
    #[cfg(target_os = "linux")]
    fn relative_xdg_folders_are_ignored() {
        let env = Env::from_pairs([("HOME", "/h"), ("XDG_CACHE_HOME", "rel"), ("XDG_DATA_HOME", "/d")]);
        assert_eq!(env.cache_dir(), Some("/h/.cache/awsmfa".into()));
        assert_eq!(env.data_dir(), Some("/d/awsmfa".into()));
    }

    #[test]
    fn debug_shows_no_values() {
        let shown = format!("{:?}", Env::from_pairs([("AWS_SECRET_ACCESS_KEY", "wJalr")]));
        assert!(shown.contains("AWS_SECRET_ACCESS_KEY") && !shown.contains("wJalr"), "{shown}");
    }
}
