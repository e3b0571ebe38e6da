//! Where there is a desktop but no terminal, as below an IDE, pinentry prompts for passphrases and codes.

#[cfg(target_os = "linux")]
use crate::support::opened::Opened;
use crate::support::{Home, World, words};

/// A pinentry that writes down what it gets, and whose window is answered with `answer`, a shell command.
fn install(home: &Home, name: &str, answer: &str) {
    let script = format!(
        "#!/bin/sh
/usr/bin/env >\"$HOME/pinentry.env\"
echo 'OK Pleased to meet you'
while read -r line; do
    echo \"$line\" >>\"$HOME/pinentry.log\"
    case $line in
        SETDESC*) what=$line; echo OK ;;
        GETPIN) {answer} ;;
        SETTIMEOUT*) echo 'ERR 536871187 Unknown IPC command <Pinentry>' ;;
        BYE) echo OK; exit ;;
        *) echo OK ;;
    esac
done
"
    );
    home.write_program(&format!("bin/{name}"), &script);
}

/// A world on a desktop, without a terminal and without a passphrase file, whose pinentry answers like this.
fn world(answer: &str) -> World {
    let mut world = World::imported();
    world.home.unset("AWSMFA_PASSPHRASE_FILE");
    world.home.unset("AWSMFA_NO_INPUT");
    world.home.set("DISPLAY", ":99");
    let path = world.home.join("bin");
    world.home.set("PATH", path.to_str().unwrap());
    install(&world.home, "pinentry", answer);
    world
}

/// How often a window was shown.
fn windows(world: &World) -> usize {
    std::fs::read_to_string(world.home.join("pinentry.log")).unwrap_or_default().matches("GETPIN").count()
}

const RIGHT: &str = "echo 'D correct horse'; echo OK";
const CANCELED: &str = "echo 'ERR 83886179 Operation cancelled <Pinentry>'";

