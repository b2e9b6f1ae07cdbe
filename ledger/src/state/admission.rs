//! Who may send which kind, and what is asked about an entry before anything in it is decoded: whether its party may
//! send what costs much to read. Who sends it is in `authentic`.

use merits_primitives::{calendar::Timestamp, ids::PartyId};
use merits_verifier::entry::SignedEntry;

use super::{Governing, Party, blobs};
use crate::entry::{Author, Kind};
use crate::refusal::{BoardRefusal, CheckError, Refusal};
use crate::role::Role;
use crate::rows::{RowKey, View};

impl Governing {
    /// Refuses a party that may not send an entry of a kind that can carry a verifying key or blobs. Reading a key
    /// takes milliseconds, so ask this before the statement or a blob is read. It costs two look-ups in memory. A
    /// party that is suspended in an emergency at `time` is refused too.
    ///
    /// # Errors
    /// [`Refusal::OtherOrigin`], [`Refusal::PartyUnknown`], [`Refusal::PartySuspended`],
    /// [`Refusal::RoleMissing`].
    pub fn check_before_key(&self, signed: &SignedEntry, time: Timestamp) -> Result<(), Refusal> {
        // A kind that does not exist is refused when the statement is read.
        let kind = Kind::of(signed.kind);
        let Some(kind) = kind.filter(|kind| kind.may_publish_key || kind.may_name_blobs) else {
            return Ok(());
        };
        self.check_origin(signed)?;
        let party = signed.party;
        self.check_may_send(kind, &party)?;
        match self.parties.get(&party) {
            Some(known) if time < known.barred_until => Err(Refusal::PartySuspended { party }),
            Some(_) | None => Ok(()),
        }
    }

    /// Refuses a party that is not in standing, or has none of the roles that the kind requires. Of people and of
    /// founders, whom nobody admitted, nothing is asked here.
    pub(super) fn check_may_send(&self, kind: &Kind, party: &PartyId) -> Result<(), Refusal> {
        match kind.author {
            Author::Founder | Author::Person => return Ok(()),
            Author::Party | Author::Voice | Author::Keeper => {}
        }
        let known = self.speaking(kind, party)?;
        let has_one = kind.roles.iter().any(|role| known.roles.has(*role));
        let party = *party;
        match kind.roles {
            [] => Ok(()),
            _ if has_one => Ok(()),
            [needed] => Err(Refusal::RoleMissing {
                party,
                needed: *needed,
            }),
            [.., needed] => Err(match kind.author {
                Author::Voice => BoardRefusal::NoVoice { party }.into(),
                Author::Founder | Author::Party | Author::Keeper | Author::Person => {
                    Refusal::RoleMissing {
                        party,
                        needed: *needed,
                    }
                }
            }),
        }
    }

    /// The party that signs an entry of this kind: in standing, except that a suspended witness keeps its voice
    /// on the board's acts, and a suspended holder says what it destroyed.
    pub(super) fn speaking(&self, kind: &Kind, party: &PartyId) -> Result<&Party, Refusal> {
        if kind.author == Author::Keeper {
            return self.parties.present(party);
        }
        if kind.author == Author::Voice {
            let present = self.parties.present(party)?;
            if present.roles.has(Role::Witness) {
                return Ok(present);
            }
        }
        self.parties.active(party)
    }

    /// The row that [`Governing::check_before_blobs`] reads.
    pub fn blob_reads(&self, party: &PartyId) -> RowKey {
        blobs::quota_key(party).into_row()
    }

    /// Refuses a party that has no blobs left on the day of `time`, before a blob is hashed or read.
    ///
    /// # Errors
    /// [`Refusal::BlobQuota`] inside of [`CheckError::Refused`].
    pub fn check_before_blobs(
        &self,
        party: &PartyId,
        time: Timestamp,
        view: &View,
    ) -> Result<(), CheckError> {
        blobs::check_left(party, time, view)
    }

    pub(super) fn check_origin(&self, signed: &SignedEntry) -> Result<(), Refusal> {
        if signed.origin == *self.origin() {
            return Ok(());
        }
        Err(Refusal::OtherOrigin {
            expected: self.origin().to_string(),
            found: signed.origin.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use merits_primitives::ids::Origin;
    use merits_verifier::{codec::Canonical as _, groth16::KeyPolicy, signature::PublicKey};

    use super::*;
    use crate::board_facts::BoardFacts;
    use crate::entry::KINDS;
    use crate::policy::{AnchorInterval, LedgerPolicy};
    use crate::role::Roles;

    /// One party of each role, in the order of [`Role::ALL`], all of them suspended or none.
    fn of_all_roles(suspended: bool) -> (Governing, Vec<(Role, PartyId)>) {
        let mut governing = Governing::new(LedgerPolicy {
            origin: Origin::new("ledger.test/roles").expect("an origin"),
            authority: PartyId([7; 32]),
            keys: KeyPolicy {
                allow_dev_keys: false,
            },
            least_claims_per_total: 20,
            tickets: true,
            anchor_interval: AnchorInterval::HOUR,
            board: BoardFacts::alone(),
        });
        let parties = Role::ALL.map(|role| {
            let id = PartyId([role as u8; 32]);
            let key = SigningKey::from_bytes(&[role as u8 + 1; 32]);
            let party = Party {
                name: role.name().to_owned(),
                roles: Roles::new(&[role]),
                signing_key: PublicKey::of(&key),
                sealing_key: [0; 32],
                suspended,
                ended: false,
                barred_until: Timestamp::FIRST,
                emergencies: 0,
                last_emergency: Timestamp::FIRST,
                standing_changes: 0,
                generation: 0,
                former: None,
            };
            let row = party.to_bytes();
            governing.parties.apply(&id.0, &row).expect("a row");
            (role, id)
        });
        (governing, parties.to_vec())
    }

    #[test]
    fn a_party_sends_the_kinds_of_its_role_and_no_other() {
        let (governing, parties) = of_all_roles(false);
        for kind in KINDS {
            for (role, id) in &parties {
                let may = kind.roles.is_empty() || kind.roles.contains(role);
                let answer = governing.check_may_send(kind, id);
                assert_eq!(answer.is_ok(), may, "{}, {role}", kind.name);
                if let Err(refusal) = answer {
                    let code = refusal.code();
                    let code = code.as_str();
                    let is_voice = kind.author == Author::Voice && kind.roles.len() > 1;
                    let expected = if is_voice { "no-voice" } else { "role-missing" };
                    assert_eq!(code, expected, "{}, {role}", kind.name);
                }
            }
        }
    }

    /// Nobody suspends those who would object.
    #[test]
    fn a_suspended_party_sends_nothing_but_a_witness_its_voice_and_a_holder_its_shares_end() {
        let (governing, parties) = of_all_roles(true);
        let signed_by_parties = KINDS.iter().filter(|kind| {
            let author = kind.author;
            matches!(author, Author::Party | Author::Voice | Author::Keeper)
        });
        for kind in signed_by_parties {
            for (role, id) in &parties {
                let may = match kind.author {
                    Author::Voice => *role == Role::Witness,
                    Author::Keeper => kind.roles.contains(role),
                    Author::Founder | Author::Party | Author::Person => false,
                };
                let answer = governing.check_may_send(kind, id);
                assert_eq!(answer.is_ok(), may, "{}, {role}", kind.name);
            }
        }
    }
}
