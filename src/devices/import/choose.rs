//! Which of several accounts are imported. AWS's are chosen by themselves, others only by name.

use std::collections::HashMap;

use super::ImportRequest;
use super::target::{Target, Targets, is_of};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::account::Account;
use crate::model::serial::Serial;
use crate::model::shell::quoted;

/// How many accounts an error lists.
const LISTED: usize = 8;
const USE_A_PICTURE: &str = "import only the account that is in use, such as from a picture of its QR code";
/// How often a person is prompted.
const ATTEMPTS: u32 = 3;

/// The accounts to import; at least one.
pub(super) fn choose(
    ctx: &Context,
    request: &ImportRequest,
    targets: &Targets,
    all: Vec<Account>,
) -> CommandResult<Vec<Account>> {
    let fitting = match request.is_for_one_device() && request.account.is_none() && all.len() > 1 {
        true => fitting(&all, &targets.requested()?),
        false => Vec::new(),
    };
    let chosen = match &request.account {
        Some(text) => named(request, &all, text)?,
        None if fitting.len() == 1 => fitting,
        None if all.len() > 1 && ctx.prompt.can_ask() && !request.yes => ask(ctx, &all)?,
        None => by_issuer(ctx, request, all)?,
    };
    if chosen.len() > 1 && request.is_for_one_device() {
        return Err(several(request, &chosen));
    }
    Ok(chosen)
}

/// The accounts with the name of the device, or that another tool stored for its profile.
fn fitting(accounts: &[Account], target: &Target) -> Vec<Account> {
    let is_fitting = |account: &&Account| {
        let is_named = account.label().is_some_and(|label| is_of(&target.serial, &label));
        is_named || account.profile.is_some() && account.profile == target.profile
    };
    accounts.iter().filter(is_fitting).cloned().collect()
}

fn several(request: &ImportRequest, accounts: &[Account]) -> CommandError {
    let message = format!("several accounts are possible: {}", list(accounts));
    let error = CommandError::new(ErrorKind::Usage, message);
    error.hint(way_out(request, accounts))
}

/// What to do if several accounts are possible.
fn way_out(request: &ImportRequest, accounts: &[Account]) -> String {
    let mut counts: HashMap<String, usize> = HashMap::new();
    accounts.iter().for_each(|account| *counts.entry(account.title()).or_default() += 1);
    match accounts.iter().find(|account| counts[&account.title()] == 1) {
        Some(account) => example(request, account),
        None => USE_A_PICTURE.to_owned(),
    }
}

fn named(request: &ImportRequest, all: &[Account], text: &str) -> CommandResult<Vec<Account>> {
    let matching: Vec<&Account> = all.iter().filter(|account| account.is_named(text)).collect();
    match matching.as_slice() {
        [one] => Ok(vec![(*one).clone()]),
        [] => {
            let message = format!("there is no account named `{text}`; there are {}", list(all));
            Err(CommandError::new(ErrorKind::Usage, message).hint(example(request, &all[0])))
        }
        several => {
            // One title may be a part of another one.
            let exact: Vec<&&Account> = several.iter().filter(|account| account.title() == text).collect();
            if let [one] = exact.as_slice() {
                return Ok(vec![(**one).clone()]);
            }
            let several: Vec<Account> = several.iter().map(|account| (*account).clone()).collect();
            let message = format!("several accounts match `{text}`: {}", list(&several));
            Err(CommandError::new(ErrorKind::Usage, message).hint(way_out(request, &several)))
        }
    }
}

/// The accounts that AWS issued. Those with a secret that AWS's devices cannot have are left out with a warning, unless there
/// are no others.
fn by_issuer(ctx: &Context, request: &ImportRequest, all: Vec<Account>) -> CommandResult<Vec<Account>> {
    let (aws, others): (Vec<Account>, Vec<Account>) = all.into_iter().partition(Account::is_aws);
    if aws.is_empty() {
        return confirm_other(ctx, request, others);
    }
    let (usable, unusable): (Vec<Account>, Vec<Account>) =
        aws.into_iter().partition(|account| account.seed.is_ok());
    if usable.is_empty() {
        return Ok(unusable);
    }
    for account in unusable {
        if let Err(error) = account.seed.clone() {
            ctx.ui.warn(format_args!("skipped `{}`: {error}", account.title()));
        }
    }
    Ok(usable)
}

