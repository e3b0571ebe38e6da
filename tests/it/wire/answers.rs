//! Answers that are cut short are lost answers, wherever they are cut.

use std::sync::Arc;
use std::time::Duration;

use awsmfa::aws::{Aws, AwsErrorKind, Keys, Mfa, Settings};
use awsmfa::model::secret::Secret;
use awsmfa::model::session::Session;
use awsmfa::model::step::Step;
use awsmfa::model::totp::Seed;
use chrono::TimeDelta;
use fake_aws::{Cut, Fault};

use crate::support::World;
use crate::support::in_process::SharedTime;

const CUTS: [Cut; 3] = [Cut::Matching, Cut::Close, Cut::Broken];

/// A way to the world's server, and what GetSessionToken needs.
struct Caller {
    world: World,
    aws: Aws,
    seed: Seed,
}

impl Caller {
    fn new() -> Self {
        let world = World::new();
        world.freeze();
        let clock = Arc::new(SharedTime::from(world.aws.clock()));
        let settings = Settings {
            region: "us-east-1".into(),
            sts_endpoint: Some(world.aws.endpoint()),
            iam_endpoint: Some(world.aws.endpoint()),
            deadline: Duration::from_secs(60),
            ..Settings::default()
        };
        let seed = Seed::from_base32(&world.device.seed).unwrap();
        Self { aws: Aws::new(settings, clock).unwrap(), seed, world }
    }

    fn keys(&self) -> Keys {
        Keys::new(&self.world.key.id, Secret::from(self.world.key.secret.as_str()), None)
    }

    /// GetSessionToken with a new code.
    fn session(&self) -> Result<Session, AwsErrorKind> {
        self.world.aws.clock().advance(Duration::from_secs(60));
        let code = self.seed.code(Step::at(self.world.aws.clock().now()));
        let mfa = Mfa { serial: self.world.device.serial.parse().unwrap(), code };
        let duration = "1h".parse().unwrap();
        let reply = self.aws.get_session_token(&self.keys(), &mfa, duration, TimeDelta::zero());
        reply.result.map_err(|error| error.kind)
    }
}

/// How long a GetSessionToken response of fake-aws may be at most: nothing is cut after its end.
const LONGEST: usize = 4096;

#[test]
fn a_session_cut_at_any_byte_is_a_lost_response() {
    let caller = Caller::new();
    for cut in CUTS {
        let mut lost = 0;
        for at in 0..LONGEST {
            caller.world.aws.fault(Fault::cut(at, cut));
            match caller.session() {
                Ok(_) => break,
                Err(kind) => assert_eq!(kind, AwsErrorKind::Lost, "{cut:?} at {at}"),
            }
            lost += 1;
        }
        // The last cut is one before the last byte.
        assert!((500..LONGEST).contains(&lost), "{cut:?}: {lost}");
    }
}

#[test]
fn every_other_response_cut_at_any_byte_is_lost_too() {
    let caller = Caller::new();
    caller.world.aws.set_page_size(1);
    caller.world.aws.add_device("alice", "second");
    let keys = caller.keys();
    let zero = TimeDelta::zero();
    for at in (0..LONGEST).step_by(7) {
        // The second page is cut.
        caller.world.aws.fault(Fault::cut(at, Cut::Close).on("ListMFADevices").after(1).times(3));
        match caller.aws.list_mfa_devices(&keys, None, zero).result {
            Ok(devices) => {
                assert_eq!(devices.len(), 2, "at {at}");
                assert!(at > 100);
                return;
            }
            Err(error) => assert_eq!(error.kind, AwsErrorKind::Lost, "at {at}: {error}"),
        }
        caller.world.aws.clear_faults();
    }
    panic!("no cut is after the end");
}

#[test]
fn a_refusal_cut_short_is_a_lost_response() {
    let caller = Caller::new();
    let keys = Keys::new(&caller.world.key.id, Secret::from("wrong"), None);
    for at in (1..LONGEST).step_by(5) {
        caller.world.aws.fault(Fault::cut(at, Cut::Matching));
        let reply = caller.aws.get_caller_identity(&keys, TimeDelta::zero());
        match reply.result.unwrap_err().kind {
            AwsErrorKind::WrongSecretKey => return assert!(at > 200),
            kind => assert_eq!(kind, AwsErrorKind::Lost, "at {at}"),
        }
    }
    panic!("no cut is after the end");
}

#[test]
fn login_retries_a_lost_response_with_a_new_code() {
    for cut in CUTS {
        let world = World::imported();
        world.aws.fault(Fault::cut(700, cut).on("GetSessionToken"));
        world.home.awsmfa(["login", "--profile", "dev"]).run().success();
        let codes = world.aws.codes_sent(&world.device.serial);
        assert_eq!(codes.len(), 2, "{cut:?}");
        assert_ne!(codes[0], codes[1]);
        // The session is the whole one: it signs.
        let written = |key: &str| world.home.credential("dev", key).unwrap();
        let run = world.home.awsmfa(["device", "list"]);
        let run = run.env("AWS_ACCESS_KEY_ID", written("aws_access_key_id"));
        let run = run.env("AWS_SECRET_ACCESS_KEY", written("aws_secret_access_key"));
        run.env("AWS_SESSION_TOKEN", written("aws_session_token")).run().success();
    }
}

#[test]
fn an_sdk_never_gets_part_of_a_session() {
    for cut in CUTS {
        let world = World::imported();
        world.aws.fault(Fault::cut(700, cut).on("GetSessionToken").forever());
        let ran = world.home.awsmfa(["credential-process", "--profile", "dev"]).run().code(6);
        assert_eq!(ran.out(), "");
        assert!(ran.err().starts_with("awsmfa: no complete response to GetSessionToken: "), "{}", ran.err());
        assert_eq!(ran.err().lines().count(), 1);
    }
}
