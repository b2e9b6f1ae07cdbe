//! Plans against a holder's own copy of the ledger.

use ed25519_dalek::SigningKey;
use merits_ledger::{
    Role, Roles,
    entry::{Act, PartyAdmitted, ProposalTerms, StandingChange},
};
use merits_primitives::ids::Epoch;
use merits_sealing::SealingKey;
use merits_supervisor::dkg::plan::{Plan, PlanFault};
use merits_threshold::{Side, ceremony::CeremonyFault};

use crate::federation::ledger::{Federation, origin};

const OTHERS: [&str; 3] = ["bureau", "court", "statistics"];

/// A ledger with four supervisors, a witness and others.
fn ledger() -> Federation {
    let mut ledger = Federation::new();
    for (number, name) in (101..).zip(OTHERS) {
        let sealing = SealingKey::generate(&mut rand::rng()).public();
        let key = SigningKey::from_bytes(&[number; 32]);
        let roles = Roles::new(&[Role::Supervisor]);
        let application = PartyAdmitted::apply(&origin(), name, roles, &key, sealing);
        let terms = ProposalTerms::AT_ONCE;
        let entry = ledger.supervisor.admit(application, terms);
        let entry = entry.expect("signed");
        ledger.submit(&entry);
    }
    ledger
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_plan_names_the_ledgers_keys_and_all_come_to_one_ceremony() {
    let ledger = ledger();
    let plan = |order: &[&str]| {
        Plan::make(
            ledger.state(),
            Epoch(2),
            1,
            Side::Supervisor,
            2,
            &names(order),
        )
        .expect("a plan")
    };
    let made = plan(&OTHERS);
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("plan.toml");
    std::fs::write(&path, made.to_text()).expect("written");
    let read = Plan::read(&path).expect("a plan");
    assert_eq!(read, made);
    let checked = read.check(ledger.state()).expect("the same keys");
    let other_order = plan(&["statistics", "bureau", "court"]);
    let other = other_order.check(ledger.state()).expect("the same keys");
    assert_eq!(checked.ceremony, other.ceremony);
    assert_eq!(checked.names.len(), 3);
    std::fs::write(&path, made.to_text().replace("key-generation/v1", "x")).expect("written");
    assert!(matches!(Plan::read(&path), Err(PlanFault::File { .. })));
}

#[test]
fn a_plan_that_the_ledger_does_not_bear_out_is_refused() {
    let mut ledger = ledger();
    let make = |ledger: &Federation, epoch, needed, side, list: &[&str]| {
        Plan::make(ledger.state(), Epoch(epoch), 1, side, needed, &names(list))
    };
    let refused = |fault: Result<Plan, PlanFault>| fault.expect_err("refused");
    let good = make(&ledger, 2, 2, Side::Supervisor, &OTHERS).expect("a plan");
    assert!(matches!(
        refused(make(&ledger, 1, 2, Side::Supervisor, &OTHERS)),
        PlanFault::EpochOpen(1)
    ));
    assert!(matches!(
        refused(make(&ledger, 2, 2, Side::Supervisor, &["bureau", "nobody"])),
        PlanFault::Unknown(name) if name == "nobody"
    ));
    assert!(matches!(
        refused(make(&ledger, 2, 2, Side::Supervisor, &["bureau", "witness"])),
        PlanFault::Role { name, side: Side::Supervisor } if name == "witness"
    ));
    assert!(matches!(
        refused(make(
            &ledger,
            2,
            2,
            Side::Supervisor,
            &["bureau", "court", "bureau"]
        )),
        PlanFault::Ceremony(CeremonyFault::Twice(_))
    ));
    assert!(matches!(
        refused(make(&ledger, 2, 1, Side::Supervisor, &OTHERS)),
        PlanFault::Ceremony(CeremonyFault::Threshold(_))
    ));
    assert!(matches!(
        refused(make(&ledger, 2, 1, Side::Supervisor, &["bureau"])),
        PlanFault::Ceremony(CeremonyFault::Sole)
    ));
    // What somebody altered on the way.
    let check = |plan: &Plan| plan.check(ledger.state()).expect_err("refused");
    let mut other = good.clone();
    other.origin = "other.test/merits".to_owned();
    assert!(matches!(check(&other), PlanFault::OtherLog { .. }));
    let mut other = good.clone();
    other.holder[1].party = other.holder[0].party.clone();
    assert!(matches!(check(&other), PlanFault::Differs(_)));
    let mut other = good.clone();
    other.holder[1].party = "xyz".to_owned();
    assert!(matches!(check(&other), PlanFault::Digits(_)));
    // Who is suspended meanwhile takes no part.
    let (court, _) = ledger.state().parties().by_name("court").expect("admitted");
    let suspended = Act::PartySuspended(StandingChange {
        party: *court,
        sequence: 1,
        basis: "lost its keys".to_owned(),
    });
    let suspension = ledger.supervisor.propose(suspended, ProposalTerms::AT_ONCE);
    ledger.submit(&suspension);
    assert!(matches!(
        good.check(ledger.state()).expect_err("refused"),
        PlanFault::Suspended(name) if name == "court"
    ));
    // Nor does who has ended, by whatever way: the board wants no share in its hands.
    let (bureau, _) = ledger
        .state()
        .parties()
        .by_name("bureau")
        .expect("admitted");
    let ended = Act::PartyEnded(StandingChange {
        party: *bureau,
        sequence: 1,
        basis: "sold its key".to_owned(),
    });
    let end = ledger.supervisor.propose(ended, ProposalTerms::AT_ONCE);
    ledger.submit(&end);
    let ended = |fault: PlanFault| matches!(fault, PlanFault::Ended(name) if name == "bureau");
    assert!(ended(good.check(ledger.state()).expect_err("refused")));
    let list = ["bureau", "statistics"];
    assert!(ended(refused(make(&ledger, 2, 2, Side::Supervisor, &list))));
}
