//! Users and access keys.

use fake_aws::{FakeAws, KeyStatus, Permissions};

use crate::support::{Client, frozen};

fn setup() -> (FakeAws, Client) {
    let aws = frozen();
    aws.add_admin("admin");
    let admin = Client::new(&aws, &aws.add_access_key("admin"));
    (aws, admin)
}

#[test]
fn users_are_created_read_and_deleted() {
    let (aws, admin) = setup();
    let create = |name: &str| admin.iam("CreateUser", &[("UserName", name)]);
    let user = create("dev").ok();
    assert_eq!(user.text("Arn"), "arn:aws:iam::123456789012:user/dev");
    assert_eq!(user.text("CreateDate"), "2026-09-30T12:00:00Z");
    create("DEV").rejected(409, "EntityAlreadyExists", "User with name DEV already exists.");
    create(&"x".repeat(65)).code(400, "ValidationError");
    let got = admin.iam("GetUser", &[("UserName", "dev")]).ok();
    assert_eq!(got.text("UserId"), user.text("UserId"));
    assert_eq!(admin.iam("GetUser", &[]).ok().text("UserName"), "admin");
    let nobody = admin.iam("GetUser", &[("UserName", "nobody")]);
    nobody.rejected(404, "NoSuchEntity", "The user with name nobody cannot be found.");
    let delete = || admin.iam("DeleteUser", &[("UserName", "dev")]);
    let device = aws.add_device("dev", "dev").serial;
    delete().rejected(
        409,
        "DeleteConflict",
        "Cannot delete entity, must remove tokens from principal first.",
    );
    aws.remove_device(&device);
    let key = aws.add_access_key("dev");
    delete().rejected(409, "DeleteConflict", "Cannot delete entity, must delete access keys first.");
    admin.iam("DeleteAccessKey", &[("UserName", "dev"), ("AccessKeyId", &key.id)]).ok();
    delete().ok();
    delete().code(404, "NoSuchEntity");
}

#[test]
fn session_ends_with_its_user() {
    let (aws, admin) = setup();
    aws.add_user("dev");
    let session = Client::session(&aws, &aws.add_session("dev", true));
    session.sts("GetCallerIdentity", &[]).ok();
    admin.iam("DeleteUser", &[("UserName", "dev")]).ok();
    aws.add_user("dev");
    session.sts("GetCallerIdentity", &[]).code(403, "InvalidClientTokenId");
}

