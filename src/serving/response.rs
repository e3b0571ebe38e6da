//! What a request gets: credentials, or an error in the format of the container credentials contract. The SDKs show the
//! error's text, so it says what to do.

use serde::Serialize;
use zeroize::Zeroizing;

use crate::error::{CommandError, ErrorKind};
use crate::model::secret::Secret;
use crate::model::session::{Session, timestamp};

/// Why a request is refused before anyone looks for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is not an HTTP/1.1 request without a body.
    Malformed,
    /// It did not arrive in time.
    Slow,
    /// Its head is too long.
    Long,
    /// It is not a GET request.
    Method,
    /// It is for another host.
    Host,
    /// A browser sent it.
    Browser,
    /// Its token is missing or wrong.
    Token,
    /// No profile is served under its path.
    Profile,
}

/// A response, ready to be sent.
pub struct Response(Zeroizing<Vec<u8>>);

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    // Strict RFC 3339 with `Z`, as every SDK reads it.
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

/// Both spellings: the JavaScript SDK shows only `Message`, and the contract says `message`.
#[derive(Serialize)]
struct Failure<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(rename = "Code")]
    capital_code: &'a str,
    #[serde(rename = "Message")]
    capital_message: &'a str,
}

/// The body of a response with a session.
pub fn credentials(session: &Session) -> Secret<String> {
    let body = Credentials {
        access_key_id: &session.access_key_id,
        secret_access_key: session.secret_access_key.expose(),
        token: session.session_token.expose(),
        expiration: timestamp(session.expiration),
        account_id: session.account_id.as_deref(),
    };
    Secret::new(serde_json::to_string(&body).expect("strings can be serialized"))
}

impl Response {
    /// A session, as rendered by [`credentials`].
    pub fn session(body: &Secret<String>) -> Self {
        Self::new("200 OK", "", body.expose())
    }

    /// There is no session. An SDK tries again after a 5xx status only.
    pub fn failed(error: &CommandError) -> Self {
        let (status, code) = match error.kind {
            ErrorKind::Network => ("503 Service Unavailable", "ServiceUnavailable"),
            ErrorKind::Refused => ("403 Forbidden", "AccessDenied"),
            _ => ("400 Bad Request", "NoSession"),
        };
        let hints = error.hints.iter().map(|hint| format!("; hint: {hint}")).collect::<String>();
        Self::error(status, "", code, &format!("{error}{hints}"))
    }

    /// The session is not ready yet.
    pub fn busy() -> Self {
        let message = "the session is not ready yet; try again";
        Self::error("503 Service Unavailable", "", "Busy", message)
    }

    fn error(status: &str, headers: &str, code: &str, message: &str) -> Self {
        let body = Failure { code, message, capital_code: code, capital_message: message };
        let body = serde_json::to_string(&body).expect("strings can be serialized");
        Self::new(status, headers, &body)
    }

    fn new(status: &str, headers: &str, body: &str) -> Self {
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             Connection: close\r\n{headers}\r\n",
            body.len()
        );
        // One buffer that never grows, so no copy is left unwiped.
        let mut bytes = Zeroizing::new(Vec::with_capacity(head.len() + body.len()));
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(body.as_bytes());
        Self(bytes)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        let (status, code, message) = match refusal {
            Refusal::Malformed => ("400 Bad Request", "BadRequest", "not an HTTP/1.1 request without a body"),
            Refusal::Slow => ("408 Request Timeout", "RequestTimeout", "the request did not arrive in time"),
            Refusal::Long => {
                ("431 Request Header Fields Too Large", "RequestTooLarge", "the request is longer than 8 KiB")
            }
            Refusal::Method => ("405 Method Not Allowed", "MethodNotAllowed", "only GET is supported"),
            Refusal::Host => ("403 Forbidden", "ForeignHost", "the request is for another host"),
            Refusal::Browser => ("403 Forbidden", "BrowserRequest", "web pages get no credentials"),
            Refusal::Token => (
                "401 Unauthorized",
                "InvalidToken",
                "the token is missing or wrong; set AWS_CONTAINER_AUTHORIZATION_TOKEN as `awsmfa serve` prints it",
            ),
            Refusal::Profile => (
                "404 Not Found",
                "UnknownProfile",
                "no profile is served under this path; start `awsmfa serve` with that profile",
            ),
        };
        let headers = if refusal == Refusal::Method { "Allow: GET\r\n" } else { "" };
        Self::error(status, headers, code, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn session_is_what_the_sdks_read() {
        let session = Session {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: "a/b+c".into(),
            session_token: "token==".into(),
            issued: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            expiration: DateTime::from_timestamp(1_700_043_200, 500_000_000).unwrap(),
            account_id: Some("123456789012".into()),
        };
        let response = Response::session(&credentials(&session));
        insta::assert_snapshot!(std::str::from_utf8(response.bytes()).unwrap().replace('\r', ""), @r#"
        HTTP/1.1 200 OK
        Content-Type: application/json
        Content-Length: 136
        Cache-Control: no-store
        Connection: close

        {"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"a/b+c","Token":"token==","Expiration":"2023-11-15T10:13:20Z","AccountId":"123456789012"}
        "#);
    }

    #[test]
    fn error_has_its_hints_and_a_status_that_says_whether_to_try_again() {
        let text = |kind| {
            let error = CommandError::new(kind, "no \"session\"").hint("do this");
            String::from_utf8(Response::failed(&error).bytes().to_vec()).unwrap()
        };
        assert!(text(ErrorKind::Network).starts_with("HTTP/1.1 503 "));
        assert!(text(ErrorKind::Refused).starts_with("HTTP/1.1 403 "));
        let body = text(ErrorKind::Configuration);
        let body: serde_json::Value = serde_json::from_str(body.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        for (code, message) in [("code", "message"), ("Code", "Message")] {
            assert_eq!(
                (&body[code], &body[message]),
                (&"NoSession".into(), &"no \"session\"; hint: do this".into())
            );
        }
    }
}
