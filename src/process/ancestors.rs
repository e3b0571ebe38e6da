//! The programs that started this one.

/// How far to look: wrappers such as `sudo` or a version manager may be between a shell and awsmfa.
#[cfg(unix)]
const MOST: usize = 8;

/// The names of the programs that started this one, the parent first, without folder and extension. Empty where the system
/// does not say.
pub fn ancestors() -> Vec<String> {
    system::ancestors()
}

#[cfg(target_os = "linux")]
mod system {
    use std::path::PathBuf;

    use crate::files::read_bounded;

    pub(super) fn ancestors() -> Vec<String> {
        let mut id = Some(std::os::unix::process::parent_id());
        let mut names = Vec::new();
        while let Some(process) = id.filter(|id| *id > 1 && names.len() < super::MOST) {
            names.extend(name(process));
            id = parent(process);
        }
        names
    }

    /// The program, not the script that it runs, whose name the process has.
    fn name(process: u32) -> Option<String> {
        let program = std::fs::read_link(format!("/proc/{process}/exe")).ok()?;
        // The kernel marks a program that was replaced since, as by an update.
        Some(program.file_name()?.to_str()?.trim_end_matches(" (deleted)").to_owned())
    }

    fn parent(process: u32) -> Option<u32> {
        let status = read_bounded(&PathBuf::from(format!("/proc/{process}/status")), 1 << 16).ok()?;
        let status = String::from_utf8_lossy(&status).into_owned();
        status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
mod system {
    use std::time::Duration;

    use crate::env::Env;

    pub(super) fn ancestors() -> Vec<String> {
        let env = Env::from_pairs([("PATH", "/bin:/usr/bin")]);
        let mut id = std::os::unix::process::parent_id();
        let mut names = Vec::new();
        while id > 1 && names.len() < super::MOST {
            let line = format!("ps -o ppid=,comm= -p {id}");
            let Ok(printed) = crate::process::run(&line, &env, Duration::from_secs(2)) else { break };
            let Some((parent, program)) = printed.expose().trim().split_once(char::is_whitespace) else {
                break;
            };
            // A login shell's name begins with a hyphen.
            let name = program.trim().rsplit('/').next().unwrap_or_default().trim_start_matches('-');
            names.push(name.to_owned());
            id = parent.parse().unwrap_or(0);
        }
        names
    }
}

#[cfg(not(unix))]
mod system {
    pub(super) fn ancestors() -> Vec<String> {
        Vec::new()
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn parent_comes_first() {
        let names = ancestors();
        assert!(!names.is_empty() && names.len() <= MOST, "{names:?}");
        assert!(names.iter().all(|name| !name.contains('/')), "{names:?}");
    }
}
