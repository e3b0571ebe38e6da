//! `awsmfa login`: makes sure that there is a session and writes it to the credentials file.

use super::findings;
use crate::aws_files::document::UnsafeEdit;
use crate::aws_files::resolve::{Destination, Resolution, resolve};
use crate::aws_files::session_edits::{self, SessionEditError, SessionValues, WriteReport};
use crate::aws_files::syntax::is_identifier;
use crate::aws_files::winner::{Cause, Claim, Finding};
use crate::aws_files::write::EditError;
use crate::aws_files::{AwsFile, keeps_keys_of};
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::duration::{SessionDuration, in_words};
use crate::model::serial::Serial;
use crate::model::session::timestamp;
use crate::model::shell::quoted;
use crate::model::totp::Code;
use crate::session::{self, Obtained, Request};

/// Make sure there is a session and write it to the credentials file
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  awsmfa login --profile dev    or: awsmfa login dev
  awsmfa login --profile dev --duration 1h --force
  awsmfa login --profile dev --output-profile dev-mfa")]
pub struct LoginArgs {
    #[command(flatten)]
    profile: super::OnlyProfileArgs,
    /// How long the session is to live: 15m to 36h [default: the profile's `duration_seconds`, then 12h]
    #[arg(short, long, value_name = "TIME")]
    duration: Option<SessionDuration>,
    /// Make a new session, with a new code, even if one is fresh, and replace another tool's
    #[arg(short, long)]
    force: bool,
    /// Write the session to this profile instead
    #[arg(short, long, value_name = "NAME", add = clap_complete::ArgValueCandidates::new(crate::complete::profile_names))]
    output_profile: Option<String>,
    /// The MFA device's ARN or number [default: the profile's `mfa_serial`, then the user's only device]
    #[arg(short, long, value_name = "ARN", add = clap_complete::ArgValueCandidates::new(crate::complete::serials))]
    serial: Option<String>,
    /// A code of the device, if its secret is not stored
    #[arg(short, long, value_name = "CODE")]
    code: Option<Code>,
    /// Log in every profile that has an MFA device
    #[arg(short, long, conflicts_with_all = ["profile", "name", "output_profile", "serial", "code"])]
    all: bool,
}

pub fn run(ctx: &Context, args: &LoginArgs) -> CommandResult {
    if args.all {
        return run_all(ctx, args);
    }
    let found = run_one(ctx, args, Named::of(args.profile.name(), &ctx.env))?;
    findings::warn(ctx, &found);
    findings::warn_of_files(ctx);
    Ok(())
}

/// Every profile is tried; the first failure is the command's.
fn run_all(ctx: &Context, args: &LoginArgs) -> CommandResult {
    let names = profiles_with_device(ctx)?;
    if names.is_empty() {
        return Err(CommandError::new(ErrorKind::Configuration, "no profile has an MFA device")
            .hint("make one: `awsmfa enroll`; one that exists: `awsmfa device import --profile NAME`"));
    }
    let (mut failure, mut found) = (None, Vec::new());
    for name in names {
        match run_one(ctx, args, Named::Flag(&name)) {
            Ok(more) => found.extend(more),
            Err(error) if error.kind == ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                let failed = CommandError::new(error.kind, "some profiles could not be logged in");
                error.at(format_args!("profile `{name}`")).report(&ctx.ui);
                failure.get_or_insert(failed);
            }
        }
    }
    // The environment is the same for all.
    let is_environment = |finding: &Finding| matches!(finding.cause, Cause::Environment(_));
    let first = found.iter().find(|finding| is_environment(finding)).cloned();
    found.retain(|finding| !is_environment(finding));
    found.splice(..0, first);
    findings::warn(ctx, &found);
    findings::warn_of_files(ctx);
    failure.map_or(Ok(()), Err)
}

