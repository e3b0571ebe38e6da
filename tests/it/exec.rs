//! `exec`: the command's environment, streams, signals and exit status, and awsmfa inside such an environment.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use crate::support::World;

const AWSMFA: &str = env!("CARGO_BIN_EXE_awsmfa");

type Vars = BTreeMap<String, String>;

/// The variables that a command gets.
fn environment(printed: &str) -> Vars {
    printed
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The variables that a command gets from `exec`, with these set outside.
fn inside(world: &World, vars: &[(&str, &str)]) -> Vars {
    let mut run = world.home.awsmfa(["exec", "-p", "dev", "--", "env"]);
    for (name, value) in vars {
        run = run.env(name, value);
    }
    environment(&run.run().success().out())
}

/// A second profile with the same keys and a region of its own.
fn with_two_profiles() -> World {
    let world = World::imported();
    let credentials = world.home.credentials();
    world.home.write_credentials(&format!("{credentials}{}", credentials.replace("[dev]", "[prod]")));
    let config = world.home.read(".aws/config");
    let prod = config.replace("profile dev", "profile prod").replace("eu-central-1", "us-west-2");
    world.home.write_config(&format!("{config}{prod}"));
    world
}

#[test]
fn environment_has_the_session_and_is_otherwise_unchanged() {
    let world = World::imported();
    let session = world.home.awsmfa(["credential-process", "-p", "dev"]).run().success().json();
    let mut expected = world.home.vars().clone();
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", session["AccessKeyId"].as_str().unwrap()),
        ("AWS_SECRET_ACCESS_KEY", session["SecretAccessKey"].as_str().unwrap()),
        ("AWS_SESSION_TOKEN", session["SessionToken"].as_str().unwrap()),
        ("AWS_CREDENTIAL_EXPIRATION", session["Expiration"].as_str().unwrap()),
        ("AWS_ACCOUNT_ID", "123456789012"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWSMFA_PROFILE", "dev"),
        ("AWSMFA_SESSION", session["AccessKeyId"].as_str().unwrap()),
        ("AWSMFA_REGION", "eu-central-1"),
    ] {
        expected.insert(name.to_owned(), value.to_owned());
    }
    assert_eq!(inside(&world, &[]), expected);
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1, "the cached session");
}

#[test]
fn other_credentials_are_removed() {
    let world = World::imported();
    let foreign = [
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_ACCESS_KEY",
        "AWS_SECRET_KEY",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_VAULT",
        "AWS_SESSION_EXPIRATION",
    ];
    let vars = inside(&world, &foreign.map(|name| (name, "foreign")));
    let left: Vec<_> =
        vars.iter().filter(|(name, value)| *value == "foreign" && !name.starts_with("AWSMFA_OLD_")).collect();
    assert!(left.is_empty(), "{left:?}");
    for secret in ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"] {
        assert!(!vars.contains_key(&format!("AWSMFA_OLD_{secret}")), "{secret}");
    }
}

#[test]
fn region_is_never_made_up() {
    let world = World::imported();
    let config = world.home.read(".aws/config");
    world.home.write_config(&config.replace("region = eu-central-1\n", ""));
    assert!(!inside(&world, &[]).keys().any(|name| name.contains("REGION")));
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        let vars = inside(&world, &[(name, "eu-north-1")]);
        assert_eq!(
            (vars["AWS_REGION"].as_str(), vars["AWS_DEFAULT_REGION"].as_str()),
            ("eu-north-1", "eu-north-1")
        );
    }
}

#[test]
fn command_has_awsmfas_place_streams_and_status() {
    let world = World::imported();
    let sh = |script: &str| world.home.awsmfa(["exec", "dev", "--", "sh", "-c", script]);
    let cat = world.home.awsmfa(["exec", "dev", "--", "cat"]).stdin("from stdin\n").run().success();
    assert_eq!((cat.out().as_str(), cat.err().as_str()), ("from stdin\n", ""));
    sh("exit 7").run().code(7);
    let child = sh("echo $$").into_command().stdout(Stdio::piped()).spawn().unwrap();
    let id = child.id().to_string();
    assert_eq!(
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim(),
        id,
        "the same process"
    );
    for signal in [1, 2, 15, 9] {
        let status = sh(&format!("kill -{signal} $$")).into_command().status().unwrap();
        assert_eq!(status.signal(), Some(signal));
    }
    let arguments = ["exec", "dev", "--", "printf", "%s|", "--profile", "a b", "", "-p"];
    assert_eq!(world.home.awsmfa(arguments).run().success().out(), "--profile|a b||-p|");
}

