//! One test per invariant: it alone is broken, the mirror names it, and every constraint that
//! fails belongs to the section that keeps it. Where no witness exists at all, the witness program
//! says in which section.

use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use merits_circuits::{program::WitnessError, ticket::TicketViolation};
use merits_primitives::{
    Fr,
    calendar::Day,
    group::Step,
    identity::{Birth, IdentityLeaf, Secret},
    jubjub::Scalar,
    nullifier::{self, Nullifier},
    owner,
    poseidon::pos2,
};
use merits_verifier::statement::ticket as layout;

use crate::ticket::case::{self, Case, START, circuit, input, only, publics, violated};

/// Where the witness program stops.
fn stops_in(inputs: &[Fr]) -> String {
    match circuit().program.run(inputs).expect_err("no witness") {
        WitnessError::DoesNotFit { section, .. }
        | WitnessError::DivisionByZero { section }
        | WitnessError::Hint { section, .. } => section,
        other => panic!("{other}"),
    }
}

/// l as a field element.
fn order() -> Fr {
    Fr::from_bigint(Scalar::MODULUS).expect("l is below p")
}

#[test]
fn the_good_ticket_is_good() {
    for (size, index) in [(1, 0), (2, 0), (2, 1), (3, 2), (13, 3), (13, 12), (64, 63)] {
        let case = Case::new(size, index, 10 + index);
        assert_eq!(case.native(), Ok(()));
        assert_eq!(case.sections(), only(&[]));
    }
}

#[test]
fn person_1_no_secret_of_l_or_more() {
    let rng = &mut case::rng(1);
    let birth = Birth {
        from: Day(1),
        generation: 0,
    };
    // 5 + l has 251 bits as well and the same commitment, but another nullifier and pseudonym.
    let case = Case::of(Secret::from_scalar(Scalar::from(5u64)), birth, 4, 1, rng);
    let twin = Fr::from(5u64) + order();
    assert_eq!(
        Secret::from_scalar(Scalar::from_le_bytes_mod_order(
            &merits_primitives::field::to_bytes(&twin)
        ))
        .commitment(),
        case.witness.secret.commitment()
    );
    let mut inputs = case.inputs();
    let (scope, message) = (case.statement.scope, case.statement.message);
    let handle = owner::Handle(pos2(case.witness.scope_source.0, twin));
    let hash = merits_primitives::poseidon::hash;
    let key = owner::OwnerKey(hash(
        merits_primitives::tags::OWN,
        &[twin, scope.0, message.0],
    ));
    inputs[layout::NULLIFIER] = pos2(scope.0, twin);
    inputs[layout::BINDING] = owner::bind(&key, &handle).b.0;
    assert_ne!(inputs[layout::NULLIFIER], case.statement.nullifier.0);
    inputs[input("secret")] = twin;
    assert_eq!(stops_in(&inputs), "person/order");
    // l itself, whose multiple of B8 is the identity; and more bits than 251.
    inputs[input("secret")] = order();
    assert_eq!(stops_in(&inputs), "person/order");
    inputs[input("secret")] = -Fr::ONE;
    assert_eq!(stops_in(&inputs), "person/secret");
}

