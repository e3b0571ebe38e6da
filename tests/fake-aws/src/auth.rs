//! Who signed a request: SigV4 verified for real, sessions and clock skew included.
//!
//! Gives a [`Caller`] or AWS's refusal; what the caller may do is `policy.rs`.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use crate::account::{Account, KeyStatus, LastUse, Principal};
use crate::clock::compact;
use crate::error::ApiError;
use crate::http::Received;
use crate::sigv4::{self, Scope, SignedRequest};

/// An authenticated principal.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) access_key_id: String,
    pub(crate) principal: Principal,
    pub(crate) arn: String,
    /// GetCallerIdentity's `UserId`.
    pub(crate) user_id: String,
    pub(crate) root: bool,
    pub(crate) session: Option<SessionKind>,
}

/// What kind of temporary credentials signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionKind {
    /// Whether calls carry `aws:MultiFactorAuthPresent`.
    pub(crate) mfa: bool,
}

impl Caller {
    /// Whether the session was made with MFA; long-term keys never have it.
    pub(crate) fn mfa(&self) -> bool {
        self.session.is_some_and(|session| session.mfa)
    }

    /// The calling user's name, for users and their sessions.
    pub(crate) fn user(&self) -> Option<&str> {
        match &self.principal {
            Principal::User(name) => Some(name),
            Principal::Role { .. } => None,
        }
    }
}

/// The parts of an `Authorization` header.
struct Authorization {
    access_key_id: String,
    scope: Scope,
    terminator: String,
    signed_headers: Vec<String>,
    signature: String,
}

/// The access key id that a request claims, for the log; nothing is verified.
pub(crate) fn claimed_key(request: &Received) -> Option<String> {
    parse(request.header("authorization")?).ok().map(|authorization| authorization.access_key_id)
}

/// Verifies the signature of a request to `service` (`sts`, `iam`).
pub(crate) fn authenticate(
    account: &mut Account,
    request: &Received,
    service: &str,
    now: DateTime<Utc>,
) -> Result<Caller, ApiError> {
    let Some(header) = request.header("authorization") else {
        let message = "Request is missing Authentication Token";
        return Err(ApiError::new(403, "MissingAuthenticationToken", message));
    };
    let authorization = parse(header)?;
    let token = request.header("x-amz-security-token");
    let known = find_key(account, &authorization.access_key_id, token)?;
    let signed_at = check_date(request, &authorization, now)?;
    check_scope(&authorization, service, &signed_at)?;
    check_signature(request, &authorization, &known.secret, &signed_at)?;
    if known.expires.is_some_and(|expires| expires <= now) {
        return Err(ApiError::new(
            403,
            "ExpiredToken",
            "The security token included in the request is expired",
        ));
    }
    if let Some(key) = account.keys.iter_mut().find(|key| key.id == known.caller.access_key_id) {
        key.last_used =
            Some(LastUse { at: now, service: service.into(), region: authorization.scope.region });
    }
    Ok(known.caller)
}

fn parse(header: &str) -> Result<Authorization, ApiError> {
    let incomplete = |what: &str| {
        let message = format!("Authorization header requires {what}. Authorization={header}");
        ApiError::new(400, "IncompleteSignature", message)
    };
    let fields = header.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(|| incomplete("'AWS4-HMAC-SHA256'"))?;
    let field = |name: &str| {
        let found = fields.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        found.filter(|value| !value.is_empty()).ok_or_else(|| incomplete(&format!("'{name}' parameter")))
    };
    let credential: Vec<&str> = field("Credential")?.split('/').collect();
    let [key, date, region, service, terminator] = credential[..] else {
        return Err(incomplete("a Credential of the form KEY/DATE/REGION/SERVICE/aws4_request"));
    };
    Ok(Authorization {
        access_key_id: key.into(),
        scope: Scope { date: date.into(), region: region.into(), service: service.into() },
        terminator: terminator.into(),
        signed_headers: field("SignedHeaders")?.split(';').map(str::to_owned).collect(),
        signature: field("Signature")?.into(),
    })
}

struct KnownKey {
    caller: Caller,
    secret: String,
    expires: Option<DateTime<Utc>>,
}

fn find_key(account: &Account, id: &str, token: Option<&str>) -> Result<KnownKey, ApiError> {
    let found = match token {
        Some(token) => session_key(account, id, token),
        None => long_term_key(account, id),
    };
    found.ok_or_else(ApiError::invalid_client_token)
}

fn long_term_key(account: &Account, id: &str) -> Option<KnownKey> {
    let key = account.keys.iter().find(|key| key.id == id && key.status == KeyStatus::Active)?;
    let user = account.users.get(&key.user)?;
    let caller = Caller {
        access_key_id: key.id.clone(),
        principal: Principal::User(user.name.clone()),
        arn: user.arn.clone(),
        user_id: user.id.clone(),
        root: user.root,
        session: None,
    };
    Some(KnownKey { caller, secret: key.secret.clone(), expires: None })
}

