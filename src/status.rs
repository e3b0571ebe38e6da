//! What is known about the sessions of all profiles: from the two AWS files, the cache and the registry. Asks nobody: no
//! request, no program, no prompt, no lock.

use std::collections::HashSet;

use chrono::TimeDelta;

use crate::answers::{Question, ReadyAnswer};
use crate::aws_files::own_command::served_profile;
use crate::aws_files::profiles::{Profile, Profiles};
use crate::aws_files::resolve::{Destination, KeysError, Resolution, resolve};
use crate::aws_files::session_edits::FOREIGN_MARKERS;
use crate::aws_files::{AwsFile, SERIAL_KEYS, keeps_keys_of};
use crate::cache::SessionKey;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult};
use crate::model::duration::in_words;
use crate::model::serial::Serial;
use crate::model::session::is_plausible;
use crate::model::validity::Validity;
use crate::session::{self, Peeked, Request};
use crate::store::StoreKind;
use crate::store::registry::DeviceRecord;

/// How long the fast path may use an answer for a shell prompt. A new session, a changed file or device ends it earlier;
/// this is for what has no fingerprint in the answer, such as a newly learned clock offset.
const SHORT_ANSWER: TimeDelta = TimeDelta::minutes(5);

/// What is known about a profile's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub profile: String,
    /// Whose session it is, as far as known.
    pub kind: Option<Kind>,
    /// How the SDKs get it. `None` if nothing gives them one.
    pub via: Option<Via>,
    pub session: Known,
    /// The role's ARN, unchecked.
    pub role: Option<String>,
    pub device: Option<Serial>,
    /// Where the device's secret is stored.
    pub store: Option<StoreKind>,
    /// AWS's time minus this computer's, as it was when the device was last used; `None` without a device.
    pub offset: Option<TimeDelta>,
    /// What else a person should know.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The user's own.
    User,
    Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// The credentials file, which `awsmfa login` writes.
    Login,
    /// `credential_process`, which runs awsmfa.
    CredentialProcess,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    NoSession,
    /// A session without a readable expiration: another tool wrote it.
    NoEnd,
    /// Maybe expired.
    Until(Validity),
}

impl Known {
    pub fn validity(self) -> Option<Validity> {
        match self {
            Self::Until(validity) => Some(validity),
            Self::NoSession | Self::NoEnd => None,
        }
    }
}

/// The rows of the profiles that have a device, a session or awsmfa as their `credential_process`; of all profiles if none
/// has.
pub fn all(ctx: &Context) -> CommandResult<Vec<Row>> {
    let look = Look::new(ctx)?;
    let profiles = &look.profiles;
    let (mut names, mut seen) = (Vec::new(), HashSet::new());
    for name in profiles.names() {
        // `<name>-long-term` only holds the keys of `<name>`.
        let name = keeps_keys_of(name).unwrap_or(name);
        if seen.insert(name) {
            names.push((name, resolve(profiles, name)));
        }
    }
    // A role's session has its own section, which belongs to the role's row.
    let sections: HashSet<&str> = names
        .iter()
        .filter_map(|(name, resolved)| match &resolved.as_ref().ok()?.target {
            Destination::Section(section) if section != name => Some(section.as_str()),
            _ => None,
        })
        .collect();
    let names = names.iter().filter(|(name, _)| !sections.contains(name));
    let rows: Vec<Row> = names
        .map(|(name, resolved)| match resolved {
            Ok(resolution) => look.row(resolution),
            Err(error) => look.unresolved(name, error.clone().into()),
        })
        .collect();
    let (with, mut without): (Vec<_>, Vec<_>) = rows.into_iter().partition(Row::says_something);
    if !with.is_empty() {
        return Ok(with);
    }
    for row in &mut without {
        row.notes.insert(0, "no MFA device".to_owned());
    }
    Ok(without)
}

/// The row of one profile.
pub fn of(ctx: &Context, name: &str) -> CommandResult<Row> {
    let look = Look::new(ctx)?;
    Ok(look.row(&resolve(&look.profiles, name)?))
}