/// A prover who invents wires could give the bits of a number of l or more, with any digit of the
/// difference. Then no factor of the product is 0.
#[test]
fn person_1_no_digit_helps_a_secret_of_l_or_more() {
    const WIDTH: usize = 18;
    let rows = |section: &str| -> Vec<_> {
        let all = 0..circuit().r1cs.n_constraints();
        all.filter(|i| circuit().section_of(*i) == section)
            .map(|i| circuit().r1cs.constraint(i))
            .collect()
    };
    let wire = |terms: &[(u32, Fr)]| terms[0].0 as usize;
    let secret_bits: Vec<usize> = rows("person/secret")[..251]
        .iter()
        .map(|row| wire(row.a))
        .collect();
    // The digit's bits, then the product of 14 factors.
    let rows = rows("person/order");
    assert_eq!(rows.len(), WIDTH + 13);
    let (bits, products) = rows.split_at(WIDTH);
    let digit: Vec<usize> = bits.iter().map(|row| wire(row.a)).collect();
    let factors: Vec<_> = std::iter::once(products[0].a)
        .chain(products.iter().map(|row| row.b))
        .collect();
    // Each factor is a function of the secret less the digit.
    for factor in &factors {
        for (i, bit) in digit.iter().enumerate() {
            let term = factor.iter().find(|(wire, _)| *wire as usize == *bit);
            assert_eq!(term.map(|(_, c)| *c), Some(-Fr::from(1u64 << i)));
        }
    }
    // So a digit makes it 0 exactly if that something is a digit.
    let mut wires = Case::good().assignment();
    digit.iter().for_each(|bit| wires[*bit] = Fr::ZERO);
    let mut some_digit_helps = |secret: Fr| {
        let limbs = secret.into_bigint().0;
        for (i, bit) in secret_bits.iter().enumerate() {
            wires[*bit] = Fr::from(limbs[i / 64] >> (i % 64) & 1);
        }
        factors.iter().any(|factor| {
            let terms = factor.iter();
            let rest: Fr = terms.map(|(w, c)| wires[*w as usize] * c).sum();
            rest.into_bigint().num_bits() <= WIDTH as u32
        })
    };
    let most = (0..251).fold(Fr::ZERO, |sum, _| sum.double() + Fr::ONE);
    for refused in [order(), order() + Fr::ONE, order() + Fr::from(5u64), most] {
        assert!(!some_digit_helps(refused), "{refused}");
    }
    for taken in [order() - Fr::ONE, Fr::ONE, Fr::ZERO] {
        assert!(some_digit_helps(taken), "{taken}");
    }
}

#[test]
fn person_1_secret_zero_has_no_identity() {
    let rng = &mut case::rng(2);
    let birth = Birth {
        from: Day(1),
        generation: 0,
    };
    // Even if somebody registered Pos2(0, 1), the commitment of the identity point.
    let case = Case::of(Secret::from_scalar(Scalar::from(0u64)), birth, 4, 1, rng);
    assert_eq!(case.native(), Err(TicketViolation::Secret));
    assert_eq!(stops_in(&case.inputs()), "person/key");
}

#[test]
fn person_2_the_leaf_is_of_this_secret() {
    let mut case = Case::good();
    let other = Case::new(13, 3, 99);
    case.witness.secret = other.witness.secret.clone();
    case.restate();
    assert_eq!(case.native(), Err(TicketViolation::Member));
    assert_eq!(case.sections(), only(&["member/path"]));
}

#[test]
fn person_3_another_root() {
    let mut case = Case::good();
    case.statement.root.0 += Fr::ONE;
    assert_eq!(case.native(), Err(TicketViolation::Member));
    assert_eq!(case.sections(), only(&["member/path"]));
}

#[test]
fn person_3_another_persons_path() {
    let mut case = Case::good();
    case.witness.path = case.group.path(4).expect("a leaf");
    assert_eq!(case.native(), Err(TicketViolation::Member));
    assert_eq!(case.sections(), only(&["member/path"]));
}

#[test]
fn person_3_another_generation() {
    // An old ticket after a recovery: the secret's leaf is no longer in the tree.
    let mut case = Case::good();
    case.witness.birth.generation ^= 1;
    case.restate();
    assert_eq!(case.native(), Err(TicketViolation::Member));
    assert_eq!(case.sections(), only(&["member/path"]));
}

#[test]
fn person_3_an_earlier_first_day_is_another_leaf() {
    let mut case = Case::good();
    case.witness.birth.from.0 -= 1;
    assert_eq!(case.native(), Err(TicketViolation::Member));
    assert_eq!(case.sections(), only(&["member/path"]));
}

#[test]
fn person_3_a_retired_leaf() {
    let mut case = Case::good();
    case.group
        .update(case.index, IdentityLeaf::RETIRED)
        .expect("a leaf");
    case.statement.root = case.group.root().expect("people");
    case.witness.path = case.group.path(case.index).expect("a leaf");
    assert_eq!(case.native(), Err(TicketViolation::Member));
    assert_eq!(case.sections(), only(&["member/path"]));
}

