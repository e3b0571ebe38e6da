//! How age and its plugins write to each other: a line with a command and its arguments, then a body in base64.

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use zeroize::Zeroizing;

use crate::model::secret::Secret;

/// The length of every line of a body but its last, which is shorter, maybe empty.
const COLUMNS: usize = 64;

/// A command of a plugin. Its body may be a secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub command: String,
    pub arguments: Vec<String>,
    pub body: Secret<Vec<u8>>,
}

impl Message {
    /// Reads the lines that `next` returns; `None` if they are not a message.
    pub fn read<E>(mut next: impl FnMut() -> Result<Secret<String>, E>) -> Result<Option<Self>, E> {
        let head = next()?;
        let Some(words) = head.expose().strip_prefix("-> ") else { return Ok(None) };
        let mut words = words.split(' ').map(str::to_owned);
        let command = words.next().unwrap_or_default();
        let arguments = words.collect();
        let mut body = Zeroizing::new(Vec::new());
        loop {
            let line = next()?;
            let Ok(part) = BASE64_STANDARD_NO_PAD.decode(line.expose()) else { return Ok(None) };
            let is_last = line.expose().len() < COLUMNS;
            if line.expose().len() > COLUMNS {
                return Ok(None);
            }
            body = Zeroizing::new([body.as_slice(), Zeroizing::new(part).as_slice()].concat());
            if is_last {
                let body = Secret::locked(std::mem::take(&mut *body));
                return Ok(Some(Self { command, arguments, body }));
            }
        }
    }

    /// The body as text to show.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body.expose()).trim().to_owned()
    }
}

/// A command and its body as they are sent.
pub(super) fn write(command: &str, arguments: &[&str], body: &[u8]) -> Secret<String> {
    let encoded = Zeroizing::new(BASE64_STANDARD_NO_PAD.encode(body));
    let arguments_len = arguments.iter().map(|argument| argument.len() + 1).sum::<usize>();
    let mut text = String::with_capacity(command.len() + arguments_len + encoded.len() * 2 + 8);
    text.push_str("-> ");
    text.push_str(command);
    for argument in arguments {
        text.push(' ');
        text.push_str(argument);
    }
    text.push('\n');
    let mut rest = encoded.as_str();
    while rest.len() >= COLUMNS {
        let (line, after) = rest.split_at(COLUMNS);
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(rest);
    text.push('\n');
    Secret::locked(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Message> {
        let mut lines = text.split('\n').map(Secret::from);
        Message::read(|| lines.next().ok_or(())).unwrap_or(None)
    }

    #[test]
    fn message_is_read_as_it_is_written() {
        for length in [0, 1, 16, 47, 48, 49, 96, 200] {
            let body = vec![7; length];
            let written = write("recipient-stanza", &["0", "X25519"], &body);
            assert!(written.expose().lines().all(|line| line.len() <= COLUMNS));
            let message = read(written.expose()).unwrap();
            assert_eq!((message.command.as_str(), message.arguments.len()), ("recipient-stanza", 2));
            assert_eq!(message.body.expose(), &body);
        }
        assert_eq!(write("done", &[], b"").expose(), "-> done\n\n");
    }

    #[test]
    fn anything_else_is_no_message() {
        for text in ["", "hello\n", "-> x\n!\n", "->x\n\n", &format!("-> x\n{}\n", "A".repeat(68))] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
