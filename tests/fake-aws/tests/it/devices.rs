//! Creating, enabling, resyncing, deactivating and deleting devices.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fake_aws::{FakeAws, totp};

use crate::support::{Answer, Client, frozen};

const INVALID_PAIR: &str = "Authentication code for device is not valid.";
const MFA_NEEDED: &str = "To complete this action, please ensure that you are authenticated with an MFA device that is enabled for this \
     user.";
const UNABLE: &str = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial \
                      number is valid and associated with this user.";
const INVALID: &str = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";

struct Setup {
    aws: FakeAws,
    dev: Client,
    admin: Client,
}

fn setup() -> Setup {
    let aws = frozen();
    aws.add_user("dev");
    aws.add_admin("admin");
    let dev = Client::new(&aws, &aws.add_access_key("dev"));
    let admin = Client::new(&aws, &aws.add_access_key("admin"));
    Setup { aws, dev, admin }
}

impl Setup {
    fn pair(&self, client: &Client, action: &str, serial: &str, first: i64, second: i64) -> Answer {
        let code = |offset| self.aws.code(serial, self.aws.clock().step() + offset);
        let (first, second) = (code(first), code(second));
        let params = [
            ("UserName", "dev"),
            ("SerialNumber", serial),
            ("AuthenticationCode1", &first),
            ("AuthenticationCode2", &second),
        ];
        client.iam(action, &params)
    }

    fn enable(&self, client: &Client, serial: &str) -> Answer {
        self.pair(client, "EnableMFADevice", serial, -1, 0)
    }

    fn login(&self, serial: &str, offset: i64) -> Answer {
        let code = self.aws.code(serial, self.aws.clock().step() + offset);
        self.dev.sts("GetSessionToken", &[("SerialNumber", serial), ("TokenCode", &code)])
    }
}

#[test]
fn new_device_has_its_seed_in_base64_of_base32() {
    let Setup { aws, dev, .. } = setup();
    let answer = dev.iam("CreateVirtualMFADevice", &[("VirtualMFADeviceName", "dev")]).ok();
    assert!(answer.body.starts_with(
        "<CreateVirtualMFADeviceResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
         <CreateVirtualMFADeviceResult><VirtualMFADevice>"
    ));
    let serial = answer.text("SerialNumber");
    assert_eq!(serial, "arn:aws:iam::123456789012:mfa/dev");
    let seed = String::from_utf8(STANDARD.decode(answer.text("Base32StringSeed")).unwrap()).unwrap();
    assert_eq!(seed.len(), 64);
    assert_eq!(totp::decode_seed(&seed).unwrap().len(), 40);
    assert_eq!(seed, aws.seed(&serial));
    let png = STANDARD.decode(answer.text("QRCodePNG")).unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert_eq!(answer.try_text("Tags"), None);
}

#[test]
fn serial_has_partition_path_and_name() {
    let aws = FakeAws::builder().partition("aws-cn").account("210987654321").start();
    aws.add_admin("admin");
    let admin = Client::new(&aws, &aws.add_access_key("admin"));
    let create = |params: &[(&str, &str)]| admin.iam("CreateVirtualMFADevice", params);
    let answer = create(&[("VirtualMFADeviceName", "a.b@c"), ("Path", "/eng/x/")]).ok();
    assert_eq!(answer.text("SerialNumber"), "arn:aws-cn:iam::210987654321:mfa/eng/x/a.b@c");
    for name in ["bad name!", "", "x/y"] {
        create(&[("VirtualMFADeviceName", name)]).code(400, "ValidationError");
    }
    let message = "The specified value for path is invalid. It must begin and end with / and contain only \
                   alphanumeric characters and/or / characters.";
    for path in ["/a", "a/"] {
        let answer = create(&[("VirtualMFADeviceName", "x"), ("Path", path)]);
        answer.rejected(400, "ValidationError", message);
    }
    create(&[]).code(400, "ValidationError");
}

#[test]
fn device_name_is_unique() {
    let Setup { aws, dev, .. } = setup();
    aws.add_unassigned_device("dev");
    let again = dev.iam("CreateVirtualMFADevice", &[("VirtualMFADeviceName", "dev")]);
    again.rejected(409, "EntityAlreadyExists", "MFA device already exists.");
}

#[test]
fn pair_enables_at_once_and_stays_usable() {
    let setup = setup();
    let serial = setup.aws.add_unassigned_device("dev").serial;
    for (first, second) in [(0, 0), (0, -1), (-2, 0), (-1, 5)] {
        let answer = setup.pair(&setup.dev, "EnableMFADevice", &serial, first, second);
        answer.rejected(403, "InvalidAuthenticationCode", INVALID_PAIR);
    }
    let answer = setup.enable(&setup.dev, &serial).ok();
    assert!(!answer.body.contains("Result"), "an operation without output: {}", answer.body);
    assert_eq!(setup.aws.devices_of("dev"), [&*serial]);
    setup.login(&serial, 0).ok();
    setup.login(&serial, -1).ok();
}

