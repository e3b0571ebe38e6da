//! Tables, for lists that people read: columns without lines, under a head.

use std::fmt;

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

use crate::model::visible::visible;

/// A table with this head. An empty cell is shown as a dash. Cells are made visible and never wrapped: people copy what
/// they hold.
pub fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = rows.into_iter().collect();
    let every: Vec<usize> = (0..N).collect();
    draw(&head, &rows, &every).map(|line| format!("{line}\n")).collect()
}

fn draw<const N: usize>(
    head: &[&str; N],
    rows: &[[String; N]],
    columns: &[usize],
) -> impl Iterator<Item = String> {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| head[*column]));
    let shown = |cell: &String| if cell.is_empty() { "-".to_owned() } else { visible(cell) };
    for row in rows {
        table.add_row(columns.iter().map(|column| shown(&row[*column])));
    }
    // Without the border's spaces, each line starts with what it is about.
    let lines: Vec<String> = table.lines().map(|line| line.trim().to_owned()).collect();
    lines.into_iter()
}

/// A list of `N` columns as it fits a terminal. The last column is for notes, which few rows have and which may be long.
#[derive(Debug, Clone, Copy)]
pub struct Listing<const N: usize> {
    pub head: [&'static str; N],
    /// The column to leave out first.
    pub spare: usize,
}

/// A list in lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The names of the columns, if there are columns.
    pub head: Option<String>,
    pub lines: Vec<String>,
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.iter().chain(&self.lines).try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl<const N: usize> Listing<N> {
    /// The rows as they fit stdout: if it is no terminal, each row is one line.
    pub fn on_stdout(&self, rows: &[[String; N]]) -> Page {
        let columns = terminal_size::terminal_size_of(std::io::stdout()).map(|(columns, _)| columns.0.into());
        self.page(rows, columns)
    }

    /// The rows in the first of these forms that fits into `columns`: a table, with the notes below each row, also without the
    /// spare column, a block of lines for each row.
    pub fn page(&self, rows: &[[String; N]], columns: Option<usize>) -> Page {
        let notes = N - 1;
        let has_notes = rows.iter().any(|row| !row[notes].is_empty());
        let every: Vec<usize> = (0..N).filter(|column| has_notes || *column != notes).collect();
        let without_notes: Vec<usize> = (0..notes).collect();
        let without_spare: Vec<usize> = (0..notes).filter(|column| *column != self.spare).collect();
        for form in [every, without_notes, without_spare] {
            let mut lines: Vec<String> = draw(&self.head, rows, &form).collect();
            let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
            if columns.is_some_and(|columns| width > columns) {
                continue;
            }
            let head = Some(lines.remove(0));
            let below = |row: &[String; N]| {
                let is_below = !form.contains(&notes) && !row[notes].is_empty();
                is_below.then(|| format!("  {}", visible(&row[notes])))
            };
            let lines =
                lines.into_iter().zip(rows).flat_map(|(line, row)| [Some(line), below(row)]).flatten();
            return Page { head, lines: lines.collect() };
        }
        Page { head: None, lines: self.blocks(rows) }
    }

    /// Each row as lines of `name  value`, below its first cell. Empty cells are left out.
    fn blocks(&self, rows: &[[String; N]]) -> Vec<String> {
        let names = self.head.map(str::to_lowercase);
        let room = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
        let mut lines = Vec::new();
        for row in rows {
            lines.push(visible(&row[0]));
            for (name, cell) in names.iter().zip(row).skip(1).filter(|(_, cell)| !cell.is_empty()) {
                lines.push(format!("  {name:<room$}  {}", visible(cell)));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_fits_the_terminal() {
        let listing = Listing { head: ["NAME", "LEFT", "NOTES"], spare: 1 };
        let rows = [["dev", "11h", ""], ["a\u{1b}b", "", "a note"]].map(|row| row.map(str::to_owned));
        let page = |columns| listing.page(&rows, columns).to_string();
        let table = "NAME      LEFT  NOTES\ndev       11h   -\na\\u{1b}b  -     a note\n";
        assert_eq!((page(None).as_str(), page(Some(22)).as_str()), (table, table));
        assert_eq!(page(Some(21)), "NAME      LEFT\ndev       11h\na\\u{1b}b  -\n  a note\n");
        assert_eq!(page(Some(13)), "NAME\ndev\na\\u{1b}b\n  a note\n");
        assert_eq!(page(Some(5)), "dev\n  left   11h\na\\u{1b}b\n  notes  a note\n");
        assert_eq!(listing.page(&rows[..1], None).to_string(), "NAME  LEFT\ndev   11h\n");
    }

    #[test]
    fn table_has_aligned_columns_and_dashes_for_empty_cells() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned);
        let shown = table(["NAME", "USER"], [row(["a long name", "bob"]), row(["x\u{1b}[2J", ""])]);
        assert_eq!(shown, "NAME         USER\na long name  bob\nx\\u{1b}[2J   -\n");
    }
}
