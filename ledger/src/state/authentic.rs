//! Who sends an entry: the party's signature, the consents and possessions that a kind requires, and the founders,
//! whom nobody admitted before they write.

use merits_primitives::{
    calendar::Timestamp,
    ids::{Origin, PartyId},
};
use merits_verifier::{codec::Canonical as _, entry::SignedEntry, signature::PublicKey};

use super::Governing;
use crate::entry::{Act, Entry, Kind, PARTY_ADMITTED, PartyAdmitted};
use crate::refusal::{BoardRefusal, Refusal};
use crate::role::{Role, Roles};
use crate::signatures::{ClaimSignature, Unverified};
use crate::submission::{Authentic, Sender, Submission};

impl Governing {
    /// The sender of an entry, determined from its envelope alone, or, for a founder that is not admitted yet, also
    /// from its application. It costs one signature check,
    /// some tens of microseconds, and a digest of the bytes, whatever the statement contains. It
    /// checks neither the statement nor its proof. `now` is the time by which an emergency
    /// suspension ends.
    ///
    /// # Errors
    /// [`Refusal::OtherOrigin`], [`Refusal::UnknownKind`], [`Refusal::PartyUnknown`],
    /// [`BoardRefusal::NotAFounder`], [`Refusal::PartySuspended`], [`Refusal::SignatureInvalid`].
    pub fn sender(&self, signed: &SignedEntry, now: Timestamp) -> Result<Sender, Refusal> {
        self.check_origin(signed)?;
        let kind = Kind::of(signed.kind).ok_or(Refusal::UnknownKind { kind: signed.kind })?;
        if kind.is_personal() {
            return Ok(Sender::Person);
        }
        if self.parties.is_empty() {
            return Ok(Sender::Founder);
        }
        let party = signed.party;
        if kind.number == PARTY_ADMITTED && self.is_awaited(&party) {
            // Its key is in the statement, and its id is the key's and the name's digest.
            let admitted = PartyAdmitted::from_bytes(&signed.statement)?;
            if admitted.party(self.origin()) != party {
                return Err(BoardRefusal::NotAFounder { party }.into());
            }
            let key = admitted.signing_key;
            signed
                .verify_signature(&key)
                .map_err(|_| Refusal::SignatureInvalid { party })?;
            return Ok(Sender::Party(key));
        }
        self.refuse_stranger(kind, &party)?;
        let known = self.speaking(kind, &party)?;
        if now < known.barred_until {
            return Err(Refusal::PartySuspended { party });
        }
        // The key before the present one may sign for some time still.
        let mut keys = known.keys(now);
        let key = keys.find(|key| signed.verify_signature(key).is_ok());
        key.map(Sender::Party)
            .ok_or(Refusal::SignatureInvalid { party })
    }

