//! `awsmfa device remove`: deactivate, delete, forget, in this order. Each step takes "done already" for an answer, so
//! that it can be run again after any end; no secret is forgotten before AWS has confirmed that the device is gone.

use crate::aws::{AwsError, AwsErrorKind, Reply, Signer};
use crate::caller::Caller;
use crate::context::Context;
use crate::devices::forget;
use crate::devices::in_aws::{self, Place};
use crate::error::{CommandError, CommandResult, ErrorKind, denied};
use crate::interrupt;
use crate::model::serial::{Serial, SerialError};
use crate::model::shell::quoted;
use crate::retry;
use crate::store::registry::DeviceRecord;
use crate::vault;

/// Remove a device from AWS and its secret from here
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Deactivates the device, deletes it, and then forgets its secret, its sessions and the `mfa_serial`
lines that name it. Run it again after an interruption. Where AWS demands a session with MFA, one is
made with another device of yours, or with this one.

Examples:
  awsmfa device remove old-phone
  awsmfa device remove arn:aws:iam::123456789012:mfa/bob --profile admin --user bob
  awsmfa device remove alice --local      forget the secret; AWS keeps the device")]
pub struct RemoveArgs {
    /// The device's ARN or number; its name or label if it is stored
    #[arg(value_name = "DEVICE", add = clap_complete::engine::ArgValueCompleter::new(crate::complete::device_names))]
    device: String,
    #[command(flatten)]
    profile: crate::commands::ProfileArg,
    /// The user who has the device [default: whose AWS says it is]
    #[arg(short, long, value_name = "NAME")]
    user: Option<String>,
    /// Only forget it here
    #[arg(short, long, conflicts_with_all = ["profile", "user"])]
    local: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// What became of a device at AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gone {
    Deleted,
    /// It is nobody's, but the caller may not delete it.
    Stale,
}

pub fn run(ctx: &Context, args: &RemoveArgs) -> CommandResult {
    if args.local {
        return forget_here(ctx, args);
    }
    let (serial, record) = meant(ctx, args)?;
    let record = record.as_ref();
    let profile = super::profile_of(ctx, args.profile.profile.as_deref(), &serial, record);
    let mut caller = Caller::find(ctx, profile.as_deref())?;
    in_aws::check_account(&caller, &serial)?;
    let user = args.user.as_deref().or(record.and_then(|record| record.user.as_deref()));
    let place = in_aws::find(ctx, &mut caller, &serial, user)?;
    if place == Place::Nowhere && record.is_none() {
        ctx.ui.say(format_args!("there is no device `{serial}`, neither at AWS nor here"));
        return forget::uses(ctx, &serial);
    }
    check_owner(args, &serial, &place)?;
    ask(ctx, args, &question(&serial, &place, record))?;
    interrupt::say(&go_on(args, &serial));
    let gone = remove_at_aws(ctx, &mut caller, &serial, &place, user).map_err(|error| match error.kind {
        ErrorKind::Network | ErrorKind::Interrupted => {
            error.hint(format!("nothing is lost; {}", go_on(args, &serial)))
        }
        _ => error,
    })?;
    match gone {
        Gone::Deleted => forget::all(ctx, &serial, record)?,
        Gone::Stale => keep_stale(ctx, &caller, &serial, record)?,
    }
    interrupt::forget();
    if let Place::Of { user, devices: Some(1) } = &place {
        ctx.ui.warn(format_args!("`{user}` has no MFA device left"));
        let profile = profile.map(|name| format!(" --profile {}", quoted(&name))).unwrap_or_default();
        ctx.ui.hint(format_args!("add another: `awsmfa enroll --user {user}{profile}`"));
    }
    Ok(())
}

/// Whoever names a user means that user's device and no other.
fn check_owner(args: &RemoveArgs, serial: &Serial, place: &Place) -> CommandResult {
    match (&args.user, place) {
        (Some(named), Place::Of { user, .. }) if !named.eq_ignore_ascii_case(user) => {
            let message = format!("`{serial}` is the device of `{user}`, not of `{named}`");
            Err(CommandError::new(ErrorKind::Refused, message)
                .hint("nothing was changed; check the serial and the user"))
        }
        _ => Ok(()),
    }
}

