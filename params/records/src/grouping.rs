//! Records by subject and period, for any order of the file.
//!
//! Rows are collected as they come and sorted at the end: files are sorted by time, newest first,
//! by account, or not at all, and the same rows must give the same commitments. If two rows cannot
//! both count, their contents decide, and never their order.
//!
//! A subject with more records in a period than a claim holds is refused as a whole, because
//! dropping some of its records would mean choosing which deeds count.

use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
};

use merits_formula::Record;
use merits_primitives::{field, ids::Period};
use serde::{Serialize, Serializer};

use crate::reject;

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedGroup {
    /// The subject.
    pub subject: String,
    /// The period.
    #[serde(serialize_with = "period_label")]
    pub period: Period,
    /// Its records.
    pub count: u64,
    /// The most that a claim holds.
    pub limit: u16,
}

/// A period in a report, by its name.
///
/// # Errors
/// The serializer's.
pub fn period_label<S: Serializer>(period: &Period, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&period.label())
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

/// A row that was accepted by itself but cannot count beside another. In a file that was given
/// twice, this is every row, so it holds no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Beside {
    /// Its line.
    pub(crate) line: u64,
    /// The line of the row that counts.
    pub(crate) kept: u64,
    /// The value that both rows have.
    pub(crate) same: Same,
}

/// Something that two rows have and only one may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Same {
    /// The row key; [`Grouped::row_key`] has its text.
    RowKey(ShortKey),
    /// Subject, period and the value that orders records.
    Key(Period, u64),
}

/// The result of a file.
#[derive(Debug)]
pub(crate) struct Grouped {
    /// By period and subject.
    pub(crate) groups: Vec<SubjectPeriod>,
    /// Subject-periods over the claim's size.
    pub(crate) refused: Vec<RefusedGroup>,
    /// Rows that do not count because another row does, by line.
    pub(crate) beside: Vec<Beside>,
    /// Subjects with a record.
    pub(crate) subjects: u64,
    /// The texts of row keys that came more than once. Each text is stored only once.
    texts: HashMap<ShortKey, String>,
}

impl Grouped {
    /// The text of a row key that rows share.
    pub(crate) fn row_key(&self, key: &ShortKey) -> &str {
        self.texts.get(key).map_or("", String::as_str)
    }
}

/// Collects accepted records.
pub(crate) struct Grouping {
    limit: u16,
    /// Fields of a record.
    width: usize,
    /// Place of the field that orders records.
    key: usize,
    subjects: HashMap<String, u32>,
    rows: Vec<Row>,
    /// The values of all rows, `width` each, so that a row needs no allocation.
    values: Vec<u64>,
    row_keys: HashSet<ShortKey>,
    /// Row keys that came more than once, with their texts.
    twice: HashMap<ShortKey, String>,
}

/// 128 bits of SHA-256: two keys never meet by chance, and a long key takes no more room.
pub(crate) type ShortKey = [u8; 16];

#[derive(Clone, Copy)]
struct Row {
    period: Period,
    subject: u32,
    /// Position among the rows as they came, which gives the place of the values.
    at: u32,
    line: u64,
    row_key: ShortKey,
}

impl Grouping {
    pub(crate) fn new(limit: u16, width: usize, key: usize) -> Self {
        Self {
            limit,
            width,
            key,
            subjects: HashMap::new(),
            rows: Vec::new(),
            values: Vec::new(),
            row_keys: HashSet::new(),
            twice: HashMap::new(),
        }
    }

    pub(crate) fn knows(&self, subject: &str) -> bool {
        self.subjects.contains_key(subject)
    }

    pub(crate) fn subjects(&self) -> usize {
        self.subjects.len()
    }

    /// Takes one record of `width` values.
    pub(crate) fn push(
        &mut self,
        line: u64,
        subject: &str,
        period: Period,
        row_key: Option<&str>,
        record: &Record,
    ) {
        let mut short = ShortKey::default();
        if let Some(text) = row_key {
            let digest = field::digest("merits/row-key/v1", &[text.as_bytes()]);
            short.copy_from_slice(&digest[..16]);
            if !self.row_keys.insert(short) {
                // In the form in which it is shown, since a cell may be long.
                let shown = || reject::shown(text.as_bytes());
                self.twice.entry(short).or_insert_with(shown);
            }
        }
        // Rows, hence subjects, are at most ACCEPTED_ROWS, far below 2^32.
        let subject = match self.subjects.get(subject) {
            Some(known) => *known,
            None => {
                let next = self.subjects.len() as u32;
                self.subjects.insert(subject.to_owned(), next);
                next
            }
        };
        let at = self.rows.len() as u32;
        self.values.extend_from_slice(&record.0);
        self.rows.push(Row {
            period,
            subject,
            at,
            line,
            row_key: short,
        });
    }

