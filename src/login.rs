//! Login: gets a session and writes it to the credentials file, where every tool finds it.

mod all;
mod destination;
mod one;

pub use all::{all, profiles_with_device};
pub use one::{Login, Options, Outcome, login};
