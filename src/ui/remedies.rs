//! The commands in hints that differ from system to system and from shell to shell.

use std::path::Path;

use crate::model::shell::{CommandLine, Shell};

/// A system, by the commands that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    Linux,
    MacOs,
    /// The BSDs and others.
    Unix,
    Windows,
}

/// The remedies for one system and one shell.
#[derive(Debug, Clone, Copy)]
pub struct Remedies {
    system: System,
    shell: Shell,
}

/// The remedies for the user of this process.
pub fn here() -> Remedies {
    let system = match std::env::consts::OS {
        "linux" => System::Linux,
        "macos" => System::MacOs,
        "windows" => System::Windows,
        _ => System::Unix,
    };
    Remedies { system, shell: Shell::current() }
}

impl Remedies {
    /// Sets the computer's clock.
    pub fn set_clock(self) -> &'static str {
        match self.system {
            System::Linux => "sudo timedatectl set-ntp true",
            System::MacOs => "sudo sntp -sS time.apple.com",
            System::Unix => "sudo ntpd -gq",
            System::Windows => "w32tm /resync",
        }
    }

    /// Shows who owns a file or folder and who may write to it.
    pub fn show_owner(self, paths: &[&Path]) -> String {
        let list = match (self.system, self.shell) {
            (System::Windows, _) => "icacls",
            // Its own `ls` shows no owners.
            (_, Shell::Nushell) => "^ls -ld",
            _ if paths.iter().any(|path| path.is_dir()) => "ls -ld",
            _ => "ls -l",
        };
        // icacls accepts one path only, and what is in a folder tells more than the folder.
        let paths = if self.system == System::Windows { &paths[..1] } else { paths };
        self.with_paths(list, paths)
    }

    /// Keeps other users out of a file, or of a folder.
    pub fn make_private(self, path: &Path, mode: &str) -> String {
        match self.system {
            System::Windows => self.with_paths("icacls", &[path]) + " /inheritance:r /grant:r \"*S-1-3-4:F\"",
            _ => self.with_paths(&format!("chmod {mode}"), &[path]),
        }
    }

    /// Gives a file or a folder, with all that is in it, back to this user.
    pub fn take_back(self, path: &Path) -> String {
        let (me, group) = match self.shell {
            Shell::Fish => ("(id -u)", "(id -g)"),
            Shell::Nushell => ("(id -u | str trim)", "(id -g | str trim)"),
            _ => ("$(id -u)", "$(id -g)"),
        };
        let owner = match self.shell {
            Shell::Nushell => format!("$\"{me}:{group}\""),
            Shell::Fish => format!("{me}:{group}"),
            _ => format!("\"{me}:{group}\""),
        };
        match self.system {
            System::Windows => self.with_paths("takeown /r /f", &[path]),
            _ => self.with_paths(&format!("sudo chown -R {owner}"), &[path]),
        }
    }

    /// Makes a file or folder changeable that is marked immutable or append-only.
    pub fn make_mutable(self, path: &Path) -> String {
        let command = match self.system {
            System::Linux => "sudo chattr -i -a",
            System::MacOs | System::Unix => "sudo chflags noschg,nouchg,nosappnd,nouappnd",
            System::Windows => "attrib -r",
        };
        self.with_paths(command, &[path])
    }

    /// Removes a file.
    pub fn remove(self, path: &Path) -> String {
        let command = if self.shell == Shell::Cmd { "del" } else { "rm" };
        self.with_paths(command, &[path])
    }

    /// Renames a file or folder, so that a new one can be created in its place.
    pub fn move_away(self, path: &Path) -> String {
        let to = format!("{}.bad", path.display());
        let command = if self.shell == Shell::Cmd { "move" } else { "mv" };
        self.with_paths(command, &[path, Path::new(&to)])
    }

    /// Shows how much space is left where a file lies.
    pub fn show_space(self, path: &Path) -> String {
        let folder = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(path);
        match self.system {
            System::Windows => self.with_paths("fsutil volume diskfree", &[folder]),
            _ => self.with_paths("df -h", &[folder]),
        }
    }

    /// Shows whether a file system is mounted read-only.
    pub fn show_mount(self, path: &Path) -> String {
        let folder = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(path);
        match self.system {
            System::Linux => self.with_paths("findmnt --target", &[folder]),
            System::MacOs | System::Unix => "mount".to_owned(),
            System::Windows => self.with_paths("icacls", &[folder]),
        }
    }

    /// Shows the largest size that a file may have.
    pub fn show_file_limit(self) -> String {
        match self.shell {
            Shell::PowerShell | Shell::Cmd => self.shell.subshell("ulimit -f"),
            _ => "ulimit -f".to_owned(),
        }
    }

    /// Lists the running processes of awsmfa.
    pub fn list_processes(self) -> &'static str {
        match self.system {
            System::Linux => "pgrep -a awsmfa",
            System::MacOs | System::Unix => "pgrep -fl awsmfa",
            System::Windows => "tasklist /fi \"imagename eq awsmfa.exe\"",
        }
    }

    /// Sets a variable.
    pub fn set(self, name: &str, value: &str) -> String {
        self.shell.set(name, value)
    }

    /// Removes variables.
    pub fn unset(self, names: &[&str]) -> String {
        self.shell.unset(names)
    }

    /// Edits a file in place with a script of Perl, where the system has Perl; otherwise says what to do by hand.
    pub fn edit(self, what: &str, by_hand: &str, script: &str, path: &Path) -> String {
        self.perl(what, by_hand, &["-pi", "-e", script], path)
    }

    /// Deletes a line of a file, as long as it is still a setting of `key`.
    pub fn delete_line(self, what: &str, line: usize, key: &str, path: &Path) -> String {
        let script = format!("print unless $. == {line} && /^\\s*{key}/i");
        self.perl(what, &format!("delete line {line}"), &["-i", "-ne", &script], path)
    }

    fn perl(self, what: &str, by_hand: &str, arguments: &[&str], path: &Path) -> String {
        if self.system == System::Windows {
            return format!("{what}: {by_hand} in {}", path.display());
        }
        let command = arguments.iter().fold(CommandLine::new("perl"), |command, word| command.arg(*word));
        let command = command.arg(path.display().to_string());
        format!("{what}: `{}`", command.in_shell(self.shell))
    }

    /// Converts a file to UTF-8.
    pub fn to_utf8(self, what: &str, encoding: &str, path: &Path) -> String {
        let shown = path.display().to_string();
        if self.system == System::Windows {
            return format!("{what}: open {shown} in an editor and save it with the encoding UTF-8");
        }
        let (from, to) = (Shell::Posix.quote(&shown), Shell::Posix.quote(&format!("{shown}.utf8")));
        let script = format!("umask 077; iconv -f {encoding} -t utf-8 {from} > {to} && mv {to} {from}");
        format!("{what}: `{}`", self.shell.subshell(&script))
    }

    fn with_paths(self, command: &str, paths: &[&Path]) -> String {
        paths.iter().fold(command.to_owned(), |command, path| {
            format!("{command} {}", self.shell.quote(&path.display().to_string()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies_fit_system_and_shell() {
        let path = Path::new("/no/my file");
        let all = |system, shell| {
            let this = Remedies { system, shell };
            [
                this.set_clock().to_owned(),
                this.show_owner(&[path, Path::new("/no")]),
                this.make_private(path, "600"),
                this.take_back(path),
                this.make_mutable(path),
                this.move_away(path),
                this.show_space(path),
                this.show_mount(path),
                this.show_file_limit(),
                this.list_processes().to_owned(),
                this.set("A", "b"),
                this.unset(&["A", "B"]),
                this.delete_line("remove the line", 3, "mfa_serial", path),
                this.to_utf8("save it as UTF-8", "utf-16", path),
            ]
            .join("\n")
        };
        insta::assert_snapshot!(all(System::Linux, Shell::Posix), @r#"
        sudo timedatectl set-ntp true
        ls -l '/no/my file' /no
        chmod 600 '/no/my file'
        sudo chown -R "$(id -u):$(id -g)" '/no/my file'
        sudo chattr -i -a '/no/my file'
        mv '/no/my file' '/no/my file.bad'
        df -h /
        findmnt --target /
        ulimit -f
        pgrep -a awsmfa
        export A=b
        unset A B
        remove the line: `perl -i -ne 'print unless $. == 3 && /^\s*mfa_serial/i' '/no/my file'`
        save it as UTF-8: `(umask 077; iconv -f utf-16 -t utf-8 '/no/my file' > '/no/my file.utf8' && mv '/no/my file.utf8' '/no/my file')`
        "#);
        insta::assert_snapshot!(all(System::MacOs, Shell::Fish), @r"
        sudo sntp -sS time.apple.com
        ls -l '/no/my file' /no
        chmod 600 '/no/my file'
        sudo chown -R (id -u):(id -g) '/no/my file'
        sudo chflags noschg,nouchg,nosappnd,nouappnd '/no/my file'
        mv '/no/my file' '/no/my file.bad'
        df -h /
        mount
        ulimit -f
        pgrep -fl awsmfa
        set -gx A b
        set -e A B
        remove the line: `perl -i -ne 'print unless $. == 3 && /^\\s*mfa_serial/i' '/no/my file'`
        save it as UTF-8: `sh -c 'umask 077; iconv -f utf-16 -t utf-8 \'/no/my file\' > \'/no/my file.utf8\' && mv \'/no/my file.utf8\' \'/no/my file\''`
        ");
        insta::assert_snapshot!(all(System::Unix, Shell::Nushell), @r#"
        sudo ntpd -gq
        ^ls -ld '/no/my file' /no
        chmod 600 '/no/my file'
        sudo chown -R $"(id -u | str trim):(id -g | str trim)" '/no/my file'
        sudo chflags noschg,nouchg,nosappnd,nouappnd '/no/my file'
        mv '/no/my file' '/no/my file.bad'
        df -h /
        mount
        ulimit -f
        pgrep -fl awsmfa
        $env.A = 'b'
        hide-env -i A B
        remove the line: `perl -i -ne 'print unless $. == 3 && /^\s*mfa_serial/i' '/no/my file'`
        save it as UTF-8: `sh -c "umask 077; iconv -f utf-16 -t utf-8 '/no/my file' > '/no/my file.utf8' && mv '/no/my file.utf8' '/no/my file'"`
        "#);
        insta::assert_snapshot!(all(System::Windows, Shell::PowerShell), @r#"
        w32tm /resync
        icacls '/no/my file'
        icacls '/no/my file' /inheritance:r /grant:r "*S-1-3-4:F"
        takeown /r /f '/no/my file'
        attrib -r '/no/my file'
        mv '/no/my file' '/no/my file.bad'
        fsutil volume diskfree /
        icacls /
        sh -c 'ulimit -f'
        tasklist /fi "imagename eq awsmfa.exe"
        $env:A = 'b'
        Remove-Item -ErrorAction Ignore Env:A, Env:B
        remove the line: delete line 3 in /no/my file
        save it as UTF-8: open /no/my file in an editor and save it with the encoding UTF-8
        "#);
        insta::assert_snapshot!(all(System::Windows, Shell::Cmd), @r#"
        w32tm /resync
        icacls "/no/my file"
        icacls "/no/my file" /inheritance:r /grant:r "*S-1-3-4:F"
        takeown /r /f "/no/my file"
        attrib -r "/no/my file"
        move "/no/my file" "/no/my file.bad"
        fsutil volume diskfree /
        icacls /
        sh -c "ulimit -f"
        tasklist /fi "imagename eq awsmfa.exe"
        set "A=b"
        set A=& set B=
        remove the line: delete line 3 in /no/my file
        save it as UTF-8: open /no/my file in an editor and save it with the encoding UTF-8
        "#);
    }

    #[test]
    fn remedies_here_are_for_this_system() {
        let clock = here().set_clock();
        assert_eq!(clock.contains("timedatectl"), cfg!(target_os = "linux"), "{clock}");
    }
}
