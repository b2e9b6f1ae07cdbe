//! Holders with their keys, their copies and their files, at a coordinator on loopback whose clock a test moves.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt as _;
use merits_coordinator::{Clock, Config, Coordinator, SystemClock};
use merits_ledger::{AnchorInterval, BoardFacts, LedgerPolicy, Role};
use merits_party::{
    identity::{Identity, PartyConfig as _, make_keys},
    succession::succeed,
};
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, Epoch, Origin, PartyId},
};
use merits_supervisor::{
    config::{SupervisorConfig, WitnessConfig},
    dkg::run::{Places, Progress, Report, Step},
    net::{GenerationError, KeyMaker, QuorumEpoch, Supervisor, SupervisorError},
    side::Side,
};
use merits_verifier::groth16::KeyPolicy;
use rand::{SeedableRng as _, rngs::StdRng};

use super::table::PASSPHRASE;

pub(super) const FIRST: Epoch = Epoch(1);
pub(super) const HOUR: Duration = Duration::from_secs(3_600);
pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// The machine's clock, and a steady clock, some seconds later: time goes by for the ledger.
#[derive(Debug, Default)]
pub(super) struct Later(AtomicU64);

impl Later {
    pub(super) fn pass(&self, time: Duration) {
        self.0.fetch_add(time.as_secs(), Ordering::Relaxed);
    }

    fn by(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

impl Clock for Later {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.by()
    }

    fn steady(&self) -> Duration {
        SystemClock.steady() + self.by()
    }
}

pub(super) fn rng() -> StdRng {
    StdRng::from_rng(&mut rand::rng())
}

/// A holder's machine.
pub(super) struct Machine {
    pub(super) config: WitnessConfig,
    pub(super) side: Side,
    pub(super) folder: PathBuf,
}

impl Machine {
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(super) fn share(&self) -> PathBuf {
        self.file("share.json")
    }

    pub(super) fn marker(&self) -> PathBuf {
        self.file("share.json.destroyed")
    }

    pub(super) async fn maker(&self) -> KeyMaker<'_> {
        let maker = KeyMaker::open(&self.config, self.side).await;
        maker.expect("its keys and its copy")
    }

    /// One command of the holder, by a process that ends with it.
    pub(super) async fn turn(
        &self,
        now: Timestamp,
        done: &mut (dyn FnMut(Step) + Send),
    ) -> Result<Report, GenerationError> {
        let maker = KeyMaker::open(&self.config, self.side).await?;
        let (state, share) = (self.file("state.json"), self.share());
        let places = Places {
            state: &state,
            share: &share,
        };
        let rng = &mut rng();
        let run = maker.run(FIRST, None, places, PASSPHRASE, now, rng, done);
        run.await
    }

    /// A command that is killed after its first step, and after that step alone; again until no step is left.
    pub(super) async fn killed_at_every_step(&self, now: Timestamp) -> (Report, Vec<Step>) {
        let mut steps = Vec::new();
        loop {
            let mut seen = None;
            let turn = AssertUnwindSafe(async {
                let killed = &mut |step| {
                    seen = Some(step);
                    panic!("killed after {step:?}, as planned");
                };
                self.turn(now, killed).await
            });
            let turn = turn.catch_unwind().await;
            match (turn, seen) {
                (Ok(report), None) => return (report.expect("a turn"), steps),
                (Err(_), Some(step)) => steps.push(step),
                other => panic!("neither killed nor at an end: {other:?}"),
            }
        }
    }

    pub(super) async fn destroy(&self, share: &Path) -> Result<EntryId, GenerationError> {
        self.maker().await.destroy(FIRST, share).await
    }

    /// The party gets another signing key.
    pub(super) async fn succeed_key(&self, now: Timestamp) {
        let path = self.file("holder.toml");
        let succeeded = succeed(&path, HOUR, now, &mut rng()).await;
        assert_eq!(succeeded.expect("succeeded").generation, 1);
    }

    /// Every file of this machine that a command must not touch, with its content.
    pub(super) fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = fs::read_dir(&self.folder).expect("a folder");
        files
            .map(|file| file.expect("a file").path())
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                path.is_file() && !name.contains("mark")
            })
            .map(|path| {
                let bytes = fs::read(&path).expect("readable");
                (path, bytes)
            })
            .collect()
    }
}

/// A coordinator, and two holders of each side.
pub(super) struct World {
    pub(super) clock: Arc<Later>,
    pub(super) coordinator: Coordinator,
    pub(super) machines: Vec<Machine>,
    dir: tempfile::TempDir,
}

const NAMES: [(&str, Side); 4] = [
    ("supervisor", Side::Supervisor),
    ("bureau", Side::Supervisor),
    ("witness", Side::Witness),
    ("press", Side::Witness),
];

