//! `--for-profile` with a profile that has a role, where `mfa_serial` would make the AWS CLI prompt.

use fake_aws::RoleSpec;

use super::{Setup, USER};

const ARGS: [&str; 7] = ["enroll", "--user", USER, "--profile", "admin", "--for-profile", "app"];

/// Adds sections to the config file; `ROLE` stands for the ARN of a role.
fn with_config(config: &str) -> Setup {
    let setup = Setup::new();
    let role = setup.aws.add_role("deploy", RoleSpec { require_mfa: true, ..RoleSpec::default() });
    setup.home.write_config(&format!(
        "[profile admin]\nregion = eu-central-1\n{}",
        config.replace("ROLE", &role.arn)
    ));
    setup
}

#[test]
fn profile_with_the_keys_gets_the_mfa_serial() {
    let setup = with_config("[profile app]\nrole_arn = ROLE\nsource_profile = demo\n");
    let before = setup.home.read(".aws/config");
    setup.home.awsmfa(ARGS).run().success();
    let serial = setup.serial(USER);
    assert_eq!(setup.home.read(".aws/config"), format!("{before}\n[profile demo]\nmfa_serial = {serial}\n"));
    setup.home.awsmfa(["login", "--profile", "app"]).run().success();
}

#[test]
fn device_is_only_in_the_registry_if_the_setting_would_break_tools() {
    let setup = with_config("[profile app]\nrole_arn = ROLE\nsource_profile = app\n");
    setup.home.write_credentials(&setup.home.credentials().replace("[demo]", "[app]"));
    let before = setup.home.read(".aws/config");
    let ran = setup.home.awsmfa(ARGS).run().success();
    assert!(!ran.err().contains("mfa_serial"), "{}", ran.err());
    assert_eq!(setup.home.read(".aws/config"), before);
    let listed = setup.count("ListMFADevices");
    setup.home.awsmfa(["login", "--profile", "app"]).run().success();
    assert_eq!(setup.count("ListMFADevices"), listed, "a known device is not looked up in AWS");
}

#[test]
fn mfa_serial_of_a_role_is_corrected() {
    let old = "arn:aws:iam::123456789012:mfa/old";
    let config = format!("[profile app]\nrole_arn = ROLE\nsource_profile = demo\nmfa_serial = {old}\n");
    let setup = with_config(&config);
    let before = setup.home.read(".aws/config");
    setup.home.awsmfa(ARGS).run().success();
    assert_eq!(setup.home.read(".aws/config"), before.replace(old, &setup.serial(USER)));
    setup.home.awsmfa(["login", "--profile", "app"]).run().success();
}
