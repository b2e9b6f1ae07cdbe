//! Brings a copy of the log up to date for callers that may be anybody.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

/// The shortest interval between two updates of a copy for unauthenticated callers.
pub const SPACING: Duration = Duration::from_millis(250);

/// Coordinates synchronisations: concurrent callers share one, and unauthenticated callers cannot
/// cause more than four a second.
#[derive(Debug)]
pub struct Paced<E>(Mutex<Option<Last<E>>>);

/// The last synchronisation.
#[derive(Debug)]
struct Last<E> {
    began: Instant,
    done: Result<(), E>,
}

impl<E> Default for Paced<E> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<E: Clone> Paced<E> {
    /// No synchronisation yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Synchronises for a caller whose signature, or whose entry in the log, was checked before.
    /// Returns when a synchronisation that began after the call has ended.
    ///
    /// # Errors
    /// The error of `sync`.
    pub async fn sync(&self, sync: impl Future<Output = Result<(), E>>) -> Result<(), E> {
        self.sync_after(Duration::ZERO, sync).await
    }

    /// The same for an unauthenticated caller, no sooner than [`SPACING`] after the last
    /// synchronisation began.
    ///
    /// # Errors
    /// The error of `sync`.
    pub async fn sync_for_strangers(
        &self,
        sync: impl Future<Output = Result<(), E>>,
    ) -> Result<(), E> {
        self.sync_after(SPACING, sync).await
    }

    async fn sync_after(
        &self,
        spacing: Duration,
        sync: impl Future<Output = Result<(), E>>,
    ) -> Result<(), E> {
        let asked = Instant::now();
        let mut last = self.0.lock().await;
        if let Some(last) = &*last {
            if last.began >= asked {
                return last.done.clone();
            }
            let rest = (last.began + spacing).saturating_duration_since(Instant::now());
            tokio::time::sleep(rest).await;
        }
        let began = Instant::now();
        let done = sync.await;
        *last = Some(Last {
            began,
            done: done.clone(),
        });
        done
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    #[tokio::test]
    async fn strangers_share_synchronisations_and_wait_between_them() {
        let (paced, count) = (Arc::new(Paced::<()>::new()), Arc::new(AtomicUsize::new(0)));
        let end = Instant::now() + Duration::from_secs(1);
        let crowd: Vec<_> = (0..50)
            .map(|_| {
                let (paced, count) = (Arc::clone(&paced), Arc::clone(&count));
                tokio::spawn(async move {
                    while Instant::now() < end {
                        let sync = async {
                            count.fetch_add(1, Ordering::Relaxed);
                            Ok(())
                        };
                        paced.sync_for_strangers(sync).await.unwrap();
                    }
                })
            })
            .collect();
        for stranger in crowd {
            stranger.await.unwrap();
        }
        let count = count.load(Ordering::Relaxed);
        assert!((3..=7).contains(&count), "{count}");
    }

    #[tokio::test]
    async fn a_failure_is_not_taken_for_a_synchronisation() {
        let paced = Paced::new();
        assert_eq!(paced.sync(async { Err("down") }).await, Err("down"));
        assert_eq!(paced.sync(async { Err("down") }).await, Err("down"));
        assert_eq!(paced.sync(async { Ok(()) }).await, Ok(()));
    }
}
