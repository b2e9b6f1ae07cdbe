//! Queries of the exchange's copy of the log about offers and redemptions. All of them read the
//! disk, so never call them on the async runtime
//! ([`LedgerPort::look`](merits_party::ledger::LedgerPort::look)).

use std::sync::Arc;

use merits_ledger::{
    Groth16Job, Groth16Keys, KnownProofs, OfferRefusal, Refusal, State, Submission, UniqueSet,
    UnpreparedKey, entry::Redeemed,
};
use merits_primitives::{
    calendar::Timestamp,
    field,
    ids::{EntryId, Origin, PartyId},
};
use merits_proto::{Fault, OfferHere};
use merits_replica::Replica;
use merits_verifier::{entry::SignedEntry, groth16::PreparedKey};

use crate::ledger::unreadable;

/// Where an exchange reads the time.
pub type Clock = fn() -> Timestamp;

/// The answer of the exchange's copy of the log about a redemption.
pub(crate) enum Examined {
    /// It is in the log.
    Known,
    /// It may come: what its proof must prove, under which key, and the offer's quota.
    New {
        job: Box<Groth16Job>,
        key: Key,
        quota: u32,
        /// Where the copy looks for proofs that were verified here.
        known: KnownProofs,
    },
}

/// A verifying key. If it is not prepared yet, it is prepared where proofs are verified: outside of
/// the copy's lock, and on a core that is reserved for that.
pub(crate) enum Key {
    Prepared(Arc<PreparedKey>),
    Unprepared(Box<UnpreparedKey>),
}

/// The data that an exchange needs to check a redemption. Clones share the prepared keys.
#[derive(Debug, Clone)]
pub(crate) struct Examiner {
    pub(crate) origin: Origin,
    pub(crate) party: PartyId,
    pub(crate) clock: Clock,
    pub(crate) keys: Groth16Keys,
}

impl Examiner {
    /// Offers that this exchange serves and that are open now, with their quotas, in the order of their
    /// ids.
    pub(crate) fn offers_after(
        &self,
        replica: &Replica,
        after: Option<EntryId>,
    ) -> Result<Vec<(OfferHere, u32)>, Fault> {
        let state = state(replica)?;
        let now = self.now(state);
        let open = state.offers().iter().filter(|(id, offer)| {
            after.is_none_or(|after| **id > after)
                && offer.published.exchanges.contains(&self.party)
                && offer.check_open(id, now).is_ok()
        });
        let here = open.map(|(id, offer)| {
            let quota = offer.published.quota;
            let left = quota.saturating_sub(offer.redeemed);
            (OfferHere { offer: *id, left }, quota)
        });
        Ok(here.collect())
    }

    /// The outer error is that of the copy.
    pub(crate) fn examine(
        &self,
        replica: &Replica,
        entry: &SignedEntry,
        redeemed: &Redeemed,
    ) -> Result<Result<Examined, Box<Refusal>>, Fault> {
        let state = state(replica)?;
        if replica.find(&entry.id()).map_err(unreadable)?.is_some() {
            return Ok(Ok(Examined::Known));
        }
        let spending = &redeemed.spending;
        for (set, value) in [
            (UniqueSet::Spend, field::to_bytes(&spending.sn1)),
            (UniqueSet::Spend, field::to_bytes(&spending.sn2)),
            (UniqueSet::Rate, field::to_bytes(&spending.rn)),
        ] {
            let used = replica.used(set, &value);
            if used.map_err(unreadable)?.is_some() {
                return Ok(Err(Box::new(Refusal::AlreadyUsed { set, claim: None })));
            }
        }
        let known = replica.known_proofs();
        Ok(self.examine_unused(state, entry, redeemed, known))
    }

    fn examine_unused(
        &self,
        state: &State,
        entry: &SignedEntry,
        redeemed: &Redeemed,
        known: KnownProofs,
    ) -> Result<Examined, Box<Refusal>> {
        let id = redeemed.offer;
        let unknown = Refusal::Offer(OfferRefusal::Unknown { offer: id });
        let offer = state.offers().get(&id).ok_or(unknown)?;
        if !offer.published.exchanges.contains(&self.party) {
            return Err(Box::new(OfferRefusal::Elsewhere { offer: id }.into()));
        }
        offer.check_open(&id, self.now(state))?;
        let submission = Submission::from_signed(entry.clone(), &self.origin)?;
        let job = state.question(&submission)?.ok_or(Refusal::NotVerified)?;
        let job = job.groth16()?;
        let key = match self.keys.find(&job.key) {
            Some(key) => Key::Prepared(key),
            None => Key::Unprepared(Box::new(UnpreparedKey::of(state, &job.key)?)),
        };
        Ok(Examined::New {
            job: Box::new(job),
            key,
            quota: offer.published.quota,
            known,
        })
    }

    /// The log's time never runs backwards, whatever the machine's clock does.
    fn now(&self, state: &State) -> Timestamp {
        (self.clock)().max(state.time())
    }
}

fn state(replica: &Replica) -> Result<&State, Fault> {
    replica.state().map_err(unreadable)
}
