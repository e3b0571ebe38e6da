//! A QR code of a device's secret, to add the device to a phone: `enroll` offers it and `device export` shows it. A person who
//! loses the only copy of a secret is locked out.
//!
//! The QR code is drawn on the terminal device only, because stdout and stderr may be a log.

use std::io;
use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::files;
use crate::model::serial::Serial;
use crate::model::totp::Seed;
use crate::ui::qr::{self, Drawing, Ink, QrError};

/// What to do if nothing can be drawn.
const INSTEAD: &str = "write the QR code to a file instead: `--qr-file qr.png`";

/// Where the copy goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Ask the person or, if that is not possible, say how to get a copy later.
    Ask,
    Draw,
    File {
        path: PathBuf,
        /// Whether an existing file may be overwritten without confirmation.
        replace: bool,
    },
    Skip,
}

/// Checks beforehand that [`offer`] can do its work: that the terminal is wide enough or that the file can be written. The
/// size follows from the length of AWS's secrets and from the serial, if it is known already.
pub fn check(ctx: &Context, serial: Option<&Serial>, choice: &Choice) -> CommandResult {
    match choice {
        Choice::Ask | Choice::Skip => Ok(()),
        Choice::Draw => {
            let (seed, usual) =
                (Seed::from_base32(&"A".repeat(64))?, "arn:aws:iam::123456789012:mfa/alice".parse()?);
            let serial = serial.unwrap_or(&usual);
            fits(ctx, &drawing(ctx, &seed, serial)?)
        }
        Choice::File { path, replace } => match files::check_chosen(path, false) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if !replace && !ctx.prompt.can_ask() {
                    return Err(exists_already(path));
                }
                files::check_chosen(path, true).map_err(|error| cannot_write(path, &error))
            }
            other => other.map_err(|error| cannot_write(path, &error)),
        },
    }
}

/// Gives the person a copy of the secret as chosen. Nothing is drawn or written without being asked for.
pub fn offer(ctx: &Context, seed: &Seed, serial: &Serial, choice: &Choice) -> CommandResult {
    match choice {
        Choice::Skip => Ok(()),
        Choice::Draw => draw(ctx, seed, serial),
        Choice::File { path, replace } => write_png(ctx, seed, serial, path, *replace),
        Choice::Ask => match ctx.prompt.can_ask() && fits(ctx, &drawing(ctx, seed, serial)?).is_ok() {
            true if ctx.prompt.offer("show a QR code to add this device to a phone?")? => {
                draw(ctx, seed, serial)
            }
            _ => {
                ctx.ui.hint(format_args!(
                    "this is the only copy of the secret; back it up to a phone: `awsmfa device export {serial} --qr`"
                ));
                Ok(())
            }
        },
    }
}

fn draw(ctx: &Context, seed: &Seed, serial: &Serial) -> CommandResult {
    let drawing = drawing(ctx, seed, serial)?;
    fits(ctx, &drawing)?;
    let with_hint = |error| CommandError::from(error).hint(INSTEAD);
    // A code that is higher than the window cannot be scrolled on the other screen.
    let lines_fit = ctx.prompt.size().is_none_or(|(_, lines)| usize::from(lines) >= drawing.lines + 2);
    if lines_fit && ctx.prompt.can_clear() {
        let background = if ctx.ui.style().color_on_device { "" } else { " (drawn for a dark background)" };
        let question = format!(
            "scan the QR code with an authenticator app{background}, then press Enter to clear the screen"
        );
        ctx.prompt.show_until_enter(&drawing.text, &question).map_err(with_hint)?;
        ctx.ui.say(format_args!("showed the secret of `{serial}` as a QR code and cleared the screen"));
        return Ok(());
    }
    ctx.prompt.show(&drawing.text).map_err(with_hint)?;
    say_what_stays(ctx, &drawing, serial);
    Ok(())
}

