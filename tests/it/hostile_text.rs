//! Text from outside cannot control the terminal or add a line: every argument of every command, every variable, the
//! files, and AWS's messages.

use std::process::{Output, Stdio};

use awsmfa::testing::cli::Cli;
use awsmfa::testing::env::{ANSWER_VARIABLES, OWN_VARIABLES};
use clap::CommandFactory;
use fake_aws::{Fault, Permissions};

use crate::support::{Run, World};

/// Colors, a cleared screen, a window title, line endings, a bell, directional and zero-width characters. There is no
/// blank, so that the text is not split.
const HOSTILE: &str = "h\x1b[31m\u{9b}2J\x1b]0;t\x07\r\n\t\u{7f}\u{202e}\u{2066}\u{200b}\u{2028}\u{feff}x";

/// No message should be longer.
const SIZE_LIMIT: usize = 16_000;

fn commands(command: &clap::Command, path: &[String], found: &mut Vec<Vec<String>>) {
    for sub in command.get_subcommands() {
        let path: Vec<String> = path.iter().cloned().chain([sub.get_name().to_owned()]).collect();
        commands(sub, &path, found);
        let has_profile = sub.get_arguments().any(|arg| arg.get_id() == "profile");
        for arg in sub.get_arguments().filter(|arg| arg.get_action().takes_values()) {
            let mut line = path.clone();
            if has_profile && arg.get_id() != "profile" {
                line.push("--profile=dev".to_owned());
            }
            line.push(match arg.get_long() {
                Some(long) => format!("--{long}=HERE"),
                None => "HERE".to_owned(),
            });
            found.push(line);
        }
        found.push(path.iter().cloned().chain(["HERE".to_owned()]).collect());
        found.push(path.iter().cloned().chain(["--HERE".to_owned()]).collect());
    }
}

