//! The meaning of AWS's errors and of network failures. Error codes decide; messages only distinguish errors with the code
//! AccessDenied.

use std::error::Error as StdError;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::transport::{Late, TooLarge};
use crate::model::region::Region;

/// Why a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsErrorKind {
    /// The code is wrong, already used or too old.
    InvalidCode,
    /// AWS could not validate the code: wrong serial, another user's device, a device not enabled yet, or too many attempts.
    CannotValidateCode,
    /// The time of the signature differs from AWS's.
    ClockSkew,
    /// The secret access key does not belong to the access key ID.
    WrongSecretKey,
    /// No active access key has this ID.
    UnknownKey,
    /// IAM does not accept temporary keys that STS issued without MFA.
    SessionWithoutMfa,
    /// The temporary keys have expired.
    Expired,
    /// GetSessionToken was called with temporary keys.
    SessionKeys,
    /// No permission.
    AccessDenied,
    /// The region must be enabled for the account first.
    RegionDisabled,
    /// It does not exist.
    NotFound,
    /// It already exists, or is already enabled.
    Exists,
    /// The two codes for enabling or resynchronizing a device are wrong, too old or not consecutive.
    InvalidPair,
    /// AWS-2023-001: a user with an MFA device changes their devices only in a session made with MFA.
    NeedsMfa,
    /// A quota is used up.
    LimitExceeded,
    /// Another change is in progress; it will end.
    Busy,
    /// The device to delete is still assigned to a user.
    DeleteConflict,
    /// AWS cannot read a policy, or it contains what such a policy cannot contain.
    MalformedPolicy,
    /// The policies of a session are too large once AWS has compressed them.
    PolicyTooLarge,
    /// The account's password policy does not allow the password.
    PasswordPolicy,
    /// AWS does not accept a name, path, tag or other value.
    InvalidInput,
    Throttled,
    Unavailable,
    /// The request could not be built or signed; nothing left this computer.
    NotSent,
    /// There was no connection, so the request never reached AWS.
    Unreachable,
    /// The server's certificate is not trusted, so the request never reached AWS.
    Untrusted,
    /// There was no response in time, or the connection broke: AWS may have acted.
    Lost,
    /// The response is not from AWS, such as that of a captive portal.
    NotAws,
    /// AWS refused the request for another reason.
    Refused,
}

/// An error of an SDK operation.
pub(super) trait OperationError: ProvideErrorMetadata + StdError + 'static {}

impl<E: ProvideErrorMetadata + StdError + 'static> OperationError for E {}

/// The outcome of an SDK operation.
pub(super) type Sent<T, E> = Result<T, SdkError<E, HttpResponse>>;

/// The message of a request that timed out.
const TIMED_OUT: &str = "timed out";

/// A failed request.
#[derive(Debug, Clone)]
pub struct AwsError {
    pub kind: AwsErrorKind,
    /// The operation, as AWS names it.
    pub operation: &'static str,
    pub code: Option<String>,
    /// AWS's message or the network's, in one line.
    pub message: String,
    /// The server, if a request was sent.
    pub server: Option<Box<Server>>,
}

/// A server, for errors about reaching it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its host name, with the port unless that is the scheme's default.
    pub host: String,
    /// The region, if the host name follows from it.
    pub region: Option<Region>,
    /// Host and port of the configured proxy.
    pub proxy: Option<String>,
}

impl AwsError {
    /// An error without an AWS code.
    pub fn new(kind: AwsErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self { kind, operation, code: None, message: message.into(), server: None }
    }

    /// Whether the request certainly never reached AWS, so a code in it is unused.
    pub fn never_sent(&self) -> bool {
        use AwsErrorKind::{NotSent, Unreachable, Untrusted};
        matches!(self.kind, NotSent | Unreachable | Untrusted)
    }

    /// Whether AWS certainly did not check a code in the request, because it never arrived or its signature was rejected.
    pub fn never_judged(&self) -> bool {
        use AwsErrorKind::{ClockSkew, UnknownKey, WrongSecretKey};
        self.never_sent() || matches!(self.kind, ClockSkew | UnknownKey | WrongSecretKey)
    }

    /// Whether AWS may have carried out the request.
    pub fn may_have_acted(&self) -> bool {
        matches!(self.kind, AwsErrorKind::Lost | AwsErrorKind::Unavailable)
    }

    /// Whether the request timed out; another one may take as long.
    pub fn timed_out(&self) -> bool {
        self.kind == AwsErrorKind::Lost && self.message == TIMED_OUT
    }

