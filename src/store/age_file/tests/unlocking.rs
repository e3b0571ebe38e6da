//! Keeping the store unlocked. A machine whose kernel keeps nothing, as in many containers, skips what needs that.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// A home with a store, if the kernel keeps it unlocked.
#[allow(clippy::print_stderr, reason = "says why a test was skipped")]
fn home_that_is_kept_unlocked() -> Option<TempDir> {
    let home = home_with_entry();
    let store = open_for(&home, &Person::who_types(&["correct horse"]), MINUTE);
    store.get(NAME).unwrap();
    match store.lock() {
        true => Some(home),
        false => {
            eprintln!("skipped: missing the kernel keyring");
            None
        }
    }
}

/// Reads in another process, so to say.
fn read(home: &TempDir, person: &Person) -> Result<Option<Secret<String>>, StoreError> {
    open_for(home, person, MINUTE).get(NAME)
}

fn file(answers: &'static [&'static str]) -> Person {
    Person { origin: Origin::File, ..Person::who_types(answers) }
}

fn command(answers: &'static [&'static str]) -> Person {
    Person { origin: Origin::Command, ..Person::who_types(answers) }
}

fn is_unlocked(home: &TempDir, person: &Person) -> bool {
    open_for(home, person, MINUTE).unlocked_until().unwrap().is_some()
}

#[test]
fn typed_passphrase_keeps_the_store_unlocked_until_it_is_locked() {
    let Some(home) = home_that_is_kept_unlocked() else { return };
    let person = Person::who_types(&["correct horse"]);
    for _ in 0..3 {
        assert_eq!(read(&home, &person).unwrap(), Some(SEED.into()));
    }
    assert_eq!(person.asked(), 1);
    assert!(is_unlocked(&home, &person) && !is_unlocked(&home, &file(&["correct horse"])));
    assert!(matches!(read(&home, &command(&["wrong"])), Err(StoreError::WrongPassphrase)));
    let store = open_for(&home, &person, MINUTE);
    store.get(NAME).unwrap();
    assert!(store.lock() && !store.lock() && !is_unlocked(&home, &person));
    store.get(NAME).unwrap();
    assert_eq!(person.asked(), 2, "locked in this process too");
    store.lock();
}

#[test]
fn store_is_locked_whatever_has_become_of_its_files() {
    let Some(home) = home_that_is_kept_unlocked() else { return };
    let person = Person::who_types(&["correct horse"]);
    let folder = home.path().join("data/store");
    let steps: [&dyn Fn(); 3] = [
        &|| fs::remove_file(folder.join("recipient")).unwrap(),
        &|| files::write_private(&folder.join("recipient"), b"nonsense").unwrap(),
        &|| fs::remove_dir_all(&folder).unwrap(),
    ];
    for damage in steps {
        files::remove(&folder.join("recipient")).unwrap();
        read(&home, &person).unwrap();
        damage();
        assert!(open_for(&home, &person, MINUTE).lock());
        assert!(!open_for(&home, &person, MINUTE).lock());
    }
}

#[test]
fn missing_recipient_does_not_matter_to_an_unlocked_store() {
    let Some(home) = home_that_is_kept_unlocked() else { return };
    let person = Person::who_types(&["correct horse"]);
    read(&home, &person).unwrap();
    let recipient = home.path().join("data/store/recipient");
    let original = fs::read(&recipient).unwrap();
    fs::remove_file(&recipient).unwrap();
    read(&home, &person).unwrap();
    assert_eq!((person.asked(), fs::read(&recipient).unwrap()), (1, original));
    open_for(&home, &person, MINUTE).lock();
}

