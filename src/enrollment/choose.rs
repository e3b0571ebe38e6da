//! Preflight at AWS, and the choice of the device's name: what is there already, and what of it is ours.

use super::journal::{Begun, Journal, Stage, UserJournal};
use super::{Run, Wishes, hints};
use crate::aws::AwsErrorKind;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::names::DeviceName;
use crate::model::serial::Serial;
use crate::model::totp::Seed;
use crate::store::StoreKind;
use crate::ui::PromptError;

/// AWS allows a user so many devices.
const DEVICES_PER_USER: usize = 8;
/// So many names are tried beside one that is taken.
pub(super) const NAMES: usize = 20;

/// What is there under a name.
enum Found {
    /// Nothing, as far as can be known.
    Nothing,
    /// A device whose secret is here, and how far it came.
    Ours(Stage, StoreKind),
    /// A device of nobody's whose secret is not here.
    Stale,
    /// The user's own device, whose secret is not here.
    Own,
    /// Another's device.
    Others(String),
}

impl Run<'_> {
    /// The journal to go on with: the one that was begun, or a new one for a device that AWS does not have yet, or whose
    /// secret is here without a journal.
    pub(super) fn plan(&mut self, begun: Option<Journal>) -> CommandResult<Journal> {
        if let Some(journal) = begun.clone().filter(|journal| journal.stage > Stage::Planned) {
            self.ctx.ui.say(format_args!("going on with the enrolment of `{}`", journal.serial));
            self.went_on = journal.stage >= Stage::Enabled;
            return Ok(journal);
        }
        self.ctx.ui.doing("looking at what is there");
        self.look_at_user()?;
        self.look_at_devices()?;
        let mut stale = begun.map(|journal| journal.stale).unwrap_or_default();
        let base = self.base_name()?;
        let begun = self.choose(&base, 1, &mut stale)?;
        self.was_there = begun.stage == Stage::Enabled;
        if begun.stage < Stage::Enabled {
            self.check_room(&begun.serial)?;
        }
        let now = self.ctx.clock.now();
        let account = self.caller.identity.account.clone();
        let mut journal = Journal::new(begun, &account, &self.target.user, &self.wishes.path, now);
        journal.profile.clone_from(&self.wishes.profile);
        journal.for_profile = self.using_profile();
        journal.device_name.clone_from(&self.wishes.device_name);
        journal.tags = self.wishes.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        journal.stale = stale;
        Ok(journal)
    }

    /// The device's name, if it is free.
    pub(super) fn base_name(&self) -> CommandResult<DeviceName> {
        Ok(match &self.wishes.device_name {
            Some(name) => name.clone(),
            // A policy from before users could have several devices allows this name only.
            None => self.target.user.parse()?,
        })
    }

    /// A journal whose device's secret is not here any more is as good as one that only chose a name.
    pub(super) fn check_kept(&self, file: &UserJournal, journal: &mut Journal) -> CommandResult {
        if journal.stage == Stage::Planned {
            return Ok(());
        }
        let registered = self.ctx.vault.record(&journal.serial)?.map(|record| record.store);
        journal.store = registered.unwrap_or(journal.store);
        if self.store_of(journal)?.get(journal.serial.as_str())?.is_none() {
            self.ctx.ui.warn(format_args!(
                "the {} store has no secret for `{}` any more, which was being enrolled; beginning again",
                journal.store, journal.serial
            ));
            journal.stage = Stage::Planned;
            file.save(journal)?;
        }
        Ok(())
    }

    /// The device is not the user's any more: chooses again what to enrol.
    pub(super) fn choose_again(&mut self, journal: &mut Journal) -> CommandResult {
        (self.recreated, self.went_on, journal.stage) = (true, false, Stage::Planned);
        self.look_at_devices()?;
        let (serial, user) = (&journal.serial, &journal.user);
        match self.lists.devices {
            Some(_) => self
                .ctx
                .ui
                .warn(format_args!("`{serial}` is no device of `{user}` any more; beginning again")),
            None => self.ctx.ui.warn(format_args!(
                "AWS takes no codes of `{serial}`, and may not tell whether `{user}` has it; beginning again"
            )),
        }
        let begun = self.choose(&self.base_name()?, 1, &mut journal.stale)?;
        if begun.stage < Stage::Enabled {
            self.check_room(&begun.serial)?;
        }
        journal.take(begun);
        Ok(())
    }

    /// Whether another user exists, and under which path; the caller need not be allowed to know.
    fn look_at_user(&mut self) -> CommandResult {
        if self.target.is_self || self.made_user {
            return Ok(());
        }
        let user = self.target.user.clone();
        match self.call(|aws| aws.get_user(&user)) {
            Ok(arn) => self.target.arn = arn,
            Err(error) if error.kind == AwsErrorKind::AccessDenied => {}
            Err(error) => return Err(self.refused_user(error)),
        }
        Ok(())
    }

    fn look_at_devices(&mut self) -> CommandResult {
        self.lists.devices = self.devices_of_target().map_err(|error| self.refused_user(error))?;
        let all = self.call(|aws| aws.list_virtual_mfa_devices());
        self.lists.virtuals = match all {
            Ok(devices) => Some(devices),
            Err(error) if error.kind == AwsErrorKind::AccessDenied => None,
            Err(error) => return Err(refused_list(self, error)),
        };
        Ok(())
    }

    /// Chooses the first name, from the `from`th beside `base` on, that is free or ours.
    pub(super) fn choose(
        &mut self,
        base: &DeviceName,
        from: usize,
        stale: &mut Vec<Serial>,
    ) -> CommandResult<Begun> {
        let explicit = self.wishes.device_name.is_some();
        for number in from..=NAMES {
            let name = base.numbered(number);
            let serial = self.serial_of(&name)?;
            let store = self.ctx.vault.stores.for_new(self.store)?;
            let begun = |stage, store| Ok(Begun { stage, serial: serial.clone(), name: name.clone(), store });
            match self.look_for(&serial)? {
                Found::Nothing => return begun(Stage::Planned, store),
                Found::Ours(stage, store) => return begun(stage, store),
                Found::Stale if self.may_replace(&serial) => {
                    self.delete(&serial)?;
                    return begun(Stage::Planned, store);
                }
                Found::Stale => self.pass_by(&serial, &base.numbered(number + 1), stale),
                Found::Own if explicit => return Err(self.taken(&serial, &self.target.user)),
                Found::Own if number == 1 => self.ask_for_second(&serial)?,
                Found::Others(user) if explicit => return Err(self.taken(&serial, &user)),
                Found::Own | Found::Others(_) => {
                    self.ctx.ui.detail(format_args!("`{serial}` is taken"));
                }
            }
        }
        let message = format!("all names from `{base}` to `{}` are taken", base.numbered(NAMES));
        Err(CommandError::new(ErrorKind::Refused, message).hint("name the device: `--device-name NAME`"))
    }

    fn serial_of(&self, name: &DeviceName) -> CommandResult<Serial> {
        let arn = self.caller.identity.device_arn(self.wishes.path.as_str(), name.as_str());
        arn.parse().map_err(|_| {
            let message = format!(
                "`{arn}` cannot be a device's serial: 256 characters at most, letters, digits and `_+=/:,.@-`"
            );
            CommandError::new(ErrorKind::Usage, message).hint("give another `--path` or `--device-name`")
        })
    }

    fn look_for(&self, serial: &Serial) -> CommandResult<Found> {
        let listed = |d: &crate::aws::MfaDevice| d.serial == serial.as_str();
        let own = self.lists.devices.as_ref().is_some_and(|devices| devices.iter().any(listed));
        let virtuals = self.lists.virtuals.as_deref().unwrap_or_default();
        let found = virtuals.iter().find(|device| device.serial == serial.as_str());
        let owner = match found {
            _ if own => Some(self.target.user.clone()),
            Some(device) => device.assigned.as_ref().map(|to| to.user.clone().unwrap_or("root".to_owned())),
            None => return Ok(Found::Nothing),
        };
        let stored = self.stored(serial)?;
        Ok(match (owner, stored) {
            (Some(owner), stored) if owner.eq_ignore_ascii_case(&self.target.user) => {
                stored.map_or(Found::Own, |store| Found::Ours(Stage::Enabled, store))
            }
            (Some(owner), _) => Found::Others(owner),
            (None, stored) => match (self.reserved(serial)?, stored) {
                (Some(user), _) => Found::Others(user),
                (None, Some(store)) => Found::Ours(Stage::Stored, store),
                (None, None) => Found::Stale,
            },
        })
    }

    /// The other user for whom a device that is nobody's yet was made.
    pub(super) fn reserved(&self, serial: &Serial) -> CommandResult<Option<String>> {
        let user = self.ctx.vault.record(serial)?.and_then(|record| record.user);
        Ok(user.filter(|user| !user.eq_ignore_ascii_case(&self.target.user)))
    }

    /// The store that has the secret under this serial, if the device was not made for another user.
    pub(super) fn ours(&self, serial: &Serial) -> CommandResult<Option<StoreKind>> {
        if self.reserved(serial)?.is_some() { Ok(None) } else { self.stored(serial) }
    }

    /// The store that has a secret under this serial.
    fn stored(&self, serial: &Serial) -> CommandResult<Option<StoreKind>> {
        let registered = self.ctx.vault.record(serial)?.map(|record| record.store);
        // A run that was killed may have stored it and no more.
        let kind = match registered {
            Some(kind) => kind,
            None => self.ctx.vault.stores.for_new(self.store)?,
        };
        let value = self.ctx.vault.stores.get(kind)?.get(serial.as_str())?;
        Ok(value.filter(|uri| Seed::from_uri(uri.expose()).is_ok()).map(|_| kind))
    }

    /// Whether the user may get one more device, in the caller's hands as they are.
    fn check_room(&mut self, new: &Serial) -> CommandResult {
        let Some(devices) = &self.lists.devices else { return Ok(()) };
        if devices.len() >= DEVICES_PER_USER {
            let message =
                format!("`{}` has {} MFA devices, and AWS allows no more", self.target.user, devices.len());
            return Err(CommandError::new(ErrorKind::Refused, message).hint(format!(
                "see which are of no use: `{}`",
                self.aws(&format!("iam list-mfa-devices --user-name {}", self.target.user))
            )));
        }
        // AWS-2023-001 would refuse Enable only after the device was created.
        if self.is_owner() && !devices.is_empty() {
            let serials: Vec<Serial> =
                devices.iter().filter_map(|device| device.serial.parse().ok()).collect();
            self.sign_with(&serials, new)?;
        }
        Ok(())
    }

    /// Signs with MFA from now on, by one of these devices, because AWS demands it.
    pub(super) fn sign_with(&mut self, serials: &[Serial], new: &Serial) -> CommandResult {
        let others: Vec<Serial> = serials.iter().filter(|serial| *serial != new).cloned().collect();
        self.proved = true;
        match self.caller.use_mfa(self.ctx, &others)? {
            true => Ok(()),
            false => Err(self.needs_mfa(others.first().map(Serial::as_str))),
        }
    }

    /// Says that a device is in the way for good.
    pub(super) fn pass_by(&self, serial: &Serial, next: &DeviceName, stale: &mut Vec<Serial>) {
        if stale.contains(serial) {
            return;
        }
        if self.lists.virtuals.is_none() {
            // It may be somebody's, in use: not a device to be deleted on our word.
            self.ctx.ui.warn(format_args!(
                "`{serial}` is in the way, and whose it is cannot be told without iam:ListVirtualMFADevices; trying the name `{next}`"
            ));
            let delete = hints::delete_command(serial);
            return self
                .ctx
                .ui
                .hint(format_args!("if it is nobody's, an administrator can delete it: `{delete}`"));
        }
        stale.push(serial.clone());
        self.ctx.ui.warn(format_args!(
            "`{serial}` is in the way: it is enabled for nobody, and its secret, which AWS told once, is not here; trying the name `{next}`"
        ));
        self.ctx.ui.hint(format_args!("an administrator can delete it: `{}`", hints::delete_command(serial)));
    }

    fn ask_for_second(&self, serial: &Serial) -> CommandResult {
        let user = &self.target.user;
        if self.wishes.yes {
            return Ok(());
        }
        let question =
            format!("{user} has the MFA device {serial}, whose secret is not here; enrol another beside it?");
        match self.ctx.prompt.confirm(&question) {
            Ok(true) => Ok(()),
            Ok(false) => Err(CommandError::new(ErrorKind::Failed, "nothing was changed")),
            Err(error @ PromptError::Interrupted) => Err(error.into()),
            Err(_) => {
                let message =
                    format!("`{user}` has the MFA device `{serial}` already, and its secret is not here");
                let import = self.import(serial.as_str());
                let this = CommandError::new(ErrorKind::Usage, message)
                    .hint(format!("if its secret key is at hand: `{import}`"));
                Err(this.hint(match self.is_owner() && !self.has_other_secret()? {
                    true => format!(
                        "or let an administrator enrol another beside it: `{}`",
                        hints::command(&Wishes { yes: true, ..self.by_admin() })
                    ),
                    false => format!(
                        "or enrol another beside it: `{}`",
                        hints::command(&Wishes { yes: true, ..self.again() })
                    ),
                }))
            }
        }
    }

    /// Whether the secret of a device of the user is here: it makes the session that AWS wants for another device.
    fn has_other_secret(&self) -> CommandResult<bool> {
        let registered = self.ctx.vault.devices()?;
        let mut devices = self.lists.devices.iter().flatten();
        Ok(devices.any(|device| registered.iter().any(|record| record.serial.as_str() == device.serial)))
    }

    pub(super) fn taken(&self, serial: &Serial, user: &str) -> CommandError {
        CommandError::new(
            ErrorKind::Refused,
            format!("the name is taken: `{serial}` is a device of `{user}`"),
        )
        .hint("choose another: `--device-name NAME`")
    }
}

fn refused_list(run: &Run<'_>, error: crate::aws::AwsError) -> CommandError {
    crate::error::denied(error, "*", &run.caller.identity.arn)
}
