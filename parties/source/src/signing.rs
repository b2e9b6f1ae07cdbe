//! `merits source sign`: groups of records in, a bundle of signed commitments out.

use std::{
    collections::{HashMap, HashSet},
    io::{self, BufRead, Write},
};

use merits_primitives::{
    ids::{PartyId, Period},
    owner::Handle,
};
use merits_records::{
    SubjectPeriod,
    bundle::{
        Bundle, BundleError, BundleHeader, FileKind, FileReader, Links, SignedCommitment,
        write_line,
    },
};
use serde::Serialize;
use thiserror::Error;

use crate::{
    register::{NoteError, Register, RegisterError, RegisterKey},
    signer::Signer,
};

/// Why nothing, or only a part, could be signed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignError {
    /// The register failed; the bundle ends before the groups it stands for.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The register was not read for a group.
    #[error(transparent)]
    Note(NoteError),
    /// The bundle cannot be written.
    #[error("the bundle cannot be written: {0}")]
    Output(io::Error),
    /// The links file cannot be read.
    #[error("links file: {0}")]
    Links(#[from] BundleError),
    /// Links made for another ledger or source.
    #[error(
        "the links file is for {what} {found}, this source signs for {wanted}: ask the distributor for its own links"
    )]
    ForeignLinks {
        /// Origin or source.
        what: &'static str,
        /// What the file says.
        found: String,
        /// What is needed.
        wanted: String,
    },
    /// One account with two pseudonyms: two commitments for the same deeds would become possible.
    #[error("the links file gives subject {subject:?} two pseudonyms")]
    TwoPseudonyms {
        /// The account.
        subject: String,
    },
}

fn unwritten(error: io::Error) -> SignError {
    SignError::Output(merits_guard::explain::writing(error))
}

/// A subject-period that was not signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The account.
    pub subject: String,
    /// The period.
    #[serde(serialize_with = "merits_records::grouping::period_label")]
    pub period: Period,
    /// Why.
    pub reason: RefusedReason,
}

/// Why a subject-period was not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusedReason {
    /// The links file has no pseudonym for this account.
    NoLink,
    /// Another commitment was signed for it before.
    SecondCommitment,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let why = match self.reason {
            RefusedReason::NoLink => {
                "the links file has no pseudonym for it; ask the distributor for new links"
            }
            RefusedReason::SecondCommitment => {
                "other records, or the same under another pseudonym, were signed before; a subject and period has only one commitment"
            }
        };
        write!(
            f,
            "subject {} in {}: {why}",
            self.subject,
            self.period.label()
        )
    }
}

/// The result of a signing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SignReport {
    /// Commitments in the bundle.
    pub signed: u64,
    /// Records behind them.
    pub records: u64,
    /// Subject-periods left out.
    pub refused: Vec<Refused>,
}

/// The accounts of a run and their pseudonyms at this source.
#[derive(Debug, Clone, Default)]
pub struct Pseudonyms(HashMap<String, Handle>);

impl Pseudonyms {
    /// Reads a links file line by line, checks that it is for this ledger and source, and keeps the pseudonyms of
    /// the accounts of these groups. Links of other accounts need no memory.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn read(
        input: impl BufRead,
        origin: &str,
        source: PartyId,
        groups: &[SubjectPeriod],
    ) -> Result<Self, SignError> {
        let (header, lines) = FileReader::<Links, _>::open(input)?;
        if header.origin != origin {
            return Err(SignError::ForeignLinks {
                what: "origin",
                found: header.origin.chars().take(128).collect(),
                wanted: origin.to_owned(),
            });
        }
        if header.source != source.0 {
            return Err(SignError::ForeignLinks {
                what: "source",
                found: PartyId(header.source).to_string(),
                wanted: source.to_string(),
            });
        }
        let wanted: HashSet<&str> = groups.iter().map(|group| group.subject.as_str()).collect();
        let mut out = HashMap::new();
        for link in lines {
            let link = link?;
            if !wanted.contains(link.subject.as_str()) {
                continue;
            }
            let handle = link.h;
            match out.insert(link.subject.clone(), handle) {
                Some(other) if other != handle => {
                    return Err(SignError::TwoPseudonyms {
                        subject: link.subject,
                    });
                }
                _ => {}
            }
        }
        Ok(Self(out))
    }

    /// The pseudonym of an account.
    pub fn get(&self, subject: &str) -> Option<Handle> {
        self.0.get(subject).copied()
    }
}

/// The number of groups between two writes to the disk.
const CHUNK: usize = 256;

/// Signs groups in their order and writes the bundle. `progress` sees the groups done so far.
///
/// # Errors
/// [`SignError`]. A subject-period that cannot be signed is reported and does not stop the rest.
pub fn sign_groups(
    signer: &Signer,
    register: &mut Register,
    groups: &[SubjectPeriod],
    pseudonyms: &Pseudonyms,
    out: &mut impl Write,
    progress: &mut dyn FnMut(usize),
) -> Result<SignReport, SignError> {
    let schema = signer.schema().id();
    let header = BundleHeader {
        merits: Bundle::NAME.to_owned(),
        origin: signer.origin().as_str().to_owned(),
        source: signer.source().0,
        schema,
    };
    write_line(out, &header).map_err(unwritten)?;
    let mut report = SignReport::default();
    let mut lines: Vec<SignedCommitment> = Vec::with_capacity(CHUNK);
    let place = |group: &SubjectPeriod, handle| RegisterKey {
        schema,
        account: signer.account_tag(&group.subject),
        handle,
        period: group.period,
    };
    let linked = groups
        .iter()
        .filter_map(|group| Some(place(group, pseudonyms.get(&group.subject)?)));
    let mut recalled = register.recall(linked)?;
    for (chunk_index, chunk) in groups.chunks(CHUNK).enumerate() {
        for group in chunk {
            let mut refuse = |reason| {
                report.refused.push(Refused {
                    subject: group.subject.clone(),
                    period: group.period,
                    reason,
                });
            };
            let Some(handle) = pseudonyms.get(&group.subject) else {
                refuse(RefusedReason::NoLink);
                continue;
            };
            let made = signer.commit(handle, group.period, &group.records);
            match recalled.note(&place(group, handle), &made.c) {
                Ok(()) => {}
                Err(NoteError::SecondCommitment) => {
                    refuse(RefusedReason::SecondCommitment);
                    continue;
                }
                Err(fault @ NoteError::NotRecalled) => return Err(SignError::Note(fault)),
            }
            report.signed += 1;
            report.records += group.records.len() as u64;
            lines.push(SignedCommitment {
                subject: group.subject.clone(),
                period: group.period,
                count: group.records.len() as u16,
                h: handle,
                salt: made.salt,
                c: made.c,
                signature: made.signature,
            });
        }
        // Written to the disk first, so that a crash cannot forget a signature that was given out.
        recalled.sync()?;
        for line in lines.drain(..) {
            write_line(out, &line).map_err(unwritten)?;
        }
        progress(chunk_index * CHUNK + chunk.len());
    }
    out.flush().map_err(unwritten)?;
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: a full disk was told as "No space left on device (os error 28)".
    #[test]
    fn a_full_disk_is_told_in_words() {
        const NO_SPACE: i32 = 28;
        let said = unwritten(io::Error::from_raw_os_error(NO_SPACE)).to_string();
        assert!(
            said.contains("make room") && !said.contains("os error"),
            "{said}"
        );
    }
}