/// Signals that are handled, ignored or blocked, and open files, as awsmfa would leave them behind.
#[test]
#[cfg(target_os = "linux")]
fn command_inherits_no_signals_files_or_limits_of_awsmfa() {
    let world = World::imported();
    let script = "grep -e SigBlk -e SigIgn -e SigCgt /proc/self/status; ls /proc/self/fd; ulimit -n; umask; cat /proc/self/coredump_filter";
    let direct =
        Command::new("sh").args(["-c", script]).env_clear().envs(world.home.vars()).output().unwrap();
    let direct = String::from_utf8(direct.stdout).unwrap();
    assert!(direct.contains("SigIgn"), "{direct}");
    let under = |limit: &str| {
        let line = format!("{limit}{AWSMFA} exec dev -- sh -c '{script}'");
        let run =
            Command::new("sh").args(["-c", &line]).env_clear().envs(world.home.vars()).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    };
    assert_eq!(under(""), direct);
    let limited = under("ulimit -S -n 20; ");
    assert!(limited.contains("\n20\n"), "{limited}");
    let ignored = under("trap '' INT HUP; ");
    assert_ne!(ignored, direct, "what awsmfa's parent ignores stays ignored");
}

#[test]
fn without_a_command_the_users_shell_starts() {
    let world = World::imported();
    world.home.write_program("my shell", "#!/bin/sh\necho \"$AWSMFA_PROFILE $#\"\nexit 3\n");
    let shell = world.home.join("my shell");
    let ran = world.home.awsmfa(["exec", "-p", "dev"]).env("SHELL", &shell).run().code(3);
    assert_eq!(ran.out(), "dev 0\n");
    insta::assert_snapshot!(ran.err(), @"awsmfa: starting ~/my shell with the session for `dev`, valid until [TIME] ([LEFT]); leave it with `exit`");
    let missing = world.home.awsmfa(["exec", "-p", "dev"]).env("SHELL", "/nowhere/sh").run().code(127);
    insta::assert_snapshot!(missing.err(), @"
    error: command not found: `/nowhere/sh`
    hint: set SHELL to your shell, or give a command: `awsmfa exec -- COMMAND`
    ");
}

#[test]
fn command_that_cannot_run_costs_no_code() {
    let world = World::imported();
    world.home.write("text", "no program");
    world.home.write_program("script", "#!/nowhere/interpreter\n");
    let refused = |code: i32, command: &str| {
        let ran =
            world.home.awsmfa(["exec", "-p", "dev", "--", command]).env("SHELL", "/bin/zsh").run().code(code);
        assert_eq!(ran.out(), "");
        ran.err()
    };
    let options = ["exec", "-p", "dev", "--duration", "1h", "--", "no-such-command"];
    let said = world.home.awsmfa(options).env("SHELL", "/bin/zsh").run().code(127).err();
    assert!(
        said.contains("`awsmfa exec --profile dev --duration 3600s -- zsh -ic no-such-command`"),
        "{said}"
    );
    insta::assert_snapshot!(refused(127, "no-such-command"), @"
    error: command not found: `no-such-command`
    hint: check the name and PATH; run an alias or a function in your shell: `awsmfa exec --profile dev -- zsh -ic no-such-command`
    ");
    insta::assert_snapshot!(refused(127, "aws s3 ls"), @"
    error: command not found: `aws s3 ls`
    hint: pass each word as an argument of its own: `awsmfa exec --profile dev -- aws s3 ls`
    ");
    insta::assert_snapshot!(refused(127, ""), @"
    error: the command is empty
    hint: awsmfa exec --profile dev -- aws s3 ls
    ");
    insta::assert_snapshot!(refused(127, "./nothing"), @"
    error: command not found: `./nothing`
    hint: check the path of the command
    ");
    insta::assert_snapshot!(refused(127, "--verbose"), @"
    error: command not found: `--verbose`
    hint: put the command right after `--`
    ");
    insta::assert_snapshot!(refused(126, "/"), @"error: cannot run `/`: it is a folder");
    insta::assert_snapshot!(refused(126, "./text"), @"
    error: cannot run `./text`: Permission denied (os error [N])
    hint: make it executable: `chmod +x ./text`
    ");
    assert!(world.aws.requests().is_empty(), "{:?}", world.aws.requests());
    insta::assert_snapshot!(refused(126, "./script"), @"error: cannot run `./script`: the interpreter in its first line does not exist");
}

#[test]
fn program_in_place_of_a_profile_gets_a_hint() {
    let world = World::imported();
    let err = |line: &[&str]| world.home.awsmfa(line).run().code(3).err();
    insta::assert_snapshot!(err(&["exec", "ls"]), @"
    error: no profile `ls` in ~/.aws/config or ~/.aws/credentials
    hint: put `--` before the command: `awsmfa exec -- ls`
    hint: create the profile: `aws configure --profile ls`
    hint: or list existing profiles: `aws configure list-profiles`
    ");
    for line in [
        &["exec", "env", "--serve", "--duration", "1h"][..],
        &["exec", "no-such-thing"],
        &["exec", "-p", "ls"],
        &["exec", "ls", "--", "ls"],
    ] {
        let said = err(line);
        assert_eq!(
            said.contains("`awsmfa exec --serve --duration 3600s -- env`"),
            line.contains(&"env"),
            "{said}"
        );
        assert_eq!(said.contains("put `--`"), line.contains(&"env"), "{said}");
    }
}

#[test]
fn session_that_cannot_be_had_runs_nothing() {
    let world = World::imported();
    let touch = |profile: &str, code: i32| {
        world.home.awsmfa(["exec", "-p", profile, "--", "touch", "ran"]).run().code(code).err()
    };
    assert!(touch("nope", 3).contains("`nope`"));
    let config = world.home.read(".aws/config");
    let role = "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/none\nsource_profile = dev\n";
    world.home.write_config(&format!("{config}{role}"));
    assert!(touch("role", 4).contains("role/none"));
    assert!(!world.home.join("ran").exists());
}

#[test]
fn nested_exec_is_as_one_from_outside() {
    let world = with_two_profiles();
    let outside = |profile: &str| {
        environment(&world.home.awsmfa(["exec", "-p", profile, "--", "env"]).run().success().out())
    };
    let (dev, prod) = (outside("dev"), outside("prod"));
    assert_eq!((dev["AWS_REGION"].as_str(), prod["AWS_REGION"].as_str()), ("eu-central-1", "us-west-2"));
    for (inner, expected) in [(&["-p", "prod"][..], &prod), (&["-p", "dev"], &dev), (&[], &dev)] {
        let line = [&["exec", "-p", "dev", "--", AWSMFA, "exec"], inner, &["--", "env"]].concat();
        assert_eq!(environment(&world.home.awsmfa(line).run().success().out()), *expected, "{inner:?}");
    }
    let requests = world.aws.requests_for("GetSessionToken").len();
    assert_eq!(requests, 2, "one for each region");
    // What the user chose outside or inside counts.
    let line = ["exec", "-p", "dev", "--", AWSMFA, "exec", "-p", "prod", "--", "env"];
    let vars = environment(&world.home.awsmfa(line).env("AWS_REGION", "eu-north-1").run().success().out());
    assert_eq!(vars["AWS_REGION"], "eu-north-1");
    let script = format!("AWS_REGION=eu-north-1 {AWSMFA} exec -p prod -- env");
    let line = ["exec", "-p", "dev", "--", "sh", "-c", &script];
    assert_eq!(environment(&world.home.awsmfa(line).run().success().out())["AWS_REGION"], "eu-north-1");
}

#[test]
fn other_commands_work_inside_as_outside() {
    let world = with_two_profiles();
    let inside = |args: &[&str]| {
        let line = [&["exec", "-p", "dev", "--", AWSMFA], args].concat();
        world.home.awsmfa(line).env("AWS_PROFILE", "prod").run().success()
    };
    let served = inside(&["credential-process"]).out();
    assert_eq!(world.home.awsmfa(["credential-process", "-p", "dev"]).run().success().out(), served);
    let listed = inside(&["device", "list", "--json"]).json();
    assert_eq!(listed[0]["user"], "alice");
    let login = inside(&["login"]).err();
    assert!(login.contains("wrote a session for `dev`") && !login.contains("warning"), "{login}");
    // Without `--profile`, SDKs would still use the session of `dev`.
    insta::assert_snapshot!(inside(&["login", "prod"]).err(), @"
    awsmfa: moved the long-term keys from [prod] to [prod-long-term]
    awsmfa: wrote a session for `prod` to [prod] in ~/.aws/credentials, valid until [TIME] ([LEFT])
    warning: AWS_ACCESS_KEY_ID is set in the environment; without `--profile`, the AWS CLI and all SDKs use it instead of `prod`
    hint: unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
    ");
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 2, "one for each region");
}

#[test]
fn ignored_keys_are_reported_unless_a_profile_is_chosen() {
    let world = World::imported();
    let run = |args: &[&str]| {
        let line = [&["exec"], args, &["--", "true"]].concat();
        world.home.awsmfa(line).keys(&world.key).env("AWS_PROFILE", "dev").run().success().err()
    };
    insta::assert_snapshot!(run(&[]), @"
    warning: AWS_ACCESS_KEY_ID in the environment is ignored: this is the session for `dev`
    hint: set the profile explicitly: `awsmfa exec --profile dev`
    ");
    assert_eq!(run(&["-p", "dev"]), "");
    let world = World::with_keys_in_environment();
    assert_eq!(world.home.awsmfa(["exec", "--", "true"]).run().success().err(), "");
}
