//! The file store in a temporary folder. The real `age` tool opens it in the end-to-end tests.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use super::*;
use crate::env::Env;

mod unlocking;

const SEED: &str = "otpauth://totp/AWS:alice?secret=JBSWY3DPEHPK3PXP&issuer=AWS";
const NAME: &str = "arn:aws:iam::123456789012:mfa/alice";

/// Answers with passphrases in turn, then always with the last one, and counts the prompts.
#[derive(Clone)]
struct Person {
    answers: &'static [&'static str],
    origin: Origin,
    asked: Arc<AtomicU32>,
}

impl Person {
    fn who_types(answers: &'static [&'static str]) -> Self {
        Self { answers, origin: Origin::Person, asked: Arc::default() }
    }

    fn answer(&self) -> Secret<String> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst) as usize;
        Secret::from(self.answers[turn.min(self.answers.len() - 1)])
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

impl PassphraseSource for Person {
    fn origin(&self) -> Origin {
        self.origin
    }

    fn existing(&self, _: u32) -> Result<Secret<String>, StoreError> {
        Ok(self.answer())
    }

    fn new_passphrase(&self) -> Result<Secret<String>, StoreError> {
        Ok(self.answer())
    }
}

/// These stores have a passphrase.
struct NoPlugin;

impl Attendant for NoPlugin {
    fn env(&self) -> &Env {
        unreachable!("no plugin runs")
    }

    fn limit(&self) -> Duration {
        Duration::ZERO
    }

    fn tell(&self, _: &str) {}

    fn secret(&self, _: &str) -> Result<Secret<String>, StoreError> {
        Err(StoreError::Interrupted)
    }

    fn confirm(&self, _: &str, _: &str) -> Result<bool, StoreError> {
        Ok(false)
    }
}

fn open(home: &TempDir, person: &Person) -> AgeFileStore {
    open_for(home, person, Duration::ZERO)
}

fn open_for(home: &TempDir, person: &Person, unlock_for: Duration) -> AgeFileStore {
    let (folder, lock) = (home.path().join("data/store"), home.path().join("state/store.lock"));
    AgeFileStore::new(folder, lock, Box::new(person.clone()), Box::new(NoPlugin), unlock_for)
}

/// A home with a store whose passphrase is `correct horse`, with [`SEED`] stored under [`NAME`].
fn home_with_entry() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    open(&home, &Person::who_types(&["correct horse"])).put(NAME, &SEED.into()).unwrap();
    home
}

fn get(home: &TempDir, passphrase: &'static [&'static str]) -> Result<Option<Secret<String>>, StoreError> {
    open(home, &Person::who_types(passphrase)).get(NAME)
}

fn damage<T>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Damaged { what, .. }) => what,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("the damage was not noticed"),
    }
}

#[test]
fn secret_is_there_for_the_next_process() {
    let home = home_with_entry();
    let person = Person::who_types(&["correct horse"]);
    let store = open(&home, &person);
    assert_eq!(store.get("other").unwrap(), None);
    store.put("other", &"second line\n".into()).unwrap();
    assert_eq!(person.asked(), 0, "neither a missing secret nor adding one needs the passphrase");
    assert_eq!(store.get(NAME).unwrap(), Some(SEED.into()));
    assert_eq!(store.get("other").unwrap(), Some("second line\n".into()));
    assert_eq!(person.asked(), 1, "reading asks once per process");
    store.put(NAME, &"replaced".into()).unwrap();
    assert_eq!(store.get(NAME).unwrap(), Some("replaced".into()));
    assert!(store.delete(NAME).unwrap() && !store.delete(NAME).unwrap());
    assert_eq!(store.get(NAME).unwrap(), None);
    super::super::probe(&store).unwrap();
    assert_eq!(
        fs::read_dir(home.path().join("data/store")).unwrap().count(),
        3,
        "the probe left something behind"
    );
}

