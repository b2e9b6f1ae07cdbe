//! Acts of a board of one: the fixture's ledgers are founded with thresholds of 1 and no delay, so that the entry
//! that proposes an act enacts it.

use merits_ledger::entry::{
    Act, ActProposed, Entry, PartyAdmitted, ProposalTerms, ScaleApproved, ScaleRetired,
    StandingChange, StatementKeyAdopted,
};

/// The entry by which one supervisor alone decides this.
pub fn at_once(act: Act) -> Entry {
    Entry::ActProposed(ActProposed {
        act,
        terms: ProposalTerms::AT_ONCE,
    })
}

/// A party joins.
pub fn admitted(admitted: PartyAdmitted) -> Entry {
    at_once(Act::PartyAdmitted(admitted))
}

/// A party is suspended.
pub fn suspended(change: StandingChange) -> Entry {
    at_once(Act::PartySuspended(change))
}

/// A suspended party is reinstated.
pub fn reinstated(change: StandingChange) -> Entry {
    at_once(Act::PartyReinstated(change))
}

/// A statement's key comes into force.
pub fn adopted(adopted: StatementKeyAdopted) -> Entry {
    at_once(Act::StatementKeyAdopted(adopted))
}

/// A version of a scale is approved.
pub fn approved(approved: ScaleApproved) -> Entry {
    at_once(Act::ScaleApproved(approved))
}

/// A version of a scale ends.
pub fn retired(retired: ScaleRetired) -> Entry {
    at_once(Act::ScaleRetired(retired))
}
