//! The terminal device. stdin and stdout may belong to an SDK that runs awsmfa, so prompts appear here.

use std::fs::File;
#[cfg(unix)]
use std::io::Read;
use std::io::{self, IsTerminal, Write};

#[cfg(unix)]
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
#[cfg(unix)]
use zeroize::Zeroizing;

#[cfg(unix)]
use crate::model::secret;
use crate::model::secret::Secret;

/// The device, for reading and for writing.
const DEVICE: (&str, &str) = if cfg!(windows) { ("CONIN$", "CONOUT$") } else { ("/dev/tty", "/dev/tty") };

/// Opens the device for reading what is typed.
#[allow(clippy::disallowed_methods, reason = "a device, not a file")]
pub fn open_input() -> io::Result<File> {
    File::open(DEVICE.0)
}

/// Opens the device to write on it.
#[allow(clippy::disallowed_methods, reason = "a device, not a file")]
pub fn open_output() -> io::Result<File> {
    // Windows tells a console's size to readers alone.
    std::fs::OpenOptions::new().read(cfg!(windows)).write(true).open(DEVICE.1)
}

/// Replaces stdin by the device if stdin is another terminal: a live screen reads keys from stdin if that is a terminal, and
/// would not get those of the person who sees it.
#[cfg(unix)]
pub fn read_keys_from_device() -> io::Result<()> {
    let stdin = io::stdin();
    let is_other = stdin.is_terminal() && rustix::termios::tcgetpgrp(&stdin) == Err(rustix::io::Errno::NOTTY);
    if is_other { Ok(rustix::stdio::dup2_stdin(open_input()?)?) } else { Ok(()) }
}

/// A process has one console.
#[cfg(not(unix))]
pub fn read_keys_from_device() -> io::Result<()> {
    Ok(())
}

/// Whether there is a screen to write on.
pub fn can_write() -> bool {
    open_output().is_ok() || io::stderr().is_terminal()
}

/// Writes on the screen. A process without a controlling terminal may still have one for stderr; and a Windows console
/// takes bytes for its own code page, while std gives it text.
pub fn write(bytes: &[u8]) -> io::Result<()> {
    let stderr_is_screen = io::stderr().is_terminal();
    match open_output() {
        Ok(mut device) if !(cfg!(windows) && stderr_is_screen) => device.write_all(bytes),
        Err(error) if !stderr_is_screen => Err(error),
        _ => io::stderr().write_all(bytes),
    }
}

/// Whether a prompt of this process would be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    None,
    /// Another process group has the terminal: reading from it would stop this one, with every lock that it holds.
    #[cfg_attr(windows, expect(dead_code, reason = "consoles have no background"))]
    Background,
    /// A person sees the prompt.
    Person,
}

/// Looks for a person at the terminal now: a shell moves its jobs between foreground and background.
pub fn reach() -> Reach {
    match open_input() {
        Ok(device) => reach_on(&device),
        Err(_) => Reach::None,
    }
}

#[cfg(unix)]
fn reach_on(device: &File) -> Reach {
    match rustix::termios::tcgetpgrp(device) {
        Ok(foreground) if foreground == rustix::process::getpgrp() => Reach::Person,
        // A foreground group outside of this container has no number in here.
        Err(rustix::io::Errno::OPNOTSUPP) => Reach::Person,
        Ok(_) => Reach::Background,
        Err(_) => Reach::None,
    }
}

/// What distinguishes this process's terminal from the others that are open; `None` if that is unknown.
#[cfg(target_os = "linux")]
#[allow(clippy::disallowed_methods, reason = "the kernel's own short text")]
pub fn number() -> Option<String> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The fields after the program's name: state, parent, process group, session, terminal.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(4).filter(|number| *number != "0").map(str::to_owned)
}

/// What distinguishes this process's terminal from the others that are open; `None` if no stream is that terminal.
#[cfg(all(unix, not(target_os = "linux")))]
pub fn number() -> Option<String> {
    use std::os::fd::AsFd;

    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    let mut streams = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()].into_iter();
    let own = streams.find(|stream| rustix::termios::tcgetpgrp(stream).is_ok())?;
    Some(rustix::fs::fstat(own).ok()?.st_rdev.to_string())
}

/// A console has no number.
#[cfg(not(unix))]
pub fn number() -> Option<String> {
    None
}

#[cfg(not(unix))]
fn reach_on(_device: &File) -> Reach {
    Reach::Person
}

