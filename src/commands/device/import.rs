//! `awsmfa device import`: stores the secret of a device that exists already, or that the console is about to enable.
//!
//! A secret proves itself before anything is stored: nothing that was here before is lost to a wrong one, nor to a crash.

mod check;
mod secret;

use check::Checked;

use crate::answers;
use crate::aws_files::resolve::resolve;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::serial::Serial;
use crate::model::shell::{CommandLine, quoted};
use crate::model::totp::Seed;
use crate::session::{self, Request, UserDevice};
use crate::store::registry::{DeviceRecord, Registration};
use crate::store::{StoreError, StoreKind};
use crate::vault::Vault;

/// Store the secret of an MFA device
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The secret is the text that the console shows under `Show secret key` while a virtual MFA device is set up. It is asked
for without echo, or read from standard input; it is never an argument, because every user can see those.

If a profile has the user's access key, awsmfa gets a session with the secret first, and stores nothing if AWS rejects the
codes.

Examples:
  awsmfa device import --profile dev
  pass show aws/mfa | awsmfa device import --serial arn:aws:iam::123456789012:mfa/alice --secret-stdin
  awsmfa device import --serial arn:aws:iam::123456789012:mfa/root-account-mfa-device
  awsmfa code --pair root-account-mfa-device    the two codes that the console's form asks for")]
pub struct ImportArgs {
    #[command(flatten)]
    profile: super::super::ProfileArg,
    /// The device's ARN or number [default: the profile's `mfa_serial`, then its user's only device]
    #[arg(short, long, value_name = "ARN", add = clap_complete::ArgValueCandidates::new(crate::complete::serials))]
    serial: Option<String>,
    /// A name for it that you choose
    #[arg(short, long, value_name = "TEXT")]
    label: Option<String>,
    /// Where to keep the secret: `keyring` or `file` [default: `AWSMFA_STORE`, then the keyring if it works]
    #[arg(long, value_name = "STORE", add = clap_complete::ArgValueCandidates::new(crate::complete::stores))]
    store: Option<StoreKind>,
    /// Read the secret key from standard input
    #[arg(long, conflicts_with = "uri_stdin")]
    secret_stdin: bool,
    /// Read an `otpauth://` URI from standard input
    #[arg(long)]
    uri_stdin: bool,
    /// Store the secret without checking that AWS accepts its codes
    #[arg(long)]
    no_verify: bool,
    /// Replace another secret of the same device without asking
    #[arg(short, long)]
    yes: bool,
}

pub fn run(ctx: &Context, args: &ImportArgs) -> CommandResult {
    // Before the secret is asked for: whatever can fail without it.
    let profile = profile(ctx, args)?;
    let (serial, device) = serial(ctx, args, profile.as_deref())?;
    let known = ctx.vault.record(&serial)?;
    let store = match &known {
        Some(record) if args.store.is_none() => record.store,
        _ => ctx.vault.stores.for_new(args.store)?,
    };
    let seed = secret::read(ctx, args, &serial)?;
    let unread = match &known {
        Some(record) => check_replace(ctx, args, record, &seed, store)?,
        None => None,
    };
    let checked = match args.no_verify {
        true => Checked::No,
        false => check::check(ctx, args, &serial, &seed, profile.as_deref())?,
    };
    Vault::save_seed(ctx.vault.stores.get(store)?, &serial, &seed).map_err(|error| in_words(args, error))?;
    let new = Registration::of(&serial, store);
    ctx.vault.register(Registration { label: args.label.as_deref(), profile: profile.as_deref(), ..new })?;
    // An answer that is ready may be a session of another device.
    answers::forget_all(ctx.paths.cache())?;
    if let Some(device) = device {
        device.remember(ctx);
    }
    if let Some(old) = known.filter(|record| record.store != store) {
        forget_copy(ctx, &serial, old.store, unread)?;
    }
    say_stored(ctx, &serial, store, profile.as_deref(), checked);
    Ok(())
}

/// Deletes the copy in another store. Only now: until the register says otherwise, the old copy is the one that counts. A
/// store that is gone, perhaps for good, is no reason to fail: that is why people move.
fn forget_copy(ctx: &Context, serial: &Serial, old: StoreKind, unread: Option<StoreError>) -> CommandResult {
    let deleted = match unread {
        Some(error) => Err(error),
        None => ctx.vault.stores.get(old)?.delete(serial.as_str()),
    };
    if let Err(error) = deleted {
        ctx.ui.warn(format_args!("the old copy stays in the {old} store: {error}"));
    }
    Ok(())
}

