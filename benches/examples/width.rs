//! How wide should proving be? Runs the shipped scale over the shipped trips with one, two and
//! three batches in flight, and prints claims a second.
//!
//! `cargo run --release -p merits-bench --features timing --example width -- [weeks]`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement: a failure to set up is a failure, and it prints"
)]

#[path = "../../parties/distributor/tests/it/federation/mod.rs"]
mod federation;

use std::num::NonZeroUsize;

use federation::{MemoryLedger, World};
use merits_distributor::{outbox::PATIENCE, pool::Width};
use merits_records::{Mapping, Plan, ReadOptions, read_file};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../");

#[tokio::main]
async fn main() {
    let weeks: usize = std::env::args()
        .nth(1)
        .map_or(2, |arg| arg.parse().unwrap());
    let manifest =
        std::fs::read_to_string(format!("{ROOT}params/scales/cycling-week/scale.toml")).unwrap();
    let mapping = std::fs::read_to_string(format!("{ROOT}examples/cycling/mapping.toml")).unwrap();
    let mapping = Mapping::from_toml(&mapping).unwrap();
    println!("threads  in flight  claims  proofs  wall s  witness s  proving s  claims/s");
    for (threads, in_flight) in [(1, 1), (2, 1), (2, 2), (2, 3)] {
        let width = Width {
            threads: NonZeroUsize::new(threads).unwrap(),
            in_flight: NonZeroUsize::new(in_flight).unwrap(),
        };
        let world = World::with(1, &manifest, width);
        let ledger = MemoryLedger::founded(&world);
        let dir = tempfile::tempdir().unwrap();
        let node = world.node(dir.path(), 1).await;
        let plan = Plan::new(&mapping, world.schema()).unwrap();
        let file = format!("{ROOT}examples/cycling/trips.csv");
        let options = ReadOptions::default();
        let reading =
            read_file(file.as_ref(), &plan, options, &mut |_| Ok(()), &mut |_| {}).unwrap();
        let first = reading.groups[0].period.index.0;
        let mut groups = reading.groups;
        groups.retain(|group| ((group.period.index.0 - first) as usize) < weeks);
        let bundle = world.bundle(&groups, node.custody(), dir.path());
        world.ingest(&node, &ledger.state(), groups, &bundle).await;
        let summary = world
            .run(&node, &ledger, &ledger.state(), PATIENCE)
            .await
            .unwrap();
        let proved = summary.proved;
        println!(
            "{threads:>7}  {in_flight:>9}  {:>6}  {:>6}  {:>6.2}  {:>9.2}  {:>9.2}  {:>8.1}",
            proved.claims,
            proved.proofs,
            proved.elapsed.as_secs_f64(),
            proved.witness.as_secs_f64(),
            proved.proving.as_secs_f64(),
            summary.claims_per_second().unwrap(),
        );
    }
}
