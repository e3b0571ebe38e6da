//! The sessions that connections are answered from. They are valid while nobody looks after them, so a renewal that takes long
//! or fails delays nobody.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::response::credentials;
use crate::clock::SharedClock;
use crate::model::secret::Secret;
use crate::model::session::Session;

/// One place for each profile.
pub struct Shelf {
    clock: SharedClock,
    places: Vec<Mutex<Option<Kept>>>,
}

/// A session and its rendered response.
struct Kept {
    session: Session,
    /// AWS's time minus this computer's.
    offset: TimeDelta,
    body: Secret<String>,
}

impl Shelf {
    pub fn new(clock: SharedClock, places: usize) -> Self {
        Self { clock, places: (0..places).map(|_| Mutex::default()).collect() }
    }

    fn place(&self, index: usize) -> MutexGuard<'_, Option<Kept>> {
        self.places[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn put(&self, index: usize, session: &Session, offset: TimeDelta) {
        let body = credentials(session);
        *self.place(index) = Some(Kept { session: session.clone(), offset, body });
    }

    /// The body of a response, while the session is valid.
    pub fn get(&self, index: usize) -> Option<Secret<String>> {
        let place = self.place(index);
        let kept = place.as_ref()?;
        kept.session.holds(Session::is_valid, self.clock.now(), kept.offset).then(|| kept.body.clone())
    }

    /// When to renew the session and when it expires, by this computer's clock as it is or, if that is earlier, once it is set.
    pub fn times(&self, index: usize) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let place = self.place(index);
        let kept = place.as_ref()?;
        let local = |time: DateTime<Utc>| time.min(time - kept.offset);
        Some((local(kept.session.refresh_at()), local(kept.session.expiration)))
    }
}
