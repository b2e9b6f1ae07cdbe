//! What a statement says, line by line, as plain data.

use std::fmt::Display;

use merits_ledger::{
    Role, State,
    entry::{
        Act, AlertRaised, AlertSubject, KeyGenerationOpened, OfferPublished, PartyAdmitted,
        ProposalTerms, ScaleProposed, StandingChange, TagDealingOpened, ViewKeyEpochOpened,
    },
};
use merits_primitives::ids::{
    EntryId, Expiry, PartyId, PeriodIndex, ScaleId, ScaleVersion, sha256,
};
use serde::Serialize;

use crate::named::named;

/// One thing that a statement says: what it is, and the value as text. Texts of parties are as they were written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// What it is, such as `party` or `deadline`.
    pub what: &'static str,
    /// The value.
    pub value: String,
}

/// What an act of the board says.
pub(crate) fn act(state: &State, act: &Act) -> Vec<Said> {
    match act {
        Act::PartyAdmitted(admitted) => admission(admitted),
        Act::PartySuspended(change) | Act::PartyReinstated(change) | Act::PartyEnded(change) => {
            standing(state, change)
        }
        Act::StatementKeyAdopted(adopted) => vec![
            said("statement", adopted.statement),
            said("generation", adopted.generation),
            said("key", adopted.key.digest()),
            said("provenance", adopted.provenance),
        ],
        Act::ViewKeyEpochOpened(opened) => epoch(state, opened),
        Act::QuorumEpochOpened(opened) => vec![
            said("epoch", opened.epoch.0),
            said("active from", opened.active_from),
            said("last epoch", {
                let until = opened.previous_accepted_until;
                format!("accepted until {until}")
            }),
            said("readable until", opened.readable_until),
            said("supervisor", format!("attempt {}", opened.supervisor)),
            said("witness", format!("attempt {}", opened.witness)),
        ],
        Act::ScaleApproved(approved) => vec![
            said("scale", &approved.id),
            said("version", approved.version.0),
            said("approves", approved.proposal),
        ],
        Act::ScaleRetired(retired) => {
            retirement(state, &retired.id, retired.version, retired.last_period)
        }
        Act::OfferClosed(closed) => closing(state, &closed.offer, &closed.basis),
        Act::ThresholdsChanged(changed) => vec![
            said("generation", changed.generation),
            said("ordinary", changed.thresholds.ordinary),
            said("trust", changed.thresholds.trust),
            said("delay", format!("{} s", changed.thresholds.delay_seconds)),
            said("consents", changed.thresholds.consents),
        ],
    }
}

pub(crate) fn admission(admitted: &PartyAdmitted) -> Vec<Said> {
    let roles: Vec<&str> = admitted.roles.iter().map(Role::name).collect();
    vec![
        said("name", &admitted.name),
        said("roles", roles.join(", ")),
        said("signing key", hex::encode(admitted.signing_key.to_bytes())),
        said("sealing key", hex::encode(admitted.sealing_key)),
    ]
}

fn standing(state: &State, change: &StandingChange) -> Vec<Said> {
    vec![
        said("party", named(state, &change.party)),
        said("sequence", change.sequence),
        said("basis", &change.basis),
    ]
}

pub(crate) fn proposal(terms: &ProposalTerms) -> Vec<Said> {
    vec![
        said("proposal", terms.number),
        said("thresholds", format!("generation {}", terms.policy)),
        match terms.until {
            Some(until) => said("until", until),
            None => said("until", "enacted with this entry"),
        },
    ]
}

pub(crate) fn epoch(state: &State, opened: &ViewKeyEpochOpened) -> Vec<Said> {
    vec![
        said("epoch", opened.epoch.0),
        said("active from", opened.active_from),
        said("last epoch", {
            let until = opened.previous_accepted_until;
            format!("accepted until {until}")
        }),
        said("supervisor", named(state, &opened.supervisor.holder)),
        said("witness", named(state, &opened.witness.holder)),
    ]
}

pub(crate) fn generation(state: &State, opened: &KeyGenerationOpened) -> Vec<Said> {
    let holders = opened.holders.iter();
    let holders: Vec<String> = holders
        .map(|party| named(state, party).to_string())
        .collect();
    vec![
        said("epoch", opened.epoch.0),
        said("side", opened.side),
        said("attempt", opened.attempt),
        said(
            "threshold",
            format!("{} of {}", opened.needed, opened.holders.len()),
        ),
        said("holders", holders.join(", ")),
        said("deadline", opened.deadline),
    ]
}

