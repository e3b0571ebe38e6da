//! awsmfa: MFA for the AWS command line, with nothing to type.
//!
//! It keeps the secret of a virtual MFA device, makes the codes, trades them for sessions with STS, and hands those to
//! the AWS CLI and every SDK: in `~/.aws/credentials` or as a `credential_process`. This page is the architecture.
//!
//! # The way of a session
//!
//! ```text
//! entry ─ fast_path ──────────────▶ a ready answer, printed: the usual case for `credential-process`
//!   └─── cli ── commands ── session::prepare   profile → keys, serial, roles, endpoint (asks AWS only for a serial)
//!                   └────── session::ensure    cache, locks, one sign-in for all that ask
//!                               └─ sign_in     ledger → code → STS → ledger
//! ```
//!
//! - **[`ledger`]**: AWS accepts each code once and judges few. A code, whatever its source, is on record before it is sent,
//!   and is free again only if AWS certainly did not look at it: the request never left, or its signature was refused, which
//!   AWS checks first. (Counted as used, codes of a mistyped key would make every SDK wait for the next.) The ledger is locked
//!   while a code is sent, never during a wait. Computers that share a device know of each other only by what AWS rejects;
//!   they then take turns ([`model::turn`]), so that AWS's budget lasts for all.
//! - **[`session`]**: N processes that need a session make one STS call: whoever holds the session's lock makes it, the
//!   others find it in the [`cache`]. Locks are the kernel's and end with their process.
//! - **[`aws`]**: takes checked types only ([`model::region`], [`model::endpoint`], [`model::role`]), which `session::settings`
//!   creates from settings and their places. Each response is read completely, within a limit, in one place.
//! - **[`enrollment`]**: each stage is in a journal on the disk before the step that leaves it, and the seed is in the store
//!   before anything else can fail; so the same command, run again, goes on from wherever it ended.
//! - **[`aws_files`]**: people's files are edited as text, line by line. What an edit intended is recorded, and the guard,
//!   with a parser of its own, refuses a result in which anything else differs. Other programs take no lock, and many
//!   truncate a file before they write it: [`aws_files::door`] is the one entrance, which waits for what is missing,
//!   swaps names with the file that it replaces, and brings back what another program still writes there.
//! - **[`store`]**: seeds lie in the OS keyring or in age files, as `otpauth://` URIs that other tools read.
//! - **[`fast_path`]**: prints the bytes that the last run of `credential-process` left, if the clock, both AWS files and
//!   the variables that matter are as they were. A file of anyone else's, or a clock that went back, is 'not as it was'.
//!
//! # Layers
//!
//! | layer | may use | never names |
//! |---|---|---|
//! | entry: [`entry`], [`cli`], [`fast_path`], [`panics`] | all below (`fast_path`: [`model`], [`files`], [`mod@env`], [`paths`], [`clock`], [`answers`]) | `fast_path`: clap, store, aws, ui, tokio |
//! | use cases: [`commands`], [`devices`], [`vault`], [`session`], [`caller`], [`enrollment`] (with [`retry`]) | adapters, through [`context::Context`] | tokio, aws SDK, keyring, `std::env`, the clock |
//! | adapters: [`aws`], [`store`], [`cache`], [`answers`], [`ledger`], [`aws_files`], [`ui`], [`process`], [`interrupt`], [`tty`], [`stdio`] | model, files, env, clock | each other, clap |
//! | [`model`] | serde, chrono's types, totp-rs | files, env, network, processes, the clock |
//!
//! Modules are private to the crate; [`testing`] shows tests, benches and examples what they use. `tests/it/architecture.rs` holds this table against the code. [`error`] stands above the adapters: it alone turns their
//! small enums into words, hints and exit codes. [`process`] runs other people's programs for use cases and for the file
//! store's passphrase, [`interrupt`] owns the end by a signal for use cases and for prompts, [`tty`] is the terminal
//! device and [`stdio`] the stdout that we were given; they are plumbing like [`files`]. What comes from outside is made
//! visible ([`model::visible`]) by [`ui`] alone.
//!
//! # Secrets
//!
//! Seeds, codes, secret keys, tokens and passphrases are [`model::secret::Secret`]s: wiped on drop, `Debug` redacted, read
//! by `expose()` only. They reach no argv, log, error text or file of another mode than 0600. The release profile aborts
//! on panic, so a panic wipes nothing; the memory goes with the process, and on Linux [`entry`] forbids core dumps.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests set the scene by hand"))]

mod answers;
mod aws;
mod aws_files;
mod cache;
mod caller;
mod choice;
mod cli;
mod clock;
mod commands;
mod complete;
mod context;
mod devices;
mod enrollment;
mod entry;
mod env;
mod error;
mod fast_path;
mod files;
mod interrupt;
mod ledger;
mod model;
mod panics;
mod paths;
mod process;
mod retry;
mod session;
mod stdio;
mod store;
#[doc(hidden)]
pub mod testing;
mod tty;
mod ui;
mod vault;

pub use entry::main;
