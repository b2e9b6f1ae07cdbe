//! Every domain tag of the Poseidon hashes, in one place.
//!
//! A tag is the constant in the capacity lane (circomlib's `PoseidonEx.initialState`), so it
//! separates uses at no cost in constraints. Tag 0 is plain circomlib Poseidon and is kept for
//! what Semaphore fixes ([`crate::poseidon::pos2`]).

use crate::Fr;

/// A Poseidon domain tag: at most eight ASCII letters, read as a big-endian integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag(u64);

impl Tag {
    const fn ascii(name: &[u8]) -> Self {
        assert!(!name.is_empty() && name.len() <= 8);
        let mut value = 0u64;
        let mut i = 0;
        while i < name.len() {
            value = value << 8 | name[i] as u64;
            i += 1;
        }
        Self(value)
    }

    /// The field element for the capacity lane.
    pub fn element(self) -> Fr {
        Fr::from(self.0)
    }
}

/// circomlib's plain Poseidon: an empty capacity lane.
pub const PLAIN: Tag = Tag(0);
/// Record commitment chain.
pub const REC: Tag = Tag::ascii(b"REC");
/// Owner key.
pub const OWN: Tag = Tag::ascii(b"OWN");
/// Binding of person, ticket and deed, and the owner's pad.
pub const BIND: Tag = Tag::ascii(b"BIND");
/// Note commitment.
pub const NOTE: Tag = Tag::ascii(b"NOTE");
/// Audit encryption under the view key.
pub const AUD: Tag = Tag::ascii(b"AUD");
/// Spend nullifier.
pub const NF: Tag = Tag::ascii(b"NF");
/// Node of the note tree.
pub const NODE: Tag = Tag::ascii(b"NODE");
/// Leaf of the identity tree.
pub const LEAF: Tag = Tag::ascii(b"LEAF");
/// Scopes: of a claim, of a source, of a rate limit.
pub const SCOPE: Tag = Tag::ascii(b"SCOPE");
/// Rate-limit nullifier.
pub const RATE: Tag = Tag::ascii(b"RATE");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_distinct() {
        let all = [
            PLAIN, REC, OWN, BIND, NOTE, AUD, NF, NODE, LEAF, SCOPE, RATE,
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b));
        }
    }
}
