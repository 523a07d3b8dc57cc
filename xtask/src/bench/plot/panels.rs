//! Figures that were measured over a load or a number of nodes: one panel each, two side by side.

use super::super::row::{Aim, Row};
use super::scale::{Scale, number};
use super::svg::{SERIES_COLOURS, Svg};

const PANEL_HEIGHT: f64 = 190.0;
const GAP: f64 = 20.0;

/// Where a row stands in a panel, from its name: `N32.load0.8.copies`, or `N100k.copies`.
#[derive(Debug, Clone, PartialEq)]
struct Place<'a> {
    figure: &'a str,
    series: String,
    x: f64,
    x_text: String,
    /// What the x axis is.
    axis: &'static str,
}

impl<'a> Place<'a> {
    fn of(name: &'a str) -> Option<Self> {
        let (nodes, rest) = name.strip_prefix('N')?.split_once('.')?;
        let count = count(nodes)?;
        let Some(rest) = rest.strip_prefix("load") else {
            let (x_text, axis) = (nodes.to_owned(), "nodes (a logarithmic scale)");
            return Some(Self { figure: rest, series: String::new(), x: count.log2(), x_text, axis });
        };
        // The load has a point in it, as 0.8 has, and the figure may have too.
        let end = rest.match_indices('.').nth(1)?.0;
        let (load, figure) = (&rest[..end], &rest[end + 1..]);
        // What is measured under churn has no place on an axis of loads.
        if figure.contains('.') {
            return None;
        }
        let x = load.parse().ok()?;
        Some(Self { figure, series: format!("N = {nodes}"), x, x_text: load.into(), axis: "load" })
    }
}

/// `32`, `100k` or `1M`.
fn count(text: &str) -> Option<f64> {
    let (digits, factor) = match text.strip_suffix('k') {
        Some(digits) => (digits, 1e3),
        None => text.strip_suffix('M').map_or((text, 1.0), |digits| (digits, 1e6)),
    };
    Some(digits.parse::<u32>().ok().map(f64::from)? * factor)
}

