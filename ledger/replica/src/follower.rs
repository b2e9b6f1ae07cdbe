//! A replica that follows a coordinator.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use futures::future::BoxFuture;
use merits_ledger::{Blob, named_blobs};
use merits_primitives::calendar::Timestamp;
use thiserror::Error;
use tokio::sync::{OwnedMutexGuard, mpsc};

use crate::{
    client::{Client, ClientError},
    clock::machine_time,
    replica::{Replica, ReplicaError, Update},
};

/// Why a replica could not be brought up to date.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The connection.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The received data.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The log's time is ahead of this machine's.
    #[error(
        "the log's newest entry is dated {ahead} s ahead of this machine's clock: one of the two clocks is \
         wrong. Nothing was taken from the log. If this machine's is right, tell the coordinator's operator \
         at once: entries of the future close offers and let credits expire"
    )]
    Ahead {
        /// The difference in seconds.
        ahead: u64,
    },
    /// The thread that verified panicked: a bug.
    #[error(
        "the verification of the copy of the log stopped, which is this program's fault: start it again"
    )]
    Interrupted,
}

/// How far the newest leaf may be ahead of a follower's clock. Clocks under NTP differ far less,
/// and the shortest deadlines that depend on the ledger's time have minutes.
pub const MOST_AHEAD: Duration = Duration::from_secs(5 * 60);

/// The result of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Leaves before.
    pub from: u64,
    /// Leaves now.
    pub to: u64,
}

/// A replica and the connection that feeds it. Clones share both.
#[derive(Debug, Clone)]
pub struct Follower {
    client: Client,
    replica: Arc<RwLock<Replica>>,
    /// One update at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
    watch: Watch,
}

/// One update at a time. When the last holder drops it, the next may begin.
type Turn = Arc<OwnedMutexGuard<()>>;

/// The follower's own clock, and its use.
#[derive(Clone)]
struct Watch {
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    refuses: bool,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("refuses", &self.refuses)
            .finish_non_exhaustive()
    }
}

impl Follower {
    /// Joins a replica to a client of the same log.
    pub fn new(client: Client, replica: Replica) -> Self {
        Self {
            client,
            replica: Arc::new(RwLock::new(replica)),
            turn: Arc::default(),
            watch: Watch {
                clock: Arc::new(machine_time),
                refuses: false,
            },
        }
    }

    /// Refuses a log whose newest leaf is more than [`MOST_AHEAD`] ahead of the follower's clock;
    /// by default a follower only warns. For servers, whose actions at a wrong time cannot be
    /// undone.
    #[must_use]
    pub fn refusing_the_future(mut self) -> Self {
        self.watch.refuses = true;
        self
    }

    /// Uses another clock than the machine's. For tests and simulations.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.watch.clock = Arc::new(clock);
        self
    }

    /// The client, for submissions.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The replica. Do not hold the guard across an await.
    pub fn replica(&self) -> RwLockReadGuard<'_, Replica> {
        reading(&self.replica)
    }

    /// Fetches, verifies and applies the leaves that the replica lacks.
    ///
    /// # Errors
    /// [`FollowError`]; [`ReplicaError::Rewritten`] when the log signed two trees of one size,
    /// [`ReplicaError::NotShown`] when it could not show that its tree continues what it signed before.
    pub fn sync(&self) -> BoxFuture<'_, Result<Progress, FollowError>> {
        Box::pin(async move {
            // Shared with the thread that verifies and writes: the next update must come after it.
            let turn = Arc::new(Arc::clone(&self.turn).lock_owned().await);
            let from = self.replica().size();
            self.settle(&turn).await?;
            let mut client = self.client.clone();
            let checkpoint = client.checkpoint().await?;
            let update = self.replica().update(&checkpoint)?;
            let progress = Progress {
                from,
                to: update.until(),
            };
            if update.is_complete() {
                self.watch.look(self.replica().newest_time())?;
                return Ok(progress);
            }
            self.require_consistency(&mut client, &update).await?;
            let mut pages = client.leaves(update.from(), update.until()).await?;
            tracing::debug!(from = progress.from, to = progress.to, "verifying leaves");
            // Leaves are verified and written while the next ones arrive, a few pages behind. Both
            // sides end together: without pages there is no update, and without the update nobody
            // consumes pages.
            let (send, receive) = mpsc::channel(PAGES);
            // Not `from`: leaves that were written meanwhile are no longer missing.
            let (mut next, until) = (update.from(), update.until());
            let mut blobs = client.clone();
            let fetch = async move {
                while next < until {
                    let page = pages
                        .next()
                        .await?
                        .ok_or(ClientError::Malformed("end of the stream"))?;
                    next += page.len() as u64;
                    // The other side's error says more than that it is gone.
                    if !send_page(page, &mut blobs, &send).await? {
                        break;
                    }
                }
                Ok::<_, FollowError>(())
            };
            let watch = self.watch.clone();
            let grow = self.run(&turn, move |replica| grow(replica, update, receive, &watch));
            let (fetched, grown) = tokio::join!(fetch, grow);
            // If the pages stopped, the update is short, which is not the fault of the leaves.
            fetched.and(grown)?;
            Ok(progress)
        })
    }

    /// Writes the leaves that an earlier update verified but could not write because the disk was
    /// full.
    async fn settle(&self, turn: &Turn) -> Result<(), FollowError> {
        if !self.replica().is_unsettled() {
            return Ok(());
        }
        self.run(turn, |replica| Ok(writing(replica).settle()?))
            .await?;
        tracing::info!("wrote the leaves of the log that could not be written before");
        Ok(())
    }

    /// Verifies or writes. Proofs, signatures and disks take time: never on the async runtime.
    async fn run(
        &self,
        turn: &Turn,
        work: impl FnOnce(&RwLock<Replica>) -> Result<(), FollowError> + Send + 'static,
    ) -> Result<(), FollowError> {
        let (replica, turn) = (Arc::clone(&self.replica), Arc::clone(turn));
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&replica);
            drop(turn);
            done
        });
        done.await.map_err(|_| FollowError::Interrupted)?
    }

    /// Before anything is fetched: the log must show that its new tree continues the one that was verified.
    async fn require_consistency(
        &self,
        client: &mut Client,
        update: &Update,
    ) -> Result<(), FollowError> {
        let Some(old) = self.replica().checkpoint().map(|old| old.size) else {
            return Ok(());
        };
        let proof = client.consistency_proof(old, update.until()).await?;
        Ok(self.replica().require_consistency(update, &proof)?)
    }
}

