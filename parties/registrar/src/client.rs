//! The registrar's client of the Uniqueness service.

use std::time::Duration;

use merits_proto::{
    EvaluationAnswer, EvaluationRequest, Expected, Fault, FieldPath, Security, Unreachable,
    connect, limits::UNIQUENESS_MESSAGE, uniqueness::uniqueness_client::UniquenessClient,
};
use thiserror::Error;
use tonic::transport::Channel;

/// Why the evaluator gave no usable answer.
#[derive(Debug, Error)]
pub enum EvaluatorError {
    /// It cannot be reached.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// It refused, or the connection broke.
    #[error("{}", fault.told_of(&format!("the evaluator at {address}")))]
    Refused {
        /// Where.
        address: String,
        /// Why.
        fault: Box<Fault>,
    },
    /// Its answer is malformed.
    #[error("evaluator at {address} sent a malformed {field}: the evaluator is at fault")]
    Malformed {
        /// Where.
        address: String,
        /// Which field.
        field: FieldPath,
    },
}

impl EvaluatorError {
    /// Whether the same request may succeed later. Repeating it loses nothing and counts nothing
    /// twice.
    pub fn may_retry(&self) -> bool {
        matches!(self, Self::Refused { fault, .. } if fault.may_retry())
    }
}

/// A connection to the evaluator.
#[derive(Debug, Clone)]
pub struct EvaluatorClient {
    address: String,
    client: UniquenessClient<Channel>,
}

impl EvaluatorClient {
    /// Connects to an evaluator on this machine, such as `http://127.0.0.1:7703`.
    ///
    /// # Errors
    /// [`EvaluatorError::Unreachable`].
    pub async fn connect(address: &str) -> Result<Self, EvaluatorError> {
        Self::connect_over(address, &Security::default(), Expected::AnyServer).await
    }

    /// The same for any address that `security` allows. Over TLS the evaluator must be `expected`.
    ///
    /// # Errors
    /// [`EvaluatorError::Unreachable`].
    pub async fn connect_over(
        address: &str,
        security: &Security,
        expected: Expected,
    ) -> Result<Self, EvaluatorError> {
        let calls = Some(CALL_TIMEOUT);
        let channel = connect("evaluator", address, calls, security, expected).await?;
        let client = UniquenessClient::new(channel)
            .max_decoding_message_size(UNIQUENESS_MESSAGE)
            .max_encoding_message_size(UNIQUENESS_MESSAGE);
        Ok(Self {
            address: address.to_owned(),
            client,
        })
    }

    /// Where it is.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Asks once.
    ///
    /// # Errors
    /// [`EvaluatorError`].
    pub async fn evaluate(
        &mut self,
        request: EvaluationRequest,
    ) -> Result<EvaluationAnswer, EvaluatorError> {
        let answer = self.client.evaluate(tonic::Request::new(request.into()));
        let answer = answer.await.map_err(|status| EvaluatorError::Refused {
            address: self.address.clone(),
            fault: Box::new(Fault::from_status(&status)),
        })?;
        EvaluationAnswer::try_from(answer.into_inner()).map_err(|fault| EvaluatorError::Malformed {
            address: self.address.clone(),
            field: fault.field,
        })
    }
}

/// The evaluator follows the log and appends to it before it answers, one request after another.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
