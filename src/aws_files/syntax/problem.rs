//! What can be wrong with a line.

/// An invalid line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
    /// Whether the line makes its section unreliable, because botocore rejects the file. Otherwise, botocore reads the
    /// line as we do, but other SDKs do not.
    pub fatal: bool,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// botocore and the Rust SDK reject the whole file; JavaScript reads it.
    #[error("the file starts with a UTF-8 byte order mark, which the AWS CLI cannot read")]
    ByteOrderMark,
    /// What PowerShell's `>` writes. No SDK reads it.
    #[error("the file is UTF-16, which no AWS SDK can read")]
    Utf16,
    /// Some SDKs fail; others treat the file as empty.
    #[error("not UTF-8")]
    NotUtf8,
    /// Not a text file, or a damaged one.
    #[error("a NUL byte; is this a text file?")]
    NulByte,
    /// Line endings of old Macs, which only botocore accepts.
    #[error("a carriage return that does not end a line")]
    LoneCarriageReturn,
    /// U+001C to U+001F, which Python strips like spaces and other languages do not.
    #[error("an invisible control character, which some SDKs treat as a space")]
    Separator,
    /// Only spaces and tabs indent a line in every SDK.
    #[error("a line that is indented with something other than spaces and tabs")]
    OddIndentation,
    /// `[dev`, or something other than a comment after the bracket.
    #[error("a section header that does not end with `]`")]
    OpenHeader,
    /// JavaScript starts a section; other SDKs continue the setting above.
    #[error("an indented section header, which some SDKs read as part of the setting above")]
    IndentedHeader,
    /// JavaScript reads a setting; other SDKs continue the one above.
    #[error("an indented setting, which some SDKs read as part of the value above")]
    IndentedSetting,
    #[error("a setting outside of any [section]")]
    OutsideSection,
    /// An indented line without a setting above it.
    #[error("an indented line without a setting above it")]
    StrayContinuation,
    #[error("no `=` between key and value")]
    NoEquals,
    #[error("`:` where `=` is needed (the AWS CLI accepts `:`, most SDKs do not)")]
    Colon,
    #[error("a value without a key")]
    NoKey,
    /// A line of a nested block without `=`.
    #[error("no `=` between key and value in a nested setting")]
    NestedNoEquals,
    /// A line of a nested block without a key.
    #[error("a nested value without a key")]
    NestedNoKey,
}
