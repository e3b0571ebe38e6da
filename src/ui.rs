//! How awsmfa talks to people. The rules:
//!
//! - stdout has results and nothing else; messages go to stderr.
//! - Every line for people begins `awsmfa:`, `warning:`, `error:` or `hint:`. On a terminal, a finished stage may be a tick.
//! - Messages are one line, in lowercase, without a final period, with names in backquotes; `hint:` lines follow. A hint begins
//!   with a verb or is a command to paste; [`remedies`] knows the commands of each system and shell.
//! - Text from outside is escaped ([`visible`](crate::model::visible)) here and nowhere else: a name or an answer can neither
//!   control the terminal nor add a line. Only [`Ui::result`] and [`Prompt::show`] print text as it is.
//! - A message is one write, so that processes that share a stderr do not mix their lines.
//! - Everything reads the same without color. A warning is shown only if the person can act on it.
//! - Prompts use the terminal device, never stdin or stdout: both may belong to an SDK that runs awsmfa.
//! - Only `-v` shows steps and the errors behind an error, and no level shows a secret.

pub mod ascii;
pub mod color;
mod live;
mod live_codes;
mod live_page;
mod live_screen;
mod pending;
mod pinentry;
mod prompt;
pub mod qr;
pub mod remedies;
mod report;
mod say;
mod table;
mod tasks;

pub use live_codes::{CodeRow, Codes, CurrentCode};
pub use live_screen::ScreenError;
pub use prompt::{Prompt, PromptError, Terminal};
pub use report::{Entry, Severity};
pub use say::{OutputError, Style, Ui, Verbosity};
pub use table::{Listing, Page, table};
pub use tasks::{Board, Line, Screen};
