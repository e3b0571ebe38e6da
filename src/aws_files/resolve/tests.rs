use super::*;
use crate::aws_files::AwsFile;
use crate::aws_files::document::Document;
use std::path::Path;

fn profiles(config: &str, credentials: &str) -> Profiles {
    let parse = |kind, text: &str| Document::parse(kind, text.as_bytes()).unwrap();
    let (config, credentials) = (parse(AwsFile::Config, config), parse(AwsFile::Credentials, credentials));
    Profiles::from_documents((&config, Path::new("conf")), (&credentials, Path::new("cred")))
}

fn keys(section: &str) -> String {
    format!("[{section}]\naws_access_key_id = ID-{section}\naws_secret_access_key = s\n")
}

fn key_id(resolution: &Resolution) -> &str {
    match resolution.keys.as_ref().unwrap() {
        KeySource::Static { keys, .. } => &keys.access_key_id,
        KeySource::Process { command, .. } => &command.text,
        KeySource::Stored { access_key_id, .. } => access_key_id,
    }
}

#[test]
fn long_term_section_comes_before_the_profile() {
    let session = "aws_session_token = T\n";
    let r = |config: &str, credentials: &str| resolve(&profiles(config, credentials), "dev").unwrap();
    let both = keys("dev-long-term") + &keys("dev");
    assert_eq!(key_id(&r("", &both)), "ID-dev-long-term");
    assert_eq!(key_id(&r("", &keys("dev"))), "ID-dev");
    assert_eq!(key_id(&r("", &keys("dev-long-term"))), "ID-dev-long-term");
    let process = "[profile dev]\ncredential_process = vault read\nsource_profile = base\n";
    assert_eq!(key_id(&r(process, &keys("dev"))), "ID-dev");
    let stale = keys("dev") + session + &keys("base");
    assert_eq!(key_id(&r(process, &stale)), "vault read");
    let source = "[profile dev]\nsource_profile = base\nmfa_serial = S\n";
    let resolution = r(source, &stale);
    assert_eq!((key_id(&resolution), resolution.base.as_str()), ("ID-base", "base"));
    assert_eq!(resolution.roles, []);
}

#[test]
fn stored_keys_come_first_unless_the_files_have_the_same_key() {
    let stored = [("dev".to_owned(), "ID-stored".to_owned())];
    let with = |stored: &[(String, String)], config: &str, credentials: &str| {
        profiles(config, credentials).with_stored(stored.iter().cloned().collect())
    };
    let role = "[profile role]\nrole_arn = arn\nsource_profile = dev-long-term\n";
    let profiles = with(&stored, role, &(keys("dev") + &keys("other")));
    for name in ["dev", "dev-long-term", "role"] {
        assert_eq!(key_id(&resolve(&profiles, name).unwrap()), "ID-stored");
    }
    assert_eq!(key_id(&resolve(&profiles, "other").unwrap()), "ID-other");
    let same = [("dev".to_owned(), "ID-dev".to_owned())];
    let resolution = resolve(&with(&same, role, &keys("dev")), "role").unwrap();
    assert!(matches!(resolution.keys, Ok(KeySource::Static { .. })), "{:?}", resolution.keys);
    // The registry alone makes the profile exist.
    let resolution = resolve(&with(&stored, "", ""), "dev").unwrap();
    assert_eq!((key_id(&resolution), resolution.access_key_id()), ("ID-stored", Some("ID-stored")));
}

#[test]
fn roles_are_in_the_order_of_assuming() {
    let config = "[profile a]\nrole_arn = arn:a\nsource_profile = b\nexternal_id = x\nduration_seconds = 900\n\
        [profile b]\nrole_arn = arn:b\nsource_profile = c\nmfa_process = code\n[profile c]\nregion = r\nduration_seconds = 7200\n";
    let credentials = keys("c") + "[c-long-term]\naws_mfa_device = S \n";
    let resolution = resolve(&profiles(config, &credentials), "a").unwrap();
    let roles: Vec<&str> = resolution.roles.iter().map(|role| role.role_arn.as_str()).collect();
    assert_eq!(roles, ["arn:b", "arn:a"]);
    assert_eq!(resolution.roles[1].external_id.as_deref(), Some("x"));
    assert_eq!(resolution.chain, ["a", "b", "c"]);
    let serial = resolution.serial.unwrap();
    assert_eq!((serial.text.as_str(), serial.origin.to_string().as_str()), ("S", "cred:5"));
    assert_eq!(resolution.mfa_process.unwrap().text, "code");
    assert_eq!(resolution.region.unwrap().text, "r");
    assert_eq!(resolution.duration_seconds.unwrap().text, "7200", "the user's session's");
    assert_eq!(resolution.roles[1].duration_seconds.as_ref().unwrap().text, "900");
    assert_eq!(resolution.target, Destination::Section("a-session".into()));
    // A source profile with its own keys is the base, even if it has a role.
    let credentials = credentials + &keys("b");
    let resolution = resolve(&profiles(config, &credentials), "a").unwrap();
    assert_eq!((resolution.roles.len(), resolution.base.as_str()), (1, "b"));
}

#[test]
fn profile_can_be_its_own_source() {
    let config = "[profile a]\nrole_arn = arn:a\nsource_profile = a\n";
    let resolution = resolve(&profiles(config, &keys("a")), "a").unwrap();
    assert_eq!((resolution.roles.len(), key_id(&resolution)), (1, "ID-a"));
    let resolution = resolve(&profiles(config, ""), "a").unwrap();
    assert!(matches!(resolution.keys, Err(KeysError::NoLongTermKeys { .. })));
}