/// When a profile's session expires, for a shell prompt. `None` if there is no session or the profile cannot be read: nobody
/// reads errors in a prompt. Saves the answer for the fast path.
pub fn short(ctx: &Context, name: &str) -> Option<Validity> {
    // Before the files are read: if one changes in the meantime, the answer does not count for the new state.
    let ready = ReadyAnswer::as_of_now(Question::Status, &ctx.paths, &ctx.env, name);
    let validity = match of(ctx, name) {
        Ok(row) => row.session.validity(),
        Err(error) => {
            ctx.ui.detail(&error);
            None
        }
    };
    let now = ctx.clock.now();
    let text = validity.map(Validity::to_text).unwrap_or_default();
    if let Err(error) = ready.write(now, now + SHORT_ANSWER, &text) {
        ctx.ui.detail(format_args!("cannot cache the answer for next time: {error}"));
    }
    validity
}

impl Row {
    fn empty(profile: &str) -> Self {
        Self {
            profile: profile.to_owned(),
            kind: None,
            via: None,
            session: Known::NoSession,
            role: None,
            device: None,
            store: None,
            offset: None,
            notes: Vec::new(),
        }
    }

    fn says_something(&self) -> bool {
        let has_session = self.session != Known::NoSession || self.via.is_some();
        has_session || self.device.is_some() || !self.notes.is_empty()
    }
}

/// Everything that the rows are made of.
struct Look<'a> {
    ctx: &'a Context,
    profiles: Profiles,
    devices: Vec<DeviceRecord>,
}

/// A session in the credentials file.
struct Written<'a> {
    section: &'a str,
    session: Known,
    access_key_id: String,
    /// The key that shows that another tool wrote it.
    marker: Option<&'static str>,
}

impl<'a> Look<'a> {
    fn new(ctx: &'a Context) -> CommandResult<Self> {
        Ok(Self { ctx, profiles: ctx.profiles()?, devices: ctx.vault.devices()? })
    }

    fn row(&self, resolution: &Resolution) -> Row {
        let name = resolution.profile.as_str();
        let mut row = Row::empty(name);
        row.role = resolution.roles.last().map(|role| role.role_arn.clone());
        let served = self.served_by(name);
        let peeked = self.peek(resolution, served.as_deref());
        match peeked {
            Ok(Some(peeked)) => row.take(peeked),
            Ok(None) => {}
            Err(error) => row.notes.push(error.message),
        }
        if served.is_some() {
            row.via = Some(Via::CredentialProcess);
        } else if let Some(written) = self.written(&resolution.target) {
            self.add_written(&mut row, &written);
        } else if row.session != Known::NoSession {
            row.notes.push("only in awsmfa's cache".to_owned());
        }
        self.add_device(&mut row, resolution);
        row
    }

    /// A profile that cannot be resolved.
    fn unresolved(&self, name: &str, error: CommandError) -> Row {
        let mut row = Row::empty(name);
        let serial = SERIAL_KEYS.iter().find_map(|key| self.profiles.get(name)?.get(key));
        row.device = serial.and_then(|serial| serial.parse().ok());
        row.store = self.store_of(&row);
        row.via = self.served_by(name).map(|_| Via::CredentialProcess);
        // Others, such as roles of a machine, do not concern awsmfa.
        if serial.is_some() || row.via.is_some() {
            row.notes.push(error.message);
        }
        row
    }

    /// The profile whose session the profile's `credential_process` gets from awsmfa.
    fn served_by(&self, name: &str) -> Option<String> {
        let served = served_profile(self.profiles.get(name)?.get("credential_process")?)?;
        Some(served.unwrap_or_else(|| name.to_owned()))
    }

    /// The cached session. `None` if the profile has no keys to get one with.
    fn peek(&self, resolution: &Resolution, served: Option<&str>) -> CommandResult<Option<Peeked>> {
        let name = served.unwrap_or(&resolution.profile);
        if served.is_none_or(|served| served == resolution.profile)
            && let Err(KeysError::NoLongTermKeys { .. }) = &resolution.keys
            && !self.may_have_session(resolution)
        {
            return Ok(None);
        }
        session::peek_in(self.ctx, &self.profiles, &Request::sdk(Named::Flag(name))).map(Some)
    }

    /// Whether missing keys are worth a note: the profile has a device, or awsmfa should serve it.
    fn may_have_session(&self, resolution: &Resolution) -> bool {
        let registered = || self.devices.iter().any(|device| device.profiles.contains(&resolution.profile));
        resolution.serial.is_some() || resolution.target == Destination::CacheOnly || registered()
    }

