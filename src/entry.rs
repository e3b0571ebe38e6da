//! Where the program starts: the fast path, then the process that holds the clipboard, shell completions, and the command
//! line.

use std::io::Write;
use std::process::ExitCode;

use crate::clipboard::hold;
use crate::clock::SystemClock;
use crate::env::Env;
use crate::error::ErrorKind;
use crate::{cli, fast_path, interrupt, panics, process, stdio};

/// Runs awsmfa with the process's arguments, environment and streams.
pub fn main() -> ExitCode {
    // They would leave seeds and keys in a file.
    process::forbid_core_dumps();
    let env = Env::from_process();
    let args: Vec<_> = std::env::args_os().collect();
    let asked = args.clone();
    panics::report(move || cli::is_for_sdk(&asked));
    let mut out = stdio::stdout();
    let arguments = args.get(1..).unwrap_or_default();
    if hold::run(arguments, &mut out) {
        return ExitCode::SUCCESS;
    }
    match fast_path::answer(arguments, &env, &SystemClock, &mut out) {
        Some(Ok(())) => return ExitCode::SUCCESS,
        Some(Err(error)) => {
            // SDKs show one line of stderr. If stderr is closed too, nobody can see the error.
            let _ = writeln!(std::io::stderr(), "awsmfa: cannot write the result to stdout: {error}");
            return ExitCode::FAILURE;
        }
        None => {}
    }
    #[cfg(unix)]
    crate::files::note_inherited();
    if cli::complete(&env, &args) {
        return ExitCode::SUCCESS;
    }
    match cli::run(args, env) {
        code if code == ErrorKind::Interrupted as u8 => interrupt::end(code),
        code => ExitCode::from(code),
    }
}
