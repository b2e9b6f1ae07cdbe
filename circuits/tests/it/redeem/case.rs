//! Redemptions that satisfy the statement, to start from.

use std::{collections::BTreeSet, sync::OnceLock};

use ark_ff::AdditiveGroup;
use merits_circuits::{
    builder::Circuit,
    redeem::{NoteWitness, RedeemCircuit, RedeemTerms, RedeemViolation, RedeemWitness, check},
};
use merits_params::r1cs::Term;
use merits_primitives::{
    Fr,
    calendar::Day,
    context::Context,
    field,
    group::Group,
    identity::{self, Birth, Secret},
    ids::{AssetId, Credits, Expiry},
    jubjub::{Point, Scalar},
    note::{self, NoteCommitment},
    note_tree,
    nullifier::SpendNullifier,
    owner::KeyParts,
    poseidon,
    scope::RateScope,
    tags,
    view_encryption::{self, Exponent},
};
use merits_verifier::statement::redeem::{self as layout, RedeemStatement};
use rand::{RngExt, SeedableRng, rngs::StdRng};

pub(crate) const ASSET: AssetId = AssetId(7);
pub(crate) const EXPIRY: Expiry = Expiry(2027);
pub(crate) const BIRTH: Birth = Birth {
    from: Day(20_000),
    generation: 1,
};

pub(crate) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

pub(crate) fn key(secret: u64) -> Point {
    Point::mul_base(&Scalar::from(secret)).expect("not zero")
}

/// The circuit, built once.
pub(crate) fn circuit() -> &'static Circuit {
    static CIRCUIT: OnceLock<RedeemCircuit> = OnceLock::new();
    CIRCUIT.get_or_init(RedeemCircuit::build).circuit()
}

/// A ledger's two trees, and one person who is in them.
pub(crate) struct World {
    pub(crate) rng: StdRng,
    pub(crate) secret: Secret,
    pub(crate) group: Group,
    /// Where the person's leaf is.
    pub(crate) place: u64,
    /// The note tree's leaves.
    pub(crate) notes: Vec<NoteCommitment>,
}

/// A note that somebody has.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    pub(crate) value: u64,
    pub(crate) made_of: KeyParts,
    /// Its place in the note tree.
    pub(crate) index: u64,
}

impl World {
    /// The person among this many others, and a few notes that belong to nobody here.
    pub(crate) fn new(seed: u64, others: u64) -> Self {
        let mut rng = rng(seed);
        let secret = Secret::random(&mut rng);
        Self::of(secret, rng, others)
    }

    pub(crate) fn of(secret: Secret, mut rng: StdRng, others: u64) -> Self {
        let place = rng.random_range(0..=others);
        let identity = secret.commitment().expect("not zero");
        let mut group = Group::new();
        for at in 0..=others {
            let leaf = if at == place {
                identity::leaf(identity, BIRTH)
            } else {
                field::random(&mut rng)
            };
            group.push(leaf).expect("room");
        }
        let notes = (0..rng.random_range(0..9))
            .map(|_| field::random(&mut rng))
            .collect();
        Self {
            rng,
            secret,
            group,
            place,
            notes,
        }
    }

    /// Appends a note of the person's.
    pub(crate) fn earn(&mut self, value: u64) -> Held {
        let secret = self.secret.clone();
        self.give(value, &secret, EXPIRY, ASSET)
    }

    /// Appends a note of some other person.
    pub(crate) fn give(
        &mut self,
        value: u64,
        secret: &Secret,
        expiry: Expiry,
        asset: AssetId,
    ) -> Held {
        let made_of = KeyParts::Earned {
            scope: field::random(&mut self.rng),
            message: field::random(&mut self.rng),
        };
        let key = made_of.owner_key(secret);
        let note = note::note_commitment(Credits(value), expiry, asset, &key);
        let index = self.notes.len() as u64;
        self.notes.push(note);
        Held {
            value,
            made_of,
            index,
        }
    }

