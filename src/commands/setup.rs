//! `awsmfa setup`

use super::args::YesArg;
use crate::context::Context;
use crate::error::CommandResult;
use crate::model::duration::in_words;
use crate::model::session::timestamp;
use crate::model::shell::CommandLine;
use crate::setup::{self, Mode, Outcome, Proof, SetupRequest, Undone};

/// Connect profiles with awsmfa, so that every AWS tool gets MFA sessions by itself
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Moves the profile's long-term keys to [dev-long-term] and sets `credential_process` to awsmfa, with its absolute path, because \
programs on a desktop have another PATH. For a profile with a role, the role's source profile is set up, and an `mfa_serial` \
that would make the AWS CLI prompt is removed. Setups of aws-mfa, aws-vault and `aws configure mfa-login` are converted. Every \
change is shown first; at the end, awsmfa requests credentials as an SDK would.

Examples:
  awsmfa setup --profile dev
  awsmfa setup --profile dev --profile prod --yes
  awsmfa setup --profile dev --dry-run
  awsmfa setup --undo")]
pub struct SetupArgs {
    /// AWS profile (repeatable) [default: `AWS_PROFILE`, then `default`]
    #[arg(short = 'p', long = "profile", value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new(), add = clap_complete::ArgValueCandidates::new(crate::complete::profile_names))]
    profiles: Vec<String>,
    /// How tools get sessions: they run awsmfa (`credential-process`), or read what `awsmfa login` writes (`login`)
    #[arg(
        long,
        value_name = "MODE",
        default_value = "credential-process",
        hide_possible_values = true,
        conflicts_with = "undo"
    )]
    mode: ModeArg,
    /// Then move the long-term keys from the file to the keyring or the file store, as `awsmfa keys store` does
    #[arg(long, conflicts_with = "undo")]
    store_keys: bool,
    /// Only show the changes
    #[arg(long)]
    dry_run: bool,
    /// Undo the last setup, or the profile's last setup with `--profile`
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    yes: YesArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ModeArg {
    CredentialProcess,
    Login,
}

pub fn run(ctx: &Context, args: &SetupArgs) -> CommandResult {
    let request = SetupRequest {
        profiles: args.profiles.clone(),
        mode: match args.mode {
            ModeArg::CredentialProcess => Mode::CredentialProcess,
            ModeArg::Login => Mode::Login,
        },
        store_keys: args.store_keys,
        yes: args.yes.yes,
        dry_run: args.dry_run,
    };
    if args.undo {
        return report_undone(ctx, &setup::undo(ctx, &request)?);
    }
    report(ctx, setup::setup(ctx, &request)?)
}

/// Sets up a profile that another command has just given a device: if it was `requested`, or if the person accepts the offer.
/// Returns whether the profile is set up.
pub fn follow_up(ctx: &Context, profile: &str, requested: bool, yes: bool) -> CommandResult<bool> {
    if !requested {
        let offer = format!("set up `{profile}` for every AWS tool?");
        if yes || !ctx.prompt.can_ask() || !setup::is_useful(ctx, profile) || !ctx.prompt.offer(&offer)? {
            return Ok(false);
        }
    }
    let request = SetupRequest { profiles: vec![profile.to_owned()], yes, ..SetupRequest::default() };
    report(ctx, setup::setup(ctx, &request)?)?;
    Ok(true)
}

/// The command after a profile got a device: `awsmfa setup`, unless it would change nothing or a person `declined` it.
pub fn next_step(ctx: &Context, profile: &str, declined: bool) -> CommandLine {
    let sets_up = !declined && setup::is_useful(ctx, profile);
    CommandLine::new(if sets_up { "awsmfa setup" } else { "awsmfa login" }).profile(profile)
}

fn report(ctx: &Context, outcome: Outcome) -> CommandResult {
    match outcome {
        Outcome::Planned { changed, diff } => {
            say_unless(ctx, changed);
            Ok(ctx.ui.result(&diff)?)
        }
        Outcome::Done { changed, proofs } => {
            say_unless(ctx, changed);
            proofs.iter().for_each(|proof| say_proof(ctx, proof));
            Ok(())
        }
    }
}

fn say_unless(ctx: &Context, changed: bool) {
    if !changed {
        ctx.ui.say("nothing to change: everything is set up already");
    }
}

/// `dev: arn:aws:iam::123456789012:user/alice, valid until 2026-01-01T10:00:00Z (11h 59m)`
fn say_proof(ctx: &Context, proof: &Proof) {
    let Proof { profile, arn, expiration, .. } = proof;
    let left = in_words(proof.left(ctx.clock.now()));
    ctx.ui.done(format_args!("{profile}: {arn}, valid until {} ({left})", timestamp(*expiration)));
}

fn report_undone(ctx: &Context, undone: &Undone) -> CommandResult {
    let Undone { profiles, exactly, left, planned } = undone;
    if let Some(diff) = planned {
        return Ok(ctx.ui.result(diff)?);
    }
    let names = profiles.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match exactly {
        true => ctx.ui.done(format_args!("undid the setup of {names}; the AWS files are as before")),
        false => ctx.ui.done(format_args!("undid the setup of {names}; other changes since then are kept")),
    }
    for what in left {
        ctx.ui.warn(format_args!("not undone: {what}"));
    }
    Ok(())
}
