//! Serialization of reports: ids, periods and reasons in readable form.

use std::fmt::Display;

use merits_primitives::ids::{EntryId, Period};
use serde::{Serialize, Serializer};

/// A refusal in a report.
#[derive(Serialize)]
struct Refused {
    entry: String,
    reason: String,
}

/// An account and a period in a report.
#[derive(Serialize)]
struct Account<'a> {
    account: &'a str,
    period: String,
}

/// Any value as its text.
pub(crate) fn text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Values as their texts.
pub(crate) fn texts<S: Serializer, T: Display>(
    values: &[T],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(ToString::to_string))
}

/// Entries that the ledger refused, and why.
pub(crate) fn refusals<S: Serializer, T: Display>(
    refusals: &[(EntryId, T)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(refusals.iter().map(|(entry, reason)| Refused {
        entry: entry.to_string(),
        reason: reason.to_string(),
    }))
}

/// Accounts and periods.
pub(crate) fn accounts<S: Serializer>(
    accounts: &[(String, Period)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(accounts.iter().map(|(account, period)| Account {
        account,
        period: period.label(),
    }))
}

/// The result of opening a file of tickets.
pub(crate) fn outcome<S: Serializer, T: Serialize>(
    outcome: &Result<T, impl Display>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match outcome {
        Ok(taken) => taken.serialize(serializer),
        Err(fault) => serializer.collect_str(fault),
    }
}
