//! The number of witnesses that must have cosigned a checkpoint before a client accepts it.

use alloc::{string::String, string::ToString as _, vec::Vec};

use merits_primitives::calendar::Timestamp;
use thiserror::Error;

use super::{CosignatureError, Cosigned, LogKey, SignedCheckpoint, WitnessKey, WitnessName};

/// Most witnesses of a quorum. A note of the log and two such quorums stays below
/// [`MAX_NOTE_BYTES`](super::MAX_NOTE_BYTES), which is tested.
pub const MAX_WITNESSES: usize = 24;

/// Known witnesses, and how many of them must cosign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    witnesses: Vec<WitnessKey>,
    threshold: usize,
    faulty: usize,
}

/// Why a policy is refused. The fault is in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QuorumError {
    /// Too many, or none.
    #[error("{found} witnesses; 1 to {MAX_WITNESSES} are allowed")]
    Count {
        /// Witnesses found.
        found: usize,
    },
    /// Two entries are one witness, which would count twice.
    #[error("{name} and another witness have the same name or the same key: each counts once")]
    Twice {
        /// The later one.
        name: String,
    },
    /// More witnesses must cosign than there are.
    #[error("the threshold {threshold} is not between 1 and the number of witnesses, {of}")]
    Threshold {
        /// The threshold.
        threshold: usize,
        /// The witnesses.
        of: usize,
    },
    /// Two quorums may have no honest witness in common.
    #[error(
        "with a threshold of {threshold} of {of} witnesses, {faulty} of whom may be false, two histories could \
         both get a quorum: the threshold must be at least {least}"
    )]
    Splits {
        /// The threshold.
        threshold: usize,
        /// The witnesses.
        of: usize,
        /// The number that may be false.
        faulty: usize,
        /// The least threshold that is safe.
        least: usize,
    },
}

impl Quorum {
    /// `threshold` of `witnesses`, of which `faulty` may be false. Two sets of `threshold` share
    /// at least 2 · threshold − n witnesses, so one of those tells the truth if
    /// threshold > (n + faulty) / 2.
    ///
    /// # Errors
    /// [`QuorumError`].
    pub fn new(
        witnesses: Vec<WitnessKey>,
        threshold: usize,
        faulty: usize,
    ) -> Result<Self, QuorumError> {
        let of = witnesses.len();
        if of == 0 || of > MAX_WITNESSES {
            return Err(QuorumError::Count { found: of });
        }
        distinct(witnesses.iter())?;
        if threshold == 0 || threshold > of {
            return Err(QuorumError::Threshold { threshold, of });
        }
        // Both are at most MAX_WITNESSES, except a typed number.
        let least = of.saturating_add(faulty) / 2 + 1;
        if threshold < least {
            return Err(QuorumError::Splits {
                threshold,
                of,
                faulty,
                least,
            });
        }
        Ok(Self {
            witnesses,
            threshold,
            faulty,
        })
    }

    /// The witnesses.
    pub fn witnesses(&self) -> &[WitnessKey] {
        &self.witnesses
    }

    /// The number that must cosign.
    pub fn threshold(&self) -> usize {
        self.threshold
    }

    /// The number that may be false.
    pub fn faulty(&self) -> usize {
        self.faulty
    }
}

fn distinct<'a>(
    witnesses: impl Iterator<Item = &'a WitnessKey> + Clone,
) -> Result<(), QuorumError> {
    for (at, witness) in witnesses.clone().enumerate() {
        let mut before = witnesses.clone().take(at);
        if before.any(|other| other.name() == witness.name() || other.public() == witness.public())
        {
            return Err(QuorumError::Twice {
                name: witness.name().to_string(),
            });
        }
    }
    Ok(())
}

/// The cosignatures that a client demands: a quorum of witnesses, which compare checkpoints, and
/// perhaps one of validating witnesses, which also ran the ledger's rules over every entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessPolicy {
    witnesses: Quorum,
    validating: Option<Quorum>,
}

impl WitnessPolicy {
    /// A policy of one quorum, or of two that have no key and no name in common. A witness that
    /// does both has a key for each.
    ///
    /// # Errors
    /// [`QuorumError::Twice`].
    pub fn new(witnesses: Quorum, validating: Option<Quorum>) -> Result<Self, QuorumError> {
        let others = validating.iter().flat_map(|quorum| &quorum.witnesses);
        distinct(witnesses.witnesses.iter().chain(others))?;
        Ok(Self {
            witnesses,
            validating,
        })
    }

    /// The quorum of witnesses that compare checkpoints.
    pub fn witnesses(&self) -> &Quorum {
        &self.witnesses
    }

    /// The quorum of witnesses that also run the ledger's rules.
    pub fn validating(&self) -> Option<&Quorum> {
        self.validating.as_ref()
    }

    /// Every witness that is known.
    pub fn all(&self) -> impl Iterator<Item = &WitnessKey> {
        let others = self.validating.iter().flat_map(|quorum| &quorum.witnesses);
        self.witnesses.witnesses.iter().chain(others)
    }
}

impl SignedCheckpoint {
    /// The checkpoint, if the log signed it and as many distinct known witnesses cosigned it as the
    /// policy demands. Lines of unknown keys are ignored; a line of a known witness that does not
    /// hold refuses the note.
    ///
    /// # Errors
    /// [`CosignatureError`].
    pub fn verify_cosigned(
        &self,
        log: &LogKey,
        policy: &WitnessPolicy,
    ) -> Result<Cosigned, CosignatureError> {
        let (text, checkpoint) = self.open(log)?;
        let (mut by, mut as_of) = (Vec::new(), Timestamp::LAST);
        let quorums = [
            (Some(&policy.witnesses), "known witnesses"),
            (policy.validating.as_ref(), "known validating witnesses"),
        ];
        for (quorum, whose) in quorums {
            let Some(quorum) = quorum else { continue };
            let found = self.cosigners(text, quorum)?;
            let mut times: Vec<Timestamp> = found.iter().map(|(_, time)| *time).collect();
            times.sort_unstable_by(|a, b| b.cmp(a));
            let Some(time) = times.get(quorum.threshold - 1) else {
                return Err(CosignatureError::TooFew {
                    whose,
                    found: found.len(),
                    of: quorum.witnesses.len(),
                    needed: quorum.threshold,
                    size: checkpoint.size,
                });
            };
            as_of = as_of.min(*time);
            by.extend(found);
        }
        Ok(Cosigned {
            checkpoint,
            by,
            as_of,
        })
    }

    fn cosigners(
        &self,
        text: &str,
        quorum: &Quorum,
    ) -> Result<Vec<(WitnessName, Timestamp)>, CosignatureError> {
        let mut found = Vec::new();
        for witness in &quorum.witnesses {
            if let Some(time) = self.cosigned_at(text, witness)? {
                found.push((witness.name().clone(), time));
            }
        }
        Ok(found)
    }
}