#[test]
fn person_3_a_path_of_another_size() {
    // The path after more people came, under the root before, and the other way round.
    let before = Case::good();
    let mut after = before.clone();
    for _ in 0..20 {
        after
            .group
            .push(IdentityLeaf(Fr::from(7u64)))
            .expect("room");
    }
    after.witness.path = after.group.path(after.index).expect("a leaf");
    assert_eq!(after.native(), Err(TicketViolation::Member));
    assert_eq!(after.sections(), only(&["member/path"]));

    let mut late = before.clone();
    late.statement.root = after.group.root().expect("people");
    assert_eq!(late.native(), Err(TicketViolation::Member));
    assert_eq!(late.sections(), only(&["member/path"]));
}

/// This is not a false statement: when a group of 8 grows, its old root becomes an inner node, and a
/// longer path passes through it.
#[test]
fn person_3_a_path_may_go_on_above_the_root() {
    let mut case = Case::new(8, 5, 3);
    case.group.push(IdentityLeaf(Fr::from(7u64))).expect("room");
    case.witness.path = case.group.path(case.index).expect("a leaf");
    assert_eq!(case.witness.path.steps.len(), 4);
    assert_eq!(case.native(), Ok(()));
    assert_eq!(case.sections(), only(&[]));
}

#[test]
fn person_3_as_many_levels_as_a_full_group_and_no_more() {
    let sibling = Fr::from(9u64);
    for (hashes, expected) in [(32, Ok(())), (33, Err(TicketViolation::Member))] {
        let mut case = Case::new(1, 0, 4);
        let is_right = true;
        case.witness.path.steps = vec![Some(Step { sibling, is_right }); hashes];
        case.statement.root = case.witness.path.root(case.witness.leaf());
        assert_eq!(case.native(), expected);
        assert_eq!(case.circuit_accepts(), expected.is_ok());
    }
}

#[test]
fn person_3_each_level_holds_the_node_below() {
    // A level that starts again from two nodes of the real tree: the true chain from there to the
    // root, which does not contain the leaf.
    let case = Case::good();
    let mut stranger = case.clone();
    stranger.witness.secret = Case::new(1, 0, 77).witness.secret;
    stranger.restate();
    let (mut inputs, honest) = (stranger.inputs(), case.inputs());
    let path = input("path[0].left")..input("path[31].right") + 1;
    inputs[path.clone()].copy_from_slice(&honest[path]);
    let wires = circuit().program.run(&inputs).expect("a witness exists");
    assert_eq!(violated(&wires), only(&["member/path"]));
    // It is the lowest level's own constraint that fails, and nothing else.
    let failing = (0..circuit().r1cs.n_constraints()).filter(|i| !case::holds(*i, &wires));
    assert_eq!(failing.count(), 1);
}

#[test]
fn ticket_1_not_before_the_first_day_of_eligibility() {
    let rng = &mut case::rng(5);
    let birth = |from| Birth {
        from,
        generation: 1,
    };
    let secret = Secret::random(rng);
    let on_the_day = Case::of(secret.clone(), birth(Day(START)), 5, 2, rng);
    assert_eq!(on_the_day.native(), Ok(()));
    assert_eq!(on_the_day.sections(), only(&[]));
    for from in [START + 1, u32::MAX] {
        let (from, start) = (Day(from), Day(START));
        let early = Case::of(secret.clone(), birth(from), 5, 2, rng);
        let violation = TicketViolation::Eligibility { from, start };
        assert_eq!(early.native(), Err(violation));
        assert_eq!(stops_in(&early.inputs()), "birth");
    }
}

/// from − 2^32 in generation gen + 1 would be the same leaf and an earlier day.
#[test]
fn ticket_1_a_birth_has_one_reading() {
    let rng = &mut case::rng(6);
    let birth = Birth {
        from: Day(START + 1),
        generation: 1,
    };
    let early = Case::of(Secret::random(rng), birth, 5, 2, rng);
    let mut inputs = early.inputs();
    // Bit 0 of from takes the excess, so that from is START + 1 − 2^32, within 32 bits of START.
    let low = input("from[0]");
    inputs[low] -= Fr::from(1u64 << 32);
    inputs[input("gen[0]")] += Fr::ONE;
    let failed = violated(&circuit().program.run(&inputs).expect("a witness exists"));
    assert_eq!(failed, only(&["birth"]));
    // A generation of 2^8 or more likewise: each bit is one.
    let mut inputs = Case::good().inputs();
    inputs[input("gen[7]")] = Fr::from(2u64);
    let failed = violated(&circuit().program.run(&inputs).expect("a witness exists"));
    assert!(failed.contains("birth"), "{failed:?}");
}

