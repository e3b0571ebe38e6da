//! Sessions in the credentials file: expired ones, and those of other tools.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, Utc};

use super::exam::{Exam, Sound};
use crate::aws_files::profiles::{Profile, StaticKeys};
use crate::aws_files::resolve::Destination;
use crate::aws_files::session_edits::FOREIGN_MARKERS;
use crate::aws_files::{AwsFile, keeps_keys_of};
use crate::findings::{Finding, Repair};
use crate::model::session::timestamp;
use crate::model::shell::CommandLine;
use crate::ui::remedies;

/// When a session expires, by awsmfa and by other tools.
const EXPIRATIONS: [&str; 6] = [
    "x_security_token_expires",
    "expiration",
    "aws_expiration",
    "aws_session_expiration",
    "aws_credential_expiration",
    "aws_session_token_expiration",
];

pub fn check(exam: &Exam, sound: &[Sound], found: &mut Vec<Finding>) {
    let Some(profiles) = &exam.profiles else { return };
    let now = exam.ctx.clock.now();
    // Which profile's session goes to a section.
    let writers: HashMap<&str, &str> = sound.iter().filter_map(writer).collect();
    for profile in profiles.iter().filter(|profile| exam.covers(profile.name())) {
        found.extend(legacy_token(exam, profile));
        let Ok(Some(keys)) = profile.keys_of_file(AwsFile::Credentials) else { continue };
        if keys.session_token.is_none() || keeps_keys_of(profile.name()).is_some() {
            continue;
        }
        let expired = expiration(profile).filter(|expiration| *expiration <= now);
        let writer = writers.get(profile.name()).copied();
        let marks = || FOREIGN_MARKERS.iter().filter(|marker| profile.get(marker).is_some());
        match marks().find(|marker| tool(marker).is_some()).or(marks().next()) {
            Some(marker) => found.push(foreign(profile, &keys, marker, expired, writer)),
            None if profile.get("x_security_token_expires").is_some() => {
                found.extend(expired.map(|at| own(profile, &keys, at, writer)));
            }
            None => found.push(unknown(profile, &keys)),
        }
    }
}

/// The section to which a profile that is used with awsmfa writes its session, and the profile.
fn writer(profile: &Sound) -> Option<(&str, &str)> {
    let Sound { resolution, is_ours, .. } = profile;
    match &resolution.target {
        Destination::Section(section) if *is_ours && resolution.keys.is_ok() => {
            Some((section, &resolution.profile))
        }
        _ => None,
    }
}

/// When the session in a profile expires, as far as the tool that wrote it says so.
pub fn expiration(profile: &Profile) -> Option<DateTime<Utc>> {
    let text = EXPIRATIONS.iter().find_map(|key| profile.get(key))?.trim();
    let rfc = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    // aws-mfa's own format.
    rfc.ok().or_else(|| Some(NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()?.and_utc()))
}

fn own(profile: &Profile, keys: &StaticKeys, at: DateTime<Utc>, writer: Option<&str>) -> Finding {
    let name = profile.name();
    let what = format!("the session in [{name}] expired at {}", timestamp(at));
    let finding = Finding::warning(what).at(&keys.origin);
    let finding = match writer {
        Some(writer) => {
            let login = CommandLine::new("awsmfa login").profile(writer);
            let setup = CommandLine::new("awsmfa setup").profile(writer);
            finding
                .fix(format!("get a new session: `{login}`"))
                .fix(format!("or let tools renew sessions by themselves: `{setup}`"))
        }
        None => {
            let logout = CommandLine::new("awsmfa logout").profile(name);
            finding.fix(format!("remove the session: `{logout}`"))
        }
    };
    finding.repair(Repair::RemoveSession { section: name.to_owned() })
}

/// The tool that writes this key, if it is only one.
fn tool(marker: &str) -> Option<&'static str> {
    Some(match marker {
        "assumed_role" | "assumed_role_arn" => "aws-mfa",
        "autoawsume" | "manager" => "awsume",
        "x_principal_arn" => "saml2aws",
        "aws_credential_expiration" => "aws-vault",
        _ => return None,
    })
}

/// A session that another tool wrote: `login` does not overwrite it.
fn foreign(
    profile: &Profile,
    keys: &StaticKeys,
    marker: &str,
    expired: Option<DateTime<Utc>>,
    writer: Option<&str>,
) -> Finding {
    let name = profile.name();
    let tool = tool(marker).unwrap_or("another tool");
    let written = format!("[{name}] holds a session written by {tool} (it has `{marker}`)");
    let finding = match expired {
        Some(at) => Finding::warning(format!("{written}, which expired at {}", timestamp(at))),
        None if writer.is_some() => Finding::warning(written),
        None => Finding::note(written),
    };
    let finding = finding.at(&keys.origin);
    match writer {
        Some(writer) => {
            let login = CommandLine::new("awsmfa login").profile(writer).switch("--force", true);
            let setup = CommandLine::new("awsmfa setup").profile(writer);
            finding
                .fix(format!("connect the profile with awsmfa: `{setup}`"))
                .fix(format!("or overwrite the session: `{login}`"))
        }
        None => finding.fix(format!("remove section [{name}] if you no longer use that tool")),
    }
}

/// A session without an expiration, such as that of `aws configure mfa-login`.
fn unknown(profile: &Profile, keys: &StaticKeys) -> Finding {
    let name = profile.name();
    Finding::note(format!(
        "[{name}] holds a session without an expiration, as `aws configure mfa-login` writes it; awsmfa does not renew it"
    ))
    .at(&keys.origin)
    .fix(format!("remove section [{name}] once its session has expired"))
}

/// `aws_security_token` with another value than `aws_session_token`: botocore prefers it.
fn legacy_token(exam: &Exam, profile: &Profile) -> Option<Finding> {
    const LEGACY: &str = "aws_security_token";
    let (legacy, token) = (profile.value(LEGACY)?, profile.get("aws_session_token")?);
    let name = profile.name();
    let is_in = exam.ctx.aws_files().path(AwsFile::Credentials) == legacy.origin.path.as_path();
    let remove =
        remedies::here().delete_line("remove the line", legacy.origin.line, LEGACY, &legacy.origin.path);
    let finding = Finding::warning(format!(
        "`{LEGACY}` of profile `{name}` differs from `aws_session_token`; the AWS CLI and boto3 use the older key"
    ));
    let section = name.to_owned();
    let repair = Repair::RemoveKey { file: AwsFile::Credentials, section, key: LEGACY };
    let finding = Finding { repair: is_in.then_some(repair), ..finding.at(&legacy.origin).fix(remove) };
    (legacy.text() != token).then_some(finding)
}
