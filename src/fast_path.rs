//! Answers a cached `credential-process` before anything else is set up: one private file read, two files looked at,
//! the bytes written out. SDKs run us for every process of their users, so this costs about as much as starting one.
//!
//! Everything that is not plainly the same as when the answer was made is left to the ordinary path, silently.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use crate::clock::Clock;
use crate::env::{ANSWER_VARIABLES, Env};
use crate::files;
use crate::model::answer::{self, Basis};
use crate::model::secret::Secret;

/// Answers if the arguments (without the program's name) ask for a cached answer that still holds. `None` means that
/// nothing was written and the ordinary path has to run; an error, that the answer did not come out whole.
pub fn answer(
    args: &[OsString],
    env: &Env,
    clock: &dyn Clock,
    out: &mut dyn Write,
) -> Option<io::Result<()>> {
    let profile = requested_profile(args, env)?;
    let bytes = Secret::new(files::read_private(&answer_file(env, &profile)?).ok()??);
    let output = answer::decode(bytes.expose(), &basis(env, &profile)?, clock.now())?;
    Some(match out.write_all(output).and_then(|()| out.flush()) {
        // An answer cut short by a closed pipe is the reader's affair; there is nothing to do over.
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

/// Where the ready answer for a profile lies.
pub fn answer_file(env: &Env, profile: &str) -> Option<PathBuf> {
    // A name made of letters, digits and `-_.` serves as it is; any other by its bytes in hexadecimal.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name = match profile.len() <= 100 && profile.chars().all(plain) {
        true => format!("profile-{profile}"),
        false => format!("hex-{}", profile.bytes().take(100).map(|b| format!("{b:02x}")).collect::<String>()),
    };
    Some(env.cache_dir()?.join(answer::FOLDER).join(name))
}

/// What an answer given now for a profile would depend on.
pub fn basis(env: &Env, profile: &str) -> Option<Basis> {
    let state = |path: PathBuf| match files::fingerprint(&path) {
        Some(f) => format!("{} {} {}", f.modified_ns, f.size, f.inode),
        None => "none".to_owned(),
    };
    // The profile too: long names share a file.
    let mut environment = profile.as_bytes().to_vec();
    environment.push(0);
    for name in ANSWER_VARIABLES {
        if let Some(value) = env.path(name) {
            environment.extend_from_slice(name.as_bytes());
            environment.push(b'=');
            environment.extend_from_slice(value.as_os_str().as_encoded_bytes());
            environment.push(0);
        }
    }
    Some(Basis {
        config: state(env.aws_config_file()?),
        credentials: state(env.aws_credentials_file()?),
        environment,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(args: &[&str]) -> Option<String> {
        let env = Env::from_pairs([("AWS_PROFILE", "from-env")]);
        requested_profile(&args.iter().map(OsString::from).collect::<Vec<_>>(), &env)
    }

    #[test]
    fn only_the_plain_request_is_recognised() {
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

    #[test]
    fn an_answer_is_for_its_profile_alone() {
        let env = Env::from_pairs([("HOME", "/h")]);
        let long = |end: &str| format!("{}{end}", "x".repeat(200));
        assert_eq!(answer_file(&env, &long("a")), answer_file(&env, &long("b")));
        assert_ne!(basis(&env, &long("a")), basis(&env, &long("b")));
    }

    #[test]
    fn profiles_have_files_of_their_own() {
        let env = Env::from_pairs([("HOME", "/h")]);
        let name = |profile| answer_file(&env, profile).unwrap().file_name().unwrap().to_owned();
        assert_eq!(name("dev"), "profile-dev");
        assert_eq!(name("../x"), "hex-2e2e2f78");
        assert_ne!(name("hex-2e2e2f78"), name("../x"));
    }
}
