//! Failures of AWS, of the network, and of the credentials that sign requests.

use super::{CommandError, ErrorKind, clock_hint, session_policy};
use crate::aws::{AwsError, AwsErrorKind, ChainError, ClientError};
use crate::aws_files::resolve::{KeySource, Resolution};
use crate::model::region::{Region, RegionError};
use crate::model::serial::Serial;
use crate::model::shell::CommandLine;
use crate::ui::remedies;

/// The keys of a rejected request.
#[derive(Debug)]
pub struct RefusedKeys<'a> {
    access_key_id: &'a str,
    /// Where they come from; `None` means the environment.
    source: Option<&'a KeySource>,
}

impl<'a> RefusedKeys<'a> {
    /// The keys that a profile resolved to.
    pub fn new(access_key_id: &'a str, resolution: &'a Resolution) -> Self {
        Self::from(access_key_id, resolution.keys.as_ref().ok())
    }

    /// Keys with this ID and source; `None` means the environment.
    pub fn from(access_key_id: &'a str, source: Option<&'a KeySource>) -> Self {
        Self { access_key_id, source }
    }

    fn enter(&self) -> String {
        match self.source {
            Some(KeySource::Static { profile, .. }) => {
                format!("enter both keys again: `{}`", CommandLine::new("aws configure").profile(profile))
            }
            Some(KeySource::Stored { profile, .. }) => {
                let restore = CommandLine::new("awsmfa keys restore").profile(profile);
                format!("put the stored keys back into the file and correct them there: `{restore}`")
            }
            Some(KeySource::Process { profile, .. }) => {
                format!(
                    "check the program that prints them: `{}`",
                    CommandLine::new("aws configure get credential_process").profile(profile)
                )
            }
            None => "check `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`".to_owned(),
        }
    }

    /// A command with the profile that the keys come from.
    fn with_profile(&self, command: &str) -> CommandLine {
        let profile = self.source.map(|source| match source {
            KeySource::Static { profile, .. }
            | KeySource::Stored { profile, .. }
            | KeySource::Process { profile, .. } => profile,
        });
        CommandLine::new(command).option("--profile", profile)
    }
}

/// The code of a rejected request.
#[derive(Debug)]
pub struct RefusedCode<'a> {
    pub serial: &'a Serial,
}

impl CommandError {
    /// A request that AWS rejected, with hints about its keys and, if a code was sent, its device.
    pub fn refused(error: AwsError, keys: &RefusedKeys, code: Option<&RefusedCode>) -> Self {
        refusal(&error, keys, code).unwrap_or_else(|| in_words(&error)).because(error)
    }
}

fn refusal(error: &AwsError, keys: &RefusedKeys, code: Option<&RefusedCode>) -> Option<CommandError> {
    let id = keys.access_key_id;
    let with = |message: String| CommandError::new(ErrorKind::Refused, message);
    Some(match (error.kind, code) {
        (AwsErrorKind::WrongSecretKey, _) => {
            with(format!("the secret access key does not belong to access key `{id}`")).hint(keys.enter())
        }
        (AwsErrorKind::UnknownKey, _) => {
            with(format!("access key `{id}` does not exist in AWS, or is inactive or deleted"))
                .hint(ACTIVE_KEYS)
                .hint(keys.enter())
        }
        (AwsErrorKind::InvalidCode, Some(RefusedCode { serial })) => {
            with(format!("AWS rejected the codes of `{serial}`: they are wrong, too old or already used"))
                .hint("try again in 30 s: another computer with this secret may have used them")
                .hint(format!(
                    "if the stored secret belongs to another device: `awsmfa device import --serial {serial}`"
                ))
        }
        (AwsErrorKind::CannotValidateCode, Some(RefusedCode { serial })) => {
            let list = keys.with_profile("aws iam list-mfa-devices");
            with(format!("AWS could not validate the code of `{serial}`"))
                .hint(format!("check that the device belongs to the user who owns these keys: `{list}`"))
                .hint(WAIT_FOR_DEVICE)
        }
        _ => return None,
    })
}

const ACTIVE_KEYS: &str = "check which keys are active: IAM console, Users, Security credentials";
const WAIT_FOR_DEVICE: &str =
    "or wait 3 minutes: the device may be new, or there were too many attempts with it";

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> Self {
        let this = Self::new(ErrorKind::Configuration, &error);
        let this = match &error {
            ClientError::CaBundleUnreadable { .. } | ClientError::CaBundleEmpty(_) => {
                this.hint("set `AWS_CA_BUNDLE` or the profile's `ca_bundle` to a file of PEM certificates")
            }
            ClientError::NoServer { .. } => {
                this.hint("check region, endpoint, FIPS and dual-stack settings: `aws configure list`")
            }
            ClientError::Proxy => this.hint("check `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY`"),
            ClientError::Tls(_) | ClientError::Runtime(_) => this,
        };
        this.because(error)
    }
}

impl From<ChainError> for CommandError {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::None => Self::new(ErrorKind::Configuration, "no AWS credentials found")
                .hint("choose a profile that has credentials: `--profile NAME`"),
            ChainError::Failed(why) => {
                Self::new(ErrorKind::Configuration, format!("cannot load AWS credentials: {why}"))
                    .hint("sign in again if this is an SSO profile: `aws sso login --profile NAME`")
            }
            ChainError::TimedOut => Self::new(ErrorKind::Network, &error)
                .hint("check the network, and `HTTPS_PROXY` if it is set"),
        }
    }
}

impl AwsError {
    /// The server that was asked, for a message.
    fn host(&self) -> String {
        self.server.as_ref().map_or_else(|| "AWS".to_owned(), |server| format!("`{}`", server.host))
    }
}

