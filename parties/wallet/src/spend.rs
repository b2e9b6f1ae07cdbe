//! Spends the person's notes: chooses them and prepares everything for the proof.
//!
//! Values that the ledger derives come from the ledger's own code over the wallet's copy
//! ([`redeem_statement`], [`attest_statement`]), so that nothing is derived twice. An exchange
//! signs and submits a redemption. The wallet itself submits attestations and merges of notes. A
//! merge is an attestation of 0 credits to oneself.
//!
//! [`redeem_statement`]: merits_ledger::Governing::redeem_statement
//! [`attest_statement`]: merits_ledger::Governing::attest_statement

use std::cell::RefCell;

use merits_circuits::redeem::{NoteWitness, RedeemTerms, RedeemWitness};
use merits_ledger::{
    OfferRefusal, Refusal, State,
    entry::{Attested, Redeemed, Spending},
    state::{Anchor, check_not_expired},
};
use merits_primitives::{
    Fr,
    calendar::Timestamp,
    context::{Context, attest_context},
    group::GroupRoot,
    identity::Secret,
    ids::{AssetId, Credits, EntryId, Expiry, PartyId, ScaleId},
    note::NoteCommitment,
    note_tree::{BucketRoot, NoteRoot},
    nullifier::{RateNullifier, SpendNullifier, rate_nullifier, spend_nullifier},
    view_encryption::{EphemeralKey, Exponent, SealedCommitment},
};
use merits_verifier::{attestation::Question, groth16::Proof, statement::redeem::RedeemStatement};
use rand_core::CryptoRng;

use crate::{
    choice::{Pair, choose, pairs},
    keys::WalletKeys,
    note_paths::NotePaths,
    prover::{PersonProving, ProvingError},
    view::{OwnIdentity, OwnNote, View},
};

pub use crate::spend_error::SpendError;

/// Verifier's name in the context of a merge, which no verifier asked for.
const MERGE: &str = "self";

/// The request for an attestation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Showing {
    /// Credits of this scale.
    pub scale: ScaleId,
    /// The bucket; `None` for the longest-lasting one with enough credits.
    pub expiry: Option<Expiry>,
    /// The least number of credits.
    pub floor: Credits,
    /// The verifier's question.
    pub question: Question,
    /// Last moment.
    pub not_after: Timestamp,
}

/// A spending that is ready to be proven.
#[derive(Debug)]
pub struct Planned<T> {
    /// The entry's statement.
    pub entry: T,
    /// The statement to prove.
    pub statement: RedeemStatement,
    /// The witness, which is secret.
    pub witness: RedeemWitness,
    /// The change.
    pub change: Credits,
}

impl<T> Planned<T> {
    /// Makes the proof.
    ///
    /// # Errors
    /// [`ProvingError`].
    pub fn prove(&self, prover: &dyn PersonProving) -> Result<Proof, ProvingError> {
        prover.redeem(&self.witness, &self.statement)
    }
}

/// A spending wallet: its keys, its view, and the state that both belong to.
#[derive(Debug)]
pub struct Spender<'a> {
    state: &'a State,
    view: &'a View,
    keys: &'a WalletKeys,
    identity: &'a OwnIdentity,
    /// The time.
    now: Timestamp,
    /// One for all notes, so that each bucket is hashed once.
    paths: RefCell<NotePaths<'a>>,
}

impl<'a> Spender<'a> {
    /// A wallet at `now`. The ledger's time counts where it is later.
    ///
    /// # Errors
    /// [`SpendError::NotRegistered`], [`SpendError::Retired`], [`SpendError::OtherView`].
    pub fn new(
        state: &'a State,
        view: &'a View,
        keys: &'a WalletKeys,
        now: Timestamp,
    ) -> Result<Self, SpendError> {
        let identity = view.identity.as_ref().ok_or(SpendError::NotRegistered)?;
        if identity.retired {
            return Err(SpendError::Retired);
        }
        if view.tree_size != state.notes().size() {
            return Err(SpendError::OtherView);
        }
        Ok(Self {
            state,
            view,
            keys,
            identity,
            now: now.max(state.time()),
            paths: RefCell::new(NotePaths::new(state, Vec::new())),
        })
    }

