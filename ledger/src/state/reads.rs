//! The rows that an entry's rules need, and the values that it may use up.

use merits_primitives::{field, group::GroupRoot, ids::EntryId};

use super::tickets::Withdrawal;
use super::{
    Governing, alerts, blobs, earn, key_generation, notes, openings, people, spending, tag_key,
    tickets, totals,
};
use crate::entry::{Act, Entry, Spending};
use crate::rows::{Key, RowError, RowKey, View};
use crate::store::UniqueSet;
use crate::submission::Submission;

impl Governing {
    /// The rows that [`Governing::job`] reads. Only kinds that anybody can send have any, and opened totals. As for
    /// [`Governing::reads`], call it with the view so far until it requests nothing new.
    ///
    /// # Errors
    /// [`RowError::Malformed`].
    pub fn job_reads(&self, submission: &Submission, view: &View) -> Result<Vec<RowKey>, RowError> {
        let entry = submission.entry();
        if entry.facts().proves_rows {
            return self.reads(submission, view);
        }
        let Some(early) = before_proof(entry) else {
            return Ok(Vec::new());
        };
        let root = people::old_root_key(early.root).into_row();
        let withdrawal = early.withdrawal.map(Key::into_row);
        Ok([root].into_iter().chain(withdrawal).collect())
    }

    /// The rows that [`Governing::check`] reads. Call it with the view so far until it requests
    /// nothing new: a tag leads to a person, and a person to the sibling nodes of a leaf's path.
    ///
    /// # Errors
    /// [`RowError::Malformed`].
    pub fn reads(&self, submission: &Submission, view: &View) -> Result<Vec<RowKey>, RowError> {
        // The rules refuse a party without the role before they read a row.
        let (entry, party) = (submission.entry(), submission.party());
        if self.check_may_send(&entry.facts(), &party).is_err() {
            return Ok(Vec::new());
        }
        let mut keys = self.own_reads(submission, view)?;
        if !entry.blobs().is_empty() {
            keys.push(blobs::quota_key(&party).into_row());
        }
        Ok(keys)
    }

