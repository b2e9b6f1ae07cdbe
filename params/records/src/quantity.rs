//! Numbers with units, exactly: a cell's decimal becomes the integer that a record stores.
//!
//! No float is involved: 0.1 km is 100 m. A number with more digits than the schema keeps is rejected,
//! unless the mapping says to round down.

use merits_formula::Unit;
use thiserror::Error;

/// How a cell's number becomes the schema's: value · num / den.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    numerator: u128,
    denominator: u128,
    rounding: Rounding,
}

/// What to do with a value that has more digits than the schema keeps in its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// Reject the row.
    #[default]
    Exact,
    /// Round toward zero, so that nobody gains by rounding.
    Down,
}

/// A cell that is not a usable number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// Not a decimal number.
    #[error("not a decimal number such as 785 or 12.5")]
    NotANumber,
    /// Below zero.
    #[error("below zero")]
    Negative,
    /// More digits than the schema keeps.
    #[error(
        "more digits than the schema keeps in its unit, and the mapping does not say round = \"down\""
    )]
    NotWhole,
    /// Too large for 64 bits.
    #[error("too large")]
    TooLarge,
}

/// A conversion that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConversionError {
    /// A text that is not a unit.
    #[error("{0}")]
    Unit(#[from] merits_formula::UnitError),
    /// Units of two dimensions, or a word that has no known size.
    #[error(
        "unit {from:?} cannot become {to:?}: they measure different things, or a unit is unknown; known are those of the scale language, ms and mi; or give a scale"
    )]
    Dimensions {
        /// The column's unit.
        from: String,
        /// The schema's unit.
        to: String,
    },
    /// A factor larger than any real quantity needs.
    #[error("the factor between the two units is too large to compute with")]
    TooLarge,
    /// A scale that is not a positive decimal.
    #[error("scale {scale:?} is not a positive decimal number below 10^12 with at most 6 decimals")]
    Scale {
        /// What came.
        scale: String,
    },
}

impl Conversion {
    /// From a column's unit to the schema's. Equal texts need no table.
    ///
    /// # Errors
    /// [`ConversionError`] when a unit is unknown or the two do not fit.
    pub fn between(from: &str, to: &str, rounding: Rounding) -> Result<Self, ConversionError> {
        let fixed = |numerator, denominator| Self {
            numerator,
            denominator,
            rounding,
        };
        if from == to {
            return Ok(fixed(1, 1));
        }
        let (by, over, known) = written_here(from);
        let ratio = known.parse::<Unit>()?.factor_to(&to.parse()?);
        let ratio = ratio.and_then(|(num, den)| {
            let num = u128::try_from(num).ok()?.checked_mul(by)?;
            Some((num, u128::try_from(den).ok()?.checked_mul(over)?))
        });
        let (num, den) = ratio.ok_or_else(|| ConversionError::Dimensions {
            from: from.chars().take(40).collect(),
            to: to.to_owned(),
        })?;
        Ok(fixed(num, den))
    }

    /// The same for a field that keeps this many digits after the point: a record stores the number
    /// times 10^digits.
    ///
    /// # Errors
    /// [`ConversionError::TooLarge`].
    pub fn with_digits(self, digits: u8) -> Result<Self, ConversionError> {
        let power = 10u128.checked_pow(u32::from(digits));
        let numerator = power.and_then(|power| self.numerator.checked_mul(power));
        Ok(Self {
            numerator: numerator.ok_or(ConversionError::TooLarge)?,
            ..self
        })
    }

    /// By a decimal factor, such as 0.3048.
    ///
    /// # Errors
    /// [`ConversionError::Scale`] when the factor is not a positive decimal of moderate size.
    pub fn scaled(scale: &str, rounding: Rounding) -> Result<Self, ConversionError> {
        let refuse = || ConversionError::Scale {
            scale: scale.chars().take(40).collect(),
        };
        let Decimal { mantissa, decimals } = Decimal::parse(scale).map_err(|_| refuse())?;
        let numerator = u64::try_from(mantissa).map_err(|_| refuse())?;
        if numerator == 0 || numerator >= 1_000_000_000_000_000_000 || decimals > 6 {
            return Err(refuse());
        }
        Ok(Self {
            numerator: u128::from(numerator),
            denominator: 10u128.pow(decimals),
            rounding,
        })
    }

