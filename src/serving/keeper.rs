//! Keeps the sessions valid: gets them before anyone asks, and renews them ahead of their end, for as long as the server runs.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::shelf::Shelf;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::duration::SessionDuration;
use crate::model::region::Region;
use crate::model::serial::Serial;
use crate::model::session::{Session, timestamp};
use crate::model::session_policy::SessionPolicy;
use crate::model::shell::CommandLine;
use crate::session::{self, Asker, Obtained, Request, UserDevice};

/// The waits after failed renewals. Renewals start 15 minutes ahead of a session's end, so a short outage costs nothing.
const WAITS: [i64; 7] = [5, 10, 20, 40, 80, 160, 300];

/// For this long after a failure, everyone who asks gets the same error, so that clients cannot cause a flood of requests.
const SAME_ERROR: TimeDelta = TimeDelta::seconds(5);

/// The longest wait before looking at the clock again: a computer may have slept in the meantime.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The sessions of the profiles, in the thread that owns the context.
pub struct Keeper<'a> {
    ctx: &'a Context,
    duration: Option<SessionDuration>,
    policy: Option<SessionPolicy>,
    profiles: Vec<Kept<'a>>,
    shelf: Arc<Shelf>,
}

struct Kept<'a> {
    named: Named<'a>,
    region: Option<Region>,
    /// The device whose codes a person types, if the session needs one.
    typed: Option<Serial>,
    /// The last renewal, if it failed.
    failure: Option<Failure>,
}

struct Failure {
    at: DateTime<Utc>,
    /// How many failed in a row, minus one.
    earlier: usize,
    error: CommandError,
    /// Whether there was still a session to use, so that the reason was not returned.
    fell_back: bool,
}

impl Failure {
    fn retry_at(&self) -> DateTime<Utc> {
        self.at + TimeDelta::seconds(WAITS[self.earlier.min(WAITS.len() - 1)])
    }
}

impl<'a> Keeper<'a> {
    /// Gets the first session of each profile, for the person who starts the server.
    pub fn start(
        ctx: &'a Context,
        profiles: &[Named<'a>],
        duration: Option<SessionDuration>,
        policy: Option<SessionPolicy>,
    ) -> CommandResult<Self> {
        let shelf = Arc::new(Shelf::new(ctx.clock.clone(), profiles.len()));
        let profiles =
            profiles.iter().map(|named| Kept { named: *named, region: None, typed: None, failure: None });
        let mut this = Self { ctx, duration, policy, profiles: profiles.collect(), shelf };
        // A mistake in one profile costs no code of another.
        for Kept { named, .. } in &this.profiles {
            session::peek(ctx, &this.request(*named, Asker::Person)).map_err(|error| at(*named, error))?;
        }
        for index in 0..this.profiles.len() {
            let named = this.profiles[index].named;
            let obtained = this.obtain(named, Asker::Person).map_err(|error| at(named, error))?;
            this.profiles[index].typed = this.typed(&obtained)?;
            this.shelf.put(index, &obtained.session, obtained.offset);
            this.profiles[index].region = obtained.region.map(|setting| setting.region);
        }
        Ok(this)
    }

    /// The session's device, if a person types its codes.
    fn typed(&self, obtained: &Obtained) -> CommandResult<Option<Serial>> {
        let Some(UserDevice { serial, .. }) = &obtained.device else { return Ok(None) };
        let is_automatic = obtained.profile.mfa_process.is_some() || self.ctx.vault.record(serial)?.is_some();
        Ok((!is_automatic).then(|| serial.clone()))
    }

    /// Warns of sessions that cannot be renewed because nobody can be asked for a code.
    pub fn warn_of_typed_codes(&self) {
        for (index, Kept { named, typed, .. }) in self.profiles.iter().enumerate() {
            let (Some(serial), Some((_, expiration))) = (typed, self.shelf.times(index)) else { continue };
            let (name, until) = (named.name(), timestamp(expiration));
            self.ctx.ui.warn(format_args!(
                "the session for `{name}` cannot be renewed after {until}: no secret is stored for `{serial}`"
            ));
            let import = CommandLine::new("awsmfa device import").option("--serial", Some(serial.as_str()));
            self.ctx.ui.hint(import.profile(name));
            self.ctx.vault.how_to_find_lost().into_iter().for_each(|hint| self.ctx.ui.hint(hint));
        }
    }

    pub fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }

    /// The region of a profile, if one is configured.
    pub fn region(&self, index: usize) -> Option<&Region> {
        self.profiles[index].region.as_ref()
    }

