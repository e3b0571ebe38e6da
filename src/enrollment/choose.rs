//! Choosing the device to enroll: the first name that is free, or whose device is already the user's and stored here.

use super::hints;
use super::journal::{Candidate, Journal, Stage};
use super::state::{EnabledBy, EnrollRequest, Enrollment, Next, Transition};
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::names::DeviceName;
use crate::model::serial::Serial;
use crate::store::StoreKind;

/// AWS's limit.
const DEVICES_PER_USER: usize = 8;
/// How many names are tried: `alice`, `alice-2`, `alice-3`, …
const NAMES: usize = 20;

/// Which device has a name.
enum Holder {
    /// None, as far as the caller may know.
    Nobody,
    /// A device whose secret is stored here, and its stage.
    Ours(Stage, StoreKind),
    /// An unassigned device whose secret is lost.
    Stale,
    /// A device of the user whose secret is not stored here.
    Users,
    /// A device of this other user.
    Others(String),
}

impl Enrollment<'_> {
    /// The journal of the enrollment to resume, or a new one.
    pub(super) fn plan(&mut self, begun: Option<Journal>) -> CommandResult<Journal> {
        if let Some(journal) = begun.filter(|journal| journal.stage > Stage::Planned) {
            self.ctx.ui.say(format_args!("resuming the enrollment of `{}`", journal.serial));
            if journal.stage >= Stage::Enabled {
                self.enabled_by = EnabledBy::EarlierRun;
            }
            return Ok(journal);
        }
        self.ctx.ui.doing("checking existing devices");
        self.look_at_user()?;
        self.look_at_devices()?;
        let candidate = self.choose(&self.base_name()?, 1)?;
        if candidate.stage == Stage::Enabled {
            self.enabled_by = EnabledBy::Unknown;
        } else {
            self.check_room(&candidate.serial)?;
        }
        let now = self.ctx.clock.now();
        let account = self.caller.identity.account.clone();
        let mut journal = Journal::new(candidate, &account, &self.target.user, &self.request.path, now);
        journal.profile.clone_from(&self.request.profile);
        journal.for_profile = self.using_profile();
        journal.device_name.clone_from(&self.request.device_name);
        journal.tags = self.request.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        Ok(journal)
    }

    /// The device does not belong to the user anymore: chooses again what to enroll.
    pub(super) fn start_over(&mut self, journal: &Journal) -> Transition {
        self.made.started_over = true;
        self.enabled_by = EnabledBy::ThisRun;
        self.look_at_devices()?;
        let (serial, user) = (&journal.serial, &journal.user);
        self.ctx.ui.warn(match self.facts.devices {
            Some(_) => format!("`{serial}` no longer belongs to `{user}`; starting over"),
            None => format!(
                "AWS rejects codes from `{serial}`, and these credentials cannot check its owner; starting over"
            ),
        });
        let candidate = self.choose(&self.base_name()?, 1)?;
        if candidate.stage < Stage::Enabled {
            self.check_room(&candidate.serial)?;
        }
        Ok(Next::Device(candidate))
    }

    /// Chooses the next name after the journal's, which another device has.
    pub(super) fn choose_next(&mut self, journal: &Journal) -> Transition {
        let reserved = self.reserved_for(&journal.serial)?;
        if reserved.is_none() && self.may_replace(&journal.serial) {
            self.replace(&journal.serial)?;
            return Ok(Next::Stage(Stage::Planned));
        }
        let base = self.base_name()?;
        let number = (1..=NAMES).find(|n| base.numbered(*n) == journal.name).unwrap_or(1) + 1;
        match reserved {
            None => self.pass_over(&journal.serial, &base.numbered(number)),
            Some(user) if self.request.device_name.is_some() => {
                return Err(taken(&journal.serial, &user).into());
            }
            Some(_) => {}
        }
        Ok(Next::Device(self.choose(&base, number)?))
    }

    /// The device's name, if it is free.
    fn base_name(&self) -> CommandResult<DeviceName> {
        Ok(match &self.request.device_name {
            Some(name) => name.clone(),
            // Policies from the time when users had one device allow this name only.
            None => self.target.user.parse()?,
        })
    }

    /// The first name, from the given number on, that is free or whose device is ours.
    fn choose(&mut self, base: &DeviceName, from: usize) -> CommandResult<Candidate> {
        let explicit = self.request.device_name.is_some();
        for number in from..=NAMES {
            let name = base.numbered(number);
            let serial = self.serial_of(&name)?;
            let store = self.ctx.vault.stores.for_new(self.request.store)?;
            let candidate =
                |stage, store| Ok(Candidate { stage, serial: serial.clone(), name: name.clone(), store });
            match self.holder(&serial)? {
                Holder::Nobody => return candidate(Stage::Planned, store),
                Holder::Ours(stage, store) => return candidate(stage, store),
                Holder::Stale if self.may_replace(&serial) => {
                    self.replace(&serial)?;
                    return candidate(Stage::Planned, store);
                }
                Holder::Stale => self.pass_over(&serial, &base.numbered(number + 1)),
                Holder::Users if explicit => return Err(taken(&serial, &self.target.user)),
                Holder::Users if number == 1 => self.ask_for_another(&serial)?,
                Holder::Others(user) if explicit => return Err(taken(&serial, &user)),
                Holder::Users | Holder::Others(_) => {
                    self.ctx.ui.detail(format_args!("`{serial}` is taken"));
                }
            }
        }
        let message = format!("all names from `{base}` to `{}` are taken", base.numbered(NAMES));
        Err(CommandError::new(ErrorKind::Refused, message).hint("choose a name: `--device-name NAME`"))
    }

    fn serial_of(&self, name: &DeviceName) -> CommandResult<Serial> {
        let arn = self.caller.identity.device_arn(self.request.path.as_str(), name.as_str());
        arn.parse().map_err(|_| {
            let message = format!(
                "`{arn}` cannot be a device's serial: at most 256 characters, only letters, digits and `_+=/:,.@-`"
            );
            CommandError::new(ErrorKind::Usage, message).hint("use another `--path` or `--device-name`")
        })
    }

    fn holder(&self, serial: &Serial) -> CommandResult<Holder> {
        let is_users = self.facts.devices.iter().flatten().any(|device| device.serial == serial.as_str());
        let listed = self.facts.virtuals.iter().flatten().find(|device| device.serial == serial.as_str());
        let owner = match listed {
            _ if is_users => Some(self.target.user.clone()),
            Some(device) => device.assigned.as_ref().map(|to| to.user.clone().unwrap_or("root".to_owned())),
            None => return Ok(Holder::Nobody),
        };
        let stored = self.stored(serial)?;
        Ok(match (owner, stored) {
            (Some(owner), stored) if owner.eq_ignore_ascii_case(&self.target.user) => {
                stored.map_or(Holder::Users, |store| Holder::Ours(Stage::Enabled, store))
            }
            (Some(owner), _) => Holder::Others(owner),
            (None, stored) => match (self.reserved_for(serial)?, stored) {
                (Some(user), _) => Holder::Others(user),
                (None, Some(store)) => Holder::Ours(Stage::Stored, store),
                (None, None) => Holder::Stale,
            },
        })
    }

    /// Checks that the user may have one more device, and that these credentials may enable it.
    fn check_room(&mut self, new: &Serial) -> CommandResult {
        let Some(devices) = &self.facts.devices else { return Ok(()) };
        if devices.len() >= DEVICES_PER_USER {
            let message =
                format!("`{}` already has {} MFA devices, the maximum", self.target.user, devices.len());
            let list = self.aws(&["iam", "list-mfa-devices", "--user-name", &self.target.user]);
            return Err(CommandError::new(ErrorKind::Refused, message)
                .hint(format!("find a device to remove: `{list}`")));
        }
        // AWS would refuse EnableMFADevice only after the device was created (AWS-2023-001).
        if self.is_owner() && !devices.is_empty() {
            let serials: Vec<Serial> =
                devices.iter().filter_map(|device| device.serial.parse().ok()).collect();
            self.sign_with(&serials, new)?;
        }
        Ok(())
    }

    /// Warns that an unassigned device has the name.
    fn pass_over(&mut self, serial: &Serial, next: &DeviceName) {
        if self.facts.stale.contains(serial) {
            return;
        }
        let delete = hints::delete_command(serial);
        if self.facts.virtuals.is_none() {
            // Somebody may be using it, so nobody should delete it because of this warning.
            self.ctx.ui.warn(format_args!(
                "`{serial}` already exists, and its owner cannot be determined without iam:ListVirtualMFADevices; trying `{next}`"
            ));
            self.ctx.ui.hint(format_args!("if it is unassigned, an administrator can delete it: `{delete}`"));
            return;
        }
        self.facts.stale.push(serial.clone());
        self.ctx.ui.warn(format_args!(
            "`{serial}` already exists, is assigned to no one, and its secret is not stored here; trying `{next}`"
        ));
        self.ctx.ui.hint(format_args!("an administrator can delete it: `{delete}`"));
    }

    fn ask_for_another(&self, serial: &Serial) -> CommandResult {
        let user = &self.target.user;
        if self.request.yes {
            return Ok(());
        }
        let question = format!(
            "`{user}` already has MFA device `{serial}`, and its secret is not stored here; enroll another one?"
        );
        self.ctx.confirm(&question, |_| self.has_another(serial).unwrap_or_else(|error| error))
    }

    fn has_another(&self, serial: &Serial) -> CommandResult<CommandError> {
        let user = &self.target.user;
        let message =
            format!("`{user}` already has MFA device `{serial}`, and its secret is not stored here");
        let this = CommandError::new(ErrorKind::Usage, message)
            .hint(format!("if you have its secret key, import it: `{}`", self.import(serial.as_str())));
        Ok(this.hint(if self.is_owner() && !self.has_other_secret()? {
            let by_admin = EnrollRequest { yes: true, ..self.by_admin() };
            format!("or ask an administrator to enroll another one: `{}`", hints::command(&by_admin))
        } else {
            let again = EnrollRequest { yes: true, ..self.request.clone() };
            format!("or enroll another one: `{}`", hints::command(&again))
        }))
    }

    /// Whether the secret of one of the user's devices is stored here: AWS wants a session made with one for another device.
    fn has_other_secret(&self) -> CommandResult<bool> {
        let registered = self.ctx.vault.devices()?;
        let mut devices = self.facts.devices.iter().flatten();
        Ok(devices.any(|device| registered.iter().any(|record| record.serial.as_str() == device.serial)))
    }
}

/// A device of this user has the name.
pub(super) fn taken(serial: &Serial, user: &str) -> CommandError {
    CommandError::new(ErrorKind::Refused, format!("the name is taken: `{serial}` belongs to `{user}`"))
        .hint("choose another name: `--device-name NAME`")
}
