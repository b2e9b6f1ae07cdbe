//! The ticket, which goes to a distributor, sealed to its key.

use merits_primitives::{
    field,
    group::GroupRoot,
    ids::{PartyId, Period},
    message::SALT_BYTES,
    nullifier::Nullifier,
    owner::{Handle, OwnerKey, RecordsBinding},
};
use merits_sealing::{Sealed, SealingKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Handover, HandoverError, PROOF_BYTES};
use crate::field_text;

/// Separates sealed tickets from everything else that is sealed to a party.
const INFO: &[u8] = b"merits/sealed-ticket/v2";

/// A ticket, sealed to its distributor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketFile {
    /// `ticket/v2`: `ticket/v1` did not name the version of the scale.
    pub merits: String,
    /// The ledger's origin.
    pub origin: String,
    /// The distributor's party id.
    #[serde(with = "field_text::bytes")]
    pub distributor: [u8; 32],
    /// HPKE's encapsulated key.
    #[serde(with = "field_text::bytes")]
    pub encapsulated: [u8; 32],
    /// Ciphertext and tag, in hexadecimal digits.
    pub sealed: String,
}

impl Handover for TicketFile {
    const NAME: &'static str = "ticket/v2";
    const WHAT: &'static str = "a ticket";
    fn name(&self) -> &str {
        &self.merits
    }

    fn origin(&self) -> &str {
        &self.origin
    }
}

/// The content for the distributor: the ticket as it is deposited, and values that only the
/// distributor may see.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// What the distributor's records call the person.
    #[serde(deserialize_with = "merits_text::typed::name")]
    pub account: String,
    /// The scale's id.
    pub scale: String,
    /// The version that is consented to.
    pub version: u32,
    /// The period.
    #[serde(with = "field_text::period")]
    pub period: Period,
    /// Party id of the source of the records.
    #[serde(with = "field_text::bytes")]
    pub source: [u8; 32],
    /// Expiry bucket.
    pub expiry: u32,
    /// Digest of the published terms.
    #[serde(with = "field_text::bytes")]
    pub terms: [u8; 32],
    /// Salt of the message.
    #[serde(with = "field_text::bytes")]
    pub salt: [u8; SALT_BYTES],
    /// Root of the group of registered people.
    #[serde(with = "field_text::element")]
    pub root: GroupRoot,
    /// nf.
    #[serde(with = "field_text::element")]
    pub nullifier: Nullifier,
    /// b.
    #[serde(with = "field_text::element")]
    pub b: RecordsBinding,
    /// The proof of the statement `ticket`.
    #[serde(with = "field_text::bytes")]
    pub proof: [u8; PROOF_BYTES],
    /// K. Secret.
    #[serde(with = "field_text::element")]
    pub key: OwnerKey,
    /// h at the source.
    #[serde(with = "field_text::element")]
    pub h: Handle,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket")
            .field("scale", &self.scale)
            .field("period", &self.period)
            .finish_non_exhaustive()
    }
}

