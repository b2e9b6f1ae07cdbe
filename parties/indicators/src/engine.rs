//! Indicators at work: leaves in, findings out, and a position to go on from.

use std::collections::BTreeMap;

use merits_ledger::{
    Entry,
    entry::{AlertRaised, AlertSubject},
};
use merits_primitives::{
    calendar::Timestamp,
    ids::{PartyId, ScaleId},
};
use merits_verifier::{codec::CodecError, entry::Leaf};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    observed::{Known, MOST, Windows, count},
    rules::{RuleError, RuleFile, Severity},
    subject::SubjectKind,
};

/// The format of a saved position. It rises when what is counted changes.
const FORMAT: u32 = 2;

/// A rule that holds for a subject in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's words.
    pub words: String,
    /// How much it matters.
    pub severity: Severity,
    /// The alert to raise.
    pub alert: AlertRaised,
}

/// A rule that could not be evaluated in a window. Other rules, and other subjects of the same rule, were judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The rule, and why it fails for the first of these subjects.
    pub fault: RuleError,
    /// The first subject for which it fails.
    pub subject: AlertSubject,
    /// For how many subjects it fails.
    pub subjects: u64,
    /// First moment of the window.
    pub from: Timestamp,
    /// End of the window (exclusive).
    pub until: Timestamp,
}

/// What a leaf brought to light.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Judged {
    findings: Vec<Finding>,
    failures: Vec<Failure>,
}

/// Why a leaf cannot be observed. Nothing was counted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IndicatorError {
    /// A leaf is left out or repeated.
    #[error("leaf {found} came, and leaf {expected} is next: read the copy from there")]
    OtherLeaf {
        /// The next one.
        expected: u64,
        /// The one that came.
        found: u64,
    },
    /// A leaf of a kind that this program does not know.
    #[error(
        "leaf {index} has kind {kind:#06x}, which this program does not know: install a newer one"
    )]
    UnknownKind {
        /// The leaf.
        index: u64,
        /// Its kind.
        kind: u16,
    },
    /// A leaf whose statement is not read.
    #[error("leaf {index} is not read: {fault}")]
    Malformed {
        /// The leaf.
        index: u64,
        /// What is wrong.
        fault: CodecError,
    },
    /// A window that begins after the leaf. The saved position is damaged, because a log's time never goes back.
    #[error(
        "leaf {index} is of {time}, and the saved position has windows that begin later: remove the file and read the \
         log again"
    )]
    Earlier {
        /// The leaf.
        index: u64,
        /// Its time.
        time: Timestamp,
    },
    /// The name of a subject is not one. The saved position is damaged.
    #[error(
        "the saved position has the subject {0:?}, which is none: remove the file and read the log again"
    )]
    Subject(String),
}

/// Why a saved position is not used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SaveError {
    /// Not one of this program.
    #[error(
        "the saved position is damaged ({0}): remove the file, and the log is read again from its beginning"
    )]
    Damaged(#[from] serde_json::Error),
    /// With windows that these rules do not have, or numbers that no log gives.
    #[error(
        "the saved position contradicts itself: remove the file, and the log is read again from its beginning"
    )]
    Unsound,
    /// Of another format or rule file.
    #[error(
        "the saved position is of another rule file, version or log: the log is read again from its beginning"
    )]
    Other,
}

/// What is saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    format: u32,
    /// The log's name.
    origin: String,
    /// Digest of the rule file.
    rules: [u8; 32],
    /// The next leaf.
    next: u64,
    windows: Vec<Windows>,
    known: Known,
    /// Findings since the log's beginning, by rule.
    found: BTreeMap<String, u64>,
}

/// The rules of a file over one log.
#[derive(Debug)]
pub struct Indicators {
    rules: RuleFile,
    saved: Saved,
    /// Of the windows that were judged since they were taken last.
    failures: Vec<Failure>,
}

impl Indicators {
    /// From the beginning of the log `origin`.
    pub fn new(rules: RuleFile, origin: &str) -> Self {
        let mut lengths: Vec<u32> = rules.rules.iter().map(|rule| rule.window_hours).collect();
        lengths.sort_unstable();
        lengths.dedup();
        let saved = Saved {
            format: FORMAT,
            origin: origin.to_owned(),
            rules: rules.digest,
            next: 0,
            windows: lengths.into_iter().map(Windows::new).collect(),
            known: Known::default(),
            found: BTreeMap::new(),
        };
        Self {
            rules,
            saved,
            failures: Vec::new(),
        }
    }

    /// Goes on from a saved position, which must be of this rule file and log.
    ///
    /// # Errors
    /// [`SaveError`].
    pub fn resume(&mut self, saved: &str) -> Result<(), SaveError> {
        let saved: Saved = serde_json::from_str(saved)?;
        let own = &self.saved;
        if (saved.format, &saved.origin, saved.rules) != (own.format, &own.origin, own.rules) {
            return Err(SaveError::Other);
        }
        let mut pairs = saved.windows.iter().zip(&own.windows);
        let same = saved.windows.len() == own.windows.len();
        let counted = saved.next <= MOST && saved.found.values().all(|found| *found <= MOST);
        if !same || !counted || !pairs.all(|(saved, own)| saved.are_sound(own.hours)) {
            return Err(SaveError::Unsound);
        }
        self.saved = saved;
        Ok(())
    }

