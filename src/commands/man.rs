//! `awsmfa man`: man pages, generated from the definition of the command line.

use std::path::PathBuf;

use clap::Command;
use clap_mangen::Man;

use crate::error::{CommandError, CommandResult};
use crate::files::write_public;
use crate::ui::Ui;

/// Print awsmfa's man page, or write the pages of all commands to a folder
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Install the pages of all commands:
  awsmfa man --out ~/.local/share/man/man1
  man awsmfa-login

Read a page without installing it:
  awsmfa man > awsmfa.1
  man ./awsmfa.1")]
pub struct ManArgs {
    /// Folder for the pages of all commands; it is created if necessary
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    out: Option<PathBuf>,
}

const NAME: &str = "awsmfa";

/// A page and the name of its file.
pub struct Page {
    pub file: String,
    pub text: String,
}

/// `command` is the whole command line.
pub fn run(ui: &Ui, args: &ManArgs, command: Command) -> CommandResult {
    let pages = pages(command)?;
    let Some(folder) = &args.out else { return Ok(ui.result(&pages[0].text)?) };
    for page in &pages {
        let path = folder.join(&page.file);
        write_public(&path, page.text.as_bytes())
            .map_err(|error| CommandError::from(error).at(format_args!("cannot write {}", path.display())))?;
    }
    ui.say(format_args!("wrote {} man pages to {}", pages.len(), folder.display()));
    Ok(())
}

/// The pages of awsmfa, its own first, and of all its commands.
pub fn pages(command: Command) -> CommandResult<Vec<Page>> {
    // Their help is in the pages.
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add(command, &mut pages)?;
    Ok(pages)
}

fn add(command: Command, pages: &mut Vec<Page>) -> CommandResult {
    let commands: Vec<Command> =
        command.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned().collect();
    let man = Man::new(command).manual(NAME).source(format!("{NAME} {}", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    man.render(&mut text)?;
    let text = String::from_utf8_lossy(&text).replace(".SH EXTRA\n", ".SH NOTES\n");
    pages.push(Page { file: man.get_filename(), text: in_ascii(&text) });
    commands.into_iter().try_for_each(|sub| add(sub, pages))
}

/// The text with escapes for other characters: not every `man` reads UTF-8.
fn in_ascii(text: &str) -> String {
    let escaped = |c: char| if c.is_ascii() { c.to_string() } else { format!("\\[u{:04X}]", u32::from(c)) };
    text.chars().map(escaped).collect()
}
