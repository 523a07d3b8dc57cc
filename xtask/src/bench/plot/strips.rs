//! One strip for each row: a bar to the value, a whisker from least to most, aim, bound and peer as marks.

use super::super::row::{Aim, Row};
use super::scale::{Scale, with_unit};
use super::svg::Svg;

const TRACK_FROM: f64 = 250.0;
const TRACK_TO: f64 = 600.0;
const STRIP: f64 = 26.0;

/// Draws all rows. Neighbours of one unit share a scale.
pub(super) fn draw(svg: &mut Svg, rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    legend(svg, rows);
    for group in rows.chunk_by(|a, b| a.unit == b.unit) {
        let values = group.iter().flat_map(|row| {
            let aim = row.aim().map(Aim::limit);
            [Some(0.0), row.value, row.min, row.max, row.bound, row.peer, aim].into_iter().flatten()
        });
        let scale = Scale::over(values, TRACK_FROM, TRACK_TO);
        for row in group {
            strip(svg, row, &scale);
        }
        svg.y += 8.0;
    }
}

fn strip(svg: &mut Svg, row: &Row, scale: &Scale) {
    let (top, middle) = (svg.y, svg.y + STRIP / 2.0);
    svg.text(20.0, middle + 4.0, "", &row.name);
    svg.line((TRACK_FROM, top + STRIP), (TRACK_TO, top + STRIP), "track");
    let right = svg.width() - 20.0;
    match row.value {
        None => svg.text(right, middle + 4.0, "muted right", "not measured"),
        Some(value) => {
            let (foot, x) = (scale.foot(), scale.at(value));
            svg.bar((foot.min(x), top + 6.0), ((x - foot).abs(), STRIP - 12.0), "bar");
            if let (Some(min), Some(max)) = (row.min, row.max)
                && min < max
            {
                svg.line((scale.at(min), middle), (scale.at(max), middle), "whisker");
            }
            let text = with_unit(value, &row.unit);
            svg.dot((x, middle), "dot", &format!("{} {text}", row.name));
            let met = if row.meets_aim() == Some(false) { " ✗" } else { "" };
            svg.text(right, middle + 4.0, "right", &format!("{text}{met}"));
        }
    }
    if let Some(bound) = row.bound {
        svg.line((scale.at(bound), top + 3.0), (scale.at(bound), top + STRIP - 3.0), "bound");
    }
    if let Some(limit) = row.aim().map(Aim::limit) {
        svg.line((scale.at(limit), top + 1.0), (scale.at(limit), top + STRIP - 1.0), "aim");
    }
    if let Some(peer) = row.peer {
        svg.diamond((scale.at(peer), middle), "peer");
    }
    svg.y += STRIP;
}

/// Only the marks that are there.
fn legend(svg: &mut Svg, rows: &[Row]) {
    let y = svg.y + 6.0;
    let mut x = 20.0;
    svg.dot((x + 8.0, y), "dot", "median");
    svg.text(x + 18.0, y + 4.0, "muted small", "median, least to most");
    x += 150.0;
    if rows.iter().any(|row| row.aim().is_some()) {
        svg.line((x + 8.0, y - 8.0), (x + 8.0, y + 8.0), "aim");
        svg.text(x + 18.0, y + 4.0, "muted small", "aim (✗ missed)");
        x += 120.0;
    }
    if rows.iter().any(|row| row.bound.is_some()) {
        svg.line((x + 8.0, y - 8.0), (x + 8.0, y + 8.0), "bound");
        svg.text(x + 18.0, y + 4.0, "muted small", "theoretical bound");
        x += 130.0;
    }
    if rows.iter().any(|row| row.peer.is_some()) {
        svg.diamond((x + 8.0, y), "peer");
        svg.text(x + 18.0, y + 4.0, "muted small", "compared with, in the same run");
    }
    svg.y += 24.0;
}

#[cfg(test)]
mod tests {
    use super::super::svg::assert_well_formed;
    use super::*;

    fn drawn(rows: &[Row]) -> String {
        let mut svg = Svg::new(760.0, "t");
        draw(&mut svg, rows);
        svg.finish()
    }

    #[test]
    fn marks_are_drawn_for_what_is_there_only() {
        let plain = drawn(&[Row::value("a", 1.0, "ms", "")]);
        for class in ["\"aim\"", "\"bound\"", "\"peer\"", "\"whisker\""] {
            assert!(!plain.contains(class), "{class} in {plain}");
        }
        let all = drawn(&[Row::spread("a", &[1.0, 2.0], "ms", "<=3").bounded(1.0).beside(2.5)]);
        assert_well_formed(&all);
        for class in ["\"aim\"", "\"bound\"", "\"peer\"", "\"whisker\""] {
            assert!(all.contains(class), "{class} not in {all}");
        }
    }

    #[test]
    fn a_missed_aim_is_marked_and_a_row_without_a_value_stays() {
        assert!(drawn(&[Row::value("a", 4.0, "ms", "<=3")]).contains("4 ms ✗"));
        assert!(!drawn(&[Row::value("a", 3.0, "ms", "<=3")]).contains("3 ms ✗"));
        assert!(drawn(&[Row::missing("a", "ms", "<=3", "no")]).contains("not measured"));
    }

    #[test]
    fn neighbours_of_one_unit_share_a_scale() {
        let rows = [Row::value("a", 1.0, "ms", ""), Row::value("b", 4.0, "ms", "")];
        let picture = drawn(&rows);
        let dots: Vec<f64> = picture
            .split("<circle cx=\"")
            .skip(2)
            .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(dots, [250.0 + 350.0 / 4.0, 600.0]);
    }
}
