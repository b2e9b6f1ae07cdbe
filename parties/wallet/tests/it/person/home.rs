//! A person's wallet beside the fixture's ledger.

use merits_circuits::{
    redeem::{self, RedeemWitness},
    ticket::{self, TicketWitness},
};
use merits_ledger::{Entry, Role, entry::PartyAdmitted};
use merits_ledger_fixture::{Citizen, Member, Stage, acts};
use merits_primitives::ids::{Origin, Period};
use merits_sealing::SealingKey;
use merits_trapdoor::TrapdoorKey;
use merits_verifier::{
    Statement as _,
    codec::Canonical as _,
    entry::Leaf,
    groth16::Proof,
    statement::{redeem::RedeemStatement, ticket::TicketStatement},
};
use merits_wallet::{
    consent::Asked,
    keys::WalletKeys,
    prover::{PersonProving, ProvingError},
    view::{View, scan_leaves},
};
use rand::{SeedableRng as _, rngs::StdRng};
use zeroize::Zeroizing;

/// The seed of this wallet's person.
pub(crate) const SEED: [u8; 32] = [7; 32];

pub(crate) type Town = Stage<StdRng>;

/// A founded ledger, and the person, who is not registered yet.
pub(crate) fn town() -> (Town, Citizen) {
    let town = Stage::new(StdRng::seed_from_u64(11)).unwrap();
    (town, Citizen::from_seed(SEED))
}

/// The keys under a seed on the town's ledger.
pub(crate) fn keys(town: &Town, seed: [u8; 32]) -> WalletKeys {
    keys_on(town.federation.origin.clone(), seed)
}

pub(crate) fn keys_on(origin: Origin, seed: [u8; 32]) -> WalletKeys {
    WalletKeys::new(Zeroizing::new(seed), origin)
}

/// All leaves of the town's log, as bytes.
pub(crate) fn leaf_bytes(town: &Town) -> Vec<Vec<u8>> {
    (0..town.state().size())
        .map(|index| town.ledger.receipt(index).unwrap().leaf)
        .collect()
}

/// What the wallet with this seed finds.
pub(crate) fn view_of(town: &Town, seed: [u8; 32]) -> View {
    let leaves = leaf_bytes(town)
        .into_iter()
        .map(|bytes| Leaf::from_bytes(&bytes).unwrap());
    scan_leaves(town.state(), leaves, &keys(town, seed)).unwrap()
}

/// Proves by the fixture's trapdoor what holds natively.
pub(crate) struct Trapdoors {
    ticket: TrapdoorKey,
    redeem: TrapdoorKey,
}

impl Trapdoors {
    pub(crate) fn of(town: &Town) -> Self {
        Self {
            ticket: town.federation.ticket_key.clone(),
            redeem: town.federation.redeem_key.clone(),
        }
    }
}

impl PersonProving for Trapdoors {
    fn ticket(
        &self,
        witness: &TicketWitness,
        statement: &TicketStatement,
    ) -> Result<Proof, ProvingError> {
        ticket::check(statement, witness)?;
        let inputs = statement.public_inputs();
        Ok(self.ticket.prove(&inputs, &mut rand::rng()).unwrap())
    }

    fn redeem(
        &self,
        witness: &RedeemWitness,
        statement: &RedeemStatement,
    ) -> Result<Proof, ProvingError> {
        redeem::check(statement, witness)?;
        let inputs = statement.public_inputs();
        Ok(self.redeem.prove(&inputs, &mut rand::rng()).unwrap())
    }
}

/// A second distributor, whose sealing key is known, with terms.
pub(crate) struct Rival {
    pub(crate) member: Member,
    pub(crate) sealing: [u8; 32],
}

impl Rival {
    pub(crate) fn admitted(town: &mut Town) -> Self {
        let sealing = SealingKey::generate(&mut rand::rng());
        let origin = town.federation.origin.clone();
        let member = Member::new(&origin, "rival", &[Role::Distributor], 21);
        let application = PartyAdmitted::apply(
            &origin,
            member.name,
            member.roles,
            &member.key,
            sealing.public(),
        );
        let supervisor = town.federation.supervisor.clone();
        town.act(&supervisor, &acts::admitted(application)).unwrap();
        let terms = Entry::TermsPublished(town.federation.terms_of(&member));
        town.act(&member, &terms).unwrap();
        Self {
            member,
            sealing: *sealing.to_bytes(),
        }
    }
}

/// The terms of the consent: the fixture's scale and source, at this distributor.
pub(crate) fn asked<'a>(
    town: &Town,
    scale: &'a merits_primitives::ids::ScaleId,
    distributor: &Member,
    period: Period,
) -> Asked<'a> {
    Asked {
        distributor: distributor.id,
        account: "card 17",
        scale,
        terms: town.federation.terms_of(distributor).digest(),
        source: town.federation.source.id,
        period,
    }
}