    /// Converts a cell.
    ///
    /// # Errors
    /// [`QuantityError`] says what is wrong with it.
    pub fn apply(&self, cell: &str) -> Result<u64, QuantityError> {
        let Decimal { mantissa, decimals } = Decimal::parse(cell)?;
        // Decimal::parse keeps decimals at or below MAX_DECIMALS, so the power fits.
        let denominator = (self.denominator)
            .checked_mul(10u128.pow(decimals))
            .ok_or(QuantityError::TooLarge)?;
        let numerator = mantissa
            .checked_mul(self.numerator)
            .ok_or(QuantityError::TooLarge)?;
        if numerator % denominator != 0 && self.rounding == Rounding::Exact {
            return Err(QuantityError::NotWhole);
        }
        u64::try_from(numerator / denominator).map_err(|_| QuantityError::TooLarge)
    }
}

/// mantissa / 10^decimals, not negative.
struct Decimal {
    mantissa: u128,
    decimals: u32,
}

/// Most decimals, and largest exponent, of a cell's number.
const MAX_DECIMALS: u32 = 18;

impl Decimal {
    /// Digits, an optional point, an optional exponent (JSON writers produce them).
    fn parse(text: &str) -> Result<Self, QuantityError> {
        let text = text.trim_ascii();
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (number, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => (&unsigned[..at], parse_exponent(&unsigned[at + 1..])?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(QuantityError::NotANumber);
        }
        if number.ends_with('.') {
            return Err(QuantityError::NotANumber);
        }
        let fraction = fraction.trim_end_matches('0');
        let mut mantissa = 0u128;
        for digit in whole.bytes().chain(fraction.bytes()) {
            mantissa = mantissa
                .checked_mul(10)
                .and_then(|m| m.checked_add(u128::from(digit - b'0')))
                .ok_or(QuantityError::TooLarge)?;
        }
        if negative && mantissa != 0 {
            return Err(QuantityError::Negative);
        }
        let decimals = i64::try_from(fraction.len()).map_err(|_| QuantityError::TooLarge)?
            - i64::from(exponent);
        if decimals < 0 {
            let power = u32::try_from(-decimals).map_err(|_| QuantityError::TooLarge)?;
            let mantissa = 10u128
                .checked_pow(power)
                .and_then(|power| mantissa.checked_mul(power))
                .ok_or(QuantityError::TooLarge)?;
            return Ok(Self {
                mantissa,
                decimals: 0,
            });
        }
        match u32::try_from(decimals) {
            Ok(decimals) if decimals <= MAX_DECIMALS => Ok(Self { mantissa, decimals }),
            _ => Err(QuantityError::NotANumber),
        }
    }
}

fn parse_exponent(text: &str) -> Result<i32, QuantityError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || digits.len() > 2 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(QuantityError::NotANumber);
    }
    text.parse().map_err(|_| QuantityError::NotANumber)
}

