//! `--policy`: a role's session that may do less than the role.

use fake_aws::{Permissions, RoleSpec};

use crate::support::World;

const READ: &str = r#"{
    "Version": "2012-10-17",
    "Statement": [ { "Effect": "Allow", "Action": "iam:Get*", "Resource": "*" } ]
}"#;

/// A role `admin` that may do everything in IAM, and a policy in `read.json`.
fn world() -> World {
    let world = World::imported();
    let role = RoleSpec { require_mfa: true, permissions: Permissions::Admin, ..RoleSpec::default() };
    let role = world.aws.add_role("admin", role);
    world.home.write_config(&format!(
        "[profile dev]\nmfa_serial = {}\n\n[profile admin]\nrole_arn = {}\nsource_profile = dev\n",
        world.device.serial, role.arn
    ));
    world.home.write("read.json", READ);
    world
}

fn login(world: &World, args: &[&str]) -> crate::support::Ran {
    world.home.awsmfa(["login", "--profile", "admin"].iter().chain(args)).run()
}

/// `login` with these arguments, which must fail before AWS is asked.
#[track_caller]
fn rejected(world: &World, args: &[&str], code: i32) -> String {
    let ran = login(world, args).code(code);
    assert_eq!((ran.out().as_str(), world.aws.requests().len()), ("", 0));
    ran.err()
}

#[test]
fn policy_narrows_the_roles_session() {
    let world = world();
    let list = || world.home.awsmfa(["device", "list", "--profile", "admin-session"]).run();
    login(&world, &[]).success();
    list().success();
    login(&world, &["--policy", "read.json"]).success();
    let err = list().success().err();
    assert!(err.contains("iam:ListVirtualMFADevices"), "{err}");
    let assumed = world.aws.requests_for("AssumeRole");
    let policies: Vec<_> = assumed.iter().map(|request| request.param("Policy")).collect();
    let sent =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}]}"#;
    assert_eq!(policies, [None, Some(sent)]);
}

#[test]
fn narrowed_session_is_cached_by_itself() {
    let world = world();
    let read_only = ["--policy", "arn:aws:iam::aws:policy/ReadOnlyAccess"];
    let both = [read_only[0], read_only[1], "--policy", "read.json"];
    for args in [&[][..], &read_only, &both, &both, &read_only, &[]] {
        login(&world, args).success();
    }
    let assumed = world.aws.requests_for("AssumeRole");
    let arns: Vec<_> = assumed.iter().map(|request| request.param("PolicyArns.member.1.arn")).collect();
    assert_eq!(arns, [None, Some(read_only[1]), Some(read_only[1])]);
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1, "one code for all");
    // A tool gets what its profile describes.
    let served = world.home.awsmfa(["credential-process", "-p", "admin"]).run().success().json();
    assert_eq!(served["AccessKeyId"], world.home.credential("admin-session", "aws_access_key_id").unwrap());
    world.home.awsmfa(["logout", "-p", "admin"]).run().success();
    login(&world, &read_only).success();
    assert_eq!(world.aws.requests_for("AssumeRole").len(), 4, "logout removed the narrowed session");
}

#[test]
fn only_the_last_role_of_a_chain_is_narrowed() {
    let world = world();
    let last = world.aws.add_role("deploy", RoleSpec::default());
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!(
        "{config}[profile deploy]\nrole_arn = {}\nsource_profile = admin\n",
        last.arn
    ));
    world.home.awsmfa(["login", "deploy", "--policy", "read.json"]).run().success();
    let assumed = world.aws.requests_for("AssumeRole");
    let policies: Vec<_> = assumed.iter().map(|request| request.param("Policy").is_some()).collect();
    assert_eq!(policies, [false, true]);
}

