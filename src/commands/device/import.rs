//! `awsmfa device import`: stores the secret of a device that exists already, or that the console is about to enable.

use std::path::{Path, PathBuf};

use crate::commands::args::{ProfileArg, StoreArg, YesArg};
use crate::commands::setup;
use crate::context::Context;
use crate::devices::import::{self, Checked, ImportRequest, Imported, Input};
use crate::error::CommandResult;
use crate::files;
use crate::model::shell::CommandLine;

/// Store the secret of an MFA device
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The secret is the text that the console shows under `Show secret key` when a virtual MFA device is set up. awsmfa prompts \
for the secret without echo, or reads it from standard input. The secret cannot be an argument, because other users can see \
the arguments of running programs.

AWS's QR codes and accounts are recognized by their issuer, and `DEVICE@ACCOUNT` in the name of an account determines the \
device's ARN. If there are several accounts, you choose from a list; without a terminal, all AWS accounts are imported. \
awsmfa asks before it imports an account of another device or issuer. `--serial ARN` overrides the name of an account.

If a profile has the user's access key, awsmfa first uses the secret to get a session, and stores nothing if AWS rejects \
the codes.

Examples:
  awsmfa device import --profile dev
  pass show aws/mfa | awsmfa device import --profile dev --secret-stdin
  awsmfa device import --image screenshot.png
  awsmfa device import --clipboard
  awsmfa device import --google-export 1.png 2.png
  awsmfa device import --export aegis-export.json
  awsmfa device import --awspass
  awsmfa device import --serial arn:aws:iam::123456789012:mfa/root-account-mfa-device
  awsmfa code --pair root-account-mfa-device    two codes for the form in the console")]
pub struct ImportArgs {
    #[command(flatten)]
    profile: ProfileArg,
    /// MFA device ARN or number [default: the profile's `mfa_serial`, then the user's only device]
    #[arg(long, value_name = "ARN", add = clap_complete::ArgValueCandidates::new(crate::complete::serials))]
    serial: Option<String>,
    /// Your own name for the device
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    #[command(flatten)]
    store: StoreArg,
    /// Read the secret key from standard input
    #[arg(long, conflicts_with = "uri_stdin")]
    secret_stdin: bool,
    /// Read an `otpauth://` URI from standard input
    #[arg(long)]
    uri_stdin: bool,
    /// Read the QR codes in pictures: screenshots or photos, PNG or JPEG
    #[arg(long = "image", value_name = "FILE", num_args = 1.., value_hint = clap::ValueHint::FilePath, conflicts_with_all = ["secret_stdin", "uri_stdin"])]
    images: Vec<PathBuf>,
    /// Read the QR codes that Google Authenticator exports, in any order
    #[arg(long, value_name = "FILE", num_args = 1.., value_hint = clap::ValueHint::FilePath, conflicts_with_all = ["secret_stdin", "uri_stdin", "images"])]
    google_export: Vec<PathBuf>,
    /// Read the secret key, the URI or the picture of a QR code that is on the clipboard
    #[arg(long, conflicts_with_all = ["secret_stdin", "uri_stdin", "images", "google_export", "export"])]
    clipboard: bool,
    /// Read an unencrypted JSON export of Aegis, 2FAS, andOTP or Bitwarden, a list of `otpauth://` URIs, or kaicoh's `~/.aws/awsmfa.yml`
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, conflicts_with_all = ["secret_stdin", "uri_stdin", "images", "google_export"])]
    export: Option<PathBuf>,
    /// Read the secrets that awspass (6XGate) keeps in the OS keyring for your profiles
    #[arg(long, conflicts_with_all = ["secret_stdin", "uri_stdin", "images", "google_export", "clipboard", "export"])]
    awspass: bool,
    /// Import only this account, if there are several: its name, or a part of it
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Store the secret without checking that AWS accepts its codes
    #[arg(long)]
    no_verify: bool,
    #[command(flatten)]
    yes: YesArg,
}

pub fn run(ctx: &Context, args: &ImportArgs) -> CommandResult {
    let mut all = Vec::new();
    let before = args.export.as_deref().and_then(files::fingerprint);
    let result = import::import(ctx, &request(args), |imported| {
        report(ctx, &imported);
        all.push(imported);
    });
    if let Ok(is_everything) = &result {
        say_what_is_guessed(ctx, &all);
        let is_verified = all.iter().all(|imported| matches!(imported.checked, Checked::Accepted));
        // The tool may have added an account in the meantime, and deleting a link deletes no secret.
        let is_read = |path: &Path| files::fingerprint(path) == before && !path.is_symlink();
        match &args.export {
            Some(path) => clean_up(ctx, args, path, *is_everything && is_verified && is_read(path))?,
            None => say_what_stays(ctx, args),
        }
    }
    // With several devices, there is no single next step.
    if let (Ok(_), 1, Some(imported)) = (&result, all.len(), all.pop()) {
        let offered = match &imported.profile {
            Some(profile) => setup::follow_up(ctx, profile, false, args.yes.yes),
            None => Ok(false),
        };
        show_next(ctx, args, imported, matches!(offered, Ok(true)));
        return offered.map(drop);
    }
    result.map(drop)
}

