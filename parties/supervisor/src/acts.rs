//! The entries that a supervisor signs: admission, standing, scales, view-key epochs, openings,
//! totals.
//!
//! Each function makes one signed entry; the ledger's rules decide whether it is accepted.

use ed25519_dalek::SigningKey;
use merits_ledger::{
    Role, Roles,
    entry::{
        Entry, OpeningCompleted, OpeningContent, OpeningRequested, OpeningRevealed, PartyAdmitted,
        PersonStatement, ProvenHalf, ScaleApproved, ScaleRetired, StandingChange,
        StatementKeyAdopted, TotalPartial as LoggedPartial, TotalPartials, TotalsOpened,
        ViewKeyEpochOpened,
    },
};
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, Epoch, Origin, PartyId, ScaleId, ScaleVersion},
};
use merits_verifier::{
    entry::SignedEntry,
    groth16::{Provenance, VerifyingKey},
};
use thiserror::Error;

use crate::{
    holder::TotalPartial,
    side::Side,
    totals::OpenedTotal,
    view_key::{UnprovenHalf, verify_half},
};

/// Why a supervisor refuses to sign an admission.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ApplicationFault {
    /// The applicant did not sign.
    #[error("the application of {0:?} is not signed by its own key for this log: ask for it again")]
    Unsigned(String),
    /// The applicant asks for roles that one institution may not hold together.
    #[error("{name:?} applies for {one} and {other}, which one institution may not hold together")]
    Conflict {
        /// The applicant.
        name: String,
        /// One role.
        one: Role,
        /// The other.
        other: Role,
    },
    /// The applicant asks for no role.
    #[error("{0:?} applies for no role")]
    NoRole(String),
}

/// Signs a supervisor's entries: with its party, its log and its key.
pub struct EntrySigner {
    origin: Origin,
    party: PartyId,
    key: SigningKey,
}

impl std::fmt::Debug for EntrySigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EntrySigner({} on {}, ..)", self.party, self.origin)
    }
}

/// The application of a ledger's founding supervisor. The coordinator is configured with its
/// party id ([`PartyAdmitted::party`]) as the authority, and the entry that admits it must be
/// the first.
pub fn founding_application(
    origin: &Origin,
    name: &str,
    key: &SigningKey,
    sealing_key: [u8; 32],
) -> PartyAdmitted {
    PartyAdmitted::apply(
        origin,
        name,
        Roles::new(&[Role::Supervisor]),
        key,
        sealing_key,
    )
}

impl EntrySigner {
    /// The supervisor `party` with its signing key.
    pub fn new(origin: Origin, party: PartyId, key: SigningKey) -> Self {
        Self { origin, party, key }
    }

    /// The founding supervisor: its party id follows from its name and key.
    pub fn founding(origin: Origin, name: &str, key: SigningKey, sealing_key: [u8; 32]) -> Self {
        let party = founding_application(&origin, name, &key, sealing_key).party(&origin);
        Self { origin, party, key }
    }

    /// Its party.
    pub fn party(&self) -> PartyId {
        self.party
    }

    /// The log.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Admits a party that applied.
    ///
    /// # Errors
    /// [`ApplicationFault`], before anything is signed.
    pub fn admit(&self, application: PartyAdmitted) -> Result<SignedEntry, ApplicationFault> {
        let name = || application.name.clone();
        application
            .verify_consent(&self.origin)
            .map_err(|_| ApplicationFault::Unsigned(name()))?;
        if application.roles.is_empty() {
            return Err(ApplicationFault::NoRole(name()));
        }
        if let Some((one, other)) = application.roles.conflict() {
            return Err(ApplicationFault::Conflict {
                name: name(),
                one,
                other,
            });
        }
        Ok(self.sign(Entry::PartyAdmitted(application)))
    }

    /// Suspends a party. `sequence` counts its changes of standing, including this one.
    pub fn suspend(&self, party: PartyId, sequence: u32, basis: &str) -> SignedEntry {
        let basis = basis.to_owned();
        self.sign(Entry::PartySuspended(StandingChange {
            party,
            sequence,
            basis,
        }))
    }

    /// Reinstates a suspended party. `sequence` counts its changes of standing, this one
    /// included.
    pub fn reinstate(&self, party: PartyId, sequence: u32, basis: &str) -> SignedEntry {
        let basis = basis.to_owned();
        self.sign(Entry::PartyReinstated(StandingChange {
            party,
            sequence,
            basis,
        }))
    }

    /// Approves exactly what the entry `proposal` proposed.
    pub fn approve_scale(
        &self,
        id: ScaleId,
        version: ScaleVersion,
        proposal: EntryId,
    ) -> SignedEntry {
        self.sign(Entry::ScaleApproved(ScaleApproved {
            id,
            version,
            proposal,
        }))
    }

