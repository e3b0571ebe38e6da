//! What every test needs: a home of its own, the real binary, and fake-aws.

pub mod conductor;
pub mod in_process;
#[cfg(unix)]
pub mod screen;
pub mod sessions;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use age::secrecy::ExposeSecret;
use fake_aws::{Device, FakeAws};

/// The passphrase of every test's file store.
const PASSPHRASE: &str = "correct horse";

/// `awsmfa` alone.
pub const NO_ARGS: [&str; 0] = [];

/// A secret that no device of fake-aws has.
pub const OTHER_SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/// `identity.age` and `recipient` of a file store, with the lowest cost that age knows.
static STORE: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let identity = age::x25519::Identity::generate();
    let mut recipient = age::scrypt::Recipient::new(PASSPHRASE.to_owned().into());
    recipient.set_work_factor(1);
    let text = format!("{}\n", identity.to_string().expose_secret());
    let sealed = age::encrypt(&recipient, text.as_bytes()).unwrap();
    (sealed, format!("{}\n", identity.to_public()).into_bytes())
});

/// Says that a test does not run for want of `what`, a program or a right. Where `AWSMFA_TEST_ALL` is set, as in
/// `.ci/run`, every test has to run, and this is a failure.
#[track_caller]
#[allow(clippy::disallowed_methods, reason = "the tests' own setting, not one of the program's")]
#[allow(clippy::print_stderr, reason = "the runner shows it with the test")]
pub fn skipped(what: &str) {
    assert!(std::env::var_os("AWSMFA_TEST_ALL").is_none(), "{what} is needed to run every test");
    eprintln!("skipped: there is no {what}");
}

/// Waits for another process or thread until `done`; after a minute it never will be.
#[track_caller]
#[allow(clippy::disallowed_methods, reason = "others are waited for, in their time")]
pub fn until(mut done: impl FnMut() -> bool) {
    for _ in 0..12_000 {
        if done() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("waited for a minute");
}

/// The long-term keys of the user, written to `[dev]`, and a device.
pub struct World {
    /// The server.
    pub aws: FakeAws,
    /// The home folder, with `.aws`.
    pub home: Home,
    /// The user's access key.
    pub key: fake_aws::AccessKey,
    /// The user's device, enabled.
    pub device: Device,
}

impl World {
    /// fake-aws with a user `alice`, whose keys stand in `[dev]` and whose device is named by `mfa_serial`, but not
    /// imported yet.
    pub fn new() -> Self {
        Self::with(FakeAws::start())
    }

    /// The same on this server.
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

    /// The same with the device's secret imported.
    pub fn imported() -> Self {
        let world = Self::new();
        world.import();
        world
    }

    /// Imports the device's secret for `dev`.
    pub fn import(&self) {
        self.home.import_for("dev", &self.device.seed);
    }

    /// The same with the wrong secret imported: that of another device.
    pub fn with_the_wrong_secret() -> Self {
        let world = Self::new();
        world.home.import_for("dev", OTHER_SECRET);
        world
    }

    /// The same with the device's secret imported and the clock frozen.
    pub fn frozen() -> Self {
        Self::frozen_with(FakeAws::start())
    }

    /// The same on this server.
    pub fn frozen_with(aws: FakeAws) -> Self {
        let world = Self::with(aws);
        world.import();
        world.freeze();
        world
    }
}

/// A folder that is a person's home, and the variables that make it so.
pub struct Home {
    folder: tempfile::TempDir,
    vars: BTreeMap<String, String>,
}

impl Home {
    /// An empty home in which AWS is `aws`. New secrets go to the file store, whose passphrase is in a file.
    pub fn new(aws: &FakeAws) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |rest: &str| folder.path().join(rest).to_str().unwrap().to_owned();
        let vars = BTreeMap::from([
            ("HOME".to_owned(), path("")),
            ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("AWS_ENDPOINT_URL".to_owned(), aws.endpoint()),
            ("AWSMFA_STORE".to_owned(), "file".to_owned()),
            ("AWSMFA_PASSPHRASE_FILE".to_owned(), path("passphrase")),
            ("AWSMFA_NO_INPUT".to_owned(), "1".to_owned()),
        ]);
        let home = Self { folder, vars };
        home.write("passphrase", &format!("{PASSPHRASE}\n"));
        home.chmod("passphrase", 0o600);
        home.make_store();
        home
    }

    /// An empty file store that opens at once: real ones cost a third of a second a process, by design.
    fn make_store(&self) {
        let store = ".local/share/awsmfa/store";
        self.write(&format!("{store}/identity.age"), "");
        for (file, bytes) in [("identity.age", &STORE.0), ("recipient", &STORE.1)] {
            fs::write(self.join(store).join(file), bytes).unwrap();
            self.chmod(&format!("{store}/{file}"), 0o600);
        }
        for folder in [".local", ".local/share", ".local/share/awsmfa", store] {
            self.chmod(folder, 0o700);
        }
    }

    /// Takes the ready file store away: it has not been made yet.
    pub fn forget_store(&self) {
        fs::remove_dir_all(self.join(".local")).unwrap();
    }

    /// What an entry of the file store holds, opened as `age -d -i identity.age ENTRY` does.
    pub fn open_entry(&self, entry: impl AsRef<Path>) -> String {
        let passphrase = age::scrypt::Identity::new(PASSPHRASE.to_owned().into());
        let identity = age::decrypt(&passphrase, &STORE.0).unwrap();
        let identity: age::x25519::Identity = std::str::from_utf8(&identity).unwrap().trim().parse().unwrap();
        let bytes = fs::read(self.join(".local/share/awsmfa/store").join(entry)).unwrap();
        String::from_utf8(age::decrypt(&identity, &bytes).unwrap()).unwrap()
    }

    /// The home folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the home folder.
    pub fn join(&self, rest: &str) -> PathBuf {
        self.path().join(rest)
    }

    /// Sets a variable for every later run.
    pub fn set(&mut self, name: &str, value: &str) {
        self.vars.insert(name.to_owned(), value.to_owned());
    }

    /// Takes a variable away.
    pub fn unset(&mut self, name: &str) {
        self.vars.remove(name);
    }

    /// The variables.
    pub fn vars(&self) -> &BTreeMap<String, String> {
        &self.vars
    }

    /// Writes a file.
    pub fn write(&self, rest: &str, text: &str) {
        let path = self.join(rest);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes `~/.aws/credentials`.
    pub fn write_credentials(&self, text: &str) {
        self.write(".aws/credentials", text);
        self.chmod(".aws/credentials", 0o600);
    }

    /// Writes `~/.aws/config`.
    pub fn write_config(&self, text: &str) {
        self.write(".aws/config", text);
    }

    /// Sets a file's mode.
    pub fn chmod(&self, rest: &str, mode: u32) {
        #[cfg(unix)]
        fs::set_permissions(self.join(rest), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        #[cfg(not(unix))]
        let _ = (rest, mode);
    }

    /// Reads a file.
    pub fn read(&self, rest: &str) -> String {
        fs::read_to_string(self.join(rest)).unwrap()
    }

    /// Reads `~/.aws/credentials`.
    pub fn credentials(&self) -> String {
        self.read(".aws/credentials")
    }

    /// The value of a key in a section of the credentials file, as an independent parser reads it.
    pub fn credential(&self, section: &str, key: &str) -> Option<String> {
        let ini = ini::Ini::load_from_str_noescape(&self.credentials()).unwrap();
        ini.section(Some(section))?.get(key).map(str::to_owned)
    }

    /// Every file below the home, by its path from there, with its bytes.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(self.path(), self.path(), &mut files);
        files
    }

    /// The binary with these arguments, not yet run. `words("login -p dev")` splits a line into arguments.
    pub fn awsmfa(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_awsmfa"));
        command.args(args).env_clear().envs(&self.vars).current_dir(self.path());
        Run { command, stdin: None, home: self.path().to_owned() }
    }

    /// Stores `secret` as that of the device with this serial, without asking AWS.
    pub fn import(&self, serial: &str, secret: &str) {
        let args = ["device", "import", "--serial", serial, "--secret-stdin", "--no-verify", "--yes"];
        self.awsmfa(args).stdin(secret).run().success();
    }

    /// The same for the device of a profile.
    pub fn import_for(&self, profile: &str, secret: &str) {
        let args = ["device", "import", "--profile", profile, "--secret-stdin", "--no-verify", "--yes"];
        self.awsmfa(args).stdin(secret).run().success();
    }
}

/// The words of a command line without quotes.
pub fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split_ascii_whitespace()
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if let Ok(bytes) = fs::read(&path) {
            files.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), bytes);
        }
    }
}

