//! The commands of a registrar by its configuration: register a person, end an identity.

use std::path::Path;

use futures::future::{BoxFuture, join_all};
use merits_party::{
    identity::{IdentityError, PartyConfig as _},
    report::Entered,
};
use merits_primitives::{
    calendar::{Day, Timestamp},
    identity::IdentityCommitment,
};
use merits_records::handover::{Handover as _, HandoverError, RegistrationRequest};
use merits_replica::{JoinError, LedgerConfigError};
use rand_core::CryptoRng;
use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use thiserror::Error;

use crate::{
    acts::Registrar,
    client::{EvaluatorClient, EvaluatorError},
    config::RegistrarConfig,
    number::IdentityNumber,
    registration::Occasion,
    session::{FollowingRegistrar, Registered, RegisteringError},
};

/// Why a command of a registrar failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegistrarError {
    /// The party's keys.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The `[ledger]` table.
    #[error(transparent)]
    Ledger(#[from] LedgerConfigError),
    /// The ledger could not be joined.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The person's request.
    #[error(transparent)]
    Request(#[from] HandoverError),
    /// A day of eligibility that is years away is a typing mistake, and only another registration
    /// corrects it.
    #[error(
        "the first day of eligibility, {0}, is more than a year away: until then no deed of the person would count. \
         Correct the day in `--from`, or leave the option out for deeds of any day"
    )]
    FarAhead(Day),
    /// No evaluator can be reached.
    #[error(transparent)]
    Evaluator(#[from] EvaluatorError),
    /// The registration, or the end of an identity.
    #[error(transparent)]
    Registering(#[from] RegisteringError),
}

/// What a person asks for: an identity, from a day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requested {
    /// The commitment of the person's wallet.
    pub commitment: IdentityCommitment,
    /// The first day of eligibility.
    pub from: Day,
}

impl Requested {
    /// A request, for deeds from this day on, or of any day.
    ///
    /// # Errors
    /// [`RegistrarError::FarAhead`] for a day that is more than a year after `now`.
    pub fn new(
        commitment: IdentityCommitment,
        from: Option<Day>,
        now: Timestamp,
    ) -> Result<Self, RegistrarError> {
        let from = from.unwrap_or(Day::FIRST);
        if from > now.day().saturating_add(MOST_DAYS_AHEAD) {
            return Err(RegistrarError::FarAhead(from));
        }
        Ok(Self { commitment, from })
    }
}

/// The latest day of eligibility, in days from now.
const MOST_DAYS_AHEAD: u32 = 366;

impl RegistrarConfig {
    /// The identity in a registration request that a person's wallet wrote for this ledger.
    ///
    /// # Errors
    /// [`RegistrarError::Request`].
    pub fn read_request(&self, path: &Path) -> Result<IdentityCommitment, RegistrarError> {
        let request = RegistrationRequest::read(path)?;
        request.expect_origin(self.ledger.origin()?.as_str())?;
        Ok(request.commitment)
    }

