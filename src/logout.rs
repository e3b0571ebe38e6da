//! Logout: removes sessions from the credentials file and the cache. AWS is not asked, and no program is run.

use crate::aws_files::AwsFile;
use crate::aws_files::document::Document;
use crate::aws_files::key_edits;
use crate::aws_files::resolve::{Destination, KeySource, ResolveError, resolve};
use crate::aws_files::session_edits::{self, RemoveReport, SessionEditError};
use crate::aws_files::write::EditError;
use crate::cache::SessionKey;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult};
use crate::model::serial::Serial;
use crate::session;

/// Which sessions to remove.
pub enum Logout {
    /// Every session that awsmfa wrote or cached.
    All,
    Profile(Box<Profile>),
}

/// A profile's section of the credentials file, and what identifies its sessions in the cache.
pub struct Profile {
    section: String,
    /// The access key ID of the session in the credentials file.
    written: Option<String>,
    access_key_id: Option<String>,
    /// The profile whose long-term keys a store has.
    stored: Option<String>,
    serial: Option<Serial>,
    roles: Vec<String>,
}

/// A section and what was removed from it.
pub type Removed = (String, CommandResult<RemoveReport>);

impl Logout {
    /// The sessions of one profile.
    pub fn profile(ctx: &Context, named: Named) -> CommandResult<Self> {
        let profiles = ctx.profiles()?;
        let resolution = match resolve(&profiles, named.name()) {
            // Keys in the environment need no profile, and the section that `login` wrote for them is gone already.
            Err(ResolveError::NoSuchProfile { name, .. })
                if named == Named::Default && ctx.env.get("AWS_ACCESS_KEY_ID").is_some() =>
            {
                session::unconfigured(&name)
            }
            resolved => resolved?,
        };
        let section = match &resolution.target {
            Destination::Section(section) => section.clone(),
            Destination::CacheOnly => resolution.profile.clone(),
        };
        // The section of a profile without keys or a device is cleaned, too.
        let access_key_id = match &resolution.keys {
            Ok(KeySource::Static { .. } | KeySource::Stored { .. }) => {
                resolution.access_key_id().map(str::to_owned)
            }
            // If nothing is configured, `login` uses the keys in the environment.
            Err(_) if named == Named::Default => ctx.env.get("AWS_ACCESS_KEY_ID").map(str::to_owned),
            _ => None,
        };
        let written = profiles.get(&section).and_then(|profile| profile.get("aws_access_key_id"));
        let serial = session::known_serial(ctx, &resolution, access_key_id.as_deref()).ok().flatten();
        Ok(Self::Profile(Box::new(Profile {
            written: written.map(str::to_owned),
            section,
            access_key_id,
            stored: match &resolution.keys {
                Ok(KeySource::Stored { profile, .. }) => Some(profile.clone()),
                _ => None,
            },
            serial,
            roles: resolution.roles.iter().map(|role| role.role_arn.clone()).collect(),
        })))
    }

    /// The profile whose long-term keys are in a store and not in a file, if one profile was chosen.
    pub fn stored_keys(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Profile(profile) => profile.stored.as_deref(),
        }
    }

    /// Removes the sessions from the credentials file, in one edit. `restore` puts the long-term keys back.
    pub fn clean_file(&self, ctx: &Context, restore: bool) -> CommandResult<Vec<Removed>> {
        let files = ctx.aws_files();
        let path = files.path(AwsFile::Credentials);
        let failed = |source| CommandError::from(EditError::Edit { path: path.to_owned(), source });
        let edit = |document: &mut Document| -> Result<_, SessionEditError> {
            let sections = match self {
                Self::All => session_edits::own_sessions(document),
                Self::Profile(profile) => vec![profile.section.clone()],
            };
            let remove = |section: String| {
                let removed = match restore {
                    true => key_edits::remove_session_and_restore(document, &section),
                    false => session_edits::remove_session(document, &section, false),
                };
                (section, removed.map_err(failed))
            };
            Ok(sections.into_iter().map(remove).collect())
        };
        Ok(files.edit(AwsFile::Credentials, edit)?)
    }

    /// Removes the sessions from the cache.
    pub fn clean_cache(&self, ctx: &Context) -> CommandResult {
        let cache = ctx.cache();
        let cleaned = match self {
            Self::All => cache.clear(),
            Self::Profile(profile) => cache.remove_where(|key, session_id| profile.includes(key, session_id)),
        };
        Ok(cleaned?)
    }
}

impl Profile {
    fn includes(&self, key: &SessionKey, session_id: &str) -> bool {
        let device = self.serial.as_ref().is_some_and(|serial| key.serial == serial.as_str());
        let same_roles = key.roles.iter().map(|role| &role.role_arn).eq(&self.roles);
        self.written.as_deref() == Some(session_id)
            || (same_roles && (device || self.access_key_id.as_ref() == Some(&key.access_key_id)))
            // Assumed with temporary credentials, whose names in the cache are not known here.
            || (same_roles && !self.roles.is_empty() && key.serial.is_empty())
    }
}
