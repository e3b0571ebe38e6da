//! The codes of all devices, as an authenticator app shows them, and the copying of one.
//!
//! **A code that is only shown here is not used up.** `awsmfa code` records the code that it prints, because the person who
//! asks for one code uses it. A screen that stays open shows the codes of all devices, and nobody uses most of them; if they
//! were recorded, `login` could never get a session while a screen is open. So a code is recorded when the person copies it,
//! and not before.
//!
//! The person may still type a code that is on the screen while `login` needs one. AWS accepts it from the first of them only.
//! If that is `login`, the screen says within a second that the code was used, and shows the next one, which AWS accepts
//! already. If it is the person, AWS rejects the code that `login` sends, and `login` sends another one, as it does for a device
//! that several computers share. Neither loses more than one try, so `login` needs to know nothing of the screen.
//!
//! Nothing is asked of AWS. Each secret is read once, before the screen opens, so that a locked store prompts only once. A
//! device that is added later is shown, too, and so is a secret that replaces another: they are read if that needs no person.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clipboard::{CLEARED_AFTER, Clipboard, Copied};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::ledger::Ledgers;
use crate::model::serial::Serial;
use crate::model::step::Step;
use crate::model::totp::Seed;
use crate::store::registry::DeviceRecord;
use crate::store::{StoreError, StoreKind};
use crate::ui::{CodeRow, Codes, CurrentCode};

/// How long copying waits for another process that is sending a code of the device.
const LEDGER_LIMIT: Duration = Duration::from_secs(3);

/// The devices on the screen.
pub struct Watch<'a> {
    ctx: &'a Context,
    ledgers: Ledgers,
    clipboard: Clipboard<'a>,
    /// The device that alone is shown.
    only: Option<Serial>,
    devices: Vec<Device>,
}

struct Device {
    record: DeviceRecord,
    seed: CommandResult<Seed>,
    /// The step of the code that was copied last.
    copied: Option<Step>,
}

impl<'a> Watch<'a> {
    /// Reads the secrets of all devices, or of this one. Fails if none of them can be read.
    pub fn of(ctx: &'a Context, only: Option<&Serial>) -> CommandResult<Self> {
        let mut closed = BTreeMap::new();
        let mut devices = Vec::new();
        for record in records(ctx, only)? {
            let seed = seed(ctx, &record, &mut closed);
            if let Err(error) = &seed
                && error.kind == ErrorKind::Interrupted
            {
                return Err(error.clone());
            }
            devices.push(Device { record, seed, copied: None });
        }
        match devices.iter().find(|device| device.seed.is_ok()).or(devices.first()) {
            None => Err(match only {
                Some(serial) => ctx.vault.not_stored(serial.as_str()),
                None => ctx.vault.nothing_stored(),
            }),
            Some(Device { seed: Err(error), .. }) => Err(error.clone()),
            Some(_) => {
                let (ledgers, clipboard) = (ctx.ledgers(), Clipboard::new(&ctx.env));
                Ok(Self { ctx, ledgers, clipboard, only: only.cloned(), devices })
            }
        }
    }

    /// Follows what other processes change in the registry. One that cannot be read now changes nothing.
    fn refresh(&mut self) {
        let Ok(records) = records(self.ctx, self.only.as_ref()) else { return };
        if records.iter().eq(self.devices.iter().map(|device| &device.record)) {
            return;
        }
        let mut before = std::mem::take(&mut self.devices);
        let readable: Vec<StoreKind> =
            before.iter().filter(|device| device.seed.is_ok()).map(|device| device.record.store).collect();
        self.devices = records
            .into_iter()
            .map(|record| {
                let known = before.iter().position(|device| device.record.serial == record.serial);
                match known.map(|place| before.swap_remove(place)) {
                    Some(Device { record: old, seed: Ok(seed), copied })
                        if old.stored_at == record.stored_at =>
                    {
                        Device { record, seed: Ok(seed), copied }
                    }
                    _ => Device { seed: silently(self.ctx, &record, &readable), record, copied: None },
                }
            })
            .collect();
    }
}

/// The devices to show, in their order.
fn records(ctx: &Context, only: Option<&Serial>) -> CommandResult<Vec<DeviceRecord>> {
    let mut records = ctx.vault.devices()?;
    records.retain(|record| only.is_none_or(|serial| record.serial == *serial));
    records.sort_by_key(|record| (record.serial.account().map(str::to_owned), name(record).to_lowercase()));
    Ok(records)
}

/// A device's seed, if one of these stores has it, which do not prompt: they have returned secrets before.
fn silently(ctx: &Context, record: &DeviceRecord, readable: &[StoreKind]) -> CommandResult<Seed> {
    if !readable.contains(&record.store) || !ctx.vault.stores.get(record.store)?.is_readable() {
        let why = format!("the {} store is locked; quit and start `awsmfa code --watch` again", record.store);
        return Err(CommandError::new(ErrorKind::Store, why));
    }
    seed(ctx, record, &mut BTreeMap::new())
}

