//! What AWS knows: keys, sessions, devices and the time. The requests are sent side by side.

mod ask;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;

use super::exam::{Exam, Sound};
use crate::aws::{Aws, AwsError, AwsErrorKind, Keys};
use crate::aws_files::profiles::{Profiles, Value};
use crate::aws_files::resolve::{KeySource, Resolution};
use crate::aws_files::{AwsFile, Origin, SERIAL_KEYS, keeps_keys_of};
use crate::error::{CommandError, CommandResult, RefusedKeys, clock_hint};
use crate::findings::Finding;
use crate::model::duration::in_words;
use crate::model::identity::Identity;
use crate::model::place::Place;
use crate::model::serial::Serial;
use crate::model::shell::CommandLine;
use crate::session::{self, Asker};
use crate::ui::Severity;
use ask::{Answer, Question};

/// How many keys AWS is asked about; more would take too long.
const MOST: usize = 50;

/// AWS services reject requests from a clock that is further off.
const TOO_FAR: TimeDelta = TimeDelta::minutes(5);

/// Keys to ask about.
struct Subject<'a> {
    keys: Keys,
    aws: Arc<Aws>,
    /// The line with the access key ID; `None` if the keys are in a store.
    origin: Option<Origin>,
    /// The profile, if it resolves.
    profile: Option<&'a Sound>,
    /// For a session, its section.
    session: Option<String>,
}

/// Returns what could not be checked, and why.
pub fn check(exam: &Exam, sound: &[Sound], found: &mut Vec<Finding>) -> Vec<String> {
    let Some(profiles) = &exam.profiles else { return Vec::new() };
    let mut skipped = Vec::new();
    let mut subjects = subjects(exam, profiles, sound, found);
    if exam.offline {
        return vec!["AWS was not asked: `--offline`".to_owned()];
    }
    if subjects.len() > MOST {
        skipped.push(format!("AWS was asked only about the first {MOST} of {} access keys", subjects.len()));
        subjects.truncate(MOST);
    }
    let registered: Vec<Serial> = exam.devices.iter().map(|device| device.serial.clone()).collect();
    let questions: Vec<Question> = subjects
        .iter()
        .map(|subject| Question {
            keys: &subject.keys,
            aws: &subject.aws,
            registered: if subject.session.is_none() { &registered } else { &[] },
        })
        .collect();
    let answers = ask::all(&exam.ctx.clock, &questions);
    clock(&answers, found);
    let mut denied = false;
    for (subject, answer) in subjects.iter().zip(&answers) {
        let Some(answer) = answer else { continue };
        match &answer.identity {
            Err(error) => judge(exam, subject, error, found, &mut skipped),
            Ok(identity) => {
                denied |= is_denied(answer);
                devices(exam, subject, identity, answer, found);
            }
        }
    }
    if denied {
        skipped.push("some devices were not checked: no permission for `iam:ListMFADevices`".to_owned());
    }
    skipped.dedup();
    skipped
}

fn is_denied(answer: &Answer) -> bool {
    answer
        .devices
        .as_ref()
        .is_some_and(|listed| listed.as_ref().is_err_and(|error| error.kind == AwsErrorKind::AccessDenied))
}

