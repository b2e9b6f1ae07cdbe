//! What a check found.

use std::fmt;

use merits_audit::run::{Checked, checks};
use serde::Serialize;

/// What was checked, and what is wrong.
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Leaves read.
    pub leaves: u64,
    /// Tree nodes compared.
    pub nodes: u64,
    /// Used values compared.
    pub used: u64,
    /// Rows of the state compared.
    pub rows: u64,
    /// What is wrong, at most the first hundred.
    pub findings: Vec<Finding>,
}

impl Report {
    /// True if nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// The findings, one on each line.
    pub(crate) fn lines(&self) -> String {
        let lines = self.findings.iter().map(ToString::to_string);
        lines.collect::<Vec<_>>().join("\n")
    }

    pub(super) fn find(&mut self, place: &'static str, what: impl Into<String>) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(Finding {
                place,
                what: what.into(),
            });
        }
    }
}

impl From<&Checked> for Report {
    fn from(checked: &Checked) -> Self {
        let mut report = Self {
            leaves: checked.leaves,
            nodes: checked.nodes,
            used: checked.used,
            rows: checked.rows,
            findings: Vec::new(),
        };
        for finding in &checked.findings.kept {
            let what = match finding.leaf {
                Some(leaf) => format!("leaf {leaf}: {}", finding.what),
                None => finding.what.clone(),
            };
            report.find(finding.check, what);
        }
        report
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            leaves,
            nodes,
            used,
            rows,
            findings,
        } = self;
        writeln!(
            f,
            "{leaves} leaves, {nodes} tree nodes, {used} used values, {rows} rows of the state"
        )?;
        findings
            .iter()
            .try_for_each(|finding| writeln!(f, "{finding}"))?;
        match findings.len() {
            0 => return f.write_str("clean"),
            1 => f.write_str("1 finding")?,
            count => write!(f, "{count} findings")?,
        }
        // Findings about the mark say what to do themselves: the stored data may be sound.
        if findings.iter().any(|finding| finding.place != MARK) {
            f.write_str(": the stored data is damaged, restore a backup")?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Table, or "file", "rules", or "mark" for the high-water mark.
    pub place: &'static str,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// The place of findings about the high-water mark.
pub(super) const MARK: &str = checks::MARK;

/// Most findings that are kept: more do not change what to do.
const MOST_FINDINGS: usize = 100;