    /// The rows that the rule of the entry's kind reads.
    fn own_reads(&self, submission: &Submission, view: &View) -> Result<Vec<RowKey>, RowError> {
        Ok(match submission.entry() {
            // Parties, the board, epochs, scales, keys, terms and offers are in memory.
            Entry::PartyAdmitted(_)
            | Entry::KeysRotated(_)
            | Entry::KeySucceeded(_)
            | Entry::EpochProposed(_)
            | Entry::EndorsementRevoked(_)
            | Entry::KeyShareDestroyed(_)
            | Entry::ActObjected(_)
            | Entry::EmergencySuspended(_)
            | Entry::ScaleProposed(_)
            | Entry::ScaleRetired(_)
            | Entry::EvaluatorOpened(_)
            | Entry::TermsPublished(_)
            | Entry::OfferPublished(_)
            | Entry::OfferClosed(_)
            // A request is new because its id is.
            | Entry::OpeningRequested(_)
            | Entry::RedeemerRequested(_) => Vec::new(),
            Entry::AlertRaised(_) => vec![alerts::quota_key(&submission.party()).into_row()],
            Entry::AlertHandled(handled) => vec![
                alerts::alert_key(&handled.alert).into_row(),
                alerts::quota_key(&submission.party()).into_row(),
            ],
            Entry::ActProposed(proposed) => act_reads(Some(&proposed.act)),
            // They check the act's own rules again.
            Entry::ActEndorsed(voice) => act_reads(self.proposed(&voice.proposal)),
            Entry::ActEnacted(named) => act_reads(self.proposed(&named.proposal)),
            Entry::KeyGenerationOpened(opened) => {
                key_generation::opened_reads(view, &submission.party(), opened)?
            }
            Entry::KeyGenerationMessage(message) => {
                key_generation::message_reads(view, &submission.party(), message)?
            }
            Entry::EarnBatch(batch) => {
                let mut keys: Vec<RowKey> = tickets::claims_reads(batch).collect();
                keys.extend(self.batch_reads(&submission.party(), batch, view)?);
                keys
            }
            Entry::OpeningEndorsed(endorsed) => {
                vec![openings::opening_key(&endorsed.request).into_row()]
            }
            Entry::OpeningDisowned(disowned) => {
                vec![openings::opening_key(&disowned.request).into_row()]
            }
            Entry::OpeningCompleted(completed) => {
                vec![openings::opening_key(&completed.request).into_row()]
            }
            Entry::OpeningRevealed(revealed) => {
                vec![openings::opening_key(&revealed.request).into_row()]
            }
            Entry::TotalsCut(cut) => self.cut_reads(cut, view)?,
            Entry::TotalsOpened(opened) => totals::total_reads(opened),
            Entry::EvaluationCounted(counted) => {
                vec![people::request_key(&counted.registrar, &counted.request).into_row()]
            }
            Entry::TagDealingOpened(opened) => {
                let key = tag_key::dealing_key(opened.generation, &submission.party());
                vec![key.into_row()]
            }
            Entry::TagDealingMessage(published) => {
                let key = tag_key::dealing_key(published.generation, &published.opener);
                vec![key.into_row()]
            }
            Entry::IdentityRegistered(registered) => {
                self.people.registration_reads(view, registered)?
            }
            Entry::IdentityRetired(retired) => self.people.retirement_reads(view, retired)?,
            Entry::TicketDeposited(deposit) => {
                let mut keys = vec![
                    people::old_root_key(deposit.root).into_row(),
                    tickets::ticket_key(&deposit.nullifier).into_row(),
                ];
                // Without a version in force there is no message, so the deposit is refused.
                if let Ok(statement) = self.ticket_statement(&submission.party(), deposit) {
                    let key = tickets::withdrawal_key(&deposit.nullifier, &statement.message);
                    keys.push(key.into_row());
                }
                keys
            }
            Entry::ConsentWithdrawn(withdrawn) => vec![
                people::old_root_key(withdrawn.root).into_row(),
                tickets::ticket_key(&withdrawn.nullifier).into_row(),
                tickets::withdrawal_key(&withdrawn.nullifier, &withdrawn.message).into_row(),
            ],
            Entry::Redeemed(redeemed) => spending_reads(&redeemed.spending),
            Entry::Attested(attested) => spending_reads(&attested.spending),
        })
    }

    /// A proposed act, by the entry that proposed it.
    fn proposed(&self, proposal: &EntryId) -> Option<&Act> {
        self.board.act(proposal).map(|proposed| &proposed.act)
    }

    /// The values that an entry may use up, to be looked up before the rules judge it: those of
    /// [`super::Effects::uniques`] except the entry's id, as far as the present governing state
    /// determines them.
    pub fn may_use(&self, submission: &Submission) -> Vec<(UniqueSet, [u8; 32])> {
        match submission.entry() {
            Entry::EarnBatch(batch) => match self.scales.get(&batch.scale) {
                Ok(scale) => earn::claim_values(scale.asset, batch).flatten().collect(),
                Err(_) => Vec::new(),
            },
            Entry::TicketDeposited(deposit) => {
                vec![(UniqueSet::Nullifier, field::to_bytes(&deposit.nullifier))]
            }
            Entry::Redeemed(redeemed) => spending::spending_values(&redeemed.spending).into(),
            Entry::Attested(attested) => spending::spending_values(&attested.spending).into(),
            Entry::AlertRaised(raised) => {
                vec![(UniqueSet::Alert, raised.occasion(&submission.party()))]
            }
            // By name, so that a new kind says whether it uses up values.
            Entry::PartyAdmitted(_)
            | Entry::KeysRotated(_)
            | Entry::KeySucceeded(_)
            | Entry::ActProposed(_)
            | Entry::EpochProposed(_)
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
            | Entry::AlertHandled(_)
            | Entry::TotalsCut(_)
            | Entry::TotalsOpened(_)
            | Entry::EvaluatorOpened(_)
            | Entry::EvaluationCounted(_)
            | Entry::IdentityRegistered(_)
            | Entry::IdentityRetired(_)
            | Entry::TagDealingOpened(_)
            | Entry::TagDealingMessage(_)
            | Entry::TermsPublished(_)
            | Entry::ConsentWithdrawn(_)
            | Entry::OfferPublished(_)
            | Entry::OfferClosed(_) => Vec::new(),
        }
    }
}

