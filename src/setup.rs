//! Setup: connects profiles with awsmfa, so that every tool gets sessions with no further step.
//!
//! Everything that can fail is tried before a file changes: the profile is resolved, the change is checked on copies of both
//! files, and AWS issues the session. Then the [`record`] by which the setup can be undone is on disk, and the files are
//! written, the config file first: at every moment, SDKs find the keys that they have used so far or awsmfa. Last comes the
//! [`proof`]: credentials are requested as an SDK would.

mod change;
mod diff;
mod others;
mod plan;
mod proof;
mod record;
mod request;
mod roles;
mod undo;

pub use proof::Proof;
pub use request::{Mode, SetupRequest};
pub use undo::{Undone, undo};

use crate::aws_files::resolve::{Destination, KeySource, resolve};
use crate::aws_files::wiring::Way;
use crate::choice::Named;
use crate::context::Context;
use crate::error::CommandResult;
use crate::findings;
use crate::key_storage::{self, StoreOptions};
use crate::session::{self, Request};
use change::Change;
use plan::Plan;

/// What a setup did.
pub enum Outcome {
    /// The change. Nothing was written.
    Planned {
        /// Whether there is one.
        changed: bool,
        /// A diff without secrets; empty if no file changes.
        diff: String,
    },
    /// The profiles work.
    Done {
        /// Whether the files had to be changed.
        changed: bool,
        proofs: Vec<Proof>,
    },
}

/// An error if a setup cannot be undone because its record cannot be read.
pub fn check_records(ctx: &Context) -> CommandResult {
    record::Record::all(ctx).map(drop)
}

/// Connects profiles with awsmfa.
pub fn setup(ctx: &Context, request: &SetupRequest) -> CommandResult<Outcome> {
    let names = names(ctx, request);
    let plan = Plan::of(ctx, &names, request.mode)?;
    let preview = Change::of(ctx, &plan)?;
    preview.check(ctx, &plan)?;
    let stored = if request.store_keys { plan.keys_in_files(ctx)? } else { Vec::new() };
    if !stored.is_empty() {
        // Before anything changes.
        ctx.vault.stores.for_new(None)?;
    }
    for profile in &stored {
        ctx.ui.say(format_args!("the long-term keys of `{profile}` move from the file to a store"));
    }
    let changed = !preview.is_empty() || !stored.is_empty();
    if request.dry_run {
        return Ok(Outcome::Planned { changed, diff: preview.diff() });
    }
    if changed {
        change::confirm(ctx, request, &preview.diff())?;
        ctx.ui.doing("getting a session");
        let plan = plan.with_sessions(ctx).map_err(|error| error.at("nothing was changed"))?;
        Change::of(ctx, &plan)?.write(ctx, &names, &stored)?;
        for profile in &stored {
            key_storage::store(ctx, Named::Flag(profile), StoreOptions::default())?;
        }
    }
    let proofs = plan.targets.iter().map(|target| proof::of(ctx, target, request.mode));
    let proofs = proofs.collect::<CommandResult<Vec<_>>>().map_err(|error| match changed {
        true => error.hint("undo the setup: `awsmfa setup --undo`"),
        false => error,
    })?;
    let profiles = ctx.profiles()?;
    for (profile, claim) in plan.claims() {
        findings::warn(ctx, &findings::of(ctx, &profiles, profile, claim));
    }
    plan.warn(ctx, &profiles);
    Ok(Outcome::Done { changed, proofs })
}

/// Whether a profile has keys and is not connected with awsmfa yet.
pub fn is_useful(ctx: &Context, profile: &str) -> bool {
    let resolution = ctx.profiles().ok().and_then(|profiles| resolve(&profiles, profile).ok());
    resolution
        .is_some_and(|resolution| resolution.keys.is_ok() && resolution.target != Destination::CacheOnly)
}

/// The profiles, each once.
fn names(ctx: &Context, request: &SetupRequest) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in &request.profiles {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    if names.is_empty() {
        names.push(ctx.env.profile().to_owned());
    }
    names
}

impl Plan {
    /// Gets every session, so that nothing is changed if that fails.
    fn with_sessions(&self, ctx: &Context) -> CommandResult<Self> {
        let mut plan = self.clone();
        for wiring in &mut plan.wirings {
            let session = session::obtain(ctx, &self.request(&wiring.profile))?.session;
            if let Way::Written(values) = &mut wiring.way {
                *values = (&session).into();
            }
        }
        for target in self.targets.iter().filter(|target| target.has_role) {
            session::obtain(ctx, &self.request(&target.profile))?;
        }
        Ok(plan)
    }

    /// The connected profiles with long-term keys in a file.
    fn keys_in_files(&self, ctx: &Context) -> CommandResult<Vec<String>> {
        let profiles = ctx.profiles()?;
        let is_in_file = |name: &&String| {
            let keys = resolve(&profiles, name).ok().and_then(|resolution| resolution.keys.ok());
            matches!(keys, Some(KeySource::Static { .. }))
        };
        let names = self.wirings.iter().map(|wiring| &wiring.profile);
        Ok(names.filter(is_in_file).cloned().collect())
    }

    fn request<'a>(&'a self, profile: &'a str) -> Request<'a> {
        let target = self.targets.iter().find(|target| target.profile == profile || target.base == profile);
        let serial = target.map(|target| target.serial.clone());
        Request { serial, ..Request::person(Named::Flag(profile)) }
    }
}
