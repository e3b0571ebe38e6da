use std::path::Path;

use super::super::document::Document;
use super::*;

fn profiles(config: &str, credentials: &str) -> Profiles {
    let parse = |kind, text: &str| Document::parse(kind, text.as_bytes()).unwrap();
    let (config, credentials) = (parse(AwsFile::Config, config), parse(AwsFile::Credentials, credentials));
    Profiles::from_documents((&config, Path::new("config")), (&credentials, Path::new("credentials")))
}

const KEYS: &str = "aws_access_key_id = AKIA\naws_secret_access_key = s\n";
const OURS: &str = "credential_process = awsmfa credential-process --profile dev\n";
const ROLE: &str = "role_arn = arn:aws:iam::1:role/r\n";
const SSO: &str = "sso_account_id = 1\nsso_role_name = r\n";

/// What each SDK uses for `dev`, in the order of [`Sdk::ALL`].
#[track_caller]
fn check(config: &str, credentials: &str, expected: [&str; 5]) {
    let profiles = profiles(config, credentials);
    for (sdk, expected) in Sdk::ALL.into_iter().zip(expected) {
        let used = used(&profiles, &Variables::default(), sdk, Choice::Explicit, "dev");
        assert_eq!(used.to_string(), expected, "{sdk}: {config}{credentials}");
    }
}

const AWSMFA: &str = "awsmfa's session for `dev`";
const IN_CREDENTIALS: &str = "the access key of `dev` (credentials:2)";

#[test]
fn keys_and_process_are_used_in_each_sdks_order() {
    let config = format!("[profile dev]\n{OURS}");
    check(&config, "", [AWSMFA; 5]);
    let keys = format!("[dev]\n{KEYS}");
    check(&config, &keys, [IN_CREDENTIALS, IN_CREDENTIALS, IN_CREDENTIALS, AWSMFA, AWSMFA]);
    let config = format!("{config}{KEYS}");
    let in_config = "the access key of `dev` (config:3)";
    check(&config, "", [AWSMFA, in_config, in_config, AWSMFA, AWSMFA]);
    check("[profile dev]\n", &format!("[dev]\n{OURS}"), [AWSMFA; 5]);
    let other = "another program (config:2)";
    check("[profile dev]\ncredential_process = /bin/keys\n", "", [other; 5]);
}

#[test]
fn access_key_with_a_stale_token_is_not_a_session() {
    let key = "aws_access_key_id = AKIAI44QH8DHBEXAMPLE\naws_secret_access_key = s\naws_session_token = t\n";
    let (config, keys) = (format!("[profile dev]\n{OURS}"), format!("[dev]\n{key}"));
    check(&config, &keys, [IN_CREDENTIALS, IN_CREDENTIALS, IN_CREDENTIALS, AWSMFA, AWSMFA]);
    let profiles = profiles(&config, &keys);
    let claim = Claim::Served { at: "dev", profile: "dev" };
    let found = findings(&profiles, &Variables::default(), "dev", claim);
    assert_eq!(found.len(), 1, "one hint moves the key: {found:?}");
}

#[test]
fn incomplete_access_key_stops_some_sdks() {
    let config = format!("[profile dev]\n{OURS}");
    let half = "nothing: half of an access key is missing";
    check(&config, "[dev]\naws_access_key_id = A\n", [half, AWSMFA, AWSMFA, AWSMFA, AWSMFA]);
    check(&config, "[dev]\naws_secret_access_key = A\n", [AWSMFA; 5]);
}

#[test]
fn role_hides_a_process_or_fails() {
    let no_source = "nothing: `role_arn` without `source_profile`";
    let role = format!("a role, assumed with {AWSMFA}");
    check(&format!("[profile dev]\n{OURS}{ROLE}"), "", [no_source, AWSMFA, &role, no_source, AWSMFA]);
    let two = "nothing: two ways to sign in cannot be combined";
    let role = "a role, assumed with the access key of `base` (credentials:2)";
    let config = format!("[profile dev]\n{OURS}{ROLE}source_profile = base\n");
    check(&config, &format!("[base]\n{KEYS}"), [role, role, two, role, role]);
}