    /// The groups by period and subject, so that equal rows give equal outputs in any order.
    pub(crate) fn finish(mut self) -> Grouped {
        let mut names = vec![String::new(); self.subjects.len()];
        for (name, place) in std::mem::take(&mut self.subjects) {
            names[place as usize] = name;
        }
        self.row_keys = HashSet::new();
        let mut rows = std::mem::take(&mut self.rows);
        let mut beside = self.part_row_keys(&mut rows, &names);
        rows.sort_unstable_by(|a, b| {
            let (name_a, name_b) = (&names[a.subject as usize], &names[b.subject as usize]);
            (a.period, name_a)
                .cmp(&(b.period, name_b))
                .then_with(|| self.key_of(a).cmp(&self.key_of(b)))
                .then_with(|| self.by_content(a, b))
        });
        let mut groups = Vec::new();
        let mut refused = Vec::new();
        let mut seen = vec![false; names.len()];
        for group in rows.chunk_by(|a, b| (a.period, a.subject) == (b.period, b.subject)) {
            let Some(first) = group.first() else { continue };
            seen[first.subject as usize] = true;
            let mut records: Vec<Record> = Vec::new();
            let mut count = 0u64;
            let ties = group.chunk_by(|a, b| self.key_of(a) == self.key_of(b));
            for tie in ties {
                let Some((kept, others)) = tie.split_first() else {
                    continue;
                };
                beside.extend(others.iter().map(|other| Beside {
                    line: other.line,
                    kept: kept.line,
                    same: Same::Key(other.period, self.key_of(other)),
                }));
                count += 1;
                if count <= u64::from(self.limit) {
                    records.push(Record(self.values_of(kept).to_vec()));
                }
            }
            let (subject, period) = (names[first.subject as usize].clone(), first.period);
            if count > u64::from(self.limit) {
                refused.push(RefusedGroup {
                    subject,
                    period,
                    count,
                    limit: self.limit,
                });
            } else {
                groups.push(SubjectPeriod {
                    subject,
                    period,
                    records,
                });
            }
        }
        beside.sort_unstable_by_key(|beside| beside.line);
        Grouped {
            groups,
            refused,
            beside,
            subjects: seen.iter().filter(|seen| **seen).count() as u64,
            texts: self.twice,
        }
    }

    /// Removes all rows but one of those that share a row key.
    fn part_row_keys(&self, rows: &mut Vec<Row>, names: &[String]) -> Vec<Beside> {
        if self.twice.is_empty() {
            return Vec::new();
        }
        let mut best: HashMap<ShortKey, Row> = HashMap::with_capacity(self.twice.len());
        let shared = rows
            .iter()
            .filter(|row| self.twice.contains_key(&row.row_key));
        for row in shared {
            let place = best.entry(row.row_key).or_insert(*row);
            let name = |row: &Row| &names[row.subject as usize];
            let order = (row.period, name(row)).cmp(&(place.period, name(place)));
            if order.then_with(|| self.by_content(row, place)) == Ordering::Less {
                *place = *row;
            }
        }
        let mut beside = Vec::new();
        rows.retain(|row| match best.get(&row.row_key) {
            Some(kept) if kept.at != row.at => {
                beside.push(Beside {
                    line: row.line,
                    kept: kept.line,
                    same: Same::RowKey(row.row_key),
                });
                false
            }
            _ => true,
        });
        beside
    }

    fn values_of(&self, row: &Row) -> &[u64] {
        let at = row.at as usize * self.width;
        &self.values[at..at + self.width]
    }

    fn key_of(&self, row: &Row) -> u64 {
        self.values_of(row)[self.key]
    }

    /// The rows' contents. For rows with the same contents, it does not matter which one counts.
    fn by_content(&self, a: &Row, b: &Row) -> Ordering {
        let (values_a, values_b) = (self.values_of(a), self.values_of(b));
        values_a.cmp(values_b).then(a.line.cmp(&b.line))
    }
}