/// After an outage or Ctrl-C the same command goes on.
fn go_on(args: &RemoveArgs, serial: &Serial) -> String {
    let flag = |name: &str, value: &Option<String>| {
        value.as_ref().map(|v| format!(" --{name} {}", quoted(v))).unwrap_or_default()
    };
    let flags = flag("profile", &args.profile.profile) + &flag("user", &args.user);
    format!("go on with `awsmfa device remove {serial}{flags}`")
}

fn forget_here(ctx: &Context, args: &RemoveArgs) -> CommandResult {
    let record = ctx.vault.find(&args.device)?;
    let question = format!(
        "forget the secret of `{}`? AWS keeps the device, and without another copy nobody makes its codes again.",
        record.serial
    );
    ask(ctx, args, &question)?;
    forget::secret(ctx, &record)
}

/// The device: one that is stored, or an ARN or number that only AWS knows.
fn meant(ctx: &Context, args: &RemoveArgs) -> CommandResult<(Serial, Option<DeviceRecord>)> {
    match ctx.vault.find(&args.device) {
        Ok(record) => Ok((record.serial.clone(), Some(record))),
        Err(error) if error.kind == ErrorKind::Configuration => match args.device.parse() {
            Ok(serial) if is_serial(&serial) => Ok((serial, None)),
            Err(error) if args.device.starts_with("arn:") => Err(unremovable(args, error)),
            _ => Err(vault::not_stored(&args.device)),
        },
        Err(error) => Err(error),
    }
}

/// A name could pass for a hardware token's number; those are capital letters and digits.
fn is_serial(serial: &Serial) -> bool {
    let number = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    serial.is_virtual() || serial.as_str().chars().all(number)
}

/// A security key has no secret and no codes; whoever removes one needs the right command.
fn unremovable(args: &RemoveArgs, error: SerialError) -> CommandError {
    if !matches!(error, SerialError::Fido(_)) {
        return error.into();
    }
    let message =
        format!("`{}` is a security key or passkey, which is for the AWS CLI to remove", args.device);
    let user = args.user.as_deref().unwrap_or("NAME");
    CommandError::new(ErrorKind::Usage, message).hint(format!(
        "aws iam deactivate-mfa-device --user-name {} --serial-number {}",
        quoted(user),
        quoted(&args.device)
    ))
}

fn question(serial: &Serial, place: &Place, record: Option<&DeviceRecord>) -> String {
    let forget = if record.is_some() { " and forget its secret" } else { "" };
    match place {
        Place::Of { user, devices: Some(1) } => {
            format!("remove `{serial}`, the last MFA device of `{user}`, from AWS{forget}?")
        }
        Place::Of { user, .. } => format!("remove `{serial}` of `{user}` from AWS{forget}?"),
        Place::Nobodys => format!("remove `{serial}`, which is nobody's, from AWS{forget}?"),
        Place::Nowhere => format!("AWS has no device `{serial}`; forget its secret?"),
        Place::Unknown => format!("remove `{serial}` from AWS{forget}?"),
    }
}

fn ask(ctx: &Context, args: &RemoveArgs, question: &str) -> CommandResult {
    if args.yes {
        return Ok(());
    }
    let answer = ctx.prompt.confirm(question).map_err(|error| {
        CommandError::from(error).hint("a device is removed without a question only with `--yes`")
    })?;
    match answer {
        true => Ok(()),
        false => Err(CommandError::new(ErrorKind::Failed, "nothing was changed")),
    }
}

fn remove_at_aws(
    ctx: &Context,
    caller: &mut Caller,
    serial: &Serial,
    place: &Place,
    user: Option<&str>,
) -> CommandResult<Gone> {
    let deactivated = match place {
        Place::Of { user, .. } => {
            deactivate(ctx, caller, serial, user)?;
            true
        }
        Place::Nobodys => true,
        Place::Nowhere => return Ok(Gone::Deleted),
        Place::Unknown => match user.or(caller.identity.user()).map(str::to_owned) {
            Some(user) => deactivate(ctx, caller, serial, &user)?,
            None => false,
        },
    };
    if !serial.is_virtual() {
        return if deactivated { Ok(Gone::Deleted) } else { Err(owner_unknown(serial)) };
    }
    let deleted = change(ctx, caller, serial, |aws| aws.delete_virtual_mfa_device(serial))?;
    match deleted {
        Ok(()) => {
            ctx.ui.say(format_args!("deleted `{serial}`"));
            Ok(Gone::Deleted)
        }
        Err(error) if error.kind == AwsErrorKind::NotFound => Ok(Gone::Deleted),
        Err(error) if error.kind == AwsErrorKind::AccessDenied && deactivated => Ok(Gone::Stale),
        Err(error) if error.kind == AwsErrorKind::DeleteConflict => {
            let message =
                format!("`{serial}` is enabled for a user whom `{}` may not see", caller.identity.arn);
            Err(CommandError::new(ErrorKind::Refused, message).hint("name the user: `--user NAME`"))
        }
        Err(error) => Err(denied(error, serial.as_str(), &caller.identity.arn)),
    }
}

