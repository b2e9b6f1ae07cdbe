//! The entries that a supervisor signs: acts of the board and voices on them, openings, totals. A log witness signs
//! its consents to acts by the same.
//!
//! Each function makes one signed entry; the ledger's rules decide whether it is accepted.

use ed25519_dalek::SigningKey;
use merits_ledger::{
    Role, Roles,
    entry::{
        Act, ActProposed, AlertHandled, AlertRaised, EmergencySuspended, Entry, EpochProposed,
        KeyGenerationMessage, KeyGenerationOpened, KeyShareDestroyed, OpeningCompleted,
        OpeningContent, OpeningDisowned, OpeningEndorsed, OpeningRequested, OpeningRevealed,
        PartyAdmitted, ProposalNamed, ProposalTerms, ProvenHalf, TotalsCut, TotalsOpened,
        ViewKeyEpochOpened, Voice,
    },
};
use merits_party::identity::Identity;
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, Epoch, Origin, PartyId, ScaleId},
};
use merits_verifier::{entry::SignedEntry, possession::TotalsKey};
use thiserror::Error;

use crate::{
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
    /// The party `party` with its present signing key. Its id does not follow from this key, which may not be its
    /// first.
    pub fn new(origin: Origin, party: PartyId, key: SigningKey) -> Self {
        Self { origin, party, key }
    }

    /// The party of an identity. Its id is that of its first key, also after it changed its key.
    pub fn of(identity: &Identity) -> Self {
        let (origin, key) = (identity.origin.clone(), identity.signing.clone());
        Self::new(origin, identity.party(), key)
    }

    /// Its party.
    pub fn party(&self) -> PartyId {
        self.party
    }

    /// The log.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Admits itself to a ledger whose founding facts name it.
    pub fn join(&self, application: PartyAdmitted) -> SignedEntry {
        self.sign(Entry::PartyAdmitted(application))
    }

    /// Proposes an act of the board, and endorses it thereby. A view-key epoch has a proposal of its own
    /// ([`EntrySigner::open_epoch`]).
    pub fn propose(&self, act: Act, terms: ProposalTerms) -> SignedEntry {
        self.sign(Entry::ActProposed(ActProposed { act, terms }))
    }

    /// Proposes to admit a party that applied.
    ///
    /// # Errors
    /// [`ApplicationFault`], before anything is signed.
    pub fn admit(
        &self,
        application: PartyAdmitted,
        terms: ProposalTerms,
    ) -> Result<SignedEntry, ApplicationFault> {
        check_application(&self.origin, &application)?;
        Ok(self.propose(Act::PartyAdmitted(application), terms))
    }

    /// Endorses a proposed act; a log witness consents to it. `number` counts its endorsements of this act,
    /// including this one.
    pub fn endorse(&self, proposal: EntryId, number: u32) -> SignedEntry {
        self.sign(Entry::ActEndorsed(Voice { proposal, number }))
    }

    /// Revokes its endorsement with this number.
    pub fn revoke(&self, proposal: EntryId, number: u32) -> SignedEntry {
        self.sign(Entry::EndorsementRevoked(Voice { proposal, number }))
    }

    /// Raises what an indicator found.
    pub fn raise(&self, alert: AlertRaised) -> SignedEntry {
        self.sign(Entry::AlertRaised(alert))
    }

    /// Acknowledges an alert, or silences it until a time.
    pub fn handle(&self, handled: AlertHandled) -> SignedEntry {
        self.sign(Entry::AlertHandled(handled))
    }

    /// Objects to an act, as a log witness.
    pub fn object(&self, proposal: EntryId) -> SignedEntry {
        self.sign(Entry::ActObjected(ProposalNamed { proposal }))
    }

    /// Lets an act take effect that has the endorsements it needs.
    pub fn enact(&self, proposal: EntryId) -> SignedEntry {
        self.sign(Entry::ActEnacted(ProposalNamed { proposal }))
    }

    /// Suspends a party at once, for 72 hours. `number` counts its emergency suspensions, including this one.
    pub fn suspend_now(&self, party: PartyId, number: u32, basis: &str) -> SignedEntry {
        let basis = basis.to_owned();
        self.sign(Entry::EmergencySuspended(EmergencySuspended {
            party,
            number,
            basis,
        }))
    }

    /// Proposes a view-key epoch with both sides' halves.
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
        terms: ProposalTerms,
    ) -> Result<SignedEntry, UnprovenHalf> {
        verify_half(&self.origin, epoch, Side::Supervisor, &supervisor)?;
        verify_half(&self.origin, epoch, Side::Witness, &witness)?;
        let proof = ViewKeyEpochOpened::proof(&supervisor, &witness);
        let opened = ViewKeyEpochOpened {
            epoch,
            active_from,
            previous_accepted_until,
            supervisor: supervisor.keys,
            witness: witness.keys,
        };
        let proposed = Entry::EpochProposed(EpochProposed { opened, terms });
        Ok(proposed.sign(&self.origin, self.party, Some((&proof).into()), &self.key))
    }

    /// Asks to open one claim. The entry hides which; its id names the request from now on.
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

    /// Asks to open who made one redemption. The entry hides which.
    pub fn request_redeemer(
        &self,
        scale: ScaleId,
        content: &OpeningContent,
        deadline: Timestamp,
    ) -> SignedEntry {
        let commitment = content.commitment(&self.origin);
        self.sign(Entry::RedeemerRequested(OpeningRequested {
            commitment,
            scale,
            deadline,
        }))
    }

    /// Endorses a request, whose content this member was shown. `number` counts its endorsements of this request,
    /// including this one.
    pub fn endorse_opening(
        &self,
        request: EntryId,
        content: &OpeningContent,
        number: u32,
    ) -> SignedEntry {
        let seen = content.seen_by(&self.origin, &request, &self.party);
        self.sign(Entry::OpeningEndorsed(OpeningEndorsed {
            request,
            number,
            seen,
        }))
    }

    /// Revokes its endorsement of a request with this number; a requester's own has 1.
    pub fn disown_opening(&self, request: EntryId, number: u32) -> SignedEntry {
        self.sign(Entry::OpeningDisowned(OpeningDisowned { request, number }))
    }

    /// Records that a request was answered, with the hash of the result
    /// ([`crate::request::OpeningResult::hash`]).
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

    /// Cuts an interval of the batches of this scale, period and epoch: of both outputs.
    pub fn cut_totals(&self, key: TotalsKey, number: u32) -> SignedEntry {
        let TotalsKey {
            asset,
            period,
            epoch,
            output: _,
        } = key;
        self.sign(Entry::TotalsCut(TotalsCut {
            asset,
            period,
            epoch,
            number,
        }))
    }

    /// Publishes an opened total.
    pub fn publish_total(&self, total: &OpenedTotal) -> SignedEntry {
        self.sign(Entry::TotalsOpened(TotalsOpened {
            key: total.set.key(),
            number: total.set.number(),
            sum: total.sum,
            partials: total.partials.clone(),
        }))
    }

    /// Opens an attempt of a key generation.
    pub fn open_generation(&self, opened: KeyGenerationOpened) -> SignedEntry {
        self.sign(Entry::KeyGenerationOpened(opened))
    }

    /// Publishes a message of a key generation.
    pub fn publish_message(&self, message: KeyGenerationMessage) -> SignedEntry {
        self.sign(Entry::KeyGenerationMessage(message))
    }

    /// Records that this party's share was destroyed.
    pub fn share_destroyed(&self, epoch: Epoch, side: Side) -> SignedEntry {
        self.sign(Entry::KeyShareDestroyed(KeyShareDestroyed { epoch, side }))
    }

    fn sign(&self, entry: Entry) -> SignedEntry {
        entry.sign(&self.origin, self.party, None, &self.key)
    }
}

