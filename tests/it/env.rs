//! `env`: what it prints for each shell, and that a shell that evaluates it has the session.

use std::process::Command;

use crate::support::World;

const AWSMFA: &str = env!("CARGO_BIN_EXE_awsmfa");

/// The output with placeholders for what differs between sessions.
fn shown(world: &World, args: &[&str]) -> String {
    let session = world.home.awsmfa(["credential-process", "-p", "dev"]).run().success().json();
    let line = [&["env", "-p", "dev"], args].concat();
    let mut text = world.home.awsmfa(line).run().success().out();
    for (key, name) in [
        ("AccessKeyId", "[KEY]"),
        ("SecretAccessKey", "[SECRET]"),
        ("SessionToken", "[TOKEN]"),
        ("Expiration", "[TIME]"),
    ] {
        text = text.replace(session[key].as_str().unwrap(), name);
    }
    text
}

/// Runs a script in a shell, with awsmfa in PATH.
fn in_shell(world: &World, shell: &str, script: &str) -> String {
    let folder = std::path::Path::new(AWSMFA).parent().unwrap();
    let mut command = Command::new(shell);
    command.args(["-c", script]).env_clear().envs(world.home.vars()).current_dir(world.home.path());
    let output = command.env("PATH", format!("{}:/usr/bin:/bin", folder.display())).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{shell}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn lines_are_in_the_shells_syntax() {
    let mut world = World::imported();
    world.home.set("AWS_PROFILE", "it's $HOME");
    world.home.set("AWS_VAULT", "other");
    insta::assert_snapshot!(shown(&world, &["--shell", "sh"]), @r#"
    unset AWS_PROFILE AWS_VAULT
    export AWS_ACCESS_KEY_ID=[KEY]
    export AWS_SECRET_ACCESS_KEY=[SECRET]
    export AWS_SESSION_TOKEN=[TOKEN]
    export AWS_CREDENTIAL_EXPIRATION=[TIME]
    export AWS_ACCOUNT_ID=123456789012
    export AWS_REGION=eu-central-1
    export AWS_DEFAULT_REGION=eu-central-1
    export AWSMFA_PROFILE=dev
    export AWSMFA_SESSION=[KEY]
    export AWSMFA_REGION=eu-central-1
    export AWSMFA_OLD_AWS_PROFILE="it's "'$HOME'
    export AWSMFA_OLD_AWS_VAULT=other
    "#);
    insta::assert_snapshot!(shown(&world, &["--shell", "fish"]), @r"
    set -e AWS_PROFILE AWS_VAULT
    set -gx AWS_ACCESS_KEY_ID [KEY]
    set -gx AWS_SECRET_ACCESS_KEY [SECRET]
    set -gx AWS_SESSION_TOKEN [TOKEN]
    set -gx AWS_CREDENTIAL_EXPIRATION [TIME]
    set -gx AWS_ACCOUNT_ID 123456789012
    set -gx AWS_REGION eu-central-1
    set -gx AWS_DEFAULT_REGION eu-central-1
    set -gx AWSMFA_PROFILE dev
    set -gx AWSMFA_SESSION [KEY]
    set -gx AWSMFA_REGION eu-central-1
    set -gx AWSMFA_OLD_AWS_PROFILE 'it\'s $HOME'
    set -gx AWSMFA_OLD_AWS_VAULT other
    ");
    insta::assert_snapshot!(shown(&world, &["--shell", "powershell"]), @"
    Remove-Item -ErrorAction Ignore Env:AWS_PROFILE, Env:AWS_VAULT
    $env:AWS_ACCESS_KEY_ID = '[KEY]'
    $env:AWS_SECRET_ACCESS_KEY = '[SECRET]'
    $env:AWS_SESSION_TOKEN = '[TOKEN]'
    $env:AWS_CREDENTIAL_EXPIRATION = '[TIME]'
    $env:AWS_ACCOUNT_ID = '123456789012'
    $env:AWS_REGION = 'eu-central-1'
    $env:AWS_DEFAULT_REGION = 'eu-central-1'
    $env:AWSMFA_PROFILE = 'dev'
    $env:AWSMFA_SESSION = '[KEY]'
    $env:AWSMFA_REGION = 'eu-central-1'
    $env:AWSMFA_OLD_AWS_PROFILE = 'it''s $HOME'
    $env:AWSMFA_OLD_AWS_VAULT = 'other'
    ");
    insta::assert_snapshot!(shown(&world, &["--shell", "cmd"]), @r#"
    set "AWS_PROFILE="
    set "AWS_VAULT="
    set "AWS_ACCESS_KEY_ID=[KEY]"
    set "AWS_SECRET_ACCESS_KEY=[SECRET]"
    set "AWS_SESSION_TOKEN=[TOKEN]"
    set "AWS_CREDENTIAL_EXPIRATION=[TIME]"
    set "AWS_ACCOUNT_ID=123456789012"
    set "AWS_REGION=eu-central-1"
    set "AWS_DEFAULT_REGION=eu-central-1"
    set "AWSMFA_PROFILE=dev"
    set "AWSMFA_SESSION=[KEY]"
    set "AWSMFA_REGION=eu-central-1"
    set "AWSMFA_OLD_AWS_PROFILE=it's $HOME"
    set "AWSMFA_OLD_AWS_VAULT=other"
    "#);
    insta::assert_snapshot!(shown(&world, &["--shell", "nu"]), @r#"
    hide-env -i AWS_PROFILE AWS_VAULT
    $env.AWS_ACCESS_KEY_ID = '[KEY]'
    $env.AWS_SECRET_ACCESS_KEY = '[SECRET]'
    $env.AWS_SESSION_TOKEN = '[TOKEN]'
    $env.AWS_CREDENTIAL_EXPIRATION = '[TIME]'
    $env.AWS_ACCOUNT_ID = '123456789012'
    $env.AWS_REGION = 'eu-central-1'
    $env.AWS_DEFAULT_REGION = 'eu-central-1'
    $env.AWSMFA_PROFILE = 'dev'
    $env.AWSMFA_SESSION = '[KEY]'
    $env.AWSMFA_REGION = 'eu-central-1'
    $env.AWSMFA_OLD_AWS_PROFILE = "it's $HOME"
    $env.AWSMFA_OLD_AWS_VAULT = 'other'
    "#);
    insta::assert_snapshot!(shown(&world, &["--shell", "dotenv"]), @"
    AWS_ACCESS_KEY_ID=[KEY]
    AWS_SECRET_ACCESS_KEY=[SECRET]
    AWS_SESSION_TOKEN=[TOKEN]
    AWS_CREDENTIAL_EXPIRATION=[TIME]
    AWS_ACCOUNT_ID=123456789012
    AWS_REGION=eu-central-1
    AWS_DEFAULT_REGION=eu-central-1
    ");
    insta::assert_snapshot!(shown(&world, &["--shell", "json"]), @r#"
    {
      "AWSMFA_OLD_AWS_PROFILE": "it's $HOME",
      "AWSMFA_OLD_AWS_VAULT": "other",
      "AWSMFA_PROFILE": "dev",
      "AWSMFA_REGION": "eu-central-1",
      "AWSMFA_SESSION": "[KEY]",
      "AWS_ACCESS_KEY_ID": "[KEY]",
      "AWS_ACCOUNT_ID": "123456789012",
      "AWS_CREDENTIAL_EXPIRATION": "[TIME]",
      "AWS_DEFAULT_REGION": "eu-central-1",
      "AWS_REGION": "eu-central-1",
      "AWS_SECRET_ACCESS_KEY": "[SECRET]",
      "AWS_SESSION_TOKEN": "[TOKEN]"
    }
    "#);
    for (alias, name) in [("bash", "sh"), ("zsh", "sh"), ("pwsh", "powershell"), ("nushell", "nu")] {
        assert_eq!(shown(&world, &["--shell", alias]), shown(&world, &["--shell", name]), "{alias}");
    }
}

#[test]
fn shell_that_evaluates_the_lines_has_the_session() {
    let world = World::imported();
    let session = world.home.awsmfa(["credential-process", "-p", "dev"]).run().success().json();
    let printed = in_shell(
        &world,
        "sh",
        "export AWS_PROFILE=prod; eval \"$(awsmfa env dev)\"; echo $AWS_SECRET_ACCESS_KEY $AWSMFA_PROFILE ${AWS_PROFILE-unset}
         eval \"$(awsmfa env --unset)\"; echo ${AWS_SECRET_ACCESS_KEY-unset} $AWS_PROFILE; env | grep -c -e ^AWSMFA_OLD -e ^AWS_REGION",
    );
    let secret = session["SecretAccessKey"].as_str().unwrap();
    assert_eq!(printed, format!("{secret} dev unset\nunset prod\n0\n"));
}

#[test]
fn everything_is_taken_back_and_nothing_else() {
    let world = World::imported();
    let before =
        in_shell(&world, "sh", "export AWS_REGION=eu-north-1 AWS_ROLE_ARN=arn; env | grep ^AWS | sort");
    let after = in_shell(
        &world,
        "sh",
        "export AWS_REGION=eu-north-1 AWS_ROLE_ARN=arn
         eval \"$(awsmfa env dev)\"; eval \"$(awsmfa env dev)\"; eval \"$(awsmfa env --unset)\"; env | grep ^AWS | sort",
    );
    assert_eq!(after, before);
    let ran = world.home.awsmfa(["env", "--unset"]).keys(&world.key).run().success();
    assert_eq!(
        (ran.out().as_str(), ran.err().as_str()),
        ("", "awsmfa: there is no session from awsmfa in the environment\n")
    );
}

#[test]
fn unset_leaves_credentials_that_were_set_since() {
    let world = World::imported();
    let left = in_shell(
        &world,
        "sh",
        "eval \"$(awsmfa env dev)\"; export AWS_ACCESS_KEY_ID=AKIA1 AWS_SECRET_ACCESS_KEY=s
         eval \"$(awsmfa env --unset -q)\"; env | grep -e ^AWS_A -e ^AWS_S -e ^AWSMFA_PROFILE -e ^AWSMFA_SESSION -e ^AWSMFA_REGION | sort",
    );
    assert_eq!(left, "AWS_ACCESS_KEY_ID=AKIA1\nAWS_SECRET_ACCESS_KEY=s\n");
}

#[test]
fn syntax_is_that_of_the_shell_that_runs_awsmfa() {
    let world = World::imported();
    let first =
        |shell: &str, script: &str| in_shell(&world, shell, script).lines().last().unwrap().to_owned();
    // A login shell that is another one, and a variable that Nushell leaves behind.
    let sh = first("sh", "export SHELL=/usr/bin/fish NU_VERSION=1; awsmfa env dev; true");
    assert!(sh.starts_with("export "), "{sh}");
    let wrapped = first("sh", "export SHELL=/usr/bin/fish; env env awsmfa env dev; true");
    assert!(wrapped.starts_with("export "), "{wrapped}");
    // Its syntax is not known here, and that of the login shell would be wrong.
    let tcsh = world.home.join("tcsh");
    // Not `fs::copy`: see `Home::write_program`.
    assert!(Command::new("cp").arg("/bin/sh").arg(&tcsh).status().unwrap().success());
    let other = first(tcsh.to_str().unwrap(), "awsmfa env dev 2>&1; echo $?");
    assert_eq!(other, "2");
    if Command::new("fish").arg("--version").output().is_err() {
        return crate::support::skipped("fish");
    }
    let fish = first("fish", "set -gx SHELL /bin/sh; awsmfa env dev; true");
    assert!(fish.starts_with("set -gx "), "{fish}");
}

#[test]
fn env_file_has_only_lines_that_docker_accepts() {
    let world = World::imported();
    let text = world.home.awsmfa(["env", "-p", "dev", "--shell", "dotenv"]).run().success().out();
    for line in text.lines() {
        let (name, value) = line.split_once('=').unwrap();
        assert!(name.starts_with("AWS_"), "{line}");
        assert!(
            !value.is_empty() && value.chars().all(|c| c.is_ascii_graphic() && !"'\"#$\\`".contains(c)),
            "{line}"
        );
    }
    assert_eq!(text.lines().count(), 7, "{text}");
}

#[test]
fn access_key_that_a_shell_would_lose_is_reported() {
    let world = World::with_keys_in_environment();
    let ran = world.home.awsmfa(["env", "--shell", "sh"]).run().success();
    insta::assert_snapshot!(ran.err(), @"
    warning: the session replaces the access key in the environment, which the next session needs
    hint: save the access key in a profile: `aws configure`
    ");
}

#[test]
fn bad_arguments_are_refused() {
    let world = World::imported();
    let unknown = world.home.awsmfa(["env", "-p", "dev", "--shell", "tcsh"]).run().code(2).err();
    assert!(unknown.contains("[possible values: sh, fish, powershell, cmd, nu, dotenv, json]"), "{unknown}");
    for syntax in ["dotenv", "json"] {
        let error = world.home.awsmfa(["env", "--unset", "--shell", syntax]).run().code(2).err();
        insta::allow_duplicates! { insta::assert_snapshot!(error, @"
        error: `dotenv` and `json` cannot remove variables
        hint: choose a shell: `awsmfa env --unset --shell sh`
        "); }
    }
    world.home.awsmfa(["env", "--unset", "-p", "dev"]).run().code(2);
    let ran = world.home.awsmfa(["env", "-p", "nope"]).run().code(3);
    assert_eq!(ran.out(), "", "nothing that a shell could evaluate");
    assert!(world.aws.requests().is_empty(), "{:?}", world.aws.requests());
}
