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

/// What in a command line only a shell understands, such as "`|`", in words for a message. Quoted, it is part of an argument.
pub fn shell_syntax(command_line: &str) -> Option<&'static str> {
    syntax(command_line, cfg!(windows))
}

fn syntax(command_line: &str, windows: bool) -> Option<&'static str> {
    const OPERATORS: [(&str, &str); 5] =
        [("|", "`|`"), ("&&", "`&&`"), (";", "`;`"), (">", "`>`"), ("<", "`<`")];
    const SUBSTITUTIONS: [(&str, &str); 2] = [("$(", "`$(`"), ("`", "a backquote")];
    let mut quote = None;
    let mut rest = command_line.char_indices();
    while let Some((at, c)) = rest.next() {
        let begins = |(sign, _): &&(&str, &str)| command_line[at..].starts_with(sign);
        match (quote, c) {
            (Some('\''), c) if c != '\'' => {}
            (_, '\\') if !windows => drop(rest.next()),
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            _ => {
                let operators = OPERATORS.iter().filter(|_| quote.is_none());
                if let Some((_, name)) = SUBSTITUTIONS.iter().chain(operators).find(begins) {
                    return Some(name);
                }
            }
        }
    }
    None
}

/// A command line for a setting, which every SDK splits into the same words: some use a POSIX shell or `cmd`, some split it
/// themselves, and only double quotes mean the same to all. `None` if there is no such line.
pub fn for_setting(words: &[&str]) -> Option<String> {
    join(words, cfg!(windows))
}

fn join(words: &[&str], windows: bool) -> Option<String> {
    let quoted = |word: &&str| {
        let is_plain =
            |c: char| c.is_ascii_alphanumeric() || "_-./:@+=,".contains(c) || (windows && c == '\\');
        // In double quotes, a shell still expands these.
        let is_special = |c: char| {
            c.is_control() || "\"$`!".contains(c) || (windows && c == '%') || (!windows && c == '\\')
        };
        match () {
            () if !word.is_empty() && word.chars().all(is_plain) => Some((*word).to_owned()),
            () if word.contains(is_special) => None,
            () => Some(format!("\"{word}\"")),
        }
    };
    let line = words.iter().map(quoted).collect::<Option<Vec<_>>>()?.join(" ");
    // The Go SDK would remove quotes around the whole value, and most SDKs a comment, even within quotes.
    let is_quoted = line.starts_with('"') && line.ends_with('"');
    let has_comment = [" #", " ;", "\t#", "\t;"].iter().any(|mark| line.contains(mark));
    (!is_quoted && !has_comment).then_some(line)
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
    fn shell_syntax_is_found_unless_it_is_quoted() {
        for (line, expected) in [
            ("pass otp aws | head -1", Some("`|`")),
            ("a||b", Some("`|`")),
            ("cd /x && ./code", Some("`&&`")),
            ("a; b", Some("`;`")),
            ("code 2>/dev/null", Some("`>`")),
            ("code >> log", Some("`>`")),
            ("oathtool - < seed", Some("`<`")),
            ("oathtool --totp \"$(cat seed)\"", Some("`$(`")),
            ("oathtool `cat seed`", Some("a backquote")),
            ("sh -c 'a | b && c `d` $(e)'", None),
            (r#"ykman code "a;b|c<d>""#, None),
            (r"ykman code a\;b\|c '\' d", None),
            (r#"a "\"$(b)""#, Some("`$(`")),
            ("curl https://localhost/?a=1&b=2", None),
            ("op item get AWS --otp", None),
        ] {
            assert_eq!(syntax(line, false), expected, "{line}");
        }
        assert_eq!(syntax(r#""C:\Tools\" | b"#, true), Some("`|`"));
    }

    #[test]
    fn line_for_a_setting_has_the_words_that_went_in() {
        for (words, windows, expected) in [
            (&["/usr/bin/awsmfa", "-p", "a@b"][..], false, Some("/usr/bin/awsmfa -p a@b")),
            (&["/my apps/awsmfa", "-p", "x"], false, Some(r#""/my apps/awsmfa" -p x"#)),
            (&["awsmfa", "a's"], false, Some(r#"awsmfa "a's""#)),
            (&[r"C:\My Apps\awsmfa.exe", "-p", "x"], true, Some(r#""C:\My Apps\awsmfa.exe" -p x"#)),
            (&["/my apps/awsmfa", "my team"], false, None),
            (&["/a$b/awsmfa"], false, None),
            (&["/my #1 tools/awsmfa", "-p", "x"], false, None),
            (&["/a#1/awsmfa", "-p", "x"], false, Some(r#""/a#1/awsmfa" -p x"#)),
            (&["/a\"b/awsmfa"], false, None),
            (&[r"/a\b/awsmfa"], false, None),
            (&["awsmfa", "%A%"], true, None),
        ] {
            let line = join(words, windows);
            assert_eq!(line.as_deref(), expected);
            if let Some(line) = line {
                assert_eq!(split(&line, windows).unwrap(), words);
            }
        }
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
