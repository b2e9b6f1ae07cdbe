//! Items of streams. Each is work like a call and is limited like one.

use std::sync::Arc;

use merits_proto::Fault;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    connection::{Activity, Connection, Item},
    room::{self, Memory},
    shared::Shared,
    weights::UNIT,
};

/// How much of one streaming call may be in work.
#[derive(Clone, Debug)]
pub struct InWork {
    /// The caller's concurrent items.
    items: Arc<Semaphore>,
    /// Units that this call may hold at most.
    units: Arc<Semaphore>,
    most: u32,
    /// The source of memory for its items; `None` if the request did not come through our server.
    source: Option<Source>,
}

/// The server, connection and call of a request, which the server puts into its extensions.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connection: Arc<Connection>,
    pub(crate) call: Arc<Activity>,
}

/// The memory of one item. It is held from the time the item was read until its answer is received
/// and all work on it has ended, which is when the last copy is dropped.
#[derive(Clone, Debug)]
pub struct ItemMemory(#[expect(dead_code, reason = "held")] Arc<Held>);

#[derive(Debug)]
#[expect(dead_code, reason = "held")]
struct Held {
    of_call: OwnedSemaphorePermit,
    memory: Memory,
    /// While the server must act, the peer's time does not count.
    item: Option<Item>,
}

/// The place of one item in work.
#[derive(Debug)]
pub struct ItemPlace(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit);

impl InWork {
    /// The limit of this call's items in work: at most `most` bytes in total.
    pub fn of<T>(request: &tonic::Request<T>, most: usize) -> Self {
        let source: Option<Source> = request.extensions().get().cloned();
        let items = source.as_ref().map_or_else(
            || Arc::new(Semaphore::new(UNBOUND_ITEMS)),
            |source| Arc::clone(&source.connection.place.0.items),
        );
        let most = u32::try_from(most / UNIT).unwrap_or(u32::MAX).max(1);
        Self {
            items,
            units: Arc::new(Semaphore::new(most as usize)),
            most,
            source,
        }
    }

    /// Waits until there is room for an item that holds this many bytes, including its answer: in
    /// this call, its connection, its address and the server. Call it for one item after another,
    /// before reading the next.
    ///
    /// # Errors
    /// [`Fault::stopping`].
    pub async fn memory(&self, bytes: usize) -> Result<ItemMemory, Fault> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let units = units.min(self.most);
        let item = self.source.as_ref().map(|source| source.call.item());
        let of_call = Arc::clone(&self.units)
            .acquire_many_owned(units)
            .await
            .map_err(|_| Fault::stopping())?;
        let memory = match &self.source {
            None => Memory::default(),
            Some(source) => {
                let held = room::memory(&source.shared, &source.connection, units, true).await;
                Memory::of_permits(held.map_err(|_| Fault::stopping())?)
            }
        };
        Ok(ItemMemory(Arc::new(Held {
            of_call,
            memory,
            item,
        })))
    }

    /// Waits until the caller may have one more item in work. Wait in a separate task. A task that
    /// is driven by the peer's reading would block the place for others while the peer does not
    /// read.
    ///
    /// # Errors
    /// [`Fault::stopping`].
    pub async fn place(&self) -> Result<ItemPlace, Fault> {
        let permit = Arc::clone(&self.items).acquire_owned().await;
        permit.map(ItemPlace).map_err(|_| Fault::stopping())
    }
}

/// Items of a request that did not come through our server.
const UNBOUND_ITEMS: usize = 256;