/// As `age -a` writes them.
#[test]
fn armored_files_are_read_like_binary_ones() {
    let home = home_with_entry();
    for file in fs::read_dir(home.path().join("data/store")).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some() {
            let mut armored = Vec::new();
            let format = age::armor::Format::AsciiArmor;
            let mut writer = age::armor::ArmoredWriter::wrap_output(&mut armored, format).unwrap();
            std::io::Write::write_all(&mut writer, &fs::read(&file).unwrap()).unwrap();
            writer.finish().unwrap();
            assert!(armored.starts_with(b"-----BEGIN AGE"));
            fs::write(&file, armored).unwrap();
        }
    }
    assert_eq!(get(&home, &["correct horse"]).unwrap(), Some(SEED.into()));
    assert!(matches!(get(&home, &["wrong horse"]), Err(StoreError::WrongPassphrase)));
    open(&home, &Person::who_types(&["correct horse"])).change_passphrase(|| Ok("battery".into())).unwrap();
    assert_eq!(get(&home, &["battery"]).unwrap(), Some(SEED.into()));
    let entry = open(&home, &Person::who_types(&["battery"])).entry_path(NAME);
    let text = fs::read_to_string(&entry).unwrap();
    fs::write(&entry, &text[..text.len() / 2]).unwrap();
    assert!(damage(get(&home, &["battery"])).contains("is not a complete age file"));
}

#[test]
#[cfg(unix)]
fn files_are_private_and_show_no_secret() {
    use std::os::unix::fs::PermissionsExt;
    let home = home_with_entry();
    let folder = home.path().join("data/store");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 3);
    for path in files {
        assert_eq!(mode(&path), 0o600, "{path:?}");
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(
            !text.contains("JBSWY3DP") && !text.contains("AGE-SECRET-KEY") && !text.contains("horse"),
            "{path:?}"
        );
    }
}

#[test]
fn person_may_mistype_twice_and_a_file_may_not() {
    let home = home_with_entry();
    assert_eq!(get(&home, &["wrong", "Wrong", "correct horse"]).unwrap(), Some(SEED.into()));
    let hopeless = Person::who_types(&["wrong"]);
    assert!(matches!(open(&home, &hopeless).get(NAME), Err(StoreError::WrongPassphrase)));
    assert_eq!(hopeless.asked(), 3);
    let script = Person { origin: Origin::Command, ..Person::who_types(&["wrong"]) };
    assert!(matches!(open(&home, &script).get(NAME), Err(StoreError::WrongPassphrase)));
    assert_eq!(script.asked(), 1);
}

#[test]
fn empty_passphrase_is_rejected_and_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let result = open(&home, &Person::who_types(&[""])).put(NAME, &SEED.into());
    assert!(matches!(result, Err(StoreError::NoPassphrase { .. })));
    assert!(!home.path().join("data").exists());
}

#[test]
fn damaged_entry_does_not_affect_others() {
    let home = home_with_entry();
    let store = open(&home, &Person::who_types(&["correct horse"]));
    store.put("other", &"whole".into()).unwrap();
    let path = store.entry_path(NAME);
    let bytes = fs::read(&path).unwrap();
    for broken in [&bytes[..bytes.len() - 1], &bytes[..60], b"", b"otpauth://totp/x?secret=JBSWY3DPEHPK3PXP"]
    {
        files::write_private(&path, broken).unwrap();
        let what = damage(store.get(NAME));
        assert!(what.contains("mfa%2Falice.age") && !what.contains("JBSW"), "{what}");
    }
    assert_eq!(store.get("other").unwrap(), Some("whole".into()));
}

#[test]
fn lost_identity_is_never_replaced() {
    let home = home_with_entry();
    let person = Person::who_types(&["correct horse"]);
    let store = open(&home, &person);
    for gone in ["identity.age", "recipient"] {
        fs::remove_file(home.path().join("data/store").join(gone)).unwrap();
        assert!(damage(store.get(NAME)).contains("identity.age` is missing"));
        assert!(damage(store.put("new", &"x".into())).contains("identity.age` is missing"));
    }
    assert_eq!(person.asked(), 0, "a passphrase would not help");
    assert!(!store.exists());
}

/// Puts something into the store of [`home_with_entry`], whose `identity.age` is this: the error, after which it is not there.
fn rejected(home: &TempDir, identity: &[u8], person: &Person) -> StoreError {
    let store = open(home, person);
    files::write_private(&store.identity_path(), identity).unwrap();
    let error = store.put("new", &"x".into()).unwrap_err();
    assert!(!store.has("new").unwrap(), "{error}");
    error
}

