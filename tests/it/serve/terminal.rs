//! `serve -- COMMAND` on a terminal, which belongs to the command.

use crate::support::screen::Screen;
use crate::support::{NO_ARGS, World};

/// Runs a line of bash on a terminal, where `awsmfa` is the tested binary.
fn screen(world: &World, line: &str) -> Option<Screen> {
    let like = world.home.awsmfa(NO_ARGS).into_command();
    Screen::run(&format!("awsmfa() {{ {} \"$@\"; }}; {line}", env!("CARGO_BIN_EXE_awsmfa")), &like)
}

#[test]
fn ctrl_c_is_for_the_command() {
    let world = World::imported();
    let command = "trap \"echo got; got=1\" INT; echo ready; until [ \"$got\" ]; do sleep 0.02; done; sleep 0.5; exit 7";
    let line = format!("trap : INT; awsmfa serve -p dev -- sh -c '{command}'; echo exit=$?");
    let Some(mut screen) = screen(&world, &line) else { return };
    screen.sees("ready").types("\x03").sees("got").sees("exit=7");
    let seen = screen.ended();
    assert!(seen.matches("got").count() == 1 && !seen.contains("interrupted"), "{seen}");
}

#[test]
fn ctrl_c_that_ends_the_command_at_once_leaves_it_its_status() {
    let world = World::imported();
    let command = "trap \"exit 7\" INT; echo ready; while :; do sleep 0.01; done";
    // awsmfa gets the signal, too, and may handle it after the command has ended.
    let line = format!(
        "trap : INT; for i in 1 2 3 4 5 6; do awsmfa serve -p dev -- sh -c '{command}'; echo exit=$?; done"
    );
    let Some(mut screen) = screen(&world, &line) else { return };
    for _ in 0..6 {
        screen.sees("ready").types("\x03").sees("exit=7");
    }
    let seen = screen.ended();
    assert!(!seen.contains("interrupted"), "{seen}");
}

#[test]
fn nothing_prompts_while_the_command_runs() {
    let mut world = World::new();
    world.home.unset("AWSMFA_NO_INPUT");
    // Renewed after three seconds.
    world.aws.set_session_lifetime(Some(4));
    let wait = "while [ ! -e \"$HOME/go\" ]; do sleep 0.05; done";
    let line = format!("awsmfa serve -p dev -- sh -c 'echo ready; {wait}'; echo exit=$?");
    let Some(mut screen) = screen(&world, &line) else { return };
    let code = world.aws.code_now(&world.device.serial);
    screen.sees("code for").echoes(false).types(&format!("{code}\n")).sees("ready");
    screen.sees("cannot prompt for a code");
    world.home.write("go", "");
    screen.sees("exit=0");
    let seen = screen.ended();
    assert_eq!(seen.matches("code for `arn").count(), 1, "{seen}");
}

#[test]
fn no_progress_is_drawn_while_the_command_runs() {
    let world = World::imported();
    // Renewed so often that a renewal soon waits for the next code.
    world.aws.set_session_lifetime(Some(2));
    let wait = "while [ ! -e \"$HOME/go\" ]; do sleep 0.05; done";
    let line = format!("awsmfa serve -v -p dev -- sh -c 'echo ready; {wait}'; echo exit=$?");
    let Some(mut screen) = screen(&world, &line) else { return };
    screen.sees("ready").sees("for the next code");
    world.home.write("go", "");
    screen.sees("exit=0");
    let seen = screen.ended();
    let after = seen.split_once("ready").unwrap().1;
    assert!(!after.contains("\x1b[K"), "{seen:?}");
}
