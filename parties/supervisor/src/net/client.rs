//! The requester's client of the Supervision service.

use futures::future::BoxFuture;
use merits_primitives::{dleq::Equality, ids::PartyId, jubjub::Point};
use merits_proto::{
    Expected, Fault, PartialRequest, SealedPartial as WireSealed, Security, TotalPartialRequest,
    Unreachable, connect,
    limits::{SUPERVISION_ANSWER_MESSAGE, SUPERVISION_REQUEST_MESSAGE},
    supervision::{RequestTotalPartialResponse, supervision_client::SupervisionClient},
};
use merits_sealing::Sealed;
use thiserror::Error;
use tonic::transport::Channel;

use crate::holder::{OpeningAsk, SealedPartial, TotalAsk, TotalPartial};

/// Why a holder gave no usable answer.
#[derive(Debug, Error)]
pub enum HolderError {
    /// It cannot be reached.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// It refused, or gave no answer.
    #[error("{}", fault.told_of(&format!("the holder at {address}")))]
    Refused {
        /// Where.
        address: String,
        /// Why.
        fault: Box<Fault>,
    },
    /// Its answer is malformed.
    #[error("holder at {address} sent a malformed {field}: the holder is at fault")]
    Malformed {
        /// Where.
        address: String,
        /// Which field.
        field: &'static str,
    },
}

/// A connection to one holder.
#[derive(Debug, Clone)]
pub struct HolderClient {
    address: String,
    client: SupervisionClient<Channel>,
}

impl HolderClient {
    /// Connects to a holder on this machine, such as `http://127.0.0.1:7420`.
    ///
    /// # Errors
    /// [`HolderError::Unreachable`].
    pub fn connect(address: &str) -> BoxFuture<'_, Result<Self, HolderError>> {
        Self::connect_over(address, Security::default(), Expected::AnyServer)
    }

    /// The same for any address that `security` allows. Over TLS the holder must be `expected`.
    ///
    /// # Errors
    /// [`HolderError::Unreachable`].
    pub fn connect_over(
        address: &str,
        security: Security,
        expected: Expected,
    ) -> BoxFuture<'_, Result<Self, HolderError>> {
        Box::pin(async move {
            let channel = connect("holder", address, None, &security, expected).await?;
            let client = SupervisionClient::new(channel)
                .max_decoding_message_size(SUPERVISION_ANSWER_MESSAGE)
                .max_encoding_message_size(SUPERVISION_REQUEST_MESSAGE);
            Ok(Self {
                address: address.to_owned(),
                client,
            })
        })
    }

    /// Asks for the partial of one claim.
    ///
    /// # Errors
    /// [`HolderError`].
    pub fn opening<'a>(
        &'a mut self,
        ask: &'a OpeningAsk,
    ) -> BoxFuture<'a, Result<SealedPartial, HolderError>> {
        Box::pin(async move {
            let request = PartialRequest {
                origin: ask.origin.clone(),
                request: ask.request,
                entry: ask.content.entry,
                claim: ask.content.claim,
                basis: ask.content.basis.clone(),
                nonce: ask.content.nonce,
            };
            let response = self
                .client
                .request_partial(tonic::Request::new(request.into()))
                .await;
            let response = response
                .map_err(|status| self.refused(&status))?
                .into_inner();
            let sealed = WireSealed::try_from(response).map_err(|_| self.malformed("answer"))?;
            Ok(SealedPartial {
                holder: sealed.holder,
                sealed: Sealed {
                    encapsulated: sealed.encapsulated_key,
                    ciphertext: sealed.ciphertext,
                },
            })
        })
    }

    /// Asks for the partial of a total.
    ///
    /// # Errors
    /// [`HolderError`].
    pub fn total<'a>(
        &'a mut self,
        ask: &'a TotalAsk,
    ) -> BoxFuture<'a, Result<TotalPartial, HolderError>> {
        Box::pin(async move {
            let request = TotalPartialRequest {
                origin: ask.origin.clone(),
                asset: ask.key.asset,
                period: ask.key.period,
                epoch: ask.key.epoch,
                output: ask.key.output,
                number: ask.number,
            };
            let response = self
                .client
                .request_total_partial(tonic::Request::new(request.into()))
                .await;
            let response = response
                .map_err(|status| self.refused(&status))?
                .into_inner();
            read_total(&response).map_err(|field| self.malformed(field))
        })
    }

    fn refused(&self, status: &tonic::Status) -> HolderError {
        let fault = Box::new(Fault::from_status(status));
        HolderError::Refused {
            address: self.address.clone(),
            fault,
        }
    }

    fn malformed(&self, field: &'static str) -> HolderError {
        HolderError::Malformed {
            address: self.address.clone(),
            field,
        }
    }
}

fn read_total(response: &RequestTotalPartialResponse) -> Result<TotalPartial, &'static str> {
    let holder = response
        .holder
        .as_slice()
        .try_into()
        .map_err(|_| "holder")?;
    let partial = response
        .partial
        .as_slice()
        .try_into()
        .map_err(|_| "partial")?;
    let proof = response.dleq.as_slice().try_into().map_err(|_| "dleq")?;
    Ok(TotalPartial {
        holder: PartyId(holder),
        partial: Point::from_bytes(partial).map_err(|_| "partial")?,
        proof: Equality::from_bytes(proof).map_err(|_| "dleq")?,
    })
}
