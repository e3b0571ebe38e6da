//! `enroll`: gives a user an MFA device and a session.

mod doubt;
mod faults;
mod gone;
mod kills;
mod names;
mod new_user;
mod odd_seeds;
mod permissions;
mod recreated;
mod roles;
mod time;

use fake_aws::{AccessKey, Builder, FakeAws, Permissions};

use crate::support::{Home, Ran};

/// An account with a user without a device, with keys in `[demo]`, and an administrator, with keys in `[admin]`.
struct Setup {
    aws: FakeAws,
    home: Home,
    key: AccessKey,
}

const USER: &str = "aws_mfa_demo";

impl Setup {
    fn new() -> Self {
        Self::with(FakeAws::builder())
    }

    fn with(builder: Builder) -> Self {
        Self::with_path(builder, "/")
    }

    fn with_path(builder: Builder, path: &str) -> Self {
        let aws = builder.start();
        aws.add_user_with_path(USER, path);
        let key = aws.add_access_key(USER);
        aws.add_admin("boss");
        let admin = aws.add_access_key("boss");
        let home = Home::new(&aws);
        let section = |name: &str, key: &AccessKey| {
            format!("[{name}]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret)
        };
        home.write_credentials(&format!("{}{}", section("demo", &key), section("admin", &admin)));
        home.write_config(
            "[profile demo]\nregion = eu-central-1\n\n[profile admin]\nregion = eu-central-1\n",
        );
        Self { aws, home, key }
    }

    fn by_user(&self) -> Ran {
        self.home.awsmfa(["enroll", "--profile", "demo"]).run()
    }

    fn by_admin(&self) -> Ran {
        self.home.awsmfa(["enroll", "--user", USER, "--profile", "admin"]).run()
    }

    /// Fails unless the user has only this device, no device is unassigned, and login works.
    #[track_caller]
    fn check_one(&self, name: &str) {
        self.check_device(name);
        let unassigned: Vec<_> = self.aws.devices().into_iter().filter(|d| d.user.is_none()).collect();
        assert_eq!(unassigned, [], "no orphan");
    }

    #[track_caller]
    fn check_device(&self, name: &str) {
        let serial = self.serial(name);
        assert_eq!(self.aws.devices_of(USER), [serial.as_str()]);
        self.login(&serial);
        assert!(self.journals().is_empty(), "{:?}", self.journals());
        self.check_no_seed_in_plaintext(&serial);
    }

    /// Gets a session with the device and the keys in `[demo]`, and removes it again.
    #[track_caller]
    fn login(&self, serial: &str) {
        self.home.awsmfa(["login", "--profile", "demo", "--serial", serial]).run().success();
        assert!(self.home.credential("demo", "aws_session_token").is_some());
        self.home.awsmfa(["logout", "--profile", "demo", "--restore"]).run().success();
    }

    fn serial(&self, name: &str) -> String {
        format!("arn:aws:iam::123456789012:mfa/{name}")
    }

    fn journals(&self) -> Vec<String> {
        let journal = |path: &String| path.contains("enrollments/") && path.ends_with(".json");
        self.home.files().into_keys().filter(journal).collect()
    }

    fn check_no_seed_in_plaintext(&self, serial: &str) {
        let seed = self.aws.seed(serial);
        for (path, bytes) in self.home.files() {
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(&seed), "{path} contains the seed");
        }
    }

    fn count(&self, action: &str) -> usize {
        self.aws.requests_for(action).len()
    }
}

#[test]
fn user_enrolls_with_the_self_manage_policy() {
    let setup = Setup::new();
    let ran = setup.by_user().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: created `arn:aws:iam::123456789012:mfa/aws_mfa_demo` and saved its secret in the file store
    awsmfa: enabled `arn:aws:iam::123456789012:mfa/aws_mfa_demo` for `aws_mfa_demo`
    awsmfa: verified: AWS issued a session for one of the device's codes
    awsmfa: set `mfa_serial` of profile `demo` to `arn:aws:iam::123456789012:mfa/aws_mfa_demo`
    awsmfa: `aws_mfa_demo` now has MFA device `arn:aws:iam::123456789012:mfa/aws_mfa_demo`
    hint: this is the only copy of the secret; back it up to a phone: `awsmfa device export arn:aws:iam::123456789012:mfa/aws_mfa_demo --qr`
    hint: awsmfa setup --profile demo
    ");
    assert_eq!(ran.out(), "");
    assert_eq!(setup.count("GetSessionToken"), 1, "the session that verified the device is reused");
    let serial = setup.serial(USER);
    assert!(setup.home.read(".aws/config").contains(&format!("mfa_serial = {serial}")));
    setup.home.awsmfa(["login", "--profile", "demo"]).run().success();
    assert_eq!(setup.count("GetSessionToken"), 1, "login uses the cached session");
    setup.home.awsmfa(["logout", "--profile", "demo", "--restore"]).run().success();
    setup.check_one(USER);
}

