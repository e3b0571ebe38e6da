//! `awsmfa login`

use crate::aws_files::AwsFile;
use crate::aws_files::session_edits::WriteReport;
use crate::aws_files::winner::{Cause, Finding};
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::findings;
use crate::login::{self, Login, Options, Outcome};
use crate::model::duration::in_words;
use crate::model::serial::Serial;
use crate::model::session::timestamp;
use crate::model::shell::quoted;
use crate::model::totp::Code;
use crate::session::Obtained;

/// Get an MFA session and write it to the credentials file
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  awsmfa login --profile dev    or: awsmfa login dev
  awsmfa login --profile dev --duration 1h --force
  awsmfa login --profile dev --output-profile dev-mfa")]
pub struct LoginArgs {
    #[command(flatten)]
    profile: super::OnlyProfileArgs,
    #[command(flatten)]
    session: super::SessionArgs,
    /// Get a new session even if one is cached, and overwrite a session written by another tool
    #[arg(short, long)]
    force: bool,
    /// Profile to write the session to [default: the profile itself]
    #[arg(long, value_name = "NAME", add = clap_complete::ArgValueCandidates::new(crate::complete::profile_names))]
    output_profile: Option<String>,
    /// MFA device ARN or number [default: the profile's `mfa_serial`, then the user's only device]
    #[arg(long, value_name = "ARN", add = clap_complete::ArgValueCandidates::new(crate::complete::serials))]
    serial: Option<String>,
    /// MFA code, for a device without a stored secret
    #[arg(long, value_name = "CODE")]
    code: Option<Code>,
    /// Log in to every profile with an MFA device
    #[arg(long, conflicts_with_all = ["profile", "name", "output_profile", "serial", "code", "policies"])]
    all: bool,
}

pub fn run(ctx: &Context, args: &LoginArgs) -> CommandResult {
    let options = Options {
        duration: args.session.duration,
        policy: args.session.policy()?,
        serial: args.serial.as_deref().map(str::parse::<Serial>).transpose()?,
        code: args.code.clone(),
        force: args.force,
        output_profile: args.output_profile.clone(),
    };
    if args.all {
        return run_all(ctx, &options);
    }
    let login = login::login(ctx, Named::of(args.profile.name(), &ctx.env), &options)?;
    let found = say(ctx, login, &options);
    findings::warn(ctx, &found);
    findings::warn_of_files(ctx);
    Ok(())
}

/// Logs in to every profile. One that fails does not stop the others.
fn run_all(ctx: &Context, options: &Options) -> CommandResult {
    let profiles = login::profiles_with_device(ctx)?;
    if profiles.is_empty() {
        let enroll = "enroll a device: `awsmfa enroll`, or import an existing one: `awsmfa device import --profile NAME`";
        return Err(CommandError::new(ErrorKind::Configuration, "no profile has an MFA device").hint(enroll));
    }
    let (mut failure, mut found) = (None, Vec::new());
    login::all(ctx, &profiles, options, |name, login| match login {
        Ok(login) => found.extend(say(ctx, login, options)),
        Err(error) => {
            let failed = CommandError::new(error.kind, "some profiles could not be logged in");
            error.at(format_args!("profile `{name}`")).report(&ctx.ui);
            failure.get_or_insert(failed);
        }
    })?;
    // The environment is the same for all.
    let is_environment = |finding: &Finding| matches!(finding.cause, Cause::Environment(_));
    let first = found.iter().find(|finding| is_environment(finding)).cloned();
    found.retain(|finding| !is_environment(finding));
    found.splice(..0, first);
    findings::warn(ctx, &found);
    findings::warn_of_files(ctx);
    failure.map_or(Ok(()), Err)
}

/// Says what a login did, and returns what keeps SDKs from using the session.
fn say(ctx: &Context, login: Login, options: &Options) -> Vec<Finding> {
    let Login { obtained, outcome, findings } = login;
    if options.code.is_some() && !obtained.is_new {
        ctx.ui.say("the code was not used: a valid session is cached (use `--force` for a new one)");
    }
    match outcome {
        Outcome::Written(report) => say_written(ctx, &report, &obtained),
        Outcome::Served { removed_old } => say_served(ctx, &obtained, removed_old, &findings),
    }
    findings
}

fn say_written(ctx: &Context, report: &WriteReport, obtained: &Obtained) {
    let (section, profile) = (&report.section, &obtained.profile.profile);
    if let Some(long_term) = &report.moved_to {
        ctx.ui.say(format_args!("moved the long-term keys from [{section}] to [{long_term}]"));
    }
    let path = ctx.aws_files().path(AwsFile::Credentials).display();
    let validity = validity(ctx, obtained);
    if report.is_new {
        ctx.ui.say(format_args!("wrote a session for `{profile}` to [{section}] in {path}, {validity}"));
    } else {
        ctx.ui.say(format_args!("the session for `{profile}` in [{section}] of {path} is still {validity}"));
    }
    if section != profile {
        ctx.ui.hint(format_args!("use the session with `--profile {}`", quoted(section)));
    }
}

fn say_served(ctx: &Context, obtained: &Obtained, removed_old: bool, findings: &[Finding]) {
    let (profile, validity) = (&obtained.profile.profile, validity(ctx, obtained));
    if removed_old {
        ctx.ui.say(format_args!(
            "removed the session of an earlier login from [{profile}], because it would hide the `credential_process`"
        ));
    }
    let got = match obtained.is_new {
        true => format!("got a session for `{profile}`, {validity}"),
        false => format!("the session for `{profile}` is still {validity}"),
    };
    let is_hidden = findings.iter().any(|finding| !matches!(finding.cause, Cause::Environment(_)));
    let place = match is_hidden {
        true => "saved only in awsmfa's cache",
        false => "nothing was written, because its `credential_process` serves it",
    };
    ctx.ui.say(format_args!("{got}; {place}"));
}

/// `valid until 2026-01-01T10:00:00Z (11h 59m)`
pub(super) fn validity(ctx: &Context, obtained: &Obtained) -> String {
    let expiration = obtained.session.expiration;
    let left = (expiration - (ctx.clock.now() + obtained.offset)).to_std().unwrap_or_default();
    format!("valid until {} ({})", timestamp(expiration), in_words(left))
}
