//! AssumeRole: trust, MFA, durations, chaining.

use std::time::Duration;

use fake_aws::{FakeAws, Permissions, RoleSpec};

use crate::support::{Answer, Client, frozen};

fn setup(permissions: Permissions, spec: RoleSpec) -> (FakeAws, Client, String) {
    let aws = frozen();
    aws.add_user("dev");
    aws.set_permissions("dev", permissions);
    let client = Client::new(&aws, &aws.add_access_key("dev"));
    let role = aws.add_role("ops", spec);
    (aws, client, role.arn)
}

fn assume(client: &Client, arn: &str, more: &[(&str, &str)]) -> Answer {
    client.sts("AssumeRole", &[&[("RoleArn", arn), ("RoleSessionName", "me")], more].concat())
}

const REFUSED: &str = "User: arn:aws:iam::123456789012:user/dev is not authorized to perform: sts:AssumeRole on \
                       resource: arn:aws:iam::123456789012:role/ops";

const POLICY: &str = "arn:aws:iam::123456789012:policy/SelfManageMFA";

#[test]
fn role_session_lasts_an_hour() {
    let (aws, client, arn) = setup(Permissions::None, RoleSpec::default());
    let answer = assume(&client, &arn, &[]).ok();
    assert_eq!(answer.text("Expiration"), "2026-09-30T13:00:00Z");
    let assumed = answer.texts("Arn");
    assert_eq!(assumed, ["arn:aws:sts::123456789012:assumed-role/ops/me"]);
    assert!(answer.text("AssumedRoleId").starts_with("AROA"));
    let session = client.with_session(&answer);
    let identity = session.sts("GetCallerIdentity", &[]).ok();
    assert_eq!(identity.text("Arn"), assumed[0]);
    assert_eq!(identity.text("UserId"), answer.text("AssumedRoleId"));
    session.sts("GetSessionToken", &[]).code(403, "AccessDenied");
    drop(aws);
}

#[test]
fn missing_role_and_untrusting_role_have_the_same_error() {
    let spec = RoleSpec { trusted: Some(vec!["boss".into()]), ..RoleSpec::default() };
    let (_aws, client, arn) = setup(Permissions::Admin, spec);
    assume(&client, &arn, &[]).rejected(403, "AccessDenied", REFUSED);
    let missing = assume(&client, "arn:aws:iam::123456789012:role/none", &[]);
    missing.rejected(403, "AccessDenied", &REFUSED.replace("role/ops", "role/none"));
}

#[test]
fn mfa_is_proven_by_a_code_or_by_the_session() {
    let spec = RoleSpec { require_mfa: true, ..RoleSpec::default() };
    let (aws, client, arn) = setup(Permissions::None, spec);
    let device = aws.add_device("dev", "dev");
    assume(&client, &arn, &[]).rejected(403, "AccessDenied", REFUSED);
    let plain = Client::session(&aws, &aws.add_session("dev", false));
    assume(&plain, &arn, &[]).rejected(403, "AccessDenied", REFUSED);
    let code = aws.code_now(&device.serial);
    assume(&client, &arn, &[("SerialNumber", &device.serial), ("TokenCode", &code)]).ok();
    let proved = Client::session(&aws, &aws.add_session("dev", true));
    assume(&proved, &arn, &[]).ok();
}

#[test]
fn self_management_policy_denies_roles_without_mfa() {
    let (aws, client, arn) = setup(Permissions::SelfManageMfa, RoleSpec::default());
    let device = aws.add_device("dev", "dev");
    let message = format!("{REFUSED} with an explicit deny in an identity-based policy: {POLICY}");
    assume(&client, &arn, &[]).rejected(403, "AccessDenied", &message);
    let code = aws.code_now(&device.serial);
    assume(&client, &arn, &[("SerialNumber", &device.serial), ("TokenCode", &code)]).ok();
}

#[test]
fn duration_has_three_limits() {
    let spec = RoleSpec { max_session_duration: 7200, ..RoleSpec::default() };
    let (aws, client, arn) = setup(Permissions::None, spec);
    let ask = |client: &Client, seconds: &str| assume(client, &arn, &[("DurationSeconds", seconds)]);
    ask(&client, "899").code(400, "ValidationError");
    ask(&client, "43201").code(400, "ValidationError");
    ask(&client, "7201").rejected(
        400,
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    );
    assert_eq!(ask(&client, "7200").ok().text("Expiration"), "2026-09-30T14:00:00Z");
    let too_long =
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
    let session = Client::session(&aws, &aws.add_session("dev", true));
    ask(&session, "3601").rejected(400, "ValidationError", too_long);
    ask(&session, "3600").ok();
    ask(&session, "7201").rejected(
        400,
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    );
    let chained = Client::session(&aws, &aws.add_role_session("ops", "me"));
    ask(&chained, "3601").rejected(400, "ValidationError", too_long);
    ask(&chained, "3600").ok();
}

