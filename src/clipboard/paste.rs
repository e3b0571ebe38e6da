//! What is on the desktop's clipboard: a text or a picture.

use std::sync::mpsc;

use super::{Clipboard, LIMIT};
use crate::model::secret::Secret;

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
    #[error("cannot read the clipboard: {0}")]
    Failed(String),
}

impl Clipboard<'_> {
    /// Reads on another thread, because the program that copied may not respond.
    pub fn paste(&self) -> Result<Pasted, PasteError> {
        if !self.has_display() {
            return Err(PasteError::NoDisplay);
        }
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            // If nobody waits for the answer, it is too late for it.
            let _ = sender.send(read());
        });
        let pasted = receiver.recv_timeout(LIMIT);
        pasted.unwrap_or_else(|_| Err(PasteError::Failed("it did not respond".to_owned())))
    }
}

fn read() -> Result<Pasted, PasteError> {
    let mut clipboard = arboard::Clipboard::new().map_err(failed)?;
    let no_text = match clipboard.get_text() {
        Ok(text) if !text.trim().is_empty() => return Ok(Pasted::Text(Secret::locked(text))),
        Ok(_) => PasteError::Empty,
        // Some programs answer a request for text with a picture.
        Err(error) => failed(error),
    };
    match (clipboard.get_image(), no_text) {
        (Ok(picture), _) => {
            let (width, height, pixels) = (picture.width, picture.height, picture.bytes.into_owned());
            Ok(Pasted::Picture { width, height, pixels })
        }
        (Err(error), PasteError::Empty) => Err(failed(error)),
        (Err(_), error) => Err(error),
    }
}

fn failed(error: arboard::Error) -> PasteError {
    match error {
        arboard::Error::ContentNotAvailable => PasteError::Empty,
        arboard::Error::Unknown { description } => PasteError::Failed(description),
        known => PasteError::Failed(known.to_string()),
    }
}