impl Governing {
    /// Hashes in one pass the nodes of the note tree that a group completes if all its submissions are
    /// accepted in this order, and keeps them in the group's view. Hashing many at once costs a fraction of
    /// hashing them one by one. Other nodes are hashed when they are needed, and the rules' answers are the
    /// same.
    pub fn hash_ahead<'s>(
        &self,
        submissions: impl IntoIterator<Item = &'s Submission>,
        view: &mut View,
    ) {
        let submissions = submissions.into_iter();
        let notes = submissions.flat_map(|submission| submission.entry().notes());
        view.learn_ahead(self.notes.ahead(notes));
    }
}

/// What is compared with rows before the proof of an entry is verified.
pub(super) struct BeforeProof {
    /// The group root, which must be accepted still.
    pub(super) root: GroupRoot,
    /// Where a withdrawal of the same consent would be.
    pub(super) withdrawal: Option<Key<Withdrawal>>,
}

/// The comparisons that come before the verification of a proof. Anybody can send these kinds.
pub(super) fn before_proof(entry: &Entry) -> Option<BeforeProof> {
    match entry {
        Entry::ConsentWithdrawn(withdrawn) => Some(BeforeProof {
            root: withdrawn.root,
            withdrawal: Some(tickets::withdrawal_key(
                &withdrawn.nullifier,
                &withdrawn.message,
            )),
        }),
        Entry::Attested(attested) => Some(BeforeProof {
            root: attested.spending.group_root,
            withdrawal: None,
        }),
        // A party signs these, and its roles are checked first.
        Entry::PartyAdmitted(_)
        | Entry::KeysRotated(_)
        | Entry::KeySucceeded(_)
        | Entry::ActProposed(_)
        | Entry::EpochProposed(_)
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
        | Entry::EarnBatch(_)
        | Entry::OpeningRequested(_)
        | Entry::RedeemerRequested(_)
        | Entry::OpeningEndorsed(_)
        | Entry::OpeningDisowned(_)
        | Entry::OpeningCompleted(_)
        | Entry::OpeningRevealed(_)
        | Entry::AlertRaised(_)
        | Entry::AlertHandled(_)
        | Entry::TotalsCut(_)
        | Entry::TotalsOpened(_)
        | Entry::EvaluatorOpened(_)
        | Entry::EvaluationCounted(_)
        | Entry::IdentityRegistered(_)
        | Entry::IdentityRetired(_)
        | Entry::TagDealingOpened(_)
        | Entry::TagDealingMessage(_)
        | Entry::TermsPublished(_)
        | Entry::TicketDeposited(_)
        | Entry::OfferPublished(_)
        | Entry::OfferClosed(_)
        | Entry::Redeemed(_) => None,
    }
}

/// The rows that an act's own rules read: the attempts of an epoch of quorums. All others are in memory.
fn act_reads(act: Option<&Act>) -> Vec<RowKey> {
    match act {
        Some(Act::QuorumEpochOpened(opened)) => key_generation::epoch_reads(opened),
        Some(
            Act::PartyAdmitted(_)
            | Act::PartySuspended(_)
            | Act::PartyReinstated(_)
            | Act::PartyEnded(_)
            | Act::StatementKeyAdopted(_)
            | Act::ViewKeyEpochOpened(_)
            | Act::ScaleApproved(_)
            | Act::ScaleRetired(_)
            | Act::OfferClosed(_)
            | Act::ThresholdsChanged(_),
        )
        | None => Vec::new(),
    }
}

fn spending_reads(spending: &Spending) -> Vec<RowKey> {
    vec![
        people::old_root_key(spending.group_root).into_row(),
        notes::anchor_key(spending.note_root).into_row(),
    ]
}