/// A device's seed. A store that cannot be opened is not asked again: it would prompt for each device.
fn seed(
    ctx: &Context,
    record: &DeviceRecord,
    closed: &mut BTreeMap<StoreKind, CommandError>,
) -> CommandResult<Seed> {
    if let Some(error) = closed.get(&record.store) {
        return Err(error.clone());
    }
    let seed = ctx.vault.seed(&record.serial);
    if let Err(error) = &seed
        && error.source().and_then(|source| source.downcast_ref()).is_some_and(StoreError::is_closed)
    {
        closed.insert(record.store, error.clone());
    }
    seed?.ok_or_else(|| ctx.vault.not_stored(record.serial.as_str()))
}

/// What the person calls the device.
fn name(record: &DeviceRecord) -> &str {
    record.label.as_deref().unwrap_or(record.serial.device_name())
}

impl Device {
    fn row(&self, ledgers: &Ledgers, now: DateTime<Utc>) -> CodeRow {
        let DeviceRecord { serial, user, profiles, .. } = &self.record;
        let group =
            serial.account().map_or("hardware tokens".to_owned(), |account| format!("account {account}"));
        let others = profiles.iter().chain(user).cloned().chain([serial.device_name().to_owned()]);
        let current = match &self.seed {
            Ok(seed) => self.current(seed, ledgers, now).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let id = serial.to_string();
        CodeRow { id, group, name: name(&self.record).to_owned(), other_names: others.collect(), current }
    }

    fn current(&self, seed: &Seed, ledgers: &Ledgers, now: DateTime<Utc>) -> std::io::Result<CurrentCode> {
        let usage = ledgers.usage(&self.record.serial)?;
        let now = now + usage.offset();
        let step = Step::at(now);
        let is_copied = self.copied == Some(step);
        let (code, next) = (seed.code(step), seed.code(step.next()));
        // A code that was copied counts as shown. It is not sent by awsmfa anymore, so it is not used by anything else.
        let is_used = usage.is_used_up(step, &code) && !is_copied;
        let next = Some(next)
            .filter(|code| self.copied == Some(step.next()) || !usage.is_used_up(step.next(), code));
        Ok(CurrentCode { code, next, seconds_left: step.seconds_left(now), is_used, is_copied })
    }

    /// Copies the current code, or the next one if the current was used. A code that was copied can be copied again.
    fn copy(&mut self, ctx: &Context, ledgers: &Ledgers, clipboard: &mut Clipboard) -> CommandResult<String> {
        let seed = self.seed.as_ref().map_err(Clone::clone)?;
        let serial = &self.record.serial;
        clipboard.check().map_err(|error| CommandError::new(ErrorKind::Failed, error))?;
        let Some(ledger) = ledgers.open_within(serial, LEDGER_LIMIT, &*ctx.clock)? else {
            return Err(CommandError::new(
                ErrorKind::Failed,
                "another awsmfa process is using the device; try again",
            ));
        };
        let now = ctx.clock.now() + ledger.offset();
        let current = Step::at(now);
        let is_free =
            |step: &Step| self.copied == Some(*step) || !ledger.is_used_up(*step, &seed.code(*step));
        let Some(step) = [current, current.next()].into_iter().find(is_free) else {
            let left = current.seconds_left(now);
            let why = format!("the codes that AWS accepts now were used; the next one comes in {left} s");
            return Err(CommandError::new(ErrorKind::Failed, why));
        };
        // If the code cannot be recorded, at most one try of `login` is lost.
        let copy = |_| clipboard.copy(&seed.code(step)).map_err(|e| CommandError::new(ErrorKind::Failed, e));
        let copied = ledger.give(step, &*ctx.clock, copy)?;
        self.copied = Some(step);
        let which = if step == current { "code" } else { "next code" };
        let what = format!("copied the {which} for {}", name(&self.record));
        Ok(match copied {
            Copied::Desktop => format!("{what}; the clipboard is cleared in {} s", CLEARED_AFTER.as_secs()),
            Copied::Terminal { blocked_by_tmux: false } => format!("{what} through the terminal"),
            Copied::Terminal { blocked_by_tmux: true } => {
                format!("{what}, but tmux may block it: `tmux set-option -s set-clipboard on`")
            }
        })
    }
}

impl Codes for Watch<'_> {
    fn rows(&mut self) -> Vec<CodeRow> {
        self.refresh();
        let now = self.ctx.clock.now();
        self.devices.iter().map(|device| device.row(&self.ledgers, now)).collect()
    }

    fn copy(&mut self, device: usize) -> Result<String, String> {
        let Some(device) = self.devices.get_mut(device) else {
            return Err("there is no such device".to_owned());
        };
        device.copy(self.ctx, &self.ledgers, &mut self.clipboard).map_err(|error| error.to_string())
    }

    /// At the next second: steps begin at whole seconds, and so does AWS's time as it is known here.
    fn until_change(&self) -> Duration {
        let passed = self.ctx.clock.now().timestamp_subsec_millis().min(999);
        Duration::from_millis((1000 - passed).into())
    }
}
