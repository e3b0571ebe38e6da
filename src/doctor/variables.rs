//! Environment variables that win, are left over, or are invalid.

use chrono::DateTime;

use super::exam::Exam;
use crate::aws_files::AwsFile;
use crate::aws_files::resolve::{ResolveError, resolve};
use crate::env::{AWSMFA_PASSPHRASE_FILE, AWSMFA_STORE};
use crate::error::CommandError;
use crate::files;
use crate::findings::Finding;
use crate::model::place::Place;
use crate::model::region::Region;
use crate::model::session::timestamp;
use crate::ui::{Severity, remedies};

use super::own::exposed;

pub fn check(exam: &Exam, found: &mut Vec<Finding>) {
    chosen_profile(exam, found);
    missing_files(exam, found);
    regions(exam, found);
    session(exam, found);
    endpoint(exam, found);
    own(exam, found);
}

fn at(finding: Finding, name: &str) -> Finding {
    finding.at(Place::Variable(name.to_owned()))
}

fn chosen_profile(exam: &Exam, found: &mut Vec<Finding>) {
    let get = |name| exam.ctx.env.get(name);
    if let (Some(profile), Some(other)) = (get("AWS_PROFILE"), get("AWS_DEFAULT_PROFILE"))
        && profile != other
    {
        let what = format!(
            "AWS_DEFAULT_PROFILE is `{other}`, but AWS_PROFILE is `{profile}`; boto3 and AWS CLI v1 use the former, other tools the latter"
        );
        let fix = remedies::here().unset(&["AWS_DEFAULT_PROFILE"]);
        found.push(at(Finding::warning(what), "AWS_DEFAULT_PROFILE").fix(fix));
    }
    let Some(profiles) = &exam.profiles else { return };
    for name in ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"] {
        let Some(profile) = get(name) else { continue };
        if let Err(ResolveError::NoSuchProfile { near, .. }) = resolve(profiles, profile) {
            let finding = Finding::error(format!("{name} is `{profile}`, a profile that does not exist"));
            let fix = match near.first() {
                Some(near) => remedies::here().set(name, near),
                None => remedies::here().unset(&[name]),
            };
            found.push(at(finding, name).fix(fix));
        }
    }
}

/// A path to an AWS file that does not exist: all programs go on without its profiles.
fn missing_files(exam: &Exam, found: &mut Vec<Finding>) {
    for (name, file) in
        [("AWS_CONFIG_FILE", AwsFile::Config), ("AWS_SHARED_CREDENTIALS_FILE", AwsFile::Credentials)]
    {
        let path = exam.ctx.aws_files().path(file);
        // A link whose target is missing, and what else cannot be read, are other findings.
        if exam.ctx.env.get(name).is_some() && files::is_missing(path) {
            let what = format!("{name} is `{}`, which does not exist", path.display());
            found.push(at(Finding::warning(what), name).fix(remedies::here().unset(&[name])));
        }
    }
}

/// Mistyped regions. Servers other than AWS have regions of their own.
fn regions(exam: &Exam, found: &mut Vec<Finding>) {
    let get = |name| exam.ctx.env.get(name);
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        let Some(region) = get(name).and_then(|text| text.parse::<Region>().ok()) else { continue };
        if region.is_known() || get("AWS_ENDPOINT_URL").is_some() {
            continue;
        }
        // A region that this version does not know may be new.
        let severity = if region.has_aws_form() { Severity::Note } else { Severity::Warning };
        let what = format!("{name} is `{region}`, which is not a known AWS region");
        let fix = remedies::here().set(name, region.as_unknown().near.unwrap_or("us-east-1"));
        found.push(at(Finding::new(severity, what), name).fix(fix));
    }
}

/// A session in the environment that has expired or has lost its keys.
fn session(exam: &Exam, found: &mut Vec<Finding>) {
    let get = |name| exam.ctx.env.inherited(name);
    let all =
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"];
    let has_keys = get(all[0]).is_some() && get(all[1]).is_some();
    for name in ["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"] {
        if get(name).is_some() && !has_keys {
            let what = format!("{name} is set without an access key");
            found.push(at(Finding::warning(what), name).fix(remedies::here().unset(&[name])));
        }
    }
    let expiration = get(all[3]).and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    if let Some(expiration) = expiration.filter(|end| has_keys && *end <= exam.ctx.clock.now()) {
        let what = format!("the session in the environment expired at {}", timestamp(expiration.to_utc()));
        found.push(at(Finding::error(what), all[0]).fix(remedies::here().unset(&all)));
    }
}

/// Another server than AWS. That is fine if it is meant.
fn endpoint(exam: &Exam, found: &mut Vec<Finding>) {
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_IAM"] {
        if let Some(url) = exam.ctx.env.get(name) {
            let what = format!("{name} sends requests to `{url}` instead of AWS");
            let fix = format!("use AWS: `{}`", remedies::here().unset(&[name]));
            found.push(at(Finding::note(what), name).fix(fix));
        }
    }
}

/// awsmfa's own variables.
fn own(exam: &Exam, found: &mut Vec<Finding>) {
    let (env, stores) = (&exam.ctx.env, &exam.ctx.vault.stores);
    let mut check = |name: &str, error: Option<CommandError>| {
        found.extend(error.map(|error| at(error.into(), name)));
    };
    check(crate::env::AWSMFA_UNLOCK_FOR, stores.age_file().err());
    if env.get(AWSMFA_STORE).is_some() {
        check(AWSMFA_STORE, stores.for_new(None).err());
    }
    check(crate::env::AWSMFA_DURATION, crate::session::check_duration(env).err());
    let Some(path) = env.path(AWSMFA_PASSPHRASE_FILE) else { return };
    let warn = |error| exposed(error).severity(Severity::Warning);
    found.extend(files::check_users(&env.expand_home(&path), true).err().map(warn));
}
