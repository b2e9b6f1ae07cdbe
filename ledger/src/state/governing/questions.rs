//! What the proof of an entry must show, by the governing state.

use merits_verifier::{
    ProofSystem,
    groth16::{self, KeyDigest},
    proof::Proof,
    schnorr,
};

use super::Governing;
use crate::entry::{Entry, EpochProposed, PersonStatement, TotalsOpened};
use crate::opened_total::VerifiedTotal;
use crate::proven::{Groth16Job, Job, ProvenStatement, SchnorrJob, UndecodedJob, VerifiedProof};
use crate::refusal::{CheckError, Refusal};
use crate::rows::View;
use crate::state::{epochs, reads::before_proof, tickets::check_not_withdrawn};
use crate::submission::Submission;

/// What the proof of an entry must show.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are of Groth16, and each is moved rarely"
)]
enum Asked<'s> {
    /// Its kind has no proof.
    Nothing,
    /// A statement of a circuit, under the key in force.
    Groth16(KeyDigest, ProvenStatement),
    /// That the secrets of points are known.
    Schnorr(schnorr::Statement),
    /// What the statement's own proofs say about rows.
    Rows(&'s TotalsOpened),
}

/// The proof beside a statement. One of Groth16 is decoded (`P`), or not yet.
enum Beside<P> {
    Groth16(P),
    Schnorr(schnorr::Proof),
}

impl Asked<'_> {
    /// The job, with the proof that came. Without a proof beside the statement there is none to verify.
    fn with<P>(self, proof: Option<Beside<P>>) -> Result<Option<Job<P>>, Refusal> {
        match (self, proof) {
            (Self::Groth16(key, statement), Some(Beside::Groth16(proof))) => {
                Ok(Some(Job::Groth16(Groth16Job {
                    key,
                    statement,
                    proof,
                })))
            }
            (Self::Schnorr(statement), Some(Beside::Schnorr(proof))) => {
                Ok(Some(Job::Schnorr(SchnorrJob { statement, proof })))
            }
            (Self::Nothing | Self::Rows(_), None) => Ok(None),
            (Self::Nothing | Self::Rows(_) | Self::Groth16(..) | Self::Schnorr(_), _) => {
                Err(Refusal::NotVerified)
            }
        }
    }
}

/// The proof of a submission, decoded.
fn decoded(submission: &Submission) -> Result<Option<Beside<groth16::Proof>>, Refusal> {
    let proof = match (&submission.proof, &submission.signed().proof) {
        (None, None) => return Ok(None),
        (Some(proof), _) => proof.clone(),
        (None, Some(encoded)) => encoded.decode()?,
    };
    Ok(Some(match proof {
        Proof::Groth16(proof) => Beside::Groth16(proof),
        Proof::Schnorr(proof) => Beside::Schnorr(proof),
    }))
}

impl Governing {
    /// The proof to verify for this submission; `None` for kinds without a proof. `view` must have
    /// the rows that [`Governing::job_reads`] requests. Only here are the proofs of an opened total asked for.
    ///
    /// # Errors
    /// [`CheckError::Refused`] when no proof could make the entry acceptable.
    pub fn job(&self, submission: &Submission, view: &View) -> Result<Option<Job>, CheckError> {
        self.check_before_proof(submission, view)?;
        match self.asked(submission)? {
            Asked::Rows(opened) => Ok(Some(Job::Total(self.total_statement(opened, view)?))),
            asked @ (Asked::Nothing | Asked::Groth16(..) | Asked::Schnorr(_)) => {
                Ok(asked.with(decoded(submission)?)?)
            }
        }
    }

    /// Verifies what a proof shows about rows, which are in `view`: the partials and the sum of an opened total.
    /// `None` for all other kinds. For those who follow a log: the rows are known only when the leaves before are
    /// there, so such a leaf is not verified together with others.
    ///
    /// # Errors
    /// [`CheckError`].
    pub(crate) fn verify_by_rows(
        &self,
        submission: &Submission,
        view: &View,
    ) -> Result<Option<VerifiedProof>, CheckError> {
        if !submission.entry().facts().proves_rows {
            return Ok(None);
        }
        match self.job(submission, view)? {
            Some(Job::Total(statement)) => Ok(Some(VerifiedTotal::check(statement)?.into())),
            Some(Job::Groth16(_) | Job::Schnorr(_)) | None => Ok(None),
        }
    }

    /// The part of [`Governing::job`] that reads rows: one or two comparisons. The rest is
    /// [`Governing::question`].
    ///
    /// # Errors
    /// [`CheckError::Refused`] when no proof could make the entry acceptable.
    pub fn check_before_proof(
        &self,
        submission: &Submission,
        view: &View,
    ) -> Result<(), CheckError> {
        // Anybody can send these kinds, so cheap checks come before the verification of a proof. The
        // time of the last leaf is earlier than the entry's will be, so a root that is too old now
        // will be too old then.
        let Some(early) = before_proof(submission.entry()) else {
            return Ok(());
        };
        self.check_group_root(view, early.root, self.log.time)?;
        if let Some(key) = early.withdrawal {
            check_not_withdrawn(view.get(&key)?)?;
        }
        Ok(())
    }