#[test]
fn user_has_at_most_two_keys() {
    let (aws, admin) = setup();
    aws.add_user("dev");
    let create = || admin.iam("CreateAccessKey", &[("UserName", "dev")]);
    let first = create().ok();
    assert!(first.text("AccessKeyId").starts_with("AKIA"));
    assert_eq!(first.text("Status"), "Active");
    let made =
        Client { key: first.text("AccessKeyId"), secret: first.text("SecretAccessKey"), ..admin.clone() };
    made.sts("GetCallerIdentity", &[]).ok();
    create().ok();
    create().rejected(409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2");
    let listed = admin.iam("ListAccessKeys", &[("UserName", "dev")]).ok();
    assert_eq!(listed.texts("AccessKeyId").len(), 2);
    assert!(!listed.body.contains("Secret"), "{}", listed.body);
}

#[test]
fn keys_are_deactivated_and_deleted() {
    let (aws, admin) = setup();
    aws.add_user("dev");
    let key = aws.add_access_key("dev");
    let params = |status| [("UserName", "dev"), ("AccessKeyId", &*key.id), ("Status", status)];
    admin.iam("UpdateAccessKey", &params("Inactive")).ok();
    assert_eq!(aws.access_keys("dev"), [(key.id.clone(), KeyStatus::Inactive)]);
    admin.iam("UpdateAccessKey", &params("Active")).ok();
    admin.iam("UpdateAccessKey", &params("On")).code(400, "ValidationError");
    let message = "The Access Key with id AKIAAAAAAAAAAAAAAAAA cannot be found.";
    let unknown = [("UserName", "dev"), ("AccessKeyId", "AKIAAAAAAAAAAAAAAAAA")];
    admin.iam("DeleteAccessKey", &unknown).rejected(404, "NoSuchEntity", message);
    let foreign = [("UserName", "admin"), ("AccessKeyId", &*key.id)];
    admin.iam("DeleteAccessKey", &foreign).code(404, "NoSuchEntity");
    admin.iam("DeleteAccessKey", &[("UserName", "dev"), ("AccessKeyId", &key.id)]).ok();
    assert!(aws.access_keys("dev").is_empty());
}

#[test]
fn temporary_credentials_need_user_name_to_list_keys() {
    let (aws, admin) = setup();
    assert_eq!(admin.iam("ListAccessKeys", &[]).ok().text("AccessKeyId"), admin.key);
    let session = Client::session(&aws, &aws.add_session("admin", true));
    let message = "Must specify userName when calling with non-User credentials";
    session.iam("ListAccessKeys", &[]).rejected(400, "ValidationError", message);
    session.iam("ListAccessKeys", &[("UserName", "admin")]).ok();
    let status = [("AccessKeyId", &*admin.key), ("Status", "Active")];
    session.iam("UpdateAccessKey", &status).rejected(400, "ValidationError", message);
    // Creating and deleting a key work without a user name.
    let created = session.iam("CreateAccessKey", &[]).ok().text("AccessKeyId");
    session.iam("DeleteAccessKey", &[("AccessKeyId", &created)]).ok();
    assert_eq!(aws.access_keys("admin").len(), 1);
}

#[test]
fn last_use_of_a_key_is_recorded() {
    let (aws, admin) = setup();
    aws.add_user("dev");
    let key = aws.add_access_key("dev");
    let ask = || admin.iam("GetAccessKeyLastUsed", &[("AccessKeyId", &key.id)]).ok();
    assert_eq!(ask().texts("ServiceName"), ["N/A"]);
    assert_eq!(ask().try_text("LastUsedDate"), None);
    Client::new(&aws, &key).sts("GetCallerIdentity", &[]).ok();
    let used = ask();
    assert_eq!((used.text("UserName"), used.text("ServiceName")), ("dev".into(), "sts".into()));
    assert_eq!(used.text("Region"), "eu-central-1");
    assert_eq!(used.text("LastUsedDate"), "2026-09-30T12:00:00Z");
    let unknown = admin.iam("GetAccessKeyLastUsed", &[("AccessKeyId", "AKIAAAAAAAAAAAAAAAAA")]);
    unknown.code(403, "AccessDenied");
}

#[test]
fn login_profile_and_policies_are_attached() {
    let (aws, admin) = setup();
    aws.add_user("dev");
    aws.set_permissions("dev", Permissions::None);
    let profile = || admin.iam("CreateLoginProfile", &[("UserName", "dev"), ("Password", "correct horse")]);
    profile().ok();
    profile().rejected(409, "EntityAlreadyExists", "Login Profile for user dev already exists.");
    let dev = Client::new(&aws, &aws.add_access_key("dev"));
    dev.iam("GetUser", &[]).code(403, "AccessDenied");
    let attach = |arn: &str| admin.iam("AttachUserPolicy", &[("UserName", "dev"), ("PolicyArn", arn)]);
    attach("arn:aws:iam::aws:policy/AdministratorAccess").ok();
    dev.iam("GetUser", &[]).ok();
    let delete = || admin.iam("DeleteUser", &[("UserName", "dev")]);
    admin.iam("DeleteAccessKey", &[("UserName", "dev"), ("AccessKeyId", &dev.key)]).ok();
    delete().rejected(409, "DeleteConflict", "Cannot delete entity, must delete login profile first.");
    attach("arn:aws:iam::123456789012:policy/none").code(404, "NoSuchEntity");
    attach("short").code(400, "ValidationError");
}

#[test]
fn account_summary_counts_users_and_devices() {
    let (aws, admin) = setup();
    aws.add_user("dev");
    aws.add_device("dev", "dev");
    aws.add_unassigned_device("stale");
    let summary = admin.iam("GetAccountSummary", &[]).ok().body;
    for (key, value) in [("Users", 2), ("MFADevices", 2), ("MFADevicesInUse", 1), ("AccountMFAEnabled", 0)] {
        assert!(summary.contains(&format!("<key>{key}</key><value>{value}</value>")), "{summary}");
    }
}
