//! Attacks of unknown callers on an evaluator, and its health.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use merits_party::ledger::{LedgerFault, LedgerPort};
use merits_primitives::ids::EntryId;
use merits_registrar::{client::EvaluatorClient, evaluation::Pending};
use merits_replica::{Follower, Replica};
use merits_verifier::{Reason, entry::SignedEntry, receipt::Receipt};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{ANN, City, number, refusal};

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

/// Before, each forged request followed the log before its signature was looked at.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_make_an_evaluator_follow_its_log_four_times_a_second() {
    let city = City::new().await;
    let count = Arc::new(AtomicUsize::new(0));
    let ledger = Counted(city.copy("evaluator").await, Arc::clone(&count));
    let address = city.serve(ledger).await;
    let evaluator = EvaluatorClient::connect(&address).await.unwrap();
    let pending = Pending::blind(number(ANN)).unwrap();
    let honest = city.registrar(&city.bank).ask(&pending, &mut rand::rng());
    let mut forged = honest.clone();
    forged.signature[5] ^= 1;
    let begun = Instant::now();
    let crowd: Vec<_> = (0..30)
        .map(|_| {
            let (mut evaluator, forged) = (evaluator.clone(), forged.clone());
            tokio::spawn(async move {
                let mut refused = 0;
                while begun.elapsed() < Duration::from_secs(1) {
                    let found = refusal(evaluator.evaluate(forged.clone()).await);
                    assert_eq!(found.0, Reason::SignatureInvalid);
                    refused += 1;
                }
                refused
            })
        })
        .collect();
    let mut refused = 0;
    for stranger in crowd {
        refused += stranger.await.unwrap();
    }
    let count = count.load(Ordering::Relaxed);
    // One a call before; now those of strangers, and of health.
    assert!(
        refused >= 60 && count <= 10,
        "{refused} refusals, {count} times"
    );
    evaluator.clone().evaluate(honest).await.unwrap();
}

/// The evaluator is unhealthy while the log cannot be followed, and healthy when it can be again.
#[tokio::test(flavor = "multi_thread")]
async fn health_follows_the_ledger() {
    let mut city = City::new().await;
    let address = city.serve(city.copy("evaluator").await).await;
    let channel = tonic::transport::Channel::from_shared(address).unwrap();
    let mut health = HealthClient::new(channel.connect().await.unwrap());
    let service = "merits.uniqueness.v1.Uniqueness".to_owned();
    let watched = health.watch(HealthCheckRequest { service }).await.unwrap();
    let mut statuses = watched.into_inner();
    let mut next = async || {
        let next = tokio::time::timeout(Duration::from_secs(30), statuses.message());
        next.await
            .expect("it is noticed")
            .unwrap()
            .unwrap()
            .status()
    };
    assert_eq!(next().await, ServingStatus::Serving);
    city.stop().await;
    assert_eq!(next().await, ServingStatus::NotServing);
    city.start().await;
    assert_eq!(next().await, ServingStatus::Serving);
}
