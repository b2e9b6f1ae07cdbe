//! The steps of a redemption.
//!
//! 1. Refuse impossible redemptions cheaply, from the exchange's copy of the log: no such offer,
//!    not here, not open, sold out, spent before, daily limit reached. The copy may be behind, so
//!    it is brought up to date before a refusal.
//! 2. Verify the proof.
//! 3. Make sure that the store can write: nothing must be spent for which it could not hand out a
//!    voucher.
//! 4. Sign and append. The log decides.
//! 5. With its receipt, and once the entry is in the exchange's verified copy, give redemptions
//!    their vouchers in the log's order, in one transaction.
//! 6. Seal the voucher.
//!
//! A crash before step 4 has no effect. A crash between 4 and 5, a full disk at that moment, or a lost answer
//! leaves a redemption without a voucher: [`Exchange::reconcile`] finds it in the log, and the wallet asks
//! again, with the same statement or the entry's id. After step 5 the voucher always belongs to its
//! redemption.
//!
//! Because the order is the log's, log and stock alone determine which redemption has which
//! voucher. A store that was restored from an older copy gives everybody the same voucher again.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use ed25519_dalek::SigningKey;
use merits_ledger::{
    Entry, Groth16Job, Groth16Keys, OfferRefusal, ProvenStatement, Refusal,
    entry::{REDEEMED, Redeemed},
};
use merits_party::ledger::LedgerPort;
use merits_primitives::ids::{EntryId, Origin, PartyId};
use merits_proto::{
    Fault, FieldPath, OfferHere, OfferPage, RedemptionRequest, SealedVoucher, VoucherRequest,
    fields,
};
use merits_replica::{Replica, ReplicaError};
use merits_serve::Paced;
use merits_verifier::{
    Reason, Verified, codec::Canonical as _, entry::SignedEntry, groth16::Proof, receipt::Receipt,
};
use tokio::sync::Semaphore;
use tonic::Code;

pub use crate::examine::Clock;
use crate::{
    examine::{Examined, Examiner, Key},
    handed::{Handed, Owed, redemptions},
    ledger::{for_wallet, unreadable},
    store::{Store, StoreError},
    voucher::{self, VoucherContext},
};

/// An exchange: its key, its vouchers, its log.
#[derive(Debug)]
pub struct Exchange<L> {
    origin: Origin,
    party: PartyId,
    key: SigningKey,
    store: Store,
    ledger: L,
    examiner: Examiner,
    /// Anybody may ask, so synchronisations are shared and spaced.
    paced: Paced<Fault>,
    /// One permit for each core: more concurrent verifications would only wait for each other.
    cores: Semaphore,
    /// When the last successful write test of the store began; `None` after a failed one.
    written: tokio::sync::Mutex<Option<Instant>>,
    /// The progress of giving the log's redemptions their vouchers.
    handed: tokio::sync::Mutex<Handed>,
}

/// A redemption that is in the log.
#[derive(Debug, Clone)]
pub struct Redemption {
    /// The log's receipt.
    pub receipt: Receipt,
    /// The sponsor's voucher, sealed to the key that the redemption names.
    pub voucher: SealedVoucher,
}

/// The result of [`Exchange::reconcile`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Redemptions that got their voucher now.
    pub assigned: u64,
    /// Redemptions in the log that were found to have no voucher in stock: the store is not the one
    /// that they were made with. Each is reported once, and gets its voucher when there is stock
    /// again.
    pub missing: Vec<EntryId>,
}

impl<L: LedgerPort> Exchange<L> {
    /// An exchange over an open store.
    pub fn new(
        origin: Origin,
        party: PartyId,
        key: SigningKey,
        store: Store,
        ledger: L,
        clock: Clock,
    ) -> Self {
        let examiner = Examiner {
            origin: origin.clone(),
            party,
            clock,
            keys: Groth16Keys::new(),
        };
        Self {
            origin,
            party,
            key,
            store,
            ledger,
            examiner,
            paced: Paced::new(),
            cores: Semaphore::new(std::thread::available_parallelism().map_or(1, Into::into)),
            written: tokio::sync::Mutex::new(None),
            handed: tokio::sync::Mutex::default(),
        }
    }

