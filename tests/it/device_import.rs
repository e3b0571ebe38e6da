//! `device import`: a secret is verified before it is stored.

use std::time::Duration;

use awsmfa::testing::context::Context;
use awsmfa::testing::session::Asker;
use fake_aws::{Fault, Gate};

use crate::support::in_process::{InProcess, Typist, device, in_words};
use crate::support::{World, until};

const IMPORT: [&str; 5] = ["device", "import", "--profile", "dev", "--secret-stdin"];
const WRONG: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

fn sessions(world: &World) -> usize {
    world.aws.requests_for("GetSessionToken").len()
}

/// The stored secret.
fn stored(world: &World) -> String {
    let uri = world.home.awsmfa(["device", "export", "alice", "--uri", "--yes"]).run().success().out();
    uri.split("secret=").nth(1).unwrap().split('&').next().unwrap().to_owned()
}

/// `device import --profile dev` on a terminal, with the computer's clock off by this many seconds.
fn type_in(world: &World, off_seconds: i64, typed: &[&str]) -> (Result<(), String>, String) {
    let InProcess { ctx, err, .. } = world.in_process(off_seconds);
    let ctx = Context::new(ctx.env, ctx.clock, ctx.ui, Typist::new(typed)).unwrap();
    let result = device(&ctx, &["import", "--profile", "dev"]);
    (result.map_err(|error| in_words(&error)), err.text())
}

#[test]
fn import_is_verified_by_a_session_that_login_then_uses() {
    let world = World::new();
    let ran = world.home.awsmfa(IMPORT).stdin(&world.device.seed).run().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: stored the secret of `arn:aws:iam::123456789012:mfa/alice` in the file store; AWS accepts its codes
    hint: awsmfa setup --profile dev
    ");
    assert_eq!(sessions(&world), 1);
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    assert_eq!(sessions(&world), 1, "the session of the import is cached");
}

