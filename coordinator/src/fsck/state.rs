//! Used values and rows, compared with those that the leaves give.

use merits_ledger::{
    State, UniqueSet,
    rows::{RowKey, Table},
    storage::{Inspection, STATE_VERSION, StateRow},
};
use merits_primitives::ids::EntryId;

use super::{PAGE, Report};
use crate::error::StartError;

/// Compares the stored used values with those of the leaves, in both directions.
pub(super) async fn check_used<N: Inspection>(
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
        UniqueSet::Alert,
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
pub(super) async fn check_rows<N: Inspection>(
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
        Ok(expected) if expected.to_stored() == digest => {}
        _ => report.find("state", "its digest differs from what the leaves give"),
    }
    Ok(())
}