#[test]
fn pair_must_be_newer_even_after_deactivation() {
    let setup = setup();
    let serial = setup.aws.add_unassigned_device("dev").serial;
    setup.enable(&setup.admin, &serial).ok();
    let deactivate = [("UserName", "dev"), ("SerialNumber", &*serial)];
    setup.admin.iam("DeactivateMFADevice", &deactivate).ok();
    setup.enable(&setup.admin, &serial).rejected(403, "InvalidAuthenticationCode", INVALID_PAIR);
    setup.pair(&setup.admin, "EnableMFADevice", &serial, 0, 1).code(403, "InvalidAuthenticationCode");
    setup.pair(&setup.admin, "EnableMFADevice", &serial, 1, 2).ok();
}

#[test]
fn resync_sets_the_drift() {
    let setup = setup();
    let serial = setup.aws.add_device("dev", "dev").serial;
    setup.login(&serial, 40).rejected(403, "AccessDenied", INVALID);
    setup.pair(&setup.dev, "ResyncMFADevice", &serial, 39, 40).ok();
    setup.login(&serial, 0).rejected(403, "AccessDenied", INVALID);
    setup.login(&serial, 40).ok();
    assert_eq!(setup.aws.devices()[0].drift, 40);
    setup.pair(&setup.dev, "ResyncMFADevice", &serial, 1040, 1041).code(403, "InvalidAuthenticationCode");
    setup.pair(&setup.dev, "ResyncMFADevice", &serial, 1039, 1040).ok();
}

#[test]
fn sts_sees_changes_after_the_lag() {
    let setup = setup();
    setup.aws.set_lag(Duration::from_secs(10));
    let serial = setup.aws.add_unassigned_device("dev").serial;
    setup.enable(&setup.dev, &serial).ok();
    assert_eq!(setup.aws.devices_of("dev").len(), 1, "IAM knows at once");
    setup.aws.clock().advance(Duration::from_secs(9));
    setup.login(&serial, 0).rejected(403, "AccessDenied", UNABLE);
    setup.aws.clock().advance(Duration::from_secs(1));
    setup.login(&serial, 0).rejected(403, "AccessDenied", INVALID);
    setup.login(&serial, 1).ok();
    let seed = totp::decode_seed(&setup.aws.seed(&serial)).unwrap();
    setup.admin.iam("DeactivateMFADevice", &[("UserName", "dev"), ("SerialNumber", &serial)]).ok();
    setup.admin.iam("DeleteVirtualMFADevice", &[("SerialNumber", &serial)]).ok();
    let late = |offset| {
        let code = totp::code(&seed, setup.aws.clock().step() + offset);
        setup.dev.sts("GetSessionToken", &[("SerialNumber", &serial), ("TokenCode", &code)])
    };
    late(2).ok();
    setup.aws.clock().advance(Duration::from_secs(10));
    late(-1).rejected(403, "AccessDenied", UNABLE);
}

#[test]
fn user_with_a_device_needs_an_mfa_session_for_own_devices() {
    let setup = setup();
    let first = setup.aws.add_device("dev", "first").serial;
    let second = setup.aws.add_unassigned_device("second").serial;
    setup.enable(&setup.dev, &second).rejected(403, "AccessDenied", MFA_NEEDED);
    setup.enable(&setup.dev, &first).rejected(403, "AccessDenied", MFA_NEEDED);
    let missing = setup.aws.add_unassigned_device("missing").serial;
    setup.aws.remove_device(&missing);
    let codes = [("AuthenticationCode1", "123456"), ("AuthenticationCode2", "123457")];
    let of = |serial| [&[("UserName", "dev"), ("SerialNumber", serial)], &codes[..]].concat();
    setup.dev.iam("EnableMFADevice", &of(&missing)).rejected(403, "AccessDenied", MFA_NEEDED);
    setup.pair(&setup.dev, "ResyncMFADevice", &first, -1, 0).ok();
    let session = Client::session(&setup.aws, &setup.aws.add_session("dev", true));
    setup.enable(&session, &second).ok();
    for serial in [&first, &second] {
        session.iam("DeactivateMFADevice", &[("SerialNumber", serial)]).ok();
    }
    setup.aws.clock().advance(Duration::from_secs(60));
    setup.enable(&setup.dev, &second).ok();
}

#[test]
fn admin_needs_mfa_for_own_devices_only() {
    let setup = setup();
    let own = setup.aws.add_device("admin", "admin").serial;
    setup.admin.iam("DeactivateMFADevice", &[("SerialNumber", &own)]).rejected(
        403,
        "AccessDenied",
        MFA_NEEDED,
    );
    let theirs = setup.aws.add_device("dev", "dev").serial;
    setup.admin.iam("DeactivateMFADevice", &[("SerialNumber", &theirs), ("UserName", "dev")]).ok();
}

