//! What the command line asks a setup to do.

/// What the command line asks for.
#[derive(Debug, Clone, Default)]
pub struct SetupRequest {
    /// The profiles; empty for the environment's.
    pub profiles: Vec<String>,
    pub mode: Mode,
    /// Then move the long-term keys into a store.
    pub store_keys: bool,
    /// Change the files without asking.
    pub yes: bool,
    /// Only show the change.
    pub dry_run: bool,
}

/// How tools get the sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// They run awsmfa.
    #[default]
    CredentialProcess,
    /// They read the session that `login` writes.
    Login,
}
