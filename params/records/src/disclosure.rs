//! A distributor's disclosure about one opened claim: the records, the salt and the pseudonym.
//!
//! One JSON document, as private as the records. It needs no signature: it either opens the
//! commitment C on the ledger, or it proves nothing.

use std::{io, path::Path};

use merits_formula::Record;
use merits_guard::{
    input,
    output::{Kind, Output, OutputError, Readers},
};
use merits_primitives::{
    commitment::RecordSalt,
    ids::{EntryId, Period, SchemaId},
    owner::Handle,
};
use merits_text::{damage::Damage, file::bytes_without_mark};
use serde::{Deserialize, Serialize};

use crate::field_text;

/// `merits` of a disclosure.
pub const DISCLOSURE: &str = "disclosure/v1";

/// Most bytes of a disclosure: 512 records of 16 fields, in digits, with room.
pub const MAX_DISCLOSURE_BYTES: u64 = 1 << 20;

/// The records behind one claim.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosure {
    /// [`DISCLOSURE`].
    pub merits: String,
    /// The ledger's origin.
    pub origin: String,
    /// The earn entry.
    #[serde(with = "field_text::bytes")]
    pub entry: [u8; 32],
    /// The claim's position in it, from 0.
    pub claim: u16,
    /// The schema that the records were packed by.
    #[serde(with = "field_text::element")]
    pub schema: SchemaId,
    /// The period.
    #[serde(with = "field_text::period")]
    pub period: Period,
    /// h.
    #[serde(with = "field_text::element")]
    pub h: Handle,
    /// s: hides the records in C.
    #[serde(with = "field_text::element")]
    pub salt: RecordSalt,
    /// Names of the fields, in the schema's order.
    pub fields: Vec<String>,
    /// One integer for each field, as the schema stores it: minutes or days since the period's
    /// start or since 1970, a decimal times a power of ten, the place of an enum's name, 1 or 0.
    pub records: Vec<Vec<u64>>,
}

impl std::fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disclosure")
            .field("entry", &EntryId(self.entry))
            .field("claim", &self.claim)
            .finish_non_exhaustive()
    }
}

impl Disclosure {
    /// The earn entry's id.
    pub fn entry(&self) -> EntryId {
        EntryId(self.entry)
    }

    /// The records, unchecked.
    pub fn records(&self) -> Vec<Record> {
        self.records.iter().cloned().map(Record).collect()
    }

    /// The kind of its file: only its owner reads it, and it does not replace a file.
    pub const KIND: Kind<'static> = Kind::new("a disclosure", Readers::Owner);

    /// Writes the document to a new file that only its owner may read.
    ///
    /// # Errors
    /// [`OutputError`]; an existing file is not overwritten.
    pub fn write(&self, path: &Path) -> Result<(), OutputError> {
        let text = serde_json::to_vec_pretty(self).map_err(|error| OutputError::Io {
            path: path.to_owned(),
            source: error.into(),
        })?;
        Output::write(path, Self::KIND, &text)
    }

    /// Reads a document.
    ///
    /// # Errors
    /// The system's error; invalid data if it is too large or not a disclosure.
    pub fn read(path: &Path) -> io::Result<Self> {
        let invalid = |damage: &Damage| {
            let why = format!("it cannot be read as a {DISCLOSURE} file: {damage}");
            io::Error::new(io::ErrorKind::InvalidData, why)
        };
        let mut text = Vec::new();
        input::whole(input::open(path)?, &mut text, MAX_DISCLOSURE_BYTES)?;
        let disclosure: Self = serde_json::from_slice(bytes_without_mark(&text))
            .map_err(|error| invalid(&Damage::of(&text, Some(DISCLOSURE), error.line())))?;
        if disclosure.merits != DISCLOSURE {
            return Err(invalid(&Damage::of(&text, Some(DISCLOSURE), 1)));
        }
        Ok(disclosure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_primitives::ids::PeriodIndex;
    use merits_primitives::{Fr, ids::PeriodKind};

    #[test]
    fn it_reads_back_and_shows_no_secret() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("claim.json");
        let disclosure = Disclosure {
            merits: DISCLOSURE.into(),
            origin: "ledger.test/merits".into(),
            entry: [1; 32],
            claim: 3,
            schema: SchemaId(Fr::from(5u64)),
            period: Period {
                kind: PeriodKind::Week,
                index: PeriodIndex(2330),
            },
            h: Handle(Fr::from(7u64)),
            salt: RecordSalt(Fr::from(9u64)),
            fields: vec!["start".into(), "metres".into()],
            // Any integer that a schema may hold is kept, without a float in between.
            records: vec![vec![1, 2000], vec![60, 3000], vec![u64::MAX, (1 << 53) + 1]],
        };
        disclosure.write(&path).expect("written");
        assert_eq!(Disclosure::read(&path).expect("read"), disclosure);
        assert!(disclosure.write(&path).is_err(), "never overwritten");
        assert!(!format!("{disclosure:?}").contains("2000"));
        let other = std::fs::read_to_string(&path)
            .expect("text")
            .replace("disclosure/v1", "x");
        std::fs::write(&path, other).expect("written");
        assert!(Disclosure::read(&path).is_err());
    }
}
