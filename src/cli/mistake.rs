//! clap's output when no command runs: help, the version, or what is wrong with the command line.

use std::ffi::OsString;
use std::io::IsTerminal;

use clap::Parser;

use super::args::{Cli, ColorChoice, is_for_sdk};
use super::tips;
use crate::env::Env;
use crate::error::{CommandError, ErrorKind};
use crate::model::visible::visible;
use crate::stdio;
use crate::ui::{Style, Ui, color};

/// Prints it and returns the exit code.
pub(super) fn print(error: clap::Error, args: &[OsString], env: &Env) -> u8 {
    let (one_line, to_stderr) = (is_for_sdk(args), error.use_stderr());
    let terminal = if to_stderr { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
    let color = color::is_wanted(flag(args).into(), env, terminal) && color::enable();
    let style = Style { one_line, color: color && !one_line, ..Style::default() };
    let ui = Ui::new(style, Box::new(stdio::stdout()), Box::new(std::io::stderr()));
    if to_stderr {
        let said = in_visible_words(error, args).render();
        match one_line {
            true => ui.error(
                &in_one_line(&said.to_string()),
                &[],
                &["see `awsmfa credential-process --help`".to_owned()],
            ),
            false => ui.text(&said.to_string(), &said.ansi().to_string()),
        }
        return ErrorKind::Usage as u8;
    }
    let help = error.render();
    let text = if color { help.ansi().to_string() } else { help.to_string() };
    match ui.result(&text).map_err(CommandError::from) {
        Ok(()) => 0,
        Err(error) => error.report(&ui),
    }
}

/// The same mistake with the arguments made visible: clap quotes them as they are.
fn in_visible_words(error: clap::Error, args: &[OsString]) -> clap::Error {
    let shown: Vec<OsString> = args.iter().map(|arg| visible(&arg.to_string_lossy()).into()).collect();
    let error = tips::with_tip(error, args);
    match Cli::try_parse_from(&shown).map_err(|same| tips::with_tip(same, &shown)) {
        Err(same) if same.kind() == error.kind() => same,
        // Only the original line has this mistake. Printing makes the text visible.
        _ => error,
    }
}

/// What is wrong, without the usage and the pointer to help that follow.
fn in_one_line(said: &str) -> String {
    let wrong = said.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let words: Vec<&str> = wrong.map(str::trim).filter(|line| !line.is_empty()).collect();
    words.join(" ").trim_start_matches("error: ").replace(" tip: ", "; tip: ")
}

/// The value of `--color`: clap fails before it knows.
fn flag(args: &[OsString]) -> ColorChoice {
    let args: Vec<&str> = args.iter().take_while(|arg| *arg != "--").filter_map(|arg| arg.to_str()).collect();
    let pairs = args.windows(2).filter(|pair| pair[0] == "--color").map(|pair| pair[1]);
    let joined = args.iter().filter_map(|arg| arg.strip_prefix("--color="));
    match pairs.chain(joined).last() {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn color_flag_is_found_wherever_it_stands() {
        let flag = |line: &str| flag(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(flag("awsmfa login --nope --color never"), ColorChoice::Never);
        assert_eq!(flag("awsmfa --color=always login --nope"), ColorChoice::Always);
        assert_eq!(flag("awsmfa login -- --color=always"), ColorChoice::Auto);
        assert_eq!(flag("awsmfa --color"), ColorChoice::Auto);
    }

    #[test]
    fn sdk_line_has_everything_that_is_wrong() {
        let said = "error: the following required arguments were not provided:\n  <FILE>\n\nUsage: awsmfa x\n\nFor more\n";
        assert_eq!(in_one_line(said), "the following required arguments were not provided: <FILE>");
    }
}
