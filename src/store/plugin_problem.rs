//! What can go wrong with the age plugin that has the file store's key.

/// Why a plugin did not do what the file store needs. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PluginProblem {
    #[error("the file store needs `{program}`, which is not installed")]
    Missing { program: String },
    /// It crashed, or is not a plugin.
    #[error("the file store's key is not available: {why}")]
    Failed { program: String, why: String },
    #[error("the file store's key is not available: `{program}` timed out ({seconds} s)")]
    TimedOut { program: String, seconds: u64 },
    /// The plugin's own message, such as that its device is missing.
    #[error("the file store's key is not available: `{program}` says: {message}")]
    Refused { program: String, message: String },
    /// It asks for a PIN, and no one is there.
    #[error("the file store is locked: `{program}` asks for `{question}`: {why}")]
    NeedsPerson { program: String, question: String, why: String },
    /// A passphrase was to be changed.
    #[error("the file store has no passphrase: `{program}` opens it")]
    NoPassphrase { program: String },
}
