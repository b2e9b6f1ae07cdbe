//! Blobs, used values and rows, compared with those that the leaves give.

use std::collections::BTreeMap;

use merits_ledger::{
    Blob, BlobDigest, State, UniqueSet,
    rows::{MemoryRows, RowKey, Table},
    storage::{Inspection, STATE_VERSION, StateRow, StoreFailure},
};

use super::{PAGE, checks, leaves::of_leaf, unreadable};
use crate::report::{Finding, Findings, MOST_FINDINGS};

/// Compares the stored blobs with those that entries name, in both directions. Answers how many are stored.
pub(super) async fn check_blobs<N: Inspection>(
    db: &mut N,
    named: &BTreeMap<BlobDigest, u64>,
    findings: &mut Findings,
) -> Result<u64, StoreFailure> {
    let mut missing = named.clone();
    let (mut after, mut count) = (Vec::new(), 0);
    while let Some((digest, bytes)) = db.next_blob(&after).await.map_err(N::explain)? {
        count += 1;
        let shown = hex::encode(&digest);
        let known = <[u8; 32]>::try_from(digest.as_slice()).map(BlobDigest);
        let leaf = known
            .ok()
            .and_then(|known| missing.remove(&known).zip(Some(known)));
        match leaf {
            None => {
                let what = format!("{shown} is named by no entry");
                findings.push(Finding::of_log(checks::BLOB, what));
            }
            Some((leaf, known)) => {
                if !Blob::new(bytes).is_ok_and(|blob| blob.digest() == known) {
                    let what = format!("{shown}, which it names, holds bytes of another digest");
                    findings.push(of_leaf(checks::BLOB, leaf, what));
                }
            }
        }
        after = digest;
    }
    for (digest, leaf) in missing {
        let what = format!("{digest} is missing, and an entry names it");
        findings.push(of_leaf(checks::BLOB, leaf, what));
    }
    Ok(count)
}

/// Compares the stored used values with those of the leaves, in both directions. Answers how many are stored.
pub(super) async fn check_used<N: Inspection>(
    db: &mut N,
    state: &State,
    findings: &mut Findings,
) -> Result<u64, StoreFailure> {
    let used = state.memory().into_iter().flat_map(MemoryRows::uniques);
    // Entry ids are unique among the leaves, and stored with them.
    let mut expected: Vec<(u8, &[u8; 32], u64)> = used
        .filter(|((set, _), _)| *set != UniqueSet::Entry)
        .map(|((set, value), leaf)| (*set as u8, value, *leaf))
        .collect();
    expected.sort_unstable();
    let mut expected = expected.into_iter().peekable();
    let (mut at, mut count) = ((-1i64, Vec::new()), 0);
    loop {
        let rows = db.used((at.0, &at.1), PAGE).await.map_err(N::explain)?;
        if rows.is_empty() {
            break;
        }
        for (kind, value, index) in rows {
            count += 1;
            let next = (kind, &value[..]);
            while let Some((set, gone, leaf)) =
                expected.next_if(|(set, value, _)| (i64::from(*set), &value[..]) < next)
            {
                findings.push(missing_value(set, gone, leaf));
            }
            let known = expected.next_if(|(set, value, _)| (i64::from(*set), &value[..]) == next);
            let shown = hex::encode(&value);
            match known {
                None => findings.push(of_leaf(
                    checks::USED,
                    index.cast_unsigned(),
                    format!(
                        "{kind}:{shown} was used by no leaf, and is stored as used by leaf {index}"
                    ),
                )),
                Some((_, _, leaf)) if leaf.cast_signed() != index => findings.push(of_leaf(
                    checks::USED,
                    leaf,
                    format!("{kind}:{shown} was used by leaf {leaf}, not by leaf {index}"),
                )),
                Some(_) => {}
            }
            at = (kind, value);
        }
    }
    for (set, gone, leaf) in expected {
        findings.push(missing_value(set, gone, leaf));
    }
    Ok(count)
}

fn missing_value(set: u8, value: &[u8; 32], leaf: u64) -> Finding {
    let shown = hex::encode(value);
    let what = format!(
        "the value {set}:{shown} that it used up is missing from the used values, so it could be used again"
    );
    of_leaf(checks::USED, leaf, what)
}

/// Compares the stored rows with those that follow from the leaves, in both directions. Answers how many are stored,
/// and which differ and how.
pub(super) async fn check_rows<N: Inspection>(
    db: &mut N,
    state: &State,
    findings: &mut Findings,
) -> Result<(u64, Vec<(RowKey, String)>), StoreFailure> {
    let shown = |key: &RowKey| format!("{} {}", key.table, hex::encode(&key.key));
    let mut differing = Vec::new();
    let mut differs = |key: &RowKey, how: &str| {
        // Their writers are looked up, so they are kept apart; more than these would not be kept at all.
        if differing.len() < MOST_FINDINGS {
            differing.push((key.clone(), format!("{} {how}", shown(key))));
        }
    };
    let rows = state.memory().into_iter().flat_map(MemoryRows::iter);
    let mut expected = rows.peekable();
    let (mut at, mut count) = ((-1i64, Vec::new()), 0);
    loop {
        let rows = db.rows((at.0, &at.1), PAGE).await.map_err(N::explain)?;
        if rows.is_empty() {
            break;
        }
        for (number, key, value) in rows {
            count += 1;
            at = (number, key.clone());
            let table = u8::try_from(number).ok().and_then(Table::from_number);
            let Some(table) = table else {
                let what = format!("there is no table {number}");
                findings.push(Finding::of_log(checks::ROW, what));
                continue;
            };
            let key = RowKey { table, key };
            while let Some((gone, _)) = expected.next_if(|(next, _)| **next < key) {
                differs(gone, "is missing");
            }
            match expected.next_if(|(next, _)| **next == key) {
                None => differs(&key, "does not follow from any leaf"),
                Some((_, known)) if known != value.as_slice() => {
                    differs(&key, "differs from what the leaves give");
                }
                Some(_) => {}
            }
        }
    }
    for (gone, _) in expected {
        differs(gone, "is missing");
    }
    Ok((count, differing))
}

/// Compares the stored description of the state with the state.
pub(super) async fn check_state_row<N: Inspection>(
    db: &mut N,
    state: &State,
    findings: &mut Findings,
) -> Result<(), StoreFailure> {
    let mut find = |what: String| findings.push(Finding::of_log(checks::STATE, what));
    let Some(StateRow {
        version,
        size,
        digest,
    }) = db.state_row().await.map_err(N::explain)?
    else {
        find("the description of the stored state is missing".to_owned());
        return Ok(());
    };
    if version != i64::from(STATE_VERSION) {
        let wanted = STATE_VERSION;
        find(format!(
            "it has version {version}, but this program's version is {wanted}"
        ));
    }
    if size != state.size() {
        let leaves = state.size();
        find(format!("it is of {size} leaves, and there are {leaves}"));
    }
    let expected = state.rows().digest().map_err(unreadable)?;
    if expected.to_stored() != digest {
        find("its digest differs from what the leaves give".to_owned());
    }
    Ok(())
}
