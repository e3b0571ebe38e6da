//! What keeps sessions from the SDKs, shown to a person. What there is to find, its words and the command that helps are in
//! `aws_files::winner`.

use crate::aws_files::own_command::served_profile;
use crate::aws_files::profiles::Profiles;
use crate::aws_files::winner::{self, Choice, Claim, Finding, Sdk, Variables};
use crate::aws_files::write::FileError;
use crate::context::Context;
use crate::error::CommandError;
use crate::model::shell::quoted;
use crate::ui::Verbosity;

/// What keeps the claimed session of `profile` from the SDKs. With `-v`, what each of them uses is shown.
pub fn of(ctx: &Context, profiles: &Profiles, profile: &str, claim: Claim<'_>) -> Vec<Finding> {
    let variables = Variables::read(|name| ctx.env.get(name));
    if ctx.ui.style().verbosity == Verbosity::Verbose {
        show(ctx, profiles, &variables, claim.at());
        if profile != claim.at() {
            show(ctx, profiles, &variables, profile);
        }
    }
    winner::findings(profiles, &variables, profile, claim)
}

/// Shows what each SDK uses for a profile.
fn show(ctx: &Context, profiles: &Profiles, variables: &Variables, name: &str) {
    for sdk in Sdk::ALL {
        let used = |choice| winner::used(profiles, variables, sdk, choice, name);
        let (explicit, ambient) = (used(Choice::Explicit), used(Choice::Ambient));
        ctx.ui.detail(format_args!("with `--profile {}`, {sdk} would use {explicit}", quoted(name)));
        if name == ctx.env.profile() && ambient != explicit {
            ctx.ui.detail(format_args!("without `--profile`, {sdk} would use {ambient}"));
        }
    }
}

/// Warns of each, with the command that helps.
pub fn warn(ctx: &Context, findings: &[Finding]) {
    for finding in findings {
        ctx.ui.warn(finding.message());
        for hint in finding.hints() {
            ctx.ui.hint(hint);
        }
    }
}

/// Warns of each AWS file that the AWS CLI and boto3 refuse as a whole: to them, no profile has a session then.
pub fn warn_of_files(ctx: &Context) {
    let Ok(profiles) = ctx.profiles() else { return };
    for file in profiles.files() {
        let mut obstacles = profiles.obstacles().filter(|(path, _)| path == file);
        let Some((path, source)) = obstacles.find(|(_, obstacle)| obstacle.breaks_botocore()) else {
            continue;
        };
        ctx.ui.warn(format_args!("the AWS CLI and boto3 cannot read {}: {source}", path.display()));
        let error = FileError::Unsafe { path: path.to_owned(), source: source.clone() };
        CommandError::from(error).hints.iter().for_each(|hint| ctx.ui.hint(hint));
    }
}

/// The claims of all profiles whose `credential_process` asks us for `profile`.
pub fn served<'a>(profiles: &'a Profiles, profile: &'a str) -> Vec<Claim<'a>> {
    let asks = |at: &str, command: &str| match served_profile(command) {
        Some(Some(served)) => served == profile,
        Some(None) => at == profile,
        None => false,
    };
    let all = profiles.iter().filter(|p| p.get("credential_process").is_some_and(|c| asks(p.name(), c)));
    all.map(|p| Claim::Served { at: p.name(), profile }).collect()
}
