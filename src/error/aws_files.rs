//! Failures of the user's AWS files: profiles, keys, syntax, edits.

use std::path::Path;

use super::{CommandError, ErrorKind};
use crate::aws_files::document::UnsafeEdit;
use crate::aws_files::key_edits::KeyEditError;
use crate::aws_files::profiles::BadLine;
use crate::aws_files::resolve::{Instead, KeysError, ResolveError};
use crate::aws_files::session_edits::SessionEditError;
use crate::aws_files::syntax::{Problem, is_identifier};
use crate::aws_files::write::{EditError, FileError};
use crate::aws_files::{header_of, long_term_name};
use crate::files::Irreplaceable;
use crate::model::visible::{quoted, quoted_path};

fn configuration(error: impl std::fmt::Display) -> CommandError {
    CommandError::new(ErrorKind::Configuration, error)
}

impl From<FileError> for CommandError {
    fn from(error: FileError) -> Self {
        let this = configuration(&error);
        match &error {
            FileError::Unreadable { path, .. } => this.hint(format!("ls -l {}", quoted_path(path))),
            FileError::Folder { .. } => {
                this.hint("set `AWS_CONFIG_FILE` or `AWS_SHARED_CREDENTIALS_FILE` to the file that is meant")
            }
            FileError::DanglingLink { path } => {
                this.hint(format!("see where it points: `ls -l {}`", quoted_path(path)))
            }
            FileError::Syntax { path, source } => this.hint(syntax_hint(&source.problem, path)),
            FileError::Unsafe { path, source: UnsafeEdit::Syntax(source) } => {
                this.hint(syntax_hint(&source.problem, path))
            }
            FileError::Unsafe { source, .. } => with_edit_hint(this, source),
            FileError::Irreplaceable { path, source } => with_place_hint(this, path, source),
            FileError::Shrunk { .. } => {
                Self { kind: ErrorKind::Failed, ..this }.hint("run this again if it was removed on purpose")
            }
            FileError::Contended { .. } => {
                Self { kind: ErrorKind::Failed, ..this }.hint("run this again when the other program is done")
            }
            FileError::Write { source, .. } | FileError::Lock(source) => {
                Self { kind: ErrorKind::Failed, ..this }.hint_about(source)
            }
            FileError::Refused { .. } => {
                this.hint("nothing was changed; please report this with the file's structure")
            }
        }
    }
}

/// How to put a line in order.
fn syntax_hint(problem: &Problem, path: &Path) -> String {
    let path = quoted_path(path);
    match problem {
        Problem::ByteOrderMark => {
            format!("remove it: `perl -pi -e 's/^\\xEF\\xBB\\xBF// if $. == 1' {path}`")
        }
        Problem::Utf16 => format!(
            "save it as UTF-8: `(umask 077; iconv -f utf-16 -t utf-8 {path} > {path}.utf8 && mv {path}.utf8 {path})`"
        ),
        Problem::NotUtf8 => format!("save it as UTF-8; if it is Latin-1: `iconv -f latin1 -t utf-8 {path}`"),
        Problem::LoneCarriageReturn => {
            format!("end lines with a line feed: `perl -pi -e 's/\\r(?!\\n)/\\n/g' {path}`")
        }
        Problem::StrayContinuation
        | Problem::OddIndentation
        | Problem::IndentedHeader
        | Problem::IndentedSetting => "remove the indentation".to_owned(),
        Problem::Separator => format!("remove it: `perl -pi -e 's/[\\x1c-\\x1f]//g' {path}`"),
        Problem::NulByte
        | Problem::OpenHeader
        | Problem::OutsideSection
        | Problem::NoEquals
        | Problem::Colon
        | Problem::NoKey
        | Problem::NestedNoEquals
        | Problem::NestedNoKey => {
            "fix that line; every line is `[section]`, `key = value` or `# comment`".to_owned()
        }
    }
}

fn with_edit_hint(this: CommandError, error: &UnsafeEdit) -> CommandError {
    match error {
        UnsafeEdit::DuplicateSection { .. } | UnsafeEdit::DuplicateKey { .. } => {
            this.hint("join the two by hand; the AWS CLI cannot read the file as it is")
        }
        UnsafeEdit::LeakingDefault { .. } => this.hint("rename that section to [default]"),
        UnsafeEdit::OddHeader { .. } => {
            this.hint("write the header like that, with a blank before a comment")
        }
        _ => this,
    }
}

impl From<UnsafeEdit> for CommandError {
    fn from(error: UnsafeEdit) -> Self {
        with_edit_hint(configuration(&error), &error)
    }
}

