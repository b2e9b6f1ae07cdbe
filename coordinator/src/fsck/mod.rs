//! `merits coordinator fsck`: checks whether the stored log is consistent.
//!
//! Every leaf is decoded, hashed and replayed with its signatures and proof verified again; the
//! tree, the blobs, the table of used values and the checkpoint are compared with what the leaves give, in
//! both directions. Nothing is changed. It may run beside a serving coordinator: it reads one
//! snapshot. The checks are those of any audit ([`merits_audit::run`]).

mod report;

use merits_audit::run::{self, Subject};
use merits_ledger::storage::{Inspection, StoreFailure};
use merits_replica::HighWaterMark;
use merits_verifier::{
    log::{Checkpoint, LogKey},
    signature::PublicKey,
};
use rand_core::CryptoRng;

pub use report::{Finding, Report};

use crate::{
    config::Config,
    error::StartError,
    place::{self, Inspect},
};
use report::MARK;

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
    let policy = config.policy()?;
    let marked = match &mark {
        Some(Ok(mark)) => mark.as_ref(),
        Some(Err(_)) | None => None,
    };
    let subject = Subject {
        policy: &policy,
        key: None,
        witnesses: None,
        mark: marked,
    };
    let checked = run::check(snapshot, subject, None, rng).await?;
    let mut report = Report::from(&checked);
    match mark {
        Some(Err(error)) => report.find(MARK, error.to_string()),
        Some(Ok(None)) => report.find(
            MARK,
            format!(
                "the high-water mark {} is not there: make it from the newest checkpoint that another party \
                 has, by `merits coordinator mark`",
                config.high_water_mark.display()
            ),
        ),
        None | Some(Ok(Some(_))) => {}
    }
    Ok(report)
}

fn public_key(bytes: &[u8]) -> Option<PublicKey> {
    let bytes = <[u8; 32]>::try_from(bytes).ok()?;
    PublicKey::from_bytes(&bytes).ok()
}
