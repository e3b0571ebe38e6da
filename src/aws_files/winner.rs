//! Which credentials each SDK uses for a profile, and so which SDKs get awsmfa's session. The orders come from the
//! SDKs' source code (botocore 1.43, JavaScript v3, Go v2, aws-config 1.13, Java v2); `tests/real/winner.py` compares
//! them with the real clients. Pure: the input is the profiles and the names of the variables that are set.

mod findings;

pub use findings::{Cause, Claim, Command, Finding, FromEnvironment, Marked, findings};

use crate::model::session::is_long_term_id;

use super::own_command::served_profile;
use super::profiles::{Profile, Profiles, Value};
use super::{AwsFile, Origin};

/// A group of SDKs that choose credentials in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sdk {
    /// The AWS CLI, boto3 and everything else based on botocore.
    Botocore,
    /// The AWS SDK for JavaScript v3.
    JavaScript,
    /// The AWS SDK for Go v2, which Terraform uses.
    Go,
    /// The AWS SDK for Rust.
    Rust,
    /// The AWS SDK for Java v2.
    Java,
}

impl Sdk {
    pub const ALL: [Self; 5] = [Self::Botocore, Self::JavaScript, Self::Go, Self::Rust, Self::Java];
}

/// How a program chooses its profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// With a flag such as `--profile dev`, or in its code.
    Explicit,
    /// With `AWS_PROFILE`, or because it is `default`.
    Ambient,
}

/// Which credential variables are set.
#[derive(Debug, Clone, Copy, Default)]
pub struct Variables {
    profile: bool,
    key_id: bool,
    secret: bool,
    web_identity: bool,
}

impl Variables {
    pub fn read<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Self {
        let is_set = |name| get(name).is_some();
        Self {
            profile: is_set("AWS_PROFILE"),
            key_id: is_set("AWS_ACCESS_KEY_ID"),
            secret: is_set("AWS_SECRET_ACCESS_KEY"),
            web_identity: is_set("AWS_WEB_IDENTITY_TOKEN_FILE") && is_set("AWS_ROLE_ARN"),
        }
    }

    fn half_key(self) -> bool {
        self.key_id && !self.secret
    }
}

/// The credentials that an SDK uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Used {
    Environment,
    /// Keys in a file.
    Keys {
        profile: String,
        /// Whether there is a session token, too.
        session: bool,
        /// The origin of the access key ID.
        origin: Origin,
    },
    /// awsmfa's session, through `credential_process`.
    Awsmfa {
        /// The profile with the command.
        profile: String,
        /// The profile that the command names, if any.
        serves: Option<String>,
    },
    Process {
        /// The line with the command.
        origin: Origin,
    },
    /// A role that the SDK assumes.
    Role {
        /// The source credentials.
        source: Box<Used>,
        /// The `mfa_serial` for which the SDK prompts for a code.
        prompts: Option<Serial>,
    },
    /// Another way to sign in.
    Elsewhere(Elsewhere, Origin),
    Nothing(Failure),
}

/// The `mfa_serial` of a role profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serial {
    pub profile: String,
    pub origin: Origin,
}

/// Other ways to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// IAM Identity Center.
    Sso,
    /// `aws login`.
    Login,
    /// A web identity token.
    WebIdentity,
    /// The environment, the container or the machine: `credential_source`.
    CredentialSource,
}

/// Why an SDK has no credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The profile, or one that it refers to, does not exist or is circular.
    NoProfile(String),
    /// The profile has no credentials.
    NoCredentials,
    /// One half of an access key is missing.
    HalfKey,
    /// A role without source credentials.
    RoleWithoutSource,
    /// Two ways to sign in that cannot be combined.
    TwoWays,
    /// The role's `mfa_serial` requires a code, and the SDK cannot prompt for one.
    NeedsCode(Serial),
}

/// The credentials that an SDK uses for a profile.
pub fn used(profiles: &Profiles, variables: &Variables, sdk: Sdk, choice: Choice, name: &str) -> Used {
    let web_identity = sdk == Sdk::Botocore && choice == Choice::Ambient && variables.web_identity;
    let view = View { profiles, sdk, web_identity };
    from_environment(variables, sdk, choice).unwrap_or_else(|| view.profile(name, &mut Vec::new()))
}

