//! Items of streams: each is work like a call, and is limited like one.

use std::sync::Arc;

use merits_proto::Fault;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::weights::UNIT;

/// How much of one streaming call may be in work; the server puts it into the request's
/// extensions.
#[derive(Clone, Debug)]
pub struct InWork {
    /// The caller's items at once.
    items: Arc<Semaphore>,
    /// What this call may hold.
    bytes: Arc<Semaphore>,
    most: u32,
}

/// The memory of one item, from when it was read until its answer is taken.
#[derive(Debug)]
pub struct ItemMemory(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit);

/// The place of one item in work.
#[derive(Debug)]
pub struct ItemPlace(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit);

impl InWork {
    pub(crate) fn new(items: Arc<Semaphore>, units: u32) -> Self {
        Self {
            items,
            bytes: Arc::new(Semaphore::new(units as usize)),
            most: units,
        }
    }

    /// What the server allows the call of this request; of a request that came past our server,
    /// `usual` bytes and 256 items.
    pub fn of<T>(request: &tonic::Request<T>, usual: usize) -> Self {
        let units = u32::try_from(usual / UNIT).unwrap_or(u32::MAX).max(1);
        request
            .extensions()
            .get::<Self>()
            .cloned()
            .unwrap_or_else(|| Self::new(Arc::new(Semaphore::new(256)), units))
    }

    /// Waits until an item that holds so many bytes, with its answer, has room. Ask it of one item
    /// after another, before the next is read.
    pub async fn memory(&self, bytes: usize) -> Result<ItemMemory, Fault> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.bytes)
            .acquire_many_owned(units.min(self.most))
            .await;
        permit.map(ItemMemory).map_err(|_| Fault::stopping())
    }

    /// Waits until the caller may have one more item in work. Wait in a task of its own: one that
    /// the peer's reading drives would keep its place from others while the peer does not read.
    pub async fn place(&self) -> Result<ItemPlace, Fault> {
        let permit = Arc::clone(&self.items).acquire_owned().await;
        permit.map(ItemPlace).map_err(|_| Fault::stopping())
    }
}
