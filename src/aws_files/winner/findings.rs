//! Reasons why SDKs do not get awsmfa's session: findings, their messages, and the command that helps.

use std::fmt;

use crate::model::command_line;

use super::super::profiles::Profiles;
use super::super::session_edits::FOREIGN_MARKERS;
use super::super::{AwsFile, Origin, long_term_name};
use super::{Choice, Elsewhere, Failure, Sdk, Serial, Used, Variables, used};

/// What awsmfa claims about a profile's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim<'a> {
    /// It is in this section of the credentials file.
    Written(&'a str),
    /// It will be in this section after the next login.
    Planned(&'a str),
    /// The `credential_process` of profile `at` gets the session of `profile` from awsmfa.
    Served {
        /// The profile that the SDKs use.
        at: &'a str,
        /// The profile whose session it is.
        profile: &'a str,
    },
}

impl<'a> Claim<'a> {
    /// The profile that the SDKs use.
    pub fn at(self) -> &'a str {
        match self {
            Self::Written(at) | Self::Planned(at) | Self::Served { at, .. } => at,
        }
    }
}

/// A reason why some SDKs do not get the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The profile that they use.
    pub profile: String,
    /// The SDKs that do not get the session.
    pub sdks: Vec<Sdk>,
    pub cause: Cause,
}

/// Why an SDK does not use the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    Environment(FromEnvironment),
    /// The profile contains an access key or a session that is not renewed.
    Keys {
        kind: AwsFile,
        /// Whether it is a session, and if so, whether another tool wrote it.
        session: Option<Marked>,
        /// Whether the long-term section does not exist.
        free: bool,
        /// Whether the profile's own `credential_process` serves the session, so that `setup` puts the keys aside.
        served: bool,
        origin: Origin,
    },
    /// The profile has a role, which the SDK tries to assume itself.
    Role(Command),
    /// The command does not name a profile.
    NoProfileNamed(Command),
    /// A role profile has an `mfa_serial`.
    AsksForCode(Serial),
    /// The profile signs in another way.
    Elsewhere(Elsewhere, Origin),
    /// Something else, which only the SDK's own error message explains.
    Other,
}

/// A `credential_process` that runs awsmfa.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The first word: awsmfa's path.
    pub program: String,
    pub origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromEnvironment {
    Keys,
    /// An access key ID without the secret.
    HalfKey,
    /// A role with a web identity token.
    WebIdentity,
}

/// Whether another tool wrote the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked(pub bool);

/// The reasons why SDKs do not get the session that is claimed for `profile`, most general first.
pub fn findings(profiles: &Profiles, variables: &Variables, profile: &str, claim: Claim<'_>) -> Vec<Finding> {
    let name = claim.at();
    let mut found = Vec::new();
    let mut add = |profile: &str, sdk: Sdk, cause: Cause| match found
        .iter_mut()
        .find(|f: &&mut Finding| f.cause == cause && f.profile == profile)
    {
        Some(finding) => finding.sdks.push(sdk),
        None => found.push(Finding { profile: profile.to_owned(), sdks: vec![sdk], cause }),
    };
    for sdk in Sdk::ALL {
        let what = match used(profiles, variables, sdk, Choice::Ambient, name) {
            Used::Environment if variables.key_id => FromEnvironment::Keys,
            Used::Environment => FromEnvironment::WebIdentity,
            Used::Nothing(Failure::HalfKey) if variables.half_key() => FromEnvironment::HalfKey,
            _ => continue,
        };
        add(name, sdk, Cause::Environment(what));
    }
    for sdk in Sdk::ALL {
        let files = used(profiles, &Variables::default(), sdk, Choice::Explicit, name);
        if !holds(profiles, &files, claim) {
            add(name, sdk, cause(profiles, claim, &files));
        }
    }
    // A role's session is in another profile, so people still use the role profile.
    if profile != name {
        for sdk in Sdk::ALL {
            match used(profiles, &Variables::default(), sdk, Choice::Explicit, profile) {
                Used::Role { prompts: Some(serial), .. } | Used::Nothing(Failure::NeedsCode(serial)) => {
                    add(profile, sdk, Cause::AsksForCode(serial));
                }
                _ => {}
            }
        }
    }
    found
}

fn holds(profiles: &Profiles, used: &Used, claim: Claim<'_>) -> bool {
    match (claim, used) {
        (Claim::Written(section), Used::Keys { profile, session: true, origin }) => {
            let written =
                profiles.get(section).and_then(|p| p.keys_of_file(AwsFile::Credentials).ok().flatten());
            profile == section && written.is_some_and(|keys| keys.origin == *origin)
        }
        // The login replaces these keys.
        (Claim::Planned(section), Used::Keys { profile, .. }) => profile == section,
        (Claim::Planned(section), Used::Nothing(Failure::NoProfile(name))) => name == section,
        (Claim::Planned(_), Used::Nothing(Failure::NoCredentials)) => true,
        (Claim::Served { profile, .. }, Used::Awsmfa { serves: Some(served), .. }) => served == profile,
        (Claim::Served { at, profile }, Used::Awsmfa { serves: None, .. }) => {
            at == profile && profile == "default"
        }
        _ => false,
    }
}