/// Units in files that the scale language does not have, each as a number of a unit that it has.
fn written_here(unit: &str) -> (u128, u128, &str) {
    match unit {
        "ms" => (1, 1000, "s"),
        // The international mile of 1959.
        "mi" => (1_609_344, 1000, "m"),
        other => (1, 1, other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_convert_exactly() {
        let km = Conversion::between("km", "m", Rounding::Exact).expect("lengths");
        assert_eq!(km.apply("1.338"), Ok(1338));
        assert_eq!(km.apply("0.1"), Ok(100));
        assert_eq!(km.apply("0.0005"), Err(QuantityError::NotWhole));
        let mile = Conversion::between("mi", "m", Rounding::Down).expect("lengths");
        assert_eq!(mile.apply("1"), Ok(1609));
        assert_eq!(mile.apply("1000"), Ok(1_609_344));
        let minutes = Conversion::between("min", "s", Rounding::Exact).expect("times");
        assert_eq!(minutes.apply("1.5"), Ok(90));
        assert!(matches!(
            Conversion::between("m", "s", Rounding::Exact),
            Err(ConversionError::Dimensions { .. })
        ));
        for (from, to, cell, whole) in [
            ("ms", "s", "2500", Err(QuantityError::NotWhole)),
            ("ms", "s", "3000", Ok(3)),
            ("L", "mL", "0.4", Ok(400)),
            ("kWh", "Wh", "1.25", Ok(1250)),
            ("yuan", "fen", "0.2", Ok(20)),
            ("km/h", "m/h", "4.5", Ok(4500)),
        ] {
            let made = Conversion::between(from, to, Rounding::Exact).expect("alike");
            assert_eq!(made.apply(cell), whole, "{from} {to}");
        }
        assert!(matches!(
            Conversion::between("kilometres", "m", Rounding::Exact),
            Err(ConversionError::Dimensions { .. } | ConversionError::Unit(_))
        ));
        let feet = Conversion::scaled("0.3048", Rounding::Down).expect("a decimal");
        assert_eq!(feet.apply("100"), Ok(30));
    }

    #[test]
    fn decimals_are_stored_as_integers() {
        let litres = |rounding| {
            let made = Conversion::between("mL", "L", rounding).expect("volumes");
            made.with_digits(2).expect("small")
        };
        assert_eq!(litres(Rounding::Exact).apply("1600"), Ok(160));
        assert_eq!(
            litres(Rounding::Exact).apply("1605"),
            Err(QuantityError::NotWhole)
        );
        assert_eq!(litres(Rounding::Down).apply("1609"), Ok(160));
        let plain = Conversion::between("L", "L", Rounding::Exact).expect("equal");
        let digits = |digits| plain.with_digits(digits).expect("small");
        assert_eq!(digits(2).apply("1.6"), Ok(160));
        assert_eq!(digits(18).apply("1e-18"), Ok(1));
        assert_eq!(digits(18).apply("19"), Err(QuantityError::TooLarge));
        assert_eq!(plain.with_digits(39), Err(ConversionError::TooLarge));
    }

    #[test]
    fn odd_numbers_are_refused() {
        let plain = Conversion::between("m", "m", Rounding::Exact).expect("equal");
        for text in [
            "",
            " ",
            "abc",
            "1,000",
            "1.",
            ".5",
            "0x10",
            "1e",
            "1e+",
            "NaN",
            "inf",
            "1 2",
            "1.2.3",
            "--1",
            "٣",
            "1e-99",
            "0.0000000000000000001",
        ] {
            assert_eq!(
                plain.apply(text),
                Err(QuantityError::NotANumber),
                "{text:?}"
            );
        }
        assert_eq!(plain.apply("-1"), Err(QuantityError::Negative));
        assert_eq!(plain.apply("-0"), Ok(0));
        assert_eq!(plain.apply("1e99"), Err(QuantityError::TooLarge));
        assert_eq!(plain.apply(&"9".repeat(60)), Err(QuantityError::TooLarge));
        assert_eq!(plain.apply(" 42 "), Ok(42));
        assert_eq!(plain.apply("1.5e3"), Ok(1500));
        assert_eq!(plain.apply("7.000"), Ok(7));
    }

    proptest! {
        #[test]
        fn whole_numbers_pass_unchanged(value: u64) {
            let plain = Conversion::between("s", "s", Rounding::Exact).expect("equal");
            prop_assert_eq!(plain.apply(&value.to_string()), Ok(value));
        }

        #[test]
        fn kilometres_are_a_thousand_metres(metres in 0u64..1_000_000_000) {
            let km = Conversion::between("km", "m", Rounding::Exact).expect("lengths");
            let text = format!("{}.{:03}", metres / 1000, metres % 1000);
            prop_assert_eq!(km.apply(&text), Ok(metres));
        }

        #[test]
        fn any_text_gives_a_number_or_an_error(text in "\\PC{0,24}") {
            let km = Conversion::between("km", "m", Rounding::Down).expect("lengths");
            let _ = km.apply(&text);
        }
    }
}