#[test]
fn device_given_by_serial_is_verified_with_the_profile_that_refers_to_it() {
    let world = World::new();
    let args = ["device", "import", "--serial", &world.device.serial, "--secret-stdin"];
    world.home.awsmfa(args).stdin(WRONG).run().code(4);
    let root = "arn:aws:iam::123456789012:mfa/root-account-mfa-device";
    let args = ["device", "import", "--serial", root, "--secret-stdin"];
    let ran = world.home.awsmfa(args).stdin(WRONG).run().success();
    insta::assert_snapshot!(ran.err(), @"
    awsmfa: stored the secret of `arn:aws:iam::123456789012:mfa/root-account-mfa-device` in the file store; not verified, because no profile with keys uses this device
    hint: awsmfa code --pair arn:aws:iam::123456789012:mfa/root-account-mfa-device
    ");
}

#[test]
fn secret_with_rejected_codes_is_not_stored() {
    let world = World::new();
    let ran = world.home.awsmfa(IMPORT).stdin(WRONG).run().code(4);
    insta::assert_snapshot!(ran.err(), @"
    error: AWS rejects the codes that this secret generates for `arn:aws:iam::123456789012:mfa/alice`; nothing was stored
    hint: check that the secret key belongs to this device, and that the device was not replaced since then
    hint: store the secret without the check: `… | awsmfa device import --profile dev --secret-stdin --no-verify`
    ");
    assert!(!world.home.join(".local/share/awsmfa/devices.json").exists());
    // Nor does it replace the right one, not even with `--yes`.
    world.import();
    world.home.awsmfa(IMPORT).arg("--yes").stdin(WRONG).run().code(4);
    assert_eq!(stored(&world), world.device.seed);
}

#[test]
fn cached_session_proves_nothing_about_a_new_secret() {
    let world = World::imported();
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
    world.home.awsmfa(IMPORT).arg("--yes").stdin(WRONG).run().code(4);
    assert_eq!(stored(&world), world.device.seed);
}

/// They may be sessions of the device that the profile used before.
#[test]
fn ready_answers_are_forgotten() {
    let world = World::imported();
    let answers = || world.home.files().into_keys().filter(|name| name.contains("/answers/")).count();
    world.home.awsmfa(["credential-process", "--profile", "dev"]).run().success();
    assert_eq!(answers(), 1);
    world.import();
    assert_eq!(answers(), 0);
}

#[test]
fn no_verify_sends_nothing() {
    let world = World::new();
    world.home.awsmfa(IMPORT).arg("--no-verify").stdin(WRONG).run().success();
    assert_eq!((sessions(&world), stored(&world)), (0, WRONG.to_owned()));
}

#[test]
fn secret_is_stored_with_a_warning_if_the_check_is_not_possible() {
    let warning = "warning: could not verify that AWS accepts the codes of the secret: ";
    type Prepare = fn(&mut World);
    let cases: [(&str, Prepare); 6] = [
        ("network", |world| world.home.set("AWS_ENDPOINT_URL", "http://127.0.0.1:1")),
        ("permission", |world| {
            world.aws.fault(Fault::error(403, "AccessDenied", "no").on("GetSessionToken").forever());
        }),
        ("throttling", |world| world.aws.fault(Fault::throttling().on("GetSessionToken").forever())),
        ("portal", |world| world.aws.fault(Fault::captive_portal().forever())),
        ("keys", |world| world.home.write_credentials("")),
        ("device", |world| {
            world.aws.remove_device(&world.device.serial);
        }),
    ];
    for (name, prepare) in cases {
        let mut world = World::new();
        prepare(&mut world);
        let ran = world.home.awsmfa(IMPORT).stdin(&world.device.seed).run().success();
        assert!(ran.err().contains(warning), "{name}: {}", ran.err());
        assert_eq!(stored(&world), world.device.seed, "{name}");
    }
}

#[test]
fn wrong_clock_or_spent_budget_does_not_prevent_storing() {
    let world = World::new();
    world.freeze();
    let (result, err) = type_in(&world, 7_200, &[&world.device.seed]);
    assert!(result.is_ok() && err.contains("could not verify"), "{result:?} {err}");
    // A small offset is corrected.
    let world = World::new();
    world.freeze();
    let (result, err) = type_in(&world, -200, &[&world.device.seed]);
    assert!(result.is_ok() && err.contains("AWS accepts its codes"), "{result:?} {err}");
    // Two wrong secrets use up the device's tries.
    let world = World::new();
    world.freeze();
    for _ in 0..2 {
        let (result, _) = type_in(&world, 0, &[WRONG]);
        assert!(result.unwrap_err().starts_with("error: AWS rejects"));
    }
    let (result, err) = type_in(&world, 0, &[&world.device.seed]);
    assert!(result.is_ok() && err.contains("stored the secret"), "{result:?} {err}");
}

#[test]
fn check_waits_longer_for_aws_than_an_sdk_does() {
    let world = World::new();
    let slow = Asker::Sdk.deadline() + Duration::from_millis(500);
    world.aws.fault(Fault::delay(slow).on("GetSessionToken"));
    let ran = world.home.awsmfa(IMPORT).stdin(&world.device.seed).run().success();
    assert!(ran.err().contains("; AWS accepts its codes"), "{}", ran.err());
}

#[test]
fn person_may_try_again() {
    let world = World::new();
    world.freeze();
    let (result, err) = type_in(&world, 0, &["123 456", &world.device.seed[..62], &world.device.seed]);
    result.unwrap();
    assert!(err.contains("warning: this is a six-digit code, not the device's secret key"), "{err}");
    assert!(err.contains("warning: the secret key is truncated or mistyped: it has 62 characters"), "{err}");
    assert_eq!(stored(&world), world.device.seed);
    let (result, _) = type_in(&world, 0, &["123456"; 3]);
    assert!(result.unwrap_err().starts_with("error: this is a six-digit code"));
}

#[test]
fn uri_is_found_in_surrounding_text() {
    for (before, after) in [("", ""), ("\"", "\",\nmore"), ("uri: ", "\n")] {
        let world = World::new();
        let label = "AWS prod:alice";
        let uri = format!(
            "OTPAUTH://totp/{label}?issuer=AWS+(other)&Secret={}&period=30.0&digits=",
            world.device.seed
        );
        for flag in ["--uri-stdin", "--secret-stdin"] {
            let args = ["device", "import", "--profile", "dev", flag];
            world.home.awsmfa(args).stdin(&format!("{before}{uri}{after}")).run().success();
            assert_eq!(stored(&world), world.device.seed);
        }
    }
}

#[test]
fn crash_during_the_check_leaves_the_previous_secret() {
    let world = World::imported();
    let gate = Gate::new();
    world.aws.fault(Fault::held(&gate).on("GetSessionToken").forever());
    let run = world.home.awsmfa(IMPORT).arg("--yes");
    let mut child = run.into_command().stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), WRONG.as_bytes()).unwrap();
    until(|| sessions(&world) == 1);
    child.kill().unwrap();
    child.wait().unwrap();
    gate.open();
    assert_eq!(stored(&world), world.device.seed);
    world.aws.clear_faults();
    world.home.awsmfa(["login", "--profile", "dev"]).run().success();
}
