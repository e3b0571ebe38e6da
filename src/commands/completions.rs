//! `awsmfa completions`: scripts that let a shell complete commands, flags, profiles and devices. The shell asks the
//! program itself at each Tab, so that a new profile is known at once.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use clap_complete::CompletionCandidate;
use clap_complete::env::Shells;

use crate::aws_files::profiles::Profiles;
use crate::aws_files::resolve::resolve;
use crate::env::Env;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::paths::Paths;
use crate::store::StoreKind;
use crate::store::registry::{DeviceRecord, Registry};
use crate::ui::Ui;

/// The variable by which a completion script tells the program that it wants candidates.
pub const VARIABLE: &str = "AWSMFA_COMPLETE";

/// The script for bash: clap's own takes the parts of an ARN for words, and does not quote names with blanks.
const BASH: &str = include_str!("completions/awsmfa.bash");

/// How clap's scripts give the words of the line, and how they are given without quotes and backslashes, which the names
/// themselves do not have.
const ZSH_WORDS: (&str, &str) = ("\"${words[@]}\"", "\"${(@Q)words}\"");
const FISH_WORD: (&str, &str) = (
    "(commandline --current-token)",
    "(string replace --all -- '\\\\ ' ' ' (commandline --current-token --cut-at-cursor) | string trim --left --chars '\\'')",
);

/// zsh quotes the `~` of a candidate, and no shell expands a quoted one: its own completion of files does it right.
const ZSH_TILDE: (&str, &str) = (
    "function _clap_dynamic_completer_awsmfa() {\n",
    "function _clap_dynamic_completer_awsmfa() {
    if [[ $PREFIX == \\~* ]]; then
        _files
        return
    fi
",
);

/// zsh reads a file of `$fpath` at the first Tab, as the body of the function `_awsmfa`. clap's script only registers its
/// function then, and the first Tab of every shell would do nothing.
const ZSH_FIRST_TAB: &str = "
if [[ ${funcstack[1]} == _awsmfa ]]; then
    _clap_dynamic_completer_awsmfa
fi
";

/// Print the completion script of a shell
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Install it in bash:
  mkdir -p ~/.local/share/bash-completion/completions
  awsmfa completions bash > ~/.local/share/bash-completion/completions/awsmfa

In zsh, with `fpath=(~/.zfunc $fpath)` before `compinit` in ~/.zshrc:
  mkdir -p ~/.zfunc
  awsmfa completions zsh > ~/.zfunc/_awsmfa

In fish:
  mkdir -p ~/.config/fish/completions
  awsmfa completions fish > ~/.config/fish/completions/awsmfa.fish")]
pub struct CompletionsArgs {
    /// bash, zsh, fish, elvish or powershell
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish", "elvish", "powershell"])]
    shell: String,
}

pub fn run(ui: &Ui, args: &CompletionsArgs) -> CommandResult {
    Ok(ui.result(&script(&args.shell)?)?)
}

/// The script of a shell.
pub fn script(shell: &str) -> CommandResult<String> {
    let failed = |what: String| CommandError::new(ErrorKind::Usage, what);
    if shell == "bash" {
        return Ok(BASH.to_owned());
    }
    let shells = Shells::builtins();
    let shell = shells.completer(shell).ok_or_else(|| failed(format!("no completions for `{shell}`")))?;
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "awsmfa", "awsmfa", "awsmfa", &mut script)?;
    let mut script = String::from_utf8(script).map_err(|error| failed(error.to_string()))?;
    for (from, to) in [ZSH_WORDS, ZSH_TILDE, FISH_WORD] {
        script = script.replace(from, to);
    }
    if shell.is("zsh") {
        script.push_str(ZSH_FIRST_TAB);
    }
    Ok(script)
}

/// The names of all profiles, for the shell. Whatever is wrong with the files, a Tab stays silent.
pub fn profile_names() -> Vec<CompletionCandidate> {
    // `<name>-long-term` holds keys for `<name>`; nobody works with it directly.
    let profiles = profiles();
    let names = profiles.names().filter(|name| !name.ends_with("-long-term"));
    names.map(CompletionCandidate::new).collect()
}

/// The stored devices, for the shell: by their names, which are short, unless one stands for several devices or an ARN has
/// been begun.
pub fn device_names(current: &OsStr) -> Vec<CompletionCandidate> {
    let devices = devices();
    let is_arn = current.to_str().is_some_and(|typed| typed.starts_with("arn"));
    let of_name = |name: &str| devices.iter().filter(|device| device.serial.device_name() == name).count();
    let candidate = |device: &DeviceRecord| match device.serial.device_name() {
        name if of_name(name) == 1 && !is_arn => {
            CompletionCandidate::new(name).help(Some(device.serial.to_string().into()))
        }
        _ => CompletionCandidate::new(device.serial.as_str()),
    };
    starting_with(current, devices.iter().map(candidate))
}

/// The serials of all devices that are stored here or named by a profile, for the shell.
pub fn serials() -> Vec<CompletionCandidate> {
    let profiles = profiles();
    let named = profiles.names().filter_map(|name| resolve(&profiles, name).ok()?.serial);
    let stored = devices().into_iter().map(|device| device.serial.to_string());
    let all: BTreeSet<String> = stored.chain(named.map(|setting| setting.text)).collect();
    all.into_iter().map(CompletionCandidate::new).collect()
}

/// The stores, for the shell.
pub fn stores() -> Vec<CompletionCandidate> {
    [StoreKind::Keyring, StoreKind::File]
        .iter()
        .map(|kind| CompletionCandidate::new(kind.to_string()))
        .collect()
}

fn starting_with(
    current: &OsStr,
    candidates: impl Iterator<Item = CompletionCandidate>,
) -> Vec<CompletionCandidate> {
    let typed = current.as_encoded_bytes();
    candidates.filter(|candidate| candidate.get_value().as_encoded_bytes().starts_with(typed)).collect()
}

fn profiles() -> Profiles {
    let Ok(paths) = Paths::of(&Env::from_process()) else { return Profiles::default() };
    Profiles::load(Some(paths.config()), Some(paths.credentials())).unwrap_or_default()
}

fn devices() -> Vec<DeviceRecord> {
    let Ok(paths) = Paths::of(&Env::from_process()) else { return Vec::new() };
    Registry::of(&paths).load().unwrap_or_default()
}
