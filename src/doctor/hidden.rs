//! What keeps SDKs from using awsmfa's sessions.

use super::exam::{Exam, Sound};
use crate::aws_files::AwsFile;
use crate::aws_files::resolve::Destination;
use crate::aws_files::session_edits::own_sessions;
use crate::aws_files::winner::{self, Cause, Claim};
use crate::findings::{self, Finding};

pub fn check(exam: &Exam, sound: &[Sound], found: &mut Vec<Finding>) {
    let Some(profiles) = &exam.profiles else { return };
    let written = exam.ctx.aws_files().read(AwsFile::Credentials).map(|document| own_sessions(&document));
    let written = written.unwrap_or_default();
    let mut environment = None;
    let mut add = |profile: &str, claim: Claim<'_>| {
        for finding in winner::findings(profiles, &findings::variables(exam.ctx, profile), profile, claim) {
            match finding.cause {
                // The environment is the same for all profiles.
                Cause::Environment(_) => drop(environment.get_or_insert(finding)),
                _ => found.push(Finding::from(&finding)),
            }
        }
    };
    // The profile that people use without a flag comes first.
    let usual = |profile: &&Sound| profile.resolution.profile == exam.ctx.env.profile();
    let ours = || sound.iter().filter(|profile| profile.is_ours);
    for Sound { resolution, .. } in ours().filter(usual).chain(ours().filter(|profile| !usual(profile))) {
        let name = &resolution.profile;
        for at in exam.served.get(name).into_iter().flatten() {
            add(name, Claim::Served { at, profile: name });
        }
        match &resolution.target {
            Destination::Section(section) if written.contains(section) => add(name, Claim::Written(section)),
            // Without keys there is no login.
            Destination::Section(section) if resolution.keys.is_ok() => add(name, Claim::Planned(section)),
            _ => {}
        }
    }
    found.extend(environment.as_ref().map(Finding::from));
}
