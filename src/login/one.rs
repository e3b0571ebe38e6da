//! A login to one profile, in two parts: getting the session, on any thread, and writing it.

use std::cell::RefCell;

use super::destination;
use crate::aws_files::resolve::{Destination, Resolution};
use crate::aws_files::session_edits::WriteReport;
use crate::aws_files::winner::{Cause, Claim, Finding};
use crate::choice::Named;
use crate::context::Context;
use crate::error::CommandResult;
use crate::findings;
use crate::model::duration::SessionDuration;
use crate::model::serial::Serial;
use crate::model::session_policy::SessionPolicy;
use crate::model::totp::Code;
use crate::session::{self, Obtained, Request};

/// Options of a login.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub duration: Option<SessionDuration>,
    /// Narrows a role's session.
    pub policy: Option<SessionPolicy>,
    pub serial: Option<Serial>,
    pub code: Option<Code>,
    /// Get a new session even if one is cached, and overwrite one written by another tool.
    pub force: bool,
    /// Write the session to this profile instead.
    pub output_profile: Option<String>,
}

/// A finished login.
pub struct Login {
    pub obtained: Obtained,
    pub outcome: Outcome,
    /// What keeps SDKs from using the session.
    pub findings: Vec<Finding>,
}

pub enum Outcome {
    /// The session is in the credentials file.
    Written(WriteReport),
    /// The profile's `credential_process` serves the session from the cache.
    Served {
        /// Whether a session of an earlier login was removed from the profile.
        removed_old: bool,
    },
}

/// Logs in to one profile.
pub fn login(ctx: &Context, named: Named, options: &Options) -> CommandResult<Login> {
    finish(ctx, get(ctx, named, options)?, options)
}

/// A session that is not written yet.
pub(super) struct Got {
    obtained: Obtained,
    destination: Destination,
}

/// Gets the session. Checks before that it can be written.
pub(super) fn get(ctx: &Context, named: Named, options: &Options) -> CommandResult<Got> {
    let output = options.output_profile.as_deref();
    // Even with a cached session: a session that cannot be written is not a login.
    let chosen = RefCell::new(None);
    let check = |profile: &Resolution| {
        let destination = destination::of(ctx, profile, output)?;
        match &destination {
            Destination::Section(section) => {
                destination::rehearse(ctx, &profile.profile, section, options.force)?;
            }
            Destination::CacheOnly if options.policy.is_some() => {
                return Err(destination::cannot_narrow(&profile.profile));
            }
            Destination::CacheOnly => {}
        }
        chosen.replace(Some(destination));
        Ok(())
    };
    let obtained = session::obtain(
        ctx,
        &Request {
            duration: options.duration,
            policy: options.policy.clone(),
            serial: options.serial.clone(),
            code: options.code.clone(),
            force: options.force,
            check: Some(&check),
            ..Request::person(named)
        },
    )?;
    let destination = chosen.take().expect("the check has run");
    Ok(Got { obtained, destination })
}

/// Writes the session, and finds what keeps SDKs from using it.
pub(super) fn finish(ctx: &Context, got: Got, options: &Options) -> CommandResult<Login> {
    let Got { obtained, destination } = got;
    let name = &obtained.profile.profile;
    let (outcome, claim) = match &destination {
        Destination::Section(section) => {
            let report = destination::write(ctx, section, &obtained.session, options.force)?;
            (Outcome::Written(report), Claim::Written(section))
        }
        Destination::CacheOnly => {
            let removed_old = destination::remove_old(ctx, name);
            (Outcome::Served { removed_old }, Claim::Served { at: name, profile: name })
        }
    };
    // Files that cannot be read anymore do not undo the login.
    let findings = ctx.profiles().map_or_else(|_| Vec::new(), |now| findings::of(ctx, &now, name, claim));
    // Following the hint to remove `mfa_serial` then loses nothing.
    if findings.iter().any(|finding| matches!(finding.cause, Cause::AsksForCode(_)))
        && let Some(device) = &obtained.device
    {
        device.remember_for_key(ctx);
    }
    Ok(Login { obtained, outcome, findings })
}
