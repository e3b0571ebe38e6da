//! The session cache: one private file per session. While the cache folder cannot be written, sessions are kept in the
//! state folder.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::answers;
use crate::clock::Clock;
use crate::files::{self, Lock};
use crate::model::duration::SessionDuration;
use crate::model::secret::Secret;
use crate::model::session::{Session, StoredSession};
use crate::paths::SESSIONS;

/// Identifies a session: two requests with equal keys can share it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionKey {
    /// The ID of the long-term keys that get the session.
    pub access_key_id: String,
    /// The MFA device.
    pub serial: String,
    /// The requested duration.
    pub duration: SessionDuration,
    /// The STS endpoint and region.
    pub endpoint: String,
    /// The roles, in the order in which they are assumed; empty for a user's own session.
    pub roles: Vec<RoleKey>,
}

/// Identifies a role's session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleKey {
    pub role_arn: String,
    pub session_name: String,
    pub external_id: Option<String>,
    /// The requested duration.
    pub duration: SessionDuration,
    /// What narrows the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// The session cache and its locks.
#[derive(Debug, Clone)]
pub struct Cache {
    sessions: PathBuf,
    /// Where sessions are kept while `sessions` cannot be written, so that all waiting processes can still share one.
    fallback: PathBuf,
    cache_dir: PathBuf,
    locks: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct CachedSession {
    version: u32,
    key: SessionKey,
    session: StoredSession,
}

const VERSION: u32 = 1;

impl Cache {
    /// The cache in `cache_dir`, with its locks in `state_dir`. Neither folder needs to exist.
    pub fn new(cache_dir: &Path, state_dir: &Path) -> Self {
        let (sessions, cache_dir) = (cache_dir.join(SESSIONS), cache_dir.to_owned());
        let (fallback, locks) = (state_dir.join(SESSIONS), state_dir.join("locks"));
        Self { sessions, fallback, cache_dir, locks }
    }

    /// The cached session, if any. It may have expired. An unreadable file counts as none.
    pub fn get(&self, key: &SessionKey) -> io::Result<Option<Session>> {
        let read = |folder| -> io::Result<Option<Session>> {
            let entry = read(&file(folder, key))?.filter(|entry| entry.key == *key);
            Ok(entry.map(|entry| entry.session.into()))
        };
        let (kept, fallback) = (read(&self.sessions), read(&self.fallback).unwrap_or_default());
        let Some(fallback) = fallback else { return kept };
        let newer = kept.ok().flatten().filter(|session| session.issued > fallback.issued);
        Ok(Some(newer.unwrap_or(fallback)))
    }

    /// The key under which the session with this access key ID (`ASIA…`) is cached, if it is.
    pub fn key_of(&self, access_key_id: &str) -> Option<SessionKey> {
        self.entries().find_map(|entry| {
            let CachedSession { key, session, .. } = entry;
            (Session::from(session).access_key_id == access_key_id).then_some(key)
        })
    }

    /// The newest session with a matching key. It may have expired.
    pub fn newest(&self, is_meant: impl Fn(&SessionKey) -> bool) -> Option<Session> {
        let mut newest: Option<Session> = None;
        for entry in self.entries().filter(|entry| is_meant(&entry.key)) {
            let session = Session::from(entry.session);
            if newest.as_ref().is_none_or(|newest| newest.issued < session.issued) {
                newest = Some(session);
            }
        }
        newest
    }

    /// Every readable entry.
    fn entries(&self) -> impl Iterator<Item = CachedSession> {
        let folders = [&self.sessions, &self.fallback].map(|folder| files::list(folder));
        folders.into_iter().flatten().flatten().filter_map(|path| read(&path).unwrap_or_default())
    }

    /// Caches a session; in the state folder if the cache folder cannot be written.
    pub fn put(&self, key: &SessionKey, session: &Session) -> io::Result<()> {
        let entry = CachedSession { version: VERSION, key: key.clone(), session: session.into() };
        let bytes = Secret::new(serde_json::to_vec(&entry).map_err(io::Error::other)?);
        match files::write_private(&file(&self.sessions, key), bytes.expose()) {
            Ok(()) => {
                // The copy in the state folder is older and no longer needed.
                let _ = files::remove(&file(&self.fallback, key));
                Ok(())
            }
            Err(error) => files::write_private(&file(&self.fallback, key), bytes.expose()).map_err(|_| error),
        }
    }

    /// Removes every session that matches, by its key and its own access key ID, and every ready answer. Continues
    /// after a failure and returns the first one.
    pub fn remove_where(&self, is_meant: impl Fn(&SessionKey, &str) -> bool) -> io::Result<()> {
        self.remove_sessions(|path| {
            Ok(read(path)?.is_some_and(|CachedSession { key, session, .. }| {
                is_meant(&key, &Session::from(session).access_key_id)
            }))
        })
    }

    /// Removes every session that was obtained with this device, and every ready answer.
    pub fn remove_device(&self, serial: &str) -> io::Result<()> {
        self.remove_where(|key, _| key.serial == serial)
    }

    /// Removes every session and every ready answer.
    pub fn clear(&self) -> io::Result<()> {
        self.remove_sessions(|_| Ok(true))
    }

    fn remove_sessions(&self, is_meant: impl Fn(&Path) -> io::Result<bool>) -> io::Result<()> {
        let removed = [&self.sessions, &self.fallback].map(|folder| remove_each(folder, &is_meant));
        // They are rendered from the sessions.
        let answers = answers::forget_all(&self.cache_dir);
        removed.into_iter().collect::<io::Result<()>>().and(answers)
    }

