//! `merits scale explain`: what a scale means and what it costs.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use merits_circuits::earn::{CostTable, EarnCircuit};
use merits_issuer::trying::{MACHINE, compile, expected_proof, measure};
use merits_params::manifest::Manifest;
use merits_primitives::ids::Period;

use super::{figures, file};
use crate::{
    commands::dates,
    screen::{indented, say, thousands, working},
};

/// What `merits scale explain` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The scale: directory or file
    scale: PathBuf,
    /// Period whose figures are shown, such as 2025-W06; the first of this version if left out
    #[arg(long, value_parser = dates::period)]
    period: Option<Period>,
    /// Also prove a batch on this machine, with a key that is thrown away
    #[arg(long)]
    measure: bool,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let manifest = file::read(&self.scale)?;
        let period = file::period(&manifest, self.period)?;
        println!(
            "{} version {}: {}",
            manifest.id(),
            manifest.version().0,
            manifest.title().en
        );
        heading(&format!(
            "Records, at most {} a claim",
            manifest.schema().max_records
        ));
        records(&manifest);
        heading("In words");
        words(&manifest);
        heading(&format!("Figures in force in {}", period.label()));
        figures::show(&manifest, period);
        let bar = working("compiling the formula");
        let circuit = compile(&manifest);
        bar.finish_and_clear();
        let costs = circuit.costs();
        heading("Where the constraints go");
        parts(&costs);
        heading("What a claim costs");
        claim(&manifest, &costs);
        time(&costs);
        if self.measure {
            measured(&manifest, &circuit)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn heading(title: &str) {
    println!("\n{title}\n");
}

fn parts(costs: &CostTable) {
    let row = |part: &str, all: &str, claim: &str, record: &str| {
        let row = format!("   {part:<44} {all:>9} {claim:>9} {record:>9}");
        println!("{}", row.trim_end());
    };
    row("", "in all", "a claim", "a record");
    for line in &costs.lines {
        let depth = line.part.matches('/').count();
        if depth > DEEPEST {
            continue;
        }
        let name = line.part.rsplit('/').next().unwrap_or(&line.part);
        let count = |n: usize| thousands(n as u64);
        let record = line
            .per_record
            .map(|n| format!("{}.{:02}", n / 100, n % 100));
        // What a batch has once is not listed under a part of its own.
        let name = if depth == 1 && line.part.starts_with("batch/") {
            line.part.clone()
        } else {
            format!("{:indent$}{name}", "", indent = 2 * depth)
        };
        row(
            &name,
            &count(line.total),
            &line.per_claim.map(count).unwrap_or_default(),
            &record.unwrap_or_default(),
        );
    }
}

fn claim(manifest: &Manifest, costs: &CostTable) {
    let per_claim = costs.per_claim();
    print!("   {} constraints", thousands(per_claim as u64));
    match BARS.iter().find(|(id, _)| *id == manifest.id().as_str()) {
        Some((_, bar)) if per_claim < *bar => {
            println!(", under the bar of {}", thousands(*bar as u64));
        }
        Some((_, bar)) => println!(", OVER THE BAR of {}", thousands(*bar as u64)),
        None => println!(),
    }
    let rows = costs.constraints + costs.publics + 1;
    println!(
        "   a proof of {} claims: {} constraints, {} public inputs; {:.1} % of a domain of 2^{}",
        costs.claims,
        thousands(costs.constraints as u64),
        costs.publics,
        100.0 * rows as f64 / costs.domain() as f64,
        costs.domain().ilog2(),
    );
    let fit = costs.claims_that_fit();
    if fit != costs.claims {
        println!(
            "   {fit} claims would fit that domain, which is paid for whether it is full or not"
        );
    }
}

fn time(costs: &CostTable) {
    let proof = expected_proof(costs);
    println!(
        "   proving: about {} a claim, {} a proof, on {}",
        milliseconds(proof / u32::try_from(costs.claims).unwrap_or(u32::MAX)),
        milliseconds(proof),
        MACHINE
    );
    println!("   (from the size classes in docs/src/benchmarks.md, which lie within 10 % of this)");
}

fn measured(manifest: &Manifest, circuit: &EarnCircuit) -> anyhow::Result<()> {
    let bar = working("making a key, proving the examples");
    let measured = measure(manifest, circuit, &mut rand::rng())?;
    bar.finish_and_clear();
    let claims = u32::try_from(circuit.capacity()).unwrap_or(u32::MAX);
    println!(
        "   measured here, {} threads: {} a claim, {} a proof, {} for its witness",
        measured.threads,
        milliseconds(measured.proof / claims),
        milliseconds(measured.proof),
        milliseconds(measured.witness),
    );
    Ok(())
}

fn milliseconds(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms < 100.0 {
        format!("{ms:.1} ms")
    } else {
        format!("{ms:.0} ms")
    }
}

/// What the formula says, then how it rounds.
fn words(manifest: &Manifest) {
    let formula = manifest.formula();
    for paragraph in merits_formula::prose::paragraphs(formula) {
        let mut steps = manifest.steps().iter().zip(formula.steps());
        let step = steps.find(|(step, _)| step.name == paragraph.title);
        let range = paragraph
            .range
            .or_else(|| step.map(|(_, id)| figures::part(formula, *id)));
        let range = range.map(|range| format!(" ({range})"));
        println!("   {}{}", paragraph.title, range.unwrap_or_default());
        indented(&paragraph.text);
        if let Some((step, _)) = step.filter(|(step, _)| !step.note.is_empty()) {
            indented(&format!("[{}]", step.note));
        }
        println!();
    }
    say(&format!("Rounding: {}", manifest.rounding()));
    if let Some(measure) = manifest.measure() {
        say(&format!("Rounding of the measure: {}", measure.rounding));
    }
}

fn records(manifest: &Manifest) {
    for field in &manifest.schema().fields {
        let text = figures::field(manifest.schema(), field);
        println!("   {:<14} {text}", field.name);
    }
}

/// Bars of the project, in constraints a claim: `docs/src/scale-costs.md`.
const BARS: [(&str, usize); 3] = [
    ("stop-driving", 6_500),
    ("cycling-week", 7_500),
    ("steps-and-calories", 5_500),
];

/// Parts nested more deeply are added to those above them.
const DEEPEST: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// The page is written by a test of the circuits; its bars and ours are the issue's.
    #[test]
    fn the_bars_are_those_of_the_page_and_hold() {
        let page = include_str!("../../../docs/src/scale-costs.md");
        for (id, bar) in BARS {
            assert!(page.contains(&thousands(bar as u64)), "{id}: {bar}");
            let row = page
                .lines()
                .find(|line| line.starts_with(&format!("| {id} |")));
            let claim = row.and_then(|row| row.split("**").nth(1));
            let claim: usize = claim
                .expect("a row of the table")
                .parse()
                .expect("a number");
            assert!(claim < bar, "{id}: {claim}");
        }
    }
}
