//! The self-management policy, and the texts of denials.

use fake_aws::{FakeAws, Permissions};

use crate::support::{Client, frozen};

const OWN: &str = "arn:aws:iam::123456789012:user/dev";

fn setup() -> (FakeAws, Client, Client) {
    let aws = frozen();
    aws.add_user("dev");
    aws.add_user("other");
    let keys = Client::new(&aws, &aws.add_access_key("dev"));
    let session = Client::session(&aws, &aws.add_session("dev", true));
    (aws, keys, session)
}

fn denied(action: &str, resource: &str) -> String {
    format!(
        "User: {OWN} is not authorized to perform: {action} on resource: {resource} with an explicit deny in an \
         identity-based policy"
    )
}

/// The denial by a managed policy, of which AWS states the ARN.
fn denied_by_policy(action: &str, resource: &str) -> String {
    format!("{}: arn:aws:iam::123456789012:policy/SelfManageMFA", denied(action, resource))
}

fn not_allowed(action: &str, resource: &str) -> String {
    format!(
        "User: {OWN} is not authorized to perform: {action} on resource: {resource} because no identity-based policy allows the {action} action"
    )
}

#[test]
fn little_is_allowed_without_mfa() {
    let (aws, keys, _) = setup();
    keys.iam("GetUser", &[]).ok();
    keys.iam("ListMFADevices", &[]).ok();
    keys.iam("ListVirtualMFADevices", &[]).ok();
    keys.iam("CreateVirtualMFADevice", &[("VirtualMFADeviceName", "dev")]).ok();
    let serial = aws.devices()[0].serial.clone();
    let delete = keys.iam("DeleteVirtualMFADevice", &[("SerialNumber", &serial)]);
    delete.rejected(403, "AccessDenied", &denied_by_policy("iam:DeleteVirtualMFADevice", &serial));
    let deactivate = keys.iam("DeactivateMFADevice", &[("SerialNumber", &serial)]);
    deactivate.rejected(403, "AccessDenied", &denied_by_policy("iam:DeactivateMFADevice", OWN));
    keys.iam("ListAccessKeys", &[]).rejected(
        403,
        "AccessDenied",
        &denied_by_policy("iam:ListAccessKeys", OWN),
    );
}

#[test]
fn only_listed_actions_are_allowed_with_mfa() {
    let (aws, _, session) = setup();
    let serial = aws.add_device("dev", "dev").serial;
    let delete = session.iam("DeleteVirtualMFADevice", &[("SerialNumber", &serial)]);
    delete.rejected(403, "AccessDenied", &not_allowed("iam:DeleteVirtualMFADevice", &serial));
    let list = session.iam("ListAccessKeys", &[("UserName", "dev")]);
    list.rejected(403, "AccessDenied", &not_allowed("iam:ListAccessKeys", OWN));
    session.iam("DeactivateMFADevice", &[("SerialNumber", &serial)]).ok();
}

#[test]
fn other_users_cannot_be_read() {
    let (_aws, keys, _) = setup();
    let other = "arn:aws:iam::123456789012:user/other";
    let get = keys.iam("GetUser", &[("UserName", "other")]);
    get.rejected(403, "AccessDenied", &not_allowed("iam:GetUser", other));
    let nobody = keys.iam("ListMFADevices", &[("UserName", "nobody")]);
    nobody.code(403, "AccessDenied");
}

#[test]
fn user_with_a_path_does_not_match_the_policy() {
    let aws = frozen();
    aws.add_user_with_path("bob", "/eng/");
    let bob = Client::new(&aws, &aws.add_access_key("bob"));
    bob.iam("GetUser", &[]).rejected(
        403,
        "AccessDenied",
        "User: arn:aws:iam::123456789012:user/eng/bob is not authorized to perform: iam:GetUser on resource: \
         arn:aws:iam::123456789012:user/eng/bob because no identity-based policy allows the iam:GetUser action",
    );
    bob.iam("ListVirtualMFADevices", &[]).ok();
}

#[test]
fn explicit_deny_overrides_admin() {
    let (aws, keys, _) = setup();
    aws.set_permissions("dev", Permissions::None);
    keys.iam("GetUser", &[]).rejected(403, "AccessDenied", &not_allowed("iam:GetUser", OWN));
    aws.set_permissions("dev", Permissions::Admin);
    keys.iam("ListMFADevices", &[]).ok();
    aws.deny("dev", "iam:ListMFADevices");
    keys.iam("ListMFADevices", &[]).rejected(403, "AccessDenied", &denied("iam:ListMFADevices", OWN));
    keys.iam("GetUser", &[]).ok();
}
