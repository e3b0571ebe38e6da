//! `setup`: after it, every tool gets sessions with no further step, and `--undo` takes it back.

mod bad_input;
mod conversions;
mod follow_up;
mod kills;
mod roles;
mod undo;

use crate::support::{Home, Ran, World};

const BINARY: &str = env!("CARGO_BIN_EXE_awsmfa");

fn setup(home: &Home, args: &[&str]) -> Ran {
    home.awsmfa([&["setup"], args].concat()).run()
}

/// Connects `dev`.
#[track_caller]
fn connect(world: &World) -> Ran {
    setup(&world.home, &["-p", "dev", "--yes"]).success()
}

/// Undoes the last setup.
#[track_caller]
fn undo(world: &World) -> Ran {
    setup(&world.home, &["--undo", "--yes"]).success()
}

/// Adds a profile with another access key of `alice`.
fn add_profile(world: &World, name: &str) {
    let key = world.aws.add_access_key("alice");
    let section =
        format!("[{name}]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
    world.home.write_credentials(&(world.home.credentials() + &section));
}

/// These lines of what was said.
fn lines(ran: &Ran, is_wanted: impl Fn(&str) -> bool) -> String {
    ran.err().lines().filter(|line| is_wanted(line)).collect::<Vec<_>>().join("\n")
}

/// A text without the binary's path and the access key.
fn plain(world: &World, text: &str) -> String {
    text.replace(BINARY, "/bin/awsmfa").replace(&world.key.id, "[ID]").replace(&world.key.secret, "[SECRET]")
}

fn both(home: &Home) -> (String, String) {
    (home.read(".aws/config"), home.credentials())
}

#[test]
fn plain_profile_is_connected_and_shown_to_work() {
    let world = World::imported();
    let before = both(&world.home);
    let ran = connect(&world);
    insta::assert_snapshot!(plain(&world, &ran.err()), @"
    --- ~/.aws/config
    +++ ~/.aws/config
    @@ -1,3 +1,4 @@
     [profile dev]
     region = eu-central-1
     mfa_serial = arn:aws:iam::123456789012:mfa/alice
    +credential_process = /bin/awsmfa credential-process --profile dev
    --- ~/.aws/credentials
    +++ ~/.aws/credentials
    @@ -1,3 +1,3 @@
    -[dev]
    +[dev-long-term]
     aws_access_key_id = [ID]
     aws_secret_access_key = ********
    awsmfa: dev: arn:aws:iam::123456789012:user/alice, valid until [TIME] ([LEFT])
    ");
    insta::assert_snapshot!(plain(&world, &world.home.read(".aws/config")), @"
    [profile dev]
    region = eu-central-1
    mfa_serial = arn:aws:iam::123456789012:mfa/alice
    credential_process = /bin/awsmfa credential-process --profile dev
    ");
    insta::assert_snapshot!(plain(&world, &world.home.credentials()), @"
    [dev-long-term]
    aws_access_key_id = [ID]
    aws_secret_access_key = [SECRET]
    ");
    let after = both(&world.home);
    let again = connect(&world);
    insta::assert_snapshot!(plain(&world, &again.err()), @"
    awsmfa: nothing to change: everything is set up already
    awsmfa: dev: arn:aws:iam::123456789012:user/alice, valid until [TIME] ([LEFT])
    ");
    assert_eq!(both(&world.home), after, "twice is as once");
    let undone = undo(&world);
    insta::assert_snapshot!(plain(&world, &undone.err()), @"
    --- ~/.aws/credentials
    +++ ~/.aws/credentials
    @@ -1,3 +1,3 @@
    -[dev-long-term]
    +[dev]
     aws_access_key_id = [ID]
     aws_secret_access_key = ********
    --- ~/.aws/config
    +++ ~/.aws/config
    @@ -1,4 +1,3 @@
     [profile dev]
     region = eu-central-1
     mfa_serial = arn:aws:iam::123456789012:mfa/alice
    -credential_process = /bin/awsmfa credential-process --profile dev
    awsmfa: undid the setup of `dev`; the AWS files are as before
    ");
    assert_eq!(both(&world.home), before);
    let nothing = setup(&world.home, &["--undo", "--yes"]).code(1);
    insta::assert_snapshot!(nothing.err(), @"error: there is no setup to undo");
}

#[test]
fn dry_run_changes_nothing_and_shows_no_secret() {
    let world = World::imported();
    let before = world.home.files();
    let ran = setup(&world.home, &["-p", "dev", "--dry-run"]).success();
    insta::assert_snapshot!(plain(&world, &ran.out()).replace(world.home.path().to_str().unwrap(), "~"), @"
    --- ~/.aws/config
    +++ ~/.aws/config
    @@ -1,3 +1,4 @@
     [profile dev]
     region = eu-central-1
     mfa_serial = arn:aws:iam::123456789012:mfa/alice
    +credential_process = /bin/awsmfa credential-process --profile dev
    --- ~/.aws/credentials
    +++ ~/.aws/credentials
    @@ -1,3 +1,3 @@
    -[dev]
    +[dev-long-term]
     aws_access_key_id = [ID]
     aws_secret_access_key = ********
    ");
    assert!(!ran.out().contains(&world.key.secret));
    assert_eq!(world.home.files(), before);
}

#[test]
#[cfg(target_os = "linux")]
fn dry_runs_and_checks_do_not_touch_the_disk() {
    let world = World::imported();
    let untouched = |args: &[&str], code| {
        let before = world.home.stamps();
        let ran = world.home.awsmfa(args).run().code(code);
        assert_eq!(world.home.stamps(), before, "{args:?}: {}", ran.err());
    };
    untouched(&["setup", "-p", "dev", "--dry-run"], 0);
    untouched(&["setup", "-p", "dev", "--mode", "login", "--dry-run"], 0);
    untouched(&["setup", "-p", "dev", "--store-keys", "--dry-run"], 0);
    untouched(&["doctor", "--offline"], 0);
    connect(&world);
    untouched(&["setup", "--undo", "--dry-run"], 0);
}

#[test]
fn default_profile_and_the_variables_choose_the_profile() {
    let world = World::imported();
    let rename = |text: String| text.replace("[profile dev]", "[default]").replace("[dev]", "[default]");
    let (config, credentials) = both(&world.home);
    let run = |args: &[&str]| world.home.awsmfa([&["setup", "--yes"], args].concat());
    let said = run(&[]).run().code(3).err();
    insta::assert_snapshot!(said, @"
    error: no profile `default` in ~/.aws/config or ~/.aws/credentials
    hint: awsmfa setup --yes --profile dev
    ");
    run(&[]).env("AWS_PROFILE", "dev").run().success();
    assert!(world.home.read(".aws/config").contains("--profile dev\n"));
    world.home.write_config(&rename(config));
    world.home.write_credentials(&rename(credentials));
    run(&[]).run().success();
    assert!(world.home.read(".aws/config").contains("--profile default\n"));
    assert!(world.home.credentials().starts_with("[default-long-term]\n"));
}

#[test]
fn several_profiles_are_set_up_and_undone_together() {
    let world = World::imported();
    add_profile(&world, "prod");
    let before = both(&world.home);
    // The device of `prod` is looked up in AWS.
    let ran = setup(&world.home, &["-p", "dev", "-p", "prod", "-p", "dev", "--yes"]).success();
    insta::assert_snapshot!(lines(&ran, |line| line.contains(": arn:")), @"
    awsmfa: dev: arn:aws:iam::123456789012:user/alice, valid until [TIME] ([LEFT])
    awsmfa: prod: arn:aws:iam::123456789012:user/alice, valid until [TIME] ([LEFT])
    ");
    insta::assert_snapshot!(plain(&world, &world.home.read(".aws/config")), @"
    [profile dev]
    region = eu-central-1
    mfa_serial = arn:aws:iam::123456789012:mfa/alice
    credential_process = /bin/awsmfa credential-process --profile dev

    [profile prod]
    mfa_serial = arn:aws:iam::123456789012:mfa/alice
    credential_process = /bin/awsmfa credential-process --profile prod
    ");
    setup(&world.home, &["--undo", "-p", "prod", "--yes"]).success();
    assert_eq!(both(&world.home), before);
}

#[test]
fn profile_without_a_config_section_gets_one_and_undo_removes_the_file() {
    let world = World::imported();
    std::fs::remove_file(world.home.join(".aws/config")).unwrap();
    connect(&world);
    insta::assert_snapshot!(plain(&world, &world.home.read(".aws/config")), @"
    [profile dev]
    credential_process = /bin/awsmfa credential-process --profile dev
    ");
    undo(&world);
    assert!(!world.home.join(".aws/config").exists());
}

#[test]
fn session_of_an_earlier_login_gives_way() {
    let world = World::imported();
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    let before = both(&world.home);
    connect(&world);
    insta::assert_snapshot!(plain(&world, &world.home.credentials()), @"
    [dev-long-term]
    aws_access_key_id = [ID]
    aws_secret_access_key = [SECRET]
    ");
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1, "the cached session serves");
    undo(&world);
    assert_eq!(both(&world.home), before);
}

#[test]
fn awkward_files_are_given_back_byte_for_byte() {
    let world = World::imported();
    let (id, secret) = (&world.key.id, &world.key.secret);
    let serial = &world.device.serial;
    for (config, credentials) in [
        (
            format!("[profile dev]\r\nmfa_serial = {serial}\r\n"),
            format!(
                "# mine\r\n[dev]\r\naws_secret_access_key={secret} # old\r\nregion = x\r\naws_access_key_id={id}"
            ),
        ),
        (
            format!(
                "[profile dev]\nmfa_serial = {serial}\ncredential_process = awsmfa credential-process\n\n\n# end"
            ),
            format!(
                "[a]\nx = 1\n\n\n[dev]\naws_access_key_id = {id}\n# between\naws_secret_access_key = {secret}\n\n[b]\ny = 1\n"
            ),
        ),
        (
            format!(
                "[profile dev]\nmfa_serial = {serial}\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n[profile b]"
            ),
            String::new(),
        ),
        (
            format!("[profile dev]\nmfa_serial = {serial}"),
            format!(
                "[dev]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\naws_session_token = left\n[dev-long-term]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"
            ),
        ),
    ] {
        world.home.write_config(&config);
        world.home.write_credentials(&credentials);
        connect(&world);
        let served = world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
        assert_eq!(served.json()["Version"], 1);
        undo(&world);
        assert_eq!(both(&world.home), (config, credentials));
    }
}

#[test]
fn keys_in_the_config_file_stay_there() {
    let world = World::imported();
    let keys = world.home.credentials().replace("[dev]\n", "");
    world.home.write_credentials("");
    world.home.write_config(&(world.home.read(".aws/config") + &keys));
    connect(&world);
    insta::assert_snapshot!(plain(&world, &world.home.read(".aws/config")), @"
    [profile dev]
    region = eu-central-1
    mfa_serial = arn:aws:iam::123456789012:mfa/alice
    credential_process = /bin/awsmfa credential-process --profile dev

    [profile dev-long-term]
    aws_access_key_id = [ID]
    aws_secret_access_key = [SECRET]
    ");
}

#[test]
fn login_mode_writes_the_session_and_removes_the_command() {
    let world = World::imported();
    connect(&world);
    let before = both(&world.home);
    let login = ["-p", "dev", "--mode", "login", "--yes"];
    let ran = setup(&world.home, &login).success();
    assert!(ran.err().contains("dev: arn:aws:iam::123456789012:user/alice"), "{}", ran.err());
    assert!(!world.home.read(".aws/config").contains("credential_process"));
    assert!(world.home.credential("dev", "aws_session_token").is_some());
    assert_eq!(world.home.credential("dev-long-term", "aws_access_key_id").as_ref(), Some(&world.key.id));
    let after = both(&world.home);
    let again = setup(&world.home, &login).success();
    assert!(again.err().contains("everything is set up already"), "{}", again.err());
    assert_eq!(both(&world.home), after);
    undo(&world);
    assert_eq!(both(&world.home), before);
    // Without a stored secret, a person types the code.
    let world = World::new();
    let code = world.aws.code_now(&world.device.serial);
    world.home.awsmfa(["login", "-p", "dev", "--code", &code]).run().success();
    setup(&world.home, &login).success();
}

#[test]
fn environment_that_hides_the_profile_is_shown() {
    let world = World::imported();
    let run = world.home.awsmfa(["setup", "-p", "dev", "-q", "--yes"]).keys(&world.key);
    assert_eq!(run.run().success().err(), "", "quiet");
    let run = world.home.awsmfa(["setup", "-p", "dev", "--yes"]).keys(&world.key);
    insta::assert_snapshot!(run.run().success().err(), @"
    warning: AWS_ACCESS_KEY_ID is set in the environment; without `--profile`, the AWS CLI and all SDKs use it instead of `dev`
    hint: unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
    awsmfa: nothing to change: everything is set up already
    awsmfa: dev: arn:aws:iam::123456789012:user/alice, valid until [TIME] ([LEFT])
    ");
}

#[cfg(unix)]
#[test]
fn command_has_the_path_that_survives_an_update() {
    let world = World::imported();
    for folder in ["bin", "my tools"] {
        std::fs::create_dir_all(world.home.join(folder)).unwrap();
        std::os::unix::fs::symlink(BINARY, world.home.join(folder).join("awsmfa")).unwrap();
        let path = format!("relative:{}:/usr/bin:/bin", world.home.join(folder).display());
        let run = world.home.awsmfa(["setup", "-p", "dev", "--yes"]).env("PATH", path).run().success();
        assert!(run.err().contains("dev: arn:"), "{}", run.err());
        let config = world.home.read(".aws/config").replace(world.home.path().to_str().unwrap(), "~");
        let line = config.lines().last().unwrap();
        let quote = if folder == "bin" { "" } else { "\"" };
        assert_eq!(
            line,
            format!("credential_process = {quote}~/{folder}/awsmfa{quote} credential-process --profile dev")
        );
    }
    // No path of the program can be written so that every SDK reads it.
    let folder = world.home.join("a$b");
    std::fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(BINARY, folder.join("awsmfa")).unwrap();
    let before = both(&world.home);
    let run = world.home.awsmfa(["setup", "-p", "dev", "--yes"]).env("PATH", &folder).run().code(3);
    insta::assert_snapshot!(run.err(), @"
    error: SDKs cannot all run `~/a$b/awsmfa` for profile `dev`: the path or the name has special characters
    hint: install awsmfa in a folder with a plain name, and use a profile name without special characters
    ");
    assert_eq!(both(&world.home), before);
}

#[test]
fn profile_whose_name_looks_like_an_option_is_connected() {
    let world = World::imported();
    let rename = |text: String| text.replace("[profile dev]", "[profile -x]").replace("[dev]", "[-x]");
    let (config, credentials) = both(&world.home);
    world.home.write_config(&rename(config));
    world.home.write_credentials(&rename(credentials));
    setup(&world.home, &["--profile=-x", "--yes"]).success();
    assert!(world.home.read(".aws/config").contains("awsmfa credential-process --profile=-x\n"));
}

#[test]
fn long_term_keys_move_into_the_store_on_request() {
    let world = World::imported();
    let before = both(&world.home);
    let plan = setup(&world.home, &["-p", "dev", "--store-keys", "--dry-run"]).success();
    insta::assert_snapshot!(plan.err(), @"awsmfa: the long-term keys of `dev` move from the file to a store");
    let ran = setup(&world.home, &["-p", "dev", "--store-keys", "--yes"]).success();
    assert!(ran.err().contains("dev: arn:aws:iam::123456789012:user/alice"), "{}", ran.err());
    assert!(!world.home.credentials().contains(&world.key.secret));
    let again = setup(&world.home, &["-p", "dev", "--store-keys", "--yes"]).success();
    assert!(again.err().starts_with("awsmfa: nothing to change"), "{}", again.err());
    let plan = setup(&world.home, &["--undo", "--dry-run"]).success();
    insta::assert_snapshot!(plan.err(), @"awsmfa: the long-term keys of `dev` move from the store back to the file");
    let undone = undo(&world);
    insta::assert_snapshot!(undone.err().lines().last().unwrap(), @"awsmfa: undid the setup of `dev`; the AWS files are as before");
    assert_eq!(both(&world.home), before);
    // After a setup without it.
    connect(&world);
    let connected = both(&world.home);
    setup(&world.home, &["-p", "dev", "--store-keys", "--yes"]).success();
    assert!(!world.home.credentials().contains(&world.key.secret));
    undo(&world);
    assert_eq!(both(&world.home), connected);
    undo(&world);
    assert_eq!(both(&world.home), before);
}
