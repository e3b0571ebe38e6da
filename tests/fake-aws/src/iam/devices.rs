//! Operations that change MFA devices.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{authorize_on_user, named_or_caller};
use crate::dispatch::{Call, Outcome};
use crate::error::ApiError;
use crate::mfa::{Assignment, Device, DeviceKind};
use crate::params::{self, Check, Params};
use crate::{png, random, sigv4, totp, view, xml};

const DEVICES_PER_USER: usize = 8;
const TAGS_PER_DEVICE: usize = 50;

pub(super) fn create(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let name = check.required("VirtualMFADeviceName", &params::DEVICE_NAME);
    let path = check.path();
    let tags = read_tags(&mut check, call.params);
    check.done()?;
    let tags = tags?;
    let serial = call.account.arn("iam", &format!("mfa{path}{name}"));
    call.authorize("iam:CreateVirtualMFADevice", &serial)?;
    if !tags.is_empty() {
        call.authorize("iam:TagMFADevice", &serial)?;
    }
    if call.account.device(&serial).is_some() {
        return Err(ApiError::exists("MFA device already exists."));
    }
    let seed = random::bytes(40);
    let bootstrap = bootstrap(name, &call.account.id, &seed, call.account.odd_seed.as_deref());
    let tags_xml =
        if tags.is_empty() { String::new() } else { xml::members("Tags", tags.iter().map(tag_xml)) };
    let uid = call.account.judge.next_uid();
    call.account.devices.push(Device {
        uid,
        serial: serial.clone(),
        kind: DeviceKind::Virtual,
        seed,
        known: view::after(call.account.creation_lag, call.now),
        assigned: None,
        tags,
        drift: 0,
        last_pair: None,
    });
    call.account.publish(&serial, call.now);
    let inner = [xml::text("SerialNumber", &serial), bootstrap, tags_xml].concat();
    Ok(Some(xml::element("VirtualMFADevice", &inner)))
}

/// The seed as Base64 of its Base32 text, and a QR code with the same seed. Only CreateVirtualMFADevice returns them.
fn bootstrap(name: &str, account: &str, seed: &[u8], odd: Option<&[u8]>) -> String {
    let seed = totp::encode_seed(seed);
    let issuer = "Amazon%20Web%20Services";
    let label = sigv4::uri_encode(name);
    let uri = format!("otpauth://totp/{issuer}:{label}@{account}?secret={seed}&issuer={issuer}");
    [
        xml::text("Base32StringSeed", &STANDARD.encode(odd.unwrap_or(seed.as_bytes()))),
        xml::text("QRCodePNG", &STANDARD.encode(png::qr(&uri))),
    ]
    .concat()
}

pub(super) fn enable(call: &mut Call<'_>) -> Outcome {
    let pair = Pair::read(call)?;
    authorize_on_user(call, pair.user)?;
    require_mfa_for_own(call, pair.user)?;
    call.account.user(pair.user)?;
    let device = known_device(call, pair.serial)?;
    match device.user() {
        Some(user) if user == pair.user => {
            return Err(ApiError::exists(format!("MFA Device for user {user} already exists.")));
        }
        Some(_) => return Err(ApiError::exists("MFA Device is already in use.")),
        None => {}
    }
    if call.account.devices_of(pair.user).count() >= DEVICES_PER_USER {
        return Err(ApiError::quota("MFADevicesPerUser", DEVICES_PER_USER));
    }
    let now = call.now;
    let device = call.account.device_mut(pair.serial).ok_or_else(|| no_such_device(pair.serial))?;
    let step = device.synchronize(pair.first, pair.second, now)?;
    device.assigned = Some(Assignment { user: pair.user.into(), since: now });
    let uid = device.uid;
    call.account.judge.paired(uid, step);
    call.account.publish(pair.serial, now);
    Ok(None)
}

pub(super) fn resync(call: &mut Call<'_>) -> Outcome {
    let pair = Pair::read(call)?;
    authorize_on_user(call, pair.user)?;
    call.account.user(pair.user)?;
    let now = call.now;
    let device = call.account.device_mut(pair.serial).filter(|device| device.user() == Some(pair.user));
    let device = device.ok_or_else(invalid_for_user)?;
    let step = device.synchronize(pair.first, pair.second, now)?;
    let uid = device.uid;
    call.account.judge.paired(uid, step);
    call.account.publish(pair.serial, now);
    Ok(None)
}

pub(super) fn deactivate(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let named = check.optional("UserName", &params::EXISTING_USER);
    let serial = check.required("SerialNumber", &params::SERIAL);
    check.done()?;
    let user = named_or_caller(call, named)?;
    authorize_on_user(call, &user)?;
    require_mfa_for_own(call, &user)?;
    call.account.user(&user)?;
    let device = call.account.device_mut(serial).ok_or_else(|| missing(serial))?;
    if device.user() != Some(&user) {
        return Err(invalid_for_user());
    }
    device.assigned = None;
    let virtual_device = device.kind == DeviceKind::Virtual;
    if !virtual_device {
        call.account.devices.retain(|device| device.serial != serial);
    }
    call.account.publish(serial, call.now);
    Ok(None)
}