#[test]
fn ticket_2_one_nullifier_a_person_and_scope() {
    let mut case = Case::good();
    case.statement.nullifier.0 += Fr::ONE;
    assert_eq!(case.native(), Err(TicketViolation::Nullifier));
    assert_eq!(case.sections(), only(&["nullifier"]));
    // Another person's nullifier in the scope.
    let other = Case::new(2, 1, 55).witness.secret;
    case.statement.nullifier = nullifier::claim_nullifier(&other, case.statement.scope);
    assert_eq!(case.native(), Err(TicketViolation::Nullifier));
    assert_eq!(case.sections(), only(&["nullifier"]));
    // The same nullifier and b in another scope: K has the scope in it too.
    let mut moved = Case::good();
    moved.statement.scope.0 += Fr::ONE;
    assert_eq!(moved.native(), Err(TicketViolation::Nullifier));
    assert_eq!(moved.sections(), only(&["nullifier", "binding"]));
}

#[test]
fn ticket_3_b_binds_person_scope_message_and_source() {
    let check = |case: &Case| {
        assert_eq!(case.native(), Err(TicketViolation::Binding));
        assert_eq!(case.sections(), only(&["binding"]));
    };
    let mut altered = Case::good();
    altered.statement.b.0 += Fr::ONE;
    check(&altered);
    // Another message under the same b: another distributor, other terms.
    let mut said = Case::good();
    said.statement.message.0 += Fr::ONE;
    check(&said);
    // Another source's records.
    let mut sourced = Case::good();
    sourced.witness.scope_source.0 += Fr::ONE;
    check(&sourced);
    // Another person's b, for the same scope, message and source.
    let mut paired = Case::good();
    let mut other = paired.witness.clone();
    other.secret = Case::new(2, 1, 55).witness.secret;
    let own = paired.statement;
    paired.statement.b = other
        .statement(own.root, own.scope, own.message, own.start)
        .b;
    check(&paired);
    // K of this person with the pseudonym of another: records of one, credits for the other.
    let key = paired.witness.owner_key(own.scope, own.message);
    paired.statement.b = owner::bind(&key, &other.handle()).b;
    check(&paired);
}

#[test]
fn ticket_4_every_public_input_is_in_a_constraint_and_at_its_place() {
    let r1cs = &circuit().r1cs;
    let mut used = vec![false; r1cs.n_wires as usize];
    for matrix in [&r1cs.a, &r1cs.b, &r1cs.c] {
        let terms = matrix.iter().flatten();
        terms.for_each(|(wire, _)| used[*wire as usize] = true);
    }
    let unused: Vec<usize> = (0..used.len()).filter(|wire| !used[*wire]).collect();
    assert_eq!(unused, [0usize; 0], "wires in no constraint");
    let labels = &circuit().public_labels;
    for (label, at) in [
        ("root", layout::ROOT),
        ("scope", layout::SCOPE),
        ("nullifier", layout::NULLIFIER),
        ("b", layout::BINDING),
        ("message", layout::MESSAGE),
        ("pstart", layout::START),
    ] {
        assert_eq!(labels[at], label);
    }
    assert_eq!(labels.len(), layout::INPUTS);
    let case = Case::good();
    assert_eq!(
        publics(&case.statement)[..],
        case.inputs()[..layout::INPUTS]
    );
    assert_eq!(case.inputs().len(), circuit().program.n_inputs());
}

/// A link has the source's scope as its scope, so its nullifier is the pseudonym at the source.
#[test]
fn the_nullifier_of_a_link_is_the_pseudonym() {
    let mut case = Case::good();
    case.statement.scope = case.witness.scope_source;
    case.restate();
    assert_eq!(case.statement.nullifier, Nullifier(case.witness.handle().0));
    assert_eq!(case.native(), Ok(()));
    assert_eq!(case.sections(), only(&[]));
}

#[test]
fn a_witness_shows_nothing() {
    assert_eq!(
        format!("{:?}", Case::good().witness),
        "TicketWitness { .. }"
    );
}
