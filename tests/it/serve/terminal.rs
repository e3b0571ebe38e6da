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
    let command = "trap \"echo got\" INT; echo ready; sleep 60; sleep 0.5; exit 7";
    let line = format!("trap : INT; awsmfa serve -p dev -- sh -c '{command}'; echo exit=$?");
    let Some(mut screen) = screen(&world, &line) else { return };
    screen.sees("ready").types("\x03").sees("got").sees("exit=7");
    let seen = screen.ended();
    assert!(seen.matches("got").count() == 1 && !seen.contains("interrupted"), "{seen}");
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
