//! `code --watch`: a whole terminal with the codes of all devices, which is as before however it ends.

use std::fs;

use awsmfa::testing::clock::Clock;
use awsmfa::testing::context::Context;
use awsmfa::testing::env::Env;
use awsmfa::testing::ui::{Style, Terminal, Ui};
use chrono::{DateTime, Utc};
use rustix::process::{Signal, kill_process};

use crate::support::screen::Screen;
use crate::support::{NO_ARGS, OTHER_SECRET, World};

mod changes;
mod sizes;

/// Where the terminal returns to its main screen.
const MAIN_SCREEN: &str = "\x1b[?1049l";
const FOOTER: &str = "q: quit, \u{2191} \u{2193}: select, c: copy, /: filter";

/// A second device, in another account.
const OTHER: &str = "arn:aws:iam::999999999999:mfa/zoe";

/// A world with two devices.
fn two_devices() -> World {
    let world = World::imported();
    world.home.import(OTHER, OTHER_SECRET);
    world
}

/// Runs a line of bash on a terminal, where `awsmfa` is the tested binary.
fn screen(world: &World, line: &str) -> Option<Screen> {
    let mut like = world.home.awsmfa(NO_ARGS).into_command();
    like.env("TERM", "xterm").env("SSH_TTY", "/dev/pts/9").env("NO_COLOR", "1");
    Screen::run(&format!("awsmfa() {{ {} \"$@\"; }}; {line}", env!("CARGO_BIN_EXE_awsmfa")), &like)
}

/// The variable with the home folder for [`on_a_set_clock`].
const HOME_OF_CHILD: &str = "AWSMFA_TEST_HOME";

/// A clock that shows the time in a file, and panics at any other text.
#[derive(Debug)]
struct FileClock(std::path::PathBuf);

impl Clock for FileClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(fs::read_to_string(&self.0).unwrap().parse().unwrap(), 0).unwrap()
    }

    fn sleep(&self, duration: std::time::Duration) {
        std::thread::sleep(duration);
    }
}

/// Not a test of its own: the screen with a clock that a test sets, which runs in a process on the test's terminal.
#[test]
#[ignore = "runs on the terminals of other tests"]
fn on_a_set_clock() {
    awsmfa::testing::panics::report(|| false);
    let home = std::path::PathBuf::from(std::env::var_os(HOME_OF_CHILD).unwrap());
    let env = Env::from_process();
    let style = Style { live_screen: true, ..Style::default() };
    let ui = std::rc::Rc::new(Ui::new(style, Box::new(std::io::sink()), Box::new(std::io::sink())));
    let prompt = std::sync::Arc::new(Terminal::new(&env, &ui));
    let clock = std::sync::Arc::new(FileClock(home.join("now")));
    let ctx = Context::new(env, clock, ui, prompt).unwrap();
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: awsmfa::testing::commands::code::CodeArgs,
    }
    let line = <Line as clap::Parser>::try_parse_from(["code", "--watch"]).unwrap();
    awsmfa::testing::commands::code::run(&ctx, &line.args).unwrap();
}

/// The screen on a terminal of this size, at this time.
fn set_clock(world: &World, size: &str, now: i64) -> Option<Screen> {
    set_time(world, &now);
    let mut like = world.home.awsmfa(NO_ARGS).into_command();
    like.env("TERM", "xterm").env("SSH_TTY", "/dev/pts/9").env(HOME_OF_CHILD, world.home.path());
    let this = std::env::current_exe().unwrap();
    let test = "live_codes::on_a_set_clock --exact --ignored --nocapture";
    let line = format!("{} {test} >/dev/tty; echo exit=$?", this.display());
    let line = format!("stty {size}; before=$(stty -g); {line}; [ $before = $(stty -g) ] && echo same");
    Screen::run(&line, &like)
}

fn set_time(world: &World, now: &dyn ToString) {
    // At once, because the screen may be reading the file.
    world.home.write("now.new", &now.to_string());
    fs::rename(world.home.join("now.new"), world.home.join("now")).unwrap();
}

/// Five seconds into a step.
const NOW: i64 = 1_800_000_005;