impl World {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let origin = Origin::new("ledger.test/merits").expect("a name");
        for (name, _) in NAMES {
            let folder = dir.path().join(name);
            fs::create_dir(&folder).expect("made");
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("set");
            let (signing, sealing) = (folder.join("signing.key"), folder.join("sealing.key"));
            make_keys(&signing, &sealing, &mut rng()).expect("made");
        }
        let of_authority = |name: &str| dir.path().join("supervisor").join(name);
        let authority: PartyId = Identity::load(
            origin.clone(),
            "supervisor",
            &of_authority("signing.key"),
            &of_authority("sealing.key"),
        )
        .expect("its keys")
        .party();
        let policy = LedgerPolicy {
            origin,
            authority,
            keys: KeyPolicy {
                allow_dev_keys: true,
            },
            least_claims_per_total: 4,
            tickets: false,
            anchor_interval: AnchorInterval::SECOND,
            board: BoardFacts::alone(),
        };
        let clock = Arc::new(Later::default());
        let (data, mark) = (dir.path().join("log"), dir.path().join("log.mark"));
        let listen = "127.0.0.1:0".parse().expect("an address");
        let config = Config::new(&policy, listen, data, mark);
        let coordinator = Coordinator::found(config, Arc::clone(&clock) as Arc<dyn Clock>).await;
        let coordinator = coordinator.expect("founded");
        let machines = NAMES.map(|(name, side)| {
            let folder = dir.path().join(name);
            let text = format!(
                "name = \"{name}\"\nsigning_key = \"signing.key\"\nsealing_key = \"sealing.key\"\n\
                 shares = [\"half-1.json\", \"half-2.json\"]\nquorum_shares = [\"share.json\"]\n\
                 journal = \"journal.jsonl\"\nlisten = \"127.0.0.1:0\"\n\
                 [ledger]\ncoordinator = \"http://{}\"\nlog_key = \"{}\"\nauthority = \"{}\"\n\
                 least_claims_per_total = 4\ntickets = false\nanchor_seconds = 1\nallow_dev_keys = true\n\
                 replica = \"replica\"\nhigh_water_mark = \"holder.mark\"\n",
                coordinator.address(),
                coordinator.log_key(),
                hex::encode(authority.0),
            );
            let path = folder.join("holder.toml");
            fs::write(&path, text).expect("written");
            let config = WitnessConfig::load(&path).expect("a configuration");
            Machine {
                config,
                side,
                folder,
            }
        });
        let world = Self {
            clock,
            coordinator,
            machines: machines.into(),
            dir,
        };
        let supervisor = world.supervisor().await;
        supervisor.found().await.expect("founded");
        for machine in &world.machines[1..] {
            let identity = machine.config.identity().expect("its keys");
            let role = match machine.side {
                Side::Supervisor => Role::Supervisor,
                Side::Witness => Role::Witness,
            };
            let application = identity.application(&[role]).expect("its first key");
            let admitted = supervisor.admit(application, world.now());
            admitted.await.expect("admitted");
        }
        drop(supervisor);
        world
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn of(&self, side: Side) -> impl Iterator<Item = &Machine> {
        self.machines
            .iter()
            .filter(move |machine| machine.side == side)
    }

    pub(super) async fn supervisor(&self) -> Supervisor {
        let config = SupervisorConfig {
            holder: self.machines[0].config.clone(),
            holders: Vec::new(),
            requests: self.dir.path().join("requests"),
            deadline_days: 30,
        };
        Supervisor::open(config)
            .await
            .expect("its keys and its copy")
    }

    /// Opens an attempt of both holders of a side.
    pub(super) async fn begin(&self, epoch: Epoch, side: Side) {
        let holders: Vec<String> = self
            .of(side)
            .map(|machine| machine.config.name.clone())
            .collect();
        let opener = self.of(side).next().expect("a holder").maker().await;
        let deadline = self.now() + HOUR;
        let (attempt, _) = opener
            .begin(epoch, 2, &holders, deadline)
            .await
            .expect("opened");
        assert_eq!(attempt, 1);
    }

    /// Everybody has turns until all are done.
    pub(super) async fn make(&self) {
        for side in Side::BOTH {
            self.begin(FIRST, side).await;
        }
        for _ in 0..8 {
            let mut done = 0;
            for machine in &self.machines {
                let report = machine.turn(self.now(), &mut |_| {}).await.expect("a turn");
                done += usize::from(matches!(report.progress, Progress::Done { .. }));
            }
            if done == self.machines.len() {
                return;
            }
        }
        let maker = self.machines[2].maker().await;
        panic!(
            "they do not come to an end: {:?}",
            maker.status(FIRST, None, None)
        );
    }

    pub(super) async fn open_epoch(&self) -> Result<(), SupervisorError> {
        let wanted = QuorumEpoch {
            epoch: FIRST,
            supervisor: None,
            witness: None,
            readable: HOUR,
        };
        let supervisor = self.supervisor().await;
        let decided = supervisor.open_quorum_epoch(wanted, self.now()).await?;
        assert_eq!(decided.waits, None);
        Ok(())
    }

    /// The next epoch takes the place of the first, and all delays of the first are over.
    pub(super) async fn retire(&self) {
        let (first, rng) = (&mut rng(), &mut rng());
        let witness = &self.of(Side::Witness).next().expect("a witness").config;
        let half = witness.half(Epoch(2), first).await.expect("in hand");
        let half = witness.publish_half(half, rng).expect("written");
        let supervisor = self.supervisor().await;
        let opened = supervisor.open_epoch(Epoch(2), half, self.now(), rng).await;
        opened.expect("opened");
        self.clock.pass(8 * DAY);
    }
}
