//! What anybody can do to an exchange, and what it says of itself.
#![allow(
    clippy::unwrap_used,
    reason = "a failure to set up is a failure of the test"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use merits_exchange::net::serve;
use merits_party::ledger::{LedgerFault, LedgerPort};
use merits_primitives::ids::EntryId;
use merits_proto::VoucherRequest;
use merits_replica::{Follower, Replica};
use merits_serve::{Limits, Security};
use merits_verifier::{entry::SignedEntry, receipt::Receipt};
use tokio::net::{TcpListener, TcpStream};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::federation::World;

/// A ledger that counts how often it is followed.
#[derive(Clone)]
struct Counted(Follower, Arc<AtomicUsize>);

impl LedgerPort for Counted {
    async fn sync(&self) -> Result<(), LedgerFault> {
        self.1.fetch_add(1, Ordering::Relaxed);
        LedgerPort::sync(&self.0).await
    }

    async fn submit(&self, entry: &SignedEntry) -> Result<Receipt, LedgerFault> {
        LedgerPort::submit(&self.0, entry).await
    }

    async fn receipt(&self, id: &EntryId) -> Result<Receipt, LedgerFault> {
        LedgerPort::receipt(&self.0, id).await
    }

    fn read<R>(&self, read: impl FnOnce(&Replica) -> R) -> R {
        LedgerPort::read(&self.0, read)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_make_an_exchange_follow_its_log_four_times_a_second() {
    let world = World::new(31).await;
    let member = world.first();
    let store = world.store(&member).await;
    let count = Arc::new(AtomicUsize::new(0));
    let ledger = Counted(world.follower("counted").await, Arc::clone(&count));
    let exchange = world.exchange(&member, store, ledger);
    let begun = Instant::now();
    let crowd: Vec<_> = (0..30)
        .map(|number| {
            let exchange = Arc::clone(&exchange);
            tokio::spawn(async move {
                while begun.elapsed() < Duration::from_secs(1) {
                    let request = VoucherRequest {
                        redemption: EntryId([number; 32]),
                        receipt: None,
                    };
                    exchange.voucher(request).await.unwrap_err();
                }
            })
        })
        .collect();
    for stranger in crowd {
        stranger.await.unwrap();
    }
    let count = count.load(Ordering::Relaxed);
    assert!((1..=8).contains(&count), "{count}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_follows_the_ledger_and_a_silent_peer_does_not_keep_the_exchange() {
    let world = World::new(32).await;
    let member = world.first();
    let store = world.store(&member).await;
    let follower = world.follower("health").await;
    let exchange = world.exchange(&member, store.clone(), follower);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(async move {
        serve(
            exchange,
            listener,
            &Limits::default(),
            &Security::default(),
            async {
                let _ = stopped.await;
            },
        )
        .await
    });
    let channel = tonic::transport::Channel::from_shared(format!("http://{address}")).unwrap();
    let mut health = HealthClient::new(channel.connect().await.unwrap());
    let mut statuses = health
        .watch(HealthCheckRequest {
            service: "merits.exchange.v1.Exchange".into(),
        })
        .await
        .unwrap()
        .into_inner();
    let first = statuses.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);

    world.coordinator.shutdown().await.unwrap();
    let next = tokio::time::timeout(Duration::from_secs(18), statuses.message());
    let next = next.await.expect("it is noticed").unwrap().unwrap();
    assert_eq!(next.status(), ServingStatus::NotServing);

    let _silent = TcpStream::connect(address).await.unwrap();
    let begun = Instant::now();
    stop.send(()).unwrap();
    served.await.unwrap().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
}
