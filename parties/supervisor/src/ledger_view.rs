//! [`LedgerView`] over a ledger's state and its leaves, as a replica has verified them.

use merits_ledger::{
    Entry, Role, State,
    state::{IntervalTotal, TotalsKey},
};
use merits_primitives::{
    ids::{EntryId, Epoch, Origin, PartyId},
    view_encryption::{Ciphertext, SealedIdentity},
};
use merits_verifier::entry::SignedEntry;

use crate::{
    side::Side,
    view::{
        LedgerView, LoggedBatch, LoggedRedemption, LoggedRequest, PartyStanding, QuorumHalf,
        SealedClaim, Unreadable, Vouched,
    },
};

type FindEntry<'a> = dyn Fn(&EntryId) -> Result<Option<SignedEntry>, Unreadable> + 'a;

/// A state and a way to read the entries it came from.
pub struct StateView<'a> {
    state: &'a State,
    vouched: Vouched,
    entry: Box<FindEntry<'a>>,
}

impl std::fmt::Debug for StateView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "StateView({} at {})",
            self.state.origin(),
            self.state.size()
        )
    }
}

impl<'a> StateView<'a> {
    /// `entry` finds an entry by its id among the leaves that made `state`.
    pub fn new(
        state: &'a State,
        entry: impl Fn(&EntryId) -> Result<Option<SignedEntry>, Unreadable> + 'a,
    ) -> Self {
        Self {
            state,
            vouched: Vouched::Undemanded,
            entry: Box::new(entry),
        }
    }

    /// The same, of a copy for which others vouch.
    #[must_use]
    pub fn vouched_for(self, vouched: Vouched) -> Self {
        Self { vouched, ..self }
    }

    /// The state.
    pub fn state(&self) -> &State {
        self.state
    }

    /// A batch as supervision reads it; `None` for an entry of another kind.
    fn logged(&self, signed: &SignedEntry) -> Option<LoggedBatch> {
        // The leaves were decoded once to make the state, so this does not fail for an earn batch.
        // Other kinds are not batches.
        let Some(Ok(Entry::EarnBatch(batch))) = Entry::decode(signed.kind, &signed.statement)
        else {
            return None;
        };
        let record = self
            .state
            .scales()
            .version(&batch.scale, batch.version)
            .ok()?;
        let claims = batch.claims.iter().map(|claim| SealedClaim {
            commitment: claim.public.c,
            ciphertext: Ciphertext {
                ey: claim.public.ey,
                cv: claim.public.cv,
                ch: claim.public.ch,
            },
        });
        Some(LoggedBatch {
            scale: batch.scale.clone(),
            asset: record.terms.asset,
            period: batch.period,
            epoch: batch.epoch,
            v_max: record.terms.max_credits,
            w_max: record.terms.max_measure,
            t1: batch.t1,
            t2: batch.t2,
            measure: batch.measure,
            claims: claims.collect(),
        })
    }
}

impl LedgerView for StateView<'_> {
    fn origin(&self) -> &Origin {
        self.state.origin()
    }

    fn vouched(&self) -> Vouched {
        self.vouched
    }

    fn party(&self, id: &PartyId) -> Option<PartyStanding> {
        let party = self.state.parties().get(id)?;
        Some(PartyStanding {
            is_supervisor: party.roles.has(Role::Supervisor),
            suspended: party.suspended || party.ended,
            signing_key: party.signing_key,
            former: party.former,
            sealing_key: party.sealing_key,
        })
    }

    fn request(&self, id: &EntryId) -> Result<Option<LoggedRequest>, Unreadable> {
        let Some(opening) = self.state.openings().get(id)? else {
            return Ok(None);
        };
        Ok(Some(LoggedRequest {
            subject: opening.subject,
            needed: self.state.opening_needs(&opening),
            endorsed: self.state.opening_voices(&opening).copied().collect(),
            scale: opening.requested.scale,
            requester: opening.requester,
            commitment: opening.requested.commitment,
            deadline: opening.requested.deadline,
            result: opening.result,
        }))
    }

    fn batch(&self, id: &EntryId) -> Result<Option<LoggedBatch>, Unreadable> {
        Ok((self.entry)(id)?.and_then(|signed| self.logged(&signed)))
    }

    fn redemption(&self, id: &EntryId) -> Result<Option<LoggedRedemption>, Unreadable> {
        let signed = (self.entry)(id)?;
        let redeemed = signed.and_then(|signed| Entry::decode(signed.kind, &signed.statement));
        let Some(Ok(Entry::Redeemed(redeemed))) = redeemed else {
            return Ok(None);
        };
        let offer = self.state.offers().get(&redeemed.offer);
        let spending = &redeemed.spending;
        Ok(offer.map(|offer| LoggedRedemption {
            scale: offer.published.scale.clone(),
            epoch: spending.epoch,
            sn1: spending.sn1,
            identity: SealedIdentity {
                ey: spending.ey,
                c_id: spending.c_id,
            },
        }))
    }

    fn quorum(&self, epoch: Epoch, side: Side) -> Option<QuorumHalf> {
        let keys = self.state.epochs().get(epoch)?;
        Some(keys.half(side).clone())
    }

    fn destroyed(&self, epoch: Epoch, side: Side, holder: &PartyId) -> Result<bool, Unreadable> {
        let destroyed = self.state.key_generations().destroyed(epoch, side)?;
        Ok(destroyed.iter().any(|share| share.holder == *holder))
    }

    fn interval(&self, key: &TotalsKey, number: u32) -> Result<Option<IntervalTotal>, Unreadable> {
        Ok(self.state.totals().interval(key, number)?)
    }

    fn intervals(&self, key: &TotalsKey) -> Result<Vec<(u32, IntervalTotal)>, Unreadable> {
        Ok(self.state.totals().intervals(key)?)
    }
}
