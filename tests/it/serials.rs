//! Where a serial from AWS is remembered: in the profile that has the keys if that breaks no other tool, otherwise only in the
//! registry.

use fake_aws::{FakeAws, RoleSpec};

use crate::support::World;

/// alice's keys in `[dev]`, her device imported but not set in any profile, and these sections in the config file. `ROLE` is
/// replaced by a role that does not require MFA.
fn world(config: &str) -> World {
    let world = World::new();
    let import = world.home.awsmfa(["device", "import", "--serial", &world.device.serial, "--secret-stdin"]);
    import.stdin(&world.device.seed).run().success();
    let role = world.aws.add_role("admin", RoleSpec::default());
    world.home.write_config(&config.replace("ROLE", &role.arn));
    world
}

fn asked(aws: &FakeAws) -> usize {
    aws.requests_for("ListMFADevices").len()
}

#[test]
fn profile_with_keys_and_a_role_gets_no_mfa_serial() {
    for name in ["dev", "default"] {
        let header = if name == "default" { "default".to_owned() } else { format!("profile {name}") };
        let world = world(&format!("[{header}]\nrole_arn = ROLE\nsource_profile = {name}\n"));
        world.home.write_credentials(&world.home.credentials().replace("[dev]", &format!("[{name}]")));
        let before = world.home.read(".aws/config");
        world.home.awsmfa(["credential-process", "-p", name]).run().success();
        assert_eq!(world.home.read(".aws/config"), before, "`{name}` would make the AWS CLI prompt");
        world.home.awsmfa(["logout", "-p", name]).run().success();
        let ran = world.home.awsmfa(["login", "-p", name]).run().success();
        assert!(!ran.err().contains("mfa_serial"), "{}", ran.err());
        assert_eq!(world.home.read(".aws/config"), before);
        assert_eq!(asked(&world.aws), 1, "the registry remembers the device");
    }
}

#[test]
fn source_profile_with_keys_and_a_role_gets_no_mfa_serial() {
    let config = "[profile dev]\nrole_arn = ROLE\nsource_profile = dev\n\
        [profile app]\nrole_arn = ROLE\nsource_profile = dev\n";
    let world = world(config);
    let before = world.home.read(".aws/config");
    world.home.awsmfa(["credential-process", "-p", "app"]).run().success();
    assert_eq!(world.home.read(".aws/config"), before);
    assert_eq!(asked(&world.aws), 1);
}

#[test]
fn profile_with_the_keys_gets_the_mfa_serial_of_a_role() {
    let world = world("[profile app]\nrole_arn = ROLE\nsource_profile = dev\n");
    let before = world.home.read(".aws/config");
    world.home.awsmfa(["credential-process", "-p", "app"]).run().success();
    let serial = &world.device.serial;
    assert_eq!(world.home.read(".aws/config"), format!("{before}\n[profile dev]\nmfa_serial = {serial}\n"));
}

#[test]
fn device_of_environment_keys_is_remembered_without_a_profile() {
    let World { aws, home, .. } = World::with_keys_in_environment();
    for _ in 0..3 {
        let ran = home.awsmfa(["login", "--force"]).run().success();
        assert!(!ran.err().contains("saved `mfa_serial"), "{}", ran.err());
    }
    assert_eq!(asked(&aws), 1);
    assert!(!home.join(".aws/config").exists(), "the keys do not belong to [default]");
}

#[test]
fn remembered_device_that_is_gone_is_looked_up_again() {
    let world = world("[profile dev]\nrole_arn = ROLE\nsource_profile = dev\n");
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    world.aws.remove_device(&world.device.serial);
    let new = world.aws.add_device("alice", "other");
    let import = world.home.awsmfa(["device", "import", "--serial", &new.serial, "--secret-stdin"]);
    import.stdin(&new.seed).run().success();
    world.home.awsmfa(["logout", "--all"]).run().success();
    world.home.awsmfa(["login", "-p", "dev"]).run().code(4);
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    // The rejected login asked, too, to tell a deleted device from one in use on another computer.
    assert_eq!(asked(&world.aws), 3);
}

#[test]
fn device_remove_forgets_the_devices_access_keys() {
    let world = world("[profile dev]\nrole_arn = ROLE\nsource_profile = dev\n");
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    let registry = || world.home.read(".local/share/awsmfa/devices.json");
    assert!(registry().contains(&world.key.id), "{}", registry());
    world.home.write_config("");
    world.home.awsmfa(["device", "remove", "alice", "--profile", "dev", "--yes"]).run().success();
    assert!(!registry().contains(&world.key.id), "{}", registry());
}
