//! What newcomers type works, or gets a tip that does.

use fake_aws::FakeAws;

use crate::support::{Home, NO_ARGS, World, words};

#[test]
fn bare_command_shows_where_to_start() {
    let home = Home::new(&FakeAws::start());
    let ran = home.awsmfa(NO_ARGS).run().success();
    insta::assert_snapshot!(ran.out(), @"
    MFA for the AWS command line, with nothing to type.

    Start here:
      awsmfa enroll --profile dev           enroll an MFA device (once)
      awsmfa device import --profile dev    or import an existing one
      awsmfa setup --profile dev            let every AWS tool get sessions by itself
      awsmfa login --profile dev            or write a session to ~/.aws/credentials

    All commands: awsmfa --help
    ");
    assert_eq!(ran.err(), "");
    home.awsmfa(["-v"]).run().code(2);
}

#[test]
fn profile_can_be_given_without_its_flag_or_before_the_command() {
    let world = World::imported();
    for (login, logout) in [
        (["login", "dev", "-v"], ["logout", "dev", "-v"]),
        (["--profile", "dev", "login"], ["-p", "dev", "logout"]),
        (["-v", "--profile=dev", "login"], ["-v", "-pdev", "logout"]),
    ] {
        world.home.awsmfa(login).run().success();
        assert!(world.home.credential("dev", "aws_session_token").is_some(), "{login:?}");
        world.home.awsmfa(logout).run().success();
        assert!(world.home.credential("dev", "aws_session_token").is_none(), "{logout:?}");
    }
    let json = world.home.awsmfa(["--profile", "dev", "credential-process"]).run().success().json();
    assert_eq!(json["Version"], 1);
    world.home.awsmfa(["-p", "dev", "device", "list"]).run().success();
    // By profile: its device.
    world.home.awsmfa(["code", "dev"]).run().success();
    let twice = world.home.awsmfa(["login", "dev", "--profile", "prod"]).run().code(2);
    assert!(twice.err().contains("cannot be used with"), "{}", twice.err());
    world.home.awsmfa(["login", "dev", "--all"]).run().code(2);
    // An SDK gets command-line mistakes on one line, wherever the profile is.
    let sdk = world.home.awsmfa(["--profile", "dev", "credential-process", "--nope"]).run().code(2);
    assert_eq!(sdk.err().lines().count(), 1, "{}", sdk.err());
}

#[test]
fn tips_are_commands_that_work() {
    let home = Home::new(&FakeAws::start());
    let tip = |args: &[&str]| {
        let run = home.awsmfa(args).run().code(2);
        let tip = run.err().lines().find_map(|line| Some(line.trim().strip_prefix("tip: ")?.to_owned()));
        tip.unwrap_or_else(|| panic!("{}", run.err()))
    };
    insta::assert_snapshot!(tip(&["list"]), @"did you mean 'awsmfa device list'?");
    insta::assert_snapshot!(tip(&["ls"]), @"did you mean 'awsmfa device list'?");
    insta::assert_snapshot!(tip(&["rm"]), @"did you mean 'awsmfa device remove'?");
    insta::assert_snapshot!(tip(&["import", "--profile", "dev"]), @"did you mean 'awsmfa device import'?");
    insta::assert_snapshot!(tip(&["signin"]), @"did you mean 'awsmfa login'?");
    for word in ["check", "diagnose", "verify"] {
        insta::allow_duplicates! { insta::assert_snapshot!(tip(&[word]), @"did you mean 'awsmfa doctor'?"); }
    }
    insta::assert_snapshot!(tip(&["loginn"]), @"a similar subcommand exists: 'login'");
    insta::assert_snapshot!(tip(&["enroll", "dev"]), @"to use a profile: awsmfa enroll --profile dev");
    insta::assert_snapshot!(tip(&["device", "list", "dev"]), @"to use a profile: awsmfa device list --profile dev");
    for line in [&["--profile", "my team"][..], &["-p", "my team"], &["--profile=my team", "-v"]] {
        insta::allow_duplicates! { insta::assert_snapshot!(tip(line), @"add a command: awsmfa login --profile 'my team'"); }
    }
    let dashes = |line: &str| tip(&words(line).collect::<Vec<_>>());
    insta::assert_snapshot!(dashes("exec -p dev aws s3 ls"), @"put '--' before the command: awsmfa exec -p dev -- aws s3 ls");
    insta::assert_snapshot!(dashes("exec --duration 1h --profile=dev ls -l"), @"put '--' before the command: awsmfa exec --duration 1h '--profile=dev' -- ls -l");
    insta::assert_snapshot!(dashes("exec aws s3 ls"), @"put '--' before the command, as in: awsmfa exec --profile dev -- aws s3 ls");
    insta::assert_snapshot!(dashes("serve dev -- aws s3 ls"), @"to use a profile: awsmfa serve --profile dev");
    // An extra word is not taken for a profile.
    for line in [["login", "dev", "x"], ["enroll", "--profile=dev", "x"], ["code", "alice", "x"]] {
        let said = home.awsmfa(line).run().code(2).err();
        assert!(said.contains("unexpected argument 'x'") && !said.contains("tip:"), "{said}");
    }
    let sdk = home.awsmfa(["credential-process", "my profile"]).run().code(2).err();
    insta::assert_snapshot!(sdk, @"awsmfa: unexpected argument 'my profile' found; tip: to use a profile: awsmfa credential-process --profile 'my profile'; hint: see `awsmfa credential-process --help`");
}

#[test]
fn short_command_names_work() {
    let world = World::imported();
    let listed = world.home.awsmfa(["device", "list"]).run().success().out();
    assert_eq!(world.home.awsmfa(["device", "ls"]).run().success().out(), listed);
    world.home.awsmfa(["device", "rm", "alice", "--local", "--yes"]).run().success();
    world.home.awsmfa(["code", "alice"]).run().code(3);
}

#[test]
fn durations_are_read_as_people_write_them() {
    let world = World::imported();
    for (written, seconds) in [("90min", "5400"), ("1h 45m", "6300"), ("1d", "86400")] {
        world.home.awsmfa(["login", "dev", "--force", "--duration", written]).run().success();
        let requests = world.aws.requests_for("GetSessionToken");
        assert_eq!(requests.last().unwrap().param("DurationSeconds"), Some(seconds), "{written}");
    }
}
