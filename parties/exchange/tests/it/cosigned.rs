//! An exchange that demands cosignatures hands out no voucher before a cosigned tree holds the redemption.
#![allow(
    clippy::unwrap_used,
    reason = "a failure to set up is a failure of the test"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ed25519_dalek::SigningKey;
use futures::{FutureExt as _, future::BoxFuture};
use http::{Request, Response, StatusCode};
use merits_coordinator::{LogConfig, WitnessAddress};
use merits_proto::{limits::ADD_CHECKPOINT_BYTES, witness::AddCheckpoint};
use merits_replica::{Follower, Replica};
use merits_serve::{
    HttpServer, Limits,
    site::{Body, Site, read_body, text},
};
use merits_verifier::{
    Reason, ReasonCode,
    log::{LogKey, Quorum, WitnessName, WitnessPolicy, WitnessSigner},
};
use tokio::net::TcpListener;

use crate::federation::{Serving, World, code, now, stock};

fn signer() -> WitnessSigner {
    let name = WitnessName::new("witness.example/w1").unwrap();
    WitnessSigner::new(name, SigningKey::from_bytes(&[5; 32]))
}

/// A witness that signs whatever it is asked, while it is awake.
#[derive(Clone, Debug)]
struct Witness {
    log: LogKey,
    awake: Arc<AtomicBool>,
}

impl Site for Witness {
    fn weight(&self, _: &str) -> usize {
        64 * 1_024
    }

    fn answer(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        let witness = self.clone();
        async move {
            if !witness.awake.load(Ordering::SeqCst) {
                return text(StatusCode::SERVICE_UNAVAILABLE, "asleep\n");
            }
            let body = read_body(request.into_body(), ADD_CHECKPOINT_BYTES).await;
            match AddCheckpoint::parse(&body.unwrap()) {
                Ok(asked) => {
                    let line = signer().cosign(&asked.checkpoint, &witness.log, now());
                    text(StatusCode::OK, line.unwrap().to_string())
                }
                Err(_) => text(StatusCode::NOT_FOUND, "nothing\n"),
            }
        }
        .boxed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voucher_waits_for_the_cosignatures_that_its_exchange_demands() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let log = LogConfig {
        witnesses: vec![WitnessAddress {
            address,
            key: signer().public().to_string(),
            validating_key: None,
        }],
        threshold: 1,
        ..LogConfig::default()
    };
    // The witness needs the log's key, which is made with the ledger. Until it serves, nobody cosigns.
    let mut world = World::with_witnesses(31, log).await;
    let awake = Arc::new(AtomicBool::new(true));
    let witness = Witness {
        log: world.coordinator.log_key().clone(),
        awake: Arc::clone(&awake),
    };
    let server = HttpServer::new(&Limits::default(), witness);
    tokio::spawn(server.serve(listener, std::future::pending()));

    let member = world.first();
    let offer = world.offer(2, |_| ()).await;
    let quorum = Quorum::new(vec![signer().public().clone()], 1, 0).unwrap();
    let policy = WitnessPolicy::new(quorum, None).unwrap();
    let client = (world.client.clone())
        .demanding(policy.clone())
        .with_patience(Duration::from_secs(3));
    let key = world.coordinator.log_key().clone();
    let copy = Replica::in_memory(key, world.stage.federation.policy()).demanding(policy);
    let follower = Follower::new(client, copy);
    let store = world.store(&member).await;
    stock(&store, &world, &offer, 2).await;
    // The offer is in a tree that the witness has cosigned.
    while follower.replica().size() < world.stage.ledger.store().leaves().len() as u64 {
        let _ = follower.sync().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let exchange = world.exchange(&member, store.clone(), follower);
    let serving = Serving::start(exchange, store, &world).await;
    let draft = world.draft(offer, &member);
    let voucher = serving.redeem(&member, &draft).await.unwrap();
    let first = code(&world, &draft, &voucher);

    awake.store(false, Ordering::SeqCst);
    let draft = world.draft(offer, &member);
    let refused = serving.redeem(&member, &draft).await.unwrap_err();
    let reason = refused.reason().and_then(ReasonCode::known);
    assert_eq!(reason, Some(Reason::LedgerUnavailable), "{refused}");
    assert!(refused.to_string().contains("witnesses"), "{refused}");
    assert_eq!(serving.store.assigned_count(&offer).await.unwrap(), 1);

    // The entry was taken: once it is cosigned, the same redemption brings its voucher.
    awake.store(true, Ordering::SeqCst);
    let mut voucher = Err(refused);
    for _ in 0..20 {
        voucher = serving.redeem(&member, &draft).await;
        if voucher.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let second = code(&world, &draft, &voucher.unwrap());
    assert_ne!(first, second);
    assert_eq!(serving.store.assigned_count(&offer).await.unwrap(), 2);
}
