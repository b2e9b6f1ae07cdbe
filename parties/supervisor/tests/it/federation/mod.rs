//! The work of each role on one ledger: supervisor and witness open, the distributor discloses, the
//! supervisor checks, sponsor and clearing verify, the owner reads their credits.
//!
//! Failures are: a role accepts something false, or cannot do its work from the ledger and its own
//! files alone.

mod endorsed;
pub(crate) mod ledger;
mod measured;

use ledger::{ASSET, CONSTANTS, DAY, EPOCH, Federation, NOW, SEED, TERMS, WEEK, origin, scale};
use merits_clearing::{
    batches::{BatchFault, audit},
    issuance::issuance,
    totals::{TotalFault, verify_total},
};
use merits_kit::offline::{OfflineFault, OfflineVerifier};
use merits_ledger::{Entry, Refusal, SubmitError};
use merits_primitives::{
    Fr,
    commitment::RecordSalt,
    ids::{Credits, EntryId, Output},
    jubjub::Point,
    owner::Handle,
    sum::{CreditsSum, Sum},
};
use merits_records::disclosure::Disclosure;
use merits_sponsor::report::{BatchOutcome, Report, Verdict};
use merits_supervisor::{
    check::{CheckFault, Checked, ClaimOnLedger, check},
    holder::{OpeningAsk, TotalAsk},
    request::{OpeningResult, request_content},
    requester::combine,
    side::Side,
    totals::TotalSet,
    view::LedgerView as _,
};
use merits_threshold::total::TotalFault as SumFault;
use merits_trapdoor::rerandomise;
use merits_verifier::{
    EncodedProof,
    codec::Canonical as _,
    entry::{Leaf, SignedEntry},
    log::{Checkpoint, leaf_hash},
    possession::TotalsKey,
    receipt::Receipt,
};
use merits_wallet::{credits::Accounts, ledger::public_batch};

const ACCOUNTS: [&str; 4] = ["ann", "bob", "carla", "d"];

/// The credits of the week.
const TOTAL: TotalsKey = TotalsKey {
    asset: ASSET,
    period: WEEK,
    epoch: EPOCH,
    output: Output::Credits,
};

fn federation() -> (Federation, EntryId) {
    let mut fed = Federation::new();
    let batch = fed.batch(&ACCOUNTS);
    let entry = fed.submit(&batch);
    (fed, entry)
}

/// The whole procedure for one claim; leaves request and completion on the ledger.
fn open(fed: &mut Federation, entry: EntryId, claim: u16) -> OpeningResult {
    let content = request_content(entry, claim, "sample 7", &mut rand::rng()).unwrap();
    let signed = fed.supervisor.request_opening(scale(), &content, NOW + DAY);
    let request = fed.submit(&signed);
    let ask = OpeningAsk {
        origin: origin(),
        request,
        content: content.clone(),
    };
    let answers = answers(fed, &ask);
    let opened = combine(&fed.view(), &ask, &fed.sealing, &answers).unwrap();
    let hash = opened.hash(&request, &content);
    let completed = fed.supervisor.complete_opening(request, hash);
    fed.submit(&completed);
    let again = fed.holders_answer(&ask);
    assert_eq!(again, ["request-completed"; 2]);
    let revealed = fed.supervisor.reveal_opening(request, content);
    fed.submit(&revealed);
    opened
}

fn answers(
    fed: &mut Federation,
    ask: &OpeningAsk,
) -> Vec<merits_supervisor::holder::SealedPartial> {
    let mut holders = fed.take_holders();
    let answers = holders
        .iter_mut()
        .map(|holder| {
            holder
                .answer_opening(&fed.view(), ask, NOW, &mut rand::rng())
                .unwrap()
        })
        .collect();
    fed.holders = holders;
    answers
}

impl Federation {
    /// Holders are asked against a view that borrows the federation.
    fn take_holders(&mut self) -> Vec<merits_supervisor::holder::Holder> {
        std::mem::take(&mut self.holders)
    }

    fn holders_answer(&mut self, ask: &OpeningAsk) -> Vec<&'static str> {
        let mut holders = self.take_holders();
        let codes = holders
            .iter_mut()
            .map(
                |holder| match holder.answer_opening(&self.view(), ask, NOW, &mut rand::rng()) {
                    Ok(_) => "answered",
                    Err(refused) => refused.code().as_str(),
                },
            )
            .collect();
        self.holders = holders;
        codes
    }
}

