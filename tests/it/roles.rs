//! Profiles with a role: `role_arn` + `source_profile`, in chains, for an hour or longer.

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
fn a_role_is_assumed_from_the_shared_session() {
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
fn the_shared_session_lives_as_long_as_its_own_profile_says() {
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
fn a_role_for_longer_than_an_hour_is_assumed_with_a_code() {
    let world = with_role("duration_seconds = 14400\nrole_session_name = me\nexternal_id = x-1\n");
    let ran = world.home.awsmfa(["login", "-v", "-p", "admin"]).run();
    // fake-aws's role takes no external ID by default and AWS ignores one that is not asked for.
    let ran = ran.success();
    assert!(ran.err().contains("from a session it would end after 1 h"), "{}", ran.err());
    assert!(world.aws.requests_for("GetSessionToken").is_empty());
    let assumed = &world.aws.requests_for("AssumeRole")[0];
    assert!(assumed.param("TokenCode").is_some());
    assert_eq!(assumed.param("DurationSeconds"), Some("14400"));
    assert_eq!((assumed.param("RoleSessionName"), assumed.param("ExternalId")), (Some("me"), Some("x-1")));
}

#[test]
fn a_duration_that_no_role_can_have_is_reduced_with_a_warning() {
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
fn a_duration_above_the_roles_own_maximum_has_a_hint() {
    let world = with_role("");
    world.aws.add_role("admin", RoleSpec { require_mfa: true, ..RoleSpec::default() });
    insta::assert_snapshot!(world.home.awsmfa(["login", "-p", "admin", "--duration", "2h"]).run().code(4).err(), @"
    error: AssumeRole refused: ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role
    hint: ask for less: `--duration 1h`, or `duration_seconds` in the role's profile
    hint: or raise the role's maximum session duration in the IAM console
    ");
}

#[test]
fn the_session_of_a_role_stands_beside_its_profile() {
    let world = with_role("");
    let before = world.home.credentials();
    let ran = world.home.awsmfa(["login", "-p", "admin"]).run().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: session of `admin` is good until [TIME] ([LEFT]), in [admin-session] of ~/.aws/credentials
    hint: use it with `--profile admin-session`
    ");
    assert!(world.home.credentials().starts_with(&before), "the long-term keys were not touched");
    world.home.awsmfa(["logout", "-p", "admin"]).run().success();
    assert_eq!(world.home.credentials(), before);
}

#[test]
fn roles_are_assumed_in_a_chain() {
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
fn a_circle_of_profiles_is_named() {
    let world = with_role("");
    world.home.write_config(
        "[profile a]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = b\n\
         [profile b]\nrole_arn = arn:aws:iam::123456789012:role/y\nsource_profile = a\n",
    );
    let ran = world.home.awsmfa(["login", "-p", "a"]).run().code(3);
    assert!(ran.err().contains("a → b → a"), "{}", ran.err());
}

#[test]
fn a_clock_that_was_set_wrong_since_the_login_stops_no_role() {
    for off in [1200, -1200] {
        let world = with_role("");
        world.freeze();
        ADMIN.get(&world.in_process(0).ctx).unwrap();
        for requests in [3, 4] {
            // The role's session ends, the user's own does not.
            world.aws.clock().advance(Duration::from_secs(2 * 3600));
            assert!(ADMIN.get(&world.in_process(off).ctx).unwrap().is_new);
            assert_eq!(world.aws.requests_for("AssumeRole").len(), requests, "AWS's time is learnt once");
        }
        assert_eq!(world.aws.requests_for("GetSessionToken").len(), 1);
    }
}

#[test]
fn force_renews_the_session_beneath_a_role() {
    let world = with_role("");
    world.freeze();
    ADMIN.get(&world.in_process(0).ctx).unwrap();
    world.aws.clock().advance(Duration::from_secs(3600));
    ADMIN.forced().get(&world.in_process(0).ctx).unwrap();
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 2);
    // As `login --all --force` does it for one role after the other.
    ADMIN.forced().get(&world.in_process(0).ctx).unwrap();
    assert_eq!(world.aws.requests_for("GetSessionToken").len(), 2);
    assert_eq!(world.aws.requests_for("AssumeRole").len(), 3);
}

#[test]
fn a_role_that_an_older_session_may_not_assume_may_want_a_newer_code() {
    let world = with_role("");
    let denied = || Fault::error(403, "AccessDenied", "User: x is not authorized to perform: sts:AssumeRole");
    world.aws.fault(denied().on("AssumeRole"));
    let ran = world.home.awsmfa(["login", "-p", "admin"]).run().code(4);
    insta::assert_snapshot!(ran.err(), @"error: AssumeRole refused: AccessDenied: User: x is not authorized to perform: sts:AssumeRole");
    world.aws.fault(denied().on("AssumeRole"));
    let ran = world.home.awsmfa(["login", "-p", "admin"]).run().code(4);
    insta::assert_snapshot!(ran.err(), @"
    error: AssumeRole refused: AccessDenied: User: x is not authorized to perform: sts:AssumeRole
    hint: if the role demands a newer code: `awsmfa login --profile admin --force`
    ");
}

/// Eight roles for 12 hours, each of which needs a code of its own, asked for at once on one computer: what each got, what it
/// said, and how many seconds it took.
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
fn eight_long_roles_at_once_all_get_a_session_and_say_that_they_wait() {
    let world = with_role("");
    let outcomes = eight_long_roles(&world, LOGIN);
    let failed: Vec<_> = outcomes.iter().filter_map(|(got, ..)| got.as_ref().err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    world.assert_no_code_sent_twice();
    assert_eq!(world.rejected("AssumeRole"), 0);
    let longest = outcomes.iter().map(|(.., took)| *took).max().unwrap();
    assert!(longest <= 330, "AWS takes one code a step, and six are sent in three minutes: {longest} s");
    let waited = outcomes.iter().filter(|(_, said, took)| *took > 0 && said.contains("awsmfa: waiting "));
    assert_eq!(waited.count(), 5, "all but those who got the codes of now");
}

#[test]
fn eight_long_roles_for_sdks_get_a_session_or_a_true_error_in_time() {
    let world = with_role("");
    let outcomes = eight_long_roles(&world, SDK);
    world.assert_no_code_sent_twice();
    assert_eq!(world.rejected("AssumeRole"), 0);
    assert!(outcomes.iter().all(|(.., took)| *took <= 40));
    let (got, failed): (Vec<_>, Vec<_>) = outcomes.into_iter().map(|(got, ..)| got).partition(Result::is_ok);
    assert!(got.len() >= 4, "the codes of now and of the next step");
    let failed: Vec<_> = failed.into_iter().map(|got| got.unwrap_err().message).collect();
    let error = regex::Regex::new(r"\d+ s").unwrap().replace(&failed[0], "[N] s").into_owned();
    insta::assert_snapshot!(error, @"all codes for `arn:aws:iam::123456789012:mfa/alice` that AWS accepts now are used; the next one starts in [N] s");
}
