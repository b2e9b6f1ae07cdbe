//! `merits scale test`: examples, and the exact interpreter against the circuit.

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Args;
use merits_circuits::differential::{Counts, Failure};
use merits_issuer::trying::{Lasting, compile, example_batch, rounds};
use merits_params::manifest::{Manifest, show_value};
use rand::Rng as _;

use super::file;
use crate::{
    commands::{dates, numbers},
    screen::{progress, seconds, thousands, working},
};

/// What `merits scale test` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The scale: directory or file
    scale: PathBuf,
    /// Random claims to try
    #[arg(long, default_value = "2000", value_parser = numbers::random_claims)]
    random: u64,
    /// Seed of the random claims, to try the same ones again; drawn afresh if left out
    #[arg(long, value_parser = numbers::seed)]
    seed: Option<u64>,
    /// Go on for this many minutes instead
    #[arg(long, conflicts_with = "random", value_parser = dates::minutes)]
    minutes: Option<u64>,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let manifest = file::read(&self.scale)?;
        examples(&manifest)?;
        if self.random == 0 && self.minutes.is_none() {
            return Ok(ExitCode::SUCCESS);
        }
        // Half the range, so that the seeds of all rounds stay below 2^64.
        let seed = self.seed.unwrap_or_else(|| rand::rng().next_u64() >> 1);
        println!("\nrandom claims, seed {seed}");
        let start = Instant::now();
        let minutes = self
            .minutes
            .map(|minutes| Duration::from_secs(60 * minutes));
        let lasting = minutes.map_or(Lasting::Claims(self.random), Lasting::Time);
        let bar = match lasting {
            Lasting::Time(_) => working("interpreter against circuit"),
            Lasting::Claims(all) => progress(all, "interpreter against circuit"),
        };
        let mut done = |claims| bar.inc(claims);
        match rounds(&manifest, seed, lasting, &|| start.elapsed(), &mut done) {
            Ok(counts) => {
                bar.finish_and_clear();
                tell(&counts, start.elapsed());
                Ok(ExitCode::SUCCESS)
            }
            Err(failure) => {
                eprintln!("error: interpreter and circuit of {} differ", manifest.id());
                report(&manifest, &failure);
                Ok(ExitCode::FAILURE)
            }
        }
    }
}

/// The examples, and the same ones in the whole statement. The examples hold: otherwise the scale
/// would not have been read.
fn examples(manifest: &Manifest) -> anyhow::Result<()> {
    println!(
        "examples of {} version {}",
        manifest.id(),
        manifest.version().0
    );
    for example in manifest.examples() {
        let measure = match (example.measure, manifest.measure()) {
            (Some(value), Some(measure)) => format!(", {} {}", thousands(value.0), measure.unit),
            _ => String::new(),
        };
        println!(
            "   holds  {} {}{measure}: {}",
            thousands(example.credits.0),
            manifest.unit(),
            example.name
        );
    }
    if manifest.examples().is_empty() {
        println!("   none: add some, computed by hand");
        return Ok(());
    }
    let bar = working("a batch of the examples");
    let circuit = compile(manifest);
    example_batch(manifest, &circuit)?;
    bar.finish_and_clear();
    println!(
        "   a batch of {} claims with them satisfies all {} constraints",
        circuit.capacity(),
        thousands(circuit.circuit().r1cs.n_constraints() as u64)
    );
    Ok(())
}

fn tell(counts: &Counts, time: Duration) {
    let line = |count: u64, text: &str| println!("   {:>9}  {text}", thousands(count));
    line(
        counts.agreed,
        "claims on which interpreter and circuit agree",
    );
    line(
        counts.wrong,
        "wrong outputs refused: one more, one less, those of other records",
    );
    line(counts.out_of_bounds, "claims out of bounds refused by both");
    line(counts.lies, "witnesses of a prover that lies refused");
    line(
        counts.idle_lies,
        "lies that change nothing that counts, with the right outputs",
    );
    line(
        counts.rigid,
        "witnesses near which no wires can vary together",
    );
    println!("   no difference in {}", seconds(time));
}

/// Prints everything that is needed to repeat a failure.
fn report(manifest: &Manifest, failure: &Failure) {
    let schema = manifest.schema();
    eprintln!("  {}", failure.fault);
    eprintln!(
        "  found with seed {}, case {}: `merits scale test .. --seed {} --random {}` finds it again",
        failure.seed,
        failure.case,
        failure.seed,
        failure.case + 1
    );
    eprintln!("  records = [");
    for record in &failure.records {
        let values = schema.fields.iter().zip(&record.0).map(|(field, value)| {
            format!(
                "{} = {:?}",
                field.name,
                show_value(*value, field, schema.period)
            )
        });
        eprintln!("    {{ {} }},", values.collect::<Vec<_>>().join(", "));
    }
    eprintln!("  ]");
    for (decl, value) in manifest.formula().constants().iter().zip(&failure.numbers) {
        eprintln!("  {} = {value} / 10^{}", decl.name, decl.exponent);
    }
    for (who, outputs) in [("interpreter", failure.expected), ("circuit", failure.got)] {
        if let Some(outputs) = outputs {
            eprint!("  {who}: {}", file::credits(manifest, &outputs));
            match file::measure(manifest, &outputs) {
                Some(measure) => eprintln!(", {measure}"),
                None => eprintln!(),
            }
        }
    }
    eprintln!("  this is a fault of MERITS, not of the scale: please report it with these lines");
}
