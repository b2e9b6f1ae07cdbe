//! Measures the coordinator's durable pace of entries about people: prepared deposits of tickets
//! and redemptions go in over gRPC on loopback, receipts come out, and every entry is on stable
//! storage.
//!
//! `cargo run --release -p merits-bench --features timing --example people_pace -- [entries] [directory]`
//!
//! As in the example `pace`, the directory decides which disk is measured, and the proofs come from
//! the fixture's trapdoor.
#![allow(clippy::print_stdout, reason = "a program prints for people")]

#[path = "../../coordinator/tests/it/federation/mod.rs"]
mod federation;

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use federation::{Founding, Node};
use merits_ledger_fixture::{Citizen, Redeeming, Stage};
use merits_primitives::ids::Credits;
use merits_verifier::{
    codec::Canonical as _,
    entry::{Leaf, SignedEntry},
};
use rand::{SeedableRng as _, rngs::StdRng};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let count: u64 = arguments.next().map_or(Ok(2_000), |n| n.parse())?;
    let parent = arguments
        .next()
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(parent)?;

    // A person, a note, an offer: enough for roots and an anchor.
    let mut stage = Stage::new(StdRng::seed_from_u64(51))?;
    stage.earner(&Citizen::new(1))?;
    let offer = stage.offer(Credits(30), u32::MAX)?;
    let leaves = stage.ledger.store().leaves().iter();
    let entries = leaves.map(|leaf| Ok(Leaf::from_bytes(leaf)?.entry));
    let founding = Founding {
        federation: stage.federation.clone(),
        entries: entries.collect::<Result<_, Box<dyn std::error::Error>>>()?,
        state: stage.state().clone(),
        rng: StdRng::seed_from_u64(52),
    };
    let mut node = Node::founded(&founding, founding.config(dir.path())).await;
    // The slot of the note must be over before anything can be proven under its anchor.
    tokio::time::sleep(Duration::from_millis(1_100)).await;

    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let at = Redeeming::new(
        offer,
        &stage.federation.exchange,
        merits_primitives::calendar::Timestamp::from_millis(u64::try_from(now)?),
    );
    let state = stage.ledger.state();
    let deposits = stage.federation.deposits(state, count, &mut stage.rng)?;
    pace(&mut node, "deposits", &deposits).await;
    let redemptions = stage
        .federation
        .redemptions(state, count, &at, &mut stage.rng)?;
    pace(&mut node, "redemptions", &redemptions).await;
    node.coordinator.shutdown().await?;
    Ok(())
}

async fn pace(node: &mut Node, what: &str, entries: &[SignedEntry]) {
    let (count, seconds) = (entries.len(), node.client.pace(entries).await);
    println!(
        "durable pace: {:.0} {what}/s ({count} in {seconds:.2} s)",
        count as f64 / seconds
    );
}
