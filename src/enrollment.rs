//! Enrolment: from a user without MFA to one whose device's secret is kept here, and which AWS takes codes of.
//!
//! ```text
//! planned ── CreateVirtualMFADevice, seed into the store ── stored ── EnableMFADevice ── enabled
//!         ── a session made with it, or ListMFADevices ── verified ── register, profile ── done
//! ```
//!
//! Whatever can fail without AWS's having made anything is checked first. Each state is in the `journal` before the
//! step that leaves it, and each step finds out by itself whether it was made already; so a run that was killed, or whose
//! answer was lost, is mended by running the same again. What AWS tells once, the seed, goes to the store before anything
//! else is done.

mod choose;
mod create;
mod enable;
mod finish;
mod hints;
mod journal;
mod new_user;
mod preflight;
mod requests;
mod verify;

use chrono::{DateTime, Utc};
use std::cell::OnceCell;

pub use journal::Stage;
use journal::{Journal, Journals, UserJournal};

use crate::aws::{MfaDevice, Tag, VirtualDevice};
use crate::caller::{Caller, OwnKeys};
use crate::choice::Named;
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::interrupt;
use crate::model::identity::Who;
use crate::model::names::{DeviceName, IamPath, PolicyArn, UserName};
use crate::model::serial::Serial;
use crate::model::totp::Seed;
use crate::store::{SecretStore, StoreKind};

/// What the command line asks for.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Who gets the device; `None` for the caller.
    pub user: Option<UserName>,
    /// The profile whose credentials do the work.
    pub profile: Option<String>,
    /// The device's name; `None` for the user's.
    pub device_name: Option<DeviceName>,
    pub path: IamPath,
    /// The profile that is to use the device.
    pub for_profile: Option<String>,
    pub store: Option<StoreKind>,
    /// Only go on with what was begun.
    pub resume: bool,
    /// Delete a device that is nobody's and in the way.
    pub replace: bool,
    pub yes: bool,
    /// Tags of the device; they need another permission.
    pub tags: Vec<Tag>,
    pub new_user: Option<NewUser>,
}

/// What to make of a user who need not exist yet; each is left alone where it is there.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    pub path: IamPath,
    pub policies: Vec<PolicyArn>,
    /// Whether to make a password for the console.
    pub console_password: bool,
    /// Whether to make an access key and write it as the profile's long-term keys.
    pub access_key: bool,
}

/// How it is known that AWS has the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// AWS gave a session for a code of it, which ends then.
    Session(DateTime<Utc>),
    /// AWS lists it as the user's.
    Listed,
    /// AWS said that it enabled it; the caller may not list devices.
    Unlisted,
}

/// An enrolment that came to its end.
#[derive(Debug)]
pub struct Enrolled {
    pub user: String,
    pub account: String,
    pub serial: Serial,
    pub seed: Seed,
    pub store: StoreKind,
    /// The profile that uses it.
    pub profile: Option<String>,
    /// How AWS's having it is known.
    pub proof: Proof,
    /// Devices that were in the way: nobody's, with secrets that nobody has.
    pub stale: Vec<Serial>,
    /// Whether the user was made now.
    pub made_user: bool,
    /// The access key that was made now.
    pub access_key_id: Option<String>,
}

