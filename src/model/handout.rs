//! Which variables give a program a profile's session: what is set, what is removed, and how it is taken back.
//!
//! A program in such an environment may run awsmfa again. To awsmfa, the variables that it set itself are not the user's: they
//! are recognized by [`AWSMFA_SESSION`] and taken back in memory ([`TakenBack`]), so that every command works as it does outside.

use super::secret::Secret;
use super::session::{Session, timestamp};

/// The profile whose session is in the environment, for prompts.
pub const AWSMFA_PROFILE: &str = "AWSMFA_PROFILE";

/// What identifies the credentials that awsmfa set: the access key ID, or the URL of its server. If the variable that holds
/// it has another value, somebody else has set other credentials since.
pub const AWSMFA_SESSION: &str = "AWSMFA_SESSION";

/// The region that awsmfa set. A region with another value was set by somebody else since.
pub const AWSMFA_REGION: &str = "AWSMFA_REGION";

/// The prefix of variables that hold what awsmfa replaced or removed, to restore it: `AWSMFA_OLD_AWS_PROFILE`.
const OLD: &str = "AWSMFA_OLD_";

const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SERVER_URL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
/// The keys' account, from which SDKs derive endpoints.
const ACCOUNT_ID: &str = "AWS_ACCOUNT_ID";
const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// What awsmfa sets for a session, and for a server.
const KEYS: [&str; 4] =
    [ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"];
const SERVER: [&str; 2] = [SERVER_URL, "AWS_CONTAINER_AUTHORIZATION_TOKEN"];

/// What holds credentials. Never saved under another name, where nobody would look for a secret.
const SECRETS: &[&str] = &[
    KEYS[0],
    KEYS[1],
    KEYS[2],
    KEYS[3],
    // botocore's old name of the session token.
    "AWS_SECURITY_TOKEN",
    // Old names of the keys, which Java and Go SDKs still read.
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    SERVER[1],
];

/// What chooses other credentials than those that are handed out, or belongs to them.
const CHOICES: &[&str] = &[
    // The JavaScript SDK ignores keys in the environment if a profile is set.
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    SERVER_URL,
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CREDENTIAL_FILE",
    ACCOUNT_ID,
    // Prompts show these, set by other tools, as the current profile and its expiration.
    "AWS_VAULT",
    "AWSUME_PROFILE",
    "AWSU_PROFILE",
    "AWS_SSO_PROFILE",
    "AWS_SESSION_EXPIRATION",
    "AWSUME_EXPIRATION",
];

/// How SDKs get the session.
#[derive(Debug, Clone, Copy)]
pub enum Credentials<'a> {
    /// From the environment.
    Session(&'a Session),
    /// From a server on this computer, as from a container's.
    Server {
        url: &'a str,
        /// Sent as `Authorization`.
        token: &'a Secret<String>,
    },
}

/// A profile's session for a program.
#[derive(Debug, Clone, Copy)]
pub struct Handout<'a> {
    pub profile: &'a str,
    pub credentials: Credentials<'a>,
    /// The region, if one is configured.
    pub region: Option<&'a str>,
}

/// A variable that is set or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub name: String,
    /// `None` removes the variable.
    pub value: Option<Secret<String>>,
}

impl Change {
    fn set(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: Some(value.into()) }
    }

    fn remove(name: &str) -> Self {
        Self { name: name.to_owned(), value: None }
    }

    /// Whether only awsmfa reads the variable.
    pub fn is_own(&self) -> bool {
        self.name.starts_with("AWSMFA_")
    }
}

/// The names of everything that is set, removed or saved.
fn touched() -> impl Iterator<Item = &'static str> {
    SECRETS.iter().chain(CHOICES).chain(&REGIONS).copied()
}

impl Handout<'_> {
    /// What to set, and then what to remove, in an environment with these variables. Whatever awsmfa handed out there before
    /// must be taken back first.
    pub fn changes<'a>(&self, get: impl Fn(&str) -> Option<&'a str>) -> Vec<Change> {
        let mut set = self.credentials();
        for name in REGIONS {
            set.extend(self.region.map(|region| Change::set(name, region)));
        }
        set.push(Change::set(AWSMFA_PROFILE, self.profile));
        set.push(Change::set(AWSMFA_SESSION, self.credentials.identity()));
        set.extend(self.region.map(|region| Change::set(AWSMFA_REGION, region)));
        let is_set = |name: &str, set: &[Change]| set.iter().any(|change| change.name == name);
        // A region that is not configured is not removed either.
        let changed: Vec<_> =
            touched().filter(|name| !REGIONS.contains(name) || is_set(name, &set)).collect();
        for name in changed.iter().filter(|name| !SECRETS.contains(name)) {
            // A line break could not be written for every shell, and no valid value has one.
            if let Some(value) = get(name).filter(|value| !value.contains(char::is_control)) {
                set.push(Change::set(&format!("{OLD}{name}"), value));
            }
        }
        let removed: Vec<_> =
            changed.into_iter().filter(|name| !is_set(name, &set)).map(Change::remove).collect();
        set.extend(removed);
        set
    }

    fn credentials(&self) -> Vec<Change> {
        match self.credentials {
            Credentials::Session(session) => {
                let expiration = timestamp(session.expiration);
                let (secret, token) = (session.secret_access_key.expose(), session.session_token.expose());
                let values = [&session.access_key_id, secret, token, &expiration];
                let mut set: Vec<_> =
                    KEYS.iter().zip(values).map(|(name, value)| Change::set(name, value)).collect();
                set.extend(session.account_id.as_deref().map(|id| Change::set(ACCOUNT_ID, id)));
                set
            }
            Credentials::Server { url, token } => {
                vec![Change::set(SERVER[0], url), Change::set(SERVER[1], token.expose())]
            }
        }
    }
}

