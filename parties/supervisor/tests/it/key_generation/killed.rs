//! Every holder is killed after every single step.

use std::panic::{AssertUnwindSafe, catch_unwind};

use merits_primitives::{
    dleq::Context,
    jubjub::{Point, random_scalar},
};
use merits_supervisor::dkg::{
    board::Board,
    run::{Progress, Report, Step, status},
    vault::Vault,
};
use merits_threshold::{
    message::{Body, Message, Round, Slot},
    quorum::Partial,
    standing::{Standing, standing},
};
use merits_verifier::codec::Canonical as _;

use super::table::{PASSPHRASE, Table, contents};

/// One turn that is killed after its first step, and after that step alone; again until no step is left.
/// Returns the report and the steps.
fn killed_at_every_step(table: &Table, place: usize) -> (Report, Vec<Step>) {
    let mut steps = Vec::new();
    loop {
        let mut seen = None;
        let published = contents(&table.board());
        let turn = catch_unwind(AssertUnwindSafe(|| {
            table.turn(place, &mut |step| {
                seen = Some(step);
                panic!("killed after {step:?}, as planned");
            })
        }));
        // What was published stays as it is.
        let now = contents(&table.board());
        for (path, bytes) in &published {
            assert_eq!(now.get(path), Some(bytes), "{}", path.display());
        }
        match (turn, seen) {
            (Ok(report), None) => return (report.expect("a turn"), steps),
            (Err(_), Some(step)) => steps.push(step),
            other => panic!("neither killed nor at an end: {other:?}"),
        }
    }
}

#[test]
fn whoever_is_killed_at_any_step_goes_on_from_there() {
    let table = Table::new(2, 3);
    let mut steps = vec![Vec::new(); 3];
    let mut done = 0;
    for _ in 0..20 {
        done = 0;
        for (place, steps) in steps.iter_mut().enumerate() {
            let (report, more) = killed_at_every_step(&table, place);
            steps.extend(more);
            done += usize::from(matches!(report.progress, Progress::Done { .. }));
        }
        if done == 3 {
            break;
        }
    }
    assert_eq!(done, 3);
    for steps in &steps {
        let count = |wanted: fn(&Step) -> bool| steps.iter().filter(|step| wanted(step)).count();
        // Hash, package, shares and verdict; each once.
        assert_eq!(
            count(|step| matches!(step, Step::Published(_))),
            4,
            "{steps:?}"
        );
        assert_eq!(
            count(|step| matches!(step, Step::ShareWritten)),
            1,
            "{steps:?}"
        );
        let ending = [Step::SetAside, Step::EndStored, Step::Erased];
        let ended = steps.iter().filter(|step| ending.contains(step));
        assert!(ended.eq(&ending), "{steps:?}");
        assert!(count(|step| matches!(step, Step::Stored)) >= 4, "{steps:?}");
    }

    // The folder alone says the same to anybody, and the shares open together.
    let seen = status(&table.plan, &table.board()).expect("readable");
    assert!(matches!(seen.progress, Progress::Done { .. }));
    let ceremony = &table.plan.ceremony;
    let (messages, ignored) = merits_supervisor::dkg::board::Board::new(
        &table.board(),
        ceremony,
        &table.plan.signing_keys,
    )
    .read()
    .expect("readable");
    assert_eq!(ignored, []);
    let Standing::Done(outcome) = standing(ceremony, &messages) else {
        panic!("done");
    };
    let rng = &mut rand::rng();
    let ephemeral = random_scalar(rng);
    let base = Point::mul_base(&ephemeral).expect("not zero");
    let context = Context::new("test", &[]);
    let partials: Vec<Partial> = [2, 0]
        .map(|place| table.share(place).claim().partial(&base, &context, rng))
        .to_vec();
    let opened = outcome.claim.combine(&base, &partials, |_| context);
    let expected = outcome.claim.key().mul(&ephemeral).expect("not zero");
    assert_eq!(opened.expect("two of three").image, expected);
    let few = outcome.claim.combine(&base, &partials[..1], |_| context);
    assert!(few.is_err());
    for place in 0..3 {
        let share = table.share(place);
        assert_eq!(share.keys(), [outcome.claim.key(), outcome.total.key()]);
        assert!(share.claim().belongs_to(&outcome.claim));
        assert!(share.total().belongs_to(&outcome.total));
        assert_eq!(share.holder(), table.parties[place].0);
    }
    // Again: nothing happens.
    let before = contents(&table.board());
    let (_, more) = killed_at_every_step(&table, 0);
    assert_eq!(more, []);
    assert_eq!(contents(&table.board()), before);
}

/// An attempt that failed leaves no secret, wherever its holder is killed, and says why it failed.
#[test]
fn the_secrets_of_a_failed_attempt_are_gone_whenever_it_is_killed() {
    let table = Table::new(2, 2);
    let (liar, key) = &table.parties[1];
    let ceremony = &table.plan.ceremony;
    let folder = table.board();
    let board = Board::new(&folder, ceremony, &table.plan.signing_keys);
    let publish = |round, bytes: &[u8]| {
        let slot = Slot {
            round,
            party: *liar,
        };
        board.publish(slot, bytes, key).expect("published");
    };
    let hash = Message {
        ceremony: ceremony.digest(),
        body: Body::Hash([1; 32]),
    };
    publish(Round::Hash, &hash.to_bytes());
    killed_at_every_step(&table, 0);
    // A package that is not of its hash.
    let (messages, _) = board.read().expect("readable");
    let of_the_other = Slot {
        round: Round::Package,
        party: table.parties[0].0,
    };
    publish(Round::Package, &messages[&of_the_other]);
    let (report, steps) = killed_at_every_step(&table, 0);
    let is_failed = |report: &Report| match &report.progress {
        Progress::Failed { guilty } => guilty.iter().all(|it| it.name == "holder-1"),
        _ => false,
    };
    assert!(is_failed(&report), "{report:?}");
    let ending = [Step::SetAside, Step::EndStored, Step::Erased];
    assert!(steps.ends_with(&ending), "{steps:?}");
    let state = table.file(0, "state.json");
    let (_, ended) = Vault::open(&state, PASSPHRASE).expect("it says how it ended");
    assert!(ended.has_ended());
    assert!(!table.file(0, "state.json.destroyed").exists());
    // Neither is a state made again where it is removed.
    std::fs::remove_file(&state).expect("removed");
    let (report, steps) = killed_at_every_step(&table, 0);
    assert!(is_failed(&report) && steps.is_empty(), "{report:?}");
    assert!(!state.exists());
}