/// A run of the binary that has not begun.
pub struct Run {
    command: Command,
    stdin: Option<String>,
    home: PathBuf,
}

impl Run {
    /// Gives it this on standard input.
    pub fn stdin(mut self, text: &str) -> Self {
        self.stdin = Some(text.to_owned());
        self
    }

    /// Sets a variable for this run.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Takes a variable away for this run.
    pub fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs it to its end.
    pub fn run(mut self) -> Ran {
        self.command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if let Some(text) = self.stdin {
            // A program that ends without reading closes the pipe; its exit code tells.
            let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
        }
        Ran { output: child.wait_with_output().unwrap(), home: self.home }
    }

    /// Lets another program start it: `program`, its arguments, then the binary and its own.
    pub fn under(mut self, program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).arg(self.command.get_program()).args(self.command.get_args()).env_clear();
        command.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(&self.home);
        self.command = command;
        self
    }

    /// The command itself, for tests that start it in their own way.
    pub fn into_command(self) -> Command {
        self.command
    }
}

/// What a run left.
pub struct Ran {
    output: Output,
    home: PathBuf,
}

impl Ran {
    /// Demands exit code 0.
    #[track_caller]
    pub fn success(self) -> Self {
        self.code(0)
    }

    /// Demands this exit code.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.output.status.code(), Some(code), "stdout: {}\nstderr: {}", self.out(), self.err());
        self
    }

    /// Its exit code; `None` if a signal ended it.
    pub fn exit_code(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// Its stdout.
    pub fn out(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    /// Its stderr, with what changes from run to run replaced: the home, ports, times and durations.
    /// Every command in it must be one of awsmfa's.
    #[track_caller]
    pub fn err(&self) -> String {
        let text = String::from_utf8(self.output.stderr.clone()).unwrap();
        crate::documents::commands::assert_parse(&text);
        let text = text.replace(self.home.to_str().unwrap(), "~");
        let replace = |text: String, pattern: &str, with: &str| {
            regex::Regex::new(pattern).unwrap().replace_all(&text, with).into_owned()
        };
        let text = replace(text, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\d{8}T\d{6}Z", "[TIME]");
        let text = replace(text, r"\(os error \d+\)", "(os error [N])");
        let text = replace(text, r"\(\d+[hms]( \d+[ms])?\)", "([LEFT])");
        replace(text, r"127\.0\.0\.1:\d+", "[AWS]")
    }

    /// Its stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out()).unwrap()
    }
}
