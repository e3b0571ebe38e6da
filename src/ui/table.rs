//! Tables, for lists that people read: columns without lines, under a head.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

use crate::model::visible::visible;

/// A table with this head. An empty cell is shown as a dash. Cells are made visible and never wrapped: people copy what
/// they hold.
pub fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(head);
    let shown = |cell: &String| if cell.is_empty() { "-".to_owned() } else { visible(cell) };
    for row in rows {
        table.add_row(row.iter().map(shown));
    }
    // Without the border's spaces, each line starts with what it is about.
    table.lines().map(|line| format!("{}\n", line.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_has_aligned_columns_and_dashes_for_empty_cells() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned);
        let shown = table(["NAME", "USER"], [row(["a long name", "bob"]), row(["x\u{1b}[2J", ""])]);
        assert_eq!(shown, "NAME         USER\na long name  bob\nx\\u{1b}[2J   -\n");
    }
}