#[test]
fn users_session_cannot_be_narrowed() {
    let world = world();
    let ran = world.home.awsmfa(["login", "dev", "--policy", "read.json"]).run().code(2);
    insta::assert_snapshot!(ran.err(), @"
    error: `--policy` narrows a role's session, and profile `dev` has no role
    hint: choose a profile that has a `role_arn`: `--profile NAME`
    ");
    let ran = world.home.awsmfa(["login", "--all", "--policy", "read.json"]).run().code(2);
    assert!(ran.err().contains("cannot be used with"), "{}", ran.err());
    assert!(world.aws.requests().is_empty());
}

#[test]
fn credential_process_cannot_be_narrowed() {
    let world = world();
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!("{config}credential_process = awsmfa credential-process -p admin\n"));
    insta::assert_snapshot!(rejected(&world, &["--policy", "read.json"], 2), @"
    error: `--policy` has no effect on what the `credential_process` of profile `admin` serves
    hint: write the narrowed session to another profile: `--output-profile admin-narrow`
    ");
    login(&world, &["--policy", "read.json", "--output-profile", "admin-narrow"]).success();
    assert!(world.home.credential("admin-narrow", "aws_session_token").is_some());
}

#[test]
fn policy_narrows_the_console() {
    let world = world();
    let console =
        |args: &[&str]| world.home.awsmfa(["console", "-p", "admin", "--print"].iter().chain(args)).run();
    console(&[]).success();
    console(&["--policy", "read.json"]).success();
    let assumed = world.aws.requests_for("AssumeRole");
    let policies: Vec<_> = assumed.iter().map(|request| request.param("Policy").is_some()).collect();
    assert_eq!(policies, [false, true]);
    console(&["--policy", "none.json"]).code(2);
}

#[test]
fn unusable_policies_are_rejected_before_a_code_is_used() {
    let world = world();
    let with = |text: &str| {
        world.home.write("p.json", text);
        rejected(&world, &["--policy", "p.json"], 2)
    };
    insta::assert_snapshot!(rejected(&world, &["--policy", "none.json"], 2), @"
    error: cannot read the policy none.json: No such file or directory (os error [N])
    hint: use a JSON file, or the ARN of a managed policy such as `arn:aws:iam::aws:policy/ReadOnlyAccess`
    ");
    insta::assert_snapshot!(with("{\"Statement\": [\n]"), @r#"
    error: p.json: not valid JSON: EOF while parsing an object at line 2 column 1
    hint: use a policy such as `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}`
    "#);
    insta::assert_snapshot!(with("{\"Version\": \"2012-10-17\"}"), @r#"
    error: p.json: a policy is a JSON object with a `Statement`
    hint: use a policy such as `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}`
    "#);
    let principal = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}}"#;
    insta::assert_snapshot!(with(principal), @"
    error: p.json: a statement of a session policy cannot have a `Principal`
    hint: remove the `Principal`: the policy always applies to the session
    ");
    insta::assert_snapshot!(with(&READ.replace("iam:Get*", &"x".repeat(3000))), @"
    error: p.json: the policy has 3084 characters, and AWS accepts 2048
    hint: shorten the policy, or create it as a managed policy in the role's account and pass its ARN
    ");
    insta::assert_snapshot!(rejected(&world, &["--policy", "read.json", "--policy", "read.json"], 2), @"
    error: `--policy` accepts only one file
    hint: combine the statements of all files in one
    ");
    insta::assert_snapshot!(rejected(&world, &["--policy", "arn:aws:iam::aws:role/Admin"], 2), @"
    error: `arn:aws:iam::aws:role/Admin` is not the ARN of a managed policy
    hint: use an ARN such as `arn:aws:iam::aws:policy/ReadOnlyAccess`: `aws iam list-policies`
    ");
    insta::assert_snapshot!(rejected(&world, &["--policy", "arn:aws:iam::210987654321:policy/Read"], 2), @"
    error: `arn:aws:iam::210987654321:policy/Read` belongs to another account than `arn:aws:iam::123456789012:role/admin`
    hint: use a policy of AWS's own (`arn:aws:iam::aws:policy/…`) or of the role's account
    ");
    let arns: Vec<String> = (0..11).map(|n| format!("--policy=arn:aws:iam::aws:policy/P{n}")).collect();
    let arns: Vec<&str> = arns.iter().map(String::as_str).collect();
    insta::assert_snapshot!(rejected(&world, &arns, 2), @"
    error: there are 11 managed policies, and AWS accepts 10
    hint: combine the policies in a file
    ");
}

#[test]
fn policies_that_aws_rejects_are_explained() {
    let world = world();
    world.home.write("p.json", &READ.replace("iam:Get*", "GetUser"));
    insta::assert_snapshot!(login(&world, &["--policy", "p.json"]).code(4).err(), @"
    error: AWS refused AssumeRole: MalformedPolicyDocument: Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc
    hint: check the policy: `aws accessanalyzer validate-policy --policy-type IDENTITY_POLICY --policy-document file://FILE`
    ");
    world.home.write("p.json", &READ.replace("iam:Get*", &format!("iam:{}", "x".repeat(1900))));
    let managed = ["a", "b", "c"].map(|name| format!("--policy=arn:aws:iam::aws:policy/{name}"));
    let args = ["--policy", "p.json", &managed[0], &managed[1], &managed[2]];
    insta::assert_snapshot!(login(&world, &args).code(4).err(), @"
    error: AWS refused AssumeRole: PackedPolicyTooLarge: Packed policy consumes 102% of allotted space, please use smaller policy
    hint: shorten the policy, or create it as a managed policy in the role's account and pass its ARN
    ");
}
