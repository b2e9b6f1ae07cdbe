//! Compares interpreter and circuit on random formulas, for as long as you ask it to.
//!
//! `cargo run --release -p merits-circuits --features fuzz --example formula_fuzz -- --minutes 60 --seed 1`
//!
//! Prints what was tried, how many of the drawn formulas the checker accepted, and which constructs
//! of the language they contained. Stops at the first disagreement and prints the seed that
//! reproduces it: `-- --only SEED`.

#![allow(clippy::print_stdout, reason = "the report is what the example is for")]

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use merits_circuits::differential::{self, Counts, LIES};
// Formulas here also compare days and weekdays with numbers, as approved scales may.
use merits_formula::check_approved as check;
use merits_formula::generate::{self, Acceptance, Dice};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// Lists of records for each formula.
const CASES: u64 = 12;

fn main() -> anyhow::Result<()> {
    let (mut minutes, mut seed, mut only) = (1.0f64, 1u64, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--minutes" => minutes = value.parse().context("--minutes")?,
            "--seed" => seed = value.parse().context("--seed")?,
            "--only" => only = Some(value.parse::<u64>().context("--only")?),
            _ => bail!("unknown argument {name}: --minutes, --seed and --only are known"),
        }
    }
    let mut acceptance = Acceptance::default();
    if let Some(seed) = only {
        let counts = differential::fuzz(seed, CASES, LIES, &mut acceptance)
            .map_err(|failure| anyhow::anyhow!("{failure}"))?;
        println!("{counts:?}");
        return Ok(());
    }
    let start = Instant::now();
    let end = Duration::from_secs_f64(minutes * 60.0);
    let (mut counts, mut texts, mut report) = (Counts::default(), 0u64, Duration::ZERO);
    let mut next = seed.wrapping_mul(1_000_000_007);
    while start.elapsed() < end {
        next = next.wrapping_add(1);
        match differential::fuzz(next, CASES, LIES, &mut acceptance) {
            Ok(more) => counts.add(&more),
            Err(failure) => {
                bail!("{failure}\nagain: --only {next}");
            }
        }
        texts += mutations(next, 4)?;
        if start.elapsed() >= report {
            report += Duration::from_secs(30);
            print(&counts, &acceptance, texts, start.elapsed());
        }
    }
    print(&counts, &acceptance, texts, start.elapsed());
    println!("accepted with: {:?}", acceptance.constructs);
    println!("refused by: {:?}", acceptance.refused);
    println!("not covered: {:?}", acceptance.uncovered());
    Ok(())
}

/// Formulas with random changes: the checker must accept or refuse each within a time limit.
fn mutations(seed: u64, count: u64) -> anyhow::Result<u64> {
    let mut source = StdRng::seed_from_u64(seed);
    let mut dice = Dice::new(&mut source);
    for _ in 0..count {
        let mut scale = generate::declarations(&mut dice);
        scale.credits = generate::mutated(&mut dice, &scale.credits);
        let start = Instant::now();
        let _ = check(&scale);
        let took = start.elapsed();
        if took > Duration::from_secs(2) {
            bail!("the checker took {took:?} for {:?}", scale.credits);
        }
    }
    Ok(count)
}

fn print(counts: &Counts, acceptance: &Acceptance, texts: u64, took: Duration) {
    let seconds = took.as_secs_f64();
    println!(
        "{seconds:.0} s: {} formulas ({:.0} % of {} drawn), {} constraints; {} record lists agreed \
         ({:.0}/s), {} retraced, {} out of bounds refused, {} wrong outputs refused, {} lies refused, {} idle, \
         {} witnesses rigid, {} idle wires; {texts} mutated texts",
        counts.formulas,
        100.0 * acceptance.accepted as f64 / acceptance.drawn().max(1) as f64,
        acceptance.drawn(),
        counts.constraints,
        counts.agreed,
        counts.agreed as f64 / seconds,
        counts.traced,
        counts.out_of_bounds,
        counts.wrong,
        counts.lies,
        counts.idle_lies,
        counts.rigid,
        counts.idle_wires,
    );
}
