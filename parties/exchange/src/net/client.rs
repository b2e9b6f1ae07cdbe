//! The wallet's client of the Exchange service.

use std::time::Duration;

use futures::future::BoxFuture;
use merits_ledger::{
    Entry,
    entry::{REDEEMED, Redeemed},
};
use merits_primitives::ids::{EntryId, Origin, PartyId};
use merits_proto::{
    Expected, Fault, OfferHere, RedemptionRequest, SealedVoucher, Security, Unreachable,
    VoucherRequest, connect,
    exchange::{ListOffersRequest, exchange_client::ExchangeClient as Wire},
    fields,
    limits::{EXCHANGE_ANSWER_MESSAGE, EXCHANGE_REQUEST_MESSAGE},
};
use merits_verifier::{
    ReasonCode,
    groth16::Proof,
    log::LogKey,
    receipt::{Receipt, ReceiptError},
    refusal::{RefusalNotice, SignedRefusal},
};
use thiserror::Error;
use tonic::transport::Channel;

use crate::voucher::{self, Code, VoucherContext, VoucherError};

/// An offer that can be redeemed at the exchange now.
pub type Redeemable = OfferHere;

/// Why an exchange gave no voucher.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// It cannot be reached.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// It refused, or failed. `notice` is the log's signed refusal of this redemption, if there is
    /// one that verifies.
    #[error("{}", fault.told_of("the exchange"))]
    Refused {
        /// Reason, field and message.
        fault: Box<Fault>,
        /// The refusal that the log signed.
        notice: Option<Box<RefusalNotice>>,
    },
    /// Its receipt does not verify.
    #[error(
        "the exchange's receipt is refused: {0}; do not count the credits as spent for a voucher, and show the answer to a supervisor"
    )]
    Receipt(#[from] ReceiptError),
    /// Its receipt is another entry's.
    #[error("the exchange answered redemption {expected} with the receipt of {found}")]
    OtherEntry {
        /// The requested redemption.
        expected: EntryId,
        /// The receipt's entry.
        found: EntryId,
    },
    /// Its voucher does not open.
    #[error(transparent)]
    Voucher(#[from] VoucherError),
    /// An answer without what it must hold.
    #[error("the exchange's answer is malformed: {0}")]
    Malformed(Box<Fault>),
}

impl ExchangeError {
    /// The reason of a refusal. A newer exchange may give one that this program does not know.
    pub fn reason(&self) -> Option<&ReasonCode> {
        match self {
            Self::Refused { fault, .. } => Some(&fault.reason),
            Self::Unreachable(_)
            | Self::Receipt(_)
            | Self::OtherEntry { .. }
            | Self::Voucher(_)
            | Self::Malformed(_) => None,
        }
    }

    /// False only if the log itself signed a refusal of this redemption, or if nothing of it was
    /// sent. A statement of the exchange is not enough: it has the redemption with its proof and
    /// may have submitted it. The log shows whether it did.
    pub fn may_have_spent(&self) -> bool {
        match self {
            // Before a byte of the redemption was sent.
            Self::Unreachable(_) => false,
            Self::Refused { notice, .. } => notice.is_none(),
            Self::Receipt(_) | Self::OtherEntry { .. } | Self::Voucher(_) | Self::Malformed(_) => {
                true
            }
        }
    }

    /// True if the same request may succeed later. After a lost answer, send the same redemption
    /// again: the same statement gives the same voucher.
    pub fn may_retry(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { fault, .. } => fault.may_retry(),
            Self::Receipt(_) | Self::OtherEntry { .. } | Self::Voucher(_) | Self::Malformed(_) => {
                false
            }
        }
    }
}

/// A redemption that is in the log, with its voucher still sealed.
#[derive(Debug, Clone)]
pub struct Voucher {
    /// The redemption's entry.
    pub redemption: EntryId,
    /// The offer.
    pub offer: EntryId,
    /// The log's receipt, verified.
    pub receipt: Receipt,
    /// The voucher.
    pub sealed: SealedVoucher,
}

impl Voucher {
    /// Opens the voucher with the secret of the key that the redemption names.
    ///
    /// # Errors
    /// [`VoucherError`].
    pub fn open(&self, origin: &Origin, secret: &[u8; 32]) -> Result<Code, VoucherError> {
        let context = VoucherContext {
            origin,
            offer: &self.offer,
            redemption: &self.redemption,
        };
        voucher::open(secret, &context, &self.sealed)
    }
}

/// A connection to an exchange. Cheap to clone; clones share the connection.
#[derive(Debug, Clone)]
pub struct ExchangeClient {
    log: LogKey,
    wire: Wire<Channel>,
}

