//! An exchange is open to everybody: no call of it needs a certificate, and none is refused for one.

use merits_ledger::Role;
use merits_primitives::ids::PartyId;
use merits_proto::{Expected, Fault, connect};
use merits_serve::Limits;
use merits_tls::Subject;
use tokio::net::TcpListener;

use crate::{
    federation::World,
    raw::call,
    tls::{DAY, Files, Wish, authority, ledger_key, now},
};
use merits_exchange::net::serve;

const CALLS: [&str; 4] = [
    "/merits.exchange.v1.Exchange/ListOffers",
    "/merits.exchange.v1.Exchange/Redeem",
    "/merits.exchange.v1.Exchange/GetVoucher",
    "/grpc.health.v1.Health/Check",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_is_open_with_any_certificate_and_with_none() {
    let world = World::new(33).await;
    let member = world.first();
    let store = world.store(&member).await;
    let exchange = world.exchange(&member, store.clone(), world.follower("open").await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let by = authority(now());
    let own = Wish {
        subject: Subject::Party(member.id),
        ..Wish::of(9)
    };
    let security = Files::of(&own, &by, &by).security();
    let (_stop, stopped) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(async move {
        serve(exchange, listener, &Limits::default(), &security, async {
            let _ = stopped.await;
        })
        .await
    });
    let of = |seed| Wish {
        subject: Subject::Party(PartyId([seed; 32])),
        ..Wish::of(seed)
    };
    let mut callers = vec![Files::of_nobody(&by)];
    for (seed, _) in (1..).zip(Role::ALL) {
        callers.push(Files::of(&of(seed), &by, &by));
        let expired = Wish {
            at: now() - DAY * 60,
            days: (30, 365),
            ..of(seed)
        };
        callers.push(Files::of(&expired, &by, &by));
        let forged = Wish {
            signer: ledger_key(200),
            ..of(seed)
        };
        callers.push(Files::of(&forged, &by, &by));
    }
    for caller in &callers {
        let security = caller.security();
        let channel = connect("exchange", &address, None, &security, Expected::AnyServer);
        let channel = channel.await.unwrap();
        for path in CALLS {
            // An empty message: the service refuses what it cannot use, and nobody's certificate.
            if let Err(status) = call(channel.clone(), path, Vec::new()).await {
                let fault = Fault::from_status(&status);
                assert_ne!(fault.field.to_string(), "certificate", "{path}: {fault}");
            }
        }
    }
}