    /// Offers that can be redeemed here now, in order of their ids.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn offers(&self, page: OfferPage) -> Result<Vec<OfferHere>, Fault> {
        self.sync_for_strangers().await?;
        let (examiner, after) = (self.examiner.clone(), page.after);
        let open = self
            .look(move |replica| examiner.offers_after(replica, after))
            .await??;
        let mut offers = Vec::new();
        for (here, quota) in open {
            if offers.len() == page.size {
                break;
            }
            if self.is_stocked(&here.offer, quota).await? {
                offers.push(here);
            }
        }
        Ok(offers)
    }

    /// Puts a redemption into the log and returns receipt and voucher. The same statement again
    /// gives the same voucher.
    ///
    /// # Errors
    /// [`Fault`]: refused here, or by the coordinator (then with its signed refusal), or a
    /// temporary fault.
    pub async fn redeem(&self, request: RedemptionRequest) -> Result<Redemption, Fault> {
        if request.origin != self.origin {
            return Err(refused(&Refusal::OtherOrigin {
                expected: self.origin.to_string(),
                found: request.origin.to_string(),
            }));
        }
        let (redeemed, entry) = self.signed(&request)?;
        let (id, offer) = (entry.id(), redeemed.offer);
        let known = self
            .store
            .assigned(&offer, &id)
            .await
            .map_err(failed)?
            .is_some();
        let receipt = match if known {
            Examined::Known
        } else {
            self.examine_afresh(&entry, &redeemed).await?
        } {
            Examined::Known => match self
                .look(move |replica| replica.receipt(&id))
                .await?
                .map_err(unreadable)?
            {
                Some(receipt) => receipt,
                // Assigned, and the copy has not come so far.
                None => self.ledger.receipt(&id).await.map_err(for_wallet)?,
            },
            Examined::New {
                job,
                key,
                quota,
                known,
            } => {
                let proof = job.proof;
                let verified = self.verify(*job, key).await?;
                if !self.is_stocked(&offer, quota).await? {
                    return Err(not_stocked());
                }
                self.writable_since(Instant::now()).await?;
                // The copy need not verify it again when it comes back from the log.
                known.remember(proof, verified);
                let receipt = self.ledger.submit(&entry).await.map_err(for_wallet)?;
                // The log's answer is not enough: the exchange's copy must have accepted the entry.
                self.paced.sync(self.follow()).await?;
                self.find(&id).await?.ok_or_else(|| unshown(&id))?;
                receipt
            }
        };
        let voucher = self.release(&id, &redeemed).await?;
        Ok(Redemption { receipt, voucher })
    }

    /// The voucher of a redemption that is in the log, again.
    ///
    /// # Errors
    /// [`Fault`]: no redemption of this exchange, or no receipt of one.
    pub async fn voucher(&self, request: VoucherRequest) -> Result<SealedVoucher, Fault> {
        let id = &request.redemption;
        if let Some(text) = &request.receipt {
            self.check_receipt(text, id).await?;
        }
        // A receipt is only the log's statement. A voucher is handed out on the basis of the
        // exchange's copy.
        let entry = self
            .logged(id)
            .await?
            .ok_or_else(|| match request.receipt {
                None => Fault::not_found(fields::REDEMPTION, "is not in the log"),
                Some(_) => unshown(id),
            })?;
        if entry.kind != REDEEMED || entry.party != self.party {
            return Err(Fault::not_found(
                fields::REDEMPTION,
                "is an entry of the log, but not a redemption at this exchange",
            ));
        }
        // The log accepted it, so it is valid.
        let redeemed = Redeemed::from_bytes(&entry.statement)
            .map_err(|error| Fault::malformed(fields::REDEMPTION, error.to_string()))?;
        self.release(id, &redeemed).await
    }

    /// Brings the copy of the log up to date and gives vouchers to redemptions of this exchange that
    /// have none: after a crash between append and assignment, or when the store could not write.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn reconcile(&self) -> Result<Reconciled, Fault> {
        self.paced.sync(self.follow()).await?;
        let done = self.hand_out(failed).await?;
        self.keep_place(&mut *self.handed.lock().await).await;
        Ok(done)
    }

    /// Notes in the store how much of the log was looked through, so that the next process need not read it again. A
    /// redemption without a voucher is read again. If the place cannot be noted, the next process reads more.
    async fn keep_place(&self, handed: &mut Handed) {
        if handed.next == handed.kept || !handed.fresh.is_empty() {
            return;
        }
        let (next, owed) = (handed.next, handed.owed.first().map(|(id, _)| *id));
        let place = self.look(move |replica| {
            let first = owed.map(|id| replica.find(&id)).transpose()?.flatten();
            let place = first.map_or(next, |first| first.min(next));
            Ok::<_, ReplicaError>(replica.root_at(place)?.map(|root| (place, root)))
        });
        if let Ok(Ok(Some((place, root)))) = place.await {
            match self.store.keep_place(place, &root).await {
                Ok(()) => handed.kept = next,
                Err(error) => tracing::warn!(%error, "the place in the log was not noted"),
            }
        }
    }

    /// Begins where an earlier process ended, if the copy is of the same log.
    async fn resume(&self, handed: &mut Handed) -> Result<(), Fault> {
        if handed.begun {
            return Ok(());
        }
        if let Some((next, root)) = self.store.place().await.map_err(failed)? {
            let there = self.look(move |replica| replica.root_at(next)).await?;
            if there.map_err(unreadable)? == Some(root) {
                (handed.next, handed.kept) = (next, next);
            }
        }
        handed.begun = true;
        Ok(())
    }

    /// Whether redemptions can be accepted now: the store could write at most a minute ago, and has
    /// not failed since. Each redemption checks it again.
    ///
    /// # Errors
    /// [`Fault`] says what is missing.
    pub async fn ready(&self) -> Result<(), Fault> {
        let now = Instant::now();
        // A machine that has run for less than that has no such instant.
        let asked = now.checked_sub(ROOM_IS_KNOWN_FOR).unwrap_or(now);
        self.writable_since(asked).await
    }

    /// Gives every redemption of this exchange in its copy of the log its voucher, in the log's order.
    /// Redemptions that were found but could not be recorded stay for the next call.
    async fn hand_out(&self, unwritten: fn(StoreError) -> Fault) -> Result<Reconciled, Fault> {
        let mut handed = self.handed.lock().await;
        self.resume(&mut handed).await?;
        loop {
            let (party, next) = (self.party, handed.next);
            let looked = self
                .look(move |replica| redemptions(replica, &party, next))
                .await?;
            let looked = looked.map_err(|error| unwritten(StoreError::Copy(Box::new(error))))?;
            handed.fresh.extend(looked.found);
            handed.next = looked.next;
            if looked.next >= looked.size {
                break;
            }
        }
        let all: Vec<Owed> = handed.owed.iter().chain(&handed.fresh).copied().collect();
        let done = match self.store.assign(&all).await {
            Ok(done) => done,
            Err(error) => {
                // The earlier test is not valid any more.
                *self.written.lock().await = None;
                return Err(unwritten(error));
            }
        };
        // Anybody may cause this, and redemptions wait for it, so avoid a linear search for each.
        let report = {
            let before: HashSet<&Owed> = handed.owed.iter().collect();
            let news = done.without.iter().filter(|owed| !before.contains(owed));
            Reconciled {
                assigned: done.assigned,
                missing: news.map(|(redemption, _)| *redemption).collect(),
            }
        };
        handed.fresh.clear();
        handed.owed = done.without;
        Ok(report)
    }

    /// The redemption as an entry of this exchange.
    fn signed(&self, request: &RedemptionRequest) -> Result<(Redeemed, SignedEntry), Fault> {
        let redeemed = Redeemed::from_bytes(&request.statement).map_err(|error| {
            Fault::malformed(&error, error.to_string()).within(fields::STATEMENT)
        })?;
        let proof = Proof::from_bytes(&request.proof)
            .map_err(|error| Fault::malformed(fields::PROOF, error.to_string()))?;
        // Check this before anything is spent: a voucher that nobody can open would be lost.
        if !voucher::is_usable(&redeemed.voucher_key) {
            return Err(Fault::malformed(
                FieldPath::name(fields::STATEMENT).then(fields::VOUCHER_KEY),
                "is not an X25519 key to which a voucher can be sealed",
            ));
        }
        let entry = Entry::Redeemed(redeemed.clone());
        let entry = entry.sign(&self.origin, self.party, Some((&proof).into()), &self.key);
        Ok((redeemed, entry))
    }

    /// The copy's answer. Before a refusal, the copy is brought up to date.
    async fn examine_afresh(
        &self,
        entry: &SignedEntry,
        redeemed: &Redeemed,
    ) -> Result<Examined, Fault> {
        if let Ok(examined) = self.examine(entry, redeemed).await? {
            return Ok(examined);
        }
        self.sync_for_strangers().await?;
        self.examine(entry, redeemed)
            .await?
            .map_err(|refusal| refused(&refusal))
    }

    /// The outer error is the copy's own.
    async fn examine(
        &self,
        entry: &SignedEntry,
        redeemed: &Redeemed,
    ) -> Result<Result<Examined, Box<Refusal>>, Fault> {
        let (examiner, entry, redeemed) = (self.examiner.clone(), entry.clone(), redeemed.clone());
        self.look(move |replica| examiner.examine(replica, &entry, &redeemed))
            .await?
    }

    /// Brings the copy up to date.
    async fn follow(&self) -> Result<(), Fault> {
        self.ledger.sync().await.map_err(for_wallet)
    }

    /// Reads the copy on a thread that may wait for the disk.
    async fn look<R: Send + 'static>(
        &self,
        read: impl FnOnce(&Replica) -> R + Send + 'static,
    ) -> Result<R, Fault> {
        self.ledger.look(read).await.map_err(for_wallet)
    }

    /// Brings the copy up to date for an unauthenticated caller.
    async fn sync_for_strangers(&self) -> Result<(), Fault> {
        self.paced.sync_for_strangers(self.follow()).await
    }

    /// The entry in the exchange's present copy.
    async fn find(&self, id: &EntryId) -> Result<Option<SignedEntry>, Fault> {
        let id = *id;
        let leaf = self.look(move |replica| replica.entry(&id)).await?;
        Ok(leaf.map_err(unreadable)?.map(|leaf| leaf.entry))
    }

    /// Makes sure that the store can write, unless that was checked since `asked`: concurrent
    /// redemptions share one test.
    async fn writable_since(&self, asked: Instant) -> Result<(), Fault> {
        let mut began = self.written.lock().await;
        if began.is_some_and(|began| began >= asked) {
            return Ok(());
        }
        let now = Instant::now();
        *began = None;
        self.store.make_room().await.map_err(unwritable)?;
        *began = Some(now);
        Ok(())
    }

    /// Checks that the log's key signed that this entry is in the log.
    async fn check_receipt(&self, text: &str, id: &EntryId) -> Result<(), Fault> {
        let key = self.look(|replica| replica.key().clone()).await?;
        let leaf = Receipt::parse(text)
            .and_then(|receipt| receipt.verify(&key))
            .map_err(|error| Fault::malformed(fields::RECEIPT, error.to_string()))?;
        if leaf.id() == *id {
            Ok(())
        } else {
            Err(Fault::malformed(fields::RECEIPT, "is another entry's"))
        }
    }

    /// The entry in the exchange's copy, for which every rule and proof was checked here.
    async fn logged(&self, id: &EntryId) -> Result<Option<SignedEntry>, Fault> {
        if let Some(entry) = self.find(id).await? {
            return Ok(Some(entry));
        }
        self.sync_for_strangers().await?;
        self.find(id).await
    }

    /// The voucher of a redemption that is in the log, sealed.
    async fn release(&self, id: &EntryId, redeemed: &Redeemed) -> Result<SealedVoucher, Fault> {
        let offer = &redeemed.offer;
        let mut code = self.store.assigned(offer, id).await.map_err(failed)?;
        if code.is_none() {
            self.hand_out(later).await?;
            code = self.store.assigned(offer, id).await.map_err(failed)?;
        }
        let Some(code) = code else {
            tracing::error!(redemption = %id, %offer, "a redemption in the log has no voucher in stock");
            return Err(Fault::new(
                Code::Internal,
                Reason::VoucherMissing,
                FieldPath::NONE,
                "the redemption is in the log and this exchange has no voucher for it: keep the receipt and ask again when its operator has found the stock",
            ));
        };
        let context = VoucherContext {
            origin: &self.origin,
            offer,
            redemption: id,
        };
        voucher::seal(&redeemed.voucher_key, &context, &code, &mut rand::rng()).map_err(|error| {
            Fault::malformed(
                FieldPath::name(fields::STATEMENT).then(fields::VOUCHER_KEY),
                error.to_string(),
            )
        })
    }

    /// An offer is served only if every redemption that the log may accept here has a voucher.
    async fn is_stocked(&self, offer: &EntryId, quota: u32) -> Result<bool, Fault> {
        let total = self.store.total(offer).await.map_err(failed)?;
        Ok(total >= u64::from(quota))
    }

    /// Verifies the proof: milliseconds of the CPU's, so not on an async worker.
    async fn verify(&self, job: Groth16Job, key: Key) -> Result<Verified<ProvenStatement>, Fault> {
        let _core = self.cores.acquire().await.map_err(|_| Fault::stopping())?;
        let keys = self.examiner.keys.clone();
        let check = move || -> Result<_, Refusal> {
            let key = match key {
                Key::Prepared(key) => key,
                Key::Unprepared(key) => match keys.find(&job.key) {
                    // An earlier caller has prepared it.
                    Some(key) => key,
                    None => keys.keep(key.prepare()?),
                },
            };
            Ok(Verified::check(&key, job.statement, &job.proof)?)
        };
        tokio::task::spawn_blocking(check)
            .await
            .map_err(|error| {
                tracing::error!(%error, "verifying a redemption stopped unexpectedly");
                Fault::internal()
            })?
            .map_err(|refusal| refused(&refusal))
    }
}