#[test]
fn frames_follow_the_clock() {
    let world = two_devices();
    let code = |time: i64| {
        let code = world.aws.code(&world.device.serial, time / 30);
        format!("{} {}", &code[..3], &code[3..])
    };
    let Some(mut screen) = set_clock(&world, "rows 8 cols 70", NOW) else { return };
    let (now, next) = (code(NOW), code(NOW + 30));
    let full = "\u{2588}".repeat(10);
    screen.shows(&["account 123456789012", &format!("\u{203a} alice  {now}  {full}\u{2591}\u{2591} 25s")]);
    assert_eq!(screen.lines()[2], "account 999999999999");
    assert_eq!(screen.lines()[7], FOOTER);
    set_time(&world, &(NOW + 16));
    let bar = "\u{2588}".repeat(4) + &"\u{2591}".repeat(8);
    screen.shows(&[&format!("\u{203a} alice  {now}  {bar}  9s  next {next}")]);
    // Forty columns: the next code takes the place of the bar.
    screen.resizes(8, 40).shows(&[&format!("\u{203a} alice  {now}  next {next}  9s"), FOOTER]);
    set_time(&world, &(NOW + 25));
    screen.shows(&[&format!("\u{203a} alice  {next}  {} 30s", "\u{2588}".repeat(12))]);
    screen.types("q").sees(MAIN_SCREEN).sees("exit=0").echoes(true);
}

#[test]
fn code_that_login_used_is_marked_and_the_next_one_is_copied() {
    let world = two_devices();
    let world_code = |steps: i64| world.aws.code(&world.device.serial, NOW / 30 + steps);
    let Some(mut screen) = set_clock(&world, "rows 8 cols 70", NOW) else { return };
    screen.shows(&["25s"]);
    world.aws.clock().freeze(DateTime::from_timestamp(NOW, 0).unwrap());
    crate::support::sessions::LOGIN.get(&world.in_process(0).ctx).unwrap();
    assert_eq!(world.codes_sent(), [world_code(0)], "a code on the screen is not used up");
    let next = world_code(1);
    screen.shows(&["\u{203a} alice  used", &format!("next {} {}", &next[..3], &next[3..])]);
    screen.types("c").shows(&["copied the next code for alice through the terminal"]);
    let copied = crate::clipboard::copied(screen.all());
    assert_eq!(copied, [next]);
    // After the previous code, `login` would send the one that was copied.
    for _ in 0..2 {
        crate::support::sessions::LOGIN.forced().get(&world.in_process(0).ctx).unwrap();
    }
    assert_eq!(world.codes_sent()[1..], [world_code(-1), world_code(2)]);
    screen.types("q").sees("exit=0");
}

#[test]
fn terminal_is_as_before_after_every_end() {
    let world = two_devices();
    let watch =
        "stty -a >before; awsmfa code --watch; echo exit=$?; stty -a >after; cmp before after && echo same";
    // A shell with job control ends, too, if a job is interrupted; one without is in the group that the terminal interrupts.
    for (jobs, key, signal, exit) in [
        ("set -m", "q", None, "exit=0"),
        ("set -m", "", Some(Signal::TERM), "exit=143"),
        ("set -m", "", Some(Signal::HUP), "exit=129"),
        ("set -m", "", Some(Signal::QUIT), "exit=131"),
        ("set -m", "", Some(Signal::ALARM), "exit=142"),
        ("set -m", "", Some(Signal::USR1), "exit=138"),
        // Ctrl-S does not hold the screen.
        ("set -m", "\x13q", None, "exit=0"),
        ("trap : INT", "\x03", None, "exit=130"),
    ] {
        let line = format!("cd; {jobs}; {watch}");
        let Some(mut screen) = screen(&world, &line) else { return };
        screen.shows(&["/: filter"]).echoes(false).types(key);
        if let Some(signal) = signal {
            kill_process(screen.foreground(), signal).unwrap();
        }
        screen.sees(MAIN_SCREEN).sees(exit).sees("same").echoes(true);
        let seen = screen.ended();
        let (_, after) = seen.rsplit_once(MAIN_SCREEN).unwrap();
        assert!(seen.contains("\x1b[?25h") && !after.contains("\x1b[?25l"), "the cursor is hidden: {seen:?}");
    }
}

