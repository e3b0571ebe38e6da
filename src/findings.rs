//! Findings: what is or would go wrong, where, and what fixes it. `doctor` lists them; a command warns about those that concern
//! what it has just done.

pub mod repair;

use std::fmt::Display;
use std::path::Path;

use crate::aws_files::Origin;
use crate::aws_files::document::UnsafeEdit;
use crate::aws_files::own_command::served_profile;
use crate::aws_files::profiles::Profiles;
use crate::aws_files::winner::{self, Cause, Choice, Claim, FromEnvironment, Sdk, Variables};
use crate::aws_files::write::FileError;
use crate::context::Context;
use crate::error::CommandError;
use crate::model::place::Place;
use crate::model::shell::quoted;
use crate::ui::{Entry, Severity, Verbosity};
pub use repair::Repair;

/// Something that is or would go wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// One line: what is wrong and why.
    pub what: String,
    /// Where it can be changed, if that is one place.
    pub place: Option<Place>,
    /// What to do, preferably a command to paste.
    pub fix: Vec<String>,
    /// What `doctor --fix` does about it.
    pub repair: Option<Repair>,
}

impl Finding {
    pub fn new(severity: Severity, what: impl Into<String>) -> Self {
        Self { severity, what: what.into(), place: None, fix: Vec::new(), repair: None }
    }

    pub fn error(what: impl Into<String>) -> Self {
        Self::new(Severity::Error, what)
    }

    pub fn warning(what: impl Into<String>) -> Self {
        Self::new(Severity::Warning, what)
    }

    pub fn note(what: impl Into<String>) -> Self {
        Self::new(Severity::Note, what)
    }

    #[must_use]
    pub fn at(mut self, place: impl Into<Place>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// At a line of an AWS file, if it is in one.
    #[must_use]
    pub fn at_origin(self, origin: Option<&Origin>) -> Self {
        match origin {
            Some(origin) => self.at(origin),
            None => self,
        }
    }

    #[must_use]
    pub fn fix(mut self, hint: impl Display) -> Self {
        self.fix.push(hint.to_string());
        self
    }

    #[must_use]
    pub fn repair(mut self, repair: Repair) -> Self {
        self.repair = Some(repair);
        self
    }

    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// What is wrong and where, in one line. Most messages name the place themselves.
    pub fn line(&self) -> String {
        let Some(place) = &self.place else { return self.what.clone() };
        let names = |text: String| self.what.contains(&text);
        let in_words = match place {
            Place::Line(path, line) => names(path.display().to_string()) && names(format!(" line {line}:")),
            _ => false,
        };
        match in_words || names(place.to_string()) {
            true => self.what.clone(),
            false => format!("{} ({place})", self.what),
        }
    }

    /// Warns about it.
    fn warn(&self, ctx: &Context) {
        ctx.ui.warn(&self.what);
        self.fix.iter().for_each(|hint| ctx.ui.hint(hint));
    }

    /// The finding in a list for people.
    pub fn entry(&self) -> Entry {
        Entry { severity: self.severity, text: self.line(), fixes: self.fix.clone() }
    }
}

/// Something that makes a command fail is an error.
impl From<CommandError> for Finding {
    fn from(error: CommandError) -> Self {
        let CommandError { message, hints, place, .. } = error;
        Self { place: place.map(|place| *place), fix: hints, ..Self::error(message) }
    }
}

impl From<&winner::Finding> for Finding {
    fn from(found: &winner::Finding) -> Self {
        let (severity, place) = match &found.cause {
            Cause::Environment(FromEnvironment::Keys) => {
                (Severity::Warning, Some(Place::Variable("AWS_ACCESS_KEY_ID".to_owned())))
            }
            Cause::Environment(FromEnvironment::HalfKey) => {
                (Severity::Error, Some(Place::Variable("AWS_ACCESS_KEY_ID".to_owned())))
            }
            Cause::Environment(FromEnvironment::WebIdentity) => {
                (Severity::Warning, Some(Place::Variable("AWS_WEB_IDENTITY_TOKEN_FILE".to_owned())))
            }
            Cause::Keys { origin, .. } | Cause::Elsewhere(_, origin) => {
                (Severity::Warning, Some(Place::from(origin)))
            }
            Cause::Role(command) | Cause::NoProfileNamed(command) => {
                (Severity::Warning, Some(Place::from(&command.origin)))
            }
            Cause::AsksForCode(serial) => (Severity::Warning, Some(Place::from(&serial.origin))),
            Cause::Other => (Severity::Error, None),
        };
        Self { severity, what: found.message(), place, fix: found.hints(), repair: None }
    }
}

/// The credential variables as SDKs see them.
pub fn variables(ctx: &Context, profile: &str) -> Variables {
    // In the environment of `awsmfa exec`, SDKs use the session of its profile.
    match ctx.env.handed_out() == Some(profile) {
        true => Variables::read(|name| ctx.env.get(name)),
        false => Variables::read(|name| ctx.env.inherited(name)),
    }
}

/// What keeps SDKs from using the claimed session of `profile`. With `-v`, shows what each SDK uses.
pub fn of(ctx: &Context, profiles: &Profiles, profile: &str, claim: Claim<'_>) -> Vec<winner::Finding> {
    let variables = variables(ctx, profile);
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
pub fn warn(ctx: &Context, findings: &[winner::Finding]) {
    findings.iter().map(Finding::from).for_each(|finding| finding.warn(ctx));
}

/// What is wrong with the syntax of a file.
pub fn of_syntax(path: &Path, obstacle: &UnsafeEdit) -> Finding {
    let shown = path.display();
    let finding = match obstacle.breaks_botocore() {
        true => Finding::error(format!("the AWS CLI and boto3 cannot read {shown}: {obstacle}")),
        false => Finding::warning(format!("{shown}: {obstacle}")),
    };
    let error = CommandError::from(FileError::Unsafe { path: path.to_owned(), source: obstacle.clone() });
    Finding { place: error.place.map(|place| *place), fix: error.hints, ..finding }
}

/// Warns about each AWS file that the AWS CLI and boto3 reject as a whole: for them, no profile has a session then.
pub fn warn_of_files(ctx: &Context) {
    let Ok(profiles) = ctx.profiles() else { return };
    for file in profiles.files() {
        let mut obstacles = profiles.obstacles().filter(|(path, _)| path == file);
        if let Some((path, obstacle)) = obstacles.find(|(_, obstacle)| obstacle.breaks_botocore()) {
            of_syntax(path, obstacle).warn(ctx);
        }
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
