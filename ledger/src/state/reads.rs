//! The rows that an entry's rules need, and the values that it may use up.

use merits_primitives::{field, ids::EntryId};

use super::{
    Governing, blobs, earn, key_generation, notes, openings, people, spending, tickets, totals,
};
use crate::entry::{Act, Entry, Spending};
use crate::role::Role;
use crate::rows::{RowError, RowKey, View};
use crate::store::UniqueSet;
use crate::submission::Submission;

impl Governing {
    /// The rows that [`Governing::job`] reads. Only kinds that anybody can send have any, and opened totals. As for
    /// [`Governing::reads`], call it with the view so far until it requests nothing new.
    ///
    /// # Errors
    /// [`RowError::Malformed`].
    pub fn job_reads(&self, submission: &Submission, view: &View) -> Result<Vec<RowKey>, RowError> {
        Ok(match submission.entry() {
            Entry::TotalsOpened(_) => self.reads(submission, view)?,
            Entry::ConsentWithdrawn(withdrawn) => vec![
                people::old_root_key(withdrawn.root).into_row(),
                tickets::withdrawal_key(&withdrawn.nullifier, &withdrawn.message).into_row(),
            ],
            Entry::Attested(attested) => {
                vec![people::old_root_key(attested.spending.group_root).into_row()]
            }
            _ => Vec::new(),
        })
    }

    /// The rows that [`Governing::check`] reads. Call it with the view so far until it requests
    /// nothing new: a tag leads to a person, and a person to the sibling nodes of a leaf's path.
    ///
    /// # Errors
    /// [`RowError::Malformed`].
    pub fn reads(&self, submission: &Submission, view: &View) -> Result<Vec<RowKey>, RowError> {
        // The rules refuse a party without the role before they read a row.
        let roles = acting_roles(submission.entry());
        let party = submission.party();
        let acts = |role: &Role| self.parties.acting(&party, *role).is_ok();
        if !roles.is_empty() && !roles.iter().any(acts) {
            return Ok(Vec::new());
        }
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
            | Entry::ScaleRetired(_)
            | Entry::EvaluatorOpened(_)
            | Entry::EvaluationCounted(_)
            | Entry::TermsPublished(_)
            | Entry::OfferPublished(_)
            | Entry::OfferClosed(_)
            // A request is new because its id is.
            | Entry::OpeningRequested(_) => Vec::new(),
            Entry::ActProposed(proposed) => act_reads(Some(&proposed.act)),
            // They check the act's own rules again.
            Entry::ActEndorsed(voice) => act_reads(self.proposed(&voice.proposal)),
            Entry::ActEnacted(named) => act_reads(self.proposed(&named.proposal)),
            Entry::KeyGenerationOpened(opened) => {
                key_generation::opened_reads(view, &party, opened)?
            }
            Entry::KeyGenerationMessage(message) => {
                key_generation::message_reads(view, &party, message)?
            }
            Entry::ScaleProposed(proposed) => {
                let named = proposed.key.blob();
                named
                    .map(|_| blobs::quota_key(&party).into_row())
                    .into_iter()
                    .collect()
            }
            Entry::EarnBatch(batch) => {
                let mut keys: Vec<RowKey> = tickets::claims_reads(batch).collect();
                if let Ok(scale) = self.scales.get(&batch.scale) {
                    keys.extend(totals::batch_reads(scale.asset, batch));
                }
                keys
            }
            Entry::OpeningCompleted(completed) => {
                vec![openings::opening_key(&completed.request).into_row()]
            }
            Entry::OpeningRevealed(revealed) => {
                vec![openings::opening_key(&revealed.request).into_row()]
            }
            Entry::TotalsOpened(opened) => totals::total_reads(view, opened)?,
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
            _ => Vec::new(),
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

/// The roles of which a party needs one to send an entry whose rules read rows. Empty if people
/// send it, or if no row is read.
fn acting_roles(entry: &Entry) -> &'static [Role] {
    match entry {
        Entry::ActProposed(_) => &[Role::Supervisor],
        Entry::KeyGenerationOpened(_) | Entry::KeyGenerationMessage(_) => {
            &[Role::Supervisor, Role::Witness]
        }
        Entry::ScaleProposed(_) => &[Role::Issuer],
        Entry::EarnBatch(_) | Entry::TicketDeposited(_) => &[Role::Distributor],
        Entry::OpeningCompleted(_) | Entry::OpeningRevealed(_) | Entry::TotalsOpened(_) => {
            &[Role::Supervisor]
        }
        Entry::IdentityRegistered(_) => &[Role::Registrar],
        Entry::IdentityRetired(_) => &[Role::Registrar, Role::Supervisor],
        Entry::Redeemed(_) => &[Role::Exchange],
        _ => &[],
    }
}

/// The rows that an act's own rules read: the attempts of an epoch of quorums. All others are in memory.
fn act_reads(act: Option<&Act>) -> Vec<RowKey> {
    match act {
        Some(Act::QuorumEpochOpened(opened)) => key_generation::epoch_reads(opened),
        _ => Vec::new(),
    }
}

fn spending_reads(spending: &Spending) -> Vec<RowKey> {
    vec![
        people::old_root_key(spending.group_root).into_row(),
        notes::anchor_key(spending.note_root).into_row(),
    ]
}