#[test]
fn signal_ends_a_screen_that_is_held() {
    let world = two_devices();
    let Some(mut screen) = screen(&world, "set -m; awsmfa code --watch; echo exit=$?") else { return };
    screen.shows(&["/: filter"]).echoes(false).holds(true);
    let process = screen.foreground();
    kill_process(process, Signal::TERM).unwrap();
    crate::support::until(|| rustix::process::test_kill_process(process).is_err());
    // The terminal's settings are restored although nothing can be written to it.
    screen.echoes(true).holds(false).sees("exit=143");
}

#[test]
fn screen_ends_with_its_terminal_even_if_hangups_are_ignored() {
    let world = two_devices();
    let line = "set -m; trap '' HUP; awsmfa code --watch";
    let Some(mut screen) = screen(&world, line) else { return };
    screen.shows(&["/: filter"]).echoes(false);
    let process = screen.foreground();
    screen.closes();
    crate::support::until(|| rustix::process::test_kill_process(process).is_err());
}

#[test]
fn keys_are_those_of_the_terminal_even_if_stdin_is_another_one_that_closes() {
    let world = two_devices();
    let other = fs::File::options().read(true).write(true).open("/dev/ptmx").unwrap();
    rustix::pty::grantpt(&other).unwrap();
    rustix::pty::unlockpt(&other).unwrap();
    let path = rustix::pty::ptsname(&other, Vec::new()).unwrap().into_string().unwrap();
    let line =
        format!("before=$(stty -g); awsmfa code --watch <{path}; [ $before = $(stty -g) ] && echo same");
    let Some(mut screen) = screen(&world, &line) else { return };
    screen.shows(&["\u{203a} alice"]).types("j").shows(&["\u{203a} zoe"]);
    drop(other);
    screen.types("k").shows(&["\u{203a} alice"]).types("q").sees(MAIN_SCREEN).sees("same");
}

#[test]
fn terminal_is_restored_after_a_panic() {
    let world = two_devices();
    let Some(mut screen) = set_clock(&world, "rows 8 cols 70", NOW) else { return };
    screen.shows(&["25s"]).echoes(false);
    set_time(&world, &"a time that makes the clock panic");
    screen.sees(MAIN_SCREEN).sees("error: internal error at ").sees("exit=1").sees("same");
}

#[test]
fn screen_can_be_suspended() {
    let world = two_devices();
    let line = "set -m; awsmfa code --watch; echo stopped=$?; read -r go; fg; echo exit=$?";
    for stop in [None, Some(Signal::TSTP), Some(Signal::STOP)] {
        let Some(mut screen) = screen(&world, line) else { return };
        screen.shows(&["/: filter"]).echoes(false);
        match stop {
            None => {
                screen.types("\x1a");
            }
            Some(signal) => kill_process(screen.foreground(), signal).unwrap(),
        }
        if stop != Some(Signal::STOP) {
            screen.sees(MAIN_SCREEN).echoes(true);
        }
        screen.sees("stopped=").types("go\n").sees("\x1b[?1049h").shows(&["/: filter"]).echoes(false);
        screen.types("q").sees(MAIN_SCREEN).sees("exit=0");
        // Bash restores what it found when the job stopped.
        if stop != Some(Signal::STOP) {
            screen.echoes(true);
        }
    }
}

#[test]
fn ctrl_z_without_a_shell_does_not_stop_the_screen_for_good() {
    let world = two_devices();
    let Some(mut screen) = screen(&world, "awsmfa code --watch; echo exit=$?") else { return };
    screen.shows(&["/: filter"]).types("\x1a").types("q").sees(MAIN_SCREEN).sees("exit=0");
}

#[test]
fn filter_and_selection_choose_the_device_that_is_copied() {
    let world = two_devices();
    let Some(mut screen) = screen(&world, "awsmfa code --watch; echo exit=$?") else { return };
    screen.shows(&["\u{203a} alice", "  zoe"]).types("/ZO").shows(&["filter: ZO_", "\u{203a} zoe"]);
    assert!(!screen.lines().concat().contains("alice"));
    screen.types("\nc").shows(&["copied the code for zoe through the terminal", "filter: ZO"]);
    screen.types("\x1b").shows(&["alice", "\u{203a} zoe"]).types("k").shows(&["\u{203a} alice"]);
    screen.types("q").sees("exit=0");
    // The code of the device that was not copied is still unused.
    let unused = world.home.awsmfa(["code", "alice", "-v"]).run().success();
    assert!(!unused.err().contains("already used"), "{}", unused.err());
}

