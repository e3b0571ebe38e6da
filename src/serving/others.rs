//! Credentials that SDKs find before they ask the server.

use crate::aws_files::profiles::Profiles;
use crate::aws_files::winner::{self, Choice, Failure, Sdk, Used, Variables};

/// The profile of a program that chooses none.
pub const DEFAULT: &str = "default";

/// Whether some SDK uses the profile `default` instead of a server for `served`. A server is what the SDKs ask last.
pub fn hide_the_server(profiles: &Profiles, served: &str) -> bool {
    Sdk::ALL.iter().any(|sdk| {
        match winner::used(profiles, &Variables::default(), *sdk, Choice::Ambient, DEFAULT) {
            Used::Nothing(Failure::NoProfile(name)) if name == DEFAULT => false,
            Used::Nothing(Failure::NoCredentials) => false,
            // The same session, renewed in another way.
            Used::Awsmfa { serves, .. } => serves.as_deref().unwrap_or(DEFAULT) != served,
            _ => true,
        }
    })
}
