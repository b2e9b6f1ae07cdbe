//! Proofs of a person's statements, `ticket` and `redeem`, made on the device with the secret.
//!
//! A key is read from the key store by its circuit's digest when it is first needed. It must be the
//! one that the ledger adopted, because a proof under another key would be refused. Each statement
//! is first checked natively, so that a false one gives a readable error.

use std::sync::{Arc, OnceLock};

use merits_circuits::{
    builder::Circuit,
    program::{Program, WitnessError},
    prover::{self, ProveError, Prover as _, SimdProver, TableBudget},
    redeem::{self, RedeemCircuit, RedeemViolation, RedeemWitness},
    ticket::{self, TicketCircuit, TicketViolation, TicketWitness},
};
use merits_ledger::{
    entry::PersonStatement,
    state::{StatementKey, StatementKeys},
};
use merits_params::keystore::KeyStore;
use merits_primitives::Fr;
use merits_verifier::{
    groth16::{KeyDigest, KeyError, KeyPolicy, PreparedKey, Proof},
    statement::{redeem::RedeemStatement, ticket::TicketStatement},
};
use thiserror::Error;
use zeroize::Zeroizing;

/// Makes the proofs of a person's statements.
pub trait PersonProving: Send + Sync {
    /// Proves a consent, a withdrawal or a link.
    ///
    /// # Errors
    /// [`ProvingError`].
    fn ticket(
        &self,
        witness: &TicketWitness,
        statement: &TicketStatement,
    ) -> Result<Proof, ProvingError>;

    /// Proves a redemption or an attestation.
    ///
    /// # Errors
    /// [`ProvingError`].
    fn redeem(
        &self,
        witness: &RedeemWitness,
        statement: &RedeemStatement,
    ) -> Result<Proof, ProvingError>;
}

/// Why no proof was made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProvingError {
    /// The statement is false.
    #[error("the statement is false, so it cannot be proven: {0}")]
    Ticket(#[from] TicketViolation),
    /// The statement is false.
    #[error("the statement is false, so it cannot be proven: {0}")]
    Redeem(#[from] RedeemViolation),
    /// The ledger has no key for the statement.
    #[error(
        "the ledger has no key for statement {0} yet: a supervisor adopts one by `merits \
         supervisor adopt`"
    )]
    NotAdopted(PersonStatement),
    /// The key store, or the proving key in it.
    #[error(transparent)]
    ProvingKey(#[from] prover::LoadError),
    /// No key for the circuit.
    #[error(
        "no proving key for statement {statement} in {}: get it from the supervisor who adopted \
         it, or from its publisher; its digest is checked", .folder.display()
    )]
    NoKey {
        /// Which statement.
        statement: PersonStatement,
        /// The folder that would hold it.
        folder: std::path::PathBuf,
    },
    /// The key is not the ledger's.
    #[error(
        "the proving key for statement {statement} in {} has digest {found}, and the ledger adopted \
         {expected}: get that one", .folder.display()
    )]
    OtherKey {
        /// Which statement.
        statement: PersonStatement,
        /// The folder that holds it.
        folder: std::path::PathBuf,
        /// Adopted by the ledger.
        expected: KeyDigest,
        /// In the store.
        found: KeyDigest,
    },
    /// The verifying key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is no witness: circuit and native check disagree, which is a bug.
    #[error("no witness: {0}")]
    Witness(#[from] WitnessError),
    /// No proof.
    #[error(transparent)]
    Prove(#[from] ProveError),
}

/// The real prover. Circuits and keys are loaded when they are first needed, the keys
/// from their prepared files, which are made in the store at first use. Clones share them.
#[derive(Clone)]
pub struct PersonProver {
    store: KeyStore,
    policy: KeyPolicy,
    keys: StatementKeys,
    ticket: Arc<Slot>,
    redeem: Arc<Slot>,
}

impl std::fmt::Debug for PersonProver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonProver")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// One statement's circuit and key, once loaded. Threads do not wait for another thread to load it:
/// loading uses rayon's threads, which may be the ones that wait. If two load it at once, one
/// result is kept.
type Slot = OnceLock<Loaded>;

struct Loaded {
    program: Program,
    prover: SimdProver,
}

impl PersonProver {
    /// A prover with the keys that the ledger has in force now. Loads nothing yet.
    #[must_use]
    pub fn new(store: KeyStore, policy: KeyPolicy, keys: &StatementKeys) -> Self {
        Self {
            store,
            policy,
            keys: keys.clone(),
            ticket: Arc::default(),
            redeem: Arc::default(),
        }
    }

    /// Loads what a statement needs, unless that has happened, so that the first proof need not
    /// wait for it.
    ///
    /// # Errors
    /// [`ProvingError`].
    pub fn load(&self, statement: PersonStatement) -> Result<(), ProvingError> {
        self.loaded(statement).map(|_| ())
    }

    fn loaded(&self, statement: PersonStatement) -> Result<&Loaded, ProvingError> {
        let slot = match statement {
            PersonStatement::Ticket => &self.ticket,
            PersonStatement::Redeem => &self.redeem,
        };
        if let Some(loaded) = slot.get() {
            return Ok(loaded);
        }
        let adopted = self
            .keys
            .get(statement)
            .ok_or(ProvingError::NotAdopted(statement))?;
        let loaded = self.read(statement, adopted)?;
        Ok(slot.get_or_init(|| loaded))
    }

    fn read(
        &self,
        statement: PersonStatement,
        adopted: &StatementKey,
    ) -> Result<Loaded, ProvingError> {
        let parts = |circuit: &Circuit| (circuit.r1cs.digest(), circuit.program.clone());
        let (digest, program) = match statement {
            PersonStatement::Ticket => parts(TicketCircuit::build().circuit()),
            PersonStatement::Redeem => parts(RedeemCircuit::build().circuit()),
        };
        let folder = self.store.dir_of(&digest);
        // Whether its prepared file could be stored only affects the time.
        let loaded =
            SimdProver::from_store(&self.store, &digest, self.policy, TableBudget::default())?
                .ok_or_else(|| ProvingError::NoKey {
                    statement,
                    folder: folder.clone(),
                })?;
        let key = loaded.prover.verifying_key();
        let (expected, found) = (adopted.key.digest(), key.digest());
        if expected != found {
            return Err(ProvingError::OtherKey {
                statement,
                folder,
                expected,
                found,
            });
        }
        let check = PreparedKey::new(key.clone(), loaded.provenance, self.policy)?;
        let prover = loaded.prover.with_self_check(check);
        Ok(Loaded { program, prover })
    }

    /// All secrets are in `inputs` and in the assignment, and both are wiped.
    fn prove(
        &self,
        statement: PersonStatement,
        inputs: &Zeroizing<Vec<Fr>>,
    ) -> Result<Proof, ProvingError> {
        let loaded = self.loaded(statement)?;
        let assignment = Zeroizing::new(loaded.program.run(inputs)?);
        Ok(loaded.prover.prove(&assignment, &mut rand::rng())?)
    }
}

impl PersonProving for PersonProver {
    fn ticket(
        &self,
        witness: &TicketWitness,
        statement: &TicketStatement,
    ) -> Result<Proof, ProvingError> {
        ticket::check(statement, witness)?;
        self.prove(PersonStatement::Ticket, &witness.inputs(statement))
    }

    fn redeem(
        &self,
        witness: &RedeemWitness,
        statement: &RedeemStatement,
    ) -> Result<Proof, ProvingError> {
        redeem::check(statement, witness)?;
        self.prove(PersonStatement::Redeem, &witness.inputs(statement))
    }
}
