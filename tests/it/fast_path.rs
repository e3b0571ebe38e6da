//! The fast path: when its output cannot be written, and the line for shell prompts.

use std::process::Stdio;

use crate::support::{Home, World};

#[cfg(target_os = "linux")]
#[test]
fn full_disk_is_an_error_in_one_line() {
    let world = World::imported();
    let run = || world.home.awsmfa(["credential-process", "-p", "dev"]);
    run().run().success();
    // Only the ready answer is left.
    std::fs::remove_dir_all(world.home.join(".cache/awsmfa/sessions")).unwrap();
    std::fs::remove_dir_all(world.home.join(".local")).unwrap();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = run().into_command().stdin(Stdio::null()).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "awsmfa: cannot write the result to stdout: No space left on device (os error 28)\n");
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
}

#[test]
fn closed_pipe_is_not_an_error() {
    let world = World::imported();
    let run = || world.home.awsmfa(["credential-process", "-p", "dev"]);
    run().run().success();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = run().into_command().stdin(Stdio::null()).stdout(writer).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn answer_does_not_outlive_a_logout_while_it_is_printed() {
    use std::io::{Read, Write};

    let world = World::imported();
    // A full pipe stops the process before it saves the answer.
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&vec![b' '; 64 * 1024]).unwrap();
    let mut command = world.home.awsmfa(["credential-process", "-p", "dev"]).into_command();
    let mut printing = command.stdin(Stdio::null()).stdout(writer).spawn().unwrap();
    drop(command);
    let files = |folder: &str| std::fs::read_dir(world.home.join(folder)).map_or(0, Iterator::count);
    crate::support::until(|| files(".cache/awsmfa/sessions") == 1);
    world.home.awsmfa(["logout", "dev"]).run().success();
    let mut printed = String::new();
    reader.read_to_string(&mut printed).unwrap();
    assert!(printed.contains("SessionToken"), "{printed}");
    assert!(printing.wait().unwrap().success());
    assert_eq!(files(".cache/awsmfa/answers"), 0);
}

/// What `awsmfa status --short -p dev` prints, which is all it says.
fn prompt(home: &Home) -> String {
    let ran = home.awsmfa(["status", "--short", "-p", "dev"]).run().success();
    assert_eq!(ran.err(), "");
    ran.out()
}

const ANSWER: &str = ".cache/awsmfa/answers/status-profile-dev";

/// Changes the expiration in the ready answer to `time`, which has as many digits.
fn set_expiration(home: &Home, time: &str) {
    let answer = home.read(ANSWER);
    let (rest, offset) = answer.rsplit_once(' ').unwrap();
    home.write(ANSWER, &format!("{}{time} {offset}", &rest[..rest.len() - time.len()]));
}

#[test]
fn prompt_shows_the_session_from_a_ready_answer() {
    let world = World::imported();
    assert_eq!(prompt(&world.home), "");
    assert!(world.home.join(ANSWER).exists(), "that there is no session is an answer, too");
    world.home.awsmfa(["login", "dev"]).run().success();
    for _ in 0..2 {
        let line = prompt(&world.home);
        assert!(["dev 11h 59m\n", "dev 12h\n"].contains(&line.as_str()), "{line}");
    }
    set_expiration(&world.home, "1000000000");
    assert_eq!(prompt(&world.home), "dev expired\n", "the answer was not used");
    set_expiration(&world.home, "9999999999");
    assert!(prompt(&world.home).starts_with("dev 9"), "the answer was not used");
}

#[test]
fn prompt_follows_every_change() {
    let world = World::imported();
    let shows_session = || prompt(&world.home).starts_with("dev 1");
    world.home.awsmfa(["login", "dev"]).run().success();
    assert!(shows_session());
    world.home.awsmfa(["logout", "dev", "--restore"]).run().success();
    assert_eq!(prompt(&world.home), "");
    // Only the cache gets a session.
    world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
    assert!(shows_session());
    std::fs::remove_dir_all(world.home.join(".cache/awsmfa/sessions")).unwrap();
    assert_eq!(prompt(&world.home), "", "another program removed it");
    world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
    assert_eq!(prompt(&world.home), "", "credential-process printed its ready answer");
    world.home.write_config("");
    assert_eq!(prompt(&world.home), "");
}

#[test]
fn prompt_stays_empty_if_the_profile_cannot_be_read() {
    let world = World::imported();
    let short = |args: &[&str]| {
        let ran = world.home.awsmfa(["status", "--short"]).into_command().args(args).output().unwrap();
        assert_eq!(String::from_utf8(ran.stderr).unwrap(), "", "{args:?}");
        assert!(ran.status.success(), "{args:?}");
        String::from_utf8(ran.stdout).unwrap()
    };
    assert_eq!(short(&[]), "", "there is no profile `default`");
    assert_eq!(short(&["-p", "no\u{1b}pe"]), "");
    world.home.write_config("[profile dev\nmfa_serial = x\n");
    world.home.write(".local/share/awsmfa/devices.json", "{");
    assert_eq!(short(&["-p", "dev"]), "");
    std::fs::remove_file(world.home.join(".aws/config")).unwrap();
    std::fs::create_dir(world.home.join(".aws/config")).unwrap();
    assert_eq!(short(&["-p", "dev"]), "");
    world.home.awsmfa(["status", "--short", "--json"]).run().code(2);
}

#[test]
fn prompt_in_a_shell_of_awsmfa_shows_the_shells_own_session() {
    let world = World::imported();
    world.home.awsmfa(["login", "dev"]).run().success();
    let line = |args: &[&str], expiration: &str| {
        let run = world.home.awsmfa(args).env("AWSMFA_SESSION", "ASIA").env("AWS_ACCESS_KEY_ID", "ASIA");
        let run = run.env("AWSMFA_PROFILE", "dev").env("AWS_CREDENTIAL_EXPIRATION", expiration);
        run.run().success().out()
    };
    let soon = (chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now())
        + chrono::TimeDelta::seconds(7230))
    .format("%FT%TZ")
    .to_string();
    // On the fast path and on the ordinary one.
    for args in [&["status", "--short"][..], &["-v", "status", "--short"]] {
        assert_eq!(line(args, &soon), "dev 2h\n");
        assert_eq!(line(args, "2026-01-01T10:00:00Z"), "dev expired\n");
        let looked_up = line(args, "");
        assert!(looked_up.starts_with("dev 1"), "{looked_up}");
    }
    assert!(line(&["status", "--short", "-p", "dev"], &soon).starts_with("dev 1"));
}
