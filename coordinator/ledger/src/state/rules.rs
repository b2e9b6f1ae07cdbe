//! Which rules an entry's kind asks for: who may make it, and what its module checks.

use merits_primitives::field;
use merits_verifier::{Verified, groth16::KeyDigest};

use super::{Change, State, check_not_expired, tickets};
use crate::entry::{Entry, PersonStatement};
use crate::proven::ProvenStatement;
use crate::refusal::Refusal;
use crate::role::Role;
use crate::store::{Unique, UniqueSet};
use crate::submission::Authentic;

impl State {
    /// Every rule of an entry's kind; adds the values that it uses up.
    pub(super) fn check_kind(
        &self,
        authentic: &Authentic,
        time: u64,
        verified: Option<&Verified<ProvenStatement>>,
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
                self.scales
                    .check_approved(&self.parties, approved)
                    .map(Change::Scale)
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
            Entry::StatementKeyAdopted(adopted) => {
                acting(Role::Supervisor)?;
                let adopted = self
                    .statement_keys
                    .check_adopted(adopted, self.policy.keys)?;
                Ok(Change::StatementKey(Box::new(adopted)))
            }
            entry => self.check_people(entry, authentic, time, verified, uniques),
        }
    }

    /// The kinds that are about people: identities, consents, offers, redemptions.
    fn check_people(
        &self,
        entry: &Entry,
        authentic: &Authentic,
        time: u64,
        verified: Option<&Verified<ProvenStatement>>,
        uniques: &mut Vec<Unique>,
    ) -> Result<Change, Refusal> {
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
                self.people.check_opened(party, opened).map(Change::People)
            }
            Entry::EvaluationCounted(counted) => {
                acting(Role::Evaluator)?;
                self.parties.acting(&counted.registrar, Role::Registrar)?;
                self.people
                    .check_counted(id, party, counted)
                    .map(Change::People)
            }
            Entry::IdentityRegistered(registered) => {
                acting(Role::Registrar)?;
                // Its evaluation may be from before the evaluator lost its voice.
                if let Some(evaluator) = self.people.evaluator() {
                    self.parties.acting(&evaluator.party, Role::Evaluator)?;
                }
                self.people
                    .check_registered(party, registered, time)
                    .map(Change::People)
            }
            Entry::IdentityRetired(retired) => {
                // A registrar that knows the person, or a supervisor.
                if acting(Role::Registrar).is_err() {
                    acting(Role::Supervisor)?;
                }
                self.people.check_retired(retired, time).map(Change::People)
            }
            Entry::TermsPublished(published) => {
                acting(Role::Distributor)?;
                self.scales.get(&published.scale)?;
                self.tickets
                    .check_terms(party, id, published)
                    .map(Change::Ticket)
            }
            Entry::TicketDeposited(deposit) => {
                acting(Role::Distributor)?;
                self.check_deposit_terms(deposit, time)?;
                let statement = self.ticket_statement(&party, deposit)?;
                let message = statement.message;
                let new = self
                    .tickets
                    .check_deposit(id, party, deposit, message, time)?;
                ticket(statement)?;
                // A ticket that lapsed or was withdrawn has used its place before.
                if self.tickets.open(&deposit.nullifier).is_none() {
                    uniques.push(Unique {
                        set: UniqueSet::Nullifier,
                        value: field::to_bytes(&deposit.nullifier),
                        claim: None,
                    });
                }
                let change = tickets::TicketChange::Deposited(Box::new(new));
                Ok(Change::Ticket(change))
            }
            Entry::ConsentWithdrawn(withdrawn) => {
                self.check_group_root(withdrawn.root, time)?;
                ticket(self.withdrawal_statement(withdrawn))?;
                self.tickets.check_withdrawn(withdrawn).map(Change::Ticket)
            }
            Entry::OfferPublished(published) => {
                acting(Role::Sponsor)?;
                let asset = self.scales.get(&published.scale)?.asset;
                for exchange in &published.exchanges {
                    self.parties.acting(exchange, Role::Exchange)?;
                }
                self.offers
                    .check_published(id, party, asset, published, time)
                    .map(Change::Offer)
            }
            Entry::OfferClosed(closed) => {
                let sponsor = acting(Role::Sponsor).is_ok();
                if !sponsor {
                    acting(Role::Supervisor)?;
                }
                self.offers
                    .check_closed(sponsor.then_some(party), closed, time)
                    .map(Change::Offer)
            }
            Entry::Redeemed(redeemed) => {
                acting(Role::Exchange)?;
                let change = self
                    .offers
                    .check_redeemed(&self.parties, party, redeemed, time)?;
                self.check_spending(&redeemed.spending, time, uniques)?;
                redeem(self.redeem_statement(&party, redeemed)?)?;
                Ok(Change::Spent(Some(change), redeemed.spending.cm_out))
            }
            Entry::Attested(attested) => {
                check_not_expired(attested.expiry, time)?;
                self.check_spending(&attested.spending, time, uniques)?;
                redeem(self.attest_statement(attested)?)?;
                Ok(Change::Spent(None, attested.spending.cm_out))
            }
            _ => Err(Refusal::UnknownKind { kind: entry.kind() }),
        }
    }
}

/// The statement was verified, and it is the one that this state gives, under the key in force.
pub(super) fn expect_verified(
    verified: Option<&Verified<ProvenStatement>>,
    statement: &ProvenStatement,
    key: KeyDigest,
) -> Result<(), Refusal> {
    match verified {
        Some(verified) if verified.statement() == statement && verified.key() == key => Ok(()),
        _ => Err(Refusal::NotVerified),
    }
}