#[test]
fn a_claim_is_opened_disclosed_and_checked() {
    let (mut fed, entry) = federation();
    let opened = open(&mut fed, entry, 2);
    // Five trips of 1 to 5 km: 15 km at 162.72 g.
    assert_eq!(opened.earned, Credits(2440).into());
    let disclosure = fed.disclosure(entry, 2, "carla");
    let judge = |disclosure: &Disclosure, opened: &OpeningResult| {
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
        check(&claim, disclosure, opened)
    };
    assert_eq!(
        judge(&disclosure, &opened),
        Ok(Checked {
            records: 5,
            earned: Credits(2440).into()
        })
    );

    let mut longer = disclosure.clone();
    longer.records[0][2] += 1;
    assert_eq!(judge(&longer, &opened), Err(CheckFault::Commitment));
    let salted = Disclosure {
        salt: RecordSalt(disclosure.salt.0 + Fr::from(1u64)),
        ..disclosure.clone()
    };
    assert_eq!(judge(&salted, &opened), Err(CheckFault::Commitment));
    let mut missing = disclosure.clone();
    missing.records.pop();
    assert_eq!(judge(&missing, &opened), Err(CheckFault::Commitment));
    let mut unordered = disclosure.clone();
    unordered.records.swap(0, 1);
    assert!(matches!(
        judge(&unordered, &opened),
        Err(CheckFault::Records(_))
    ));
    let mut renamed = disclosure.clone();
    renamed.fields[1] = "speed".to_owned();
    assert!(matches!(
        judge(&renamed, &opened),
        Err(CheckFault::Fields { .. })
    ));
    let other_claim = fed.disclosure(entry, 1, "bob");
    assert_eq!(
        judge(&other_claim, &opened),
        Err(CheckFault::OtherClaim("claim"))
    );
    let stranger = OpeningResult {
        handle: Handle(opened.handle.0 + Fr::from(1u64)),
        ..opened.clone()
    };
    assert_eq!(judge(&disclosure, &stranger), Err(CheckFault::OtherPerson));
    let richer = OpeningResult {
        earned: Credits(2441).into(),
        ..opened
    };
    assert_eq!(
        judge(&disclosure, &richer),
        Err(CheckFault::OtherCredits {
            computed: Credits(2440),
            opened: Credits(2441)
        })
    );
}

#[test]
fn an_opened_total_is_taken_by_the_ledger_and_checked_by_clearing() {
    let (mut fed, _) = federation();
    let set = fed.set(TOTAL, 0);
    let ask: TotalAsk = set.ask(&fed.view());
    let mut holders = fed.take_holders();
    let answers = holders
        .iter_mut()
        .map(|holder| {
            holder
                .answer_total(&fed.view(), &ask, NOW, &mut rand::rng())
                .unwrap()
        })
        .collect::<Vec<_>>();
    let total = set.open(&fed.view(), &answers).unwrap();
    // 6, 6, 15 and 1 km.
    assert_eq!(total.sum.0, 976 + 976 + 2440 + 162);
    let signed = fed.supervisor.publish_total(&total);
    fed.submit(&signed);

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
    assert_eq!((checked.claims, checked.sum), (4, total.sum));

    let mut wrong = opened.clone();
    wrong.sum.0 += 1;
    assert_eq!(
        judge(&wrong),
        Err(TotalFault::Sum(SumFault::Sum(wrong.sum)))
    );
    let mut wrong = opened.clone();
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
    let mut wrong = opened.clone();
    (wrong.sum, wrong.partials) = (Sum(0), None);
    assert_eq!(judge(&wrong), Err(TotalFault::Sum(SumFault::Missing)));
    let mut wrong = opened.clone();
    wrong.number = 1;
    assert_eq!(judge(&wrong), Err(TotalFault::NotCut { number: 1 }));
    let mut wrong = opened;
    wrong.key.period.index += 1;
    assert_eq!(judge(&wrong), Err(TotalFault::NotCut { number: 0 }));

    let books = issuance(fed.state()).unwrap();
    assert_eq!(books.len(), 1);
    assert_eq!(
        (books[0].claims, books[0].covered, books[0].at_most),
        (4, 4, CreditsSum::ZERO)
    );
    assert_eq!(books[0].credits, total.sum.as_credits().into());
    // Covered: the ledger does not add these batches up again.
    assert!(TotalSet::next(&fed.view(), TOTAL).is_err());
    let again = fed
        .ledger
        .submit(&fed.supervisor.publish_total(&total).to_bytes(), NOW);
    assert!(again.unwrap().already_present);
}

