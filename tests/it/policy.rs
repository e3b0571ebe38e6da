//! `policy`: the document, and what it means by the rules of IAM.

use serde_json::Value;

use crate::support::{NO_ARGS, World};

fn policy(args: &[&str]) -> String {
    let world = World::new();
    let mut all = vec!["policy"];
    all.extend(args);
    let output = world.home.awsmfa(NO_ARGS).into_command().args(all).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn policy_is_the_expected_document() {
    insta::assert_snapshot!(policy(&["--account", "123456789012"]), @r#"
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "ListVirtualMFADevices",
          "Effect": "Allow",
          "Action": [
            "iam:ListVirtualMFADevices"
          ],
          "Resource": [
            "*"
          ]
        },
        {
          "Sid": "CreateVirtualMFADevices",
          "Effect": "Allow",
          "Action": [
            "iam:CreateVirtualMFADevice"
          ],
          "Resource": [
            "arn:aws:iam::123456789012:mfa/*"
          ]
        },
        {
          "Sid": "ManageOwnMFA",
          "Effect": "Allow",
          "Action": [
            "iam:DeactivateMFADevice",
            "iam:EnableMFADevice",
            "iam:GetMFADevice",
            "iam:GetUser",
            "iam:ListMFADevices",
            "iam:ResyncMFADevice"
          ],
          "Resource": [
            "arn:aws:iam::123456789012:user/${aws:username}",
            "arn:aws:iam::123456789012:user/*/${aws:username}"
          ]
        },
        {
          "Sid": "ManageOwnAccessKeys",
          "Effect": "Allow",
          "Action": [
            "iam:CreateAccessKey",
            "iam:DeleteAccessKey",
            "iam:GetAccessKeyLastUsed",
            "iam:ListAccessKeys",
            "iam:UpdateAccessKey"
          ],
          "Resource": [
            "arn:aws:iam::123456789012:user/${aws:username}",
            "arn:aws:iam::123456789012:user/*/${aws:username}"
          ]
        },
        {
          "Sid": "DeleteDeviceOfOwnName",
          "Effect": "Allow",
          "Action": [
            "iam:DeleteVirtualMFADevice"
          ],
          "Resource": [
            "arn:aws:iam::123456789012:mfa/${aws:username}",
            "arn:aws:iam::123456789012:mfa/*/${aws:username}"
          ]
        },
        {
          "Sid": "DenyEverythingElseWithoutMFA",
          "Effect": "Deny",
          "NotAction": [
            "iam:CreateVirtualMFADevice",
            "iam:EnableMFADevice",
            "iam:GetUser",
            "iam:ListMFADevices",
            "iam:ListVirtualMFADevices",
            "iam:ResyncMFADevice",
            "sts:GetSessionToken"
          ],
          "Resource": [
            "*"
          ],
          "Condition": {
            "BoolIfExists": {
              "aws:MultiFactorAuthPresent": "false"
            }
          }
        }
      ]
    }
    "#);
}

#[test]
fn arns_contain_the_partition_and_the_account() {
    assert!(policy(&[]).contains("\"arn:aws:iam::*:user/${aws:username}\""));
    assert!(
        policy(&["--partition", "aws-cn", "--account", "123456789012"])
            .contains("arn:aws-cn:iam::123456789012:mfa/*")
    );
    assert!(!policy(&["--partition", "aws-us-gov"]).contains("arn:aws:"));
    let world = World::new();
    let run = world.home.awsmfa(["policy", "--account", "1234"]).run().code(2);
    assert!(run.err().contains("an account ID has twelve digits"), "{}", run.err());
}

#[test]
fn policy_fits_into_inline_policies() {
    // 2048 characters without whitespace; a managed policy may have 6144.
    let long = policy(&["--partition", "aws-us-gov", "--account", "123456789012"]);
    assert!(long.chars().filter(|c| !c.is_whitespace()).count() < 2048);
}

