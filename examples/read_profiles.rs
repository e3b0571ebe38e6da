//! Prints how awsmfa and the AWS SDK for Rust read pairs of AWS files: `read_profiles FOLDER COUNT` reads `0.config` and
//! `0.credentials` to `COUNT - 1`, and prints a line of JSON for each pair. The line also contains both files after a login
//! and a remembered serial, for one profile of the pair. A tool for `tests/real/differential.py`.

#![allow(clippy::print_stdout, reason = "its output is for a test")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};

use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_types::os_shim_internal::{Env, Fs};
use awsmfa::testing::aws_files::document::Document;
use awsmfa::testing::aws_files::profiles::{Profile, Profiles};
use awsmfa::testing::aws_files::resolve::{ResolveError, resolve};
use awsmfa::testing::aws_files::session_edits::{SessionValues, set_config_key, write_session};
use awsmfa::testing::aws_files::{AwsFile, guard};
use serde_json::{Value, json};

/// The settings that are compared, besides the keys.
const SETTINGS: [&str; 9] = [
    "region",
    "output",
    "role_arn",
    "source_profile",
    "mfa_serial",
    "external_id",
    "duration_seconds",
    "credential_process",
    "endpoint_url",
];

/// The profiles that are edited in turn.
const PROFILES: [&str; 3] = ["dev", "default", "prod"];

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1);
    let (Some(folder), Some(count)) = (args.next().map(PathBuf::from), args.next()) else {
        return Err("usage: read_profiles FOLDER COUNT".into());
    };
    let count: usize = count.to_string_lossy().parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut out = std::io::stdout().lock();
    for index in 0..count {
        let config = folder.join(format!("{index}.config"));
        let credentials = folder.join(format!("{index}.credentials"));
        let rust = runtime.block_on(rust_sdk(&config, &credentials));
        let edited = edited(PROFILES[index % PROFILES.len()], &config, &credentials);
        let read = json!({ "awsmfa": awsmfa(&config, &credentials), "rust": rust, "edited": edited });
        writeln!(out, "{read}")?;
    }
    Ok(())
}

fn awsmfa(config: &Path, credentials: &Path) -> Value {
    let profiles = match Profiles::load(Some(config), Some(credentials)) {
        Ok(profiles) => profiles,
        Err(error) => return json!({ "error": error.to_string() }),
    };
    let read: BTreeMap<&str, Value> =
        profiles.iter().map(|profile| (profile.name(), of_profile(&profiles, profile))).collect();
    json!({ "profiles": read })
}

/// The profile as awsmfa's commands use it: the result of `resolve` takes precedence over the section.
fn of_profile(profiles: &Profiles, profile: &Profile) -> Value {
    if let Err(error) = profile.check() {
        return json!({ "error": error.to_string() });
    }
    let mut read: BTreeMap<String, Value> = SETTINGS
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), json!(profile.get(key)?.trim()))))
        .collect();
    let keys = match profile.static_keys() {
        Ok(keys) => keys.map(|keys| {
            let token = keys.session_token.map(|token| token.expose().clone());
            json!([keys.access_key_id, keys.secret.expose(), token])
        }),
        Err(_) => Some(json!("incomplete")),
    };
    read.extend(keys.map(|keys| ("keys".to_owned(), keys)));
    match resolve(profiles, profile.name()) {
        Err(ResolveError::BadLine(error)) => return json!({ "error": error.to_string() }),
        Err(_) => {}
        Ok(resolution) => {
            // If the profile lacks a setting, `resolve` takes it from the source profile.
            let own = |key: &str, resolved: Option<String>| resolved.filter(|_| profile.get(key).is_some());
            let role = resolution.roles.last().map(|role| role.role_arn.clone());
            let region = resolution.region.map(|setting| setting.text);
            let serial = resolution.serial.map(|setting| setting.text);
            for (key, value) in [("role_arn", role), ("region", region), ("mfa_serial", serial)] {
                read.extend(own(key, value).map(|value| (key.to_owned(), json!(value))));
            }
        }
    }
    json!(read)
}

/// Both files after an edit; `null` if the edit is rejected. The differential suite looks for the values that are written here.
fn edited(profile: &str, config: &Path, credentials: &Path) -> Value {
    let session = SessionValues {
        access_key_id: "ASIANEW".to_owned(),
        secret: "new-secret".into(),
        token: "new-token".into(),
        expires: "2030-01-01T00:00:00Z".to_owned(),
    };
    let serial = "arn:aws:iam::123456789012:mfa/new";
    json!({
        "profile": profile,
        "config": edit(config, AwsFile::Config, |file| set_config_key(file, profile, "mfa_serial", serial).ok()),
        "credentials": edit(credentials, AwsFile::Credentials, |file| write_session(file, profile, &session, true).ok()),
    })
}

fn edit<T>(path: &Path, kind: AwsFile, change: impl FnOnce(&mut Document) -> Option<T>) -> Option<String> {
    let mut document = Document::parse(
        kind,
        &awsmfa::testing::files::read_bounded(path, awsmfa::testing::files::LIMIT).ok()?,
    )
    .ok()?;
    document.check_editable().ok()?;
    let old = document.to_text();
    change(&mut document)?;
    let new = document.to_text();
    guard::check(old.expose(), new.expose(), document.log()).ok()?;
    Some(new.expose().clone())
}

async fn rust_sdk(config: &Path, credentials: &Path) -> Value {
    let files = EnvConfigFiles::builder()
        .with_file(EnvConfigFileKind::Config, config)
        .with_file(EnvConfigFileKind::Credentials, credentials)
        .build();
    let profiles = match aws_config::profile::load(&Fs::real(), &Env::from_slice(&[]), &files, None).await {
        Ok(profiles) => profiles,
        Err(error) => return json!({ "error": error.to_string() }),
    };
    let mut read = BTreeMap::new();
    for profile in profiles.profiles().filter_map(|name| profiles.get_profile(name)) {
        let get = |key: &str| profile.get(key).filter(|value| !value.is_empty());
        let mut settings: BTreeMap<&str, Value> =
            SETTINGS.iter().filter_map(|key| Some((*key, json!(get(key)?)))).collect();
        if let (Some(id), Some(secret)) = (get("aws_access_key_id"), get("aws_secret_access_key")) {
            settings.insert("keys", json!([id, secret, get("aws_session_token")]));
        }
        read.insert(profile.name(), json!(settings));
    }
    json!({ "profiles": read })
}