#[test]
fn nothing_is_saved_under_an_identity_that_is_damaged() {
    let home = home_with_entry();
    let person = Person::who_types(&["correct horse"]);
    let whole = fs::read(open(&home, &person).identity_path()).unwrap();
    for broken in [&whole[..whole.len() / 2], &whole[..60], b"", b"AGE-PLUGIN-X-1AAA\n"] {
        let what = damage::<()>(Err(rejected(&home, broken, &person)));
        assert!(what.contains("identity.age` is damaged"), "{what}");
    }
    let to_itself =
        sealing::seal_entry(&SEED.into(), Identity::generate().recipient(), Path::new("recipient")).unwrap();
    let what = damage::<()>(Err(rejected(&home, &to_itself, &person)));
    assert!(what.contains("is not encrypted with a passphrase"), "{what}");
    assert_eq!(person.asked(), 0, "adding needs no passphrase");
}

#[test]
fn identity_that_takes_too_much_memory_is_not_opened() {
    let home = home_with_entry();
    let person = Person::who_types(&["correct horse"]);
    let path = open(&home, &person).identity_path();
    let whole = fs::read(&path).unwrap();
    let at = whole.windows(3).position(|bytes| bytes == b" 8\n").unwrap();
    for factor in [21, 22, 63] {
        let hostile = [&whole[..at], format!(" {factor}\n").as_bytes(), &whole[at + 3..]].concat();
        files::write_private(&path, &hostile).unwrap();
        let error = open(&home, &person).get(NAME).unwrap_err();
        assert!(error.is_closed(), "it is not damaged: {error}");
        let words = format!("has a scrypt work factor of {factor}; the limit is 20 (1 GiB of memory)");
        assert_eq!(error.to_string(), format!("`{}` {words}", path.display()));
    }
    assert_eq!(person.asked(), 3, "no other passphrase would help");
}

#[test]
fn nothing_is_saved_that_the_passphrase_file_could_not_open() {
    let home = home_with_entry();
    let file = |answers| Person { origin: Origin::File, ..Person::who_types(answers) };
    let whole = fs::read(open(&home, &file(&["correct horse"])).identity_path()).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let what = damage::<()>(Err(rejected(&home, &flipped, &file(&["correct horse"]))));
    assert!(what.contains("identity.age` is damaged"), "{what}");
    assert!(matches!(rejected(&home, &whole, &file(&["wrong"])), StoreError::WrongPassphrase));
}

#[test]
fn nothing_is_saved_to_a_recipient_that_is_not_the_unlocked_identity() {
    let home = home_with_entry();
    let store = open(&home, &Person::who_types(&["correct horse"]));
    store.get(NAME).unwrap();
    let foreign = format!("{}\n", Identity::generate().recipient());
    files::write_private(&home.path().join("data/store/recipient"), foreign.as_bytes()).unwrap();
    assert!(damage(store.put("new", &"x".into())).contains("does not belong"));
    assert!(!store.has("new").unwrap());
}

#[test]
fn lost_identity_of_a_plugin_is_named() {
    let home = home_with_entry();
    let store = open(&home, &Person::who_types(&["correct horse"]));
    fs::remove_file(store.identity_path()).unwrap();
    let recipient = home.path().join("data/store/recipient");
    files::write_private(&recipient, b"age1awsmfatest1xyz\n").unwrap();
    assert!(damage(store.get(NAME)).contains("identity.txt` is missing"));
    fs::remove_file(&recipient).unwrap();
    assert!(damage(store.get(NAME)).contains("identity.age` is missing"));
    let entry = b"age-encryption.org/v1\n-> awsmfatest\nAAAA\n--- AAAA\nbody";
    files::write_private(&store.entry_path(NAME), entry).unwrap();
    assert!(damage(store.get(NAME)).contains("identity.txt` is missing"));
}

