//! `code --copy`: where the code goes, and where it does not. `tests/real/clipboard.py` copies to a real display.

use std::fs;

use crate::support::screen::Screen;
use crate::support::{NO_ARGS, World};

/// No X server has this number.
const NO_DISPLAY: &str = ":48213";

/// Runs a command on a terminal of a computer that the person has logged in to with SSH.
fn over_ssh(world: &World, line: &str, variables: &[(&str, &str)]) -> Option<Screen> {
    let mut like = world.home.awsmfa(NO_ARGS).into_command();
    like.env("TERM", "xterm-256color")
        .env("NO_COLOR", "1")
        .env("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22");
    like.envs(variables.iter().copied());
    Screen::run(
        &format!("awsmfa() {{ {} \"$@\"; }}; {line}; echo exit=$?", env!("CARGO_BIN_EXE_awsmfa")),
        &like,
    )
}

/// What the terminal was told to copy.
pub fn copied(seen: &str) -> Vec<String> {
    let texts = seen.split("\x1b]52;c;").skip(1).map(|rest| rest.split_once('\x07').unwrap().0);
    texts.map(decoded).collect()
}

fn decoded(text: &str) -> String {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        _ => panic!("{text}"),
    };
    let bits = |chunk: &[u8]| chunk.iter().fold(0u32, |bits, letter| bits << 6 | u32::from(value(*letter)));
    text.as_bytes()
        .chunks(4)
        .flat_map(|chunk| bits(chunk).to_be_bytes()[1..].to_vec())
        .map(char::from)
        .collect()
}

#[test]
fn terminal_copies_over_ssh_and_does_not_show_the_code() {
    let world = World::imported();
    let expected: Vec<String> = (-1..4).map(|steps| world.code(steps)).collect();
    // A display that was forwarded once does not matter.
    for variables in [&[][..], &[("DISPLAY", NO_DISPLAY)]] {
        let line = "cd; awsmfa code --copy 2>said >printed";
        let Some(mut screen) = over_ssh(&world, line, variables) else { return };
        screen.sees("exit=0");
        let seen = screen.ended();
        let [code] = copied(&seen).try_into().unwrap();
        assert!(expected.contains(&code), "{code} is none of {expected:?}");
        assert!(!seen.contains(&code), "{seen:?}");
        assert_eq!(world.home.read("printed"), "");
        let said = world.home.read("said");
        let words = format!("awsmfa: copied the code for `{}`, valid for ", world.device.serial);
        assert!(said.contains(&words) && said.ends_with(" s, through the terminal\n"), "{said}");
        assert!(!said.contains(&code), "{said}");
    }
}

#[test]
fn copied_code_counts_as_used() {
    let world = World::imported();
    let Some(mut screen) = over_ssh(&world, "awsmfa code --copy", &[]) else { return };
    screen.sees("exit=0");
    let [code] = copied(&screen.ended()).try_into().unwrap();
    world.home.awsmfa(["login", "dev"]).run().success();
    assert_ne!(world.aws.codes_sent(&world.device.serial), [code]);
}

#[test]
fn used_code_is_copied_with_a_warning_and_the_command_for_another() {
    let world = World::imported();
    let line = "awsmfa code --copy && awsmfa code --copy && awsmfa code --copy";
    let Some(mut screen) = over_ssh(&world, line, &[]) else { return };
    screen.sees("exit=0");
    let seen = screen.ended();
    let codes: std::collections::BTreeSet<String> = copied(&seen).into_iter().collect();
    // Unless a step began in the meantime.
    let command = format!("hint: get an unused code: `awsmfa code {} --wait --copy`", world.device.serial);
    assert!(codes.len() == 3 || (codes.len() == 2 && seen.contains(&command)), "{seen:?}");
}

#[test]
fn option_of_tmux_that_blocks_copying_is_named() {
    let world = World::imported();
    for (option, hints) in [("external", 1), ("on", 0)] {
        world.home.write_program(
            "bin/tmux",
            &format!("#!/bin/sh\n[ \"$*\" = 'show-options -sv set-clipboard' ] && echo {option}\n"),
        );
        let path = format!("{}:/usr/bin:/bin", world.home.join("bin").display());
        let variables = [("TMUX", "/tmp/tmux-0/default,1,0"), ("PATH", path.as_str())];
        let Some(mut screen) = over_ssh(&world, "awsmfa code --copy", &variables) else { return };
        screen.sees("exit=0");
        let seen = screen.ended();
        assert_eq!(seen.matches("hint: let tmux pass on what programs copy").count(), hints, "{seen:?}");
        assert_eq!(copied(&seen).len(), 1);
    }
}

