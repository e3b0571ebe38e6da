//! Which of the two AWS files is meant.

/// One of the two files. They name profiles differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsFile {
    /// `~/.aws/config`: `[profile dev]`, `[default]`, `[sso-session x]`, `[services x]`.
    Config,
    /// `~/.aws/credentials`: `[dev]`.
    Credentials,
}
