//! `awsmfa enroll`: gives a user a virtual MFA device whose secret is kept here.

use serde::Serialize;

use super::args::QrCopyArgs;
use super::findings;
use crate::aws::Tag;
use crate::aws_files::resolve::{Destination, resolve};
use crate::aws_files::winner::{Claim, Finding};
use crate::context::Context;
use crate::devices::qr_copy;
use crate::enrollment::{self, EnrollRequest, Enrolled, NewUser, Verification};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::names::{DeviceName, IamPath, PolicyArn, TagText, UserName};
use crate::model::session::timestamp;
use crate::model::shell::quoted;
use crate::store::StoreKind;

/// Create, store, enable and verify a virtual MFA device
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
An enrolment that was interrupted, however it was, goes on when the same is run again. \
An administrator's credentials may be of any kind that the AWS CLI takes: keys, SSO, a role.

Examples:
  awsmfa enroll --profile dev                            for the user whose keys `dev` has
  awsmfa enroll --user alice --profile admin             for another user, by an administrator
  awsmfa enroll --user alice --for-profile alice         … whose keys profile `alice` has
  awsmfa enroll --user demo --create-user --access-key   the user, the keys in [demo], the device")]
pub struct EnrollArgs {
    #[command(flatten)]
    profile: super::ProfileArg,
    /// Who gets the device [default: the user whose credentials these are]
    #[arg(short, long, value_name = "NAME")]
    user: Option<UserName>,
    /// The device's name [default: the user's name]
    #[arg(short, long, value_name = "NAME")]
    device_name: Option<DeviceName>,
    /// The device's path, as in `/engineering/`
    #[arg(long, value_name = "PATH", default_value = "/", hide_default_value = true)]
    path: IamPath,
    /// The profile that is to use the device [default: the profile that has the user's keys]
    #[arg(short, long, value_name = "NAME", add = clap_complete::ArgValueCandidates::new(crate::complete::profile_names))]
    for_profile: Option<String>,
    /// Where to keep the secret: `keyring` or `file` [default: `AWSMFA_STORE`, then the keyring if it works]
    #[arg(long, value_name = "STORE", add = clap_complete::ArgValueCandidates::new(crate::complete::stores))]
    store: Option<StoreKind>,
    /// Only go on with an enrolment that was interrupted
    #[arg(short, long)]
    resume: bool,
    /// Delete a device of that name that is nobody's and whose secret is lost, and create it anew
    #[arg(long)]
    replace: bool,
    /// Tag the device; needs the permission iam:TagMFADevice
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    tags: Vec<TagText>,
    /// Answer questions with yes
    #[arg(short, long)]
    yes: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    backup: QrCopyArgs,
    #[command(flatten)]
    new_user: NewUserArgs,
}

/// The user, made first. What is there already is left alone.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "A new user")]
struct NewUserArgs {
    /// Create the user first, if there is none of that name
    #[arg(long, requires = "user")]
    create_user: bool,
    /// The new user's path
    #[arg(long, value_name = "PATH", requires = "create_user")]
    user_path: Option<IamPath>,
    /// Attach a policy to the user
    #[arg(long = "attach-policy", value_name = "ARN", requires = "create_user")]
    policies: Vec<PolicyArn>,
    /// Make a password for the console and show it once, on the terminal
    #[arg(long, requires = "create_user")]
    console_password: bool,
    /// Make an access key and write it to the profile, which by default has the user's name
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
    let backup = args.backup.choice(args.yes);
    qr_copy::check(ctx, None, &backup)?;
    let enrolled = enrollment::enroll(ctx, &request(args))?;
    ctx.ui.done(format_args!("`{}` has MFA: `{}`", enrolled.user, enrolled.serial));
    // A copy that fails is told last: the enrolment is done.
    let copied = qr_copy::offer(ctx, &enrolled.seed, &enrolled.serial, &backup);
    // The enrollment is done; files that cannot be read now are not its failure.
    let outlook = enrolled.profile.as_ref().and_then(|profile| outlook(ctx, profile).ok());
    let (found, served) = outlook.unwrap_or_default();
    findings::warn(ctx, &found);
    findings::warn_of_files(ctx);
    let next = next(&enrolled, served);
    if args.json {
        ctx.ui.pretty_json(&output(&enrolled, next))?;
        return copied;
    }
    match &enrolled.profile {
        Some(_) => ctx.ui.hint(next),
        None => ctx.ui.hint(format_args!("name it in the profile that has the user's keys: `{next}`")),
    }
    copied
}

/// IAM would refuse them when the user is there already.
fn check_tags(tags: &[TagText]) -> CommandResult {
    let Some(key) = TagText::twice(tags) else { return Ok(()) };
    let message = format!("the tag `{key}` is given twice; IAM's tag keys do not differ by case alone");
    Err(CommandError::new(ErrorKind::Usage, message).hint("give each `--tag` another key"))
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
        store: args.store,
        resume: args.resume,
        replace: args.replace,
        yes: args.yes,
        tags: args.tags.iter().map(tag).collect(),
        new_user: new.create_user.then(|| NewUser {
            path: new.user_path.clone().unwrap_or_default(),
            policies: new.policies.clone(),
            console_password: new.console_password,
            access_key: new.access_key,
        }),
    }
}

/// What keeps the profile's next session from the SDKs, and whether they ask us for it by themselves.
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
fn next(enrolled: &Enrolled, served: bool) -> String {
    match &enrolled.profile {
        Some(profile) if served => format!("aws sts get-caller-identity --profile {}", quoted(profile)),
        Some(profile) => format!("awsmfa login --profile {}", quoted(profile)),
        // Nobody here has the user's keys: whoever has them, needs the secret.
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
