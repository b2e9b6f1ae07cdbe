//! Where a ledger is stored, and what a coordinator does with the place itself: make a store there, open it, copy
//! it, put a copy back. A backend brings one [`Place`]; a coordinator works over any.

use std::{
    fmt,
    future::Future,
    path::{Path, PathBuf},
};

use super::{Inspection, Storage, StorageReader};

/// Something that may hold a ledger's tables, which can be looked at without changing it: the store itself, a copy
/// that is being made, a backup.
pub trait Inspect: Send + Sync {
    /// Why the place cannot be used.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Reads the raw tables.
    type Inspection: Inspection;

    /// Its name, for messages.
    fn name(&self) -> &Path;

    /// Opens it at its newest commit. `None` if it exists and holds no tables at all.
    ///
    /// # Errors
    /// There is no such place, it belongs to another program or version, or it cannot be read.
    fn inspect(&self)
    -> impl Future<Output = Result<Option<Self::Inspection>, Self::Error>> + Send;
}

/// A place for the ledger of one coordinator.
pub trait Place: Inspect + Clone + 'static {
    /// The store that is there.
    type Storage: Storage;

    /// Reads beside the one writer, and never waits for it.
    type Reader: StorageReader + fmt::Debug + 'static;

    /// A copy that is made and not yet in place.
    type Staged: Staged<Error = Self::Error>;

    /// A backup of a ledger.
    type Backup: Inspect<Error = Self::Error>;

    /// Refuses a place that can never hold a ledger, such as a folder under the name of a file. An empty place is
    /// fine.
    ///
    /// # Errors
    /// Why not.
    fn judge(&self) -> Result<(), Self::Error>;

    /// True if something is there. Whether it is a ledger, [`Inspect::inspect`] tells.
    fn exists(&self) -> bool;

    /// Prepares a place that exists, before anything is opened: others must not be able to read or replace it.
    ///
    /// # Errors
    /// Others can, and that cannot be changed.
    fn keep_private(&self) -> Result<(), Self::Error>;

    /// Files that [`Place::create`] makes. A founding that failed deletes those that exist.
    fn files(&self) -> Vec<PathBuf>;

    /// Makes the store of a new ledger. `None` if a ledger is there already.
    ///
    /// # Errors
    /// The place holds something else, before anything is changed; or the store cannot be made.
    fn create(&self) -> impl Future<Output = Result<Option<Self::Storage>, Self::Error>> + Send;

    /// Opens the store for the one writer, and proves that it can be written. `None` if no ledger is there. The
    /// commits of earlier runs are durable afterwards.
    ///
    /// # Errors
    /// Before anything is changed.
    fn open(&self) -> impl Future<Output = Result<Option<Self::Storage>, Self::Error>> + Send;

    /// Opens at most `connections` connections for reading a store that [`Place::open`] has opened before.
    ///
    /// # Errors
    /// They cannot be opened.
    fn readers(
        &self,
        connections: u32,
    ) -> impl Future<Output = Result<Self::Reader, Self::Error>> + Send;

    /// Leaves the place complete for anybody who copies it, after the last connection was closed.
    ///
    /// # Errors
    /// It is not complete; what was committed is durable nevertheless.
    fn settle(&self) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Copies the ledger for a backup with this name, also while it is being served.
    ///
    /// # Errors
    /// The name is taken, or no sound copy can be made.
    fn back_up(
        &self,
        output: &Path,
    ) -> impl Future<Output = Result<Self::Staged, Self::Error>> + Send;

    /// A backup of a ledger.
    ///
    /// # Errors
    /// No ledger exists under this name.
    fn backup(
        &self,
        input: &Path,
    ) -> impl Future<Output = Result<Self::Backup, Self::Error>> + Send;

    /// Copies a backup for this place, which must be empty.
    ///
    /// # Errors
    /// The place is taken, or no sound copy can be made.
    fn restore(
        &self,
        backup: &Self::Backup,
    ) -> impl Future<Output = Result<Self::Staged, Self::Error>> + Send;
}

/// A copy that is not yet under its name. If it is dropped before [`Staged::put_in_place`], nothing is left of it.
pub trait Staged: Inspect {
    /// Gives it its name, durably.
    ///
    /// # Errors
    /// The name was taken meanwhile, or it cannot be made durable. Then no part of it is left.
    fn put_in_place(self) -> Result<(), Self::Error>;
}
