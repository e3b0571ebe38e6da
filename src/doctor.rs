//! Doctor: looks for everything that is or would go wrong, and fixes what is safe to fix. Nothing prompts, runs a program that
//! prints credentials, or uses a code.

mod devices;
mod exam;
mod files;
mod hidden;
mod own;
mod profiles;
mod programs;
mod remote;
mod sessions;
mod variables;

use std::collections::HashSet;

use crate::context::Context;
use crate::error::CommandResult;
use crate::findings::{Finding, Repair, repair};
use crate::ui::Severity;
use exam::Exam;
pub use exam::Options;

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    pub findings: Vec<Finding>,
    /// What could not be checked, and why.
    pub skipped: Vec<String>,
    /// How many profiles were checked.
    pub profiles: usize,
    /// How many stored devices were checked.
    pub devices: usize,
}

/// Looks at everything.
pub fn examine(ctx: &Context, options: &Options) -> Report {
    let mut report = Report::default();
    let found = &mut report.findings;
    own::check(ctx, found);
    let profiles = files::check(ctx, found);
    let exam = Exam::new(ctx, options, profiles, found);
    variables::check(&exam, found);
    let sound = match &exam.profiles {
        Some(_) => profiles::check(&exam, found),
        None => {
            report.skipped.push("the profiles were not checked: an AWS file cannot be read".to_owned());
            Vec::new()
        }
    };
    programs::check(&exam, found);
    hidden::check(&exam, &sound, found);
    sessions::check(&exam, &sound, found);
    report.devices = devices::check(&exam, &sound, found);
    report.skipped.extend(remote::check(&exam, &sound, found));
    report.profiles = exam.names.len();
    report.findings = each_once(report.findings);
    report
}

/// Each finding once, and without a warning about a place if an error has the same fix.
fn each_once(findings: Vec<Finding>) -> Vec<Finding> {
    let is_error = |finding: &&Finding| finding.severity == Severity::Error && finding.place.is_some();
    let errors: Vec<Finding> = findings.iter().filter(is_error).cloned().collect();
    let is_said = |finding: &Finding| {
        let said = |error: &Finding| error.place == finding.place && error.fix == finding.fix;
        finding.severity != Severity::Error && errors.iter().any(said)
    };
    let mut seen = HashSet::new();
    findings.into_iter().filter(|finding| !is_said(finding) && seen.insert(finding.line())).collect()
}

/// Fixes what is safe to fix. Returns each finding that has a repair, and whether it worked.
pub fn fix<'a>(ctx: &Context, report: &'a Report) -> Vec<(&'a Finding, CommandResult)> {
    let fixable = || report.findings.iter().filter_map(|finding| Some((finding, finding.repair.as_ref()?)));
    let repairs: Vec<&Repair> = fixable().map(|(_, repair)| repair).collect();
    fixable().map(|(finding, _)| finding).zip(repair::apply(ctx, &repairs)).collect()
}
