//! A store that cannot be written, as SQLite leaves it when the disk is full: it ends the transaction by
//! itself.
#![allow(
    clippy::unwrap_used,
    reason = "a failure to set up is a failure of the test"
)]

use std::time::Duration;

use merits_exchange::net::{ExchangeError, Voucher};
use merits_verifier::{Reason, ReasonCode, codec::Canonical as _};
use sqlx::{ConnectOptions as _, SqliteConnection};

use crate::federation::{World, code, stock};

async fn run(db: &mut SqliteConnection, statement: &'static str) {
    sqlx::raw_sql(statement).execute(db).await.unwrap();
}

fn reason(answer: Result<Voucher, ExchangeError>) -> Reason {
    let error = answer.unwrap_err();
    assert!(error.may_retry(), "{error}");
    error.reason().and_then(ReasonCode::known).unwrap()
}

async fn redeemed(world: &World, name: &str) -> u32 {
    let follower = world.follower(name).await;
    let replica = follower.replica();
    let state = replica.state().unwrap();
    state.offers().iter().map(|(_, offer)| offer.redeemed).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_spent_that_cannot_be_handed_out_and_no_restart_is_needed() {
    let mut world = World::new(7).await;
    let member = world.first();
    let offer = world.offer(5, |_| ()).await;
    let serving = world.serving(&member, &[(offer, 5)]).await;
    let path = world.dir.path().join(format!("{}.sqlite", member.name));
    let mut disk = merits_sqlite::durable(&path).connect().await.unwrap();

    run(
        &mut disk,
        "CREATE TRIGGER full BEFORE INSERT ON room
         BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END",
    )
    .await;
    let draft = world.draft(offer, &member);
    for _ in 0..3 {
        let answer = serving.redeem(&member, &draft).await;
        assert_eq!(reason(answer), Reason::StoreUnwritable);
    }
    assert_eq!(redeemed(&world, "looking").await, 0, "nothing was spent");
    run(&mut disk, "DROP TRIGGER full").await;
    let voucher = serving.redeem(&member, &draft).await.unwrap();
    let first = code(&world, &draft, &voucher);

    // Full just after the log took it.
    let full = "CREATE TRIGGER full BEFORE UPDATE ON voucher
         BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END";
    run(&mut disk, full).await;
    let (asked, found) = (world.draft(offer, &member), world.draft(offer, &member));
    for draft in [&asked, &asked, &found] {
        let answer = serving.redeem(&member, draft).await;
        assert_eq!(reason(answer), Reason::VoucherLater);
    }
    assert_eq!(redeemed(&world, "looking-again").await, 3);
    run(&mut disk, "DROP TRIGGER full").await;
    let voucher = serving.redeem(&member, &asked).await.unwrap();
    let second = code(&world, &asked, &voucher);
    assert_ne!(first, second);
    // A redeemer that does not ask again gets a voucher too.
    let all = async {
        while serving.store.assigned_count(&offer).await.unwrap() < 3 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all)
        .await
        .unwrap();
}

async fn proofs_of_room(disk: &mut SqliteConnection) -> i64 {
    sqlx::query_scalar("SELECT proofs_of_room FROM node")
        .fetch_one(disk)
        .await
        .unwrap()
}

/// Health takes the store's word for a while, until a write fails; a redemption never does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_writes_rarely_and_believes_no_store_that_failed() {
    let mut world = World::new(9).await;
    let member = world.first();
    let offer = world.offer(5, |_| ()).await;
    let store = world.store(&member).await;
    stock(&store, &world, &offer, 5).await;
    let exchange = world.exchange(&member, store, world.follower("following").await);
    let path = world.dir.path().join(format!("{}.sqlite", member.name));
    let mut disk = merits_sqlite::durable(&path).connect().await.unwrap();
    for _ in 0..5 {
        exchange.ready().await.unwrap();
    }
    assert_eq!(proofs_of_room(&mut disk).await, 1);

    run(
        &mut disk,
        "CREATE TRIGGER full BEFORE INSERT ON room
         BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END",
    )
    .await;
    let draft = world.draft(offer, &member);
    let request = merits_proto::RedemptionRequest {
        origin: world.stage.federation.origin.clone(),
        statement: draft.redeemed.to_bytes(),
        proof: draft.proof.to_bytes(),
    };
    let fault = exchange.redeem(request.clone()).await.unwrap_err();
    assert_eq!(fault.reason, Reason::StoreUnwritable);
    for _ in 0..2 {
        let fault = exchange.ready().await.unwrap_err();
        assert_eq!(fault.reason, Reason::StoreUnwritable);
    }
    run(&mut disk, "DROP TRIGGER full").await;
    for _ in 0..2 {
        exchange.ready().await.unwrap();
    }
    assert_eq!(proofs_of_room(&mut disk).await, 2);

    // Full just after the log took it.
    run(
        &mut disk,
        "CREATE TRIGGER full BEFORE UPDATE ON voucher
         BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END",
    )
    .await;
    let fault = exchange.redeem(request).await.unwrap_err();
    assert_eq!(fault.reason, Reason::VoucherLater);
    let before = proofs_of_room(&mut disk).await;
    exchange.ready().await.unwrap();
    assert_eq!(proofs_of_room(&mut disk).await, before + 1);
}
