//! A wallet beside a ledger in memory.

use std::time::Duration;

use merits_circuits::{
    redeem::{self, RedeemWitness},
    ticket::{self, TicketWitness},
};
use merits_ledger::{Entry, Refusal, SubmitError, entry::Redeemed};
use merits_ledger_fixture::{Citizen, Stage};
use merits_primitives::ids::{EntryId, Period};
use merits_trapdoor::TrapdoorKey;
use merits_verifier::{
    Statement as _,
    groth16::Proof,
    receipt::Receipt,
    statement::{redeem::RedeemStatement, ticket::TicketStatement},
};
use merits_wallet::{
    keys::WalletKeys,
    prover::{PersonProving, ProvingError},
    spend::{Planned, SpendError, Spender},
    view::{View, scan_leaves},
};
use rand::rngs::ThreadRng;
use zeroize::Zeroizing;

/// The ledger and one person's wallet.
pub(crate) struct Purse {
    pub(crate) stage: Stage<ThreadRng>,
    pub(crate) citizen: Citizen,
    pub(crate) keys: WalletKeys,
}

/// Proves every statement that holds.
pub(crate) struct Trapdoors {
    ticket: TrapdoorKey,
    redeem: TrapdoorKey,
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

impl Purse {
    /// A registered person with this many notes of 100 credits, and the ledger at a time at which all
    /// of them can be spent.
    pub(crate) fn with(notes: u32) -> Self {
        let seed = [0x5e; 32];
        let stage = Stage::new(rand::rng()).unwrap();
        let keys = WalletKeys::new(Zeroizing::new(seed), stage.federation.origin.clone());
        let citizen = Citizen::from_seed(seed);
        let mut purse = Self {
            stage,
            citizen,
            keys,
        };
        // Somebody else's leaf and note come first, so that nothing is at place 0.
        purse.stage.earner(&Citizen::new(1)).unwrap();
        let citizen = purse.citizen.clone();
        purse.stage.register(&citizen).unwrap();
        for number in 0..notes {
            purse.earn(number);
        }
        purse.stage.wait(2);
        purse
    }

    /// Earns 100 credits in another period.
    pub(crate) fn earn(&mut self, number: u32) {
        let federation = self.stage.federation.clone();
        let first = federation.period();
        let period = Period {
            index: first.index + number,
            ..first
        };
        let consented = federation
            .consent(
                self.stage.state(),
                &self.citizen,
                period,
                &federation.distributor,
            )
            .unwrap();
        self.stage.deposit_consent(&consented).unwrap();
        self.stage.earn(&[consented]).unwrap();
    }

    /// The wallet's view of the ledger.
    pub(crate) fn view(&self) -> View {
        let ledger = &self.stage.ledger;
        let size = self.stage.state().size();
        let leaves = (0..size).map(|index| ledger.leaf(index).unwrap());
        scan_leaves(self.stage.state(), leaves, &self.keys).unwrap()
    }

    /// Values of the notes that can be spent.
    pub(crate) fn worth(&self) -> Vec<u64> {
        let view = self.view();
        view.spendable().map(|note| note.value.0).collect()
    }

    /// The wallet's actions, at the time of the next entry.
    pub(crate) fn spend<T>(
        &mut self,
        act: impl FnOnce(&Spender<'_>) -> Result<T, SpendError>,
    ) -> Result<T, SpendError> {
        let view = self.view();
        let now = self.stage.time + Duration::from_secs(1);
        act(&Spender::new(self.stage.state(), &view, &self.keys, now)?)
    }

    pub(crate) fn prover(&self) -> Trapdoors {
        let federation = &self.stage.federation;
        Trapdoors {
            ticket: federation.ticket_key.clone(),
            redeem: federation.redeem_key.clone(),
        }
    }

    /// Plans a redemption at the exchange.
    pub(crate) fn plan(&mut self, offer: &EntryId) -> Result<Planned<Redeemed>, SpendError> {
        let exchange = self.stage.federation.exchange.id;
        self.spend(|spender| spender.redeem(offer, &exchange, &mut rand::rng()))
    }

    /// The exchange submits a proven redemption.
    pub(crate) fn exchange(
        &mut self,
        redeemed: Redeemed,
        proof: &Proof,
    ) -> Result<EntryId, Refusal> {
        let federation = &self.stage.federation;
        let exchange = federation.exchange.clone();
        let entry = Entry::Redeemed(redeemed);
        let signed = entry.sign(
            &federation.origin,
            exchange.id,
            Some(proof.into()),
            &exchange.key,
        );
        self.taken(&signed)
    }

    /// Plans, proves and submits a redemption.
    pub(crate) fn redeem(&mut self, offer: &EntryId) -> Result<EntryId, SpendError> {
        let planned = self.plan(offer)?;
        let proof = planned.prove(&self.prover()).expect("it holds");
        Ok(self.exchange(planned.entry, &proof)?)
    }

    /// The wallet submits an attestation itself.
    pub(crate) fn personal(
        &mut self,
        planned: Planned<merits_ledger::entry::Attested>,
    ) -> Result<EntryId, Refusal> {
        let proof = planned.prove(&self.prover()).expect("it holds");
        let entry = Entry::Attested(planned.entry);
        let signed = entry.personal(&self.stage.federation.origin, &proof);
        self.taken(&signed)
    }

    fn taken(&mut self, signed: &merits_verifier::entry::SignedEntry) -> Result<EntryId, Refusal> {
        match self.stage.submit(signed) {
            Ok(appended) => Ok(appended.id),
            Err(SubmitError::Refused(refusal)) => Err(refusal),
            Err(other) => panic!("{other}"),
        }
    }

    /// The newest entry's receipt.
    pub(crate) fn receipt(&self) -> Receipt {
        let last = self.stage.state().size() - 1;
        self.stage.ledger.receipt(last).unwrap()
    }
}