    /// Whether AWS is unavailable rather than refusing the request.
    pub fn is_outage(&self) -> bool {
        use AwsErrorKind::{Lost, NotAws, Throttled, Unavailable, Unreachable, Untrusted};
        matches!(self.kind, Lost | NotAws | Throttled | Unavailable | Unreachable | Untrusted)
    }

    /// A successful response that is not from AWS.
    pub(super) fn not_aws(operation: &'static str) -> Self {
        Self::new(AwsErrorKind::NotAws, operation, "it is not of AWS's form")
    }

    /// A response without something that AWS always sends. AWS has acted, and part of the response was lost.
    pub(super) fn incomplete(operation: &'static str, missing: &str) -> Self {
        Self::new(AwsErrorKind::Lost, operation, format!("the response has no {missing}"))
    }

    /// A truncated response.
    pub(super) fn cut(operation: &'static str) -> Self {
        Self::new(AwsErrorKind::Lost, operation, "the response was cut short")
    }

    /// A request that could not be built or signed.
    pub(super) fn not_sent(operation: &'static str, error: &(dyn StdError + 'static)) -> Self {
        Self::new(AwsErrorKind::NotSent, operation, one_line(&innermost(error)))
    }

    /// A request outside of the SDK that got no complete response.
    pub(super) fn from_connector(operation: &'static str, error: &ConnectorError) -> Self {
        let (kind, message) = connection_failure(error);
        Self::new(kind, operation, one_line(&message))
    }

    pub(super) fn from_sdk<E: OperationError>(
        operation: &'static str,
        error: &SdkError<E, HttpResponse>,
    ) -> Self {
        let (kind, code, message) = match error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                let (code, message) = (service.err().code(), service.err().message().unwrap_or_default());
                (service_kind(status, code, message), code.map(str::to_owned), message.to_owned())
            }
            SdkError::ResponseError(response) => {
                let status = response.raw().status().as_u16();
                let kind = if status >= 500 { AwsErrorKind::Unavailable } else { AwsErrorKind::NotAws };
                (kind, None, format!("HTTP status {status}"))
            }
            SdkError::TimeoutError(_) => (AwsErrorKind::Lost, None, TIMED_OUT.to_owned()),
            SdkError::DispatchFailure(failure) if failure.is_user() => {
                return Self::not_sent(operation, error);
            }
            SdkError::DispatchFailure(failure) => {
                let source = failure.as_connector_error().map(|e| e as &(dyn StdError + 'static));
                let (kind, message) = source.map_or((AwsErrorKind::Lost, String::new()), connection_failure);
                (kind, None, message)
            }
            other => (AwsErrorKind::Refused, None, innermost(other)),
        };
        let message = match (message.is_empty(), error.raw_response()) {
            (true, Some(raw)) => format!("HTTP status {}", raw.status().as_u16()),
            _ => one_line(&message),
        };
        Self { kind, operation, code, message, server: None }
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "AWS refused {}: {code}: {}", self.operation, self.message),
            None => write!(f, "{} failed: {}", self.operation, self.message),
        }
    }
}

impl StdError for AwsError {}

fn service_kind(status: u16, code: Option<&str>, message: &str) -> AwsErrorKind {
    use AwsErrorKind as Kind;
    match code.unwrap_or_default() {
        "AccessDenied" | "AccessDeniedException" => {
            if message.contains("invalid MFA one time pass code") {
                Kind::InvalidCode
            } else if message.contains("unable to validate MFA code") {
                Kind::CannotValidateCode
            } else if message.contains("with session credentials") {
                Kind::SessionKeys
            } else if message.contains("authenticated with an MFA device that is enabled for this user") {
                Kind::NeedsMfa
            } else {
                Kind::AccessDenied
            }
        }
        "SignatureDoesNotMatch" | "InvalidSignatureException" => {
            let skew = ["Signature expired", "Signature not yet current"].iter().any(|m| message.contains(m));
            if skew { Kind::ClockSkew } else { Kind::WrongSecretKey }
        }
        "RequestTimeTooSkewed" | "RequestExpired" => Kind::ClockSkew,
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" => Kind::UnknownKey,
        "ExpiredToken" | "ExpiredTokenException" => Kind::Expired,
        "RegionDisabledException" => Kind::RegionDisabled,
        "NoSuchEntity" => Kind::NotFound,
        "EntityAlreadyExists" => Kind::Exists,
        "InvalidAuthenticationCode" => Kind::InvalidPair,
        "LimitExceeded" => Kind::LimitExceeded,
        "EntityTemporarilyUnmodifiable" | "ConcurrentModification" => Kind::Busy,
        "DeleteConflict" => Kind::DeleteConflict,
        "MalformedPolicyDocument" => Kind::MalformedPolicy,
        "PackedPolicyTooLarge" => Kind::PolicyTooLarge,
        "PasswordPolicyViolation" => Kind::PasswordPolicy,
        "InvalidInput" | "ValidationError" | "MalformedInput" => Kind::InvalidInput,
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "TooManyRequestsException" => {
            Kind::Throttled
        }
        _ if status == 429 => Kind::Throttled,
        _ if status >= 500 => Kind::Unavailable,
        "" => Kind::NotAws,
        _ => Kind::Refused,
    }
}

