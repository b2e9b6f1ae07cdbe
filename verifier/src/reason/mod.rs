//! The reasons for refusing an entry or a call, for the whole protocol in one table.
//!
//! A reason has a text (`proof-invalid`) for signed refusals, stores and logs, and a number for
//! protobuf messages. Neither ever changes its meaning, because programs act on them.
//! `merits/fault/v1/fault.proto` has the same numbers, and a test compares the two.
//!
//! A newer server may send a reason that this program does not know. [`ReasonCode`] keeps it, so
//! that it can be shown, stored and passed on.

mod table;

use alloc::{boxed::Box, format};
use core::{fmt, str::FromStr};

use thiserror::Error;

pub use table::Reason;

impl Reason {
    /// The stable number, from 1.
    pub const fn number(self) -> u32 {
        self as u32
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is not one of a known reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no reason that this program knows has this text")]
pub struct UnknownReason;

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, UnknownReason> {
        Self::from_text(text).ok_or(UnknownReason)
    }
}

/// A reason from another program: a known one, or the number or text of a newer one. Its text is
/// short and plain, so it may be shown and logged without escaping.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReasonCode(Given);

/// For a known reason neither number nor text is kept, so that equal reasons are equal values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Given {
    Known(Reason),
    Number(u32),
    Text(Box<str>),
}

/// A text that is not a reason's: lower-case words joined by `-` are expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a reason is 1 to {MAX_TEXT_BYTES} lower-case letters, digits and `-`")]
pub struct BadReason;

impl ReasonCode {
    /// The reason with this number; `None` for 0, which means no reason.
    pub fn from_number(number: u32) -> Option<Self> {
        match Reason::from_number(number) {
            Some(reason) => Some(reason.into()),
            None if number == 0 => None,
            None => Some(Self(Given::Number(number))),
        }
    }

    /// The reason, if this program knows it.
    pub fn known(&self) -> Option<Reason> {
        match &self.0 {
            Given::Known(reason) => Some(*reason),
            Given::Number(_) | Given::Text(_) => None,
        }
    }

    /// Its number; `None` if only the text is known.
    pub fn number(&self) -> Option<u32> {
        match &self.0 {
            Given::Known(reason) => Some(reason.number()),
            Given::Number(number) => Some(*number),
            Given::Text(_) => None,
        }
    }
}

impl From<Reason> for ReasonCode {
    fn from(reason: Reason) -> Self {
        Self(Given::Known(reason))
    }
}

impl PartialEq<Reason> for ReasonCode {
    fn eq(&self, reason: &Reason) -> bool {
        self.known() == Some(*reason)
    }
}

/// The text; `reason-<number>` if only the number is known.
impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Given::Known(reason) => reason.fmt(f),
            Given::Number(number) => write!(f, "{NUMBERED}{number}"),
            Given::Text(text) => f.pad(text),
        }
    }
}

/// Reads the output of [`Display`](fmt::Display). The reading program may know a number or text
/// that the writing program did not.
impl FromStr for ReasonCode {
    type Err = BadReason;

    fn from_str(text: &str) -> Result<Self, BadReason> {
        if let Ok(reason) = text.parse::<Reason>() {
            return Ok(reason.into());
        }
        if let Some(number) = text.strip_prefix(NUMBERED)
            && let Ok(number) = number.parse::<u32>()
            && format!("{NUMBERED}{number}") == text
        {
            return Self::from_number(number).ok_or(BadReason);
        }
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.is_empty() || text.len() > MAX_TEXT_BYTES || !text.bytes().all(plain) {
            return Err(BadReason);
        }
        Ok(Self(Given::Text(text.into())))
    }
}

/// Longest text of a reason. The longest known one has less than half of this.
const MAX_TEXT_BYTES: usize = 64;

/// The prefix of the text for an unknown reason number.
const NUMBERED: &str = "reason-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_are_unique_and_lead_back() {
        let mut last = 0;
        for &reason in Reason::ALL {
            assert!(reason.number() > last, "{reason} is out of order");
            last = reason.number();
            assert_eq!(Reason::from_number(reason.number()), Some(reason));
            assert_eq!(reason.as_str().parse(), Ok(reason));
            assert_eq!(reason.to_string().parse(), Ok(ReasonCode::from(reason)));
            assert!(reason.as_str().len() <= MAX_TEXT_BYTES / 2, "{reason}");
            assert!(reason.meaning().ends_with('.'), "{reason}");
            // The variant is the text in another spelling, so that the two cannot drift apart.
            let variant: String = reason
                .as_str()
                .split('-')
                .flat_map(|word| [word[..1].to_uppercase(), word[1..].to_owned()])
                .collect();
            assert_eq!(format!("{reason:?}"), variant);
        }
    }

    #[test]
    fn a_reason_of_a_newer_program_is_kept() {
        let unknown: ReasonCode = "moon-too-full".parse().unwrap();
        assert_eq!(unknown.to_string(), "moon-too-full");
        assert_eq!((unknown.known(), unknown.number()), (None, None));

        let numbered = ReasonCode::from_number(60_001).unwrap();
        assert_eq!(numbered.to_string(), "reason-60001");
        assert_eq!((numbered.known(), numbered.number()), (None, Some(60_001)));
        assert_eq!("reason-60001".parse(), Ok(numbered));

        // Written by a program that did not know it, read by one that knows it.
        assert_eq!("reason-509".parse(), Ok(ReasonCode::from(Reason::Spent)));
        assert_eq!(ReasonCode::from_number(509).unwrap(), Reason::Spent);
        assert_eq!(ReasonCode::from_number(0), None);
    }

    #[test]
    fn what_does_not_belong_on_a_screen_is_no_reason() {
        let long = "a".repeat(MAX_TEXT_BYTES + 1);
        for text in [
            "",
            "Spent",
            "spent ",
            "a b",
            "a\u{1b}[2J",
            "善",
            "reason-0",
            &long,
        ] {
            assert_eq!(text.parse::<ReasonCode>(), Err(BadReason), "{text:?}");
        }
        assert!(long[1..].parse::<ReasonCode>().is_ok());
        assert_eq!("moon".parse::<Reason>(), Err(UnknownReason));
    }
}