#[test]
fn the_owner_reads_the_own_credits_from_seed_and_ledger() {
    let (fed, entry) = federation();
    let signed = fed.entry(&entry).unwrap();
    let batch = public_batch(fed.state(), entry, &signed).unwrap();
    let of = |seed: [u8; 32], account: &str| {
        let accounts = Accounts::derive(&seed, [account.to_owned()], origin(), TERMS);
        let found = accounts.search().batch(&batch);
        found
            .into_iter()
            .map(|own| own.unwrap().credits.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(of(SEED, "carla"), [2440]);
    assert_eq!(of(SEED, "d"), [162]);
    assert!(of(SEED, "nobody").is_empty());
    assert!(
        of([8; 32], "carla").is_empty(),
        "another seed is another person"
    );
    let first = fed.ledger.leaf(0).unwrap().entry;
    assert!(public_batch(fed.state(), first.id(), &first).is_none());
}

#[test]
fn a_sponsor_believes_receipts_and_proofs_only() {
    let (fed, entry) = federation();
    let index = fed.ledger.state().size() - 1;
    let receipt = fed.ledger.receipt(index).unwrap();
    let mut offline = OfflineVerifier::new(&fed.log);
    let batch = offline.check(fed.state(), &receipt).unwrap();
    assert_eq!((batch.entry, batch.claims, batch.period), (entry, 4, WEEK));

    // A batch of another kind, and a leaf that the checkpoint does not cover.
    let admission = fed.ledger.receipt(0).unwrap();
    assert!(matches!(
        offline.check(fed.state(), &admission),
        Err(OfflineFault::NotABatch(..))
    ));
    let moved = Receipt {
        index: index - 1,
        ..receipt.clone()
    };
    assert!(matches!(
        offline.check(fed.state(), &moved),
        Err(OfflineFault::Receipt(_))
    ));

    // A coordinator that takes a batch whose proof does not hold, and signs it.
    let signed = fed.entry(&entry).unwrap();
    let mut forged = signed.clone();
    forged.proof = fed.batch(&["ann", "bob", "carla", "eve"]).proof;
    let outcome = offline.check(fed.state(), &rogue_receipt(&fed, forged));
    assert!(matches!(
        outcome,
        Err(OfflineFault::Rules(Refusal::SignatureInvalid { .. }))
    ));
    let resigned = resign(
        &fed,
        &signed,
        fed.batch(&["ann", "bob", "carla", "eve"]).proof,
    );
    let outcome = offline.check(fed.state(), &rogue_receipt(&fed, resigned.clone()));
    assert!(matches!(outcome, Err(OfflineFault::Proof(_))));

    let outcomes = [
        BatchOutcome {
            entry,
            offline: offline.check(fed.state(), &receipt),
            online: Some(Verdict::Valid),
        },
        BatchOutcome {
            entry: resigned.id(),
            offline: offline.check(fed.state(), &rogue_receipt(&fed, resigned)),
            online: None,
        },
    ];
    let mut report = Report::default();
    outcomes.iter().for_each(|outcome| report.add(outcome));
    let report = report.finish(fed.state()).unwrap();
    assert_eq!(
        (report.batches, report.offline, report.online, report.claims),
        (2, 1, 1, 4)
    );
    assert_eq!(report.faults.len(), 1);
    assert_eq!(report.aggregates[&(scale(), WEEK)].claims, 4);
}

#[test]
fn clearing_names_the_bad_batch_among_the_good() {
    let (mut fed, entry) = federation();
    let second = fed.batch(&["erika", "fynn"]);
    let second_id = fed.submit(&second);
    let signed = fed.entry(&entry).unwrap();
    let bad = resign(&fed, &signed, second.proof.clone());
    let entries = (0..fed.state().size())
        .map(|index| fed.ledger.leaf(index).unwrap().entry)
        .filter(|found| found.id() != entry)
        .chain([bad.clone()])
        .collect::<Vec<_>>();
    let found = audit(fed.state(), entries, &mut rand::rng());
    assert_eq!(
        (found.valid, found.claims),
        (1, 2),
        "the batch {second_id} alone"
    );
    assert_eq!(found.invalid.len(), 1);
    assert_eq!(found.invalid[0].0, bad.id());
    assert!(matches!(found.invalid[0].1, BatchFault::Proof(_)));
}

#[test]
fn a_rerandomised_copy_is_the_same_entry() {
    let (mut fed, entry) = federation();
    let signed = fed.entry(&entry).unwrap();
    let proof = signed.groth16_proof().unwrap();
    let other = rerandomise(&proof, Fr::from(5u64)).unwrap();
    let copy = resign(&fed, &signed, Some((&other).into()));
    assert_ne!(copy.proof, signed.proof);
    let answer = fed.ledger.submit(&copy.to_bytes(), NOW).unwrap();
    assert!(answer.already_present && answer.id == entry);
    // The same claims in another batch are refused: each commitment counts once.
    let twice = fed.batch(&["carla"]);
    let refused = fed.ledger.submit(&twice.to_bytes(), NOW);
    assert!(matches!(
        refused,
        Err(SubmitError::Refused(Refusal::AlreadyUsed { .. }))
    ));
}

/// The distributor itself signs another proof under its statement.
fn resign(fed: &Federation, signed: &SignedEntry, proof: Option<EncodedProof>) -> SignedEntry {
    let key = ed25519_dalek::SigningKey::from_bytes(&[5; 32]);
    let statement = signed.statement.clone();
    SignedEntry::sign(
        origin(),
        signed.kind,
        fed.distributor,
        statement,
        proof,
        &key,
    )
}

/// A receipt for an entry alone in a tree that the log's own key signed.
fn rogue_receipt(fed: &Federation, entry: SignedEntry) -> Receipt {
    let leaf = Leaf {
        time: NOW,
        state: None,
        entry,
    }
    .to_bytes();
    let checkpoint = Checkpoint {
        origin: origin(),
        size: 1,
        root: leaf_hash(&leaf),
    };
    let checkpoint = checkpoint.sign(&fed.log_signer).unwrap();
    Receipt {
        leaf,
        index: 0,
        proof: Vec::new(),
        checkpoint,
    }
}
