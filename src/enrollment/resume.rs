//! Resuming an unfinished enrollment: which one, and what was requested when it was started.

use super::hints;
use super::journal::{Journal, Journals, Stage, UserJournal};
use super::state::{EnrollRequest, Enrollment};
use crate::aws::Tag;
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::names::{DeviceName, IamPath};

/// The request, completed by the environment and, with `--resume`, by the enrollment to resume.
pub(super) fn request(
    ctx: &Context,
    journals: &Journals,
    request: &EnrollRequest,
) -> CommandResult<EnrollRequest> {
    let mut request = if request.resume { resumed(journals, request)? } else { request.clone() };
    // The profile that the environment names, if its credentials are used, appears in hints.
    let named = Named::of(request.profile.as_deref(), &ctx.env);
    request.profile = named.whose_credentials(&ctx.env).map(str::to_owned);
    Ok(request)
}

fn resumed(journals: &Journals, request: &EnrollRequest) -> CommandResult<EnrollRequest> {
    let is_meant =
        |j: &Journal| request.user.as_ref().is_none_or(|u| u.as_str().eq_ignore_ascii_case(&j.user));
    let found: Vec<Journal> = journals.unfinished()?.into_iter().filter(is_meant).collect();
    let [journal] = found.as_slice() else {
        // The user has the same name in several accounts: the credentials decide.
        if request.user.is_some() && request.profile.is_some() && !found.is_empty() {
            return Ok(request.clone());
        }
        return Err(not_one(request, &found));
    };
    Ok(EnrollRequest {
        user: Some(journal.user.parse()?),
        profile: request.profile.clone().or_else(|| journal.profile.clone()),
        for_profile: request.for_profile.clone().or_else(|| journal.for_profile.clone()),
        path: journal.path.clone(),
        ..request.clone()
    })
}

fn not_one(request: &EnrollRequest, found: &[Journal]) -> CommandError {
    if found.is_empty() {
        return CommandError::new(ErrorKind::Usage, "there is no enrollment to resume")
            .hint(hints::command(&EnrollRequest { resume: false, ..request.clone() }));
    }
    let this =
        CommandError::new(ErrorKind::Usage, "several enrollments are unfinished; choose one with `--user`");
    found.iter().fold(this, |this, j| this.hint(hints::resume(&j.user, j.profile.as_deref())))
}

impl Enrollment<'_> {
    /// Locks the user's journal, so that two runs do not enroll the same user at once.
    pub(super) fn open(&self, journals: &Journals) -> CommandResult<UserJournal> {
        let user = &self.target.user;
        Ok(journals.open(&self.account(), user, &*self.ctx.clock, || {
            self.ctx.ui.say(format_args!("waiting for another awsmfa process that is enrolling `{user}`"));
        })?)
    }

    /// The account, with its partition unless that is the usual one.
    fn account(&self) -> String {
        let identity = &self.caller.identity;
        match identity.partition.as_str() {
            "aws" => identity.account.clone(),
            other => format!("{other} {}", identity.account),
        }
    }

    /// The user's unfinished enrollment, if it is the requested one.
    pub(super) fn begun(&self, file: &UserJournal) -> CommandResult<Option<Journal>> {
        let Some(mut journal) = file.read()? else { return Ok(None) };
        self.check_kept(file, &mut journal)?;
        let is_its = |name: &DeviceName| *name == journal.name || Some(name) == journal.device_name.as_ref();
        let other = self.request.device_name.as_ref().is_some_and(|name| !is_its(name));
        if other && journal.stage > Stage::Planned && !self.request.yes {
            let message =
                format!("the enrollment of `{}` for `{}` is unfinished", journal.serial, journal.user);
            return Err(CommandError::new(ErrorKind::Usage, message)
                .hint(format!("finish that enrollment first: `{}`", self.resume_command()))
                .hint("or start another one; the unfinished one's secret is kept: `--yes`"));
        }
        let age = self.ctx.clock.now() - journal.began;
        self.ctx.ui.detail(format_args!(
            "the enrollment of `{}` was started {} s ago and reached `{:?}`",
            journal.serial,
            age.num_seconds(),
            journal.stage
        ));
        Ok((!other).then_some(journal))
    }

    /// `--resume` found no journal: the enrollment may belong to another account.
    pub(super) fn nothing_to_resume(&self, journals: &Journals) -> CommandResult<CommandError> {
        let (user, account) = (&self.target.user, &self.caller.identity.account);
        let unfinished = journals.unfinished()?;
        let elsewhere: Vec<_> = unfinished.iter().filter(|j| j.user.eq_ignore_ascii_case(user)).collect();
        let accounts: Vec<_> = elsewhere.iter().map(|journal| format!("`{}`", journal.account)).collect();
        let mut message = format!(
            "these credentials are for account `{account}`, which has no unfinished enrollment for `{user}`"
        );
        match accounts.as_slice() {
            [] => {}
            [one] => message.push_str(&format!("; account {one} has one")),
            several => message.push_str(&format!("; accounts {} have one", several.join(", "))),
        }
        let this = CommandError::new(ErrorKind::Usage, message);
        Ok(elsewhere.iter().fold(this, |this, journal| {
            let profile = journal.profile.as_deref().unwrap_or("NAME");
            this.hint(format!("resume there: `{}`", hints::resume(&journal.user, Some(profile))))
        }))
    }

    /// Adopts what was requested when the enrollment was started, where nothing else is requested now.
    pub(super) fn adopt(&mut self, begun: Option<&Journal>) {
        let Some(journal) = begun else { return };
        let request = &mut self.request;
        request.for_profile = request.for_profile.take().or_else(|| journal.for_profile.clone());
        request.store = request.store.or(Some(journal.store));
        request.device_name = request.device_name.take().or_else(|| journal.device_name.clone());
        if request.path == IamPath::default() {
            request.path.clone_from(&journal.path);
        }
        if request.tags.is_empty() {
            let tag = |(key, value): &(String, String)| Tag { key: key.clone(), value: value.clone() };
            request.tags = journal.tags.iter().map(tag).collect();
        }
        self.facts.stale.clone_from(&journal.stale);
    }
}
