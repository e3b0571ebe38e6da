//! `awsmfa completions`: scripts that let a shell complete commands, flags, profiles and devices. The shell asks the
//! program itself at each Tab, so that a new profile is known at once.

use clap_complete::CompletionCandidate;
use clap_complete::env::Shells;

use crate::aws_files::profiles::Profiles;
use crate::context::Context;
use crate::env::Env;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::store::registry::{DeviceRecord, Registry};

/// The variable by which a completion script tells the program that it wants candidates.
pub const VARIABLE: &str = "AWSMFA_COMPLETE";

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
Install it:
  bash  awsmfa completions bash > ~/.local/share/bash-completion/completions/awsmfa
  zsh   awsmfa completions zsh > ~/.zfunc/_awsmfa    (with ~/.zfunc in $fpath before compinit)
  fish  awsmfa completions fish > ~/.config/fish/completions/awsmfa.fish")]
pub struct CompletionsArgs {
    /// bash, zsh, fish, elvish or powershell
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish", "elvish", "powershell"])]
    shell: String,
}

/// Runs the command.
pub fn run(ctx: &Context, args: &CompletionsArgs) -> CommandResult {
    Ok(ctx.ui.result(&script(&args.shell)?)?)
}

/// The script of a shell.
pub fn script(shell: &str) -> CommandResult<String> {
    let failed = |what: String| CommandError::new(ErrorKind::Usage, what);
    let shells = Shells::builtins();
    let shell = shells.completer(shell).ok_or_else(|| failed(format!("no completions for `{shell}`")))?;
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "awsmfa", "awsmfa", "awsmfa", &mut script)?;
    if shell.is("zsh") {
        script.extend_from_slice(ZSH_FIRST_TAB.as_bytes());
    }
    String::from_utf8(script).map_err(|error| failed(error.to_string()))
}

/// The names of all profiles, for the shell. Whatever is wrong with the files, a Tab stays silent.
pub fn profile_names() -> Vec<CompletionCandidate> {
    let env = Env::from_process();
    let (config, credentials) = (env.aws_config_file(), env.aws_credentials_file());
    let profiles = Profiles::load(config.as_deref(), credentials.as_deref()).unwrap_or_default();
    // `<name>-long-term` holds keys for `<name>`; nobody works with it directly.
    let names = profiles.names().filter(|name| !name.ends_with("-long-term"));
    names.map(CompletionCandidate::new).collect()
}

/// The names of all stored devices, for the shell: a device's ARN only where its name stands for several, because bash
/// takes the parts of an ARN for words.
pub fn device_names() -> Vec<CompletionCandidate> {
    let env = Env::from_process();
    let Some(folder) = env.data_dir() else { return Vec::new() };
    let devices =
        Registry::new(folder.join("devices.json"), folder.join("unused")).load().unwrap_or_default();
    let of_name = |name: &str| devices.iter().filter(|device| device.serial.device_name() == name).count();
    let candidate = |device: &DeviceRecord| match device.serial.device_name() {
        name if of_name(name) == 1 => {
            CompletionCandidate::new(name).help(Some(device.serial.to_string().into()))
        }
        _ => CompletionCandidate::new(device.serial.as_str()),
    };
    devices.iter().map(candidate).collect()
}