/// Hints for a server that cannot be reached.
fn network_hints(this: CommandError, error: &AwsError) -> CommandError {
    let Some(server) = &error.server else {
        return this.hint("check the network, and `HTTPS_PROXY` and `AWS_ENDPOINT_URL` if they are set");
    };
    let unknown = server.region.as_ref().filter(|region| !region.is_known());
    let this = match unknown.map(Region::as_unknown) {
        Some(RegionError { text, near: Some(near) }) => {
            this.hint(format!("set the region to `{near}`: `{text}` is not a known AWS region"))
        }
        Some(RegionError { text, near: None }) => {
            this.hint(format!("check the region: `{text}` is not a known AWS region"))
        }
        None => this,
    };
    match (&server.proxy, &server.region) {
        (Some(proxy), _) => this.hint(format!("check the network and the proxy `{proxy}`")),
        (None, Some(_)) => this.hint("check the network, and set `HTTPS_PROXY` if a proxy is needed"),
        (None, None) => this
            .hint("check the network and the endpoint, `AWS_ENDPOINT_URL` or the profile's `endpoint_url`"),
    }
}

/// The operations that carry a code.
const CODED: [&str; 4] = ["GetSessionToken", "AssumeRole", "EnableMFADevice", "ResyncMFADevice"];

impl From<AwsError> for CommandError {
    fn from(error: AwsError) -> Self {
        in_words(&error).because(error)
    }
}

fn in_words(error: &AwsError) -> CommandError {
    use AwsErrorKind as Kind;
    let kind = if error.is_outage() { ErrorKind::Network } else { ErrorKind::Refused };
    let this = CommandError::new(kind, error);
    let with = |message: String| CommandError::new(kind, message);
    let (operation, message) = (error.operation, &error.message);
    match error.kind {
        Kind::InvalidCode => with("AWS rejected the code: it is wrong, too old or already used".to_owned())
            .hint("check that the stored secret belongs to this device: `awsmfa device list`")
            .hint(clock_hint()),
        Kind::CannotValidateCode => with("AWS could not validate the code".to_owned())
            .hint("check that the device belongs to the user who owns these keys: `awsmfa device list`")
            .hint(WAIT_FOR_DEVICE),
        Kind::ClockSkew => with(format!("this computer's clock is wrong: {message}")).hint(clock_hint()),
        Kind::WrongSecretKey => with("the secret access key does not belong to the access key".to_owned())
            .hint("enter both keys again for the long-term profile: `aws configure --profile NAME`"),
        Kind::UnknownKey => {
            with("the access key does not exist in AWS, or is inactive or deleted".to_owned())
                .hint(ACTIVE_KEYS)
        }
        Kind::SessionWithoutMfa => with(
            "IAM rejected these temporary credentials, probably because they were created without MFA"
                .to_owned(),
        )
        .hint("get a session with MFA: `awsmfa login`")
        .hint("or choose a profile with long-term keys: `--profile NAME`"),
        Kind::Expired => this.hint("get a new session: `awsmfa login --force`"),
        Kind::SessionKeys => this.hint("use an IAM user's long-term keys in the profile, not a session"),
        Kind::RegionDisabled => {
            let set = remedies::here().set("AWS_REGION", "us-east-1");
            this.hint(format!("use another region: `{set}`"))
        }
        Kind::Unreachable => network_hints(with(format!("cannot reach {}: {message}", error.host())), error),
        Kind::Untrusted => with(format!("the connection to {} is not trusted: {message}", error.host()))
            .hint("set `AWS_CA_BUNDLE` to the certificates of your proxy if it inspects TLS")
            .hint(clock_hint()),
        Kind::NotSent => {
            CommandError::new(ErrorKind::Configuration, format!("cannot build the {operation} request: {message}"))
                .hint("check the profile's region and endpoint: `aws configure list`")
        }
        Kind::Lost => {
            let this = with(format!("no complete response to {operation} from {}: {message}", error.host()));
            if CODED.contains(&operation) {
                this.hint("try again; the code that was sent will not be used again")
            } else {
                this.hint("try again")
            }
        }
        Kind::NotAws => {
            with(format!("something other than AWS answered for {} ({message})", error.host()))
                .hint("sign in to the network first: a captive portal or proxy may be answering")
        }
        Kind::Throttled => {
            with(format!("AWS is throttling requests: {operation}: {message}")).hint("try again in a minute")
        }
        Kind::Unavailable => with(format!("AWS is unavailable: {operation}: {message}"))
            .hint("try again later: https://health.aws.amazon.com"),
        Kind::InvalidPair => {
            with("AWS rejected the device's two codes: the secret or this computer's clock is wrong".to_owned())
                .hint(clock_hint())
        }
        Kind::NeedsMfa => with(
            "the user already has an MFA device, so AWS requires a session created with that device (AWS-2023-001)"
                .to_owned(),
        )
        .hint("use a session that was created with MFA, or ask an administrator"),
        Kind::InvalidInput if message.contains("MaxSessionDuration") => this
            .hint("request a shorter session: `--duration 1h`, or `duration_seconds` in the role's profile")
            .hint("or raise the role's maximum session duration in the IAM console"),
        Kind::MalformedPolicy => this.hint(
            "check the policy: `aws accessanalyzer validate-policy --policy-type IDENTITY_POLICY --policy-document file://FILE`",
        ),
        Kind::PolicyTooLarge => this.hint(session_policy::SHORTER),
        Kind::Busy => this.hint("try again in a minute: another change is in progress"),
        Kind::DeleteConflict => this.hint("deactivate the device first: `awsmfa device remove` does both"),
        Kind::AccessDenied
        | Kind::NotFound
        | Kind::Exists
        | Kind::LimitExceeded
        | Kind::PasswordPolicy
        | Kind::InvalidInput
        | Kind::Refused => this,
    }
}
