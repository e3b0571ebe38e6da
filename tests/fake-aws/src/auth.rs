//! Authentication: verifies SigV4 signatures, session tokens and clock skew.
//!
//! The result is a [`Caller`] or the error that AWS sends. What the caller may do is decided in `policy.rs`.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use crate::account::{Account, KeyEntry, KeyStatus, LastUse};
use crate::clock::compact;
use crate::error::ApiError;
use crate::http::Received;
use crate::session::{Origin, Principal};
use crate::session_policy::SessionPolicy;
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
    /// What narrows the session.
    pub(crate) policy: Option<SessionPolicy>,
}

/// The temporary credentials that signed a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionKind {
    pub(crate) origin: Origin,
    pub(crate) issued: DateTime<Utc>,
}

impl Caller {
    /// Whether requests carry `aws:MultiFactorAuthPresent`: only those of GetSessionToken sessions with MFA do.
    pub(crate) fn mfa(&self) -> bool {
        self.session.is_some_and(|session| session.origin == Origin::GetSessionToken { mfa: true })
    }

    /// `aws:MultiFactorAuthAge` in seconds.
    pub(crate) fn mfa_age(&self, now: DateTime<Utc>) -> Option<i64> {
        self.session.filter(|_| self.mfa()).map(|session| (now - session.issued).num_seconds())
    }

    /// The name of the calling user, for long-term keys and GetSessionToken sessions.
    pub(crate) fn user(&self) -> Option<&str> {
        match &self.principal {
            Principal::User(name) => Some(name),
            Principal::Role { .. } | Principal::Federated { .. } => None,
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

/// The access key ID in a request's signature, for the log. It is not verified.
pub(crate) fn claimed_key(request: &Received) -> Option<String> {
    parse(request.header("authorization")?).ok().map(|authorization| authorization.access_key_id)
}

/// Verifies the signature of a request to `service` (`sts`, `iam`). The order of the checks decides which error a
/// client sees: credential scope, access key, token, expiry, time and signature.
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
    check_scope(&authorization, request.header("host").unwrap_or_default(), service)?;
    let known = find_key(account, &authorization.access_key_id, token, now)
        .ok_or_else(|| ApiError::invalid_client_token(service))?;
    if known.expires.is_some_and(|expires| expires <= now) {
        return Err(ApiError::new(
            403,
            "ExpiredToken",
            "The security token included in the request is expired",
        ));
    }
    let signed_at = check_date(request, &authorization, now)?;
    check_signature(request, &authorization, &known.secret, &signed_at)?;
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

fn find_key(account: &Account, id: &str, token: Option<&str>, now: DateTime<Utc>) -> Option<KnownKey> {
    match token {
        Some(token) => session_key(account, id, token),
        None => long_term_key(account, id, now),
    }
}

fn long_term_key(account: &Account, id: &str, now: DateTime<Utc>) -> Option<KnownKey> {
    let is_known = |key: &&KeyEntry| key.id == id && key.status == KeyStatus::Active && key.known <= now;
    let key = account.keys.iter().find(is_known)?;
    let user = account.users.get(&key.user)?;
    let caller = Caller {
        access_key_id: key.id.clone(),
        principal: Principal::User(user.name.clone()),
        arn: user.arn.clone(),
        user_id: user.id.clone(),
        root: user.root,
        session: None,
        policy: None,
    };
    Some(KnownKey { caller, secret: key.secret.clone(), expires: None })
}

fn session_key(account: &Account, id: &str, token: &str) -> Option<KnownKey> {
    let session = account.sessions.get(id).filter(|session| session.token == token)?;
    let (arn, user_id) = account.identity(session)?;
    let root = match &session.principal {
        Principal::User(name) => account.users.get(name)?.root,
        Principal::Role { .. } | Principal::Federated { .. } => false,
    };
    let caller = Caller {
        access_key_id: id.into(),
        principal: session.principal.clone(),
        arn,
        user_id,
        root,
        session: Some(SessionKind { origin: session.origin, issued: session.issued }),
        policy: session.policy.clone(),
    };
    Some(KnownKey { caller, secret: session.secret.clone(), expires: Some(session.expires) })
}

/// The time at which a request was signed. It may differ from the server's by 15 minutes.
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

fn check_scope(authorization: &Authorization, host: &str, service: &str) -> Result<(), ApiError> {
    let region = &authorization.scope.region;
    let fits = match region_of(host) {
        Some(expected) => region == expected,
        // Other servers may have their own regions.
        None => !region.is_empty(),
    };
    if !fits {
        return Err(ApiError::signature("Credential should be scoped to a valid region. "));
    }
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
    Ok(())
}

/// The only region that an AWS host accepts; `None` for other names, such as loopback.
fn region_of(host: &str) -> Option<&str> {
    let (service, rest) = host.split_once('.')?;
    if !["sts", "sts-fips", "iam", "iam-fips"].contains(&service) {
        return None;
    }
    match rest.split('.').next()? {
        "us-gov" => Some("us-gov-west-1"),
        "amazonaws" | "global" => Some("us-east-1"),
        label => Some(label).filter(|label| is_region(label)),
    }
}

/// Whether this has the form of a region: `eu-central-1`, `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    text.rsplit_once('-').is_some_and(|(name, number)| {
        let letters = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
        number.parse::<u8>().is_ok() && name.contains('-') && name.split('-').all(letters)
    })
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
