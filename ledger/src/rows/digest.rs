//! The state's digest: LtHash16, which hashes the sum of one vector for each row.
//!
//! A row's vector is BLAKE3's output of 2,048 bytes for the row's table, key and value, each with
//! its length before it. All values that a leaf used up share one vector, because a batch of 16
//! claims uses up 33 values, and each vector costs about two microseconds. Vectors are added lane
//! by lane modulo 2^16, so a row can be added and removed without reading any other, in any order.
//! Finding two sets of rows with the same sum is a lattice problem (Bellare and Micciancio 1997;
//! Lewi, Kim, Maykov and Weis 2019, whose parameters these are: 1,024 lanes of 16 bits).

use std::fmt;

use merits_primitives::field;

use super::RowKey;
use crate::policy::LedgerPolicy;
use crate::store::UniqueSet;

/// Lanes of the sum.
const LANES: usize = 1_024;

/// The sum of all rows' vectors. Cheap to change by one row: about two microseconds.
#[derive(Clone, PartialEq, Eq)]
pub struct StateDigest(Box<[u16; LANES]>);

impl Default for StateDigest {
    fn default() -> Self {
        Self(Box::new([0; LANES]))
    }
}

impl fmt::Debug for StateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest: String = self.finish().map(|byte| format!("{byte:02x}")).concat();
        write!(f, "StateDigest({digest})")
    }
}

impl StateDigest {
    /// Bytes of the lanes.
    const BYTES: usize = 2 * LANES;

    /// Bytes of [`StateDigest::to_stored`].
    pub const STORED: usize = Self::BYTES + 32;

    /// The digest of a ledger that has only its founding facts.
    pub fn founded(policy: &LedgerPolicy) -> Self {
        let mut digest = Self::default();
        for (fact, value) in policy.facts() {
            digest.add(&vector(FOUNDING, fact.as_bytes(), value.as_bytes()));
        }
        digest
    }

    /// Adds a row.
    pub fn add_row(&mut self, key: &RowKey, value: &[u8]) {
        self.add(&vector(key.table.name(), &key.key, value));
    }

    /// Removes a row that was added.
    pub fn remove_row(&mut self, key: &RowKey, value: &[u8]) {
        self.remove(&vector(key.table.name(), &key.key, value));
    }

    /// Changes a row from one value to another; `None` for a row that does not exist. Nothing is computed for a row
    /// that stays as it is.
    pub fn change_row(&mut self, key: &RowKey, was: Option<&[u8]>, is: Option<&[u8]>) {
        if was == is {
            return;
        }
        if let Some(value) = was {
            self.remove_row(key, value);
        }
        if let Some(value) = is {
            self.add_row(key, value);
        }
    }

    /// Adds all values that leaf `index` used up, in any order. Call it only once for each leaf.
    pub fn add_used(
        &mut self,
        index: u64,
        values: impl IntoIterator<Item = (UniqueSet, [u8; 32])>,
    ) {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_unstable();
        let mut bytes = Vec::with_capacity(33 * values.len());
        for (set, value) in values {
            bytes.push(set as u8);
            bytes.extend(value);
        }
        self.add(&vector(USED, &index.to_be_bytes(), &bytes));
    }

    /// Adds everything that another sum covers.
    pub fn merge(&mut self, other: &Self) {
        self.add(&other.0);
    }

    /// The digest: SHA-256 of the lanes.
    pub fn finish(&self) -> [u8; 32] {
        field::digest("merits/state/v3", &[&self.to_bytes()])
    }

    /// What a store keeps and continues from: the lanes, little-endian, and their digest ([`StateDigest::finish`]).
    /// The sum goes into signed leaves, so a disk that changed a bit of it must not pass unnoticed.
    pub fn to_stored(&self) -> Vec<u8> {
        let mut bytes = self.to_bytes();
        bytes.extend(self.finish());
        bytes
    }

    /// Reads [`StateDigest::to_stored`]; `None` for anything else, such as a damaged sum.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != Self::STORED {
            return None;
        }
        let (sum, digest) = bytes.split_at(Self::BYTES);
        let sum = Self(lanes(sum));
        (sum.finish() == digest).then_some(sum)
    }

    fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|lane| lane.to_le_bytes()).collect()
    }

    fn add(&mut self, vector: &[u16; LANES]) {
        for (lane, other) in self.0.iter_mut().zip(vector) {
            *lane = lane.wrapping_add(*other);
        }
    }

    fn remove(&mut self, vector: &[u16; LANES]) {
        for (lane, other) in self.0.iter_mut().zip(vector) {
            *lane = lane.wrapping_sub(*other);
        }
    }
}