#[test]
fn damaged_identity_is_noticed_while_the_store_is_unlocked() {
    let Some(home) = home_that_is_kept_unlocked() else { return };
    let person = Person::who_types(&["correct horse"]);
    let store = open_for(&home, &person, MINUTE);
    store.get(NAME).unwrap();
    let mut bytes = fs::read(store.identity_path()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    files::write_private(&store.identity_path(), &bytes).unwrap();
    assert!(damage(read(&home, &person)).contains("identity.age` is damaged"));
    store.lock();
}

#[test]
fn adding_notices_a_foreign_recipient_while_the_store_is_unlocked() {
    let Some(home) = home_that_is_kept_unlocked() else { return };
    let person = Person::who_types(&["correct horse"]);
    read(&home, &person).unwrap();
    let foreign = format!("{}\n", Identity::generate().recipient());
    files::write_private(&home.path().join("data/store/recipient"), foreign.as_bytes()).unwrap();
    let store = open_for(&home, &person, MINUTE);
    assert!(damage(store.put("new", &"x".into())).contains("does not belong"));
    assert!(store.lock() && person.asked() == 1);
}

#[test]
fn new_passphrase_keeps_the_store_unlocked() {
    let Some(home) = home_that_is_kept_unlocked() else { return };
    let person = Person::who_types(&["correct horse"]);
    let store = open_for(&home, &person, MINUTE);
    store.change_passphrase(|| Ok("battery staple".into())).unwrap();
    assert_eq!(read(&home, &person).unwrap(), Some(SEED.into()));
    assert_eq!(person.asked(), 1);
    store.lock();
}

#[test]
fn passphrase_of_a_command_keeps_nothing() {
    let home = home_with_entry();
    let command = command(&["correct horse"]);
    read(&home, &command).unwrap();
    read(&home, &command).unwrap();
    assert_eq!(command.asked(), 2);
    assert!(!open_for(&home, &command, MINUTE).lock());
}

#[test]
fn passphrase_file_keeps_the_store_unlocked_only_for_its_passphrase() {
    let Some(home) = home_that_is_kept_unlocked() else { return };
    let right = file(&["correct horse"]);
    read(&home, &right).unwrap();
    assert!(is_unlocked(&home, &right) && !is_unlocked(&home, &Person::who_types(&["x"])));
    assert_eq!(read(&home, &right).unwrap(), Some(SEED.into()));
    assert!(matches!(read(&home, &file(&["wrong"])), Err(StoreError::WrongPassphrase)));
    // The passphrase is changed, but not in the file.
    let store = open_for(&home, &right, MINUTE);
    store.change_passphrase(|| Ok("battery staple".into())).unwrap();
    assert!(matches!(read(&home, &right), Err(StoreError::WrongPassphrase)));
    assert_eq!(read(&home, &file(&["battery staple"])).unwrap(), Some(SEED.into()));
    store.lock();
}

#[test]
fn shorter_limit_counts_for_what_is_kept_already() {
    let Some(home) = home_that_is_kept_unlocked() else { return };
    for person in [file(&["correct horse"]), Person::who_types(&["correct horse"])] {
        read(&home, &person).unwrap();
        let asked = person.asked();
        assert!(is_unlocked(&home, &person));
        open_for(&home, &person, Duration::ZERO).get(NAME).unwrap();
        assert!(!is_unlocked(&home, &person), "forgotten");
        assert!(person.asked() > asked);
        open_for(&home, &person, MINUTE).lock();
    }
}

/// Nobody who could type the passphrase.
struct Nobody;

impl PassphraseSource for Nobody {
    fn origin(&self) -> Origin {
        Origin::Person
    }

    fn can_answer(&self) -> bool {
        false
    }

    fn existing(&self, _: u32) -> Result<Secret<String>, StoreError> {
        Err(StoreError::NoPassphrase { why: "there is no terminal".to_owned() })
    }

    fn new_passphrase(&self) -> Result<Secret<String>, StoreError> {
        self.existing(1)
    }

    fn is_waiting(&self) {
        panic!("it waits");
    }
}

#[test]
fn process_without_a_person_does_not_wait_for_another_prompt() {
    let home = home_with_entry();
    let (folder, lock) = (home.path().join("data/store"), home.path().join("state/store.lock"));
    let _prompting = Lock::acquire(&lock.with_file_name("passphrase.lock")).unwrap();
    let store = AgeFileStore::new(folder, lock, Box::new(Nobody), Box::new(NoPlugin), Duration::ZERO);
    assert!(matches!(store.get(NAME), Err(StoreError::NoPassphrase { .. })));
}
