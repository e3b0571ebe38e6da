//! What AWS and the way to it can do to a command.

use super::{CommandError, ErrorKind, clock_hint};
use crate::aws::{AwsError, AwsErrorKind, ChainError, ClientError};
use crate::aws_files::resolve::{KeySource, Resolution};
use crate::model::region::{Region, RegionError};
use crate::model::serial::Serial;
use crate::model::session::LongTermKeys;
use crate::model::shell::quoted;

/// The keys of a request that was refused.
#[derive(Debug)]
pub struct RefusedKeys<'a> {
    access_key_id: &'a str,
    /// Where they come from; `None` for the environment.
    source: Option<&'a KeySource>,
}

impl<'a> RefusedKeys<'a> {
    /// Keys as a profile was resolved to them.
    pub fn new(keys: &'a LongTermKeys, resolution: &'a Resolution) -> Self {
        Self::from(&keys.access_key_id, resolution.keys.as_ref().ok())
    }

    /// Keys of this ID and source; `None` for the environment.
    pub fn from(access_key_id: &'a str, source: Option<&'a KeySource>) -> Self {
        Self { access_key_id, source }
    }

    fn enter(&self) -> String {
        match self.source {
            Some(KeySource::Static { profile, .. }) => {
                format!("enter both again: `aws configure --profile {}`", quoted(profile))
            }
            Some(KeySource::Process { profile, .. }) => {
                format!(
                    "see what prints them: `aws configure get credential_process --profile {}`",
                    quoted(profile)
                )
            }
            None => "check `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`".to_owned(),
        }
    }

    fn profile_flag(&self) -> String {
        match self.source {
            Some(KeySource::Static { profile, .. } | KeySource::Process { profile, .. }) => {
                format!(" --profile {}", quoted(profile))
            }
            None => String::new(),
        }
    }
}

/// The code of a request that was refused.
#[derive(Debug)]
pub struct RefusedCode<'a> {
    pub serial: &'a Serial,
}

impl CommandError {
    /// What AWS refused, with hints that name the keys and, if a code was sent, its device.
    pub fn refused(error: AwsError, keys: &RefusedKeys, code: Option<&RefusedCode>) -> Self {
        let id = keys.access_key_id;
        let with = |message: String| Self::new(ErrorKind::Refused, message);
        match (error.kind, code) {
            (AwsErrorKind::WrongSecretKey, _) => {
                with(format!("the secret access key does not belong to the access key `{id}`"))
                    .hint(keys.enter())
            }
            (AwsErrorKind::UnknownKey, _) => {
                with(format!("AWS does not know the access key `{id}`, or it is inactive or deleted"))
                    .hint("see which keys are active: IAM console, Users, Security credentials")
                    .hint(keys.enter())
            }
            (AwsErrorKind::InvalidCode, Some(RefusedCode { serial })) => {
                with(format!("AWS refused the codes of `{serial}` as wrong, too old or used already"))
                    .hint("another computer with this secret may have used them: try again in 30 s")
                    .hint(format!(
                        "if the stored secret is not this device's: `awsmfa device import --serial {serial}`"
                    ))
            }
            (AwsErrorKind::CannotValidateCode, Some(RefusedCode { serial })) => {
                with(format!("AWS could not validate the code of `{serial}`"))
                    .hint(format!(
                        "the device must be of the user whose keys these are: `aws iam list-mfa-devices{}`",
                        keys.profile_flag()
                    ))
                    .hint("or it was enabled seconds ago, or asked too often: wait 3 minutes")
            }
            _ => error.into(),
        }
    }
}

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> Self {
        let this = Self::new(ErrorKind::Configuration, &error);
        match error {
            ClientError::CaBundleUnreadable { .. } | ClientError::CaBundleEmpty(_) => {
                this.hint("set `AWS_CA_BUNDLE` or the profile's `ca_bundle` to a file of PEM certificates")
            }
            ClientError::NoServer { .. } => {
                this.hint("check region, endpoint, FIPS and dual-stack settings: `aws configure list`")
            }
            ClientError::Proxy => this.hint("check `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY`"),
            ClientError::Tls(_) | ClientError::Runtime(_) => this,
        }
    }
}

