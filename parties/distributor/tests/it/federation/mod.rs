//! A federation for tests of a distributor: the ledger's fixture for parties and view keys, a
//! real source, and a real (small) circuit with a real key.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test uses a part; a failure to set up is a failure"
)]

pub mod custody;
pub mod files;
pub mod people;

use std::{
    collections::BTreeSet,
    num::NonZeroUsize,
    path::Path,
    sync::{Arc, Mutex, atomic::AtomicBool},
};

use merits_circuits::prover::TableBudget;
use merits_distributor::{
    at_rest::MasterKey,
    consents::Consents,
    custody::Custody,
    ingest::{IngestReport, Ingestion},
    links::{TicketLinks, write_links},
    node::{Node, NodeKeys},
    outbox::{SubmitFault, SubmitPort},
    pool::{ProverPool, Width},
    progress::Event,
    run::{Run, RunError, run},
    sources::Sources,
    store::Store,
    summary::RunSummary,
    terms::{Terms, TermsError, TermsReader, source_keys},
};
use merits_formula::Schema;
use merits_issuer::Built;
use merits_ledger::{Entry, MemoryStore, Sequencer, State, entry::ScaleProposed};
use merits_ledger_fixture::{Federation, Member, START};
use merits_params::{keystore::KeyStore, manifest::Manifest};
use merits_party::Retry;
use merits_primitives::{
    calendar::Timestamp,
    ids::{Period, ScaleId},
    owner::Handle,
};
use merits_records::{Mapping, Plan, ReadOptions, SubjectPeriod, read};
use merits_source::{Register, Signer, sign_groups, signing::Pseudonyms};
use merits_verifier::{codec::Canonical, entry::SignedEntry, groth16::KeyPolicy};
use rand::{SeedableRng, rngs::StdRng};
use zeroize::Zeroizing;

/// Claims of a full batch.
pub const CAPACITY: usize = 2;
/// Records of a claim.
pub const RECORDS: u16 = 3;

/// Everything that is the same for all tests of a process.
pub struct World {
    pub federation: Federation,
    pub founding: Vec<SignedEntry>,
    pub pool: ProverPool,
    pub manifest: Manifest,
    pub scale: ScaleProposed,
}

/// A small scale: three trips a claim, two claims a proof.
pub const MANIFEST: &str = r#"
id = "cycling-week"
version = 1
asset = 1
period = "week"
unit = "g CO2e"
per_source = false
sdg = [13]
terms = "For tests."
title = { en = "Test", zh = "测试" }
validity = { from = "2014-W36" }
expiry = { lifetime_months = 24, bucket_months = 3 }
batch = { claims = 2 }

[schema]
id = "test-trip"
list = "trips"
max_records = 3
field = [
    { name = "start", type = "time", unit = "min", key = true },
    { name = "distance", type = "int", unit = "m", max = 65535 },
]

[[constant]]
name = "car_factor"
value = "162.72"
interval = ["50", "400"]
exponent = 2
unit = "g CO2e/km"
source = "test"

[formula]
rounding = "Once, down."
cel = 'math.floor(trips.map(t, t.distance).sum().to("km") * car_factor)'
"#;

pub fn scale_id() -> ScaleId {
    ScaleId::new("cycling-week").unwrap()
}

pub fn week(number: u32) -> Period {
    Period::from_label(&format!("2014-W{number}")).unwrap()
}

impl World {
    /// A world on a ledger with tickets.
    pub fn with_tickets(seed: u64) -> Self {
        let two = NonZeroUsize::new(2).unwrap();
        let width = Width {
            threads: two,
            in_flight: two,
        };
        let mut rng = StdRng::seed_from_u64(seed);
        let federation = Federation::with_tickets(&mut rng).unwrap();
        Self::founded(federation, MANIFEST, width, &mut rng)
    }

    /// The same `seed` gives the same secrets, so that a child process joins its parent's world.
    pub fn new(seed: u64) -> Self {
        let two = NonZeroUsize::new(2).unwrap();
        let width = Width {
            threads: two,
            in_flight: two,
        };
        Self::with(seed, MANIFEST, width)
    }

