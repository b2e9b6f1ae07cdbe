//! Findings: what is wrong, and where.

use std::fmt;

use merits_primitives::ids::EntryId;
use serde::{Serialize, Serializer};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check that found it.
    pub check: &'static str,
    /// The leaf that it is about, from 0; `None` if it is about no single one.
    pub leaf: Option<u64>,
    /// The entry of that leaf.
    #[serde(serialize_with = "entry_id")]
    pub entry: Option<EntryId>,
    /// What is wrong, and what to do.
    pub what: String,
}

impl Finding {
    /// About the log as a whole, or about a copy of it.
    pub fn of_log(check: &'static str, what: String) -> Self {
        Self {
            check,
            leaf: None,
            entry: None,
            what,
        }
    }

    /// About one entry.
    pub fn of_entry(check: &'static str, leaf: u64, entry: EntryId, what: String) -> Self {
        Self {
            check,
            leaf: Some(leaf),
            entry: Some(entry),
            what,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.leaf, self.entry) {
            (Some(leaf), Some(entry)) => write!(f, "leaf {leaf}, entry {entry}: ")?,
            // The leaf itself is missing.
            (Some(leaf), None) => write!(f, "leaf {leaf}: ")?,
            (None, _) => {}
        }
        f.write_str(&self.what)
    }
}

/// The findings of an audit. A log that is wrong all over must not fill the memory, so only the first ones are kept,
/// and the others counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// The first ones, in the order in which they were found.
    pub kept: Vec<Finding>,
    /// How many more there were.
    pub more: u64,
}

impl Findings {
    /// Adds one.
    pub fn push(&mut self, finding: Finding) {
        if self.kept.len() < MOST_FINDINGS {
            self.kept.push(finding);
        } else {
            self.more += 1;
        }
    }

    /// Adds all of others.
    pub fn append(&mut self, others: Self) {
        for finding in others.kept {
            self.push(finding);
        }
        self.more += others.more;
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

/// Findings that are kept: more of them do not change what to do.
pub const MOST_FINDINGS: usize = 100;

fn entry_id<S: Serializer>(entry: &Option<EntryId>, serializer: S) -> Result<S::Ok, S::Error> {
    let entry = entry.map(|entry| entry.to_string());
    entry.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_name_their_entry_and_are_bounded() {
        let mut findings = Findings::default();
        assert!(findings.is_empty());
        for leaf in 0..MOST_FINDINGS as u64 + 7 {
            let entry = EntryId([0xab; 32]);
            findings.push(Finding::of_entry("books", leaf, entry, "too much".into()));
        }
        assert_eq!((findings.kept.len(), findings.more), (MOST_FINDINGS, 7));
        let first = findings.kept.first().expect("one");
        let shown = format!("leaf 0, entry {}: too much", "ab".repeat(32));
        assert_eq!(first.to_string(), shown);
        let report = serde_json::to_value(&findings).expect("JSON");
        assert_eq!(report["kept"][3]["leaf"], 3);
        assert_eq!(report["kept"][3]["entry"], "ab".repeat(32));
        assert_eq!(report["more"], 7);
        let whole = Finding::of_log("books", "damaged".into());
        assert_eq!(whole.to_string(), "damaged");
    }
}