/// Enrols a device, or goes on with the enrolment that was begun for the user.
pub fn enroll(ctx: &Context, wishes: &Wishes) -> CommandResult<Enrolled> {
    let journals = Journals::new(ctx.paths.enrollments());
    let wishes = with_profile(ctx, resumed(&journals, wishes)?);
    ctx.ui.doing("asking AWS whose credentials these are");
    let caller = Caller::find(ctx, wishes.profile.as_deref())?;
    let mut run = Run::new(ctx, wishes, caller)?;
    let (account, user) = (run.account(), run.target.user.clone());
    let file = journals.open(&account, &user, &*ctx.clock, || {
        ctx.ui.say(format_args!("another awsmfa is enrolling `{user}`; waiting for it"));
    })?;
    let begun = run.begun(&file)?;
    if run.wishes.resume && file.read()?.is_none() {
        return Err(run.not_begun(&journals)?);
    }
    run.take_over(begun.as_ref());
    run.check_places(&file)?;
    run.tell_lost_key(&file)?;
    let mut needs_store = begun.as_ref().is_none_or(|journal| journal.stage == Stage::Planned);
    if let Some(new_user) = run.wishes.new_user.clone() {
        if std::mem::take(&mut needs_store) {
            run.check_store()?;
        }
        interrupt::say(hints::AGAIN);
        run.new_user(&new_user, &file).map_err(|error| match error.kind {
            ErrorKind::Network => error.hint(hints::AGAIN),
            _ => error,
        })?;
    }
    let mut journal = run.plan(begun)?;
    if needs_store && journal.stage == Stage::Planned {
        run.check_store()?;
    }
    let driven = run.drive(&file, &mut journal);
    // Ctrl-C from here on interrupts something else.
    interrupt::forget();
    match driven {
        Ok(proof) => run.enrolled(&journal, proof),
        Err(error) => Err(run.failed(&file, &journal, error)?),
    }
}

/// Forgets the enrolments under way of a device that is removed: they cannot be gone on with.
pub fn forget_journal_of(ctx: &Context, serial: &Serial) -> CommandResult {
    let journals = Journals::new(ctx.paths.enrollments());
    for file in journals.naming(serial)? {
        let file = file.lock()?;
        if file.read()?.is_some_and(|journal| journal.serial == *serial) {
            file.remove()?;
        }
    }
    Ok(())
}

/// With `--resume`, the wishes of the run that is to be gone on with.
fn resumed(journals: &Journals, wishes: &Wishes) -> CommandResult<Wishes> {
    if !wishes.resume {
        return Ok(wishes.clone());
    }
    let same = |j: &Journal| wishes.user.as_ref().is_none_or(|u| u.as_str().eq_ignore_ascii_case(&j.user));
    let found: Vec<Journal> = journals.unfinished()?.into_iter().filter(same).collect();
    let [journal] = found.as_slice() else {
        // One user's name in several accounts: the credentials tell.
        if wishes.user.is_some() && wishes.profile.is_some() && !found.is_empty() {
            return Ok(wishes.clone());
        }
        let this = |message: &str| CommandError::new(ErrorKind::Usage, message);
        if found.is_empty() {
            let this = this("no enrolment was begun that could be gone on with");
            return Err(this.hint(hints::command(wishes)));
        }
        let this = this("several enrolments were begun; name the user");
        return Err(found.iter().fold(this, |this, journal| {
            this.hint(hints::resume(&journal.user, journal.profile.as_deref()))
        }));
    };
    Ok(Wishes {
        user: Some(journal.user.parse()?),
        profile: wishes.profile.clone().or_else(|| journal.profile.clone()),
        for_profile: wishes.for_profile.clone().or_else(|| journal.for_profile.clone()),
        path: journal.path.clone(),
        ..wishes.clone()
    })
}

/// The wishes with the profile that the environment names, where the credentials are that profile's.
fn with_profile(ctx: &Context, mut wishes: Wishes) -> Wishes {
    let named = Named::of(wishes.profile.as_deref(), &ctx.env);
    wishes.profile = named.whose_credentials(&ctx.env).map(str::to_owned);
    wishes
}

#[derive(Debug, Clone)]
struct Target {
    user: String,
    arn: String,
    is_self: bool,
}

/// What AWS has already, as far as the caller may know.
#[derive(Debug, Default)]
struct Lists {
    devices: Option<Vec<MfaDevice>>,
    virtuals: Option<Vec<VirtualDevice>>,
}