pub(super) fn delete(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let serial = check.required("SerialNumber", &params::SERIAL);
    check.done()?;
    call.authorize("iam:DeleteVirtualMFADevice", serial)?;
    let device = known_virtual_device(call, serial).map_err(|_| missing(serial))?;
    if device.assigned.is_some() {
        return Err(ApiError::delete_conflict("MFA VirtualDevice in use. Must deactivate first."));
    }
    call.account.devices.retain(|device| device.serial != serial);
    call.account.publish(serial, call.now);
    Ok(None)
}

pub(super) fn tag(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let serial = check.required("SerialNumber", &params::SERIAL);
    let tags = read_tags(&mut check, call.params);
    check.done()?;
    let tags = tags?;
    call.authorize("iam:TagMFADevice", serial)?;
    let mut merged = known_virtual_device(call, serial)?.tags.clone();
    for (key, value) in tags {
        merged.retain(|(known, _)| !known.eq_ignore_ascii_case(&key));
        merged.push((key, value));
    }
    if merged.len() > TAGS_PER_DEVICE {
        return Err(ApiError::quota("TagsPerMFADevice", TAGS_PER_DEVICE));
    }
    let device = call.account.device_mut(serial).ok_or_else(|| no_such_device(serial))?;
    device.tags = merged;
    Ok(None)
}

pub(super) fn untag(call: &mut Call<'_>) -> Outcome {
    let mut check = Check::new(call.params);
    let serial = check.required("SerialNumber", &params::SERIAL);
    check.done()?;
    call.authorize("iam:UntagMFADevice", serial)?;
    known_virtual_device(call, serial)?;
    let keys = call.params.tag_keys();
    let device = call.account.device_mut(serial).ok_or_else(|| no_such_device(serial))?;
    device.tags.retain(|(known, _)| !keys.iter().any(|key| key.eq_ignore_ascii_case(known)));
    Ok(None)
}

/// The device with this serial number, if IAM operations see it yet.
fn known_device<'a>(call: &'a Call<'_>, serial: &str) -> Result<&'a Device, ApiError> {
    let known = call.account.device(serial).filter(|device| device.known <= call.now);
    known.ok_or_else(|| no_such_device(serial))
}

pub(super) fn known_virtual_device<'a>(call: &'a Call<'_>, serial: &str) -> Result<&'a Device, ApiError> {
    let is_virtual = |device: &&Device| device.kind == DeviceKind::Virtual;
    known_device(call, serial).ok().filter(is_virtual).ok_or_else(|| no_such_device(serial))
}

fn no_such_device(serial: &str) -> ApiError {
    ApiError::no_such_entity(format!("VirtualMFADevice with serial number {serial} does not exist."))
}

/// The error of DeactivateMFADevice and DeleteVirtualMFADevice for a serial number that does not exist.
fn missing(serial: &str) -> ApiError {
    ApiError::no_such_entity(format!("MFA Device with serial number {serial} does not exist."))
}

/// The four parameters of EnableMFADevice and ResyncMFADevice.
struct Pair<'a> {
    user: &'a str,
    serial: &'a str,
    first: &'a str,
    second: &'a str,
}

impl<'a> Pair<'a> {
    fn read(call: &Call<'a>) -> Result<Self, ApiError> {
        let mut check = Check::new(call.params);
        let pair = Self {
            user: check.required("UserName", &params::EXISTING_USER),
            serial: check.required("SerialNumber", &params::SERIAL),
            first: check.required("AuthenticationCode1", &params::CODE),
            second: check.required("AuthenticationCode2", &params::CODE),
        };
        check.done()?;
        Ok(pair)
    }
}

/// AWS-2023-001: a user who has a device needs an MFA session to change their own devices. AWS checks this before it
/// looks up the device.
fn require_mfa_for_own(call: &Call<'_>, user: &str) -> Result<(), ApiError> {
    let own = call.caller.user() == Some(user);
    if own && !call.caller.mfa() && call.account.devices_of(user).next().is_some() {
        return Err(ApiError::access_denied(
            "To complete this action, please ensure that you are authenticated with an MFA device that is enabled for \
             this user.",
        ));
    }
    Ok(())
}

fn invalid_for_user() -> ApiError {
    ApiError::no_such_entity("MFA Device invalid for user.")
}

/// The tags of a request. Violations of the API model go to `check`; an error is one that only IAM detects.
fn read_tags(check: &mut Check<'_>, params: &Params) -> Result<Vec<(String, String)>, ApiError> {
    let mut tags: Vec<(String, String)> = Vec::new();
    let mut duplicate = false;
    for (index, (key, value)) in params.tags().into_iter().enumerate() {
        let value = value.unwrap_or_default();
        check.value(&format!("tags.{}.member.key", index + 1), key, &params::TAG_KEY);
        check.value(&format!("tags.{}.member.value", index + 1), value, &params::TAG_VALUE);
        duplicate |= tags.iter().any(|(known, _)| known.eq_ignore_ascii_case(key));
        tags.push((key.into(), value.into()));
    }
    if duplicate {
        let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
        return Err(ApiError::new(400, "InvalidInput", message));
    }
    if tags.len() > TAGS_PER_DEVICE {
        return Err(ApiError::quota("TagsPerMFADevice", TAGS_PER_DEVICE));
    }
    Ok(tags)
}

pub(super) fn tag_xml((key, value): &(String, String)) -> String {
    [xml::text("Value", value), xml::text("Key", key)].concat()
}
