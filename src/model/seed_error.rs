//! Why a text is not a seed.

/// Why a text is not a seed of an AWS virtual MFA device. No variant carries any of the text: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeedError {
    #[error("there is no secret key in the input")]
    Missing,
    /// A character that Base32 does not have.
    #[error("the secret key is not Base32 (letters A to Z and digits 2 to 7)")]
    NotBase32,
    #[error("that is a six-digit code, not the secret key that codes are generated from")]
    Code,
    /// Words beside the secret key, all of whose letters could belong to it.
    #[error("the text cannot be read as a secret key alone")]
    NotAlone,
    /// A number of characters that no secret key has, or bits left over at its end.
    #[error("the secret key is cut short or mistyped: it has {0} characters, and AWS's have 64")]
    Mistyped(usize),
    /// Under RFC 4226's 128 bits: part of it is missing.
    #[error("the secret key is too short: {0} bits, where AWS uses 320 and RFC 4226 requires 128")]
    TooShort(usize),
    /// Not an `otpauth://` URI that can be read.
    #[error("this is not an otpauth:// URI: {0}")]
    NotOtpauth(&'static str),
    #[error("this is an export of Google Authenticator, which holds a list of accounts")]
    Export,
    #[error("this otpauth URI is of type `hotp`; AWS devices are of type `totp`")]
    Hotp,
    /// A parameter that AWS devices do not have.
    #[error("this otpauth URI asks for {0}; AWS devices use SHA1, 6 digits and a period of 30 seconds")]
    Foreign(String),
}
