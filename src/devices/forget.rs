//! Forgetting a device here: its secret, the sessions made with it, and the lines that name it. The register comes last,
//! so that what was interrupted is found again; the ledger stays, because AWS keeps count for a serial that comes back.

use crate::aws_files::document::{Document, UnsafeEdit};
use crate::aws_files::{AwsFile, SERIAL_KEYS};
use crate::context::Context;
use crate::enrollment;
use crate::error::CommandResult;
use crate::model::serial::Serial;
use crate::store::registry::DeviceRecord;

/// Forgets a device that is no more, with its secret.
pub fn all(ctx: &Context, serial: &Serial, record: Option<&DeviceRecord>) -> CommandResult {
    uses(ctx, serial)?;
    enrollment::forget_journal_of(ctx, serial)?;
    record.map_or(Ok(()), |record| secret(ctx, record))
}

/// Forgets a secret. What else names the device stays: somebody else may have its codes.
pub fn secret(ctx: &Context, record: &DeviceRecord) -> CommandResult {
    let serial = &record.serial;
    // An enrolment that was not finished cannot be any more, and would stand in the way of another.
    enrollment::forget_journal_of(ctx, serial)?;
    ctx.vault.forget(record)?;
    ctx.ui.say(format_args!("forgot the secret of `{serial}`"));
    Ok(())
}

/// Forgets what uses a device: sessions made with it, and the profiles that name it. Its secret stays.
pub fn uses(ctx: &Context, serial: &Serial) -> CommandResult {
    let files = ctx.aws_files();
    for kind in [AwsFile::Config, AwsFile::Credentials] {
        let named = files.read(kind).is_ok_and(|document| !lines_of(&document, serial).is_empty());
        if !named {
            continue;
        }
        match files.edit(kind, |document| remove_lines(document, serial)) {
            Ok(lines) => {
                for (section, key) in lines {
                    ctx.ui.say(format_args!(
                        "removed `{key}` from [{section}] of {}",
                        files.path(kind).display()
                    ));
                }
            }
            // The device is gone all the same; a line that names it is only in the way.
            Err(error) => {
                let error = crate::error::CommandError::from(error);
                ctx.ui.warn(format_args!("the profile lines that name `{serial}` were not removed: {error}"));
            }
        }
    }
    ctx.cache().remove_device(serial.as_str())?;
    ctx.vault.forget_uses(serial)?;
    Ok(())
}

/// Removes every line that names exactly this serial as a profile's device. Returns their sections and keys.
fn remove_lines(document: &mut Document, serial: &Serial) -> Result<Vec<(String, &'static str)>, UnsafeEdit> {
    let lines = lines_of(document, serial);
    for (section, key) in &lines {
        document.remove(section, key)?;
    }
    Ok(lines)
}

fn lines_of(document: &Document, serial: &Serial) -> Vec<(String, &'static str)> {
    let names_it = |(section, key): &(String, &str)| {
        document.get(section, key).is_some_and(|value| value.expose() == serial.as_str())
    };
    let sections = document.sections().into_iter();
    let lines = sections.flat_map(|section| SERIAL_KEYS.map(|key| (section.clone(), key)));
    lines.filter(names_it).collect()
}
