//! The state that a ledger's entries make: small, in memory, the same for everybody who replays
//! them. Leaves and unique values are a [`crate::Store`]'s.

mod earn;
mod epochs;
mod openings;
mod parties;
mod scales;
mod totals;

pub use earn::EarnJob;
pub use epochs::{EpochKeys, EpochStanding, Epochs};
pub use openings::{Opening, Openings};
pub use parties::{Parties, Party};
pub use scales::{Scale, Scales, VersionRecord, VersionStanding};
pub use totals::{BatchTotal, OpenedTotal, Totals, WORST_TOTAL};

pub use merits_verifier::possession::TotalsKey;

use merits_primitives::{
    field,
    ids::{EntryId, Origin, Output},
};
use merits_verifier::{
    Verified,
    codec::{Canonical, Writer},
    entry::Leaf,
    groth16::{KeyDigest, Provenance, VerifyingKey},
    log::leaf_hash,
    statement::earn::EarnStatement,
};
use thiserror::Error;

use crate::entry::Entry;
use crate::policy::LedgerPolicy;
use crate::refusal::Refusal;
use crate::role::Role;
use crate::store::{Unique, UniqueSet};
use crate::submission::{Authentic, Submission};

/// What replaying the log gives.
#[derive(Debug, Clone)]
pub struct State {
    policy: LedgerPolicy,
    /// Leaves applied.
    size: u64,
    /// Time of the last leaf, unix milliseconds.
    time: u64,
    /// Chain over all leaf hashes, so that the digest covers what the tables do not keep.
    history: [u8; 32],
    parties: Parties,
    epochs: Epochs,
    scales: Scales,
    openings: Openings,
    totals: Totals,
}

/// What an entry changes, decided by [`State::check`] and applied by [`State::commit`].
#[derive(Debug, Clone)]
#[must_use = "effects change nothing until the store and the state have taken them"]
pub struct Effects {
    index: u64,
    time: u64,
    id: EntryId,
    leaf: Vec<u8>,
    uniques: Vec<Unique>,
    change: Change,
}

impl Effects {
    /// Index of the leaf.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Time of the leaf, unix milliseconds.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// The entry's id.
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// The leaf's bytes, as the log hashes them.
    pub fn leaf(&self) -> &[u8] {
        &self.leaf
    }

    /// Values that must be new; the entry's id is the first.
    pub fn uniques(&self) -> &[Unique] {
        &self.uniques
    }
}

#[derive(Debug, Clone)]
enum Change {
    Party(parties::PartyChange),
    Epoch(Box<EpochKeys>),
    Scale(scales::ScaleChange),
    Earn(totals::NewBatch),
    Opening(openings::OpeningChange),
    Total(totals::NewTotal),
}

/// Effects that were decided against another state. The caller is to blame: check and commit
/// belong to one sequencer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the effects belong to leaf {found}; the state is at leaf {expected}: check again")]
pub struct StaleEffects {
    /// Leaf that the state takes next.
    pub expected: u64,
    /// Leaf that the effects are for.
    pub found: u64,
}

impl State {
    /// The state of an empty ledger.
    pub fn new(policy: LedgerPolicy) -> Self {
        Self {
            policy,
            size: 0,
            time: 0,
            history: [0; 32],
            parties: Parties::default(),
            epochs: Epochs::default(),
            scales: Scales::default(),
            openings: Openings::default(),
            totals: Totals::default(),
        }
    }

    /// The founding parameters.
    pub fn policy(&self) -> &LedgerPolicy {
        &self.policy
    }

    /// The log's name.
    pub fn origin(&self) -> &Origin {
        &self.policy.origin
    }

    /// Leaves applied.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Time of the last leaf, unix milliseconds; 0 before the first.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// All parties.
    pub fn parties(&self) -> &Parties {
        &self.parties
    }

    /// All view-key epochs.
    pub fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// All scales.
    pub fn scales(&self) -> &Scales {
        &self.scales
    }

    /// All openings.
    pub fn openings(&self) -> &Openings {
        &self.openings
    }

