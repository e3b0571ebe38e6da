//! Settings that resolve, but do not work everywhere.

use crate::aws_files::profiles::{Profile, Profiles, SERVICES, SSO_SESSION, Value};
use crate::doctor::exam::{Exam, Sound};
use crate::findings::Finding;
use crate::model::region::{Region, RegionError};
use crate::model::shell::CommandLine;
use crate::session;
use crate::ui::Severity;

pub fn odd(exam: &Exam, profiles: &Profiles, sound: &Sound) -> Vec<Finding> {
    let Some(profile) = profiles.get(&sound.resolution.profile) else { return Vec::new() };
    // What makes awsmfa fail is a finding already.
    let others = |finding| if sound.is_ours { None } else { finding };
    let unknown = others(unknown_source(profile)).or_else(|| others(not_a_region(profile)));
    let missing = [(SSO_SESSION, "sso_session"), (SERVICES, "services")];
    let missing = missing.into_iter().filter_map(|(kind, key)| missing_section(profiles, profile, kind, key));
    [region(exam, profile), unknown].into_iter().flatten().chain(missing).collect()
}

/// A setting that names a section that is not there. Every command with the profile fails then.
fn missing_section(profiles: &Profiles, profile: &Profile, kind: &str, key: &'static str) -> Option<Finding> {
    let value = profile.value(key)?;
    let (profile, named) = (profile.name(), value.text().trim());
    if named.is_empty() || profiles.other(kind, named).is_some() {
        return None;
    }
    let what = format!("profile `{profile}` has `{key} = {named}`, but there is no section [{kind} {named}]");
    let finding = Finding::error(what).at(&value.origin);
    Some(match profiles.others_near(kind, named).first() {
        Some(near) => finding.fix(CommandLine::new("aws configure set").arg(key).arg(near).profile(profile)),
        None if kind == SSO_SESSION => finding.fix("create the section: `aws configure sso-session`"),
        None => {
            finding.fix(format!("add the section [{kind} {named}] to the config file, or remove `{key}`"))
        }
    })
}

/// A mistyped region. One that this version does not know may be new, and servers other than AWS have regions of their own.
fn region(exam: &Exam, profile: &Profile) -> Option<Finding> {
    let value = profile.value("region")?;
    let elsewhere = exam.ctx.env.get("AWS_ENDPOINT_URL").is_some() || profile.get("endpoint_url").is_some();
    let region = value.text().parse::<Region>().ok().filter(|region| !region.is_known() && !elsewhere)?;
    let severity = if region.has_aws_form() { Severity::Note } else { Severity::Warning };
    Some(unknown_region(profile, value, &region.as_unknown()).severity(severity))
}

fn not_a_region(profile: &Profile) -> Option<Finding> {
    let value = profile.value("region")?;
    Some(unknown_region(profile, value, &value.text().parse::<Region>().err()?))
}

fn unknown_region(profile: &Profile, value: &Value, error: &RegionError) -> Finding {
    let name = profile.name();
    let what = format!("`region` of profile `{name}` is `{}`, which is not a known AWS region", error.text);
    let set = CommandLine::new("aws configure set region").arg(error.near.unwrap_or("REGION")).profile(name);
    Finding::warning(what).at(&value.origin).fix(set)
}

fn unknown_source(profile: &Profile) -> Option<Finding> {
    let (source, _) = (profile.value("credential_source")?, profile.get("role_arn")?);
    let error = session::check_credential_source(profile.name(), source.text()).err()?;
    Some(Finding::from(error).severity(Severity::Warning).at(&source.origin))
}
