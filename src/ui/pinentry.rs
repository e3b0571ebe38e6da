//! Prompts in a window, where there is a desktop but no terminal: an IDE runs an SDK, and the SDK runs awsmfa. The window is
//! pinentry's, as gpg's and rbw's is; awsmfa talks to it in the Assuan protocol.

use std::time::Duration;

use crate::env::{AWSMFA_PINENTRY, Env};
use crate::model::secret::Secret;
use crate::model::visible::visible;
use crate::process::{Dialog, ProcessError, Program};

/// How long the window stays open.
const OPEN_FOR: Duration = Duration::from_secs(60);
/// How long pinentry may take to start, and to close the window after that.
const GRACE: Duration = Duration::from_secs(5);

/// The usual programs. `pinentry` itself may be one that needs a terminal.
const PROGRAMS: &[&str] = if cfg!(target_os = "macos") {
    &["pinentry-mac"]
} else {
    &["pinentry", "pinentry-x11", "pinentry-gnome3", "pinentry-qt", "pinentry-gtk-2"]
};

/// Error codes of libgpg-error, in the low 16 bits.
const TIMED_OUT: u32 = 62;
/// ENOTTY: there is no desktop, so pinentry wants to draw on a terminal. `DISPLAY` may be left from another login.
const NO_TERMINAL: u32 = 0x8066;
const CANCELED: [u32; 3] = [99, 114, 198];

/// The pinentry programs that can show a window here: the person's choice, else the usual ones if there is a desktop.
pub fn programs(env: &Env) -> Vec<String> {
    if let Some(chosen) = env.get(AWSMFA_PINENTRY) {
        return vec![chosen.to_owned()];
    }
    let usual = PROGRAMS.iter().filter(|_| has_desktop(env));
    usual.filter(|name| Program::find(name.as_ref(), env).is_ok()).map(|name| (*name).to_owned()).collect()
}

fn has_desktop(env: &Env) -> bool {
    let is_set = |name: &str| env.get(name).is_some_and(|value| !value.is_empty());
    match cfg!(target_os = "macos") {
        // Every Mac has one, but not everyone who logs in over the network sees it.
        true => !is_set("SSH_CONNECTION"),
        false => is_set("DISPLAY") || is_set("WAYLAND_DISPLAY"),
    }
}

/// Prompts in a window for something that must not be visible: the first of `programs` that shows one is used. An error says why
/// there is no answer.
pub fn ask(programs: &[String], env: &Env, question: &str) -> Result<Secret<String>, String> {
    ask_within(programs, env, question, (OPEN_FOR, GRACE))
}

fn ask_within(
    programs: &[String],
    env: &Env,
    question: &str,
    (open_for, grace): (Duration, Duration),
) -> Result<Secret<String>, String> {
    let mut why = String::new();
    for program in programs {
        let window = Pinentry::open(program, env, grace);
        match window.and_then(|mut window| window.ask(question, open_for, grace)) {
            Ok(answer) => return Ok(answer),
            Err(Failure::Final(why)) => return Err(why),
            Err(Failure::Useless(what)) => why = what,
            // What the display does not answer to this program, it does not answer to the next one.
            Err(Failure::Hopeless(what)) => {
                why = what;
                break;
            }
        }
    }
    Err(format!("cannot prompt (there is no terminal, and {why})"))
}

/// Why there is no answer.
enum Failure {
    /// The person gave none.
    Final(String),
    /// This program does not prompt, but another one may.
    Useless(String),
    /// No program would prompt.
    Hopeless(String),
}

/// What pinentry returns in place of an answer.
struct Refusal {
    code: u32,
    text: String,
}

struct Pinentry<'a> {
    program: &'a str,
    dialog: Dialog,
}

impl<'a> Pinentry<'a> {
    /// Starts pinentry and waits for its greeting. Until then, it shows no window.
    fn open(program: &'a str, env: &Env, limit: Duration) -> Result<Self, Failure> {
        let dialog = Dialog::start(program, &[], env, limit).map_err(|error| useless(&error))?;
        let mut this = Self { program, dialog };
        match this.reply() {
            Ok(Ok(_)) => Ok(this),
            Ok(Err(refusal)) => Err(this.failed(&refusal)),
            Err(error @ ProcessError::TimedOut { .. }) => Err(Failure::Hopeless(error.to_string())),
            Err(error) => Err(useless(&error)),
        }
    }

    fn ask(
        &mut self,
        question: &str,
        open_for: Duration,
        grace: Duration,
    ) -> Result<Secret<String>, Failure> {
        self.dialog.allow(grace);
        let seconds = open_for.as_secs().to_string();
        let question = capitalized(&visible(question));
        for (command, text) in [
            ("SETTITLE", "awsmfa"),
            ("SETDESC", &question),
            ("SETPROMPT", "awsmfa:"),
            ("SETTIMEOUT", &seconds),
        ] {
            // What a pinentry does not support is not essential.
            let _ =
                self.command(&format!("{command} {}\n", escaped(text))).map_err(|error| useless(&error))?;
        }
        self.dialog.allow(open_for + grace);
        match self.command("GETPIN\n").map_err(|error| broken(&error))? {
            Ok(data) => Ok(data),
            Err(refusal) => Err(self.failed(&refusal)),
        }
    }

    fn command(&mut self, line: &str) -> Result<Result<Secret<String>, Refusal>, ProcessError> {
        self.dialog.send(line.as_bytes()).and_then(|()| self.reply())
    }

