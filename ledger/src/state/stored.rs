//! Parts of stored values and keys that several tables share.

use merits_primitives::ids::{EntryId, PartyId};
use merits_verifier::codec::{CodecError, Reader};

use crate::rows::{RowError, Table};

/// Longest text or list in a row: no entry is longer.
pub(super) const MOST: usize = 65_535;

/// Two numbers of 8 bytes are one of 16.
pub(super) fn read_u128(input: &mut Reader<'_>, what: &'static str) -> Result<u128, CodecError> {
    Ok(u128::from_le_bytes(input.array(what)?))
}

/// A party's id.
pub(super) fn read_party(
    input: &mut Reader<'_>,
    what: &'static str,
) -> Result<PartyId, CodecError> {
    Ok(PartyId(input.array(what)?))
}

/// An entry's id.
pub(super) fn read_entry(
    input: &mut Reader<'_>,
    what: &'static str,
) -> Result<EntryId, CodecError> {
    Ok(EntryId(input.array(what)?))
}

/// A row without a value, which only exists or does not.
macro_rules! present {
    ($(#[$doc:meta])* $name:ident in $table:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) struct $name;

        impl merits_verifier::codec::Canonical for $name {
            const NAME: &'static str = stringify!($name);

            fn write(&self, _: &mut merits_verifier::codec::Writer) {}

            fn read(
                _: &mut merits_verifier::codec::Reader<'_>,
            ) -> Result<Self, merits_verifier::codec::CodecError> {
                Ok(Self)
            }
        }

        impl crate::rows::Record for $name {
            const TABLE: crate::rows::Table = $table;
        }
    };
}
pub(super) use present;

/// A key of fixed width.
pub(super) fn key<const N: usize>(table: Table, key: &[u8]) -> Result<[u8; N], RowError> {
    <[u8; N]>::try_from(key).map_err(|_| RowError::Malformed {
        table,
        fault: CodecError::TooLong {
            what: "key",
            found: key.len(),
            limit: N,
        },
    })
}
