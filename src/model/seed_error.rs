//! The error for a text that is not a seed.

/// Why a text is not the seed of an AWS virtual MFA device. No variant contains the text: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SeedError {
    #[error("there is no secret key in the input")]
    Missing,
    #[error("the secret key is not Base32 (letters A to Z and digits 2 to 7)")]
    NotBase32,
    #[error("this is a six-digit code, not the device's secret key")]
    Code,
    /// There are words next to the secret key that could be part of it.
    #[error("the text contains more than a secret key")]
    NotAlone,
    /// An impossible number of characters, or leftover bits at the end.
    #[error("the secret key is truncated or mistyped: it has {0} characters, AWS's have 64")]
    Mistyped(usize),
    /// Below RFC 4226's minimum of 128 bits: part of the key is missing.
    #[error("the secret key is too short: {0} bits; AWS uses 320, and RFC 4226 requires 128")]
    TooShort(usize),
    #[error("this is not an otpauth:// URI: {0}")]
    NotOtpauth(&'static str),
    #[error("this is a Google Authenticator export, which contains a list of accounts")]
    Export,
    #[error("this account is of type `hotp`; AWS devices are of type `totp`")]
    Hotp,
    /// A parameter with a value that AWS devices do not use.
    #[error("this account specifies {0}; AWS devices use SHA1, 6 digits and a period of 30 seconds")]
    Foreign(String),
}