    /// Ends a version of a scale after a period.
    pub fn retire_scale(
        &self,
        id: ScaleId,
        version: ScaleVersion,
        last_period: u32,
    ) -> SignedEntry {
        self.sign(Entry::ScaleRetired(ScaleRetired {
            id,
            version,
            last_period,
        }))
    }

    /// Puts a key of `ticket` or `redeem` into force. `generation` counts the statement's keys,
    /// including this one.
    pub fn adopt_key(
        &self,
        statement: PersonStatement,
        generation: u32,
        key: VerifyingKey,
        provenance: Provenance,
    ) -> SignedEntry {
        self.sign(Entry::StatementKeyAdopted(StatementKeyAdopted {
            statement,
            generation,
            key,
            provenance,
        }))
    }

    /// Opens a view-key epoch with both sides' halves.
    ///
    /// # Errors
    /// [`UnprovenHalf`] when a holder does not show that it knows its secrets.
    pub fn open_epoch(
        &self,
        epoch: Epoch,
        active_from: Timestamp,
        previous_accepted_until: Timestamp,
        supervisor: ProvenHalf,
        witness: ProvenHalf,
    ) -> Result<SignedEntry, UnprovenHalf> {
        verify_half(&self.origin, epoch, Side::Supervisor, &supervisor)?;
        verify_half(&self.origin, epoch, Side::Witness, &witness)?;
        let proof = ViewKeyEpochOpened::proof(&supervisor, &witness);
        let opened = Entry::ViewKeyEpochOpened(ViewKeyEpochOpened {
            epoch,
            active_from,
            previous_accepted_until,
            supervisor: supervisor.keys,
            witness: witness.keys,
        });
        Ok(opened.sign_with(&self.origin, self.party, Some((&proof).into()), &self.key))
    }

    /// Asks to open one claim. The entry hides which; its id names the request from now on.
    ///
    pub fn request_opening(
        &self,
        scale: ScaleId,
        content: &OpeningContent,
        deadline: Timestamp,
    ) -> SignedEntry {
        let commitment = content.commitment(&self.origin);
        self.sign(Entry::OpeningRequested(OpeningRequested {
            commitment,
            scale,
            deadline,
        }))
    }

    /// Records that a request was answered, with the hash of the result
    /// ([`crate::request::Opened::hash`]).
    pub fn complete_opening(&self, request: EntryId, result: [u8; 32]) -> SignedEntry {
        self.sign(Entry::OpeningCompleted(OpeningCompleted {
            request,
            result,
        }))
    }

    /// Reveals the content of a request to everybody.
    pub fn reveal_opening(&self, request: EntryId, content: OpeningContent) -> SignedEntry {
        self.sign(Entry::OpeningRevealed(OpeningRevealed { request, content }))
    }

    /// Publishes an opened total.
    pub fn publish_total(&self, total: &OpenedTotal) -> SignedEntry {
        let partial = |answer: &TotalPartial| LoggedPartial {
            point: answer.partial,
            proof: answer.proof,
        };
        self.sign(Entry::TotalsOpened(TotalsOpened {
            key: total.set.key(),
            entries: total.set.entries().to_vec(),
            sum: total.sum,
            partials: total
                .partials
                .as_ref()
                .map(|[supervisor, witness]| TotalPartials {
                    supervisor: partial(supervisor),
                    witness: partial(witness),
                }),
        }))
    }

    fn sign(&self, entry: Entry) -> SignedEntry {
        entry.sign(&self.origin, self.party, None, &self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin::new("ledger.test/merits").unwrap()
    }

    fn supervisor() -> EntrySigner {
        EntrySigner::founding(
            origin(),
            "Supervisor",
            SigningKey::from_bytes(&[1; 32]),
            [9; 32],
        )
    }

    fn apply(roles: &[Role]) -> PartyAdmitted {
        let key = SigningKey::from_bytes(&[2; 32]);
        PartyAdmitted::apply(&origin(), "Applicant", Roles::new(roles), &key, [8; 32])
    }

    #[test]
    fn a_sound_application_is_signed() {
        let entry = supervisor()
            .admit(apply(&[Role::Source, Role::Distributor]))
            .unwrap();
        let key = merits_verifier::signature::PublicKey::of(&SigningKey::from_bytes(&[1; 32]));
        assert_eq!(entry.verify_signature(&key), Ok(()));
        assert_eq!(entry.party, supervisor().party());
    }

    #[test]
    fn an_unsound_application_is_not_signed() {
        let conflict = supervisor().admit(apply(&[Role::Supervisor, Role::Distributor]));
        assert!(matches!(conflict, Err(ApplicationFault::Conflict { .. })));
        let nothing = supervisor().admit(apply(&[]));
        assert!(matches!(nothing, Err(ApplicationFault::NoRole(_))));
        let mut altered = apply(&[Role::Sponsor]);
        altered.roles = Roles::new(&[Role::Issuer]);
        let unsigned = supervisor().admit(altered);
        assert!(matches!(unsigned, Err(ApplicationFault::Unsigned(_))));
    }
}
