//! Shells, as far as a command in a hint depends on the one that it is pasted into: quoting and variables.

use std::fmt;
use std::sync::OnceLock;

/// A family of shells that read a command the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::enum_variant_names, reason = "the shells' own names")]
pub enum Shell {
    /// sh, bash, zsh and their relatives.
    Posix,
    Fish,
    Nushell,
    PowerShell,
    /// cmd.exe.
    Cmd,
}

/// The shell of this process's user. Errors quote commands where no environment is at hand.
static CURRENT: OnceLock<Shell> = OnceLock::new();

impl Shell {
    /// The shell that most likely started this process.
    pub fn detect<'a>(windows: bool, variable: impl Fn(&str) -> Option<&'a str>) -> Self {
        if variable("NU_VERSION").is_some() {
            return Self::Nushell;
        }
        let login = variable("SHELL").map(|path| path.rsplit(['/', '\\']).next().unwrap_or(path));
        match login {
            Some(name) => Self::of_program(name).unwrap_or(Self::Posix),
            // PowerShell adds the user's folder to the one variable and does not set the other.
            None if windows => match (variable("PSModulePath"), variable("PROMPT")) {
                (Some(path), _) if path.contains("\\Documents\\") => Self::PowerShell,
                (_, Some(_)) => Self::Cmd,
                _ => Self::PowerShell,
            },
            None => Self::Posix,
        }
    }

    /// The shell with this program, such as `zsh` or `pwsh.exe`.
    pub fn of_program(name: &str) -> Option<Self> {
        Some(match name.trim_end_matches(".exe") {
            "sh" | "bash" | "zsh" | "dash" | "ash" | "busybox" | "ksh" | "ksh93" | "mksh" | "oksh"
            | "yash" => Self::Posix,
            "fish" => Self::Fish,
            "nu" => Self::Nushell,
            "pwsh" | "powershell" => Self::PowerShell,
            "cmd" => Self::Cmd,
            _ => return None,
        })
    }

    /// Makes this the current shell for the rest of the process.
    pub fn settle(self) {
        let _ = CURRENT.set(self);
    }

    pub fn current() -> Self {
        let usual = if cfg!(windows) { Self::PowerShell } else { Self::Posix };
        CURRENT.get().copied().unwrap_or(usual)
    }

    /// A word of a command, quoted if the shell would read it as something else. Names come from files that other people
    /// may have written: whatever is pasted must run nothing but the command.
    pub fn quote(self, word: &str) -> String {
        if self.is_plain(word) { word.to_owned() } else { self.quote_always(word) }
    }

    fn quote_always(self, word: &str) -> String {
        match self {
            Self::Posix if !word.contains(['\'', '\0']) => format!("'{word}'"),
            // No word with a NUL can be passed to a program, quoted or not.
            Self::Posix => shlex::try_quote(word).map_or_else(|_| word.to_owned(), Into::into),
            Self::Fish => format!("'{}'", word.replace('\\', r"\\").replace('\'', r"\'")),
            Self::Nushell if !word.contains('\'') => format!("'{word}'"),
            Self::Nushell => format!("\"{}\"", word.replace('\\', r"\\").replace('"', "\\\"")),
            Self::PowerShell => {
                let doubled = word.chars().flat_map(|c| std::iter::repeat_n(c, 1 + usize::from(is_quote(c))));
                format!("'{}'", doubled.collect::<String>())
            }
            Self::Cmd => cmd_quoted(word),
        }
    }

    fn is_plain(self, word: &str) -> bool {
        let folders = matches!(self, Self::PowerShell | Self::Cmd);
        let plain = |c: char| {
            c.is_ascii_alphanumeric()
                || matches!(c, '_' | '-' | '.' | '/' | ':' | '+')
                || folders && c == '\\'
        };
        !word.is_empty() && word.chars().all(plain)
    }

    /// The command that sets a variable for what the shell runs from then on.
    pub fn set(self, name: &str, value: &str) -> String {
        match self {
            Self::Posix => format!("export {name}={}", self.quote(value)),
            Self::Fish => format!("set -gx {name} {}", self.quote(value)),
            Self::Nushell => format!("$env.{name} = {}", self.quote_always(value)),
            Self::PowerShell => format!("$env:{name} = {}", self.quote_always(value)),
            Self::Cmd => format!("set {}", self.quote_always(&format!("{name}={value}"))),
        }
    }

    /// The command that removes variables.
    pub fn unset(self, names: &[&str]) -> String {
        let all = names.join(" ");
        match self {
            Self::Posix => format!("unset {all}"),
            Self::Fish => format!("set -e {all}"),
            Self::Nushell => format!("hide-env -i {all}"),
            Self::PowerShell => format!("Remove-Item -ErrorAction Ignore {}", prefixed(names, "Env:", ", ")),
            Self::Cmd => prefixed(names, "set ", "=& ") + "=",
        }
    }

    /// The lines of a script that set variables or, without a value, remove them. Removals come first, because some shells
    /// report a failure if there was nothing to remove, and the last command's status counts.
    pub fn script<'a>(self, changes: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Vec<String> {
        let (set, unset): (Vec<_>, Vec<_>) = changes.partition(|(_, value)| value.is_some());
        let removed: Vec<&str> = unset.into_iter().map(|(name, _)| name).collect();
        let mut lines = match (self, removed.is_empty()) {
            (_, true) => Vec::new(),
            // `for /f` runs each line as it is: nothing is expanded or split again.
            (Self::Cmd, _) => removed.iter().map(|name| format!("set \"{name}=\"")).collect(),
            _ => vec![self.unset(&removed)],
        };
        lines.extend(set.into_iter().map(|(name, value)| match (self, value.unwrap_or_default()) {
            (Self::Cmd, value) => format!("set \"{name}={value}\""),
            (_, value) => self.set(name, value),
        }));
        lines
    }

    /// The command that runs a script of `sh` and leaves the shell's own state alone.
    pub fn subshell(self, script: &str) -> String {
        match self {
            Self::Posix => format!("({script})"),
            _ => format!("sh -c {}", self.quote(script)),
        }
    }
}

