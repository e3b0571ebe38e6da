//! Operations that list MFA devices. None of them returns a seed.

use super::paging::Page;
use super::{authorize_on_user, named_or_caller, users};
use crate::clock::iso;
use crate::dispatch::{Call, Outcome};
use crate::error::ApiError;
use crate::mfa::{Device, DeviceKind};
use crate::params::{self, Check};
use crate::xml;

pub(super) fn of_user(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let named = check.optional("UserName", &params::EXISTING_USER);
    let page = Page::read(&mut check);
    check.done()?;
    let user = named_or_caller(call, named)?;
    authorize_on_user(call, &user)?;
    if !call.caller.root {
        call.account.user(&user)?;
    }
    let shown = |device: &Device| {
        let since = device.assigned.as_ref().map(|assigned| iso(assigned.since)).unwrap_or_default();
        [
            xml::text("UserName", &user),
            xml::text("SerialNumber", &device.serial),
            xml::text("EnableDate", &since),
        ]
        .concat()
    };
    let listed = call.account.lists.devices(call.now);
    let items = listed.into_iter().filter(|device| device.user() == Some(&user)).map(shown).collect();
    page.render(call, "MFADevices", items).map(Some)
}

pub(super) fn all_virtual(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let status = check.one_of("AssignmentStatus", &["Assigned", "Unassigned", "Any"]).unwrap_or("Any");
    let page = Page::read(&mut check);
    check.done()?;
    call.authorize("iam:ListVirtualMFADevices", &call.account.arn("iam", "mfa/"))?;
    let wanted = |device: &&Device| match status {
        "Assigned" => device.assigned.is_some(),
        "Unassigned" => device.assigned.is_none(),
        _ => true,
    };
    let listed = call.account.lists.devices(call.now).into_iter();
    let virtual_devices = listed.filter(|device| device.kind == DeviceKind::Virtual);
    let items = virtual_devices.filter(wanted).map(|device| virtual_xml(call, device)).collect();
    page.render(call, "VirtualMFADevices", items).map(Some)
}

fn virtual_xml(call: &Call<'_>, device: &Device) -> String {
    let mut out = xml::text("SerialNumber", &device.serial);
    if let Some(assigned) = &device.assigned {
        out += &xml::text("EnableDate", &iso(assigned.since));
        if let Some(user) = call.account.users.get(&assigned.user) {
            out += &xml::element("User", &users::user_xml(user));
        }
    }
    out
}

pub(super) fn tags(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let serial = check.required("SerialNumber", &params::SERIAL);
    let page = Page::read(&mut check);
    check.done()?;
    call.authorize("iam:ListMFADeviceTags", serial)?;
    let device = super::devices::known_virtual_device(call, serial)?;
    let items = device.tags.iter().map(super::devices::tag_xml).collect();
    page.render(call, "Tags", items).map(Some)
}

/// GetMFADevice supports only FIDO security keys.
pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let serial = check.required("SerialNumber", &params::SERIAL);
    let named = check.optional("UserName", &params::EXISTING_USER);
    check.done()?;
    let user = named_or_caller(call, named)?;
    authorize_on_user(call, &user)?;
    let fido = call
        .account
        .devices_of(&user)
        .find(|device| device.serial == serial && device.kind == DeviceKind::Fido);
    let Some(device) = fido else {
        return Err(ApiError::validation(
            "The MFA device serial number sent in the request is invalid or not supported by this API. Currently, only \
             hardware FIDO security keys are supported. Please use the compatible device or API.",
        ));
    };
    let since = device.assigned.as_ref().map(|assigned| iso(assigned.since)).unwrap_or_default();
    let parts =
        [xml::text("UserName", &user), xml::text("SerialNumber", serial), xml::text("EnableDate", &since)];
    Ok(Some(parts.concat()))
}
