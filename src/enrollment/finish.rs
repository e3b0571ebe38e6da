//! The end: the register knows whose the device is, and the profile names it.

use super::Run;
use super::journal::Journal;
use crate::aws_files::document::{Document, UnsafeEdit};
use crate::aws_files::{AwsFile, SERIAL_KEYS, long_term_name, resolve, session_edits};
use crate::error::CommandResult;

impl Run<'_> {
    /// Connects the device with its user and, if there is one, the profile that is to use it.
    pub(super) fn finish(&self, journal: &Journal) -> CommandResult {
        let profile = self.using_profile();
        self.register(journal, profile.as_deref())?;
        let Some(profile) = profile else { return Ok(()) };
        self.name_in_profile(journal, &profile)
    }

    fn name_in_profile(&self, journal: &Journal, profile: &str) -> CommandResult {
        let serial = journal.serial.as_str();
        let before = self.named(profile)?;
        if before.as_deref() == Some(serial) {
            return Ok(());
        }
        let Some(home) = self.serial_home(profile)? else {
            self.ctx.ui.done(format_args!("`{profile}` uses `{serial}`"));
            return Ok(());
        };
        self.ctx.aws_files().edit(AwsFile::Config, |document| {
            session_edits::set_config_key(document, &home, "mfa_serial", serial)
        })?;
        if self.named(profile)?.as_deref() != Some(serial) {
            self.correct_credentials(&home, serial)?;
        }
        let was = before.map(|was| format!(", in place of `{was}`")).unwrap_or_default();
        self.ctx.ui.done(format_args!("`mfa_serial` of profile `{home}` names it{was}"));
        Ok(())
    }

    /// The profile whose `mfa_serial` decides for `profile`: the one that may have the line, or a role's that has it, which
    /// is corrected. `None` where it would hurt other tools; then the registry alone knows the device.
    pub(super) fn serial_home(&self, profile: &str) -> CommandResult<Option<String>> {
        let profiles = self.ctx.profiles()?;
        let home = resolve::serial_home(&profiles, profile);
        if home.as_deref() == Some(profile) {
            return Ok(home);
        }
        let has_line = |name: &String| profiles.get(name).is_some_and(|p| p.get("mfa_serial").is_some());
        let chain = resolve::resolve(&profiles, profile).map(|resolution| resolution.chain);
        Ok(chain.unwrap_or_default().into_iter().find(has_line).or(home))
    }

    /// The serial that a profile names now.
    fn named(&self, profile: &str) -> CommandResult<Option<String>> {
        let resolution = resolve::resolve(&self.ctx.profiles()?, profile);
        Ok(resolution.ok().and_then(|resolution| resolution.serial).map(|setting| setting.text))
    }

    /// A serial in the credentials file wins over the config file's, so it must be the right one.
    fn correct_credentials(&self, profile: &str, serial: &str) -> CommandResult {
        let edit = |document: &mut Document| -> Result<(), UnsafeEdit> {
            for section in [profile.to_owned(), long_term_name(profile)] {
                for key in SERIAL_KEYS {
                    if document.get(&section, key).is_some() {
                        document.set(&section, key, serial)?;
                    }
                }
            }
            Ok(())
        };
        Ok(self.ctx.aws_files().edit(AwsFile::Credentials, edit)?)
    }
}
