//! `doctor`: each planted fault is found, with its place and what fixes it, and `--fix` fixes what is safe. The homes of the tests
//! of bad input are examined there.

mod aws;
mod devices;
mod files;
mod own;
mod profiles;
mod sessions;
mod variables;

use crate::documents::commands::assert_parse;
use crate::support::{Home, Run, World};

/// A world in which nothing is wrong: `dev` has a region, and its device's secret is stored.
fn good() -> World {
    let mut world = World::imported();
    // The variable would be a finding.
    world.home.unset("AWS_ENDPOINT_URL");
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!("{config}endpoint_url = {}\n", world.aws.endpoint()));
    world
}

/// Appends lines to the config file; its last section is `[profile dev]`.
fn add_config(world: &World, lines: &str) {
    world.home.write_config(&format!("{}{lines}\n", world.home.read(".aws/config")));
}

/// Appends lines to the credentials file; its last section is `[dev]`.
fn add_credentials(world: &World, lines: &str) {
    world.home.write_credentials(&format!("{}{lines}\n", world.home.credentials()));
}

/// What a run that ends with this exit code prints, with placeholders as in [`Ran::err`](crate::support::Ran::err).
#[track_caller]
fn printed(home: &Home, run: Run, code: i32) -> String {
    let ran = run.run().code(code);
    let text = ran.out();
    assert_parse(&text.replace("  fix: ", "hint: "));
    assert!(!ran.err().contains("panicked"), "{}", ran.err());
    let text = text.replace(env!("CARGO_BIN_EXE_awsmfa"), "/usr/bin/awsmfa");
    let text = text.replace(home.path().to_str().unwrap(), "~");
    let replace = |text: String, pattern: &str, with: &str| {
        regex::Regex::new(pattern).unwrap().replace_all(&text, with).into_owned()
    };
    let text = replace(text, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[TIME]");
    let text = replace(text, r"\d+m \d+s", "[LEFT]");
    replace(text, r"127\.0\.0\.1:\d+", "[AWS]")
}

/// What `awsmfa doctor --offline` finds.
#[track_caller]
fn found(home: &Home) -> String {
    printed(home, home.awsmfa(["doctor", "--offline"]), 1)
}

/// The same for findings that are only notes.
#[track_caller]
fn noted(home: &Home) -> String {
    printed(home, home.awsmfa(["doctor", "--offline"]), 0)
}

/// Fixes what is safe to fix, after which nothing may be wrong.
#[track_caller]
fn assert_fixed(home: &Home) {
    let ran = home.awsmfa(["doctor", "--offline", "--fix"]).run().success();
    assert!(ran.err().contains("awsmfa: fixed: "), "{}", ran.err());
    let ran = home.awsmfa(["doctor", "--offline", "--fix"]).run().success();
    assert!(!ran.err().contains("fixed"), "{}", ran.err());
}

#[test]
fn good_home_passes_and_says_so() {
    let world = good();
    let before = world.home.files();
    assert_eq!(
        printed(&world.home, world.home.awsmfa(["doctor"]), 0),
        "no problems found in 1 profile and 1 device\n"
    );
    assert_eq!(world.home.awsmfa(["doctor"]).run().success().err(), "");
    assert_eq!(world.home.awsmfa(["doctor", "--json"]).run().success().json(), serde_json::json!([]));
    assert!(world.home.files() == before, "doctor changed a file");
    let asked: Vec<String> = world.aws.requests().iter().map(|request| request.action.clone()).collect();
    assert!(asked.contains(&"GetCallerIdentity".to_owned()), "{asked:?}");
    assert!(!asked.contains(&"GetSessionToken".to_owned()), "a code was used");
    // Whatever awsmfa itself does is fine, too.
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    world.home.awsmfa(["credential-process", "--profile", "dev"]).run().success();
    printed(&world.home, world.home.awsmfa(["doctor"]), 0);
}

#[test]
fn empty_home_passes() {
    let mut home = Home::new(&fake_aws::FakeAws::start());
    home.unset("AWS_ENDPOINT_URL");
    let said = noted(&home);
    insta::assert_snapshot!(said, @"
    note: there are no AWS profiles
      fix: create a profile with your access key: `aws configure`
    no problems found in 0 profiles and 0 devices
    ");
    home.forget_store();
    assert_eq!(noted(&home), said);
    assert!(!home.join(".local").exists(), "doctor created a folder");
    home.set("AWS_ACCESS_KEY_ID", "AKIAX");
    home.set("AWS_SECRET_ACCESS_KEY", "s");
    assert_eq!(noted(&home), "no problems found in 0 profiles and 0 devices\n");
}

#[test]
fn plain_keys_lead_to_the_first_device() {
    let mut home = Home::new(&fake_aws::FakeAws::start());
    home.unset("AWS_ENDPOINT_URL");
    home.write_config("[default]\nregion = eu-west-1\n");
    home.write_credentials("[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = s\n");
    insta::assert_snapshot!(noted(&home), @"
    note: profile `default` has long-term keys and no MFA device that awsmfa knows
      fix: enroll a device: `awsmfa enroll --profile default`
      fix: import an existing one: `awsmfa device import --profile default`
    no problems found in 1 profile and 0 devices
    ");
}

#[test]
fn offline_asks_nothing_and_says_so() {
    let world = good();
    let ran = world.home.awsmfa(["doctor", "--offline"]).run().success();
    assert_eq!(ran.err(), "awsmfa: AWS was not asked: `--offline`\n");
    assert!(world.aws.requests().is_empty());
}

#[test]
fn findings_are_values_for_programs() {
    let world = good();
    add_credentials(&world, "garbage");
    let ran = world.home.awsmfa(["doctor", "--offline", "--json"]).run().code(1);
    let path = world.home.join(".aws/credentials");
    let path = path.to_str().unwrap();
    assert_eq!(
        ran.json(),
        serde_json::json!([{
            "severity": "error",
            "what": format!("the AWS CLI and boto3 cannot read {path}: line 4: no `=` between key and value"),
            "where": format!("{path}:4"),
            "path": path,
            "line": 4,
            "fix": ["fix that line; every line is `[section]`, `key = value` or `# comment`"],
            "fixable": false,
        }])
    );
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: AWS was not asked: `--offline`
    error: found 1 error
    ");
}

#[test]
fn profile_limits_what_is_checked() {
    let world = good();
    add_config(&world, "[profile other]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = nope");
    assert!(found(&world.home).contains("source_profile = nope"));
    let run = |profile| world.home.awsmfa(["doctor", "--offline", "--profile", profile]);
    assert_eq!(printed(&world.home, run("dev"), 0), "no problems found in 1 profile and 1 device\n");
    insta::assert_snapshot!(printed(&world.home, run("dve"), 1), @"
    error: no profile `dve` in ~/.aws/config or ~/.aws/credentials
      fix: did you mean `--profile dev`?
    ");
}