fn with_place_hint(this: CommandError, path: &Path, why: &Irreplaceable) -> CommandError {
    let folder = quoted_path(path.parent().unwrap_or(path));
    let path = quoted_path(path);
    match why {
        Irreplaceable::MountPoint => {
            this.hint("mount its folder instead of the file, as in `docker run -v ~/.aws:/root/.aws`")
        }
        Irreplaceable::NotRegular(_) => {
            this.hint("set `AWS_CONFIG_FILE` or `AWS_SHARED_CREDENTIALS_FILE` to the file that is meant")
        }
        Irreplaceable::Immutable(marked) => this.hint(format!("sudo chattr -i -a {}", quoted_path(marked))),
        _ => this.hint(format!("check who may write: `ls -ld {path} {folder}`")),
    }
}

impl From<KeyEditError> for CommandError {
    fn from(error: KeyEditError) -> Self {
        let this = configuration(&error);
        match &error {
            KeyEditError::Unsafe(error) => with_edit_hint(this, error),
            KeyEditError::Occupied { .. } => this.hint("name another profile: `--for-profile NAME`"),
        }
    }
}

impl From<SessionEditError> for CommandError {
    fn from(error: SessionEditError) -> Self {
        let this = configuration(&error);
        match &error {
            SessionEditError::Unsafe(error) => with_edit_hint(this, error),
            SessionEditError::DifferentKeys { section, long_term } => {
                this.hint(format!("take the outdated access key out of [{section}] or out of [{long_term}]"))
            }
            SessionEditError::KeepsKeys { profile, .. } => {
                this.hint(format!("awsmfa login --profile {}", quoted(profile)))
            }
            // Whoever wanted to write knows the command.
            SessionEditError::ForeignSession { .. } => this,
        }
    }
}

impl<E: Into<CommandError> + std::fmt::Display> From<EditError<E>> for CommandError {
    fn from(error: EditError<E>) -> Self {
        match error {
            EditError::File(error) => error.into(),
            EditError::Edit { path, source } => {
                let mut error = source.into();
                error.message = format!("{}: {}", path.display(), error.message);
                error
            }
        }
    }
}

impl From<ResolveError> for CommandError {
    fn from(error: ResolveError) -> Self {
        let this = configuration(&error);
        match error {
            ResolveError::BadLine(BadLine { path, source }) => this.hint(syntax_hint(&source.problem, &path)),
            ResolveError::Ignored { name, section } => this.hint(match is_identifier(&name) {
                true => format!("rename the section to [{}]", header_of(section.file, &name)),
                false => "rename the profile: names have letters, digits and `_-/.%@:+` only".to_owned(),
            }),
            // Most likely nobody chose it.
            ResolveError::NoSuchProfile { name, near, others, .. }
                if name == "default" && near.is_empty() && !others.is_empty() =>
            {
                Self { choices: others, ..this }
            }
            ResolveError::NoSuchProfile { name, near, .. } if near.is_empty() => this
                .hint(format!("make it: `aws configure --profile {}`", quoted(&name)))
                .hint("or list those there are: `aws configure list-profiles`"),
            ResolveError::NoSuchProfile { near, .. } => near
                .iter()
                .fold(this, |this, name| this.hint(format!("did you mean `--profile {}`?", quoted(name)))),
            ResolveError::NoSuchSource { profile, mut near, .. } => {
                if near.is_empty() {
                    near.push("NAME".to_owned());
                }
                near.iter().fold(this, |this, name| {
                    this.hint(format!(
                        "aws configure set source_profile {} --profile {}",
                        quoted(name),
                        quoted(&profile)
                    ))
                })
            }
            ResolveError::NoSource { profile, .. } => {
                this.hint(format!("aws configure set source_profile NAME --profile {}", quoted(&profile)))
            }
            ResolveError::Cycle { .. } => {
                this.hint("one of them must have long-term keys instead of `source_profile`")
            }
        }
    }
}

impl From<KeysError> for CommandError {
    fn from(error: KeysError) -> Self {
        let this = configuration(&error);
        match error {
            KeysError::NoLongTermKeys { profile, instead, .. } => match instead {
                Some(Instead::Sso) => {
                    this.hint(format!("it needs no awsmfa: `aws sso login --profile {}`", quoted(&profile)))
                }
                Some(Instead::LoginSession) => {
                    this.hint(format!("it needs no awsmfa: `aws login --profile {}`", quoted(&profile)))
                }
                Some(Instead::WebIdentity | Instead::CredentialSource(_)) => {
                    this.hint("name a profile with an IAM user's access key: `--profile NAME`")
                }
                Some(Instead::Served(other)) => this.hint(format!("use `--profile {}`", quoted(&other))),
                // Keys in the profile's own section would hide the command or the session from the SDKs.
                Some(Instead::SessionOnly | Instead::Ourselves) => this.hint(format!(
                    "enter the access key of an IAM user: `aws configure --profile {}`",
                    quoted(&long_term_name(&profile))
                )),
                None => this.hint(format!(
                    "enter the access key of an IAM user: `aws configure --profile {}`",
                    quoted(&profile)
                )),
            },
            KeysError::Incomplete(keys) => {
                this.hint(format!("aws configure --profile {}", quoted(&keys.profile)))
            }
        }
    }
}
