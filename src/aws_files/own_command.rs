//! awsmfa's own command line in a profile's `credential_process`.

use crate::model::command_line::{self, is_awsmfa};

/// The `credential_process` for a profile's session. `None` if SDKs would not all run this program, or for this profile.
pub fn line(program: &str, profile: &str) -> Option<String> {
    match profile.starts_with('-') {
        // Otherwise the name would be read as an option.
        true => command_line::for_setting(&[program, "credential-process", &format!("--profile={profile}")]),
        false => command_line::for_setting(&[program, "credential-process", "--profile", profile]),
    }
}

/// Whether a `credential_process` runs awsmfa for this profile. Without `-p`, it is assumed to.
pub fn runs_ourselves(command: &str, profile: &str) -> bool {
    served_profile(command).is_some_and(|served| served.is_none_or(|served| served == profile))
}

/// The profile that a `credential_process` runs awsmfa for: `Some(None)` if it names no profile, `None` if it runs
/// another program.
pub fn served_profile(command: &str) -> Option<Option<String>> {
    let words = command_line::words(command)?;
    let (program, rest) = words.split_first()?;
    if !is_awsmfa(program) || !rest.iter().any(|word| word == "credential-process") {
        return None;
    }
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        let named = match word.as_str() {
            "-p" | "--profile" => words.next().map(String::as_str),
            word => word.strip_prefix("--profile=").or_else(|| {
                let short = word.strip_prefix("-p").filter(|_| !word.starts_with("--"))?;
                Some(short.strip_prefix('=').unwrap_or(short))
            }),
        };
        if named.is_some() {
            return Some(named.map(str::to_owned));
        }
    }
    Some(None)
}