    /// The witness of a note under the present root.
    pub(crate) fn note(&self, held: Held) -> NoteWitness {
        let roots = [note_tree::bucket_root(&self.notes)];
        NoteWitness {
            value: Credits(held.value),
            made_of: held.made_of,
            path: note_tree::path(held.index, &self.notes, &roots).expect("it is in the tree"),
        }
    }

    pub(crate) fn dummy(&mut self) -> NoteWitness {
        NoteWitness::dummy(&mut self.rng)
    }

    /// Against the present roots: amount 450, floor 100, 5 a day.
    pub(crate) fn terms(&self) -> RedeemTerms {
        RedeemTerms {
            note_root: note_tree::root_of_buckets(&[note_tree::bucket_root(&self.notes)]),
            group_root: self.group.root().expect("somebody"),
            asset: ASSET,
            expiry: EXPIRY,
            amount: Credits(450),
            floor: Credits(100),
            context: Context(Fr::from(99u64)),
            rate_scope: RateScope(Fr::from(1234u64)),
            rate_limit: 5,
            view_key: key(0x00c0_ffee_1234_5678),
        }
    }

    /// The person spends two notes, as the third redemption of the day.
    pub(crate) fn witness(&mut self, notes: [NoteWitness; 2]) -> RedeemWitness {
        RedeemWitness {
            secret: self.secret.clone(),
            birth: BIRTH,
            group_path: self.group.path(self.place).expect("in the group"),
            notes,
            index: 2,
            exponent: Exponent::from_bytes(&self.rng.random()),
        }
    }

    /// A redemption under these terms.
    pub(crate) fn case(&mut self, notes: [NoteWitness; 2], terms: &RedeemTerms) -> Case {
        let witness = self.witness(notes);
        let statement = witness.statement(terms).expect("enough");
        Case { witness, statement }
    }
}

/// A redemption with its statement.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) witness: RedeemWitness,
    pub(crate) statement: RedeemStatement,
}

impl Case {
    /// Two notes of 700 and 300, or one of 1000 and a dummy.
    pub(crate) fn good(seed: u64, dummy: bool) -> Self {
        let mut world = World::new(seed, 6);
        let first = world.earn(if dummy { 1000 } else { 700 });
        world.notes.push(NoteCommitment(Fr::from(5u64)));
        let second = world.earn(300);
        let second = if dummy {
            world.dummy()
        } else {
            world.note(second)
        };
        let notes = [world.note(first), second];
        let terms = world.terms();
        world.case(notes, &terms)
    }

    pub(crate) fn native(&self) -> Result<(), RedeemViolation> {
        check(&self.statement, &self.witness)
    }

    /// All inputs of the witness program.
    pub(crate) fn inputs(&self) -> Vec<Fr> {
        self.witness.inputs(&self.statement).to_vec()
    }

    /// All wires.
    pub(crate) fn assignment(&self) -> Vec<Fr> {
        circuit()
            .program
            .run(&self.inputs())
            .expect("a witness exists")
    }

    /// The circuit's verdict.
    pub(crate) fn circuit_accepts(&self) -> bool {
        let wires = circuit().program.run(&self.inputs());
        wires.is_ok_and(|wires| circuit().check(&wires).is_ok())
    }

    /// Sections that fail for the unchanged case.
    pub(crate) fn sections(&self) -> BTreeSet<String> {
        sections_of(&self.inputs())
    }

    /// The section in which the witness program finds no value.
    pub(crate) fn refusal(&self) -> String {
        let refused = circuit().program.run(&self.inputs());
        refused.expect_err("no witness").to_string()
    }
}

/// Sections that fail for these inputs of the witness program.
pub(crate) fn sections_of(inputs: &[Fr]) -> BTreeSet<String> {
    violated(&circuit().program.run(inputs).expect("a witness exists"))
}

pub(crate) fn only(sections: &[&str]) -> BTreeSet<String> {
    sections
        .iter()
        .map(|section| (*section).to_owned())
        .collect()
}

