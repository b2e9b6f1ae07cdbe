//! What a wallet's walk over the log costs: `cargo run --release -p merits-bench --features
//! timing --example scan_timing -- 2000` deposits this many tickets of others, claims with them, and looks for one
//! person's among them.

use std::time::Instant;

use merits_ledger_fixture::{Citizen, Stage};
use merits_verifier::{codec::Canonical as _, entry::Leaf};
use merits_wallet::{keys::WalletKeys, view::scan_leaves};
use zeroize::Zeroizing;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let people: u64 = std::env::args()
        .nth(1)
        .map_or(Ok(1_000), |text| text.parse())?;
    let seed = [7; 32];
    let mut town = Stage::new(rand::rng())?;
    town.earner(&Citizen::from_seed(seed))?;
    let mut waiting = Vec::new();
    for number in 0..people {
        waiting.push(town.deposit(&Citizen::new(number))?);
        if waiting.len() == 16 {
            town.earn(&waiting)?;
            waiting.clear();
        }
    }
    let leaves = (0..town.state().size())
        .map(|index| Ok(Leaf::from_bytes(&town.ledger.receipt(index)?.leaf)?))
        .collect::<Result<Vec<Leaf>, Box<dyn std::error::Error>>>()?;
    let count = leaves.len();
    let keys = WalletKeys::new(Zeroizing::new(seed), town.federation.origin.clone());
    let start = Instant::now();
    let view = scan_leaves(town.state(), leaves, &keys)?;
    let elapsed = start.elapsed();
    assert_eq!(view.notes.len(), 1, "the person's own credits are found");
    #[allow(clippy::print_stdout, reason = "that is what it is for")]
    {
        println!(
            "{count} entries ({people} tickets of others, {} notes) scanned in {elapsed:.1?}: \
             {:.1} microseconds an entry",
            view.tree_size,
            elapsed.as_secs_f64() * 1e6 / count as f64
        );
    }
    Ok(())
}