    /// The same with roots of complete buckets of the note tree, from the first on, that were computed
    /// before. They are checked before use, so wrong ones cost time and nothing else.
    #[must_use]
    pub fn knowing(self, complete: Vec<BucketRoot>) -> Self {
        Self {
            paths: RefCell::new(NotePaths::new(self.state, complete)),
            ..self
        }
    }

    /// The roots of complete buckets that are known after planning, for [`Spender::knowing`].
    pub fn known_buckets(&self) -> Vec<BucketRoot> {
        self.paths.borrow().complete().to_vec()
    }

    /// Redeems an offer at an exchange.
    ///
    /// # Errors
    /// [`SpendError`].
    pub fn redeem(
        &self,
        id: &EntryId,
        exchange: &PartyId,
        rng: &mut impl CryptoRng,
    ) -> Result<Planned<Redeemed>, SpendError> {
        let offers = self.state.offers();
        let unknown = Refusal::Offer(OfferRefusal::Unknown { offer: *id });
        let offer = offers.get(id).ok_or(unknown)?;
        offer.check_open(id, self.now)?;
        let published = &offer.published;
        if !published.exchanges.contains(exchange) {
            return Err(Refusal::Offer(OfferRefusal::Elsewhere { offer: *id }).into());
        }
        let pair = self.choose(offer.asset, published.expiry, published.price)?;
        let secret = self.secret();
        let sn1 = spend_nullifier(&secret, pair.first.cm);
        let mut redeemed = Redeemed {
            offer: *id,
            day: self.now.day(),
            voucher_key: self.keys.voucher_key(id, &sn1).public,
            spending: self.blank()?,
        };
        let asked = self.state.redeem_statement(exchange, &redeemed)?;
        let limit = asked.rate_limit;
        let index = self
            .index(&secret, &asked)
            .ok_or(SpendError::RateLimit { limit })?;
        let (statement, witness) = self.spend(secret, pair, &asked, index, rng)?;
        redeemed.spending = filled(&redeemed.spending, &statement);
        self.planned(redeemed, statement, witness)
    }

    /// Shows to one verifier that the person owns at least this many credits now.
    ///
    /// # Errors
    /// [`SpendError`].
    pub fn attest(
        &self,
        showing: &Showing,
        rng: &mut impl CryptoRng,
    ) -> Result<Planned<Attested>, SpendError> {
        let scale = &showing.scale;
        let asset = self.state.scales().get(scale)?.asset;
        let mut buckets: Vec<Expiry> = match showing.expiry {
            Some(expiry) => vec![expiry],
            None => self.buckets(asset),
        };
        // One proof is about one bucket and reveals which one. The longest-lasting one reveals
        // least.
        let longest = buckets.pop().ok_or(SpendError::NoCredits {
            scale: scale.clone(),
        })?;
        let mut chosen = self.choose(asset, longest, showing.floor);
        let mut expiry = longest;
        for bucket in buckets.into_iter().rev() {
            if chosen.is_ok() {
                break;
            }
            if let Ok(pair) = self.choose(asset, bucket, showing.floor) {
                (chosen, expiry) = (Ok(pair), bucket);
            }
        }
        let question = &showing.question;
        let context = attest_context(
            self.state.origin(),
            &question.verifier,
            &question.nonce,
            showing.not_after,
        );
        self.attested(scale, expiry, showing.floor, context, chosen?, rng)
    }