fn say_stored(ctx: &Context, serial: &Serial, store: StoreKind, profile: Option<&str>, checked: Checked) {
    let remark = match checked {
        Checked::Accepted => "; AWS accepts its codes",
        Checked::NoProfile => "; not verified, because no profile has keys to verify it with",
        Checked::No | Checked::Failed(_) => "",
    };
    ctx.ui.say(format_args!("stored the secret of `{serial}` in the {store} store{remark}"));
    if let Checked::Failed(why) = checked {
        ctx.ui
            .warn(format_args!("could not verify that AWS accepts the codes of the secret: {}", why.message));
        why.hints.iter().for_each(|hint| ctx.ui.hint(hint));
    }
    match profile {
        Some(profile) => ctx.ui.hint(format_args!("awsmfa login --profile {}", quoted(profile))),
        // Imported for a form of the console, most likely, which asks for two.
        None => ctx.ui.hint(format_args!("awsmfa code --pair {serial}")),
    }
}

/// The profile to connect the device with: the one named by flag, or the one that has to tell the serial. A device that
/// is named itself, such as root's, may have nothing to do with `AWS_PROFILE`.
fn profile(ctx: &Context, args: &ImportArgs) -> CommandResult<Option<String>> {
    let named = args.profile.profile.clone();
    if let (Some(name), true) = (&named, args.serial.is_some()) {
        resolve(&ctx.profiles()?, name)?;
    }
    Ok(named.or_else(|| args.serial.is_none().then(|| ctx.env.profile().to_owned())))
}

/// The serial and, if AWS named it, the device to remember.
fn serial(
    ctx: &Context,
    args: &ImportArgs,
    profile: Option<&str>,
) -> CommandResult<(Serial, Option<UserDevice>)> {
    if let Some(text) = &args.serial {
        return Ok((text.parse()?, None));
    }
    // A profile that has its serial needs no keys for this.
    let named = Named::of(profile, &ctx.env);
    let resolution = resolve(&ctx.profiles()?, named.name())?;
    if let Some(serial) = session::known_serial(ctx, &resolution, None)? {
        return Ok((serial, None));
    }
    let device = session::device(ctx, &Request::person(named))?;
    Ok((device.serial.clone(), Some(device)))
}

/// Whether the secret may take the place of the one that is stored. Returns why that one could not be read, where it
/// then stays: it is in a keyring out of reach, and the new one goes elsewhere.
fn check_replace(
    ctx: &Context,
    args: &ImportArgs,
    record: &DeviceRecord,
    seed: &Seed,
    store: StoreKind,
) -> CommandResult<Option<StoreError>> {
    // Before the store is asked: it may be gone or damaged, which is then the reason to import again.
    if args.yes {
        return Ok(None);
    }
    let old = match ctx.vault.stores.get(record.store)?.get(record.serial.as_str()) {
        Ok(old) => old,
        Err(error) if is_out_of_reach(&error) && store != record.store => return Ok(Some(error)),
        Err(error) => return Err(in_words(args, error)),
    };
    let same = old.as_ref().is_none_or(|uri| Seed::from_uri(uri.expose()).as_ref() == Ok(seed));
    if same {
        return Ok(None);
    }
    let question = format!("replace the other secret that is stored for {}?", record.serial);
    let replace = ctx.prompt.confirm(&question).map_err(|_| {
        let message = format!("another secret is stored for `{}`", record.serial);
        CommandError::new(ErrorKind::Usage, message).hint("replace it with `--yes`; it cannot be had again")
    })?;
    match replace {
        true => Ok(None),
        false => Err(CommandError::new(ErrorKind::Failed, "nothing was changed")),
    }
}

fn is_out_of_reach(error: &StoreError) -> bool {
    matches!(error, StoreError::Locked | StoreError::TimedOut { .. } | StoreError::Unavailable { .. })
}

/// Whoever imports need not import again: the file store is one flag away.
fn in_words(args: &ImportArgs, error: StoreError) -> CommandError {
    if !is_out_of_reach(&error) {
        return error.into();
    }
    let this = CommandError::new(ErrorKind::Store, &error);
    let in_file = command(args, Some(StoreKind::File));
    match error {
        StoreError::Unavailable { .. } => {
            this.hint(format!("keep the secret in a file instead: `{in_file}`"))
        }
        _ => this
            .hint("unlock the keyring on the desktop and try again")
            .hint(format!("or keep the secret in a file: `{in_file}`")),
    }
}

/// The command as it was given, with another store.
fn command(args: &ImportArgs, store: Option<StoreKind>) -> String {
    let line = CommandLine::new("awsmfa device import")
        .option("--profile", args.profile.profile.as_deref())
        .option("--serial", args.serial.as_deref())
        .option("--label", args.label.as_deref())
        .option("--store", store.map(|store| store.to_string()))
        .switch("--secret-stdin", args.secret_stdin)
        .switch("--uri-stdin", args.uri_stdin)
        .switch("--no-verify", args.no_verify)
        .switch("--yes", args.yes);
    if args.secret_stdin || args.uri_stdin { format!("… | {line}") } else { line.to_string() }
}
