//! The process that holds a code on the clipboard: `awsmfa hold-clipboard SECONDS`, which awsmfa starts for itself. It reads
//! the code from stdin, prints whether it is on the clipboard, and clears the clipboard later.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::time::Duration;

use arboard::{Clipboard, Set};
use zeroize::Zeroizing;

use crate::clock::{Clock, SystemClock};
use crate::interrupt;
use crate::model::secret::Secret;
use crate::model::totp::Code;
use crate::process;

/// The first argument of the process.
pub const COMMAND: &str = "hold-clipboard";

/// What the process prints when the code is on the clipboard. Anything else says why it is not.
const COPIED: &str = "copied";

/// How long the clipboard may take, all together, to accept a code and to be cleared.
const GRACE: Duration = Duration::from_secs(10);

/// What the process printed.
pub fn read_answer(line: &str) -> Result<(), String> {
    match line.trim() {
        COPIED => Ok(()),
        "" => Err("the clipboard did not respond".to_owned()),
        why => Err(why.to_owned()),
    }
}

/// Runs the process if these are its arguments. Returns whether they were.
pub fn run(arguments: &[OsString], out: &mut dyn Write) -> bool {
    let mut words = arguments.iter().map(|argument| argument.to_str());
    if words.next() != Some(Some(COMMAND)) {
        return false;
    }
    let seconds = words.next().flatten().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    let time = Duration::from_secs(seconds);
    process::leave_terminal();
    end_after(time + GRACE);
    match hold(&mut io::stdin(), out, time) {
        Ok(()) => {}
        // Nobody reads it if the code was copied before.
        Err(why) => drop(writeln!(out, "{}", why.lines().collect::<Vec<_>>().join(" "))),
    }
    true
}

fn hold(from: &mut dyn Read, out: &mut dyn Write, time: Duration) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let mut typed = Zeroizing::new(String::with_capacity(64));
    from.take(64).read_to_string(&mut typed).map_err(|error| text(&error))?;
    let code: Code = typed.parse().map_err(|error| text(&error))?;
    let mut clipboard = Clipboard::new().map_err(words)?;
    set(clipboard.set(), code.expose()).map_err(words)?;
    writeln!(out, "{COPIED}").and_then(|()| out.flush()).map_err(|error| text(&error))?;
    SystemClock.sleep(time);
    if clipboard.get_text().map(Secret::new).is_ok_and(|now| now.expose() == code.expose()) {
        clipboard.clear().map_err(words)?;
    }
    Ok(())
}

/// Ends the process then, whatever it waits for: some display servers, and some programs that copied, never respond. Under X11
/// and Wayland, that clears the clipboard, too.
fn end_after(limit: Duration) {
    let end = move || {
        SystemClock.sleep(limit);
        interrupt::end_at_once(None);
    };
    let _ = std::thread::Builder::new().name("limit".to_owned()).spawn(end);
}

fn words(error: arboard::Error) -> String {
    match error {
        arboard::Error::Unknown { description } => description,
        known => known.to_string(),
    }
}

/// Copies without a trace in the history of clipboard managers, on other devices, or in the cloud.
fn set(set: Set, code: &str) -> Result<(), arboard::Error> {
    #[cfg(target_os = "macos")]
    let set = arboard::SetExtApple::exclude_from_history(set);
    #[cfg(windows)]
    let set = arboard::SetExtWindows::exclude_from_monitoring(set);
    #[cfg(all(unix, not(target_os = "macos")))]
    let set = arboard::SetExtLinux::exclude_from_history(set);
    set.text(code)
}