    /// Merges each pair of a bucket's notes into one, because a redemption takes at most two. Each
    /// merge is a separate entry.
    ///
    /// # Errors
    /// [`SpendError`].
    pub fn merge(
        &self,
        scale: &ScaleId,
        expiry: Expiry,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Planned<Attested>>, SpendError> {
        let asset = self.state.scales().get(scale)?.asset;
        check_not_expired(expiry, self.now)?;
        let ready = self.ready(asset, expiry);
        let mut merges = Vec::new();
        for pair in pairs(&ready) {
            let mut nonce = [0; 16];
            rng.fill_bytes(&mut nonce);
            let context = attest_context(self.state.origin(), MERGE, &nonce, self.now);
            merges.push(self.attested(scale, expiry, Credits(0), context, pair, rng)?);
        }
        Ok(merges)
    }

    /// Expiry buckets of a scale in which the person has valid credits, the one that ends first at
    /// the front.
    pub fn buckets(&self, asset: AssetId) -> Vec<Expiry> {
        let mut buckets: Vec<Expiry> = self
            .view
            .spendable()
            .filter(|note| note.asset == asset)
            .map(|note| note.expiry)
            .filter(|expiry| check_not_expired(*expiry, self.now).is_ok())
            .collect();
        buckets.sort_unstable();
        buckets.dedup();
        buckets
    }

    /// Checks whether notes of this bucket can pay this price in one redemption now, and returns
    /// the change.
    ///
    /// # Errors
    /// [`SpendError`].
    pub fn can_pay(
        &self,
        asset: AssetId,
        expiry: Expiry,
        price: Credits,
    ) -> Result<Credits, SpendError> {
        let pair = self.choose(asset, expiry, price)?;
        let second = pair.second.map_or(0, |note| note.value.0);
        let held = u128::from(pair.first.value.0) + u128::from(second);
        let left = held.saturating_sub(u128::from(price.0));
        // The chosen notes have a change that fits into one note.
        Ok(Credits(u64::try_from(left).unwrap_or(u64::MAX)))
    }

    /// Notes of a bucket that the newest anchor covers.
    fn ready(&self, asset: AssetId, expiry: Expiry) -> Vec<&'a OwnNote> {
        let size = self.anchor().map_or(0, |anchor| anchor.size);
        self.of_bucket(asset, expiry)
            .filter(|note| note.position < size)
            .collect()
    }

