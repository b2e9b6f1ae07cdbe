//! Compares the engine with arkworks for as long as you ask it to.
//!
//! `cargo run --release -p merits-bn254-simd --features differential --example bn254_fuzz -- --minutes 60 --seed 1`
//!
//! Parts take turns, so that each gets an equal share of the time; `--only PART` runs one of them,
//! and `MERITS_BN254_PATH=scalar` the path without AVX-512. Stops at the first difference with exit
//! code 1 and prints the arguments that reproduce it: `--only PART --seed SEED --case CASE`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the report is what the example is for"
)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use merits_bn254_simd::Path;
use merits_bn254_simd::differential::{self, Part};

/// The cases, comparisons and time of a part.
#[derive(Clone, Copy, Default)]
struct Count {
    cases: u64,
    comparisons: u64,
    took: Duration,
}

struct Arguments {
    minutes: f64,
    seed: u64,
    parts: Vec<Part>,
    case: Option<u64>,
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(what) => {
            eprintln!("{what}");
            return ExitCode::from(2);
        }
    };
    // A panic is a difference like any other, reported with its case.
    std::panic::set_hook(Box::new(|_| ()));
    match fuzz(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(difference) => {
            println!("{difference}");
            println!(
                "again: MERITS_BN254_PATH={} ... -- --only {} --seed {} --case {}",
                difference.path,
                difference.part.name(),
                difference.seed,
                difference.case
            );
            ExitCode::FAILURE
        }
    }
}

fn fuzz(arguments: &Arguments) -> Result<(), differential::Difference> {
    let Arguments { seed, parts, .. } = arguments;
    let path = Path::preferred();
    if let Some(case) = arguments.case {
        for part in parts {
            let comparisons = differential::run(*part, path, *seed, case)?;
            println!("{}: {comparisons} comparisons agree", part.name());
        }
        return Ok(());
    }
    let start = Instant::now();
    let end = Duration::from_secs_f64(arguments.minutes * 60.0);
    let mut counts = vec![Count::default(); parts.len()];
    let mut report = Duration::from_secs(60);
    // The part that has had the least time is next. Parts that test lanes are
    // skipped on a processor without them.
    let idle = |count: &Count| count.cases > 0 && count.comparisons == 0;
    while start.elapsed() < end {
        let busy = (0..parts.len()).filter(|i| !idle(&counts[*i]));
        let next = busy.min_by_key(|i| counts[*i].took);
        let Some(i) = next else { break };
        let turn = Instant::now();
        for _ in 0..8 {
            let part = parts[i];
            counts[i].comparisons += differential::run(part, path, *seed, counts[i].cases)?;
            counts[i].cases += 1;
            if turn.elapsed() > Duration::from_secs(1) {
                break;
            }
        }
        counts[i].took += turn.elapsed();
        if start.elapsed() >= report {
            report += Duration::from_secs(60);
            println!("{:.0} s: {}", start.elapsed().as_secs_f64(), total(&counts));
        }
    }
    println!(
        "path {}, seed {seed}, {:.0} s",
        path.name(),
        start.elapsed().as_secs_f64()
    );
    for (part, count) in parts.iter().zip(&counts) {
        println!(
            "{:16} {:9} cases {:12} comparisons {:6.0} s",
            part.name(),
            count.cases,
            count.comparisons,
            count.took.as_secs_f64()
        );
    }
    println!("no difference: {}", total(&counts));
    Ok(())
}

fn total(counts: &[Count]) -> String {
    let cases: u64 = counts.iter().map(|count| count.cases).sum();
    let comparisons: u64 = counts.iter().map(|count| count.comparisons).sum();
    format!("{cases} cases, {comparisons} comparisons")
}

fn arguments() -> Result<Arguments, String> {
    let mut given = Arguments {
        minutes: 1.0,
        seed: 1,
        parts: Part::ALL.to_vec(),
        case: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(format!("{name} needs a value"))?;
        let number = || {
            value
                .parse::<u64>()
                .map_err(|e| format!("{name} {value}: {e}"))
        };
        match name.as_str() {
            "--minutes" => {
                let minutes = value.parse::<f64>().ok();
                let minutes = minutes.filter(|m| (0.0..1e6).contains(m));
                given.minutes = minutes.ok_or(format!("--minutes {value}: a number"))?;
            }
            "--seed" => given.seed = number()?,
            "--case" => given.case = Some(number()?),
            "--only" => {
                given.parts.retain(|part| part.name() == value);
                if given.parts.is_empty() {
                    let names: Vec<&str> = Part::ALL.iter().map(|part| part.name()).collect();
                    return Err(format!("no part {value}: {}", names.join(", ")));
                }
            }
            _ => {
                return Err(format!(
                    "unknown argument {name}: --minutes, --seed, --only and --case are known"
                ));
            }
        }
    }
    Ok(given)
}
