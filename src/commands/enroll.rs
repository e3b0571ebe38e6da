//! `awsmfa enroll`: creates a virtual MFA device for a user and stores its secret.

use serde::Serialize;

use super::args::{JsonArg, QrCopyArgs, StoreArg, YesArg};
use crate::aws::Tag;
use crate::aws_files::resolve::{Destination, resolve};
use crate::aws_files::winner::{Claim, Finding};
use crate::context::Context;
use crate::devices::qr_copy;
use crate::enrollment::{self, EnrollRequest, Enrolled, NewUser, Verification};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::findings;
use crate::model::names::{DeviceName, IamPath, PolicyArn, TagText, UserName};
use crate::model::session::timestamp;
use crate::model::shell::{CommandLine, quoted};

/// Create, store, enable and verify a virtual MFA device
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
If an enrollment is interrupted, run the same command again to resume it. \
An administrator's credentials can be anything the AWS CLI accepts: access keys, SSO or a role.

Examples:
  awsmfa enroll --profile dev                            for the user who owns the keys in `dev`
  awsmfa enroll --user alice --profile admin             for another user, as an administrator
  awsmfa enroll --user alice --for-profile alice         for another user, who uses profile `alice`
  awsmfa enroll --user demo --create-user --access-key   create a user, keys and a device")]
pub struct EnrollArgs {
    #[command(flatten)]
    profile: super::ProfileArg,
    /// User who gets the device [default: the user of the credentials]
    #[arg(long, value_name = "NAME")]
    user: Option<UserName>,
    /// Device name [default: the user's name]
    #[arg(long, value_name = "NAME")]
    device_name: Option<DeviceName>,
    /// Device path, such as `/engineering/`
    #[arg(long, value_name = "PATH", default_value = "/", hide_default_value = true)]
    path: IamPath,
    /// Profile that will use the device [default: the profile with the user's keys]
    #[arg(long, value_name = "NAME", add = clap_complete::ArgValueCandidates::new(crate::complete::profile_names))]
    for_profile: Option<String>,
    #[command(flatten)]
    store: StoreArg,
    /// Resume an interrupted enrollment; do not start a new one
    #[arg(long)]
    resume: bool,
    /// If an unassigned device already has this name, delete it and create a new one
    #[arg(long)]
    replace: bool,
    /// Tag for the device (repeatable; requires iam:TagMFADevice)
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    tags: Vec<TagText>,
    /// Then set up the profile, as `awsmfa setup` does
    #[arg(long)]
    setup: bool,
    #[command(flatten)]
    yes: YesArg,
    #[command(flatten)]
    json: JsonArg,
    #[command(flatten)]
    backup: QrCopyArgs,
    #[command(flatten)]
    new_user: NewUserArgs,
}

/// What to create for a user. Whatever exists already is left alone.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "New user")]
struct NewUserArgs {
    /// Create the user if it does not exist
    #[arg(long, requires = "user")]
    create_user: bool,
    /// Path of the new user
    #[arg(long, value_name = "PATH", requires = "create_user")]
    user_path: Option<IamPath>,
    /// ARN of a policy to attach to the user (repeatable)
    #[arg(long = "attach-policy", value_name = "ARN", requires = "create_user")]
    policies: Vec<PolicyArn>,
    /// Generate a console password and show it once on the terminal
    #[arg(long, requires = "create_user")]
    console_password: bool,
    /// Create an access key and write it to the profile [default profile: the user's name]
    #[arg(long, requires = "create_user")]
    access_key: bool,
}

#[derive(Serialize)]
struct EnrollOutput<'a> {
    user: &'a str,
    account: &'a str,
    serial: &'a str,
    store: String,
    profile: Option<&'a str>,
    /// `session`, `listed` or `unlisted`.
    verified_by: &'static str,
    session_expiration: Option<String>,
    created_user: bool,
    access_key_id: Option<&'a str>,
    stale_devices: Vec<&'a str>,
    next: String,
}

pub fn run(ctx: &Context, args: &EnrollArgs) -> CommandResult {
    check_tags(&args.tags)?;
    let backup = args.backup.choice(args.yes.yes);
    qr_copy::check(ctx, None, &backup)?;
    let enrolled = enrollment::enroll(ctx, &request(args))?;
    ctx.ui.done(format_args!("`{}` now has MFA device `{}`", enrolled.user, enrolled.serial));
    // A failed copy is reported last, because the device is enrolled.
    let copied = qr_copy::offer(ctx, &enrolled.seed, &enrolled.serial, &backup);
    let set_up = set_up(ctx, args, &enrolled);
    // The device is enrolled, so files that cannot be read now are no failure.
    let outlook = enrolled.profile.as_ref().and_then(|profile| outlook(ctx, profile).ok());
    let (found, served) = outlook.unwrap_or_default();
    findings::warn(ctx, &found);
    findings::warn_of_files(ctx);
    let next = next(ctx, args, &enrolled, served);
    if args.json.json {
        ctx.ui.pretty_json(&output(&enrolled, next))?;
        return copied.and(set_up);
    }
    match &enrolled.profile {
        Some(_) => ctx.ui.hint(next),
        None => ctx.ui.hint(format_args!("set the device in the profile that has the user's keys: `{next}`")),
    }
    copied.and(set_up)
}

