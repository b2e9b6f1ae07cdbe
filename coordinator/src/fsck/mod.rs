//! `merits coordinator fsck`: checks whether the stored log is consistent.
//!
//! Every leaf is decoded, hashed and replayed with its signatures and proof verified again; the
//! tree, the blobs, the table of used values and the checkpoint are compared with what the leaves give, in
//! both directions. Nothing is changed. It may run beside a serving coordinator: it reads one
//! snapshot.

mod blobs;
mod checkpoint;
mod leaves;
mod report;
mod state;

use merits_ledger::storage::{Inspection, StoreFailure};
use merits_replica::HighWaterMark;
use merits_verifier::log::{Checkpoint, LogKey};
use rand_core::CryptoRng;

pub use report::{Finding, Report};

use crate::{
    config::Config,
    error::StartError,
    place::{self, Inspect},
};
use blobs::check_blobs;
use checkpoint::{check_log, check_mark, public_key};
use leaves::{check_leaves, check_nodes};
use report::MARK;
use state::{check_rows, check_used};

/// Rows of one page.
const PAGE: u32 = 4_096;

/// Most findings of the database about its files.
const FINDINGS: u32 = 20;

/// Checks the database that `config` names. `rng` blinds the batches of proofs.
///
/// # Errors
/// [`StartError`] when there is no database of this program and version, or when its ledger has
/// other founding parameters than the configuration. Faults inside the database are in the
/// [`Report`].
pub async fn fsck(config: &Config, rng: &mut impl CryptoRng) -> Result<Report, StartError> {
    fsck_at(&place::of(config), config, rng).await
}

async fn fsck_at<I: Inspect>(
    place: &I,
    config: &Config,
    rng: &mut impl CryptoRng,
) -> Result<Report, StartError> {
    // Read it before the snapshot that is checked, because the mark of a running coordinator
    // advances.
    let mark = {
        let mut inspection = open(place).await?;
        require_facts(place, &mut inspection, config).await?;
        let row = inspection.log_row().await.map_err(failed::<I>)?;
        inspection.end().await.map_err(failed::<I>)?;
        let look = |key| {
            HighWaterMark::look(
                &config.high_water_mark,
                &config.data_dir,
                &LogKey::new(config.origin()?, key),
            )
            .map_err(StartError::from)
        };
        row.and_then(|row| public_key(&row.log_key)).map(look)
    };
    check(config, place, mark, rng).await
}

/// Refuses a database whose ledger has other founding parameters than `config`: a replay under
/// those would report sound entries as faulty. A database that was never founded has no parameters.
///
/// # Errors
/// [`StartError::OtherFacts`].
pub(crate) async fn require_facts<I: Inspect>(
    place: &I,
    inspection: &mut I::Inspection,
    config: &Config,
) -> Result<(), StartError> {
    let row = inspection.log_row().await.map_err(failed::<I>)?;
    if row.is_none() {
        return Ok(());
    }
    let stored = inspection.facts().await.map_err(failed::<I>)?;
    let stored = stored
        .iter()
        .map(|(fact, value)| (fact.as_str(), value.as_str()));
    let facts = config.policy()?.differences(stored);
    if facts.is_empty() {
        Ok(())
    } else {
        let database = place.name().to_owned();
        Err(StartError::OtherFacts { database, facts })
    }
}

/// Opens a place that must hold tables.
pub(crate) async fn open<I: Inspect>(place: &I) -> Result<I::Inspection, StartError> {
    let inspection = place.inspect().await.map_err(Into::into)?;
    let empty = || StartError::Damaged(format!("{} is an empty database", place.name().display()));
    inspection.ok_or_else(empty)
}

/// What a failed read says.
pub(crate) fn failed<I: Inspect>(error: <I::Inspection as Inspection>::Error) -> StoreFailure {
    <I::Inspection as Inspection>::explain(error)
}

/// Checks a ledger in any place, such as a backup. Its founding parameters were compared before
/// ([`require_facts`]). `mark` is the high-water mark that it must not be behind, if there is one.
pub(crate) async fn check<I: Inspect>(
    config: &Config,
    place: &I,
    mark: Option<Result<Option<Checkpoint>, StartError>>,
    rng: &mut impl CryptoRng,
) -> Result<Report, StartError> {
    let mut inspection = open(place).await?;
    let report = check_snapshot(&mut inspection, config, mark, rng).await?;
    inspection.end().await.map_err(failed::<I>)?;
    Ok(report)
}

async fn check_snapshot<N: Inspection>(
    snapshot: &mut N,
    config: &Config,
    mark: Option<Result<Option<Checkpoint>, StartError>>,
    rng: &mut impl CryptoRng,
) -> Result<Report, StartError> {
    let mut report = Report::default();
    for finding in snapshot.findings(FINDINGS).await.map_err(N::explain)? {
        report.find("file", finding);
    }
    let leaves = check_leaves(snapshot, config, &mut report, rng).await?;
    check_nodes(snapshot, &leaves.nodes, &mut report).await?;
    check_blobs(snapshot, &leaves.blobs, &mut report).await?;
    if leaves.unfit_blobs {
        report.find(
            "state",
            "rows and used values were not compared with the leaves, because a blob that a leaf names is \
             missing or altered",
        );
    }
    if let Some(state) = &leaves.state {
        check_used(snapshot, state, &mut report).await?;
        check_rows(snapshot, state, &mut report).await?;
    }
    check_log(snapshot, config, &leaves.frontier, &mut report).await?;
    match mark {
        None => {}
        Some(Err(error)) => report.find(MARK, error.to_string()),
        Some(Ok(None)) => report.find(
            MARK,
            format!(
                "the high-water mark {} is not there: make it from the newest checkpoint that another party \
                 has, by `merits coordinator mark`",
                config.high_water_mark.display()
            ),
        ),
        Some(Ok(Some(mark))) => check_mark(&mark, &leaves, &mut report),
    }
    Ok(report)
}