#[test]
fn messages_of_tmux_are_not_on_the_screen() {
    let world = two_devices();
    world.home.write_program("bin/tmux", "#!/bin/sh\necho no server running >&2\nexit 1\n");
    let line = format!(
        "PATH={}:$PATH TMUX=/tmp/none,1,0 awsmfa code --watch; echo exit=$?",
        world.home.join("bin").display()
    );
    let Some(mut screen) = screen(&world, &line) else { return };
    screen.shows(&["\u{203a} alice"]).types("c").shows(&["copied the code for alice through the terminal"]);
    screen.types("q").sees("exit=0");
    assert!(!screen.ended().contains("no server running"));
}

#[test]
fn device_without_a_secret_is_shown_among_the_others() {
    let world = two_devices();
    let entry =
        world.home.files().into_keys().find(|path| path.contains("zoe") && path.ends_with(".age")).unwrap();
    fs::remove_file(world.home.join(&entry)).unwrap();
    let Some(mut screen) = screen(&world, "awsmfa code --watch; echo exit=$?") else { return };
    screen.shows(&["\u{203a} alice", "zoe    the secret of"]).types("q").sees("exit=0");
    // If it is the only one, there is nothing to watch.
    let Some(mut screen) = self::screen(&world, "awsmfa code --watch zoe; echo exit=$?") else { return };
    screen.sees("error: the secret of `arn:aws:iam::999999999999:mfa/zoe` is missing").sees("exit=5");
}

#[test]
fn locale_without_utf_8_gets_ascii_and_no_color_if_unwanted() {
    let world = two_devices();
    let line = "LC_ALL=C awsmfa code --watch; echo exit=$?";
    let Some(mut screen) = screen(&world, line) else { return };
    screen.shows(&["> alice", "q: quit, ^ v: select, c: copy, /: filter"]).types("q").sees("exit=0");
    let seen = screen.ended();
    assert!(seen.is_ascii());
    // `NO_COLOR` is set, too.
    assert!(!seen.contains("\x1b[38;") && !seen.contains("\x1b[1m"), "{seen:?}");
}

#[test]
fn locked_store_prompts_once_before_the_screen() {
    let mut world = two_devices();
    for name in ["AWSMFA_PASSPHRASE_FILE", "AWSMFA_NO_INPUT"] {
        world.home.unset(name);
    }
    world.home.set("AWSMFA_UNLOCK_FOR", "0");
    let Some(mut screen) = screen(&world, "awsmfa code --watch; echo exit=$?") else { return };
    screen.sees("passphrase for the file store").echoes(false).types("correct horse\n");
    screen.sees("\x1b[?1049h").shows(&["alice", "zoe"]).types("q").sees("exit=0");
    assert_eq!(screen.ended().matches("passphrase for").count(), 1);
    let Some(mut screen) = self::screen(&world, "awsmfa code --watch; echo exit=$?") else { return };
    for _ in 0..3 {
        screen.sees("passphrase for the file store").echoes(false).types("wrong\n");
    }
    screen.sees("wrong passphrase").sees("exit=5");
}

#[test]
fn watching_needs_a_terminal_with_a_screen() {
    let mut world = two_devices();
    // Nobody is prompted before.
    for name in ["AWSMFA_PASSPHRASE_FILE", "AWSMFA_NO_INPUT"] {
        world.home.unset(name);
    }
    world.home.set("AWSMFA_UNLOCK_FOR", "0");
    insta::assert_snapshot!(world.home.awsmfa(["code", "--watch"]).run().code(2).err(), @"
    error: `--watch` needs a terminal
    hint: print a code once: `awsmfa code`
    ");
    let Some(mut screen) = screen(&world, "TERM=dumb awsmfa code --watch alice; echo exit=$?") else {
        return;
    };
    screen
        .sees("error: `--watch` needs a terminal that can be redrawn (`TERM` is `dumb` or not set)")
        .sees("hint: print a code once: `awsmfa code arn:")
        .sees("exit=2");
    assert!(!screen.all().contains("passphrase"));
    for other in ["--pair", "--wait", "--copy", "--json"] {
        world.home.awsmfa(["code", "--watch", other]).run().code(2);
    }
    let Some(mut screen) = self::screen(&World::new(), "awsmfa code --watch; echo exit=$?") else { return };
    screen.sees("error: no device is stored here").sees("exit=3");
}
