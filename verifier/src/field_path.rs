//! The path to a field of an entry or a request that is at fault: names and indices, such as
//! `claims[3].c`.

use alloc::{
    borrow::{Cow, ToOwned},
    string::ToString,
    vec::Vec,
};
use core::{fmt, str::FromStr};

use thiserror::Error;

/// Most steps of a path.
pub const MAX_STEPS: usize = 8;

/// Longest name of a step, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// A path to a field; empty if no single field is at fault. Every path can be shown without
/// escaping: its names are short and plain ASCII.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct FieldPath(Vec<FieldStep>);

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FieldStep {
    /// A field of a message.
    Name(FieldName),
    /// An element of a list, from 0.
    Index(u32),
}

/// The name of a field: 1 to [`MAX_NAME_BYTES`] bytes of printable ASCII, with no `.`, `[` or `]` and no space
/// around it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldName(Cow<'static, str>);

/// Why a text is not a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FieldPathError {
    /// A name that is not valid.
    #[error(
        "a field's name is 1 to {MAX_NAME_BYTES} printable ASCII characters, with no `.`, `[` or `]` and no space around it"
    )]
    Name,
    /// An index that is not valid.
    #[error("an index is a number up to 2^32 - 1 in brackets, with no leading zero")]
    Index,
    /// A path that is too long.
    #[error("a path has at most {MAX_STEPS} steps")]
    TooLong,
}

impl FieldPath {
    /// No field.
    pub const NONE: Self = Self(Vec::new());

    /// A path that begins with the name of a field.
    pub fn name(name: FieldName) -> Self {
        Self::NONE.then(name)
    }

    /// The path to a value that a decoder or a proof's statement calls `what`: names joined by `.`.
    /// Such names are written once, where the value is read or stated. All others are in
    /// [`fields`](crate::fields).
    pub fn of_value(what: &'static str) -> Self {
        let path = what.parse();
        debug_assert!(path.is_ok(), "{what:?} is not a path");
        path.unwrap_or(Self::NONE)
    }

