//! awsmfa: MFA for the AWS command line, with nothing to type.
//!
//! awsmfa stores the secret of a virtual MFA device, generates codes from it, exchanges the codes for sessions with STS, and gives
//! the sessions to the AWS CLI and every SDK, either in `~/.aws/credentials` or through `credential_process`. This page is the
//! architecture; CONTRIBUTING.md lists where to find what.
//!
//! # How to get a session
//!
//! ```text
//! entry ─ fast_path ─────▶ prints a ready answer: the usual case for `credential-process`
//!   └──── cli ─ commands ─ session::obtain   profile → keys, device, roles, endpoint
//!                             │             cache and locks: one sign-in for all processes that ask
//!                             └──────────── ledger → code → STS → ledger
//! ```
//!
//! - **[`ledger`]**: AWS accepts each code once and checks only a few per minute. Every code, wherever it comes from, is recorded
//!   before it is sent, and released only if AWS certainly did not check it: the request was never sent, or AWS rejected its
//!   signature, which it checks first. (Otherwise a mistyped key would make every SDK wait for the next code.) The ledger is
//!   locked while a code is sent, never while waiting for one. Computers that share a device learn of each other only from
//!   rejected codes; after a collision they take turns ([`model::turn`]), so that all of them stay within AWS's limit.
//! - **[`session`]**: when several processes need the same session, one STS call is made: the process that holds the session's
//!   lock makes it, the others read the result from the [`cache`]. The kernel releases a lock when its process exits.
//! - **[`aws`]**: accepts only validated types ([`model::region`], [`model::endpoint`], [`model::role`]), which
//!   `session::settings` creates from settings and their sources. All responses are read in one place, completely and up to a
//!   limit.
//! - **[`enrollment`]**: each stage is in a journal on disk before the next step starts, and the seed is in the store before
//!   anything else can fail. Running the same command again resumes wherever it stopped.
//! - **[`setup`]**: connects a profile with awsmfa. The record by which it is undone is on disk before the first write, and at
//!   every moment SDKs find either the keys that they have used so far or awsmfa.
//! - **[`aws_files`]**: edits the user's files as text, line by line. Each edit logs what it intends, and a guard with its own
//!   parser rejects a result that differs in anything else. Other programs take no locks, and many truncate a file before
//!   they write it. [`aws_files::door`] is the only entrance: it waits for missing content, replaces files by swapping names,
//!   and restores what another program writes to the old file.
//! - **[`vault`]**: what is stored about a device: its record, and its seed as an `otpauth://` URI in the OS keyring or in age files
//!   ([`store`]), which other tools can read. Writing to the file store needs no passphrase; but if a file has it, every secret is
//!   decrypted before it is saved, so that a damaged identity shows while the secret still exists elsewhere. Long-term keys are
//!   stored as `credential_process` output; [`key_storage`] moves them.
//! - **[`custody`]**: the stores as a whole: what they hold, and how secrets move from one to the other and into a backup. A secret
//!   is deleted only after another store returned it and the registry refers to that store.
//! - **[`doctor`]**: collects [`findings`], values with what is wrong, where and what fixes it. A warning of another command is one of
//!   them. It prompts for nothing and changes nothing, except for what `--fix` is certain about.
//! - **[`fast_path`]**: prints the output that the last `credential-process` saved ([`answers`]), if the clock, both AWS files
//!   and the relevant variables are unchanged. A file owned by someone else, or a clock that went backward, counts as changed.
//! - **[`error`]**: turns the adapters' small enums into messages, hints and exit codes. The adapters know none of these.
//! - **[`ui`]**: the only module that writes to people. It makes text from outside visible ([`model::visible`]) as it writes.
//!
//! # Layers
//!
//! A file may use files in its own layer and below. No files use each other in a cycle, and adapters do not know each other.
//! `tests/it/architecture.rs` reads this table and checks it against the whole of every file.
//!
//! | layer | modules |
//! |---|---|
//! | root | `main`, `lib`, [`testing`] |
//! | start | [`entry`] |
//! | command line | [`cli`], [`panics`] |
//! | commands | [`commands`] |
//! | completion | [`complete`] |
//! | use cases | [`login`], [`logout`], [`status`], [`console`], [`authenticator`], [`findings`], [`handout`], [`devices`], [`enrollment`], [`serving`], [`setup`], [`key_storage`], [`custody`], [`doctor`], [`rotation`] |
//! | sessions | [`session`], [`caller`], [`choice`], [`retry`] |
//! | context | [`context`] |
//! | vault | [`vault`] |
//! | messages | [`error`] |
//! | fast path | [`fast_path`] |
//! | adapters | [`aws`], [`aws_files`], [`cache`], [`clipboard`], [`journals`], [`ledger`], [`store`], [`ui`] |
//! | ready answers | [`answers`] |
//! | system | [`clock`], [`contained`], [`mod@env`], [`files`], [`interrupt`], [`loopback`], [`paths`], [`process`], [`stdio`], [`tty`] |
//! | model | [`model`] |
//!
//! The fast path uses only ready answers, the system and the model, because every module costs time before the first byte. Only
//! [`aws`] names the SDK and is async; only the command line names clap; the model only computes. Modules are private to the
//! crate; [`testing`] exports what tests, benches and examples need.
//!
//! # Secrets
//!
//! Seeds, codes, secret keys, tokens and passphrases are [`model::secret::Secret`]s: wiped on drop, redacted in `Debug`, readable
//! only through `expose()`. What opens a store or comes out of one is locked in memory. They never reach an argument list, a log, an error message, or a file with a mode other than 0600.
//! The release profile aborts on panic, so nothing is wiped then; the memory goes away with the process, which leaves no
//! core dump ([`process`]). SECURITY.md says what all of this protects against.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests prepare files directly"))]

mod answers;
mod authenticator;
mod aws;
mod aws_files;
mod cache;
mod caller;
mod choice;
mod cli;
mod clipboard;
mod clock;
mod commands;
mod complete;
mod console;
mod contained;
mod context;
mod custody;
mod devices;
mod doctor;
mod enrollment;
mod entry;
mod env;
mod error;
mod fast_path;
mod files;
mod findings;
mod handout;
mod interrupt;
mod journals;
mod key_storage;
mod ledger;
mod login;
mod logout;
mod loopback;
mod model;
mod panics;
mod paths;
mod process;
mod retry;
mod rotation;
mod serving;
mod session;
mod setup;
mod status;
mod stdio;
mod store;
#[doc(hidden)]
pub mod testing;
mod tty;
mod ui;
mod vault;

pub use entry::main;
