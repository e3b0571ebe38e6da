//! Where programs get the credentials of a role without AssumeRole: the portal of IAM Identity Center, and the endpoint that a
//! container has. Here they are at `/federation/credentials` and `/container/ROLE` of the same port.

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::account::Account;
use crate::clock::iso;
use crate::http::{Received, Reply};
use crate::session::{Origin, Principal, SessionEntry};

/// Answers a request to one of these paths; `None` for other paths.
pub(crate) fn answer(account: &mut Account, request: &Received, now: DateTime<Utc>) -> Option<Reply> {
    let reply =
        |status, body: serde_json::Value| Some(Reply::new(status, "application/json", body.to_string()));
    if let Some(role) = request.path.strip_prefix("/container/") {
        let allowed = request.header("authorization") == account.portal_token.as_deref();
        let Some(session) = allowed.then(|| session(account, role, now)).flatten() else {
            return reply(403, json!({ "message": "Forbidden" }));
        };
        return reply(
            200,
            json!({
                "AccessKeyId": session.access_key_id,
                "SecretAccessKey": session.secret,
                "Token": session.token,
                "Expiration": iso(session.expires),
            }),
        );
    }
    if request.path != "/federation/credentials" {
        return None;
    }
    let signed_in = request.header("x-amz-sso_bearer_token") == account.portal_token.as_deref();
    if !signed_in || account.portal_token.is_none() {
        return reply(
            401,
            json!({ "message": "Session token not found or invalid", "__type": "UnauthorizedException" }),
        );
    }
    let role = request.params.get("role_name").unwrap_or_default().to_owned();
    let own = request.params.get("account_id") == Some(account.id.as_str());
    let Some(session) = own.then(|| session(account, &role, now)).flatten() else {
        return reply(403, json!({ "message": "No access", "__type": "ForbiddenException" }));
    };
    reply(
        200,
        json!({ "roleCredentials": {
            "accessKeyId": session.access_key_id,
            "secretAccessKey": session.secret,
            "sessionToken": session.token,
            "expiration": session.expires.timestamp_millis(),
        }}),
    )
}

fn session<'a>(account: &'a mut Account, role: &str, now: DateTime<Utc>) -> Option<&'a SessionEntry> {
    account.roles.get(role)?;
    let principal = Principal::Role { role: role.into(), session_name: "alice@example.com".into() };
    Some(account.create_session(principal, Origin::AssumeRole { chained: false }, now, 3600))
}
