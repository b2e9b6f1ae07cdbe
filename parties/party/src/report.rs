//! What reports of several roles have in common when they are serialized.

use std::fmt::Display;

use merits_primitives::ids::EntryId;
use serde::{Serialize, Serializer};

/// An act that is on the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Entered {
    /// Its entry.
    #[serde(serialize_with = "text")]
    pub entry: EntryId,
}

impl From<EntryId> for Entered {
    fn from(entry: EntryId) -> Self {
        Self { entry }
    }
}

/// A value as its text.
///
/// # Errors
/// The serializer's.
pub fn text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Something about an entry.
#[derive(Debug, Serialize)]
pub struct About<T> {
    /// The entry's id, in hexadecimal.
    pub entry: String,
    /// What it is.
    #[serde(flatten)]
    pub what: T,
}

impl<T> About<T> {
    /// About this entry.
    pub fn new(entry: &EntryId, what: T) -> Self {
        let entry = entry.to_string();
        Self { entry, what }
    }
}

/// What is wrong with an entry.
#[derive(Debug, Serialize)]
pub struct Wrong {
    /// The reason.
    pub fault: String,
}

impl Wrong {
    /// For this reason.
    pub fn new(fault: &impl Display) -> Self {
        let fault = fault.to_string();
        Self { fault }
    }
}

/// Entries, and what is wrong with each.
///
/// # Errors
/// The serializer's.
pub fn faults<S: Serializer>(
    faults: &[(EntryId, impl Display)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let faults = faults.iter();
    serializer.collect_seq(faults.map(|(entry, fault)| About::new(entry, Wrong::new(fault))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_as_people_read_them() {
        let entry = EntryId([0xab; 32]);
        let report = serde_json::to_value(Entered { entry }).expect("JSON");
        assert_eq!(report, serde_json::json!({ "entry": "ab".repeat(32) }));
        let about =
            serde_json::to_value(About::new(&entry, Wrong::new(&"no proof"))).expect("JSON");
        assert_eq!(about["entry"], "ab".repeat(32));
        assert_eq!(about["fault"], "no proof");
    }
}
