//! Forgetting a device here: its secret, its sessions, and the lines that refer to it. The registry comes last, so that an
//! interrupted run finds the device again. The ledger stays, because AWS keeps counting codes for a re-created device.

use crate::aws_files::document::{Document, UnsafeEdit};
use crate::aws_files::{AwsFile, SERIAL_KEYS};
use crate::context::Context;
use crate::enrollment;
use crate::error::{CommandError, CommandResult};
use crate::model::serial::Serial;
use crate::store::registry::DeviceRecord;

/// Forgets a device that no longer exists, with its secret.
pub fn all(ctx: &Context, serial: &Serial, record: Option<&DeviceRecord>) -> CommandResult {
    uses(ctx, serial)?;
    enrollment::forget_journal_of(ctx, serial)?;
    record.map_or(Ok(()), |record| secret(ctx, record))
}

/// Deletes a secret. Lines that refer to the device stay: someone else may have its codes.
pub fn secret(ctx: &Context, record: &DeviceRecord) -> CommandResult {
    let serial = &record.serial;
    // Without the secret, an unfinished enrollment cannot be resumed, and would block a new one.
    enrollment::forget_journal_of(ctx, serial)?;
    ctx.vault.forget(record)?;
    ctx.ui.say(format_args!("deleted the secret of `{serial}`"));
    Ok(())
}

/// Forgets what uses a device: its sessions, and the lines of the AWS files that refer to it. Its secret stays.
pub fn uses(ctx: &Context, serial: &Serial) -> CommandResult {
    let files = ctx.aws_files();
    for kind in [AwsFile::Config, AwsFile::Credentials] {
        let refers = files.read(kind).is_ok_and(|document| !lines_of(&document, serial).is_empty());
        if !refers {
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
            // A leftover line does not bring the device back.
            Err(error) => {
                let error = CommandError::from(error);
                ctx.ui
                    .warn(format_args!("cannot remove the profile lines that refer to `{serial}`: {error}"));
            }
        }
    }
    ctx.cache().remove_device(serial.as_str())?;
    ctx.vault.forget_uses(serial)
}

/// Removes every line that sets a profile's device to this serial. Returns their sections and keys.
fn remove_lines(document: &mut Document, serial: &Serial) -> Result<Vec<(String, &'static str)>, UnsafeEdit> {
    let lines = lines_of(document, serial);
    for (section, key) in &lines {
        document.remove(section, key)?;
    }
    Ok(lines)
}

fn lines_of(document: &Document, serial: &Serial) -> Vec<(String, &'static str)> {
    let refers_to_it = |(section, key): &(String, &str)| {
        document.get(section, key).is_some_and(|value| value.expose() == serial.as_str())
    };
    let sections = document.sections().into_iter();
    let lines = sections.flat_map(|section| SERIAL_KEYS.map(|key| (section.clone(), key)));
    lines.filter(refers_to_it).collect()
}