/// The log's key signed a receipt for an entry that the log does not show this exchange.
fn unshown(id: &EntryId) -> Fault {
    tracing::error!(redemption = %id, "the log signed a receipt for an entry that it does not show here: it shows different histories, or its key is stolen");
    Fault::new(
        Code::FailedPrecondition,
        Reason::LogDiffers,
        fields::REDEMPTION,
        "has a receipt of the log, and the log that this exchange follows does not have it: keep the receipt and show it to a supervisor",
    )
}

/// A refusal by the ledger's own rules, made here before asking the coordinator.
fn refused(refusal: &Refusal) -> Fault {
    let code = match refusal {
        Refusal::AlreadyUsed { .. } => Code::AlreadyExists,
        Refusal::Offer(OfferRefusal::NotOpen { .. } | OfferRefusal::SoldOut { .. })
        | Refusal::NotVerified => Code::FailedPrecondition,
        Refusal::Offer(OfferRefusal::Elsewhere { .. }) => Code::PermissionDenied,
        Refusal::Offer(OfferRefusal::Unknown { .. }) => Code::NotFound,
        _ => Code::InvalidArgument,
    };
    Fault::new(code, refusal.code(), refusal.field(), refusal.to_string())
}

fn not_stocked() -> Fault {
    Fault::new(
        Code::FailedPrecondition,
        Reason::OfferNotStocked,
        fields::OFFER,
        "this exchange has fewer vouchers than the offer's quota and does not serve it: its operator or the sponsor must act; nothing was spent",
    )
}

