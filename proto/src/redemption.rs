//! Checked messages of `merits.exchange.v1`.

use merits_primitives::ids::{EntryId, Origin};

use crate::{
    Fault,
    checked::{array, origin, within},
    digest, entry_id, exchange, fields,
    limits::{PROOF_BYTES, RECEIPT_BYTES, REDEMPTION_BYTES, SEALED_VOUCHER_BYTES},
    page_size,
};

/// The offers that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferPage {
    /// Offers after this one; `None` to begin with the first.
    pub after: Option<EntryId>,
    /// The most offers to return.
    pub size: usize,
}

impl TryFrom<exchange::ListOffersRequest> for OfferPage {
    type Error = Fault;

    fn try_from(raw: exchange::ListOffersRequest) -> Result<Self, Fault> {
        let after = (!raw.after.is_empty()).then(|| entry_id(fields::AFTER, &raw.after));
        Ok(Self {
            after: after.transpose()?,
            size: page_size(raw.page_size)?,
        })
    }
}

/// An offer that can be redeemed at an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferHere {
    /// The offer.
    pub offer: EntryId,
    /// Redemptions left of its quota.
    pub left: u32,
}

impl TryFrom<exchange::OfferHere> for OfferHere {
    type Error = Fault;

    fn try_from(raw: exchange::OfferHere) -> Result<Self, Fault> {
        Ok(Self {
            offer: entry_id(fields::OFFER, &raw.offer)?,
            left: raw.left,
        })
    }
}

impl From<OfferHere> for exchange::OfferHere {
    fn from(here: OfferHere) -> Self {
        Self {
            offer: here.offer.0.to_vec(),
            left: here.left,
        }
    }
}

/// A redemption that is sent to an exchange: the parts of the entry that the person makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedemptionRequest {
    /// The log that the wallet means.
    pub origin: Origin,
    /// Canonical bytes of the statement, not yet decoded.
    pub statement: Vec<u8>,
    /// Compressed proof; its points are not yet checked.
    pub proof: [u8; PROOF_BYTES],
}

impl TryFrom<exchange::RedeemRequest> for RedemptionRequest {
    type Error = Fault;

    fn try_from(raw: exchange::RedeemRequest) -> Result<Self, Fault> {
        if raw.statement.is_empty() {
            return Err(Fault::malformed(fields::STATEMENT, "is missing"));
        }
        within(fields::STATEMENT, raw.statement.len(), REDEMPTION_BYTES)?;
        Ok(Self {
            origin: origin(&raw.origin)?,
            statement: raw.statement,
            proof: array(fields::PROOF, &raw.proof)?,
        })
    }
}

impl From<RedemptionRequest> for exchange::RedeemRequest {
    fn from(request: RedemptionRequest) -> Self {
        Self {
            origin: request.origin.as_str().to_owned(),
            statement: request.statement,
            proof: request.proof.to_vec(),
        }
    }
}

/// A voucher, sealed to the key that its redemption names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedVoucher {
    /// HPKE encapsulated key (X25519).
    pub encapsulated_key: [u8; 32],
    /// HPKE ciphertext.
    pub ciphertext: Vec<u8>,
}

impl TryFrom<Option<exchange::SealedVoucher>> for SealedVoucher {
    type Error = Fault;

    fn try_from(raw: Option<exchange::SealedVoucher>) -> Result<Self, Fault> {
        let raw = raw.ok_or_else(|| Fault::malformed(fields::VOUCHER, "is missing"))?;
        within(
            fields::CIPHERTEXT,
            raw.ciphertext.len(),
            SEALED_VOUCHER_BYTES,
        )?;
        Ok(Self {
            encapsulated_key: digest(fields::ENCAPSULATED_KEY, &raw.encapsulated_key)?,
            ciphertext: raw.ciphertext,
        })
    }
}

impl From<SealedVoucher> for exchange::SealedVoucher {
    fn from(sealed: SealedVoucher) -> Self {
        Self {
            encapsulated_key: sealed.encapsulated_key.to_vec(),
            ciphertext: sealed.ciphertext,
        }
    }
}

/// A request for a voucher again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherRequest {
    /// The redemption's entry.
    pub redemption: EntryId,
    /// The text of its receipt, not yet parsed, if the wallet sent it.
    pub receipt: Option<String>,
}

impl TryFrom<exchange::GetVoucherRequest> for VoucherRequest {
    type Error = Fault;

