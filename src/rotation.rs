//! Replacing a user's access key without a moment in which no working key is at hand: create, save, prove, put in place,
//! deactivate, delete. The journal is on disk before each step, and the same command resumes a rotation that was interrupted.

mod create;
mod journal;
mod place;
mod quota;
mod resume;
mod retire;
mod state;

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::aws_files::resolve::KeySource;
use crate::caller::Caller;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::interrupt;
use crate::key_storage::{self, not_in_files, owner, resolved};
use crate::model::identity::{Identity, Who};
use crate::model::shell::CommandLine;
use journal::{Journal, Journals, Stage};
use state::Rotation;

pub use quota::delete_command;
pub use state::Options;

/// A finished rotation.
#[derive(Debug)]
pub struct Rotated {
    pub profile: String,
    pub user: String,
    pub old: String,
    pub new: String,
    /// Whether the old key is inactive, but not deleted.
    pub kept_old: bool,
}

/// Replaces the access key of a profile, or resumes an interrupted replacement of the user's key.
pub fn rotate(ctx: &Context, named: Named, options: Options) -> CommandResult<Rotated> {
    let _lock = key_storage::lock(ctx)?;
    let resolution = resolved(ctx, &ctx.profiles()?, named)?;
    let store = match &resolution.keys {
        Ok(KeySource::Static { .. }) => None,
        Ok(KeySource::Stored { profile, .. }) => ctx.vault.stored_key(profile)?.map(|key| key.store),
        _ => return Err(not_in_files(&resolution)),
    };
    let profile = owner(&resolution).to_owned();
    let caller = Caller::of_user(ctx, &resolution)?;
    let user = user_of(&caller.identity)?;
    let waiting = || ctx.ui.say(format_args!("waiting for another rotation of the keys of `{user}`"));
    let journals = Journals::new(ctx.paths.rotations());
    let file = journals.open(&caller.identity.account, &user, &*ctx.clock, waiting)?;
    let begun = file.read()?;
    let old = caller.keys.access_key_id();
    let mut journal = Journal::new(&caller.identity.account, &user, &profile, old, store, ctx.clock.now());
    journal.keep_old = options.keep_old;
    let mut rotation = Rotation { ctx, caller, file, journal, yes: options.yes, signer: profile };
    rotation.sign_in()?;
    if let Some(begun) = begun {
        rotation.resume(begun)?;
    }
    let again = rotation.command();
    interrupt::say(&format!("resume with `{again}`"));
    rotation.run().map_err(|error| rotation.explain(error))?;
    interrupt::forget();
    let Journal { profile, user, old, new, keep_old: kept_old, .. } = rotation.journal;
    Ok(Rotated { profile, user, old, new: new.unwrap_or_default(), kept_old })
}

/// A rotation that was interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The ID of the old key.
    pub old: String,
    pub user: String,
    pub began: DateTime<Utc>,
    /// The command that resumes it.
    pub resume: CommandLine,
}

/// All unfinished rotations, those that another process is working on included.
pub fn unfinished(ctx: &Context) -> CommandResult<Vec<Unfinished>> {
    let of = |journal: Journal| Unfinished {
        resume: journal.command(),
        old: journal.old,
        user: journal.user,
        began: journal.began,
    };
    Ok(Journals::new(ctx.paths.rotations()).unfinished()?.into_iter().map(of).collect())
}

/// The journals that cannot be read.
pub fn damaged_journals(ctx: &Context) -> CommandResult<Vec<PathBuf>> {
    Ok(Journals::new(ctx.paths.rotations()).damaged()?)
}

/// The user who owns the keys. Root keys should not exist, so they are not renewed.
fn user_of(identity: &Identity) -> CommandResult<String> {
    let message = match &identity.who {
        Who::User { name, .. } => return Ok(name.clone()),
        Who::Root => "this is an access key of the root user, which should have none",
        Who::Session => "these keys do not belong to an IAM user",
    };
    let this = CommandError::new(ErrorKind::Refused, message);
    Err(match identity.who {
        Who::Root => this
            .hint("delete the root user's access keys in the console: https://console.aws.amazon.com/iam/home#/security_credentials")
            .hint("then create an IAM user, and use the user's access key"),
        _ => this.hint("choose a profile with an IAM user's access key: `--profile NAME`"),
    })
}

impl Rotation<'_> {
    fn run(&mut self) -> CommandResult {
        loop {
            match self.journal.stage {
                Stage::Planned => self.create()?,
                Stage::Created => self.place()?,
                Stage::Placed => self.deactivate()?,
                Stage::Inactive => return self.finish(),
            }
        }
    }
}
