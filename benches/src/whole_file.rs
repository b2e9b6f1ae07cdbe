//! The whole file: read, signed, proven, submitted to a real coordinator, every receipt verified.

use std::{path::Path, time::Duration};

use anyhow::ensure;
use merits_distributor::summary::RunSummary;

use super::{Effort, table::Table};
use crate::screen::{seconds, thousands};

/// The results of a whole file.
#[derive(Debug)]
pub struct WholeFile {
    /// The distributor's run.
    pub summary: RunSummary,
    /// The distributor's links and the source's signatures.
    pub signing: Duration,
    /// Writing the receipts into files, and closing the distributor's store.
    pub receipts: Duration,
}

/// Adds the section for a file that went through a federation.
pub(super) fn add(
    table: &mut Table,
    input: &Path,
    effort: &Effort,
    measured: &WholeFile,
) -> anyhow::Result<()> {
    let summary = &measured.summary;
    ensure!(summary.proved.claims > 0, "nothing was proven");
    table.section(&format!(
        "The whole file {}, {} threads, coordinator on the same cores",
        input.display(),
        effort.threads
    ));
    table.row(
        "rows read, rejected",
        format!(
            "{}, {}",
            thousands(summary.reading.rows),
            thousands(summary.reading.rejected)
        ),
        "",
        format!("{} weeks refused whole", summary.refused_groups.len()),
    );
    table.row(
        "claims, proofs, batches acknowledged",
        format!(
            "{}, {}, {}",
            thousands(summary.proved.claims),
            summary.proved.proofs,
            summary.submitted.acknowledged
        ),
        "",
        format!("{} refused", summary.submitted.refused.len()),
    );
    let times = &summary.times;
    table.fact("source: read, commit, sign", seconds(measured.signing));
    table.fact("distributor: read", seconds(times.reading));
    table.fact(
        "distributor: check commitments, seal",
        seconds(times.ingesting),
    );
    table.row(
        "distributor: state, prove and submit batches",
        seconds(times.proving),
        "once",
        "circom + rapidsnark, witnesses and proofs: 269 s",
    );
    table.fact("distributor: all", seconds(times.total));
    table.fact(
        "distributor: receipts into files",
        seconds(measured.receipts),
    );
    let workers = summary.proved.proving.as_secs_f64();
    // A thread that waits inside a witness works on a piece of another batch's proof, and the clock
    // counts that. `earn` measures the time of witnesses alone.
    table.fact(
        "witness / prove by the clock, pieces of other batches' proofs counted",
        super::table::percent(summary.proved.witness.as_secs_f64() / workers),
    );
    if let Some(pace) = summary.claims_per_second() {
        table.fact("claims a second, proven", format!("{pace:.1}"));
    }
    Ok(())
}