    /// Registers the person with this number: asks the evaluators for the tag, and puts it on the
    /// ledger with what was requested.
    ///
    /// # Errors
    /// [`RegistrarError`].
    pub fn register<'a>(
        &'a self,
        occasion: Occasion,
        requested: Requested,
        number: IdentityNumber,
        now: Timestamp,
        rng: &'a mut (impl CryptoRng + Send),
    ) -> BoxFuture<'a, Result<Registered, RegistrarError>> {
        Box::pin(async move {
            let session = self.session().await?;
            let expected = session.evaluator().await?;
            let security = self.ledger.security()?;
            let connecting = self
                .evaluators
                .iter()
                .map(|address| EvaluatorClient::connect_over(address, &security, expected.clone()));
            let (mut evaluators, mut unreachable) = (Vec::new(), Vec::new());
            for connected in join_all(connecting).await {
                match connected {
                    Ok(evaluator) => evaluators.push(evaluator),
                    Err(error) => unreachable.push(error),
                }
            }
            // One that is away stops nothing, as long as enough others answer.
            if evaluators.is_empty()
                && let Some(error) = unreachable.pop()
            {
                return Err(error.into());
            }
            for error in unreachable {
                tracing::warn!(%error, "asking the other evaluators");
            }
            let Requested { commitment, from } = requested;
            let about = (commitment, from);
            Ok(session
                .register(&evaluators, occasion, about, number, now, rng)
                .await?)
        })
    }

    /// Ends an identity without a new one. The ledger publishes `basis`.
    ///
    /// # Errors
    /// [`RegistrarError`].
    pub fn retire<'a>(
        &'a self,
        commitment: IdentityCommitment,
        basis: &'a str,
    ) -> BoxFuture<'a, Result<Entered, RegistrarError>> {
        Box::pin(async move {
            let session = self.session().await?;
            Ok(session.retire(commitment, basis).await?)
        })
    }

    async fn session(&self) -> Result<FollowingRegistrar, RegistrarError> {
        let identity = self.identity()?;
        let party = identity.party();
        let registrar = Registrar::new(identity.origin, party, identity.signing);
        let sleep = Box::new(|wait| Box::pin(tokio::time::sleep(wait)) as BoxFuture<'static, ()>);
        let follower = self.ledger.follow().await?;
        Ok(FollowingRegistrar::new(registrar, follower, sleep))
    }
}

/// What the ledger published of a person, without the tag, by which people could be compared.
impl Serialize for Registered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Registered", 3)?;
        report.serialize_field("entry", &self.entry.to_string())?;
        report.serialize_field("generation", &self.content.generation)?;
        report.serialize_field("from", &self.content.from.to_string())?;
        report.end()
    }
}

#[cfg(test)]
mod tests {
    use merits_ledger::entry::{IdentityRegistered, UniquenessTag};
    use merits_primitives::{Fr, calendar::Date, ids::EntryId};

    use super::*;

    /// The tag would let two registrars compare their people.
    #[test]
    fn reports_are_data_without_secrets() {
        let registered = Registered {
            entry: EntryId([0xab; 32]),
            content: IdentityRegistered {
                commitment: IdentityCommitment(Fr::from(7u64)),
                from: Day(20_787),
                generation: 1,
                tag: UniquenessTag([0xcd; 32]),
                evaluation: EntryId([0xef; 32]),
            },
        };
        let report = serde_json::to_value(&registered).expect("JSON");
        assert_eq!(report["entry"], "ab".repeat(32));
        assert_eq!(report["generation"], 1);
        let text = report.to_string();
        assert!(!text.contains(&"cd".repeat(4)), "{text}");
        assert!(!text.contains(&"ef".repeat(4)), "{text}");
        let retired = Entered::from(EntryId([1; 32]));
        let report = serde_json::to_value(retired).expect("JSON");
        assert_eq!(report["entry"], "01".repeat(32));
    }

    #[test]
    fn nobody_is_registered_for_a_day_that_is_years_away() {
        // 2026-11-30T12:00Z, day 20,787.
        let now = Timestamp::from_millis(1_796_040_000_000);
        let commitment = IdentityCommitment(Fr::from(7u64));
        let requested = |from| Requested::new(commitment, from, now);
        for (day, from) in [
            (None, Day::FIRST),
            (Some(Day::FIRST), Day::FIRST),
            (Some(Day(20_787 + 366)), Day(20_787 + 366)),
        ] {
            assert_eq!(requested(day).expect("a near day").from, from);
        }
        let last = Date::from_text("9999-12-31").expect("a date").to_days();
        let last = Day(u32::try_from(last).expect("after 1970"));
        for (day, label) in [(Day(20_787 + 367), "2027-12-02"), (last, "9999-12-31")] {
            let said = requested(Some(day)).expect_err(label).to_string();
            assert!(said.contains(label), "{said}");
        }
    }
}