#[test]
fn unresolvable_profiles_are_errors() {
    let error = |config: &str, name: &str| resolve(&profiles(config, ""), name).unwrap_err().to_string();
    let circle = "[profile z]\nrole_arn = z\nsource_profile = a\n[profile a]\nrole_arn = a\nsource_profile = b\n\
        [profile b]\nrole_arn = b\nsource_profile = a\n";
    assert_eq!(error(circle, "a"), "circular `source_profile`: a → b → a");
    assert_eq!(error(circle, "z"), "circular `source_profile`: a → b → a");
    assert_eq!(error("[profile dev]", "dve"), "no profile `dve` in conf or cred");
    let missing = "[profile dev]\nrole_arn = a\nsource_profile = bse\n[profile base]";
    let text = "profile `dev` has `source_profile = bse`, which does not exist (conf:3)";
    assert_eq!(error(missing, "dev"), text);
    let Err(ResolveError::NoSuchSource { near, .. }) = resolve(&profiles(missing, ""), "dev") else {
        panic!()
    };
    assert_eq!(near, ["base"]);
    let text = "profile `dev` has a `role_arn` but no `source_profile` (conf:2)";
    assert_eq!(error("[profile dev]\nrole_arn = a\n", "dev"), text);
}

#[test]
fn error_names_what_a_profile_has_instead_of_keys() {
    let instead = |config: &str, credentials: &str| match resolve(&profiles(config, credentials), "dev")
        .unwrap()
        .keys
        .unwrap_err()
    {
        KeysError::NoLongTermKeys { instead, .. } => instead,
        other => panic!("{other}"),
    };
    let dev = |line: &str| format!("[profile dev]\n{line}\n");
    assert_eq!(instead(&dev("sso_session = x"), ""), Some(Instead::Sso));
    assert_eq!(instead(&dev("login_session = x"), ""), Some(Instead::LoginSession));
    assert_eq!(instead(&dev("web_identity_token_file = x\nrole_arn = r"), ""), Some(Instead::WebIdentity));
    let metadata = Some(Instead::CredentialSource("Environment".into()));
    assert_eq!(instead(&dev("role_arn = r\ncredential_source = Environment"), ""), metadata);
    let ours = dev("credential_process = awsmfa credential-process -p dev");
    assert_eq!(instead(&ours, ""), Some(Instead::Ourselves));
    assert_eq!(instead("", &(keys("dev") + "aws_session_token = T\n")), Some(Instead::SessionOnly));
    assert_eq!(instead(&dev("region = x"), ""), None);
    let half = resolve(&profiles("", "[dev]\naws_access_key_id = A\n"), "dev").unwrap();
    assert!(matches!(half.keys, Err(KeysError::Incomplete(_))));
}

#[test]
fn awsmfa_is_recognized_in_credential_process() {
    for (command, ours) in [
        ("awsmfa credential-process -p dev", true),
        ("awsmfa credential-process", true),
        ("\"/opt/my tools/awsmfa\" credential-process --profile=dev", true),
        // On Windows, a backslash escapes nothing.
        ("/opt/my\\ tools/awsmfa credential-process --profile dev", cfg!(not(windows))),
        ("awsmfa -v credential-process -pdev", true),
        ("awsmfa credential-process -p dev-long-term", false),
        ("awsmfa credential-process -p other", false),
        ("awsmfa code", false),
        ("awsmfa-other credential-process", false),
        ("aws-vault exec dev", false),
        ("'", false),
    ] {
        assert_eq!(runs_ourselves(command, "dev"), ours, "{command}");
    }
    let p = |command| {
        profiles(&format!("[profile dev]\ncredential_process = {command}\n"), &keys("dev-long-term"))
    };
    let target = |command| resolve(&p(command), "dev").unwrap().target;
    assert_eq!(target("awsmfa credential-process -p dev"), Destination::CacheOnly);
    assert_eq!(target("vault read"), Destination::Section("dev-session".into()));
    assert_eq!(
        resolve(&profiles("", &keys("dev")), "dev").unwrap().target,
        Destination::Section("dev".into())
    );
}

#[test]
fn role_is_assumed_with_the_session_that_its_source_gets_from_awsmfa() {
    let config = "[profile dev]\nrole_arn = R\nsource_profile = base-mfa\n\
        [profile base-mfa]\ncredential_process = awsmfa credential-process --profile base\n\
        [profile base]\nmfa_serial = S\n";
    let profiles = profiles(config, &keys("base"));
    let resolution = resolve(&profiles, "dev").unwrap();
    assert_eq!(key_id(&resolution), "ID-base");
    assert_eq!(resolution.chain, ["dev", "base-mfa", "base"]);
    let itself = resolve(&profiles, "base-mfa").unwrap();
    assert!(itself.keys.unwrap_err().to_string().contains("gets the session of profile `base`"));
    let circle = self::profiles(
        &config.replace("[profile base]\n", "[profile base]\nrole_arn = R\nsource_profile = base-mfa\n"),
        "",
    );
    assert_eq!(
        resolve(&circle, "dev").unwrap_err().to_string(),
        "circular `source_profile`: base-mfa → base → base-mfa"
    );
}
