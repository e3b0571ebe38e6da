//! Talking with the person. The rules:
//!
//! - stdout carries results and nothing else; words for people go to stderr.
//! - Messages are lowercase, without a final period, one line; names stand in backquotes; then come `hint:` lines.
//! - Text from outside is made visible on its way to people ([`visible`](crate::model::visible)), here and nowhere else: a
//!   name or an answer can neither command the terminal nor add a line. Only [`Ui::result`] and [`Prompt::show`] give out
//!   what they are given, which is made here.
//! - A message is one write, so that processes that share a stderr do not mix their lines.
//! - Everything reads the same without color. A warning is given only if the person can act on it.
//! - Prompts use the terminal device, never stdin or stdout: both may belong to an SDK that runs us.
//! - Only `-v` shows the steps, and no level shows a secret.

pub mod color;
mod live;
mod pending;
mod prompt;
pub mod qr;
pub mod remedies;
mod say;
mod table;

pub use prompt::{Prompt, PromptError, Terminal};
pub use say::{OutputError, Style, Ui, Verbosity};
pub use table::table;
