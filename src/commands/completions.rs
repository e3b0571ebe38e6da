//! `awsmfa completions`: scripts that let a shell complete commands, flags, profiles and devices.

use clap_complete::env::Shells;

use crate::complete::VARIABLE;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::ui::Ui;

/// The script for bash. clap's own splits an ARN at its colons and does not quote names with blanks.
const BASH: &str = include_str!("completions/awsmfa.bash");

/// How clap's scripts pass the words of the line, and how to pass them without quotes and backslashes, which the names
/// themselves do not contain.
const ZSH_WORDS: (&str, &str) = ("\"${words[@]}\"", "\"${(@Q)words}\"");
const FISH_WORD: (&str, &str) = (
    "(commandline --current-token)",
    "(string replace --all -- '\\\\ ' ' ' (commandline --current-token --cut-at-cursor) | string trim --left --chars '\\'')",
);

/// zsh quotes the `~` of a candidate, and a quoted `~` is not expanded. zsh's own file completion gets it right.
const ZSH_TILDE: (&str, &str) = (
    "function _clap_dynamic_completer_awsmfa() {\n",
    "function _clap_dynamic_completer_awsmfa() {
    if [[ $PREFIX == \\~* ]]; then
        _files
        return
    fi
",
);

/// At the first Tab, zsh runs a file in `$fpath` as the body of the function `_awsmfa`. clap's script only registers its
/// function then, so the first Tab in every shell would do nothing.
const ZSH_FIRST_TAB: &str = "
if [[ ${funcstack[1]} == _awsmfa ]]; then
    _clap_dynamic_completer_awsmfa
fi
";

/// Print a completion script for a shell
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
  awsmfa completions fish > ~/.config/fish/completions/awsmfa.fish

In PowerShell, for every new session:
  awsmfa completions powershell >> $PROFILE")]
pub struct CompletionsArgs {
    /// bash, zsh, fish, elvish or powershell
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish", "elvish", "powershell"])]
    shell: String,
}

pub fn run(ui: &Ui, args: &CompletionsArgs) -> CommandResult {
    Ok(ui.result(&script(&args.shell)?)?)
}

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
