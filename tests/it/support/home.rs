//! A home folder of its own for each test, and the environment that makes the binary use it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use age::secrecy::ExposeSecret;
use fake_aws::{AccessKey, FakeAws};

use super::run::Run;

/// The passphrase of every test's file store.
const PASSPHRASE: &str = "correct horse";

/// `identity.age` and `recipient` of a file store, with the lowest work factor that age supports.
static STORE: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let identity = age::x25519::Identity::generate();
    let mut recipient = age::scrypt::Recipient::new(PASSPHRASE.to_owned().into());
    recipient.set_work_factor(1);
    let text = format!("{}\n", identity.to_string().expose_secret());
    let sealed = age::encrypt(&recipient, text.as_bytes()).unwrap();
    (sealed, format!("{}\n", identity.to_public()).into_bytes())
});

/// A home folder and the environment variables that belong to it.
pub struct Home {
    folder: tempfile::TempDir,
    vars: BTreeMap<String, String>,
}

impl Home {
    /// An empty home folder that uses `aws`, and a file store that reads its passphrase from a file.
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
            // All homes share the kernel keyring of the person who runs the tests.
            ("AWSMFA_UNLOCK_FOR".to_owned(), "0".to_owned()),
        ]);
        let home = Self { folder, vars };
        home.write("passphrase", &format!("{PASSPHRASE}\n"));
        home.chmod("passphrase", 0o600);
        home.make_store();
        home
    }

    /// Creates an empty file store that unlocks fast. By design, unlocking a real one takes a third of a second.
    pub fn make_store(&self) {
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

    /// Deletes the prepared file store, so that awsmfa has to create one.
    pub fn forget_store(&self) {
        fs::remove_dir_all(self.join(".local")).unwrap();
    }

    /// Decrypts an entry of the file store, as `age -d -i identity.age ENTRY` does.
    pub fn open_entry(&self, entry: impl AsRef<Path>) -> String {
        let passphrase = age::scrypt::Identity::new(PASSPHRASE.to_owned().into());
        let identity = age::decrypt(&passphrase, &STORE.0).unwrap();
        let identity: age::x25519::Identity = std::str::from_utf8(&identity).unwrap().trim().parse().unwrap();
        let bytes = fs::read(self.join(".local/share/awsmfa/store").join(entry)).unwrap();
        String::from_utf8(age::decrypt(&identity, &bytes).unwrap()).unwrap()
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path below the home folder.
    pub fn join(&self, rest: &str) -> PathBuf {
        self.path().join(rest)
    }

    /// Sets a variable for every later run.
    pub fn set(&mut self, name: &str, value: &str) {
        self.vars.insert(name.to_owned(), value.to_owned());
    }

    /// Sets the environment variables of an access key for every later run.
    pub fn set_keys(&mut self, key: &AccessKey) {
        self.set("AWS_ACCESS_KEY_ID", &key.id);
        self.set("AWS_SECRET_ACCESS_KEY", &key.secret);
    }

    /// Removes a variable for every later run.
    pub fn unset(&mut self, name: &str) {
        self.vars.remove(name);
    }

    pub fn vars(&self) -> &BTreeMap<String, String> {
        &self.vars
    }

    /// Writes a file and creates its parent folders.
    pub fn write(&self, rest: &str, text: &str) {
        let path = self.join(rest);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a script that can be run at once. A process of its own writes it: a file that is open for writing here would be
    /// inherited by what another test starts at that moment, and Linux refuses to run a file while anybody can write to it.
    pub fn write_program(&self, rest: &str, text: &str) {
        let path = self.join(rest);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let script = "printf %s \"$1\" >\"$0\" && chmod 755 \"$0\"";
        let status = Command::new("/bin/sh").arg("-c").arg(script).arg(path).arg(text).status();
        assert!(status.unwrap().success());
    }

    /// Writes `~/.aws/credentials` with mode 0600.
    pub fn write_credentials(&self, text: &str) {
        self.write(".aws/credentials", text);
        self.chmod(".aws/credentials", 0o600);
    }

    pub fn write_config(&self, text: &str) {
        self.write(".aws/config", text);
    }

    /// Sets a file's mode. Does nothing on Windows.
    pub fn chmod(&self, rest: &str, mode: u32) {
        #[cfg(unix)]
        fs::set_permissions(self.join(rest), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        #[cfg(not(unix))]
        let _ = (rest, mode);
    }

    pub fn read(&self, rest: &str) -> String {
        fs::read_to_string(self.join(rest)).unwrap()
    }

    pub fn credentials(&self) -> String {
        self.read(".aws/credentials")
    }

    /// The value of a key in a section of the credentials file, read by a parser that awsmfa does not edit with.
    pub fn credential(&self, section: &str, key: &str) -> Option<String> {
        let ini = ini::Ini::load_from_str_noescape(&self.credentials()).unwrap();
        ini.section(Some(section))?.get(key).map(str::to_owned)
    }

    /// The content of every file below the home folder, by relative path.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(self.path(), self.path(), &mut files);
        files
    }

    /// The times of all files and folders below the home folder: each change of content, mode or name leaves a trace.
    #[cfg(target_os = "linux")]
    pub fn stamps(&self) -> BTreeMap<PathBuf, [i64; 5]> {
        use std::os::unix::fs::MetadataExt;
        let mut stamps = BTreeMap::new();
        let mut left = vec![self.path().to_owned()];
        while let Some(path) = left.pop() {
            let found = fs::symlink_metadata(&path).unwrap();
            if found.is_dir() {
                left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
            let times = [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()];
            let [a, b, c, d] = times;
            stamps.insert(path, [a, b, c, d, found.ino().cast_signed()]);
        }
        stamps
    }

    /// The binary with these arguments. [`words`](super::words) splits a command line into arguments.
    pub fn awsmfa(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_awsmfa"));
        command.args(args).env_clear().envs(&self.vars).current_dir(self.path());
        Run::new(command, self.path())
    }

    /// Stores `secret` for the device with this serial number, without asking AWS.
    pub fn import(&self, serial: &str, secret: &str) {
        let args = ["device", "import", "--serial", serial, "--secret-stdin", "--no-verify", "--yes"];
        self.awsmfa(args).stdin(secret).run().success();
    }

    /// Stores `secret` for the device of a profile, without asking AWS.
    pub fn import_for(&self, profile: &str, secret: &str) {
        let args = ["device", "import", "--profile", profile, "--secret-stdin", "--no-verify", "--yes"];
        self.awsmfa(args).stdin(secret).run().success();
    }
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
