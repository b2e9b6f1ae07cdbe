//! Receipts and consistency proofs of the published log, from stored nodes.

use merits_ledger::tree;
use merits_proto::Fault;
use merits_verifier::{fields, log::Hash, receipt::Receipt};

use crate::{
    archive::{Archive, StoredLeaf},
    faults::database,
    published::{Published, Shown},
};

/// The receipt of a stored leaf under the newest checkpoint.
pub(crate) async fn receipt(
    archive: &Archive,
    published: &Published,
    stored: StoredLeaf,
) -> Result<Receipt, Fault> {
    let shown = published.checkpoint();
    if stored.index >= shown.0.size {
        // It is durable, but its checkpoint is not published yet, which takes microseconds.
        return Err(Fault::busy(std::time::Duration::from_millis(10)));
    }
    receipt_under(archive, shown, stored).await
}

/// The receipt of a leaf under a checkpoint that covers it.
pub(crate) async fn receipt_under(
    archive: &Archive,
    (checkpoint, signed): Shown,
    stored: StoredLeaf,
) -> Result<Receipt, Fault> {
    let StoredLeaf { index, leaf } = stored;
    let wanted = tree::inclusion_nodes(index, checkpoint.size);
    let nodes = archive.nodes(&wanted).await.map_err(database)?;
    let proof = tree::inclusion_proof(&nodes, index, checkpoint.size).map_err(damaged)?;
    Ok(Receipt {
        leaf,
        index,
        proof,
        checkpoint: signed.as_ref().clone(),
    })
}

/// Proof that the tree of `old` leaves is the beginning of that of `new`.
pub(crate) async fn consistency(
    archive: &Archive,
    published: &Published,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, Fault> {
    let size = published.checkpoint().0.size;
    if new > size {
        return Err(Fault::malformed(
            fields::NEW_SIZE,
            format!("the log has {size} entries"),
        ));
    }
    if old > new {
        return Err(Fault::malformed(
            fields::OLD_SIZE,
            "is greater than `new_size`",
        ));
    }
    let nodes = archive
        .nodes(&tree::consistency_nodes(old, new))
        .await
        .map_err(database)?;
    tree::consistency_proof(&nodes, old, new).map_err(damaged)
}

fn damaged(error: impl std::fmt::Display) -> Fault {
    tracing::error!(%error, "the stored tree is damaged");
    Fault::internal()
}
