//! Serialization of reports: ids in readable form, and nothing that only a request file may
//! contain.

use std::fmt::Display;

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use crate::{
    check::Checked,
    net::{Adopted, Decided, OpenedClaim, PublishedTotal},
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

/// What an act waits for.
#[derive(Serialize)]
struct Waits {
    members: u16,
    consents: u16,
    delay_seconds: u64,
}

impl Serialize for Decided {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let waits = self.waits.map(|demands| Waits {
            members: demands.members,
            consents: demands.consents,
            delay_seconds: demands.delay.as_secs(),
        });
        let mut report = serializer.serialize_struct("Decided", 3)?;
        report.serialize_field("entry", &text(&self.entry))?;
        report.serialize_field("act", &self.act)?;
        report.serialize_field("waits", &waits)?;
        report.end()
    }
}

impl Serialize for Adopted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Adopted", 2)?;
        report.serialize_field("decided", &self.entry)?;
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
    use crate::net::Opened;
    use std::time::Duration;

    use merits_ledger::state::Demands;
    use merits_primitives::{
        Fr,
        earned::Earned,
        ids::{Credits, EntryId},
        owner::Handle,
    };

    use super::*;
    use crate::request::OpeningResult;

    /// What an opening gave is about a person, and stays in the request file.
    #[test]
    fn reports_are_data_without_secrets() {
        let earned = Earned {
            credits: Credits(488_123),
            measure: None,
        };
        let opened = OpenedClaim {
            request: EntryId([1; 32]),
            completion: EntryId([2; 32]),
            opened: Opened::Claim(OpeningResult {
                earned,
                handle: Handle(Fr::from(987_654_321u64)),
            }),
        };
        let report = serde_json::to_value(&opened).unwrap();
        let expected = serde_json::json!({
            "request": "01".repeat(32),
            "completion": "02".repeat(32),
        });
        assert_eq!(report, expected);
    }

    #[test]
    fn reports_have_ids_as_people_read_them() {
        let adopted = Adopted {
            entry: Some(Decided {
                entry: EntryId([0xab; 32]),
                act: "adopt a key".to_owned(),
                waits: None,
            }),
            files: "keys/redeem".into(),
        };
        let report = serde_json::to_value(&adopted).unwrap();
        assert_eq!(report["decided"]["entry"], "ab".repeat(32));
        assert!(report["decided"]["waits"].is_null());
        assert_eq!(report["files"], "keys/redeem");
        let standing = Adopted {
            entry: None,
            ..adopted
        };
        assert!(serde_json::to_value(&standing).unwrap()["decided"].is_null());
        let waiting = Decided {
            entry: EntryId([1; 32]),
            act: "admit somebody as witness".to_owned(),
            waits: Some(Demands {
                members: 3,
                consents: 1,
                delay: Duration::from_secs(60),
            }),
        };
        let report = serde_json::to_value(&waiting).unwrap();
        assert_eq!(report["act"], "admit somebody as witness");
        assert_eq!(report["waits"]["members"], 3);
        assert_eq!(report["waits"]["delay_seconds"], 60);
        // What has not happened is not told as done.
        let said = waiting.said("admitted somebody as witness");
        assert!(
            said.starts_with("not in force yet (to admit somebody as witness): act 0101"),
            "{said}"
        );
        let done = Decided {
            waits: None,
            ..waiting
        };
        let said = done.said("admitted somebody as witness");
        assert!(
            said.starts_with("admitted somebody as witness: entry 0101"),
            "{said}"
        );
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