    /// Batches whose totals are not opened, and totals that are.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// A verifying key of some proposed version, by digest.
    pub fn verifying_key(&self, digest: &KeyDigest) -> Option<(&VerifyingKey, Provenance)> {
        self.scales.verifying_key(digest)
    }

    /// Checks all signatures of a submission: the party's, the consent or possession that the
    /// kind asks for, and the source's under each claim. Costs about a millisecond for 16
    /// claims; may run on any thread.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn authenticate(&self, submission: Submission) -> Result<Authentic, Refusal> {
        let party = submission.party();
        let origin = self.origin();
        let signer = match submission.entry() {
            Entry::PartyAdmitted(admitted) if self.parties.is_empty() => {
                // Nobody is admitted yet: the founder vouches for itself.
                self.check_founder(&submission)?;
                admitted.signing_key
            }
            _ => self.parties.active(&party)?.signing_key,
        };
        submission
            .signed()
            .verify_signature(&signer)
            .map_err(|_| Refusal::SignatureInvalid { party })?;
        let mut source = None;
        match submission.entry() {
            Entry::PartyAdmitted(admitted) => admitted
                .verify_consent(origin)
                .map_err(|_| Refusal::PossessionInvalid { what: "consent" })?,
            Entry::KeysRotated(rotated) => rotated
                .verify_possession(origin, &party)
                .map_err(|_| Refusal::PossessionInvalid { what: "possession" })?,
            Entry::EarnBatch(batch) => source = Some(self.verify_source_signatures(batch)?),
            _ => {}
        }
        Ok(Authentic {
            submission,
            signer,
            source,
        })
    }

    /// Applies every rule. Pure: nothing changes, and the answer depends on state, entry and
    /// time only. An earn batch needs its verified statement, which must be the one that this
    /// very state gives.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(
        &self,
        authentic: &Authentic,
        time: u64,
        verified: Option<&Verified<EarnStatement>>,
    ) -> Result<Effects, Refusal> {
        let submission = &authentic.submission;
        if time < self.time {
            return Err(Refusal::TimeBackwards {
                last: self.time,
                found: time,
            });
        }
        if submission.signed.origin != *self.origin() {
            return Err(Refusal::OtherOrigin {
                expected: self.origin().to_string(),
                found: submission.signed.origin.to_string(),
            });
        }
        self.check_signer(authentic)?;
        let mut uniques = vec![Unique {
            set: UniqueSet::Entry,
            value: submission.id.0,
            claim: None,
        }];
        let change = self.check_kind(authentic, time, verified, &mut uniques)?;
        let leaf = Leaf {
            time,
            entry: submission.signed.clone(),
        }
        .to_bytes();
        Ok(Effects {
            index: self.size,
            time,
            id: submission.id,
            leaf,
            uniques,
            change,
        })
    }

    /// Applies what [`State::check`] decided, after the store has taken it.
    ///
    /// # Errors
    /// [`StaleEffects`] when another entry was committed in between.
    pub fn commit(&mut self, effects: Effects) -> Result<(), StaleEffects> {
        if effects.index != self.size {
            return Err(StaleEffects {
                expected: self.size,
                found: effects.index,
            });
        }
        self.size += 1;
        self.time = effects.time;
        self.history = field::digest(
            "merits/history/v1",
            &[&self.history, &leaf_hash(&effects.leaf)],
        );
        match effects.change {
            Change::Party(change) => self.parties.apply(change),
            Change::Epoch(keys) => self.epochs.apply(*keys),
            Change::Scale(change) => self.scales.apply(change),
            Change::Earn(batch) => {
                self.scales
                    .record_batch(&batch.scale, batch.period, batch.credits.worst);
                self.totals.apply_batch(batch);
            }
            Change::Opening(change) => self.openings.apply(change),
            Change::Total(total) => {
                if total.key.output == Output::Credits {
                    self.scales
                        .record_total(total.key.asset, total.worst, total.opened.sum);
                }
                self.totals.apply_total(total);
            }
        }
        Ok(())
    }

    /// A digest of the whole state, equal for all who applied the same leaves under the same
    /// policy, and for nobody else.
    pub fn digest(&self) -> [u8; 32] {
        let mut out = Writer::new();
        self.policy.write(&mut out);
        out.u64(self.size);
        out.u64(self.time);
        out.array(&self.history);
        self.parties.write(&mut out);
        self.epochs.write(&mut out);
        self.scales.write(&mut out);
        self.openings.write(&mut out);
        self.totals.write(&mut out);
        field::digest("merits/state/v1", &[&out.into_bytes()])
    }

    fn check_founder(&self, submission: &Submission) -> Result<(), Refusal> {
        let authority = self.policy.authority;
        match submission.entry() {
            Entry::PartyAdmitted(admitted)
                if submission.party() == authority
                    && admitted.party(self.origin()) == authority
                    && admitted.roles.has(Role::Supervisor) =>
            {
                Ok(())
            }
            _ => Err(Refusal::NotFounded { authority }),
        }
    }

    fn check_signer(&self, authentic: &Authentic) -> Result<(), Refusal> {
        let party = authentic.submission.party();
        if self.parties.is_empty() {
            return self.check_founder(&authentic.submission);
        }
        if self.parties.active(&party)?.signing_key != authentic.signer {
            return Err(Refusal::KeyRotated { party });
        }
        Ok(())
    }

    fn check_kind(
        &self,
        authentic: &Authentic,
        time: u64,
        verified: Option<&Verified<EarnStatement>>,
        uniques: &mut Vec<Unique>,
    ) -> Result<Change, Refusal> {
        let submission = &authentic.submission;
        let party = submission.party();
        let acting = |role| self.parties.acting(&party, role);
        match submission.entry() {
            Entry::PartyAdmitted(admitted) => {
                if !self.parties.is_empty() {
                    acting(Role::Supervisor)?;
                }
                self.parties
                    .check_admitted(self.origin(), admitted)
                    .map(Change::Party)
            }
            Entry::PartySuspended(change) => {
                acting(Role::Supervisor)?;
                self.parties.check_standing(change, true).map(Change::Party)
            }
            Entry::PartyReinstated(change) => {
                acting(Role::Supervisor)?;
                self.parties
                    .check_standing(change, false)
                    .map(Change::Party)
            }
            Entry::KeysRotated(rotated) => self
                .parties
                .check_rotation(&party, rotated)
                .map(Change::Party),
            Entry::ViewKeyEpochOpened(opened) => {
                acting(Role::Supervisor)?;
                let keys = self
                    .epochs
                    .check_opened(self.origin(), &self.parties, opened)?;
                Ok(Change::Epoch(Box::new(keys)))
            }
            Entry::ScaleProposed(proposed) => {
                acting(Role::Issuer)?;
                let keys = self.policy.keys;
                self.scales
                    .check_proposed(submission.id, party, proposed, keys)
                    .map(Change::Scale)
            }
            Entry::ScaleApproved(approved) => {
                acting(Role::Supervisor)?;
                self.scales.check_approved(approved).map(Change::Scale)
            }
            Entry::ScaleRetired(retired) => {
                // The issuer retires its own scale; a supervisor any.
                if !self.scales.is_issuer(&retired.id, retired.version, &party) {
                    acting(Role::Supervisor)?;
                }
                self.scales.check_retired(retired).map(Change::Scale)
            }
            Entry::EarnBatch(batch) => {
                acting(Role::Distributor)?;
                self.check_earn(authentic, batch, time, verified, uniques)
                    .map(Change::Earn)
            }
            Entry::OpeningRequested(requested) => {
                acting(Role::Supervisor)?;
                self.scales.get(&requested.scale)?;
                self.openings
                    .check_requested(submission.id, party, requested, time)
                    .map(Change::Opening)
            }
            Entry::OpeningCompleted(completed) => {
                acting(Role::Supervisor)?;
                self.openings
                    .check_completed(party, completed)
                    .map(Change::Opening)
            }
            Entry::OpeningRevealed(revealed) => {
                acting(Role::Supervisor)?;
                self.openings
                    .check_revealed(self.origin(), party, revealed)
                    .map(Change::Opening)
            }
            Entry::TotalsOpened(opened) => {
                acting(Role::Supervisor)?;
                self.check_total(submission.id, opened).map(Change::Total)
            }
        }
    }
}
