//! Serialization of reports: ids, periods and reasons in readable form.

use std::fmt::Display;

use merits_party::report::{About, Wrong, faults};
use merits_primitives::ids::{AssetId, EntryId, Epoch, Period};
use serde::{Serialize, Serializer};

/// What was found, or what is wrong with it.
#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'a, T> {
    Good(&'a T),
    Wrong(Wrong),
}

/// Any value as its text.
pub(crate) fn text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// A period by its label.
pub(crate) fn period<S: Serializer>(period: &Period, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&period.label())
}

/// The ledger's number of a scale.
pub(crate) fn asset<S: Serializer>(asset: &AssetId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(asset.0)
}

/// The number of an epoch.
pub(crate) fn epoch<S: Serializer>(epoch: &Epoch, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u32(epoch.0)
}

/// Entries, and what is wrong with each, where there may be no answer.
pub(crate) fn optional_faults<S: Serializer>(
    told: &Option<Vec<(EntryId, String)>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match told {
        None => serializer.serialize_none(),
        Some(told) => faults(told, serializer),
    }
}

/// Entries, and what was found of each.
pub(crate) fn outcomes<S: Serializer>(
    outcomes: &[(EntryId, Result<impl Serialize, impl Display>)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(outcomes.iter().map(|(entry, outcome)| {
        let what = match outcome {
            Ok(good) => Outcome::Good(good),
            Err(fault) => Outcome::Wrong(Wrong::new(fault)),
        };
        About::new(entry, what)
    }))
}

#[cfg(test)]
mod tests {
    use merits_primitives::{ids::Output, sum::Sum};

    use super::*;
    use crate::{
        batches::Audit,
        net::Report,
        totals::{CheckedTotal, TotalFault},
    };

    #[test]
    fn a_report_is_read_by_programs() {
        let id = |byte| EntryId([byte; 32]);
        let total = CheckedTotal {
            batches: 2,
            claims: 7,
            output: Output::Credits,
            sum: Sum(700),
        };
        let report = Report {
            batches: Audit {
                valid: 1,
                claims: 4,
                invalid: Vec::new(),
            },
            online: Some(vec![(id(1), "refused".to_owned())]),
            totals: vec![
                (id(2), Ok(total)),
                (id(3), Err(TotalFault::NotCut { number: 4 })),
            ],
            issuance: Vec::new(),
        };
        let faults = report.faults();
        assert_eq!(
            faults,
            [
                (
                    id(3),
                    format!("total: {}", TotalFault::NotCut { number: 4 })
                ),
                (id(1), "online: refused".to_owned()),
            ]
        );
        assert!(!report.is_clean());
        let json = serde_json::to_value(&report).expect("JSON");
        assert_eq!(json["batches"]["valid"], 1);
        assert_eq!(json["online"][0]["fault"], "refused");
        assert_eq!(json["totals"][0]["sum"], 700);
        assert_eq!(json["totals"][0]["output"], "credits");
        assert_eq!(json["totals"][1]["entry"], id(3).to_string());
        assert_eq!(
            json["totals"][1]["fault"],
            TotalFault::NotCut { number: 4 }.to_string()
        );
    }
}
