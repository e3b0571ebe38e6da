//! A person at a terminal: prompts, Ctrl-C, jobs in the background, and the terminal afterwards.

use rustix::process::{Signal, kill_process};

use crate::support::screen::Screen;
use crate::support::{NO_ARGS, World};

/// A profile whose code a person types: no secret is stored.
fn asking() -> World {
    let mut world = World::new();
    world.home.unset("AWSMFA_NO_INPUT");
    world
}

/// A line of bash on a terminal, in which `awsmfa` is ours.
fn screen(world: &World, line: &str) -> Option<Screen> {
    let like = world.home.awsmfa(NO_ARGS).into_command();
    Screen::run(&format!("awsmfa() {{ {} \"$@\"; }}; {line}", env!("CARGO_BIN_EXE_awsmfa")), &like)
}

#[test]
fn background_job_is_not_stopped_by_a_prompt() {
    let world = asking();
    let line = "set -m; awsmfa login --profile dev & wait $!; echo exit=$?; awsmfa login --profile dev";
    let Some(mut screen) = screen(&world, line) else { return };
    screen.sees("cannot prompt for a code").sees("exit=3");
    let code = world.aws.code_now(&world.device.serial);
    screen.sees("code for").echoes(false).types(&format!("{code}\n"));
    let seen = screen.ended();
    assert!(seen.contains("[dev]"), "{seen}");
    assert!(!seen.contains(&code), "{seen}");
    assert!(world.home.credential("dev", "aws_session_token").is_some());
}

#[test]
fn ctrl_c_at_a_hidden_prompt_stops_a_shell_loop_and_restores_the_echo() {
    let world = asking();
    let line =
        "trap 'echo bash-heard' INT; for p in dev dev; do awsmfa login --profile $p; echo exit=$?; done";
    let Some(mut screen) = screen(&world, line) else { return };
    screen.sees("code for").echoes(false).types("\x03");
    // Bash in the foreground group hears of it too, as it would from any other program.
    screen.sees("error: interrupted").sees("bash-heard").sees("exit=130");
    screen.sees("code for").echoes(false).types("\x03").sees("exit=130").echoes(true);
    assert_eq!(screen.ended().matches("interrupted").count(), 2);

    let line = "for p in dev dev; do awsmfa login --profile $p; echo exit=$?; done; echo still-here";
    let Some(mut screen) = self::screen(&world, line) else { return };
    screen.sees("code for").echoes(false).types("\x03").sees("error: interrupted").echoes(true);
    let seen = screen.ended();
    assert!(!seen.contains("exit=") && !seen.contains("still-here"), "{seen}");
}

#[test]
fn signal_from_elsewhere_at_a_hidden_prompt_restores_the_echo() {
    let world = asking();
    let line = "set -m; awsmfa login --profile dev; echo exit=$?";
    // Bash itself ends where its job died by Ctrl-C.
    for (signal, end) in [(Signal::TERM, "exit=143"), (Signal::HUP, "exit=129"), (Signal::INT, "interrupted")]
    {
        let Some(mut screen) = screen(&world, line) else { return };
        screen.sees("code for").echoes(false);
        kill_process(screen.foreground(), signal).unwrap();
        screen.sees(end).echoes(true);
        screen.ended();
    }
}

#[test]
fn input_typed_ahead_is_no_answer() {
    let world = asking();
    let line = "stty -echo; echo ready; read -r go; awsmfa login --profile dev; echo exit=$?";
    let Some(mut screen) = screen(&world, line) else { return };
    screen.sees("ready").types("go\n123456\n");
    let code = world.aws.code_now(&world.device.serial);
    screen.sees("code for").types(&format!("{code}\n")).sees("exit=0");
    screen.ended();
    assert_eq!(world.aws.codes_sent(&world.device.serial), [code]);
}
