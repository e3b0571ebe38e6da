//! Reading the files that a person gives: pictures and exports.

use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::files::read_bounded;
use crate::model::shell::{CommandLine, quoted};

/// The content of a file. `what` is what the person takes the file for, such as `picture`, and `option` the flag that it is the
/// value of.
pub(super) fn read(path: &Path, what: &str, option: &str, limit: u64) -> CommandResult<Zeroizing<Vec<u8>>> {
    let failed = |why: &dyn std::fmt::Display| {
        CommandError::new(ErrorKind::Usage, format!("cannot read the {what} {}: {why}", path.display()))
    };
    match read_bounded(path, limit) {
        Ok(bytes) if bytes.is_empty() => {
            Err(failed(&"it is empty").hint(format!("save the {what} again: the file has no content")))
        }
        Ok(bytes) => Ok(bytes),
        Err(error) => {
            let this = failed(&error);
            Err(match hint(path, what, option, &error) {
                Some(hint) => this.hint(hint),
                None => this,
            })
        }
    }
}

fn hint(path: &Path, what: &str, option: &str, error: &io::Error) -> Option<String> {
    let with = |file: &str| CommandLine::new("awsmfa device import").option(option, Some(file));
    match error.kind() {
        io::ErrorKind::NotFound if cfg!(unix) && path == Path::new("-") => {
            Some(format!("read standard input: `{}`", with("/dev/stdin")))
        }
        io::ErrorKind::IsADirectory if option == "--export" => {
            Some(format!("use the {what} in the folder: `ls {}`", quoted(&path.display().to_string())))
        }
        io::ErrorKind::IsADirectory => {
            let folder = path.display().to_string();
            Some(format!("import the pictures in the folder: `{}/*`", with(folder.trim_end_matches('/'))))
        }
        io::ErrorKind::TimedOut => {
            Some(format!("start the program that writes the {what} first, or use a regular file"))
        }
        _ => None,
    }
}
