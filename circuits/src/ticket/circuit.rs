//! The statement's constraints.

use merits_primitives::{Fr, tags};
use merits_verifier::statement::ticket as layout;

use crate::{
    builder::{Builder, Circuit, Lc},
    gadgets::{bits, poseidon},
    person,
    program::WitnessError,
};

/// Bits of a day, and of the distance between two.
pub(super) const DAY_BITS: usize = 32;
/// Bits of a generation.
pub(super) const GENERATION_BITS: usize = 8;

/// The circuit: there is one, for all scales, parties and messages.
#[derive(Clone, Debug)]
pub struct TicketCircuit {
    circuit: Circuit,
}

impl TicketCircuit {
    /// Builds the constraints and the witness program: once, never for a proof.
    #[must_use]
    pub fn build() -> Self {
        Self {
            circuit: synthesise(Builder::new()).finish(),
        }
    }

    /// Builds the circuit again while computing every wire on the way from the inputs of its
    /// witness program, without that program: the assignment must be the same. For tests.
    ///
    /// # Errors
    /// [`WitnessError`] where no value exists.
    pub fn traced(inputs: Vec<Fr>) -> Result<(Circuit, Vec<Fr>), WitnessError> {
        synthesise(Builder::tracing(inputs)).finish_traced()
    }

    /// Constraints and witness program.
    #[must_use]
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }
}

/// The order of private inputs here is the order of `TicketWitness::inputs`.
fn synthesise(mut b: Builder) -> Builder {
    let labels = ["root", "scope", "nullifier", "b", "message", "pstart"];
    // Both lists are ours; a test compares them input by input.
    debug_assert_eq!(labels.len(), layout::INPUTS);
    let publics = labels.map(|label| b.public(label));
    let [root, scope, message] =
        [layout::ROOT, layout::SCOPE, layout::MESSAGE].map(|at| publics[at].clone());

    let person = person::person(&mut b);
    let birth = b.section("birth", |b| birth(b, &publics[layout::START]));
    person::member(&mut b, &person.commitment, &birth, &root);
    // TICKET-2: nullifier = Pos2(scope, secret).
    b.section("nullifier", |b| {
        let inputs = [scope.clone(), person.secret.clone()];
        let nullifier = poseidon::hash(b, tags::PLAIN, &inputs);
        b.assert_equal(&nullifier, &publics[layout::NULLIFIER]);
    });
    // TICKET-3: K = P(OWN; secret, scope, message), h = Pos2(scope_source, secret),
    // b = P(BIND; K, h)[0].
    b.section("binding", |b| {
        let key = b.section("owner key", |b| {
            poseidon::hash(b, tags::OWN, &[person.secret.clone(), scope, message])
        });
        let handle = b.section("handle", |b| {
            let source = b.input("scope_source");
            poseidon::hash(b, tags::PLAIN, &[source, person.secret])
        });
        let binding = poseidon::hash(b, tags::BIND, &[key, handle]);
        b.assert_equal(&binding, &publics[layout::BINDING]);
    });
    b
}

/// TICKET-1: from + 2^32·gen with from < 2^32, gen < 2^8 and from ≤ `start`.
///
/// `start` is below 2^32, so start − from is in (−2^32, 2^32), and its 32 bits say that it is not
/// negative. The bounds give a leaf's birth only one reading: without them a person could present
/// the day `from` as from − 2^32 in generation gen + 1.
fn birth(b: &mut Builder, start: &Lc) -> Lc {
    let from = bits::input_bits(b, "from", DAY_BITS);
    let generation = bits::input_bits(b, "gen", GENERATION_BITS);
    let from = Lc::from_bits(&from);
    b.bits(&(start - &from), DAY_BITS);
    from + Lc::from_bits(&generation) * Fr::from(1u64 << DAY_BITS)
}
