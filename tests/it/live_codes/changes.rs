//! What other processes change while the screen is open.

use super::*;
#[cfg(target_os = "linux")]
use crate::support::{desktop::Desktop, words};

/// The code of the device with this name.
fn code_of(screen: &Screen, name: &str) -> String {
    let line = screen.lines().into_iter().find(|line| line.contains(name)).unwrap();
    let code: String = line.split_once(name).unwrap().1.split_whitespace().take(2).collect();
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{line}");
    code
}

#[test]
fn devices_come_and_go_while_the_screen_is_open() {
    let world = two_devices();
    let Some(mut screen) = screen(&world, "awsmfa code --watch; echo exit=$?") else { return };
    screen.shows(&["\u{203a} alice", "  zoe"]).types("j").shows(&["\u{203a} zoe"]);
    let another = "arn:aws:iam::111111111111:mfa/bert";
    world.home.import(another, OTHER_SECRET);
    screen.shows(&["account 111111111111", "  bert", "\u{203a} zoe"]);
    code_of(&screen, "bert");
    for serial in [OTHER, another, &world.device.serial] {
        world.home.awsmfa(["device", "remove", serial, "--local", "--yes"]).run().success();
    }
    screen.shows(&["no device is stored here anymore"]).types("cq").sees("exit=0");
}

#[test]
fn replaced_secret_is_noticed() {
    let world = two_devices();
    let Some(mut screen) = set_clock(&world, "rows 8 cols 70", NOW) else { return };
    screen.shows(&["\u{203a} alice", "  zoe"]);
    let (alice, zoe) = (code_of(&screen, "alice"), code_of(&screen, "zoe"));
    assert_ne!(alice, zoe);
    // From now on, both have the same secret.
    world.home.import(&world.device.serial, OTHER_SECRET);
    screen.shows(&[&format!("\u{203a} alice  {} {}", &zoe[..3], &zoe[3..])]);
    // A device that is removed and added at once, too.
    let remove = ["device", "remove", OTHER, "--local", "--yes"];
    world.home.awsmfa(remove).run().success();
    world.home.import(OTHER, &world.device.seed);
    screen.shows(&[&format!("  zoe    {} {}", &alice[..3], &alice[3..])]).types("q").sees("exit=0");
}

#[test]
#[cfg(target_os = "linux")]
fn moved_secret_stays_and_one_that_cannot_be_read_is_not_shown() {
    let mut world = two_devices();
    let Some(_desktop) = Desktop::start(&mut world.home) else { return };
    world.home.awsmfa(words("store move --to keyring")).run().success();
    let line = "unset AWSMFA_PASSPHRASE_FILE; AWSMFA_UNLOCK_FOR=0 awsmfa code --watch; echo exit=$?";
    let Some(mut screen) = screen(&world, line) else { return };
    screen.shows(&["\u{203a} alice", "  zoe"]);
    world.home.awsmfa(words("store move --to file")).run().success();
    world.home.import(&world.device.serial, OTHER_SECRET);
    screen.shows(&["\u{203a} alice  the file store is locked; quit and start `awsmfa code --watch` again"]);
    code_of(&screen, "zoe");
    screen.types("q").sees("exit=0");
}
