//! The few elements of SVG that the pictures need.

use std::fmt::Write as _;

/// Colours come from classes, so that the reader's browser chooses between light and dark.
const STYLE: &str = "\
:root{--back:#fff;--text:#1c2330;--muted:#667085;--line:#e4e7ec;--value:#2563eb;--aim:#0f8a4f;--bound:#98a2b3;\
--peer:#c2410c;--s0:#2563eb;--s1:#c2410c;--s2:#7c3aed;--s3:#0e7490}\
@media (prefers-color-scheme: dark){:root{--back:#12161f;--text:#e6e9ef;--muted:#98a2b3;--line:#2a3140;\
--value:#6ea8fe;--aim:#4cc38a;--bound:#667085;--peer:#fb923c;--s0:#6ea8fe;--s1:#fb923c;--s2:#b794f6;--s3:#5ccfe6}}\
text{font:12px system-ui,-apple-system,'Segoe UI',sans-serif;fill:var(--text)}\
.title{font-weight:600;font-size:14px}.muted{fill:var(--muted)}.small{font-size:11px}\
.right{text-anchor:end}.middle{text-anchor:middle}\
.back{fill:var(--back)}.track{stroke:var(--line)}.bar{fill:var(--value);opacity:.22}\
.dot{fill:var(--value)}.whisker{stroke:var(--value);stroke-width:1.5}\
.aim{stroke:var(--aim);stroke-width:1.5;stroke-dasharray:4 3}.bound{stroke:var(--bound);stroke-width:1.5}\
.peer{fill:none;stroke:var(--peer);stroke-width:1.5}\
.l{fill:none;stroke-width:2}.w{stroke-width:1.5;opacity:.6}\
.c0{--c:var(--s0)}.c1{--c:var(--s1)}.c2{--c:var(--s2)}.c3{--c:var(--s3)}\
.l,.w{stroke:var(--c)}.p{fill:var(--c)}";

/// Series that have a colour of their own.
pub(super) const SERIES_COLOURS: usize = 4;

/// A picture that grows downwards.
#[derive(Debug)]
pub(super) struct Svg {
    width: f64,
    title: String,
    body: String,
    /// Where the next thing begins.
    pub y: f64,
}

impl Svg {
    /// An empty picture under a title.
    pub(super) fn new(width: f64, title: &str) -> Self {
        let mut svg = Self { width, title: title.into(), body: String::new(), y: 44.0 };
        svg.text(20.0, 28.0, "title", title);
        svg
    }

    /// Of the whole picture.
    pub(super) fn width(&self) -> f64 {
        self.width
    }

    /// A text whose baseline begins at a point (or ends there, or has its middle there, as its class says).
    pub(super) fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        let (x, y, text) = (short(x), short(y), escaped(text));
        self.element(format_args!(r#"<text x="{x}" y="{y}" class="{class}">{text}</text>"#));
    }

    /// A straight line.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(short);
        self.element(format_args!(r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="{class}"/>"#));
    }

    /// A line through points.
    pub(super) fn path(&mut self, points: &[(f64, f64)], class: &str) {
        let points: Vec<String> =
            points.iter().map(|(x, y)| format!("{},{}", short(*x), short(*y))).collect();
        let points = points.join(" ");
        self.element(format_args!(r#"<polyline points="{points}" fill="none" class="{class}"/>"#));
    }

    /// A rectangle with slightly round corners.
    pub(super) fn bar(&mut self, corner: (f64, f64), size: (f64, f64), class: &str) {
        let [x, y, width, height] = [corner.0, corner.1, size.0, size.1].map(short);
        self.element(format_args!(
            r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="2" class="{class}"/>"#
        ));
    }

    /// A point; what it stands for is told when the mouse is over it.
    pub(super) fn dot(&mut self, at: (f64, f64), class: &str, tells: &str) {
        let ([x, y], tells) = ([at.0, at.1].map(short), escaped(tells));
        self.element(format_args!(
            r#"<circle cx="{x}" cy="{y}" r="4" class="{class}"><title>{tells}</title></circle>"#
        ));
    }

    /// A cross; what it stands for is told when the mouse is over it.
    pub(super) fn cross(&mut self, at: (f64, f64), class: &str, tells: &str) {
        let ([x, y], tells) = ([at.0, at.1].map(short), escaped(tells));
        self.element(format_args!(
            r#"<path d="M{x} {y}m-4-4l8 8m0-8l-8 8" class="{class}"><title>{tells}</title></path>"#
        ));
    }

    /// A diamond.
    pub(super) fn diamond(&mut self, (x, y): (f64, f64), class: &str) {
        let corners = [(x, y - 5.0), (x + 5.0, y), (x, y + 5.0), (x - 5.0, y), (x, y - 5.0)];
        self.path(&corners, class);
    }

    /// The whole file.
    pub(super) fn finish(self) -> String {
        let (width, height, title) = (short(self.width), short(self.y + 16.0), escaped(&self.title));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
             <rect width=\"{width}\" height=\"{height}\" rx=\"8\" class=\"back\"/>\n{}</svg>\n",
            self.body
        )
    }

    fn element(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        writeln!(self.body, "{element}").ok();
    }
}

/// A tenth of a pixel is exact enough.
fn short(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Every element is closed, in the right order, and no text looks like one.
#[cfg(test)]
pub(super) fn assert_well_formed(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    for piece in svg.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').expect("a tag ends");
        assert!(!text.contains('>') && !text.replace("&amp;", "").contains("& "), "{piece}");
        let name = tag.split_whitespace().next().expect("a tag has a name");
        if let Some(closed) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed));
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty() && !svg.contains("NaN") && !svg.contains("inf\""), "{open:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_row_is_called_cannot_break_the_picture() {
        let mut svg = Svg::new(100.0, "a < b & c");
        svg.text(0.0, 0.0, "muted", "\"</text><script>");
        svg.dot((1.0, 2.0), "dot", "<&>");
        assert_well_formed(&svg.finish());
    }
}
