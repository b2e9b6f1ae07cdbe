//! The state that a ledger's entries make: small, in memory, the same for everybody who replays
//! them. Leaves and unique values are a [`crate::Store`]'s.

mod conservation;
mod earn;
mod epochs;
mod notes;
mod offers;
mod openings;
mod parties;
mod people;
mod rules;
mod scales;
mod spending;
mod statement_keys;
mod tickets;
mod totals;

pub use conservation::Balance;
pub use epochs::{EpochKeys, EpochStanding, Epochs};
pub use notes::{Anchor, Notes};
pub use offers::{Offer, Offers, RedeemedSum, check_not_expired};
pub use openings::{Opening, Openings};
pub use parties::{Parties, Party};
pub use people::{Evaluator, People, Person, ROOT_GRACE};
pub use scales::{Scale, Scales, VersionRecord, VersionStanding};
pub use statement_keys::{StatementKey, StatementKeys};
pub use tickets::{MOST_DAYS_AHEAD, RESERVATION, Terms, Ticket, Tickets};
pub use totals::{BatchTotal, OpenedTotal, Totals, WORST_TOTAL};

pub use merits_verifier::possession::TotalsKey;

use merits_primitives::{
    Fr, field,
    ids::{EntryId, Origin, Output},
};
use merits_verifier::{
    Verified,
    codec::{Canonical, Writer},
    entry::{Leaf, SignedEntry},
    groth16::{KeyDigest, Provenance, VerifyingKey},
    log::leaf_hash,
};
use thiserror::Error;

