//! Reading accounts: from URIs, and from pictures of their QR codes.

use std::path::PathBuf;

use super::pictures;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::account::Account;
use crate::model::otpauth;
use crate::model::secret::Secret;

/// The accounts in pictures, each once: a person may give two pictures of one QR code.
pub(super) fn in_pictures(paths: &[PathBuf]) -> CommandResult<Vec<Account>> {
    let mut found = Vec::new();
    for path in paths {
        let texts = pictures::texts(path)?;
        let accounts = in_texts(&texts)?;
        if accounts.is_empty() {
            return Err(foreign(&format!("the QR code in {}", path.display())));
        }
        add(&mut found, accounts);
    }
    Ok(found)
}

/// The accounts in texts. Other texts are ignored.
pub(super) fn in_texts(texts: &[Secret<String>]) -> CommandResult<Vec<Account>> {
    let mut found = Vec::new();
    let uris = texts.iter().flat_map(|text| otpauth::find_all(text.expose()));
    add(&mut found, uris.map(Account::of_uri).collect());
    Ok(found)
}

fn add(found: &mut Vec<Account>, accounts: Vec<Account>) {
    for account in accounts {
        if !found.contains(&account) {
            found.push(account);
        }
    }
}

/// A QR code, or what the clipboard has, is for something else.
pub(super) fn foreign(what: &str) -> CommandError {
    CommandError::new(ErrorKind::Usage, format!("{what} has no account of an authenticator app"))
        .hint("use the QR code that the AWS console or an authenticator app shows to add a device")
}
