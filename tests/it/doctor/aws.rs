//! What AWS knows.

use super::{add_config, add_credentials, good, printed};
use crate::support::World;

#[track_caller]
fn found(world: &World) -> String {
    printed(&world.home, world.home.awsmfa(["doctor"]), 1)
}

#[test]
fn wrong_clock_is_found() {
    let world = good();
    world.aws.clock().set_offset(-90);
    insta::assert_snapshot!(found(&world), @"
    warning: this computer's clock is [LEFT] ahead of AWS's
      fix: set this computer's clock: `sudo timedatectl set-ntp true`
    ");
    world.aws.clock().set_offset(1200);
    insta::assert_snapshot!(found(&world), @"
    error: this computer's clock is [LEFT] behind AWS's
      fix: set this computer's clock: `sudo timedatectl set-ntp true`
    ");
}

#[test]
fn unknown_keys_are_found() {
    let world = good();
    let credentials = world.home.credentials();
    world.home.write_credentials(&credentials.replace(&world.key.id, "AKIADELETED"));
    insta::assert_snapshot!(found(&world), @"
    error: access key `AKIADELETED` does not exist in AWS, or is inactive or deleted (~/.aws/credentials:2)
      fix: check which keys are active: IAM console, Users, Security credentials
      fix: enter both keys again: `aws configure --profile dev`
    ");
    world.home.write_credentials(&credentials.replace(&world.key.secret, "wrong"));
    insta::assert_snapshot!(found(&world).replace(&world.key.id, "AKIA"), @"
    error: the secret access key does not belong to access key `AKIA` (~/.aws/credentials:2)
      fix: enter both keys again: `aws configure --profile dev`
    ");
}

#[test]
fn device_that_aws_does_not_know_is_found() {
    let world = good();
    let gone = "arn:aws:iam::123456789012:mfa/gone";
    world.home.write_config(&world.home.read(".aws/config").replace(world.device.serial.as_str(), gone));
    insta::assert_snapshot!(found(&world), @"
    error: AWS has no MFA device `arn:aws:iam::123456789012:mfa/gone` for user `alice`, who owns the keys of `dev` (~/.aws/config:3)
      fix: aws configure set mfa_serial arn:aws:iam::123456789012:mfa/alice --profile dev

    note: the secret of `arn:aws:iam::123456789012:mfa/gone` is not stored here, so each login to `dev` prompts for a code (~/.aws/config:3)
      fix: store the secret: `awsmfa device import --profile dev`
    ");
}

#[test]
fn stored_secret_of_a_deleted_device_is_found() {
    let world = good();
    world.home.import("arn:aws:iam::123456789012:mfa/old", crate::support::OTHER_SECRET);
    insta::assert_snapshot!(found(&world), @"
    warning: the secret of `arn:aws:iam::123456789012:mfa/old` is stored here, but the device does not exist in AWS (~/.local/share/awsmfa/devices.json)
      fix: delete the stored secret: `awsmfa device remove arn:aws:iam::123456789012:mfa/old --local`

    note: no profile uses `arn:aws:iam::123456789012:mfa/old` (~/.local/share/awsmfa/devices.json)
      fix: use the device in a profile: `aws configure set mfa_serial arn:aws:iam::123456789012:mfa/old --profile NAME`
      fix: or delete the secret that is stored here: `awsmfa device remove arn:aws:iam::123456789012:mfa/old --local`
    ");
}

#[test]
fn unreachable_endpoint_is_found_and_an_outage_is_not() {
    let mut world = good();
    world.home.write_config(&world.home.read(".aws/config").replace("endpoint_url", "# endpoint_url"));
    world.home.set("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    insta::assert_snapshot!(found(&world), @"
    error: cannot reach `[AWS]`: Connection refused (os error 111) (AWS_ENDPOINT_URL)
      fix: check the network and the endpoint, `AWS_ENDPOINT_URL` or the profile's `endpoint_url`

    note: AWS_ENDPOINT_URL sends requests to `http://[AWS]` instead of AWS
      fix: use AWS: `unset AWS_ENDPOINT_URL`
    ");
    world.home.unset("AWS_ENDPOINT_URL");
    world.home.set("HTTPS_PROXY", "http://127.0.0.1:1");
    let ran = world.home.awsmfa(["doctor"]).run().success();
    insta::assert_snapshot!(ran.err(), @"awsmfa: AWS was not asked: cannot reach `sts.eu-central-1.amazonaws.com`: Connection refused (os error [N])");
}

#[test]
fn many_keys_are_asked_about_at_once() {
    let world = good();
    for number in 0..20 {
        let (user, name) = (format!("user{number}"), format!("p{number}"));
        world.aws.add_user(&user);
        let (key, device) = (world.aws.add_access_key(&user), world.aws.add_device(&user, &user));
        add_config(
            &world,
            &format!(
                "[profile {name}]\nregion = eu-west-1\nmfa_serial = {}\nendpoint_url = {}",
                device.serial,
                world.aws.endpoint()
            ),
        );
        add_credentials(
            &world,
            &format!("[{name}]\naws_access_key_id = {}\naws_secret_access_key = {}", key.id, key.secret),
        );
    }
    world.aws.fault(
        fake_aws::Fault::error(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        )
        .on("GetCallerIdentity")
        .times(1),
    );
    let said = found(&world);
    assert_eq!(said.matches("does not exist in AWS").count(), 1, "{said}");
    assert_eq!(world.aws.requests_for("GetCallerIdentity").len(), 21);
}

#[test]
fn sessions_that_aws_does_not_accept_or_issued_without_mfa_are_found() {
    let world = good();
    let long_term = world.home.credentials().replace("[dev]", "[dev-long-term]");
    world.home.write_credentials(&long_term);
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    printed(&world.home, world.home.awsmfa(["doctor"]), 0);
    let credentials = world.home.credentials();
    let id = world.home.credential("dev", "aws_access_key_id").unwrap();
    world.home.write_credentials(&credentials.replace(&id, "ASIADAMAGED"));
    insta::assert_snapshot!(found(&world), @"
    warning: AWS does not accept the session in [dev]; it has expired or was damaged (~/.aws/credentials:6)
      fix: get a new session: `awsmfa login --profile dev --force`
    ");
    world.home.write_credentials(&credentials);
    let error = fake_aws::Fault::error(
        403,
        "InvalidClientTokenId",
        "The security token included in the request is invalid",
    );
    // Only for a session does this mean that it has no MFA.
    world.aws.fault(error.on("ListMFADevices").forever());
    insta::assert_snapshot!(found(&world), @"
    warning: the session in [dev] was created without MFA (~/.aws/credentials:6)
      fix: get a new session: `awsmfa login --profile dev --force`
    ");
}

#[test]
fn device_of_a_profile_without_a_serial_is_looked_up() {
    let world = good();
    world.home.write_config(&world.home.read(".aws/config").replace("mfa_serial", "# mfa_serial"));
    std::fs::remove_dir_all(world.home.join(".local/share/awsmfa")).unwrap();
    let run = || world.home.awsmfa(["doctor", "--profile", "dev"]);
    printed(&world.home, run(), 0);
    world.aws.add_device("alice", "alice-2");
    insta::assert_snapshot!(printed(&world.home, run(), 1), @"
    error: the user has several MFA devices: `arn:aws:iam::123456789012:mfa/alice`, `arn:aws:iam::123456789012:mfa/alice-2`
      fix: choose a device: `aws configure set mfa_serial arn:aws:iam::123456789012:mfa/alice --profile dev`
    ");
}

#[test]
fn wrong_serial_is_corrected_where_it_is() {
    let world = good();
    let role = "role_arn = arn:aws:iam::123456789012:role/x\nsource_profile = dev\nregion = eu-west-1";
    add_config(
        &world,
        &format!(
            "[profile admin]\n{role}\nmfa_serial = arn:aws:iam::123456789012:mfa/alise\nendpoint_url = {}",
            world.aws.endpoint()
        ),
    );
    let said = printed(&world.home, world.home.awsmfa(["doctor", "--profile", "admin"]), 1);
    assert!(said.contains("mfa_serial arn:aws:iam::123456789012:mfa/alice --profile admin\n"), "{said}");
}