/// An enrolment under way in this process.
struct Run<'a> {
    ctx: &'a Context,
    /// What is wished, now or, where nothing else is wished now, when the enrolment was begun.
    wishes: Wishes,
    caller: Caller,
    target: Target,
    lists: Lists,
    /// The profile that was named as the one to use the device, now or when the enrolment was begun.
    for_profile: Option<String>,
    /// The store that was named, now or when the enrolment was begun.
    store: Option<StoreKind>,
    /// The device that is enrolled.
    serial: Option<Serial>,
    /// Whether it was tried to sign with MFA.
    proved: bool,
    /// Whether the device and its user were there with nothing left to do but to check.
    was_there: bool,
    /// Whether a device that was in the way, or gone, was made anew.
    recreated: bool,
    /// Devices that were deleted to be made anew: each is, once.
    replaced: Vec<Serial>,
    /// Whether an earlier run had AWS enable the device.
    went_on: bool,
    /// Whether going on would lead to the same end.
    given_up: bool,
    made_user: bool,
    made_device: bool,
    made_key: Option<String>,
    /// The user's own keys, once they were looked for.
    own: OnceCell<Option<OwnKeys>>,
}

impl<'a> Run<'a> {
    fn new(ctx: &'a Context, wishes: Wishes, caller: Caller) -> CommandResult<Self> {
        let target = target(&wishes, &caller)?;
        Ok(Self {
            ctx,
            caller,
            target,
            lists: Lists::default(),
            for_profile: wishes.for_profile.clone(),
            store: wishes.store,
            wishes,
            serial: None,
            proved: false,
            was_there: false,
            recreated: false,
            replaced: Vec::new(),
            went_on: false,
            given_up: false,
            made_user: false,
            made_device: false,
            made_key: None,
            own: OnceCell::new(),
        })
    }

    /// The enrolment that was begun for the user, if it is the one that is wished.
    fn begun(&self, file: &UserJournal) -> CommandResult<Option<Journal>> {
        let Some(mut journal) = file.read()? else { return Ok(None) };
        self.check_kept(file, &mut journal)?;
        let is_its = |name: &DeviceName| *name == journal.name || Some(name) == journal.device_name.as_ref();
        let other = self.wishes.device_name.as_ref().is_some_and(|name| !is_its(name));
        if other && journal.stage > Stage::Planned && !self.wishes.yes {
            let message =
                format!("the enrolment of `{}` for `{}` is not finished", journal.serial, journal.user);
            return Err(CommandError::new(ErrorKind::Usage, message)
                .hint(format!("finish it first: `{}`", self.go_on()))
                .hint("or leave it as it is, with its secret in the store: `--yes`"));
        }
        let age = self.ctx.clock.now() - journal.began;
        self.ctx.ui.detail(format_args!(
            "an enrolment of `{}` was begun {} s ago and came to `{:?}`",
            journal.serial,
            age.num_seconds(),
            journal.stage
        ));
        Ok((!other).then_some(journal))
    }

    /// The account, told from those of other partitions.
    fn account(&self) -> String {
        let identity = &self.caller.identity;
        match identity.partition.as_str() {
            "aws" => identity.account.clone(),
            other => format!("{other} {}", identity.account),
        }
    }

    /// With `--resume` nothing is begun: where the credentials are of another account than the enrolment, it is told.
    fn not_begun(&self, journals: &Journals) -> CommandResult<CommandError> {
        let (user, account) = (&self.target.user, &self.caller.identity.account);
        let unfinished = journals.unfinished()?;
        let elsewhere: Vec<_> = unfinished.iter().filter(|j| j.user.eq_ignore_ascii_case(user)).collect();
        let accounts: Vec<_> = elsewhere.iter().map(|journal| format!("`{}`", journal.account)).collect();
        let mut message = format!(
            "these credentials are of account `{account}`, and no enrolment of `{user}` was begun there"
        );
        if !accounts.is_empty() {
            message.push_str(&format!(", but in {}", accounts.join(", ")));
        }
        let this = CommandError::new(ErrorKind::Usage, message);
        Ok(elsewhere.iter().fold(this, |this, journal| {
            let profile = journal.profile.as_deref().unwrap_or("NAME");
            this.hint(format!("go on there: `{}`", hints::resume(&journal.user, Some(profile))))
        }))
    }

    /// What was wished when the enrolment was begun, where nothing else is wished now.
    fn take_over(&mut self, begun: Option<&Journal>) {
        let Some(journal) = begun else { return };
        self.for_profile = self.for_profile.take().or_else(|| journal.for_profile.clone());
        self.store = self.store.or(Some(journal.store));
        let wishes = &mut self.wishes;
        wishes.device_name = wishes.device_name.take().or_else(|| journal.device_name.clone());
        if wishes.path == IamPath::default() {
            wishes.path.clone_from(&journal.path);
        }
        if wishes.tags.is_empty() {
            let tag = |(key, value): &(String, String)| Tag { key: key.clone(), value: value.clone() };
            wishes.tags = journal.tags.iter().map(tag).collect();
        }
    }