fn profiles_with_device(ctx: &Context) -> CommandResult<Vec<String>> {
    let profiles = ctx.profiles()?;
    let registered = ctx.vault.devices()?;
    let mut names: Vec<String> = Vec::new();
    for name in profiles.names() {
        let base = keeps_keys_of(name).unwrap_or(name);
        let Ok(resolution) = resolve(&profiles, base) else { continue };
        let known = resolution.serial.is_some()
            || registered.iter().any(|device| resolution.chain.iter().any(|p| device.profiles.contains(p)));
        if !known || names.iter().any(|n| n == base) {
            continue;
        }
        match &resolution.keys {
            Ok(_) => names.push(base.to_owned()),
            Err(why) => ctx.ui.detail(format_args!("`{base}` is left out: {why}")),
        }
    }
    Ok(names)
}

/// Logs in one profile. Returns what keeps the session from the SDKs.
fn run_one(ctx: &Context, args: &LoginArgs, named: Named) -> CommandResult<Vec<Finding>> {
    // A session that cannot be written is no login.
    let check = |profile: &Resolution| match target(ctx, args, profile)? {
        Destination::Section(section) => rehearse(ctx, &profile.profile, &section, args.force),
        Destination::CacheOnly => Ok(()),
    };
    let request = Request {
        duration: args.duration,
        serial: args.serial.as_deref().map(str::parse::<Serial>).transpose()?,
        code: args.code.clone(),
        force: args.force,
        check: Some(&check),
        ..Request::person(named)
    };
    let obtained = session::obtain(ctx, &request)?;
    if args.code.is_some() && !obtained.is_new {
        ctx.ui.say("the code was not needed, and not used; a new session is made with `--force`");
    }
    let name = &obtained.profile.profile;
    let target = target(ctx, args, &obtained.profile)?;
    let claim = match &target {
        Destination::Section(section) => {
            let report = write_session(ctx, section, &obtained, args.force)?;
            say_written(ctx, &report, &obtained)?;
            Claim::Written(section)
        }
        Destination::CacheOnly => {
            remove_own_session(ctx, name);
            Claim::Served { at: name, profile: name }
        }
    };
    let found = findings::of(ctx, &ctx.profiles()?, name, claim);
    // Whoever follows the hint to remove the line loses nothing.
    if found.iter().any(|finding| matches!(finding.cause, Cause::AsksForCode(_))) {
        obtained.device.remember_for_key(ctx);
    }
    if let Claim::Served { .. } = claim {
        let hidden = found.iter().any(|finding| !matches!(finding.cause, Cause::Environment(_)));
        let place = if hidden {
            ", in awsmfa's cache"
        } else {
            "; nothing was written, because its `credential_process` serves it"
        };
        ctx.ui.say(format_args!("session of `{name}` {}{place}", validity(ctx, &obtained)));
    }
    Ok(found)
}

/// Removes a session that an earlier login wrote into a profile that asks us now: SDKs would use it after its end, too.
fn remove_own_session(ctx: &Context, name: &str) {
    let files = ctx.aws_files();
    let remove = || -> CommandResult<bool> {
        let own = session_edits::own_sessions(&files.read(AwsFile::Credentials)?);
        if !own.iter().any(|section| section == name) {
            return Ok(false);
        }
        let edit = |document: &mut _| -> Result<_, SessionEditError> {
            session_edits::remove_session(document, name, false)
        };
        Ok(files.edit(AwsFile::Credentials, edit)?.removed)
    };
    match remove() {
        Ok(true) => ctx.ui.say(format_args!(
            "removed the session of an earlier login from [{name}], which would hide its `credential_process`"
        )),
        Ok(false) => {}
        // What hides the session is found and warned of next.
        Err(error) => ctx.ui.detail(format_args!("cannot remove the session from [{name}]: {error}")),
    }
}