/// Runs the command for a moment: messages about waiting for AWS or for a new code are printed by then.
fn run(run: Run) -> Output {
    let mut command = run.into_command();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for _ in 0..200 {
        if child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // The process may have exited in the meantime.
    let _ = child.kill();
    child.wait_with_output().unwrap()
}

/// Fails unless the output is plain text in separate lines, with only awsmfa's own colors.
#[track_caller]
fn check(output: &Output, what: &str) {
    let colors = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap();
    for stream in [&output.stdout, &output.stderr] {
        let text = std::str::from_utf8(stream).unwrap();
        let text = if what.contains("--color=always") { colors.replace_all(text, "") } else { text.into() };
        let hidden = |c: &char| (c.is_control() && *c != '\n') || HOSTILE.contains(*c) && !c.is_ascii();
        assert_eq!(text.chars().find(hidden), None, "{what:?}: {text:?}");
        assert!(text.len() < SIZE_LIMIT, "{what:?}: {} bytes", text.len());
        for line in text.lines() {
            assert!(!line.starts_with("\\t"), "{what:?}: a line was added: {text:?}");
        }
    }
}

#[test]
fn arguments_are_made_visible() {
    let world = World::imported();
    let mut lines = Vec::new();
    commands(&Cli::command(), &[], &mut lines);
    lines.extend([vec!["HERE".to_owned()], vec!["--HERE".to_owned()], vec!["--color=HERE".to_owned()]]);
    assert!(lines.len() > 50, "the commands were not found");
    let long = "l".repeat(100_000);
    for line in &lines {
        let words = line.join(" ");
        for (text, extra) in [(HOSTILE, "--color=always"), (HOSTILE, "-v"), (&long, "-v")] {
            let args = line.iter().map(|arg| arg.replace("HERE", text));
            let command = args.fold(world.home.awsmfa([extra]), |run, arg| run.arg(&arg));
            check(&run(command), &format!("{words} {extra}"));
        }
    }
}

#[test]
fn sdk_gets_one_line_of_hostile_arguments() {
    let world = World::imported();
    for line in ["--profile=HERE", "--HERE", "HERE", "-p HERE"] {
        let args = line.split(' ').map(|arg| arg.replace("HERE", HOSTILE));
        let output = run(args.fold(world.home.awsmfa(["credential-process"]), |run, arg| run.arg(&arg)));
        check(&output, line);
        let messages = String::from_utf8(output.stderr).unwrap();
        assert_eq!(messages.lines().count(), 1, "{line}: {messages:?}");
        assert!(messages.contains("h\\u{1b}[31m"), "{line}: {messages:?}");
    }
}

#[test]
fn variables_are_made_visible() {
    let world = World::imported();
    let more = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_CA_BUNDLE", "HTTPS_PROXY"];
    let own = OWN_VARIABLES.iter().map(|(name, _)| *name);
    for name in own.chain(ANSWER_VARIABLES.iter().copied()).chain(more) {
        for args in [&["credential-process", "-v"][..], &["device", "list"]] {
            for value in [HOSTILE, &"l".repeat(100_000)] {
                let command = world.home.awsmfa(args);
                let command = match name {
                    "AWS_PROFILE" | "AWS_DEFAULT_PROFILE" => command,
                    _ => command.env("AWS_PROFILE", "dev"),
                };
                check(&run(command.env(name, value)), &format!("{name} {args:?}"));
            }
        }
    }
}

#[test]
fn contents_of_files_are_made_visible() {
    let world = World::imported();
    let (config, credentials) = (world.home.read(".aws/config"), world.home.credentials());
    let values = [HOSTILE.replace(['\r', '\n'], ""), "l".repeat(200_000)];
    let keys = [
        "region",
        "mfa_serial",
        "mfa_process",
        "role_arn",
        "source_profile",
        "credential_process",
        "endpoint_url",
        "duration_seconds",
        "services",
        "ca_bundle",
        "role_session_name",
        "external_id",
    ];
    // With a code from the command line, there is no wait for another one.
    let commands = [&["login", "-v", "--code", "123456"][..], &["credential-process", "-v"]];
    let run_all = |what: &str| {
        for args in &commands {
            let command = world.home.awsmfa(*args);
            check(&run(command.env("AWS_PROFILE", "dev")), &format!("{what} {args:?}"));
        }
    };
    for value in &values {
        for key in keys {
            let without = config.lines().filter(|line| !line.starts_with(key)).collect::<Vec<_>>().join("\n");
            world.home.write_config(&format!("{without}\n{key} = {value}\n"));
            run_all(key);
        }
        for line in [
            format!("[{value}"),
            format!("{value}\n"),
            format!("[profile {value}]\nx"),
            format!("{value} = 1"),
        ] {
            world.home.write_config(&format!("{config}{line}\n"));
            run_all("a line of config");
        }
        world.home.write_config(&config);
        for key in ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"] {
            let without =
                credentials.lines().filter(|line| !line.starts_with(key)).collect::<Vec<_>>().join("\n");
            world.home.write_credentials(&format!("{without}\n{key} = {value}\n"));
            run_all(key);
        }
        world.home.write_credentials(&credentials);
        let registry = world.home.read(".local/share/awsmfa/devices.json");
        let label = serde_json::to_string(value).unwrap();
        let labeled =
            registry.replace("\"serial\"", &format!("\"label\": {label}, \"user\": {label}, \"serial\""));
        world.home.write(".local/share/awsmfa/devices.json", &labeled);
        run_all("registry");
        if value.len() < SIZE_LIMIT {
            for args in [["device", "list", "--local", "-v"], ["device", "list", "--local", "--json"]] {
                check(&run(world.home.awsmfa(args)), "device list");
            }
        }
        world.home.write(".local/share/awsmfa/devices.json", &registry);
    }
}

#[test]
fn aws_messages_are_made_visible() {
    let world = World::imported();
    world.aws.set_permissions("alice", Permissions::Admin);
    for text in [HOSTILE, &"l".repeat(200_000)] {
        for (status, code) in [(403, "AccessDenied"), (400, "ValidationError"), (400, HOSTILE)] {
            for args in [&["login", "--code", "123456"][..], &["credential-process"], &["device", "list"]] {
                world.aws.clear_faults();
                world.aws.fault(Fault::error(status, code, text).times(50));
                let command = world.home.awsmfa([&["-v"], args].concat());
                check(&run(command.env("AWS_PROFILE", "dev")), &format!("{code} {args:?}"));
            }
        }
    }
}