/// Leaves on their way to be verified: those that name no blobs, and one behind them that does, with its blobs.
struct Page {
    leaves: Vec<Vec<u8>>,
    last: Option<(Vec<u8>, Vec<Blob>)>,
}

/// Sends a page of leaves on. Blobs of one leaf are in memory at a time, beside those of the pages that wait. False if
/// nobody takes them any more.
async fn send_page(
    page: Vec<Vec<u8>>,
    client: &mut Client,
    send: &mpsc::Sender<Page>,
) -> Result<bool, ClientError> {
    let mut leaves = Vec::with_capacity(page.len());
    for leaf in page {
        let named = named_blobs::named_by(&leaf);
        if named.is_empty() {
            leaves.push(leaf);
            continue;
        }
        let mut blobs = Vec::with_capacity(named.len());
        for digest in named {
            blobs.push(client.blob(digest).await?);
        }
        let (leaves, last) = (std::mem::take(&mut leaves), Some((leaf, blobs)));
        if send.send(Page { leaves, last }).await.is_err() {
            return Ok(false);
        }
    }
    let last = None;
    Ok(leaves.is_empty() || send.send(Page { leaves, last }).await.is_ok())
}

/// Verifies and writes pages as they arrive. Readers only wait at its beginning and its end.
fn grow(
    replica: &RwLock<Replica>,
    update: Update,
    mut pages: mpsc::Receiver<Page>,
    watch: &Watch,
) -> Result<(), FollowError> {
    let rng = &mut rand::rng();
    let mut growth = writing(replica).begin(update)?;
    while let Some(Page { leaves, last }) = pages.blocking_recv() {
        growth.push(leaves, rng)?;
        if let Some((leaf, blobs)) = last {
            growth.push_with(leaf, blobs, rng)?;
        }
    }
    watch.look(growth.newest_time())?;
    // Verify the remaining leaves before readers must wait.
    growth.end(rng)?;
    writing(replica).accept(growth, rng)?;
    Ok(())
}

/// Pages that wait to be verified, of half a megabyte each.
const PAGES: usize = 4;

impl Watch {
    /// Compares the newest leaf's time with this machine's clock.
    fn look(&self, newest: Option<Timestamp>) -> Result<(), FollowError> {
        let Some(time) = newest else {
            return Ok(());
        };
        let ahead = time.since((self.clock)());
        if ahead <= MOST_AHEAD {
            return Ok(());
        }
        let error = FollowError::Ahead {
            ahead: ahead.as_secs(),
        };
        if self.refuses {
            return Err(error);
        }
        tracing::warn!(
            ahead_s = ahead.as_secs(),
            "the log's newest entry is dated ahead of this machine's clock: one of the two clocks is wrong. \
             If this machine's is right, tell the coordinator's operator at once"
        );
        Ok(())
    }
}

/// A writer that panicked left verified leaves unwritten, and every reader gets that error.
fn reading(replica: &RwLock<Replica>) -> RwLockReadGuard<'_, Replica> {
    replica.read().unwrap_or_else(PoisonError::into_inner)
}

fn writing(replica: &RwLock<Replica>) -> RwLockWriteGuard<'_, Replica> {
    replica.write().unwrap_or_else(PoisonError::into_inner)
}
