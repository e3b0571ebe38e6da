//! Where a session goes: a section of the credentials file, or nowhere if the profile's `credential_process` serves it.

use crate::aws_files::AwsFile;
use crate::aws_files::document::UnsafeEdit;
use crate::aws_files::resolve::{Destination, Resolution, resolve};
use crate::aws_files::session_edits::{self, SessionEditError, SessionValues, WriteReport};
use crate::aws_files::syntax::is_identifier;
use crate::aws_files::write::EditError;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::again::again;
use crate::model::session::Session;
use crate::model::shell::quoted;

/// Where the profile's session goes, or where `output` says. `output` must be a profile that every SDK reads a session from.
pub fn of(ctx: &Context, profile: &Resolution, output: Option<&str>) -> CommandResult<Destination> {
    let Some(name) = output else { return Ok(profile.target.clone()) };
    if !is_identifier(name) {
        let message = format!("some SDKs cannot read a profile named `{name}`");
        return Err(CommandError::new(ErrorKind::Usage, message).hint("use letters, digits and `-_.@+`"));
    }
    let taken = |message: String| {
        Err(CommandError::new(ErrorKind::Configuration, message)
            .hint("choose an unused name for `--output-profile`"))
    };
    let profiles = ctx.profiles()?;
    let other = resolve(&profiles, name).map(|resolution| resolution.target);
    if other.is_ok_and(|target| target != Destination::Section(name.to_owned())) {
        return taken(format!(
            "profile `{name}` has a role or a `credential_process`, which SDKs prefer to a session"
        ));
    }
    let keys = profiles.get(name).and_then(|profile| profile.static_keys().ok().flatten());
    // Its own long-term keys would have to move away, and nobody asked for that.
    if name != profile.profile && keys.is_some_and(|keys| keys.session_token.is_none()) {
        return taken(format!(
            "profile `{name}` has its own long-term keys, which a session would overwrite"
        ));
    }
    Ok(Destination::Section(name.to_owned()))
}

/// A `credential_process` serves the session that the profile describes, not a narrower one.
pub fn cannot_narrow(profile: &str) -> CommandError {
    let message =
        format!("`--policy` has no effect on what the `credential_process` of profile `{profile}` serves");
    let other = format!("{profile}-narrow");
    CommandError::new(ErrorKind::Usage, message)
        .hint(format!("write the narrowed session to another profile: `--output-profile {}`", quoted(&other)))
}

/// Checks, before a code is used, that a session can be written to a section.
pub fn rehearse(ctx: &Context, profile: &str, section: &str, force: bool) -> CommandResult {
    let values = SessionValues::placeholder();
    let rehearsed = ctx.aws_files().rehearse(AwsFile::Credentials, |document| {
        session_edits::write_session(document, section, &values, force)
    });
    let Err(error) = rehearsed else { return Ok(()) };
    let login = || again("awsmfa login").without("--all").profile_if_none(profile);
    let elsewhere = |name: &str| {
        let command = login().with("--output-profile", Some(&format!("{name}-mfa")));
        format!("write the session to another profile: `{command}`")
    };
    let hints = match &error {
        EditError::Edit { source: SessionEditError::ForeignSession { .. }, .. } => {
            let force = login().with("--force", None);
            vec![format!("overwrite it: `{force}`"), format!("or {}", elsewhere(profile))]
        }
        EditError::Edit { source: SessionEditError::Unsafe(UnsafeEdit::UnwritableName { .. }), .. } => {
            let name = section.replace(|c: char| !is_identifier(c.encode_utf8(&mut [0; 4])), "-");
            vec![format!("or {}", elsewhere(&name))]
        }
        _ => Vec::new(),
    };
    Err(hints.iter().fold(error.into(), CommandError::hint))
}

/// Writes a session to a section.
pub fn write(ctx: &Context, section: &str, session: &Session, force: bool) -> CommandResult<WriteReport> {
    let values = SessionValues::from(session);
    let edit = |document: &mut _| -> Result<WriteReport, SessionEditError> {
        session_edits::write_session(document, section, &values, force)
    };
    Ok(ctx.aws_files().edit(AwsFile::Credentials, edit)?)
}

/// Removes a session that an earlier login wrote to a profile that has a `credential_process` now: SDKs would go on using
/// the session, even after it expired. Returns whether there was one.
pub fn remove_old(ctx: &Context, name: &str) -> bool {
    let removed = || -> CommandResult<bool> {
        let files = ctx.aws_files();
        let own = session_edits::own_sessions(&files.read(AwsFile::Credentials)?);
        if !own.iter().any(|section| section == name) {
            return Ok(false);
        }
        let edit = |document: &mut _| -> Result<_, SessionEditError> {
            session_edits::remove_session(document, name, false)
        };
        Ok(files.edit(AwsFile::Credentials, edit)?.removed)
    };
    // If that fails, the session is among the findings.
    removed().unwrap_or_else(|error| {
        ctx.ui.detail(format_args!("cannot remove the session from [{name}]: {error}"));
        false
    })
}
