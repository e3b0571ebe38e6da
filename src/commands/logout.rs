//! `awsmfa logout`

use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult};
use crate::logout::Logout;
use crate::model::shell::CommandLine;

/// Remove the session from the credentials file and the cache
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Logging out only removes the session from this machine; AWS accepts it until it expires.

Examples:
  awsmfa logout --profile dev
  awsmfa logout --profile dev --restore    put the long-term keys back into [dev]
  awsmfa logout --all")]
pub struct LogoutArgs {
    #[command(flatten)]
    profile: super::OnlyProfileArgs,
    /// Remove every session that awsmfa wrote or cached
    #[arg(long, conflicts_with_all = ["profile", "name"])]
    all: bool,
    /// Put the long-term keys back where they were before the first login
    #[arg(long)]
    restore: bool,
}

/// Removes what can be removed, and fails if anything could not be.
pub fn run(ctx: &Context, args: &LogoutArgs) -> CommandResult {
    let logout = match args.all {
        true => Logout::All,
        false => Logout::profile(ctx, Named::of(args.profile.name(), &ctx.env))?,
    };
    // The file comes first: whatever is wrong with the cache, no tool finds the session any more.
    let mut failures = clean_file(ctx, &logout, args.restore);
    failures.extend(logout.clean_cache(ctx).err());
    let Some(last) = failures.pop() else { return Ok(()) };
    for error in failures {
        error.report(&ctx.ui);
    }
    Err(last)
}

/// Returns what failed.
fn clean_file(ctx: &Context, logout: &Logout, restore: bool) -> Vec<CommandError> {
    let sections = match logout.clean_file(ctx, restore) {
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
            ctx.ui.say(format_args!("removed the session from [{section}]"));
        }
        if let Some(long_term) = report.restored_from {
            ctx.ui.say(format_args!("moved the long-term keys from [{long_term}] back to [{section}]"));
        }
    }
    if let Some(profile) = logout.stored_keys().filter(|_| restore) {
        ctx.ui.say(format_args!("the long-term keys of `{profile}` are in a store and stay there"));
        let command = CommandLine::new("awsmfa keys restore").profile(profile);
        ctx.ui.hint(format_args!("put the keys back into the file: `{command}`"));
    }
    if !any && failures.is_empty() {
        ctx.ui.say("no session to remove from the credentials file");
    }
    failures
}
