//! `awsmfa logout`: removes sessions from the credentials file and the cache.

use crate::aws_files::AwsFile;
use crate::aws_files::document::Document;
use crate::aws_files::resolve::{Destination, KeySource, ResolveError, resolve};
use crate::aws_files::session_edits::{self, RemoveReport, SessionEditError};
use crate::aws_files::write::EditError;
use crate::cache::SessionKey;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult};
use crate::model::serial::Serial;
use crate::session;

/// Remove the session from the credentials file and the cache
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
AWS goes on taking a session until it ends; logging out only forgets it here.

Examples:
  awsmfa logout --profile dev
  awsmfa logout --profile dev --restore    put the long-term keys back into [dev]
  awsmfa logout --all")]
pub struct LogoutArgs {
    #[command(flatten)]
    profile: super::OnlyProfileArgs,
    /// Remove every session that awsmfa wrote or keeps
    #[arg(short, long, conflicts_with_all = ["profile", "name"])]
    all: bool,
    /// Put the long-term keys back where they were before the first login
    #[arg(short, long)]
    restore: bool,
}

/// Runs the command. What cannot be done leaves the rest to be done, and fails the command.
pub fn run(ctx: &Context, args: &LogoutArgs) -> CommandResult {
    let (section, cached) = match args.all {
        true => (None, None),
        false => {
            let (section, cached) = meant(ctx, args.profile.name())?;
            (Some(section), Some(cached))
        }
    };
    // The user's file first: whatever is wrong with the cache, no tool finds the session any more.
    let mut failures = clean_file(ctx, section.as_deref(), args.restore);
    failures.extend(forget(ctx, cached.as_ref()).err());
    let Some(last) = failures.pop() else { return Ok(()) };
    for error in failures {
        error.report(&ctx.ui);
    }
    Err(last)
}

/// Removes the session of one section, or every one of ours, from the credentials file and says so. Returns what failed.
fn clean_file(ctx: &Context, section: Option<&str>, restore: bool) -> Vec<CommandError> {
    let sections = match remove(ctx, section, restore) {
        Ok(sections) => sections,
        Err(error) => return vec![error],
    };
    let (mut any, mut failures) = (false, Vec::new());
    for (section, removed) in sections {
        let report = match removed {
            Ok(report) => report,
            Err(error) => {
                failures.push(error);
                continue;
            }
        };
        any |= report.removed || report.restored_from.is_some();
        if report.removed {
            ctx.ui.say(format_args!("removed the session of [{section}]"));
        }
        if let Some(long_term) = report.restored_from {
            ctx.ui.say(format_args!("moved the long-term keys of [{long_term}] back to [{section}]"));
        }
    }
    if !any && failures.is_empty() {
        ctx.ui.say("no session in the credentials file");
    }
    failures
}

/// Which cached sessions belong to a profile.
struct Cached {
    /// The access key ID of the session in the credentials file.
    written: Option<String>,
    access_key_id: Option<String>,
    serial: Option<Serial>,
    roles: Vec<String>,
}

impl Cached {
    fn includes(&self, key: &SessionKey, session_id: &str) -> bool {
        let device = self.serial.as_ref().is_some_and(|serial| key.serial == serial.as_str());
        let same_roles = key.roles.iter().map(|role| &role.role_arn).eq(&self.roles);
        self.written.as_deref() == Some(session_id)
            || (same_roles && (device || self.access_key_id.as_ref() == Some(&key.access_key_id)))
    }
}

/// The section in which the profile's session would be, and its cached sessions.
fn meant(ctx: &Context, profile: Option<&str>) -> CommandResult<(String, Cached)> {
    let profiles = ctx.profiles()?;
    let named = Named::of(profile, &ctx.env);
    let resolution = match resolve(&profiles, named.name()) {
        // Keys of the environment need no profile; what `login` wrote for them is gone already.
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
    // No program is run for keys, and a profile without keys or a device has its section cleaned all the same.
    let access_key_id = match &resolution.keys {
        Ok(KeySource::Static { keys, .. }) => Some(keys.access_key_id.clone()),
        // Where nothing is configured, `login` takes those of the environment.
        Err(_) if named == Named::Default => ctx.env.get("AWS_ACCESS_KEY_ID").map(str::to_owned),
        _ => None,
    };
    let written = profiles.get(&section).and_then(|profile| profile.get("aws_access_key_id"));
    let serial = session::known_serial(ctx, &resolution, access_key_id.as_deref()).ok().flatten();
    let cached = Cached {
        written: written.map(str::to_owned),
        access_key_id,
        serial,
        roles: resolution.roles.iter().map(|role| role.role_arn.clone()).collect(),
    };
    Ok((section, cached))
}

/// Forgets these cached sessions, or all.
fn forget(ctx: &Context, cached: Option<&Cached>) -> CommandResult {
    let cache = ctx.cache();
    match cached {
        Some(cached) => cache.remove_where(|key, session_id| cached.includes(key, session_id))?,
        None => cache.clear()?,
    }
    Ok(())
}

/// Removes the session of one section, or every one of ours, in one edit.
fn remove(
    ctx: &Context,
    section: Option<&str>,
    restore: bool,
) -> CommandResult<Vec<(String, CommandResult<RemoveReport>)>> {
    let files = ctx.aws_files();
    let path = files.path(AwsFile::Credentials);
    let failed = |source| CommandError::from(EditError::Edit { path: path.to_owned(), source });
    let edit = |document: &mut Document| -> Result<_, SessionEditError> {
        let sections =
            section.map_or_else(|| session_edits::own_sessions(document), |one| vec![one.to_owned()]);
        let remove = |section: String| {
            let removed = session_edits::remove_session(document, &section, restore).map_err(failed);
            (section, removed)
        };
        Ok(sections.into_iter().map(remove).collect())
    };
    Ok(files.edit(AwsFile::Credentials, edit)?)
}