#[test]
fn source_with_keys_and_a_role_uses_its_keys() {
    let config =
        format!("[profile dev]\n{ROLE}source_profile = base\n[profile base]\n{ROLE}source_profile = base\n");
    let keys = "a role, assumed with the access key of `base` (credentials:2)";
    let circle = "nothing: profile `base` does not exist or refers to itself";
    check(&config, &format!("[base]\n{KEYS}"), [keys, keys, keys, keys, circle]);
    let config = format!("[profile dev]\n{ROLE}source_profile = dev\n");
    let own = format!("a role, assumed with {IN_CREDENTIALS}");
    let circle = "nothing: profile `dev` does not exist or refers to itself";
    check(&config, &format!("[dev]\n{KEYS}"), [&own, &own, &own, &own, circle]);
}

#[test]
fn mfa_serial_of_a_role_prompts_fails_or_is_ignored() {
    let config = format!("[profile dev]\n{ROLE}source_profile = base\nmfa_serial = x\n");
    let keys = "a role, assumed with the access key of `base` (credentials:2)";
    let prompts = format!("{keys} and a prompted code (config:4)");
    let fails = "nothing: `mfa_serial` needs a code (config:4)";
    check(&config, &format!("[base]\n{KEYS}"), [&prompts, fails, fails, keys, keys]);
    let above = format!("[profile dev]\n{ROLE}source_profile = app\n{}", config.replace("dev", "app"));
    let (fails, keys) = (fails.replace(":4", ":7"), format!("a role, assumed with {keys}"));
    let prompts =
        format!("a role, assumed with {} and a prompted code (config:7)", prompts.replace(":4", ":7"));
    check(&above, &format!("[base]\n{KEYS}"), [&prompts, &fails, &fails, &keys, &keys]);
}

#[test]
fn other_ways_to_sign_in_are_used_in_order() {
    let sso = "SSO (config:3)";
    check(&format!("[profile dev]\n{SSO}"), "", ["SSO (config:3)"; 5]);
    let keys = format!("[dev]\n{KEYS}");
    check(&format!("[profile dev]\n{SSO}"), &keys, [sso, IN_CREDENTIALS, IN_CREDENTIALS, sso, sso]);
    let token = format!("[profile dev]\n{ROLE}web_identity_token_file = /t\n");
    let web = "a web identity token (config:3)";
    check(&token, &keys, [web, IN_CREDENTIALS, IN_CREDENTIALS, web, web]);
    let login = "`aws login` (config:2)";
    let config = format!("[profile dev]\nlogin_session = x\n{OURS}");
    check(&config, "", [login, AWSMFA, login, login, login]);
    let source = format!("[profile dev]\n{ROLE}credential_source = Environment\n");
    let role = "a role, assumed with `credential_source` (config:3)";
    check(&source, &keys, [role; 5]);
}

#[test]
fn circular_and_missing_profiles_have_no_credentials() {
    let missing = "nothing: profile `dev` does not exist or refers to itself";
    check("", "", [missing; 5]);
    let config =
        format!("[profile dev]\n{ROLE}source_profile = a\n[profile a]\n{ROLE}source_profile = dev\n");
    check(&config, "", [missing; 5]);
}

#[test]
fn environment_wins_if_no_profile_is_chosen() {
    let profiles = profiles(&format!("[profile dev]\n{OURS}"), "");
    let of = |names: &[&str], choice| {
        let variables = Variables::read(|name| names.contains(&name).then_some("x"));
        Sdk::ALL.map(|sdk| used(&profiles, &variables, sdk, choice, "dev") == Used::Environment)
    };
    let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    assert_eq!(of(&keys, Choice::Ambient), [true; 5]);
    assert_eq!(of(&keys, Choice::Explicit), [false, false, false, true, false]);
    let with_profile = [keys[0], keys[1], "AWS_PROFILE"];
    assert_eq!(of(&with_profile, Choice::Ambient), [true, false, true, true, true]);
    let token = ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"];
    assert_eq!(of(&token, Choice::Ambient), [true, false, true, false, true]);
    assert_eq!(of(&keys[..1], Choice::Ambient), [false; 5]);
}

#[test]
fn planned_session_replaces_keys_in_its_section() {
    let none = Variables::default();
    for credentials in ["", "[dev]\n", &format!("[dev]\n{KEYS}")] {
        let profiles = profiles("[profile dev]\nregion = x\n", credentials);
        assert_eq!(findings(&profiles, &none, "dev", Claim::Planned("dev")), [], "{credentials}");
        assert_ne!(findings(&profiles, &none, "dev", Claim::Written("dev")), [], "{credentials}");
    }
}