fn cause(profiles: &Profiles, claim: Claim<'_>, used: &Used) -> Cause {
    let name = claim.at();
    let profile = profiles.get(name);
    let has = |key: &str| profile.is_some_and(|profile| profile.get(key).is_some());
    let own = profile.and_then(|profile| {
        let command = profile.value("credential_process")?;
        let words = command_line::words(command.text())?;
        Some(Command { program: words.into_iter().next()?, origin: command.origin.clone() })
    });
    match used {
        Used::Keys { session, origin, .. } => {
            let credentials = profiles.files().get(1);
            let kind = match credentials == Some(&*origin.path) {
                true => AwsFile::Credentials,
                false => AwsFile::Config,
            };
            let session = session.then(|| Marked(FOREIGN_MARKERS.iter().any(|marker| has(marker))));
            let free = profiles.get(&long_term_name(name)).is_none();
            let served = matches!(claim, Claim::Served { at, profile } if at == profile);
            Cause::Keys { kind, session, free, served, origin: origin.clone() }
        }
        Used::Awsmfa { serves: None, .. } => own.map_or(Cause::Other, Cause::NoProfileNamed),
        Used::Elsewhere(what, origin) => Cause::Elsewhere(*what, origin.clone()),
        _ if has("role_arn") && matches!(claim, Claim::Served { .. }) => {
            own.map_or(Cause::Other, Cause::Role)
        }
        _ => Cause::Other,
    }
}

impl Finding {
    /// Which SDKs do not get the session, and why, in one line.
    pub fn message(&self) -> String {
        let (name, who) = (&self.profile, list(&self.sdks));
        let does = |several: &'static str, one: &'static str| if is_one(&self.sdks) { one } else { several };
        match &self.cause {
            Cause::Environment(what) => {
                let (variable, does) = match what {
                    FromEnvironment::Keys => ("AWS_ACCESS_KEY_ID", "use it instead of"),
                    FromEnvironment::HalfKey => ("only AWS_ACCESS_KEY_ID", "fail instead of using"),
                    FromEnvironment::WebIdentity => ("AWS_WEB_IDENTITY_TOKEN_FILE", "use it instead of"),
                };
                format!("{variable} is set in the environment; without `--profile`, {who} {does} `{name}`")
            }
            Cause::Keys { session, origin, .. } => {
                let what = if session.is_some() { "old session" } else { "access key" };
                let uses = does("use", "uses");
                format!("{who} {uses} the {what} of profile `{name}` ({origin}) instead of awsmfa's session")
            }
            Cause::Role(_) => {
                format!("profile `{name}` has a `role_arn`, so its `credential_process` is ignored by {who}")
            }
            Cause::NoProfileNamed(_) => format!(
                "`credential_process` of profile `{name}` does not specify a profile, so it serves the one in AWS_PROFILE, or `default`"
            ),
            Cause::AsksForCode(serial) => format!(
                "`mfa_serial` in role profile `{}` ({}) makes the AWS CLI prompt for a code; Terraform and the JavaScript SDK fail",
                serial.profile, serial.origin
            ),
            Cause::Elsewhere(what, origin) => {
                let sign_in = does("sign in", "signs in");
                format!(
                    "{who} {sign_in} to profile `{name}` through {what} ({origin}) instead of using awsmfa's session"
                )
            }
            Cause::Other => format!("{who} cannot use awsmfa's session in profile `{name}`"),
        }
    }
}

/// Whether the SDKs have a single name. (Python's is `the AWS CLI and boto3`.)
fn is_one(sdks: &[Sdk]) -> bool {
    matches!(sdks, [one] if one.names().len() == 1)
}

/// `the AWS CLI, boto3 and Terraform`.
fn list(sdks: &[Sdk]) -> String {
    if sdks.len() == Sdk::ALL.len() {
        return "the AWS CLI and all SDKs".to_owned();
    }
    let names: Vec<&str> = sdks.iter().flat_map(|sdk| sdk.names()).copied().collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}

impl Sdk {
    /// The names of the programs that use it.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Botocore => &["the AWS CLI", "boto3"],
            Self::JavaScript => &["the JavaScript SDK"],
            Self::Go => &["Terraform"],
            Self::Rust => &["the Rust SDK"],
            Self::Java => &["the Java SDK"],
        }
    }
}

impl fmt::Display for Sdk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&list(&[*self]))
    }
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sso => "SSO",
            Self::Login => "`aws login`",
            Self::WebIdentity => "a web identity token",
            Self::CredentialSource => "`credential_source`",
        })
    }
}

impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("the credentials in the environment"),
            Self::Keys { profile, session, origin } => {
                let what = if *session { "session" } else { "access key" };
                write!(f, "the {what} of `{profile}` ({origin})")
            }
            Self::Awsmfa { serves: Some(name), .. } => write!(f, "awsmfa's session for `{name}`"),
            Self::Awsmfa { serves: None, .. } => {
                f.write_str("awsmfa's session (the command names no profile)")
            }
            Self::Process { origin } => write!(f, "another program ({origin})"),
            Self::Role { source, prompts: None } => write!(f, "a role, assumed with {source}"),
            Self::Role { source, prompts: Some(serial) } => {
                write!(f, "a role, assumed with {source} and a prompted code ({})", serial.origin)
            }
            Self::Elsewhere(what, origin) => write!(f, "{what} ({origin})"),
            Self::Nothing(failure) => write!(f, "nothing: {failure}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProfile(name) => write!(f, "profile `{name}` does not exist or refers to itself"),
            Self::NoCredentials => f.write_str("the profile has no credentials"),
            Self::HalfKey => f.write_str("half of an access key is missing"),
            Self::RoleWithoutSource => f.write_str("`role_arn` without `source_profile`"),
            Self::TwoWays => f.write_str("two ways to sign in cannot be combined"),
            Self::NeedsCode(serial) => write!(f, "`mfa_serial` needs a code ({})", serial.origin),
        }
    }
}