    /// The session in the section that `login` writes to.
    fn written<'b>(&self, target: &'b Destination) -> Option<Written<'b>> {
        let Destination::Section(section) = target else { return None };
        let profile = self.profiles.get(section)?;
        let keys = profile.keys_of_file(AwsFile::Credentials).ok()??;
        keys.session_token.as_ref()?;
        let session = expiration(profile).map_or(Known::NoEnd, Known::Until);
        let marker = FOREIGN_MARKERS.iter().copied().find(|marker| profile.get(marker).is_some());
        Some(Written { section, session, access_key_id: keys.access_key_id, marker })
    }

    /// What the cache knows about a session that was written to another profile.
    fn add_cached(&self, row: &mut Row, key: &SessionKey) {
        row.kind = Some(if key.roles.is_empty() { Kind::User } else { Kind::Role });
        row.role = key.roles.last().map(|role| role.role_arn.clone());
        row.device = key.serial.parse().ok();
        row.offset = row.device.as_ref().and_then(|serial| self.ctx.ledgers().offset(serial).ok());
    }

    /// The credentials file is where the SDKs look, so its session counts, unless it has expired and the cache has a newer
    /// one.
    fn add_written(&self, row: &mut Row, written: &Written) {
        row.via = Some(Via::Login);
        let cached = self.ctx.cache().key_of(&written.access_key_id);
        if let Some(key) = cached.as_ref().filter(|_| row.kind.is_none()) {
            self.add_cached(row, key);
        }
        let offset = row.offset.unwrap_or_default();
        let in_file = match written.session {
            Known::Until(validity) => Known::Until(Validity { offset, ..validity }),
            other => other,
        };
        let now = self.ctx.clock.now();
        let lasts = |known: Known| known.validity().is_some_and(|validity| validity.left(now).is_some());
        if in_file != Known::NoEnd && !lasts(in_file) && lasts(row.session) {
            row.notes
                .push("the session in the credentials file has expired; the cached one is newer".to_owned());
        } else {
            row.session = in_file;
            if cached.is_some_and(|key| key.roles.iter().any(|role| role.policy.is_some())) {
                row.notes.push("narrowed by `--policy`".to_owned());
            }
        }
        if let Some(marker) = written.marker {
            row.notes.push(format!("written by another tool (it has `{marker}`)"));
        }
        if written.section != row.profile {
            row.notes.push(format!("written to profile `{}`", written.section));
        }
    }

    fn store_of(&self, row: &Row) -> Option<StoreKind> {
        let serial = row.device.as_ref()?;
        self.devices.iter().find(|device| device.serial == *serial).map(|device| device.store)
    }

    fn add_device(&self, row: &mut Row, resolution: &Resolution) {
        row.store = self.store_of(row);
        if row.device.is_some() && row.store.is_none() {
            row.notes.push(match resolution.mfa_process {
                Some(_) => "codes come from `mfa_process`".to_owned(),
                None => "the device's secret is not stored here".to_owned(),
            });
        }
        let offset = row.offset.unwrap_or_default();
        if let Ok(by) = offset.abs().to_std()
            && !by.is_zero()
        {
            let direction = if offset > TimeDelta::zero() { "behind" } else { "ahead of" };
            row.notes.push(format!("this computer's clock is {} {direction} AWS", in_words(by)));
        }
    }
}

impl Row {
    fn take(&mut self, peeked: Peeked) {
        self.kind = Some(if peeked.profile.roles.is_empty() { Kind::User } else { Kind::Role });
        self.role = peeked.profile.roles.last().map(|role| role.role_arn.clone());
        self.offset = peeked.serial.as_ref().map(|_| peeked.offset);
        self.device = peeked.serial;
        if let Some(session) = peeked.session {
            let expiration = session.expiration;
            self.session = Known::Until(Validity { expiration, offset: peeked.offset });
        }
    }
}

/// The expiration that awsmfa and saml2aws write next to a session.
fn expiration(profile: &Profile) -> Option<Validity> {
    let text = profile.get("x_security_token_expires")?;
    let expiration = chrono::DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    is_plausible(expiration).then_some(Validity { expiration, offset: TimeDelta::zero() })
}
