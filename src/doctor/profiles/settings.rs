//! Settings that resolve, but do not work everywhere.

use crate::aws_files::profiles::{Profile, Profiles, Value};
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
    [region(exam, profile), unknown].into_iter().flatten().collect()
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
