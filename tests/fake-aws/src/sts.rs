//! The operations of STS.

use crate::clock::iso;
use crate::dispatch::{Call, Operation, Outcome};
use crate::error::ApiError;
use crate::params::{self, Check};
use crate::session::{Origin, Principal, SessionEntry};
use crate::session_policy::Given;
use crate::{policy, xml};

pub(crate) fn operation(action: &str) -> Option<Operation> {
    Some(match action {
        "GetSessionToken" => get_session_token,
        "AssumeRole" => assume_role,
        "GetCallerIdentity" => get_caller_identity,
        "GetAccessKeyInfo" => get_access_key_info,
        "GetFederationToken" => get_federation_token,
        _ => return None,
    })
}

fn get_session_token(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let seconds = check.integer("DurationSeconds", 900, 129_600);
    let serial = check.optional("SerialNumber", &params::STS_SERIAL);
    let code = check.optional("TokenCode", &params::TOKEN_CODE);
    check.done()?;
    reject_sessions(call)?;
    let mfa = verify_mfa(call, serial, code)?;
    let (principal, origin) = (call.caller.principal.clone(), Origin::GetSessionToken { mfa });
    let seconds = user_duration(call, seconds);
    Ok(Some(credentials(call.account.create_session(principal, origin, call.now, seconds))))
}

/// The default is twelve hours. For root, AWS silently shortens the session to an hour.
fn user_duration(call: &Call<'_>, asked: Option<i32>) -> i32 {
    if call.caller.root { asked.unwrap_or(3600).min(3600) } else { asked.unwrap_or(43_200) }
}

fn get_federation_token(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let name = check.required("Name", &params::FEDERATED_NAME);
    let seconds = check.integer("DurationSeconds", 900, 129_600);
    check.optional("Policy", &params::SESSION_POLICY);
    check.done()?;
    reject_sessions(call)?;
    let arn = call.account.arn("sts", &format!("federated-user/{name}"));
    call.authorize("sts:GetFederationToken", &arn)?;
    let seconds = user_duration(call, seconds);
    let principal = Principal::Federated { name: name.into() };
    let user_id = format!("{}:{name}", call.account.id);
    let session = call.account.create_session(principal, Origin::GetFederationToken, call.now, seconds);
    let user = [xml::text("FederatedUserId", &user_id), xml::text("Arn", &arn)].concat();
    Ok(Some([credentials(session), xml::element("FederatedUser", &user)].concat()))
}

fn assume_role(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let role_arn = check.required("RoleArn", &params::ROLE_ARN);
    let session_name = check.required("RoleSessionName", &params::SESSION_NAME);
    let seconds = check.integer("DurationSeconds", 900, 43_200);
    let external_id = check.optional("ExternalId", &params::EXTERNAL_ID);
    let policy = Given::check(&mut check);
    check.optional("SourceIdentity", &params::SOURCE_IDENTITY);
    let serial = check.optional("SerialNumber", &params::STS_SERIAL);
    let code = check.optional("TokenCode", &params::TOKEN_CODE);
    check.done()?;
    if !role_arn.starts_with("arn:") {
        return Err(ApiError::validation(format!("{role_arn} is invalid")));
    }
    let policy = policy.read()?;
    if call.caller.root {
        return Err(ApiError::access_denied("Roles may not be assumed by root accounts."));
    }
    let mfa_age = if verify_mfa(call, serial, code)? { Some(0) } else { call.caller.mfa_age(call.now) };
    let role = trusted_role(call, role_arn, external_id, mfa_age)?;
    let seconds = role_duration(call, role.2, seconds)?;
    let (name, id) = (role.0, role.1);
    let arn = call.account.arn("sts", &format!("assumed-role/{name}/{session_name}"));
    let principal = Principal::Role { role: name, session_name: session_name.into() };
    let origin = Origin::AssumeRole { chained: call.caller.session.is_some() };
    let session = call.account.create_session(principal, origin, call.now, seconds);
    session.policy = policy;
    let assumed =
        [xml::text("AssumedRoleId", &format!("{id}:{session_name}")), xml::text("Arn", &arn)].concat();
    Ok(Some([credentials(session), xml::element("AssumedRoleUser", &assumed)].concat()))
}