    /// The position, to resume from.
    ///
    /// # Errors
    /// [`SaveError::Damaged`]: the position cannot be written as JSON.
    pub fn save(&self) -> Result<String, SaveError> {
        Ok(serde_json::to_string(&self.saved)?)
    }

    /// The next leaf to observe.
    pub fn next(&self) -> u64 {
        self.saved.next
    }

    /// The rules.
    pub fn rules(&self) -> &RuleFile {
        &self.rules
    }

    /// Findings since the log's beginning, by rule.
    pub fn found(&self, rule: &str) -> u64 {
        self.saved.found.get(rule).copied().unwrap_or(0)
    }

    /// Takes the failures of rules in the windows that were judged since the last call: at most one for each rule and
    /// window. They are not saved, so take them before the position is.
    pub fn take_failures(&mut self) -> Vec<Failure> {
        std::mem::take(&mut self.failures)
    }

    /// Observes the next leaf. It first ends the windows that are over at its time, and judges them. A rule that cannot
    /// be evaluated stops no other: [`Self::take_failures`] tells of it.
    ///
    /// # Errors
    /// [`IndicatorError`]; then nothing was counted.
    pub fn observe(&mut self, index: u64, leaf: &Leaf) -> Result<Vec<Finding>, IndicatorError> {
        let expected = self.saved.next;
        if index != expected {
            let found = index;
            return Err(IndicatorError::OtherLeaf { expected, found });
        }
        let mut windows = self.saved.windows.iter();
        if !windows.all(|windows| windows.is_reached(leaf.time)) {
            let time = leaf.time;
            return Err(IndicatorError::Earlier { index, time });
        }
        let kind = leaf.entry.kind;
        let entry = Entry::decode(kind, &leaf.entry.statement)
            .ok_or(IndicatorError::UnknownKind { index, kind })?
            .map_err(|fault| IndicatorError::Malformed { index, fault })?;
        let Judged {
            findings,
            mut failures,
        } = self.judge(leaf.time)?;
        self.failures.append(&mut failures);
        for finding in &findings {
            let found = self.saved.found.entry(finding.alert.rule.clone());
            *found.or_default() += 1;
        }
        let Saved { windows, known, .. } = &mut self.saved;
        count(windows, known, (&leaf.entry, &entry), leaf.time);
        self.saved.next += 1;
        Ok(findings)
    }

    /// Judges the windows that are over at `time`.
    fn judge(&self, time: Timestamp) -> Result<Judged, IndicatorError> {
        let mut judged = Judged::default();
        for windows in &self.saved.windows {
            let Some(window) = windows.over(time) else {
                continue;
            };
            let rules = self.rules.rules.iter();
            for rule in rules.filter(|rule| rule.window_hours == windows.hours) {
                let mut failure: Option<Failure> = None;
                for name in windows.subjects(rule.subject) {
                    let figures = windows.figures(&self.saved.known, rule.subject, name, window);
                    let subject = alert_subject(rule.subject, name)?;
                    let measured = match rule.evaluate(&figures) {
                        Ok(Some(measured)) => measured,
                        Ok(None) => continue,
                        Err(fault) => {
                            let (from, until) = window;
                            let failure = failure.get_or_insert(Failure {
                                fault,
                                subject,
                                subjects: 0,
                                from,
                                until,
                            });
                            failure.subjects += 1;
                            continue;
                        }
                    };
                    let alert = AlertRaised {
                        rule: rule.id.clone(),
                        rules: self.rules.digest,
                        subject,
                        from: window.0,
                        until: window.1,
                        value: measured.value,
                        threshold: measured.threshold,
                    };
                    judged.findings.push(Finding {
                        words: rule.words.clone(),
                        severity: rule.severity,
                        alert,
                    });
                }
                judged.failures.extend(failure);
            }
        }
        Ok(judged)
    }
}

fn alert_subject(kind: SubjectKind, name: &str) -> Result<AlertSubject, IndicatorError> {
    let damaged = || IndicatorError::Subject(name.to_owned());
    match kind {
        SubjectKind::Ledger => Ok(AlertSubject::Ledger),
        SubjectKind::Scale => {
            let scale = ScaleId::new(name).map_err(|_| damaged())?;
            Ok(AlertSubject::Scale(scale))
        }
        SubjectKind::Distributor
        | SubjectKind::Source
        | SubjectKind::Sponsor
        | SubjectKind::Exchange
        | SubjectKind::Supervisor
        | SubjectKind::Registrar
        | SubjectKind::Evaluator => {
            let mut party = [0; 32];
            hex::decode_to_slice(name, &mut party).map_err(|_| damaged())?;
            Ok(AlertSubject::Party(PartyId(party)))
        }
    }
}
