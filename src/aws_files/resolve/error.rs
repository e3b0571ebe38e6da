//! Why a profile cannot be resolved, or has no long-term keys.

use super::super::Origin;
use super::super::profiles::{BadLine, Ignored, IncompleteKeys};

/// Why there are no long-term keys in the files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    #[error("{}", no_keys(profile, looked_in, instead.as_ref()))]
    NoLongTermKeys {
        profile: String,
        /// Where keys were expected: section names and settings.
        looked_in: Vec<String>,
        /// What the profile has instead.
        instead: Option<Instead>,
    },
    /// One half of the access key is missing.
    #[error(transparent)]
    Incomplete(#[from] IncompleteKeys),
}

/// What a profile has instead of long-term keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Instead {
    #[error("it signs in through IAM Identity Center (SSO)")]
    Sso,
    #[error("it signs in through `aws login`")]
    LoginSession,
    #[error("it uses a web identity token")]
    WebIdentity,
    /// Credentials of the environment, the container or the machine.
    #[error("it gets its credentials from `credential_source = {0}`")]
    CredentialSource(String),
    #[error("it holds a session but no long-term keys")]
    SessionOnly,
    #[error("its `credential_process` is awsmfa itself")]
    Ourselves,
    #[error("its `credential_process` gets the session of profile `{0}` from awsmfa")]
    Served(String),
    /// Its keys are in a section that the SDKs do not read as this profile.
    #[error("the AWS SDKs do not read section [{}] as a profile ({})", .0.header, .0.origin)]
    Misnamed(Ignored),
}

fn no_keys(profile: &str, looked_in: &[String], instead: Option<&Instead>) -> String {
    let mut text = format!("no long-term keys for profile `{profile}`");
    if let Some(instead) = instead {
        text.push_str(&format!(": {instead}"));
    }
    if !matches!(instead, Some(Instead::Misnamed(_))) {
        text.push_str(&format!(" (looked in {})", looked_in.join(", ")));
    }
    text
}

/// Why a profile cannot be resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    #[error("no profile `{name}` in {}", join_files(files))]
    NoSuchProfile {
        /// The requested name.
        name: String,
        /// Similar names.
        near: Vec<String>,
        others: Vec<String>,
        /// The files that were read.
        files: Vec<std::path::PathBuf>,
    },
    /// There is a section for the profile, but the SDKs do not recognize its header.
    #[error("the AWS SDKs do not read section [{}] as a profile ({})", section.header, section.origin)]
    Ignored {
        /// The requested name.
        name: String,
        section: Ignored,
    },
    /// A line makes the profile, or something that it refers to, unreliable.
    #[error(transparent)]
    BadLine(#[from] BadLine),
    /// `source_profile` names a profile that does not exist.
    #[error("profile `{profile}` has `source_profile = {source_profile}`, which does not exist ({origin})")]
    NoSuchSource {
        /// The profile with the setting.
        profile: String,
        /// The missing profile.
        source_profile: String,
        /// Similar names.
        near: Vec<String>,
        /// The line of `source_profile`.
        origin: Origin,
    },
    /// A role without source credentials.
    #[error("profile `{profile}` has a `role_arn` but no `source_profile` ({origin})")]
    NoSource {
        profile: String,
        /// The line of `role_arn`.
        origin: Origin,
    },
    /// A role with two sources of credentials, which no SDK accepts.
    #[error("profile `{profile}` has both `source_profile` and `credential_source` ({origin})")]
    TwoSources {
        profile: String,
        /// The line of `credential_source`.
        origin: Origin,
    },
    #[error("circular `source_profile`: {}", cycle.join(" → "))]
    Cycle {
        /// The profiles; the first and the last are the same.
        cycle: Vec<String>,
    },
}

fn join_files(files: &[std::path::PathBuf]) -> String {
    let files: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    files.join(" or ")
}