    /// Takes every step that is left.
    fn drive(&mut self, file: &UserJournal, journal: &mut Journal) -> CommandResult<Proof> {
        let mut proof = None;
        loop {
            self.serial = Some(journal.serial.clone());
            file.save(journal)?;
            interrupt::say(&format!("go on with `{}`", self.go_on()));
            match journal.stage {
                Stage::Planned => self.create(file, journal)?,
                Stage::Stored => self.enable(journal)?,
                Stage::Enabled => proof = self.verify(journal)?,
                Stage::Verified => {
                    self.finish(journal)?;
                    file.remove()?;
                    // A run that was killed in its last step proved it before.
                    return Ok(proof.unwrap_or(Proof::Unlisted));
                }
            }
        }
    }

    fn enrolled(&self, journal: &Journal, proof: Proof) -> CommandResult<Enrolled> {
        Ok(Enrolled {
            user: journal.user.clone(),
            account: journal.account.clone(),
            serial: journal.serial.clone(),
            seed: self.seed(journal)?,
            store: journal.store,
            profile: self.using_profile(),
            proof,
            stale: journal.stale.clone(),
            made_user: self.made_user,
            access_key_id: self.made_key.clone(),
        })
    }

    /// Says how to go on, unless nothing was begun; then nothing is left of it.
    fn failed(
        &self,
        file: &UserJournal,
        journal: &Journal,
        error: CommandError,
    ) -> CommandResult<CommandError> {
        // After an outage AWS may have created the device.
        let begun = journal.stage > Stage::Planned || error.kind == ErrorKind::Network;
        if begun && !self.given_up {
            return Ok(error.hint(format!("nothing is lost; go on with `{}`", self.go_on())));
        }
        file.remove()?;
        Ok(error)
    }

    /// The command that goes on from here.
    fn go_on(&self) -> String {
        hints::resume(&self.target.user, self.wishes.profile.as_deref()).to_string()
    }

    fn store_of(&self, journal: &Journal) -> CommandResult<&dyn SecretStore> {
        self.ctx.vault.stores.get(journal.store)
    }
}

fn target(wishes: &Wishes, caller: &Caller) -> CommandResult<Target> {
    let identity = &caller.identity;
    let own = match &identity.who {
        Who::User { name, path } => Some((name, path)),
        Who::Root | Who::Session => None,
    };
    let named = wishes.user.as_ref().map(UserName::as_str);
    let by_name = || hints::command(&Wishes { user: "NAME".parse().ok(), ..wishes.clone() });
    match (named, own) {
        (None, Some((name, path))) => {
            Ok(Target { user: name.clone(), arn: identity.user_arn(path, name), is_self: true })
        }
        (Some(named), Some((name, path))) if named.eq_ignore_ascii_case(name) => {
            Ok(Target { user: name.clone(), arn: identity.user_arn(path, name), is_self: true })
        }
        // The path of another user is learnt, if that is allowed, when the user is looked up.
        (Some(named), _) => {
            Ok(Target { user: named.to_owned(), arn: identity.user_arn("/", named), is_self: false })
        }
        (None, None) if identity.who == Who::Root => {
            let message = "these are the root user's credentials, whose MFA AWS lets only the console enable";
            let serial = identity.device_arn("/", "root-account-mfa-device");
            Err(CommandError::new(ErrorKind::Refused, message)
                .hint(format!(
                    "begin there, then `awsmfa device import --serial {serial}` and `awsmfa code --pair {serial}`"
                ))
                .hint(format!("or enrol a user: `{}`", by_name())))
        }
        (None, None) => {
            let message = format!("`{}` is no IAM user, so it can have no MFA device", identity.arn);
            Err(CommandError::new(ErrorKind::Usage, message).hint(format!("name the user: `{}`", by_name())))
        }
    }
}
