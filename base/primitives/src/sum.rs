//! Sums over many claims. Each kind has its own type, so that a sum of credits is not mistaken for a sum of
//! measured amounts, nor either for the amount of one person.

use core::{
    fmt,
    ops::{Add, AddAssign},
};

use crate::ids::{Credits, Quantity};

/// The sum of one of a scale's outputs over the claims of some batches, or a bound of it. An
/// [`Output`](crate::ids::Output) beside it names the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(transparent)
)]
pub struct Sum(pub u64);

impl Sum {
    /// The bound of a sum over so many claims, from the bound of one claim; `None` if it is 2^64 or
    /// more.
    #[must_use]
    pub fn checked_mul(self, claims: u64) -> Option<Self> {
        self.0.checked_mul(claims).map(Self)
    }

    /// Both together; `None` if they are 2^64 or more.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// As credits: for a sum of [`Output::Credits`](crate::ids::Output::Credits).
    pub const fn as_credits(self) -> Credits {
        Credits(self.0)
    }

    /// As a measured amount: for a sum of [`Output::Measure`](crate::ids::Output::Measure).
    pub const fn as_quantity(self) -> Quantity {
        Quantity(self.0)
    }
}

impl From<Credits> for Sum {
    fn from(credits: Credits) -> Self {
        Self(credits.0)
    }
}

impl From<Quantity> for Sum {
    fn from(quantity: Quantity) -> Self {
        Self(quantity.0)
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// A sum of any number of parts.
macro_rules! wide_sum {
    ($(#[$doc:meta])* $name:ident of $($part:ty),+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[cfg_attr(
            feature = "serde",
            derive(serde::Serialize, serde::Deserialize),
            serde(transparent)
        )]
        pub struct $name(pub u128);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(0);

            /// The difference; `None` if it is negative.
            #[must_use]
            pub fn checked_sub(self, other: Self) -> Option<Self> {
                self.0.checked_sub(other.0).map(Self)
            }

            /// Both together, at most 2^128 - 1.
            #[must_use]
            pub fn saturating_add(self, other: impl Into<Self>) -> Self {
                Self(self.0.saturating_add(other.into().0))
            }

            /// The difference, at least zero.
            #[must_use]
            pub fn saturating_sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }

        impl Add for $name {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl<T: Into<Self>> AddAssign<T> for $name {
            fn add_assign(&mut self, other: T) {
                self.0 += other.into().0;
            }
        }

        impl<T: Into<Self>> FromIterator<T> for $name {
            fn from_iter<I: IntoIterator<Item = T>>(parts: I) -> Self {
                let mut sum = Self::ZERO;
                for part in parts {
                    sum += part;
                }
                sum
            }
        }

        $(impl From<$part> for $name {
            fn from(part: $part) -> Self {
                Self(part.0.into())
            }
        })+

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

wide_sum! {
    /// A sum of any number of [`Sum`]s of one output: 2^64 of them fit.
    WideSum of Sum, Credits, Quantity
}

wide_sum! {
    /// Credits of any number of claims or notes: 2^64 of them fit.
    CreditsSum of Credits
}

wide_sum! {
    /// The measured amount of any number of claims: 2^64 of them fit.
    QuantitySum of Quantity
}

impl WideSum {
    /// As credits: for a sum of [`Output::Credits`](crate::ids::Output::Credits).
    pub const fn as_credits(self) -> CreditsSum {
        CreditsSum(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_hold_more_than_an_amount_can() {
        let most = Credits(u64::MAX);
        let sum: CreditsSum = [most, most, Credits(5)].into_iter().collect();
        assert_eq!(sum, CreditsSum(2 * u128::from(u64::MAX) + 5));
        assert_eq!(sum.checked_sub(CreditsSum(0)), Some(sum));
        assert_eq!(CreditsSum::from(most).checked_sub(sum), None);
        assert_eq!(CreditsSum::from(most).saturating_sub(sum), CreditsSum::ZERO);
        let mut wide = WideSum::from(Sum(u64::MAX));
        wide += Sum(1);
        assert_eq!(wide.as_credits(), CreditsSum(1 << 64));
    }

    #[test]
    fn a_bound_that_does_not_fit_is_none() {
        assert_eq!(Sum(3).checked_mul(7), Some(Sum(21)));
        assert_eq!(Sum(1 << 63).checked_mul(2), None);
        assert_eq!(Sum(u64::MAX).checked_add(Sum(1)), None);
    }
}
