//! The canonical binary codec: one value, one encoding.
//!
//! Integers are little-endian and fixed in width; byte strings and lists carry a `u32` count; field
//! elements, points and scalars are canonical or refused. A reader must consume all of its input.
//! Everything that is signed, hashed or logged is written with this codec. A second encoding of the
//! same value would give one entry two identities.

use alloc::{borrow::ToOwned as _, string::String, vec::Vec};

use merits_primitives::{
    calendar::Timestamp,
    element::Element,
    field,
    jubjub::{Point, PointError},
};
use merits_text::display::{Unshowable, check_document, check_line};
use thiserror::Error;

use crate::FieldPath;

/// Why bytes are not a canonical encoding. `what` names the field at fault; the sender is to blame.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The input ends inside a field.
    #[error("{what}: {need} bytes are needed and {left} are left; the encoding is truncated")]
    Truncated {
        /// Field being read.
        what: &'static str,
        /// Bytes the field needs.
        need: usize,
        /// Bytes left.
        left: usize,
    },
    /// Bytes remain after the last field.
    #[error("{left} bytes follow the end of {what}; an encoding must be consumed whole")]
    Trailing {
        /// Value that was read.
        what: &'static str,
        /// Bytes left.
        left: usize,
    },
    /// A count or length over its bound.
    #[error("{what}: {found} is over the limit of {limit}")]
    TooLong {
        /// Field being read.
        what: &'static str,
        /// Count found.
        found: usize,
        /// Most that is allowed.
        limit: usize,
    },
    /// A string that is not UTF-8, or not a name of its kind.
    #[error("{what}: not plain UTF-8 text")]
    NotText {
        /// Field being read.
        what: &'static str,
    },
    /// A string with a character that is not allowed in texts that others are shown.
    #[error("{what}: {fault}")]
    Unshowable {
        /// Field being read.
        what: &'static str,
        /// The character and its position.
        fault: Unshowable,
    },
    /// A tag, flag or enumeration with a value that has no meaning.
    #[error("{what}: {found} has no meaning here")]
    UnknownValue {
        /// Field being read.
        what: &'static str,
        /// Value found.
        found: u64,
    },
    /// A number is at or over its modulus, or an ordering or format rule is broken.
    #[error("{what}: not in canonical form")]
    NotCanonical {
        /// Field being read.
        what: &'static str,
    },
    /// A Baby Jubjub point that is not acceptable.
    #[error("{what}: {fault}")]
    Point {
        /// Field being read.
        what: &'static str,
        /// What is wrong with it.
        fault: PointError,
    },
}

impl CodecError {
    /// The field at fault.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Truncated { what, .. }
            | Self::Trailing { what, .. }
            | Self::TooLong { what, .. }
            | Self::NotText { what }
            | Self::Unshowable { what, .. }
            | Self::UnknownValue { what, .. }
            | Self::NotCanonical { what }
            | Self::Point { what, .. } => what,
        }
    }
}

impl From<&CodecError> for FieldPath {
    fn from(error: &CodecError) -> Self {
        Self::of_value(error.field())
    }
}

/// A value with a canonical encoding.
pub trait Canonical: Sized {
    /// Name used in errors.
    const NAME: &'static str;

    /// Appends the encoding.
    fn write(&self, out: &mut Writer);

    /// Reads one value.
    ///
    /// # Errors
    /// [`CodecError`] names the field at fault.
    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError>;

    /// The encoding alone.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new();
        self.write(&mut out);
        out.into_bytes()
    }

    /// Reads a value that fills `bytes` exactly.
    ///
    /// # Errors
    /// [`CodecError`], also when bytes are left over.
    fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut input = Reader::new(bytes);
        let value = Self::read(&mut input)?;
        input.finish(Self::NAME)?;
        Ok(value)
    }
}

