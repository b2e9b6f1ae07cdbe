//! Names and numbers of the ledger. Each kind has its own type, so that none is mistaken for another.

use alloc::{borrow::ToOwned as _, string::String};
use core::{
    fmt,
    ops::{Add, AddAssign},
};

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{Fr, element::public_element, field};

/// The ledger's number of a scale id, the same for all its versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetId(pub u64);

/// Whole credits in the scale's unit (for cycling-week: grams of CO2e), below 2^64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(transparent)
)]
pub struct Credits(pub u64);

impl Credits {
    /// No credits.
    pub const ZERO: Self = Self(0);

    /// Both together; `None` if they are 2^64 or more.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Both together, at most 2^64 - 1. Use it for display only, never for amounts to pay.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left; `None` if there are fewer.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl fmt::Display for Credits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The measured amount of deeds, in the unit of the scale's measure: counted beside credits, never spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(transparent)
)]
pub struct Quantity(pub u64);

impl Quantity {
    /// Both together, at most 2^64 - 1. Use it for display only.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One of a scale's outputs. The totals of each are encrypted and opened separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Output {
    /// The credits that people own and spend.
    Credits = 1,
    /// The second amount of a scale with a measure, such as grams of CO2e.
    Measure = 2,
}

impl Output {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Credits, Self::Measure];

    /// The output with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|output| *output as u8 == number)
    }

    /// `credits` or `measure`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Credits => "credits",
            Self::Measure => "measure",
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A coarse expiry bucket: credits of one scale and bucket are interchangeable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Expiry(pub u32);

impl Expiry {
    /// The month from whose first day on the credits are not valid any more.
    pub const fn month(self) -> Period {
        PeriodIndex(self.0).of(PeriodKind::Month)
    }

    /// That month, such as `2029-01`.
    pub fn label(self) -> String {
        self.month().label()
    }
}

/// The number of a view-key epoch, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

/// A version of a scale, counted from 1; the shape may stay while numbers change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScaleVersion(pub u32);

public_element! {
    /// Identifies a record schema: fields, bounds, packing and R (the most records).
    SchemaId
}

/// Why a name is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} {value:?} is refused: 1 to {max} characters out of {allowed} are expected")]
pub struct NameError {
    /// The kind of name.
    pub what: &'static str,
    /// The text, cut to 80 characters.
    pub value: String,
    /// Most bytes.
    pub max: usize,
    /// The alphabet.
    pub allowed: &'static str,
}

fn checked(
    what: &'static str,
    value: &str,
    max: usize,
    allowed: &'static str,
    fits: impl Fn(char) -> bool,
) -> Result<String, NameError> {
    if !value.is_empty() && value.len() <= max && value.chars().all(fits) {
        return Ok(value.to_owned());
    }
    Err(NameError {
        what,
        value: value.chars().take(80).collect(),
        max,
        allowed,
    })
}

/// A log's origin: the first line of its checkpoints, and part of every signature, so that an entry
/// of one ledger is invalid on another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// Longest origin, in bytes.
    pub const MAX: usize = 128;

    /// Checks an origin such as `ledger.example.org/merits`.
    ///
    /// # Errors
    /// [`NameError`] when it is empty, too long, or has other characters.
    pub fn new(value: &str) -> Result<Self, NameError> {
        // C2SP signed notes allow neither spaces nor '+' in a key name.
        checked("log origin", value, Self::MAX, "a-z 0-9 . / : _ -", |c| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || "./:_-".contains(c)
        })
        .map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a scale, such as `cycling-week`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScaleId(String);

impl ScaleId {
    /// Longest id, in bytes.
    pub const MAX: usize = 64;

    /// Checks an id.
    ///
    /// # Errors
    /// [`NameError`] when it is empty, too long, or has other characters.
    pub fn new(value: &str) -> Result<Self, NameError> {
        checked("scale id", value, Self::MAX, "a-z 0-9 -", |c| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
        })
        .map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScaleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A party of the federation. The id is fixed at admission and does not change when keys rotate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyId(pub [u8; 32]);

impl PartyId {
    /// SHA-256 over (origin, name, first signing key). A key that took an earlier one's place gives the id of a party
    /// that does not exist. So programs of parties ask `merits_party::identity`, which knows whether a key is the first.
    pub fn of_first_key(origin: &Origin, name: &str, first_key: &[u8; 32]) -> Self {
        Self(field::digest(
            "merits/party/v1",
            &[origin.as_str().as_bytes(), name.as_bytes(), first_key],
        ))
    }

    /// The id for circuits and scopes: its top 248 bits.
    pub fn element(&self) -> Fr {
        field::from_digest(&self.0)
    }
}

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..8]
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartyId({self})")
    }
}

/// The kind of period that a scale counts by. It is fixed for a scale id, so that periods never
/// overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PeriodKind {
    /// A calendar day.
    Day = 1,
    /// Seven days from Monday (ISO 8601).
    Week = 2,
    /// A calendar month.
    Month = 3,
}

