//! Changes to devices that STS sees late, and codes that arrive too early.

use std::time::Duration;

use fake_aws::{FakeAws, totp};

use crate::support::{Answer, Client, frozen};

const INVALID: &str = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
const UNABLE: &str = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial \
                      number is valid and associated with this user.";
const SERIAL: &str = "arn:aws:iam::123456789012:mfa/dev";
const LAG: Duration = Duration::from_secs(10);

struct Setup {
    aws: FakeAws,
    dev: Client,
    admin: Client,
}

impl Setup {
    fn new() -> Self {
        let aws = frozen();
        aws.add_user("dev");
        aws.add_admin("admin");
        let dev = Client::new(&aws, &aws.add_access_key("dev"));
        let admin = Client::new(&aws, &aws.add_access_key("admin"));
        aws.set_lag(LAG);
        Self { aws, dev, admin }
    }

    /// Creates the device and enables it with the codes of the last step and the current one.
    fn enroll(&self) {
        self.admin.iam("CreateVirtualMFADevice", &[("VirtualMFADeviceName", "dev")]).ok();
        self.pair("EnableMFADevice", 0).ok();
    }

    /// Sends the pair of codes that ends with the current step plus `offset`.
    fn pair(&self, action: &str, offset: i64) -> Answer {
        let code = |offset| self.aws.code(SERIAL, self.aws.clock().step() + offset);
        let (first, second) = (code(offset - 1), code(offset));
        let codes = [("AuthenticationCode1", &*first), ("AuthenticationCode2", &*second)];
        self.admin.iam(action, &[&[("UserName", "dev"), ("SerialNumber", SERIAL)], &codes[..]].concat())
    }

    fn remove(&self) {
        self.admin.iam("DeactivateMFADevice", &[("UserName", "dev"), ("SerialNumber", SERIAL)]).ok();
        self.admin.iam("DeleteVirtualMFADevice", &[("SerialNumber", SERIAL)]).ok();
    }

    fn login(&self, seed: &str, offset: i64) -> Answer {
        let code = totp::code(&totp::decode_seed(seed).unwrap(), self.aws.clock().step() + offset);
        self.dev.sts("GetSessionToken", &[("SerialNumber", SERIAL), ("TokenCode", &code)])
    }

    fn seed(&self) -> String {
        self.aws.seed(SERIAL)
    }
}

#[test]
fn early_code_is_used_up_and_counts_once() {
    let setup = Setup::new();
    setup.enroll();
    let seed = setup.seed();
    for _ in 0..3 {
        setup.login(&seed, 0).rejected(403, "AccessDenied", UNABLE);
    }
    setup.aws.clock().advance(LAG);
    setup.login(&seed, 0).rejected(403, "AccessDenied", INVALID);
    // One verification early, one just now: seven are left.
    for _ in 0..6 {
        setup.login(&seed, 50).rejected(403, "AccessDenied", INVALID);
    }
    setup.login(&seed, 1).ok();
    setup.login(&seed, 2).rejected(403, "AccessDenied", UNABLE);
}

#[test]
fn recreated_device_is_judged_by_the_old_secret_at_first() {
    let setup = Setup::new();
    setup.enroll();
    setup.aws.clock().advance(LAG);
    let old = setup.seed();
    setup.remove();
    setup.enroll();
    let new = setup.seed();
    assert_ne!(old, new);
    setup.aws.clock().advance(LAG - Duration::from_secs(1));
    setup.login(&new, 0).rejected(403, "AccessDenied", INVALID);
    setup.login(&old, 0).ok();
    setup.aws.clock().advance(Duration::from_secs(1));
    setup.login(&old, 1).rejected(403, "AccessDenied", INVALID);
    setup.login(&new, 0).ok();
}

#[test]
fn recreated_device_inherits_the_budget() {
    let setup = Setup::new();
    setup.enroll();
    setup.aws.clock().advance(LAG);
    let old = setup.seed();
    for _ in 0..9 {
        setup.login(&old, 50).rejected(403, "AccessDenied", INVALID);
    }
    setup.remove();
    setup.enroll();
    setup.aws.clock().advance(LAG);
    setup.login(&setup.seed(), 0).rejected(403, "AccessDenied", UNABLE);
    setup.aws.clock().advance(Duration::from_secs(180));
    setup.login(&setup.seed(), 0).ok();
}

#[test]
fn pair_can_be_used_up() {
    let setup = Setup::new();
    setup.aws.set_lag(Duration::ZERO);
    setup.aws.set_consume_pairs(true);
    setup.enroll();
    let seed = setup.seed();
    for offset in [-1, 0] {
        setup.login(&seed, offset).rejected(403, "AccessDenied", INVALID);
    }
    setup.login(&seed, 1).ok();
    setup.aws.clock().advance(Duration::from_secs(120));
    setup.pair("ResyncMFADevice", 0).ok();
    setup.login(&seed, 0).rejected(403, "AccessDenied", INVALID);
    setup.aws.set_consume_pairs(false);
    setup.aws.clock().advance(Duration::from_secs(120));
    setup.pair("ResyncMFADevice", 0).ok();
    setup.login(&seed, 0).ok();
}
