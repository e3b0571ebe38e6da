//! The program that opens a URL in the person's browser. It is not waited for: some of these programs run as long as the browser.

use std::io::{self, Write as _};
use std::process::{Child, Command, Stdio};

use super::{dumps, set_environment};
use crate::env::Env;
use crate::model::command_line;

/// The programs that can open a URL on this system, of which the first that works is used.
pub struct Opener<'a> {
    programs: std::vec::IntoIter<Program>,
    env: &'a Env,
    running: Option<Child>,
}

struct Program {
    command: Command,
    stdin: Option<String>,
}

impl<'a> Opener<'a> {
    /// Starts nothing yet.
    pub fn of(url: &str, env: &'a Env) -> Self {
        Self { programs: programs(url, env).into_iter(), env, running: None }
    }

    /// Starts the next program that is installed. `false` if there is none left.
    pub fn start_next(&mut self) -> bool {
        self.running = None;
        for program in self.programs.by_ref() {
            if let Ok(child) = start(program, self.env) {
                self.running = Some(child);
                return true;
            }
        }
        false
    }

    /// Whether the program that was started last has failed.
    pub fn has_failed(&mut self) -> bool {
        let ended = self.running.as_mut().and_then(|child| child.try_wait().transpose());
        ended.is_some_and(|status| status.is_ok_and(|status| !status.success()))
    }
}

/// macOS shows the arguments of a process to every user, so its URL goes through a pipe.
fn programs(url: &str, env: &Env) -> Vec<Program> {
    if cfg!(target_os = "macos") {
        let quoted = url.replace('\\', "\\\\").replace('"', "\\\"");
        #[allow(clippy::disallowed_methods, reason = "started below, like the others")]
        let command = Command::new("osascript");
        return vec![Program { command, stdin: Some(format!("open location \"{quoted}\"\n")) }];
    }
    let chosen = if cfg!(windows) { Vec::new() } else { chosen(url, env.get("BROWSER").unwrap_or_default()) };
    let command = |command| Program { command, stdin: None };
    chosen.into_iter().chain(open::commands(url)).map(command).collect()
}

/// The programs that a person sets in `BROWSER`, as an editor does on a machine without a desktop: command lines, separated by
/// `:`, with `%s` for the URL or the URL after them.
fn chosen(url: &str, browsers: &str) -> Vec<Command> {
    let lines = browsers.split(':').filter_map(command_line::words).filter(|words| !words.is_empty());
    let command = |words: Vec<String>| {
        let arguments = words[1..].iter().map(|word| word.replace("%s", url));
        let after = (!words.iter().any(|word| word.contains("%s"))).then(|| url.to_owned());
        #[allow(clippy::disallowed_methods, reason = "started below, like the others")]
        let mut command = Command::new(&words[0]);
        command.args(arguments.chain(after));
        command
    };
    lines.map(command).collect()
}

fn start(Program { mut command, stdin }: Program, env: &Env) -> io::Result<Child> {
    let program = command.get_program().to_string_lossy().into_owned();
    set_environment(&mut command, &program, env);
    command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::null()).stderr(Stdio::null());
    // Ctrl-C here does not close the browser, and the browser keeps no lock.
    #[cfg(unix)]
    {
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        crate::files::close_inherited();
    }
    let mut child = dumps::allowed(|| command.spawn())?;
    if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
        pipe.write_all(text.as_bytes())?;
    }
    Ok(child)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_command_lines_with_the_url() {
        let lines = |browsers| -> Vec<String> {
            let shown = |command: Command| format!("{command:?}").replace('"', "");
            chosen("http://u", browsers).into_iter().map(shown).collect()
        };
        assert_eq!(lines(""), [""; 0]);
        assert_eq!(lines("firefox"), ["firefox http://u"]);
        assert_eq!(
            lines("b --new-tab %s -x:'/my apps/c' -p:"),
            ["b --new-tab http://u -x", "/my apps/c -p http://u"]
        );
        assert_eq!(lines("'open:w3m"), ["w3m http://u"]);
    }
}
