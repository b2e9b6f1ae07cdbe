//! Online verification: the coordinator's Verifier service, which judges and stores nothing.

use merits_proto::{
    Fault,
    limits::{VERIFIER_ANSWER_MESSAGE, VERIFIER_REQUEST_MESSAGE},
    verifier::{
        Subject, VerifyOneRequest, subject::Subject as Kind, verifier_client::VerifierClient,
    },
};
use thiserror::Error;
use tonic::transport::{Channel, Endpoint};

/// The service's verdict on one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Signatures and proof hold.
    Valid,
    /// They do not.
    Invalid {
        /// Machine-readable reason.
        reason: String,
        /// The field at fault; empty if none is.
        field: String,
        /// For people.
        message: String,
    },
}

/// Why there is no verdict.
#[derive(Debug, Error)]
pub enum OnlineFault {
    /// The service cannot be reached.
    #[error("verifier at {address}: {source}; is the coordinator running?")]
    Unreachable {
        /// Where.
        address: String,
        /// What the transport said.
        source: tonic::transport::Error,
    },
    /// The call failed.
    #[error("verifier at {address}: {fault}")]
    Call {
        /// Where.
        address: String,
        /// Why.
        fault: Box<Fault>,
    },
}

/// A connection to a Verifier service.
#[derive(Debug, Clone)]
pub struct OnlineVerifier {
    address: String,
    client: VerifierClient<Channel>,
}

impl OnlineVerifier {
    /// Connects to a coordinator, such as `http://127.0.0.1:7400`.
    ///
    /// # Errors
    /// [`OnlineFault::Unreachable`].
    pub async fn connect(address: &str) -> Result<Self, OnlineFault> {
        let unreachable =
            |source| OnlineFault::Unreachable { address: address.to_owned(), source };
        let channel = Endpoint::from_shared(address.to_owned())
            .map_err(unreachable)?
            .connect()
            .await
            .map_err(unreachable)?;
        let client = VerifierClient::new(channel)
            .max_decoding_message_size(VERIFIER_ANSWER_MESSAGE)
            .max_encoding_message_size(VERIFIER_REQUEST_MESSAGE);
        Ok(Self { address: address.to_owned(), client })
    }

    /// Asks about the canonical bytes of a signed entry.
    ///
    /// # Errors
    /// [`OnlineFault`] when there is no verdict.
    pub async fn verify(&mut self, entry: Vec<u8>) -> Result<Verdict, OnlineFault> {
        let subject = Some(Subject { subject: Some(Kind::Entry(entry)) });
        let call = |fault: Fault| OnlineFault::Call {
            address: self.address.clone(),
            fault: Box::new(fault),
        };
        let response = self
            .client
            .verify_one(tonic::Request::new(VerifyOneRequest { subject }))
            .await
            .map_err(|status| call(Fault::from_status(&status)))?;
        let verdict = response
            .into_inner()
            .verdict
            .ok_or_else(|| call(Fault::malformed("verdict", "is missing from the answer")))?;
        if verdict.valid {
            return Ok(Verdict::Valid);
        }
        Ok(Verdict::Invalid {
            reason: verdict.reason,
            field: verdict.field,
            message: verdict.message,
        })
    }
}
