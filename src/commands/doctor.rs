//! `awsmfa doctor`

use serde::Serialize;

use super::args::{JsonArg, ProfileArg};
use crate::context::Context;
use crate::doctor::{self, Options, Report};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::findings::Finding;
use crate::model::place::Place;
use crate::ui::Severity;

/// Find what is or would go wrong, and how to fix it
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Checks the AWS files, profiles, variables, devices, secrets and awsmfa's own files, and asks AWS about keys, devices and the \
clock. Each finding says what is wrong, where, and what fixes it. doctor never prompts, and changes nothing without `--fix`.

Exits with 1 if there is an error or a warning.

Examples:
  awsmfa doctor
  awsmfa doctor --profile dev --fix
  awsmfa doctor --offline --json")]
#[command(mut_arg("profile", |arg| arg.help("Only this profile [default: all]")))]
pub struct DoctorArgs {
    #[command(flatten)]
    profile: ProfileArg,
    /// Fix what is safe to fix
    #[arg(long)]
    fix: bool,
    /// Do not ask AWS
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    json: JsonArg,
}

#[derive(Serialize)]
struct FindingOutput<'a> {
    severity: String,
    what: &'a str,
    r#where: Option<String>,
    path: Option<String>,
    line: Option<usize>,
    fix: &'a [String],
    /// Whether `--fix` fixes it.
    fixable: bool,
}

pub fn run(ctx: &Context, args: &DoctorArgs) -> CommandResult {
    let options = Options { profile: args.profile.profile.as_deref(), offline: args.offline };
    let mut report = doctor::examine(ctx, &options);
    if args.fix && fix(ctx, &report) {
        report = doctor::examine(ctx, &options);
    }
    show(ctx, args, &report)?;
    summary(&report, args).map_or(Ok(()), Err)
}

/// Returns whether anything was tried.
fn fix(ctx: &Context, report: &Report) -> bool {
    let fixed = doctor::fix(ctx, report);
    for (finding, result) in &fixed {
        match result {
            Ok(()) => ctx.ui.say(format_args!("fixed: {}", finding.line())),
            Err(error) => ctx.ui.warn(format_args!("cannot fix: {}: {error}", finding.line())),
        }
    }
    !fixed.is_empty()
}

fn show(ctx: &Context, args: &DoctorArgs, report: &Report) -> CommandResult {
    for skipped in &report.skipped {
        ctx.ui.say(skipped);
    }
    if args.json.json {
        let output: Vec<FindingOutput> = report.findings.iter().map(output).collect();
        return Ok(ctx.ui.pretty_json(&output)?);
    }
    let entries: Vec<_> = report.findings.iter().map(Finding::entry).collect();
    ctx.ui.entries(&entries)?;
    if problems(report).count() == 0 {
        let (profiles, devices) = (report.profiles, report.devices);
        ctx.ui.result(&format!(
            "no problems found in {} and {}\n",
            count(profiles, "profile"),
            count(devices, "device")
        ))?;
    }
    Ok(())
}

fn output(finding: &Finding) -> FindingOutput<'_> {
    let place = finding.place.as_ref();
    FindingOutput {
        severity: finding.severity.to_string(),
        what: &finding.what,
        r#where: place.map(Place::to_string),
        path: place.and_then(Place::path).map(|path| path.display().to_string()),
        line: place.and_then(Place::line),
        fix: &finding.fix,
        fixable: finding.repair.is_some(),
    }
}

fn problems(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(|finding| finding.severity != Severity::Note)
}

/// The error of a doctor who found something.
fn summary(report: &Report, args: &DoctorArgs) -> Option<CommandError> {
    let of = |severity| problems(report).filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    let found = match (errors, warnings) {
        (0, 0) => return None,
        (errors, 0) => count(errors, "error"),
        (0, warnings) => count(warnings, "warning"),
        (errors, warnings) => format!("{} and {}", count(errors, "error"), count(warnings, "warning")),
    };
    let error = CommandError::new(ErrorKind::Failed, format!("found {found}"));
    let fixable = problems(report).filter(|finding| finding.repair.is_some()).count();
    if fixable == 0 || args.fix {
        return Some(error);
    }
    let fix = crate::model::shell::CommandLine::new("awsmfa doctor");
    let fix = fix.option("--profile", args.profile.profile.as_ref()).switch("--fix", true);
    Some(error.hint(format!("fix what is safe to fix ({fixable}): `{fix}`")))
}

fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
