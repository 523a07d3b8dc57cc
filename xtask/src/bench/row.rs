//! One figure.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// One figure, as BENCH.md's objects have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// As BENCH.md names it.
    pub name: String,
    /// The median over the runs; `None` if it could not be measured.
    pub value: Option<f64>,
    /// The least seen.
    pub min: Option<f64>,
    /// The most seen.
    pub max: Option<f64>,
    /// Its unit.
    pub unit: Cow<'static, str>,
    /// What it should be, as `<=1.3` or, where it is to be better than what it is compared with, `>=peer`;
    /// empty where there is no aim.
    pub aim: Cow<'static, str>,
    /// The theoretical value.
    pub bound: Option<f64>,
    /// The same figure of what it is compared with, measured in the same run.
    pub peer: Option<f64>,
    /// Why there is no value, or how to read it.
    pub note: String,
}

/// What a value should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Aim {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Aim {
    /// The value that divides met from missed.
    pub(crate) fn limit(self) -> f64 {
        match self {
            Self::AtMost(limit) | Self::AtLeast(limit) => limit,
        }
    }
}

impl Row {
    /// A figure that a bench can give, for [`super::Bench::rows`].
    pub(crate) fn declared(name: impl Into<String>, unit: &'static str, aim: &'static str) -> Self {
        Self {
            name: name.into(),
            value: None,
            min: None,
            max: None,
            unit: unit.into(),
            aim: aim.into(),
            bound: None,
            peer: None,
            note: String::new(),
        }
    }

    /// A figure measured once.
    pub(crate) fn value(name: impl Into<String>, value: f64, unit: &'static str, aim: &'static str) -> Self {
        Self::spread(name, &[value], unit, aim)
    }

    /// A figure that several things showed at once: their median and extremes.
    pub(crate) fn spread(
        name: impl Into<String>,
        values: &[f64],
        unit: &'static str,
        aim: &'static str,
    ) -> Self {
        let (value, min, max) = median_and_extremes(values.iter().copied());
        let note = if values.is_empty() { "nothing was seen".into() } else { String::new() };
        Self { value, min, max, note, ..Self::declared(name, unit, aim) }
    }

    /// A figure that could not be measured.
    pub(crate) fn missing(
        name: impl Into<String>,
        unit: &'static str,
        aim: &'static str,
        why: impl Into<String>,
    ) -> Self {
        Self::declared(name, unit, aim).noted(why)
    }

    /// How to read it.
    pub(crate) fn noted(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    /// Beside it the theoretical value.
    pub(crate) fn bounded(self, bound: f64) -> Self {
        Self { bound: Some(bound), ..self }
    }

    /// Beside it the same figure of what it is compared with, measured in the same run.
    pub(crate) fn beside(self, peer: f64) -> Self {
        Self { peer: Some(peer), ..self }
    }

    /// What it should be; `None` without an aim, or without the peer that it is to beat.
    pub(crate) fn aim(&self) -> Option<Aim> {
        let limit = |text: &str| match text {
            "peer" => self.peer,
            number => number.parse().ok(),
        };
        if let Some(text) = self.aim.strip_prefix("<=") {
            return limit(text).map(Aim::AtMost);
        }
        limit(self.aim.strip_prefix(">=")?).map(Aim::AtLeast)
    }

    /// Whether the aim is met; `None` without an aim or a value.
    pub(crate) fn meets_aim(&self) -> Option<bool> {
        let value = self.value?;
        Some(match self.aim()? {
            Aim::AtMost(limit) => value <= limit,
            Aim::AtLeast(limit) => value >= limit,
        })
    }
}

/// Median, least and most; nothing of nothing.
pub(crate) fn median_and_extremes(
    values: impl Iterator<Item = f64>,
) -> (Option<f64>, Option<f64>, Option<f64>) {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let median = match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    };
    (median, sorted.first().copied(), sorted.last().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aim_can_be_missed_from_either_side() {
        assert_eq!(Row::value("a", 1.4, "", "<=1.3").meets_aim(), Some(false));
        assert_eq!(Row::value("a", 1.3, "", "<=1.3").meets_aim(), Some(true));
        assert_eq!(Row::value("a", 0.9, "", ">=0.95").meets_aim(), Some(false));
        assert_eq!(Row::value("a", 0.95, "", ">=0.95").meets_aim(), Some(true));
        assert_eq!(Row::value("a", 0.9, "", "").meets_aim(), None);
        assert_eq!(Row::missing("a", "", "<=1.3", "not built").meets_aim(), None);
    }

    #[test]
    fn an_aim_may_be_what_it_is_compared_with() {
        assert_eq!(Row::value("a", 0.74, "", ">=peer").beside(0.736).meets_aim(), Some(true));
        assert_eq!(Row::value("a", 0.73, "", ">=peer").beside(0.736).meets_aim(), Some(false));
        assert_eq!(Row::value("a", 0.73, "", ">=peer").meets_aim(), None);
    }

    #[test]
    fn a_spread_is_its_median_and_extremes() {
        let row = Row::spread("a", &[4.0, 1.0, 3.0, 2.0], "ms", "");
        assert_eq!((row.value, row.min, row.max), (Some(2.5), Some(1.0), Some(4.0)));
        assert_eq!(Row::spread("a", &[], "ms", "").note, "nothing was seen");
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_row() {
        let row = Row::value("a", 0.957, "ratio", ">=0.95").bounded(1.0).beside(0.7).noted("n");
        let json = serde_json::to_string(&row).unwrap();
        assert_eq!(serde_json::from_str::<Row>(&json).unwrap(), row);
        let json = serde_json::to_value(Row::missing("a", "s", "", "not built")).unwrap();
        assert!(json["value"].is_null() && json["peer"].is_null() && json["bound"].is_null());
    }
}