fn prefixed(names: &[&str], prefix: &str, separator: &str) -> String {
    names.iter().map(|name| format!("{prefix}{name}")).collect::<Vec<_>>().join(separator)
}

/// PowerShell ends a quoted word at a typographic quote, too.
fn is_quote(c: char) -> bool {
    matches!(c, '\'' | '\u{2018}'..='\u{201b}')
}

/// Quoted twice: for the program, which splits its own command line, and for cmd, which knows no escapes within quotes.
fn cmd_quoted(word: &str) -> String {
    let mut quoted = String::from("\"");
    let mut backslashes = 0;
    for c in word.chars() {
        let before = std::mem::take(&mut backslashes);
        match c {
            '\\' => backslashes = before + 1,
            '"' => quoted.extend(std::iter::repeat_n('\\', before + 1)),
            _ => {}
        }
        quoted.push(c);
    }
    quoted.extend(std::iter::repeat_n('\\', backslashes));
    quoted.push('"');
    if !word.contains(['"', '%']) {
        return quoted;
    }
    let special = |c| matches!(c, '(' | ')' | '%' | '!' | '^' | '"' | '<' | '>' | '&' | '|');
    quoted.chars().flat_map(|c| special(c).then_some('^').into_iter().chain([c])).collect()
}

/// A word for the current shell.
pub fn quoted(word: &str) -> String {
    Shell::current().quote(word)
}

/// A command to paste, such as the one that was run, with other options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine(Vec<String>);

impl CommandLine {
    /// A command of plain words: `awsmfa device remove`.
    pub fn new(words: &str) -> Self {
        Self(words.split(' ').map(str::to_owned).collect())
    }

    #[must_use]
    pub fn arg(mut self, word: impl Into<String>) -> Self {
        self.0.push(word.into());
        self
    }

    /// Adds `--name value` if there is a value.
    #[must_use]
    pub fn option(self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        let Some(value) = value else { return self };
        let value = value.as_ref();
        // Otherwise clap would read the value as an option.
        if value.starts_with('-') { self.arg(format!("{name}={value}")) } else { self.arg(name).arg(value) }
    }

    /// Adds `--profile NAME`.
    #[must_use]
    pub fn profile(self, name: impl AsRef<str>) -> Self {
        self.option("--profile", Some(name))
    }

    /// Adds `--name` if it is on.
    #[must_use]
    pub fn switch(self, name: &str, on: bool) -> Self {
        if on { self.arg(name) } else { self }
    }

