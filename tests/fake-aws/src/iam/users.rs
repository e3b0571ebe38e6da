//! Operations on users.

use super::{authorize_on_user, named_or_caller};
use crate::account::UserEntry;
use crate::clock::iso;
use crate::dispatch::{Call, Outcome};
use crate::error::ApiError;
use crate::mfa::DeviceKind;
use crate::params::{self, Check};
use crate::policy::Permissions;
use crate::xml;

pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let named = check.optional("UserName", &params::EXISTING_USER);
    check.done()?;
    let name = named_or_caller(call, named)?;
    authorize_on_user(call, &name)?;
    let caller_is_root = named.is_none() && call.caller.root;
    let found = if caller_is_root { call.account.users.get(&name) } else { call.account.user(&name).ok() };
    let user = found.ok_or_else(|| ApiError::no_such_user(&name))?;
    Ok(Some(xml::element("User", &user_xml(user))))
}

pub(super) fn create(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let name = check.required("UserName", &params::NEW_USER);
    let path = check.path();
    check.done()?;
    call.authorize("iam:CreateUser", &call.account.arn("iam", &format!("user{path}{name}")))?;
    let user = call.account.create_user(name, path, call.now)?;
    Ok(Some(xml::element("User", &user_xml(user))))
}

pub(super) fn delete(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let name = check.required("UserName", &params::EXISTING_USER);
    check.done()?;
    authorize_on_user(call, name)?;
    let user = call.account.user(name)?;
    let conflict = if call.account.devices_of(name).next().is_some() {
        Some("Cannot delete entity, must remove tokens from principal first.")
    } else if call.account.keys_of(name).next().is_some() {
        Some("Cannot delete entity, must delete access keys first.")
    } else if user.login_profile.is_some() {
        Some("Cannot delete entity, must delete login profile first.")
    } else if !user.policies.is_empty() {
        Some("Cannot delete entity, must detach all policies first.")
    } else {
        None
    };
    if let Some(message) = conflict {
        return Err(ApiError::delete_conflict(message));
    }
    call.account.users.remove(name);
    Ok(None)
}

pub(super) fn create_login_profile(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let named = check.optional("UserName", &params::EXISTING_USER);
    let password = check.optional("Password", &params::PASSWORD);
    let reset = check.one_of("PasswordResetRequired", &["true", "false"]).unwrap_or("false");
    check.done()?;
    let name = named_or_caller(call, named)?;
    authorize_on_user(call, &name)?;
    let now = call.now;
    let user = call.account.user_mut(&name)?;
    if user.login_profile.is_some() {
        return Err(ApiError::exists(format!("Login Profile for user {name} already exists.")));
    }
    if password.is_none_or(|password| password.chars().count() < 8) {
        let message = "Password should have a minimum length of 8";
        return Err(ApiError::new(400, "PasswordPolicyViolation", message));
    }
    user.login_profile = Some(now);
    let inner = [
        xml::text("UserName", &name),
        xml::text("CreateDate", &iso(now)),
        xml::text("PasswordResetRequired", reset),
    ];
    Ok(Some(xml::element("LoginProfile", &inner.concat())))
}

/// Any AWS managed policy can be attached, but only AdministratorAccess has an effect.
pub(super) fn attach_policy(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let name = check.required("UserName", &params::EXISTING_USER);
    let arn = check.required("PolicyArn", &params::POLICY_ARN);
    check.done()?;
    authorize_on_user(call, name)?;
    let managed = format!("arn:{}:iam::aws:policy/", call.account.partition);
    let user = call.account.user_mut(name)?;
    let Some(policy) = arn.strip_prefix(&managed).filter(|policy| !policy.is_empty()) else {
        let message = format!("Policy {arn} does not exist or is not attachable.");
        return Err(ApiError::no_such_entity(message));
    };
    if policy == "AdministratorAccess" {
        user.permissions = Permissions::Admin;
    }
    if !user.policies.iter().any(|attached| attached == arn) {
        user.policies.push(arn.into());
    }
    Ok(None)
}

pub(super) fn account_summary(call: &mut Call<'_>) -> Outcome {
    call.authorize("iam:GetAccountSummary", "*")?;
    let account = &call.account;
    let root = account.users.values().find(|user| user.root);
    let root_mfa = root.is_some_and(|root| account.devices_of(&root.name).next().is_some());
    let devices = || account.devices.iter().filter(|device| device.kind == DeviceKind::Virtual);
    let entries = [
        ("Users", account.users.values().filter(|user| !user.root).count()),
        ("MFADevices", devices().count()),
        ("MFADevicesInUse", devices().filter(|device| device.assigned.is_some()).count()),
        ("AccountMFAEnabled", usize::from(root_mfa)),
        ("AccessKeysPerUserQuota", 2),
    ];
    let entry = |(key, value): (&str, usize)| {
        xml::element("entry", &[xml::text("key", key), xml::text("value", &value.to_string())].concat())
    };
    Ok(Some(xml::element("SummaryMap", &entries.map(entry).concat())))
}

/// The content of `<User>`. For root it has no name.
pub(super) fn user_xml(user: &UserEntry) -> String {
    let name = if user.root { String::new() } else { xml::text("UserName", &user.name) };
    [
        xml::text("Path", &user.path),
        name,
        xml::text("UserId", &user.id),
        xml::text("Arn", &user.arn),
        xml::text("CreateDate", &iso(user.created)),
    ]
    .concat()
}
