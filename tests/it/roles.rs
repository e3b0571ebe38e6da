//! Profiles with a role: `role_arn` + `source_profile`, chains, and durations over an hour.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use awsmfa::testing::error::CommandError;
use awsmfa::testing::session::Obtained;
use fake_aws::{Fault, RoleSpec};

use crate::support::World;
use crate::support::conductor::Conductor;
use crate::support::in_process::InProcess;
use crate::support::sessions::{Ask, LOGIN, SDK};

const ADMIN: Ask = LOGIN.profile("admin");

fn with_role(extra: &str) -> World {
    let world = World::imported();
    let role = world.aws.add_role(
        "admin",
        RoleSpec { require_mfa: true, max_session_duration: 43_200, ..RoleSpec::default() },
    );
    world.home.write_config(&format!(
        "[profile dev]\nmfa_serial = {}\n\n[profile admin]\nrole_arn = {}\nsource_profile = dev\n{extra}",
        world.device.serial, role.arn
    ));
    world
}

#[test]
fn role_is_assumed_from_the_shared_session() {
    let world = with_role("");
    world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
    let answer = world.home.awsmfa(["credential-process", "-p", "admin"]).run().success().json();
    assert!(answer["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1, "one code serves both");
    let assumed = &world.aws.requests_for("AssumeRole")[0];
    assert_eq!((assumed.param("TokenCode"), assumed.param("DurationSeconds")), (None, Some("3600")));
    assert_eq!(assumed.param("RoleSessionName"), Some("alice"));
}

#[test]
fn shared_session_has_the_duration_of_its_own_profile() {
    let world = with_role("");
    let config =
        world.home.read(".aws/config").replace("[profile dev]\n", "[profile dev]\nduration_seconds = 7200\n");
    world.home.write_config(&config);
    world.home.awsmfa(["credential-process", "-p", "admin"]).run().success();
    world.home.awsmfa(["credential-process", "-p", "dev"]).run().success();
    let asked = world.aws.requests_for("GetSessionToken");
    let lifetimes: Vec<_> = asked.iter().map(|request| request.param("DurationSeconds")).collect();
    assert_eq!(lifetimes, [Some("7200")]);
}

#[test]
fn role_for_more_than_an_hour_is_assumed_with_a_code() {
    let world = with_role("duration_seconds = 14400\nrole_session_name = me\nexternal_id = x-1\n");
    let ran = world.home.awsmfa(["login", "-v", "-p", "admin"]).run();
    // The role requires no external ID, and AWS ignores one in the request.
    let ran = ran.success();
    assert!(ran.err().contains("because AWS limits role chaining to 1h"), "{}", ran.err());
    assert!(world.aws.requests_for("GetSessionToken").is_empty());
    let assumed = &world.aws.requests_for("AssumeRole")[0];
    assert!(assumed.param("TokenCode").is_some());
    assert_eq!(assumed.param("DurationSeconds"), Some("14400"));
    assert_eq!((assumed.param("RoleSessionName"), assumed.param("ExternalId")), (Some("me"), Some("x-1")));
}

#[test]
fn duration_over_the_role_maximum_is_reduced_with_a_warning() {
    let world = with_role("");
    let ran = world.home.awsmfa(["login", "-p", "admin", "--duration", "24h"]).run().success();
    assert!(
        ran.err().contains(
            "warning: `arn:aws:iam::123456789012:role/admin` is assumed for 12h, the maximum for a role\n"
        ),
        "{}",
        ran.err()
    );
    assert_eq!(world.aws.requests_for("AssumeRole")[0].param("DurationSeconds"), Some("43200"));
}

#[test]
fn duration_over_the_roles_own_maximum_has_a_hint() {
    let world = with_role("");
    world.aws.add_role("admin", RoleSpec { require_mfa: true, ..RoleSpec::default() });
    insta::assert_snapshot!(world.home.awsmfa(["login", "-p", "admin", "--duration", "2h"]).run().code(4).err(), @"
    error: `arn:aws:iam::123456789012:role/admin` does not allow sessions of 2h
    hint: request a shorter session: `--duration 1h`, or `duration_seconds` in profile `admin`
    hint: or raise the role's maximum session duration in the IAM console
    ");
}

#[test]
fn role_session_is_written_beside_its_profile() {
    let world = with_role("");
    let before = world.home.credentials();
    let ran = world.home.awsmfa(["login", "-p", "admin"]).run().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: wrote a session for `admin` to [admin-session] in ~/.aws/credentials, valid until [TIME] ([LEFT])
    hint: use the session with `--profile admin-session`
    ");
    assert!(world.home.credentials().starts_with(&before), "the long-term keys were not touched");
    world.home.awsmfa(["logout", "-p", "admin"]).run().success();
    assert_eq!(world.home.credentials(), before);
}

#[test]
fn role_chain_is_assumed_in_order() {
    let world = with_role("");
    let second = world
        .aws
        .add_role("deploy", RoleSpec { trusted: Some(vec!["role/admin".to_owned()]), ..RoleSpec::default() });
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!(
        "{config}\n[profile deploy]\nrole_arn = {}\nsource_profile = admin\nduration_seconds = 7200\n",
        second.arn
    ));
    world.home.awsmfa(["credential-process", "-p", "deploy"]).run().success();
    let roles: Vec<_> =
        world.aws.requests_for("AssumeRole").iter().map(|r| r.param("RoleArn").unwrap().to_owned()).collect();
    assert_eq!(roles.len(), 2);
    assert_eq!(roles[1], second.arn);
}

#[test]
fn chain_of_three_roles_has_its_own_external_ids() {
    let world = with_role("");
    let trusted = |role: &str| Some(vec![format!("role/{role}")]);
    let external_id = Some("partner-1".to_owned());
    let second = RoleSpec { trusted: trusted("admin"), external_id, ..RoleSpec::default() };
    let second = world.aws.add_role("partner", second);
    let third = world.aws.add_role("audit", RoleSpec { trusted: trusted("partner"), ..RoleSpec::default() });
    let chain = |external_id: &str| {
        format!(
            "[profile partner]\nrole_arn = {}\nsource_profile = admin\n{external_id}\
             [profile audit]\nrole_arn = {}\nsource_profile = partner\n",
            second.arn, third.arn
        )
    };
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!("{config}{}", chain("")));
    insta::assert_snapshot!(world.home.awsmfa(["login", "audit"]).run().code(4).err(), @"
    error: AWS does not let `arn:aws:sts::123456789012:assumed-role/admin/alice` assume `arn:aws:iam::123456789012:role/partner` (without MFA, without an external ID)
    hint: check that the role exists and that its trust policy allows this: `aws iam get-role --role-name partner`
    hint: if the trust policy requires an external ID: `aws configure set external_id ID --profile partner`
    hint: a role that requires MFA must be the first in the chain: roles do not pass MFA on
    ");
    world.home.write_config(&format!("{config}{}", chain("external_id = partner-1\n")));
    world.home.awsmfa(["login", "audit"]).run().success();
    let assumed = world.aws.requests_for("AssumeRole");
    let last: Vec<_> =
        assumed.iter().skip(2).map(|r| (r.param("RoleArn").unwrap(), r.param("ExternalId"))).collect();
    let first = format!("arn:aws:iam::{}:role/admin", world.aws.account_id());
    assert_eq!(last, [(first.as_str(), None), (&second.arn, Some("partner-1")), (&third.arn, None)]);
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
}

#[test]
fn hundred_processes_over_ten_roles_make_one_session_and_assume_each_role_once() {
    let world = with_role("");
    let mut config = world.home.read(".aws/config");
    for number in 0..10 {
        let role = RoleSpec { require_mfa: true, ..RoleSpec::default() };
        let arn = world.aws.add_role(&format!("role{number}"), role).arn;
        config += &format!("\n[profile role{number}]\nrole_arn = {arn}\nsource_profile = dev\n");
    }
    world.home.write_config(&config);
    let start = |number: usize| {
        let profile = format!("role{}", number % 10);
        let mut command = world.home.awsmfa(["credential-process", "-p", &profile]).into_command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let started: Vec<_> = (0..100).map(start).collect();
    let mut keys = vec![BTreeSet::new(); 10];
    for (number, process) in started.into_iter().enumerate() {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        keys[number % 10].insert(answer["AccessKeyId"].as_str().unwrap().to_owned());
    }
    assert!(keys.iter().all(|keys| keys.len() == 1), "one session a role: {keys:?}");
    let count = |action| world.aws.requests_for(action).len();
    assert_eq!((count("GetSessionToken"), count("AssumeRole")), (1, 10));
    world.assert_distinct_codes_sent(1);
}

#[test]
fn circular_source_profile_is_shown() {
    let world = with_role("");
    world.home.write_config(
        "[profile a]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = b\n\
         [profile b]\nrole_arn = arn:aws:iam::123456789012:role/y\nsource_profile = a\n",
    );
    let ran = world.home.awsmfa(["login", "-p", "a"]).run().code(3);
    assert!(ran.err().contains("a → b → a"), "{}", ran.err());
}

#[test]
fn clock_set_wrong_after_login_does_not_stop_roles() {
    for off in [1200, -1200] {
        let world = with_role("");
        world.freeze();
        ADMIN.get(&world.in_process(0).ctx).unwrap();
        for requests in [3, 4] {
            // The role's session expires, the user's own does not.
            world.aws.clock().advance(Duration::from_secs(2 * 3600));
            assert!(ADMIN.get(&world.in_process(off).ctx).unwrap().is_new);
            assert_eq!(world.aws.requests_for("AssumeRole").len(), requests, "AWS's time is learnt once");
        }
        assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
    }
}

#[test]
fn force_renews_the_base_session_of_a_role() {
    let world = with_role("");
    world.freeze();
    ADMIN.get(&world.in_process(0).ctx).unwrap();
    world.aws.clock().advance(Duration::from_secs(3600));
    ADMIN.forced().get(&world.in_process(0).ctx).unwrap();
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 2);
    // As `login --all --force` does for one role after the other.
    ADMIN.forced().get(&world.in_process(0).ctx).unwrap();
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 2);
    assert_eq!(world.aws.requests_for("AssumeRole").len(), 3);
}

#[test]
fn denied_role_may_require_a_more_recent_code() {
    let world = with_role("");
    let denied = || Fault::error(403, "AccessDenied", "User: x is not authorized to perform: sts:AssumeRole");
    world.aws.fault(denied().on("AssumeRole"));
    let ran = world.home.awsmfa(["login", "-p", "admin"]).run().code(4);
    insta::assert_snapshot!(ran.err(), @"
    error: AWS does not let `x` assume `arn:aws:iam::123456789012:role/admin` (with MFA, without an external ID)
    hint: check that the role exists and that its trust policy allows this: `aws iam get-role --role-name admin`
    hint: if the trust policy requires an external ID: `aws configure set external_id ID --profile admin`
    ");
    world.aws.fault(denied().on("AssumeRole"));
    let ran = world.home.awsmfa(["login", "-p", "admin"]).run().code(4);
    insta::assert_snapshot!(ran.err(), @"
    error: AWS does not let `x` assume `arn:aws:iam::123456789012:role/admin` (with MFA, without an external ID)
    hint: check that the role exists and that its trust policy allows this: `aws iam get-role --role-name admin`
    hint: if the trust policy requires an external ID: `aws configure set external_id ID --profile admin`
    hint: if the role requires a more recent code: `awsmfa login --profile admin --force`
    ");
}

#[test]
fn profile_with_another_users_device_does_not_delay_that_user() {
    let world = with_role("");
    world.aws.add_user("bob");
    let key = world.aws.add_access_key("bob");
    let keys = format!("[bob]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
    world.home.write_credentials(&format!("{}{keys}", world.home.credentials()));
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!("{config}[profile bob]\nmfa_serial = {}\n", world.device.serial));
    world.freeze();
    ADMIN.get(&world.in_process(0).ctx).unwrap();
    let error = LOGIN.profile("bob").get(&world.in_process(0).ctx).unwrap_err();
    assert!(error.message.contains("could not validate the code"), "{error:?}");
    let before = world.aws.clock().now();
    world.aws.clock().advance(Duration::from_secs(60));
    ADMIN.forced().get(&world.in_process(0).ctx).unwrap();
    assert_eq!(world.aws.clock().now() - before, chrono::TimeDelta::seconds(60), "nothing was waited for");
}

/// Eight roles for 12 hours, each of which needs its own code, requested at once on one computer: results, messages and
/// seconds.
fn eight_long_roles(world: &World, ask: Ask) -> Vec<(Result<Obtained, CommandError>, String, i64)> {
    let mut config = world.home.read(".aws/config");
    for number in 0..8 {
        let role = RoleSpec { require_mfa: true, max_session_duration: 43_200, ..RoleSpec::default() };
        let arn = world.aws.add_role(&format!("long{number}"), role).arn;
        config += &format!(
            "\n[profile long{number}]\nrole_arn = {arn}\nsource_profile = dev\nduration_seconds = 43200\n"
        );
    }
    world.home.write_config(&config);
    world.freeze();
    let began = world.aws.clock().now();
    let conductor = Conductor::new(world.aws.clock(), 8);
    let get = |number: usize| {
        let process = InProcess::with_shared(&world.home, conductor.clone());
        let got = ask.profile(&format!("long{number}")).get(&process.ctx);
        let took = (process.ctx.clock.now() - began).num_seconds();
        conductor.done();
        (got, process.err.text(), took)
    };
    std::thread::scope(|scope| {
        let get = &get;
        let started: Vec<_> = (0..8).map(|number| scope.spawn(move || get(number))).collect();
        started.into_iter().map(|process| process.join().unwrap()).collect()
    })
}

#[test]
fn eight_long_roles_at_once_all_get_a_session_and_report_waits() {
    let world = with_role("");
    let outcomes = eight_long_roles(&world, LOGIN);
    let failed: Vec<_> = outcomes.iter().filter_map(|(got, ..)| got.as_ref().err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    world.assert_no_code_sent_twice();
    assert_eq!(world.rejected("AssumeRole"), 0);
    let longest = outcomes.iter().map(|(.., took)| *took).max().unwrap();
    assert!(longest <= 330, "AWS takes one code a step, and six are sent in three minutes: {longest} s");
    let waited = outcomes.iter().filter(|(_, said, took)| *took > 0 && said.contains("awsmfa: waiting "));
    assert_eq!(waited.count(), 5, "all except those that got a current code");
}

#[test]
fn eight_long_roles_for_sdks_get_a_session_or_a_correct_error_in_time() {
    let world = with_role("");
    let outcomes = eight_long_roles(&world, SDK);
    world.assert_no_code_sent_twice();
    assert_eq!(world.rejected("AssumeRole"), 0);
    assert!(outcomes.iter().all(|(.., took)| *took <= 40));
    let (got, failed): (Vec<_>, Vec<_>) = outcomes.into_iter().map(|(got, ..)| got).partition(Result::is_ok);
    assert!(got.len() >= 4, "the current codes and the next one");
    let failed: Vec<_> = failed.into_iter().map(|got| got.unwrap_err().message).collect();
    let error = regex::Regex::new(r"\d+ s").unwrap().replace(&failed[0], "[N] s").into_owned();
    insta::assert_snapshot!(error, @"every code for `arn:aws:iam::123456789012:mfa/alice` that AWS accepts now was already used; the next one starts in [N] s");
}