/// Distinguishes failures before there was a connection, when nothing was sent, from later ones.
fn connection_failure(error: &(dyn StdError + 'static)) -> (AwsErrorKind, String) {
    let mut connected = true;
    let mut untrusted = None;
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(client) = current.downcast_ref::<hyper_util::client::legacy::Error>() {
            connected &= !client.is_connect();
        }
        if current.is::<TooLarge>() {
            return (AwsErrorKind::NotAws, current.to_string());
        }
        if current.is::<Late>() {
            return (AwsErrorKind::Lost, TIMED_OUT.to_owned());
        }
        if let Some(tls) = tls_error(current) {
            untrusted = Some(tls);
        }
        next = current.source();
    }
    match untrusted {
        Some(message) => (AwsErrorKind::Untrusted, message),
        None if connected => (AwsErrorKind::Lost, innermost(error)),
        None => (AwsErrorKind::Unreachable, innermost(error)),
    }
}

/// Finds a TLS error inside nested `io::Error`s, the `source()` of which skips the inner error.
fn tls_error(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut inner = error;
    while let Some(held) = inner.downcast_ref::<std::io::Error>().and_then(|e| e.get_ref()) {
        inner = held;
    }
    inner.downcast_ref::<rustls::Error>().map(ToString::to_string)
}

/// The message of the innermost error. The outer errors only say that something failed.
pub(super) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// At most 300 characters of the first line, because the message for a rejected signature quotes the request after that.
/// Without AWS's final period.
fn one_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().trim().trim_end_matches('.').chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejected_and_unvalidated_codes_differ() {
        let kind = |message| service_kind(403, Some("AccessDenied"), message);
        assert_eq!(
            kind("MultiFactorAuthentication failed with invalid MFA one time pass code. "),
            AwsErrorKind::InvalidCode
        );
        assert_eq!(
            kind(
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user."
            ),
            AwsErrorKind::CannotValidateCode
        );
        assert_eq!(kind("Cannot call GetSessionToken with session credentials"), AwsErrorKind::SessionKeys);
        assert_eq!(kind("User: x is not authorized to perform: iam:X"), AwsErrorKind::AccessDenied);
    }

    #[test]
    fn required_mfa_is_not_a_missing_permission() {
        let message = "To complete this action, please ensure that you are authenticated with an MFA device that is enabled for this user.";
        assert_eq!(service_kind(403, Some("AccessDenied"), message), AwsErrorKind::NeedsMfa);
    }

    #[test]
    fn iams_error_code_decides_whatever_the_message() {
        for (status, code, kind) in [
            (409, "EntityAlreadyExists", AwsErrorKind::Exists),
            (403, "InvalidAuthenticationCode", AwsErrorKind::InvalidPair),
            (409, "LimitExceeded", AwsErrorKind::LimitExceeded),
            (409, "EntityTemporarilyUnmodifiable", AwsErrorKind::Busy),
            (409, "ConcurrentModification", AwsErrorKind::Busy),
            (409, "DeleteConflict", AwsErrorKind::DeleteConflict),
            (400, "PasswordPolicyViolation", AwsErrorKind::PasswordPolicy),
            (400, "ValidationError", AwsErrorKind::InvalidInput),
            (500, "ServiceFailure", AwsErrorKind::Unavailable),
        ] {
            assert_eq!(service_kind(status, Some(code), ""), kind, "{code}");
        }
    }

    #[test]
    fn clock_skew_is_not_a_wrong_key() {
        let kind = |message| service_kind(403, Some("SignatureDoesNotMatch"), message);
        assert_eq!(
            kind("Signature expired: 20240217T171323Z is now earlier than 20240217T173539Z"),
            AwsErrorKind::ClockSkew
        );
        assert_eq!(
            kind("The request signature we calculated does not match the signature you provided."),
            AwsErrorKind::WrongSecretKey
        );
    }

    #[test]
    fn message_is_one_line() {
        assert_eq!(one_line("first\nThe Canonical String was x-amz-security-token:abc"), "first");
        assert_eq!(one_line(&"x".repeat(1000)).len(), 300);
    }
}
