//! What reports of several roles have in common when they are serialized.

use std::fmt::Display;

use merits_primitives::ids::EntryId;
use serde::{Serialize, Serializer};

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