/// Draws the rows that have a place in a panel and returns the others.
pub(super) fn draw(svg: &mut Svg, rows: &[Row]) -> Vec<Row> {
    let mut figures: Vec<(&str, Vec<(Place<'_>, &Row)>)> = Vec::new();
    let mut rest = Vec::new();
    for row in rows {
        let Some(place) = Place::of(&row.name) else {
            rest.push(row.clone());
            continue;
        };
        match figures.iter_mut().find(|(figure, _)| *figure == place.figure) {
            Some((_, points)) => points.push((place, row)),
            None => figures.push((place.figure, vec![(place, row)])),
        }
    }
    if !figures.is_empty() {
        legend(svg, &figures);
    }
    let width = (svg.width() - 40.0 - GAP) / 2.0;
    for pair in figures.chunks(2) {
        for (column, (figure, points)) in [20.0, 20.0 + width + GAP].into_iter().zip(pair) {
            panel(svg, column, width, figure, points);
        }
        svg.y += PANEL_HEIGHT + GAP;
    }
    rest
}

fn series_of<'a>(points: &'a [(Place<'_>, &Row)]) -> Vec<&'a str> {
    let mut series: Vec<&str> = Vec::new();
    for (place, _) in points {
        if !series.contains(&place.series.as_str()) {
            series.push(&place.series);
        }
    }
    series
}

fn colour(index: usize) -> String {
    format!("c{}", index % SERIES_COLOURS)
}

fn panel(svg: &mut Svg, left: f64, width: f64, figure: &str, points: &[(Place<'_>, &Row)]) {
    let (top, bottom) = (svg.y + 26.0, svg.y + PANEL_HEIGHT - 34.0);
    let (from, to) = (left + 56.0, left + width - 8.0);
    let unit = &points[0].1.unit;
    // A figure that is called by its unit need not be told it again.
    let says_it = matches!(&**unit, "" | "ratio") || figure.contains(&**unit);
    let unit = if says_it { String::new() } else { format!(", {unit}") };
    svg.text(left, svg.y + 12.0, "", &format!("{figure}{unit}"));

    let y = Scale::close_around(points.iter().flat_map(|(_, row)| extent(row)), bottom, top);
    for tick in y.ticks() {
        svg.line((from, y.at(tick)), (to, y.at(tick)), "track");
        svg.text(from - 6.0, y.at(tick) + 4.0, "muted small right", &number(tick));
    }
    let (least, most) =
        points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), (place, _)| {
            (place.x.min(least), place.x.max(most))
        });
    // A margin on both sides, so that no point sits on the edge.
    let margin = 24.0;
    let span = if most > least { most - least } else { 1.0 };
    let x = |value: f64| from + margin + (value - least) / span * (to - from - 2.0 * margin);
    let mut marked: Vec<&str> = Vec::new();
    for (place, _) in points {
        if !marked.contains(&place.x_text.as_str()) {
            marked.push(&place.x_text);
            svg.text(x(place.x), bottom + 16.0, "muted small middle", &place.x_text);
        }
    }
    svg.text((from + to) / 2.0, bottom + 31.0, "muted small middle", points[0].0.axis);

    for (place, row) in points {
        if let Some(limit) = row.aim().map(Aim::limit) {
            svg.line((x(place.x) - 16.0, y.at(limit)), (x(place.x) + 16.0, y.at(limit)), "aim");
        }
        if let Some(bound) = row.bound {
            svg.line((x(place.x) - 16.0, y.at(bound)), (x(place.x) + 16.0, y.at(bound)), "bound");
        }
    }
    let all_series = series_of(points);
    for (index, series) in all_series.iter().enumerate() {
        // Beside each other, so that no whisker hides another.
        let x = |value: f64| x(value) + beside(index, all_series.len());
        let colour = colour(index);
        let own: Vec<&(Place<'_>, &Row)> =
            points.iter().filter(|(place, _)| place.series == *series).collect();
        let known = own.iter().filter_map(|(place, row)| Some((x(place.x), y.at(row.value?))));
        svg.path(&known.collect::<Vec<_>>(), &format!("l {colour}"));
        for (place, row) in own {
            let x = x(place.x);
            let Some(value) = row.value else {
                svg.cross((x, bottom - 6.0), &format!("w {colour}"), &format!("{}: not measured", row.name));
                continue;
            };
            if let (Some(min), Some(max)) = (row.min, row.max) {
                svg.line((x, y.at(min)), (x, y.at(max)), &format!("w {colour}"));
            }
            svg.dot((x, y.at(value)), &format!("p {colour}"), &format!("{}: {}", row.name, number(value)));
            if let Some(peer) = row.peer {
                svg.diamond((x, y.at(peer)), "peer");
            }
        }
    }
}

/// How far one of several series stands aside, in pixels.
fn beside(index: usize, count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "series are few")]
    let steps = index as f64 - (count as f64 - 1.0) / 2.0;
    steps * 7.0
}

/// All values of a row that need a place.
fn extent(row: &Row) -> impl Iterator<Item = f64> + use<> {
    let aim = row.aim().map(Aim::limit);
    [row.value, row.min, row.max, row.bound, row.peer, aim].into_iter().flatten()
}

fn legend(svg: &mut Svg, figures: &[(&str, Vec<(Place<'_>, &Row)>)]) {
    let (mut x, y) = (20.0, svg.y + 6.0);
    let mut most: Vec<&str> = Vec::new();
    for (_, points) in figures {
        let series = series_of(points);
        if series.len() > most.len() {
            most = series;
        }
    }
    for (index, series) in most.into_iter().enumerate().filter(|(_, series)| !series.is_empty()) {
        svg.dot((x + 8.0, y), &format!("p {}", colour(index)), series);
        svg.text(x + 18.0, y + 4.0, "muted small", series);
        x += 80.0;
    }
    let any = |wanted: fn(&Row) -> bool| figures.iter().flat_map(|(_, p)| p).any(|(_, row)| wanted(row));
    for (there, class, text) in [
        (any(|row| row.aim().is_some()), "aim", "aim"),
        (any(|row| row.bound.is_some()), "bound", "theoretical bound"),
    ] {
        if there {
            svg.line((x, y), (x + 24.0, y), class);
            svg.text(x + 30.0, y + 4.0, "muted small", text);
            x += 70.0 + if class == "bound" { 60.0 } else { 0.0 };
        }
    }
    if any(|row| row.value.is_none()) {
        svg.cross((x + 8.0, y), "w c0", "not measured");
        svg.text(x + 18.0, y + 4.0, "muted small", "not measured");
    }
    svg.y += 24.0;
}

#[cfg(test)]
mod tests {
    use super::super::svg::assert_well_formed;
    use super::*;

    #[test]
    fn names_tell_where_a_row_stands() {
        let place = Place::of("N32.load0.95.rate_ratio").unwrap();
        assert_eq!((place.figure, &*place.series, place.x), ("rate_ratio", "N = 32", 0.95));
        let place = Place::of("N100k.p999_blocks").unwrap();
        assert_eq!((place.figure, place.x, &*place.x_text), ("p999_blocks", 100_000_f64.log2(), "100k"));
        assert_eq!(Place::of("N1M.copies").unwrap().x, 1e6_f64.log2());
        for other in ["N32.load0.8.churn.copies", "calibration32.copies_error", "Nx.copies", "hop_ms"] {
            assert_eq!(Place::of(other), None, "{other}");
        }
    }

    #[test]
    fn rows_without_a_place_are_given_back_and_the_others_drawn_with_their_marks() {
        let rows = [
            Row::spread("N8.load0.8.copies", &[1.0, 1.1], "copies", "<=1.1").bounded(1.0).beside(1.3),
            Row::value("N8.load0.9.copies", 1.2, "copies", "<=1.1"),
            Row::missing("N32.load0.8.copies", "copies", "<=1.1", "no"),
            Row::value("N32.load0.8.churn.copies", 1.2, "copies", "<=2"),
        ];
        let mut svg = Svg::new(760.0, "t");
        let rest = draw(&mut svg, &rows);
        assert_eq!(rest, rows[3..]);
        let picture = svg.finish();
        assert_well_formed(&picture);
        for text in ["\"aim\"", "\"bound\"", "\"peer\"", "not measured", "N = 32", "\"l c0\"", "0.9<"] {
            assert!(picture.contains(text), "{text} not in {picture}");
        }
    }

    #[test]
    fn without_such_rows_nothing_is_drawn() {
        let mut svg = Svg::new(760.0, "t");
        let before = svg.y;
        assert_eq!(draw(&mut svg, &[Row::value("a", 1.0, "", "")]).len(), 1);
        assert_eq!(svg.y, before);
    }
}