/// A single account without AWS as its issuer: its owner may have renamed it. A secret key alone has no issuer.
fn confirm_other(
    ctx: &Context,
    request: &ImportRequest,
    others: Vec<Account>,
) -> CommandResult<Vec<Account>> {
    let message = match others.as_slice() {
        [one] if one.seed.is_err() || one.is_unnamed() => return Ok(others),
        [one] if one.issuer.is_empty() && request.has_device() => return Ok(others),
        [one] => {
            let what = match one.issuer.is_empty() {
                true => format!("`{}` does not show who issued it", one.title()),
                false => format!("`{}` was not issued by AWS", one.title()),
            };
            request.confirm(ctx, &format!("{what}; import it?"), |_| {
                CommandError::new(ErrorKind::Usage, &what).hint(example(request, one))
            })?;
            return Ok(others);
        }
        several => format!("none of the accounts was issued by AWS: {}", list(several)),
    };
    Err(CommandError::new(ErrorKind::Usage, message).hint(example(request, &others[0])))
}

/// Shows a list, with a number for each account. Enter chooses AWS's.
fn ask(ctx: &Context, all: &[Account]) -> CommandResult<Vec<Account>> {
    let is_usual = |account: &Account| account.is_aws() && account.seed.is_ok();
    for (number, account) in (1..).zip(all) {
        let remark = match &account.seed {
            Err(_) => "  (not usable with AWS)",
            Ok(_) if is_usual(account) => "",
            Ok(_) => "  (not AWS)",
        };
        ctx.prompt.tell(&format!("{number:>3}  {}{remark}", account.title()));
    }
    let usual: Vec<Account> = all.iter().filter(|account| is_usual(account)).cloned().collect();
    let default = match (usual.len(), all.len()) {
        (0, _) => String::new(),
        (count, all) if count == all => " [all]".to_owned(),
        _ => " [all from AWS]".to_owned(),
    };
    for _ in 0..ATTEMPTS {
        let answer = ctx
            .prompt
            .answer(&format!("which accounts do you want to import (`1`, `1,3` or `all`)?{default}"))?;
        match picked(&answer, all) {
            Some(picked) if picked.is_empty() && !usual.is_empty() => return Ok(usual),
            Some(picked) if !picked.is_empty() => return Ok(picked),
            _ => ctx.ui.warn(format_args!("type numbers from 1 to {}, or `all`", all.len())),
        }
    }
    Err(CommandError::new(ErrorKind::Failed, "canceled; nothing was changed"))
}

/// The accounts with the numbers in an answer; none if it is empty, `None` if it is not a list of numbers.
fn picked(answer: &str, all: &[Account]) -> Option<Vec<Account>> {
    if answer.trim().eq_ignore_ascii_case("all") {
        return Some(all.to_vec());
    }
    let mut numbers = Vec::new();
    for word in answer.split([',', ' ']).filter(|word| !word.is_empty()) {
        let number: usize = word.parse().ok().filter(|number| (1..=all.len()).contains(number))?;
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    Some(numbers.into_iter().map(|number| all[number - 1].clone()).collect())
}

/// Two accounts have the name of one device, but different secrets.
pub(super) fn same_device(
    request: &ImportRequest,
    first: &Account,
    second: &Account,
    serial: &Serial,
) -> CommandError {
    let (one, other) = (first.title(), second.title());
    let message = format!("`{one}` and `{other}` have different secrets for one device, `{serial}`");
    let error = CommandError::new(ErrorKind::Usage, message);
    match one == other {
        true => error.hint(USE_A_PICTURE),
        false => error.hint(example(request, first)),
    }
}

/// A person's own name is for one device.
pub(super) fn one_label(request: &ImportRequest, accounts: &[Account]) -> CommandError {
    let message = format!("`--label` is for one device, and there are several: {}", list(accounts));
    CommandError::new(ErrorKind::Usage, message).hint(way_out(request, accounts))
}

fn list(accounts: &[Account]) -> String {
    let titles: Vec<String> =
        accounts.iter().take(LISTED).map(|account| format!("`{}`", account.title())).collect();
    let more = if accounts.len() > LISTED { ", …" } else { "" };
    format!("{}{more}", titles.join(", "))
}

fn example(request: &ImportRequest, account: &Account) -> String {
    let request = ImportRequest { account: None, ..request.clone() };
    let title = account.title();
    let option = match title.starts_with('-') {
        // Otherwise clap would read the name as an option.
        true => quoted(&format!("--account={title}")),
        false => format!("--account {}", quoted(&title)),
    };
    format!("choose an account by its name: `{} {option}`", request.command(request.store))
}
