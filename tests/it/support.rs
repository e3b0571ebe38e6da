//! What the tests share: a home folder for each test, the real binary, and fake-aws.

pub mod conductor;
#[cfg(target_os = "linux")]
pub mod desktop;
#[cfg(unix)]
mod display;
mod home;
pub mod in_process;
pub mod kills;
#[cfg(target_os = "linux")]
pub mod opened;
pub mod pictures;
mod run;
#[cfg(unix)]
pub mod screen;
pub mod sessions;

use fake_aws::{Device, FakeAws};

pub use self::home::Home;
pub use self::run::{Ran, Run};

/// `awsmfa` alone.
pub const NO_ARGS: [&str; 0] = [];

/// A secret that no device of fake-aws has.
pub const OTHER_SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/// Prints that a test is skipped because `what`, a program or a permission, is missing. If `AWSMFA_TEST_ALL` is set, as in
/// `.ci/run`, the test fails instead.
#[track_caller]
#[allow(clippy::disallowed_methods, reason = "a setting of the tests, not of awsmfa")]
#[allow(clippy::print_stderr, reason = "the test runner shows it with the test")]
pub fn skipped(what: &str) {
    assert!(std::env::var_os("AWSMFA_TEST_ALL").is_none(), "missing: {what}, which this test needs");
    eprintln!("skipped: missing {what}");
}

/// Waits until another process or thread has made `done` true. Panics after a minute.
#[track_caller]
#[allow(clippy::disallowed_methods, reason = "other processes run on real time")]
pub fn until(mut done: impl FnMut() -> bool) {
    for _ in 0..12_000 {
        if done() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("still waiting after a minute");
}

/// fake-aws with a user `alice`, and a home folder where profile `dev` has the user's access key.
pub struct World {
    pub aws: FakeAws,
    pub home: Home,
    pub key: fake_aws::AccessKey,
    /// The user's MFA device. It is enabled in AWS.
    pub device: Device,
}

impl World {
    /// A world in which `mfa_serial` of `dev` is the device's ARN, but the device's secret is not stored yet.
    pub fn new() -> Self {
        Self::with(FakeAws::start())
    }

    /// [`new`](Self::new) on this server.
    pub fn with(aws: FakeAws) -> Self {
        aws.add_user("alice");
        let key = aws.add_access_key("alice");
        let device = aws.add_device("alice", "alice");
        let home = Home::new(&aws);
        home.write_credentials(&format!(
            "[dev]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            key.id, key.secret
        ));
        home.write_config(&format!("[profile dev]\nregion = eu-central-1\nmfa_serial = {}\n", device.serial));
        Self { aws, home, key, device }
    }

    /// [`new`](Self::new), with the device's secret stored.
    pub fn imported() -> Self {
        let world = Self::new();
        world.import();
        world
    }

    /// A world without AWS files: the access key is in the environment, and the device's secret is stored.
    pub fn with_keys_in_environment() -> Self {
        let aws = FakeAws::start();
        aws.add_user("alice");
        let (key, device) = (aws.add_access_key("alice"), aws.add_device("alice", "alice"));
        let mut home = Home::new(&aws);
        home.set_keys(&key);
        home.import(&device.serial, &device.seed);
        Self { aws, home, key, device }
    }

    /// Stores the device's secret, without asking AWS.
    pub fn import(&self) {
        self.home.import_for("dev", &self.device.seed);
    }

    /// [`new`](Self::new), with another device's secret stored for the device.
    pub fn with_the_wrong_secret() -> Self {
        let world = Self::new();
        world.home.import_for("dev", OTHER_SECRET);
        world
    }

    /// [`new`](Self::new), with another profile `bob`, whose user has this device.
    #[cfg(target_os = "linux")]
    pub fn with_bob() -> (Self, Device) {
        let world = Self::new();
        world.aws.add_user("bob");
        let (key, device) = (world.aws.add_access_key("bob"), world.aws.add_device("bob", "bob"));
        let (credentials, config) = (world.home.read(".aws/credentials"), world.home.read(".aws/config"));
        world.home.write_credentials(&format!(
            "{credentials}[bob]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            key.id, key.secret
        ));
        world.home.write_config(&format!(
            "{config}[profile bob]\nregion = eu-central-1\nmfa_serial = {}\n",
            device.serial
        ));
        (world, device)
    }

    /// [`imported`](Self::imported), with the clock of fake-aws frozen.
    pub fn frozen() -> Self {
        Self::frozen_with(FakeAws::start())
    }

    /// [`frozen`](Self::frozen) on this server.
    pub fn frozen_with(aws: FakeAws) -> Self {
        let world = Self::with(aws);
        world.import();
        world.freeze();
        world
    }
}

/// The words of a command line without quotes.
pub fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split_ascii_whitespace()
}
