//! Copies of the store: made while it is in use, fully checked, restored.
//!
//! A copy has the same sealed contents as the store. It is as private as the records, and it still
//! contains subjects that were forgotten after it was made.

use std::path::Path;

use merits_primitives::ids::{Origin, PartyId};
use merits_sqlite::{Staged, StoreKind, counted};
use serde::Serialize;
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::{StoreError, SubjectId, array, check_node};
use crate::at_rest::MasterKey;

/// The contents of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Accounts.
    pub subjects: u64,
    /// Deeds.
    pub deeds: u64,
    /// Batches that the ledger has not answered.
    pub waiting: u64,
}

/// Copies a store of this ledger and party, also while it is in use, and decrypts every account's
/// data key of the copy before the copy gets its name. Only its owner may read it. Both backup and
/// restore use this.
///
/// # Errors
/// [`StoreError`]; no file was made under the new name. Existing files are never overwritten.
pub async fn copy(
    source: &Path,
    destination: &Path,
    origin: &Origin,
    party: &PartyId,
    master: &MasterKey,
) -> Result<Copied, StoreError> {
    StoreKind::Records.require(source).await?;
    let staged = Staged::copy_of(source, destination).await?;
    let mut db = merits_sqlite::inspecting(staged.path()).connect().await?;
    check_node(&mut db, origin, party).await?;
    let also = super::lookalike_hashes::NODE_BEFORE;
    merits_sqlite::require_tables(&mut db, source, super::TABLES, &also).await?;
    let (mut subjects, mut after) = (0, SubjectId(0));
    loop {
        let rows = sqlx::query(
            "SELECT id, tag, wrapped_key FROM subject WHERE id > ? ORDER BY id LIMIT 1000",
        )
        .bind(after)
        .fetch_all(&mut db)
        .await?;
        let Some(last) = rows.last() else { break };
        after = last.try_get("id")?;
        for row in rows {
            let tag = array(row.try_get("tag")?, "subject tag")?;
            drop(master.unwrap(&tag, row.try_get("wrapped_key")?)?);
            subjects += 1;
        }
    }
    let deeds: Option<i64> = sqlx::query_scalar("SELECT count(*) FROM deed")
        .fetch_one(&mut db)
        .await?;
    let waiting: Option<i64> =
        sqlx::query_scalar("SELECT count(*) FROM batch WHERE state IN ('formed', 'proved')")
            .fetch_one(&mut db)
            .await?;
    db.close().await?;
    staged.put_in_place()?;
    Ok(Copied {
        subjects,
        deeds: counted(deeds)?,
        waiting: counted(waiting)?,
    })
}
