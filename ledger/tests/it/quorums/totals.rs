//! Opened totals by partials of t holders a side.

use merits_ledger::entry::{TotalPartials, TotalsOpened};
use merits_primitives::ids::Output;
use merits_primitives::sum::Sum;
use merits_threshold::quorum::Partial;
use merits_verifier::possession::TotalsKey;

use super::*;

/// A ledger whose epoch 2 is active, with batches of 4 and 3 claims under it, each claim worth 100.
fn two_batches() -> (Quorums, [Quorum; 2], TotalsKey) {
    let mut quorums = Quorums::new();
    let halves = quorums.opened();
    quorums.ledger.time += HOUR;
    let second = quorums.federation.with_quorums(&halves[0], &halves[1]);
    for claims in [4, 3] {
        let batch = quorums.batch(&second, EPOCH, claims);
        quorums.ledger.submit(&batch).expect("accepted");
    }
    let key = TotalsKey {
        epoch: EPOCH,
        ..quorums.federation.totals_key(Output::Credits)
    };
    let cut = quorums.federation.cut_key(key, 0);
    quorums.ledger.supervise(&cut).expect("cut");
    (quorums, halves, key)
}

fn total(quorums: &mut Quorums, halves: &[Quorum; 2], key: TotalsKey) -> TotalsOpened {
    let [supervisor, witness] = halves;
    let state = quorums.ledger.ledger.state();
    let rng = &mut quorums.ledger.rng;
    let all = (0, Sum(700));
    quorums
        .federation
        .open_by_quorums(state, key, all, [supervisor, witness], rng)
}

impl Quorums {
    fn refused_total(&mut self, total: TotalsOpened, code: &str, field: &str) {
        let supervisor = self.federation.supervisor.clone();
        self.refused(&supervisor, &Entry::TotalsOpened(total), code, field);
    }

    /// Partials of these holders for the total's cut.
    fn partials_of(
        &mut self,
        quorum: &Quorum,
        total: &TotalsOpened,
        places: &[usize],
    ) -> Vec<Partial> {
        let interval = self.state().totals().interval(&total.key, total.number);
        let interval = interval.expect("rows in memory").expect("batches");
        let (t1, cut) = (interval.t1.expect("hidden"), interval.cut.expect("cut"));
        let rng = &mut self.ledger.rng;
        quorum.partials(&self.federation, &total.key, cut, &t1, places, rng)
    }
}

fn with(total: &TotalsOpened, change: impl FnOnce(&mut TotalPartials)) -> TotalsOpened {
    let mut altered = total.clone();
    change(altered.partials.as_mut().expect("hidden"));
    altered
}

#[test]
fn three_of_five_a_side_open_a_total_whoever_they_are() {
    let (mut quorums, halves, key) = two_batches();
    let good = total(&mut quorums, &halves, key);
    let last = [4, 0, 2];
    let supervisor = quorums.partials_of(&halves[0], &good, &last);
    let witness = quorums.partials_of(&halves[1], &good, &[1, 3, 4]);
    let others = with(&good, |partials| {
        (partials.supervisor, partials.witness) = (supervisor, witness);
    });
    assert_ne!(good, others);
    quorums
        .ledger
        .supervise(&Entry::TotalsOpened(others))
        .expect("opened");
    let opened = quorums
        .state()
        .totals()
        .opened(&key)
        .expect("rows in memory");
    assert_eq!(
        (opened.len(), opened[0].sum, opened[0].claims),
        (1, Sum(700), 7)
    );
}

#[test]
fn each_fault_of_the_partials_has_its_refusal() {
    let (mut quorums, halves, key) = two_batches();
    let good = total(&mut quorums, &halves, key);
    // Fewer and more than the threshold.
    let two = with(&good, |partials| {
        partials.supervisor.pop();
    });
    quorums.refused_total(two, "partial-count", "supervisor");
    let four = quorums.partials_of(&halves[1], &good, &[0, 1, 2, 3]);
    let four = with(&good, |partials| partials.witness = four);
    quorums.refused_total(four, "partial-count", "witness");
    let none = with(&good, |partials| partials.witness.clear());
    quorums.refused_total(none, "partial-count", "witness");
    // One holder three times is one holder.
    let twice = with(&good, |partials| {
        partials.supervisor[2] = partials.supervisor[0]
    });
    quorums.refused_total(twice, "partial-twice", "supervisor");
    // A stranger, and a holder of the other side.
    let stranger = quorums.federation.source.id;
    let foreign = with(&good, |partials| partials.supervisor[1].holder = stranger);
    quorums.refused_total(foreign, "partial-foreign", "supervisor");
    let crossed = with(&good, |partials| {
        std::mem::swap(&mut partials.supervisor, &mut partials.witness);
    });
    quorums.refused_total(crossed, "partial-foreign", "supervisor");
    // One holder's answer in another's name.
    let renamed = with(&good, |partials| {
        partials.witness[0].holder = halves[1].members[4].id;
    });
    quorums.refused_total(renamed, "partial-invalid", "witness");
    let bare = TotalsOpened {
        partials: None,
        ..good.clone()
    };
    quorums.refused_total(bare, "partials-missing", "partials");
    let wrong = TotalsOpened {
        sum: Sum(701),
        ..good.clone()
    };
    quorums.refused_total(wrong, "sum-wrong", "sum");
    quorums
        .ledger
        .supervise(&Entry::TotalsOpened(good))
        .expect("unchanged");
}

#[test]
fn a_wrong_partial_names_its_holder() {
    let (mut quorums, halves, key) = two_batches();
    let good = total(&mut quorums, &halves, key);
    let liar = halves[1].members[1].id;
    let lying = with(&good, |partials| {
        partials.witness[1].image = partials.witness[0].image
    });
    let entry = Entry::TotalsOpened(lying);
    let refusal = quorums.ledger.supervise(&entry).expect_err("refused");
    assert_eq!(refusal.code().as_str(), "partial-invalid");
    assert!(refusal.to_string().contains(&liar.to_string()), "{refusal}");
}

/// The context of a partial names the cut, so it opens nothing else.
#[test]
fn a_partial_is_useless_for_another_cut_or_epoch() {
    let (mut quorums, halves, key) = two_batches();
    let good = total(&mut quorums, &halves, key);
    let second = quorums.federation.with_quorums(&halves[0], &halves[1]);
    let batch = quorums.batch(&second, EPOCH, 4);
    quorums.ledger.submit(&batch).expect("accepted");
    let cut = quorums.federation.cut_key(key, 1);
    quorums.ledger.supervise(&cut).expect("cut");
    let other = {
        let [supervisor, witness] = &halves;
        let state = quorums.ledger.ledger.state();
        let rng = &mut quorums.ledger.rng;
        let next = (1, Sum(400));
        quorums
            .federation
            .open_by_quorums(state, key, next, [supervisor, witness], rng)
    };
    let moved = with(&good, |partials| {
        partials.witness = other.partials.clone().expect("hidden").witness;
    });
    quorums.refused_total(moved, "partial-invalid", "witness");
    // Shares of another attempt at the same half, by the same holders.
    let again = quorums.made(Epoch(3), Side::Witness);
    let others = quorums.partials_of(&again, &good, &[0, 1, 2]);
    let strange = with(&good, |partials| partials.witness = others);
    quorums.refused_total(strange, "partial-invalid", "witness");
}
