//! Reading accounts: from URIs, from pictures of their QR codes, and from the files that apps export.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{file, pictures};
use crate::clipboard::{Clipboard, PasteError, Pasted};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::files::LIMIT;
use crate::model::account::Account;
use crate::model::app_export::{self, AppExportError};
use crate::model::awspass;
use crate::model::google_export;
use crate::model::otpauth;
use crate::model::secret::Secret;
use crate::model::totp::Seed;

/// The accounts in pictures. The parts of a Google Authenticator export may be in several pictures.
pub(super) fn in_pictures(paths: &[PathBuf]) -> CommandResult<Vec<Account>> {
    in_texts(&texts(paths, "--image", |uri| !uri.is_empty(), "no account of an authenticator app")?)
}

/// The accounts of a Google Authenticator export, in pictures.
pub(super) fn in_google_export(paths: &[PathBuf]) -> CommandResult<Vec<Account>> {
    let nothing = "no part of a Google Authenticator export";
    in_texts(&texts(paths, "--google-export", otpauth::is_export, nothing)?)
}

/// The texts of the QR codes, of which each picture must have a wanted one.
fn texts(
    paths: &[PathBuf],
    option: &str,
    is_wanted: impl Fn(&str) -> bool,
    nothing: &str,
) -> CommandResult<Vec<Secret<String>>> {
    let mut all = Vec::new();
    for path in paths {
        let texts = pictures::in_file(path, option)?;
        let uris = texts.iter().flat_map(|text| otpauth::find_all(text.expose()));
        if !uris.into_iter().any(&is_wanted) {
            return Err(foreign(&format!("the QR code in {} has {nothing}", path.display())));
        }
        all.extend(texts);
    }
    Ok(all)
}

/// The accounts in texts, each once. Other texts are ignored.
pub(super) fn in_texts(texts: &[Secret<String>]) -> CommandResult<Vec<Account>> {
    let uris = texts.iter().flat_map(|text| otpauth::find_all(text.expose()));
    let (exports, uris): (Vec<&str>, Vec<&str>) = uris.partition(|uri| otpauth::is_export(uri));
    let exported = google_export::accounts(&exports)?;
    let found = each_once(uris.into_iter().map(Account::of_uri).chain(exported).collect());
    match found.is_empty() {
        true => Err(foreign("the Google Authenticator export has no accounts")),
        false => Ok(found),
    }
}

/// A person may give two pictures of one QR code.
fn each_once(mut accounts: Vec<Account>) -> Vec<Account> {
    let mut seen = HashSet::with_capacity(accounts.len());
    let is_new: Vec<bool> = accounts.iter().map(|account| seen.insert(account)).collect();
    let mut is_new = is_new.into_iter();
    accounts.retain(|_| is_new.next().unwrap_or(true));
    accounts
}

/// The accounts in a text that a person typed, piped in or copied: a secret key, or URIs. `is_uri`: a secret key will not do.
pub(super) fn in_text(text: &Secret<String>, is_uri: bool) -> CommandResult<Vec<Account>> {
    let uris = otpauth::find_all(text.expose());
    match uris.is_empty() {
        false => in_texts(std::slice::from_ref(text)),
        true if is_uri => Ok(vec![Account::of_key(Seed::from_uri(text.expose()))]),
        true => Ok(vec![Account::of_key(Seed::from_base32(text.expose()))]),
    }
}

/// The accounts on the clipboard: in a text, or in the QR codes of a picture.
pub(super) fn pasted(ctx: &Context) -> CommandResult<Vec<Account>> {
    let is_secret = |text: &Secret<String>| {
        let is_usable = |accounts: Vec<Account>| accounts.iter().any(|account| account.seed.is_ok());
        !otpauth::find_all(text.expose()).is_empty() || in_text(text, false).is_ok_and(is_usable)
    };
    match Clipboard::new(&ctx.env).paste(is_secret) {
        Ok(Pasted::Text(text)) => in_text(&text, false),
        Ok(Pasted::Picture { width, height, pixels }) => {
            let texts = pictures::on_clipboard(width, height, pixels)?;
            let uris = texts.iter().flat_map(|text| otpauth::find_all(text.expose()));
            match uris.count() {
                0 => Err(foreign("the QR code on the clipboard has no account of an authenticator app")),
                _ => in_texts(&texts),
            }
        }
        Err(error) => {
            let this = CommandError::new(ErrorKind::Failed, &error);
            Err(match error {
                PasteError::NoDisplay => this.hint(
                    "save the QR code as a picture and import that: `awsmfa device import --image FILE`",
                ),
                PasteError::Empty => this.hint("copy the secret key, the URI or the QR code first"),
                PasteError::TooLarge => this.hint("copy only the secret key or the URI"),
                PasteError::Failed(_) => {
                    this.hint("paste the secret key at the prompt instead: `awsmfa device import`")
                }
            })
        }
    }
}

