//! One file a command: its arguments and `run`. Thin: resolve, call a use case, render.

pub mod backup;
pub mod code;
pub mod completions;
pub mod credential_process;
pub mod device;
pub mod enroll;
mod findings;
pub mod login;
pub mod logout;
pub mod policy;

/// The profile that a command works on.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ProfileArg {
    /// The profile [default: `AWS_PROFILE`, then `default`]
    #[arg(short, long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new(), add = clap_complete::ArgValueCandidates::new(completions::profile_names))]
    pub profile: Option<String>,
}

/// The same for commands where the profile is all that is named: `awsmfa login dev`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct OnlyProfileArgs {
    #[command(flatten)]
    flag: ProfileArg,
    /// The profile, without the flag
    #[arg(id = "name", value_name = "PROFILE", conflicts_with = "profile", value_parser = clap::builder::NonEmptyStringValueParser::new(), add = clap_complete::ArgValueCandidates::new(completions::profile_names))]
    name: Option<String>,
}

impl OnlyProfileArgs {
    /// The profile that was named.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref().or(self.flag.profile.as_deref())
    }
}
