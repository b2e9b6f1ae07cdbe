//! Field elements with a meaning. Each meaning has its own type, so that none is mistaken for another.
//!
//! A nullifier, a commitment and a root are all elements of one field. If they were bare, code that
//! swaps two of them would still compile. A type declared here is a field element with a name: every
//! encoding has the same 32 bytes, and arithmetic on it needs an explicit `.0`, which only circuits
//! and their witnesses need.
//!
//! ```compile_fail,E0308
//! use merits_primitives::{
//!     Fr,
//!     nullifier::{RateNullifier, SpendNullifier},
//! };
//!
//! let rate = RateNullifier(Fr::from(1u64));
//! let spend: SpendNullifier = rate;
//! ```

use ark_ff::{BigInteger as _, PrimeField as _};

use crate::Fr;

/// A field element with a meaning, or a bare one.
pub trait Element: Copy {
    /// Gives an element its meaning.
    fn from_element(element: Fr) -> Self;

    /// The bare element, for circuits and hashes.
    fn element(&self) -> Fr;
}

impl Element for Fr {
    fn from_element(element: Fr) -> Self {
        element
    }

    fn element(&self) -> Fr {
        *self
    }
}

/// Declares a public field element: a tuple struct around [`Fr`] that is shown as 64 hexadecimal
/// digits of its canonical encoding. Do not use it for secrets, which must not be shown.
macro_rules! public_element {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $crate::Fr);

        impl $crate::element::Element for $name {
            fn from_element(element: $crate::Fr) -> Self {
                Self(element)
            }

            fn element(&self) -> $crate::Fr {
                self.0
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                $crate::element::write_hex(&self.0, f)
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

/// Declares a private field element: [`Debug`](core::fmt::Debug) shows only its name, and there is
/// no other way to show it.
macro_rules! private_element {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub $crate::Fr);

        impl $crate::element::Element for $name {
            fn from_element(element: $crate::Fr) -> Self {
                Self(element)
            }

            fn element(&self) -> $crate::Fr {
                self.0
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

pub(crate) use {private_element, public_element};

/// The canonical encoding as 64 hexadecimal digits.
pub(crate) fn write_hex(element: &Fr, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
    element
        .into_bigint()
        .to_bytes_le()
        .iter()
        .try_for_each(|byte| write!(f, "{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{commitment::RecordSalt, field, note::NoteCommitment, nullifier::SpendNullifier};

    #[test]
    fn a_private_element_is_not_shown() {
        let salt = RecordSalt(Fr::from(0x0a_0bu64));
        assert_eq!(format!("{salt:?}"), "RecordSalt(..)");
        assert_eq!(field::from_bytes(&field::to_bytes(&salt)), Ok(salt));
    }

    #[test]
    fn an_element_is_shown_and_encoded_as_its_canonical_bytes() {
        let note = NoteCommitment(Fr::from(0x0a_0bu64));
        let digits = format!("0b0a{}", "0".repeat(60));
        assert_eq!(note.to_string(), digits);
        assert_eq!(format!("{note:?}"), format!("NoteCommitment({digits})"));
        assert_eq!(field::to_bytes(&note), field::to_bytes(&note.0));
        assert_eq!(field::from_bytes(&field::to_bytes(&note)), Ok(note));
        assert_eq!(
            field::from_bytes::<SpendNullifier>(&[0xff; 32]),
            Err(field::NotCanonical)
        );
    }
}