#[test]
fn window_asks_for_the_passphrase() {
    let mut world = world(RIGHT);
    world.home.set("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI");
    world.home.awsmfa(words("code alice")).run().success();
    insta::assert_snapshot!(world.home.read("pinentry.log"), @r"
    SETTITLE awsmfa
    SETDESC Passphrase for the file store
    SETPROMPT awsmfa:
    SETTIMEOUT 60
    GETPIN
    ");
    let env = world.home.read("pinentry.env");
    assert!(env.contains("DISPLAY=:99") && !env.contains("wJalr"), "{env}");
}

#[test]
fn sdk_gets_a_session_from_a_window() {
    let world = world(RIGHT);
    let session = world.home.awsmfa(words("credential-process -p dev")).run().success().json();
    assert!(session["SessionToken"].is_string());
}

#[test]
fn passphrase_may_be_wrong_twice() {
    let world = world("echo 'D wrong'; echo OK");
    insta::assert_snapshot!(world.home.awsmfa(words("code alice")).run().code(5).err(), @r"
    error: wrong passphrase for the file store
    hint: try again with the right passphrase; nothing was changed
    ");
    assert_eq!(windows(&world), 3);
    assert!(world.home.read("pinentry.log").contains("SETDESC Wrong passphrase, try again: passphrase for"));
}

#[test]
fn canceled_window_is_an_error() {
    let world = world(CANCELED);
    insta::assert_snapshot!(world.home.awsmfa(words("credential-process -p dev")).run().code(5).err(), @"awsmfa: the file store is locked: the prompt was canceled; hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase");
    assert_eq!(windows(&world), 1);
}

#[test]
fn pinentry_that_shows_no_window_is_skipped() {
    let world = world("echo 'ERR 83918950 Inappropriate ioctl for device <Pinentry>'");
    insta::assert_snapshot!(world.home.awsmfa(words("code alice")).run().code(5).err(), @r"
    error: the file store is locked: cannot prompt (there is no terminal, and `pinentry` cannot open a window)
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    ");
    install(&world.home, "pinentry-qt", RIGHT);
    world.home.awsmfa(words("code alice")).run().success();
    install(&world.home, "pinentry", "exit 1");
    world.home.awsmfa(words("code alice")).run().success();
}

#[test]
fn pinentry_that_fails_says_why() {
    let world = world("kill -KILL $$");
    let failure = || world.home.awsmfa(words("code alice")).run().code(5).err();
    insta::assert_snapshot!(failure(), @r"
    error: the file store is locked: cannot prompt (there is no terminal, and `pinentry` failed (signal: 9 (SIGKILL)))
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    ");
    // Halfway through the passphrase.
    install(&world.home, "pinentry", "printf 'D corr'; exit");
    insta::assert_snapshot!(failure().lines().next().unwrap(), @"error: the file store is locked: cannot prompt (there is no terminal, and `pinentry` failed (it ended without an answer))");
    install(&world.home, "pinentry", "printf 'ERR 83886340 Too small\\033[2J <Pinentry>\\n'");
    insta::assert_snapshot!(failure().lines().next().unwrap(), @r"error: the file store is locked: cannot prompt (there is no terminal, and `pinentry` says: Too small\u{1b}[2J)");
    // The display is left from an earlier login.
    world.home.write_program("bin/pinentry", "#!/bin/sh\necho 'cannot open display: :99' >&2\nexit 1\n");
    insta::assert_snapshot!(failure().lines().next().unwrap(), @"error: the file store is locked: cannot prompt (there is no terminal, and `pinentry` failed (exit status: 1))");
    assert_eq!(windows(&world), 3);
}

#[test]
fn window_is_not_shown_if_prompts_are_forbidden_or_there_is_no_desktop() {
    let mut world = world(RIGHT);
    world.home.awsmfa(words("code alice")).env("AWSMFA_NO_INPUT", "1").run().code(5);
    world.home.unset("DISPLAY");
    let watch = awsmfa::testing::clock::Stopwatch::start();
    insta::assert_snapshot!(world.home.awsmfa(words("code alice")).run().code(5).err(), @r"
    error: the file store is locked: cannot prompt (there is no terminal)
    hint: run the command in a terminal, or set `AWSMFA_PASSPHRASE_FILE` to a file with the passphrase
    ");
    assert!(watch.elapsed().as_secs() < 5);
    assert_eq!(windows(&world), 0);
    let chosen = world.home.join("bin/pinentry");
    world.home.awsmfa(words("code alice")).env("AWSMFA_PINENTRY", chosen.to_str().unwrap()).run().success();
}

#[test]
fn window_asks_for_a_code_of_a_device_without_a_secret() {
    let mut world = World::new();
    world.home.unset("AWSMFA_NO_INPUT");
    world.home.set("DISPLAY", ":99");
    let path = world.home.join("bin");
    world.home.set("PATH", path.to_str().unwrap());
    let code = world.aws.code_now(&world.device.serial);
    install(&world.home, "pinentry", &format!("echo 'D {code}'; echo OK"));
    world.home.awsmfa(words("credential-process -p dev")).run().success();
    assert!(
        world.home.read("pinentry.log").contains("SETDESC Code for `arn:aws:iam::123456789012:mfa/alice`")
    );
    install(&world.home, "pinentry", CANCELED);
    let again = world.home.awsmfa(words("login -p dev --force")).run().code(5);
    insta::assert_snapshot!(again.err(), @r"
    error: the prompt was canceled
    hint: pass the code with `--code`
    ");
}

/// Runs both command lines. Fails unless the second one waits for this lock while the first one shows a window.
#[cfg(target_os = "linux")]
fn run_one_window_at_a_time(world: &World, lines: [&'static str; 2], lock: &str) {
    std::thread::scope(|scope| {
        let run = |line: &'static str| scope.spawn(move || world.home.awsmfa(words(line)).run());
        let first = run(lines[0]);
        crate::support::until(|| windows(world) == 1);
        let mut opened = Opened::of(&world.home.join(".local/state/awsmfa/locks").join(lock));
        let second = run(lines[1]);
        crate::support::until(|| opened.count() > 3 || windows(world) > 1);
        let open = windows(world);
        world.home.write("answer", "");
        first.join().unwrap().success();
        second.join().unwrap().success();
        assert_eq!(open, 1, "the second process does not wait");
    });
}

/// The window is open until there is a file `answer`.
#[cfg(target_os = "linux")]
const WAIT: &str = "while [ ! -e \"$HOME/answer\" ]; do /bin/sleep 0.05; done";

#[test]
#[cfg(target_os = "linux")]
fn passphrase_is_prompted_for_in_one_window_at_a_time() {
    let mut world = world(&format!("{WAIT}; {RIGHT}"));
    world.home.set("AWSMFA_UNLOCK_FOR", "2m");
    run_one_window_at_a_time(&world, ["code alice"; 2], "passphrase.lock");
    // Without the kernel keyring, the second one prompts after the first.
    let is_kept = world.home.awsmfa(words("store lock")).run().success().err().contains("awsmfa: locked");
    assert_eq!(windows(&world), if is_kept { 1 } else { 2 });
}

#[test]
#[cfg(target_os = "linux")]
fn codes_are_prompted_for_in_one_window_at_a_time() {
    let (mut world, device) = World::with_bob();
    world.home.unset("AWSMFA_NO_INPUT");
    world.home.set("DISPLAY", ":99");
    let path = world.home.join("bin");
    world.home.set("PATH", path.to_str().unwrap());
    let [alice, bob] = [&world.device, &device].map(|device| world.aws.code_now(&device.serial));
    let answer =
        format!("{WAIT}; case $what in *mfa/bob*) echo 'D {bob}' ;; *) echo 'D {alice}' ;; esac; echo OK");
    install(&world.home, "pinentry", &answer);
    let lines = ["credential-process -p dev", "credential-process -p bob"];
    run_one_window_at_a_time(&world, lines, "window.lock");
    assert_eq!(windows(&world), 2);
}