#[test]
fn administrator_enrolls_another_user() {
    let setup = Setup::new();
    let ran = setup.by_admin().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: created `arn:aws:iam::123456789012:mfa/aws_mfa_demo` and saved its secret in the file store
    awsmfa: enabled `arn:aws:iam::123456789012:mfa/aws_mfa_demo` for `aws_mfa_demo`
    awsmfa: verified: AWS lists `arn:aws:iam::123456789012:mfa/aws_mfa_demo` for `aws_mfa_demo`
    awsmfa: `aws_mfa_demo` now has MFA device `arn:aws:iam::123456789012:mfa/aws_mfa_demo`
    hint: this is the only copy of the secret; back it up to a phone: `awsmfa device export arn:aws:iam::123456789012:mfa/aws_mfa_demo --qr`
    hint: set the device in the profile that has the user's keys: `aws configure set mfa_serial arn:aws:iam::123456789012:mfa/aws_mfa_demo --profile NAME`
    ");
    assert_eq!(setup.count("GetSessionToken"), 0, "an administrator cannot use the user's codes");
    setup.check_one(USER);
}

#[test]
fn profile_with_the_users_keys_uses_the_device() {
    let setup = Setup::new();
    let args = ["enroll", "--user", USER, "--profile", "admin", "--for-profile", "demo", "--json"];
    let json = setup.home.awsmfa(args).run().success().json();
    assert_eq!(json["serial"], setup.serial(USER));
    assert_eq!((&json["verified_by"], &json["profile"]), (&"session".into(), &"demo".into()));
    assert_eq!(json["next"], "awsmfa setup --profile demo");
    assert_eq!(setup.count("GetSessionToken"), 1);
    setup.home.awsmfa(["login", "--profile", "demo"]).run().success();
    assert_eq!(setup.count("GetSessionToken"), 1);
    setup.home.awsmfa(["logout", "--profile", "demo", "--restore"]).run().success();
    setup.check_one(USER);
}

