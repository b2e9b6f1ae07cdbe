//! `merits coordinator fsck`: checks whether the stored log is consistent.
//!
//! Every leaf is decoded, hashed and replayed with its signatures and proof verified again; the
//! tree, the blobs, the table of used values and the checkpoint are compared with what the leaves give, in
//! both directions. Nothing is changed. It may run beside a serving coordinator: it reads one
//! snapshot.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use merits_ledger::{
    Blob, BlobDigest, Replay, State, UniqueSet, named_blobs,
    rows::{RowKey, Table},
    storage::{Inspection, STATE_VERSION, StateRow, StoreFailure},
    tree::{self, Frontier, Node},
};
use merits_primitives::ids::EntryId;
use merits_replica::HighWaterMark;
use merits_verifier::{
    codec::Canonical as _,
    entry::Leaf,
    log::{Checkpoint, Hash, LogKey, SignedCheckpoint, leaf_hash},
    signature::PublicKey,
};
use rand_core::CryptoRng;

use crate::{
    backend::{self, Inspect},
    config::Config,
    error::StartError,
};

/// Most findings that are kept: more do not change what to do.
const MOST_FINDINGS: usize = 100;

/// The place of findings about the high-water mark.
const MARK: &str = "mark";

/// Rows of one page.
const PAGE: u32 = 4_096;

/// Most findings of the database about its files.
const FINDINGS: u32 = 20;

/// What was checked, and what is wrong.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Leaves read.
    pub leaves: u64,
    /// Tree nodes compared.
    pub nodes: u64,
    /// Used values compared.
    pub used: u64,
    /// Rows of the state compared.
    pub rows: u64,
    /// What is wrong, at most the first hundred.
    pub findings: Vec<Finding>,
}

impl Report {
    /// True if nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// The findings, one on each line.
    pub(crate) fn lines(&self) -> String {
        let lines = self.findings.iter().map(ToString::to_string);
        lines.collect::<Vec<_>>().join("\n")
    }