impl Ticket {
    /// Seals the ticket to a distributor's key, as the ledger has it (X25519), for this ledger and
    /// distributor only.
    ///
    /// # Errors
    /// [`HandoverError::Key`] for a key under which nothing would be hidden.
    pub fn seal(
        &self,
        origin: &str,
        distributor: &PartyId,
        sealing_key: &[u8; 32],
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<TicketFile, HandoverError> {
        let text = serde_json::to_vec(self)
            .map(Zeroizing::new)
            .map_err(|_| HandoverError::Sealed)?;
        let bound = bound_to(origin, distributor);
        let sealed = merits_sealing::seal(sealing_key, INFO, &bound, &text, rng)
            .map_err(|_| HandoverError::Key)?;
        Ok(TicketFile {
            merits: TicketFile::NAME.to_owned(),
            origin: origin.to_owned(),
            distributor: distributor.0,
            encapsulated: sealed.encapsulated,
            sealed: hex::encode(sealed.ciphertext),
        })
    }
}

impl TicketFile {
    /// Opens the ticket as `distributor`, on the ledger `origin`, with its secret sealing key.
    ///
    /// The contents are as their maker wrote them. The caller must check terms, b and the proof.
    ///
    /// # Errors
    /// [`HandoverError`]: for another ledger or party, or it does not open.
    pub fn open(
        &self,
        origin: &str,
        distributor: &PartyId,
        secret: &[u8; 32],
    ) -> Result<Ticket, HandoverError> {
        self.expect_origin(origin)?;
        if self.distributor != distributor.0 {
            return Err(HandoverError::OtherParty {
                expected: *distributor,
                found: PartyId(self.distributor),
            });
        }
        let ciphertext = hex::decode(&self.sealed).map_err(|_| HandoverError::Sealed)?;
        let sealed = Sealed {
            encapsulated: self.encapsulated,
            ciphertext,
        };
        let text = SealingKey::from_bytes(secret)
            .and_then(|key| key.open(INFO, &bound_to(origin, distributor), &sealed))
            .map_err(|_| HandoverError::Sealed)?;
        serde_json::from_slice(&text).map_err(|_| HandoverError::Sealed)
    }
}

/// The data to which the ciphertext is bound in addition to its key.
fn bound_to(origin: &str, distributor: &PartyId) -> [u8; 32] {
    field::digest(
        "merits/sealed-ticket/v2",
        &[origin.as_bytes(), &distributor.0],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_primitives::ids::PeriodIndex;
    use merits_primitives::{Fr, ids::PeriodKind};

    const ORIGIN: &str = "ledger.test/merits";

    fn ticket() -> Ticket {
        Ticket {
            account: "card 17".to_owned(),
            scale: "cycling-week".to_owned(),
            version: 1,
            period: Period {
                kind: PeriodKind::Week,
                index: PeriodIndex(2330),
            },
            source: [2; 32],
            expiry: 684,
            terms: [3; 32],
            salt: [4; SALT_BYTES],
            root: GroupRoot(Fr::from(5u64)),
            nullifier: Nullifier(Fr::from(6u64)),
            b: RecordsBinding(Fr::from(7u64)),
            proof: [8; PROOF_BYTES],
            key: OwnerKey(Fr::from(990_009u64)),
            h: Handle(Fr::from(10u64)),
        }
    }

    fn keys() -> ([u8; 32], [u8; 32]) {
        let key = SealingKey::generate(&mut rand::rng());
        (*key.to_bytes(), key.public())
    }

    /// A wallet of another maker may write letters and marks apart: the records' account is meant.
    #[test]
    fn an_account_is_read_in_one_form() {
        let (secret, public) = keys();
        let distributor = PartyId([1; 32]);
        let apart = Ticket {
            account: "Zoe\u{301}".to_owned(),
            ..ticket()
        };
        let file = apart
            .seal(ORIGIN, &distributor, &public, &mut rand::rng())
            .expect("sealed");
        let opened = file.open(ORIGIN, &distributor, &secret).expect("opened");
        assert_eq!(opened.account, "Zo\u{e9}");
    }

    /// Regression: "EOF while parsing a value at line 3 column 12".
    #[test]
    fn a_damaged_file_is_explained() {
        let (_, public) = keys();
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("ticket.json");
        let file = ticket()
            .seal(ORIGIN, &PartyId([1; 32]), &public, &mut rand::rng())
            .expect("sealed");
        file.write(&path).expect("written");
        let text = std::fs::read_to_string(&path).expect("text");
        for (damaged, says) in [
            (text[..text.len() / 2].to_owned(), "cut off"),
            (String::new(), "is empty"),
            ("%PDF-1.7".to_owned(), "another kind of file"),
            (text.replace("\"origin\"", "\"origins\""), "damaged"),
        ] {
            std::fs::write(&path, &damaged).expect("written");
            let said = TicketFile::read(&path).expect_err(says).to_string();
            assert!(
                said.contains("ticket.json") && said.contains(says),
                "{said}"
            );
            assert!(!said.contains("column") && !said.contains("EOF"), "{said}");
        }
    }

    #[test]
    fn a_ticket_opens_for_its_distributor_on_its_ledger_only() {
        let (secret, public) = keys();
        let distributor = PartyId([1; 32]);
        let file = ticket()
            .seal(ORIGIN, &distributor, &public, &mut rand::rng())
            .expect("sealed");
        let opened = file.open(ORIGIN, &distributor, &secret).expect("opened");
        assert_eq!(opened, ticket());
        assert!(!format!("{opened:?}").contains("card 17"));

        let (other, _) = keys();
        let refused = file.open(ORIGIN, &distributor, &other);
        assert!(matches!(refused, Err(HandoverError::Sealed)));
        let refused = file.open(ORIGIN, &PartyId([9; 32]), &secret);
        assert!(matches!(refused, Err(HandoverError::OtherParty { .. })));
        let refused = file.open("other.test/merits", &distributor, &secret);
        assert!(matches!(refused, Err(HandoverError::OtherOrigin { .. })));
        // Rewriting the outer part does not open it either.
        let mut renamed = file.clone();
        renamed.origin = "other.test/merits".to_owned();
        let refused = renamed.open("other.test/merits", &distributor, &secret);
        assert!(matches!(refused, Err(HandoverError::Sealed)));
        let mut altered = file;
        altered.sealed.replace_range(
            0..1,
            if altered.sealed.starts_with('0') {
                "1"
            } else {
                "0"
            },
        );
        let refused = altered.open(ORIGIN, &distributor, &secret);
        assert!(matches!(refused, Err(HandoverError::Sealed)));
    }

    #[test]
    fn a_useless_key_is_refused() {
        let sealed = ticket().seal(ORIGIN, &PartyId([1; 32]), &[0; 32], &mut rand::rng());
        assert!(matches!(sealed, Err(HandoverError::Key)));
    }
}
