//! The tables of the figures page, between markers; the prose around them is left alone.

use super::super::report::Report;
use super::super::row::Row;
use super::scale::{number, with_unit};

const END: &str = "<!-- /bench -->";

/// The page with the report's table between its markers; without them under its heading, and without that
/// in a section at the end.
pub(super) fn renew(page: &str, report: &Report) -> String {
    let begin = format!("<!-- bench:{} -->", report.bench);
    let table = format!("{begin}\n{}{END}", table(report));
    let place = page.find(&begin).and_then(|from| Some((from, from + page[from..].find(END)? + END.len())));
    if let Some((from, to)) = place {
        return format!("{}{table}{}", &page[..from], &page[to..]);
    }
    let heading = format!("\n## {}\n", report.bench);
    match page.find(&heading).map(|from| from + heading.len()) {
        Some(below) => format!("{}{table}\n\n{}", &page[..below], page[below..].trim_start()),
        None => format!("{}\n{heading}{table}\n", page.trim_end()),
    }
}

/// What was measured where, the picture, and every row.
fn table(report: &Report) -> String {
    let Report { bench, revision, cores, foreign_load, seeds, .. } = report;
    let runs = if *seeds == 1 { "one run".into() } else { format!("{seeds} runs") };
    let mut text = format!(
        "Revision {revision}, {runs} on {cores} cores, of which others used at most {foreign_load}.\n\n\
         ![{bench}](performance/{bench}.svg)\n\n"
    );
    let any = |there: fn(&Row) -> bool| report.rows.iter().any(there);
    let columns: Vec<Column> = [
        Some(Column { title: "row", cell: |row| format!("`{}`", row.name) }),
        Some(Column { title: "value", cell: value }),
        any(|row| row.min != row.max).then_some(Column { title: "least … most", cell: spread }),
        any(|row| row.bound.is_some()).then_some(Column { title: "bound", cell: |row| optional(row.bound) }),
        any(|row| row.peer.is_some()).then_some(Column { title: "peer", cell: |row| optional(row.peer) }),
        any(|row| !row.aim.is_empty()).then_some(Column { title: "aim", cell: aim }),
        any(|row| !row.note.is_empty()).then_some(Column { title: "note", cell: |row| escaped(&row.note) }),
    ]
    .into_iter()
    .flatten()
    .collect();
    let titles: Vec<String> = columns.iter().map(|column| column.title.into()).collect();
    text.push_str(&line(&titles));
    text.push_str(&format!("|{}\n", "---|".repeat(columns.len())));
    for row in &report.rows {
        let cells: Vec<String> = columns.iter().map(|column| (column.cell)(row)).collect();
        text.push_str(&line(&cells));
    }
    text
}

struct Column {
    title: &'static str,
    cell: fn(&Row) -> String,
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn value(row: &Row) -> String {
    row.value.map_or_else(|| "–".into(), |value| with_unit(value, &row.unit))
}

fn spread(row: &Row) -> String {
    match (row.min, row.max) {
        (Some(min), Some(max)) if min < max => format!("{} … {}", number(min), number(max)),
        _ => String::new(),
    }
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(String::new, number)
}

fn aim(row: &Row) -> String {
    let aim = row.aim.replacen("<=", "≤ ", 1).replacen(">=", "≥ ", 1);
    match row.meets_aim() {
        Some(true) => format!("{aim}, met"),
        Some(false) => format!("{aim}, **missed**"),
        None => aim,
    }
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rows: Vec<Row>) -> Report {
        Report {
            bench: "hop".into(),
            revision: "abc".into(),
            cores: 2,
            foreign_load: 0.1,
            seeds: 5,
            quick: false,
            rows,
        }
    }

    #[test]
    fn a_table_is_renewed_and_the_prose_around_it_left_alone() {
        let page = "# Figures\n\n## hop\nBefore.\n<!-- bench:hop -->\nold\n<!-- /bench -->\nAfter.\n\
                    <!-- bench:cpu -->\nother\n<!-- /bench -->\n";
        let once = renew(page, &report(vec![Row::value("hop_ms", 4.0, "ms", "<=5")]));
        assert!(once.starts_with("# Figures\n\n## hop\nBefore.\n<!-- bench:hop -->\nRevision abc, 5 runs"));
        assert!(once.ends_with("<!-- /bench -->\nAfter.\n<!-- bench:cpu -->\nother\n<!-- /bench -->\n"));
        assert!(once.contains("| `hop_ms` | 4 ms | ≤ 5, met |\n") && !once.contains("old"), "{once}");
        assert_eq!(renew(&once, &report(vec![Row::value("hop_ms", 4.0, "ms", "<=5")])), once);
    }

    #[test]
    fn a_section_without_markers_gets_the_table_under_its_heading() {
        let page =
            renew("# Figures\n\n## hop\nProse.\n\n## cpu\n", &report(vec![Row::value("a", 1.0, "", "")]));
        assert!(page.starts_with("# Figures\n\n## hop\n<!-- bench:hop -->\n"), "{page}");
        assert!(page.ends_with("<!-- /bench -->\n\nProse.\n\n## cpu\n"), "{page}");
    }

    #[test]
    fn a_bench_without_a_place_gets_a_section_at_the_end() {
        let page = renew("# Figures\n", &report(vec![Row::value("a", 1.0, "", "")]));
        assert!(page.starts_with("# Figures\n\n## hop\n<!-- bench:hop -->\n"), "{page}");
    }

    #[test]
    fn columns_are_there_for_what_is_there() {
        let all = table(&report(vec![
            Row::spread("a", &[1.0, 2.0, 9.0], "ms", "<=1").bounded(0.5).beside(3.0).noted("a|b"),
            Row::missing("b", "ms", "", "not built"),
        ]));
        assert!(all.contains("| row | value | least … most | bound | peer | aim | note |\n"), "{all}");
        assert!(all.contains("| `a` | 2 ms | 1 … 9 | 0.5 | 3 | ≤ 1, **missed** | a\\|b |\n"), "{all}");
        assert!(all.contains("| `b` | – |  |  |  |  | not built |\n"), "{all}");
        let plain = table(&report(vec![Row::value("a", 1.0, "", "")]));
        assert!(plain.contains("| row | value |\n|---|---|\n| `a` | 1 |\n"), "{plain}");
    }
}