    /// The command in the words of a shell.
    pub fn in_shell(&self, shell: Shell) -> String {
        self.0.iter().map(|word| shell.quote(word)).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_shell(Shell::current()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Shell; 5] = [Shell::Posix, Shell::Fish, Shell::Nushell, Shell::PowerShell, Shell::Cmd];

    #[test]
    fn shell_is_detected_from_its_variables() {
        let detect = |windows, vars: &[(&str, &'static str)]| {
            Shell::detect(windows, |name| vars.iter().find(|(set, _)| *set == name).map(|(_, value)| *value))
        };
        assert_eq!(detect(false, &[]), Shell::Posix);
        assert_eq!(detect(false, &[("SHELL", "/usr/bin/zsh")]), Shell::Posix);
        assert_eq!(detect(false, &[("SHELL", "/usr/bin/fish")]), Shell::Fish);
        assert_eq!(detect(false, &[("SHELL", "/bin/bash"), ("NU_VERSION", "0.99")]), Shell::Nushell);
        let system = r"C:\Windows\system32\WindowsPowerShell\v1.0\Modules";
        let own = r"C:\Users\a\Documents\PowerShell\Modules;C:\Windows\system32";
        assert_eq!(detect(true, &[("PSModulePath", own)]), Shell::PowerShell);
        assert_eq!(detect(true, &[("PSModulePath", system), ("PROMPT", "$P$G")]), Shell::Cmd);
        assert_eq!(detect(true, &[("SHELL", "/usr/bin/bash"), ("PROMPT", "$P$G")]), Shell::Posix);
        assert_eq!(detect(true, &[]), Shell::PowerShell);
    }

    #[test]
    fn words_are_quoted_for_each_shell() {
        let quoted = |word: &str| ALL.map(|shell| shell.quote(word));
        assert_eq!(quoted("dev"), ["dev"; 5]);
        assert_eq!(quoted("arn:aws:iam::123456789012:mfa/alice"), ["arn:aws:iam::123456789012:mfa/alice"; 5]);
        assert_eq!(quoted("a b"), ["'a b'", "'a b'", "'a b'", "'a b'", "\"a b\""]);
        assert_eq!(quoted(""), ["''", "''", "''", "''", "\"\""]);
        assert_eq!(
            quoted("o'k \\$(id)"),
            [
                r#""o'k \\"'$(id)'"#,
                r"'o\'k \\$(id)'",
                r#""o'k \\$(id)""#,
                r"'o''k \$(id)'",
                r#""o'k \$(id)""#
            ]
        );
        // A quote of cmd's ends in the middle of such a word, and the rest would be a command.
        assert_eq!(Shell::Cmd.quote("a\"&calc"), "^\"a\\^\"^&calc^\"");
        assert_eq!(Shell::Cmd.quote("%PATH% \\"), "^\"^%PATH^% \\\\^\"");
        assert_eq!(Shell::PowerShell.quote("a\u{2019};calc"), "'a\u{2019}\u{2019};calc'");
    }

    #[test]
    fn variables_are_set_and_removed_in_each_shell() {
        let set = ALL.map(|shell| shell.set("AWS_REGION", "us-east-1"));
        assert_eq!(
            set,
            [
                "export AWS_REGION=us-east-1",
                "set -gx AWS_REGION us-east-1",
                "$env.AWS_REGION = 'us-east-1'",
                "$env:AWS_REGION = 'us-east-1'",
                "set \"AWS_REGION=us-east-1\"",
            ]
        );
        let unset = ALL.map(|shell| shell.unset(&["A", "B"]));
        assert_eq!(
            unset,
            [
                "unset A B",
                "set -e A B",
                "hide-env -i A B",
                "Remove-Item -ErrorAction Ignore Env:A, Env:B",
                "set A=& set B=",
            ]
        );
    }

    #[test]
    fn command_is_rebuilt_with_its_options() {
        let command =
            CommandLine::new("awsmfa login").option("--profile", Some("a b")).switch("--force", true);
        assert_eq!(command.in_shell(Shell::Posix), "awsmfa login --profile 'a b' --force");
        assert_eq!(command.in_shell(Shell::Cmd), "awsmfa login --profile \"a b\" --force");
        let command =
            CommandLine::new("awsmfa login").option("--profile", Some("-x")).switch("--force", false);
        assert_eq!(command.option("--user", None::<&str>).to_string(), "awsmfa login '--profile=-x'");
    }

    /// How a shell on this machine reads the word.
    #[cfg(unix)]
    #[test]
    fn installed_shells_read_words_back() {
        let word = "a b\\'\"$(id)`x`;&|%~*é";
        for (shell, program) in [(Shell::Posix, "sh"), (Shell::Posix, "bash"), (Shell::Fish, "fish")] {
            let script = format!("printf %s {}", shell.quote(word));
            let Ok(run) = std::process::Command::new(program).args(["-c", &script]).output() else {
                continue;
            };
            assert_eq!(String::from_utf8_lossy(&run.stdout), word, "{program}: {script}");
        }
    }
}
