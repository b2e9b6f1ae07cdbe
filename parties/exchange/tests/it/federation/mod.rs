//! A coordinator on loopback with people, notes and offers on its ledger, and exchanges before it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test uses a part; a failure to set up is a failure"
)]

use std::{net::SocketAddr, path::Path, sync::Arc};

use merits_coordinator::{Config, Coordinator, LogConfig, SystemClock};
use merits_exchange::{
    at_rest::MasterKey,
    code_file::CodeLine,
    exchange::Exchange,
    net::{ExchangeClient, ExchangeError, Voucher, serve},
    store::Store,
    voucher::Code,
};
use merits_keyfile::SecretBytes;
use merits_ledger::{
    Entry, Role,
    entry::{OfferPublished, Redeemed},
};
use merits_ledger_fixture::{Citizen, Member, Note, Redeeming, Stage, WORTH, acts};
use merits_party::ledger::LedgerPort;
use merits_primitives::{
    calendar::Timestamp,
    field,
    ids::{Credits, EntryId},
    owner::KeyParts,
};
use merits_replica::{Client, Follower, Replica};
use merits_sealing::SealingKey;
use merits_serve::Limits;
use merits_verifier::{
    codec::Canonical as _,
    entry::{Leaf, SignedEntry},
    groth16::Proof,
};
use rand::{SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::oneshot};

/// The machine's time.
pub fn now() -> Timestamp {
    merits_replica::machine_time()
}

/// A ledger with one note and two exchanges, in memory and at a coordinator.
pub struct World {
    pub stage: Stage<StdRng>,
    pub coordinator: Coordinator,
    pub client: Client,
    pub second: Member,
    pub dir: TempDir,
    /// Leaves of the stage that the coordinator has.
    sent: usize,
    citizens: u64,
}

/// A redemption that nobody sent yet.
#[derive(Clone)]
pub struct Draft {
    pub redeemed: Redeemed,
    pub proof: Proof,
    /// Opens the voucher.
    pub secret: [u8; 32],
}

impl World {
    pub async fn new(seed: u64) -> Self {
        Self::with_witnesses(seed, LogConfig::default()).await
    }

    /// The same, whose coordinator asks witnesses to cosign.
    pub async fn with_witnesses(seed: u64, log: LogConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut stage = Stage::new(StdRng::seed_from_u64(seed)).unwrap();
        let federation = stage.federation.clone();
        let second = Member::new(&federation.origin, "second", &[Role::Exchange], 11);
        let admitted = acts::admitted(second.application(&federation.origin));
        stage.act(&federation.supervisor, &admitted).unwrap();
        // Somebody must be registered and own a note, so that there are roots.
        stage.earner(&Citizen::new(0)).unwrap();

        let policy = federation.policy();
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let data = dir.path().join("coordinator");
        let mark = dir.path().join("coordinator.mark");
        let config = Config {
            log,
            ..Config::new(&policy, listen, data, mark)
        };
        let coordinator = Coordinator::found(config, Arc::new(SystemClock))
            .await
            .unwrap();
        let address = format!("http://{}", coordinator.address());
        let client = Client::connect(&address, coordinator.log_key().clone())
            .await
            .unwrap();
        let mut world = Self {
            stage,
            coordinator,
            client,
            second,
            dir,
            sent: 0,
            citizens: 1,
        };
        world.send().await;
        // The slot of the note must be over before its root is an anchor.
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        world
    }

    /// Sends the coordinator what the stage took since.
    async fn send(&mut self) {
        let leaves = self.stage.ledger.store().leaves();
        let new: Vec<SignedEntry> = leaves[self.sent..]
            .iter()
            .map(|leaf| Leaf::from_bytes(leaf).unwrap().entry)
            .collect();
        self.sent = leaves.len();
        for entry in new {
            self.client.submit(&entry).await.unwrap();
        }
    }

    pub fn first(&self) -> Member {
        self.stage.federation.exchange.clone()
    }

    /// Publishes an offer after a change of the fixture's.
    pub async fn offer(&mut self, quota: u32, change: impl FnOnce(&mut OfferPublished)) -> EntryId {
        let federation = &self.stage.federation;
        let mut offer = federation.offer(Credits(60), quota);
        offer.number = 1 + self.stage.state().offers().iter().count() as u32;
        change(&mut offer);
        let sponsor = federation.sponsor.clone();
        let entry = Entry::OfferPublished(offer);
        let id = self.stage.act(&sponsor, &entry).unwrap().id;
        self.send().await;
        id
    }

    /// A citizen and a note that nobody had before; the trapdoor proves that it is in the tree.
    pub fn owner(&mut self) -> (Citizen, Note) {
        self.citizens += 1;
        let terms = self.stage.federation.terms(self.stage.federation.period());
        let note = Note {
            value: WORTH,
            expiry: terms.expiry,
            asset: terms.asset,
            made_of: KeyParts::Earned {
                scope: field::random(&mut self.stage.rng),
                message: field::random(&mut self.stage.rng),
            },
        };
        (Citizen::new(self.citizens), note)
    }