    fn find(&mut self, place: &'static str, what: impl Into<String>) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(Finding {
                place,
                what: what.into(),
            });
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            leaves,
            nodes,
            used,
            rows,
            findings,
        } = self;
        writeln!(
            f,
            "{leaves} leaves, {nodes} tree nodes, {used} used values, {rows} rows of the state"
        )?;
        findings
            .iter()
            .try_for_each(|finding| writeln!(f, "{finding}"))?;
        match findings.len() {
            0 => return f.write_str("clean"),
            1 => f.write_str("1 finding")?,
            count => write!(f, "{count} findings")?,
        }
        // Findings about the mark say what to do themselves: the stored data may be sound.
        if findings.iter().any(|finding| finding.place != MARK) {
            f.write_str(": the stored data is damaged, restore a backup")?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Table, or "file", "rules", or "mark" for the high-water mark.
    pub place: &'static str,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Checks the database that `config` names. `rng` blinds the batches of proofs.
///
/// # Errors
/// [`StartError`] when there is no database of this program and version, or when its ledger has
/// other founding parameters than the configuration. Faults inside the database are in the
/// [`Report`].
pub async fn fsck(config: &Config, rng: &mut impl CryptoRng) -> Result<Report, StartError> {
    fsck_at(&backend::place(config), config, rng).await
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

/// The results that follow from the leaves.
struct FromLeaves {
    frontier: Frontier,
    nodes: HashMap<Node, Hash>,
    /// Blobs that entries name.
    blobs: BTreeSet<BlobDigest>,
    /// Whether the replay ended before a leaf whose blobs are missing or altered.
    unfit_blobs: bool,
    /// Nothing if the replay did not reach the end.
    state: Option<State>,
}

async fn check_leaves<N: Inspection>(
    db: &mut N,
    config: &Config,
    report: &mut Report,
    rng: &mut impl CryptoRng,
) -> Result<FromLeaves, StartError> {
    let mut replay = Some(Replay::new(config.policy()?));
    let mut frontier = Frontier::new();
    let mut nodes = HashMap::new();
    let mut named = BTreeSet::new();
    let mut unfit_blobs = false;
    let mut last = -1i64;
    loop {
        let rows = db.leaves(last, PAGE.min(256)).await.map_err(N::explain)?;
        if rows.is_empty() {
            break;
        }
        for (index, id, leaf) in rows {
            if index != last + 1 {
                report.find(
                    "leaf",
                    format!("leaves {} to {} are missing", last + 1, index - 1),
                );
                replay = None;
            }
            last = index;
            report.leaves += 1;
            match Leaf::from_bytes(&leaf) {
                Err(error) => report.find("leaf", format!("leaf {index}: {error}")),
                Ok(decoded) if decoded.entry.id().0[..] != id[..] => {
                    report.find(
                        "leaf",
                        format!("leaf {index} is stored under another entry's id"),
                    );
                }
                Ok(_) => {}
            }
            nodes.extend(frontier.push(leaf_hash(&leaf)));
            let mut blobs = Vec::new();
            for digest in named_blobs::named_by(&leaf) {
                named.insert(digest);
                // What is missing or altered is told once, by the look at all blobs.
                let stored = db.blob(&digest).await.map_err(N::explain)?;
                blobs.extend(stored.and_then(|bytes| Blob::new(bytes).ok()));
            }
            if named_blobs::check(&leaf, &blobs).is_err()
                && let Some(going) = replay.take()
            {
                // The rules would refuse the leaf, which is not at fault. Those before it are judged.
                unfit_blobs = true;
                if let Err(error) = going.finish(rng) {
                    report.find("rules", error.to_string());
                }
            }
            replay = match replay {
                None => None,
                Some(mut going) => match going.push_with(&leaf, blobs, rng) {
                    Ok(()) => Some(going),
                    Err(error) => {
                        report.find("rules", error.to_string());
                        None
                    }
                },
            };
        }
    }
    let state = match replay {
        None => None,
        Some(going) => match going.finish(rng) {
            Ok((state, _)) => Some(state),
            Err(error) => {
                report.find("rules", error.to_string());
                None
            }
        },
    };
    Ok(FromLeaves {
        frontier,
        nodes,
        blobs: named,
        unfit_blobs,
        state,
    })
}

/// Compares the stored blobs with those that entries name, in both directions.
async fn check_blobs<N: Inspection>(
    db: &mut N,
    named: &BTreeSet<BlobDigest>,
    report: &mut Report,
) -> Result<(), StartError> {
    let mut missing = named.clone();
    let mut after = Vec::new();
    while let Some((digest, bytes)) = db.next_blob(&after).await.map_err(N::explain)? {
        let shown = hex::encode(&digest);
        match <[u8; 32]>::try_from(digest.as_slice()).map(BlobDigest) {
            Ok(known) if named.contains(&known) => {
                missing.remove(&known);
                if !Blob::new(bytes).is_ok_and(|blob| blob.digest() == known) {
                    report.find("blob", format!("{shown} holds bytes of another digest"));
                }
            }
            _ => report.find("blob", format!("{shown} is named by no entry")),
        }
        after = digest;
    }
    for digest in missing {
        report.find(
            "blob",
            format!("{digest} is missing, and an entry names it"),
        );
    }
    Ok(())
}

async fn check_nodes<N: Inspection>(
    db: &mut N,
    expected: &HashMap<Node, Hash>,
    report: &mut Report,
) -> Result<(), StartError> {
    let mut at = (-1i64, -1i64);
    loop {
        let rows = db.nodes(at, PAGE).await.map_err(N::explain)?;
        if rows.is_empty() {
            break;
        }
        for (level, index, hash) in rows {
            at = (level, index);
            report.nodes += 1;
            let node = u8::try_from(level).ok().map(|level| Node {
                level,
                index: index.cast_unsigned(),
            });
            match node.and_then(|node| expected.get(&node)) {
                None => report.find(
                    "node",
                    format!("{level}:{index} does not belong to any leaves"),
                ),
                Some(known) if known[..] != hash[..] => {
                    report.find(
                        "node",
                        format!("{level}:{index} has a hash that does not follow from its leaves"),
                    );
                }
                Some(_) => {}
            }
        }
    }
    // Rows have distinct keys, and each unknown one was found, so the counts show the rest.
    if report.nodes < expected.len() as u64 {
        let missing = expected.len() as u64 - report.nodes;
        report.find("node", format!("at least {missing} tree nodes are missing"));
    }
    Ok(())
}

async fn check_used<N: Inspection>(
    db: &mut N,
    state: &State,
    report: &mut Report,
) -> Result<(), StartError> {
    let Some(expected) = state.memory().map(merits_ledger::rows::MemoryRows::uniques) else {
        return Ok(());
    };
    // Entry ids are unique in `leaf`.
    let sets = [
        UniqueSet::Commitment,
        UniqueSet::Note,
        UniqueSet::Nullifier,
        UniqueSet::Spend,
        UniqueSet::Rate,
    ];
    let mut at = (-1i64, Vec::new());
    let mut matched = 0;
    loop {
        let rows = db.used((at.0, &at.1), PAGE).await.map_err(N::explain)?;
        if rows.is_empty() {
            break;
        }
        for (kind, value, index) in rows {
            report.used += 1;
            let set = sets.into_iter().find(|set| i64::from(*set as u8) == kind);
            let known = <[u8; 32]>::try_from(value.as_slice())
                .ok()
                .zip(set)
                .and_then(|(value, set)| expected.get(&(set, value)));
            let shown = EntryId(<[u8; 32]>::try_from(value.as_slice()).unwrap_or_default());
            match known {
                None => report.find("used", format!("{kind}:{shown} was used by no leaf")),
                Some(leaf) if leaf.cast_signed() != index => report.find(
                    "used",
                    format!("{kind}:{shown} was used by leaf {leaf}, not by leaf {index}"),
                ),
                Some(_) => matched += 1,
            }
            at = (kind, value);
        }
    }
    let wanted = expected
        .keys()
        .filter(|(set, _)| sets.contains(set))
        .count();
    if matched < wanted {
        let missing = wanted - matched;
        report.find(
            "used",
            format!("{missing} values that leaves used are missing or misplaced"),
        );
    }
    Ok(())
}

/// Compares the stored rows and their description with those that follow from the leaves, in both
/// directions.
async fn check_rows<N: Inspection>(
    db: &mut N,
    state: &State,
    report: &mut Report,
) -> Result<(), StartError> {
    let shown = |key: &RowKey| format!("{} {}", key.table, hex::encode(&key.key));
    let mut expected = state
        .memory()
        .into_iter()
        .flat_map(|rows| rows.iter())
        .peekable();
    let mut at = (-1i64, Vec::new());
    loop {
        let rows = db.rows((at.0, &at.1), PAGE).await.map_err(N::explain)?;
        if rows.is_empty() {
            break;
        }
        for (number, key, value) in rows {
            report.rows += 1;
            at = (number, key.clone());
            let table = u8::try_from(number).ok().and_then(Table::from_number);
            let Some(table) = table else {
                report.find("row", format!("there is no table {number}"));
                continue;
            };
            let key = RowKey { table, key };
            while let Some((missing, _)) = expected.next_if(|(next, _)| **next < key) {
                report.find("row", format!("{} is missing", shown(missing)));
            }
            match expected.next_if(|(next, _)| **next == key) {
                None => report.find(
                    "row",
                    format!("{} does not follow from any leaf", shown(&key)),
                ),
                Some((_, known)) if known != value.as_slice() => {
                    report.find(
                        "row",
                        format!("{} differs from what the leaves give", shown(&key)),
                    );
                }
                Some(_) => {}
            }
        }
    }
    for (missing, _) in expected {
        report.find("row", format!("{} is missing", shown(missing)));
    }
    let Some(StateRow {
        version,
        size,
        digest,
    }) = db.state_row().await.map_err(N::explain)?
    else {
        report.find("state", "the description of the stored state is missing");
        return Ok(());
    };
    if version != i64::from(STATE_VERSION) {
        let wanted = STATE_VERSION;
        report.find(
            "state",
            format!("it has version {version}, but this program's version is {wanted}"),
        );
    }
    if size != state.size() {
        let leaves = state.size();
        report.find(
            "state",
            format!("it is of {size} leaves, and there are {leaves}"),
        );
    }
    match state.rows().digest() {
        Ok(expected) if expected.to_bytes() == digest => {}
        _ => report.find("state", "its digest differs from what the leaves give"),
    }
    Ok(())
}

fn check_mark(mark: &Checkpoint, leaves: &FromLeaves, report: &mut Report) {
    let (marked, found) = (mark.size, leaves.frontier.size());
    if found < marked {
        report.find(
            MARK,
            format!(
                "{marked} entries were published, and there are {found} leaves: this is an older copy; bring \
                 back the newest data, or restore a backup that holds all {marked}"
            ),
        );
    } else if tree::root(&leaves.nodes, marked).ok() != Some(mark.root) {
        report.find(
            MARK,
            format!(
                "the first {marked} leaves are not those that were published: this is another history of the \
                 log; bring back the data that the mark belongs to"
            ),
        );
    }
}

fn public_key(bytes: &[u8]) -> Option<PublicKey> {
    let bytes = <[u8; 32]>::try_from(bytes).ok()?;
    PublicKey::from_bytes(&bytes).ok()
}

async fn check_log<N: Inspection>(
    db: &mut N,
    config: &Config,
    frontier: &Frontier,
    report: &mut Report,
) -> Result<(), StartError> {
    let Some(row) = db.log_row().await.map_err(N::explain)? else {
        report.find("log", "the log was never founded");
        return Ok(());
    };
    // The founding facts have this origin too.
    let origin = config.origin()?;
    if row.origin != origin.as_str() {
        report.find("log", format!("it is the log {}, not {origin}", row.origin));
        return Ok(());
    }
    let Some(key) = public_key(&row.log_key) else {
        report.find("log", "the log key is no Ed25519 key");
        return Ok(());
    };
    if row.size != frontier.size() {
        let (stored, found) = (row.size, frontier.size());
        report.find(
            "log",
            format!("its size is {stored}, and there are {found} leaves"),
        );
    }
    let signed = SignedCheckpoint::parse(&row.checkpoint);
    match signed.and_then(|signed| signed.verify(&LogKey::new(origin, key))) {
        Err(error) => report.find("log", format!("the checkpoint: {error}")),
        Ok(checkpoint) => {
            if (checkpoint.size, &checkpoint.root[..]) != (row.size, &row.root[..]) {
                report.find("log", "the checkpoint is not of the stored size and root");
            }
            if checkpoint.root != frontier.root() {
                report.find(
                    "log",
                    "the leaves lead to another root than the checkpoint's",
                );
            }
        }
    }
    Ok(())
}
