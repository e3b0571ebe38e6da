//! The arguments that several commands share, each with one name, one help text and one completion.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::devices::qr_copy::Choice;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::files::read_bounded;
use crate::model::duration::SessionDuration;
use crate::model::session_policy::{PolicyArn, PolicyDocument, SessionPolicy};
use crate::model::shell::CommandLine;
use crate::store::StoreKind;

/// The profile that a command works on.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ProfileArg {
    /// AWS profile [default: `AWS_PROFILE`, then `default`]
    #[arg(short, long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new(), add = clap_complete::ArgValueCandidates::new(crate::complete::profile_names))]
    pub profile: Option<String>,
}

/// The profile, with or without its flag, for commands that have no other argument: `awsmfa login dev`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct OnlyProfileArgs {
    #[command(flatten)]
    flag: ProfileArg,
    /// AWS profile, instead of `--profile`
    #[arg(id = "name", value_name = "PROFILE", conflicts_with = "profile", value_parser = clap::builder::NonEmptyStringValueParser::new(), add = clap_complete::ArgValueCandidates::new(crate::complete::profile_names))]
    name: Option<String>,
}

impl OnlyProfileArgs {
    /// The word that was given without the flag.
    pub fn bare(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The profile that was given.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref().or(self.flag.profile.as_deref())
    }
}

/// Which session of the profile a command needs.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SessionArgs {
    /// Session duration, 15m to 36h [default: the profile's `duration_seconds`, then 12h; 1h for a role]
    #[arg(long, value_name = "TIME")]
    pub duration: Option<SessionDuration>,
    #[command(flatten)]
    policies: PolicyArgs,
}

/// What narrows a role's session.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct PolicyArgs {
    /// Narrow a role's session to what this policy allows, too: a JSON file, or the ARN of a managed policy (repeatable)
    #[arg(long = "policy", value_name = "FILE|ARN", value_hint = clap::ValueHint::FilePath)]
    policies: Vec<OsString>,
}

impl SessionArgs {
    /// Adds these arguments to a command to paste.
    pub fn added_to(&self, command: CommandLine) -> CommandLine {
        let duration = self.duration.map(|duration| format!("{}s", duration.seconds()));
        self.policies.policies.iter().fold(command.option("--duration", duration), |command, policy| {
            command.option("--policy", Some(policy.to_string_lossy()))
        })
    }

    /// What narrows the session, read and checked.
    pub fn policy(&self) -> CommandResult<Option<SessionPolicy>> {
        self.policies.read()
    }
}

impl PolicyArgs {
    /// The files and ARNs as one policy, checked.
    pub fn read(&self) -> CommandResult<Option<SessionPolicy>> {
        let (mut document, mut arns) = (None, Vec::new());
        for given in &self.policies {
            match given.to_str().filter(|text| text.starts_with("arn:")) {
                Some(arn) => arns.push(arn.parse::<PolicyArn>()?),
                None if document.is_none() => document = Some(read_policy(Path::new(given))?),
                None => {
                    return Err(CommandError::new(ErrorKind::Usage, "`--policy` accepts only one file")
                        .hint("combine the statements of all files in one"));
                }
            }
        }
        Ok(SessionPolicy::new(document, arns)?)
    }
}

fn read_policy(path: &Path) -> CommandResult<PolicyDocument> {
    /// Whitespace counts here, but not for AWS.
    const LIMIT: u64 = 64 * 1024;
    let failed = |why: &dyn std::fmt::Display| {
        let message = format!("cannot read the policy {}: {why}", path.display());
        CommandError::new(ErrorKind::Usage, message)
            .hint("use a JSON file, or the ARN of a managed policy such as `arn:aws:iam::aws:policy/ReadOnlyAccess`")
    };
    let bytes = read_bounded(path, LIMIT).map_err(|error| failed(&error))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| failed(&"it is not UTF-8 text"))?;
    text.parse().map_err(|error| CommandError::from(error).at(path.display()))
}

/// The device that a command works on.
#[derive(Debug, Clone, clap::Args)]
pub struct DeviceArg {
    /// Device ARN, name or label
    #[arg(value_name = "DEVICE", add = clap_complete::engine::ArgValueCompleter::new(crate::complete::device_names))]
    pub device: String,
}

/// The user who has the device.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct UserArg {
    /// User who has the device [default: looked up in AWS]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
}

/// A device in AWS: which one it is, which profile's credentials change it, and who has it.
#[derive(Debug, Clone, clap::Args)]
pub struct DeviceInAwsArgs {
    #[command(flatten)]
    pub device: DeviceArg,
    #[command(flatten)]
    pub profile: ProfileArg,
    #[command(flatten)]
    pub user: UserArg,
}

/// Where new secrets are stored.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct StoreArg {
    /// Where to store the secret: `keyring` or `file` [default: `AWSMFA_STORE`, then the keyring if it works, then `file`]
    #[arg(long, value_name = "STORE", add = clap_complete::ArgValueCandidates::new(crate::complete::stores))]
    pub store: Option<StoreKind>,
}

/// The answer to every prompt.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct YesArg {
    /// Answer yes to all prompts
    #[arg(short, long)]
    pub yes: bool,
}

/// Output for programs.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct JsonArg {
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Whether the secret is also shown as a QR code, for a phone.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct QrCopyArgs {
    /// Show a QR code on the terminal, to add the device to a phone
    #[arg(long, conflicts_with_all = ["qr_file", "no_qr"])]
    qr: bool,
    /// Write the QR code to a PNG file that only you can read
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, conflicts_with = "no_qr")]
    qr_file: Option<PathBuf>,
    /// Do not offer to show a QR code
    #[arg(long)]
    no_qr: bool,
}

impl QrCopyArgs {
    /// What was chosen. With `replace`, an existing file is overwritten.
    pub fn choice(&self, replace: bool) -> Choice {
        match &self.qr_file {
            Some(path) => Choice::File { path: path.clone(), replace },
            None if self.qr => Choice::Draw,
            None if self.no_qr => Choice::Skip,
            None => Choice::Ask,
        }
    }
}