pub(crate) fn dealing(state: &State, opened: &TagDealingOpened) -> Vec<Said> {
    let all = |parties: &[PartyId]| {
        let names = parties.iter().map(|party| named(state, party).to_string());
        names.collect::<Vec<_>>().join(", ")
    };
    vec![
        said("generation", opened.generation),
        said("attempt", opened.attempt),
        said(
            "threshold",
            format!("{} of {}", opened.needed, opened.holders.len()),
        ),
        said("holders", all(&opened.holders)),
        said("dealers", all(&opened.dealers)),
        said("deadline", opened.deadline),
    ]
}

pub(crate) fn scale(proposed: &ScaleProposed) -> Vec<Said> {
    let label = |index: PeriodIndex| index.of(proposed.period_kind).label();
    let mut says = vec![
        said("scale", &proposed.id),
        said("version", proposed.version.0),
        said("asset", proposed.asset.0),
        said("periods", proposed.period_kind.word()),
        said(
            "manifest",
            hex::encode(sha256(proposed.manifest.as_bytes())),
        ),
        said("circuit", hex::encode(proposed.shape)),
        said("key", &proposed.key),
        said("provenance", proposed.provenance),
        said("claims", format!("at most {}", proposed.capacity)),
        said("credits", format!("at most {}", proposed.max_credits)),
    ];
    if let Some(most) = proposed.max_measure {
        says.push(said("measure", format!("at most {most}")));
    }
    says.push(said("valid from", label(proposed.valid_from)));
    if let Some(last) = proposed.valid_to {
        says.push(said("valid to", label(last)));
    }
    if let Some(cap) = proposed.supply_cap {
        says.push(said("supply cap", cap));
    }
    says.push(said("per source", proposed.per_source));
    says.push(said("vouched", proposed.vouched));
    says
}

pub(crate) fn retirement(
    state: &State,
    id: &ScaleId,
    version: ScaleVersion,
    last_period: PeriodIndex,
) -> Vec<Said> {
    // The kit may lack the scale, and the statement has no kind of period.
    let known = state.scales().version(id, version).ok();
    let last = known.map_or_else(
        || format!("number {last_period}"),
        |known| last_period.of(known.terms.period_kind).label(),
    );
    vec![
        said("scale", id),
        said("version", version.0),
        said("last period", last),
    ]
}

pub(crate) fn offer(state: &State, published: &OfferPublished) -> Vec<Said> {
    let mut says = vec![
        said("scale", &published.scale),
        said("expires", first_day(published.expiry)),
        said("offers", published.kind.name()),
        said("title", &published.title),
        said("description", &published.description),
        said("price", published.price),
        said("quota", published.quota),
        said("opens", published.opens),
        said("closes", published.closes),
        said("a day", published.per_day),
        said("number", published.number),
    ];
    let exchanges = published.exchanges.iter();
    says.extend(exchanges.map(|exchange| said("exchange", named(state, exchange))));
    says
}

/// What an alert says.
pub(crate) fn alert(state: &State, raised: &AlertRaised) -> Vec<Said> {
    vec![
        said("rule", &raised.rule),
        said("rule file", hex::encode(raised.rules)),
        match &raised.subject {
            AlertSubject::Ledger => said("subject", "the ledger"),
            AlertSubject::Party(party) => said("subject", named(state, party)),
            AlertSubject::Scale(scale) => said("subject", format!("scale {scale}")),
        },
        said("from", raised.from),
        said("until", raised.until),
        said("value", raised.value),
        said("threshold", raised.threshold),
    ]
}

pub(crate) fn closing(state: &State, offer: &EntryId, basis: &str) -> Vec<Said> {
    let mut says = vec![said("offer", offer)];
    if let Some(known) = state.offers().get(offer) {
        says.push(said("title", &known.published.title));
    }
    says.push(said("basis", basis));
    says
}

pub(crate) fn said(what: &'static str, value: impl Display) -> Said {
    let value = value.to_string();
    Said { what, value }
}

pub(crate) fn first_day(expiry: Expiry) -> String {
    format!("{}-01", expiry.month().label())
}