    /// The path to an element of the list, from 0.
    #[must_use]
    pub fn index(self, index: usize) -> Self {
        // No list of the protocol has 2^32 or more elements.
        self.step(FieldStep::Index(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    /// The path to a field of the message.
    #[must_use]
    pub fn then(self, name: FieldName) -> Self {
        self.step(FieldStep::Name(name))
    }

    /// The path to a field whose name comes from outside. A text that is not a valid name is dropped, and the
    /// path ends at the message.
    #[must_use]
    pub fn then_given(self, name: &str) -> Self {
        match FieldName::new(name.to_owned()) {
            Ok(name) => self.then(name),
            Err(_) => self,
        }
    }

    /// The path `inner`, which begins where this one ends.
    #[must_use]
    pub fn join(mut self, inner: Self) -> Self {
        for step in inner.0 {
            self = self.step(step);
        }
        self
    }

    /// The path of these steps.
    ///
    /// # Errors
    /// [`FieldPathError::TooLong`].
    pub fn from_steps(steps: Vec<FieldStep>) -> Result<Self, FieldPathError> {
        if steps.len() <= MAX_STEPS {
            Ok(Self(steps))
        } else {
            Err(FieldPathError::TooLong)
        }
    }

    /// Its steps, from the outermost.
    pub fn steps(&self) -> &[FieldStep] {
        &self.0
    }

    /// Whether no single field is at fault.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// 3 for `claims[3].c` and the list `claims`.
    pub fn index_in(&self, list: &FieldName) -> Option<usize> {
        match self.steps() {
            [FieldStep::Name(name), FieldStep::Index(index), ..] if name == list => {
                usize::try_from(*index).ok()
            }
            _ => None,
        }
    }

    /// A path is cut at its limit, because its beginning is more useful than its end.
    fn step(mut self, step: FieldStep) -> Self {
        if self.0.len() < MAX_STEPS {
            self.0.push(step);
        }
        self
    }
}

impl FieldName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`FieldPathError::Name`].
    pub fn new(name: impl Into<Cow<'static, str>>) -> Result<Self, FieldPathError> {
        let name = name.into();
        if is_name(name.as_bytes()) {
            Ok(Self(name))
        } else {
            Err(FieldPathError::Name)
        }
    }

    /// A name of this program. One that is not valid does not compile.
    pub(crate) const fn of_program(name: &'static str) -> Self {
        assert!(is_name(name.as_bytes()));
        Self(Cow::Borrowed(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_name(name: &[u8]) -> bool {
    let (Some(first), Some(last)) = (name.first(), name.last()) else {
        return false;
    };
    if name.len() > MAX_NAME_BYTES || *first == b' ' || *last == b' ' {
        return false;
    }
    let mut at = 0;
    while at < name.len() {
        if !matches!(name[at], b' '..=b'~') || matches!(name[at], b'.' | b'[' | b']') {
            return false;
        }
        at += 1;
    }
    true
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<FieldName> for FieldPath {
    fn from(name: FieldName) -> Self {
        Self::name(name)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                FieldStep::Name(name) if position == 0 => f.write_str(name.as_str())?,
                FieldStep::Name(name) => write!(f, ".{}", name.as_str())?,
                FieldStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Reads exactly what [`Display`](fmt::Display) writes.
impl FromStr for FieldPath {
    type Err = FieldPathError;

    fn from_str(text: &str) -> Result<Self, FieldPathError> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if steps.len() == MAX_STEPS {
                return Err(FieldPathError::TooLong);
            }
            if let Some(inside) = rest.strip_prefix('[') {
                let (number, after) = inside.split_once(']').ok_or(FieldPathError::Index)?;
                let index: u32 = number.parse().map_err(|_| FieldPathError::Index)?;
                if index.to_string() != number {
                    return Err(FieldPathError::Index);
                }
                steps.push(FieldStep::Index(index));
                rest = after;
            } else {
                let inside = if steps.is_empty() {
                    rest
                } else {
                    rest.strip_prefix('.').ok_or(FieldPathError::Name)?
                };
                let end = inside.find(['.', '[']).unwrap_or(inside.len());
                let (name, after) = inside.split_at(end);
                steps.push(FieldStep::Name(FieldName::new(name.to_owned())?));
                rest = after;
            }
        }
        Ok(Self(steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields;

    #[test]
    fn a_path_is_written_and_read_back() {
        for (path, text) in [
            (FieldPath::NONE, ""),
            (
                FieldPath::name(fields::CLAIMS).index(3).then(fields::C),
                "claims[3].c",
            ),
            (FieldPath::of_value("measure.m1"), "measure.m1"),
            (
                FieldPath::name(fields::CONSTANTS).then_given("fare (before)"),
                "constants.fare (before)",
            ),
            (
                FieldPath::NONE.index(0).index(u32::MAX as usize),
                "[0][4294967295]",
            ),
        ] {
            assert_eq!(path.to_string(), text);
            assert_eq!(text.parse(), Ok(path));
        }
        let inner = FieldPath::name(fields::PUBLIC_INPUTS).index(2);
        let proof = FieldPath::name(fields::SUBJECT).then(fields::PROOF);
        let joined = proof.join(inner);
        assert_eq!(joined.to_string(), "subject.proof.public_inputs[2]");
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let long = "a".repeat(MAX_NAME_BYTES + 1);
        let deep = "a.".repeat(MAX_STEPS) + "a";
        for (text, fault) in [
            (".a", FieldPathError::Name),
            ("a.", FieldPathError::Name),
            ("a..b", FieldPathError::Name),
            ("a[1]b", FieldPathError::Name),
            ("a]", FieldPathError::Name),
            (" a", FieldPathError::Name),
            ("a\u{1b}", FieldPathError::Name),
            ("善", FieldPathError::Name),
            (long.as_str(), FieldPathError::Name),
            ("a[", FieldPathError::Index),
            ("a[x]", FieldPathError::Index),
            ("a[-1]", FieldPathError::Index),
            ("a[+1]", FieldPathError::Index),
            ("a[01]", FieldPathError::Index),
            ("a[4294967296]", FieldPathError::Index),
            (deep.as_str(), FieldPathError::TooLong),
        ] {
            assert_eq!(text.parse::<FieldPath>(), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn a_name_from_outside_is_left_out_rather_than_shown() {
        let path = FieldPath::name(fields::FIGURES).then_given("a\u{202e}b");
        assert_eq!(path.to_string(), "figures");
        let deep = (0..2 * MAX_STEPS).fold(FieldPath::NONE, FieldPath::index);
        assert_eq!(deep.steps().len(), MAX_STEPS);
    }

    #[test]
    fn the_element_at_fault_is_found() {
        let path: FieldPath = "claims[3].c".parse().unwrap();
        assert_eq!(path.index_in(&fields::CLAIMS), Some(3));
        assert_eq!(path.index_in(&fields::ENTRIES), None);
        assert_eq!(
            FieldPath::name(fields::CLAIMS).index_in(&fields::CLAIMS),
            None
        );
    }
}
