//! Records by subject and period.
//!
//! A subject with more records in a period than a claim holds is refused as a whole: to drop some
//! of its records would be to choose which deeds count.

use std::collections::{HashMap, HashSet};

use merits_formula::Record;
use merits_primitives::{field, ids::Period};

use crate::reject::Reason;

/// One subject's records of one period, in strictly ascending key order: what one claim proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectPeriod {
    /// The subject, as the file writes it.
    pub subject: String,
    /// The period.
    pub period: Period,
    /// The records, at most the schema's R.
    pub records: Vec<Record>,
}

/// A subject and period with more records than a claim holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedGroup {
    /// The subject.
    pub subject: String,
    /// The period.
    pub period: Period,
    /// Its records.
    pub count: u64,
    /// The most that a claim holds.
    pub limit: u16,
}

impl std::fmt::Display for RefusedGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "subject {} has {} records in {}, a claim holds at most {}: refused whole, none is cut",
            self.subject,
            self.count,
            self.period.label(),
            self.limit
        )
    }
}

/// Collects accepted records.
pub(crate) struct Grouping {
    limit: u16,
    subjects: HashMap<String, u32>,
    groups: HashMap<(u32, Period), Group>,
    row_keys: HashSet<[u8; 16]>,
}

struct Group {
    records: Vec<Record>,
    count: u64,
    last: u64,
}

impl Grouping {
    pub(crate) fn new(limit: u16) -> Self {
        Self {
            limit,
            subjects: HashMap::new(),
            groups: HashMap::new(),
            row_keys: HashSet::new(),
        }
    }

    pub(crate) fn knows(&self, subject: &str) -> bool {
        self.subjects.contains_key(subject)
    }

    pub(crate) fn subjects(&self) -> usize {
        self.subjects.len()
    }

    /// Takes one record, or says why not. `key` is the value that orders records in the period.
    pub(crate) fn push(
        &mut self,
        subject: String,
        period: Period,
        key: u64,
        row_key: Option<&[u8]>,
        record: Record,
    ) -> Result<(), Reason> {
        // 128 bits of SHA-256: two keys never meet by chance, and a long key takes no more room.
        let row_key = row_key.map(|key| {
            let digest = field::digest("merits/row-key/v1", &[key]);
            let mut short = [0u8; 16];
            short.copy_from_slice(&digest[..16]);
            short
        });
        if row_key.is_some_and(|key| self.row_keys.contains(&key)) {
            return Err(Reason::DuplicateKey);
        }
        // Subjects are at most ACCEPTED_ROWS, far below 2^32.
        let next = self.subjects.len() as u32;
        let subject = *self.subjects.entry(subject).or_insert(next);
        let group = self.groups.entry((subject, period)).or_insert(Group {
            records: Vec::new(),
            count: 0,
            last: 0,
        });
        if group.count > 0 && key <= group.last {
            return Err(Reason::OutOfOrder);
        }
        group.last = key;
        group.count += 1;
        if group.count <= u64::from(self.limit) {
            group.records.push(record);
        } else {
            // The group is refused whole: its records need no memory any more.
            group.records = Vec::new();
        }
        if let Some(key) = row_key {
            self.row_keys.insert(key);
        }
        Ok(())
    }

    /// The groups by period and subject, so that equal inputs give equal outputs.
    pub(crate) fn finish(self) -> (Vec<SubjectPeriod>, Vec<RefusedGroup>) {
        let mut names = vec![String::new(); self.subjects.len()];
        for (name, place) in self.subjects {
            names[place as usize] = name;
        }
        let mut groups = Vec::new();
        let mut refused = Vec::new();
        for ((subject, period), group) in self.groups {
            let subject = names[subject as usize].clone();
            if group.count > u64::from(self.limit) {
                refused.push(RefusedGroup {
                    subject,
                    period,
                    count: group.count,
                    limit: self.limit,
                });
            } else if group.count > 0 {
                groups.push(SubjectPeriod {
                    subject,
                    period,
                    records: group.records,
                });
            }
        }
        groups.sort_by(|a, b| (a.period, &a.subject).cmp(&(b.period, &b.subject)));
        refused.sort_by(|a, b| (a.period, &a.subject).cmp(&(b.period, &b.subject)));
        (groups, refused)
    }
}
