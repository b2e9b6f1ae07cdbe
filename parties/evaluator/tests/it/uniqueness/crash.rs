//! The evaluator crashes after an evaluation is counted and before it is answered.

use std::{net::SocketAddr, sync::Arc};

use merits_evaluator::{
    acts::Evaluator,
    net::{UniquenessService, serve},
};
use merits_party::ledger::{LedgerFault, LedgerPort};
use merits_primitives::ids::EntryId;
use merits_registrar::{client::EvaluatorClient, registration::Occasion};
use merits_replica::{Follower, LedgerConfig, Replica};
use merits_serve::{Limits, Security};
use merits_verifier::{entry::SignedEntry, receipt::Receipt};
use tokio::{net::TcpListener, runtime::Runtime, sync::Notify};

use super::{ANN, City, city, register, wallet};

/// A ledger whose appends never return: the entry is appended, but there is no answer.
#[derive(Clone)]
struct Stuck {
    follower: Follower,
    appended: Arc<Notify>,
}

impl LedgerPort for Stuck {
    async fn sync(&self) -> Result<(), LedgerFault> {
        LedgerPort::sync(&self.follower).await
    }

    async fn submit(&self, entry: &SignedEntry) -> Result<Receipt, LedgerFault> {
        LedgerPort::submit(&self.follower, entry).await?;
        self.appended.notify_one();
        std::future::pending().await
    }

    async fn receipt(&self, id: &EntryId) -> Result<Receipt, LedgerFault> {
        LedgerPort::receipt(&self.follower, id).await
    }

    fn read<R>(&self, read: impl FnOnce(&Replica) -> R) -> R {
        LedgerPort::read(&self.follower, read)
    }
}

/// An evaluator with threads and connections of its own, all of which end with it.
fn process(
    evaluator: Evaluator,
    config: LedgerConfig,
    address: SocketAddr,
    appended: Option<Arc<Notify>>,
) -> Runtime {
    let runtime = Runtime::new().unwrap();
    runtime.spawn(async move {
        // The process before may not have released its address yet, because it ends in the
        // background.
        let listener = loop {
            match TcpListener::bind(address).await {
                Ok(listener) => break listener,
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                Err(error) => panic!("{address}: {error}"),
            }
        };
        let follower = config.follow().await.unwrap();
        let forever = std::future::pending();
        match appended {
            Some(appended) => {
                let ledger = Stuck { follower, appended };
                let service = UniquenessService::new(evaluator, city::key(), ledger);
                serve(
                    service,
                    listener,
                    &Limits::default(),
                    &Security::default(),
                    forever,
                )
                .await
            }
            None => {
                let service = UniquenessService::new(evaluator, city::key(), follower);
                serve(
                    service,
                    listener,
                    &Limits::default(),
                    &Security::default(),
                    forever,
                )
                .await
            }
        }
    });
    runtime
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_that_was_counted_is_answered_after_a_crash() {
    let city = City::new().await;
    let address = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap()
    };
    let appended = Arc::new(Notify::new());
    let (pen, ledger) = (city.pen(), city.ledger("evaluator"));
    let first = process(pen, ledger, address, Some(Arc::clone(&appended)));
    let mut client = loop {
        match EvaluatorClient::connect(&format!("http://{address}")).await {
            Ok(client) => break client,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    };
    let bank = city.session(&city.bank).await;
    let registering =
        tokio::spawn(
            async move { register(&bank, &mut client, Occasion::First, wallet(1), ANN).await },
        );
    appended.notified().await;
    assert_eq!(city.counted().await.len(), 1, "counted, not answered");
    assert!(!registering.is_finished());
    first.shutdown_background();

    // Another process, which knows the log and the key file only.
    let second = process(city.pen(), city.ledger("evaluator-2"), address, None);
    let registered = registering.await.unwrap().unwrap();
    let counted = city.counted().await;
    assert_eq!(counted.len(), 1, "the same evaluation, not another one");
    let replica = city.follower.replica();
    let leaf = replica
        .entry(&registered.content.evaluation)
        .unwrap()
        .unwrap();
    assert_eq!(leaf.entry.party, city.evaluator.id);
    second.shutdown_background();
}