/// What to know about a code that stays on the screen.
fn say_what_stays(ctx: &Context, drawing: &Drawing, serial: &Serial) {
    ctx.ui.say(format_args!("scan the QR code with an authenticator app to add `{serial}`"));
    if !ctx.ui.style().color_on_device {
        ctx.ui.hint("use `--qr-file` if the terminal has a light background: without color, the code is drawn for a dark one");
    }
    if let Some((_, lines)) = ctx.prompt.size()
        && usize::from(lines) < drawing.lines + 2
    {
        ctx.ui.hint(format_args!(
            "enlarge the window to see all of the code: it has {} lines, and the terminal has {lines}",
            drawing.lines
        ));
    }
    ctx.ui
        .hint("clear the screen and its history afterward: anyone who sees the code can generate your codes");
}

fn drawing(ctx: &Context, seed: &Seed, serial: &Serial) -> CommandResult<Drawing> {
    let ink = if ctx.ui.style().color_on_device { Ink::Color } else { Ink::Plain };
    qr::draw(&seed.to_uri(serial), ink).map_err(failed)
}

/// Whether there is a terminal to draw on that is wide enough: a code with wrapped lines is unreadable.
fn fits(ctx: &Context, drawing: &Drawing) -> CommandResult {
    if !ctx.prompt.can_show() {
        let message = "a terminal is needed to show a QR code";
        return Err(CommandError::new(ErrorKind::Usage, message).hint(INSTEAD));
    }
    match ctx.prompt.size() {
        Some((columns, _)) if usize::from(columns) < drawing.columns => Err(CommandError::new(
            ErrorKind::Usage,
            format!("the QR code needs {} columns, and the terminal has {columns}", drawing.columns),
        )
        .hint("widen the window or use a smaller font")
        .hint(INSTEAD)),
        _ => Ok(()),
    }
}

fn write_png(ctx: &Context, seed: &Seed, serial: &Serial, path: &Path, replace: bool) -> CommandResult {
    let png = qr::png(&seed.to_uri(serial)).map_err(failed)?;
    write_secret(ctx, path, png.expose(), replace)?;
    ctx.ui.say(format_args!("wrote the QR code of `{serial}` to {}", path.display()));
    ctx.ui.hint(
        "delete the file once the phone has the code, or keep it safe: anyone who reads it can generate your codes",
    );
    Ok(())
}

/// Writes a secret to a file that the person chose, with mode 0600, and asks before it overwrites another file.
pub fn write_secret(ctx: &Context, path: &Path, bytes: &[u8], replace: bool) -> CommandResult {
    match files::write_chosen(path, bytes, replace) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            confirm_replacement(ctx, path)?;
            files::write_chosen(path, bytes, true).map_err(|error| cannot_write(path, &error))
        }
        other => other.map_err(|error| cannot_write(path, &error)),
    }
}

/// Asks before an existing file is overwritten.
pub fn confirm_replacement(ctx: &Context, path: &Path) -> CommandResult {
    let question = format!("`{}` already exists; overwrite it?", path.display());
    ctx.confirm(&question, |_| exists_already(path))
}

fn exists_already(path: &Path) -> CommandError {
    CommandError::new(ErrorKind::Usage, format!("`{}` already exists", path.display()))
        .hint("use `--yes` to overwrite the file, or choose another file")
}

fn cannot_write(path: &Path, error: &io::Error) -> CommandError {
    let this =
        CommandError::new(ErrorKind::Configuration, format!("cannot write `{}`: {error}", path.display()));
    match error.kind() {
        io::ErrorKind::NotFound => this.hint("choose a file in a folder that exists"),
        io::ErrorKind::InvalidFilename => this.hint("choose a file; one that is named `-` is `./-`"),
        _ => this.hint_about(Some(path), error),
    }
}

fn failed(error: QrError) -> CommandError {
    CommandError::new(ErrorKind::Failed, error)
}
