//! `awsmfa --profile dev login`, the order that `aws` accepts: the flag is moved behind the command, where it belongs.

use std::ffi::{OsStr, OsString};

/// The command line (with the program's name first) with a leading `--profile` at the end of its command.
pub(super) fn profile_last(args: Vec<OsString>) -> Vec<OsString> {
    let is_profile = leading(&args);
    let leading = 1 + is_profile.len();
    // Without a command after it, the mistake is reported as typed.
    if !is_profile.contains(&true) || leading >= args.len() {
        return args;
    }
    let end =
        args[leading..].iter().position(|arg| arg == OsStr::new("--")).map_or(args.len(), |at| leading + at);
    let flags = |wanted: bool| {
        let leading = args[1..leading].iter().zip(&is_profile);
        leading.filter(move |(_, profile)| **profile == wanted).map(|(arg, _)| arg)
    };
    let parts = args[..1].iter().chain(flags(false)).chain(&args[leading..end]).chain(flags(true));
    parts.chain(&args[end..]).cloned().collect()
}

/// The word that is the command, if there is one.
pub(super) fn command(args: &[OsString]) -> Option<&OsStr> {
    args.get(1 + leading(args).len()).map(OsString::as_os_str)
}

/// The options before the command and their values: for each word, whether it belongs to `--profile`.
fn leading(args: &[OsString]) -> Vec<bool> {
    let mut is_profile = Vec::new();
    while let Some(arg) = args.get(1 + is_profile.len()).map(|arg| arg.as_encoded_bytes()) {
        let (profile, words) = match arg {
            b"--profile" | b"-p" => (true, 2),
            b"--color" => (false, 2),
            _ if arg.starts_with(b"--profile=") || (arg.starts_with(b"-p") && arg.len() > 2) => (true, 1),
            _ if arg.starts_with(b"-") && arg != b"-" && arg != b"--" => (false, 1),
            _ => break,
        };
        is_profile.extend([profile].repeat(words));
    }
    is_profile
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_profile_is_moved_to_the_end_of_the_command() {
        for (given, meant) in [
            ("awsmfa --profile dev login", "awsmfa login --profile dev"),
            ("awsmfa -p dev login --force", "awsmfa login --force -p dev"),
            ("awsmfa -v --profile=dev device list", "awsmfa -v device list --profile=dev"),
            ("awsmfa -pdev --color never login", "awsmfa --color never login -pdev"),
            ("awsmfa -p dev exec -- ls -l", "awsmfa exec -p dev -- ls -l"),
            ("awsmfa --profile login", "awsmfa --profile login"),
            ("awsmfa --profile", "awsmfa --profile"),
            ("awsmfa login -p dev", "awsmfa login -p dev"),
            ("awsmfa -v login", "awsmfa -v login"),
            ("awsmfa", "awsmfa"),
        ] {
            let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
            assert_eq!(profile_last(words(given)), words(meant), "{given}");
        }
    }
}