/// The part of IAM evaluation that this policy needs: wildcards, `${aws:username}`, and one condition.
fn allows(policy: &Value, user: &str, mfa: bool, action: &str, resource: &str) -> bool {
    let texts = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_str().unwrap().replace("${aws:username}", user))
            .collect()
    };
    let matches = |pattern: &str, text: &str| {
        let pattern = regex::escape(pattern).replace(r"\*", ".*");
        regex::Regex::new(&format!("^{pattern}$")).unwrap().is_match(text)
    };
    let applies = |statement: &Value| {
        let action = match statement.get("NotAction") {
            Some(not) => !texts(not).iter().any(|a| a == action),
            None => texts(&statement["Action"]).iter().any(|a| a == action),
        };
        let condition = match statement.get("Condition") {
            // `IfExists` is true for long-term keys, which do not contain the MFA key.
            Some(condition) => {
                assert_eq!(condition["BoolIfExists"]["aws:MultiFactorAuthPresent"], "false");
                !mfa
            }
            None => true,
        };
        action && condition && texts(&statement["Resource"]).iter().any(|r| matches(r, resource))
    };
    let of = |effect: &str| -> Vec<&Value> {
        policy["Statement"].as_array().unwrap().iter().filter(|s| s["Effect"] == effect).collect()
    };
    of("Allow").into_iter().any(applies) && !of("Deny").into_iter().any(applies)
}

#[test]
fn users_without_mfa_can_enroll_and_nothing_else() {
    let policy: Value = serde_json::from_str(&policy(&["--account", "123456789012"])).unwrap();
    let arn = |resource: &str| format!("arn:aws:iam::123456789012:{resource}");
    for own in [arn("user/bob"), arn("user/eng/team/bob")] {
        for action in ["EnableMFADevice", "GetUser", "ListMFADevices", "ResyncMFADevice"] {
            let action = format!("iam:{action}");
            assert!(allows(&policy, "bob", false, &action, &own), "{action} {own}");
            for other in ["user/carol", "user/bob/carol", "user/bobby", "user/eng/notbob"] {
                assert!(!allows(&policy, "bob", true, &action, &arn(other)), "{action} {other}");
            }
        }
        assert!(allows(&policy, "bob", true, "iam:DeactivateMFADevice", &own));
        assert!(!allows(&policy, "bob", false, "iam:DeactivateMFADevice", &own));
        for action in ["iam:CreateAccessKey", "iam:UpdateAccessKey", "iam:DeleteAccessKey"] {
            assert!(allows(&policy, "bob", true, action, &own));
            assert!(!allows(&policy, "bob", false, action, &own));
            assert!(!allows(&policy, "bob", true, action, &arn("user/carol")));
        }
        for action in ["iam:PutUserPolicy", "iam:CreateLoginProfile"] {
            assert!(!allows(&policy, "bob", true, action, &own), "{action} is for other policies to allow");
        }
    }
    for name in ["mfa/bob", "mfa/bob-2", "mfa/eng/phone"] {
        assert!(allows(&policy, "bob", false, "iam:CreateVirtualMFADevice", &arn(name)));
    }
    assert!(allows(&policy, "bob", false, "iam:ListVirtualMFADevices", &arn("mfa/")));
    assert!(allows(&policy, "bob", true, "iam:DeleteVirtualMFADevice", &arn("mfa/bob")));
    assert!(!allows(&policy, "bob", false, "iam:DeleteVirtualMFADevice", &arn("mfa/bob")));
    assert!(!allows(&policy, "bob", true, "iam:DeleteVirtualMFADevice", &arn("mfa/carol")));
    assert!(!allows(&policy, "bob", false, "s3:ListAllMyBuckets", "*"));
}

#[test]
fn exceptions_match_fake_aws() {
    let policy: Value = serde_json::from_str(&policy(&[])).unwrap();
    let deny = policy["Statement"].as_array().unwrap().iter().find(|s| s["Effect"] == "Deny").unwrap();
    let ours: Vec<&str> = deny["NotAction"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
    let source = include_str!("../fake-aws/src/policy.rs");
    let (_, list) = source.split_once("const WITHOUT_MFA: &[&str] = &[").unwrap();
    let list = list.split_once("];").unwrap().0;
    let theirs: Vec<&str> = list
        .lines()
        .map(|line| line.trim().trim_end_matches(',').trim_matches('"'))
        .filter(|l| !l.is_empty())
        .collect();
    assert_eq!(ours, theirs);
}
