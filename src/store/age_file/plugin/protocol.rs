//! The two conversations with a plugin: it wraps the key of a file, or unwraps it.

use std::collections::HashSet;

use age::secrecy::ExposeSecret;
use age_core::format::{FileKey, Stanza};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;

use super::stanza::{self, Message};
use crate::model::visible::visible;
use crate::process::{Dialog, ProcessError};
use crate::store::StoreError;
use crate::store::age_file::attendant::Attendant;
use crate::store::plugin_problem::PluginProblem;

/// Lets a plugin wrap the key of a new file for a recipient or an identity.
pub(super) fn wrap(
    program: &str,
    (command, target): (&str, &str),
    file_key: &FileKey,
    attendant: &dyn Attendant,
) -> Result<(Vec<Stanza>, HashSet<String>), StoreError> {
    let mut talk = Talk::start(program, "recipient-v1", attendant)?;
    talk.send(command, &[target], &[])?;
    talk.send("extension-labels", &[], &[])?;
    talk.send("wrap-file-key", &[], file_key.expose_secret())?;
    talk.send("done", &[], &[])?;
    let (mut stanzas, mut labels) = (Vec::new(), HashSet::new());
    talk.listen(|message| {
        match (message.command.as_str(), message.arguments.as_slice()) {
            ("recipient-stanza", [file, tag, args @ ..]) if file == "0" => stanzas.push(Stanza {
                tag: tag.clone(),
                args: args.to_vec(),
                body: message.body.expose().clone(),
            }),
            ("labels", all) => labels = all.iter().cloned().collect(),
            _ => return false,
        }
        true
    })?;
    match stanzas.is_empty() {
        true => Err(talk.refusal("it wrapped no key")),
        false => Ok((stanzas, labels)),
    }
}

/// Lets a plugin unwrap the key of a file, and says whether it did so alone. `None` if the file is for someone else.
pub(super) fn unwrap(
    program: &str,
    identity: &str,
    stanzas: &[Stanza],
    attendant: &dyn Attendant,
) -> Result<Option<(FileKey, bool)>, StoreError> {
    let mut talk = Talk::start(program, "identity-v1", attendant)?;
    talk.send("add-identity", &[identity], &[])?;
    for stanza in stanzas {
        let arguments: Vec<&str> =
            ["0", &stanza.tag].into_iter().chain(stanza.args.iter().map(String::as_str)).collect();
        talk.send("recipient-stanza", &arguments, &stanza.body)?;
    }
    talk.send("done", &[], &[])?;
    let mut file_key = None;
    talk.listen(|message| match (message.command.as_str(), message.arguments.as_slice()) {
        ("file-key", [file]) if file == "0" => {
            let key = FileKey::try_init_with_mut(|key| {
                let body: &[u8; 16] = message.body.expose().as_slice().try_into()?;
                key.copy_from_slice(body);
                Ok::<(), std::array::TryFromSliceError>(())
            });
            file_key = key.ok();
            file_key.is_some()
        }
        _ => false,
    })?;
    match file_key {
        Some(key) => Ok(Some((key, talk.alone))),
        None if talk.complaints.is_empty() => Ok(None),
        None => Err(talk.refusal("it unwrapped no key")),
    }
}

struct Talk<'a> {
    program: &'a str,
    dialog: Dialog,
    attendant: &'a dyn Attendant,
    /// Whether no person was needed so far.
    alone: bool,
    complaints: Vec<String>,
}

impl<'a> Talk<'a> {
    fn start(program: &'a str, machine: &str, attendant: &'a dyn Attendant) -> Result<Self, StoreError> {
        let argument = format!("--age-plugin={machine}");
        let dialog = Dialog::start(program, &[argument], attendant.env(), attendant.limit())
            .map_err(|error| explained(program, error))?;
        Ok(Self { program, dialog, attendant, alone: true, complaints: Vec::new() })
    }

    fn send(&mut self, command: &str, arguments: &[&str], body: &[u8]) -> Result<(), StoreError> {
        let text = stanza::write(command, arguments, body);
        self.dialog.send(text.expose().as_bytes()).map_err(|error| explained(self.program, error))
    }

    /// Does what the plugin says until it is done. `take` gets its results, and returns whether it knows them.
    fn listen(&mut self, mut take: impl FnMut(&Message) -> bool) -> Result<(), StoreError> {
        loop {
            let (program, dialog) = (self.program, &mut self.dialog);
            let message = Message::read(|| dialog.line()).map_err(|error| explained(program, error))?;
            let message = message.ok_or_else(|| {
                let why = format!("`{program}` does not follow the age plugin protocol");
                StoreError::Plugin(PluginProblem::Failed { program: program.to_owned(), why })
            })?;
            match message.command.as_str() {
                "done" => return Ok(()),
                "msg" => {
                    self.alone = false;
                    self.attendant.tell(&message.text());
                    self.send("ok", &[], &[])?;
                }
                "request-secret" | "request-public" => {
                    let answer = self.ask(&message.text(), |who, question| who.secret(question))?;
                    self.send("ok", &[], answer.expose().as_bytes())?;
                }
                "confirm" => {
                    let yes =
                        message.arguments.first().and_then(|text| BASE64_STANDARD_NO_PAD.decode(text).ok());
                    let yes = String::from_utf8_lossy(&yes.unwrap_or_default()).into_owned();
                    let answer = self.ask(&message.text(), |who, question| who.confirm(question, &yes))?;
                    self.send("ok", &[if answer { "yes" } else { "no" }], &[])?;
                }
                "error" => {
                    self.complaints.push(message.text());
                    self.send("ok", &[], &[])?;
                }
                _ => self.send(if take(&message) { "ok" } else { "unsupported" }, &[], &[])?,
            }
        }
    }

    /// Asks the person. If there is no answer, the plugin is not asked what it makes of that.
    fn ask<T>(
        &mut self,
        question: &str,
        ask: impl FnOnce(&dyn Attendant, &str) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.alone = false;
        ask(self.attendant, question).map_err(|error| match error {
            StoreError::NoPassphrase { why } => StoreError::Plugin(PluginProblem::NeedsPerson {
                program: self.program.to_owned(),
                question: visible(question.trim_end_matches(':')).to_string(),
                why,
            }),
            other => other,
        })
    }

    /// What the plugin complains about, else `what` is wrong.
    fn refusal(&self, what: &str) -> StoreError {
        let message = match self.complaints.is_empty() {
            true => what.to_owned(),
            false => self.complaints.iter().flat_map(|text| text.lines()).collect::<Vec<_>>().join("; "),
        };
        StoreError::Plugin(PluginProblem::Refused { program: self.program.to_owned(), message })
    }
}

fn explained(program: &str, error: ProcessError) -> StoreError {
    let program = program.to_owned();
    StoreError::Plugin(match error {
        ProcessError::Start { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            PluginProblem::Missing { program }
        }
        ProcessError::TimedOut { limit, .. } => PluginProblem::TimedOut { program, seconds: limit.as_secs() },
        other => PluginProblem::Failed { program, why: other.to_string() },
    })
}