/// Where the session goes.
fn target(ctx: &Context, args: &LoginArgs, profile: &Resolution) -> CommandResult<Destination> {
    let Some(name) = &args.output_profile else { return Ok(profile.target.clone()) };
    if !is_identifier(name) {
        let message = format!("`{name}` cannot be the name of a profile in every SDK");
        return Err(CommandError::new(ErrorKind::Usage, message).hint("use letters, digits and `-_.@+`"));
    }
    let profiles = ctx.profiles()?;
    let other = resolve(&profiles, name).map(|resolution| resolution.target);
    if other.is_ok_and(|target| target != Destination::Section(name.clone())) {
        let message =
            format!("profile `{name}` has a role or a `credential_process`, which SDKs prefer to a session");
        return Err(CommandError::new(ErrorKind::Configuration, message)
            .hint("give `--output-profile` a name that is free"));
    }
    let keys = profiles.get(name).and_then(|p| p.static_keys().ok().flatten());
    // Its own long-term keys would have to move away, and nobody asked for that.
    if *name != profile.profile && keys.is_some_and(|keys| keys.session_token.is_none()) {
        let message =
            format!("profile `{name}` has long-term keys of its own; a session cannot stand beside them");
        return Err(CommandError::new(ErrorKind::Configuration, message)
            .hint("give `--output-profile` a name that is free"));
    }
    Ok(Destination::Section(name.clone()))
}

fn rehearse(ctx: &Context, profile: &str, section: &str, force: bool) -> CommandResult {
    let values = SessionValues::made_up();
    let rehearsed = ctx.aws_files().rehearse(AwsFile::Credentials, |document| {
        session_edits::write_session(document, section, &values, force)
    });
    rehearsed.map(drop).map_err(|error| {
        let (mut foreign, mut unwritable) = (false, false);
        if let EditError::Edit { source, .. } = &error {
            foreign = matches!(source, SessionEditError::ForeignSession { .. });
            unwritable = matches!(source, SessionEditError::Unsafe(UnsafeEdit::UnwritableName { .. }));
        }
        let this = CommandError::from(error);
        let command = format!("awsmfa login --profile {}", quoted(profile));
        if unwritable {
            let free = section.replace(|c: char| !is_identifier(c.encode_utf8(&mut [0; 4])), "-");
            return this.hint(format!(
                "write the session to another profile: `{command} --output-profile {}`",
                quoted(&format!("{free}-mfa"))
            ));
        }
        if !foreign {
            return this;
        }
        let command = format!("awsmfa login --profile {}", quoted(profile));
        let to =
            if section == profile { String::new() } else { format!(" --output-profile {}", quoted(section)) };
        this.hint(format!("replace it: `{command}{to} --force`")).hint(format!(
            "or write elsewhere: `{command} --output-profile {}`",
            quoted(&format!("{profile}-mfa"))
        ))
    })
}

fn write_session(
    ctx: &Context,
    section: &str,
    obtained: &Obtained,
    force: bool,
) -> CommandResult<WriteReport> {
    let values = SessionValues::from(&obtained.session);
    let edit = |document: &mut _| -> Result<WriteReport, SessionEditError> {
        session_edits::write_session(document, section, &values, force)
    };
    Ok(ctx.aws_files().edit(AwsFile::Credentials, edit)?)
}

fn say_written(ctx: &Context, report: &WriteReport, obtained: &Obtained) -> CommandResult {
    let (section, profile) = (&report.section, &obtained.profile.profile);
    if let Some(long_term) = &report.moved_to {
        ctx.ui.say(format_args!("moved the long-term keys of [{section}] to [{long_term}]"));
    }
    let path = ctx.paths.credentials();
    ctx.ui.say(format_args!(
        "session of `{profile}` {}, in [{section}] of {}",
        validity(ctx, obtained),
        path.display()
    ));
    if section != profile {
        ctx.ui.hint(format_args!("use it with `--profile {}`", quoted(section)));
    }
    Ok(())
}

/// `is good until 2026-01-01T10:00:00Z (11 h 59 min)`, with `still` if it was found rather than made.
fn validity(ctx: &Context, obtained: &Obtained) -> String {
    let expiration = obtained.session.expiration;
    let left = (expiration - (ctx.clock.now() + obtained.offset)).to_std().unwrap_or_default();
    let verb = if obtained.is_new { "is good" } else { "is still good" };
    format!("{verb} until {} ({})", timestamp(expiration), in_words(left))
}