/// How the terminal is set: whether it shows what is typed, and the like.
#[derive(Debug)]
pub struct Settings {
    #[cfg(unix)]
    device: File,
    #[cfg(unix)]
    termios: Termios,
}

#[cfg(unix)]
impl Settings {
    /// The settings now; `None` without a terminal.
    pub fn current() -> Option<Self> {
        let device = open_input().ok()?;
        let termios = tcgetattr(&device).ok()?;
        Some(Self { device, termios })
    }

    /// Sets the terminal back to these settings.
    pub fn restore(&self) {
        // A terminal that has gone needs no settings.
        let _ = tcsetattr(&self.device, OptionalActions::Now, &self.termios);
    }

    /// Hides what is typed from now on and discards what was typed before. Ctrl-C reaches everyone who runs here, as
    /// usual; the keys that stop a process, or end it with a core dump, would leave the terminal hidden.
    fn hide(&self) -> io::Result<()> {
        let on = LocalModes::ICANON | LocalModes::ISIG | LocalModes::ECHONL;
        self.apply(self.termios.clone(), LocalModes::ECHO, on)
    }

    /// Like [`hide`](Self::hide), but each key can be read at once, and Ctrl-S does not hold the screen.
    fn read_single_keys(&self) -> io::Result<()> {
        let mut termios = self.termios.clone();
        termios.input_modes.remove(InputModes::IXON);
        self.apply(termios, LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON, LocalModes::ISIG)
    }

    fn apply(&self, mut hidden: Termios, off: LocalModes, on: LocalModes) -> io::Result<()> {
        let disabled = if cfg!(target_os = "linux") { 0 } else { 0xff };
        hidden.local_modes.remove(off);
        hidden.local_modes.insert(on);
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        hidden.special_codes[SpecialCodeIndex::VSUSP] = disabled;
        hidden.special_codes[SpecialCodeIndex::VQUIT] = disabled;
        Ok(tcsetattr(&self.device, OptionalActions::Flush, &hidden)?)
    }
}

#[cfg(not(unix))]
impl Settings {
    /// A console's settings are the affair of rpassword and crossterm.
    pub fn current() -> Option<Self> {
        Some(Self {})
    }

    pub fn restore(&self) {
        // A console that has gone needs no settings.
        let _ = ratatui::crossterm::terminal::disable_raw_mode();
    }
}

/// From now on, each key can be read at once, and the screen does not show it.
#[cfg(unix)]
pub fn read_single_keys() -> io::Result<()> {
    Settings::current().ok_or(io::ErrorKind::NotFound)?.read_single_keys()
}

/// From now on, each key can be read at once, and the screen does not show it. Ctrl-C is a key, too.
#[cfg(not(unix))]
pub fn read_single_keys() -> io::Result<()> {
    ratatui::crossterm::terminal::enable_raw_mode()
}

/// Prompts for a line that the screen does not show. `ErrorKind::UnexpectedEof` means that the person typed no line.
#[cfg(unix)]
pub fn read_hidden(prompt: &str) -> io::Result<Secret<String>> {
    let settings = Settings::current().ok_or(io::ErrorKind::NotFound)?;
    settings.hide()?;
    // The prompt comes last, so nothing typed after it appears is lost.
    let line = write(prompt.as_bytes()).and_then(|()| read_line(&settings.device));
    settings.restore();
    line
}

/// The longest line that a terminal delivers.
#[cfg(unix)]
const LINE_LIMIT: usize = 4096;

#[cfg(unix)]
fn read_line(mut device: &File) -> io::Result<Secret<String>> {
    // One buffer that never grows, so no copy is left unwiped.
    let mut bytes = Zeroizing::new([0; LINE_LIMIT]);
    secret::lock(bytes.as_slice());
    let mut count = 0;
    while count < LINE_LIMIT && !bytes[..count].contains(&b'\n') {
        match device.read(&mut bytes[count..]) {
            Ok(0) if count == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let line = std::str::from_utf8(&bytes[..count]).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(Secret::locked(line.trim_end_matches(['\n', '\r']).to_owned()))
}

/// Prompts for a line that the screen does not show. `ErrorKind::Interrupted` is Ctrl-C.
#[cfg(not(unix))]
pub fn read_hidden(prompt: &str) -> io::Result<Secret<String>> {
    rpassword::prompt_password(prompt).map(Secret::locked)
}