/// Position of a private input, by its label, among the inputs of the witness program.
pub(crate) fn input(label: &str) -> usize {
    let found = circuit()
        .input_labels
        .iter()
        .position(|(other, _)| other == label);
    circuit().public_labels.len() + found.unwrap_or_else(|| panic!("no input {label}"))
}

/// The private inputs of a note's path: the children of every node on it.
pub(crate) fn path_inputs(note: &NoteWitness, leaf: Fr) -> Vec<Fr> {
    let mut below = leaf;
    let mut inputs = Vec::new();
    for (level, siblings) in note.path.siblings.iter().enumerate() {
        let mut children = siblings.to_vec();
        children.insert(note.path.place(level), below);
        below = poseidon::hash(tags::NODE, &children);
        inputs.extend(children);
    }
    inputs
}

pub(crate) fn evaluate(terms: &[Term], wires: &[Fr]) -> Fr {
    terms
        .iter()
        .fold(Fr::ZERO, |sum, (wire, c)| sum + *c * wires[*wire as usize])
}

/// Whether constraint `i` holds.
pub(crate) fn holds(i: usize, wires: &[Fr]) -> bool {
    let row = circuit().r1cs.constraint(i);
    evaluate(row.a, wires) * evaluate(row.b, wires) == evaluate(row.c, wires)
}

/// Sections of all constraints that do not hold, not of the first only.
pub(crate) fn violated(wires: &[Fr]) -> BTreeSet<String> {
    (0..circuit().r1cs.n_constraints())
        .filter(|i| !holds(*i, wires))
        .map(|i| circuit().section_of(i))
        .collect()
}

/// Inputs that ignore the limits of the types: this redemption with any number as the secret, notes
/// of any value below 2^65, and any change. All public values are computed from these, including
/// the note root.
pub(crate) fn forged(case: &Case, secret: Fr, values: [u128; 2], change: u64) -> Vec<Fr> {
    let (witness, statement) = (&case.witness, &case.statement);
    let packed = |value: Fr| {
        let expiry = Fr::from(EXPIRY.0) * Fr::from(1u128 << 64);
        value + expiry + Fr::from(ASSET.0) * Fr::from(1u128 << 96)
    };
    let note = |value: Fr, f1: Fr, f2: Fr| {
        let key = poseidon::hash(tags::OWN, &[secret, f1, f2]);
        poseidon::hash(tags::NOTE, &[packed(value), key])
    };
    let mut inputs = case.inputs();
    inputs[input("secret")] = secret;
    let mut nullifiers = [Fr::ZERO; 2];
    for (number, (spent, value)) in witness.notes.iter().zip(values).enumerate() {
        let first = input(&format!("note[{number}].v[0]"));
        for i in 0..64 {
            inputs[first + i] = Fr::from((value >> i) as u64 & 1);
        }
        // The excess over 64 bits goes into the highest bit: it is then not a bit, but the sum is right.
        inputs[first + 63] += Fr::from(((value >> 64) as u64) << 1);
        let [f1, f2] = spent.made_of.elements();
        let note = note(Fr::from(value), f1, f2);
        let first = input(&format!("note[{number}].path[0].child[0]"));
        let path = path_inputs(spent, note);
        inputs[first..first + path.len()].copy_from_slice(&path);
        nullifiers[number] = poseidon::hash(tags::NF, &[secret, note]);
        inputs[layout::SN1 + number] = nullifiers[number];
        if number == 0 {
            inputs[layout::NOTE_ROOT] = spent.path.root(NoteCommitment(note)).0;
        }
    }
    inputs[layout::NOTE_OUT] = note(Fr::from(change), nullifiers[0], Fr::ZERO);
    let index = Fr::from(witness.index);
    inputs[layout::RATE_NULLIFIER] =
        poseidon::hash(tags::RATE, &[secret, statement.rate_scope.0, index]);
    let identity = witness.secret.commitment().expect("not zero");
    let sn1 = SpendNullifier(nullifiers[0]);
    let sealed = view_encryption::seal_identity(&witness.exponent, &statement.a, sn1, identity);
    inputs[layout::SEALED_IDENTITY] = sealed.c_id.0;
    inputs
}
