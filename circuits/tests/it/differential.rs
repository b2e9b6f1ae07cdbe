//! Random formulas on random records: interpreter and circuit agree, and no lie is accepted.
//!
//! `MERITS_FUZZ_SECONDS` makes it run for that long; by default it stops after [`SECONDS`]. For
//! hours there is `cargo run --release -p merits-circuits --features fuzz --example formula_fuzz`.

use std::time::{Duration, Instant};

use merits_circuits::differential::{self, Counts, LIES};
use merits_formula::generate::Acceptance;

/// The time that the ordinary tests spend.
const SECONDS: u64 = 30;

/// Formulas that are tried at least, however slow the machine.
const LEAST: u64 = 60;

#[test]
fn random_formulas_agree_on_random_records() {
    let seconds = std::env::var("MERITS_FUZZ_SECONDS").ok();
    let seconds = seconds
        .and_then(|text| text.parse().ok())
        .unwrap_or(SECONDS);
    let (start, end) = (Instant::now(), Duration::from_secs(seconds));
    let (mut counts, mut acceptance) = (Counts::default(), Acceptance::default());
    let mut seed = 1;
    while counts.formulas < LEAST || start.elapsed() < end {
        match differential::fuzz(seed, 8, LIES, &mut acceptance) {
            Ok(more) => counts.add(&more),
            Err(failure) => panic!("{failure}"),
        }
        seed += 1;
    }
    assert!(counts.agreed >= 8 * LEAST, "{counts:?}\n{acceptance:?}");
    let tried = [
        counts.out_of_bounds,
        counts.wrong,
        counts.lies,
        counts.rigid,
        counts.traced,
    ];
    assert!(tried.iter().all(|count| *count > 0), "{counts:?}");
}