/// The long-term keys of profiles that are used with awsmfa, or were asked for, and the sessions in the credentials file.
fn subjects<'a>(
    exam: &Exam,
    profiles: &Profiles,
    sound: &'a [Sound],
    found: &mut Vec<Finding>,
) -> Vec<Subject<'a>> {
    let (mut subjects, mut seen) = (Vec::new(), BTreeSet::new());
    let mut way = |resolution: &Resolution, serial| -> Option<Arc<Aws>> {
        let way = || -> CommandResult<Arc<Aws>> {
            let connection = session::connection(exam.ctx, profiles, resolution, serial, Asker::Check)?;
            exam.ctx.aws(connection.settings)
        };
        way().map_err(|error| found.push(error.into())).ok()
    };
    for profile in sound.iter().filter(|profile| profile.is_ours || exam.only.is_some()) {
        let (signing, origin) = match &profile.resolution.keys {
            Ok(KeySource::Static { keys, .. }) => {
                (Keys::new(&keys.access_key_id, keys.secret.clone(), None), Some(keys.origin.clone()))
            }
            Ok(KeySource::Stored { .. }) => match session::long_term_keys(exam.ctx, &profile.resolution) {
                Ok(keys) => (Keys::from(&keys), None),
                // A finding about the store already.
                Err(_) => continue,
            },
            _ => continue,
        };
        if signing.check().is_ok() && seen.insert(signing.access_key_id().to_owned()) {
            let Some(aws) = way(&profile.resolution, profile.serial.as_ref()) else { continue };
            subjects.push(Subject { keys: signing, aws, origin, profile: Some(profile), session: None });
        }
    }
    for profile in profiles.iter().filter(|profile| exam.covers(profile.name())) {
        let Ok(Some(keys)) = profile.keys_of_file(AwsFile::Credentials) else { continue };
        let signing = Keys::new(&keys.access_key_id, keys.secret, keys.session_token.clone());
        let is_long_term = keys.session_token.is_none() || keeps_keys_of(profile.name()).is_some();
        let is_over = super::sessions::expiration(profile).is_some_and(|end| end <= exam.ctx.clock.now());
        if is_long_term || is_over || signing.check().is_err() || !seen.insert(keys.access_key_id) {
            continue;
        }
        let own = sound.iter().find(|sound| sound.resolution.profile == profile.name());
        let unconfigured = session::unconfigured(profile.name());
        let resolution = own.map_or(&unconfigured, |own| &own.resolution);
        let Some(aws) = way(resolution, None) else { continue };
        let session = Some(profile.name().to_owned());
        subjects.push(Subject { keys: signing, aws, origin: Some(keys.origin), profile: own, session });
    }
    subjects
}

/// The largest difference to AWS's time.
fn clock(answers: &[Option<Answer>], found: &mut Vec<Finding>) {
    let offsets = answers.iter().flatten().map(|answer| answer.offset);
    let Some(offset) = offsets.max_by_key(TimeDelta::abs).filter(|offset| !offset.is_zero()) else {
        return;
    };
    let direction = if offset > TimeDelta::zero() { "behind" } else { "ahead of" };
    let by = in_words(offset.abs().to_std().unwrap_or_default());
    let severity = if offset.abs() > TOO_FAR { Severity::Error } else { Severity::Warning };
    let what = format!("this computer's clock is {by} {direction} AWS's");
    found.push(Finding::new(severity, what).fix(clock_hint()));
}

/// Why AWS did not answer, or does not accept the keys.
fn judge(
    exam: &Exam,
    subject: &Subject,
    error: &AwsError,
    found: &mut Vec<Finding>,
    skipped: &mut Vec<String>,
) {
    if let Some(section) = &subject.session
        && matches!(
            error.kind,
            AwsErrorKind::UnknownKey | AwsErrorKind::Expired | AwsErrorKind::WrongSecretKey
        )
    {
        let what = format!("AWS does not accept the session in [{section}]; it has expired or was damaged");
        return found
            .push(Finding::warning(what).at_origin(subject.origin.as_ref()).fix(renew(subject, section)));
    }
    let is_own_server = subject.aws.settings().sts_endpoint.is_some();
    if error.is_outage() && error.kind != AwsErrorKind::Untrusted && !is_own_server {
        let is_through_proxy = error.server.as_ref().is_some_and(|server| server.proxy.is_some());
        let error = CommandError::from(error.clone());
        skipped.push(format!("AWS was not asked: {error}"));
        // An outage passes, but a proxy may be out of date.
        found.extend(is_through_proxy.then(|| Finding::from(error).severity(Severity::Note)));
        return;
    }
    let source = subject.profile.and_then(|profile| profile.resolution.keys.as_ref().ok());
    let keys = RefusedKeys::from(subject.keys.access_key_id(), source);
    let finding = Finding::from(CommandError::refused(error.clone(), &keys, None));
    found.push(match (error.is_outage(), exam.ctx.env.get("AWS_ENDPOINT_URL")) {
        (true, Some(_)) => finding.at(Place::Variable("AWS_ENDPOINT_URL".to_owned())),
        (true, None) => finding,
        (false, _) => finding.at_origin(subject.origin.as_ref()),
    });
}

