//! A person at a terminal: prompts, Ctrl-C, background jobs, and the state of the terminal afterward.

use rustix::process::{Signal, kill_process};

#[cfg(target_os = "linux")]
use crate::support::OTHER_SECRET;
#[cfg(target_os = "linux")]
use crate::support::opened::Opened;
use crate::support::screen::Screen;
use crate::support::{NO_ARGS, World};

/// A profile without a stored secret, so that `login` prompts for a code.
fn without_secret() -> World {
    let mut world = World::new();
    world.home.unset("AWSMFA_NO_INPUT");
    world
}

/// Runs a line of bash on a terminal, where `awsmfa` is the tested binary.
fn screen(world: &World, line: &str) -> Option<Screen> {
    let like = world.home.awsmfa(NO_ARGS).into_command();
    Screen::run(&format!("awsmfa() {{ {} \"$@\"; }}; {line}", env!("CARGO_BIN_EXE_awsmfa")), &like)
}

#[test]
fn prompt_does_not_stop_a_background_job() {
    let world = without_secret();
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
    let world = without_secret();
    let line =
        "trap 'echo bash-trap' INT; for p in dev dev; do awsmfa login --profile $p; echo exit=$?; done";
    let Some(mut screen) = screen(&world, line) else { return };
    screen.sees("code for").echoes(false).types("\x03");
    // Bash, in the same process group, gets the signal, too, as with any other program.
    screen.sees("error: interrupted").sees("bash-trap").sees("exit=130");
    screen.sees("code for").echoes(false).types("\x03").sees("exit=130").echoes(true);
    assert_eq!(screen.ended().matches("interrupted").count(), 2);

    let line = "for p in dev dev; do awsmfa login --profile $p; echo exit=$?; done; echo still-here";
    let Some(mut screen) = self::screen(&world, line) else { return };
    screen.sees("code for").echoes(false).types("\x03").sees("error: interrupted").echoes(true);
    let seen = screen.ended();
    assert!(!seen.contains("exit=") && !seen.contains("still-here"), "{seen}");
}

#[test]
fn signal_from_another_process_at_a_hidden_prompt_restores_the_echo() {
    let world = without_secret();
    let line = "set -m; awsmfa login --profile dev; echo exit=$?";
    // Bash exits, too, if its job died by SIGINT.
    let silent = [(Signal::TERM, "exit=143"), (Signal::HUP, "exit=129"), (Signal::QUIT, "exit=131")];
    for (signal, end) in silent.into_iter().chain([(Signal::INT, "interrupted")]) {
        let Some(mut screen) = screen(&world, line) else { return };
        screen.sees("code for").echoes(false);
        kill_process(screen.foreground(), signal).unwrap();
        screen.sees(end).echoes(true);
        screen.ended();
    }
}

#[test]
fn input_typed_ahead_does_not_answer_a_prompt() {
    let world = without_secret();
    let line = "stty -echo; echo ready; read -r go; awsmfa login --profile dev; echo exit=$?";
    let Some(mut screen) = screen(&world, line) else { return };
    screen.sees("ready").types("go\n123456\n");
    let code = world.aws.code_now(&world.device.serial);
    screen.sees("code for").types(&format!("{code}\n")).sees("exit=0");
    screen.ended();
    assert_eq!(world.aws.codes_sent(&world.device.serial), [code]);
}