#[test]
fn keys_beside_a_credential_process_are_reported() {
    let setup = Setup::new();
    let config = setup.home.read(".aws/config");
    let ours = "credential_process = awsmfa credential-process --profile demo";
    setup.home.write_config(&config.replace("[profile demo]", &format!("[profile demo]\n{ours}")));
    let ran = setup.by_user().success();
    let last: Vec<String> = ran.err().lines().rev().take(3).map(str::to_owned).collect();
    insta::assert_snapshot!(last.into_iter().rev().collect::<Vec<_>>().join("\n"), @"
    warning: the AWS CLI, boto3, the JavaScript SDK and Terraform use the access key of profile `demo` (~/.aws/credentials:2) instead of awsmfa's session
    hint: awsmfa setup --profile demo
    hint: aws sts get-caller-identity --profile demo
    ");
}

#[test]
fn keys_in_the_environment_are_enough() {
    let setup = Setup::new();
    let ran = setup
        .home
        .awsmfa(["enroll"])
        .env("AWS_ACCESS_KEY_ID", &setup.key.id)
        .env("AWS_SECRET_ACCESS_KEY", &setup.key.secret)
        .run();
    ran.success();
    setup.check_one(USER);
}

#[test]
fn administrator_can_use_a_role_of_the_sdk() {
    let setup = Setup::new();
    let spec = fake_aws::RoleSpec { permissions: Permissions::Admin, ..fake_aws::RoleSpec::default() };
    let role = setup.aws.add_role("admins", spec);
    setup.home.write_config(&format!(
        "[profile demo]\nregion = eu-central-1\n\n[profile role]\nregion = eu-central-1\nrole_arn = {}\nsource_profile = admin\n",
        role.arn
    ));
    setup.home.awsmfa(["enroll", "--user", USER, "--profile", "role"]).run().success();
    assert_eq!(setup.count("AssumeRole"), 1);
    setup.check_one(USER);
}

#[test]
fn role_session_requires_a_user() {
    let setup = Setup::new();
    let role = setup.aws.add_role("admins", fake_aws::RoleSpec::default());
    let session = setup.aws.add_role_session(&role.name, "me");
    let ran = setup
        .home
        .awsmfa(["enroll"])
        .env("AWS_ACCESS_KEY_ID", session.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", session.secret_access_key)
        .env("AWS_SESSION_TOKEN", session.session_token)
        .run();
    insta::assert_snapshot!(ran.code(2).err(), @"
    error: `arn:aws:sts::123456789012:assumed-role/admins/me` is not an IAM user, so it cannot have an MFA device
    hint: choose a user: `awsmfa enroll --user NAME`
    ");
}

#[test]
fn root_is_sent_to_the_console() {
    let setup = Setup::new();
    setup.aws.add_root();
    let key = setup.aws.add_access_key("root");
    let ran = setup
        .home
        .awsmfa(["enroll"])
        .env("AWS_ACCESS_KEY_ID", key.id)
        .env("AWS_SECRET_ACCESS_KEY", key.secret)
        .run();
    insta::assert_snapshot!(ran.code(4).err(), @"
    error: these are root credentials; MFA for root can only be enabled in the console
    hint: start there, then run `awsmfa device import --serial arn:aws:iam::123456789012:mfa/root-account-mfa-device` and `awsmfa code --pair arn:aws:iam::123456789012:mfa/root-account-mfa-device`
    hint: or enroll a user: `awsmfa enroll --user NAME`
    ");
    assert_eq!(setup.aws.devices(), []);
}

#[test]
fn second_run_changes_nothing() {
    let setup = Setup::new();
    setup.by_user().success();
    let ran = setup.by_user().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: `arn:aws:iam::123456789012:mfa/aws_mfa_demo` was already enabled for `aws_mfa_demo`; log in to check that the stored secret still matches
    awsmfa: `aws_mfa_demo` now has MFA device `arn:aws:iam::123456789012:mfa/aws_mfa_demo`
    hint: this is the only copy of the secret; back it up to a phone: `awsmfa device export arn:aws:iam::123456789012:mfa/aws_mfa_demo --qr`
    hint: awsmfa setup --profile demo
    ");
    assert_eq!(setup.count("CreateVirtualMFADevice"), 1);
    assert_eq!(setup.count("GetSessionToken"), 1, "the cached session verifies the device");
    setup.check_one(USER);
}

#[test]
fn second_device_is_enrolled_with_a_session_from_the_first() {
    let setup = Setup::new();
    setup.by_user().success();
    let args = ["enroll", "--profile", "demo", "--device-name", "spare"];
    let ran = setup.home.awsmfa(args).run().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: created `arn:aws:iam::123456789012:mfa/spare` and saved its secret in the file store
    awsmfa: enabled `arn:aws:iam::123456789012:mfa/spare` for `aws_mfa_demo`
    awsmfa: verified: AWS issued a session for one of the device's codes
    awsmfa: set `mfa_serial` of profile `demo` to `arn:aws:iam::123456789012:mfa/spare` (was `arn:aws:iam::123456789012:mfa/aws_mfa_demo`)
    awsmfa: `aws_mfa_demo` now has MFA device `arn:aws:iam::123456789012:mfa/spare`
    hint: this is the only copy of the secret; back it up to a phone: `awsmfa device export arn:aws:iam::123456789012:mfa/spare --qr`
    hint: awsmfa setup --profile demo
    ");
    assert_eq!(setup.aws.devices_of(USER), [setup.serial(USER), setup.serial("spare")]);
    for name in [USER, "spare"] {
        setup.login(&setup.serial(name));
    }
}

#[test]
fn device_with_its_secret_elsewhere_needs_an_administrator() {
    let setup = Setup::new();
    setup.aws.add_device(USER, USER);
    insta::assert_snapshot!(setup.by_user().code(2).err(), @"
    error: `aws_mfa_demo` already has MFA device `arn:aws:iam::123456789012:mfa/aws_mfa_demo`, and its secret is not stored here
    hint: if you have its secret key, import it: `awsmfa device import --serial arn:aws:iam::123456789012:mfa/aws_mfa_demo --profile demo`
    hint: or ask an administrator to enroll another one: `awsmfa enroll --user aws_mfa_demo --profile ADMIN --for-profile demo --yes`
    ");
    let ran = setup.home.awsmfa(["enroll", "--profile", "demo", "--yes"]).run();
    insta::assert_snapshot!(ran.code(4).err(), @"
    error: `aws_mfa_demo` already has MFA device `arn:aws:iam::123456789012:mfa/aws_mfa_demo`, and AWS lets users change their devices only in a session made with MFA (AWS-2023-001)
    hint: if you have its secret key: `awsmfa device import --serial arn:aws:iam::123456789012:mfa/aws_mfa_demo --profile demo`, then `awsmfa enroll --profile demo --yes` again
    hint: or ask an administrator: `awsmfa enroll --user aws_mfa_demo --profile ADMIN --for-profile demo --yes`
    ");
    assert_eq!(setup.count("CreateVirtualMFADevice"), 0);
    let args = ["enroll", "--user", USER, "--profile", "admin", "--for-profile", "demo"];
    insta::assert_snapshot!(setup.home.awsmfa(args).run().code(2).err(), @"
    error: `aws_mfa_demo` already has MFA device `arn:aws:iam::123456789012:mfa/aws_mfa_demo`, and its secret is not stored here
    hint: if you have its secret key, import it: `awsmfa device import --serial arn:aws:iam::123456789012:mfa/aws_mfa_demo --profile demo`
    hint: or enroll another one: `awsmfa enroll --user aws_mfa_demo --profile admin --for-profile demo --yes`
    ");
    setup.home.awsmfa(args).arg("--yes").run().success();
    assert_eq!(setup.aws.devices_of(USER), [setup.serial(USER), setup.serial("aws_mfa_demo-2")]);
    setup.login(&setup.serial("aws_mfa_demo-2"));
}

#[test]
fn device_with_a_stored_secret_allows_another() {
    let setup = Setup::new();
    setup.aws.add_device(USER, USER);
    let phone = setup.aws.add_device(USER, "phone");
    let import = ["device", "import", "--serial", &phone.serial, "--secret-stdin"];
    setup.home.awsmfa(import).stdin(&phone.seed).run().success();
    let said = setup.by_user().code(2).err();
    assert!(said.contains("or enroll another one: `awsmfa enroll --profile demo --yes`"), "{said}");
    setup.home.awsmfa(["enroll", "--profile", "demo", "--yes"]).run().success();
    assert_eq!(setup.aws.devices_of(USER).len(), 3);
}

#[test]
fn administrator_whose_policy_requires_mfa_signs_in_with_the_stored_device() {
    let setup = Setup::new();
    let device = setup.aws.add_device("boss", "boss");
    let args = ["device", "import", "--profile", "admin", "--serial", &device.serial, "--secret-stdin"];
    setup.home.awsmfa(args).stdin(&device.seed).run().success();
    setup.aws.fault(
        fake_aws::Fault::error(403, "AccessDenied", "User: boss is not authorized with an explicit deny")
            .on("GetUser"),
    );
    setup.by_admin().success();
    assert_eq!(setup.count("GetSessionToken"), 1);
    setup.check_one(USER);
}

#[test]
fn other_partitions_and_paths_come_from_the_callers_arn() {
    for (partition, region) in [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")] {
        let setup = Setup::with_path(FakeAws::builder().partition(partition), "/eng/");
        setup.home.write_config(&format!("[profile demo]\nregion = {region}\n"));
        setup.aws.set_permissions(USER, Permissions::Admin);
        let args = ["enroll", "--profile", "demo", "--path", "/phones/eng/", "--json"];
        let json = setup.home.awsmfa(args).run().success().json();
        let serial = format!("arn:{partition}:iam::123456789012:mfa/phones/eng/{USER}");
        assert_eq!(json["serial"], serial);
        assert_eq!(setup.aws.devices_of(USER), [serial.as_str()]);
        setup.login(&serial);
    }
}
