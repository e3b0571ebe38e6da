//! `--create-user`: the user is created first.

use fake_aws::Fault;

use super::Setup;
use super::kills::{self, Aws};
use crate::support::Ran;

const POLICY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

const CREATE: [&str; 9] = [
    "enroll",
    "--user",
    "newcomer",
    "--profile",
    "admin",
    "--create-user",
    "--attach-policy",
    POLICY,
    "--access-key",
];

fn create(setup: &Setup) -> Ran {
    setup.home.awsmfa(CREATE).run()
}

#[track_caller]
fn check(setup: &Setup) {
    assert_eq!(setup.aws.devices_of("newcomer"), [setup.serial("newcomer")]);
    let keys = setup.aws.access_keys("newcomer");
    assert_eq!(keys.len(), 1, "{keys:?}");
    setup.home.awsmfa(["login", "--profile", "newcomer"]).run().success();
    assert_eq!(setup.home.credential("newcomer-long-term", "aws_access_key_id"), Some(keys[0].0.clone()));
    assert!(setup.home.credential("newcomer", "aws_session_token").is_some());
}

#[test]
fn new_user_has_policy_keys_device_and_session() {
    let setup = Setup::new();
    let ran = create(&setup).success();
    let id = &setup.aws.access_keys("newcomer")[0].0;
    insta::assert_snapshot!(ran.err().replace(id.as_str(), "[KEY]"), @"
    awsmfa: created user `newcomer`
    awsmfa: attached `arn:aws:iam::aws:policy/ReadOnlyAccess`
    awsmfa: created access key `[KEY]` and wrote it to [newcomer] in the credentials file
    awsmfa: created `arn:aws:iam::123456789012:mfa/newcomer` and saved its secret in the file store
    awsmfa: enabled `arn:aws:iam::123456789012:mfa/newcomer` for `newcomer`
    awsmfa: verified: AWS issued a session for one of the device's codes
    awsmfa: set `mfa_serial` of profile `newcomer` to `arn:aws:iam::123456789012:mfa/newcomer`
    awsmfa: `newcomer` now has MFA device `arn:aws:iam::123456789012:mfa/newcomer`
    hint: this is the only copy of the secret; back it up to a phone: `awsmfa device export arn:aws:iam::123456789012:mfa/newcomer --qr`
    hint: awsmfa setup --profile newcomer
    ");
    check(&setup);
    let secret = setup.home.credential("newcomer-long-term", "aws_secret_access_key").unwrap();
    assert!(!ran.err().contains(&secret) && !ran.out().contains(&secret));
}

#[test]
fn existing_resources_are_left_alone() {
    let setup = Setup::new();
    create(&setup).success();
    let ran = create(&setup).success();
    assert!(ran.err().contains("user `newcomer` already exists"), "{}", ran.err());
    assert_eq!((setup.count("CreateUser"), setup.count("CreateAccessKey")), (1, 1));
    check(&setup);
}

#[test]
fn lost_responses_leave_one_user_and_one_key() {
    for action in ["CreateUser", "AttachUserPolicy", "CreateAccessKey", "EnableMFADevice"] {
        let setup = Setup::new();
        setup.aws.fault(Fault::drop_after().on(action));
        create(&setup).success();
        check(&setup);
    }
}

#[test]
fn lost_key_of_a_killed_run_is_reported() {
    let setup = Setup::new();
    let args = ["--user", "newcomer", "--profile", "admin", "--create-user", "--access-key"];
    kills::killed_at(&setup, &args, "CreateAccessKey", Aws::HadActed);
    let lost = setup.aws.access_keys("newcomer")[0].0.clone();
    let ran = create(&setup).success();
    let said = ran.err();
    assert!(said.contains(&format!("warning: access key `{lost}` of `newcomer` was created")), "{said}");
    let command = format!("`aws iam delete-access-key --user-name newcomer --access-key-id {lost}`");
    assert!(said.contains(&command), "{said}");
    let again = create(&setup).success();
    assert!(!again.err().contains(&lost), "{}", again.err());
    assert_eq!(setup.aws.access_keys("newcomer").len(), 2);
}

#[test]
fn run_killed_before_the_key_is_resumed() {
    for action in ["CreateUser", "AttachUserPolicy", "CreateAccessKey"] {
        let setup = Setup::new();
        kills::killed_at(&setup, &CREATE[1..], action, Aws::HadNotActed);
        let ran = create(&setup).success();
        assert!(!ran.err().contains("warning"), "{}", ran.err());
        check(&setup);
    }
}

#[test]
fn run_killed_after_the_user_is_resumed() {
    for action in ["CreateUser", "AttachUserPolicy"] {
        let setup = Setup::new();
        kills::killed_at(&setup, &CREATE[1..], action, Aws::HadActed);
        create(&setup).success();
        assert_eq!(setup.count("CreateAccessKey"), 1);
        check(&setup);
    }
}

#[test]
fn new_key_is_waited_for() {
    let setup = Setup::new();
    let unknown =
        Fault::error(403, "InvalidClientTokenId", "The security token included in the request is invalid.");
    setup.aws.fault(unknown.on("GetCallerIdentity").after(1).times(3));
    let computer = setup.in_process(0);
    computer.enroll(&["--user", "newcomer", "--profile", "admin", "--create-user", "--access-key"]).unwrap();
    assert!(computer.err.text().contains("waiting 4s for AWS to recognize the new access key"));
    setup.aws.clock().set_offset(0);
    check(&setup);
}

#[test]
fn missing_permissions_are_reported() {
    for action in ["iam:CreateUser", "iam:AttachUserPolicy", "iam:CreateAccessKey"] {
        let setup = Setup::new();
        setup.aws.deny("boss", action);
        let said = create(&setup).code(4).err();
        assert!(said.contains(&format!("\"Action\": \"{action}\"")), "{said}");
    }
    for action in ["iam:GetUser", "iam:ListAccessKeys"] {
        let setup = Setup::new();
        setup.aws.deny("boss", action);
        create(&setup).success();
        check(&setup);
    }
}

#[test]
fn keys_of_another_user_are_not_overwritten() {
    let setup = Setup::new();
    let args = [
        "enroll",
        "--user",
        "newcomer",
        "--profile",
        "admin",
        "--create-user",
        "--access-key",
        "--for-profile",
        "demo",
    ];
    let before = setup.home.credentials();
    let ran = setup.home.awsmfa(args).run();
    insta::assert_snapshot!(ran.code(3).err(), @"
    error: profile `demo` has the keys of `arn:aws:iam::123456789012:user/aws_mfa_demo`, not of `newcomer`
    hint: choose a profile with the user's keys: `--for-profile NAME`
    ");
    assert_eq!(setup.home.credentials(), before);
    assert!(!setup.aws.has_user("newcomer"));
}

#[test]
fn missing_policy_is_reported() {
    let setup = Setup::new();
    let policy = "arn:aws:iam::123456789012:policy/none";
    let args =
        ["enroll", "--user", "newcomer", "--profile", "admin", "--create-user", "--attach-policy", policy];
    let ran = setup.home.awsmfa(args).run();
    insta::assert_snapshot!(ran.code(3).err(), @"
    awsmfa: created user `newcomer`
    awsmfa: waiting 1s for AWS to recognize the new user
    error: policy `arn:aws:iam::123456789012:policy/none` does not exist
    hint: list the policies: `aws iam list-policies --only-attachable --profile admin`
    ");
}

#[test]
fn invalid_request_is_rejected_before_anything_is_created() {
    let setup = Setup::new();
    let new = ["enroll", "--user", "newcomer", "--profile", "admin", "--create-user", "--access-key"];
    let run = || setup.home.awsmfa(new);
    insta::assert_snapshot!(run().arg("--attach-policy").arg("nonsense").run().code(2).err(), @"
    error: invalid value 'nonsense' for '--attach-policy <ARN>': a policy's ARN looks like `arn:aws:iam::aws:policy/ReadOnlyAccess`; not `nonsense`

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(run().arg("--tag").arg("a=b").arg("--tag").arg("A=c").run().code(2).err(), @"
    error: tag `A` is given twice; IAM tag keys are not case-sensitive
    hint: use a different key for each `--tag`
    ");
    assert!(!setup.aws.has_user("newcomer"));
}

#[test]
#[cfg(unix)]
fn journal_is_checked_before_anything_is_created() {
    let setup = Setup::new();
    let limited = ["-c", "ulimit -f 0; exec \"$0\" \"$@\""];
    let said = setup.home.awsmfa(CREATE).under("/bin/sh", &limited).run().code(1).err();
    let said = regex::Regex::new("[0-9a-f]{32}").unwrap().replace(&said, "[USER]");
    insta::assert_snapshot!(said, @"
    error: cannot write `~/.local/state/awsmfa/enrollments/[USER].probe`: File too large (os error [N])
    hint: check the file size limit: `ulimit -f`
    ");
    assert!(!setup.aws.has_user("newcomer"));
    create(&setup).success();
}

#[test]
fn console_password_needs_a_terminal() {
    let setup = Setup::new();
    let args = ["enroll", "--user", "newcomer", "--profile", "admin", "--create-user", "--console-password"];
    let ran = setup.home.awsmfa(args).run();
    insta::assert_snapshot!(ran.code(2).err(), @"
    error: a terminal is needed to show the console password
    hint: run the command in a terminal, or leave out `--console-password`
    ");
    assert!(!setup.aws.has_user("newcomer"));
}

#[test]
fn change_in_doubt_is_not_repeated() {
    for action in ["CreateUser", "CreateAccessKey"] {
        let setup = Setup::new();
        setup.aws.fault(Fault::service_failure().processed().on(action));
        setup
            .in_process(0)
            .enroll(&["--user", "newcomer", "--profile", "admin", "--create-user", "--access-key"])
            .unwrap();
        setup.aws.clock().set_offset(0);
        assert_eq!(setup.aws.access_keys("newcomer").len(), 1, "{action}");
        check(&setup);
    }
}

#[test]
fn new_user_is_waited_for() {
    let setup = Setup::with(fake_aws::FakeAws::builder().creation_lag(std::time::Duration::from_secs(6)));
    // On a busy machine, the requests themselves may take that long.
    setup.aws.clock().freeze(setup.aws.clock().now());
    let computer = setup.in_process(0);
    computer.enroll(&["--user", "newcomer", "--profile", "admin", "--create-user", "--access-key"]).unwrap();
    assert!(computer.err.text().contains("for AWS to recognize the new user"), "{}", computer.err.text());
    // AWS's clock stays ahead by the waits: before them, AWS does not know the access key.
    check(&setup);
}
