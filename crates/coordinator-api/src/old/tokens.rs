//! Amounts as the old house writes them: JSON numbers, read and written exactly, never through a float.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use streamr_model::MicroUnits;

const DECIMALS: usize = 6;
const UNIT: u64 = 1_000_000;

/// An amount that travels as a JSON number of at most six decimals, without an exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Tokens(pub MicroUnits);

/// Why a text is not [`Tokens`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number of at most six decimals, such as 1000.5")]
pub struct InvalidTokens;

impl fmt::Display for Tokens {
    /// As Python prints a float of that value: always with a point and a digit behind it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, amount) = (if self.0.0 < 0 { "-" } else { "" }, self.0.0.unsigned_abs());
        let decimals = format!("{:06}", amount % UNIT);
        let decimals = decimals.trim_end_matches('0');
        write!(f, "{sign}{}.{}", amount / UNIT, if decimals.is_empty() { "0" } else { decimals })
    }
}

impl FromStr for Tokens {
    type Err = InvalidTokens;

    fn from_str(text: &str) -> Result<Self, InvalidTokens> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let kept = decimals.trim_end_matches('0');
        if !plain(whole) || !plain(decimals) || kept.len() > DECIMALS {
            return Err(InvalidTokens);
        }
        // Put together as text, so that the smallest of all amounts has no step that overflows.
        let micro: i128 = format!("{whole}{kept:0<DECIMALS$}").parse().map_err(|_| InvalidTokens)?;
        i64::try_from(sign * micro).map(|micro| Self(MicroUnits(micro))).map_err(|_| InvalidTokens)
    }
}

impl Serialize for Tokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = <Box<RawValue>>::deserialize(deserializer)?;
        number.get().parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_amount_reads_as_it_was_written() {
        for (text, micro) in [
            ("1000", 1_000_000_000),
            ("1000.0", 1_000_000_000),
            ("0.000001", 1),
            ("12.50000000", 12_500_000),
            ("-0.25", -250_000),
            ("9223372036854.775807", i64::MAX),
        ] {
            assert_eq!(serde_json::from_str::<Tokens>(text).unwrap(), Tokens(MicroUnits(micro)), "{text}");
        }
    }

    #[test]
    fn what_would_need_rounding_or_a_float_is_refused() {
        for text in ["1e3", "0.0000001", "9223372036854.775808", "\"5\"", "null", "NaN", "[1]"] {
            assert!(serde_json::from_str::<Tokens>(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_amount_survives_its_text(micro in any::<i64>()) {
            let text = serde_json::to_string(&Tokens(MicroUnits(micro))).unwrap();
            prop_assert_eq!(serde_json::from_str::<Tokens>(&text).unwrap(), Tokens(MicroUnits(micro)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = text.parse::<Tokens>();
        }
    }
}