    /// The data of a reply, or its error.
    fn reply(&mut self) -> Result<Result<Secret<String>, Refusal>, ProcessError> {
        let mut data = Secret::from("");
        loop {
            let line = self.dialog.line()?;
            let line = line.expose().trim_end_matches('\r');
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "OK" => return Ok(Ok(data)),
                "ERR" => {
                    let (code, text) = rest.split_once(' ').unwrap_or((rest, ""));
                    let code: u32 = code.parse().unwrap_or_default();
                    let text = text.trim().trim_end_matches("<Pinentry>").trim_end().to_owned();
                    return Ok(Err(Refusal { code: code & 0xffff, text }));
                }
                "D" => data = joined(&data, rest),
                "INQUIRE" => self.dialog.send(b"CAN\n")?,
                // Comments and status lines.
                _ => {}
            }
        }
    }

    fn failed(&self, refusal: &Refusal) -> Failure {
        let program = self.program;
        match refusal.code {
            TIMED_OUT => {
                Failure::Final(format!("the prompt was not answered within {} s", OPEN_FOR.as_secs()))
            }
            code if CANCELED.contains(&code) => Failure::Final("the prompt was canceled".to_owned()),
            NO_TERMINAL => Failure::Useless(format!("`{program}` cannot open a window")),
            code if refusal.text.is_empty() => Failure::Useless(format!("`{program}` failed (error {code})")),
            _ => Failure::Useless(format!("`{program}` says: {}", refusal.text)),
        }
    }
}

/// Before there is a window.
fn useless(error: &ProcessError) -> Failure {
    Failure::Useless(error.to_string())
}

/// While there is a window.
fn broken(error: &ProcessError) -> Failure {
    match error {
        ProcessError::TimedOut { .. } => Failure::Final("the prompt was not answered in time".to_owned()),
        other => useless(other),
    }
}

/// The text with what would end an Assuan line escaped.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The data so far and one more piece, without Assuan's escapes, in memory that never moves.
fn joined(data: &Secret<String>, piece: &str) -> Secret<String> {
    let mut all = Vec::with_capacity(data.expose().len() + piece.len());
    all.extend_from_slice(data.expose().as_bytes());
    all.extend(percent_encoding::percent_decode_str(piece));
    let all = Secret::locked(all);
    String::from_utf8_lossy(all.expose()).as_ref().into()
}

/// A window's text begins with a capital.
fn capitalized(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Greets and answers each command, but not the one that `AT` gives.
    #[cfg(unix)]
    const SILENT: &str = "#!/bin/sh
echo $$ >\"$0.pid\"
echo OK
while read -r line; do
    case $line in \"$AT\"*) exec sleep 600 ;; *) echo OK ;; esac
done
";

    #[test]
    #[cfg(unix)]
    fn pinentry_that_hangs_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pinentry").display().to_string();
        let env = |at: &str| Env::from_pairs([("PATH", "/usr/bin:/bin"), ("AT", at)]);
        // Written by another process: this one could not run a file that it has open.
        let arguments = ["-c", "printf %s \"$1\" >\"$0\" && chmod 755 \"$0\"", &path, SILENT];
        let shell = Program::find("/bin/sh".as_ref(), &env("")).unwrap();
        assert!(shell.command(&arguments.map(Into::into), &env("")).status().unwrap().success());
        let ask = |programs: &[&str], at: &str, grace| {
            let programs: Vec<String> = programs.iter().map(|program| (*program).to_owned()).collect();
            ask_within(&programs, &env(at), "passphrase", (Duration::ZERO, grace)).unwrap_err()
        };
        let is_gone = || {
            let id = std::fs::read_to_string(format!("{path}.pid")).unwrap();
            !std::path::Path::new("/proc").join(id.trim()).exists()
        };
        let grace = Duration::from_secs(3);
        assert_eq!(ask(&[&path], "GETPIN", grace), "the prompt was not answered in time");
        assert!(is_gone());
        // No window was shown, so the next program may show one.
        let shown = folder.path().join("shown").display().to_string();
        let next = ask(&[&path, &shown], "SETTITLE", grace);
        assert!(next.contains(&format!("cannot start `{shown}`")), "{next}");
        assert!(is_gone());
        // One that does not even start to talk waits for the display, as the next one would.
        let silent = ask(&["cat", &path], "", Duration::from_secs(1));
        assert_eq!(silent, "cannot prompt (there is no terminal, and `cat` timed out (1 s))");
    }

    #[test]
    fn window_needs_a_desktop_or_a_choice() {
        let found = |vars: &[(&str, &str)]| programs(&Env::from_pairs(vars.iter().copied()));
        assert_eq!(found(&[(AWSMFA_PINENTRY, "/opt/pinentry")]), ["/opt/pinentry"]);
        if cfg!(target_os = "linux") {
            assert!(found(&[("PATH", "/nowhere"), ("DISPLAY", ":0")]).is_empty());
            assert!(found(&[]).is_empty() && found(&[("DISPLAY", "")]).is_empty());
        }
    }

    #[test]
    fn text_fits_one_line() {
        assert_eq!(escaped("100%\r\nD x"), "100%25%0D%0AD x");
        assert_eq!(joined(&"a".into(), "b%0A%25c").expose(), "ab\n%c");
        assert_eq!(capitalized("passphrase"), "Passphrase");
    }
}
