//! GetSessionToken and GetFederationToken: constraints, MFA, code models, and what their sessions can do.

use std::time::Duration;

use fake_aws::{CodeModel, Device, FakeAws};

use crate::support::{Answer, Client, frozen};

const INVALID: &str = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
const UNABLE: &str = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial \
                      number is valid and associated with this user.";

struct Setup {
    aws: FakeAws,
    client: Client,
    device: Device,
}

fn setup() -> Setup {
    let aws = frozen();
    aws.add_user("dev");
    let client = Client::new(&aws, &aws.add_access_key("dev"));
    let device = aws.add_device("dev", "dev");
    Setup { aws, client, device }
}

impl Setup {
    fn login(&self, offset: i64) -> Answer {
        let code = self.aws.code(&self.device.serial, self.aws.clock().step() + offset);
        self.client.sts("GetSessionToken", &[("SerialNumber", &self.device.serial), ("TokenCode", &code)])
    }
}

#[test]
fn session_has_the_format_of_aws_and_lasts_12_hours() {
    let setup = setup();
    let answer = setup.login(0).ok();
    assert!(answer.text("AccessKeyId").starts_with("ASIA"));
    assert_eq!(answer.text("AccessKeyId").len(), 20);
    assert_eq!(answer.text("SecretAccessKey").len(), 40);
    assert!((300..4096).contains(&answer.text("SessionToken").len()));
    assert_eq!(answer.text("Expiration"), "2026-10-01T00:00:00Z");
    let session = setup.client.with_session(&answer);
    assert_eq!(session.sts("GetCallerIdentity", &[]).ok().text("Arn"), "arn:aws:iam::123456789012:user/dev");
}

#[test]
fn durations_are_parsed_as_aws_does() {
    let Setup { aws, client, .. } = setup();
    let ask = |seconds: &str| client.sts("GetSessionToken", &[("DurationSeconds", seconds)]);
    for good in ["900", "0900", "+900", "129600"] {
        ask(good).ok();
    }
    assert_eq!(ask("900").text("Expiration"), "2026-09-30T12:15:00Z");
    for malformed in [" 900 ", "900.0", "9e2", "2147483648"] {
        ask(malformed).code(400, "MalformedInput");
        assert_eq!(ask(malformed).try_text("Message"), None);
    }
    ask("").rejected(400, "MalformedInput", "missing value for decimal type");
    let twice = client.sts("GetSessionToken", &[("DurationSeconds", "900"), ("DurationSeconds", "0")]).ok();
    assert_eq!(twice.text("Expiration"), "2026-09-30T12:15:00Z", "the first value counts");
    assert_eq!(aws.requests().pop().unwrap().param("DurationSeconds"), Some("900"));
    for out_of_range in ["0", "899", "129601"] {
        ask(out_of_range).code(400, "ValidationError");
    }
}

#[test]
fn serials_and_codes_are_validated() {
    let Setup { aws: _aws, client, device } = setup();
    let ask = |serial: &str, code: &str| {
        client.sts("GetSessionToken", &[("SerialNumber", serial), ("TokenCode", code)])
    };
    ask("short", "123456").code(400, "ValidationError");
    ask("with space", "123456").code(400, "ValidationError");
    for code in ["12345", "1234567", "12345x", ""] {
        ask(&device.serial, code).code(400, "ValidationError");
    }
    let both =
        "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.";
    client.sts("GetSessionToken", &[("TokenCode", "123456")]).rejected(403, "AccessDenied", both);
    client.sts("GetSessionToken", &[("SerialNumber", &device.serial)]).rejected(403, "AccessDenied", both);
}

#[test]
fn observed_model_accepts_two_steps_each_way_once() {
    let setup = setup();
    setup.login(2).ok();
    setup.login(-2).ok();
    setup.login(-2).rejected(403, "AccessDenied", INVALID);
    setup.login(3).rejected(403, "AccessDenied", INVALID);
    setup.login(0).ok();
}

