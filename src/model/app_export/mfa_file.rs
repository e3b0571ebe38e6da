//! `~/.aws/awsmfa.yml`, in which another program of our name (github.com/kaicoh/aws-mfa) keeps secrets in clear: a list of
//! profiles and secret keys, always of the same form.

use super::super::account::Account;
use super::super::totp::Seed;

/// The accounts in the file; `None` if it is another file.
pub(super) fn accounts(text: &str) -> Option<Vec<Account>> {
    let mut lines = text.lines().map(without_comment).filter(|line| !line.trim().is_empty());
    let mut first = lines.next()?;
    if first.trim() == "---" {
        first = lines.next()?;
    }
    if first.trim_end() != "secrets:" {
        return None;
    }
    let (mut found, mut profile, mut value) = (Vec::new(), None, None);
    // Whether an entry lacks a part. The file may be deleted afterward, so no secret in it may be overlooked.
    let mut is_open = false;
    for line in lines {
        let line = line.trim_start();
        let (is_new, rest) = line.strip_prefix('-').map_or((false, line), |rest| (true, rest));
        if is_new == is_open {
            return None;
        }
        if is_new {
            (profile, value, is_open) = (None, None, true);
        }
        let (name, text) = rest.split_once(':')?;
        match name.trim() {
            "profile" => profile = Some(unquoted(text)),
            "value" => value = Some(unquoted(text)),
            _ => return None,
        }
        if let (Some(profile), Some(value)) = (profile, value) {
            found.push(Account::of_profile(profile, Seed::from_base32(value)));
            is_open = false;
        }
    }
    Some(found).filter(|_| !is_open)
}

fn without_comment(line: &str) -> &str {
    let end = if line.trim_start().starts_with('#') { Some(0) } else { line.find(" #") };
    &line[..end.unwrap_or(line.len())]
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn list_is_read_as_people_and_programs_write_it() {
        for text in [
            "secrets:\n- profile: default\n  value: KEY\n- profile: a b\n  value: KEY\n",
            "---\nsecrets:\n  - value: 'KEY'\n    profile: \"default\"\n  # second\n  - profile: a b # work\n    value: KEY",
        ] {
            let found = accounts(&text.replace("KEY", KEY)).unwrap();
            let profiles: Vec<&str> = found.iter().filter_map(|account| account.profile.as_deref()).collect();
            assert_eq!(profiles, ["default", "a b"], "{text}");
            assert!(found.iter().all(|account| account.seed.is_ok() && account.is_aws()));
        }
        assert_eq!(accounts("secrets: []"), None);
        for incomplete in [
            "secrets:\n- profile: a\n  value: KEY\n- value: KEY",
            "secrets:\n- value: KEY\n- profile: a\n  value: KEY",
            "secrets:\n- profile: a\n  value: KEY\n  value: KEY",
        ] {
            assert_eq!(accounts(incomplete), None, "{incomplete}");
        }
        assert_eq!(accounts("secrets:\n- user: x\n  value: KEY"), None);
        assert!(accounts("secrets:\n- profile: a\n  value: nonsense!").unwrap()[0].seed.is_err());
    }
}
