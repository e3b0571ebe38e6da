//! What to do if SDKs do not use awsmfa's session.

use crate::aws_files::winner::{Cause, Command, Finding, FromEnvironment, Marked};
use crate::aws_files::{AwsFile, Origin, long_term_name, own_command};
use crate::model::shell::{CommandLine, quoted};
use crate::ui::remedies;

impl Finding {
    /// What to do about it, as commands to paste where possible.
    pub fn hints(&self) -> Vec<String> {
        let name = &self.profile;
        let hint = match &self.cause {
            Cause::Environment(FromEnvironment::WebIdentity) => {
                remedies::here().unset(&["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"])
            }
            Cause::Environment(_) => {
                remedies::here().unset(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
            }
            Cause::Keys { session: None | Some(Marked(true)), served: true, .. } => {
                CommandLine::new("awsmfa setup").profile(name).to_string()
            }
            Cause::Keys { kind, session, free, origin, .. } => key_hint(name, *kind, *session, *free, origin),
            Cause::NoProfileNamed(command) => set_process(command, name, name).to_string(),
            Cause::Role(command) => return own_profile_hints(command, name),
            Cause::AsksForCode(serial) => delete_line(
                "remove the line; awsmfa knows the device without it",
                &serial.origin,
                "mfa_serial",
            ),
            Cause::Elsewhere(..) => {
                let login = CommandLine::new("awsmfa login").profile(name);
                let login = login.option("--output-profile", Some(format!("{name}-mfa")));
                format!("write the session to another profile: `{login}`")
            }
            Cause::Other => {
                let identity = CommandLine::new("aws sts get-caller-identity");
                format!("show the error: `{}`", identity.profile(name))
            }
        };
        vec![hint]
    }
}

/// `role_arn` wins over `credential_process` in the same profile, so the command needs a profile without a role.
fn own_profile_hints(command: &Command, name: &str) -> Vec<String> {
    let to = format!("{name}-mfa");
    vec![
        format!("move `credential_process` to its own profile: `{}`", set_process(command, name, &to)),
        delete_line("remove the old `credential_process`", &command.origin, "credential_process"),
        format!("use the session with `--profile {}`", quoted(&to)),
    ]
}

fn key_hint(name: &str, kind: AwsFile, session: Option<Marked>, free: bool, origin: &Origin) -> String {
    let (long_term, file) = (long_term_name(name), &origin.path);
    match (session, kind) {
        (Some(Marked(false)), AwsFile::Credentials) => {
            CommandLine::new("awsmfa logout").profile(name).to_string()
        }
        (Some(_), _) => format!("remove the session's keys from profile `{name}` in {}", file.display()),
        (None, _) if free => format!(
            "move `aws_access_key_id` and `aws_secret_access_key` to [{long_term}] in the credentials file"
        ),
        (None, _) => format!(
            "remove `aws_access_key_id` and `aws_secret_access_key` from `{name}`: awsmfa uses those in [{long_term}]"
        ),
    }
}

fn set_process(command: &Command, serves: &str, to: &str) -> CommandLine {
    let words = [command.program.as_str(), "credential-process", "--profile", serves];
    let command = own_command::line(&command.program, serves).unwrap_or_else(|| words.join(" "));
    CommandLine::new("aws configure set credential_process").arg(command).profile(to)
}

fn delete_line(what: &str, origin: &Origin, key: &str) -> String {
    remedies::here().delete_line(what, origin.line, key, &origin.path)
}
