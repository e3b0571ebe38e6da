//! Prints a ready answer of `credential-process` or `status --short` before anything else is set up: one private file is
//! read, two or five are looked at, the bytes are written. SDKs run awsmfa for every process and shells for every prompt, so
//! this must cost about as much as starting one.
//!
//! Anything but a plain request with a valid answer is left to the ordinary path, silently.

use std::ffi::OsString;
use std::io::{self, Write};

use chrono::{DateTime, Utc};

use crate::answers::{Question, ReadyAnswer};
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
    let (question, profile) = requested(args, env)?;
    let now = clock.now();
    let ready = ReadyAnswer::as_of_now(question, &Paths::of(env).ok()?, env, &profile).read(now)?;
    let output = match question {
        Question::Credentials => ready,
        Question::Status => prompt(&ready, &profile, now)?,
    };
    Some(match out.write_all(output.expose()).and_then(|()| out.flush()) {
        // The reader closed the pipe and does not need the rest.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    })
}

/// What `status --short` prints: nothing if the answer is that there is no session.
fn prompt(ready: &Secret<Vec<u8>>, profile: &str, now: DateTime<Utc>) -> Option<Secret<Vec<u8>>> {
    let text = match std::str::from_utf8(ready.expose()).ok()? {
        "" => String::new(),
        text => Validity::from_text(text)?.prompt(profile, now),
    };
    Some(Secret::new(text.into_bytes()))
}

/// What a plain request asks for: `credential-process`, or `status --short` with the flag anywhere, and
/// `[-p P | --profile P | --profile=P]`.
fn requested(args: &[OsString], env: &Env) -> Option<(Question, String)> {
    let args: Option<Vec<&str>> = args.iter().map(|a| a.to_str()).collect();
    let args = args?;
    let (question, rest) = match args.as_slice() {
        ["credential-process", rest @ ..] => (Question::Credentials, rest),
        ["status", "--short", rest @ ..] | ["status", rest @ .., "--short"] => (Question::Status, rest),
        _ => return None,
    };
    let profile = match rest {
        [] => env.profile(),
        ["-p" | "--profile", name] => name,
        [one] => one.strip_prefix("--profile=")?,
        _ => return None,
    };
    (!profile.is_empty()).then(|| (question, profile.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(args: &[&str]) -> Option<(Question, String)> {
        let env = Env::from_pairs([("AWS_PROFILE", "from-env")]);
        requested(&args.iter().map(OsString::from).collect::<Vec<_>>(), &env)
    }

    #[test]
    fn only_a_plain_request_is_recognized() {
        for (question, command) in
            [(Question::Credentials, &["credential-process"][..]), (Question::Status, &["status", "--short"])]
        {
            let with = |rest: &[&str]| asked(&[command, rest].concat());
            assert_eq!(with(&[]), Some((question, "from-env".to_owned())));
            for rest in [&["-p", "dev"][..], &["--profile", "dev"], &["--profile=dev"]] {
                assert_eq!(with(rest), Some((question, "dev".to_owned())));
            }
            for rest in [&["-v"][..], &["--profile="], &["-p"], &["-p", "dev", "-v"], &["dev"], &["--json"]] {
                assert_eq!(with(rest), None, "{rest:?}");
            }
        }
        assert_eq!(asked(&["status", "-p", "dev", "--short"]), Some((Question::Status, "dev".to_owned())));
        for args in [&["login"][..], &["status"], &["status", "-p", "dev"], &["-v", "credential-process"]] {
            assert_eq!(asked(args), None, "{args:?}");
        }
    }
}
