//! A copy of a device's secret for a phone, as a QR code with the label of AWS's own: what `enroll` offers and `device
//! export` gives. Losing the only copy locks a person out.
//!
//! A QR code is drawn on the terminal device and nowhere else: stdout and stderr may be a log.

use std::io;
use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::files;
use crate::model::serial::Serial;
use crate::model::totp::Seed;
use crate::ui::qr::{self, Drawing, Ink, QrError};

/// What to do where nothing can be drawn.
const INSTEAD: &str = "or write it to a file: `--qr-file qr.png`";

/// Where the copy goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The person is asked; where nobody can be, they are told how to have one later.
    Ask,
    Draw,
    File {
        path: PathBuf,
        /// Whether one that is there may be overwritten without asking.
        replace: bool,
    },
    Skip,
}

/// Finds out what would keep [`offer`] from its work, before anything else is done: a narrow terminal, a file that
/// cannot be written. A secret as long as AWS's decides over the size, and the serial, if it is known yet.
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

/// Gives the person a copy of the secret as they chose. Nothing is drawn or written unasked.
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
    let in_words = |error| CommandError::from(error).hint(INSTEAD);
    // What is higher than the window could not be scrolled back to there.
    let lines_fit = ctx.prompt.size().is_none_or(|(_, lines)| usize::from(lines) >= drawing.lines + 2);
    if lines_fit && ctx.prompt.can_clear() {
        let background = if ctx.ui.style().color_on_device { "" } else { " (drawn for a dark background)" };
        let question = format!(
            "scan the code with an authenticator app{background}, then press Enter to clear the screen"
        );
        ctx.prompt.show_until_enter(&drawing.text, &question).map_err(in_words)?;
        ctx.ui.say(format_args!("showed the secret of `{serial}` as a QR code; the screen is cleared"));
        return Ok(());
    }
    ctx.prompt.show(&drawing.text).map_err(in_words)?;
    say_it_stays(ctx, &drawing, serial);
    Ok(())
}

/// What is to be known of a code that stays on the screen.
fn say_it_stays(ctx: &Context, drawing: &Drawing, serial: &Serial) {
    ctx.ui.say(format_args!(
        "scan the code with an authenticator app to generate codes of `{serial}` there too"
    ));
    if !ctx.ui.style().color_on_device {
        ctx.ui.hint("without color the code is drawn for a dark background; on a light one use `--qr-file`");
    }
    if let Some((_, lines)) = ctx.prompt.size()
        && usize::from(lines) < drawing.lines + 2
    {
        ctx.ui.hint(format_args!(
            "the terminal has {lines} lines and the code {}; enlarge the window to see all of it",
            drawing.lines
        ));
    }
    ctx.ui.hint("anyone who sees it can generate your codes: clear the screen and its history afterwards");
}

fn drawing(ctx: &Context, seed: &Seed, serial: &Serial) -> CommandResult<Drawing> {
    let ink = if ctx.ui.style().color_on_device { Ink::Color } else { Ink::Plain };
    qr::draw(&seed.to_uri(serial), ink).map_err(failed)
}

/// Whether there is a terminal to draw on, and a wide one: a broken line makes the code unreadable.
fn fits(ctx: &Context, drawing: &Drawing) -> CommandResult {
    if !ctx.prompt.can_show() {
        let message = "there is no terminal to draw a QR code on";
        return Err(CommandError::new(ErrorKind::Usage, message).hint(INSTEAD));
    }
    match ctx.prompt.size() {
        Some((columns, _)) if usize::from(columns) < drawing.columns => Err(CommandError::new(
            ErrorKind::Usage,
            format!("the QR code needs {} columns, and the terminal has {columns}", drawing.columns),
        )
        .hint("widen the window, or make its font smaller")
        .hint(INSTEAD)),
        _ => Ok(()),
    }
}

fn write_png(ctx: &Context, seed: &Seed, serial: &Serial, path: &Path, replace: bool) -> CommandResult {
    let png = qr::png(&seed.to_uri(serial)).map_err(failed)?;
    write_secret(ctx, path, png.expose(), replace)?;
    ctx.ui.say(format_args!("wrote the QR code of `{serial}` to {}", path.display()));
    ctx.ui.hint(
        "whoever reads it can make your codes: delete it when the phone has it, or keep it locked away",
    );
    Ok(())
}

/// Writes a secret to a file that the person named, 0600, and asks before it takes the place of another.
pub fn write_secret(ctx: &Context, path: &Path, bytes: &[u8], replace: bool) -> CommandResult {
    match files::write_chosen(path, bytes, replace) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let question = format!("`{}` already exists; overwrite it?", path.display());
            ctx.confirm(&question, |_| exists_already(path))?;
            files::write_chosen(path, bytes, true).map_err(|error| cannot_write(path, &error))
        }
        other => other.map_err(|error| cannot_write(path, &error)),
    }
}

fn exists_already(path: &Path) -> CommandError {
    CommandError::new(ErrorKind::Usage, format!("`{}` already exists", path.display()))
        .hint("overwrite it with `--yes`, or name another file")
}

fn cannot_write(path: &Path, error: &io::Error) -> CommandError {
    let this = CommandError::new(
        ErrorKind::Configuration,
        format!("`{}` cannot be written: {error}", path.display()),
    );
    match error.kind() {
        io::ErrorKind::NotFound => this.hint("name a file in a folder that exists"),
        _ => this,
    }
}

fn failed(error: QrError) -> CommandError {
    CommandError::new(ErrorKind::Failed, error)
}
