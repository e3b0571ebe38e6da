//! Prints a ready answer of `credential-process` before anything else is set up: one private file is read, two files are
//! looked at, the bytes are written. SDKs run awsmfa for every process, so this must cost about as much as starting one.
//!
//! Anything but a plain request with a valid answer is left to the ordinary path, silently.

use std::ffi::OsString;
use std::io::{self, Write};

use crate::answers::ReadyAnswer;
use crate::clock::Clock;
use crate::env::Env;
use crate::paths::Paths;

/// Prints the ready answer that the arguments (without the program's name) ask for, if it is valid. `None` means that
/// nothing was written and the ordinary path must run; an error means that the answer was not written completely.
pub fn answer(
    args: &[OsString],
    env: &Env,
    clock: &dyn Clock,
    out: &mut dyn Write,
) -> Option<io::Result<()>> {
    let profile = requested_profile(args, env)?;
    let output = ReadyAnswer::as_of_now(&Paths::of(env).ok()?, env, &profile).read(clock.now())?;
    Some(match out.write_all(output.expose()).and_then(|()| out.flush()) {
        // The reader closed the pipe and does not need the rest.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    })
}

/// The profile of `credential-process [-p P | --profile P | --profile=P]` and nothing else.
fn requested_profile(args: &[OsString], env: &Env) -> Option<String> {
    let args: Option<Vec<&str>> = args.iter().map(|a| a.to_str()).collect();
    match args?.as_slice() {
        ["credential-process"] => Some(env.profile().to_owned()),
        ["credential-process", "-p" | "--profile", name] => Some((*name).to_owned()),
        ["credential-process", one] => one.strip_prefix("--profile=").map(str::to_owned),
        _ => None,
    }
    .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(args: &[&str]) -> Option<String> {
        let env = Env::from_pairs([("AWS_PROFILE", "from-env")]);
        requested_profile(&args.iter().map(OsString::from).collect::<Vec<_>>(), &env)
    }

    #[test]
    fn only_a_plain_request_is_recognized() {
        assert_eq!(profile(&["credential-process"]).as_deref(), Some("from-env"));
        for args in [
            &["credential-process", "-p", "dev"][..],
            &["credential-process", "--profile", "dev"],
            &["credential-process", "--profile=dev"],
        ] {
            assert_eq!(profile(args).as_deref(), Some("dev"));
        }
        for args in [
            &["login"][..],
            &["credential-process", "-v"],
            &["credential-process", "--profile="],
            &["credential-process", "-p", "dev", "-v"],
            &["-v", "credential-process"],
        ] {
            assert_eq!(profile(args), None, "{args:?}");
        }
    }
}
