//! Constants: numbers of a scale that are public inputs of the proof.

use num_bigint::BigInt;
use thiserror::Error;

use crate::decimal::{Decimal, MAX_DIGITS};
use crate::range::{Range, Ratio};

/// The part of a constant that belongs to the shape. Its value does not: any value within the
/// interval is proven under the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstantDecl {
    /// The name in the formula.
    pub name: String,
    /// Least and greatest value.
    pub interval: [Decimal; 2],
    /// Digits after the point that a value may have.
    pub exponent: u8,
}

/// Why a constant is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConstantError {
    /// The declaration itself is wrong.
    #[error("constant `{name}` is declared wrongly: {reason}")]
    Declaration {
        /// The name of the constant.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A value that the interval does not hold.
    #[error("constant `{name}` = {value} is outside its interval [{}, {}]: choose a value inside, or publish a new shape with a new key", interval[0], interval[1])]
    OutsideInterval {
        /// The name of the constant.
        name: String,
        /// What came.
        value: String,
        /// What is allowed.
        interval: [Decimal; 2],
    },
    /// A value with more digits than declared.
    #[error(
        "constant `{name}` = {value} has more than the declared {exponent} digits after the point"
    )]
    TooPrecise {
        /// The name of the constant.
        name: String,
        /// What came.
        value: String,
        /// What is allowed.
        exponent: u8,
    },
}

impl ConstantDecl {
    /// Checks the declaration: bounds in order, not negative, of at most `exponent` digits, and
    /// below 2^64 as public values.
    ///
    /// # Errors
    /// [`ConstantError::Declaration`].
    pub fn check(&self) -> Result<(), ConstantError> {
        let fault = |reason| ConstantError::Declaration {
            name: self.name.clone(),
            reason,
        };
        if self.exponent > MAX_DIGITS {
            return Err(fault("its exponent is more than 18"));
        }
        let [low, high] = &self.interval;
        if low > high {
            return Err(fault("the interval's lower bound is above the upper"));
        }
        if low.mantissa() < 0 {
            return Err(fault(
                "the interval begins below 0; write the sign into the formula",
            ));
        }
        let as_value = |bound: &Decimal| bound.at(self.exponent).map(u64::try_from);
        match (as_value(low), as_value(high)) {
            (Some(Ok(_)), Some(Ok(_))) => Ok(()),
            (None, _) | (_, None) => Err(fault(
                "a bound of the interval has more digits than the exponent",
            )),
            _ => Err(fault("its upper bound times 10^exponent is 2^64 or more")),
        }
    }

    /// The public input of a value: `value * 10^exponent`.
    ///
    /// # Errors
    /// A value outside the interval or with more digits than declared.
    pub fn public_value(&self, value: &Decimal) -> Result<u64, ConstantError> {
        let integer = value
            .at(self.exponent)
            .ok_or_else(|| ConstantError::TooPrecise {
                name: self.name.clone(),
                value: value.to_string(),
                exponent: self.exponent,
            })?;
        let outside = || self.outside(&value.to_string());
        let integer = u64::try_from(integer).map_err(|_| outside())?;
        self.check_public(integer)?;
        Ok(integer)
    }

    /// Whether a public input lies within the interval.
    ///
    /// # Errors
    /// [`ConstantError::OutsideInterval`].
    pub fn check_public(&self, value: u64) -> Result<(), ConstantError> {
        let [low, high] = self.public_interval();
        if low <= i128::from(value) && i128::from(value) <= high {
            return Ok(());
        }
        let den = BigInt::from(10u8).pow(u32::from(self.exponent));
        Err(self.outside(&Ratio(&value.into(), &den).to_string()))
    }

    /// The interval times 10^exponent. The declaration must have passed [`ConstantDecl::check`].
    pub fn public_interval(&self) -> [i128; 2] {
        // A declaration that does not pass the check has an empty interval.
        let [low, high] = &self.interval;
        match (low.at(self.exponent), high.at(self.exponent)) {
            (Some(low), Some(high)) => [low, high],
            _ => [1, 0],
        }
    }

    pub(crate) fn range(&self) -> Range {
        let [low, high] = self.public_interval();
        let den = BigInt::from(10u8).pow(u32::from(self.exponent));
        Range::new(BigInt::from(low), BigInt::from(high), den)
    }

    fn outside(&self, value: &str) -> ConstantError {
        ConstantError::OutsideInterval {
            name: self.name.clone(),
            value: value.to_owned(),
            interval: self.interval,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factor(low: &str, high: &str, exponent: u8) -> ConstantDecl {
        ConstantDecl {
            name: "factor".into(),
            interval: [low.parse().unwrap(), high.parse().unwrap()],
            exponent,
        }
    }

    #[test]
    fn values_become_integers_within_the_interval() {
        let decl = factor("0", "500", 2);
        assert_eq!(decl.check(), Ok(()));
        assert_eq!(decl.public_value(&"162.72".parse().unwrap()), Ok(16_272));
        assert_eq!(decl.public_value(&"500".parse().unwrap()), Ok(50_000));
        assert!(matches!(
            decl.public_value(&"500.01".parse().unwrap()),
            Err(ConstantError::OutsideInterval { .. })
        ));
        assert!(matches!(
            decl.public_value(&"-1".parse().unwrap()),
            Err(ConstantError::OutsideInterval { .. })
        ));
        assert!(matches!(
            decl.public_value(&"162.725".parse().unwrap()),
            Err(ConstantError::TooPrecise { .. })
        ));
        assert!(decl.check_public(50_001).is_err());
    }

    #[test]
    fn wrong_declarations_are_refused() {
        for (decl, word) in [
            (factor("2", "1", 0), "lower bound"),
            (factor("-1", "1", 0), "below 0"),
            (factor("0", "1.5", 0), "more digits"),
            (factor("0", "1", 19), "more than 18"),
            (factor("0", "18446744073709551616", 0), "2^64"),
        ] {
            let error = decl.check().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        assert_eq!(factor("0", "18446744073709551615", 0).check(), Ok(()));
    }
}
