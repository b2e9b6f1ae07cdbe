//! The private side of a ticket, the public side computed from it, and both laid out for the
//! witness program.

use merits_primitives::{
    Fr,
    calendar::Day,
    group::{GroupPath, GroupRoot},
    identity::{self, Birth, IdentityCommitment, IdentityLeaf, Secret},
    message::Message,
    nullifier,
    owner::{self, Handle, OwnerKey},
    poseidon::pos2,
    scope::Scope,
};
use merits_verifier::{Statement, statement::ticket::TicketStatement};
use zeroize::Zeroizing;

use super::circuit::{DAY_BITS, GENERATION_BITS};
use crate::{
    builder::MAX_BITS,
    element,
    person::{path_inputs, secret_inputs},
};

/// The wallet's private data. Only the person's secret is secret by itself, and it wipes itself.
/// The rest is on the ledger, but it reveals the owner of the ticket.
#[derive(Clone)]
pub struct TicketWitness {
    /// The person's secret.
    pub secret: Secret,
    /// The first day on which the person's leaf is eligible, and its generation.
    pub birth: Birth,
    /// The leaf's path under the root that the statement names.
    pub path: GroupPath,
    /// Scope of the source whose records the ticket is about.
    pub scope_source: Scope,
}

impl std::fmt::Debug for TicketWitness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TicketWitness").finish_non_exhaustive()
    }
}

impl TicketWitness {
    /// The person's leaf. No identity has the zero secret. For it the key is the identity (0, 1), as
    /// in the circuit, which then refuses it.
    #[must_use]
    pub fn leaf(&self) -> IdentityLeaf {
        let commitment = self.secret.commitment();
        let commitment = commitment.unwrap_or_else(|| {
            let of_nobody = pos2(Fr::from(0u64), Fr::from(1u64));
            IdentityCommitment(of_nobody)
        });
        identity::leaf(commitment, self.birth)
    }

    /// K: sent to the distributor, sealed, beside the ticket.
    #[must_use]
    pub fn owner_key(&self, scope: Scope, message: Message) -> OwnerKey {
        owner::earned_key(&self.secret, scope, message)
    }

    /// h: sent to the distributor in the same way.
    #[must_use]
    pub fn handle(&self) -> Handle {
        owner::handle(&self.secret, self.scope_source)
    }

    /// The public side, for a root of the group that the path leads to, a scope, a message, and the
    /// first day of the scope's period.
    #[must_use]
    pub fn statement(
        &self,
        root: GroupRoot,
        scope: Scope,
        message: Message,
        start: Day,
    ) -> TicketStatement {
        TicketStatement {
            root,
            scope,
            nullifier: nullifier::claim_nullifier(&self.secret, scope),
            b: owner::bind(&self.owner_key(scope, message), &self.handle()).b,
            message,
            start,
        }
    }

    /// All inputs of the witness program: the statement's, then the private ones. Wiped on drop.
    /// It does not check whether they satisfy the constraints.
    #[must_use]
    pub fn inputs(&self, statement: &TicketStatement) -> Zeroizing<Vec<Fr>> {
        self.inputs_of(&statement.public_inputs())
    }

    /// [`TicketWitness::inputs`] for any public inputs, also for those that no statement has.
    #[must_use]
    pub fn inputs_of(&self, publics: &[Fr]) -> Zeroizing<Vec<Fr>> {
        // Large enough for all inputs, so that the vector never moves and leaves no copy behind.
        let mut inputs = Zeroizing::new(Vec::with_capacity(publics.len() + MAX_BITS));
        inputs.extend_from_slice(publics);
        secret_inputs(&self.secret, &mut inputs);
        inputs.extend((0..DAY_BITS).map(|i| element::of_bit(self.birth.from.0 >> i & 1 == 1)));
        inputs.extend(
            (0..GENERATION_BITS).map(|i| element::of_bit(self.birth.generation >> i & 1 == 1)),
        );
        path_inputs(self.leaf(), &self.path, &mut inputs);
        inputs.push(self.scope_source.0);
        inputs
    }
}