/// A row's vector.
fn vector(table: &str, key: &[u8], value: &[u8]) -> Box<[u16; LANES]> {
    let mut hasher = blake3::Hasher::new();
    for part in [table.as_bytes(), key, value] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut bytes = [0u8; StateDigest::BYTES];
    hasher.finalize_xof().fill(&mut bytes);
    lanes(&bytes)
}

fn lanes(bytes: &[u8]) -> Box<[u16; LANES]> {
    let mut lanes = Box::new([0u16; LANES]);
    let pairs = bytes.chunks_exact(2);
    for (lane, pair) in lanes.iter_mut().zip(pairs) {
        *lane = u16::from_le_bytes([pair[0], pair[1]]);
    }
    lanes
}

/// Name of the founding facts in the digest.
const FOUNDING: &str = "founding";
/// Name of the values that a leaf used up.
const USED: &str = "used";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Table;

    fn key(key: &[u8]) -> RowKey {
        RowKey {
            table: Table::Party,
            key: key.to_vec(),
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter_and_every_part_of_a_row_does() {
        let mut one = StateDigest::default();
        one.add_row(&key(b"a"), b"1");
        one.add_row(&key(b"b"), b"2");
        let mut other = StateDigest::default();
        other.add_row(&key(b"b"), b"2");
        other.add_row(&key(b"a"), b"1");
        assert_eq!(one.finish(), other.finish());
        let of = |rows: &[(&[u8], &[u8])]| {
            let mut digest = StateDigest::default();
            rows.iter().for_each(|(k, v)| digest.add_row(&key(k), v));
            digest.finish()
        };
        let others = [
            of(&[(b"a", b"2"), (b"b", b"1")]),
            of(&[(b"a", b"1")]),
            of(&[(b"a", b"1"), (b"b", b"2"), (b"b", b"2")]),
            // Lengths keep keys and values apart.
            of(&[(b"a1", b""), (b"b", b"2")]),
            of(&[(b"", b"a1"), (b"b", b"2")]),
        ];
        assert!(others.iter().all(|digest| *digest != one.finish()));
    }

    #[test]
    fn what_a_leaf_used_up_is_one_vector_in_any_order() {
        let of = |index, values: &[(UniqueSet, [u8; 32])]| {
            let mut digest = StateDigest::default();
            digest.add_used(index, values.iter().copied());
            digest.finish()
        };
        let (note, spend) = ((UniqueSet::Note, [1; 32]), (UniqueSet::Spend, [2; 32]));
        assert_eq!(of(7, &[note, spend]), of(7, &[spend, note]));
        let others = [
            of(8, &[note, spend]),
            of(7, &[note]),
            of(7, &[(UniqueSet::Spend, [1; 32]), spend]),
            of(7, &[note, (UniqueSet::Spend, [3; 32])]),
        ];
        assert!(others.iter().all(|other| *other != of(7, &[note, spend])));
    }

    #[test]
    fn a_row_that_goes_leaves_nothing_behind() {
        let mut digest = StateDigest::default();
        digest.add_row(&key(b"a"), b"1");
        let before = digest.clone();
        digest.add_row(&key(b"b"), b"2");
        assert_ne!(digest, before);
        digest.remove_row(&key(b"b"), b"2");
        assert_eq!(digest, before);
        assert_eq!(
            StateDigest::from_stored(&before.to_stored()),
            Some(before.clone())
        );
        assert_eq!(StateDigest::from_stored(&[0; 3]), None);
        assert_eq!(StateDigest::from_stored(&[0; StateDigest::STORED]), None);
        for position in [0, 1_000, StateDigest::STORED - 1] {
            let mut damaged = before.to_stored();
            damaged[position] ^= 1;
            assert_eq!(StateDigest::from_stored(&damaged), None, "{position}");
        }
    }

    /// The first lanes of one vector, computed by BLAKE3 alone, as a test for other
    /// implementations.
    #[test]
    fn a_vector_is_blake3_of_length_prefixed_parts() {
        let mut digest = StateDigest::default();
        digest.add_row(&key(b"k"), b"v");
        let mut input = Vec::new();
        for part in [&b"party"[..], b"k", b"v"] {
            input.extend((part.len() as u64).to_le_bytes());
            input.extend(part);
        }
        let mut expected = [0u8; 2_048];
        blake3::Hasher::new()
            .update(&input)
            .finalize_xof()
            .fill(&mut expected);
        assert_eq!(digest.to_bytes(), expected);
    }
}
