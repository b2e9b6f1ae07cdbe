//! Statements of people: what a ticket, a withdrawal, a redemption and an attestation must prove.
//! All values of the ledger are taken from its state.

use merits_primitives::{
    calendar::{Day, Timestamp},
    context::{Context, redeem_context},
    field,
    group::GroupRoot,
    ids::{AssetId, Credits, Expiry, PartyId},
    message::{Consent, withdrawal_message},
    scope::{RateScope, attest_scope, claim_scope, rate_scope},
};
use merits_verifier::statement::{
    redeem::{MOST_A_DAY, RedeemStatement},
    ticket::TicketStatement,
};

use super::Governing;
use super::draft::Draft;
use super::tickets::MOST_DAYS_AHEAD;
use crate::entry::{Attested, ConsentWithdrawn, Redeemed, Spending, TicketDeposited};
use crate::refusal::{CheckError, IdentityRefusal, ProvenTerm, Refusal, TicketRefusal};
use crate::role::Role;
use crate::rows::View;
use crate::store::UniqueSet;

/// The values of a spending proof besides the spending itself.
struct SpentOn {
    asset: AssetId,
    expiry: Expiry,
    amount: Credits,
    floor: Credits,
    context: Context,
    rate_scope: RateScope,
    rate_limit: u32,
}

impl Governing {
    /// What a deposited ticket must prove, and the person's message.
    ///
    /// # Errors
    /// [`Refusal`] when no proof could make the deposit acceptable.
    pub fn ticket_statement(
        &self,
        distributor: &PartyId,
        deposit: &TicketDeposited,
    ) -> Result<TicketStatement, Refusal> {
        let record = self
            .scales
            .in_force(&deposit.scale, deposit.version, deposit.period)?;
        let terms = &record.terms;
        let expiry = terms.expiry.expiry(deposit.period);
        if deposit.expiry != expiry {
            return Err(Refusal::OtherTerms {
                what: ProvenTerm::Expiry,
                expected: expiry.0.to_string(),
                found: deposit.expiry.0.to_string(),
            });
        }
        let source = terms.per_source.then_some(&deposit.source);
        let consent = Consent {
            origin: self.origin(),
            distributor,
            terms: &deposit.terms,
            scale: &terms.id,
            version: terms.version,
            manifest: &record.manifest,
            expiry,
        };
        Ok(TicketStatement {
            root: deposit.root,
            scope: claim_scope(terms.asset, deposit.period, source),
            nullifier: deposit.nullifier,
            b: deposit.b,
            message: consent.message(&deposit.salt),
            // A period of the year 9999 ends before 2^32 days.
            start: u32::try_from(deposit.period.first_day().max(0)).map_or(Day::LAST, Day),
        })
    }

    /// What a withdrawal must prove. Anybody who holds the secret may withdraw, eligible or not, so
    /// the day is the last possible one.
    pub fn withdrawal_statement(&self, withdrawn: &ConsentWithdrawn) -> TicketStatement {
        TicketStatement {
            root: withdrawn.root,
            scope: withdrawn.scope,
            nullifier: withdrawn.nullifier,
            b: withdrawn.b,
            message: withdrawal_message(self.origin(), withdrawn.message),
            start: Day::LAST,
        }
    }

    /// What a redemption must prove.
    ///
    /// # Errors
    /// [`Refusal`] when no proof could make it acceptable.
    pub fn redeem_statement(
        &self,
        exchange: &PartyId,
        redeemed: &Redeemed,
    ) -> Result<RedeemStatement, Refusal> {
        let offer = self.offers.known(&redeemed.offer)?;
        let spent = SpentOn {
            asset: offer.asset,
            expiry: offer.published.expiry,
            amount: offer.published.price,
            floor: Credits(0),
            context: redeem_context(
                self.origin(),
                &redeemed.offer,
                exchange,
                &redeemed.voucher_key,
            ),
            rate_scope: rate_scope(&redeemed.offer, redeemed.day),
            rate_limit: offer.published.per_day.clamp(1, MOST_A_DAY),
        };
        self.spending_statement(&spent, &redeemed.spending)
    }