/// The role's name, ID and maximum session duration, if its trust policy allows the caller. For a role that does not
/// exist, AWS sends the same error as for one that does not trust the caller.
fn trusted_role(
    call: &Call<'_>,
    role_arn: &str,
    external_id: Option<&str>,
    mfa_age: Option<i64>,
) -> Result<(String, String, i32), ApiError> {
    let name = match &call.caller.principal {
        Principal::User(name) => name.clone(),
        Principal::Role { role, .. } => format!("role/{role}"),
        Principal::Federated { .. } => {
            return Err(policy::refusal(&call.caller, "sts:AssumeRole", role_arn, ""));
        }
    };
    let mfa = mfa_age.is_some();
    let trusts = |spec: &crate::RoleSpec| {
        spec.trusted.as_ref().is_none_or(|trusted| trusted.contains(&name))
            && (mfa || !spec.require_mfa)
            && spec.max_mfa_age.is_none_or(|limit| mfa_age.is_some_and(|age| age < limit))
            && spec.external_id.as_deref().is_none_or(|wanted| external_id == Some(wanted))
    };
    policy::explicit_deny(call.account, &call.caller, mfa, "sts:AssumeRole", role_arn)?;
    let role = call.account.role_by_arn(role_arn).filter(|role| trusts(&role.spec));
    let role = role.ok_or_else(|| policy::refusal(&call.caller, "sts:AssumeRole", role_arn, ""))?;
    Ok((role.name.clone(), role.id.clone(), role.spec.max_session_duration))
}

fn role_duration(call: &Call<'_>, longest: i32, asked: Option<i32>) -> Result<i32, ApiError> {
    let seconds = asked.unwrap_or(3600);
    if seconds > longest {
        let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(ApiError::validation(message));
    }
    if call.caller.session.is_some() && seconds > 3600 {
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
        return Err(ApiError::validation(message));
    }
    Ok(seconds)
}

fn get_caller_identity(call: &mut Call<'_>) -> Outcome {
    let user_id = if call.caller.root { &call.account.id } else { &call.caller.user_id };
    Ok(Some(
        [
            xml::text("Arn", &call.caller.arn),
            xml::text("UserId", user_id),
            xml::text("Account", &call.account.id),
        ]
        .concat(),
    ))
}

fn get_access_key_info(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let id = check.required("AccessKeyId", &params::STS_KEY_ID);
    check.done()?;
    reject_sessions(call)?;
    call.authorize("sts:GetAccessKeyInfo", "*")?;
    let known = call.account.keys.iter().any(|key| key.id == id) || call.account.sessions.contains_key(id);
    if !known {
        return Err(ApiError::validation(format!("Invalid access key id: {id}")));
    }
    Ok(Some(xml::text("Account", &call.account.id)))
}

fn reject_sessions(call: &Call<'_>) -> Result<(), ApiError> {
    match call.caller.session {
        Some(_) => {
            Err(ApiError::access_denied(format!("Cannot call {} with session credentials", call.action)))
        }
        None => Ok(()),
    }
}

/// Whether the request proves MFA. A request without a serial number and a code is valid, but proves nothing.
fn verify_mfa(call: &mut Call<'_>, serial: Option<&str>, code: Option<&str>) -> Result<bool, ApiError> {
    let (serial, code) = match (serial, code) {
        (None, None) => return Ok(false),
        (Some(serial), Some(code)) => (serial, code),
        _ => {
            let message = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.";
            return Err(ApiError::access_denied(message));
        }
    };
    let user = call.caller.user().ok_or_else(ApiError::unable_to_validate)?;
    let device = call.account.device(serial).cloned();
    call.account.judge.verify(user, serial, code, device.as_ref(), call.now)?;
    Ok(true)
}

fn credentials(session: &SessionEntry) -> String {
    let inner = [
        xml::text("AccessKeyId", &session.access_key_id),
        xml::text("SecretAccessKey", &session.secret),
        xml::text("SessionToken", &session.token),
        xml::text("Expiration", &iso(session.expires)),
    ];
    xml::element("Credentials", &inner.concat())
}
