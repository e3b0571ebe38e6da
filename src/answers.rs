//! Ready answers of `credential-process` and `status --short`: the bytes to print or to calculate from, with everything they
//! depend on. One private file a profile and command, in a format that reads without a parser: a line that names the format,
//! then fields of `<length>:<bytes>`.
//!
//! The fast path uses a ready answer, the command writes one, and whatever removes or replaces a session forgets them
//! all: new ones are rendered from the sessions.

use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use crate::env::{ANSWER_VARIABLES, Env};
use crate::files;
use crate::model::secret::Secret;
use crate::model::validity::Validity;
use crate::paths::Paths;

/// The folder of ready answers, in the cache folder.
const FOLDER: &str = "answers";

/// The format's name and version. A file in another version is ignored.
const HEADER: &[u8] = b"awsmfa answer 1\n";

/// Whose answer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// `credential-process`: the credentials.
    Credentials,
    /// `status --short`: when the session expires.
    Status,
}

/// The place of a profile's ready answer, and what an answer given now depends on.
#[derive(Debug)]
pub struct ReadyAnswer {
    file: PathBuf,
    basis: Basis,
}

/// What an answer depends on. Two equal values, at a time between writing and renewal, mean that it still holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Basis {
    /// The fingerprint of the AWS config file.
    config: String,
    /// The fingerprint of the AWS credentials file.
    credentials: String,
    /// The profile, and the variables that decide which session is meant, with their values. For a status also the fingerprints
    /// of the registry and of the folders of cached sessions, which show when a session that was not there appears.
    environment: Vec<u8>,
}

impl ReadyAnswer {
    /// As the files and the environment are now. Call this before reading the AWS files: if
    /// one of them changes after that, the answer written later does not hold for the new state.
    pub fn as_of_now(question: Question, paths: &Paths, env: &Env, profile: &str) -> Self {
        let mut basis = basis(paths, env, profile);
        let mut name = file_name(profile);
        if question == Question::Status {
            let [kept, fallback] = paths.sessions();
            let states = [kept, fallback, paths.registry()].map(|path| state(&path));
            basis.environment.extend_from_slice(states.join("\0").as_bytes());
            name.insert_str(0, "status-");
        }
        Self { file: paths.cache().join(FOLDER).join(name), basis }
    }

    /// The bytes to print, if the file holds an answer that is still valid at `now` (this computer's clock).
    pub fn read(&self, now: DateTime<Utc>) -> Option<Secret<Vec<u8>>> {
        let bytes = Secret::new(files::read_private(&self.file).ok()??);
        Some(Secret::new(decode(bytes.expose(), &self.basis, now)?.to_vec()))
    }

    /// Writes the answer, valid from `written` until `refresh` (this computer's clock) unless something it depends on
    /// changes.
    pub fn write(&self, written: DateTime<Utc>, refresh: DateTime<Utc>, output: &str) -> io::Result<()> {
        let bytes = Secret::new(encode(&self.basis, written, refresh, output.as_bytes()));
        files::write_private(&self.file, bytes.expose())
    }

    /// Removes the answer. For a session that was removed after it was read and before the answer was written.
    pub fn forget(&self) -> io::Result<()> {
        files::remove(&self.file).map(drop)
    }
}

/// The validity of the session that awsmfa put into the environment, if its profile is still the one that the environment
/// chooses. Nothing has to be looked up.
pub fn of_environment(env: &Env) -> Option<Validity> {
    env.handed_out().filter(|profile| env.profile() == *profile)?;
    let expiration = DateTime::parse_from_rfc3339(env.inherited("AWS_CREDENTIAL_EXPIRATION")?).ok()?;
    Some(Validity { expiration: expiration.to_utc(), offset: TimeDelta::zero() })
}

/// Removes every ready answer in this cache folder. Continues after a failure and returns the first one.
pub fn forget_all(cache_dir: &Path) -> io::Result<()> {
    let mut first = Ok(());
    for path in files::list(&cache_dir.join(FOLDER))? {
        first = first.and(files::remove(&path).map(drop));
    }
    first
}

/// A profile's name if it consists of letters, digits and `-_.`; any other by its bytes in hexadecimal.
fn file_name(profile: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if profile.len() <= 100 && profile.chars().all(plain) {
        format!("profile-{profile}")
    } else {
        format!("hex-{}", profile.bytes().take(100).map(|b| format!("{b:02x}")).collect::<String>())
    }
}

/// What changes with every change of a file or a folder's content.
fn state(path: &Path) -> String {
    match files::fingerprint(path) {
        Some(f) => format!("{} {} {}", f.modified_ns, f.size, f.inode),
        None => "none".to_owned(),
    }
}

fn basis(paths: &Paths, env: &Env, profile: &str) -> Basis {
    // The profile too: long names share a file.
    let mut environment = profile.as_bytes().to_vec();
    environment.push(0);
    for name in ANSWER_VARIABLES {
        if let Some(value) = env.path(name) {
            environment.extend_from_slice(name.as_bytes());
            environment.push(b'=');
            environment.extend_from_slice(value.as_os_str().as_encoded_bytes());
            environment.push(0);
        }
    }
    Basis { config: state(paths.config()), credentials: state(paths.credentials()), environment }
}

