//! `enroll --setup`, and the offers that `enroll` and `device import` make on a terminal.

use super::connect;
use crate::support::World;

/// A world with user `bob`, who has keys in `[bob]` and no device.
fn with_bob() -> World {
    let world = World::new();
    world.aws.add_user("bob");
    let key = world.aws.add_access_key("bob");
    let bob = format!("[bob]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
    world.home.write_credentials(&bob);
    world
}

fn is_set_up(world: &World, profile: &str) -> bool {
    world.home.read(".aws/config").contains(&format!("awsmfa credential-process --profile {profile}\n"))
}

#[test]
fn enroll_sets_up_the_profile_on_request() {
    let world = with_bob();
    let ran = world.home.awsmfa(["enroll", "-p", "bob", "--setup", "--yes"]).run().success();
    assert!(
        ran.err().contains("awsmfa: bob: arn:aws:iam::123456789012:user/bob, valid until"),
        "{}",
        ran.err()
    );
    assert!(ran.err().ends_with("hint: aws sts get-caller-identity --profile bob\n"), "{}", ran.err());
    assert!(is_set_up(&world, "bob"));
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1, "the verification's session serves");
    let json = world.home.awsmfa(["credential-process", "-p", "bob"]).run().success().json();
    assert_eq!(json["Version"], 1);
}

#[test]
fn failed_setup_does_not_hide_that_the_device_is_enrolled() {
    let world = with_bob();
    let config = "[profile bob]\nsso_account_id = 123456789012\nsso_role_name = r\n";
    world.home.write_config(config);
    let ran = world.home.awsmfa(["enroll", "-p", "bob", "--setup", "--yes"]).run().code(3);
    let said = ran.err();
    assert!(said.contains("`bob` now has MFA device"), "{said}");
    assert!(
        said.contains("hint: the device is enrolled; set up the profile with `awsmfa setup --profile bob`"),
        "{said}"
    );
    // Keys on another computer.
    world.aws.add_admin("boss");
    let boss = world.aws.add_access_key("boss");
    world.aws.add_user("carol");
    let run = world.home.awsmfa(["enroll", "--user", "carol", "--setup", "--yes", "--no-qr"]).keys(&boss);
    let ran = run.run().code(3);
    assert!(ran.err().contains("error: no profile has the user's keys, so none was set up"), "{}", ran.err());
}

#[cfg(unix)]
#[test]
fn enroll_and_import_offer_it_on_a_terminal() {
    use crate::support::NO_ARGS;
    use crate::support::screen::Screen;
    for (command, profile) in
        [("enroll -p bob --no-qr", "bob"), ("device import -p dev --secret-stdin <seed", "dev")]
    {
        for (answer, expected) in [("\n", true), ("n\n", false)] {
            let mut world = if profile == "bob" { with_bob() } else { World::new() };
            world.home.unset("AWSMFA_NO_INPUT");
            world.home.set("TERM", "dumb");
            world.home.write("seed", &world.device.seed);
            let like = world.home.awsmfa(NO_ARGS).into_command();
            let line = format!("cd; {} {command}; echo exit=$?", env!("CARGO_BIN_EXE_awsmfa"));
            let Some(mut screen) = Screen::run(&line, &like) else { return };
            screen.sees(&format!("awsmfa: set up `{profile}` for every AWS tool? [Y/n] ")).types(answer);
            if expected {
                screen.sees("+credential_process").sees("make these changes? [y/N] ").types("y\n");
                screen.sees(&format!("{profile}: arn:")).sees("hint: aws sts get-caller-identity");
            } else {
                screen.sees("hint: awsmfa login");
            }
            screen.sees("exit=0");
            assert_eq!(is_set_up(&world, profile), expected, "{command} {answer:?}");
        }
    }
}

#[test]
fn nothing_is_offered_twice() {
    let world = World::imported();
    connect(&world);
    let import = ["device", "import", "-p", "dev", "--secret-stdin", "--yes", "--no-verify"];
    let ran = world.home.awsmfa(import).stdin(&world.device.seed).run().success();
    assert!(!ran.err().contains("every AWS tool"), "{}", ran.err());
}
