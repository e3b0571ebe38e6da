//! A person's own command: found as a shell finds it, before anything is done for it, and then run with awsmfa's terminal,
//! streams and signals.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::env::Env;
#[cfg(unix)]
use crate::files;

/// Why a command did not start. The exit codes are those of a shell.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("command not found: `{0}`")]
    NotFound(String),
    #[error("cannot run `{program}`: {source}")]
    NotExecutable { program: String, source: io::Error },
}

impl StartError {
    fn of(name: &OsStr, source: io::Error) -> Self {
        let program = name.to_string_lossy().into_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound(program),
            _ => Self::NotExecutable { program, source },
        }
    }
}

/// A program that exists and may be executed.
#[derive(Debug)]
pub struct Program {
    /// As it was typed.
    name: OsString,
    path: PathBuf,
}

impl Program {
    /// Finds a program by its path or in `PATH`.
    pub fn find(name: &OsStr, env: &Env) -> Result<Self, StartError> {
        let path = system::find(name, env).map_err(|error| StartError::of(name, error))?;
        Ok(Self { name: name.to_owned(), path })
    }

    /// The names of all programs in `PATH`.
    pub fn names(env: &Env) -> BTreeSet<OsString> {
        let folders = env.path("PATH").unwrap_or_default();
        let entries =
            std::env::split_paths(&folders).filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
        let programs = entries.flatten().filter(|entry| system::check(&entry.path()).is_ok());
        programs.map(|entry| entry.file_name()).collect()
    }

    /// The command that runs the program with exactly these variables.
    pub fn command(&self, arguments: &[OsString], env: &Env) -> Command {
        #[allow(clippy::disallowed_methods, reason = "the person's own command, without a deadline")]
        let mut command = Command::new(&self.path);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::arg0(&mut command, &self.name);
        command.args(arguments).env_clear().envs(env.iter());
        command
    }

    /// The error for a program that was found but did not start.
    pub(super) fn not_started(&self, error: io::Error) -> StartError {
        let program = self.name.to_string_lossy().into_owned();
        let source = match error.kind() {
            // The program exists, so it is a script.
            io::ErrorKind::NotFound => io::Error::other("the interpreter in its first line does not exist"),
            _ => error,
        };
        StartError::NotExecutable { program, source }
    }

    /// Becomes the program: same process, terminal and streams, so its signals and exit status need no help. Returns only if
    /// that fails.
    #[cfg(unix)]
    pub fn become_it(&self, arguments: &[OsString], env: &Env) -> StartError {
        files::restore_limit();
        let mut command = self.command(arguments, env);
        let error = super::dumps::allowed(|| std::os::unix::process::CommandExt::exec(&mut command));
        self.not_started(error)
    }
}

/// The first usable file among the candidates. A file that cannot be executed matters only if there is no other.
fn first(candidates: impl Iterator<Item = PathBuf>) -> io::Result<PathBuf> {
    let mut unusable = io::Error::from(io::ErrorKind::NotFound);
    for candidate in candidates {
        match system::check(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(error) if unusable.kind() == io::ErrorKind::NotFound => unusable = error,
            Err(_) => {}
        }
    }
    Err(unusable)
}

fn check_file(path: &Path) -> io::Result<()> {
    match std::fs::metadata(path)?.is_dir() {
        true => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")),
        false => Ok(()),
    }
}

#[cfg(unix)]
mod system {
    use std::os::unix::ffi::OsStrExt;

    use rustix::fs::{Access, access};

    use super::*;

    /// Where the system looks without `PATH`.
    const USUAL: &str = "/usr/local/bin:/bin:/usr/bin";