/// Fails unless a shell reads the profile in each hint as one word, and runs nothing else. Returns how many hints contain
/// the profile.
#[track_caller]
fn check_hints(world: &World, line: &[&str], name: &str) -> usize {
    let command = world.home.awsmfa(line);
    let messages = String::from_utf8(run(command).stderr).unwrap();
    let mut count = 0;
    for hint in messages.lines().filter(|line| line.starts_with("hint: ") && line.contains("--profile")) {
        let command =
            hint.trim_start_matches("hint: ").split('`').find(|part| part.contains("--profile")).unwrap();
        let words = shlex::split(command).unwrap_or_else(|| panic!("{line:?}: {hint}"));
        let at = words.iter().position(|word| word.starts_with("--profile")).unwrap();
        let word = words[at].strip_prefix("--profile=").unwrap_or_else(|| &words[at + 1]);
        let word = word.trim_end_matches("-long-term");
        assert!(word == name || word == "NAME", "{line:?}: {hint}");
        count += usize::from(word == name);
    }
    count
}

#[test]
fn hints_can_be_pasted_safely_with_any_profile_name() {
    let world = World::new();
    let lines = [
        &["login"][..],
        &["logout"],
        &["credential-process"],
        &["code"],
        &["enroll", "--no-qr"],
        &["device", "import", "--secret-stdin"],
        &["device", "list"],
        &["device", "remove", "--yes", "alice"],
    ];
    let mut count = 0;
    for name in ["x$(id);'y z", "a b", "-f&"] {
        let flag = format!("--profile={name}");
        for line in &lines {
            count += check_hints(&world, &[*line, &[flag.as_str()]].concat(), name);
        }
    }
    let own = world.home.read(".aws/config");
    let role = "role_arn = arn:aws:iam::123456789012:role/r";
    for settings in [
        "region = us-east-1",
        "sso_session = x\nsso_account_id = 123456789012\nsso_role_name = r",
        role,
        &format!("{role}\nsource_profile = nope"),
        &format!("{role}\nsource_profile = my team"),
        "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
        "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wrong",
        "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = \u{e9}",
        "aws_access_key_id = ASIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\naws_session_token = y",
    ] {
        world.home.write_config(&format!("{own}\n[profile \"my team\"]\n{settings}\n"));
        for line in &lines {
            count += check_hints(&world, &[*line, &["--profile=my team"]].concat(), "my team");
        }
    }
    assert!(count >= 40, "{count} hints");
}

/// An account's name of 1,500 characters. If a quoted word with it lost its middle, a shell would execute the command in it.
const INJECTION: (&str, &str) = ("a'", "$(touch executed)\" # ");

#[cfg(unix)]
#[test]
fn long_name_from_a_qr_code_executes_nothing_when_a_hint_is_pasted() {
    let mut world = World::new();
    world.home.set("SHELL", "/bin/sh");
    let name = format!("{}${}{}end", INJECTION.0.repeat(400), "B".repeat(300), INJECTION.1);
    let name = name.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let uri = format!("otpauth://totp/{name}?secret={}&issuer=foo", world.device.seed);
    let import = ["device", "import", "--uri-stdin", "--no-verify"];
    let err = world.home.awsmfa(import).stdin(&uri).run().code(2).err();
    let hint = err.lines().find_map(|line| line.strip_prefix("hint: ")).unwrap();
    let (_, command) = hint.split_once("`… | awsmfa ").unwrap();
    let pasted = format!("true {}", command.trim_end_matches('`'));
    let shell =
        std::process::Command::new("sh").args(["-c", &pasted]).current_dir(world.home.path()).output();
    assert!(!world.home.join("executed").exists(), "{hint}");
    assert!(shell.unwrap().status.success(), "{hint}");
}