    fn try_from(raw: exchange::GetVoucherRequest) -> Result<Self, Fault> {
        within(fields::RECEIPT, raw.receipt.len(), RECEIPT_BYTES)?;
        Ok(Self {
            redemption: entry_id(fields::REDEMPTION, &raw.redemption)?,
            receipt: (!raw.receipt.is_empty()).then_some(raw.receipt),
        })
    }
}

impl From<VoucherRequest> for exchange::GetVoucherRequest {
    fn from(request: VoucherRequest) -> Self {
        Self {
            redemption: request.redemption.0.to_vec(),
            receipt: request.receipt.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_verifier::Reason;

    #[test]
    fn a_redemption_is_checked_field_by_field() {
        let request = exchange::RedeemRequest {
            origin: "ledger.test".into(),
            statement: vec![1; REDEMPTION_BYTES],
            proof: vec![2; PROOF_BYTES],
        };
        let checked = RedemptionRequest::try_from(request.clone()).unwrap();
        assert_eq!(exchange::RedeemRequest::from(checked), request);
        let wrong = [
            (
                exchange::RedeemRequest {
                    origin: "two words".into(),
                    ..request.clone()
                },
                ("origin", Reason::Malformed),
            ),
            (
                exchange::RedeemRequest {
                    statement: vec![],
                    ..request.clone()
                },
                ("statement", Reason::Malformed),
            ),
            (
                exchange::RedeemRequest {
                    statement: vec![1; REDEMPTION_BYTES + 1],
                    ..request.clone()
                },
                ("statement", Reason::TooLarge),
            ),
            (
                exchange::RedeemRequest {
                    proof: vec![2; PROOF_BYTES - 1],
                    ..request
                },
                ("proof", Reason::Malformed),
            ),
        ];
        for (request, expected) in wrong {
            let fault = RedemptionRequest::try_from(request).unwrap_err();
            assert_eq!(
                (fault.field.to_string().as_str(), fault.reason.known()),
                (expected.0, Some(expected.1))
            );
        }
    }

    #[test]
    fn a_voucher_is_asked_for_with_or_without_a_receipt() {
        let mut request = exchange::GetVoucherRequest {
            redemption: vec![1; 32],
            receipt: String::new(),
        };
        let checked = VoucherRequest::try_from(request.clone()).unwrap();
        assert_eq!(checked.receipt, None);
        request.receipt = "a receipt".to_owned();
        let checked = VoucherRequest::try_from(request.clone()).unwrap();
        assert_eq!(exchange::GetVoucherRequest::from(checked), request);
        request.receipt = "x".repeat(RECEIPT_BYTES + 1);
        let fault = VoucherRequest::try_from(request).unwrap_err();
        assert_eq!(fault.reason, Reason::TooLarge);
    }

    #[test]
    fn a_page_of_offers_begins_after_an_offer() {
        let page = |after, page_size| {
            OfferPage::try_from(exchange::ListOffersRequest { after, page_size })
        };
        let first = page(vec![], 0).unwrap();
        assert_eq!((first.after, first.size), (None, 256));
        assert_eq!(page(vec![7; 32], 5).unwrap().after, Some(EntryId([7; 32])));
        assert_eq!(
            page(vec![7; 31], 5).unwrap_err().field,
            fields::AFTER.into()
        );
        assert_eq!(
            page(vec![], 257).unwrap_err().field,
            fields::PAGE_SIZE.into()
        );
    }

    #[test]
    fn a_sealed_voucher_has_a_key_and_a_size() {
        let raw = exchange::SealedVoucher {
            encapsulated_key: vec![1; 32],
            ciphertext: vec![2; 40],
        };
        let checked = SealedVoucher::try_from(Some(raw.clone())).unwrap();
        assert_eq!(exchange::SealedVoucher::from(checked), raw);
        assert_eq!(
            SealedVoucher::try_from(None).unwrap_err().field,
            fields::VOUCHER.into()
        );
        let short = exchange::SealedVoucher {
            encapsulated_key: vec![1; 31],
            ..raw.clone()
        };
        let fault = SealedVoucher::try_from(Some(short)).unwrap_err();
        assert_eq!(fault.field, fields::ENCAPSULATED_KEY.into());
        let long = exchange::SealedVoucher {
            ciphertext: vec![2; SEALED_VOUCHER_BYTES + 1],
            ..raw
        };
        let fault = SealedVoucher::try_from(Some(long)).unwrap_err();
        assert_eq!(fault.reason, Reason::TooLarge);
    }
}
