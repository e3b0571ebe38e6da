//! Reading the QR codes in pictures. A search that does not come to an end is given up: pictures with fine patterns take very
//! long.

use std::path::Path;
use std::time::Duration;

use super::file;
use crate::clock::Stopwatch;
use crate::contained::{self, Lost};
use crate::devices::picture::{Found, Kind, Picture, PictureError};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::secret::Secret;

/// The largest picture file, in bytes.
const FILE_LIMIT: u64 = 64 << 20;
/// How long another version of a picture is searched, and how long the last one may take.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(40));

const CROP: &str = "crop the picture to the QR code and its white border, and import the cropped picture";
const TYPE_IT: &str = "or type the secret key instead: `awsmfa device import`";

/// The texts of all QR codes in a file; at least one.
pub(super) fn in_file(path: &Path, option: &str) -> CommandResult<Vec<Secret<String>>> {
    let (place, picture) = (path.display().to_string(), format!("the picture {}", path.display()));
    let bytes = file::read(path, "picture", option, FILE_LIMIT)?;
    texts(&place, &picture, move || Picture::read(&bytes))
}

/// The texts of all QR codes in the picture that is on the clipboard; at least one.
pub(super) fn on_clipboard(
    width: usize,
    height: usize,
    pixels: Vec<u8>,
) -> CommandResult<Vec<Secret<String>>> {
    let picture = "the picture on the clipboard";
    texts(picture, picture, move || Picture::from_rgba(width, height, pixels))
}

fn texts(
    place: &str,
    picture: &str,
    read: impl FnOnce() -> Result<Picture, PictureError> + Send + 'static,
) -> CommandResult<Vec<Secret<String>>> {
    let watch = Stopwatch::start();
    let found = contained::run(PATIENCE.1, move || Ok(read()?.texts(|| watch.elapsed() < PATIENCE.0)));
    outcome(place, picture, found)
}

fn outcome(
    place: &str,
    picture: &str,
    found: Result<Result<Found, PictureError>, Lost>,
) -> CommandResult<Vec<Secret<String>>> {
    let error = |message: String| CommandError::new(ErrorKind::Usage, message);
    match found {
        Ok(Ok(Found { texts, .. })) if !texts.is_empty() => Ok(texts),
        Ok(Ok(Found { is_complete: true, .. })) => {
            Err(error(format!("there is no readable QR code in {place}"))
                .hint("use a sharp picture that shows the whole QR code and its white border")
                .hint(TYPE_IT))
        }
        Ok(Ok(_)) | Err(Lost::TimedOut) => {
            let message =
                format!("gave up looking for a QR code in {place}: the picture is too large or too detailed");
            Err(error(message).hint(CROP).hint(TYPE_IT))
        }
        Ok(Err(why)) => Err(error(format!("cannot read {picture}: {why}")).hint(hint(&why))),
        Err(Lost::Panicked) => {
            Err(error(format!("no QR code was found in {place}: the search failed")).hint(CROP).hint(TYPE_IT))
        }
    }
}

fn hint(error: &PictureError) -> &'static str {
    match error {
        PictureError::NotAPicture => "use a PNG or JPEG file, such as a screenshot",
        PictureError::Unsupported(Kind::Json) => {
            "import an app's export: `awsmfa device import --export FILE`"
        }
        PictureError::Unsupported(_) => "convert it to PNG or JPEG, or take a screenshot of it",
        PictureError::TooLarge { .. } | PictureError::TooMuchMemory { .. } => {
            "crop the picture to the QR code, or scale it down"
        }
        PictureError::Damaged(_) => "take the screenshot or photo again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_that_ends_early_is_not_reported_as_a_picture_without_a_code() {
        let said = |found| outcome("a.png", "the picture a.png", found).unwrap_err();
        let nothing = |is_complete| Ok(Ok(Found { texts: Vec::new(), is_complete }));
        assert_eq!(said(nothing(true)).message, "there is no readable QR code in a.png");
        for found in [nothing(false), Err(Lost::TimedOut)] {
            let error = said(found);
            assert!(error.message.ends_with("too large or too detailed"), "{}", error.message);
            assert_eq!(error.hints, [CROP, TYPE_IT]);
        }
        assert_eq!(said(Err(Lost::Panicked)).message, "no QR code was found in a.png: the search failed");
    }
}
