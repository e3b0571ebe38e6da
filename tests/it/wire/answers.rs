//! A truncated response is a lost response, wherever it is truncated.

use std::sync::Arc;
use std::time::Duration;

use awsmfa::testing::aws::{Aws, AwsErrorKind, Keys, Mfa, Network, Settings};
use awsmfa::testing::clock::SharedClock;
use awsmfa::testing::model::secret::Secret;
use awsmfa::testing::model::session::Session;
use awsmfa::testing::model::step::Step;
use awsmfa::testing::model::totp::Seed;
use chrono::TimeDelta;
use fake_aws::{Cut, Fault};

use crate::support::World;
use crate::support::in_process::SharedTime;

const CUTS: [Cut; 3] = [Cut::Matching, Cut::Close, Cut::Broken];

/// A connection to the world's server, and what GetSessionToken needs.
struct Caller {
    world: World,
    aws: Arc<Aws>,
    seed: Seed,
}

impl Caller {
    fn new() -> Self {
        let world = World::new();
        world.freeze();
        let clock: SharedClock = Arc::new(SharedTime::from(world.aws.clock()));
        let endpoint = Some(world.aws.endpoint().parse().unwrap());
        let settings = Settings::of_region("us-east-1".parse().unwrap(), Duration::from_secs(60));
        let settings = Settings { sts_endpoint: endpoint.clone(), iam_endpoint: endpoint, ..settings };
        let seed = Seed::from_base32(&world.device.seed).unwrap();
        Self { aws: Network::default().aws(settings, &clock).unwrap(), seed, world }
    }

    fn keys(&self) -> Keys {
        Keys::new(&self.world.key.id, Secret::from(self.world.key.secret.as_str()), None)
    }

    /// Calls GetSessionToken with a new code.
    fn session(&self) -> Result<Session, AwsErrorKind> {
        self.world.aws.clock().advance(Duration::from_secs(60));
        let code = self.seed.code(Step::at(self.world.aws.clock().now()));
        let mfa = Mfa { serial: self.world.device.serial.parse().unwrap(), code };
        let duration = "1h".parse().unwrap();
        let reply = self.aws.signed(&self.keys(), TimeDelta::zero()).get_session_token(&mfa, duration);
        reply.result.map_err(|error| error.kind)
    }
}

/// Longer than any response from fake-aws to these requests, in bytes.
const LONGEST: usize = 1300;

#[test]
fn session_truncated_at_any_byte_is_a_lost_response() {
    let caller = Caller::new();
    for cut in CUTS {
        for missing in 1..LONGEST {
            caller.world.aws.fault(Fault::cut(missing, cut));
            assert_eq!(caller.session().map(|_| "a session"), Err(AwsErrorKind::Lost), "{cut:?}: {missing}");
        }
    }
    assert!(caller.session().is_ok());
}

#[test]
fn response_with_a_missing_element_is_a_lost_response() {
    let caller = Caller::new();
    for element in ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "Credentials"] {
        caller.world.aws.fault(Fault::without(element));
        assert_eq!(caller.session().map(|_| "a session"), Err(AwsErrorKind::Lost), "{element}");
    }
    let keys = caller.keys();
    let aws = caller.aws.signed(&keys, TimeDelta::zero());
    caller.world.aws.fault(Fault::without("SerialNumber"));
    assert_eq!(aws.list_mfa_devices(None).result.unwrap_err().kind, AwsErrorKind::Lost);
    for element in ["Base32StringSeed", "VirtualMFADevice"] {
        caller.world.aws.fault(Fault::without(element));
        let reply = aws.create_virtual_mfa_device(&format!("for-{element}"), "/", &[]);
        assert_eq!(reply.result.unwrap_err().kind, AwsErrorKind::Lost, "{element}");
    }
}

#[test]
fn list_truncated_at_any_byte_is_a_lost_response() {
    let caller = Caller::new();
    caller.world.aws.set_page_size(1);
    caller.world.aws.add_device("alice", "second");
    let list = || caller.aws.signed(&caller.keys(), TimeDelta::zero()).list_mfa_devices(None).result;
    for missing in (1..LONGEST).step_by(9) {
        caller.world.aws.fault(Fault::cut(missing, Cut::Close).after(1).forever());
        assert_eq!(list().unwrap_err().kind, AwsErrorKind::Lost, "{missing}");
        caller.world.aws.clear_faults();
    }
    assert_eq!(list().unwrap().len(), 2);
}

#[test]
fn seed_truncated_at_any_byte_is_a_lost_response() {
    let caller = Caller::new();
    for missing in (1..LONGEST).step_by(9) {
        caller.world.aws.fault(Fault::cut(missing, Cut::Matching));
        let name = format!("new-{missing}");
        let reply =
            caller.aws.signed(&caller.keys(), TimeDelta::zero()).create_virtual_mfa_device(&name, "/", &[]);
        let error = reply.result.unwrap_err();
        assert_eq!(error.kind, AwsErrorKind::Lost, "{missing}");
        assert!(error.may_have_acted());
    }
}

#[test]
fn truncated_error_is_a_lost_response() {
    let caller = Caller::new();
    let keys = Keys::new(&caller.world.key.id, Secret::from("wrong"), None);
    let rejection =
        || caller.aws.signed(&keys, TimeDelta::zero()).get_caller_identity().result.unwrap_err().kind;
    for missing in 1..200 {
        caller.world.aws.fault(Fault::cut(missing, Cut::Matching));
        assert_eq!(rejection(), AwsErrorKind::Lost, "{missing}");
    }
    assert_eq!(rejection(), AwsErrorKind::WrongSecretKey);
}

#[test]
fn login_retries_a_lost_response_with_a_new_code() {
    for cut in CUTS {
        let world = World::imported();
        world.aws.fault(Fault::cut(300, cut).on("GetSessionToken"));
        world.home.awsmfa(["login", "--profile", "dev"]).run().success();
        let codes = world.aws.codes_sent(&world.device.serial);
        assert_eq!(codes.len(), 2, "{cut:?}");
        assert_ne!(codes[0], codes[1]);
        // The session is complete: it can sign a request.
        let written = |key: &str| world.home.credential("dev", key).unwrap();
        let run = world.home.awsmfa(["device", "list"]);
        let run = run.env("AWS_ACCESS_KEY_ID", written("aws_access_key_id"));
        let run = run.env("AWS_SECRET_ACCESS_KEY", written("aws_secret_access_key"));
        run.env("AWS_SESSION_TOKEN", written("aws_session_token")).run().success();
    }
}

#[test]
fn sdk_never_gets_part_of_a_session() {
    for cut in CUTS {
        let world = World::imported();
        world.aws.fault(Fault::cut(300, cut).on("GetSessionToken").forever());
        let ran = world.home.awsmfa(["credential-process", "--profile", "dev"]).run().code(6);
        assert_eq!(ran.out(), "");
        assert!(
            ran.err().starts_with("awsmfa: no complete response to GetSessionToken from "),
            "{}",
            ran.err()
        );
        assert_eq!(ran.err().lines().count(), 1);
    }
}