    /// Takes the lock for getting this session, and waits for another process that holds it. Calls `waiting` if that
    /// takes longer than a moment.
    pub fn lock(&self, key: &SessionKey, clock: &dyn Clock, waiting: impl FnOnce()) -> io::Result<Lock> {
        Lock::acquire_telling(&self.lock_file(key), clock, waiting)
    }

    /// Like [`lock`](Self::lock), but returns `None` after waiting for `limit`.
    pub fn lock_within(
        &self,
        key: &SessionKey,
        limit: Duration,
        clock: &dyn Clock,
    ) -> io::Result<Option<Lock>> {
        Lock::acquire_within(&self.lock_file(key), limit, clock)
    }

    fn lock_file(&self, key: &SessionKey) -> PathBuf {
        self.locks.join(format!("session-{}.lock", name(key)))
    }
}

fn file(folder: &Path, key: &SessionKey) -> PathBuf {
    folder.join(format!("{}.json", name(key)))
}

/// Reads an entry. An unreadable one counts as none.
fn read(path: &Path) -> io::Result<Option<CachedSession>> {
    let Some(bytes) = files::read_private(path)? else { return Ok(None) };
    let bytes = Secret::new(bytes);
    Ok(serde_json::from_slice::<CachedSession>(bytes.expose()).ok().filter(|entry| entry.version == VERSION))
}

/// Removes the matching files in a folder. Continues after a failure and returns the first one.
fn remove_each(folder: &Path, is_meant: impl Fn(&Path) -> io::Result<bool>) -> io::Result<()> {
    let mut first = Ok(());
    for path in files::list(folder)? {
        let removed = is_meant(&path).and_then(|meant| if meant { files::remove(&path) } else { Ok(false) });
        first = first.and(removed.map(drop));
    }
    first
}

fn name(key: &SessionKey) -> String {
    // The JSON of a key rather than its concatenated parts, so that no two keys share a name.
    let json = serde_json::to_string(key).expect("strings and a number are serialized");
    files::digest(json.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn key(serial: &str) -> SessionKey {
        SessionKey {
            access_key_id: "AKIA".into(),
            serial: serial.into(),
            duration: SessionDuration::DEFAULT,
            endpoint: "us-east-1".into(),
            roles: vec![],
        }
    }

    #[test]
    fn sessions_are_cached_and_removed() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::new(&home.path().join("c"), &home.path().join("s"));
        let session = Session {
            access_key_id: "ASIA".into(),
            secret_access_key: "secret".into(),
            session_token: "token".into(),
            issued: DateTime::from_timestamp(1, 0).unwrap(),
            expiration: DateTime::from_timestamp(2, 0).unwrap(),
            account_id: Some("123456789012".into()),
        };
        assert_eq!(cache.get(&key("a")).unwrap(), None);
        cache.put(&key("a"), &session).unwrap();
        assert_eq!(cache.get(&key("a")).unwrap(), Some(session.clone()));
        assert_eq!(cache.get(&key("b")).unwrap(), None);
        files::write_private(&file(&cache.sessions, &key("b")), b"{\"version\":2}").unwrap();
        assert_eq!(cache.get(&key("b")).unwrap(), None, "a future format");
        cache.remove_where(|key, id| key.access_key_id == "AKIAOTHER" || id == "ASIAOTHER").unwrap();
        assert!(cache.get(&key("a")).unwrap().is_some());
        cache.remove_where(|_, id| id == "ASIA").unwrap();
        assert_eq!(cache.get(&key("a")).unwrap(), None);
        cache.put(&key("a"), &session).unwrap();
        cache.put(&key("c"), &session).unwrap();
        cache.remove_device("a").unwrap();
        assert_eq!((cache.get(&key("a")).unwrap(), cache.get(&key("c")).unwrap().is_some()), (None, true));
        cache.clear().unwrap();
        assert_eq!(files::list(&cache.sessions).unwrap().len(), 0);
    }

    #[test]
    fn unwritable_cache_falls_back_to_the_state_folder() {
        let home = tempfile::tempdir().unwrap();
        let (folder, state) = (home.path().join("c"), home.path().join("s"));
        let cache = Cache::new(&folder, &state);
        let issued = |seconds| Session {
            access_key_id: "ASIA".into(),
            secret_access_key: "secret".into(),
            session_token: "token".into(),
            issued: DateTime::from_timestamp(seconds, 0).unwrap(),
            expiration: DateTime::from_timestamp(100, 0).unwrap(),
            account_id: None,
        };
        files::write_private(&folder, b"a file in the way").unwrap();
        cache.put(&key("a"), &issued(1)).unwrap();
        assert_eq!(cache.get(&key("a")).unwrap(), Some(issued(1)));
        cache.clear().unwrap();
        assert_eq!(cache.get(&key("a")).unwrap_or_default(), None);
        cache.put(&key("a"), &issued(2)).unwrap();
        // The cache folder exists again, with an older session in it.
        files::remove(&folder).unwrap();
        let other_state = home.path().join("other");
        Cache::new(&folder, &other_state).put(&key("a"), &issued(1)).unwrap();
        assert_eq!(cache.get(&key("a")).unwrap(), Some(issued(2)));
        cache.put(&key("a"), &issued(3)).unwrap();
        assert_eq!(cache.get(&key("a")).unwrap(), Some(issued(3)));
        assert_eq!(files::list(&cache.fallback).unwrap().len(), 0, "one copy is enough");
        files::write_private(&other_state.join("sessions"), b"another file in the way").unwrap();
        files::write_private(&home.path().join("file"), b"").unwrap();
        assert!(Cache::new(&home.path().join("file"), &other_state).put(&key("a"), &issued(1)).is_err());
    }
}
