//! Operations on access keys.

use super::paging::Page;
use super::{authorize_on_user, named_or_caller};
use crate::account::{KeyEntry, KeyStatus};
use crate::clock::iso;
use crate::dispatch::{Call, Outcome};
use crate::error::ApiError;
use crate::params::{self, Check};
use crate::{policy, xml};

/// The user that ListAccessKeys and UpdateAccessKey act on. Without `UserName`, IAM derives it from the signing key,
/// which works for long-term keys only.
fn owner(call: &Call<'_>, named: Option<&str>) -> Result<String, ApiError> {
    let guess = call.caller.user().filter(|_| call.caller.session.is_none());
    named.or(guess).map(str::to_owned).ok_or_else(ApiError::user_name_needed)
}

pub(super) fn list(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let named = check.optional("UserName", &params::EXISTING_USER);
    let page = Page::read(&mut check);
    check.done()?;
    let user = owner(call, named)?;
    authorize_on_user(call, &user)?;
    call.account.user(&user)?;
    let listed = call.account.keys_of(&user).filter(|key| key.listed <= call.now);
    let items = listed.map(metadata).collect();
    page.render(call, "AccessKeyMetadata", items).map(Some)
}

pub(super) fn create(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let named = check.optional("UserName", &params::EXISTING_USER);
    check.done()?;
    let user = named_or_caller(call, named)?;
    authorize_on_user(call, &user)?;
    call.account.user(&user)?;
    let key = call.account.create_key(&user, call.now)?;
    let inner = [metadata(key), xml::text("SecretAccessKey", &key.secret)].concat();
    Ok(Some(xml::element("AccessKey", &inner)))
}

pub(super) fn update(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let named = check.optional("UserName", &params::EXISTING_USER);
    let id = check.required("AccessKeyId", &params::KEY_ID);
    let status = check.one_of("Status", &["Active", "Inactive", "Expired"]);
    check.done()?;
    let status = match status {
        Some("Active") => KeyStatus::Active,
        Some("Inactive") => KeyStatus::Inactive,
        Some(_) => {
            return Err(ApiError::new(
                400,
                "InvalidInput",
                "Status Expired cannot be set by this operation.",
            ));
        }
        None => {
            let constraint = "Value null at 'status' failed to satisfy constraint: Member must not be null";
            return Err(ApiError::validation(format!("1 validation error detected: {constraint}")));
        }
    };
    let user = owner(call, named)?;
    authorize_on_user(call, &user)?;
    call.account.user(&user)?;
    let key = call.account.keys.iter_mut().find(|key| key.id == id && key.user == user);
    key.ok_or_else(|| unknown(id))?.status = status;
    Ok(None)
}

pub(super) fn delete(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let named = check.optional("UserName", &params::EXISTING_USER);
    let id = check.required("AccessKeyId", &params::KEY_ID);
    check.done()?;
    let user = named_or_caller(call, named)?;
    authorize_on_user(call, &user)?;
    call.account.user(&user)?;
    let at = call.account.keys.iter().position(|key| key.id == id && key.user == user);
    call.account.keys.remove(at.ok_or_else(|| unknown(id))?);
    Ok(None)
}

pub(super) fn last_used(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let id = check.required("AccessKeyId", &params::KEY_ID);
    check.done()?;
    let Some(key) = call.account.keys.iter().find(|key| key.id == id) else {
        let resource = format!("access key {id}");
        return Err(policy::refusal(&call.caller, "iam:GetAccessKeyLastUsed", &resource, ""));
    };
    let owner = key.user.clone();
    authorize_on_user(call, &owner)?;
    let used = match &key.last_used {
        Some(used) => [
            xml::text("LastUsedDate", &iso(used.at)),
            xml::text("ServiceName", &used.service),
            xml::text("Region", &used.region),
        ]
        .concat(),
        None => [xml::text("ServiceName", "N/A"), xml::text("Region", "N/A")].concat(),
    };
    Ok(Some([xml::text("UserName", &owner), xml::element("AccessKeyLastUsed", &used)].concat()))
}

fn metadata(key: &KeyEntry) -> String {
    [
        xml::text("UserName", &key.user),
        xml::text("AccessKeyId", &key.id),
        xml::text("Status", key.status.name()),
        xml::text("CreateDate", &iso(key.created)),
    ]
    .concat()
}

fn unknown(id: &str) -> ApiError {
    ApiError::no_such_entity(format!("The Access Key with id {id} cannot be found."))
}
