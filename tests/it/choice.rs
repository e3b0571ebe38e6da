//! No profile is chosen, and `default` does not exist: the error lists the existing profiles.

use crate::support::World;

const COMMANDS: [&[&str]; 9] = [
    &["login"],
    &["logout"],
    &["credential-process"],
    &["enroll"],
    &["device", "import"],
    &["device", "resync", "alice"],
    &["device", "remove", "alice", "--yes"],
    &["exec"],
    &["env"],
];

fn hints(world: &World, command: &[&str]) -> String {
    let run = world.home.awsmfa(command);
    let ran = run.run().code(3);
    // `credential-process` prints one line.
    let text = ran.err().replace("; hint: ", "\nhint: ");
    text.trim_end().lines().skip(1).map(str::to_owned).collect::<Vec<_>>().join("\n")
}

/// A world with a stored device that no profile uses.
fn world() -> World {
    let world = World::new();
    world.home.import(&world.device.serial, &world.device.seed);
    world.home.write_config("");
    world
}

#[test]
fn only_profile_is_in_the_suggested_command() {
    let world = world();
    for command in COMMANDS {
        let expected = format!("hint: awsmfa {} --profile dev", command.join(" "));
        assert_eq!(hints(&world, command), expected, "{command:?}");
    }
}

#[test]
fn several_profiles_are_listed() {
    let world = world();
    let keys = world.home.credentials();
    let more = keys.replace("[dev]", "[prod-long-term]");
    world.home.write_credentials(&format!("{keys}{more}"));
    assert_eq!(
        hints(&world, &["login"]),
        "hint: choose a profile (`dev`, `prod`): `awsmfa login --profile dev`"
    );
}

#[test]
fn secret_on_the_command_line_is_not_repeated() {
    let world = world();
    for code in [&["--code", "123456"][..], &["--code=123456"]] {
        let command = [&["login"], code].concat();
        assert_eq!(hints(&world, &command), "hint: awsmfa login --profile dev");
    }
}

#[test]
fn given_profile_is_not_repeated() {
    let world = world();
    for named in [&["default"][..], &["-pdefault"], &["--profile", "default"]] {
        let command = [&["login"], named].concat();
        assert_eq!(hints(&world, &command), "hint: awsmfa login --profile dev");
    }
}
