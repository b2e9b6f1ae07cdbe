//! Redemptions over real gRPC, a real coordinator and SQLite; proofs by the fixture's trapdoor.
#![allow(
    clippy::unwrap_used,
    reason = "a failure to set up is a failure of the test"
)]

use std::{collections::BTreeSet, time::Duration};

use crate::federation::{Draft, Serving, World, code, now, stock};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::SigningKey;
use merits_exchange::net::{ExchangeError, Voucher};
use merits_ledger::Entry;
use merits_party::ledger::{LedgerFault, LedgerPort};
use merits_primitives::{
    Fr,
    ids::{Credits, EntryId},
};
use merits_proto::{OfferPage, VoucherRequest};
use merits_replica::{Follower, Replica};
use merits_verifier::{
    Reason, ReasonCode,
    codec::Canonical as _,
    entry::{Leaf, SignedEntry},
    log::{Checkpoint, LogSigner, leaf_hash},
    receipt::Receipt,
};
use sqlx::ConnectOptions as _;
use tokio::task::JoinSet;

fn reason(answer: Result<Voucher, ExchangeError>) -> Reason {
    let error = answer.unwrap_err();
    let known = error.reason().and_then(ReasonCode::known);
    known.unwrap_or_else(|| panic!("no refusal: {error}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_crowd_gets_more_than_the_quota() {
    let mut world = World::new(1).await;
    let offer = world.offer(50, |_| ()).await;
    let member = world.first();
    let serving = world.serving(&member, &[(offer, 50)]).await;
    let drafts: Vec<Draft> = (0..200).map(|_| world.draft(offer, &member)).collect();

    let mut tasks = JoinSet::new();
    for (number, draft) in drafts.iter().cloned().enumerate() {
        let (mut client, id) = (serving.client.clone(), member.id);
        tasks.spawn(async move {
            let answer = client.redeem(&id, &draft.redeemed, &draft.proof).await;
            (number, answer)
        });
    }
    let (mut codes, mut winners, mut sold_out) = (BTreeSet::new(), Vec::new(), 0);
    while let Some(done) = tasks.join_next().await {
        let (number, answer) = done.unwrap();
        match answer {
            Ok(voucher) => {
                codes.insert(code(&world, &drafts[number], &voucher));
                winners.push((number, voucher));
            }
            Err(error) => {
                assert_eq!(
                    error.reason(),
                    Some(&Reason::OfferSoldOut.into()),
                    "{error}"
                );
                sold_out += 1;
            }
        }
    }
    assert_eq!((winners.len(), codes.len(), sold_out), (50, 50, 150));
    assert_eq!(serving.store.assigned_count(&offer).await.unwrap(), 50);
    assert!(serving.client.clone().offers().await.unwrap().is_empty());

    // The winner gets the same voucher however often and in whatever way it asks, and never
    // another's.
    let (number, won) = &winners[0];
    let draft = &drafts[*number];
    let first = code(&world, draft, won);
    let again = serving.redeem(&member, draft).await.unwrap();
    assert_eq!(code(&world, draft, &again), first);
    for receipt in [None, Some(&won.receipt)] {
        let mut client = serving.client.clone();
        let sealed = client.voucher(&won.redemption, receipt).await.unwrap();
        let voucher = Voucher {
            sealed,
            ..won.clone()
        };
        assert_eq!(code(&world, draft, &voucher), first);
        let other = &drafts[winners[1].0];
        assert!(
            voucher
                .open(&world.stage.federation.origin, &other.secret)
                .is_err()
        );
    }
    assert_eq!(serving.store.assigned_count(&offer).await.unwrap(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_is_spent_at_one_exchange_whatever_the_race() {
    let mut world = World::new(2).await;
    let (first, second) = (world.first(), world.second.clone());
    let both = vec![first.id, second.id];
    let offer = world.offer(20, |offer| offer.exchanges = both).await;
    let one = world.serving(&first, &[(offer, 20)]).await;
    let other = world.serving(&second, &[(offer, 20)]).await;
    for _ in 0..10 {
        let owner = world.owner();
        // The context binds the exchange: each gets a proof of its own for the same note.
        let here = world.draft_of(offer, &first, &owner, |_| ());
        let there = world.draft_of(offer, &second, &owner, |_| ());
        let (a, b) = tokio::join!(one.redeem(&first, &here), other.redeem(&second, &there));
        let lost = match (a, b) {
            (Ok(_), lost @ Err(_)) | (lost @ Err(_), Ok(_)) => lost,
            both => panic!("one must win: {both:?}"),
        };
        assert_eq!(reason(lost), Reason::Spent);
    }
    let (here, there) = (
        one.store.assigned_count(&offer).await.unwrap(),
        other.store.assigned_count(&offer).await.unwrap(),
    );
    assert_eq!(here + there, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_redeemed_is_refused_and_costs_nothing() {
    let mut world = World::new(3).await;
    let (member, second) = (world.first(), world.second.clone());
    let offer = world.offer(5, |_| ()).await;
    let serving = world.serving(&member, &[(offer, 5)]).await;
    let draft = world.draft(offer, &member);

    // Somebody else's voucher key under a proof that was seen on the way.
    let mut stolen = draft.clone();
    stolen.redeemed.voucher_key = world.draft(offer, &member).redeemed.voucher_key;
    assert_eq!(
        reason(serving.redeem(&member, &stolen).await),
        Reason::ProofInvalid
    );
    // A key that hides nothing.
    let mut open = draft.clone();
    open.redeemed.voucher_key = [0; 32];
    let Err(ExchangeError::Refused { fault, .. }) = serving.redeem(&member, &open).await else {
        panic!("a voucher was sealed to a key that hides nothing");
    };
    assert_eq!(fault.field.to_string(), "statement.voucher_key");
    // A proof that was made for the other exchange.
    let other = world.draft(offer, &second);
    assert_eq!(
        reason(serving.redeem(&member, &other).await),
        Reason::ProofInvalid
    );
    // The other exchange's offer; it appears after this exchange last looked at the log.
    let elsewhere = world
        .offer(5, |offer| offer.exchanges = vec![second.id])
        .await;
    let draft = world.draft(elsewhere, &member);
    assert_eq!(
        reason(serving.redeem(&member, &draft).await),
        Reason::OfferElsewhere
    );
    // No offer at all.
    let mut draft = world.draft(offer, &member);
    draft.redeemed.offer = EntryId([9; 32]);
    assert_eq!(
        reason(serving.redeem(&member, &draft).await),
        Reason::OfferUnknown
    );
    // Not yet open.
    let later = world
        .offer(5, |offer| offer.opens = now() + Duration::from_secs(3_600))
        .await;
    stock(&serving.store, &world, &later, 5).await;
    let draft = world.draft(later, &member);
    assert_eq!(
        reason(serving.redeem(&member, &draft).await),
        Reason::OfferNotOpen
    );
    // Without vouchers: nothing reaches the log.
    let bare = world.offer(5, |_| ()).await;
    let draft = world.draft(bare, &member);
    assert_eq!(
        reason(serving.redeem(&member, &draft).await),
        Reason::OfferNotStocked
    );

    // A daily limit: the person's second turn of the day, with another note.
    let daily = world
        .offer(5, |offer| (offer.per_day, offer.price) = (1, Credits(1)))
        .await;
    stock(&serving.store, &world, &daily, 5).await;
    let (citizen, note) = world.owner();
    let draft = world.draft_of(daily, &member, &(citizen.clone(), note), |_| ());
    serving.redeem(&member, &draft).await.unwrap();
    let (_, note) = world.owner();
    let draft = world.draft_of(daily, &member, &(citizen, note), |_| ());
    assert_eq!(
        reason(serving.redeem(&member, &draft).await),
        Reason::RateLimit
    );

    // What only the log can judge is passed on with its signed refusal.
    let owner = world.owner();
    let draft = world.draft_of(offer, &member, &owner, |redeemed| {
        redeemed.spending.note_root.0 = Fr::from(5u64);
    });
    let Err(ExchangeError::Refused { fault, notice }) = serving.redeem(&member, &draft).await
    else {
        panic!("a root that no tree had");
    };
    assert_eq!(fault.reason, Reason::NoteRootUnknown);
    assert_eq!(notice.unwrap().code, Reason::NoteRootUnknown);

    let follower = world.follower("looking-back").await;
    let redeemed: u32 = {
        let replica = follower.replica();
        let state = replica.state().unwrap();
        state.offers().iter().map(|(_, offer)| offer.redeemed).sum()
    };
    assert_eq!(redeemed, 1, "only the one of the daily limit");
    let open: BTreeSet<EntryId> = serving
        .client
        .clone()
        .offers()
        .await
        .unwrap()
        .iter()
        .map(|here| here.offer)
        .collect();
    assert_eq!(open, BTreeSet::from([offer, daily]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voucher_is_given_for_this_exchanges_redemptions_only() {
    let mut world = World::new(4).await;
    let (member, second) = (world.first(), world.second.clone());
    let both = vec![member.id, second.id];
    let offer = world.offer(5, |offer| offer.exchanges = both).await;
    let serving = world.serving(&member, &[(offer, 5)]).await;
    let other = world.serving(&second, &[(offer, 5)]).await;
    let draft = world.draft(offer, &second);
    let won = other.redeem(&second, &draft).await.unwrap();
    let mut client = serving.client.clone();
    for receipt in [None, Some(&won.receipt)] {
        let error = client.voucher(&won.redemption, receipt).await.unwrap_err();
        assert_eq!(error.reason(), Some(&Reason::NotFound.into()), "{error}");
    }
    let error = client.voucher(&EntryId([3; 32]), None).await.unwrap_err();
    assert_eq!(error.reason(), Some(&Reason::NotFound.into()));
    let error = client
        .voucher(&EntryId([3; 32]), Some(&won.receipt))
        .await
        .unwrap_err();
    assert_eq!(
        error.reason(),
        Some(&Reason::Malformed.into()),
        "another entry's receipt"
    );
    let mut forged = won.receipt.clone();
    forged.leaf[40] ^= 1;
    let error = client
        .voucher(&won.redemption, Some(&forged))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Some(&Reason::Malformed.into()), "{error}");
    assert_eq!(serving.store.assigned_count(&offer).await.unwrap(), 0);
}

/// What the coordinator signs with: one line, `PRIVATE+KEY+<origin>+<key id>+<base64>`.
fn stolen_log_key(world: &World) -> SigningKey {
    let path = world.dir.path().join("coordinator/log.key");
    let text = std::fs::read_to_string(path).unwrap();
    let encoded = text.trim_end().splitn(5, '+').last().unwrap();
    let bytes = BASE64.decode(encoded).unwrap();
    SigningKey::from_bytes(bytes[1..].try_into().unwrap())
}

/// Somebody who has the log's key can sign receipts for redemptions that never happened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_logs_key_alone_takes_no_voucher_out() {
    let mut world = World::new(6).await;
    let member = world.first();
    let offer = world.offer(5, |_| ()).await;
    let serving = world.serving(&member, &[(offer, 5)]).await;
    let draft = world.draft(offer, &member);
    let federation = &world.stage.federation;
    // Even with a signature of the exchange's own.
    let entry = Entry::Redeemed(draft.redeemed.clone());
    let entry = entry.sign(
        &federation.origin,
        member.id,
        Some((&draft.proof).into()),
        &member.key,
    );
    let id = entry.id();
    let leaf = Leaf {
        time: now(),
        state: None,
        entry,
    }
    .to_bytes();
    let signer = LogSigner::new(federation.origin.clone(), stolen_log_key(&world));
    let checkpoint = Checkpoint {
        origin: federation.origin.clone(),
        size: 1,
        root: leaf_hash(&leaf),
    };
    let receipt = Receipt {
        leaf,
        index: 0,
        proof: Vec::new(),
        checkpoint: checkpoint.sign(&signer).unwrap(),
    };
    receipt.verify(world.coordinator.log_key()).unwrap();
    let mut client = serving.client.clone();
    let error = client.voucher(&id, Some(&receipt)).await.unwrap_err();
    assert_eq!(error.reason(), Some(&Reason::LogDiffers.into()), "{error}");
    assert_eq!(serving.store.assigned_count(&offer).await.unwrap(), 0);
}

/// A log behind which the exchange dies right after the append: nothing it would have done next
/// happens.
#[derive(Clone)]
struct DyingAfterAppend(Follower);

impl LedgerPort for DyingAfterAppend {
    async fn sync(&self) -> Result<(), LedgerFault> {
        LedgerPort::sync(&self.0).await
    }

    async fn submit(&self, entry: &SignedEntry) -> Result<Receipt, LedgerFault> {
        LedgerPort::submit(&self.0, entry).await?;
        // The process is gone, so waiting here would last for ever.
        std::future::pending().await
    }

    async fn receipt(&self, id: &EntryId) -> Result<Receipt, LedgerFault> {
        LedgerPort::receipt(&self.0, id).await
    }

    fn read<R>(&self, read: impl FnOnce(&Replica) -> R) -> R {
        LedgerPort::read(&self.0, read)
    }
}

/// A log whose copy must not be read where it would hold up everybody's requests.
#[derive(Clone)]
struct OffTheRuntime(Follower);

impl LedgerPort for OffTheRuntime {
    async fn sync(&self) -> Result<(), LedgerFault> {
        LedgerPort::sync(&self.0).await
    }

    async fn submit(&self, entry: &SignedEntry) -> Result<Receipt, LedgerFault> {
        LedgerPort::submit(&self.0, entry).await
    }

    async fn receipt(&self, id: &EntryId) -> Result<Receipt, LedgerFault> {
        LedgerPort::receipt(&self.0, id).await
    }

    fn read<R>(&self, read: impl FnOnce(&Replica) -> R) -> R {
        // Panics on a thread that drives the runtime, which may not wait.
        tokio::runtime::Handle::current().block_on(async {});
        LedgerPort::read(&self.0, read)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_append_and_voucher_loses_nothing() {
    let mut world = World::new(5).await;
    let member = world.first();
    let offer = world.offer(3, |_| ()).await;
    let store = world.store(&member).await;
    stock(&store, &world, &offer, 3).await;
    let (asked, reconciled) = (world.draft(offer, &member), world.draft(offer, &member));
    let before = world.follower("before").await;
    let known = before.replica().known_proofs();
    let exchange = world.exchange(&member, store.clone(), DyingAfterAppend(before.clone()));
    for draft in [&asked, &reconciled] {
        let request = merits_proto::RedemptionRequest {
            origin: world.stage.federation.origin.clone(),
            statement: draft.redeemed.to_bytes(),
            proof: draft.proof.to_bytes(),
        };
        let answer = tokio::time::timeout(Duration::from_secs(3), exchange.redeem(request)).await;
        assert!(answer.is_err(), "it died before it answered");
    }
    assert_eq!(store.assigned_count(&offer).await.unwrap(), 0);
    drop(exchange);
    // Both proofs were verified before they were submitted, and the copy takes them from there.
    assert_eq!(known.len(), 2);
    before.sync().await.unwrap();
    assert!(known.is_empty());

    // Another process on the same store. A wallet that asks before it has looked through the log:
    let follower = OffTheRuntime(world.follower("after").await);
    let exchange = world.exchange(&member, store.clone(), follower);
    let request = merits_proto::RedemptionRequest {
        origin: world.stage.federation.origin.clone(),
        statement: asked.redeemed.to_bytes(),
        proof: asked.proof.to_bytes(),
    };
    let answer = exchange.redeem(request.clone()).await.unwrap();
    // In the log's order, so the other one gets its voucher with it, which nobody asked for.
    assert_eq!(store.assigned_count(&offer).await.unwrap(), 2);
    let report = exchange.reconcile().await.unwrap();
    assert_eq!((report.assigned, report.missing.len()), (0, 0));
    // An exchange that asks nobody finds them by itself.
    let second = world.dir.path().join("second");
    std::fs::create_dir(&second).unwrap();
    let empty = world.store_in(&second, &member).await;
    stock(&empty, &world, &offer, 3).await;
    let finder = world.exchange(&member, empty.clone(), world.follower("finder").await);
    let report = finder.reconcile().await.unwrap();
    assert_eq!((report.assigned, report.missing.len()), (2, 0));
    assert_eq!(finder.reconcile().await.unwrap().assigned, 0);
    // The next process reads only what came since.
    let size = world.follower("sizing").await.replica().size();
    assert_eq!(empty.place().await.unwrap().unwrap().0, size);
    let next = world.exchange(&member, empty.clone(), world.follower("next").await);
    assert_eq!(next.reconcile().await.unwrap().assigned, 0);
    // A place in another log is none: everything is read again.
    let other = world.dir.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let other = world.store_in(&other, &member).await;
    stock(&other, &world, &offer, 3).await;
    other.keep_place(size, &[7; 32]).await.unwrap();
    let reader = world.exchange(&member, other.clone(), world.follower("reader").await);
    assert_eq!(reader.reconcile().await.unwrap().assigned, 2);
    // And gives the same vouchers: log and stock say who has which.
    for draft in [&asked, &reconciled] {
        let federation = &world.stage.federation;
        let entry = Entry::Redeemed(draft.redeemed.clone());
        let id = entry
            .sign(
                &federation.origin,
                member.id,
                Some((&draft.proof).into()),
                &member.key,
            )
            .id();
        let first = store.assigned(&offer, &id).await.unwrap();
        assert!(first.is_some());
        assert_eq!(first, empty.assigned(&offer, &id).await.unwrap());
    }

    let leaf = answer.receipt.verify(world.coordinator.log_key()).unwrap();
    let voucher = Voucher {
        redemption: leaf.id(),
        offer,
        receipt: answer.receipt.clone(),
        sealed: answer.voucher,
    };
    let first = code(&world, &asked, &voucher);
    let again = exchange.redeem(request).await.unwrap();
    let again = Voucher {
        sealed: again.voucher,
        ..voucher.clone()
    };
    assert_eq!(code(&world, &asked, &again), first);
    let request = VoucherRequest {
        redemption: voucher.redemption,
        receipt: None,
    };
    let sealed = exchange.voucher(request).await.unwrap();
    exchange
        .offers(OfferPage {
            after: None,
            size: 9,
        })
        .await
        .unwrap();
    assert_eq!(code(&world, &asked, &Voucher { sealed, ..voucher }), first);
    assert_eq!(store.assigned_count(&offer).await.unwrap(), 2);
}

/// A log that shows this exchange nothing of what is submitted from now on.
#[derive(Clone)]
struct Hiding(Follower);

impl LedgerPort for Hiding {
    async fn sync(&self) -> Result<(), LedgerFault> {
        Ok(())
    }

    async fn submit(&self, entry: &SignedEntry) -> Result<Receipt, LedgerFault> {
        LedgerPort::submit(&self.0, entry).await
    }

    async fn receipt(&self, id: &EntryId) -> Result<Receipt, LedgerFault> {
        LedgerPort::receipt(&self.0, id).await
    }

    fn read<R>(&self, read: impl FnOnce(&Replica) -> R) -> R {
        LedgerPort::read(&self.0, read)
    }
}

/// The exchange's two failures after the log took the redemption: the wallet must not believe that nothing
/// was spent. Only the log's signed refusal of this very redemption says that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wallet_is_never_told_that_nothing_was_spent_when_it_was() {
    let mut world = World::new(8).await;
    let member = world.first();
    let offer = world.offer(9, |_| ()).await;
    let store = world.store(&member).await;
    stock(&store, &world, &offer, 9).await;
    let spent = |follower: &Follower| -> u32 {
        let replica = follower.replica();
        let state = replica.state().unwrap();
        state.offers().get(&offer).unwrap().redeemed
    };

    let hiding = Hiding(world.follower("hiding").await);
    let exchange = world.exchange(&member, store.clone(), hiding);
    let serving = Serving::start(exchange, store.clone(), &world).await;
    let draft = world.draft(offer, &member);
    let error = serving.redeem(&member, &draft).await.unwrap_err();
    assert_eq!(error.reason(), Some(&Reason::LogDiffers.into()), "{error}");
    assert!(error.may_have_spent(), "{error}");
    assert_eq!(spent(&world.follower("looking").await), 1);

    // Its stock is gone, and the store still counts what it once took in.
    let path = world.dir.path().join(format!("{}.sqlite", member.name));
    let mut disk = merits_sqlite::durable(&path).connect().await.unwrap();
    sqlx::raw_sql("DELETE FROM voucher")
        .execute(&mut disk)
        .await
        .unwrap();
    let follower = world.follower("following").await;
    let exchange = world.exchange(&member, store.clone(), follower);
    let serving = Serving::start(exchange, store, &world).await;
    let draft = world.draft(offer, &member);
    let error = serving.redeem(&member, &draft).await.unwrap_err();
    assert_eq!(
        error.reason(),
        Some(&Reason::VoucherMissing.into()),
        "{error}"
    );
    assert!(error.may_have_spent(), "{error}");
    assert_eq!(spent(&world.follower("looking-again").await), 2);

    // Refused by the exchange alone: it may say so and submit.
    let mut other = world.draft(offer, &member);
    other.redeemed.voucher_key = draft.redeemed.voucher_key;
    let error = serving.redeem(&member, &other).await.unwrap_err();
    assert_eq!(
        error.reason(),
        Some(&Reason::ProofInvalid.into()),
        "{error}"
    );
    assert!(error.may_have_spent(), "the exchange's own word");
    // Refused by the log.
    let owner = world.owner();
    let draft = world.draft_of(offer, &member, &owner, |redeemed| {
        redeemed.spending.note_root.0 = Fr::from(5u64);
    });
    let error = serving.redeem(&member, &draft).await.unwrap_err();
    assert_eq!(
        error.reason(),
        Some(&Reason::NoteRootUnknown.into()),
        "{error}"
    );
    assert!(!error.may_have_spent(), "{error}");
}
