//! Records of which no claim can be made: they are set aside with their reason, and everything else
//! continues, in later runs too.

use std::sync::{Arc, Mutex, PoisonError};

use merits_circuits::{
    earn::EarnCircuit,
    prover::{ProveError, Prover},
};
use merits_distributor::{
    outbox::PATIENCE,
    pool::{ProverPool, ProvingError},
    run::RunError,
    store::{AsideReason, Inserted, NewDeed},
    summary::{Outcome, RunSummary},
};
use merits_formula::Record;
use merits_primitives::{
    Fr,
    commitment::{RecordCommitment, RecordSalt},
    field,
    owner::Handle,
};
use merits_verifier::{
    groth16::{Proof, VerifyingKey},
    signature::sign,
    statement::earn::commitment_signing_bytes,
};
use rand::{SeedableRng as _, rngs::StdRng};
use rand_core::CryptoRng;

use crate::federation::{World, csv, custody::Scene, files, read_groups, scale_id, week};

/// Accounts and reasons.
fn aside(summary: &RunSummary) -> Vec<(&str, AsideReason)> {
    let aside = summary.aside.iter();
    aside
        .map(|aside| (aside.subject.as_deref().unwrap_or("?"), aside.reason))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_periods_without_terms_stop_no_others() {
    let scene = Scene::new(21).await;
    // The week before the scale begins, and one that is not over in any clock.
    let mut rows = csv(4, 1);
    rows += "900,rider-000,2014-08-26T08:00,700\n901,rider-001,2999-01-07T08:00,700\n";
    let groups = read_groups(&rows, scene.world.schema());
    let bundle = scene.bundle(&groups);
    assert_eq!(scene.take_in(groups, &bundle).await.ingested, 6);
    let check = |summary: &RunSummary, acknowledged| {
        assert_eq!(summary.counts.acknowledged, acknowledged);
        assert_eq!((summary.counts.ingested, summary.counts.refused), (2, 0));
        let reasons: Vec<_> = summary.formed.waiting.without_terms.iter().collect();
        let [(early, 1), (late, 1)] = reasons[..] else {
            panic!("{reasons:?}")
        };
        assert_ne!(summary.outcome(), Outcome::Whole);
        let said = format!("{early}\n{late}");
        assert!(said.contains("no approved version for 2014-W35"), "{said}");
        assert!(said.contains("2999-W02"), "{said}");
    };
    check(&scene.run().await, 4);
    let summary = scene.run().await;
    check(&summary, 4);
    assert_eq!(summary.proved.proofs, 0);
    // Later records are claimed in spite of them.
    let groups: Vec<_> = scene.groups(4, 2).split_off(4);
    assert!(groups.iter().all(|group| group.period == week(37)));
    let bundle = scene.bundle(&groups);
    scene.take_in(groups, &bundle).await;
    check(&scene.run().await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deed_that_does_not_open_or_work_out_stops_no_other() {
    let scene = Scene::new(22).await;
    scene.collect(5, 1).await;
    // Records that the schema does not take, past the reader, under a signature of the source.
    let (federation, commitment) = (&scene.world.federation, RecordCommitment(Fr::from(5u64)));
    let source = federation.source.id;
    let schema = scene.world.schema().id();
    let signed =
        commitment_signing_bytes(&federation.origin, &source, schema, week(36), commitment);
    let deed = NewDeed {
        subject: "rider-overflow".into(),
        period: week(36),
        handle: Handle(Fr::from(3u64)),
        salt: RecordSalt(Fr::from(4u64)),
        records: vec![Record(vec![1, 1 << 40])],
        commitment,
        signature: sign(&federation.source.key, &signed),
    };
    let mut rng = StdRng::from_rng(&mut rand::rng());
    let store = scene.node.store();
    store
        .insert_deeds(&scale_id(), &source, &[deed], &mut rng)
        .await
        .unwrap();
    let mut disk = files::connect(scene.dir()).await;
    sqlx::raw_sql("UPDATE deed SET records = zeroblob(60) WHERE id = 2")
        .execute(&mut disk)
        .await
        .unwrap();
    for run in 0..2 {
        let summary = scene.run().await;
        assert_eq!(summary.counts.acknowledged, 4, "run {run}");
        assert_eq!(summary.counts.ingested, 2);
        let aside = aside(&summary);
        assert_eq!(aside.len(), 2, "{aside:?}");
        assert_eq!(aside[0].1, AsideReason::Damaged);
        assert_eq!(aside[1], ("rider-overflow", AsideReason::Formula));
        assert_eq!(summary.outcome(), [Outcome::Partly, Outcome::Nothing][run]);
        if run == 1 {
            assert_eq!(summary.proved.proofs, 0);
        }
    }
    // The error names the value; a reason is stored in the clear, and in backups.
    let value = (1u64 << 40).to_string();
    assert_eq!(files::holding(scene.dir(), value.as_bytes()), None);
}

/// Another spelling of a known account would give a second cap, so a person has to decide about it.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_only_looks_new_is_put_aside() {
    let scene = Scene::new(23).await;
    let deed = |subject: &str, commitment: u64| NewDeed {
        subject: subject.into(),
        period: week(36),
        handle: Handle(Fr::from(commitment)),
        salt: RecordSalt(Fr::from(4u64)),
        records: vec![Record(vec![1, 60])],
        commitment: RecordCommitment(Fr::from(commitment)),
        signature: [0; 64],
    };
    let source = scene.world.federation.source.id;
    let mut rng = StdRng::from_rng(&mut rand::rng());
    let store = scene.node.store().clone();
    let like = |known: &str| Inserted::LooksLike(known.to_owned());
    // Both in one file, one known already, each by what it differs in: one form, case, full width, script.
    let deeds = [
        deed("Zoe\u{301} 1", 11),
        deed("Zo\u{e9} 1", 11),
        deed("zo\u{e9} l", 12),
        deed("zoe", 13),
    ];
    let first = store
        .insert_deeds(&scale_id(), &source, &deeds, &mut rng)
        .await;
    let expected = [
        Inserted::New,
        Inserted::Known,
        like("Zoe\u{301} 1"),
        Inserted::New,
    ];
    assert_eq!(first.unwrap(), expected);
    let deeds = [deed("Ｚｏｅ", 14), deed("zo\u{435}", 15), deed("zoe", 13)];
    let again = store
        .insert_deeds(&scale_id(), &source, &deeds, &mut rng)
        .await;
    assert_eq!(again.unwrap(), [like("zoe"), like("zoe"), Inserted::Known]);
    // Somebody found out that they are two people. The account is known from now on.
    let decided = store.clone().with_distinct(["Ｚｏｅ".to_owned()]);
    let deeds = [deed("Ｚｏｅ", 14)];
    let taken = decided
        .insert_deeds(&scale_id(), &source, &deeds, &mut rng)
        .await;
    assert_eq!(taken.unwrap(), [Inserted::New]);
    let known = store
        .insert_deeds(&scale_id(), &source, &deeds, &mut rng)
        .await;
    assert_eq!(known.unwrap(), [Inserted::Known]);
}

/// The prover's behaviour for batches with these commitments.
type Guilty = Arc<Mutex<Vec<(RecordCommitment, Failure)>>>;

#[derive(Clone, Copy, PartialEq)]
enum Failure {
    Error,
    Panic,
}

/// A prover that fails at some claims, as a fault in it would.
struct Failing {
    inner: ProverPool,
    guilty: Guilty,
}

impl Prover for Failing {
    fn prove(&self, assignment: &[Fr], rng: &mut dyn CryptoRng) -> Result<Proof, ProveError> {
        let guilty = self.guilty.lock().unwrap_or_else(PoisonError::into_inner);
        let found = guilty
            .iter()
            .find(|(c, _)| assignment.contains(&c.0))
            .copied();
        drop(guilty);
        match found {
            Some((_, Failure::Error)) => Err(ProveError::NoOne),
            Some((_, Failure::Panic)) => panic!("a fault in the prover"),
            None => self.inner.prover().prove(assignment, rng),
        }
    }

    fn verifying_key(&self) -> &VerifyingKey {
        self.inner.prover().verifying_key()
    }
}

async fn failing(seed: u64) -> (Scene, Guilty) {
    let mut world = World::new(seed);
    let circuit = EarnCircuit::build(
        world.manifest.formula(),
        usize::from(world.manifest.claims_per_proof()),
    );
    let width = world.pool.width();
    let guilty = Guilty::default();
    let inner = std::mem::replace(&mut world.pool, World::new(seed).pool);
    let prover = Arc::new(Failing {
        inner,
        guilty: Arc::clone(&guilty),
    });
    world.pool = ProverPool::new(Arc::new(circuit), prover, width).unwrap();
    (Scene::of(world).await, guilty)
}

async fn commitments(scene: &Scene) -> Vec<RecordCommitment> {
    let query = "SELECT commitment FROM deed ORDER BY period, source, commitment";
    let bytes = files::column(scene.dir(), query).await;
    let elements = bytes.into_iter().map(|bytes| {
        let bytes: [u8; 32] = bytes.try_into().unwrap();
        field::from_bytes(&bytes).unwrap()
    });
    elements.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_cannot_be_proven_costs_its_guilty_claims_only() {
    let (scene, guilty) = failing(23).await;
    scene.collect(6, 1).await;
    let all = commitments(&scene).await;
    *guilty.lock().unwrap() = vec![(all[0], Failure::Error), (all[3], Failure::Panic)];
    for run in 0..2 {
        let summary = scene.run().await;
        assert_eq!(summary.counts.acknowledged, 4, "run {run}");
        let (waits, formed) = (summary.counts.ingested, summary.counts.formed);
        assert_eq!((waits, formed, summary.counts.refused), (2, 0, 0));
        assert_eq!(summary.aside.len(), 2, "{:?}", summary.aside);
        if run == 1 {
            assert_eq!(summary.proved.proofs, 0);
        }
    }
    // After the repair, the next run claims them.
    guilty.lock().unwrap().clear();
    let summary = scene.run().await;
    assert_eq!((summary.counts.acknowledged, summary.aside.len()), (6, 0));

    // A prover that proves nothing at all has the fault itself, which is reported.
    let (scene, guilty) = failing(24).await;
    scene.collect(6, 1).await;
    let all = commitments(&scene).await;
    *guilty.lock().unwrap() = all.iter().map(|c| (*c, Failure::Error)).collect();
    let state = scene.ledger.state();
    let ran = scene
        .world
        .run(&scene.node, &scene.ledger, &state, PATIENCE)
        .await;
    assert!(
        matches!(ran, Err(RunError::Proving(ProvingError::Prover { .. }))),
        "{ran:?}"
    );
    guilty.lock().unwrap().clear();
    let summary = scene.run().await;
    assert_eq!(summary.counts.acknowledged, 6);
    assert_eq!(summary.outcome(), Outcome::Whole);
    // A fault that is over is not remembered.
    let left = files::column(scene.dir(), "SELECT aside FROM deed WHERE aside NOTNULL").await;
    assert!(left.is_empty(), "{left:?}");
}

/// However many deeds cannot be proven, they come after all others and hold none of them up, in later runs too.
#[tokio::test(flavor = "multi_thread")]
async fn many_deeds_that_cannot_be_proven_hold_up_no_others() {
    let (scene, guilty) = failing(25).await;
    scene.collect(6, 1).await;
    let all = commitments(&scene).await;
    *guilty.lock().unwrap() = all[..5].iter().map(|c| (*c, Failure::Error)).collect();
    let summary = scene.run().await;
    assert_eq!((summary.counts.acknowledged, summary.aside.len()), (1, 5));
    assert_eq!(summary.outcome(), Outcome::Partly);
    // The next week's come after them in the store's order.
    let groups: Vec<_> = scene.groups(6, 2).split_off(6);
    assert!(groups.iter().all(|group| group.period == week(37)));
    let bundle = scene.bundle(&groups);
    scene.take_in(groups, &bundle).await;
    let summary = scene.run().await;
    assert_eq!((summary.counts.acknowledged, summary.aside.len()), (7, 5));
    // If only they are left, it cannot be known whether the prover has the fault, and they were
    // reported before.
    let summary = scene.run().await;
    assert_eq!((summary.proved.proofs, summary.aside.len()), (0, 5));
    assert_eq!(summary.outcome(), Outcome::Nothing);
    guilty.lock().unwrap().clear();
    let summary = scene.run().await;
    assert_eq!((summary.counts.acknowledged, summary.aside.len()), (12, 0));
    assert_eq!(summary.outcome(), Outcome::Whole);
}