    fn of_bucket(&self, asset: AssetId, expiry: Expiry) -> impl Iterator<Item = &'a OwnNote> {
        self.view
            .spendable()
            .filter(move |note| note.asset == asset && note.expiry == expiry)
    }

    fn anchor(&self) -> Option<Anchor> {
        self.state.notes().anchor(self.now)
    }

    fn choose(
        &self,
        asset: AssetId,
        expiry: Expiry,
        needed: Credits,
    ) -> Result<Pair<'a>, SpendError> {
        check_not_expired(expiry, self.now)?;
        let slot = self.state.policy().anchor_interval.duration();
        let (ready, all) = (
            self.ready(asset, expiry),
            self.of_bucket(asset, expiry).map(|note| note.value),
        );
        // Every note that is here now is under the anchor of the slot that comes next.
        let next = self.now.next_slot(slot);
        Ok(choose(&ready, all, needed, next)?)
    }

    fn secret(&self) -> Secret {
        self.keys.secret(self.identity.generation)
    }

    /// A spending with roots and epoch but without notes, which is enough to ask the state what
    /// must be proven.
    fn blank(&self) -> Result<Spending, SpendError> {
        let epoch = self
            .state
            .epochs()
            .active(self.now)
            .ok_or(SpendError::NoEpoch)?;
        let zero = Fr::from(0u64);
        let anchor = self.anchor().map(|anchor| anchor.root);
        Ok(Spending {
            note_root: anchor.unwrap_or(NoteRoot(zero)),
            group_root: self
                .state
                .people()
                .group()
                .root()
                .unwrap_or(GroupRoot(zero)),
            sn1: SpendNullifier(zero),
            sn2: SpendNullifier(zero),
            cm_out: NoteCommitment(zero),
            rn: RateNullifier(zero),
            epoch: epoch.epoch,
            ey: EphemeralKey(zero),
            c_id: SealedCommitment(zero),
        })
    }

    fn attested(
        &self,
        scale: &ScaleId,
        expiry: Expiry,
        floor: Credits,
        context: Context,
        pair: Pair<'a>,
        rng: &mut impl CryptoRng,
    ) -> Result<Planned<Attested>, SpendError> {
        let mut attested = Attested {
            scale: scale.clone(),
            expiry,
            floor,
            context,
            spending: self.blank()?,
        };
        let asked = self.state.attest_statement(&attested)?;
        let secret = self.secret();
        let index = self
            .index(&secret, &asked)
            .ok_or(SpendError::AnsweredBefore)?;
        let (statement, witness) = self.spend(secret, pair, &asked, index, rng)?;
        attested.spending = filled(&attested.spending, &statement);
        self.planned(attested, statement, witness)
    }

    /// The first index under the rate limit whose nullifier is not used by one of the person's
    /// spendings.
    fn index(&self, secret: &Secret, asked: &RedeemStatement) -> Option<u16> {
        let used = |rn| self.view.spendings.iter().any(|spending| spending.rn == rn);
        (0..asked.rate_limit)
            .map_while(|index| u16::try_from(index).ok())
            .find(|index| !used(rate_nullifier(secret, asked.rate_scope, *index)))
    }

    fn spend(
        &self,
        secret: Secret,
        pair: Pair<'a>,
        asked: &RedeemStatement,
        index: u16,
        rng: &mut impl CryptoRng,
    ) -> Result<(RedeemStatement, RedeemWitness), SpendError> {
        let mut seed = zeroize::Zeroizing::new([0u8; 32]);
        rng.fill_bytes(seed.as_mut());
        let second = match pair.second {
            Some(note) => self.note(note)?,
            None => NoteWitness::dummy(rng),
        };
        let witness = RedeemWitness {
            birth: self.identity.birth,
            group_path: self
                .state
                .people()
                .group()
                .path(self.identity.index)?
                .ok_or(SpendError::OtherView)?,
            notes: [self.note(pair.first)?, second],
            index,
            exponent: Exponent::from_bytes(&seed),
            secret,
        };
        let statement = witness.statement(&RedeemTerms {
            note_root: asked.note_root,
            group_root: asked.group_root,
            asset: asked.asset,
            expiry: asked.expiry,
            amount: asked.amount,
            floor: asked.floor,
            context: asked.context,
            rate_scope: asked.rate_scope,
            rate_limit: asked.rate_limit,
            view_key: asked.a,
        })?;
        Ok((statement, witness))
    }

    /// A note with its path under the anchor.
    fn note(&self, note: &OwnNote) -> Result<NoteWitness, SpendError> {
        let anchor = self.anchor().ok_or(SpendError::OtherView)?;
        let path = self.paths.borrow_mut().path(note.position, &anchor)?;
        Ok(NoteWitness {
            value: note.value,
            made_of: note.made_of,
            path,
        })
    }

    fn planned<T>(
        &self,
        entry: T,
        statement: RedeemStatement,
        witness: RedeemWitness,
    ) -> Result<Planned<T>, SpendError> {
        Ok(Planned {
            change: witness.change(statement.amount)?,
            entry,
            statement,
            witness,
        })
    }
}

/// The spending of a statement.
fn filled(blank: &Spending, statement: &RedeemStatement) -> Spending {
    Spending {
        note_root: statement.note_root,
        group_root: statement.group_root,
        sn1: statement.sn1,
        sn2: statement.sn2,
        cm_out: statement.cm_out,
        rn: statement.rn,
        epoch: blank.epoch,
        ey: statement.ey,
        c_id: statement.c_id,
    }
}