impl From<ChainError> for CommandError {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::None => Self::new(ErrorKind::Configuration, "no AWS credentials were found")
                .hint("name a profile that has some: `--profile NAME`"),
            ChainError::Failed(why) => {
                Self::new(ErrorKind::Configuration, format!("the AWS credentials cannot be had: {why}"))
                    .hint("sign in anew if it is an SSO profile: `aws sso login --profile NAME`")
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

impl CommandError {
    /// Hints for a server that cannot be reached.
    fn on_the_way(self, error: &AwsError) -> Self {
        let Some(server) = &error.server else {
            return self.hint("check the network, and `HTTPS_PROXY` and `AWS_ENDPOINT_URL` if they are set");
        };
        let unknown = server.region.as_ref().filter(|region| !region.is_known());
        let this = match unknown.map(Region::as_unknown) {
            Some(RegionError { text, near: Some(near) }) => {
                self.hint(format!("set the region to `{near}`: AWS has no known region `{text}`"))
            }
            Some(RegionError { text, near: None }) => {
                self.hint(format!("check the region: AWS has no known region `{text}`"))
            }
            None => self,
        };
        match (&server.proxy, &server.region) {
            (Some(proxy), _) => this.hint(format!("check the network and the proxy `{proxy}`")),
            (None, Some(_)) => this.hint("check the network, and set `HTTPS_PROXY` if a proxy is needed"),
            (None, None) => this.hint(
                "check the network and the endpoint, `AWS_ENDPOINT_URL` or the profile's `endpoint_url`",
            ),
        }
    }
}

/// The operations that carry a code.
const CODED: [&str; 4] = ["GetSessionToken", "AssumeRole", "EnableMFADevice", "ResyncMFADevice"];

impl From<AwsError> for CommandError {
    fn from(error: AwsError) -> Self {
        use AwsErrorKind as Kind;
        let kind = if error.is_outage() { ErrorKind::Network } else { ErrorKind::Refused };
        let this = Self::new(kind, &error);
        match error.kind {
            Kind::InvalidCode => Self::new(kind, "AWS refused the code as wrong, too old or used already")
                .hint("check that the stored secret is this device's: `awsmfa device list`, and the computer's clock"),
            Kind::CannotValidateCode => Self::new(kind, "AWS could not validate the code")
                .hint("the serial must be a device of the user whose keys these are: `awsmfa device list`")
                .hint("or it was enabled seconds ago, or asked too often: wait 3 minutes"),
            Kind::ClockSkew => Self::new(kind, format!("this computer's clock is off: {}", error.message))
                .hint(clock_hint()),
            Kind::WrongSecretKey => {
                Self::new(kind, "the secret access key does not belong to the access key ID")
                    .hint("enter both again: `aws configure --profile NAME`, with the name of the long-term profile")
            }
            Kind::UnknownKey => Self::new(kind, "AWS does not know the access key, or it is inactive or deleted")
                .hint("see which keys are active: IAM console, Users, Security credentials"),
            Kind::SessionWithoutMfa => {
                Self::new(kind, "IAM does not take these temporary keys: it seems that they were made without MFA")
                    .hint("make a session with MFA, `awsmfa login`, or name a profile with long-term keys: `--profile NAME`")
            }
            Kind::Expired => this.hint("make a new session: `awsmfa login --force`"),
            Kind::SessionKeys => this.hint("the profile's long-term keys must be an IAM user's, not a session"),
            Kind::RegionDisabled => this.hint("use another region: `AWS_REGION=us-east-1`"),
            Kind::Unreachable => {
                Self::new(kind, format!("cannot reach {}: {}", error.host(), error.message)).on_the_way(&error)
            }
            Kind::Untrusted => {
                Self::new(kind, format!("the connection to {} is not trusted: {}", error.host(), error.message))
                    .hint("behind an inspecting proxy, set `AWS_CA_BUNDLE` to its certificates; check the clock too")
            }
            Kind::NotSent => {
                Self::new(ErrorKind::Configuration, format!("cannot build the {} request: {}", error.operation, error.message))
                    .hint("check the profile's region and endpoint: `aws configure list`")
            }
            Kind::Lost => {
                let what = format!("no complete response to {} from {}", error.operation, error.host());
                Self::new(kind, format!("{what}: {}", error.message)).hint(match CODED.contains(&error.operation) {
                    true => "try again; the code that was sent is not used again",
                    false => "try again",
                })
            }
            Kind::NotAws => {
                Self::new(kind, format!("something other than AWS answered for {} ({})", error.host(), error.message))
                    .hint("sign in to the network first: a captive portal or proxy may be answering")
            }
            Kind::Throttled => {
                Self::new(kind, format!("AWS takes no more requests for now: {}: {}", error.operation, error.message))
                    .hint("try again in a minute")
            }
            Kind::Unavailable => {
                Self::new(kind, format!("AWS is unavailable: {}: {}", error.operation, error.message))
                    .hint("try again later: https://health.aws.amazon.com")
            }
            Kind::InvalidPair => {
                Self::new(kind, "AWS refused the device's two codes: the secret or the computer's clock is not right")
                    .hint(clock_hint())
            }
            Kind::NeedsMfa => {
                Self::new(kind, "the user has an MFA device already, and AWS demands a session made with it (AWS-2023-001)")
                    .hint("use credentials of such a session, or let an administrator do it")
            }
            Kind::InvalidInput if error.message.contains("MaxSessionDuration") => this
                .hint("ask for less: `--duration 1h`, or `duration_seconds` in the role's profile")
                .hint("or raise the role's maximum session duration in the IAM console"),
            Kind::Busy => this.hint("another change is under way; try again in a minute"),
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
}