#[test]
fn code_is_single_use_across_keys_and_operations() {
    let setup = setup();
    let second = Client::new(&setup.aws, &setup.aws.add_access_key("dev"));
    let role = setup.aws.add_role("r", fake_aws::RoleSpec::default());
    let code = setup.aws.code_now(&setup.device.serial);
    let mfa = [("SerialNumber", &*setup.device.serial), ("TokenCode", &*code)];
    setup.login(0).ok();
    second.sts("GetSessionToken", &mfa).rejected(403, "AccessDenied", INVALID);
    let assume = [&[("RoleArn", &*role.arn), ("RoleSessionName", "me")][..], &mfa].concat();
    second.sts("AssumeRole", &assume).rejected(403, "AccessDenied", INVALID);
}

#[test]
fn strict_model_accepts_one_step_if_newer() {
    let setup = setup();
    setup.aws.set_model(CodeModel::Strict);
    setup.login(-2).rejected(403, "AccessDenied", INVALID);
    setup.login(0).ok();
    setup.login(-1).rejected(403, "AccessDenied", INVALID);
    setup.login(1).ok();
}

#[test]
fn budget_is_nine_and_survives_a_new_device() {
    let setup = setup();
    for _ in 0..9 {
        setup.login(50).rejected(403, "AccessDenied", INVALID);
    }
    setup.login(0).rejected(403, "AccessDenied", UNABLE);
    setup.aws.remove_device(&setup.device.serial);
    let device = setup.aws.add_device("dev", "dev");
    let setup = Setup { device, ..setup };
    setup.login(0).rejected(403, "AccessDenied", UNABLE);
    setup.aws.clock().advance(Duration::from_secs(180));
    setup.login(0).ok();
}

#[test]
fn budget_and_steps_can_be_used_up_by_tests() {
    let setup = setup();
    setup.aws.consume(&setup.device.serial, setup.aws.clock().step());
    setup.login(0).rejected(403, "AccessDenied", INVALID);
    setup.aws.spend_budget(&setup.device.serial, 8);
    setup.login(1).rejected(403, "AccessDenied", UNABLE);
}

#[test]
fn only_own_enabled_totp_devices_are_validated() {
    let setup = setup();
    setup.aws.add_user("other");
    let foreign = setup.aws.add_device("other", "other");
    let unassigned = setup.aws.add_unassigned_device("stale");
    let fido = setup.aws.add_fido_device("dev", "key");
    let mut serials = vec![foreign.serial, unassigned.serial];
    serials.push(setup.device.serial.replace("mfa/dev", "mfa/none"));
    for serial in &serials {
        let code = if serial.ends_with("none") { "123456".into() } else { setup.aws.code_now(serial) };
        let answer = setup.client.sts("GetSessionToken", &[("SerialNumber", serial), ("TokenCode", &code)]);
        answer.rejected(403, "AccessDenied", UNABLE);
    }
    let answer =
        setup.client.sts("GetSessionToken", &[("SerialNumber", &fido.serial), ("TokenCode", "123456")]);
    answer.rejected(403, "AccessDenied", UNABLE);
    let fob = setup.aws.add_hardware_device("dev", "GAHT12345678");
    Setup { device: fob, ..setup }.login(0).ok();
}

#[test]
fn session_without_mfa_cannot_call_iam() {
    let setup = setup();
    let session = setup.client.with_session(&setup.client.sts("GetSessionToken", &[]).ok());
    session.sts("GetCallerIdentity", &[]).ok();
    // Without a period, unlike STS.
    let message = "The security token included in the request is invalid";
    session.iam("GetUser", &[]).rejected(403, "InvalidClientTokenId", message);
    let session = setup.client.with_session(&setup.login(0).ok());
    assert_eq!(session.iam("GetUser", &[]).ok().text("UserName"), "dev");
}

#[test]
fn sessions_cannot_create_sessions() {
    let setup = setup();
    let session = setup.client.with_session(&setup.login(0).ok());
    let message = "Cannot call GetSessionToken with session credentials";
    session.sts("GetSessionToken", &[]).rejected(403, "AccessDenied", message);
    session.sts("GetAccessKeyInfo", &[("AccessKeyId", &setup.client.key)]).code(403, "AccessDenied");
}

#[test]
fn access_key_info_needs_a_permission() {
    let setup = setup();
    let ask = |client: &Client, id: &str| client.sts("GetAccessKeyInfo", &[("AccessKeyId", id)]);
    ask(&setup.client, &setup.client.key).code(403, "AccessDenied");
    setup.aws.add_admin("admin");
    let admin = Client::new(&setup.aws, &setup.aws.add_access_key("admin"));
    assert_eq!(ask(&admin, &setup.client.key).ok().text("Account"), "123456789012");
    ask(&admin, "AKIA").code(400, "ValidationError");
}

