//! The rules for each entry kind: who may make it, and what its module checks.

use merits_primitives::{calendar::Timestamp, field};
use merits_verifier::{groth16::KeyDigest, schnorr};

use super::draft::Draft;
use super::{Governing, check_not_expired, epochs, key_generation, openings, tickets};
use crate::entry::{Act, Entry, PersonStatement};
use crate::opened_total::TotalStatement;
use crate::proven::{ProvenStatement, VerifiedProof};
use crate::refusal::{CheckError, Refusal};
use crate::role::Role;
use crate::store::UniqueSet;
use crate::submission::Authentic;

impl Governing {
    /// Checks every rule of an entry's kind and writes its changes.
    pub(super) fn check_kind(
        &self,
        authentic: &Authentic,
        time: Timestamp,
        verified: Option<&VerifiedProof>,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let submission = &authentic.submission;
        let party = submission.party();
        let acting = |role| self.parties.acting(&party, role);
        match submission.entry() {
            Entry::PartyAdmitted(admitted) => {
                self.check_admits_itself(submission, admitted)?;
                Ok(self
                    .parties
                    .check_admitted(self.origin(), admitted, draft)?)
            }
            Entry::KeysRotated(rotated) => {
                Ok(self.parties.check_rotation(&party, rotated, draft)?)
            }
            Entry::KeySucceeded(succeeded) => Ok(self
                .parties
                .check_succession(&party, succeeded, time, draft)?),
            Entry::ActProposed(proposed) => {
                acting(Role::Supervisor)?;
                if let Act::StatementKeyAdopted(_) = &proposed.act {
                    // The board keeps acts with checked keys only, so enacting one checks no key.
                    authentic.published_key()?;
                }
                let content = (&proposed.act, &proposed.terms);
                self.check_proposed(submission.id, party, content, time, draft)
            }
            Entry::EpochProposed(proposed) => {
                acting(Role::Supervisor)?;
                let opened = &proposed.opened;
                self.epochs.check_next(&self.parties, opened)?;
                expect_known(verified, &epochs::possession(self.origin(), opened))?;
                let content = (&Act::ViewKeyEpochOpened(opened.clone()), &proposed.terms);
                self.check_proposed(submission.id, party, content, time, draft)
            }
            Entry::KeyGenerationOpened(opened) => {
                if acting(Role::Witness).is_err() {
                    acting(Role::Supervisor)?;
                }
                self.check_generation_opened(party, opened, time, draft)
            }
            Entry::KeyGenerationMessage(message) => {
                acting(key_generation::role_of(message.side))?;
                self.check_generation_message(party, message, time, draft)
            }
            Entry::KeyShareDestroyed(destroyed) => {
                acting(key_generation::role_of(destroyed.side))?;
                self.check_destroyed(party, destroyed, time, draft)
            }
            Entry::ActEndorsed(voice) => self.check_endorsed(party, voice, time, draft),
            Entry::EndorsementRevoked(voice) => self.check_revoked(party, voice, time, draft),
            Entry::ActObjected(named) => self.check_objected(party, &named.proposal, time, draft),
            Entry::ActEnacted(named) => self.check_enacted(named.proposal, time, draft),
            Entry::EmergencySuspended(suspended) => {
                acting(Role::Supervisor)?;
                Ok(self.parties.check_emergency(suspended, time, draft)?)
            }
            Entry::ScaleProposed(proposed) => {
                acting(Role::Issuer)?;
                let (id, keys) = (submission.id, self.policy.keys);
                let proposed = (proposed, authentic.published_key()?);
                Ok(self
                    .scales
                    .check_proposed(id, party, proposed, keys, draft)?)
            }
            Entry::ScaleRetired(retired) => {
                // The board retires any scale by an act, an issuer its own.
                if !self.scales.is_issuer(&retired.id, retired.version, &party) {
                    let needed = Role::Issuer;
                    return Err(Refusal::RoleMissing { party, needed }.into());
                }
                Ok(self.scales.check_retired(retired, draft)?)
            }
            Entry::EarnBatch(batch) => {
                acting(Role::Distributor)?;
                self.check_earn(authentic, batch, time, verified, draft)
            }
            Entry::OpeningRequested(requested) => {
                acting(Role::Supervisor)?;
                self.scales.get(&requested.scale)?;
                let id = submission.id;
                Ok(openings::check_requested(
                    id, party, requested, time, draft,
                )?)
            }
            Entry::OpeningCompleted(completed) => {
                acting(Role::Supervisor)?;
                openings::check_completed(party, completed, draft)
            }
            Entry::OpeningRevealed(revealed) => {
                acting(Role::Supervisor)?;
                openings::check_revealed(self.origin(), party, revealed, draft)
            }
            Entry::TotalsOpened(opened) => {
                acting(Role::Supervisor)?;
                self.check_total(submission.id, opened, verified, draft)
            }
            entry => self.check_people(entry, authentic, time, verified, draft),
        }
    }