/// An export has secrets in clear. Another tool's file is no longer needed once all its secrets are verified.
fn clean_up(ctx: &Context, args: &ImportArgs, path: &Path, is_superfluous: bool) -> CommandResult {
    let question = format!("delete {}, which has the secrets in the clear?", path.display());
    if is_superfluous && ctx.prompt.can_ask() && !args.yes.yes && ctx.prompt.confirm(&question)? {
        files::remove(path)?;
        ctx.ui.say(format_args!("deleted {}", path.display()));
        return Ok(());
    }
    if !is_deletable(path) {
        return Ok(());
    }
    ctx.ui.hint(format_args!(
        "delete {} once all its accounts are where you need them: anyone who reads it can generate your codes",
        path.display()
    ));
    Ok(())
}

/// Whether a path is a file rather than standard input or `<(…)`.
fn is_deletable(path: &Path) -> bool {
    path.is_file() && !["/dev", "/proc"].iter().any(|folder| path.starts_with(folder))
}

/// Pictures and the clipboard still have the secret.
fn say_what_stays(ctx: &Context, args: &ImportArgs) {
    let pictures = args.images.iter().chain(&args.google_export);
    let pictures: Vec<&PathBuf> = pictures.filter(|path| is_deletable(path)).collect();
    if args.clipboard {
        ctx.ui.hint(
            "copy something else: the secret is still on the clipboard, and in its history if there is one",
        );
    }
    if !pictures.is_empty() {
        let delete = CommandLine::new(if cfg!(windows) { "del" } else { "rm" });
        let delete = pictures.iter().fold(delete, |line, path| {
            let path = path.to_string_lossy();
            // Otherwise it would be an option.
            if path.starts_with('-') { line.arg(format!("./{path}")) } else { line.arg(path) }
        });
        let (what, it) = if pictures.len() == 1 { ("the picture", "it") } else { ("the pictures", "them") };
        ctx.ui.hint(format_args!(
            "delete {what}, because anyone who has {it} can generate your codes: `{delete}`"
        ));
    }
}

/// AWS has confirmed the device if it accepts the codes.
fn say_what_is_guessed(ctx: &Context, all: &[Imported]) {
    if all.iter().any(Imported::is_unconfirmed) {
        ctx.ui.hint("import a secret again with `--serial ARN` if its ARN is wrong");
    }
}

fn request(args: &ImportArgs) -> ImportRequest {
    ImportRequest {
        profile: args.profile.profile.clone(),
        serial: args.serial.clone(),
        label: args.label.clone(),
        store: args.store.store,
        input: input(args),
        account: args.account.clone(),
        verify: !args.no_verify,
        yes: args.yes.yes,
    }
}

fn input(args: &ImportArgs) -> Input {
    match args {
        ImportArgs { secret_stdin: true, .. } => Input::SecretStdin,
        ImportArgs { uri_stdin: true, .. } => Input::UriStdin,
        ImportArgs { clipboard: true, .. } => Input::Clipboard,
        ImportArgs { awspass: true, .. } => Input::Awspass,
        ImportArgs { export: Some(path), .. } => Input::Export(path.clone()),
        ImportArgs { images, .. } if !images.is_empty() => Input::Images(images.clone()),
        ImportArgs { google_export, .. } if !google_export.is_empty() => {
            Input::GoogleExport(google_export.clone())
        }
        _ => Input::Prompt,
    }
}

fn report(ctx: &Context, imported: &Imported) {
    let Imported { serial, store, checked, .. } = imported;
    let derived = match imported.is_unconfirmed() {
        true => "; the ARN is derived from the account's name",
        false => "",
    };
    let remark = match checked {
        Checked::Accepted => "; AWS accepts its codes",
        Checked::NoProfile => "; not verified, because no profile with keys uses this device",
        Checked::No | Checked::Failed(_) => "",
    };
    ctx.ui.say(format_args!("stored the secret of `{serial}` in the {store} store{derived}{remark}"));
    if let Checked::Failed(why) = checked {
        ctx.ui
            .warn(format_args!("could not verify that AWS accepts the codes of the secret: {}", why.message));
        why.hints.iter().for_each(|hint| ctx.ui.hint(hint));
    }
}

/// Shows the command that comes next.
fn show_next(ctx: &Context, args: &ImportArgs, imported: Imported, is_set_up: bool) {
    let declined = ctx.prompt.can_ask() && !args.yes.yes;
    match imported.profile {
        Some(profile) if is_set_up => {
            ctx.ui.hint(CommandLine::new("aws sts get-caller-identity").profile(profile));
        }
        Some(profile) => ctx.ui.hint(setup::next_step(ctx, &profile, declined)),
        None if matches!(imported.checked, Checked::Accepted) => ctx.ui.hint("awsmfa login"),
        // Most likely for the console's form, which asks for two codes.
        None => ctx.ui.hint(format_args!("awsmfa code --pair {}", imported.serial)),
    }
}
