//! Withdraws consents.

use futures::future::BoxFuture;
use merits_ledger::State;
use merits_primitives::ids::{PartyId, Period, ScaleId};
use serde::Serialize;

use super::{Wallet, WalletError, consenting::newest_terms};
use crate::{
    consent::{Asked, Speaker},
    prover::PersonProver,
    report::party_name,
    view::OwnConsent,
};

/// The request for a withdrawal.
#[derive(Debug, Clone)]
pub struct WithdrawalRequest<'a> {
    /// The distributor.
    pub distributor: PartyId,
    /// The scale.
    pub scale: &'a str,
    /// The periods; `None` for every deposited consent.
    pub periods: Option<Vec<Period>>,
    /// The source of the records. Needed for a ticket that is not deposited yet, if the scale
    /// counts by source.
    pub source: Option<PartyId>,
}

/// One consent to withdraw.
#[derive(Debug, Clone)]
pub struct Withdrawal {
    period: Period,
    of: Of,
}

#[derive(Debug, Clone)]
enum Of {
    Deposited(Box<OwnConsent>),
    OnTheWay {
        distributor: PartyId,
        scale: ScaleId,
        source: Option<PartyId>,
    },
}

/// A withdrawn consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Withdrawn {
    /// Its period.
    pub period: String,
    /// The entry of the withdrawal.
    pub entry: String,
    /// Whether the ticket had been deposited. If not, the ledger refuses it from now on.
    pub deposited: bool,
}

impl Wallet {
    /// The consents of a request: deposited ones, and tickets that are not deposited yet.
    ///
    /// # Errors
    /// [`WalletError::NothingToWithdraw`]; and others.
    pub fn withdrawals(
        &self,
        request: WithdrawalRequest<'_>,
    ) -> Result<Vec<Withdrawal>, WalletError> {
        let scale = self.scale(request.scale)?;
        let (distributor, periods) = (request.distributor, request.periods);
        let named = |period: &Period| periods.as_ref().is_none_or(|all| all.contains(period));
        let mut withdrawals: Vec<Withdrawal> = (self.view.consents.iter())
            .filter(|own| own.distributor == distributor && own.scale == scale && !own.withdrawn)
            .filter(|own| named(&own.period))
            .map(|own| Withdrawal {
                period: own.period,
                of: Of::Deposited(Box::new(own.clone())),
            })
            .collect();
        // The messages of tickets that are not deposited yet follow from seed and ledger too.
        let deposited: Vec<Period> = withdrawals.iter().map(|own| own.period).collect();
        let on_the_way = periods.clone().unwrap_or_default().into_iter();
        withdrawals.extend(
            on_the_way
                .filter(|period| !deposited.contains(period))
                .map(|period| Withdrawal {
                    period,
                    of: Of::OnTheWay {
                        distributor,
                        scale: scale.clone(),
                        source: request.source,
                    },
                }),
        );
        if withdrawals.is_empty() {
            return Err(WalletError::NothingToWithdraw {
                distributor: party_name(self.replica().state()?, &distributor),
                scale: scale.to_string(),
            });
        }
        Ok(withdrawals)
    }

    /// Withdraws one consent.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn withdraw<'a>(
        &'a mut self,
        withdrawal: &'a Withdrawal,
        prover: &'a PersonProver,
    ) -> BoxFuture<'a, Result<Withdrawn, WalletError>> {
        Box::pin(async move {
            let entry = {
                let replica = self.replica();
                let speaker = Speaker::new(replica.state()?, &self.keys, &self.view, prover)?;
                match &withdrawal.of {
                    Of::Deposited(consent) => speaker.withdraw_own(consent)?,
                    Of::OnTheWay {
                        distributor,
                        scale,
                        source,
                    } => speaker.withdraw(&Asked {
                        distributor: *distributor,
                        account: "",
                        scale,
                        terms: newest_terms(&replica, distributor, scale)?.digest(),
                        source: match source {
                            Some(source) => *source,
                            None => any_source(replica.state()?, scale)?,
                        },
                        period: withdrawal.period,
                    })?,
                }
            };
            let submitted = self.submit(&entry).await?;
            Ok(Withdrawn {
                period: withdrawal.period.label(),
                entry: submitted.id.to_string(),
                deposited: matches!(withdrawal.of, Of::Deposited(_)),
            })
        })
    }
}

/// The source of a ticket that is not deposited yet matters only if the scale counts by source.
fn any_source(state: &State, scale: &ScaleId) -> Result<PartyId, WalletError> {
    let versions = &state.scales().get(scale)?.versions;
    if versions.iter().any(|version| version.terms.per_source) {
        return Err(WalletError::CountsBySource(scale.to_string()));
    }
    Ok(PartyId([0; 32]))
}
