//! Small terminals, terminals that change their size, and many devices.

use super::*;

#[test]
fn small_terminals_are_enough() {
    let world = two_devices();
    for size in ["rows 1 cols 1", "rows 2 cols 5", "rows 3 cols 12", "rows 0 cols 0"] {
        let Some(mut screen) = screen(&world, &format!("stty {size}; awsmfa code --watch; echo exit=$?"))
        else {
            return;
        };
        screen.echoes(false).types("q").sees(MAIN_SCREEN).sees("exit=0");
    }
}

/// A world with as many devices. All but the first have numbers, from 10 up.
fn many_devices(count: usize) -> World {
    const REGISTRY: &str = ".local/share/awsmfa/devices.json";
    let world = World::imported();
    let mut registry: serde_json::Value = serde_json::from_str(&world.home.read(REGISTRY)).unwrap();
    let entry = |name: &str| {
        let file = format!("arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2F{name}.age");
        world.home.join(".local/share/awsmfa/store").join(file)
    };
    for place in 0..count - 1 {
        let name = format!("device-{}", 10 + place);
        let mut device = registry["devices"][0].clone();
        device["serial"] = format!("arn:aws:iam::123456789012:mfa/{name}").into();
        registry["devices"].as_array_mut().unwrap().push(device);
        fs::copy(entry("alice"), entry(&name)).unwrap();
    }
    world.home.write(REGISTRY, &registry.to_string());
    world
}

#[test]
fn forty_devices_scroll_and_follow_the_terminal() {
    let world = many_devices(40);
    let line = "stty rows 5 cols 20; awsmfa code --watch; echo exit=$?";
    let Some(mut screen) = screen(&world, line) else { return };
    screen.shows(&["account 123456789012", "\u{203a} alice", "  device-11 ", "q: quit"]);
    screen.types("\x1b[F").shows(&["  device-45 ", "\u{203a} device-48 "]);
    screen.types("/-12").shows(&["filter: -12_", "\u{203a} device-12 "]);
    screen.types("\n\x1b").shows(&["  device-11 ", "\u{203a} device-12 "]);
    for (lines, columns) in [(1, 1), (0, 0), (1, 3), (2, 200)] {
        screen.resizes(lines, columns).types("j");
    }
    screen.resizes(9, 40).shows(&["\u{203a} device-16 ", FOOTER]).types("q").sees(MAIN_SCREEN).sees("exit=0");
}
