//! The work of a registrar: from a commitment and an identity number to a registered person.

use std::{collections::VecDeque, fmt, time::Duration};

use futures::future::{BoxFuture, join_all};
use merits_ledger::{Role, entry::IdentityRegistered, state::TagKeyRecord};
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
    /// The ledger has no key of the tags.
    #[error(
        "the ledger has no key of the uniqueness tags yet: its evaluators make one with `merits evaluator shares`"
    )]
    NoEvaluator,
    /// The only evaluator that must answer.
    #[error(transparent)]
    Evaluator(#[from] EvaluatorError),
    /// Too few evaluators answered.
    #[error(
        "{answered} evaluators answered, and {needed} must{}",
        .why.iter().map(|why| format!("; {why}")).collect::<String>()
    )]
    TooFew {
        /// How many must.
        needed: u16,
        /// How many did.
        answered: usize,
        /// What went wrong with the others.
        why: Vec<String>,
    },
    /// Shares were dealt anew while the registrar asked.
    #[error("the key's shares were dealt anew meanwhile: run the command again")]
    DealtAnew,
    /// Their answers.
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
    /// A registrar over its copy of the log. `sleep` waits between attempts to reach evaluators, by
    /// [`ASKING`].
    pub fn new(registrar: Registrar, follower: Follower, sleep: Sleep) -> Self {
        Self {
            registrar,
            follower,
            sleep,
        }
    }

    /// Who may be at the other end of an evaluator's address, over TLS: an evaluator of the ledger.
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
        evaluators: &[EvaluatorClient],
        occasion: Occasion,
        (commitment, from): (IdentityCommitment, Day),
        number: IdentityNumber,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Registered, RegisteringError> {
        self.follower.sync().await?;
        let record = {
            let replica = self.follower.replica();
            let people = replica.state()?.people();
            check_commitment(&people, &commitment)?;
            let record = people.tag_key();
            record.ok_or(RegisteringError::NoEvaluator)?.clone()
        };
        let pending = Pending::blind(number)?;
        let answers = self.evaluate(evaluators, &record, &pending, rng).await?;
        let tag = pending.tag(self.registrar.origin(), &record.key, &answers)?;
        // One evaluator's entry names the request, and the ledger has who else counted it.
        let entry = answers.first().ok_or(RegisteringError::NoEvaluator)?.entry;
        self.follower.sync().await?;
        let content = {
            let replica = self.follower.replica();
            let state = replica.state()?;
            // The ledger reads its own clock when it appends.
            let time = now.max(state.time()) + MARGIN;
            let evaluated = (tag, entry);
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

    /// Asks as many evaluators at once as must still answer, and the others where one fails. Asking again counts nothing
    /// twice: the same element gives the same evaluation. Nobody is asked without need, because every evaluation is
    /// counted.
    async fn evaluate(
        &self,
        evaluators: &[EvaluatorClient],
        record: &TagKeyRecord,
        pending: &Pending,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<EvaluationAnswer>, RegisteringError> {
        let needed = record.key.threshold().needed();
        let mut answers: Vec<EvaluationAnswer> = Vec::new();
        let mut left: VecDeque<&EvaluatorClient> = evaluators.iter().collect();
        let mut wrong = Vec::new();
        let mut failed = 0;
        loop {
            let (mut again, mut errors) = (VecDeque::new(), Vec::new());
            while answers.len() < usize::from(needed) && !left.is_empty() {
                let missing = usize::from(needed) - answers.len();
                let asked: Vec<_> = left.drain(..missing.min(left.len())).collect();
                let calls = asked.iter().map(|client| {
                    let (mut client, request) =
                        ((*client).clone(), self.registrar.ask(pending, rng));
                    async move { client.evaluate(request).await }
                });
                let calls: Vec<_> = calls.collect();
                let answered = join_all(calls).await;
                // What an evaluator says of itself is compared with the ledger, so that a lie stops nothing.
                self.follower.sync().await?;
                for (client, answered) in asked.into_iter().zip(answered) {
                    match answered {
                        Ok(answer) => match self.checked(record, pending, &answers, answer)? {
                            Ok(answer) => answers.push(answer),
                            Err(why) => {
                                let address = client.address();
                                tracing::error!(address, why, "an evaluator's answer is left out");
                                wrong.push(format!("the answer from {address} is left out: {why}"));
                            }
                        },
                        Err(error) if error.may_retry() => {
                            again.push_back(client);
                            errors.push(error);
                        }
                        Err(error) => errors.push(error),
                    }
                }
            }
            if answers.len() >= usize::from(needed) {
                return Ok(answers);
            }
            failed += 1;
            let wait = ASKING.wait(failed).filter(|_| !again.is_empty());
            let Some(wait) = wait else {
                // Of the only evaluator there is nothing else to say.
                if let ([_], true, Some(_)) = (evaluators, wrong.is_empty(), errors.first()) {
                    return Err(errors.swap_remove(0).into());
                }
                wrong.extend(errors.iter().map(ToString::to_string));
                return Err(RegisteringError::TooFew {
                    needed,
                    answered: answers.len(),
                    why: wrong,
                });
            };
            // What will not be asked again stays said.
            for error in errors {
                tracing::warn!(%error, "an evaluator did not answer");
                if !error.may_retry() {
                    wrong.push(error.to_string());
                }
            }
            left = again;
            (self.sleep)(wait).await;
        }
    }

    /// The answer with the entry that the ledger has for it, if it is its evaluator's first, proven and counted;
    /// otherwise why it is left out. Who sends an answer chooses the party that it names, so the address is named too.
    fn checked(
        &self,
        record: &TagKeyRecord,
        pending: &Pending,
        answers: &[EvaluationAnswer],
        answer: EvaluationAnswer,
    ) -> Result<Result<EvaluationAnswer, String>, RegisteringError> {
        let party = answer.party;
        let replica = self.follower.replica();
        let people = replica.state()?.people();
        // The ledger's word, not the evaluator's: one that lies about it would stop every registration.
        if people.tag_key() != Some(record) {
            return Err(RegisteringError::DealtAnew);
        }
        if answer.generation != record.generation {
            return Ok(Err(format!(
                "the evaluator {party} answers with a share of generation {}, and the ledger's is {}: its copy of the \
                 ledger is behind, or it is at fault",
                answer.generation, record.generation
            )));
        }
        if answers.iter().any(|other| other.party == party) {
            return Ok(Err(format!(
                "two of the addresses are of the evaluator {party}: name each once"
            )));
        }
        if let Err(fault) = pending.check(&record.key, &answer) {
            return Ok(Err(fault.to_string()));
        }
        let evaluated = people.evaluation(&self.registrar.party(), &pending.digest());
        let evaluated = evaluated.map_err(RegistrationFault::from)?;
        let Some(entry) = evaluated.and_then(|evaluated| evaluated.counted_by(&party)) else {
            return Ok(Err(format!(
                "the evaluator {party} did not count its answer on the ledger, which would refuse the registration: \
                 this evaluator is at fault"
            )));
        };
        Ok(Ok(EvaluationAnswer { entry, ..answer }))
    }
}

/// How much later than now the ledger may append: an entry that is prepared before
/// midnight and appended after it must still fit.
const MARGIN: Duration = Duration::from_secs(10 * 60);
/// How evaluators are asked: over a minute with the waits between.
pub const ASKING: Retry = Retry {
    attempts: 8,
    first_wait: Duration::from_millis(500),
    growth: 2,
    longest_wait: Duration::from_secs(60),
};
