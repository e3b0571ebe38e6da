//! What is on the desktop's clipboard: a text or a picture.

use super::{Clipboard, LIMIT};
use crate::contained::{self, Lost};
use crate::model::secret::Secret;

/// The longest text that is read, in bytes. An app's list of otpauth URIs is far shorter.
const TEXT_LIMIT: usize = 1024 * 1024;

/// What a person copied.
pub enum Pasted {
    Text(Secret<String>),
    /// Red, green, blue and opacity of each pixel, row by row.
    Picture {
        width: usize,
        height: usize,
        pixels: Vec<u8>,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum PasteError {
    #[error("cannot read the clipboard: there is no display here")]
    NoDisplay,
    #[error("the clipboard has neither text nor a picture")]
    Empty,
    #[error("the text on the clipboard is larger than 1 MiB")]
    TooLarge,
    #[error("cannot read the clipboard: {0}")]
    Failed(String),
}

impl Clipboard<'_> {
    /// The text if it is wanted, otherwise the picture: some programs copy a picture together with its address or a description.
    /// The program that copied may not respond.
    pub fn paste(
        &self,
        is_wanted: impl FnOnce(&Secret<String>) -> bool + Send + 'static,
    ) -> Result<Pasted, PasteError> {
        if !self.has_display() {
            return Err(PasteError::NoDisplay);
        }
        contained::run(LIMIT, move || read(is_wanted)).unwrap_or_else(|lost| {
            Err(PasteError::Failed(match lost {
                Lost::TimedOut => "the program that copied does not respond".to_owned(),
                Lost::Panicked => "what was copied is in an unknown format".to_owned(),
            }))
        })
    }
}

fn read(is_wanted: impl FnOnce(&Secret<String>) -> bool) -> Result<Pasted, PasteError> {
    let mut clipboard = arboard::Clipboard::new().map_err(failed)?;
    // Some programs answer a request for text with a picture, which is an error here.
    let text = clipboard.get_text().map_err(failed).map(Secret::locked).and_then(sized);
    best(text, is_wanted, || {
        let picture = clipboard.get_image().map_err(failed)?;
        let (width, height, pixels) = (picture.width, picture.height, picture.bytes.into_owned());
        Ok(Pasted::Picture { width, height, pixels })
    })
}

/// A text that is neither empty nor larger than any secret.
fn sized(text: Secret<String>) -> Result<Secret<String>, PasteError> {
    match text.expose() {
        text if text.len() > TEXT_LIMIT => Err(PasteError::TooLarge),
        text if text.trim().is_empty() => Err(PasteError::Empty),
        _ => Ok(text),
    }
}

fn best(
    text: Result<Secret<String>, PasteError>,
    is_wanted: impl FnOnce(&Secret<String>) -> bool,
    picture: impl FnOnce() -> Result<Pasted, PasteError>,
) -> Result<Pasted, PasteError> {
    if text.as_ref().is_ok_and(is_wanted) {
        return text.map(Pasted::Text);
    }
    match (picture(), text) {
        (Ok(picture), _) => Ok(picture),
        (Err(_), Ok(text)) => Ok(Pasted::Text(text)),
        (Err(error), Err(PasteError::Empty)) | (Err(_), Err(error)) => Err(error),
    }
}

fn failed(error: arboard::Error) -> PasteError {
    match error {
        arboard::Error::ContentNotAvailable => PasteError::Empty,
        arboard::Error::Unknown { description } => PasteError::Failed(description),
        known => PasteError::Failed(known.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picture_comes_before_a_text_that_is_no_secret() {
        let text = |text: &str| Ok(Secret::new(text.to_owned()));
        let picture = || Ok(Pasted::Picture { width: 0, height: 0, pixels: Vec::new() });
        let is_key = |text: &Secret<String>| text.expose() == "KEY";
        let is_picture = |pasted| matches!(pasted, Ok(Pasted::Picture { .. }));
        assert!(!is_picture(best(text("KEY"), is_key, picture)));
        assert!(is_picture(best(text("https://example.com/qr.png"), is_key, picture)));
        assert!(is_picture(best(Err(PasteError::Failed("no text".to_owned())), is_key, picture)));
        // Without a picture, what is wrong with the text is said.
        let none = || Err(PasteError::Empty);
        assert!(matches!(best(text("other"), is_key, none), Ok(Pasted::Text(_))));
        assert!(matches!(best(Err(PasteError::Empty), is_key, none), Err(PasteError::Empty)));
        let failed = best(Err(PasteError::Failed("x".to_owned())), is_key, none);
        assert!(matches!(failed, Err(PasteError::Failed(_))));
    }

    #[test]
    fn text_is_neither_empty_nor_huge() {
        let text = |count: usize| sized(Secret::new("K".repeat(count) + "\n"));
        assert!(matches!(text(0), Err(PasteError::Empty)));
        assert!(text(TEXT_LIMIT - 1).is_ok());
        assert!(matches!(text(TEXT_LIMIT), Err(PasteError::TooLarge)));
        let is_key = |_: &Secret<String>| true;
        let none = || Err(PasteError::Empty);
        assert!(matches!(best(text(TEXT_LIMIT), is_key, none), Err(PasteError::TooLarge)));
    }
}