fn encode(basis: &Basis, written: DateTime<Utc>, refresh: DateTime<Utc>, output: &[u8]) -> Vec<u8> {
    let mut bytes = HEADER.to_vec();
    let (written, refresh) = (written.timestamp().to_string(), refresh.timestamp().to_string());
    for field in [
        written.as_bytes(),
        refresh.as_bytes(),
        basis.config.as_bytes(),
        basis.credentials.as_bytes(),
        &basis.environment,
        output,
    ] {
        bytes.extend_from_slice(format!("{}:", field.len()).as_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}

/// The bytes to print if the answer still holds. `None` for anything else, including a clock that was set back, another
/// format and a truncated file.
fn decode<'a>(bytes: &'a [u8], basis: &Basis, now: DateTime<Utc>) -> Option<&'a [u8]> {
    let mut rest = bytes.strip_prefix(HEADER)?;
    let written = number(field(&mut rest)?)?;
    let refresh = number(field(&mut rest)?)?;
    let holds = (written..refresh).contains(&now.timestamp())
        && field(&mut rest)? == basis.config.as_bytes()
        && field(&mut rest)? == basis.credentials.as_bytes()
        && field(&mut rest)? == basis.environment;
    let output = field(&mut rest)?;
    (holds && rest.is_empty()).then_some(output)
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let colon = rest.iter().take(20).position(|byte| *byte == b':')?;
    let length = usize::try_from(number(&rest[..colon])?).ok()?;
    let (value, after) = rest[colon + 1..].split_at_checked(length)?;
    *rest = after;
    Some(value)
}

fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basis() -> Basis {
        Basis { config: "1 2 3".into(), credentials: "-".into(), environment: b"HOME=/h\0".to_vec() }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn an_answer_holds_until_anything_changes() {
        let bytes = encode(&basis(), at(0), at(100), b"{}\n");
        assert_eq!(decode(&bytes, &basis(), at(0)), Some(&b"{}\n"[..]));
        assert_eq!(decode(&bytes, &basis(), at(99)), Some(&b"{}\n"[..]));
        assert_eq!(decode(&bytes, &basis(), at(100)), None, "time to refresh");
        assert_eq!(decode(&bytes, &basis(), at(-1)), None, "the clock was set back");
        assert_eq!(decode(&bytes, &Basis { config: "1 2 4".into(), ..basis() }, at(1)), None);
        assert_eq!(decode(&bytes, &Basis { credentials: "1".into(), ..basis() }, at(1)), None);
        assert_eq!(decode(&bytes, &Basis { environment: vec![], ..basis() }, at(1)), None);
    }

    #[test]
    fn a_damaged_answer_is_ignored() {
        let bytes = encode(&basis(), at(0), at(100), b"{}\n");
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length], &basis(), at(1)), None, "cut to {length}");
        }
        let mut longer = bytes.clone();
        longer.push(b' ');
        assert_eq!(decode(&longer, &basis(), at(1)), None);
        let foreign = [b"awsmfa answer 2\n", &bytes[HEADER.len()..]].concat();
        assert_eq!(decode(&foreign, &basis(), at(1)), None);
    }

    #[test]
    fn environment_answers_for_its_own_session() {
        let of = |pairs: &[(&str, &str)]| {
            let given = [
                ("AWSMFA_SESSION", "ASIA"),
                ("AWSMFA_PROFILE", "dev"),
                ("AWS_ACCESS_KEY_ID", "ASIA"),
                ("AWS_CREDENTIAL_EXPIRATION", "2026-01-01T10:00:00Z"),
            ];
            let env = Env::from_pairs(given.into_iter().chain(pairs.iter().copied()));
            of_environment(&env).map(|validity| validity.expiration.to_rfc3339())
        };
        assert_eq!(of(&[]).as_deref(), Some("2026-01-01T10:00:00+00:00"));
        assert_eq!(of(&[("AWS_PROFILE", "dev")]).as_deref(), Some("2026-01-01T10:00:00+00:00"));
        for other in [
            ("AWS_PROFILE", "other"),
            ("AWS_ACCESS_KEY_ID", "AKIA"),
            ("AWS_CREDENTIAL_EXPIRATION", "soon"),
            ("AWS_CREDENTIAL_EXPIRATION", ""),
        ] {
            assert_eq!(of(&[other]), None, "{other:?}");
        }
    }

    #[test]
    fn profiles_with_long_names_share_a_file_but_no_answer() {
        let env = Env::from_pairs([("HOME", "/h"), ("LOCALAPPDATA", "/h")]);
        let paths = Paths::of(&env).unwrap();
        let ready = |end: &str| {
            let profile = format!("{}{end}", "x".repeat(200));
            ReadyAnswer::as_of_now(Question::Credentials, &paths, &env, &profile)
        };

        assert_eq!(ready("a").file, ready("b").file);
        assert_ne!(ready("a").basis, ready("b").basis);
    }

    #[test]
    fn profiles_have_files_of_their_own() {
        assert_eq!(file_name("dev"), "profile-dev");
        assert_eq!(file_name("../x"), "hex-2e2e2f78");
        assert_ne!(file_name("hex-2e2e2f78"), file_name("../x"));
    }
}
