//! The decision to cosign, as C2SP tlog-witness has it.

use merits_primitives::calendar::Timestamp;
use merits_proto::witness::AddCheckpoint;
use merits_verifier::log::{
    Checkpoint, CheckpointError, Evidence, LogKey, NoteError, SignedCheckpoint, WitnessKey,
    WitnessSigner, empty_root, verify_consistency,
};
use thiserror::Error;

use crate::state::{State, StateError};

/// A witness of one log.
#[derive(Debug)]
pub struct Cosigner {
    log: LogKey,
    signer: WitnessSigner,
    validating: Option<WitnessSigner>,
    state: State,
    /// The newest checkpoint with this witness's own lines.
    shown: Option<SignedCheckpoint>,
}

/// Why a checkpoint is not cosigned.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Refused {
    /// Another log's checkpoint, or no checkpoint at all.
    #[error("no checkpoint of the log {0} comes here")]
    UnknownLog(String),
    /// The log did not sign it.
    #[error("the log did not sign this checkpoint: {0}")]
    NotSigned(CheckpointError),
    /// The old size is above the new one.
    #[error("the old size {old} is above the checkpoint's {size}")]
    Backwards {
        /// The old size.
        old: u64,
        /// The checkpoint's.
        size: u64,
    },
    /// The old size is not that of the tree that was cosigned last.
    #[error("{size}")]
    OtherSize {
        /// Leaves of the tree that was cosigned last.
        size: u64,
    },
    /// The checkpoint is not shown to continue the tree that was cosigned last.
    #[error("the checkpoint is not shown to continue the tree that was cosigned last")]
    Inconsistent {
        /// If the two alone convict the log: both.
        evidence: Option<Box<Evidence>>,
    },
    /// It could not be recorded.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Cosigner {
    /// A witness that continues from its state. `validating` signs for checkpoints whose entries
    /// were found to follow the ledger's rules.
    pub fn new(
        log: LogKey,
        signer: WitnessSigner,
        validating: Option<WitnessSigner>,
        state: State,
    ) -> Self {
        Self {
            log,
            signer,
            validating,
            state,
            shown: None,
        }
    }

    /// The log.
    pub fn log(&self) -> &LogKey {
        &self.log
    }

    /// The keys that it signs with.
    pub fn keys(&self) -> impl Iterator<Item = &WitnessKey> {
        let signers = [Some(&self.signer), self.validating.as_ref()];
        signers.into_iter().flatten().map(WitnessSigner::public)
    }

    /// What was cosigned last.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Checks a request without answering it, so that the work of validation is done only for a
    /// checkpoint that would be cosigned.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn check(&self, request: &AddCheckpoint) -> Result<Checkpoint, Refused> {
        let checkpoint = request
            .checkpoint
            .verify(&self.log)
            .map_err(|error| match error {
                CheckpointError::OtherLog { found, .. } => Refused::UnknownLog(found),
                CheckpointError::Note(NoteError::NotSigned { .. }) if !self.names_log(request) => {
                    Refused::UnknownLog("of this name".to_owned())
                }
                error => Refused::NotSigned(error),
            })?;
        let (old, size) = (request.old, checkpoint.size);
        if old > size {
            return Err(Refused::Backwards { old, size });
        }
        let last = self.state.size();
        if old != last {
            return Err(Refused::OtherSize { size: last });
        }
        if size == 0 && checkpoint.root != empty_root() {
            return Err(Refused::Inconsistent { evidence: None });
        }
        let old_root = self
            .state
            .newest()
            .map_or(empty_root(), |newest| newest.root);
        match verify_consistency(old, &old_root, size, &checkpoint.root, &request.proof) {
            Ok(()) => Ok(checkpoint),
            Err(_) => Err(Refused::Inconsistent {
                evidence: self.evidence(&request.checkpoint),
            }),
        }
    }

    /// Cosigns a checkpoint that continues the one before: records it on disk, then signs. The
    /// validating key signs too if `valid`.
    ///
    /// The answer is the signature lines.
    ///
    /// # Errors
    /// [`Refused`]; nothing was signed.
    pub fn add(
        &mut self,
        request: &AddCheckpoint,
        valid: bool,
        now: Timestamp,
    ) -> Result<String, Refused> {
        let checkpoint = self.check(request)?;
        let plain = request.checkpoint.without_cosignatures(&self.log);
        // On disk first: no crash may lead to a signature that the state does not know.
        self.state.record(checkpoint, plain.clone())?;
        let (lines, shown) = self.sign(&plain, valid, now)?;
        self.shown = Some(shown);
        Ok(lines)
    }

    /// The newest checkpoint that was cosigned, with this witness's cosignatures, for monitors. After
    /// a start it is cosigned again, because it is still the newest.
    ///
    /// # Errors
    /// [`Refused`] if the state holds no checkpoint of the log, which its reader would have refused.
    pub fn shown(&mut self, now: Timestamp) -> Result<Option<SignedCheckpoint>, Refused> {
        if self.shown.is_none()
            && let Some(signed) = self.state.signed()
        {
            let plain = signed.without_cosignatures(&self.log);
            let (_, shown) = self.sign(&plain, false, now)?;
            self.shown = Some(shown);
        }
        Ok(self.shown.clone())
    }

    /// Signs a checkpoint that is recorded: the signature lines, and the note with them.
    fn sign(
        &self,
        plain: &SignedCheckpoint,
        valid: bool,
        now: Timestamp,
    ) -> Result<(String, SignedCheckpoint), Refused> {
        let signers = [
            Some(&self.signer),
            self.validating.as_ref().filter(|_| valid),
        ];
        let (mut lines, mut shown) = (String::new(), plain.clone());
        for signer in signers.into_iter().flatten() {
            let line = signer.cosign(plain, &self.log, now);
            let line = line.map_err(Refused::NotSigned)?.to_string();
            if let Ok(more) = shown.with_cosignature(&self.log, signer.public(), &line) {
                shown = more;
            }
            lines.push_str(&line);
        }
        Ok((lines, shown))
    }

    /// Whether the note's first line is this log's origin.
    fn names_log(&self, request: &AddCheckpoint) -> bool {
        let text = request.checkpoint.to_string();
        text.lines().next() == Some(self.log.origin().as_str())
    }

    /// Both checkpoints, if they alone convict the log.
    fn evidence(&self, other: &SignedCheckpoint) -> Option<Box<Evidence>> {
        let evidence = Evidence {
            log: self.log.clone(),
            first: self.state.signed()?.clone(),
            second: other.without_cosignatures(&self.log),
            prefix: None,
        };
        let convicts = evidence.judge(&self.log).is_ok();
        convicts.then(|| Box::new(evidence))
    }
}
