//! A scale that measures seconds besides its credits, from the batch to the accounts: over the real
//! ledger, with natively made ciphertexts and proofs from a trapdoor.

use merits_clearing::{
    issuance::{Measured, issuance},
    totals::{TotalFault, verify_total},
};
use merits_ledger::Entry;
use merits_primitives::{
    earned::Earned,
    ids::{Credits, Output, Quantity},
    jubjub::Point,
    sum::{CreditsSum, QuantitySum},
};
use merits_supervisor::{
    check::{CheckFault, Checked, ClaimOnLedger, check},
    request::OpeningResult,
    side::Side,
    view::LedgerView as _,
};
use merits_threshold::total::TotalFault as SumFault;
use merits_verifier::{entry::SignedEntry, possession::TotalsKey};
use merits_wallet::{credits::Accounts, ledger::public_batch};

use crate::federation::{ACCOUNTS, Federation, TOTAL, ledger::*, open};

/// carla's five trips: 15 km at 162.72 g, and 900 s each.
const CARLA: Earned = Earned {
    credits: Credits(2440),
    measure: Some(Quantity(4_500)),
};

fn federation() -> (Federation, merits_primitives::ids::EntryId) {
    let mut fed = Federation::measured();
    let batch = fed.batch(&ACCOUNTS);
    let entry = fed.submit(&batch);
    (fed, entry)
}

/// Opens one output of the week's batches and publishes it.
fn publish(fed: &mut Federation, output: Output) -> SignedEntry {
    let key = TotalsKey { output, ..TOTAL };
    let set = fed.set(key, 0);
    let ask = set.ask(&fed.view());
    let mut holders = std::mem::take(&mut fed.holders);
    let answers: Vec<_> = holders
        .iter_mut()
        .map(|holder| {
            holder
                .answer_total(&fed.view(), &ask, NOW, &mut rand::rng())
                .unwrap()
        })
        .collect();
    fed.holders = holders;
    let total = set.open(&fed.view(), &answers).unwrap();
    let signed = fed.supervisor.publish_total(&total);
    fed.submit(&signed);
    signed
}

#[test]
fn an_opened_claim_gives_what_the_disclosed_records_give() {
    let (mut fed, entry) = federation();
    let opened = open(&mut fed, entry, 2);
    assert_eq!(opened.earned, CARLA);
    let disclosure = fed.disclosure(entry, 2, "carla");
    let judge = |opened: &OpeningResult| {
        let batch = fed.view().batch(&entry).unwrap().unwrap();
        let claim = ClaimOnLedger {
            origin: &origin(),
            entry,
            claim: 2,
            commitment: batch.claims[2].commitment,
            period: batch.period,
            schema: fed.formula.schema().id(),
            formula: &fed.formula,
            constants: &CONSTANTS,
        };
        check(&claim, &disclosure, opened)
    };
    let sound = Checked {
        records: 5,
        earned: CARLA,
    };
    assert_eq!(judge(&opened), Ok(sound));
    let longer = OpeningResult {
        earned: Earned {
            measure: Some(Quantity(4_501)),
            ..CARLA
        },
        ..opened.clone()
    };
    assert_eq!(
        judge(&longer),
        Err(CheckFault::OtherMeasure {
            computed: Some(Quantity(4_500)),
            opened: Some(Quantity(4_501))
        })
    );
    let without = OpeningResult {
        earned: CARLA.credits.into(),
        ..opened
    };
    assert!(matches!(
        judge(&without),
        Err(CheckFault::OtherMeasure { opened: None, .. })
    ));
}

#[test]
fn both_totals_are_taken_by_the_ledger_and_checked_by_clearing() {
    let (mut fed, entry) = federation();
    // 3, 3, 5 and 1 trips.
    let expected = [
        (Output::Measure, 12 * 900),
        (Output::Credits, 976 + 976 + 2440 + 162),
    ];
    for (output, sum) in expected {
        let signed = publish(&mut fed, output);
        let Some(Ok(Entry::TotalsOpened(opened))) = Entry::decode(signed.kind, &signed.statement)
        else {
            panic!("a total was published")
        };
        let judge = |opened: &merits_ledger::entry::TotalsOpened| {
            let keys = fed.state().epochs().get(EPOCH).unwrap();
            let totals = fed.state().totals();
            let interval = totals.interval(&opened.key, opened.number).unwrap();
            verify_total(&origin(), opened, keys, interval.as_ref())
        };
        let checked = judge(&opened).unwrap();
        assert_eq!((checked.output, checked.sum.0), (output, sum));
        let mut wrong = opened.clone();
        wrong.sum.0 += 1;
        assert_eq!(
            judge(&wrong),
            Err(TotalFault::Sum(SumFault::Sum(wrong.sum)))
        );
        let mut wrong = opened.clone();
        wrong.key = opened.key.twin();
        let holder = opened.partials.as_ref().unwrap().supervisor[0].holder;
        assert_eq!(
            judge(&wrong),
            Err(TotalFault::Sum(SumFault::Wrong {
                side: Side::Supervisor,
                holder
            }))
        );
        let mut wrong = opened;
        let witness = &mut wrong.partials.as_mut().unwrap().witness[0];
        witness.image = (witness.image + Point::base()).unwrap();
        let holder = witness.holder;
        assert_eq!(
            judge(&wrong),
            Err(TotalFault::Sum(SumFault::Wrong {
                side: Side::Witness,
                holder
            }))
        );
    }
    let books = issuance(fed.state()).unwrap();
    assert_eq!(books.len(), 1, "one line for both outputs");
    assert_eq!(books[0].credits, CreditsSum(4554));
    let measured = Measured {
        covered: 4,
        sum: QuantitySum(10_800),
    };
    assert_eq!(books[0].measured, Some(measured));
    assert!(fed.entry(&entry).is_some());
}

#[test]
fn the_owner_reads_both_from_seed_and_ledger() {
    let (fed, entry) = federation();
    let signed = fed.entry(&entry).unwrap();
    let batch = public_batch(fed.state(), entry, &signed).unwrap();
    let accounts = Accounts::derive(&SEED, ["carla".to_owned()], origin(), TERMS);
    let own = accounts.search().batch(&batch);
    let own = own[0].as_ref().unwrap();
    assert_eq!((own.credits, own.measure), (CARLA.credits, CARLA.measure));
    assert_eq!(own.claim, 2);
}
