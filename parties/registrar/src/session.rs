//! The work of a registrar: from a commitment and an identity number to a registered person.

use std::{fmt, time::Duration};

use futures::future::BoxFuture;
use merits_ledger::{Role, entry::IdentityRegistered};
use merits_party::{Retry, report::Entered};
use merits_primitives::{
    calendar::{Day, Timestamp},
    identity::IdentityCommitment,
    ids::EntryId,
};
use merits_proto::EvaluationAnswer;
use merits_replica::{ClientError, Expected, FollowError, Follower, ReplicaError};
use rand_core::CryptoRng;
use thiserror::Error;

use crate::{
    acts::Registrar,
    client::{EvaluatorClient, EvaluatorError},
    evaluation::{EvaluationFault, Pending},
    number::IdentityNumber,
    registration::{Occasion, RegistrationFault, check_commitment, registration},
};

/// Why a person was not registered, or an identity not retired.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegisteringError {
    /// The registrar's copy of the log cannot be brought up to date.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The registrar's copy.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The ledger has no evaluator.
    #[error("the ledger has no evaluator yet: its operator runs `merits evaluator announce`")]
    NoEvaluator,
    /// The evaluator.
    #[error(transparent)]
    Evaluator(#[from] EvaluatorError),
    /// Its answer.
    #[error(transparent)]
    Evaluation(#[from] EvaluationFault),
    /// The person or the commitment.
    #[error(transparent)]
    Registration(#[from] RegistrationFault),
    /// The coordinator, or the ledger's rules.
    #[error(transparent)]
    Coordinator(#[from] ClientError),
}

/// A registered person on the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its entry.
    pub entry: EntryId,
    /// Its contents.
    pub content: IdentityRegistered,
}

/// Waits for a time, by the runtime's clock or a simulation's.
pub type Sleep = Box<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// A registrar with its copy of the log.
pub struct FollowingRegistrar {
    registrar: Registrar,
    follower: Follower,
    sleep: Sleep,
}

impl fmt::Debug for FollowingRegistrar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowingRegistrar")
            .field("registrar", &self.registrar)
            .field("follower", &self.follower)
            .finish_non_exhaustive()
    }
}

impl FollowingRegistrar {
    /// A registrar over its copy of the log. `sleep` waits between attempts to reach the evaluator, by
    /// [`ASKING`].
    pub fn new(registrar: Registrar, follower: Follower, sleep: Sleep) -> Self {
        Self {
            registrar,
            follower,
            sleep,
        }
    }

    /// Who may be at the other end of the evaluator's address, over TLS: the ledger's evaluator.
    ///
    /// # Errors
    /// [`RegisteringError::Follow`], [`RegisteringError::Replica`].
    pub async fn evaluator(&self) -> Result<Expected, RegisteringError> {
        self.follower.sync().await?;
        let copy = self.follower.replica();
        Ok(copy.expected("an evaluator", &[Role::Evaluator])?)
    }

    /// Registers the person with this number under this commitment, eligible from this day on
    /// (after a loss from the earliest that the ledger takes, if that
    /// is later).
    ///
    /// If anything fails after the evaluation, the next attempt needs a new one, because the blind
    /// is kept in memory only. The unused evaluation stays counted on the ledger, which harms
    /// nobody.
    ///
    /// # Errors
    /// [`RegisteringError`].
    pub async fn register(
        &self,
        evaluator: &mut EvaluatorClient,
        occasion: Occasion,
        (commitment, from): (IdentityCommitment, Day),
        number: IdentityNumber,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Registered, RegisteringError> {
        self.follower.sync().await?;
        let public_key = {
            let replica = self.follower.replica();
            let people = replica.state()?.people();
            check_commitment(&people, &commitment)?;
            let evaluator = people.evaluator().ok_or(RegisteringError::NoEvaluator)?;
            evaluator.public_key
        };
        let pending = Pending::blind(number)?;
        let answer = self.evaluate(evaluator, &pending, rng).await?;
        let tag = pending.tag(self.registrar.origin(), &public_key, &answer)?;
        self.follower.sync().await?;
        let content = {
            let replica = self.follower.replica();
            let state = replica.state()?;
            // The ledger reads its own clock when it appends.
            let time = now.max(state.time()) + MARGIN;
            let evaluated = (tag, answer.entry);
            registration(&state.people(), occasion, commitment, evaluated, from, time)?
        };
        let entry = self.registrar.register(content.clone());
        let entry = self.follower.client().submit(&entry).await?.id;
        Ok(Registered { entry, content })
    }

    /// Ends the identity with this commitment.
    ///
    /// # Errors
    /// [`RegisteringError`].
    pub async fn retire(
        &self,
        commitment: IdentityCommitment,
        basis: &str,
    ) -> Result<Entered, RegisteringError> {
        let entry = self.registrar.retire(commitment, basis);
        Ok(self.follower.client().submit(&entry).await?.id.into())
    }

    /// Asks until there is an answer: the same element gives the same evaluation.
    async fn evaluate(
        &self,
        evaluator: &mut EvaluatorClient,
        pending: &Pending,
        rng: &mut impl CryptoRng,
    ) -> Result<EvaluationAnswer, RegisteringError> {
        let mut failed = 0;
        loop {
            let error = match evaluator.evaluate(self.registrar.ask(pending, rng)).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            failed += 1;
            let wait = ASKING.wait(failed).filter(|_| error.may_retry());
            let Some(wait) = wait else {
                return Err(error.into());
            };
            tracing::warn!(%error, "asking the evaluator again");
            (self.sleep)(wait).await;
        }
    }
}

/// How much later than now the ledger may append: an entry that is prepared before
/// midnight and appended after it must still fit.
const MARGIN: Duration = Duration::from_secs(10 * 60);
/// How the evaluator is asked: over a minute with the waits between.
pub const ASKING: Retry = Retry {
    attempts: 8,
    first_wait: Duration::from_millis(500),
    growth: 2,
    longest_wait: Duration::from_secs(60),
};