/// How long health relies on the last write test. A test writes about 80 KB, and health is checked
/// every few seconds, so testing each time would write more than a gigabyte a day.
const ROOM_IS_KNOWN_FOR: Duration = Duration::from_secs(60);

/// The time after which to try again to write to a store that failed.
const STORE_RETRY: Duration = Duration::from_secs(5);

/// The store cannot write, and the log was not asked yet.
fn unwritable(error: StoreError) -> Fault {
    tracing::error!(%error, "the voucher store cannot be written; no redemption is taken until it can");
    Fault {
        retry_after: Some(STORE_RETRY),
        ..Fault::new(
            Code::Unavailable,
            Reason::StoreUnwritable,
            FieldPath::NONE,
            "this exchange cannot write to its store, so it accepts no redemptions: nothing was spent; send \
             it again later, or go to another exchange",
        )
    }
}

/// The store could not write after the log had accepted the redemption.
fn later(error: StoreError) -> Fault {
    tracing::error!(%error, "the voucher store could not be written; redemptions in the log wait for their vouchers");
    Fault {
        retry_after: Some(STORE_RETRY),
        ..Fault::new(
            Code::Unavailable,
            Reason::VoucherLater,
            FieldPath::NONE,
            "the redemption is in the log and counts, and this exchange cannot write down now which voucher it gets: send the same request again later, nothing is lost",
        )
    }
}

fn failed(error: StoreError) -> Fault {
    tracing::error!(%error, "the voucher store failed");
    Fault::internal()
}
