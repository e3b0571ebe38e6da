//! `console`: a role's session opens the AWS console, and only this user's browser gets the URL.

use std::io::{Read, Write};
use std::net::TcpStream;

use fake_aws::{Fault, RoleSpec};

use crate::support::World;

/// A world with a role `admin`, and a profile `adm` for it.
fn with_role(max_session_duration: i32) -> World {
    let world = World::imported();
    let role = world.aws.add_role("admin", RoleSpec { max_session_duration, ..RoleSpec::default() });
    let config = world.home.read(".aws/config");
    let role = format!("[profile adm]\nrole_arn = {}\nsource_profile = dev\nregion = eu-west-1\n", role.arn);
    world.home.write_config(&format!("{config}{role}"));
    world
}

/// Follows a URL of fake-aws, as a browser does.
fn follow(url: &str) {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 302"), "{answer}");
}

#[test]
fn printed_url_opens_the_console() {
    let world = with_role(3600);
    let ran = world.home.awsmfa(["console", "-p", "adm", "--print"]).run().success();
    assert_eq!((ran.out().lines().count(), ran.err().as_str()), (1, ""));
    follow(ran.out().trim_end());
    let [sign_in] = &world.aws.sign_ins()[..] else { panic!("{:?}", world.aws.sign_ins()) };
    assert!(sign_in.arn.contains(":assumed-role/admin/"), "{}", sign_in.arn);
    assert_eq!(sign_in.destination, "https://console.aws.amazon.com/console/home?region=eu-west-1");
    assert_eq!((sign_in.issuer.as_deref(), sign_in.session_duration), (Some("awsmfa"), None));
}

#[test]
fn service_region_and_duration_are_those_of_the_options() {
    let world = with_role(43_200);
    let args = ["console", "-p", "adm", "--print", "--service", "dynamodb", "--region", "us-west-2"];
    let long = world.home.awsmfa(args).arg("--duration=8h").run().success().out();
    follow(long.trim_end());
    let short = world.home.awsmfa(args).arg("--duration=30m").run().success().out();
    follow(short.trim_end());
    let page = "https://console.aws.amazon.com/dynamodbv2/home?region=us-west-2";
    let opened: Vec<_> =
        world.aws.sign_ins().into_iter().map(|s| (s.destination, s.session_duration)).collect();
    // A role that was assumed from a session gets the shorter session itself.
    assert_eq!(opened, [(page.to_owned(), Some(28_800)), (page.to_owned(), None)]);
    let durations: Vec<_> = world.aws.requests_for("AssumeRole");
    let durations: Vec<_> = durations.iter().map(|request| request.param("DurationSeconds")).collect();
    assert_eq!(durations, [Some("28800"), Some("1800")]);
}

#[test]
fn duration_over_the_role_maximum_is_reduced_with_a_warning_as_everywhere() {
    for command in [&["console", "-p", "adm", "--print"][..], &["env", "-p", "adm"], &["login", "-p", "adm"]]
    {
        let world = with_role(43_200);
        let ran = world.home.awsmfa(command).args(["--duration", "13h"]).run().success();
        let warning =
            "warning: `arn:aws:iam::123456789012:role/admin` is assumed for 12h, the maximum for a role\n";
        assert!(ran.err().contains(warning), "{command:?}: {}", ran.err());
        assert_eq!(world.aws.requests_for("AssumeRole")[0].param("DurationSeconds"), Some("43200"));
        if command[0] == "console" {
            follow(ran.out().trim_end());
            assert_eq!(world.aws.sign_ins()[0].session_duration, Some(43_200));
        }
    }
}

/// What an `xdg-open` on the PATH does with its URL.
#[cfg(target_os = "linux")]
fn install_browser(world: &mut World, script: &str) {
    world.home.write_program("bin/xdg-open", &format!("#!/bin/bash\n{script}"));
    let path = format!("{}:/usr/bin:/bin", world.home.join("bin").display());
    world.home.set("PATH", &path);
}

