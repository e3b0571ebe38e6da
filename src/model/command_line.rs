//! Command lines in settings, such as `credential_process`: split into words without a shell.

/// The words of a command line, split as a POSIX shell would. `None` if a quote is not closed. On Windows, a backslash
/// separates folders and does not escape anything.
pub fn words(command_line: &str) -> Option<Vec<String>> {
    split(command_line, cfg!(windows))
}

fn split(command_line: &str, windows: bool) -> Option<Vec<String>> {
    let escaped = windows.then(|| command_line.replace('\\', "\\\\"));
    shlex::split(escaped.as_deref().unwrap_or(command_line))
}

/// Whether a program is awsmfa, judged by its name.
pub fn is_awsmfa(program: &str) -> bool {
    let name = program.rsplit(['/', '\\']).next().unwrap_or_default();
    name == "awsmfa" || name.eq_ignore_ascii_case("awsmfa.exe")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_escapes_except_on_windows() {
        let first = |line, windows| split(line, windows).unwrap().remove(0);
        assert_eq!(first(r"my\ tools/awsmfa -v", false), "my tools/awsmfa");
        assert_eq!(first(r"C:\Tools\awsmfa.exe -v", true), r"C:\Tools\awsmfa.exe");
        assert_eq!(split("'open", false), None);
    }

    #[test]
    fn awsmfa_is_recognized_by_its_file_name() {
        for program in ["awsmfa", "/usr/bin/awsmfa", r"C:\Tools\AWSMFA.EXE", "my tools/awsmfa"] {
            assert!(is_awsmfa(program), "{program}");
        }
        for program in ["", "awsmfa-wrapper", "awsmfa/run", "AWSMFA"] {
            assert!(!is_awsmfa(program), "{program}");
        }
    }
}
