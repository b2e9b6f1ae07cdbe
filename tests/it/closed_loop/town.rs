//! A ledger with real keys for what people prove, and people with wallets.

use std::time::Duration;

use merits_circuits::{
    builder::Circuit,
    redeem::RedeemCircuit,
    ticket::{TicketCircuit, TicketWitness},
};
use merits_ledger::{
    Entry, Refusal, Role, SubmitError,
    entry::{Attested, PersonStatement, Redeemed, StatementKeyAdopted, TicketDeposited},
};
use merits_ledger_fixture::{Citizen, Consented, Member, Stage, acts};
use merits_params::keystore::KeyStore;
use merits_primitives::{
    Fr,
    ids::{Credits, EntryId, Period},
    scope::source_scope,
};
use merits_verifier::{
    entry::SignedEntry,
    groth16::{KeyPolicy, Proof},
};
use merits_wallet::{
    keys::WalletKeys,
    prover::{PersonProver, PersonProving as _, ProvingError},
    spend::{Planned, SpendError, Spender},
    view::{View, scan_leaves},
};
use rand::rngs::ThreadRng;
use zeroize::Zeroizing;

const POLICY: KeyPolicy = KeyPolicy {
    allow_dev_keys: true,
};

/// The ledger, and what proves.
pub(crate) struct Town {
    pub(crate) stage: Stage<ThreadRng>,
    pub(crate) prover: PersonProver,
    /// Admitted beside the fixture's parties.
    pub(crate) second_distributor: Member,
    pub(crate) second_exchange: Member,
    pub(crate) second_registrar: Member,
}

/// A person: its seed gives both.
pub(crate) struct Soul {
    pub(crate) citizen: Citizen,
    pub(crate) keys: WalletKeys,
}

impl Town {
    /// A founded ledger that adopted the keys of the real circuits.
    pub(crate) fn founded() -> Self {
        let mut stage = Stage::new(rand::rng()).unwrap();
        let supervisor = stage.federation.supervisor.clone();
        let store = KeyStore::shared();
        for statement in PersonStatement::ALL {
            let circuit = circuit_of(statement);
            let key = store
                .get_or_set_up(&circuit.r1cs, "the tests", POLICY, &mut rand::rng())
                .unwrap();
            let adopted = acts::adopted(StatementKeyAdopted {
                statement,
                // The first is the fixture's own, with its trapdoor.
                generation: 2,
                key: key.zkey.key.vk.clone(),
                provenance: key.provenance,
            });
            stage.act(&supervisor, &adopted).unwrap();
        }
        let origin = stage.federation.origin.clone();
        let mut admit = |name, role, seed| {
            let member = Member::new(&origin, name, &[role], seed);
            let admitted = acts::admitted(member.application(&origin));
            stage.act(&supervisor, &admitted).unwrap();
            member
        };
        let second_distributor = admit("second distributor", Role::Distributor, 101);
        let second_exchange = admit("second exchange", Role::Exchange, 102);
        let second_registrar = admit("second registrar", Role::Registrar, 103);
        let terms = Entry::TermsPublished(stage.federation.terms_of(&second_distributor));
        stage.act(&second_distributor, &terms).unwrap();
        let prover = PersonProver::new(store, POLICY, stage.state().statement_keys());
        Self {
            stage,
            prover,
            second_distributor,
            second_exchange,
            second_registrar,
        }
    }

    /// A person who is registered.
    pub(crate) fn person(&mut self, seed: u8) -> Soul {
        let soul = self.stranger([seed; 32]);
        self.stage.register(&soul.citizen).unwrap();
        soul
    }

    /// A person who is not.
    pub(crate) fn stranger(&self, seed: [u8; 32]) -> Soul {
        Soul {
            citizen: Citizen::from_seed(seed),
            keys: WalletKeys::new(Zeroizing::new(seed), self.stage.federation.origin.clone()),
        }
    }

    /// A registered person who earned 100 credits that can be spent, as the wallet sees it.
    pub(crate) fn earner(&mut self, seed: u8) -> Soul {
        let soul = self.person(seed);
        self.earn(&soul.citizen, 0);
        soul
    }

    /// Earns 100 credits for the n-th week.
    pub(crate) fn earn(&mut self, citizen: &Citizen, number: u32) {
        let distributor = self.stage.federation.distributor.clone();
        let period = self.period(number);
        let consented = self.deposit(citizen, period, &distributor).unwrap();
        self.stage.earn(&[consented]).unwrap();
        self.stage.wait(2);
    }

    pub(crate) fn period(&self, number: u32) -> Period {
        let first = self.stage.federation.period();
        Period {
            index: first.index + number,
            ..first
        }
    }

    /// What a citizen consents to.
    pub(crate) fn consent(&self, citizen: &Citizen, period: Period, to: &Member) -> Consented {
        let federation = &self.stage.federation;
        let consented = federation.consent(self.stage.state(), citizen, period, to);
        consented.unwrap()
    }