impl PeriodKind {
    /// The kind with this number, as [`Period::to_u64`] encodes it.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Day),
            2 => Some(Self::Week),
            3 => Some(Self::Month),
            _ => None,
        }
    }

    /// The word for one such period.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

/// One day, week or month, counted from the one that holds 1 January 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// Day, week or month.
    pub kind: PeriodKind,
    /// The number of such periods after the one that holds 1 January 1970.
    pub index: PeriodIndex,
}

/// How many periods of one kind lie between the one that holds 1 January 1970 and this one. The kind is said elsewhere:
/// by the [`Period`], or by the scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeriodIndex(pub u32);

impl PeriodIndex {
    /// With the kind of period that it counts.
    pub const fn of(self, kind: PeriodKind) -> Period {
        Period { kind, index: self }
    }
}

impl fmt::Display for PeriodIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Add<u32> for PeriodIndex {
    type Output = Self;

    fn add(self, later: u32) -> Self {
        Self(self.0 + later)
    }
}

impl AddAssign<u32> for PeriodIndex {
    fn add_assign(&mut self, later: u32) {
        self.0 += later;
    }
}

impl Period {
    /// index + 2^32·kind: the number that statements and the ledger carry.
    pub fn to_u64(self) -> u64 {
        u64::from(self.index.0) | (self.kind as u64) << 32
    }

    /// Reads [`Period::to_u64`].
    pub fn from_u64(number: u64) -> Option<Self> {
        let kind = PeriodKind::from_number(u8::try_from(number >> 32).ok()?)?;
        // The upper half has been removed, so the rest is the index.
        Some(Self {
            kind,
            index: PeriodIndex((number & 0xffff_ffff) as u32),
        })
    }

    /// The public input.
    pub fn element(self) -> Fr {
        Fr::from(self.to_u64())
    }
}

/// The id of a ledger entry: see [`EntryId::derive`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub [u8; 32]);

impl EntryId {
    /// The next id in the order of their bytes; `None` after the last.
    pub fn next(&self) -> Option<Self> {
        let mut bytes = self.0;
        for byte in bytes.iter_mut().rev() {
            (*byte, _) = byte.overflowing_add(1);
            if *byte != 0 {
                return Some(Self(bytes));
            }
        }
        None
    }

    /// Hash of origin, kind, party and canonical statement, without proof and signature:
    /// a rerandomised proof of the same statement has the same id.
    pub fn derive(origin: &Origin, kind: u16, party: &PartyId, statement: &[u8]) -> Self {
        Self(field::digest(
            "merits/entry-id/v1",
            &[
                origin.as_str().as_bytes(),
                &kind.to_le_bytes(),
                &party.0,
                statement,
            ],
        ))
    }

    /// 64 hexadecimal digits.
    pub fn to_hex(&self) -> String {
        use fmt::Write as _;
        self.0
            .iter()
            .fold(String::with_capacity(64), |mut out, byte| {
                // Writing to a String cannot fail.
                let _ = write!(out, "{byte:02x}");
                out
            })
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut out = [0u8; 32];
        for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            *byte = u8::try_from(high << 4 | low).ok()?;
        }
        Some(Self(out))
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryId({})", &self.to_hex()[..16])
    }
}

/// SHA-256 of bytes, for digests that are not field elements (keys, manifests, files).
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn period_number_round_trips_and_keeps_kinds_apart() {
        for kind in [PeriodKind::Day, PeriodKind::Week, PeriodKind::Month] {
            let period = Period {
                kind,
                index: PeriodIndex(u32::MAX),
            };
            assert_eq!(Period::from_u64(period.to_u64()), Some(period));
        }
        assert_eq!(Period::from_u64(5), None);
        assert_eq!(Period::from_u64(u64::MAX), None);
    }

    #[test]
    fn credits_neither_wrap_nor_go_below_none() {
        let (some, most) = (Credits(3), Credits(u64::MAX));
        assert_eq!(some.checked_add(Credits(4)), Some(Credits(7)));
        assert_eq!(most.checked_add(Credits(1)), None);
        assert_eq!(most.saturating_add(some), most);
        assert_eq!(some.checked_sub(some), Some(Credits::ZERO));
        assert_eq!(some.checked_sub(Credits(4)), None);
        assert_eq!(
            (most.to_string(), format!("{some:>3}")),
            (u64::MAX.to_string(), "  3".to_owned())
        );
        assert_eq!(
            Quantity(u64::MAX).saturating_add(Quantity(1)),
            Quantity(u64::MAX)
        );
    }

    #[test]
    fn names_are_checked() {
        assert!(Origin::new("ledger.example.org/merits").is_ok());
        assert!(Origin::new("two words").is_err());
        assert!(Origin::new("").is_err());
        assert!(ScaleId::new("cycling-week").is_ok());
        assert!(ScaleId::new("Cycling").is_err());
    }

    #[test]
    fn entry_id_hex_round_trips() {
        let id = EntryId([0xa5; 32]);
        assert_eq!(EntryId::from_hex(&id.to_hex()), Some(id));
        assert_eq!(EntryId::from_hex("xy"), None);
    }
}
