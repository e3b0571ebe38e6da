//! `awsmfa logout`: removes sessions from the credentials file and the cache.

use crate::aws_files::document::Document;
use crate::aws_files::resolve::{KeySource, Target, resolve};
use crate::aws_files::session_edits::{self, RemoveReport, SessionEditError};
use crate::aws_files::{Kind, write};
use crate::context::Context;
use crate::error::CommandResult;
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
    profile: super::ProfileArg,
    /// Remove every session that awsmfa wrote or keeps
    #[arg(short, long, conflicts_with = "profile")]
    all: bool,
    /// Put the long-term keys back where they were before the first login
    #[arg(short, long)]
    restore: bool,
}

/// Runs the command.
pub fn run(ctx: &Context, args: &LogoutArgs) -> CommandResult {
    let sections = if args.all {
        ctx.cache()?.clear()?;
        every_session(ctx)?
    } else {
        let name = args.profile.profile.as_deref().unwrap_or(ctx.env.profile());
        forget(ctx, name)?
    };
    let mut any = false;
    for section in sections {
        let report = remove(ctx, &section, args.restore)?;
        if report.removed {
            any = true;
            ctx.ui.say(format_args!("removed the session of [{section}]"));
        }
        if let Some(long_term) = report.restored_from {
            any = true;
            ctx.ui.say(format_args!("moved the long-term keys of [{long_term}] back to [{section}]"));
        }
    }
    if !any {
        ctx.ui.say("no session in the credentials file");
    }
    Ok(())
}

/// Forgets the profile's cached sessions. Returns the section in which its session would be.
fn forget(ctx: &Context, name: &str) -> CommandResult<Vec<String>> {
    let resolution = resolve(&ctx.profiles()?, name)?;
    let cache = ctx.cache()?;
    let roles: Vec<&str> = resolution.roles.iter().map(|role| role.role_arn.as_str()).collect();
    // By key or by device: no program is run for keys, and a profile without either has its section cleaned all the same.
    let key_id = match &resolution.keys {
        Ok(KeySource::Static { keys, .. }) => Some(keys.access_key_id.as_str()),
        _ => None,
    };
    let serial = session::known_serial(ctx, None, &resolution).ok().flatten();
    cache.remove_where(|key| {
        let device = serial.as_ref().is_some_and(|serial| key.serial == serial.as_str());
        (key_id == Some(&key.access_key_id) || device)
            && key.roles.iter().map(|r| r.role_arn.as_str()).eq(roles.iter().copied())
    })?;
    Ok(match resolution.target {
        Target::Section(section) => vec![section],
        Target::CacheOnly => vec![name.to_owned()],
    })
}

fn every_session(ctx: &Context) -> CommandResult<Vec<String>> {
    let document = write::read(&ctx.credentials_path()?, Kind::Credentials)?;
    Ok(document.sections().into_iter().filter(|section| is_ours(&document, section)).collect())
}

fn is_ours(document: &Document, section: &str) -> bool {
    session_edits::holds_session(document, section) && document.has(section, "x_security_token_expires")
}

fn remove(ctx: &Context, section: &str, restore: bool) -> CommandResult<RemoveReport> {
    let path = ctx.credentials_path()?;
    let lock = write::lock_path(&ctx.state_dir()?, &path);
    let edit = |document: &mut Document| -> Result<RemoveReport, SessionEditError> {
        session_edits::remove_session(document, section, restore)
    };
    Ok(write::edit(&path, Kind::Credentials, &lock, edit)?)
}