/// The accounts that awspass keeps in the OS keyring, for one profile or for all in the AWS files.
pub(super) fn of_awspass(ctx: &Context, profile: Option<&str>) -> CommandResult<Vec<Account>> {
    let profiles = ctx.profiles()?;
    let names: Vec<&str> = profile.map_or_else(|| profiles.names().collect(), |profile| vec![profile]);
    let items = names.iter().map(|name| awspass::item_of(name)).collect();
    let found = ctx.vault.stores.items_of_another_program(awspass::SERVICE, items)?;
    let accounts = names.iter().zip(&found);
    let accounts: Vec<Account> =
        accounts.filter_map(|(name, item)| awspass::account(name, item.as_ref()?)).collect();
    match accounts.is_empty() {
        true => Err(CommandError::new(
            ErrorKind::Configuration,
            "awspass has no MFA secrets in the keyring for these profiles",
        )
        .hint("import the secret key from elsewhere: `awsmfa device import --profile NAME`")),
        false => Ok(accounts),
    }
}

/// The accounts in a file that an app exported.
pub(super) fn in_export(path: &Path) -> CommandResult<Vec<Account>> {
    let cannot_read = |why: &dyn std::fmt::Display| {
        CommandError::new(ErrorKind::Usage, format!("cannot read the export {}: {why}", path.display()))
    };
    let bytes = file::read(path, "export", "--export", LIMIT)?;
    let found = match std::str::from_utf8(&bytes) {
        // Some apps can also export a list of URIs.
        Ok(text) if otpauth::is_list(text) => return in_texts(&[Secret::locked(text.to_owned())]),
        Ok(text) => app_export::accounts(text),
        Err(_) => Err(AppExportError::Unknown),
    };
    let found = found.map_err(|error| {
        let hint = match &error {
            AppExportError::Unknown if bytes.trim_ascii_start().starts_with(b"secrets:") => {
                "write each entry of `secrets` as a `profile` and a `value`, or import one secret key: `awsmfa device import --profile NAME`"
            }
            AppExportError::Unknown => {
                "export as JSON without encryption, or import a picture of the QR code: `awsmfa device import --image FILE`"
            }
            AppExportError::Encrypted(app) => app.plain_export(),
            AppExportError::Malformed(_) => "export again, or import a picture of the QR code instead",
        };
        cannot_read(&error).hint(hint)
    })?;
    match found.is_empty() {
        true => Err(cannot_read(&"it has no account with a secret key")),
        false => Ok(found),
    }
}

/// A QR code, or what the clipboard has, is for something else.
fn foreign(message: &str) -> CommandError {
    CommandError::new(ErrorKind::Usage, message)
        .hint("use the QR code that the AWS console or an authenticator app shows to add a device")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Stopwatch;
    use crate::model::totp::SeedError;

    fn account(name: &str, key: &str) -> Account {
        Account::new("Amazon Web Services", name, Seed::from_base32(key))
    }

    #[test]
    fn account_that_occurs_twice_is_read_once() {
        let (key, other) = ("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "MZXW6YTBOIMZXW6YTBOIMZXW6YTBOIMZ");
        let all = [("a", key), ("b", key), ("a", key), ("a", other), ("b", "!"), ("b", "!"), ("a", "")];
        let left = each_once(all.map(|(name, key)| account(name, key)).to_vec());
        let once = [("a", key), ("b", key), ("a", other), ("b", "!"), ("a", "")];
        assert_eq!(left, once.map(|(name, key)| account(name, key)));
    }

    #[test]
    fn large_list_takes_no_longer_than_its_length() {
        let numbered = |number| Account::new("AWS", &format!("a{number}@1"), Err(SeedError::Missing));
        let all: Vec<Account> = (0..100_000).map(numbered).collect();
        let watch = Stopwatch::start();
        assert_eq!(each_once(all).len(), 100_000);
        // If each account is compared with all others, this takes minutes.
        assert!(watch.elapsed().as_secs() < 30, "{:?}", watch.elapsed());
    }
}
