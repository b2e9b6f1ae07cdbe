//! Rows of the table.

use std::time::Duration;

use super::{
    super::{
        Effort,
        sampling::{Samples, ms},
        table::{Table, percent},
    },
    child::{Alone, Told},
    contest::{Outcome, SimdPathName, Who},
    trials::{Bars, Sizes},
};
use crate::screen::thousands;

/// Time divided by arkworks' time on 2 cores like these, as issue 2 gives them.
const PUBLISHED: &str = "arkworks 1.00, rapidsnark 0.97, taceo 0.77, gnark 0.65";
/// A prepared key of up to 2^17 points must be ready within this time, in milliseconds.
const READY: f64 = 50.0;
const READY_UP_TO: u32 = 17;
/// Peak memory over the length of the `.zkey`.
const MEMORY: f64 = 2.0;

/// One trial.
pub(super) fn section(
    table: &mut Table,
    sizes: &Sizes,
    outcome: &Outcome,
    alone: &Alone,
    effort: &Effort,
) {
    table.section(&format!(
        "Prover: {}, {} constraints, {} threads, in turns",
        outcome.name,
        thousands(sizes.constraints as u64),
        effort.threads
    ));
    table.row(
        "wires",
        thousands(sizes.wires as u64),
        format!("domain 2^{}", sizes.domain_log2),
        format!(
            "{} of them 0 or 1; {} public inputs",
            percent(sizes.bits),
            thousands(sizes.publics as u64)
        ),
    );
    let reference = outcome.reference();
    for (who, samples) in &outcome.times {
        let mut text = reference.map_or_else(String::new, |ark| compare(samples, ark));
        if let (Who::Ours(path), Some(ark)) = (who, reference) {
            text += &verdict(*path, samples, ark, &outcome.bars);
        }
        table.row(who.title(), ms(samples.median()), samples.range(), text);
    }
    if outcome.of(|who| who == Who::ArkOwnKey).is_some() {
        table.row("published by peers", "", "", PUBLISHED);
    }
    let whole: f64 = outcome.phases.iter().map(|(_, time)| time).sum();
    let parts: Vec<_> = outcome
        .phases
        .iter()
        .map(|(name, time)| format!("{name} {time:.1}"))
        .collect();
    table.row(
        "  phases of ours, one after another",
        ms(whole),
        format!("ms: {}", parts.join(", ")),
        "each on all threads",
    );
    table.time("  two proofs, one after the other", &outcome.two_in_turn);
    let ratio = outcome.two_at_once.median() / outcome.two_in_turn.median();
    table.row(
        "  two proofs at once",
        ms(outcome.two_at_once.median()),
        outcome.two_at_once.range(),
        format!("{ratio:.2} of one after the other"),
    );
    ready(table, sizes, alone);
}

/// Rows of the separate processes.
fn ready(table: &mut Table, sizes: &Sizes, alone: &Alone) {
    table.row(
        "  length of the .zkey",
        mib(alone.zkey_length),
        "",
        format!("prepared file {}", mib(alone.prepared_length)),
    );
    let small = sizes.domain_log2 <= READY_UP_TO;
    for (from, told, bar) in [
        (".zkey", &alone.from_zkey, None),
        (
            "prepared file",
            &alone.from_prepared,
            small.then_some(READY),
        ),
    ] {
        let times = told.iter().map(|told| told.ready / 1e3);
        let mut times = Samples::of(times.map(Duration::from_secs_f64).collect());
        let processor: f64 = told.iter().map(|told| told.ready_processor).sum();
        times = times.with_processor(processor / told.len() as f64);
        let what = format!("  ready from the {from}");
        match bar {
            Some(bar) => table.time_within(what, &times, bar),
            None => table.time(what, &times),
        }
        let Some(most) = told.iter().max_by_key(|told| told.own()) else {
            continue;
        };
        let Told {
            peak,
            program,
            before,
            ..
        } = *most;
        let ratio = most.own() as f64 / alone.zkey_length as f64;
        let met = if ratio <= MEMORY { "met" } else { "MISSED" };
        table.row(
            format!("  peak memory, from the {from}"),
            mib(peak),
            format!(
                "{} of these are program code; {} existed before the run",
                mib(program),
                mib(before)
            ),
            format!("{ratio:.2} of the .zkey without program; at most {MEMORY:.0}: {met}"),
        );
    }
}

/// All trials, one row each.
pub(super) fn summary(table: &mut Table, outcomes: &[Outcome]) {
    table.section("Prover: all circuits, the chosen path");
    for outcome in outcomes {
        let ours = outcome.of(|who| matches!(who, Who::Ours(path) if path.chosen));
        let (Some(ours), Some(ark)) = (ours, outcome.reference()) else {
            continue;
        };
        let mut others = format!("ark-groth16 {}", ms(ark.median()));
        let mut text = compare(ours, ark);
        if let Some(taceo) = outcome.of(|who| who == Who::Taceo) {
            others += &format!(", taceo-groth16 {}", ms(taceo.median()));
            text += &format!("; {:.2} of taceo-groth16", ours.median() / taceo.median());
        }
        table.row(outcome.name.as_str(), ms(ours.median()), others, text);
    }
}

/// Ratios on the wall and by processor time.
fn compare(samples: &Samples, ark: &Samples) -> String {
    let wall = samples.median() / ark.median();
    let mut text = format!("{wall:.2} of ark-groth16");
    if let (Some(one), Some(other)) = (samples.processor(), ark.processor()) {
        text += &format!("; {:.2} by processor time", one / other);
    }
    text
}

fn verdict(path: SimdPathName, samples: &Samples, ark: &Samples, bars: &Bars) -> String {
    let scalar = path.name == merits_circuits::prover::SimdPath::scalar().name();
    let Some(bar) = (if scalar { bars.words } else { bars.vectors }) else {
        return String::new();
    };
    let ratio = samples.median() / ark.median();
    let mut text = format!(
        "; at most {bar:.2}: {}",
        if ratio <= bar { "met" } else { "MISSED" }
    );
    if let (false, Some(aim)) = (scalar, bars.aim) {
        text += &format!(
            ", aim {aim:.2}: {}",
            if ratio <= aim { "met" } else { "MISSED" }
        );
    }
    text
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
