//! A profile with a role as the one that is to use the device: `mfa_serial` would make the AWS CLI prompt there.

use fake_aws::RoleSpec;

use super::{Bench, USER};

const ARGS: [&str; 7] = ["enroll", "--user", USER, "--profile", "admin", "--for-profile", "app"];

/// A bench whose config file has these sections; `ROLE` is a role.
fn bench(config: &str) -> Bench {
    let bench = Bench::new();
    let role = bench.aws.add_role("deploy", RoleSpec { require_mfa: true, ..RoleSpec::default() });
    bench.home.write_config(&format!(
        "[profile admin]\nregion = eu-central-1\n{}",
        config.replace("ROLE", &role.arn)
    ));
    bench
}

#[test]
fn profile_with_the_keys_gets_the_mfa_serial() {
    let bench = bench("[profile app]\nrole_arn = ROLE\nsource_profile = demo\n");
    let before = bench.home.read(".aws/config");
    bench.home.awsmfa(ARGS).run().success();
    let serial = bench.serial(USER);
    assert_eq!(bench.home.read(".aws/config"), format!("{before}\n[profile demo]\nmfa_serial = {serial}\n"));
    bench.home.awsmfa(["login", "--profile", "app"]).run().success();
}

#[test]
fn registry_alone_has_the_device_if_the_setting_would_break_tools() {
    let bench = bench("[profile app]\nrole_arn = ROLE\nsource_profile = app\n");
    bench.home.write_credentials(&bench.home.credentials().replace("[demo]", "[app]"));
    let before = bench.home.read(".aws/config");
    let ran = bench.home.awsmfa(ARGS).run().success();
    assert!(!ran.err().contains("mfa_serial"), "{}", ran.err());
    assert_eq!(bench.home.read(".aws/config"), before);
    let listed = bench.count("ListMFADevices");
    bench.home.awsmfa(["login", "--profile", "app"]).run().success();
    assert_eq!(bench.count("ListMFADevices"), listed, "AWS is not asked for what is known");
}

#[test]
fn mfa_serial_of_a_role_is_corrected() {
    let old = "arn:aws:iam::123456789012:mfa/old";
    let config = format!("[profile app]\nrole_arn = ROLE\nsource_profile = demo\nmfa_serial = {old}\n");
    let bench = bench(&config);
    let before = bench.home.read(".aws/config");
    bench.home.awsmfa(ARGS).run().success();
    assert_eq!(bench.home.read(".aws/config"), before.replace(old, &bench.serial(USER)));
    bench.home.awsmfa(["login", "--profile", "app"]).run().success();
}