#[test]
fn get_session_token_needs_no_permission() {
    let setup = setup();
    setup.aws.set_permissions("dev", fake_aws::Permissions::None);
    setup.aws.deny("dev", "sts:GetCallerIdentity");
    setup.login(0).ok();
    setup.client.sts("GetCallerIdentity", &[]).ok();
}

#[test]
fn root_session_lasts_an_hour() {
    let aws = frozen();
    let root = aws.add_root();
    let client = Client::new(&aws, &aws.add_access_key(&root.name));
    let answer = client.sts("GetSessionToken", &[("DurationSeconds", "43200")]).ok();
    assert_eq!(answer.text("Expiration"), "2026-09-30T13:00:00Z");
    let identity = client.sts("GetCallerIdentity", &[]).ok();
    assert_eq!(identity.text("Arn"), "arn:aws:iam::123456789012:root");
    assert_eq!(identity.text("UserId"), "123456789012");
    assert_eq!(client.iam("GetUser", &[]).ok().try_text("UserName"), None);
}

#[test]
fn wrong_clock_affects_codes() {
    let aws = FakeAws::start();
    aws.add_user("dev");
    let mut client = Client::new(&aws, &aws.add_access_key("dev"));
    client.clock = fake_aws::Clock::new();
    let device = aws.add_device("dev", "dev");
    aws.clock().set_offset(300);
    let login = |step: i64| {
        let code = aws.code(&device.serial, step);
        client.sts("GetSessionToken", &[("SerialNumber", &device.serial), ("TokenCode", &code)])
    };
    let answer = login(client.clock.step());
    answer.rejected(403, "AccessDenied", INVALID);
    assert_eq!(aws.requests()[0].status(), Some(403));
    login(aws.clock().step()).ok();
}

#[test]
fn session_lifetime_can_be_set() {
    let setup = setup();
    setup.aws.set_session_lifetime(Some(20));
    let session = setup.client.with_session(&setup.login(0).ok());
    session.sts("GetCallerIdentity", &[]).ok();
    setup.aws.clock().advance(Duration::from_secs(20));
    session.sts("GetCallerIdentity", &[]).code(403, "ExpiredToken");
    setup.aws.set_session_lifetime(Some(-60));
    let answer = setup.login(1).ok();
    assert_eq!(answer.text("Expiration"), "2026-09-30T11:59:20Z");
    setup.client.with_session(&answer).sts("GetCallerIdentity", &[]).code(403, "ExpiredToken");
    setup.aws.set_session_lifetime(None);
    assert_eq!(setup.login(2).ok().text("Expiration"), "2026-10-01T00:00:20Z");
}

#[test]
fn federated_users_have_a_name_and_no_permissions() {
    let setup = setup();
    let ask = |client: &Client, name: &str| client.sts("GetFederationToken", &[("Name", name)]);
    ask(&setup.client, "me").code(403, "AccessDenied");
    setup.aws.add_admin("admin");
    let admin = Client::new(&setup.aws, &setup.aws.add_access_key("admin"));
    let answer = ask(&admin, "me").ok();
    let arn = "arn:aws:sts::123456789012:federated-user/me";
    assert_eq!((&*answer.text("Arn"), &*answer.text("FederatedUserId")), (arn, "123456789012:me"));
    assert_eq!(answer.text("Expiration"), "2026-10-01T00:00:00Z");
    ask(&admin, "x").code(400, "ValidationError");
    ask(&admin, &"x".repeat(33)).code(400, "ValidationError");
    let federated = admin.with_session(&answer);
    assert_eq!(federated.sts("GetCallerIdentity", &[]).ok().text("Arn"), arn);
    federated.iam("GetUser", &[("UserName", "dev")]).code(403, "InvalidClientTokenId");
    let role = setup.aws.add_role("r", fake_aws::RoleSpec::default());
    let assume = [("RoleArn", &*role.arn), ("RoleSessionName", "me")];
    federated.sts("AssumeRole", &assume).code(403, "AccessDenied");
    let session = Client::session(&setup.aws, &setup.aws.add_session("admin", true));
    let message = "Cannot call GetFederationToken with session credentials";
    ask(&session, "me").rejected(403, "AccessDenied", message);
}