#[test]
#[cfg(target_os = "linux")]
fn processes_on_one_terminal_prompt_for_codes_one_after_the_other() {
    let (mut world, device) = World::with_bob();
    world.home.unset("AWSMFA_NO_INPUT");
    // As below `terraform`, where no stream is the terminal.
    let ask = |profile: &str| format!("awsmfa credential-process -p {profile} </dev/null >{profile} 2>&1");
    let line = format!("cd; {} & {} & wait; echo done", ask("dev"), ask("bob"));
    let Some(mut screen) = screen(&world, &line) else { return };
    screen.sees("code for `").echoes(false);
    let lock = world.home.files().into_keys().find(|path| path.contains("/locks/terminal-")).unwrap();
    let mut opened = Opened::of(&world.home.join(&lock));
    crate::support::until(|| opened.count() > 3);
    let is_bob_first = screen.all().contains("mfa/bob");
    let codes = [&world.device, &device].map(|device| world.aws.code_now(&device.serial));
    let order = if is_bob_first { [1, 0] } else { [0, 1] };
    screen.types(&format!("{}\n", codes[order[0]])).sees("code for `").echoes(false);
    screen.types(&format!("{}\n", codes[order[1]])).sees("done").echoes(true);
    let seen = screen.ended();
    for (name, code) in ["alice", "bob"].into_iter().zip(&codes) {
        assert!(
            seen.contains(&format!("awsmfa: code for `arn:aws:iam::123456789012:mfa/{name}`: ")),
            "{seen:?}"
        );
        assert!(!seen.contains(code), "{seen:?}");
    }
    for profile in ["dev", "bob"] {
        assert!(world.home.read(profile).contains("\"SessionToken\""), "{}", world.home.read(profile));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn process_that_waits_for_a_passphrase_writes_nothing_into_its_prompt() {
    let mut world = World::imported();
    world.home.import("arn:aws:iam::999999999999:mfa/zoe", OTHER_SECRET);
    for name in ["AWSMFA_PASSPHRASE_FILE", "AWSMFA_NO_INPUT"] {
        world.home.unset(name);
    }
    world.home.set("AWSMFA_UNLOCK_FOR", "0");
    let line = "awsmfa code -q alice & awsmfa code -q zoe & wait; echo done";
    let Some(mut screen) = screen(&world, line) else { return };
    screen.sees("passphrase for the file store: ").echoes(false);
    let mut opened = Opened::of(&world.home.join(".local/state/awsmfa/locks/passphrase.lock"));
    // A second after it began to wait, a process says for what.
    crate::support::until(|| opened.count() > 60);
    screen.types("correct horse\n").sees("passphrase for the file store: ").echoes(false);
    screen.types("correct horse\n").sees("done").echoes(true);
    let seen = screen.ended();
    assert!(!seen.contains("waiting for another"), "{seen:?}");
}

/// The frames of a countdown: the text between line starts and redraws.
fn frames(seen: &str) -> Vec<&str> {
    seen.split(['\r', '\n']).map(|frame| frame.trim_start_matches("\x1b[K")).collect()
}

#[test]
fn countdown_on_a_terminal_shows_each_second_once_and_is_cleared() {
    let mut world = World::imported();
    world.home.set("TERM", "xterm");
    world.aws.fault(fake_aws::Fault::throttling());
    let Some(mut screen) = screen(&world, "awsmfa login --profile dev; echo exit=$?") else { return };
    screen.sees("exit=0");
    let seen = screen.ended();
    let seconds: Vec<u32> = frames(&seen)
        .into_iter()
        .filter_map(|frame| frame.split("retrying in ").nth(1))
        .map(|left| left.trim_end_matches('s').parse().unwrap())
        .collect();
    assert_eq!(seconds, [2, 1], "{seen:?}");
    assert!(seen.contains("retrying in 1s\r\x1b[K"), "the last frame is cleared: {seen:?}");
}

#[test]
fn stages_on_a_terminal_become_ticks_and_a_prompt_replaces_the_last_line() {
    let mut world = World::new();
    world.home.set("TERM", "xterm");
    world.home.set("NO_COLOR", "1");
    world.home.unset("AWSMFA_NO_INPUT");
    world.aws.add_user("bob");
    let key = world.aws.add_access_key("bob");
    world.home.write_credentials(&format!(
        "[bob]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        key.id, key.secret
    ));
    let Some(mut screen) = screen(&world, "awsmfa enroll --profile bob; echo exit=$?") else { return };
    screen.sees("\u{b7} ").sees("\r\x1b[K\u{2713} ").sees("phone? [Y/n] ").echoes(true).types("n\n");
    screen.sees("every AWS tool? [Y/n] ").types("n\n").sees("exit=0");
    let seen = screen.ended();
    assert!(!seen.contains("awsmfa: created"), "on a terminal, a stage is a tick: {seen:?}");
    for frame in frames(&seen).iter().filter(|frame| frame.contains("[Y/n]")) {
        assert!(frame.starts_with("awsmfa: "), "a prompt has its own line: {frame:?}");
    }
}

#[test]
fn countdown_fits_a_narrow_terminal() {
    let mut world = World::imported();
    world.home.set("TERM", "xterm");
    world.aws.fault(fake_aws::Fault::throttling());
    let line = "stty cols 20 rows 9; awsmfa login --profile dev; echo exit=$?";
    let Some(mut screen) = screen(&world, line) else { return };
    screen.sees("exit=0");
    let seen = screen.ended();
    let drawn = frames(&seen).into_iter().filter(|frame| frame.starts_with("throttled"));
    // In the last column, some terminals wrap the line.
    assert_eq!(drawn.collect::<Vec<_>>(), ["throttled by AWS; r"; 2], "{seen:?}");
}

#[test]
fn prompt_replaces_the_line_that_shows_progress() {
    let mut world = without_secret();
    world.home.set("TERM", "xterm");
    let Some(mut screen) = screen(&world, "awsmfa enroll --profile dev; echo exit=$?") else { return };
    screen.sees("checking existing devices").sees("[y/N] ").types("n\n").sees("exit=1");
    let seen = screen.ended();
    let asked: Vec<&str> = frames(&seen).into_iter().filter(|frame| frame.contains("[y/N]")).collect();
    assert_eq!(asked.len(), 1, "{seen:?}");
    assert!(asked[0].starts_with("awsmfa: `alice` already has"), "{seen:?}");
}
