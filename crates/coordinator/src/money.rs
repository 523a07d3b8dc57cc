//! Amounts as people and banks write them. Pure; integers only.

use streamr_model::MicroUnits;

use crate::ledger::Currency;

const MICRO: u64 = 1_000_000;

/// With six decimals and a point: `1.234567`.
pub(crate) fn decimal(amount: MicroUnits) -> String {
    let sign = if amount.0 < 0 { "-" } else { "" };
    let whole = amount.0.unsigned_abs();
    format!("{sign}{}.{:06}", whole / MICRO, whole % MICRO)
}

/// Digits behind the point in payments of this currency (ISO 4217, list one): none to four.
pub(crate) fn minor_digits(currency: Currency) -> u32 {
    const NONE: [&str; 17] = [
        "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV",
        "XAF", "XOF", "XPF",
    ];
    const THREE: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];
    match currency.as_str() {
        code if NONE.contains(&code) => 0,
        code if THREE.contains(&code) => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// The part of `amount` that can be paid: whole minor units.
pub(crate) fn payable_part(amount: MicroUnits, currency: Currency) -> MicroUnits {
    let unit = 10_i64.pow(6 - minor_digits(currency));
    MicroUnits(amount.0.max(0) / unit * unit)
}

/// As a payment says it: with exactly the currency's own digits. What is below them is left out.
pub(crate) fn payment_text(amount: MicroUnits, currency: Currency) -> String {
    let digits = minor_digits(currency);
    let text = decimal(payable_part(amount, currency));
    let behind = usize::try_from(6 - digits).unwrap_or(0) + usize::from(digits == 0);
    text[..text.len() - behind].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(text: &str) -> Currency {
        text.parse().unwrap()
    }

    #[test]
    fn an_amount_is_written_with_its_currencys_digits() {
        let amount = MicroUnits(1_234_567_891);
        assert_eq!(decimal(amount), "1234.567891");
        assert_eq!(decimal(MicroUnits(-5)), "-0.000005");
        for (currency, expected) in
            [("EUR", "1234.56"), ("JPY", "1234"), ("KWD", "1234.567"), ("CLF", "1234.5678")]
        {
            assert_eq!(payment_text(amount, code(currency)), expected);
        }
        assert_eq!(payment_text(MicroUnits(9_999), code("EUR")), "0.00");
    }

    proptest! {
        #[test]
        fn what_cannot_be_paid_is_less_than_a_minor_unit(amount in 0_i64..=i64::MAX) {
            for currency in ["EUR", "JPY", "KWD"] {
                let paid = payable_part(MicroUnits(amount), code(currency)).0;
                prop_assert!(paid <= amount && amount - paid < 10_i64.pow(6 - minor_digits(code(currency))));
            }
        }
    }
}
