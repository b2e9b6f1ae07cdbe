//! A scale with a dated constant and a measure, from records to opened totals: a real circuit, real
//! proofs, the ledger's rules.
//!
//! It fails if a week is proven with another week's figures, or if an output is lost or exchanged
//! with the other one.

use std::time::Duration;

use crate::federation::{MANIFEST, World, custody::Scene, scale_id, week};
use merits_distributor::{earnings::EarnedSum, pool::Width};
use merits_ledger::{Entry, state::TotalsKey};
use merits_ledger_fixture::START;
use merits_primitives::{
    earned::Earned,
    figures::PublicNumber,
    ids::{AssetId, Credits, Epoch, Output, Quantity},
    sum::{CreditsSum, QuantitySum, Sum},
};

/// [`MANIFEST`] with a factor that changes on the Tuesday of W36, and metres as a measure.
fn manifest() -> String {
    let dated = MANIFEST
        .replace("value = \"162.72\"\n", "dated = true\n")
        .replace(
            "source = \"test\"\n",
            "source = \"test\"\n\n[[constant.version]]\nvalue = \"162.72\"\n\n\
             [[constant.version]]\nfrom = \"2014-09-02\"\nvalue = \"150\"\n",
        );
    let (head, _) = dated.split_once("[formula]").unwrap();
    format!(
        "{head}[formula]\nrounding = \"Once, down.\"\n\
         cel = 'math.floor(trips.map(t, t.distance.to(\"km\") * car_factor.at(t.start)).sum())'\n\n\
         [measure]\nunit = \"m\"\nrounding = \"None: metres are whole.\"\n\
         cel = \"trips.map(t, t.distance).sum()\"\n"
    )
}

/// What a trip earns, computed independently of the formula: metres by the factor of its day, in
/// thousandths of a cent of a gram.
fn by_hand(records: &[merits_formula::Record], changed: u64) -> (u64, u64) {
    let metres = |record: &merits_formula::Record| record.0[1];
    let factor = |record: &merits_formula::Record| {
        if record.0[0] / 1_440 >= changed {
            15_000
        } else {
            16_272
        }
    };
    let credits: u64 = records.iter().map(|r| metres(r) * factor(r)).sum();
    (credits / 100_000, records.iter().map(metres).sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn both_outputs_and_the_days_factor_reach_the_ledger() {
    let one = std::num::NonZeroUsize::MIN;
    let width = Width {
        threads: one,
        in_flight: one,
    };
    let world = World::with(11, &manifest(), width);
    let scene = Scene::of(world).await;
    let (world, ledger) = (&scene.world, &scene.ledger);
    let groups = scene.collect(4, 2).await;
    let summary = scene.run().await;
    assert_eq!(summary.submitted.refused, []);
    assert_eq!(summary.submitted.acknowledged, 4);

    // The first trip of W36 is a Monday's; the second a Tuesday's, under the new factor.
    let earned = |period: merits_primitives::ids::Period, records: &[merits_formula::Record]| {
        by_hand(records, if period == week(36) { 1 } else { 0 })
    };
    let all = groups
        .iter()
        .map(|group| earned(group.period, &group.records));
    let expected = all.fold((0u128, 0u128), |(v, w), (credits, metres)| {
        (v + u128::from(credits), w + u128::from(metres))
    });
    let expected = EarnedSum {
        credits: CreditsSum(expected.0),
        measure: Some(QuantitySum(expected.1)),
    };
    assert_eq!(
        (summary.formed.earned, summary.submitted.earned),
        (expected, expected)
    );

    // Each week was proven with its own figures.
    for batch in ledger.batches() {
        let numbers = if batch.period == week(36) {
            [16_272, 15_000, 1]
        } else {
            [15_000, 15_000, 0]
        };
        let numbers = numbers.map(PublicNumber);
        assert_eq!(batch.terms.constants, numbers, "{}", batch.period.label());
        assert!(batch.measure.is_some());
    }

    // The owner reads both from u.
    let mut found = 0;
    for batch in ledger.batches() {
        for group in groups.iter().filter(|group| group.period == batch.period) {
            let binding = scene.binding(&batch, &group.subject);
            let own = batch
                .claims
                .iter()
                .find(|claim| claim.public.b == binding.b);
            let Some(own) = own else { continue };
            let (credits, metres) = earned(group.period, &group.records);
            let expected = Earned {
                credits: Credits(credits),
                measure: Some(Quantity(metres)),
            };
            assert_eq!(binding.reveal(own.public.u, true), Some(expected));
            found += 1;
        }
    }
    assert_eq!(found, 8);

    // And both totals open to what the week's records give.
    let credits = TotalsKey {
        asset: AssetId(1),
        period: week(36),
        epoch: Epoch(1),
        output: Output::Credits,
    };
    let cut = world.federation.cut_key(credits, 0);
    let cut = world.federation.sign(&cut, &world.federation.supervisor);
    ledger.append(&cut, START + Duration::from_secs(1));
    for output in Output::ALL {
        let key = TotalsKey { output, ..credits };
        let of_week = groups.iter().filter(|group| group.period == week(36));
        let sum = of_week
            .map(
                |group| match (output, earned(group.period, &group.records)) {
                    (Output::Credits, (credits, _)) => credits,
                    (Output::Measure, (_, metres)) => metres,
                },
            )
            .sum();
        let sum = Sum(sum);
        let state = ledger.state();
        let total = world
            .federation
            .open_key(&state, key, 0, sum, &mut rand::rng());
        let entry = Entry::TotalsOpened(total);
        let entry = world.federation.sign(&entry, &world.federation.supervisor);
        ledger.append(&entry, START + Duration::from_secs(1));
        let opened = ledger.state().totals().opened(&key).unwrap();
        assert_eq!(opened.len(), 1, "{output}");
    }
    assert!(ledger.state().scales().get(&scale_id()).is_ok());
}