    /// A world around another scale.
    pub fn with(seed: u64, manifest: &str, width: Width) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let federation = Federation::generate(&mut rng).unwrap();
        Self::founded(federation, manifest, width, &mut rng)
    }

    fn founded(federation: Federation, manifest: &str, width: Width, rng: &mut StdRng) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("scale.toml"), manifest).unwrap();
        let policy = KeyPolicy {
            allow_dev_keys: true,
        };
        let store = KeyStore::shared();
        let built = Built::new(
            dir.path(),
            &store,
            "distributor tests",
            policy,
            &mut rand::rng(),
        )
        .unwrap();
        let (scale, blob) = built.proposal().unwrap();
        assert!(blob.is_none(), "a small key");
        let pool = ProverPool::load(
            built.manifest(),
            &store,
            policy,
            width,
            TableBudget::default(),
        )
        .unwrap();
        let mut founding = federation.founding_entries(rng);
        // After the fixture's own scale comes what a ledger with tickets needs.
        let people = founding.split_off(8);
        founding.truncate(6);
        let proposal = federation.sign(&Entry::ScaleProposed(scale.clone()), &federation.issuer);
        let approval = federation.approval(1, proposal.id());
        founding.extend([proposal, approval]);
        founding.extend(people);
        Self {
            federation,
            founding,
            pool,
            manifest: built.manifest().clone(),
            scale,
        }
    }

    pub fn schema(&self) -> &Schema {
        self.manifest.schema()
    }

    /// A node over a store in `dir`, with secrets from `seed`.
    pub async fn node(&self, dir: &Path, seed: u8) -> Node {
        self.node_of(&self.federation.distributor, dir, seed).await
    }

    /// A node of another distributor.
    pub async fn node_of(&self, distributor: &Member, dir: &Path, seed: u8) -> Node {
        let (origin, party) = (self.federation.origin.clone(), distributor.id);
        let master = MasterKey::new(Zeroizing::new([seed; 32]));
        let store = Store::open(&dir.join("node.sqlite"), &origin, &party, master)
            .await
            .unwrap();
        let keys = NodeKeys {
            signing: distributor.key.clone(),
            custody: self.custody(seed),
            ephemeral: Zeroizing::new([seed ^ 0x80; 32]),
        };
        Node::new(origin, party, scale_id(), store, keys)
    }

    pub fn custody(&self, seed: u8) -> Custody {
        Custody::new(
            Zeroizing::new([seed; 32]),
            self.federation.origin.clone(),
            self.federation.distributor.id,
        )
    }

    pub fn signer(&self) -> Signer {
        let source = &self.federation.source;
        Signer::new(
            self.federation.origin.clone(),
            source.id,
            self.schema().clone(),
            source.key.clone(),
            Zeroizing::new([77; 32]),
        )
    }

    /// The source's bundle over groups, by links that people proved.
    pub fn bundle_by(
        &self,
        groups: &[SubjectPeriod],
        handles: impl IntoIterator<Item = (String, Handle)>,
        dir: &Path,
    ) -> Vec<u8> {
        let (origin, source) = (&self.federation.origin, self.federation.source.id);
        let mut links = Vec::new();
        TicketLinks::new(handles)
            .write(origin, &source, &mut links)
            .unwrap();
        self.signed(groups, &links, dir)
    }

    /// The source's bundle over groups.
    pub fn bundle(&self, groups: &[SubjectPeriod], custody: &Custody, dir: &Path) -> Vec<u8> {
        let source = self.federation.source.id;
        let subjects: BTreeSet<String> = groups.iter().map(|group| group.subject.clone()).collect();
        let mut links = Vec::new();
        write_links(
            custody,
            &self.federation.origin,
            &source,
            &subjects,
            &mut links,
        )
        .unwrap();
        self.signed(groups, &links, dir)
    }

    fn signed(&self, groups: &[SubjectPeriod], links: &[u8], dir: &Path) -> Vec<u8> {
        let source = self.federation.source.id;
        let pseudonyms =
            Pseudonyms::read(links, self.federation.origin.as_str(), source, groups).unwrap();
        let mut register = Register::open(&dir.join("source.register")).unwrap();
        let mut bundle = Vec::new();
        let report = sign_groups(
            &self.signer(),
            &mut register,
            groups,
            &pseudonyms,
            &mut bundle,
            &mut |_| {},
        )
        .unwrap();
        assert_eq!(report.refused, []);
        bundle
    }

    /// Takes groups and a bundle into the node's store.
    pub async fn ingest(
        &self,
        node: &Node,
        state: &State,
        groups: Vec<SubjectPeriod>,
        bundle: &[u8],
    ) -> IngestReport {
        let source = self.federation.source.id;
        let source_keys = source_keys(state, &source).unwrap();
        let ingestion = Ingestion {
            origin: node.origin(),
            scale: node.scale(),
            schema: self.schema(),
            source,
            source_keys: &source_keys,
            custody: (!self.federation.tickets).then(|| node.custody()),
            store: node.store(),
        };
        let commitments = ingestion.read_bundle(bundle).unwrap();
        let mut rng = StdRng::from_rng(&mut rand::rng());
        ingestion
            .ingest(groups, commitments, &mut rng, &|_| {})
            .await
            .unwrap()
    }

    /// Runs a node against a ledger until nothing is left to do.
    pub async fn run(
        &self,
        node: &Node,
        ledger: &impl SubmitPort,
        state: &State,
        patience: Retry,
    ) -> Result<RunSummary, RunError> {
        let mut summary = RunSummary::default();
        let reader = TermsReader::new(state, scale_id(), node.party(), state.time()).unwrap();
        let terms = |period| reader.at(period);
        let clock = || state.time();
        let sources = Sources::of(state, &clock);
        let work = Run {
            node,
            pool: &self.pool,
            ledger,
            terms: &terms,
            consents: Consents::of(state, state.time()),
            sources: &sources,
            patience,
            progress: &|_: Event| {},
            stop: &AtomicBool::new(false),
        };
        run(&work, &mut StdRng::from_rng(&mut rand::rng()), &mut summary).await?;
        Ok(summary)
    }

    /// The ledger's terms, at a time when nothing is old.
    pub fn terms(&self, state: &State) -> impl Fn(Period) -> Result<Terms, TermsError> + Sync {
        let party = self.federation.distributor.id;
        let state = state.clone();
        move |period| {
            let reader = TermsReader::new(&state, scale_id(), party, state.time());
            reader.unwrap().at(period)
        }
    }
}

