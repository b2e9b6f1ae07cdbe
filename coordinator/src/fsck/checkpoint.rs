//! The newest checkpoint and the high-water mark.

use merits_ledger::{
    storage::Inspection,
    tree::{self, Frontier},
};
use merits_verifier::{
    log::{Checkpoint, LogKey, SignedCheckpoint},
    signature::PublicKey,
};

use super::{Report, leaves::FromLeaves, report::MARK};
use crate::{config::Config, error::StartError};

/// Compares the published tree that the mark covers with the leaves.
pub(super) fn check_mark(mark: &Checkpoint, leaves: &FromLeaves, report: &mut Report) {
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

pub(super) fn public_key(bytes: &[u8]) -> Option<PublicKey> {
    let bytes = <[u8; 32]>::try_from(bytes).ok()?;
    PublicKey::from_bytes(&bytes).ok()
}

pub(super) async fn check_log<N: Inspection>(
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
        report.find("log", "the log key is not an Ed25519 key");
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
