//! Several accounts: one that cannot be imported is named, and stops no other one.

use std::collections::HashMap;

use super::target::{Target, Targets};
use super::{ImportRequest, choose};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::account::Account;
use crate::model::serial::Serial;
use crate::model::totp::Seed;

/// An account with the request for this account alone, its device and its secret.
pub(super) type Resolved = (Account, ImportRequest, CommandResult<(Target, Seed)>);

/// The device of each account that was chosen from `count`. Two different secrets cannot belong to one device; two equal ones are one account.
pub(super) fn resolve(
    request: &ImportRequest,
    targets: &Targets,
    accounts: Vec<Account>,
    count: usize,
) -> Vec<Resolved> {
    let mut all: Vec<Resolved> = Vec::new();
    let mut places: HashMap<Serial, usize> = HashMap::new();
    for account in accounts {
        let only = match count {
            1 => request.clone(),
            _ => ImportRequest { account: Some(account.title()), ..request.clone() },
        };
        let found = of(targets, &only, &account);
        let Ok((target, seed)) = &found else {
            all.push((account, only, found));
            continue;
        };
        let Some(place) = places.get(&target.serial) else {
            places.insert(target.serial.clone(), all.len());
            all.push((account, only, found));
            continue;
        };
        let (first, _, before) = &mut all[*place];
        if matches!(before, Ok((_, other)) if other != seed) {
            *before = Err(choose::same_device(request, first, &account, &target.serial));
        }
    }
    all
}

fn of(targets: &Targets, only: &ImportRequest, account: &Account) -> CommandResult<(Target, Seed)> {
    // Without a name, the device does not depend on the account.
    if account.is_unnamed() {
        return Ok((targets.of(only, account)?, account.seed.clone()?));
    }
    let seed = account.seed.clone();
    let seed = seed.map_err(|error| CommandError::from(error).at(format!("`{}`", account.title())))?;
    Ok((targets.of(only, account)?, seed))
}

/// What became of the accounts.
pub(super) struct Batch<'a> {
    ctx: &'a Context,
    count: usize,
    failed: Vec<ErrorKind>,
}

impl<'a> Batch<'a> {
    pub fn new(ctx: &'a Context, count: usize) -> Self {
        Self { ctx, count, failed: Vec::new() }
    }

    pub fn is_single(&self) -> bool {
        self.count == 1
    }

    /// Shows why an account was not imported. The error of a single account, and Ctrl-C, end the import.
    pub fn failed(&mut self, account: &Account, error: CommandError) -> CommandResult {
        if self.is_single() || error.kind == ErrorKind::Interrupted {
            return Err(error);
        }
        let (title, message) = (format!("`{}`", account.title()), &error.message);
        let message = match message.starts_with(&title) {
            true => message.clone(),
            false => format!("{title}: {message}"),
        };
        self.ctx.ui.error(&message, &error.causes(), &error.hints);
        self.failed.push(error.kind);
        Ok(())
    }

    /// Fails if an account was not imported.
    pub fn end(&self) -> CommandResult {
        let Some(kind) = self.failed.first() else { return Ok(()) };
        Err(CommandError::new(
            *kind,
            match self.count - self.failed.len() {
                0 => "no account was imported".to_owned(),
                imported => format!("imported {imported} of {} accounts", self.count),
            },
        ))
    }
}
