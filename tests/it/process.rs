//! Programs that profiles name, where they are awsmfa again.

use crate::support::World;

#[test]
fn another_profiles_credentials_may_come_from_a_store_with_a_passphrase() {
    let world = World::imported();
    let config = world.home.read(".aws/config");
    let ours = env!("CARGO_BIN_EXE_awsmfa");
    world.home.write_config(&format!(
        "{config}\n[profile app]\ncredential_process = {ours} credential-process --profile dev\n"
    ));
    let ran = world.home.awsmfa(["device", "list", "--profile", "app", "--json"]).run().success();
    assert!(ran.out().contains(world.device.serial.as_str()), "{}", ran.out());
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
}