    pub(super) fn find(name: &OsStr, env: &Env) -> io::Result<PathBuf> {
        if name.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        if name.as_bytes().contains(&b'/') {
            let path = PathBuf::from(name);
            return check(&path).map(|()| path);
        }
        let folders = env.path("PATH").unwrap_or_else(|| USUAL.into());
        let all: Vec<PathBuf> = std::env::split_paths(&folders).collect();
        // An empty entry is the current folder. Folders in `PATH` are not programs.
        let here = |folder: &PathBuf| {
            if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.clone() }
        };
        first(all.iter().map(|folder| here(folder).join(name)).filter(|path| !path.is_dir()))
    }

    pub(super) fn check(path: &Path) -> io::Result<()> {
        check_file(path)?;
        Ok(access(path, Access::EXEC_OK)?)
    }
}

#[cfg(not(unix))]
mod system {
    use super::*;

    /// The extensions of programs that can be started without one: `aws` is `aws.cmd`, `cdk` is `cdk.cmd`.
    const USUAL: &str = ".COM;.EXE;.BAT;.CMD";

    pub(super) fn find(name: &OsStr, env: &Env) -> io::Result<PathBuf> {
        if name.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let extensions = env.get("PATHEXT").unwrap_or(USUAL).split(';').filter(|e| !e.is_empty());
        let mut names: Vec<OsString> =
            extensions.map(|extension| [name, extension.as_ref()].into_iter().collect()).collect();
        match Path::new(name).extension() {
            Some(_) => names.insert(0, name.to_owned()),
            None => names.push(name.to_owned()),
        }
        let is_path = Path::new(name).components().count() > 1;
        let folders = env.path("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = match is_path {
            true => vec![PathBuf::new()],
            false => std::env::split_paths(&folders).collect(),
        };
        first(folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name))))
    }

    pub(super) fn check(path: &Path) -> io::Result<()> {
        check_file(path)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Writes a script in a process of its own. What another test starts would inherit a file that is open for writing here,
    /// and Linux refuses to run a file while anybody can write to it.
    fn write(path: &Path, mode: u32) {
        let shell = Program::find("/bin/sh".as_ref(), &Env::default()).unwrap();
        let arguments = ["-c", "echo '#!/nowhere' >\"$0\""].map(OsString::from);
        let mut command = shell.command(&arguments, &Env::default());
        assert!(command.arg(path).status().unwrap().success());
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn programs_are_found_as_a_shell_finds_them() {
        let folder = tempfile::tempdir().unwrap();
        let at = |rest: &str| folder.path().join(rest);
        for rest in ["a", "b", "a/folder"] {
            fs::create_dir(at(rest)).unwrap();
        }
        write(&at("a/tool"), 0o600);
        write(&at("b/tool"), 0o700);
        write(&at("b/folder"), 0o700);
        write(&at("a/text"), 0o600);
        let env =
            Env::from_pairs([("PATH", format!("{}:/nowhere:{}", at("a").display(), at("b").display()))]);
        let find = |name: &str| Program::find(name.as_ref(), &env);
        assert_eq!(find("tool").unwrap().path, at("b/tool"));
        assert_eq!(find("folder").unwrap().path, at("b/folder"));
        assert!(matches!(find("text"), Err(StartError::NotExecutable { .. })));
        assert!(matches!(find("nothing"), Err(StartError::NotFound(_))));
        assert!(matches!(find(""), Err(StartError::NotFound(_))));
        let of_path = |rest: &str| find(at(rest).to_str().unwrap());
        assert!(of_path("b/tool").is_ok());
        let error = of_path("a/folder").unwrap_err().to_string();
        assert!(error.ends_with("it is a folder"), "{error}");
        assert!(matches!(of_path("nothing"), Err(StartError::NotFound(_))));
        assert!(Program::find("sh".as_ref(), &Env::default()).is_ok(), "without PATH");
        // Not `become_it`: where `exec` fails, SIGPIPE would end this process from now on, with all its tests.
        let script = of_path("b/tool").unwrap();
        let script = script.not_started(script.command(&[], &env).spawn().unwrap_err()).to_string();
        assert!(script.contains("interpreter"), "{script}");
    }
}