    /// What the proof of this submission must show, by parties, scales, keys and offers alone. It
    /// is for checking an entry of the log without the log's people and notes; the log is then
    /// trusted on which roots were valid. `None` for kinds without a proof, and for opened totals, whose proofs
    /// are about rows ([`Governing::job`]).
    ///
    /// # Errors
    /// [`Refusal`] when no proof could make the entry acceptable.
    pub fn question(&self, submission: &Submission) -> Result<Option<Job>, Refusal> {
        let proof = decoded(submission)?;
        if proof.is_none() {
            return Ok(None);
        }
        self.asked(submission)?.with(proof)
    }

    /// [`Governing::question`], with a Groth16 proof as it came: it is decoded with others of its batch.
    ///
    /// # Errors
    /// [`Refusal`] when no proof could make the entry acceptable.
    pub fn undecoded_question(
        &self,
        submission: &Submission,
    ) -> Result<Option<UndecodedJob>, Refusal> {
        let proof = match &submission.signed().proof {
            None => return Ok(None),
            Some(encoded) => match encoded.system() {
                ProofSystem::Groth16Bn254 => Some(Beside::Groth16(encoded.clone())),
                ProofSystem::SchnorrBabyJubjub => match decoded(submission)? {
                    Some(Beside::Schnorr(proof)) => Some(Beside::Schnorr(proof)),
                    Some(Beside::Groth16(_)) | None => None,
                },
            },
        };
        self.asked(submission)?.with(proof)
    }

    /// What a proof must show, kind by kind. A party without the role costs no proof.
    fn asked<'s>(&self, submission: &'s Submission) -> Result<Asked<'s>, Refusal> {
        let (entry, party) = (submission.entry(), submission.party());
        let facts = entry.facts();
        if facts.system.is_some() || facts.proves_rows {
            self.check_may_send(&facts, &party)?;
        }
        let person = |kind| self.statement_keys.digest(kind);
        Ok(match entry {
            Entry::EarnBatch(batch) => {
                let (key, statement) = self.earn_question(batch, &party)?;
                Asked::Groth16(key, ProvenStatement::Earn(statement))
            }
            Entry::TicketDeposited(deposit) => {
                let statement = self.ticket_statement(&party, deposit)?;
                let key = person(PersonStatement::Ticket)?;
                Asked::Groth16(key, ProvenStatement::Ticket(statement))
            }
            Entry::ConsentWithdrawn(withdrawn) => {
                let statement = self.withdrawal_statement(withdrawn);
                let key = person(PersonStatement::Ticket)?;
                Asked::Groth16(key, ProvenStatement::Ticket(statement))
            }
            Entry::Redeemed(redeemed) => {
                let statement = self.redeem_statement(&party, redeemed)?;
                let key = person(PersonStatement::Redeem)?;
                Asked::Groth16(key, ProvenStatement::Redeem(statement))
            }
            Entry::Attested(attested) => {
                let statement = self.attest_statement(attested)?;
                let key = person(PersonStatement::Redeem)?;
                Asked::Groth16(key, ProvenStatement::Redeem(statement))
            }
            Entry::EpochProposed(EpochProposed { opened, .. }) => {
                self.epochs.check_next(&self.parties, opened)?;
                Asked::Schnorr(epochs::possession(self.origin(), opened))
            }
            Entry::TotalsOpened(opened) => Asked::Rows(opened),
            // By name, so that a new kind says what its proof shows.
            Entry::PartyAdmitted(_)
            | Entry::KeysRotated(_)
            | Entry::KeySucceeded(_)
            | Entry::ActProposed(_)
            | Entry::KeyGenerationOpened(_)
            | Entry::KeyGenerationMessage(_)
            | Entry::KeyShareDestroyed(_)
            | Entry::ActEndorsed(_)
            | Entry::EndorsementRevoked(_)
            | Entry::ActEnacted(_)
            | Entry::ActObjected(_)
            | Entry::EmergencySuspended(_)
            | Entry::ScaleProposed(_)
            | Entry::ScaleRetired(_)
            | Entry::OpeningRequested(_)
            | Entry::RedeemerRequested(_)
            | Entry::OpeningEndorsed(_)
            | Entry::OpeningDisowned(_)
            | Entry::OpeningCompleted(_)
            | Entry::OpeningRevealed(_)
            | Entry::AlertRaised(_)
            | Entry::AlertHandled(_)
            | Entry::TotalsCut(_)
            | Entry::EvaluatorOpened(_)
            | Entry::EvaluationCounted(_)
            | Entry::IdentityRegistered(_)
            | Entry::IdentityRetired(_)
            | Entry::TagDealingOpened(_)
            | Entry::TagDealingMessage(_)
            | Entry::TermsPublished(_)
            | Entry::OfferPublished(_)
            | Entry::OfferClosed(_) => Asked::Nothing,
        })
    }
}