impl ExchangeClient {
    /// Connects to an exchange on this machine, such as `http://127.0.0.1:7704`, whose receipts
    /// must verify under the log's key.
    ///
    /// # Errors
    /// [`ExchangeError::Unreachable`].
    pub fn connect(address: &str, log: LogKey) -> BoxFuture<'_, Result<Self, ExchangeError>> {
        Self::connect_over(address, log, Security::default(), Expected::AnyServer)
    }

    /// The same for any address that `security` allows. Over TLS the exchange must be `expected`.
    ///
    /// # Errors
    /// [`ExchangeError::Unreachable`].
    pub fn connect_over(
        address: &str,
        log: LogKey,
        security: Security,
        expected: Expected,
    ) -> BoxFuture<'_, Result<Self, ExchangeError>> {
        Box::pin(async move {
            let calls = Some(CALL_TIMEOUT);
            let channel = connect("exchange", address, calls, &security, expected).await?;
            let wire = Wire::new(channel)
                .max_decoding_message_size(EXCHANGE_ANSWER_MESSAGE)
                .max_encoding_message_size(EXCHANGE_REQUEST_MESSAGE);
            Ok(Self { log, wire })
        })
    }

    /// The offers that can be redeemed there now, all pages of them.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn offers(&mut self) -> BoxFuture<'_, Result<Vec<Redeemable>, ExchangeError>> {
        Box::pin(async move {
            let mut offers: Vec<Redeemable> = Vec::new();
            loop {
                let after = offers
                    .last()
                    .map_or_else(Vec::new, |last| last.offer.0.to_vec());
                let request = ListOffersRequest {
                    after,
                    page_size: 0,
                };
                let answer = self.wire.list_offers(request).await;
                let page = answer
                    .map_err(|status| self.refused(&status, None))?
                    .into_inner()
                    .offers;
                if page.is_empty() {
                    return Ok(offers);
                }
                for here in page {
                    let here = Redeemable::try_from(here).map_err(malformed)?;
                    // The order ensures that an exchange cannot keep a wallet here for ever.
                    if offers.last().is_some_and(|last| last.offer >= here.offer) {
                        let fault = Fault::malformed(fields::OFFERS, "are not in order");
                        return Err(malformed(fault));
                    }
                    offers.push(here);
                }
            }
        })
    }

    /// Redeems at the exchange that is party `exchange`. Returns after the redemption is in the log and
    /// its receipt verified.
    ///
    /// # Errors
    /// [`ExchangeError`]. After [`ExchangeError::may_retry`] ask again with the same values.
    pub fn redeem<'a>(
        &'a mut self,
        exchange: &'a PartyId,
        redeemed: &'a Redeemed,
        proof: &'a Proof,
    ) -> BoxFuture<'a, Result<Voucher, ExchangeError>> {
        Box::pin(async move {
            let statement = Entry::Redeemed(redeemed.clone()).statement();
            let origin = self.log.origin().clone();
            let id = EntryId::derive(&origin, REDEEMED, exchange, &statement);
            let request = RedemptionRequest {
                origin,
                statement,
                proof: proof.to_bytes(),
            };
            let request = tonic::Request::new(request.into());
            let answer = self.wire.redeem(request).await;
            let answer = answer
                .map_err(|status| self.refused(&status, Some(&id)))?
                .into_inner();
            let receipt = Receipt::parse(&answer.receipt)?;
            let found = receipt.verify(&self.log)?.id();
            if found != id {
                return Err(ExchangeError::OtherEntry {
                    expected: id,
                    found,
                });
            }
            Ok(Voucher {
                redemption: id,
                offer: redeemed.offer,
                receipt,
                sealed: answer.voucher.try_into().map_err(malformed)?,
            })
        })
    }

    /// The voucher of a redemption again, by its receipt or, without one, by what the exchange finds
    /// in the log.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn voucher<'a>(
        &'a mut self,
        redemption: &'a EntryId,
        receipt: Option<&'a Receipt>,
    ) -> BoxFuture<'a, Result<SealedVoucher, ExchangeError>> {
        Box::pin(async move {
            let request = VoucherRequest {
                redemption: *redemption,
                receipt: receipt.map(ToString::to_string),
            };
            let answer = self
                .wire
                .get_voucher(tonic::Request::new(request.into()))
                .await;
            let answer = answer
                .map_err(|status| self.refused(&status, None))?
                .into_inner();
            answer.voucher.try_into().map_err(malformed)
        })
    }

    /// A signed refusal counts only if it is about the requested entry.
    fn refused(&self, status: &tonic::Status, asked: Option<&EntryId>) -> ExchangeError {
        let fault = Fault::from_status(status);
        let notice = SignedRefusal::parse(&fault.signed_refusal)
            .ok()
            .and_then(|signed| signed.verify(&self.log).ok())
            .filter(|notice| asked == Some(&notice.entry))
            .map(Box::new);
        ExchangeError::Refused {
            fault: Box::new(fault),
            notice,
        }
    }
}

fn malformed(fault: Fault) -> ExchangeError {
    ExchangeError::Malformed(Box::new(fault))
}

/// Longer than the limit of the exchange's own call to the coordinator.
const CALL_TIMEOUT: Duration = Duration::from_secs(90);
