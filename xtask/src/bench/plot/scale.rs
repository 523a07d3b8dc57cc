//! From values to pixels, and to texts that people read.

/// A linear scale whose ends are round numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    step: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// A scale on which all `values` have a place between the pixels `from` and `to`; 0 is on it too, unless
    /// `values` are all far from it.
    pub(super) fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (least, most) = if least <= most { (least, most) } else { (0.0, 1.0) };
        // Bars need their foot; only where all values lie close together is the foot left out.
        let low = if least > 0.0 && most - least > 0.15 * most { 0.0 } else { least.min(0.0) };
        let high = if most > low { most } else { low + 1.0 };
        Self::between(low, high, from, to)
    }

    /// A scale that need not show 0: for points, not for bars.
    pub(super) fn close_around(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match most - least {
            spread if spread > 0.0 && spread < 0.6 * most => Self::between(least, most, from, to),
            _ => Self::over(values.into_iter(), from, to),
        }
    }

    fn between(low: f64, high: f64, from: f64, to: f64) -> Self {
        let step = round_step((high - low) / 4.0);
        Self { low: (low / step).floor() * step, high: (high / step).ceil() * step, step, from, to }
    }

    /// The pixel of a value.
    pub(super) fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// The pixel of the scale's foot.
    pub(super) fn foot(&self) -> f64 {
        self.at(self.low.max(0.0))
    }

    /// The round values on it.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let mut ticks = vec![self.low];
        // The last may miss the end by a rounding error.
        while let Some(last) = ticks.last().copied().filter(|last| last + 0.5 * self.step < self.high) {
            ticks.push(last + self.step);
        }
        ticks
    }
}

/// The next 1, 2 or 5 times a power of ten.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= least * 0.999_999).unwrap_or(10.0 * power)
}

/// Four digits at most, thousands apart; no zeros that say nothing.
pub(super) fn number(value: f64) -> String {
    if value.abs() >= 1000.0 {
        return with_thousands(value);
    }
    let digits = if value == 0.0 { 0.0 } else { (3.0 - value.abs().log10().floor()).clamp(0.0, 9.0) };
    let factor = 10_f64.powf(digits);
    let rounded = (value * factor).round() / factor;
    if rounded == 0.0 { "0".into() } else { rounded.to_string() }
}

fn with_thousands(value: f64) -> String {
    let whole = format!("{:.0}", value.abs());
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if value < 0.0 { format!("−{grouped}") } else { grouped }
}

/// A value with its unit.
pub(super) fn with_unit(value: f64, unit: &str) -> String {
    match unit {
        "" | "ratio" => number(value),
        "%" => format!("{} %", number(value)),
        unit => format!("{} {unit}", number(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_place_between_the_ends() {
        for values in [vec![0.3, 0.957, 1.0], vec![1.0], vec![], vec![-0.5, 0.75], vec![0.0], vec![4e6, 9e6]]
        {
            for scale in [
                Scale::over(values.iter().copied(), 100.0, 500.0),
                Scale::close_around(values.iter().copied(), 100.0, 500.0),
            ] {
                for value in &values {
                    let x = scale.at(*value);
                    assert!((99.9..=500.1).contains(&x), "{value} is at {x} on {scale:?}");
                }
                assert!((2..=12).contains(&scale.ticks().len()), "{scale:?} {:?}", scale.ticks());
                assert!((99.9..=500.1).contains(&scale.foot()));
            }
        }
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(Scale::over([0.0, 0.93].into_iter(), 0.0, 1.0).ticks(), [0.0, 0.5, 1.0]);
        assert_eq!(Scale::over([7.0, 38.0].into_iter(), 0.0, 1.0).ticks(), [0.0, 10.0, 20.0, 30.0, 40.0]);
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 0.957_43, 12.0, 2.345_67, 123_456.7, 0.000_123_4, 999.96].map(number);
        assert_eq!(texts, ["0", "0.9574", "12", "2.346", "123,457", "0.0001234", "1000"]);
        assert_eq!((with_unit(0.66, "%"), with_unit(0.66, "ratio")), ("0.66 %".into(), "0.66".into()));
    }
}