    fn request(&self, named: Named<'a>, asker: Asker) -> Request<'a> {
        let policy = self.policy.clone();
        Request { asker, duration: self.duration, policy, ..Request::sdk(named) }
    }

    fn obtain(&self, named: Named<'a>, asker: Asker) -> CommandResult<Obtained> {
        session::obtain(self.ctx, &self.request(named, asker))
    }

    /// How long to wait until the next renewal, or the next look at the clock.
    pub fn wait(&self) -> Duration {
        let now = self.ctx.clock.now();
        let due = (0..self.profiles.len()).map(|index| self.due(index, now));
        due.min().map_or(LONGEST_WAIT, |due| (due - now).to_std().unwrap_or_default().min(LONGEST_WAIT))
    }

    /// When to renew the session of a profile.
    fn due(&self, index: usize, now: DateTime<Utc>) -> DateTime<Utc> {
        match &self.profiles[index].failure {
            // If the clock was set back, the time of the failure means nothing.
            Some(failure) if failure.at <= now => failure.retry_at(),
            Some(_) => now,
            None => self.shelf.times(index).map_or(now, |(refresh, _)| refresh),
        }
    }

    /// Renews each session that is due.
    pub fn renew_due(&mut self) {
        for index in 0..self.profiles.len() {
            let now = self.ctx.clock.now();
            if self.due(index, now) <= now {
                self.renew(index);
            }
        }
    }

    /// Makes sure that there is a session for someone who asks.
    pub fn ensure(&mut self, index: usize) -> CommandResult {
        if self.shelf.get(index).is_some() {
            return Ok(());
        }
        let now = self.ctx.clock.now();
        let recent =
            |failure: &&Failure| !failure.fell_back && failure.at <= now && now < failure.at + SAME_ERROR;
        if let Some(failure) = self.profiles[index].failure.as_ref().filter(recent) {
            return Err(failure.error.clone());
        }
        self.renew(index);
        match &self.profiles[index].failure {
            Some(failure) if self.shelf.get(index).is_none() => Err(failure.error.clone()),
            _ => Ok(()),
        }
    }

    fn renew(&mut self, index: usize) {
        let named = self.profiles[index].named;
        // Nobody waits for most renewals, and those who do have a session to use or give up early.
        let result = self.obtain(named, Asker::Check);
        let now = self.ctx.clock.now();
        let (error, fell_back) = match result {
            Ok(obtained) => {
                self.shelf.put(index, &obtained.session, obtained.offset);
                if obtained.session.holds(Session::is_fresh, now, obtained.offset) {
                    self.succeeded(index, &obtained);
                    return;
                }
                // `obtain` has given the reason.
                let message = "the session cannot be renewed at the moment";
                (CommandError::new(ErrorKind::Network, message), true)
            }
            Err(error) => {
                self.warn(index, &error, now);
                (error, false)
            }
        };
        let kept = &mut self.profiles[index];
        let earlier = kept.failure.as_ref().map_or(0, |failure| failure.earlier + 1);
        kept.failure = Some(Failure { at: now, earlier, error, fell_back });
    }

    fn succeeded(&mut self, index: usize, obtained: &Obtained) {
        let kept = &mut self.profiles[index];
        let (name, until) = (kept.named.name(), timestamp(obtained.session.expiration));
        let message = format!("renewed the session for `{name}`, valid until {until}");
        match kept.failure.take() {
            // A warning about the failure was shown.
            Some(_) => self.ctx.ui.say(message),
            None => self.ctx.ui.detail(message),
        }
    }

    /// Says why a session cannot be renewed, once for each reason.
    fn warn(&self, index: usize, error: &CommandError, now: DateTime<Utc>) {
        let Kept { named, failure, .. } = &self.profiles[index];
        if failure.as_ref().is_some_and(|failure| failure.error.message == error.message) {
            return;
        }
        let name = named.name();
        match self.shelf.times(index).filter(|(_, expiration)| now < *expiration) {
            Some((_, expiration)) => self.ctx.ui.warn(format_args!(
                "cannot renew the session for `{name}`, valid until {}: {error}",
                timestamp(expiration)
            )),
            None => self.ctx.ui.warn(format_args!("cannot get a new session for `{name}`: {error}")),
        }
        error.hints.iter().for_each(|hint| self.ctx.ui.hint(hint));
    }
}

/// Names the profile in an error that does not: several may be served.
fn at(named: Named, error: CommandError) -> CommandError {
    let name = format!("`{}`", named.name());
    if error.message.contains(&name) { error } else { error.at(format_args!("profile {name}")) }
}