impl<'a> Credentials<'a> {
    fn identity(self) -> &'a str {
        match self {
            Self::Session(session) => &session.access_key_id,
            Self::Server { url, .. } => url,
        }
    }
}

/// How an environment becomes what it was before awsmfa handed out a session in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// The profile whose session was handed out.
    pub profile: String,
    pub changes: Vec<Change>,
}

impl TakenBack {
    /// `None` if the credentials in the environment are not awsmfa's.
    pub fn of<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let identity = get(AWSMFA_SESSION)?;
        let handed_out: &[&str] = match () {
            () if get(ACCESS_KEY_ID) == Some(identity) => &KEYS,
            () if get(SERVER_URL) == Some(identity) => &SERVER,
            () => return None,
        };
        let profile = get(AWSMFA_PROFILE)?.to_owned();
        Some(Self { profile, changes: taken_back(get, handed_out) })
    }
}

/// What removes the rest of what awsmfa handed out from an environment where somebody else has set other credentials since.
/// Those stay. `None` if nothing is left.
pub fn remnants<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Option<Vec<Change>> {
    get(AWSMFA_SESSION)?;
    // A long-term key has no session token.
    let stale: &[&str] = match get(ACCESS_KEY_ID) {
        Some(id) if id.starts_with("AKIA") => &KEYS[2..],
        _ => &[],
    };
    Some(taken_back(get, stale))
}

