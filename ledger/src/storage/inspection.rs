//! The raw tables of a store at one moment, for checking them.
//!
//! A check must not trust what it checks. So these rows have the types of a database, integers and bytes, and the
//! caller decodes them. Lists come in pages. A page begins after the last row of the page before; an empty page is
//! the end.

use std::{collections::HashMap, future::Future};

use merits_verifier::log::Hash;

use super::StoreFailure;
use crate::blob::BlobDigest;
use crate::tree::Node;

/// The log that a store holds, and its newest checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// The log's origin.
    pub origin: String,
    /// Its public key.
    pub log_key: Vec<u8>,
    /// Leaves.
    pub size: u64,
    /// Root of their tree.
    pub root: Vec<u8>,
    /// The newest checkpoint, as a signed note; empty in a copy without entries.
    pub checkpoint: String,
}

/// What a store says about its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateRow {
    /// The layout of the rows.
    pub version: i64,
    /// The number of leaves of which they are the state.
    pub size: u64,
    /// The sum of their vectors.
    pub digest: Vec<u8>,
}

/// A stored leaf: index, entry id, bytes.
pub type LeafRow = (i64, Vec<u8>, Vec<u8>);

/// A stored blob: digest, bytes.
pub type BlobRow = (Vec<u8>, Vec<u8>);

/// A stored tree node: level, index, hash.
pub type NodeRow = (i64, i64, Vec<u8>);

/// A stored used value: set, value, index of the leaf.
pub type UsedRow = (i64, Vec<u8>, i64);

/// A stored row of the state: table, key, value.
pub type RowRow = (i64, Vec<u8>, Vec<u8>);

/// Reads the raw tables of a store, all at the same moment, also while others write. Changes nothing.
pub trait Inspection: Send {
    /// The error.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The error in words, and whether the store can be used after it.
    fn explain(error: Self::Error) -> StoreFailure;

    /// What the database itself finds wrong with its files and its constraints, at most `most` findings.
    fn findings(
        &mut self,
        most: u32,
    ) -> impl Future<Output = Result<Vec<String>, Self::Error>> + Send;

    /// The log that it holds; `None` before it is founded.
    fn log_row(&mut self) -> impl Future<Output = Result<Option<LogRow>, Self::Error>> + Send;

    /// The founding parameters, in the order of their names.
    fn facts(&mut self) -> impl Future<Output = Result<Vec<(String, String)>, Self::Error>> + Send;

    /// The description of the state's rows; `None` before the first entry.
    fn state_row(&mut self) -> impl Future<Output = Result<Option<StateRow>, Self::Error>> + Send;

    /// Leaves after an index. After -1 means from the beginning.
    fn leaves(
        &mut self,
        after: i64,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<LeafRow>, Self::Error>> + Send;

    /// Tree nodes after a level and an index. After (-1, -1) means from the beginning.
    fn nodes(
        &mut self,
        after: (i64, i64),
        limit: u32,
    ) -> impl Future<Output = Result<Vec<NodeRow>, Self::Error>> + Send;

    /// Hashes of these tree nodes. Hashes that are not stored are missing from the answer.
    fn nodes_at(
        &mut self,
        wanted: &[Node],
    ) -> impl Future<Output = Result<HashMap<Node, Hash>, Self::Error>> + Send;

    /// Used values after a set and a value. After -1 and no bytes means from the beginning.
    fn used(
        &mut self,
        after: (i64, &[u8]),
        limit: u32,
    ) -> impl Future<Output = Result<Vec<UsedRow>, Self::Error>> + Send;

    /// Rows of the state after a table and a key. After -1 and no bytes means from the beginning.
    fn rows(
        &mut self,
        after: (i64, &[u8]),
        limit: u32,
    ) -> impl Future<Output = Result<Vec<RowRow>, Self::Error>> + Send;

    /// The first blob after a digest; `None` after the last. After no bytes means from the beginning.
    fn next_blob(
        &mut self,
        after: &[u8],
    ) -> impl Future<Output = Result<Option<BlobRow>, Self::Error>> + Send;

    /// The bytes of a blob.
    fn blob(
        &mut self,
        digest: &BlobDigest,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, Self::Error>> + Send;

    /// Ends reading.
    fn end(self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
