//! The output of a `credential_process` (AWS SDKs and Tools Reference, "Process credential provider").

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::session::{LongTermKeys, Session, timestamp};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    // Strict RFC 3339 with `Z`: the Rust and Java SDKs accept nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

/// The session as one JSON object on one line, with a final newline, as every SDK expects.
pub fn render(session: &Session) -> Secret<String> {
    Secret::new(one_line(&Output {
        version: 1,
        access_key_id: &session.access_key_id,
        secret_access_key: session.secret_access_key.expose(),
        session_token: Some(session.session_token.expose()),
        expiration: Some(timestamp(session.expiration)),
        account_id: session.account_id.as_deref(),
    }))
}

/// Long-term keys, in the same way. A store has them in this form: whatever prints the stored text is a
/// `credential_process`.
pub fn render_keys(keys: &LongTermKeys) -> Secret<String> {
    Secret::locked(one_line(&Output {
        version: 1,
        access_key_id: &keys.access_key_id,
        secret_access_key: keys.secret_access_key.expose(),
        session_token: None,
        expiration: None,
        account_id: None,
    }))
}

fn one_line(output: &Output) -> String {
    let mut text = serde_json::to_string(output).expect("strings and numbers can be serialized");
    text.push('\n');
    text
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

/// What a program printed: long-term keys, or a session's keys with its token.
#[derive(Debug)]
pub struct PrintedKeys {
    pub keys: LongTermKeys,
    pub session_token: Option<Secret<String>>,
}

/// Reads the output of a program. The error says nothing, because the parser's message would quote the secret.
pub fn parse(text: &str) -> Option<PrintedKeys> {
    let Input { access_key_id, secret_access_key, session_token } = serde_json::from_str(text).ok()?;
    // Some programs print an empty token with long-term keys.
    let session_token = session_token.filter(|token| !token.is_empty()).map(Secret::from);
    let keys = LongTermKeys { access_key_id, secret_access_key: Secret::locked(secret_access_key) };
    Some(PrintedKeys { keys, session_token })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn keys_are_read_as_they_are_written() {
        let keys = LongTermKeys { access_key_id: "AKIAEXAMPLE".into(), secret_access_key: "a/b+c".into() };
        let text = render_keys(&keys);
        assert_eq!(
            text.expose(),
            "{\"Version\":1,\"AccessKeyId\":\"AKIAEXAMPLE\",\"SecretAccessKey\":\"a/b+c\"}\n"
        );
        let printed = parse(text.expose()).unwrap();
        assert_eq!((printed.keys, printed.session_token), (keys, None));
        assert!(parse("{}").is_none());
    }

    #[test]
    fn output_is_what_the_sdks_read() {
        let session = Session {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: "a/b+c".into(),
            session_token: "token==".into(),
            issued: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            expiration: DateTime::from_timestamp(1_700_043_200, 500_000_000).unwrap(),
            account_id: Some("123456789012".into()),
        };
        assert_eq!(
            render(&session).expose(),
            "{\"Version\":1,\"AccessKeyId\":\"ASIAEXAMPLE\",\"SecretAccessKey\":\"a/b+c\",\"SessionToken\":\"token==\",\
             \"Expiration\":\"2023-11-15T10:13:20Z\",\"AccountId\":\"123456789012\"}\n"
        );
    }
}
