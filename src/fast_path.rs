//! Prints a ready answer of `credential-process` or `status --short` before anything else is set up: one private file is
//! read, two or five are looked at, the bytes are written. SDKs run awsmfa for every process and shells for every prompt, so
//! this must cost about as much as starting one.
//!
//! Anything but a plain request with a valid answer is left to the ordinary path, silently.

use std::ffi::OsString;
use std::io::{self, Write};

use crate::answers::{self, Question, ReadyAnswer};
use crate::clock::Clock;
use crate::env::Env;
use crate::model::secret::Secret;
use crate::model::validity::Validity;
use crate::paths::Paths;

/// Prints the ready answer that the arguments (without the program's name) ask for, if it is valid. `None` means that
/// nothing was written and the ordinary path must run; an error means that the answer was not written completely.
pub fn answer(
    args: &[OsString],
    env: &Env,
    clock: &dyn Clock,
    out: &mut dyn Write,
) -> Option<io::Result<()>> {
    let (question, flag) = requested(args)?;
    let (profile, now) = (flag.unwrap_or(env.profile()), clock.now());
    let ready = || ReadyAnswer::as_of_now(question, &Paths::of(env).ok()?, env, profile).read(now);
    let output = match question {
        Question::Credentials => ready()?,
        Question::Status => {
            let of_environment = || answers::of_environment(env).filter(|_| flag.is_none());
            let validity = of_environment().map_or_else(|| validity(&ready()?), |found| Some(Some(found)))?;
            let line = validity.map(|validity| validity.prompt(profile, now));
            Secret::new(line.unwrap_or_default().into_bytes())
        }
    };
    Some(match out.write_all(output.expose()).and_then(|()| out.flush()) {
        // The reader closed the pipe and does not need the rest.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    })
}

/// When the session expires, in the answer of `status --short`: `Some(None)` is the answer that there is no session.
fn validity(ready: &Secret<Vec<u8>>) -> Option<Option<Validity>> {
    match std::str::from_utf8(ready.expose()).ok()? {
        "" => Some(None),
        text => Validity::from_text(text).map(Some),
    }
}

/// What a plain request asks for: `credential-process`, or `status --short` with the flag anywhere, and
/// `[-p P | --profile P | --profile=P]`.
fn requested(args: &[OsString]) -> Option<(Question, Option<&str>)> {
    let args: Option<Vec<&str>> = args.iter().map(|a| a.to_str()).collect();
    let args = args?;
    let (question, rest) = match args.as_slice() {
        ["credential-process", rest @ ..] => (Question::Credentials, rest),
        ["status", "--short", rest @ ..] | ["status", rest @ .., "--short"] => (Question::Status, rest),
        _ => return None,
    };
    let profile = match rest {
        [] => return Some((question, None)),
        ["-p" | "--profile", name] => name,
        [one] => one.strip_prefix("--profile=")?,
        _ => return None,
    };
    (!profile.is_empty()).then_some((question, Some(profile)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(args: &[&str]) -> Option<(Question, Option<String>)> {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        requested(&args).map(|(question, profile)| (question, profile.map(str::to_owned)))
    }

    #[test]
    fn only_a_plain_request_is_recognized() {
        for (question, command) in
            [(Question::Credentials, &["credential-process"][..]), (Question::Status, &["status", "--short"])]
        {
            let with = |rest: &[&str]| asked(&[command, rest].concat());
            assert_eq!(with(&[]), Some((question, None)));
            for rest in [&["-p", "dev"][..], &["--profile", "dev"], &["--profile=dev"]] {
                assert_eq!(with(rest), Some((question, Some("dev".to_owned()))));
            }
            for rest in [&["-v"][..], &["--profile="], &["-p"], &["-p", "dev", "-v"], &["dev"], &["--json"]] {
                assert_eq!(with(rest), None, "{rest:?}");
            }
        }
        assert_eq!(
            asked(&["status", "-p", "dev", "--short"]),
            Some((Question::Status, Some("dev".to_owned())))
        );
        for args in [&["login"][..], &["status"], &["status", "-p", "dev"], &["-v", "credential-process"]] {
            assert_eq!(asked(args), None, "{args:?}");
        }
    }
}
