//! The paths of awsmfa's own files and of the two AWS files, determined once from the environment.

use std::path::{Path, PathBuf};

use crate::env::Env;

/// The name of awsmfa's folder inside each of the platform's folders.
pub const OWN_FOLDER: &str = "awsmfa";

/// The name of the folder of cached sessions, in the cache folder and in the state folder.
pub const SESSIONS: &str = "sessions";

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot find the home folder: neither HOME nor USERPROFILE is set")]
pub struct NoHome;

/// The place of one kind of file: the XDG variable that sets it, and the default on each platform. On Windows, data, state and
/// cache are parts of one folder; elsewhere they are folders below the home folder.
struct Location {
    variable: &'static str,
    linux: &'static str,
    macos: &'static str,
    windows: &'static str,
}

const DATA: Location = Location {
    variable: "XDG_DATA_HOME",
    linux: ".local/share",
    macos: "Library/Application Support",
    windows: "data",
};
const STATE: Location = Location {
    variable: "XDG_STATE_HOME",
    linux: ".local/state",
    macos: "Library/Application Support",
    windows: "state",
};
const CACHE: Location =
    Location { variable: "XDG_CACHE_HOME", linux: ".cache", macos: "Library/Caches", windows: "cache" };

impl Location {
    fn folder(&self, env: &Env) -> Option<PathBuf> {
        // The XDG specification says to ignore relative paths.
        if let Some(base) = env.path(self.variable).filter(|path| path.is_absolute()) {
            return Some(base.join(OWN_FOLDER));
        }
        if cfg!(windows) {
            let base =
                env.path("LOCALAPPDATA").or_else(|| Some(env.home()?.join("AppData").join("Local")))?;
            return Some(base.join(OWN_FOLDER).join(self.windows));
        }
        let under_home = if cfg!(target_os = "macos") { self.macos } else { self.linux };
        Some(env.home()?.join(under_home).join(OWN_FOLDER))
    }
}

/// The files and folders of one run. None of them need exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    config: PathBuf,
    credentials: PathBuf,
    data: PathBuf,
    state: PathBuf,
    cache: PathBuf,
}

impl Paths {
    /// The paths that follow from the environment.
    pub fn of(env: &Env) -> Result<Self, NoHome> {
        let aws_file = |variable, name| {
            env.user_path(variable).or_else(|| Some(env.home()?.join(".aws").join(name))).ok_or(NoHome)
        };
        let own = |location: Location| location.folder(env).ok_or(NoHome);
        Ok(Self {
            config: aws_file("AWS_CONFIG_FILE", "config")?,
            credentials: aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials")?,
            data: own(DATA)?,
            state: own(STATE)?,
            cache: own(CACHE)?,
        })
    }

    /// The AWS config file: `AWS_CONFIG_FILE`, else `~/.aws/config`.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The AWS credentials file: `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`.
    pub fn credentials(&self) -> &Path {
        &self.credentials
    }

    /// The device registry.
    pub fn registry(&self) -> PathBuf {
        self.data.join("devices.json")
    }

    /// The folder of the file store.
    pub fn file_store(&self) -> PathBuf {
        self.data.join("store")
    }

    /// All folders of awsmfa's own.
    pub fn own(&self) -> Vec<&Path> {
        let mut all = vec![self.data.as_path(), &self.state, &self.cache];
        all.dedup();
        all
    }

    /// The folder of ledgers, locks and journals.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The folder of locks that are not next to what they lock.
    pub fn locks(&self) -> PathBuf {
        self.state.join("locks")
    }

    /// The folder of the devices' ledgers.
    pub fn ledgers(&self) -> PathBuf {
        self.state.join("ledgers")
    }

    /// The folder of enrollment journals.
    pub fn enrollments(&self) -> PathBuf {
        self.state.join("enrollments")
    }

    /// The folders of cached sessions: the usual one, and the one for when that cannot be written.
    pub fn sessions(&self) -> [PathBuf; 2] {
        [&self.cache, &self.state].map(|folder| folder.join(SESSIONS))
    }

    /// The folder of the records by which `setup` is undone.
    pub fn setups(&self) -> PathBuf {
        self.state.join("setups")
    }

    /// The folder of the journals of key rotations.
    pub fn rotations(&self) -> PathBuf {
        self.state.join("rotations")
    }

    /// The folder of cached sessions and ready answers.
    pub fn cache(&self) -> &Path {
        &self.cache
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_files_follow_their_variables_and_tilde() {
        let env = Env::from_pairs([("HOME", "/home/a"), ("AWS_CONFIG_FILE", "~/elsewhere")]);
        let paths = Paths::of(&env).unwrap();
        assert_eq!(paths.config(), Path::new("/home/a/elsewhere"));
        assert_eq!(paths.credentials(), Path::new("/home/a/.aws/credentials"));
    }

    #[test]
    fn home_is_not_needed_where_variables_name_every_folder() {
        let all = [
            ("AWS_CONFIG_FILE", "/c"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/s"),
            ("XDG_DATA_HOME", "/d"),
            ("XDG_STATE_HOME", "/t"),
            ("XDG_CACHE_HOME", "/x"),
        ];
        if cfg!(unix) {
            assert_eq!(Paths::of(&Env::from_pairs(all)).unwrap().file_store(), Path::new("/d/awsmfa/store"));
        }
        assert_eq!(Paths::of(&Env::from_pairs(all[1..].iter().copied())), Err(NoHome));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn relative_xdg_folders_are_ignored() {
        let env = Env::from_pairs([("HOME", "/h"), ("XDG_CACHE_HOME", "rel"), ("XDG_DATA_HOME", "/d")]);
        let paths = Paths::of(&env).unwrap();
        assert_eq!(paths.cache(), Path::new("/h/.cache/awsmfa"));
        assert_eq!(paths.registry(), Path::new("/d/awsmfa/devices.json"));
    }
}
