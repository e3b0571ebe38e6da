//! `setup`: after it, every tool gets sessions with no further step, and `--undo` takes it back.

use crate::support::{Home, Ran, World};

const BINARY: &str = env!("CARGO_BIN_EXE_awsmfa");

fn setup(home: &Home, args: &[&str]) -> Ran {
    home.awsmfa([&["setup"], args].concat()).run()
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
    let ran = setup(&world.home, &["-p", "dev", "--yes"]).success();
    insta::assert_snapshot!(plain(&world, &ran.err()), @"
    --- ~/.aws/config
    +++ ~/.aws/config
    @@ -2,2 +2,3 @@
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
    let again = setup(&world.home, &["-p", "dev", "--yes"]).success();
    insta::assert_snapshot!(plain(&world, &again.err()), @"
    awsmfa: nothing to change: everything is set up already
    awsmfa: dev: arn:aws:iam::123456789012:user/alice, valid until [TIME] ([LEFT])
    ");
    assert_eq!(both(&world.home), after, "twice is as once");
    let undone = setup(&world.home, &["--undo", "--yes"]).success();
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
    @@ -2,3 +2,2 @@
     region = eu-central-1
     mfa_serial = arn:aws:iam::123456789012:mfa/alice
    -credential_process = /bin/awsmfa credential-process --profile dev
    awsmfa: undid the setup of `dev`; both files are as before
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
    @@ -2,2 +2,3 @@
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