fn session_key(account: &Account, id: &str, token: &str) -> Option<KnownKey> {
    let session = account.sessions.get(id).filter(|session| session.token == token)?;
    let (arn, user_id, root) = match &session.principal {
        Principal::User(name) => {
            let user = account.users.get(name).filter(|user| Some(&user.id) == session.user_id.as_ref())?;
            (user.arn.clone(), user.id.clone(), user.root)
        }
        Principal::Role { role, session_name } => {
            let entry = account.roles.get(role)?;
            let arn = account.arn("sts", &format!("assumed-role/{role}/{session_name}"));
            (arn, format!("{}:{session_name}", entry.id), false)
        }
    };
    let caller = Caller {
        access_key_id: id.into(),
        principal: session.principal.clone(),
        arn,
        user_id,
        root,
        session: Some(SessionKind { mfa: session.mfa }),
    };
    Some(KnownKey { caller, secret: session.secret.clone(), expires: Some(session.expires) })
}

/// The request's time, which may be a quarter of an hour off.
fn check_date(
    request: &Received,
    authorization: &Authorization,
    now: DateTime<Utc>,
) -> Result<String, ApiError> {
    let missing = || {
        let message = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
        ApiError::new(400, "IncompleteSignature", message)
    };
    let stated = request.header("x-amz-date").ok_or_else(missing)?;
    let Ok(signed) = NaiveDateTime::parse_from_str(stated, "%Y%m%dT%H%M%SZ") else {
        let message = format!(
            "Date must be in ISO-8601 'basic format'. Got '{stated}'. See http://en.wikipedia.org/wiki/ISO_8601"
        );
        return Err(ApiError::new(400, "IncompleteSignature", message));
    };
    let (signed, server) = (signed.and_utc(), compact(now));
    let allowed = TimeDelta::minutes(15);
    if signed < now - allowed {
        let limit = compact(now - allowed);
        let message = format!("Signature expired: {stated} is now earlier than {limit} ({server} - 15 min.)");
        return Err(ApiError::signature(message));
    }
    if signed > now + allowed {
        let limit = compact(now + allowed);
        let message =
            format!("Signature not yet current: {stated} is still later than {limit} ({server} + 15 min.)");
        return Err(ApiError::signature(message));
    }
    if authorization.scope.date != stated[..8] {
        return Err(ApiError::signature(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', \
             from '{stated}'.",
            authorization.scope.date,
            &stated[..8]
        )));
    }
    Ok(stated.to_owned())
}

fn check_scope(authorization: &Authorization, service: &str, signed_at: &str) -> Result<(), ApiError> {
    if authorization.scope.service != service {
        let message = format!("Credential should be scoped to correct service: '{service}'. ");
        return Err(ApiError::signature(message));
    }
    if authorization.terminator != "aws4_request" {
        let message = format!(
            "Credential should be scoped with a valid terminator: 'aws4_request', not '{}'. ",
            authorization.terminator
        );
        return Err(ApiError::signature(message));
    }
    if authorization.scope.region.is_empty() || signed_at.is_empty() {
        return Err(ApiError::signature("Credential should be scoped to a valid region. "));
    }
    Ok(())
}

fn check_signature(
    request: &Received,
    authorization: &Authorization,
    secret: &str,
    signed_at: &str,
) -> Result<(), ApiError> {
    let signed = |name: &str| authorization.signed_headers.iter().any(|header| header == name);
    if !signed("host") {
        let message = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
        return Err(ApiError::signature(message));
    }
    let amazon = request.headers.iter().map(|(name, _)| name).filter(|name| name.starts_with("x-amz-"));
    if let Some(name) = amazon.into_iter().find(|name| !signed(name)) {
        let message = format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.");
        return Err(ApiError::signature(message));
    }
    let headers: Vec<(String, String)> =
        request.headers.iter().filter(|(name, _)| signed(name)).cloned().collect();
    let canonical = SignedRequest {
        method: &request.method,
        path: &request.path,
        query: &request.query,
        headers: &headers,
        body: &request.body,
    };
    let expected = sigv4::signature(&canonical, secret, signed_at, &authorization.scope);
    let stated_hash = request.header("x-amz-content-sha256");
    let body_fits = stated_hash.is_none_or(|stated| stated == sigv4::payload_hash(&request.body));
    let all_present = authorization.signed_headers.iter().all(|name| request.header(name).is_some());
    if expected == authorization.signature && body_fits && all_present {
        return Ok(());
    }
    Err(ApiError::signature(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details.",
    ))
}
