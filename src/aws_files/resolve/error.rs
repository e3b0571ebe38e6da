//! Why a profile cannot be resolved, or has no long-term keys.

use super::super::Origin;
use super::super::profiles::{BadLine, Ignored, IncompleteKeys};

/// Why there are no long-term keys in the files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    #[error("{}", no_keys(profile, looked_in, instead.as_ref()))]
    NoLongTermKeys {
        profile: String,
        /// Where they would have been: section names and keys.
        looked_in: Vec<String>,
        /// What the profile has instead.
        instead: Option<Instead>,
    },
    /// Half of a pair of keys.
    #[error(transparent)]
    Incomplete(#[from] IncompleteKeys),
}

/// What a profile has in place of long-term keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Instead {
    #[error("it signs in through IAM Identity Center (SSO)")]
    Sso,
    #[error("it signs in through `aws login`")]
    LoginSession,
    #[error("it uses a web identity token")]
    WebIdentity,
    /// The keys of a machine or container.
    #[error("it takes its credentials from `credential_source = {0}`")]
    CredentialSource(String),
    #[error("it holds a session, and its long-term keys are nowhere to be found")]
    SessionOnly,
    #[error("its `credential_process` is awsmfa itself")]
    Ourselves,
    #[error("its `credential_process` gets the session of profile `{0}` from awsmfa")]
    Served(String),
}

fn no_keys(profile: &str, looked_in: &[String], instead: Option<&Instead>) -> String {
    let mut text = format!("no long-term keys for profile `{profile}`");
    if let Some(instead) = instead {
        text.push_str(&format!(": {instead}"));
    }
    text.push_str(&format!(" (looked in {})", looked_in.join(", ")));
    text
}

/// Why a profile cannot be resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    #[error("no profile `{name}` in {}", join_files(files))]
    NoSuchProfile {
        /// The name that was asked for.
        name: String,
        /// Names that may have been meant.
        near: Vec<String>,
        others: Vec<String>,
        /// The files that were read.
        files: Vec<std::path::PathBuf>,
    },
    /// A section was meant to be the profile, but its header is no profile's.
    #[error("section [{}] is not a profile to the AWS SDKs ({})", section.header, section.origin)]
    Ignored {
        /// The name that was asked for.
        name: String,
        section: Ignored,
    },
    /// A line of the profile, or of something that it refers to, leaves its settings in doubt.
    #[error(transparent)]
    BadLine(#[from] BadLine),
    /// `source_profile` names a profile that is not there.
    #[error(
        "profile `{profile}` has `source_profile = {source_profile}`, and there is no such profile ({origin})"
    )]
    NoSuchSource {
        /// The profile that refers to it.
        profile: String,
        /// The name that it has.
        source_profile: String,
        /// Names that may have been meant.
        near: Vec<String>,
        /// The line that refers to it.
        origin: Origin,
    },
    /// A role without anything to assume it with.
    #[error("profile `{profile}` has a `role_arn` but no `source_profile` ({origin})")]
    NoSource {
        profile: String,
        /// The line of `role_arn`.
        origin: Origin,
    },
    #[error("source profiles go in a circle: {}", cycle.join(" → "))]
    Cycle {
        /// The profiles; the first is the last.
        cycle: Vec<String>,
    },
}

fn join_files(files: &[std::path::PathBuf]) -> String {
    let files: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    files.join(" or ")
}
