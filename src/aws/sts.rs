//! STS: sessions, roles and the caller's identity.

use aws_sdk_sts::Client;
use aws_sdk_sts::config::Builder as ConfigBuilder;
use aws_sdk_sts::types::{Credentials as StsCredentials, PolicyDescriptorType};
use aws_smithy_types::retry::RetryConfig;
use chrono::{DateTime, Utc};

use super::errors::{AwsError, OperationError, Sent};
use super::signer::{Reply, Signer};
use crate::model::duration::SessionDuration;
use crate::model::role::{ExternalId, RoleArn, RoleSessionName};
use crate::model::serial::Serial;
use crate::model::session::{Session, is_plausible};
use crate::model::session_policy::SessionPolicy;
use crate::model::totp::Code;

/// A device and one of its codes, for requests with MFA.
#[derive(Debug, Clone)]
pub struct Mfa {
    pub serial: Serial,
    pub code: Code,
}

/// The parameters of AssumeRole.
#[derive(Debug, Clone)]
pub struct AssumeRole {
    pub role_arn: RoleArn,
    /// The session's name in CloudTrail.
    pub session_name: RoleSessionName,
    /// The role's trust policy may require it from other accounts.
    pub external_id: Option<ExternalId>,
    pub duration: SessionDuration,
    pub policy: Option<SessionPolicy>,
}

/// Whom the keys belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The ARN of the user, role session or root.
    pub arn: String,
    /// The twelve digits of the account.
    pub account: String,
}

impl Signer<'_> {
    /// GetSessionToken with MFA, sent once.
    pub fn get_session_token(&self, mfa: &Mfa, duration: SessionDuration) -> Reply<Session> {
        const OPERATION: &str = "GetSessionToken";
        let issued = self.now();
        let reply = self.ask(OPERATION, RetryConfig::disabled(), |sts| {
            let request = sts.get_session_token().duration_seconds(duration.seconds().cast_signed());
            request.serial_number(mfa.serial.as_str()).token_code(mfa.code.expose()).send()
        });
        let account = mfa.serial.account().map(str::to_owned);
        session(OPERATION, reply, issued, account, |output| output.credentials)
    }

    /// AssumeRole. With MFA it is sent once.
    pub fn assume_role(&self, role: &AssumeRole, mfa: Option<&Mfa>) -> Reply<Session> {
        const OPERATION: &str = "AssumeRole";
        let issued = self.now();
        let retry = if mfa.is_some() { RetryConfig::disabled() } else { RetryConfig::standard() };
        let policy = role.policy.as_ref();
        let managed = |arn: &str| PolicyDescriptorType::builder().arn(arn).build();
        let reply = self.ask(OPERATION, retry, |sts| {
            sts.assume_role()
                .role_arn(role.role_arn.as_str())
                .role_session_name(role.session_name.as_str())
                .set_external_id(role.external_id.as_ref().map(ToString::to_string))
                .duration_seconds(role.duration.seconds().cast_signed())
                .set_policy(policy.and_then(|policy| policy.document().map(str::to_owned)))
                .set_policy_arns(policy.map(|policy| policy.arns().map(managed).collect()))
                .set_serial_number(mfa.map(|m| m.serial.to_string()))
                .set_token_code(mfa.map(|m| m.code.expose().to_owned()))
                .send()
        });
        let account = Some(role.role_arn.account().to_owned());
        session(OPERATION, reply, issued, account, |output| output.credentials)
    }

    /// GetCallerIdentity, which needs no permission.
    pub fn get_caller_identity(&self) -> Reply<CallerIdentity> {
        const OPERATION: &str = "GetCallerIdentity";
        let retry = RetryConfig::standard();
        let reply = self.ask(OPERATION, retry, |sts| sts.get_caller_identity().send());
        reply.and_then(|output| match (output.arn, output.account) {
            (Some(arn), Some(account)) if !arn.is_empty() => Ok(CallerIdentity { arn, account }),
            _ => Err(AwsError::incomplete(OPERATION, "caller")),
        })
    }

    fn ask<T, E: OperationError, F: Future<Output = Sent<T, E>>>(
        &self,
        operation: &'static str,
        retry: RetryConfig,
        send: impl FnOnce(Client) -> F,
    ) -> Reply<T> {
        self.request(operation, retry, |config, watch| {
            let mut builder = ConfigBuilder::from(&config).interceptor(watch);
            builder.set_endpoint_url(self.aws.settings().sts_endpoint.as_ref().map(ToString::to_string));
            send(Client::from_conf(builder.build()))
        })
    }
}

/// The session in a response, if it is complete and has not expired. The SDK replaces missing elements with empty strings
/// and 1970.
fn session<T>(
    operation: &'static str,
    reply: Reply<T>,
    issued: DateTime<Utc>,
    account_id: Option<String>,
    credentials: impl FnOnce(T) -> Option<StsCredentials>,
) -> Reply<Session> {
    // AWS's own time, because this computer's clock may be off.
    let now = reply.server_time.unwrap_or(issued);
    reply.and_then(|output| {
        let missing = |what| AwsError::incomplete(operation, what);
        let given = credentials(output).ok_or_else(|| missing("credentials"))?;
        let present =
            |text: String, what| Some(text).filter(|t| is_printable(t)).ok_or_else(|| missing(what));
        let expiration = DateTime::from_timestamp(given.expiration.secs(), 0);
        let expiration = expiration.filter(|end| *end > now && is_plausible(*end));
        Ok(Session {
            access_key_id: present(given.access_key_id, "access key ID")?,
            secret_access_key: present(given.secret_access_key, "secret access key")?.into(),
            session_token: present(given.session_token, "session token")?.into(),
            issued,
            expiration: expiration.ok_or_else(|| missing("expiration in the future"))?,
            account_id,
        })
    })
}

/// Whether a text can be part of credentials, which go into headers and files.
fn is_printable(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::AwsErrorKind;

    /// Parses a response that AWS sends at `now`, with a session that expires at `end`, in seconds after 1970.
    fn session_of(now: i64, end: i64, local: i64) -> Result<Session, AwsError> {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let credentials = StsCredentials::builder().access_key_id("ASIAEXAMPLE").secret_access_key("s");
        let expiration = aws_sdk_sts::primitives::DateTime::from_secs(end);
        let credentials = credentials.session_token("t").expiration(expiration).build().unwrap();
        let reply = Reply { result: Ok(credentials), server_time: Some(at(now)) };
        session("GetSessionToken", reply, at(local), None, Some).result
    }

    #[test]
    fn session_expires_in_the_future_by_awss_clock() {
        assert!(session_of(1000, 1001, 5000).is_ok(), "this computer's clock does not matter");
        for end in [0, 1000, 253_402_300_800, i64::MAX] {
            assert_eq!(session_of(1000, end, 0).unwrap_err().kind, AwsErrorKind::Lost);
        }
    }
}
