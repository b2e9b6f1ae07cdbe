//! Who may receive what: the table of `docs/src/what-roles-see.md`, as code.

use std::fmt;

use merits_ledger::Role;

use super::data::Kind;
use crate::demo::wire::{Message, Part};

/// Somebody who receives something in the demonstration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// A party of the ledger.
    Party(Role),
    /// Who orders the log.
    Coordinator,
    /// People, whose wallets share one copy of the log in the demonstration.
    Wallets,
    /// A stranger who checks what somebody shows.
    Verifier,
}

/// The folder of those who only look, which is also the receiver's name.
pub(crate) const VERIFIER: &str = "verifier";

impl Receiver {
    /// By the name of a folder, such as `supervisor-2`.
    pub(crate) fn of(folder: &str) -> Option<Self> {
        let name = folder.trim_end_matches(|c: char| c.is_ascii_digit());
        let name = name.strip_suffix('-').unwrap_or(folder);
        match name {
            "coordinator" => Some(Self::Coordinator),
            "wallets" => Some(Self::Wallets),
            VERIFIER => Some(Self::Verifier),
            name => Role::from_name(name).map(Self::Party),
        }
    }

    /// Everybody.
    #[cfg(test)]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let others = [Self::Coordinator, Self::Wallets, Self::Verifier];
        Role::ALL.into_iter().map(Self::Party).chain(others)
    }
}

impl fmt::Display for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Party(role) => f.write_str(role.name()),
            Self::Coordinator => f.write_str("coordinator"),
            Self::Wallets => f.write_str("wallets"),
            Self::Verifier => f.write_str(VERIFIER),
        }
    }
}

/// Of whom a receiver may receive a kind of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Nobody,
    /// Of the person whose claim was opened, from the distributor, by the supervisor who asked.
    Opened,
    Everybody,
}

impl fmt::Display for Of {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "no",
            Self::Opened => "opened",
            Self::Everybody => "yes",
        })
    }
}

/// A row of the table: what this receiver may receive. The compiler refuses a role without a row.
pub(crate) fn may(receiver: Receiver, kind: Kind) -> Of {
    match (receiver, kind) {
        // Nobody: it stays in the wallet.
        (_, Kind::Secret) => Of::Nobody,
        // The log has it.
        (_, Kind::Commitment) => Of::Everybody,
        (Receiver::Party(role), kind) => party_may(role, kind),
        (Receiver::Coordinator | Receiver::Wallets | Receiver::Verifier, _) => Of::Nobody,
    }
}

fn party_may(role: Role, kind: Kind) -> Of {
    match role {
        // Its own records, and whose they are. Not what they are worth.
        Role::Source => match kind {
            Kind::Record | Kind::Pseudonym | Kind::Account => Of::Everybody,
            Kind::Amount | Kind::Number | Kind::Secret | Kind::Commitment => Of::Nobody,
        },
        // Its own users' records, from which it computes.
        Role::Distributor => match kind {
            Kind::Record | Kind::Pseudonym | Kind::Account | Kind::Amount => Of::Everybody,
            Kind::Number | Kind::Secret | Kind::Commitment => Of::Nobody,
        },
        // What a quorum opens, one claim at a time.
        Role::Supervisor => match kind {
            Kind::Record | Kind::Pseudonym | Kind::Amount => Of::Opened,
            Kind::Account | Kind::Number | Kind::Secret | Kind::Commitment => Of::Nobody,
        },
        // Who somebody is.
        Role::Registrar => match kind {
            Kind::Number => Of::Everybody,
            Kind::Record
            | Kind::Pseudonym
            | Kind::Account
            | Kind::Amount
            | Kind::Secret
            | Kind::Commitment => Of::Nobody,
        },
        // Proofs, aggregates, and what is on the log.
        Role::Issuer
        | Role::Sponsor
        | Role::Exchange
        | Role::Clearing
        | Role::Witness
        | Role::Evaluator => Of::Nobody,
    }
}

/// The file by which a distributor discloses an opened claim.
pub(crate) const DISCLOSURE: &str = "disclosure.json";

/// What a quorum opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opened<'a> {
    /// The folder of the supervisor who asked.
    pub(crate) requester: &'a str,
    /// The person, from 0; `None` if nothing was opened.
    pub(crate) person: Option<usize>,
}

impl Opened<'_> {
    /// Whether this message may have this kind of data about a person.
    pub(crate) fn allow(&self, message: &Message, kind: Kind, person: usize) -> bool {
        // Who has no row may receive nothing.
        let of = Receiver::of(&message.receiver).map_or(Of::Nobody, |who| may(who, kind));
        match of {
            Of::Nobody => false,
            Of::Everybody => true,
            Of::Opened => {
                message.receiver == self.requester
                    && message.part == Part::Handed
                    && message.call == DISCLOSURE
                    && self.person == Some(person)
            }
        }
    }
}

/// The service of large things that entries name. A demonstration of a small circuit never calls it.
pub(crate) const BLOBS: &str = "merits.ledger.v1.Blobs";

/// Every service of the interface, and the role that the demonstration calls for it; `None` if it calls none.
pub(crate) const SERVICES: [(&str, Option<&str>); 9] = [
    ("merits.exchange.v1.Exchange", Some("exchange")),
    (BLOBS, Some("coordinator")),
    ("merits.ledger.v1.Cosignatures", Some("coordinator")),
    ("merits.ledger.v1.Ledger", Some("coordinator")),
    // For wallets that keep no leaves. Those of the demonstration keep them.
    ("merits.notes.v1.Notes", None),
    ("merits.registry.v1.Registry", Some("coordinator")),
    ("merits.supervision.v1.Supervision", Some("witness")),
    ("merits.uniqueness.v1.Uniqueness", Some("evaluator")),
    ("merits.verifier.v1.Verifier", Some("coordinator")),
];

/// The call by which the coordinator asks a log witness for its cosignature.
pub(crate) const ADD_CHECKPOINT: &str = "POST /add-checkpoint";
