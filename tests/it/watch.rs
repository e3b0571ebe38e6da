//! `status --watch`: a whole terminal, which is as before however it ends.

use rustix::process::{Signal, kill_process};

use crate::support::screen::Screen;
use crate::support::{NO_ARGS, World};

/// Where the terminal returns to its main screen.
const MAIN_SCREEN: &str = "\x1b[?1049l";

/// Runs `awsmfa status --watch` on a terminal of this size.
fn watching(world: &World, size: &str, rest: &str) -> Option<Screen> {
    let mut like = world.home.awsmfa(NO_ARGS).into_command();
    like.env("TERM", "xterm");
    let watch = format!("stty {size}; {} status --watch {rest}; echo exit=$?", env!("CARGO_BIN_EXE_awsmfa"));
    Screen::run(&format!("trap 'echo trapped' INT; {watch}"), &like)
}

const USUAL: &str = "rows 24 cols 120";

#[test]
fn list_is_updated_until_q() {
    let world = World::imported();
    let Some(mut screen) = watching(&world, USUAL, "") else { return };
    screen.sees("PROFILE").sees("dev").sees("q: quit").echoes(false);
    world.home.awsmfa(["login", "dev"]).run().success();
    screen.sees("11h").types("q").sees(MAIN_SCREEN).sees("exit=0").echoes(true);
    let seen = screen.ended();
    assert!(seen.contains("\x1b[?25h"), "the cursor stays hidden: {seen:?}");
}

#[test]
fn terminal_is_restored_after_signals() {
    let world = World::imported();
    let Some(mut screen) = watching(&world, USUAL, "") else { return };
    screen.sees("q: quit").echoes(false).types("\x03");
    screen.sees(MAIN_SCREEN).sees("error: interrupted").sees("exit=130").echoes(true);
    for (signal, end) in [(Signal::TERM, "exit=143"), (Signal::HUP, "exit=129")] {
        let mut like = world.home.awsmfa(NO_ARGS).into_command();
        like.env("TERM", "xterm");
        let line = format!("set -m; {} status --watch; echo exit=$?", env!("CARGO_BIN_EXE_awsmfa"));
        let mut screen = Screen::run(&line, &like).unwrap();
        screen.sees("q: quit").echoes(false);
        kill_process(screen.foreground(), signal).unwrap();
        screen.sees(MAIN_SCREEN).sees(end).echoes(true);
    }
}

#[test]
fn small_terminals_are_enough() {
    let world = World::imported();
    for size in ["rows 1 cols 1", "rows 2 cols 5", "rows 3 cols 12", "rows 0 cols 0"] {
        let Some(mut screen) = watching(&world, size, "-p dev") else { return };
        screen.echoes(false).types("q").sees(MAIN_SCREEN).sees("exit=0");
    }
    let Some(mut screen) = watching(&world, "rows 8 cols 40", "") else { return };
    screen.sees("dev").sees("device").sees("alice").sees("q: quit").types("q").sees("exit=0");
}

#[test]
fn long_lists_scroll() {
    let world = World::imported();
    let serial = &world.device.serial;
    let profiles = (0..30).map(|i| format!("[profile p{i:02}]\nmfa_serial = {serial}\n"));
    world.home.write_config(&profiles.collect::<String>());
    let Some(mut screen) = watching(&world, "rows 10 cols 100", "-v") else { return };
    screen.sees("PROFILE").sees("p00").sees("q: quit, \u{2191} \u{2193}: scroll").types("\x1b[F").sees("29");
    screen.types("\x1b[H").types("q").sees("exit=0");
    let seen = screen.ended();
    let seen = seen.split_once("\x1b[?1049h").unwrap().1;
    assert!(!seen.contains("awsmfa:"), "messages of -v on the live screen: {seen:?}");
}

#[test]
fn broken_files_are_shown_and_do_not_end_the_list() {
    let world = World::imported();
    let config = world.home.read(".aws/config");
    let Some(mut screen) = watching(&world, USUAL, "") else { return };
    screen.sees("q: quit");
    std::fs::remove_file(world.home.join(".aws/config")).unwrap();
    std::fs::create_dir(world.home.join(".aws/config")).unwrap();
    screen.sees("folder");
    std::fs::remove_dir(world.home.join(".aws/config")).unwrap();
    world.home.write_config(&config);
    screen.sees("PROFILE").types("q").sees("exit=0");
}

#[test]
fn watching_needs_a_terminal() {
    let world = World::imported();
    let ran = world.home.awsmfa(["status", "--watch"]).run().code(2);
    insta::assert_snapshot!(ran.err(), @"
    error: `--watch` needs a terminal
    hint: list the sessions once: `awsmfa status`
    ");
    world.home.awsmfa(["status", "--watch", "--json"]).run().code(2);
    world.home.awsmfa(["status", "--watch", "-p", "nope"]).run().code(3);
}
