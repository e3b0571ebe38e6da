//! Reading the QR codes in picture files. A search that does not come to an end is given up: pictures with fine patterns take
//! very long.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use crate::clock::Stopwatch;
use crate::devices::picture::{Picture, PictureError};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::files::read_bounded;
use crate::model::secret::Secret;

/// The largest picture file, in bytes.
const FILE_LIMIT: u64 = 64 << 20;
/// How long another version of a picture is searched, and how long the last one may take.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(40));

/// The texts of all QR codes in a file; at least one.
pub(super) fn texts(path: &Path) -> CommandResult<Vec<Secret<String>>> {
    let cannot_read = |why: &dyn std::fmt::Display| {
        CommandError::new(ErrorKind::Usage, format!("cannot read the picture {}: {why}", path.display()))
    };
    let bytes = read_bounded(path, FILE_LIMIT).map_err(|error| cannot_read(&error))?;
    let picture = Picture::read(&bytes).map_err(|error| {
        let hint = match error {
            PictureError::NotAPicture => "use a PNG or JPEG file, such as a screenshot",
            PictureError::TooLarge { .. } => {
                "cut the QR code out of the picture, or make the picture smaller"
            }
            PictureError::Damaged(_) => "take the screenshot or photo again",
        };
        cannot_read(&error).hint(hint)
    })?;
    let texts = search(picture);
    if texts.is_empty() {
        return Err(no_code(format!("there is no readable QR code in {}", path.display())));
    }
    Ok(texts)
}

fn hint(error: &PictureError) -> &'static str {
    match error {
        PictureError::NotAPicture => "use a PNG or JPEG file, such as a screenshot",
        PictureError::TooLarge { .. } => "cut the QR code out of the picture, or make the picture smaller",
        PictureError::Damaged(_) => "take the screenshot or photo again",
    }
}

/// The texts of all QR codes in the picture that is on the clipboard; at least one.
pub(super) fn pasted(picture: Result<Picture, PictureError>) -> CommandResult<Vec<Secret<String>>> {
    let picture = picture.map_err(|error| {
        let message = format!("cannot read the picture on the clipboard: {error}");
        CommandError::new(ErrorKind::Usage, message).hint(hint(&error))
    })?;
    let texts = search(picture);
    match texts.is_empty() {
        true => Err(no_code("there is no readable QR code in the picture on the clipboard".to_owned())),
        false => Ok(texts),
    }
}

/// Searches on another thread, which can be left behind.
fn search(picture: Picture) -> Vec<Secret<String>> {
    let (sender, receiver) = mpsc::channel();
    let watch = Stopwatch::start();
    std::thread::spawn(move || {
        // If nobody waits for the answer, it is too late for it.
        let _ = sender.send(picture.texts(|| watch.elapsed() < PATIENCE.0));
    });
    receiver.recv_timeout(PATIENCE.1).unwrap_or_default()
}

fn no_code(message: String) -> CommandError {
    CommandError::new(ErrorKind::Usage, message)
        .hint("use a sharp picture in which the QR code is complete, with the white border around it")
        .hint("or type the secret key that the code stands for: `awsmfa device import`")
}
