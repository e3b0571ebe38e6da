//! AWS files with thousands of profiles: a command reads each file once, and its time grows with the file, not faster.

use std::time::{Duration, Instant};

use awsmfa::testing::aws_files::ahead::Ahead;
use awsmfa::testing::aws_files::tally::{Tally, tally};
use awsmfa::testing::commands::{doctor, login, logout};
use awsmfa::testing::error::CommandResult;
use clap::{Args, Parser};

use crate::support::World;
use crate::support::in_process::InProcess;

#[derive(Parser)]
struct Line<A: Args> {
    #[command(flatten)]
    args: A,
}

fn login(computer: &InProcess, args: &[&str]) -> CommandResult {
    let line = Line::<login::LoginArgs>::parse_from([&["login"], args].concat());
    login::run(&computer.ctx, &line.args)
}

/// How often a command parses files and has edits checked.
fn count(command: impl FnOnce()) -> Tally {
    let before = tally();
    command();
    let after = tally();
    Tally { parses: after.parses - before.parses, guards: after.guards - before.guards }
}

#[test]
fn login_parses_each_file_once_and_checks_one_edit() {
    let world = World::imported();
    let others: String = (0..50).map(|n| format!("\n[profile p{n}]\nregion = eu-west-1\n")).collect();
    world.home.write_config(&(world.home.read(".aws/config") + &others));
    let run = |args: &[&str]| count(|| login(&world.in_process(0), args).unwrap());
    assert_eq!(run(&["--profile", "dev"]), Tally { parses: 2, guards: 1 }, "a new session");
    assert!(world.home.credentials().contains("[dev-long-term]"));
    assert_eq!(run(&["--profile", "dev"]), Tally { parses: 2, guards: 0 }, "nothing to write");
    let all = run(&["--all", "--force"]);
    assert_eq!(all, Tally { parses: 2, guards: 1 }, "`--all`");
}

#[test]
fn file_that_another_program_changed_is_parsed_again() {
    let world = World::imported();
    let computer = world.in_process(0);
    login(&computer, &["--profile", "dev"]).unwrap();
    world.home.write_config(&(world.home.read(".aws/config") + "[profile new]\nregion = x\n"));
    let again = count(|| login(&computer, &["--profile", "dev"]).unwrap());
    assert_eq!(again, Tally { parses: 1, guards: 0 });
}

#[test]
fn files_that_were_read_ahead_are_not_parsed_again_unless_they_changed() {
    let world = World::imported();
    let others: String = (0..5000).map(|n| format!("\n[profile p{n}]\nregion = eu-west-1\n")).collect();
    let config = world.home.read(".aws/config") + &others;
    let [path, credentials] = ["config", "credentials"].map(|name| world.home.path().join(".aws").join(name));
    let login_after = |change: &str| {
        world.home.write_config(&config);
        let computer = world.in_process(0);
        let ahead = Ahead::start(&path, &credentials, computer.ctx.clock.now());
        while !ahead.is_finished() {
            std::thread::yield_now();
        }
        world.home.write_config(&(config.clone() + change));
        computer.ctx.aws_files().take(ahead);
        count(|| login(&computer, &["--profile", "dev", "--force"]).unwrap())
    };
    // The small credentials file is parsed here in any case.
    assert_eq!(login_after(""), Tally { parses: 1, guards: 1 });
    assert_eq!(login_after("[profile new]\nregion = x\n"), Tally { parses: 2, guards: 1 });
}

#[test]
fn logout_of_all_sessions_is_one_edit_and_linear() {
    let world = World::new();
    let logout = |sessions: usize| -> Duration {
        let section = |n| {
            format!(
                "[p{n}]\nregion = x\naws_access_key_id = ASIA{n}\naws_secret_access_key = s\n\
                 aws_session_token = t\nx_security_token_expires = 2026-01-01T00:00:00Z\n\n"
            )
        };
        world.home.write_credentials(&(0..sessions).map(section).collect::<String>());
        let line = Line::<logout::LogoutArgs>::parse_from(["logout", "--all"]);
        let start = Instant::now();
        let work = count(|| logout::run(&world.in_process(0).ctx, &line.args).unwrap());
        let took = start.elapsed();
        assert_eq!(work, Tally { parses: 1, guards: 1 });
        let left = world.home.credentials();
        assert_eq!(left.matches("region").count(), sessions);
        assert!(!left.contains("token"), "{left}");
        took
    };
    let best = |sessions| (0..3).map(|_| logout(sessions)).min().unwrap();
    let (few, many) = (best(500), best(4000));
    // Eight times as many; a quadratic edit takes 64 times as long.
    assert!(many < few * 24, "500 sessions took {few:?}, 4000 took {many:?}");
}

#[test]
fn doctor_reads_each_file_once_fixes_it_once_and_is_linear() {
    let world = World::new();
    let doctor = |profiles: usize| -> Duration {
        let config = |n| {
            let role = "role_arn = arn:aws:iam::123456789012:role/x";
            format!(
                "[profile p{n}]\nmfa_serial = GAHT12345678\n[profile r{n}]\n{role}\nsource_profile = p{n}\n\n"
            )
        };
        let credentials = |n| {
            format!(
                "[p{n}-long-term]\naws_access_key_id = AKIA{n}\naws_secret_access_key = s\n\n[p{n}]\n\
                 aws_access_key_id = ASIA{n}\naws_secret_access_key = s\naws_session_token = t\n\
                 x_security_token_expires = 2026-01-01T00:00:00Z\n\n"
            )
        };
        world.home.write_config(&(0..profiles).map(config).collect::<String>());
        world.home.write_credentials(&(0..profiles).map(credentials).collect::<String>());
        let line =
            |args: &[&str]| Line::<doctor::DoctorArgs>::parse_from([&["doctor", "--offline"], args].concat());
        let start = Instant::now();
        // Without a region, each role profile stays a finding.
        let look = count(|| drop(doctor::run(&world.in_process(0).ctx, &line(&[]).args).unwrap_err()));
        assert_eq!(look, Tally { parses: 2, guards: 0 });
        let fix = count(|| drop(doctor::run(&world.in_process(0).ctx, &line(&["--fix"]).args).unwrap_err()));
        let took = start.elapsed();
        assert_eq!(fix.guards, 1);
        assert!(!world.home.credentials().contains("ASIA"), "an expired session is left");
        took
    };
    let best = |profiles| (0..3).map(|_| doctor(profiles)).min().unwrap();
    let (few, many) = (best(200), best(1600));
    assert!(many < few * 24, "200 profiles took {few:?}, 1600 took {many:?}");
}
