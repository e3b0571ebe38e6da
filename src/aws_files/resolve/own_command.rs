//! Our own command line in a profile's `credential_process`.

/// Whether a `credential_process` runs awsmfa for this profile; without `-p` it is taken to.
pub fn runs_ourselves(command: &str, profile: &str) -> bool {
    served_profile(command).is_some_and(|served| served.is_none_or(|served| served == profile))
}

/// The profile for which a `credential_process` runs awsmfa: `Some(None)` if it names none, `None` if it runs something
/// else.
pub fn served_profile(command: &str) -> Option<Option<String>> {
    // Backslashes are folders on Windows and would be eaten as escapes.
    let words = shlex::split(&command.replace('\\', "/"))?;
    let (program, rest) = words.split_first()?;
    let program = program.rsplit('/').next().unwrap_or_default();
    let is_awsmfa = program == "awsmfa" || program.eq_ignore_ascii_case("awsmfa.exe");
    if !is_awsmfa || !rest.iter().any(|word| word == "credential-process") {
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
