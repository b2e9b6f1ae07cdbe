//! Keys of the statements that people prove.

use std::path::PathBuf;

use futures::future::BoxFuture;
use merits_circuits::{redeem::RedeemCircuit, ticket::TicketCircuit};
use merits_ledger::entry::{Act, PersonStatement, StatementKeyAdopted};
use merits_params::{
    keystore::{KeyStore, KeyStoreError, StoredKey},
    r1cs::R1cs,
};
use merits_primitives::calendar::Timestamp;
use merits_verifier::groth16::KeyPolicy;
use rand_core::CryptoRng;

use super::{Decided, Supervisor, SupervisorError};

/// A key in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// What was decided, unless the ledger had the key already.
    pub entry: Option<Decided>,
    /// The folder of the key's files.
    pub files: PathBuf,
}

impl Supervisor {
    /// Compiles the statement, takes its key from the store or makes it there, and puts it into force or
    /// proposes it.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn adopt<R: CryptoRng + Send + 'static>(
        &self,
        statement: PersonStatement,
        key_store: PathBuf,
        now: Timestamp,
        mut rng: R,
    ) -> BoxFuture<'_, Result<Adopted, SupervisorError>> {
        Box::pin(async move {
            let allow_dev_keys = self.config().holder.ledger.allow_dev_keys;
            let name = self.identity.name.clone();
            // A set-up keeps all cores busy for seconds.
            let key = tokio::task::spawn_blocking(move || {
                let policy = KeyPolicy { allow_dev_keys };
                let store = KeyStore::new(key_store);
                take_or_make(statement, &store, &name, policy, &mut rng)
            });
            let key = key.await.map_err(|_| SupervisorError::Interrupted)??;
            let (generation, stands) = {
                let replica = self.follower.replica();
                let standing = replica.state()?.statement_keys().get(statement);
                let stands = standing.is_some_and(|old| old.key == key.zkey.key.vk);
                (standing.map_or(0, |old| old.generation) + 1, stands)
            };
            let files = key.dir;
            if stands {
                return Ok(Adopted { entry: None, files });
            }
            let adopted = StatementKeyAdopted {
                statement,
                generation,
                key: key.zkey.key.vk,
                provenance: key.provenance,
            };
            let act = Act::StatementKeyAdopted(adopted);
            let entry = Some(self.seat().decide(act, now).await?);
            Ok(Adopted { entry, files })
        })
    }
}

fn take_or_make(
    statement: PersonStatement,
    store: &KeyStore,
    made_by: &str,
    policy: KeyPolicy,
    rng: &mut impl CryptoRng,
) -> Result<StoredKey, KeyStoreError> {
    let mut set_up = |r1cs: &R1cs| match store.get(&r1cs.digest(), policy)? {
        // A key from elsewhere, such as a ceremony, is used as it is.
        Some(key) => Ok(key),
        None => store.get_or_set_up(r1cs, made_by, policy, rng),
    };
    match statement {
        PersonStatement::Ticket => set_up(&TicketCircuit::build().circuit().r1cs),
        PersonStatement::Redeem => set_up(&RedeemCircuit::build().circuit().r1cs),
    }
}