    /// The private side of a citizen's ticket, by the present state.
    pub(crate) fn witness(&self, citizen: &Citizen) -> TicketWitness {
        let people = self.stage.state().people();
        let person = people
            .by_commitment(&citizen.commitment())
            .unwrap()
            .unwrap();
        TicketWitness {
            secret: citizen.secret(),
            birth: person.birth,
            path: people.group().path(person.index).unwrap().unwrap(),
            scope_source: source_scope(&self.stage.federation.source.id),
        }
    }

    /// A real proof of a ticket.
    pub(crate) fn prove(
        &self,
        witness: &TicketWitness,
        distributor: &Member,
        deposit: &TicketDeposited,
    ) -> Result<Proof, ProvingError> {
        let state = self.stage.state();
        let statement = state.ticket_statement(&distributor.id, deposit).unwrap();
        self.prover.ticket(witness, &statement)
    }

    /// Consents, proves, and lets the distributor deposit.
    pub(crate) fn deposit(
        &mut self,
        citizen: &Citizen,
        period: Period,
        to: &Member,
    ) -> Result<Consented, Refusal> {
        let consented = self.consent(citizen, period, to);
        let witness = self.witness(citizen);
        let proof = self.prove(&witness, to, &consented.deposit).unwrap();
        self.submit_deposit(to, consented.deposit.clone(), &proof)?;
        Ok(consented)
    }

    pub(crate) fn submit_deposit(
        &mut self,
        distributor: &Member,
        deposit: TicketDeposited,
        proof: &Proof,
    ) -> Result<EntryId, Refusal> {
        let entry = Entry::TicketDeposited(deposit);
        let origin = &self.stage.federation.origin;
        let signed = entry.sign(origin, distributor.id, Some(proof.into()), &distributor.key);
        self.submit(&signed)
    }

    /// An offer for so much at both exchanges.
    pub(crate) fn offer(&mut self, price: u64) -> EntryId {
        let sponsor = self.stage.federation.sponsor.clone();
        let mut offer = self.stage.federation.offer(Credits(price), 10);
        offer.number = 1 + self.stage.state().offers().iter().count() as u32;
        offer.exchanges.push(self.second_exchange.id);
        let published = Entry::OfferPublished(offer);
        self.stage.act(&sponsor, &published).unwrap().id
    }

    /// What a wallet finds.
    pub(crate) fn view(&self, soul: &Soul) -> View {
        let leaves = (0..self.stage.state().size()).map(|at| self.stage.ledger.leaf(at).unwrap());
        scan_leaves(self.stage.state(), leaves, &soul.keys).unwrap()
    }

    /// What a wallet does, at the time of the next entry.
    pub(crate) fn spend<T>(
        &self,
        soul: &Soul,
        act: impl FnOnce(&Spender<'_>) -> Result<T, SpendError>,
    ) -> Result<T, SpendError> {
        let view = self.view(soul);
        let now = self.stage.time + Duration::from_secs(1);
        act(&Spender::new(self.stage.state(), &view, &soul.keys, now)?)
    }

    /// A redemption, ready to be proven.
    pub(crate) fn plan(&self, soul: &Soul, offer: &EntryId, at: &Member) -> Planned<Redeemed> {
        let planned = self.spend(soul, |spender| {
            spender.redeem(offer, &at.id, &mut rand::rng())
        });
        planned.unwrap()
    }

    /// An exchange signs and submits.
    pub(crate) fn redeem(
        &mut self,
        redeemed: Redeemed,
        proof: &Proof,
        at: &Member,
    ) -> Result<EntryId, Refusal> {
        let entry = Entry::Redeemed(redeemed);
        let origin = &self.stage.federation.origin;
        let signed = entry.sign(origin, at.id, Some(proof.into()), &at.key);
        self.submit(&signed)
    }

    /// A wallet submits an attestation.
    pub(crate) fn attest(&mut self, attested: Attested, proof: &Proof) -> Result<EntryId, Refusal> {
        let entry = Entry::Attested(attested);
        let signed = entry.personal(&self.stage.federation.origin, proof);
        self.submit(&signed)
    }

    pub(crate) fn submit(&mut self, signed: &SignedEntry) -> Result<EntryId, Refusal> {
        match self.stage.submit(signed) {
            Ok(appended) => Ok(appended.id),
            Err(SubmitError::Refused(refusal)) => Err(refusal),
            Err(other) => panic!("{other}"),
        }
    }
}

/// The real circuit of a statement.
pub(crate) fn circuit_of(statement: PersonStatement) -> Circuit {
    match statement {
        PersonStatement::Ticket => TicketCircuit::build().circuit().clone(),
        PersonStatement::Redeem => RedeemCircuit::build().circuit().clone(),
    }
}

/// Whether the circuit has a witness for these inputs of its program.
pub(crate) fn has_witness(circuit: &Circuit, inputs: &[Fr]) -> bool {
    circuit
        .program
        .run(inputs)
        .is_ok_and(|assignment| circuit.r1cs.is_satisfied(&assignment).is_ok())
}
