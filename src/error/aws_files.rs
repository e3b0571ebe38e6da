//! Failures of the user's AWS files: profiles, keys, syntax, edits.

use std::path::Path;

use super::{CommandError, ErrorKind};
use crate::aws_files::document::UnsafeEdit;
use crate::aws_files::key_edits::KeyEditError;
use crate::aws_files::profiles::{BadLine, Ignored};
use crate::aws_files::resolve::{Instead, KeysError, ResolveError};
use crate::aws_files::session_edits::SessionEditError;
use crate::aws_files::syntax::{Problem, is_identifier};
use crate::aws_files::write::{EditError, FileError};
use crate::aws_files::{header_of, long_term_name};
use crate::files::Irreplaceable;
use crate::model::place::Place;
use crate::model::shell::{CommandLine, quoted};
use crate::ui::remedies;

fn configuration(error: impl std::fmt::Display) -> CommandError {
    CommandError::new(ErrorKind::Configuration, error)
}

/// Where the person can change what is wrong.
fn place(error: &FileError) -> Option<Place> {
    let at = |path: &Path, line| match line {
        Some(line) => Place::Line(path.to_owned(), line),
        None => Place::from(path),
    };
    match error {
        FileError::Syntax { path, source } => Some(at(path, Some(source.line))),
        FileError::Unsafe { path, source } => Some(at(path, source.line())),
        FileError::Unreadable { path, .. }
        | FileError::Folder { path }
        | FileError::DanglingLink { path }
        | FileError::Irreplaceable { path, .. }
        | FileError::Shrunk { path, .. }
        | FileError::Contended { path }
        | FileError::Write { path, .. }
        | FileError::Refused { path, .. } => Some(at(path, None)),
        FileError::Lock(_) => None,
    }
}

const NAMES: &str = "rename the profile: names can only contain letters, digits and `_-/.%@:+`";

impl From<FileError> for CommandError {
    fn from(error: FileError) -> Self {
        let this = Self { place: place(&error).map(Box::new), ..configuration(&error) };
        match &error {
            FileError::Unreadable { path, .. } => this.hint(remedies::here().show_owner(&[path])),
            FileError::Folder { .. } => {
                this.hint("set `AWS_CONFIG_FILE` or `AWS_SHARED_CREDENTIALS_FILE` to a file")
            }
            FileError::DanglingLink { path } => {
                this.hint(format!("check where the link points: `{}`", remedies::here().show_owner(&[path])))
            }
            FileError::Syntax { path, source } => this.hint(syntax_hint(&source.problem, path)),
            FileError::Unsafe { path, source: UnsafeEdit::Syntax(source) } => {
                this.hint(syntax_hint(&source.problem, path))
            }
            FileError::Unsafe { source, .. } => with_edit_hint(this, source),
            FileError::Irreplaceable { path, source } => with_place_hint(this, path, source),
            FileError::Shrunk { .. } => {
                this.kind(ErrorKind::Failed).hint("run the command again if you removed it on purpose")
            }
            FileError::Contended { .. } => {
                this.kind(ErrorKind::Failed).hint("run the command again when the other program is done")
            }
            FileError::Write { path, source } => this.kind(ErrorKind::Failed).hint_about(Some(path), source),
            FileError::Lock(source) => this.kind(ErrorKind::Failed).hint_about(None, source),
            FileError::Refused { .. } => {
                this.hint("report this with the file's structure; nothing was changed")
            }
        }
    }
}

