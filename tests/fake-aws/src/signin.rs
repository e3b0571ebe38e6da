//! The federation endpoint of `signin.aws.amazon.com`: exchanges the credentials of a session for a sign-in token,
//! and the token for a console session. Here it is at `/federation` of the same port.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;

use crate::account::Account;
use crate::http::Reply;
use crate::params::Params;
use crate::random;
use crate::session::{Origin, SessionEntry};

/// A console session that a sign-in URL opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// The ARN of the principal, such as `arn:aws:sts::123456789012:assumed-role/admin/alice`.
    pub arn: String,
    /// The page that the browser is sent to.
    pub destination: String,
    /// Where the browser goes when the console session expires.
    pub issuer: Option<String>,
    /// How long the console session lasts, in seconds, if the request for the token said so.
    pub session_duration: Option<i64>,
}

/// Tokens that were issued, and console sessions that were opened.
#[derive(Debug, Default)]
pub(crate) struct SignIns {
    tokens: Vec<Token>,
    pub(crate) opened: Vec<SignIn>,
}

#[derive(Debug)]
struct Token {
    text: String,
    arn: String,
    session_duration: Option<i64>,
    expires: DateTime<Utc>,
}

/// The `Session` parameter.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    session_id: String,
    session_key: String,
    session_token: String,
}

const BAD_REQUEST: &str = "Bad Request";
const BAD_CREDENTIALS: &str = "Invalid credentials parameter";

/// Answers a GET or POST of `/federation`.
pub(crate) fn answer(account: &mut Account, params: &Params, now: DateTime<Utc>) -> Reply {
    let result = match params.get("Action") {
        Some("getSigninToken") => get_signin_token(account, params, now),
        Some("login") => login(account, params, now),
        _ => Err(BAD_REQUEST),
    };
    result.unwrap_or_else(|message| {
        let page = format!(
            "<html><head><title>Error report</title></head><body><h1>HTTP Status 400 - {message}</h1>\
             <p>The request sent by the client was syntactically incorrect.</p></body></html>"
        );
        Reply::new(400, "text/html", page)
    })
}

fn get_signin_token(
    account: &mut Account,
    params: &Params,
    now: DateTime<Utc>,
) -> Result<Reply, &'static str> {
    let session_duration = params.get("SessionDuration").map(str::parse::<i64>).transpose();
    let session_duration = session_duration.map_err(|_| BAD_REQUEST)?;
    if session_duration.is_some_and(|seconds| !(900..=43_200).contains(&seconds)) {
        return Err(BAD_REQUEST);
    }
    let session = session(account, params.get("Session").ok_or(BAD_REQUEST)?, now)?;
    match session.origin {
        Origin::GetSessionToken { .. } => return Err(BAD_REQUEST),
        Origin::GetFederationToken | Origin::AssumeRole { chained: true } if session_duration.is_some() => {
            return Err(BAD_CREDENTIALS);
        }
        Origin::GetFederationToken | Origin::AssumeRole { .. } => {}
    }
    let (arn, _) = account.identity(session).ok_or(BAD_CREDENTIALS)?;
    let text = random::signin_token();
    let reply = Reply::new(200, "application/json", json!({ "SigninToken": text }).to_string());
    let expires = now + TimeDelta::minutes(15);
    account.sign_ins.tokens.push(Token { text, arn, session_duration, expires });
    Ok(reply)
}

/// The session with the credentials in the `Session` parameter.
fn session<'a>(
    account: &'a Account,
    parameter: &str,
    now: DateTime<Utc>,
) -> Result<&'a SessionEntry, &'static str> {
    let given: Credentials = serde_json::from_str(parameter).map_err(|_| BAD_REQUEST)?;
    let known = account.sessions.get(&given.session_id).filter(|session| {
        session.secret == given.session_key && session.token == given.session_token && session.expires > now
    });
    known.ok_or(BAD_CREDENTIALS)
}

fn login(account: &mut Account, params: &Params, now: DateTime<Utc>) -> Result<Reply, &'static str> {
    let given = params.get("SigninToken").ok_or(BAD_REQUEST)?;
    let destination =
        params.get("Destination").filter(|url| url.starts_with("https://")).ok_or(BAD_REQUEST)?;
    let token = account.sign_ins.tokens.iter().find(|token| token.text == given && token.expires > now);
    let token = token.ok_or(BAD_REQUEST)?;
    let opened = SignIn {
        arn: token.arn.clone(),
        destination: destination.into(),
        issuer: params.get("Issuer").map(str::to_owned),
        session_duration: token.session_duration,
    };
    account.sign_ins.opened.push(opened);
    Ok(Reply { location: Some(destination.into()), ..Reply::new(302, "text/html", "") })
}