#[test]
fn role_session_has_no_mfa() {
    let (aws, client, base) = setup(Permissions::None, RoleSpec::default());
    let device = aws.add_device("dev", "dev");
    let spec = RoleSpec { require_mfa: true, trusted: Some(vec!["role/ops".into()]), ..RoleSpec::default() };
    let guarded = aws.add_role("guarded", spec);
    let code = aws.code_now(&device.serial);
    let answer = assume(&client, &base, &[("SerialNumber", &device.serial), ("TokenCode", &code)]).ok();
    let session = client.with_session(&answer);
    assume(&session, &guarded.arn, &[]).code(403, "AccessDenied");
    let spec = RoleSpec { trusted: Some(vec!["role/ops".into()]), ..RoleSpec::default() };
    let open = aws.add_role("open", spec);
    assume(&session, &open.arn, &[]).ok();
    assume(&client, &open.arn, &[]).code(403, "AccessDenied");
}

#[test]
fn external_id_must_match() {
    let spec = RoleSpec { external_id: Some("abc".into()), ..RoleSpec::default() };
    let (_aws, client, arn) = setup(Permissions::None, spec);
    assume(&client, &arn, &[]).code(403, "AccessDenied");
    assume(&client, &arn, &[("ExternalId", "xyz")]).code(403, "AccessDenied");
    assume(&client, &arn, &[("ExternalId", "abc")]).ok();
    assume(&client, &arn, &[("ExternalId", "a")]).code(400, "ValidationError");
}

#[test]
fn parameters_are_validated() {
    let (_aws, client, arn) = setup(Permissions::None, RoleSpec::default());
    client.sts("AssumeRole", &[("RoleArn", &arn)]).code(400, "ValidationError");
    client.sts("AssumeRole", &[("RoleArn", &arn), ("RoleSessionName", "a b")]).code(400, "ValidationError");
    client.sts("AssumeRole", &[("RoleArn", "x"), ("RoleSessionName", "me")]).code(400, "ValidationError");
    let no_arn = "twenty-characters-at-least";
    assume(&client, no_arn, &[]).rejected(400, "ValidationError", &format!("{no_arn} is invalid"));
    assume(&client, &arn, &[("SourceIdentity", &"x".repeat(256))]).ok();
    assume(&client, &arn, &[("SourceIdentity", &"x".repeat(257))]).code(400, "ValidationError");
}

#[test]
fn role_can_be_an_administrator() {
    let spec = RoleSpec { permissions: Permissions::Admin, ..RoleSpec::default() };
    let (aws, _client, _arn) = setup(Permissions::None, spec);
    let admin = Client::session(&aws, &aws.add_role_session("ops", "me"));
    admin.iam("GetUser", &[("UserName", "dev")]).ok();
    let message = "Must specify userName when calling with non-User credentials";
    admin.iam("GetUser", &[]).rejected(400, "ValidationError", message);
    aws.add_role("weak", RoleSpec::default());
    let weak = Client::session(&aws, &aws.add_role_session("weak", "me"));
    weak.iam("GetUser", &[("UserName", "dev")]).rejected(
        403,
        "AccessDenied",
        "User: arn:aws:sts::123456789012:assumed-role/weak/me is not authorized to perform: iam:GetUser on \
         resource: arn:aws:iam::123456789012:user/dev because no identity-based policy allows the iam:GetUser action",
    );
}

#[test]
fn trust_policy_limits_the_age_of_mfa() {
    let spec = RoleSpec { max_mfa_age: Some(600), ..RoleSpec::default() };
    let (aws, client, arn) = setup(Permissions::None, spec);
    let device = aws.add_device("dev", "dev");
    assume(&client, &arn, &[]).rejected(403, "AccessDenied", REFUSED);
    let session = Client::session(&aws, &aws.add_session("dev", true));
    aws.clock().advance(Duration::from_secs(599));
    assume(&session, &arn, &[]).ok();
    aws.clock().advance(Duration::from_secs(1));
    assume(&session, &arn, &[]).rejected(403, "AccessDenied", REFUSED);
    let code = aws.code_now(&device.serial);
    assume(&client, &arn, &[("SerialNumber", &device.serial), ("TokenCode", &code)]).ok();
}