use crate::entry::{Entry, PersonStatement};
use crate::policy::LedgerPolicy;
use crate::proven::{Job, ProvenStatement};
use crate::refusal::Refusal;
use crate::role::Role;
use crate::store::{Unique, UniqueSet};
use crate::submission::{Authentic, Sender, Submission};

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
    statement_keys: StatementKeys,
    people: People,
    tickets: Tickets,
    notes: Notes,
    offers: Offers,
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
    hashed: notes::Hashed,
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

    /// Notes that it appends to the tree, in order.
    pub fn notes(&self) -> &[Fr] {
        match &self.change {
            Change::Earn(batch) => &batch.notes,
            Change::Spent(_, note) => std::slice::from_ref(note),
            _ => &[],
        }
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
    StatementKey(Box<crate::entry::StatementKeyAdopted>),
    People(people::PeopleChange),
    Ticket(tickets::TicketChange),
    Offer(offers::OfferChange),
    /// A redemption of an offer, or an attestation, and the change note.
    Spent(Option<offers::OfferChange>, Fr),
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
            notes: Notes::new(policy.anchor_seconds),
            policy,
            size: 0,
            time: 0,
            history: [0; 32],
            parties: Parties::default(),
            epochs: Epochs::default(),
            scales: Scales::default(),
            openings: Openings::default(),
            totals: Totals::default(),
            statement_keys: StatementKeys::default(),
            people: People::default(),
            tickets: Tickets::default(),
            offers: Offers::default(),
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

    /// The keys of `ticket` and `redeem`.
    pub fn statement_keys(&self) -> &StatementKeys {
        &self.statement_keys
    }

    /// Registered people.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// Consents.
    pub fn tickets(&self) -> &Tickets {
        &self.tickets
    }

    /// The note tree.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Offers and redemptions.
    pub fn offers(&self) -> &Offers {
        &self.offers
    }

    /// A verifying key of an approved version or of a statement, by digest.
    pub fn verifying_key(&self, digest: &KeyDigest) -> Option<(&VerifyingKey, Provenance)> {
        self.scales
            .verifying_key(digest)
            .or_else(|| self.statement_keys.verifying_key(digest))
    }

    /// What must be verified for this submission; `None` for kinds without a proof.
    ///
    /// # Errors
    /// [`Refusal`] when no proof could make the entry acceptable.
    pub fn job(&self, submission: &Submission) -> Result<Option<Job>, Refusal> {
        // Anybody can send these two, so what is cheap is asked before a proof is looked at. The
        // time of the last leaf is earlier than the entry's will be: a root that is too old then is
        // too old later.
        match submission.entry() {
            Entry::ConsentWithdrawn(withdrawn) => {
                self.check_group_root(withdrawn.root, self.time)?;
                self.tickets.check_withdrawn(withdrawn)?;
            }
            Entry::Attested(attested) => {
                self.check_group_root(attested.spending.group_root, self.time)?;
            }
            _ => {}
        }
        self.question(submission)
    }

    /// What the proof of this submission must show, by parties, scales, keys and offers alone: for
    /// whoever judges an entry of the log without its people and notes. Which roots were good is then
    /// the log's word. `None` for kinds without a proof.
    ///
    /// # Errors
    /// [`Refusal`] when no proof could make the entry acceptable.
    pub fn question(&self, submission: &Submission) -> Result<Option<Job>, Refusal> {
        let Some(proof) = submission.proof else {
            return Ok(None);
        };
        let party = submission.party();
        let person = |kind| self.statement_keys.digest(kind);
        let (key, statement) = match submission.entry() {
            Entry::EarnBatch(batch) => {
                let (key, statement) = self.earn_question(batch, &party)?;
                (key, ProvenStatement::Earn(statement))
            }
            Entry::TicketDeposited(deposit) => {
                let statement = self.ticket_statement(&party, deposit)?;
                let key = person(PersonStatement::Ticket)?;
                (key, ProvenStatement::Ticket(statement))
            }
            Entry::ConsentWithdrawn(withdrawn) => {
                let statement = self.withdrawal_statement(withdrawn);
                let key = person(PersonStatement::Ticket)?;
                (key, ProvenStatement::Ticket(statement))
            }
            Entry::Redeemed(redeemed) => {
                let statement = self.redeem_statement(&party, redeemed)?;
                let key = person(PersonStatement::Redeem)?;
                (key, ProvenStatement::Redeem(statement))
            }
            Entry::Attested(attested) => {
                let statement = self.attest_statement(attested)?;
                let key = person(PersonStatement::Redeem)?;
                (key, ProvenStatement::Redeem(statement))
            }
            _ => return Ok(None),
        };
        Ok(Some(Job {
            key,
            statement,
            proof,
        }))
    }

    /// Who sends an entry, found from its envelope alone: costs one signature, some tens of
    /// microseconds, and a digest of the bytes, whatever the statement holds. Says nothing about the
    /// statement, nor about its proof.
    ///
    /// # Errors
    /// [`Refusal::OtherOrigin`], [`Refusal::UnknownKind`], [`Refusal::PartyUnknown`],
    /// [`Refusal::PartySuspended`], [`Refusal::SignatureInvalid`].
    pub fn sender(&self, signed: &SignedEntry) -> Result<Sender, Refusal> {
        if signed.origin != *self.origin() {
            return Err(Refusal::OtherOrigin {
                expected: self.origin().to_string(),
                found: signed.origin.to_string(),
            });
        }
        let kind = signed.kind;
        // Reads nothing: whether there is such a kind.
        if Entry::decode(kind, &[]).is_none() {
            return Err(Refusal::UnknownKind { kind });
        }
        if Entry::is_personal_kind(kind) {
            return Ok(Sender::Person);
        }
        if self.parties.is_empty() {
            return Ok(Sender::Founder);
        }
        let party = signed.party;
        let key = &self.parties.active(&party)?.signing_key;
        signed
            .verify_signature(key)
            .map_err(|_| Refusal::SignatureInvalid { party })?;
        Ok(Sender::Party)
    }

    /// Checks all signatures of a submission: the party's, the consent or possession that the
    /// kind asks for, and the source's under each claim. Costs about a millisecond for 16
    /// claims; may run on any thread.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn authenticate(&self, submission: Submission) -> Result<Authentic, Refusal> {
        if submission.entry().is_personal() {
            if !submission.signed().is_unsigned() {
                return Err(Refusal::SignatureUnexpected {
                    kind: submission.entry().kind_name(),
                });
            }
            let (signer, source) = (None, None);
            return Ok(Authentic {
                submission,
                signer,
                source,
            });
        }
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
            signer: Some(signer),
            source,
        })
    }

    /// Applies every rule. Pure: nothing changes, and the answer depends on state, entry and
    /// time only. An entry with a proof needs its verified statement, which must be the one that
    /// this very state gives.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(
        &self,
        authentic: &Authentic,
        time: u64,
        verified: Option<&Verified<ProvenStatement>>,
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
            hashed: notes::Hashed::default(),
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
                self.notes
                    .append(&batch.notes, &effects.hashed, effects.time);
                self.tickets.claimed(&batch.tickets);
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
            Change::StatementKey(adopted) => self.statement_keys.apply(*adopted),
            Change::People(change) => self.people.apply(change),
            Change::Ticket(change) => {
                if let tickets::TicketChange::Deposited(ticket) = &change {
                    let deposit = &ticket.deposit;
                    self.scales.record_ticket(&deposit.scale, deposit.period);
                }
                self.tickets.apply(change);
            }
            Change::Offer(change) => self.offers.apply(change),
            Change::Spent(offer, note) => {
                if let Some(offer) = offer {
                    self.offers.apply(offer);
                }
                self.notes.append(&[note], &effects.hashed, effects.time);
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
        self.statement_keys.write(&mut out);
        self.people.write(&mut out);
        self.tickets.write(&mut out);
        self.notes.write(&mut out);
        self.offers.write(&mut out);
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
        match authentic.signer {
            None if authentic.submission.entry().is_personal() => Ok(()),
            Some(signer) if self.parties.active(&party)?.signing_key == signer => Ok(()),
            _ => Err(Refusal::KeyRotated { party }),
        }
    }
}