fn from_environment(variables: &Variables, sdk: Sdk, choice: Choice) -> Option<Used> {
    let keys = variables.key_id && variables.secret;
    match (sdk, choice) {
        // Its provider chain starts with the environment, even if a profile is specified.
        (Sdk::Rust, _) => keys.then_some(Used::Environment),
        (_, Choice::Explicit) => None,
        (Sdk::Botocore, _) if variables.half_key() => Some(Used::Nothing(Failure::HalfKey)),
        (Sdk::JavaScript, _) if variables.profile => None,
        (Sdk::Go | Sdk::Java, _) if variables.web_identity => Some(Used::Environment),
        _ => keys.then_some(Used::Environment),
    }
}

/// A place where an SDK looks for credentials.
#[derive(Clone, Copy)]
enum Provider {
    WebIdentity,
    Sso,
    Login,
    Process,
    /// Keys of the credentials file, read as a pair.
    CredentialsKeys,
    /// Keys of the config file, read as a pair.
    ConfigKeys,
    /// Keys of both files, merged.
    MergedKeys,
    CredentialSource,
}

/// The places for a profile without a role, in the SDK's order.
fn places(sdk: Sdk) -> &'static [Provider] {
    use Provider::{
        ConfigKeys, CredentialSource, CredentialsKeys, Login, MergedKeys, Process, Sso, WebIdentity,
    };
    match sdk {
        Sdk::Botocore => &[WebIdentity, Sso, CredentialsKeys, Login, Process, ConfigKeys],
        Sdk::JavaScript => &[MergedKeys, WebIdentity, Process, Sso, Login],
        Sdk::Go => &[MergedKeys, CredentialSource, WebIdentity, Sso, Login, Process],
        Sdk::Rust => &[CredentialSource, WebIdentity, Sso, Login, Process, MergedKeys],
        Sdk::Java => &[WebIdentity, Sso, Login, Process, MergedKeys],
    }
}

/// The profiles from one SDK's point of view.
struct View<'a> {
    profiles: &'a Profiles,
    sdk: Sdk,
    /// Whether a web identity token in the environment counts. It comes after a role and before everything else.
    web_identity: bool,
}

