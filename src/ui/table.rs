//! Tables, for lists that people read: columns without lines, under a head.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

use crate::model::visible::visible;

/// A table with this head. An empty cell is shown as a dash. Cells are made visible and never wrapped: people copy what
/// they hold.
pub fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = rows.into_iter().collect();
    draw(&head, &rows)
}

fn draw<const N: usize>(head: &[&str], rows: &[[String; N]]) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(head);
    let shown = |cell: &String| if cell.is_empty() { "-".to_owned() } else { visible(cell) };
    for row in rows {
        table.add_row(row[..head.len()].iter().map(shown));
    }
    // Without the border's spaces, each line starts with what it is about.
    table.lines().map(|line| format!("{}\n", line.trim())).collect()
}

/// A [`table`] whose last column is left out if it is empty; or, if stdout is a terminal that is too narrow for it, a block of
/// lines for each row.
pub fn listing<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let columns = terminal_size::terminal_size_of(std::io::stdout()).map(|(columns, _)| columns.0.into());
    fitted(head, rows, columns)
}

fn fitted<const N: usize>(
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    columns: Option<usize>,
) -> String {
    let rows: Vec<[String; N]> = rows.into_iter().collect();
    let shown = if rows.iter().all(|row| row.last().is_none_or(String::is_empty)) { N - 1 } else { N };
    let table = draw(&head[..shown], &rows);
    let width = table.lines().map(|line| line.chars().count()).max().unwrap_or_default();
    match columns {
        Some(columns) if width > columns => blocks(head, &rows),
        _ => table,
    }
}

/// Each row as lines of `name  value`, below its first cell. Empty cells are left out.
fn blocks<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let names = head.map(str::to_lowercase);
    let room = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for row in rows {
        text.push_str(&visible(&row[0]));
        text.push('\n');
        for (name, cell) in names.iter().zip(row).skip(1).filter(|(_, cell)| !cell.is_empty()) {
            text.push_str(&format!("  {name:<room$}  {}\n", visible(cell)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_blocks_on_a_narrow_terminal() {
        let rows = || [["dev", "11h", ""], ["a\u{1b}b", "", "x"]].map(|row| row.map(str::to_owned));
        let head = ["NAME", "LEFT", "NOTES"];
        assert_eq!(fitted(head, rows(), None), table(head, rows()));
        assert_eq!(fitted(head, rows(), Some(23)), table(head, rows()));
        let without_notes = |rows: [[String; 3]; 2]| rows.map(|[name, left, _]| [name, left, String::new()]);
        assert_eq!(fitted(head, without_notes(rows()), None), "NAME     LEFT\ndev      11h\na\\u{1b}b  -\n");
        let blocks = "dev\n  left   11h\na\\u{1b}b\n  notes  x\n";
        assert_eq!(fitted(head, rows(), Some(16)), blocks);
    }

    #[test]
    fn table_has_aligned_columns_and_dashes_for_empty_cells() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned);
        let shown = table(["NAME", "USER"], [row(["a long name", "bob"]), row(["x\u{1b}[2J", ""])]);
        assert_eq!(shown, "NAME         USER\na long name  bob\nx\\u{1b}[2J   -\n");
    }
}