/// Notes the arguments and the environment, and gets the page.
#[cfg(target_os = "linux")]
const BROWSER: &str = r#"
echo "$@" >>"$HOME/arguments"; env >"$HOME/environment"
rest=${1#http://}; host=${rest%%/*}
exec 3<>"/dev/tcp/${host%:*}/${host#*:}"
printf 'GET /%s HTTP/1.1\r\nHost: %s\r\n\r\n' "${rest#*/}" "$host" >&3
cat <&3 >"$HOME/page"
"#;

#[cfg(target_os = "linux")]
#[test]
fn browser_gets_the_url_without_an_argument() {
    let mut world = with_role(3600);
    install_browser(&mut world, BROWSER);
    let ran = world.home.awsmfa(["console", "-p", "adm"]).run().success();
    assert!(
        ran.err().starts_with("awsmfa: opened the console for `adm` in the browser, for 59m "),
        "{}",
        ran.err()
    );
    assert_eq!(ran.out(), "");
    crate::support::until(|| world.home.read("page").ends_with("\r\n\r\n"));
    let page = world.home.read("page");
    follow(page.lines().find_map(|line| line.strip_prefix("Location: ")).unwrap());
    assert_eq!(world.aws.sign_ins().len(), 1);
    let arguments = world.home.read("arguments");
    assert!(arguments.starts_with("http://127.0.0.1:") && !arguments.contains("SigninToken"), "{arguments}");
    assert!(!world.home.read("environment").contains("AWSMFA_PASSPHRASE"), "given to the browser");
}

/// A browser may run for days.
#[cfg(target_os = "linux")]
#[test]
fn browser_keeps_no_lock_of_a_script() {
    let mut world = with_role(3600);
    install_browser(&mut world, &format!("ls -l /proc/$$/fd >\"$HOME/open\"{BROWSER}"));
    let script = "exec 9>\"$HOME/lock\"; flock 9; \"$@\"; ls -l /proc/$$/fd";
    let ran = world.home.awsmfa(["console", "-p", "adm"]).under("bash", &["-c", script, "bash"]);
    let of_script = ran.run().success().out();
    assert!(of_script.contains("/lock"), "{of_script}");
    let of_browser = world.home.read("open");
    assert!(of_browser.contains(" 2 -> ") && !of_browser.contains("/lock"), "{of_browser}");
}

#[cfg(target_os = "linux")]
#[test]
fn missing_and_failing_browsers_are_errors() {
    let mut world = with_role(3600);
    install_browser(&mut world, "exit 3");
    // Other programs of the machine that open URLs.
    world.home.set("PATH", &world.home.join("bin").display().to_string());
    let err = world.home.awsmfa(["console", "-p", "adm"]).run().code(1).err();
    insta::assert_snapshot!(err, @"
    error: cannot open a browser: every program that opens URLs failed
    hint: print the URL instead: `awsmfa console --profile adm --print`
    ");
    // The hint repeats the options.
    world.home.write(
        "my policy.json",
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}"#,
    );
    let options = [
        "--service=s3",
        "--region",
        "us-west-2",
        "--duration=30m",
        "--policy",
        "my policy.json",
        "--color=never",
    ];
    let err = world.home.awsmfa(["console", "-vp", "adm"].iter().chain(&options)).run().code(1).err();
    let hint = err.lines().last().unwrap();
    insta::assert_snapshot!(hint, @"hint: print the URL instead: `awsmfa console --service s3 --region us-west-2 --duration 30m --policy 'my policy.json' --profile adm --print`");
    std::fs::remove_file(world.home.join("bin/xdg-open")).unwrap();
    let err = world.home.awsmfa(["console", "-p", "adm"]).run().code(1).err();
    insta::assert_snapshot!(err, @"
    error: cannot open a browser: no program that opens URLs is installed
    hint: print the URL instead: `awsmfa console --profile adm --print`
    ");
}

/// As an editor does on a machine without a desktop.
#[cfg(target_os = "linux")]
#[test]
fn browser_of_the_environment_comes_first() {
    let mut world = with_role(3600);
    install_browser(&mut world, "touch other; exit 3");
    world.home.write_program(
        "my bin/browser",
        &format!("#!/bin/bash\n[ \"$1\" = --tab ] || exit 9; shift{BROWSER}"),
    );
    let browser = format!("/nowhere/browser:'{}' --tab %s", world.home.join("my bin/browser").display());
    let ran = world.home.awsmfa(["console", "-p", "adm"]).env("BROWSER", browser).run().success();
    assert!(ran.err().contains("opened the console"), "{}", ran.err());
    assert!(world.home.read("arguments").starts_with("http://127.0.0.1:"));
    assert!(!world.home.join("other").exists());
    // One that fails is not the last resort.
    install_browser(&mut world, BROWSER);
    world.home.awsmfa(["console", "-p", "adm"]).env("BROWSER", "false").run().success();
}

#[test]
fn users_own_session_cannot_open_the_console() {
    let world = with_role(3600);
    insta::assert_snapshot!(world.home.awsmfa(["console", "-p", "dev"]).run().code(3).err(), @"
    error: profile `dev` has no role, and AWS does not open the console for a user's own session
    hint: use a profile with a role: `awsmfa console --profile adm`
    ");
    let err = world.home.awsmfa(["console", "-p", "dev", "--print", "--service", "s3"]).run().code(3).err();
    assert!(err.contains("`awsmfa console --print --service s3 --profile adm`"), "{err}");
    let world = World::imported();
    insta::assert_snapshot!(world.home.awsmfa(["console", "-p", "dev"]).run().code(3).err(), @"
    error: profile `dev` has no role, and AWS does not open the console for a user's own session
    hint: create a profile with a role: `aws configure set role_arn ARN --profile NAME`
    hint: and its source: `aws configure set source_profile dev --profile NAME`
    ");
    assert!(world.aws.requests().is_empty(), "no code is spent");
}

#[test]
fn invalid_options_cost_no_request() {
    let world = with_role(3600);
    let err = |args: &[&str]| {
        let ran = world.home.awsmfa(["console", "-p", "adm", "--print"].iter().chain(args)).run();
        ran.code(2).err()
    };
    insta::assert_snapshot!(err(&["--duration", "14m"]), @"
    error: invalid value '14m' for '--duration <TIME>': a session lasts 15 minutes to 36 hours (900 to 129600 seconds), not `14m`

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(err(&["--region", "eu-west"]), @"
    error: `eu-west` is not an AWS region
    hint: use `--region eu-west-1`
    ");
    insta::assert_snapshot!(err(&["--region", "cn-north-1"]), @"
    error: region `cn-north-1` belongs to partition `aws-cn`, but the role belongs to `aws`
    hint: use `--region us-east-1`
    ");
    insta::assert_snapshot!(err(&["--service", "s3/home?x"]), @"
    error: invalid value 's3/home?x' for '--service <NAME>': `s3/home?x` is not the name of an AWS service (lowercase letters, digits and `-`, such as `s3`)

    For more information, try '--help'.
    ");
    err(&["--duration", "soon"]);
    assert!(world.aws.requests().is_empty());
}

#[test]
fn role_that_cannot_be_assumed_is_an_error() {
    let world = with_role(3600);
    let long = world.home.awsmfa(["console", "-p", "adm", "--print", "--duration", "2h"]).run().code(4);
    insta::assert_snapshot!(long.err(), @"
    error: `arn:aws:iam::123456789012:role/admin` does not allow sessions of 2h
    hint: request a shorter session: `--duration 1h`, or `duration_seconds` in profile `adm`
    hint: or raise the role's maximum session duration in the IAM console
    ");
    let config = world.home.read(".aws/config");
    world.home.write_config(&config.replace("role/admin", "role/other"));
    world.home.awsmfa(["console", "-p", "adm", "--print"]).run().code(4);
    world.home.awsmfa(["console", "-p", "amd", "--print"]).run().code(3);
}

#[test]
fn refusals_and_outages_of_the_endpoint_are_errors() {
    let world = with_role(3600);
    let ran = |code| world.home.awsmfa(["console", "-p", "adm", "--print"]).run().code(code).err();
    world.home.awsmfa(["credential-process", "-p", "adm"]).run().success();
    world.aws.fault(Fault::error(400, "Bad Request", "x").on("getSigninToken"));
    insta::assert_snapshot!(ran(4), @"
    error: AWS does not open the console for `arn:aws:iam::123456789012:role/admin` (HTTP status 400)
    hint: get a new session and try again: `awsmfa login --profile adm --force`
    ");
    world.aws.fault(Fault::unavailable().on("getSigninToken"));
    insta::assert_snapshot!(ran(6), @"
    error: AWS is unavailable: getSigninToken: HTTP status 503
    hint: try again later: https://health.aws.amazon.com
    ");
    let offline = world.home.awsmfa(["console", "-p", "adm", "--print"]);
    let offline = offline.env("AWS_ENDPOINT_URL_SIGNIN", "http://127.0.0.1:9").run().code(6);
    insta::assert_snapshot!(offline.err(), @"
    error: cannot reach `[AWS]`: Connection refused (os error [N])
    hint: check the network and the endpoint, `AWS_ENDPOINT_URL` or the profile's `endpoint_url`
    ");
    ran(0);
}
