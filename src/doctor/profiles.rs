//! Profiles: whether they resolve, and whether those that are used with awsmfa can get a session.

mod settings;

use std::collections::{BTreeMap, HashSet};

use super::exam::{Exam, Sound};
use crate::aws_files::own_command::served_profile;
use crate::aws_files::profiles::Profiles;
use crate::aws_files::resolve::{
    Destination, Instead, KeySource, KeysError, Resolution, ResolveError, resolve,
};
use crate::aws_files::session_edits::SessionEditError;
use crate::aws_files::{AwsFile, long_term_name};
use crate::choice::Named;
use crate::error::CommandError;
use crate::findings::Finding;
use crate::model::place::Place;
use crate::model::serial::Serial;
use crate::model::shell::CommandLine;
use crate::session::{self, Request};
use crate::ui::Severity;

/// Returns the profiles that resolve.
pub fn check(exam: &Exam, found: &mut Vec<Finding>) -> Vec<Sound> {
    let Some(profiles) = &exam.profiles else { return Vec::new() };
    let mut sound = Vec::new();
    for name in &exam.names {
        match resolve(profiles, name) {
            Ok(resolution) => {
                let is_ours = is_ours(exam, profiles, &resolution);
                let serial = check_one(exam, profiles, &resolution, is_ours, found);
                sound.push(Sound { resolution, is_ours, serial });
            }
            Err(ResolveError::Cycle { cycle }) => found.push(circular(profiles, &cycle)),
            // What is wrong with the file is a finding already.
            Err(ResolveError::BadLine(_)) => {}
            Err(ResolveError::Ignored { .. }) if exam.only.is_none() => {}
            Err(error) => found.push(CommandError::from(error).into()),
        }
    }
    found.extend(sound.iter().filter_map(|profile| different_keys(profiles, &profile.resolution.profile)));
    missing_regions(exam, profiles, &sound, found);
    found.extend(sound.iter().flat_map(|profile| settings::odd(exam, profiles, profile)));
    shared_sections(&sound, found);
    found.extend(not_started(exam, &sound));
    found.extend(no_profiles(exam));
    sound
}

/// A person who has not started yet: there are long-term keys, and nothing is used with awsmfa.
fn not_started(exam: &Exam, sound: &[Sound]) -> Option<Finding> {
    if !exam.devices.is_empty() || sound.iter().any(|profile| profile.is_ours) {
        return None;
    }
    let mut with_keys =
        sound.iter().filter(|profile| matches!(profile.resolution.keys, Ok(KeySource::Static { .. })));
    let name = &with_keys.next()?.resolution.profile;
    let command = |start| CommandLine::new(start).profile(name);
    let (enroll, import) = (command("awsmfa enroll"), command("awsmfa device import"));
    let what = format!("profile `{name}` has long-term keys and no MFA device that awsmfa knows");
    let note = Finding::note(what).fix(format!("enroll a device: `{enroll}`"));
    Some(note.fix(format!("import an existing one: `{import}`")))
}

/// A person who has no AWS files yet, and no access key in the environment.
fn no_profiles(exam: &Exam) -> Option<Finding> {
    let needs_one = exam.names.is_empty() && exam.ctx.env.get("AWS_ACCESS_KEY_ID").is_none();
    let note = || Finding::note("there are no AWS profiles");
    needs_one.then(|| note().fix("create a profile with your access key: `aws configure`"))
}

/// Whether a profile is used with awsmfa.
fn is_ours(exam: &Exam, profiles: &Profiles, resolution: &Resolution) -> bool {
    let registered =
        |name: &String| exam.devices.iter().any(|device| device.profiles.iter().any(|p| p == name));
    let asks_us = profiles.get(&resolution.profile).and_then(|p| p.get("credential_process"));
    // A profile that gets another profile's session needs nothing itself.
    if let Some(Some(Some(served))) = asks_us.map(served_profile)
        && served != resolution.profile
    {
        return false;
    }
    resolution.serial.is_some()
        || exam.only.as_ref() == Some(&resolution.profile)
        || exam.served.contains_key(&resolution.profile)
        || resolution.chain.iter().any(registered)
}

/// Returns the profile's device.
fn check_one(
    exam: &Exam,
    profiles: &Profiles,
    resolution: &Resolution,
    is_ours: bool,
    found: &mut Vec<Finding>,
) -> Option<Serial> {
    if is_ours {
        let request = Request::sdk(Named::Flag(&resolution.profile));
        return match session::peek_in(exam.ctx, profiles, &request) {
            Ok(peeked) => {
                found.extend(codes(exam, resolution, peeked.serial.as_ref()));
                peeked.serial
            }
            Err(error) => {
                let signs_in = matches!(&resolution.keys, Err(error) if signs_in_elsewhere(error));
                let severity = if signs_in { Severity::Note } else { Severity::Error };
                found.push(Finding::from(error).severity(severity));
                None
            }
        };
    }
    match &resolution.keys {
        Err(error @ KeysError::Incomplete(_)) => found.push(CommandError::from(error.clone()).into()),
        // Whatever else a base has may be enough for its roles.
        Err(error @ KeysError::NoLongTermKeys { instead: None, .. }) if !resolution.roles.is_empty() => {
            found.push(CommandError::from(error.clone()).into());
        }
        _ => {}
    }
    None
}

/// Whether a profile needs no long-term keys, and no awsmfa.
fn signs_in_elsewhere(error: &KeysError) -> bool {
    use Instead::{CredentialSource, LoginSession, Sso, WebIdentity};
    let KeysError::NoLongTermKeys { instead: Some(instead), .. } = error else { return false };
    matches!(instead, Sso | LoginSession | WebIdentity | CredentialSource(_))
}

