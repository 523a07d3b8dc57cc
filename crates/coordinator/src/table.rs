//! Tables as CSV (RFC 4180) that no spreadsheet takes for a program. Pure.
//!
//! A cell that begins with one of `= + - @`, their wide forms, a tab or a line break is run as a formula by the
//! usual spreadsheets, and what people call themselves ends up in cells. Such a text gets an apostrophe before
//! it, which they read as “this is text”. Every text is quoted; numbers come from this program alone.

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    /// Whatever somebody wrote.
    Text(&'a str),
    /// A number or time that this program made.
    Number(String),
}

/// A table under way.
#[derive(Debug)]
pub(crate) struct Table(String);

impl Table {
    /// The media type.
    pub(crate) const MEDIA_TYPE: &'static str = "text/csv; charset=utf-8; header=present";

    /// With a first line of names.
    pub(crate) fn new(names: &[&str]) -> Self {
        let mut table = Self(String::new());
        table.row(&names.iter().map(|name| Cell::Text(name)).collect::<Vec<_>>());
        table
    }

    /// One more line.
    pub(crate) fn row(&mut self, cells: &[Cell<'_>]) {
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                self.0.push(',');
            }
            match cell {
                Cell::Number(number) => self.0.push_str(number),
                Cell::Text(text) => self.text(text),
            }
        }
        self.0.push_str("\r\n");
    }

    /// The table.
    pub(crate) fn into_text(self) -> String {
        self.0
    }

    fn text(&mut self, text: &str) {
        self.0.push('"');
        if is_formula(text) {
            self.0.push('\'');
        }
        self.0.push_str(&text.replace('"', "\"\""));
        self.0.push('"');
    }
}

/// Whether a spreadsheet would run it. White space before does not stop all of them.
fn is_formula(text: &str) -> bool {
    const DANGEROUS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    let first = text.chars().next();
    let first_visible = text.trim_start().chars().next();
    [first, first_visible].into_iter().flatten().any(|c| DANGEROUS.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(cells: &[Cell<'_>]) -> String {
        let mut table = Table(String::new());
        table.row(cells);
        table.into_text()
    }

    #[test]
    fn a_name_that_is_a_formula_becomes_text() {
        for evil in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "＝1", "\u{3000}=1"] {
            assert_eq!(line(&[Cell::Text(evil)]), format!("\"'{evil}\"\r\n"));
        }
        assert_eq!(
            line(&[Cell::Text("O'Neil, \"Al\""), Cell::Number("-1".into())]),
            "\"O'Neil, \"\"Al\"\"\",-1\r\n"
        );
    }

    proptest! {
        #[test]
        fn no_cell_begins_a_formula_and_none_changes_its_neighbour(a in "\\PC{0,20}", b in "[=+@\\-\",;\t a]{0,9}") {
            let line = line(&[Cell::Text(&a), Cell::Text(&b)]);
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            prop_assert_eq!(record.len(), 2);
            for (cell, text) in record.iter().zip([&a, &b]) {
                prop_assert!(!is_formula(cell));
                let guarded = if is_formula(text) { format!("'{text}") } else { text.clone() };
                prop_assert_eq!(cell, guarded);
            }
        }
    }
}
