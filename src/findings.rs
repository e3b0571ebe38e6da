//! Warnings about what keeps SDKs from using a session. `aws_files::winner` finds these things and has the words and the
//! commands that fix them.

use crate::aws_files::own_command::served_profile;
use crate::aws_files::profiles::Profiles;
use crate::aws_files::winner::{self, Choice, Claim, Finding, Sdk, Variables};
use crate::aws_files::write::FileError;
use crate::context::Context;
use crate::error::CommandError;
use crate::model::shell::quoted;
use crate::ui::Verbosity;

/// What keeps SDKs from using the claimed session of `profile`. With `-v`, shows what each SDK uses.
pub fn of(ctx: &Context, profiles: &Profiles, profile: &str, claim: Claim<'_>) -> Vec<Finding> {
    // In the environment of `awsmfa exec`, SDKs use the session of its profile.
    let variables = match ctx.env.handed_out() == Some(profile) {
        true => Variables::read(|name| ctx.env.get(name)),
        false => Variables::read(|name| ctx.env.inherited(name)),
    };
    if ctx.ui.style().verbosity == Verbosity::Verbose {
        show(ctx, profiles, &variables, claim.at());
        if profile != claim.at() {
            show(ctx, profiles, &variables, profile);
        }
    }
    winner::findings(profiles, &variables, profile, claim)
}

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

/// Warns about each finding, with the command that fixes it.
pub fn warn(ctx: &Context, findings: &[Finding]) {
    for finding in findings {
        ctx.ui.warn(finding.message());
        for hint in finding.hints() {
            ctx.ui.hint(hint);
        }
    }
}

/// Warns about each AWS file that the AWS CLI and boto3 reject as a whole: for them, no profile has a session then.
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

/// The claims of all profiles with a `credential_process` that asks awsmfa for `profile`.
pub fn served<'a>(profiles: &'a Profiles, profile: &'a str) -> Vec<Claim<'a>> {
    let asks = |at: &str, command: &str| match served_profile(command) {
        Some(Some(served)) => served == profile,
        Some(None) => at == profile,
        None => false,
    };
    let all = profiles.iter().filter(|p| p.get("credential_process").is_some_and(|c| asks(p.name(), c)));
    all.map(|p| Claim::Served { at: p.name(), profile }).collect()
}
