//! The last stage: the device is registered for its user, and the profile uses it.

use super::journal::Journal;
use super::state::{Enrollment, Next, Transition};
use crate::aws_files::document::{Document, UnsafeEdit};
use crate::aws_files::{AwsFile, SERIAL_KEYS, long_term_name, resolve, session_edits};
use crate::error::CommandResult;

impl Enrollment<'_> {
    pub(super) fn finish(&mut self, journal: &Journal) -> Transition {
        let profile = self.using_profile();
        self.register(journal, profile.as_deref())?;
        if let Some(profile) = profile {
            self.set_in_profile(journal, &profile)?;
        }
        Ok(Next::Done)
    }

    fn set_in_profile(&self, journal: &Journal, profile: &str) -> CommandResult {
        let serial = journal.serial.as_str();
        let before = self.serial_in(profile)?;
        if before.as_deref() == Some(serial) {
            return Ok(());
        }
        let Some(home) = self.serial_home(profile)? else {
            self.ctx.ui.done(format_args!("profile `{profile}` uses `{serial}`"));
            return Ok(());
        };
        self.ctx.aws_files().edit(AwsFile::Config, |document| {
            session_edits::set_config_key(document, &home, "mfa_serial", serial)
        })?;
        if self.serial_in(profile)?.as_deref() != Some(serial) {
            self.correct_credentials(&home, serial)?;
        }
        let was = before.map(|was| format!(" (was `{was}`)")).unwrap_or_default();
        self.ctx.ui.done(format_args!("set `mfa_serial` of profile `{home}` to `{serial}`{was}"));
        Ok(())
    }

    /// The profile whose `mfa_serial` counts for `profile`: the one that may have the setting, or a role's that has it. `None`
    /// if the setting would break other tools; then only the registry knows the device.
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

    fn serial_in(&self, profile: &str) -> CommandResult<Option<String>> {
        let resolution = resolve::resolve(&self.ctx.profiles()?, profile);
        Ok(resolution.ok().and_then(|resolution| resolution.serial).map(|setting| setting.text))
    }

    /// A serial in the credentials file overrides the one in the config file, so it must be the same.
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