#[test]
fn without_a_clipboard_no_code_is_used_up() {
    let world = World::imported();
    let copy = || world.home.awsmfa(["code", "--copy"]);
    insta::assert_snapshot!(copy().run().code(1).err(), @"
    error: cannot copy: there is neither a display nor a terminal that can copy
    hint: print the code instead: `awsmfa code arn:aws:iam::123456789012:mfa/alice`
    ");
    let Some(mut console) = over_ssh(&world, "awsmfa code --copy", &[("TERM", "linux")]) else { return };
    console.sees("neither a display nor a terminal").sees("exit=1");
    let refused = copy().env("DISPLAY", NO_DISPLAY).run().code(1);
    assert!(refused.err().starts_with("error: cannot copy: X11 server"), "{}", refused.err());
    assert!(refused.err().contains("hint: print the code instead"), "{}", refused.err());
    assert_eq!(refused.out(), "");
    assert_unused(&world);
}

/// Fails if a code that AWS accepts now counts as used or shown.
fn assert_unused(world: &World) {
    let shown = world.home.awsmfa(["code", "--verbose"]).run().success().err();
    assert!(!shown.contains("already used or shown"), "{shown}");
}

#[test]
#[cfg(target_os = "linux")]
fn display_that_does_not_respond_uses_up_no_code_and_leaves_no_process() {
    let world = World::imported();
    // Accepts connections, as a display server that hangs does.
    let path = world.home.join("wayland-9");
    let _display = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let copy = world.home.awsmfa(["code", "--copy"]).env("WAYLAND_DISPLAY", path.to_str().unwrap());
    let refused = copy.run().code(1).err();
    assert!(refused.starts_with("error: cannot copy: the clipboard did not respond\n"), "{refused}");
    assert_unused(&world);
    let variable = format!("WAYLAND_DISPLAY={}", path.display());
    let left = fs::read_dir("/proc").unwrap().flatten().filter(|process| {
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
    });
    assert_eq!(left.count(), 0);
    // It ends by itself, too, if the process that started it was interrupted.
    let hold = world.home.awsmfa(["hold-clipboard", "0"]).env("WAYLAND_DISPLAY", path.to_str().unwrap());
    assert_eq!(hold.stdin("123456").run().code(1).out(), "");
}

#[test]
#[cfg(target_os = "linux")]
fn process_that_holds_the_clipboard_keeps_no_lock_of_a_script() {
    let world = World::imported();
    // The display does not respond, so the process is still there.
    let path = world.home.join("wayland-9");
    let _display = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let variable = format!("WAYLAND_DISPLAY={}\0", path.display());
    let script = "exec 9>\"$HOME/lock\"; flock 9; \"$@\"";
    let copy = world.home.awsmfa(["code", "--copy"]).env("WAYLAND_DISPLAY", &path);
    let copy = copy.under("bash", &["-c", script, "bash"]);
    let holder = || {
        fs::read_dir("/proc").unwrap().flatten().map(|process| process.path()).find(|process| {
            let has = |file: &str, text: &str| {
                let bytes = fs::read(process.join(file)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).contains(text)
            };
            has("cmdline", "\0hold-clipboard\0") && has("environ", &variable)
        })
    };
    std::thread::scope(|scope| {
        let copying = scope.spawn(|| copy.run().code(1));
        let mut found = None;
        crate::support::until(|| {
            found = holder();
            found.is_some()
        });
        let open = fs::read_dir(found.unwrap().join("fd")).unwrap().flatten();
        let open: Vec<_> = open.filter_map(|link| fs::read_link(link.path()).ok()).collect();
        assert!(open.len() >= 3 && !open.contains(&world.home.join("lock")), "{open:?}");
        copying.join().unwrap();
    });
}

#[test]
#[cfg(target_os = "linux")]
fn code_that_cannot_be_printed_is_not_used_up() {
    for arguments in [&["code"][..], &["code", "--json"]] {
        let world = World::imported();
        let full = world.home.awsmfa(arguments).under("sh", &["-c", "exec \"$@\" >/dev/full", "sh"]);
        let said = full.run().code(1).err();
        assert!(said.contains("cannot write the result"), "{said}");
        assert_unused(&world);
    }
}

#[test]
fn copy_excludes_what_prints_codes() {
    let world = World::imported();
    for other in ["--pair", "--json"] {
        world.home.awsmfa(["code", "--copy", other]).run().code(2);
    }
}

#[test]
fn process_that_holds_the_clipboard_accepts_only_codes() {
    let world = World::imported();
    let hold = || world.home.awsmfa(["hold-clipboard", "0"]);
    assert_eq!(hold().stdin("a passphrase").run().success().out(), "a code has six digits\n");
    assert!(hold().stdin("123456").run().success().out().contains("X11"));
}
