//! The rules for each entry kind: who may make it, and what its module checks.

use merits_primitives::{
    calendar::Timestamp,
    field,
    ids::{EntryId, PartyId},
};
use merits_verifier::{
    groth16::KeyDigest,
    schnorr,
    statement::{redeem::RedeemStatement, ticket::TicketStatement},
};

use super::draft::Draft;
use super::openings::OpeningSubject;
use super::{Governing, alerts, check_not_expired, epochs, openings, tickets};
use crate::entry::{Act, Entry, PersonStatement, TicketDeposited};
use crate::opened_total::TotalStatement;
use crate::proven::{ProvenStatement, VerifiedProof};
use crate::refusal::{CheckError, Refusal};
use crate::role::Role;
use crate::store::UniqueSet;
use crate::submission::Authentic;

impl Governing {
    /// Checks every rule of an entry's kind and writes its changes. The kind's roles are checked first, for all kinds.
    pub(super) fn check_kind(
        &self,
        authentic: &Authentic,
        time: Timestamp,
        verified: Option<&VerifiedProof>,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let submission = &authentic.submission;
        let (id, party) = (submission.id, submission.party());
        self.check_may_send(&submission.entry().facts(), &party)?;
        match submission.entry() {
            Entry::PartyAdmitted(admitted) => {
                self.check_admits_itself(submission, admitted)?;
                let parties = &self.parties;
                Ok(parties.check_admitted(self.origin(), admitted, draft)?)
            }
            Entry::KeysRotated(rotated) => {
                Ok(self.parties.check_rotation(&party, rotated, draft)?)
            }
            Entry::KeySucceeded(succeeded) => Ok(self
                .parties
                .check_succession(&party, succeeded, time, draft)?),
            Entry::ActProposed(proposed) => {
                if proposed.act.published().is_some() {
                    // The board keeps acts with checked keys only, so enacting one checks no key.
                    authentic.published_key()?;
                }
                let content = (&proposed.act, &proposed.terms);
                self.check_proposed(id, party, content, time, draft)
            }
            Entry::EpochProposed(proposed) => {
                let opened = &proposed.opened;
                self.epochs.check_next(&self.parties, opened)?;
                expect_known(verified, &epochs::possession(self.origin(), opened))?;
                let content = (&Act::ViewKeyEpochOpened(opened.clone()), &proposed.terms);
                self.check_proposed(id, party, content, time, draft)
            }
            Entry::KeyGenerationOpened(opened) => {
                self.check_generation_opened(party, opened, time, draft)
            }
            Entry::KeyGenerationMessage(message) => {
                self.parties.acting(&party, Role::of_side(message.side))?;
                self.check_generation_message(party, message, time, draft)
            }
            Entry::KeyShareDestroyed(destroyed) => {
                self.check_destroyed(party, destroyed, time, draft)
            }
            Entry::ActEndorsed(voice) => self.check_endorsed(party, voice, time, draft),
            Entry::EndorsementRevoked(voice) => self.check_revoked(party, voice, time, draft),
            Entry::ActObjected(named) => self.check_objected(party, &named.proposal, time, draft),
            Entry::ActEnacted(named) => self.check_enacted(named.proposal, time, draft),
            Entry::EmergencySuspended(suspended) => {
                Ok(self.parties.check_emergency(suspended, time, draft)?)
            }
            Entry::ScaleProposed(proposed) => {
                let proposed = (proposed, authentic.published_key()?);
                let keys = self.policy.keys;
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
            Entry::EarnBatch(batch) => self.check_earn(authentic, batch, time, verified, draft),
            Entry::OpeningRequested(requested) => {
                let requested = (OpeningSubject::Claim, requested);
                Ok(self.check_opening_requested((id, party), requested, time, draft)?)
            }
            Entry::RedeemerRequested(requested) => {
                let requested = (OpeningSubject::Redeemer, requested);
                Ok(self.check_opening_requested((id, party), requested, time, draft)?)
            }
            Entry::OpeningEndorsed(endorsed) => {
                openings::check_endorsed(party, endorsed, time, draft)
            }
            Entry::OpeningDisowned(disowned) => openings::check_disowned(party, disowned, draft),
            Entry::OpeningCompleted(completed) => {
                openings::check_completed(party, completed, draft)
            }
            Entry::OpeningRevealed(revealed) => {
                openings::check_revealed(self.origin(), party, revealed, draft)
            }
            Entry::AlertRaised(raised) => alerts::check_raised(
                (id, party),
                raised,
                (&self.parties, &self.scales),
                time,
                draft,
            ),
            Entry::AlertHandled(handled) => alerts::check_handled(party, handled, time, draft),
            Entry::TotalsCut(cut) => self.check_cut(id, cut, time, draft),
            Entry::TotalsOpened(opened) => self.check_total(id, opened, verified, draft),
            Entry::EvaluatorOpened(opened) => {
                let board = self.board.thresholds();
                Ok(self.people.check_opened(party, opened, board, draft)?)
            }
            Entry::EvaluationCounted(counted) => {
                self.parties.acting(&counted.registrar, Role::Registrar)?;
                self.people.check_counted(id, party, counted, draft)
            }
            Entry::IdentityRegistered(registered) => {
                let parties = &self.parties;
                self.people
                    .check_registered(party, registered, time, parties, draft)
            }
            Entry::TagDealingOpened(opened) => {
                self.check_tag_dealing_opened(party, opened, time, draft)
            }
            Entry::TagDealingMessage(published) => {
                self.check_tag_dealing_message(party, published, time, draft)
            }
            // By a registrar that knows the person, or by a supervisor.
            Entry::IdentityRetired(retired) => self.people.check_retired(retired, time, draft),
            Entry::TermsPublished(published) => {
                self.scales.get(&published.scale)?;
                Ok(self.terms.check_terms(party, id, published, draft)?)
            }
            Entry::TicketDeposited(deposit) => {
                self.check_deposited((id, party), deposit, time, verified, draft)
            }
            Entry::ConsentWithdrawn(withdrawn) => {
                self.check_group_root(draft.view(), withdrawn.root, time)?;
                self.expect_ticket(verified, self.withdrawal_statement(withdrawn))?;
                tickets::check_withdrawn(withdrawn, draft)
            }
            Entry::OfferPublished(published) => {
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
                Ok(self.offers.check_closed(Some(party), closed, time, draft)?)
            }
            Entry::Redeemed(redeemed) => {
                self.offers
                    .check_redeemed(&self.parties, party, redeemed, time, draft)?;
                self.check_spending(&redeemed.spending, time, draft)?;
                Ok(self.expect_redeem(verified, self.redeem_statement(&party, redeemed)?)?)
            }
            Entry::Attested(attested) => {
                check_not_expired(attested.expiry, time)?;
                self.check_spending(&attested.spending, time, draft)?;
                Ok(self.expect_redeem(verified, self.attest_statement(attested)?)?)
            }
        }
    }

    fn check_deposited(
        &self,
        (id, party): (EntryId, PartyId),
        deposit: &TicketDeposited,
        time: Timestamp,
        verified: Option<&VerifiedProof>,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        self.check_deposit_terms(deposit, time, draft)?;
        let statement = self.ticket_statement(&party, deposit)?;
        let message = statement.message;
        let new = self
            .terms
            .check_deposit(id, party, deposit, message, time, draft)?;
        self.expect_ticket(verified, statement)?;
        if new {
            let nullifier = field::to_bytes(&deposit.nullifier);
            draft.use_up(UniqueSet::Nullifier, nullifier, None);
        }
        self.scales
            .record_ticket(draft, &deposit.scale, deposit.period);
        Ok(())
    }

    fn expect_ticket(
        &self,
        verified: Option<&VerifiedProof>,
        statement: TicketStatement,
    ) -> Result<(), Refusal> {
        let key = self.statement_keys.digest(PersonStatement::Ticket)?;
        expect_verified(verified, &ProvenStatement::Ticket(statement), key)
    }

    fn expect_redeem(
        &self,
        verified: Option<&VerifiedProof>,
        statement: RedeemStatement,
    ) -> Result<(), Refusal> {
        let key = self.statement_keys.digest(PersonStatement::Redeem)?;
        expect_verified(verified, &ProvenStatement::Redeem(statement), key)
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