/// Sets up the profile, if that was requested or a person accepts the offer.
fn set_up(ctx: &Context, args: &EnrollArgs, enrolled: &Enrolled) -> CommandResult {
    let Some(profile) = &enrolled.profile else {
        return match args.setup {
            true => Err(CommandError::new(
                ErrorKind::Configuration,
                "no profile has the user's keys, so none was set up",
            )
            .hint("on the user's computer, enter the keys, then run `awsmfa setup --profile NAME`")),
            false => Ok(()),
        };
    };
    if args.json.json && !args.setup {
        return Ok(());
    }
    let done = super::setup::follow_up(ctx, profile, args.setup, args.yes.yes);
    let again = CommandLine::new("awsmfa setup").profile(profile);
    done.map(drop)
        .map_err(|error| error.hint(format!("the device is enrolled; set up the profile with `{again}`")))
}

/// IAM would refuse the tags only after the user was created.
fn check_tags(tags: &[TagText]) -> CommandResult {
    let Some(key) = TagText::twice(tags) else { return Ok(()) };
    let message = format!("tag `{key}` is given twice; IAM tag keys are not case-sensitive");
    Err(CommandError::new(ErrorKind::Usage, message).hint("use a different key for each `--tag`"))
}

fn request(args: &EnrollArgs) -> EnrollRequest {
    let new = &args.new_user;
    let tag = |tag: &TagText| Tag { key: tag.key.clone(), value: tag.value.clone() };
    EnrollRequest {
        user: args.user.clone(),
        profile: args.profile.profile.clone(),
        device_name: args.device_name.clone(),
        path: args.path.clone(),
        for_profile: args.for_profile.clone(),
        store: args.store.store,
        resume: args.resume,
        replace: args.replace,
        yes: args.yes.yes,
        setup: args.setup,
        tags: args.tags.iter().map(tag).collect(),
        new_user: new.create_user.then(|| NewUser {
            path: new.user_path.clone().unwrap_or_default(),
            policies: new.policies.clone(),
            console_password: new.console_password,
            access_key: new.access_key,
        }),
    }
}

/// What would prevent SDKs from using the profile's next session, and whether they run awsmfa to get the session.
fn outlook(ctx: &Context, profile: &str) -> CommandResult<(Vec<Finding>, bool)> {
    let profiles = ctx.profiles()?;
    let Ok(resolution) = resolve(&profiles, profile) else { return Ok((Vec::new(), false)) };
    let claim = match &resolution.target {
        Destination::Section(section) => Claim::Planned(section),
        Destination::CacheOnly => Claim::Served { at: profile, profile },
    };
    let found = findings::of(ctx, &profiles, profile, claim);
    Ok((found, resolution.target == Destination::CacheOnly))
}

/// The command that comes next.
fn next(ctx: &Context, args: &EnrollArgs, enrolled: &Enrolled, served: bool) -> String {
    let declined = ctx.prompt.can_ask() && !args.yes.yes && !args.json.json;
    match &enrolled.profile {
        Some(profile) if served => format!("aws sts get-caller-identity --profile {}", quoted(profile)),
        Some(profile) => super::setup::next_step(ctx, profile, declined).to_string(),
        // The user's keys are not on this computer.
        None => format!("aws configure set mfa_serial {} --profile NAME", enrolled.serial),
    }
}

fn output(enrolled: &Enrolled, next: String) -> EnrollOutput<'_> {
    let (verified_by, session_expiration) = match enrolled.verification {
        Verification::Session(expiration) => ("session", Some(timestamp(expiration))),
        Verification::Listed => ("listed", None),
        Verification::Unlisted => ("unlisted", None),
    };
    EnrollOutput {
        user: &enrolled.user,
        account: &enrolled.account,
        serial: enrolled.serial.as_str(),
        store: enrolled.store.to_string(),
        profile: enrolled.profile.as_deref(),
        verified_by,
        session_expiration,
        created_user: enrolled.created_user,
        access_key_id: enrolled.access_key_id.as_deref(),
        stale_devices: enrolled.stale.iter().map(crate::model::serial::Serial::as_str).collect(),
        next,
    }
}