/// What is not known about a profile's codes.
fn codes(exam: &Exam, resolution: &Resolution, serial: Option<&Serial>) -> Option<Finding> {
    let name = &resolution.profile;
    if let Some(command) = &resolution.mfa_process {
        let what = format!("codes for profile `{name}` come from `mfa_process`, which doctor does not run");
        return Some(
            Finding::note(what).at(&command.origin).fix("run the command by hand to see what it prints"),
        );
    }
    match serial {
        Some(serial) => no_secret(exam, resolution, serial),
        // AWS is asked below.
        None if !exam.offline => None,
        None => {
            let what = format!("the MFA device of profile `{name}` is not known here");
            let check = CommandLine::new("awsmfa doctor").profile(name);
            Some(Finding::note(what).fix(format!("look up the device in AWS: `{check}`")))
        }
    }
}

/// A virtual device without a stored secret. People can type its codes; an SDK cannot.
fn no_secret(exam: &Exam, resolution: &Resolution, serial: &Serial) -> Option<Finding> {
    let name = &resolution.profile;
    if exam.device(serial.as_str()).is_some() || !serial.is_virtual() || !exam.knows_devices {
        return None;
    }
    let finding = match exam.served.get(name) {
        Some(at) => Finding::error(format!(
            "the secret of `{serial}` is not stored here, so the `credential_process` of `{}` cannot renew sessions",
            at[0]
        )),
        None => Finding::note(format!(
            "the secret of `{serial}` is not stored here, so each login to `{name}` prompts for a code"
        )),
    };
    let place = resolution.serial.as_ref().map(|setting| Place::from(&setting.origin));
    let import = CommandLine::new("awsmfa device import").profile(name);
    let finding = finding.fix(format!("store the secret: `{import}`"));
    let finding = exam.ctx.vault.how_to_find_lost().into_iter().fold(finding, Finding::fix);
    Some(Finding { place, ..finding })
}

/// The same finding for each profile of a cycle.
fn circular(profiles: &Profiles, cycle: &[String]) -> Finding {
    let mut names = cycle[1..].to_vec();
    let first = names.iter().enumerate().min_by_key(|(_, name)| *name).map_or(0, |(at, _)| at);
    names.rotate_left(first);
    let place = profiles.get(&names[0]).and_then(|profile| profile.value("source_profile"));
    let place = place.map(|value| Place::from(&value.origin));
    names.push(names[0].clone());
    Finding { place, ..CommandError::from(ResolveError::Cycle { cycle: names }).into() }
}

/// Two access keys for one profile: `login` could move neither.
fn different_keys(profiles: &Profiles, name: &str) -> Option<Finding> {
    let keys = |section: &str| profiles.get(section)?.keys_of_file(AwsFile::Credentials).ok().flatten();
    let long_term = long_term_name(name);
    let (own, other) = (keys(name)?, keys(&long_term)?);
    let is_same = own.access_key_id == other.access_key_id && own.secret == other.secret;
    if is_same || own.session_token.is_some() || other.session_token.is_some() {
        return None;
    }
    let section = name.to_owned();
    let error = CommandError::from(SessionEditError::DifferentKeys { section, long_term });
    Some(Finding::from(error).at(&own.origin))
}

/// Profiles without a region. A source profile's region does not count in the SDKs.
fn missing_regions(exam: &Exam, profiles: &Profiles, sound: &[Sound], found: &mut Vec<Finding>) {
    let get = |name| exam.ctx.env.get(name);
    if get("AWS_REGION").or(get("AWS_DEFAULT_REGION")).is_some() {
        return;
    }
    // A profile that only holds what another one uses.
    let sources: HashSet<&String> = sound.iter().filter_map(|other| other.resolution.chain.get(1)).collect();
    let usual = profiles.get("default").and_then(|profile| profile.get("region"));
    for Sound { resolution, .. } in sound {
        let name = &resolution.profile;
        let Some(profile) = profiles.get(name) else { continue };
        if sources.contains(name) || profile.get("region").is_some() {
            continue;
        }
        let likely = resolution.region.as_ref().map(|setting| setting.text.as_str()).or(usual);
        let set = CommandLine::new("aws configure set region").arg(likely.unwrap_or("REGION")).profile(name);
        let config = exam.ctx.aws_files().path(AwsFile::Config);
        found.push(
            Finding::warning(format!("profile `{name}` has no region, which most commands need"))
                .at(config)
                .fix(set),
        );
    }
}

/// Profiles that would overwrite each other's sessions.
fn shared_sections(sound: &[Sound], found: &mut Vec<Finding>) {
    let mut writers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Sound { resolution, .. } in sound.iter().filter(|profile| profile.is_ours) {
        if let (Destination::Section(section), Ok(_)) = (&resolution.target, &resolution.keys) {
            writers.entry(section).or_default().push(&resolution.profile);
        }
    }
    for (section, names) in writers {
        let [first, second, ..] = names.as_slice() else { continue };
        // One of them is the section's own profile, so the other one moves.
        let other = if *first == section { second } else { first };
        let login = CommandLine::new("awsmfa login").profile(other);
        let login = login.option("--output-profile", Some(format!("{other}-mfa")));
        found.push(
            Finding::warning(format!(
                "profiles `{first}` and `{second}` both write their session to [{section}]"
            ))
            .fix(format!("write one session to another profile: `{login}`")),
        );
    }
}