/// `handed_out` are the variables whose values are awsmfa's.
fn taken_back<'a>(get: impl Fn(&str) -> Option<&'a str>, handed_out: &[&str]) -> Vec<Change> {
    let region = get(AWSMFA_REGION);
    let mut changes = Vec::new();
    for name in touched() {
        let (now, old) = (get(name), format!("{OLD}{name}"));
        let saved = get(&old);
        // What was removed and is set again is not awsmfa's.
        let is_own = match now {
            None => saved.is_some(),
            Some(_) if REGIONS.contains(&name) => now == region,
            Some(_) => handed_out.contains(&name) || name == ACCOUNT_ID,
        };
        if is_own {
            changes.push(Change { name: name.to_owned(), value: saved.map(Secret::from) });
        }
        changes.extend(saved.map(|_| Change::remove(&old)));
    }
    changes.extend([AWSMFA_PROFILE, AWSMFA_SESSION].map(Change::remove));
    changes.extend(region.map(|_| Change::remove(AWSMFA_REGION)));
    changes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Vars = BTreeMap<String, String>;

    fn vars(pairs: &[(&str, &str)]) -> Vars {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn apply(vars: &Vars, changes: &[Change]) -> Vars {
        let mut vars = vars.clone();
        for Change { name, value } in changes {
            match value {
                Some(value) => vars.insert(name.clone(), value.expose().clone()),
                None => vars.remove(name),
            };
        }
        vars
    }

    fn session() -> Session {
        let time = |text: &str| text.parse().unwrap();
        Session {
            access_key_id: "ASIA1".to_owned(),
            secret_access_key: "secret".into(),
            session_token: "token".into(),
            issued: time("2026-01-01T00:00:00Z"),
            expiration: time("2026-01-01T12:00:00Z"),
            account_id: Some("123456789012".to_owned()),
        }
    }

    fn hand_out(before: &Vars, credentials: Credentials, region: Option<&str>) -> Vars {
        let handout = Handout { profile: "dev", credentials, region };
        apply(before, &handout.changes(|name| before.get(name).map(String::as_str)))
    }

    fn take_back(vars: &Vars) -> Option<TakenBack> {
        TakenBack::of(|name| vars.get(name).map(String::as_str))
    }

    #[test]
    fn session_replaces_all_other_credentials() {
        let others = touched().filter(|name| !REGIONS.contains(name)).map(|name| (name, "x"));
        let before = vars(&others.chain([("PATH", "/bin"), ("AWS_CONFIG_FILE", "c")]).collect::<Vec<_>>());
        let mut after = hand_out(&before, Credentials::Session(&session()), Some("eu-central-1"));
        after.retain(|name, _| !name.starts_with(OLD));
        let expected = [
            ("AWSMFA_PROFILE", "dev"),
            ("AWSMFA_REGION", "eu-central-1"),
            ("AWSMFA_SESSION", "ASIA1"),
            ("AWS_ACCESS_KEY_ID", "ASIA1"),
            ("AWS_ACCOUNT_ID", "123456789012"),
            ("AWS_CONFIG_FILE", "c"),
            ("AWS_CREDENTIAL_EXPIRATION", "2026-01-01T12:00:00Z"),
            ("AWS_DEFAULT_REGION", "eu-central-1"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
            ("PATH", "/bin"),
        ];
        assert_eq!(after, vars(&expected));
    }

    #[test]
    fn server_replaces_all_other_credentials() {
        let token = Secret::from("authorization");
        let server = Credentials::Server { url: "http://127.0.0.1:1/dev", token: &token };
        let before = vars(&[("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "s")]);
        let after = hand_out(&before, server, None);
        let expected = [
            ("AWSMFA_PROFILE", "dev"),
            ("AWSMFA_SESSION", "http://127.0.0.1:1/dev"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "authorization"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/dev"),
        ];
        assert_eq!(after, vars(&expected));
        assert_eq!(apply(&after, &take_back(&after).unwrap().changes), Vars::new());
    }

    #[test]
    fn taking_back_restores_everything_but_secrets() {
        let before = vars(&[
            ("AWS_PROFILE", "prod"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ROLE_ARN", "arn"),
            ("AWS_ACCOUNT_ID", "1"),
            ("PATH", "/bin"),
        ]);
        let with_secret = apply(&before, &[Change::set("AWS_SECRET_ACCESS_KEY", "long-term")]);
        let after = hand_out(&with_secret, Credentials::Session(&session()), Some("us-east-1"));
        assert!(!format!("{after:?}").contains("long-term"), "{after:?}");
        let taken = take_back(&after).unwrap();
        assert_eq!((taken.profile.as_str(), apply(&after, &taken.changes)), ("dev", before));
    }

    #[test]
    fn what_was_set_since_is_not_taken_back() {
        let after = hand_out(&Vars::new(), Credentials::Session(&session()), Some("us-east-1"));
        let since = [("AWS_PROFILE", "other"), ("AWS_REGION", "eu-west-1"), ("AWS_SECURITY_TOKEN", "t")];
        let changed = apply(&after, &since.map(|(name, value)| Change::set(name, value)));
        assert_eq!(apply(&changed, &take_back(&changed).unwrap().changes), vars(&since));
        // Other keys are not awsmfa's, whatever the markers say.
        let keys = apply(&after, &[Change::set("AWS_ACCESS_KEY_ID", "AKIA")]);
        assert_eq!((take_back(&keys), take_back(&Vars::new())), (None, None));
    }

    #[test]
    fn remnants_beside_other_credentials_are_removed() {
        let before = vars(&[("AWS_PROFILE", "prod"), ("AWS_REGION", "eu-west-1")]);
        let after = hand_out(&before, Credentials::Session(&session()), Some("us-east-1"));
        let rest = |since: &[(&str, &str)]| {
            let since: Vec<_> = since.iter().map(|(name, value)| Change::set(name, value)).collect();
            let changed = apply(&after, &since);
            apply(&changed, &remnants(|name| changed.get(name).map(String::as_str)).unwrap())
        };
        let keys = [("AWS_ACCESS_KEY_ID", "AKIA1"), ("AWS_SECRET_ACCESS_KEY", "s")];
        let mut expected = before.clone();
        expected.extend(vars(&keys));
        assert_eq!(rest(&keys), expected);
        // Another session may have set the token, too.
        let session = [("AWS_ACCESS_KEY_ID", "ASIA2"), ("AWS_SESSION_TOKEN", "t")];
        assert_eq!(rest(&session)["AWS_SESSION_TOKEN"], "t");
        assert_eq!(remnants(|_| None), None);
    }

    #[test]
    fn region_that_is_not_configured_is_not_touched() {
        let after = hand_out(&Vars::new(), Credentials::Session(&session()), None);
        assert!(!after.keys().any(|name| name.contains("REGION")), "{after:?}");
    }

    #[test]
    fn line_breaks_are_not_saved() {
        let after = hand_out(&vars(&[("AWS_PROFILE", "a\nb")]), Credentials::Session(&session()), None);
        assert!(!after.keys().any(|name| name.starts_with(OLD)), "{after:?}");
    }
}