    /// The kinds about people: identities, consents, offers, redemptions.
    fn check_people(
        &self,
        entry: &Entry,
        authentic: &Authentic,
        time: Timestamp,
        verified: Option<&VerifiedProof>,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let submission = &authentic.submission;
        let (id, party) = (submission.id, submission.party());
        let acting = |role| self.parties.acting(&party, role);
        let ticket = |statement| {
            let key = self.statement_keys.digest(PersonStatement::Ticket)?;
            expect_verified(verified, &ProvenStatement::Ticket(statement), key)
        };
        let redeem = |statement| {
            let key = self.statement_keys.digest(PersonStatement::Redeem)?;
            expect_verified(verified, &ProvenStatement::Redeem(statement), key)
        };
        match entry {
            Entry::EvaluatorOpened(opened) => {
                acting(Role::Evaluator)?;
                Ok(self.people.check_opened(party, opened, draft)?)
            }
            Entry::EvaluationCounted(counted) => {
                acting(Role::Evaluator)?;
                self.parties.acting(&counted.registrar, Role::Registrar)?;
                Ok(self.people.check_counted(id, party, counted, draft)?)
            }
            Entry::IdentityRegistered(registered) => {
                acting(Role::Registrar)?;
                // Its evaluation may be older than the evaluator's suspension.
                if let Some(evaluator) = self.people.evaluator() {
                    self.parties.acting(&evaluator.party, Role::Evaluator)?;
                }
                self.people.check_registered(party, registered, time, draft)
            }
            Entry::IdentityRetired(retired) => {
                // A registrar that knows the person, or a supervisor.
                if acting(Role::Registrar).is_err() {
                    acting(Role::Supervisor)?;
                }
                self.people.check_retired(retired, time, draft)
            }
            Entry::TermsPublished(published) => {
                acting(Role::Distributor)?;
                self.scales.get(&published.scale)?;
                Ok(self.terms.check_terms(party, id, published, draft)?)
            }
            Entry::TicketDeposited(deposit) => {
                acting(Role::Distributor)?;
                self.check_deposit_terms(deposit, time, draft)?;
                let statement = self.ticket_statement(&party, deposit)?;
                let message = statement.message;
                let new = self
                    .terms
                    .check_deposit(id, party, deposit, message, time, draft)?;
                ticket(statement)?;
                if new {
                    let nullifier = field::to_bytes(&deposit.nullifier);
                    draft.use_up(UniqueSet::Nullifier, nullifier, None);
                }
                self.scales
                    .record_ticket(draft, &deposit.scale, deposit.period);
                Ok(())
            }
            Entry::ConsentWithdrawn(withdrawn) => {
                self.check_group_root(draft.view(), withdrawn.root, time)?;
                ticket(self.withdrawal_statement(withdrawn))?;
                tickets::check_withdrawn(withdrawn, draft)
            }
            Entry::OfferPublished(published) => {
                acting(Role::Sponsor)?;
                let asset = self.scales.get(&published.scale)?.asset;
                for exchange in &published.exchanges {
                    self.parties.acting(exchange, Role::Exchange)?;
                }
                Ok(self
                    .offers
                    .check_published(id, party, asset, published, time, draft)?)
            }
            Entry::OfferClosed(closed) => {
                // Another party's offer is closed by an act of the board.
                acting(Role::Sponsor)?;
                Ok(self.offers.check_closed(Some(party), closed, time, draft)?)
            }
            Entry::Redeemed(redeemed) => {
                acting(Role::Exchange)?;
                self.offers
                    .check_redeemed(&self.parties, party, redeemed, time, draft)?;
                self.check_spending(&redeemed.spending, time, draft)?;
                Ok(redeem(self.redeem_statement(&party, redeemed)?)?)
            }
            Entry::Attested(attested) => {
                check_not_expired(attested.expiry, time)?;
                self.check_spending(&attested.spending, time, draft)?;
                Ok(redeem(self.attest_statement(attested)?)?)
            }
            _ => Err(Refusal::UnknownKind { kind: entry.kind() }.into()),
        }
    }
}

/// Checks that the Groth16 statement was verified, and that it is the one that this state gives, under the
/// key in force.
pub(super) fn expect_verified(
    verified: Option<&VerifiedProof>,
    statement: &ProvenStatement,
    key: KeyDigest,
) -> Result<(), Refusal> {
    match verified {
        Some(VerifiedProof::Groth16(verified))
            if verified.statement() == statement && verified.key() == key =>
        {
            Ok(())
        }
        Some(_) | None => Err(Refusal::NotVerified),
    }
}

/// The secrets of the points are known, and the points are those that this state gives.
fn expect_known(
    verified: Option<&VerifiedProof>,
    statement: &schnorr::Statement,
) -> Result<(), Refusal> {
    match verified {
        Some(VerifiedProof::Schnorr(verified)) if verified.statement() == statement => Ok(()),
        Some(_) | None => Err(Refusal::NotVerified),
    }
}

/// Checks that the partials and the sum of this very total were verified, over the batches of this state.
pub(super) fn expect_opened(
    verified: Option<&VerifiedProof>,
    statement: &TotalStatement,
) -> Result<(), Refusal> {
    match verified {
        Some(VerifiedProof::Total(verified)) if verified.statement() == statement => Ok(()),
        Some(_) | None => Err(Refusal::NotVerified),
    }
}