impl View<'_> {
    fn profile(&self, name: &str, seen: &mut Vec<String>) -> Used {
        let Some(profile) = self.profiles.get(name).filter(|_| !seen.iter().any(|s| s == name)) else {
            return Used::Nothing(Failure::NoProfile(name.to_owned()));
        };
        let is_source = !seen.is_empty();
        seen.push(name.to_owned());
        if is_source && let Some(keys) = self.keys_of_source(profile) {
            return keys;
        }
        let has_role = profile.get("role_arn").is_some() && profile.get("web_identity_token_file").is_none();
        if !has_role || (self.sdk == Sdk::Java && has_sso(profile)) {
            return self.base(profile);
        }
        match (profile.get("source_profile"), profile.value("credential_source")) {
            (Some(_), Some(_)) => Used::Nothing(Failure::TwoWays),
            (Some(source), None) => {
                if self.sdk == Sdk::Go && profile.get("credential_process").is_some() {
                    return Used::Nothing(Failure::TwoWays);
                }
                let source = if source == name { self.itself(profile) } else { self.profile(source, seen) };
                self.role(profile, source)
            }
            (None, Some(value)) => {
                self.role(profile, Used::Elsewhere(Elsewhere::CredentialSource, value.origin.clone()))
            }
            (None, None) => match self.sdk {
                Sdk::Botocore | Sdk::Rust => Used::Nothing(Failure::RoleWithoutSource),
                Sdk::Go => self.role(profile, self.base(profile)),
                Sdk::JavaScript | Sdk::Java => self.base(profile),
            },
        }
    }

    /// The keys of a source profile that also has a role: in most SDKs, the keys win.
    fn keys_of_source(&self, profile: &Profile) -> Option<Used> {
        let keys = self.keys(profile, Provider::MergedKeys)?;
        match (self.sdk, &keys) {
            (Sdk::Java, _) => None,
            (Sdk::Botocore, _) => Some(self.base(profile)),
            (_, Used::Keys { .. }) => Some(keys),
            _ => None,
        }
    }

    /// The source credentials of a profile that is its own source.
    fn itself(&self, profile: &Profile) -> Used {
        let has_keys = self.keys(profile, Provider::MergedKeys).is_some();
        match self.sdk {
            Sdk::Go | Sdk::Rust => self.base(profile),
            Sdk::Botocore | Sdk::JavaScript if has_keys => self.base(profile),
            _ => Used::Nothing(Failure::NoProfile(profile.name().to_owned())),
        }
    }

    fn role(&self, profile: &Profile, source: Used) -> Used {
        if let Used::Nothing(_) = source {
            return source;
        }
        let own = profile
            .value("mfa_serial")
            .map(|value| Serial { profile: profile.name().to_owned(), origin: value.origin.clone() });
        match (self.sdk, own) {
            (Sdk::JavaScript | Sdk::Go, Some(serial)) => Used::Nothing(Failure::NeedsCode(serial)),
            (Sdk::Botocore, own) => {
                let below = match &source {
                    Used::Role { prompts, .. } => prompts.clone(),
                    _ => None,
                };
                Used::Role { source: Box::new(source), prompts: own.or(below) }
            }
            // The Rust and Java SDKs ignore `mfa_serial`.
            _ => Used::Role { source: Box::new(source), prompts: None },
        }
    }

    fn base(&self, profile: &Profile) -> Used {
        let mut found = places(self.sdk).iter().filter_map(|place| self.look(profile, *place));
        found.next().unwrap_or(Used::Nothing(Failure::NoCredentials))
    }

    fn look(&self, profile: &Profile, place: Provider) -> Option<Used> {
        let elsewhere = |what, value: &Value| Used::Elsewhere(what, value.origin.clone());
        match place {
            Provider::WebIdentity if self.web_identity => Some(Used::Environment),
            Provider::WebIdentity => {
                let token = profile.value("web_identity_token_file")?;
                Some(elsewhere(Elsewhere::WebIdentity, token))
            }
            Provider::Sso => Some(elsewhere(Elsewhere::Sso, self.sso(profile)?)),
            Provider::Login => Some(elsewhere(Elsewhere::Login, profile.value("login_session")?)),
            Provider::CredentialSource => {
                Some(elsewhere(Elsewhere::CredentialSource, profile.value("credential_source")?))
            }
            Provider::Process => {
                let command = profile.value("credential_process")?;
                Some(match served_profile(command.text()) {
                    Some(serves) => Used::Awsmfa { profile: profile.name().to_owned(), serves },
                    None => Used::Process { origin: command.origin.clone() },
                })
            }
            Provider::CredentialsKeys | Provider::ConfigKeys | Provider::MergedKeys => {
                self.keys(profile, place)
            }
        }
    }

    /// botocore checks for a role or an account; other SDKs check for any SSO setting.
    fn sso<'p>(&self, profile: &'p Profile) -> Option<&'p Value> {
        let keys: &[&str] = if self.sdk == Sdk::Botocore { &SSO[..2] } else { &SSO };
        keys.iter().find_map(|key| profile.value(key))
    }

    fn keys(&self, profile: &Profile, place: Provider) -> Option<Used> {
        let found = |session, origin: &Origin| {
            Some(Used::Keys { profile: profile.name().to_owned(), session, origin: origin.clone() })
        };
        let kind = match place {
            Provider::CredentialsKeys => AwsFile::Credentials,
            Provider::ConfigKeys => AwsFile::Config,
            _ => {
                let (id, secret) = (profile.value("aws_access_key_id"), profile.get("aws_secret_access_key"));
                return match (id, secret, self.sdk) {
                    (Some(id), Some(_), _) => {
                        // A token next to a long-term key is a leftover, although the SDK uses it.
                        let token = profile.get("aws_session_token").is_some();
                        found(token && !is_long_term_id(id.text()), &id.origin)
                    }
                    (None, None, _) | (_, _, Sdk::JavaScript | Sdk::Go) => None,
                    _ => Some(Used::Nothing(Failure::HalfKey)),
                };
            }
        };
        match profile.keys_of_file(kind) {
            Ok(keys) => keys.and_then(|keys| found(keys.session_token.is_some(), &keys.origin)),
            Err(half) if half.missing == "aws_access_key_id" => None,
            Err(_) => Some(Used::Nothing(Failure::HalfKey)),
        }
    }
}

const SSO: [&str; 5] = ["sso_role_name", "sso_account_id", "sso_session", "sso_start_url", "sso_region"];

fn has_sso(profile: &Profile) -> bool {
    SSO.iter().any(|key| profile.get(key).is_some())
}

#[cfg(test)]
mod tests;