    /// Checks all signatures of a submission: the party's, the consent or possession that the kind
    /// requires, and the source's for each claim. May run on any thread.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn authenticate(&self, submission: Submission) -> Result<Authentic, Refusal> {
        self.signatures(submission, None)?.verify()
    }

    /// The signatures that [`Governing::authenticate`] checks, for checking together with others
    /// ([`crate::verify_together`]). `known` is the key under which the party's signature holds, if
    /// [`Governing::sender`] has found it.
    ///
    /// # Errors
    /// [`Refusal`], if no signature could make the entry acceptable.
    pub fn signatures(
        &self,
        submission: Submission,
        known: Option<PublicKey>,
    ) -> Result<Unverified, Refusal> {
        if submission.entry().is_personal() {
            if !submission.signed().is_unsigned() {
                return Err(Refusal::SignatureUnexpected {
                    kind: submission.entry().kind_name(),
                });
            }
            return Ok(Unverified::new(submission));
        }
        let party = submission.party();
        let entry = submission.entry();
        let signer = if let Entry::PartyAdmitted(admitted) = entry
            && (self.parties.is_empty() || self.is_awaited(&party))
        {
            // Nobody admitted it before, so the founder vouches for itself.
            self.check_admits_itself(&submission, admitted)?;
            admitted.signing_key
        } else {
            self.refuse_stranger(&entry.facts(), &party)?;
            let known = self.speaking(&entry.facts(), &party)?;
            let signed = submission.signed();
            let holds = |key: &PublicKey| {
                // Mostly there is one key, and its signature is verified with others later.
                if entry.changes_keys() || known.former.is_none() {
                    *key == known.signing_key
                } else {
                    signed.verify_signature(key).is_ok()
                }
            };
            let key = known.keys(self.time()).find(holds);
            key.unwrap_or(known.signing_key)
        };
        let mut unverified = Unverified::new(submission);
        unverified.expect_signer(signer, known == Some(signer));
        match self.others(unverified.submission(), &party) {
            Ok(None) => {}
            Ok(Some(claims)) => unverified.expect_source(claims),
            Err(refusal) => unverified.refuse(refusal),
        }
        Ok(unverified)
    }

    /// The checks besides the party's signature: consent and possession, which are rare and checked
    /// immediately, the source's signatures, and whether a key's provenance is admitted.
    fn others(
        &self,
        submission: &Submission,
        party: &PartyId,
    ) -> Result<Option<Vec<ClaimSignature>>, Refusal> {
        let origin = self.origin();
        let entry = submission.entry();
        if let Some(published) = entry.published() {
            // Before every point of the key is read. The rules ask again.
            self.policy.keys.admit(published.provenance)?;
        }
        match entry {
            Entry::PartyAdmitted(admitted) => check_consent(admitted, origin)?,
            Entry::ActProposed(proposed) => match &proposed.act {
                Act::PartyAdmitted(admitted) => check_consent(admitted, origin)?,
                Act::PartySuspended(_)
                | Act::PartyReinstated(_)
                | Act::PartyEnded(_)
                | Act::StatementKeyAdopted(_)
                | Act::ViewKeyEpochOpened(_)
                | Act::QuorumEpochOpened(_)
                | Act::ScaleApproved(_)
                | Act::ScaleRetired(_)
                | Act::OfferClosed(_)
                | Act::ThresholdsChanged(_) => {}
            },
            Entry::KeysRotated(rotated) => rotated
                .verify_possession(origin, party)
                .map_err(|_| Refusal::PossessionInvalid { what: "possession" })?,
            Entry::KeySucceeded(succeeded) => succeeded
                .verify_possession(origin, party)
                .map_err(|_| Refusal::PossessionInvalid { what: "possession" })?,
            Entry::EarnBatch(batch) => {
                return Ok(Some(self.source_signatures(batch, self.source_of(batch)?)));
            }
            Entry::EpochProposed(_)
            | Entry::KeyGenerationOpened(_)
            | Entry::KeyGenerationMessage(_)
            | Entry::KeyShareDestroyed(_)
            | Entry::ActEndorsed(_)
            | Entry::EndorsementRevoked(_)
            | Entry::ActEnacted(_)
            | Entry::ActObjected(_)
            | Entry::EmergencySuspended(_)
            | Entry::ScaleProposed(_)
            | Entry::ScaleRetired(_)
            | Entry::OpeningRequested(_)
            | Entry::RedeemerRequested(_)
            | Entry::OpeningEndorsed(_)
            | Entry::OpeningDisowned(_)
            | Entry::OpeningCompleted(_)
            | Entry::OpeningRevealed(_)
            | Entry::AlertRaised(_)
            | Entry::AlertHandled(_)
            | Entry::TotalsCut(_)
            | Entry::TotalsOpened(_)
            | Entry::EvaluatorOpened(_)
            | Entry::EvaluationCounted(_)
            | Entry::IdentityRegistered(_)
            | Entry::IdentityRetired(_)
            | Entry::TagDealingOpened(_)
            | Entry::TagDealingMessage(_)
            | Entry::TermsPublished(_)
            | Entry::ConsentWithdrawn(_)
            | Entry::TicketDeposited(_)
            | Entry::OfferPublished(_)
            | Entry::OfferClosed(_)
            | Entry::Redeemed(_)
            | Entry::Attested(_) => {}
        }
        Ok(None)
    }

    fn check_founder(&self, submission: &Submission) -> Result<(), Refusal> {
        let authority = self.policy.authority;
        if let Entry::PartyAdmitted(admitted) = submission.entry()
            && submission.party() == authority
            && admitted.party(self.origin()) == authority
            && admitted.roles.has(Role::Supervisor)
        {
            return Ok(());
        }
        Err(Refusal::NotFounded { authority })
    }

    /// Whether the founding facts name the party, and it has not admitted itself yet.
    fn is_awaited(&self, party: &PartyId) -> bool {
        let board = &self.policy.board;
        (board.names_supervisor(party) || board.names_witness(party))
            && self.parties.get(party).is_none()
    }

    /// Tells a party that would admit itself, and that the founding facts do not name, what admits it.
    fn refuse_stranger(&self, kind: &Kind, party: &PartyId) -> Result<(), Refusal> {
        if kind.number == PARTY_ADMITTED && self.parties.get(party).is_none() {
            return Err(BoardRefusal::NotAFounder { party: *party }.into());
        }
        Ok(())
    }

    /// Only founders admit themselves: the authority, which is first, and those that the founding facts name.
    pub(super) fn check_admits_itself(
        &self,
        submission: &Submission,
        admitted: &PartyAdmitted,
    ) -> Result<(), Refusal> {
        if self.parties.is_empty() {
            return self.check_founder(submission);
        }
        let party = admitted.party(self.origin());
        let board = &self.policy.board;
        let role = if submission.party() != party {
            return Err(BoardRefusal::NotAFounder { party }.into());
        } else if board.names_supervisor(&party) {
            Role::Supervisor
        } else if board.names_witness(&party) {
            Role::Witness
        } else {
            return Err(BoardRefusal::NotAFounder { party }.into());
        };
        if admitted.roles != Roles::new(&[role]) {
            return Err(BoardRefusal::FounderRoles { party, role }.into());
        }
        Ok(())
    }

    /// The key under which the signature held still signs for the party at `time`, and the party still has a voice.
    pub(super) fn check_signer(
        &self,
        authentic: &Authentic,
        time: Timestamp,
    ) -> Result<(), Refusal> {
        let submission = &authentic.submission;
        let party = submission.party();
        let entry = submission.entry();
        if self.parties.is_empty() {
            return self.check_founder(submission);
        }
        match (authentic.signer, entry) {
            (None, entry) if entry.is_personal() => Ok(()),
            (Some(signer), Entry::PartyAdmitted(admitted)) if self.is_awaited(&party) => {
                if admitted.signing_key == signer {
                    Ok(())
                } else {
                    Err(Refusal::KeyRotated { party })
                }
            }
            (Some(signer), entry) => {
                let known = self.speaking(&entry.facts(), &party)?;
                let holds = if entry.changes_keys() {
                    known.signing_key == signer
                } else {
                    known.signs_with(&signer, time)
                };
                holds.then_some(()).ok_or(Refusal::KeyRotated { party })
            }
            (None, _) => Err(Refusal::KeyRotated { party }),
        }
    }
}

/// A party consents to its admission with its own key.
fn check_consent(admitted: &PartyAdmitted, origin: &Origin) -> Result<(), Refusal> {
    admitted
        .verify_consent(origin)
        .map_err(|_| Refusal::PossessionInvalid { what: "consent" })
}