#[test]
fn device_has_one_user_and_user_has_eight_devices() {
    let setup = setup();
    let mine = setup.aws.add_device("dev", "0").serial;
    setup.aws.add_user("other");
    let theirs = setup.aws.add_device("other", "theirs").serial;
    let enable = |serial: &str| setup.enable(&setup.admin, serial);
    enable(&mine).rejected(409, "EntityAlreadyExists", "MFA Device for user dev already exists.");
    enable(&theirs).rejected(409, "EntityAlreadyExists", "MFA Device is already in use.");
    for name in 1..7 {
        setup.aws.add_device("dev", &name.to_string());
    }
    enable(&setup.aws.add_unassigned_device("7").serial).ok();
    let ninth = enable(&setup.aws.add_unassigned_device("8").serial);
    ninth.rejected(409, "LimitExceeded", "Cannot exceed quota for MFADevicesPerUser: 8");
}

#[test]
fn unknown_users_and_devices_are_rejected() {
    let setup = setup();
    let stale = setup.aws.add_unassigned_device("stale").serial;
    let foreign = setup.aws.add_device("admin", "admin").serial;
    let codes = [("AuthenticationCode1", "123456"), ("AuthenticationCode2", "123457")];
    let with = |user, serial| [&[("UserName", user), ("SerialNumber", serial)], &codes[..]].concat();
    let admin = Client::session(&setup.aws, &setup.aws.add_session("admin", true));
    let missing = "arn:aws:iam::123456789012:mfa/none";
    let does_not_exist = format!("MFA Device with serial number {missing} does not exist.");
    for serial in [&*stale, &*foreign, missing] {
        let message = "MFA Device invalid for user.";
        admin.iam("ResyncMFADevice", &with("dev", serial)).rejected(404, "NoSuchEntity", message);
        let message = if serial == missing { &*does_not_exist } else { message };
        let deactivate = [("UserName", "dev"), ("SerialNumber", serial)];
        admin.iam("DeactivateMFADevice", &deactivate).rejected(404, "NoSuchEntity", message);
    }
    let delete = admin.iam("DeleteVirtualMFADevice", &[("SerialNumber", missing)]);
    delete.rejected(404, "NoSuchEntity", &does_not_exist);
    admin.iam("EnableMFADevice", &with("dev", missing)).code(404, "NoSuchEntity");
    admin.iam("EnableMFADevice", &with("nobody", &stale)).rejected(
        404,
        "NoSuchEntity",
        "The user with name nobody cannot be found.",
    );
    let short = [("UserName", "dev"), ("SerialNumber", &*stale), ("AuthenticationCode1", "12345")];
    admin.iam("EnableMFADevice", &short).code(400, "ValidationError");
}

#[test]
fn assigned_device_cannot_be_deleted() {
    let setup = setup();
    let serial = setup.aws.add_device("dev", "dev").serial;
    let delete = || setup.admin.iam("DeleteVirtualMFADevice", &[("SerialNumber", &serial)]);
    delete().rejected(409, "DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.");
    setup.admin.iam("DeactivateMFADevice", &[("UserName", "dev"), ("SerialNumber", &serial)]).ok();
    delete().ok();
    delete().code(404, "NoSuchEntity");
    assert!(setup.aws.devices().is_empty());
}

#[test]
fn sessions_survive_their_device() {
    let setup = setup();
    let serial = setup.aws.add_device("dev", "dev").serial;
    let session = setup.dev.with_session(&setup.login(&serial, 0).ok());
    session.iam("DeactivateMFADevice", &[("SerialNumber", &serial)]).ok();
    session.iam("GetUser", &[]).ok();
}

#[test]
fn tags_are_set_at_creation_or_later() {
    let setup = setup();
    let create = |client: &Client, value: &str| {
        let tag = [("Tags.member.1.Key", "owner"), ("Tags.member.1.Value", value)];
        client.iam("CreateVirtualMFADevice", &[&[("VirtualMFADeviceName", "t")], &tag[..]].concat())
    };
    create(&setup.dev, "me").code(403, "AccessDenied");
    create(&setup.admin, "you & me").code(400, "ValidationError");
    let serial = create(&setup.admin, "me").ok();
    assert!(serial.body.contains("<Tags><member><Value>me</Value><Key>owner</Key></member></Tags>"));
    let serial = serial.text("SerialNumber");
    let more = [("SerialNumber", &*serial), ("Tags.member.1.Key", "host"), ("Tags.member.1.Value", "a1")];
    setup.admin.iam("TagMFADevice", &more).ok();
    let listed = setup.admin.iam("ListMFADeviceTags", &[("SerialNumber", &serial)]).ok();
    assert_eq!(listed.texts("Key"), ["owner", "host"]);
    let untag = [("SerialNumber", &*serial), ("TagKeys.member.1", "OWNER")];
    setup.admin.iam("UntagMFADevice", &untag).ok();
    assert_eq!(setup.aws.devices()[0].tags, [("host".to_owned(), "a1".to_owned())]);
}