    pub fn draft(&mut self, offer: EntryId, exchange: &Member) -> Draft {
        let owner = self.owner();
        self.draft_of(offer, exchange, &owner, |_| ())
    }

    /// A redemption of this note, changed before it is proven.
    pub fn draft_of(
        &mut self,
        offer: EntryId,
        exchange: &Member,
        (citizen, note): &(Citizen, Note),
        change: impl FnOnce(&mut Redeemed),
    ) -> Draft {
        let sealing = SealingKey::generate(&mut self.stage.rng);
        let mut at = Redeeming::new(offer, exchange, now());
        at.voucher_key = sealing.public();
        let federation = self.stage.federation.clone();
        let state = self.stage.ledger.state();
        let (mut redeemed, _) = federation
            .redemption(state, citizen, &[*note], &at, &mut self.stage.rng)
            .unwrap();
        change(&mut redeemed);
        let entry = Entry::Redeemed(redeemed.clone());
        let signed = federation
            .prove_entry(state, &entry, Some(exchange), &mut self.stage.rng)
            .unwrap();
        Draft {
            redeemed,
            proof: signed.groth16_proof().unwrap(),
            secret: *sealing.to_bytes(),
        }
    }

    /// The log, followed by a fresh copy.
    pub async fn follower(&self, name: &str) -> Follower {
        let replica = Replica::open(
            &self.dir.path().join(name),
            self.coordinator.log_key().clone(),
            self.stage.federation.policy(),
            &mut rand::rng(),
        );
        let follower = Follower::new(self.client.clone(), replica.unwrap());
        follower.sync().await.unwrap();
        follower
    }

    pub async fn store(&self, member: &Member) -> Store {
        self.store_in(self.dir.path(), member).await
    }

    pub async fn store_in(&self, directory: &Path, member: &Member) -> Store {
        let path = directory.join(format!("{}.sqlite", member.name));
        let master = MasterKey::new(SecretBytes::new([7; 32]));
        Store::open(&path, &self.stage.federation.origin, &member.id, master)
            .await
            .unwrap()
    }

    pub fn exchange<L: LedgerPort>(
        &self,
        member: &Member,
        store: Store,
        ledger: L,
    ) -> Arc<Exchange<L>> {
        Arc::new(Exchange::new(
            self.stage.federation.origin.clone(),
            member.id,
            member.key.clone(),
            store,
            ledger,
            now,
        ))
    }

    /// An exchange that serves this offer, with as many vouchers as its quota.
    pub async fn serving(&self, member: &Member, offers: &[(EntryId, u32)]) -> Serving {
        let store = self.store(member).await;
        for (offer, quota) in offers {
            stock(&store, self, offer, *quota).await;
        }
        let follower = self.follower(&format!("{}-replica", member.name)).await;
        let exchange = self.exchange(member, store.clone(), follower);
        let serving = Serving::start(exchange, store, self).await;
        assert!(serving.address.port() != 0);
        serving
    }
}

pub async fn stock(store: &Store, world: &World, offer: &EntryId, quota: u32) {
    let codes = CodeLine::numbered(
        (0..quota).map(|number| Code::new(format!("{}-{number}", &offer.to_hex()[..6])).unwrap()),
    );
    let sponsor = world.stage.federation.sponsor.id;
    store
        .stock(
            offer,
            &sponsor,
            u64::from(quota),
            &codes,
            &mut rand::make_rng::<StdRng>(),
        )
        .await
        .unwrap();
}

/// An exchange over gRPC.
pub struct Serving {
    pub client: ExchangeClient,
    pub store: Store,
    pub address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Serving {
    pub async fn start<L: LedgerPort>(
        exchange: Arc<Exchange<L>>,
        store: Store,
        world: &World,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(async move {
            serve(exchange, listener, &Limits::default(), async {
                let _ = stopped.await;
            })
            .await
            .unwrap();
        });
        let key = world.coordinator.log_key().clone();
        // The socket listens already; the service answers once it has reconciled.
        let client = ExchangeClient::connect(&format!("http://{address}"), key)
            .await
            .unwrap();
        Self {
            client,
            store,
            address,
            _stop: stop,
        }
    }

    pub async fn redeem(&self, member: &Member, draft: &Draft) -> Result<Voucher, ExchangeError> {
        self.client
            .clone()
            .redeem(&member.id, &draft.redeemed, &draft.proof)
            .await
    }
}

/// The code that a draft's wallet reads.
pub fn code(world: &World, draft: &Draft, voucher: &Voucher) -> String {
    let origin = &world.stage.federation.origin;
    let code = voucher.open(origin, &draft.secret).unwrap();
    code.as_str().to_owned()
}