/// How to replace the session in a section.
fn renew(subject: &Subject, section: &str) -> String {
    match subject.profile.filter(|profile| profile.is_ours) {
        Some(profile) => {
            let login = CommandLine::new("awsmfa login").profile(&profile.resolution.profile);
            format!("get a new session: `{}`", login.switch("--force", true))
        }
        None => format!("remove section [{section}]"),
    }
}

/// The profile whose section has the device's serial.
fn holder<'a>(profiles: &Profiles, resolution: &'a Resolution) -> &'a String {
    let has_serial = |name: &&String| {
        let values = SERIAL_KEYS.iter().filter_map(|key| profiles.get(name)?.value(key));
        let is_it = |value: &Value| resolution.serial.as_ref().is_some_and(|set| set.origin == value.origin);
        values.into_iter().any(is_it)
    };
    resolution.chain.iter().find(has_serial).unwrap_or(&resolution.base)
}

/// What is wrong with the devices of the keys' user, or with the session.
fn devices(exam: &Exam, subject: &Subject, identity: &Identity, answer: &Answer, found: &mut Vec<Finding>) {
    let own = subject.profile.filter(|_| subject.session.is_none());
    let listed = match &answer.devices {
        Some(Ok(listed)) => listed,
        Some(Err(error)) if error.kind == AwsErrorKind::SessionWithoutMfa => {
            if let Some(section) = &subject.session {
                let what = format!("the session in [{section}] was created without MFA");
                found.push(
                    Finding::warning(what).at_origin(subject.origin.as_ref()).fix(renew(subject, section)),
                );
            }
            return;
        }
        Some(Err(error)) => {
            if let (Some(Sound { resolution, serial: None, is_ours: true }), Some(keys)) =
                (own, subject.keys.long_term())
            {
                found.push(session::unknown_serial(resolution, &keys, error.clone()).into());
            }
            return;
        }
        None => return,
    };
    let Some(user) = identity.user() else { return };
    if let Some(Sound { resolution, serial: None, is_ours: true }) = own
        && let Err(error) = session::choose_device(exam.ctx, resolution, listed)
    {
        found.push(error.into());
    }
    let is_listed = |serial: &Serial| listed.iter().any(|device| device.serial == serial.as_str());
    let mut reported = None;
    if let Some(Sound { resolution, serial: Some(serial), .. }) = own
        && !is_listed(serial)
    {
        let name = &resolution.base;
        let holder = exam.profiles.as_ref().map_or(name, |profiles| holder(profiles, resolution));
        let usable: Vec<Serial> = listed.iter().filter_map(|device| device.serial.parse().ok()).collect();
        let fix = match usable.as_slice() {
            [one] => CommandLine::new("aws configure set mfa_serial").arg(one.as_str()).profile(holder),
            [] => CommandLine::new("awsmfa enroll").profile(name),
            _ => CommandLine::new("awsmfa device list").profile(name),
        };
        let what =
            format!("AWS has no MFA device `{serial}` for user `{user}`, who owns the keys of `{name}`");
        let place = resolution.serial.as_ref().map(|setting| Place::from(&setting.origin));
        found.push(Finding { place, ..Finding::error(what).fix(fix) });
        reported = Some(serial);
    }
    let Some(Ok(all)) = &answer.all else { return };
    for device in exam.devices.iter().filter(|d| Some(&d.serial) != reported && !is_listed(&d.serial)) {
        let serial = &device.serial;
        if serial.account() != Some(&identity.account)
            || all.iter().any(|known| known.serial == serial.as_str())
        {
            continue;
        }
        let remove = CommandLine::new("awsmfa device remove").arg(serial.as_str()).switch("--local", true);
        found.push(
            Finding::warning(format!(
                "the secret of `{serial}` is stored here, but the device does not exist in AWS"
            ))
            .at(exam.ctx.paths.registry().as_path())
            .fix(format!("delete the stored secret: `{remove}`")),
        );
    }
}
