//! Messages for codes that cannot be sent or that AWS rejected.

use crate::error::{CommandError, ErrorKind};
use crate::model::serial::Serial;

/// A typed code was sent before.
pub fn sent_before(serial: &Serial) -> CommandError {
    let message =
        format!("the code for `{serial}` was already sent to AWS, which accepts each code only once");
    CommandError::new(ErrorKind::Refused, message).hint("enter the next code that the device shows")
}

/// A program keeps printing a code that was sent before.
pub fn program_repeats(serial: &Serial) -> CommandError {
    let message = format!(
        "`mfa_process` printed a code for `{serial}` that was already sent to AWS, which accepts each code only once"
    );
    CommandError::new(ErrorKind::Refused, message)
        .hint("check that the command prints the current code: run it twice, 30 s apart")
}

/// AWS rejected a typed code.
pub fn rejected_typed(serial: &Serial) -> CommandError {
    let message = format!("AWS rejected the code for `{serial}`: it is wrong, too old or already used");
    CommandError::new(ErrorKind::Refused, message)
        .hint("enter the code that the device shows now; AWS accepts each code only once")
}

/// AWS rejected a code that a program printed.
pub fn rejected_program(serial: &Serial) -> CommandError {
    let message = format!(
        "AWS rejected the code for `{serial}` that `mfa_process` printed: it is wrong, too old or already used"
    );
    CommandError::new(ErrorKind::Refused, message)
        .hint("check that the command prints this device's current code: run it by hand")
        .hint("another computer may have used the code: try again in 30 s")
}

/// Every current code was used, and an SDK cannot wait for the next one.
pub fn none_left(serial: &Serial, seconds: u64) -> CommandError {
    let message = format!(
        "every code for `{serial}` that AWS accepts now was already used; the next one starts in {seconds} s"
    );
    CommandError::new(ErrorKind::Refused, message).hint(format!("try again in {seconds} s"))
}

/// AWS rejects codes that this computer has not used. `worked`: whether AWS ever accepted one from this computer.
pub fn in_use_elsewhere(serial: &Serial, worked: bool, seconds: u64) -> CommandError {
    let again = format!("try again in {seconds} s");
    if worked {
        let message =
            format!("`{serial}` is in use on another computer, which used the codes that AWS accepts");
        return CommandError::new(ErrorKind::Refused, message).hint(again);
    }
    let message = format!("AWS rejected codes for `{serial}` that were never used on this computer");
    CommandError::new(ErrorKind::Refused, message)
        .hint(format!("the device may be in use on another computer: {again}"))
        .hint(format!(
            "if the stored secret belongs to another device: `awsmfa device import --serial {serial}`"
        ))
}