/// Whether a supervisor may propose or endorse this admission.
///
/// # Errors
/// [`ApplicationFault`].
pub fn check_application(
    origin: &Origin,
    application: &PartyAdmitted,
) -> Result<(), ApplicationFault> {
    let name = || application.name.clone();
    application
        .verify_consent(origin)
        .map_err(|_| ApplicationFault::Unsigned(name()))?;
    if application.roles.is_empty() {
        return Err(ApplicationFault::NoRole(name()));
    }
    match application.roles.conflict() {
        None => Ok(()),
        Some((one, other)) => Err(ApplicationFault::Conflict {
            name: name(),
            one,
            other,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin::new("ledger.test/merits").unwrap()
    }

    fn supervisor() -> EntrySigner {
        let key = SigningKey::from_bytes(&[1; 32]);
        let own = founding_application(&origin(), "Supervisor", &key, [9; 32]);
        EntrySigner::new(origin(), own.party(&origin()), key)
    }

    fn apply(roles: &[Role]) -> PartyAdmitted {
        let key = SigningKey::from_bytes(&[2; 32]);
        PartyAdmitted::apply(&origin(), "Applicant", Roles::new(roles), &key, [8; 32])
    }

    #[test]
    fn a_sound_application_is_signed() {
        let entry = supervisor()
            .admit(
                apply(&[Role::Source, Role::Distributor]),
                ProposalTerms::AT_ONCE,
            )
            .unwrap();
        let key = merits_verifier::signature::PublicKey::of(&SigningKey::from_bytes(&[1; 32]));
        assert_eq!(entry.verify_signature(&key), Ok(()));
        assert_eq!(entry.party, supervisor().party());
    }

    #[test]
    fn an_unsound_application_is_not_signed() {
        let conflict = supervisor().admit(
            apply(&[Role::Supervisor, Role::Distributor]),
            ProposalTerms::AT_ONCE,
        );
        assert!(matches!(conflict, Err(ApplicationFault::Conflict { .. })));
        let nothing = supervisor().admit(apply(&[]), ProposalTerms::AT_ONCE);
        assert!(matches!(nothing, Err(ApplicationFault::NoRole(_))));
        let mut altered = apply(&[Role::Sponsor]);
        altered.roles = Roles::new(&[Role::Issuer]);
        let unsigned = supervisor().admit(altered, ProposalTerms::AT_ONCE);
        assert!(matches!(unsigned, Err(ApplicationFault::Unsigned(_))));
    }
}
