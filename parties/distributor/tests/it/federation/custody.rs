//! A ledger in custody with one node over it: the start of complete runs.

use std::path::Path;

use merits_distributor::{
    consents::Consents, forming::FormReport, ingest::IngestReport, node::Node, outbox::PATIENCE,
    progress::Event, sources::Sources, summary::RunSummary,
};
use merits_ledger::entry::EarnBatch;
use merits_primitives::{
    identity::Secret,
    message::{self, Consent},
    owner::{self, Binding},
    scope,
};
use merits_records::SubjectPeriod;
use rand::{SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use super::{MemoryLedger, World, csv, read_groups};

/// Seed of the node's secrets.
const SEED: u8 = 5;

pub struct Scene {
    pub world: World,
    pub ledger: MemoryLedger,
    pub node: Node,
    dir: TempDir,
}

impl Scene {
    pub async fn new(seed: u64) -> Self {
        Self::of(World::new(seed)).await
    }

    pub async fn of(world: World) -> Self {
        let ledger = MemoryLedger::founded(&world);
        let dir = tempfile::tempdir().unwrap();
        let node = world.node(dir.path(), SEED).await;
        Self {
            world,
            ledger,
            node,
            dir,
        }
    }

    /// Where the node's files are.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Records of this many subjects in this many weeks, as [`csv`] gives them.
    pub fn groups(&self, subjects: usize, weeks: u32) -> Vec<SubjectPeriod> {
        read_groups(&csv(subjects, weeks), self.world.schema())
    }

    /// The source's bundle over groups.
    pub fn bundle(&self, groups: &[SubjectPeriod]) -> Vec<u8> {
        let custody = self.node.custody();
        self.world.bundle(groups, custody, self.dir())
    }

    /// Takes groups and a bundle into the node's store.
    pub async fn take_in(&self, groups: Vec<SubjectPeriod>, bundle: &[u8]) -> IngestReport {
        let state = self.ledger.state();
        self.world.ingest(&self.node, &state, groups, bundle).await
    }

    /// Records of this many subjects in this many weeks, signed and in the node's store.
    pub async fn collect(&self, subjects: usize, weeks: u32) -> Vec<SubjectPeriod> {
        let groups = self.groups(subjects, weeks);
        let bundle = self.bundle(&groups);
        self.take_in(groups.clone(), &bundle).await;
        groups
    }

    /// Fixes batches under the ledger's terms as they are, and proves none.
    pub async fn form(&self) -> FormReport {
        let state = self.ledger.state();
        let terms = self.world.terms(&state);
        let clock = || state.time();
        let mut rng = StdRng::from_rng(&mut rand::rng());
        self.node
            .form_batches(
                &self.world.pool,
                &terms,
                &Consents::Custody,
                &Sources::of(&state, &clock),
                &mut rng,
                &|_: Event| {},
            )
            .await
            .unwrap()
    }

    /// Runs the node against the ledger as it is, until nothing is left to do.
    pub async fn run(&self) -> RunSummary {
        self.run_with(&self.node).await
    }

    /// [`Scene::run`] of another node.
    pub async fn run_with(&self, node: &Node) -> RunSummary {
        let state = self.ledger.state();
        self.world
            .run(node, &self.ledger, &state, PATIENCE)
            .await
            .unwrap()
    }

    /// What binds a subject's claim in this batch to it: computed from the custody seed and the
    /// ledger alone, as by an owner who looks for their credits.
    pub fn binding(&self, batch: &EarnBatch, subject: &str) -> Binding {
        let secret = Secret::from_seed(&[SEED; 32], subject);
        let federation = &self.world.federation;
        let f1 = scope::claim_scope(batch.terms.asset, batch.period, None);
        let consent = Consent {
            origin: &federation.origin,
            distributor: &federation.distributor.id,
            terms: &self.world.manifest.terms_digest(),
            scale: &batch.scale,
            version: batch.version,
            manifest: &self.world.manifest.digest(),
            expiry: batch.terms.expiry,
        };
        let f2 = message::claim_message(&consent, &secret, f1);
        let h = owner::handle(&secret, scope::source_scope(&batch.source));
        owner::bind(&owner::earned_key(&secret, f1, f2), &h)
    }
}