/// Appends encodings to a buffer.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty buffer with room for this many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        let bytes = Vec::with_capacity(bytes);
        Self { bytes }
    }

    /// The bytes written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// Two bytes, little-endian.
    pub fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Four bytes, little-endian.
    pub fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Eight bytes, little-endian.
    pub fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A time: its milliseconds, eight bytes, little-endian.
    pub fn time(&mut self, value: Timestamp) {
        self.u64(value.as_millis());
    }

    /// A flag: 0 or 1.
    pub fn bool(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    /// Bytes of a length that the reader knows.
    pub fn array(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
    }

    /// Bytes with a `u32` length before them.
    pub fn bytes(&mut self, value: &[u8]) {
        self.count(value.len());
        self.array(value);
    }

    /// Text with a `u32` length before it.
    pub fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    /// A list's `u32` count.
    pub fn count(&mut self, count: usize) {
        // This saturates instead of wrapping. Every list has a far lower limit, which the reader
        // enforces, so an absurd count is refused there and never misread.
        self.u32(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// A BN254 scalar-field element, with a meaning or without: 32 bytes.
    pub fn field(&mut self, value: &impl Element) {
        self.array(&field::to_bytes(value));
    }

    /// A Baby Jubjub point: 64 bytes, x then y.
    pub fn point(&mut self, value: &Point) {
        self.array(&value.to_bytes());
    }

    /// An optional value: a flag, then the value if there is one.
    pub fn option<T>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        self.bool(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// A list: its count, then each value.
    pub fn list<T: Canonical>(&mut self, values: &[T]) {
        self.count(values.len());
        for value in values {
            value.write(self);
        }
    }
}

/// Reads encodings from a slice.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the beginning of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes not yet read.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Ends the reading of `what`.
    ///
    /// # Errors
    /// [`CodecError::Trailing`] when bytes are left.
    pub fn finish(self, what: &'static str) -> Result<(), CodecError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(CodecError::Trailing { what, left }),
        }
    }

    /// `need` bytes.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn take(&mut self, what: &'static str, need: usize) -> Result<&'a [u8], CodecError> {
        let left = self.rest.len();
        let (head, tail) = self
            .rest
            .split_at_checked(need)
            .ok_or(CodecError::Truncated { what, need, left })?;
        self.rest = tail;
        Ok(head)
    }

    /// `N` bytes.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], CodecError> {
        let mut out = [0u8; N];
        out.copy_from_slice(self.take(what, N)?);
        Ok(out)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn u8(&mut self, what: &'static str) -> Result<u8, CodecError> {
        Ok(u8::from_le_bytes(self.array(what)?))
    }

    /// Two bytes.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn u16(&mut self, what: &'static str) -> Result<u16, CodecError> {
        Ok(u16::from_le_bytes(self.array(what)?))
    }

    /// Four bytes.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn u32(&mut self, what: &'static str) -> Result<u32, CodecError> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn u64(&mut self, what: &'static str) -> Result<u64, CodecError> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// A time.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn time(&mut self, what: &'static str) -> Result<Timestamp, CodecError> {
        self.u64(what).map(Timestamp::from_millis)
    }

    /// A flag.
    ///
    /// # Errors
    /// [`CodecError::UnknownValue`] for anything but 0 and 1.
    pub fn bool(&mut self, what: &'static str) -> Result<bool, CodecError> {
        match self.u8(what)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(CodecError::UnknownValue {
                what,
                found: other.into(),
            }),
        }
    }

    /// A list's count, at most `limit`. Checked before anything is allocated for it.
    ///
    /// # Errors
    /// [`CodecError::TooLong`].
    pub fn count(&mut self, what: &'static str, limit: usize) -> Result<usize, CodecError> {
        let found = self.u32(what)? as usize;
        if found > limit {
            return Err(CodecError::TooLong { what, found, limit });
        }
        Ok(found)
    }

    /// Length-prefixed bytes, at most `limit`.
    ///
    /// # Errors
    /// [`CodecError`].
    pub fn bytes(&mut self, what: &'static str, limit: usize) -> Result<&'a [u8], CodecError> {
        let len = self.count(what, limit)?;
        self.take(what, len)
    }

    /// Length-prefixed text on one line that may be shown to others ([`merits_text::display`]).
    ///
    /// # Errors
    /// [`CodecError::NotText`], [`CodecError::Unshowable`].
    pub fn text(&mut self, what: &'static str, limit: usize) -> Result<String, CodecError> {
        let text = self.utf8(what, limit)?;
        check_line(text).map_err(|fault| CodecError::Unshowable { what, fault })?;
        Ok(text.to_owned())
    }

    /// Length-prefixed text of many lines that may be shown to others.
    ///
    /// # Errors
    /// [`CodecError::NotText`], [`CodecError::Unshowable`].
    pub fn document(&mut self, what: &'static str, limit: usize) -> Result<String, CodecError> {
        let text = self.utf8(what, limit)?;
        check_document(text).map_err(|fault| CodecError::Unshowable { what, fault })?;
        Ok(text.to_owned())
    }

    fn utf8(&mut self, what: &'static str, limit: usize) -> Result<&'a str, CodecError> {
        let bytes = self.bytes(what, limit)?;
        core::str::from_utf8(bytes).map_err(|_| CodecError::NotText { what })
    }

    /// A field element.
    ///
    /// # Errors
    /// [`CodecError::NotCanonical`] for a value of p or more.
    pub fn field<E: Element>(&mut self, what: &'static str) -> Result<E, CodecError> {
        field::from_bytes(&self.array(what)?).map_err(|_| CodecError::NotCanonical { what })
    }

    /// A Baby Jubjub point of the subgroup, not the identity.
    ///
    /// # Errors
    /// [`CodecError::Point`].
    pub fn point(&mut self, what: &'static str) -> Result<Point, CodecError> {
        Point::from_bytes(&self.array(what)?).map_err(|fault| CodecError::Point { what, fault })
    }

    /// An optional value.
    ///
    /// # Errors
    /// [`CodecError`] of the flag or the value.
    pub fn option<T>(
        &mut self,
        what: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, CodecError>,
    ) -> Result<Option<T>, CodecError> {
        if self.bool(what)? {
            read(self).map(Some)
        } else {
            Ok(None)
        }
    }

    /// A list of at most `limit` values.
    ///
    /// # Errors
    /// [`CodecError`] of the count or of a value.
    pub fn list<T: Canonical>(
        &mut self,
        what: &'static str,
        limit: usize,
    ) -> Result<Vec<T>, CodecError> {
        let count = self.count(what, limit)?;
        (0..count).map(|_| T::read(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_bounded_before_allocation() {
        let mut out = Writer::new();
        out.count(usize::MAX);
        let bytes = out.into_bytes();
        assert_eq!(
            Reader::new(&bytes).bytes("blob", 10),
            Err(CodecError::TooLong {
                what: "blob",
                found: u32::MAX as usize,
                limit: 10
            })
        );
    }

    #[test]
    fn truncation_trailing_bytes_and_bad_flags_are_distinguished() {
        assert_eq!(
            Reader::new(&[1, 2]).u32("n"),
            Err(CodecError::Truncated {
                what: "n",
                need: 4,
                left: 2
            })
        );
        assert_eq!(
            Reader::new(&[2]).bool("flag"),
            Err(CodecError::UnknownValue {
                what: "flag",
                found: 2
            })
        );
        let mut input = Reader::new(&[0, 9]);
        assert_eq!(input.bool("flag"), Ok(false));
        assert_eq!(
            input.finish("value"),
            Err(CodecError::Trailing {
                what: "value",
                left: 1
            })
        );
    }

    #[test]
    fn text_holds_nothing_that_misleads_who_is_shown_it() {
        let written = |text: &str| {
            let mut out = Writer::new();
            out.text(text);
            out.into_bytes()
        };
        let two_lines = written("a\nb");
        let refused = Reader::new(&two_lines).text("name", 9);
        assert_eq!(refused.map_err(|error| error.field()), Err("name"));
        assert_eq!(
            Reader::new(&two_lines).document("text", 9).as_deref(),
            Ok("a\nb")
        );
        for hidden in ["a\u{202e}b", "a\u{200b}b", "\u{1b}[31m", "\u{feff}a"] {
            let bytes = written(hidden);
            for refused in [
                Reader::new(&bytes).text("title", 20),
                Reader::new(&bytes).document("title", 20),
            ] {
                let error = refused.expect_err("refused");
                assert!(matches!(error, CodecError::Unshowable { .. }), "{error}");
                assert!(error.to_string().starts_with("title: line 1, character "));
            }
        }
        let not_utf8 = [2, 0, 0, 0, 0xff, 0xfe];
        let refused = Reader::new(&not_utf8).document("text", 9);
        assert_eq!(refused, Err(CodecError::NotText { what: "text" }));
    }
}
