//! Serialization of reports: ids in readable form, and nothing that only a request file may
//! contain.

use std::fmt::Display;

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use crate::{
    check::Checked,
    net::{Adopted, OpenedClaim, PublishedTotal},
};

/// Any value as its text.
fn text(value: &impl Display) -> String {
    value.to_string()
}

/// The traces on the ledger. The opened values stay in the request file, because they are about a
/// person.
impl Serialize for OpenedClaim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("OpenedClaim", 2)?;
        report.serialize_field("request", &text(&self.request))?;
        report.serialize_field("completion", &text(&self.completion))?;
        report.end()
    }
}

impl Serialize for PublishedTotal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("PublishedTotal", 3)?;
        report.serialize_field("entry", &text(&self.entry))?;
        report.serialize_field("claims", &self.total.set.claims())?;
        report.serialize_field("sum", &self.total.sum)?;
        report.end()
    }
}

impl Serialize for Adopted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Adopted", 2)?;
        report.serialize_field(
            "entry",
            &self.entry.as_ref().map(|decided| text(&decided.entry)),
        )?;
        report.serialize_field("files", &self.files)?;
        report.end()
    }
}

impl Serialize for Checked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Checked", 3)?;
        report.serialize_field("records", &self.records)?;
        report.serialize_field("credits", &self.earned.credits)?;
        report.serialize_field("measure", &self.earned.measure)?;
        report.end()
    }
}

#[cfg(test)]
mod tests {
    use merits_primitives::{
        earned::Earned,
        ids::{Credits, EntryId},
    };

    use super::*;
    use crate::net::Decided;

    #[test]
    fn reports_have_ids_as_people_read_them() {
        let adopted = Adopted {
            entry: Some(Decided {
                entry: EntryId([0xab; 32]),
                waits: None,
            }),
            files: "keys/redeem".into(),
        };
        let report = serde_json::to_value(&adopted).unwrap();
        assert_eq!(report["entry"], "ab".repeat(32));
        assert_eq!(report["files"], "keys/redeem");
        let standing = Adopted {
            entry: None,
            ..adopted
        };
        assert!(serde_json::to_value(&standing).unwrap()["entry"].is_null());
        let checked = Checked {
            records: 3,
            earned: Earned {
                credits: Credits(488),
                measure: None,
            },
        };
        let report = serde_json::to_value(checked).unwrap();
        assert_eq!(
            (&report["records"], &report["credits"]),
            (&3.into(), &488.into())
        );
    }
}