#[test]
#[cfg(unix)]
fn identity_readable_by_others_does_not_count_as_missing() {
    use std::os::unix::fs::PermissionsExt;
    let home = home_with_entry();
    let store = open(&home, &Person::who_types(&["correct horse"]));
    fs::remove_file(store.entry_path(NAME)).unwrap();
    fs::remove_file(home.path().join("data/store/recipient")).unwrap();
    fs::set_permissions(store.identity_path(), fs::Permissions::from_mode(0o644)).unwrap();
    let before = fs::read(store.identity_path()).unwrap();
    assert!(matches!(store.put(NAME, &SEED.into()), Err(StoreError::Io { .. })));
    assert_eq!(fs::read(store.identity_path()).unwrap(), before);
}

#[test]
fn missing_recipient_is_restored_and_a_foreign_one_is_noticed() {
    let home = home_with_entry();
    let recipient = home.path().join("data/store/recipient");
    let original = fs::read(&recipient).unwrap();
    fs::remove_file(&recipient).unwrap();
    open(&home, &Person::who_types(&["correct horse"])).put("other", &"x".into()).unwrap();
    assert_eq!(fs::read(&recipient).unwrap(), original);

    let foreign = format!("{}\n", Identity::generate().recipient());
    files::write_private(&recipient, foreign.as_bytes()).unwrap();
    let store = open(&home, &Person::who_types(&["correct horse"]));
    assert!(damage(store.get(NAME)).contains("does not belong"));
    files::write_private(&recipient, b"nonsense\n").unwrap();
    let locked = open(&home, &Person::who_types(&[])).put("x", &"x".into());
    assert!(damage(locked).contains("not an age recipient"));
}

#[test]
fn entries_survive_a_change_of_passphrase() {
    let home = home_with_entry();
    let store = open(&home, &Person::who_types(&["correct horse"]));
    store.change_passphrase(|| Ok("battery staple".into())).unwrap();
    assert_eq!(get(&home, &["battery staple"]).unwrap(), Some(SEED.into()));
    assert!(matches!(get(&home, &["correct horse"]), Err(StoreError::WrongPassphrase)));
}

#[test]
fn many_processes_can_create_the_store_at_once() {
    let home = tempfile::tempdir().unwrap();
    let name = |i: u32| format!("device-{i}");
    std::thread::scope(|scope| {
        for i in 0..4 {
            let store = open(&home, &Person::who_types(&["correct horse"]));
            scope.spawn(move || store.put(&name(i), &name(i).as_str().into()).unwrap());
        }
    });
    let store = open(&home, &Person::who_types(&["correct horse"]));
    for i in 0..4 {
        assert_eq!(store.get(&name(i)).unwrap(), Some(name(i).into()));
    }
}

#[test]
fn creating_it_at_once_with_another_passphrase_is_an_error() {
    // Both find no store; the second gets the lock when the first is done.
    let home = tempfile::tempdir().unwrap();
    let lock = Lock::acquire(&home.path().join("state/store.lock")).unwrap();
    let asked = Person::who_types(&["battery staple"]);
    std::thread::scope(|scope| {
        let late = open(&home, &asked);
        let late = scope.spawn(move || late.put("late", &"x".into()));
        while asked.asked() == 0 {
            std::thread::yield_now();
        }
        let sealed = Identity::generate().seal(&"correct horse".into()).unwrap();
        files::write_private(&home.path().join("data/store/identity.age"), &sealed).unwrap();
        drop(lock);
        assert!(matches!(late.join().unwrap(), Err(StoreError::WrongPassphrase)));
    });
}

/// Such as one that is restored from a backup while the new passphrase is typed.
#[test]
fn identity_that_is_replaced_before_its_new_passphrase_is_written_stays() {
    let (home, other) = (home_with_entry(), home_with_entry());
    let path = |home: &TempDir| home.path().join("data/store/identity.age");
    let theirs = fs::read(path(&other)).unwrap();
    let store = open(&home, &Person::who_types(&["correct horse"]));
    let changed = store.change_passphrase(|| {
        fs::write(path(&home), &theirs).unwrap();
        Ok("battery staple".into())
    });
    assert!(damage(changed).contains("was changed by another program"));
    assert_eq!(fs::read(path(&home)).unwrap(), theirs);
}