/// Rows for this many subjects in this many weeks from 2014-W36, with one to three trips each.
pub fn csv(subjects: usize, weeks: u32) -> String {
    let mut out = String::from("trip,rider,start,metres\n");
    let mut trip = 0;
    for week_index in 0..weeks {
        for subject in 0..subjects {
            for ride in 0..=(subject as u32 + week_index) % 3 {
                trip += 1;
                // 1 September 2014 is the Monday of W36.
                let day = 1 + 7 * week_index + ride;
                let metres = 500 + 100 * subject as u32 + 10 * week_index + ride;
                out += &format!("{trip},rider-{subject:03},2014-09-{day:02}T08:0{ride},{metres}\n");
            }
        }
    }
    out
}

pub fn read_groups(csv: &str, schema: &Schema) -> Vec<SubjectPeriod> {
    let mapping = Mapping::from_toml(
        "format = \"csv\"\nsubject = \"rider\"\nrow_key = \"trip\"\n\
         [time]\ncolumn = \"start\"\nformat = \"%Y-%m-%dT%H:%M\"\n\
         [fields.distance]\ncolumn = \"metres\"\nunit = \"m\"\n",
    )
    .unwrap();
    let plan = Plan::new(&mapping, schema).unwrap();
    let reading = read(
        csv.as_bytes(),
        &plan,
        ReadOptions::default(),
        &mut |reject| panic!("{reject:?}"),
        &mut |_| {},
    )
    .unwrap();
    assert_eq!(reading.refused, []);
    reading.groups
}

/// A ledger in memory: the real rules, the real log, no network.
#[derive(Clone)]
pub struct MemoryLedger(Arc<Mutex<Inner>>);

struct Inner {
    sequencer: Sequencer<MemoryStore>,
    time: Timestamp,
    submissions: Vec<SignedEntry>,
}

impl MemoryLedger {
    pub fn founded(world: &World) -> Self {
        let state = State::new(world.federation.policy());
        let mut sequencer = Sequencer::new(state, MemoryStore::new(), world.federation.signer());
        for entry in &world.founding {
            sequencer.submit(&entry.to_bytes(), START).unwrap();
        }
        Self(Arc::new(Mutex::new(Inner {
            sequencer,
            time: START,
            submissions: Vec::new(),
        })))
    }

    pub fn state(&self) -> State {
        self.0.lock().unwrap().sequencer.state().clone()
    }

    /// The ledger's time.
    pub fn time(&self) -> Timestamp {
        self.0.lock().unwrap().time
    }

    /// Appends an entry at a later time, which becomes the ledger's.
    pub fn append(&self, entry: &SignedEntry, time: Timestamp) {
        let mut inner = self.0.lock().unwrap();
        inner.time = time;
        inner.sequencer.submit(&entry.to_bytes(), time).unwrap();
    }

    /// How many submissions came.
    pub fn submissions(&self) -> Vec<SignedEntry> {
        self.0.lock().unwrap().submissions.clone()
    }

    /// All earn batches of the log.
    pub fn batches(&self) -> Vec<merits_ledger::entry::EarnBatch> {
        let inner = self.0.lock().unwrap();
        let size = inner.sequencer.state().size();
        (0..size)
            .filter_map(|index| {
                let leaf = inner.sequencer.leaf(index).unwrap();
                match Entry::decode(leaf.entry.kind, &leaf.entry.statement) {
                    Some(Ok(Entry::EarnBatch(batch))) => Some(batch),
                    _ => None,
                }
            })
            .collect()
    }
}

impl SubmitPort for MemoryLedger {
    async fn submit(&self, entry: SignedEntry) -> Result<String, SubmitFault> {
        let mut inner = self.0.lock().unwrap();
        let time = inner.time;
        let answer = inner.sequencer.submit(&entry.to_bytes(), time);
        inner.submissions.push(entry);
        match answer {
            Ok(appended) => Ok(inner.sequencer.receipt(appended.index).unwrap().to_string()),
            Err(merits_ledger::SubmitError::Refused(refusal)) => Err(SubmitFault::Refused {
                code: refusal.code().into(),
                field: refusal.field(),
                message: refusal.to_string(),
            }),
            Err(other) => panic!("{other}"),
        }
    }
}