/// How to fix a line.
fn syntax_hint(problem: &Problem, path: &Path) -> String {
    let remedies = remedies::here();
    match problem {
        Problem::ByteOrderMark => remedies.edit(
            "remove the byte order mark",
            "save the file without a byte order mark",
            "s/^\\xEF\\xBB\\xBF// if $. == 1",
            path,
        ),
        Problem::Utf16 => remedies.to_utf8("save the file as UTF-8", "utf-16", path),
        Problem::NotUtf8 => remedies.to_utf8("save the file as UTF-8; if it is Latin-1", "latin1", path),
        Problem::LoneCarriageReturn => remedies.edit(
            "end lines with a line feed",
            "save the file with Windows or Unix line endings",
            "s/\\r(?!\\n)/\\n/g",
            path,
        ),
        Problem::StrayContinuation
        | Problem::OddIndentation
        | Problem::IndentedHeader
        | Problem::IndentedSetting => "remove the indentation".to_owned(),
        Problem::Separator => {
            remedies.edit("remove the character", "delete the character", "s/[\\x1c-\\x1f]//g", path)
        }
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
            this.hint("merge the duplicates by hand; the AWS CLI cannot read the file as it is")
        }
        UnsafeEdit::TwoDefaults { .. } => this.hint("merge the two sections by hand into [default]"),
        UnsafeEdit::LeakingDefault { .. } => this.hint("rename the section to [default]"),
        UnsafeEdit::UnwritableName { .. } => this.hint(NAMES),
        UnsafeEdit::OddHeader { .. } => {
            this.hint("correct the section header; a comment after the header needs a space before the `#`")
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
    let folder = path.parent().unwrap_or(path);
    let remedies = remedies::here();
    match why {
        Irreplaceable::MountPoint => {
            this.hint("mount its folder instead of the file, as in `docker run -v ~/.aws:/root/.aws`")
        }
        Irreplaceable::NotRegular(_) => {
            this.hint("set `AWS_CONFIG_FILE` or `AWS_SHARED_CREDENTIALS_FILE` to a file")
        }
        Irreplaceable::Immutable(marked) => this.hint(remedies.make_mutable(marked)),
        _ => {
            this.hint(format!("check the owner and permissions: `{}`", remedies.show_owner(&[path, folder])))
        }
    }
}

impl From<KeyEditError> for CommandError {
    fn from(error: KeyEditError) -> Self {
        let this = configuration(&error);
        match &error {
            KeyEditError::Unsafe(error) => with_edit_hint(this, error),
            KeyEditError::Occupied { .. } => this.hint("choose another profile: `--for-profile NAME`"),
        }
    }
}

impl From<SessionEditError> for CommandError {
    fn from(error: SessionEditError) -> Self {
        let this = configuration(&error);
        match &error {
            SessionEditError::Unsafe(error) => with_edit_hint(this, error),
            SessionEditError::DifferentKeys { section, long_term } => {
                this.hint(format!("remove the outdated access key from [{section}] or [{long_term}]"))
            }
            SessionEditError::KeepsKeys { profile, .. } => {
                this.hint(CommandLine::new("awsmfa login").profile(profile))
            }
            // The caller knows the command that wanted to write.
            SessionEditError::ForeignSession { .. } => this,
        }
    }
}

impl<E: Into<CommandError> + std::fmt::Display> From<EditError<E>> for CommandError {
    fn from(error: EditError<E>) -> Self {
        match error {
            EditError::File(error) => error.into(),
            EditError::Edit { path, source } => source.into().at(path.display()),
        }
    }
}

impl From<ResolveError> for CommandError {
    fn from(error: ResolveError) -> Self {
        let place = match &error {
            ResolveError::BadLine(BadLine { path, source }) => {
                Some(Place::Line(path.to_path_buf(), source.line))
            }
            ResolveError::Ignored { section, .. } => Some(Place::from(&section.origin)),
            ResolveError::NoSuchSource { origin, .. }
            | ResolveError::NoSource { origin, .. }
            | ResolveError::TwoSources { origin, .. } => Some(Place::from(origin)),
            ResolveError::NoSuchProfile { .. } | ResolveError::Cycle { .. } => None,
        };
        let this = Self { place: place.map(Box::new), ..configuration(&error) };
        match error {
            ResolveError::BadLine(BadLine { path, source }) => this.hint(syntax_hint(&source.problem, &path)),
            ResolveError::Ignored { section, .. } => this.hint(rename(&section)),
            // Most likely, no profile was chosen.
            ResolveError::NoSuchProfile { name, near, others, .. }
                if name == "default" && near.is_empty() && !others.is_empty() =>
            {
                Self { choices: others, ..this }
            }
            ResolveError::NoSuchProfile { name, near, .. } if near.is_empty() => this
                .hint(format!("create the profile: `{}`", configure(&name)))
                .hint("or list existing profiles: `aws configure list-profiles`"),
            ResolveError::NoSuchProfile { near, .. } => near
                .iter()
                .fold(this, |this, name| this.hint(format!("did you mean `--profile {}`?", quoted(name)))),
            ResolveError::NoSuchSource { profile, mut near, .. } => {
                if near.is_empty() {
                    near.push("NAME".to_owned());
                }
                near.iter().fold(this, |this, name| this.hint(set_source(name, &profile)))
            }
            ResolveError::NoSource { profile, .. } => this.hint(set_source("NAME", &profile)),
            ResolveError::TwoSources { .. } => this.hint("remove one of the two settings"),
            ResolveError::Cycle { .. } => {
                this.hint("give one of these profiles long-term keys instead of `source_profile`")
            }
        }
    }
}

/// How to make a section that the SDKs ignore a profile.
fn rename(section: &Ignored) -> String {
    let name = section.header.strip_prefix("profile ").unwrap_or(&section.header);
    let (header, origin) = (header_of(section.file, name), &section.origin);
    if !is_identifier(name) {
        return NAMES.to_owned();
    }
    let script = format!("s/^\\[.*?\\]/[{}]/ if $. == {}", perl_quoted(&header), origin.line);
    let by_hand = format!("write [{header}] on line {}", origin.line);
    remedies::here().edit(&format!("rename the section to [{header}]"), &by_hand, &script, &origin.path)
}

/// A text in the second half of Perl's `s///`.
fn perl_quoted(text: &str) -> String {
    let special = |c: char| !c.is_ascii_alphanumeric() && !" _-.:+".contains(c);
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

fn configure(profile: &str) -> CommandLine {
    CommandLine::new("aws configure").profile(profile)
}

fn set_source(source: &str, profile: &str) -> CommandLine {
    CommandLine::new("aws configure set source_profile").arg(source).profile(profile)
}

impl From<KeysError> for CommandError {
    fn from(error: KeysError) -> Self {
        let this = configuration(&error);
        let (profile, instead) = match error {
            KeysError::NoLongTermKeys { profile, instead, .. } => (profile, instead),
            KeysError::Incomplete(keys) => return this.hint(configure(&keys.profile)).placed(&keys.origin),
        };
        let enter = |profile: &str| format!("enter the access key of an IAM user: `{}`", configure(profile));
        let hint = match instead {
            Some(Instead::Sso) => {
                let login = CommandLine::new("aws sso login").profile(&profile);
                format!("SSO profiles do not need awsmfa: `{login}`")
            }
            Some(Instead::LoginSession) => {
                let login = CommandLine::new("aws login").profile(&profile);
                format!("profiles with `login_session` do not need awsmfa: `{login}`")
            }
            Some(Instead::WebIdentity | Instead::CredentialSource(_)) => {
                "choose a profile with an IAM user's access key: `--profile NAME`".to_owned()
            }
            Some(Instead::Served(other)) => format!("use `--profile {}`", quoted(&other)),
            // Keys in the profile's own section would hide the command or the session from the SDKs.
            Some(Instead::SessionOnly | Instead::Ourselves) => enter(&long_term_name(&profile)),
            Some(Instead::Misnamed(section)) => {
                return this.placed(&section.origin).hint(rename(&section));
            }
            None => enter(&profile),
        };
        this.hint(hint)
    }
}
