//! A unified diff of an AWS file without secrets.

use similar::TextDiff;

/// The keys whose values are secrets.
const SECRETS: [&str; 3] = ["aws_secret_access_key", "aws_session_token", "aws_security_token"];

const REDACTED: &str = "********";

/// The difference between two texts of a file; empty if they are equal.
pub(super) fn diff(path: &str, old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let (old, new) = (redacted(old), redacted(new));
    let diff = TextDiff::from_lines(&old, &new);
    diff.unified_diff().context_radius(3).header(path, path).to_string()
}

/// The same lines without the values of secrets, whether they are settings, comments, or continued on the next line.
fn redacted(text: &str) -> String {
    let mut in_secret = false;
    let mut all = String::new();
    for line in text.split_inclusive('\n') {
        let (body, end) = line.split_at(line.trim_end_matches(['\r', '\n']).len());
        let lower = body.to_ascii_lowercase();
        let secret = SECRETS.iter().filter_map(|key| Some(lower.find(key)? + key.len())).min();
        let value = secret.and_then(|at| Some(at + body[at..].find(['=', ':'])? + 1));
        let continues = in_secret && body.starts_with([' ', '\t']);
        in_secret = value.is_some() || continues;
        match value {
            Some(at) => all.push_str(&format!("{} {REDACTED}", body[..at].trim_end())),
            None if continues => all.push_str(&format!("  {REDACTED}")),
            None => all.push_str(body),
        }
        all.push_str(end);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diff_shows_no_secret() {
        let old = "[a]\naws_access_key_id = AKIA1\nAWS_Secret_Access_Key=s3cret\n# aws_session_token: t0ken\n[b]\naws_secret_access_key =\n  s3cret\nregion = x\n";
        let new = old.replace("[a]", "[a-long-term]").replace("region = x", "region = y");
        insta::assert_snapshot!(diff("f", old, &new), @"
        --- f
        +++ f
        @@ -1,8 +1,8 @@
        -[a]
        +[a-long-term]
         aws_access_key_id = AKIA1
         AWS_Secret_Access_Key= ********
         # aws_session_token: ********
         [b]
         aws_secret_access_key = ********
           ********
        -region = x
        +region = y
        ");
        assert_eq!(diff("f", old, old), "");
    }
}