    /// What an attestation must prove.
    ///
    /// # Errors
    /// [`Refusal`] when no proof could make it acceptable.
    pub fn attest_statement(&self, attested: &Attested) -> Result<RedeemStatement, Refusal> {
        let spent = SpentOn {
            asset: self.scales.get(&attested.scale)?.asset,
            expiry: attested.expiry,
            amount: Credits(0),
            floor: attested.floor,
            context: attested.context,
            rate_scope: attest_scope(attested.context),
            rate_limit: 1,
        };
        self.spending_statement(&spent, &attested.spending)
    }

    fn spending_statement(
        &self,
        spent: &SpentOn,
        spending: &Spending,
    ) -> Result<RedeemStatement, Refusal> {
        let epoch = spending.epoch;
        let keys = self
            .epochs
            .get(epoch)
            .ok_or(Refusal::EpochUnknown { epoch })?;
        Ok(RedeemStatement {
            note_root: spending.note_root,
            group_root: spending.group_root,
            asset: spent.asset,
            expiry: spent.expiry,
            amount: spent.amount,
            floor: spent.floor,
            context: spent.context,
            sn1: spending.sn1,
            sn2: spending.sn2,
            cm_out: spending.cm_out,
            rate_scope: spent.rate_scope,
            rate_limit: spent.rate_limit,
            rn: spending.rn,
            a: keys.view_key,
            ey: spending.ey,
            c_id: spending.c_id,
        })
    }

    /// Checks every rule for a deposit except its proof.
    pub(super) fn check_deposit_terms(
        &self,
        deposit: &TicketDeposited,
        time: Timestamp,
        draft: &Draft<'_>,
    ) -> Result<(), CheckError> {
        self.source(&deposit.source)?;
        let start = u64::try_from(deposit.period.first_day().max(0)).unwrap_or(0);
        let latest = u64::from(time.day().0) + u64::from(MOST_DAYS_AHEAD);
        if start > latest {
            return Err(TicketRefusal::TooEarly {
                period: deposit.period.label(),
            }
            .into());
        }
        self.check_group_root(draft.view(), deposit.root, time)
    }

    pub(super) fn check_group_root(
        &self,
        view: &View,
        root: GroupRoot,
        time: Timestamp,
    ) -> Result<(), CheckError> {
        if self.people.accepts(view, root, time)? {
            return Ok(());
        }
        Err(IdentityRefusal::GroupRootUnknown.into())
    }

    /// Checks every rule for an entry that spends notes, except its proof, and writes its changes.
    pub(super) fn check_spending(
        &self,
        spending: &Spending,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        self.epochs.check_accepted(spending.epoch, time)?;
        let view = draft.view();
        self.check_group_root(view, spending.group_root, time)?;
        if !self.notes.accepts(view, spending.note_root, time)? {
            return Err(Refusal::NoteRootUnknown.into());
        }
        if !self.notes.has_room(1) {
            return Err(Refusal::NoteTreeFull.into());
        }
        for (set, value) in spending_values(spending) {
            draft.use_up(set, value, None);
        }
        self.notes.append(draft, &[spending.cm_out], time);
        Ok(())
    }

    /// A party that may commit to records.
    fn source(&self, source: &PartyId) -> Result<(), Refusal> {
        match self.parties.acting(source, Role::Source) {
            Ok(_) => Ok(()),
            Err(Refusal::PartyUnknown { party } | Refusal::RoleMissing { party, .. }) => {
                Err(Refusal::SourceUnknown {
                    source_party: party,
                })
            }
            Err(other) => Err(other),
        }
    }
}

/// The values that a spending uses up.
pub(super) fn spending_values(spending: &Spending) -> [(UniqueSet, [u8; 32]); 4] {
    [
        (UniqueSet::Spend, field::to_bytes(&spending.sn1)),
        (UniqueSet::Spend, field::to_bytes(&spending.sn2)),
        (UniqueSet::Rate, field::to_bytes(&spending.rn)),
        (UniqueSet::Note, field::to_bytes(&spending.cm_out)),
    ]
}
