//! What a terminal displays: the sequences that awsmfa and ratatui use, applied to lines of text.

/// The lines of the screen after all of this was sent.
pub fn displayed(sent: &str) -> Vec<String> {
    let mut display = Display::default();
    let mut rest = sent;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        rest = match (first, rest.chars().next()) {
            ('\x1b', Some('[')) => display.control(&rest[1..]),
            ('\x1b', Some(']')) => rest.split_once('\x07').map_or("", |(_, rest)| rest),
            ('\r', _) => {
                display.column = 0;
                rest
            }
            ('\n', _) => {
                display.line += 1;
                rest
            }
            _ => {
                display.write(first);
                rest
            }
        };
    }
    display.lines.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned()).collect()
}

#[derive(Default)]
struct Display {
    lines: Vec<Vec<char>>,
    line: usize,
    column: usize,
}

impl Display {
    fn write(&mut self, letter: char) {
        let (line, column) = (self.line, self.column);
        if self.lines.len() <= line {
            self.lines.resize(line + 1, Vec::new());
        }
        let line = &mut self.lines[line];
        if line.len() <= column {
            line.resize(column + 1, ' ');
        }
        line[column] = letter;
        self.column += 1;
    }

    /// Applies the control sequence at the start of a text, and returns the rest.
    fn control<'a>(&mut self, text: &'a str) -> &'a str {
        let Some(end) = text.find(|c: char| ('@'..='~').contains(&c)) else { return "" };
        let (parameters, rest) = text.split_at(end);
        let number = |at: usize| parameters.split(';').nth(at).and_then(|number| number.parse().ok());
        match (rest.as_bytes()[0], parameters) {
            (b'H', _) => {
                (self.line, self.column) = (number(0).unwrap_or(1) - 1, number(1).unwrap_or(1) - 1);
            }
            (b'J', "2" | "3") | (b'h' | b'l', "?1049") => self.lines.clear(),
            (b'J', _) => {
                self.lines.truncate(self.line + 1);
                self.clear_line();
            }
            (b'K', "") => self.clear_line(),
            _ => {}
        }
        &rest[1..]
    }

    fn clear_line(&mut self) {
        if let Some(line) = self.lines.get_mut(self.line) {
            line.truncate(self.column);
        }
    }
}

#[test]
fn sequences_are_applied() {
    let sent =
        "shell\r\n\x1b[?1049h\x1b[2J\x1b[Hone\x1b[2;3H\x1b[1mtwo\x1b[0m\x1b]52;c;eA==\x07!\x1b[1;3H\x1b[KE";
    assert_eq!(displayed(sent), ["onE", "  two!"]);
}