/// A hardware token that AWS did not take from anybody may be enabled for somebody.
fn owner_unknown(serial: &Serial) -> CommandError {
    CommandError::new(ErrorKind::Usage, format!("AWS does not say whose `{serial}` is; nothing was changed"))
        .hint("name the user: `--user NAME`")
        .hint(format!("or, if nobody has it any more: `awsmfa device remove {serial} --local`"))
}

/// Takes the device from the user. Returns whether it was the user's until now.
fn deactivate(ctx: &Context, caller: &mut Caller, serial: &Serial, user: &str) -> CommandResult<bool> {
    let deactivated = change(ctx, caller, serial, |aws| aws.deactivate_mfa_device(user, serial))?;
    match deactivated {
        Ok(()) => {
            ctx.ui.say(format_args!("deactivated `{serial}` of `{user}`"));
            Ok(true)
        }
        // Done already, by an earlier run or by somebody else.
        Err(error) if error.kind == AwsErrorKind::NotFound => Ok(false),
        Err(error) => Err(denied(error, &caller.identity.user_arn("/", user), &caller.identity.arn)),
    }
}

/// Asks for a change; with a session made with MFA if AWS does not allow it otherwise.
fn change(
    ctx: &Context,
    caller: &mut Caller,
    serial: &Serial,
    send: impl Fn(Signer<'_>) -> Reply<()>,
) -> CommandResult<Result<(), AwsError>> {
    let Err(error) = repeated(ctx, caller, &send)? else { return Ok(Ok(())) };
    let wants_mfa = matches!(error.kind, AwsErrorKind::NeedsMfa | AwsErrorKind::AccessDenied);
    if !wants_mfa || caller.own.is_none() || caller.keys.long_term().is_none() {
        return Ok(Err(error));
    }
    let devices = in_aws::own_devices(ctx, caller, serial)?;
    match caller.use_mfa(ctx, &devices) {
        Ok(true) => repeated(ctx, caller, &send),
        Ok(false) => Ok(Err(error)),
        // Perhaps MFA would not have helped; the first refusal says more then.
        Err(why) if error.kind == AwsErrorKind::AccessDenied && why.kind == ErrorKind::Refused => {
            ctx.ui.detail(format_args!("no session with MFA: {why}"));
            Ok(Err(error))
        }
        Err(why) => Err(why),
    }
}

/// Makes a change; after a lost response, that there is nothing left to change means that it was made.
fn repeated(
    ctx: &Context,
    caller: &mut Caller,
    send: impl Fn(Signer<'_>) -> Reply<()>,
) -> CommandResult<Result<(), AwsError>> {
    let answered = retry::change(ctx, caller, |caller| caller.send_once(ctx, &send), retry::ask_again)?;
    Ok(match answered.result {
        Err(error) if error.kind == AwsErrorKind::NotFound && answered.in_doubt => Ok(()),
        result => result,
    })
}

/// AWS has the device still, as nobody's: what uses it goes, its secret stays.
fn keep_stale(
    ctx: &Context,
    caller: &Caller,
    serial: &Serial,
    record: Option<&DeviceRecord>,
) -> CommandResult {
    forget::uses(ctx, serial)?;
    ctx.ui.warn(format_args!(
        "`{}` has no permission for `iam:DeleteVirtualMFADevice`: `{serial}` is deactivated, but stays at AWS as nobody's",
        caller.identity.arn
    ));
    ctx.ui.hint(format_args!(
        "an administrator can delete it: `aws iam delete-virtual-mfa-device --serial-number {serial}`"
    ));
    if record.is_some() {
        ctx.ui.hint(format_args!(
            "its secret was kept, because the device can be enabled again; to forget it: `awsmfa device remove {serial} --local`"
        ));
    }
    Ok(())
}
