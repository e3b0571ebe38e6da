//! The output of a `credential_process` (AWS SDKs and Tools Reference, "Process credential provider").

use serde::Serialize;

use super::secret::Secret;
use super::session::{Session, timestamp};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    // Strict RFC 3339 with `Z`: the Rust and Java SDKs accept nothing else.
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

/// The session as one JSON object on one line, with a final newline, as every SDK expects.
pub fn render(session: &Session) -> Secret<String> {
    let output = Output {
        version: 1,
        access_key_id: &session.access_key_id,
        secret_access_key: session.secret_access_key.expose(),
        session_token: session.session_token.expose(),
        expiration: timestamp(session.expiration),
        account_id: session.account_id.as_deref(),
    };
    let mut text = serde_json::to_string(&output).expect("strings and numbers can be serialized");
    text.push('\n');
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

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
