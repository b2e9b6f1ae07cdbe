//! Exact decimal numbers, as an issuer writes them.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The most digits after the point.
pub const MAX_DIGITS: u8 = 18;

/// The most significant digits in all.
const MAX_SIGNIFICANT: usize = 36;

/// `mantissa / 10^digits`, exact. Two decimals of the same value are equal, in any spelling.
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    mantissa: i128,
    digits: u8,
}

/// Why a text is not a decimal.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecimalError {
    /// Not a decimal number.
    #[error(
        "{0:?} is not a decimal number: digits with at most one point are expected, as in 162.72"
    )]
    Syntax(String),
    /// More digits than are kept.
    #[error("{0:?} has too many digits: at most 18 after the point and 36 in all are kept exactly")]
    TooLong(String),
}

impl Decimal {
    /// A whole number.
    pub const fn integer(value: i64) -> Self {
        Self {
            mantissa: value as i128,
            digits: 0,
        }
    }

    /// The numerator over [`Decimal::digits`].
    pub const fn mantissa(&self) -> i128 {
        self.mantissa
    }

    /// Digits after the point.
    pub const fn digits(&self) -> u8 {
        self.digits
    }

    /// The integer `value * 10^exponent`, if it is one and fits.
    pub fn at(&self, exponent: u8) -> Option<i128> {
        let shift = u32::from(exponent.abs_diff(self.digits));
        let power = 10i128.checked_pow(shift)?;
        if exponent >= self.digits {
            self.mantissa.checked_mul(power)
        } else {
            (self.mantissa % power == 0).then_some(self.mantissa / power)
        }
    }

    /// `mantissa / 10^digits`, without zeros at the end.
    fn normal(mut mantissa: i128, mut digits: u8) -> Self {
        while digits > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            digits -= 1;
        }
        Self { mantissa, digits }
    }

    /// `self` with the other sign.
    pub(crate) const fn negated(self) -> Self {
        Self {
            mantissa: -self.mantissa,
            digits: self.digits,
        }
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    /// Reads `[-]digits[.digits][e[+-]digits]`.
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let shown = || text.chars().take(60).collect::<String>();
        let syntax = || DecimalError::Syntax(shown());
        let too_long = || DecimalError::TooLong(shown());
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (number, power) = match unsigned.split_once(['e', 'E']) {
            Some((number, power)) => (number, power.parse::<i32>().map_err(|_| syntax())?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !is_digits(whole) || !is_digits(fraction) {
            return Err(syntax());
        }
        // Zeros at the end of the fraction and at the start do not change the value.
        let fraction = fraction.trim_end_matches('0');
        let figures = format!("{whole}{fraction}");
        let figures = figures.trim_start_matches('0');
        if figures.is_empty() {
            return Ok(Self::integer(0));
        }
        if figures.len() > MAX_SIGNIFICANT || power.unsigned_abs() > MAX_SIGNIFICANT as u32 {
            return Err(too_long());
        }
        let mut mantissa: i128 = figures.parse().map_err(|_| syntax())?;
        let mut digits = i64::try_from(fraction.len()).map_err(|_| too_long())? - i64::from(power);
        while digits > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            digits -= 1;
        }
        while digits < 0 {
            mantissa = mantissa
                .checked_mul(10)
                .filter(|m| *m < 10i128.pow(MAX_SIGNIFICANT as u32))
                .ok_or_else(too_long)?;
            digits += 1;
        }
        let digits = u8::try_from(digits)
            .ok()
            .filter(|digits| *digits <= MAX_DIGITS)
            .ok_or_else(too_long)?;
        let sign = if negative { -1 } else { 1 };
        Ok(Self::normal(sign * mantissa, digits))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let wide = |number: &Self, by: u8| {
            num_bigint::BigInt::from(number.mantissa) * 10u64.pow(u32::from(by))
        };
        // Cross-multiplied: 10^18 fits a u64.
        wide(self, other.digits).cmp(&wide(other, self.digits))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let power = 10u128.pow(u32::from(self.digits));
        let magnitude = self.mantissa.unsigned_abs();
        let sign = if self.mantissa < 0 { "-" } else { "" };
        write!(f, "{sign}{}", magnitude / power)?;
        if self.digits > 0 {
            let width = usize::from(self.digits);
            write!(f, ".{:0width$}", magnitude % power)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn what_a_float_would_lose_is_kept() {
        assert_eq!(decimal("0.1645").at(4), Some(1645));
        assert_eq!(decimal("162.72").at(2), Some(16_272));
        assert_eq!(decimal("162.72").at(5), Some(16_272_000));
        assert_eq!(decimal("162.72").at(1), None);
        assert_eq!(
            decimal("9007199254740993").at(0),
            Some(9_007_199_254_740_993)
        );
        assert_eq!(decimal("1.5e3"), decimal("1500"));
        assert_eq!(decimal("15e-1"), decimal("1.50"));
        assert_eq!(decimal("-0.5").to_string(), "-0.5");
        assert_eq!(decimal(".5").to_string(), "0.5");
        assert_eq!(decimal("007.10").to_string(), "7.1");
        assert!(decimal("0.3") > decimal("0.29999999"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "", "-", ".", "1.2.3", "1,5", "+1", " 1", "0x10", "NaN", "1e", "--1", "１",
        ] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
        for text in [
            "0.1234567890123456789",
            "1e37",
            "1e-19",
            &"9".repeat(37),
            "1e999999999",
        ] {
            let error = text.parse::<Decimal>().unwrap_err();
            assert!(matches!(error, DecimalError::TooLong(_)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn display_round_trips(mantissa in -10i128.pow(30)..10i128.pow(30), digits in 0u8..=18) {
            let number = Decimal::normal(mantissa, digits);
            let read: Decimal = number.to_string().parse().unwrap();
            prop_assert_eq!(read, number);
            prop_assert_eq!(read.digits(), number.digits());
        }
    }
}
