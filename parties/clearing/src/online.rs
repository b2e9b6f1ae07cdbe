//! Online verification of many entries over one stream of the coordinator's Verifier service.

use std::collections::BTreeMap;

use merits_primitives::ids::EntryId;
use merits_proto::{
    Expected, Fault, Security, Unreachable, Verdict, connect,
    limits::{VERIFIER_ANSWER_MESSAGE, VERIFIER_REQUEST_MESSAGE},
    verifier::{
        Subject, VerifyManyRequest, subject::Subject as Kind, verifier_client::VerifierClient,
    },
};
use merits_verifier::{codec::Canonical as _, entry::SignedEntry, log::LogKey};
use thiserror::Error;
use tokio_stream::StreamExt as _;
use tonic::transport::Channel;

/// Why there are no verdicts.
#[derive(Debug, Error)]
pub enum OnlineFault {
    /// The service cannot be reached.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The call failed.
    #[error("{}", fault.told_of(&format!("the verifier at {address}")))]
    Call {
        /// Where.
        address: String,
        /// Why.
        fault: Box<Fault>,
    },
    /// A verdict cannot be read.
    #[error("the verifier at {address} sent an unreadable verdict ({fault}): it is at fault")]
    Malformed {
        /// Where.
        address: String,
        /// What is wrong with it.
        fault: Box<Fault>,
    },
    /// The stream ended early, or has too many answers.
    #[error(
        "the verifier at {address} gave {answers} verdicts for {questions} entries: it stopped in between, or is at fault; ask again"
    )]
    Incomplete {
        /// Where.
        address: String,
        /// Verdicts received.
        answers: usize,
        /// Entries that were sent.
        questions: usize,
    },
}

/// Entries that the service calls invalid, with its reason.
pub type Invalid = Vec<(EntryId, String)>;

/// Streams earn entries to the Verifier at `address` (such as `http://127.0.0.1:7400`), and returns
/// those that it calls invalid. Over TLS it must be the coordinator of the log with the key `log`.
///
/// # Errors
/// [`OnlineFault`] when there are no verdicts.
pub async fn verify_online(
    address: &str,
    security: &Security,
    log: LogKey,
    entries: Vec<SignedEntry>,
) -> Result<Invalid, OnlineFault> {
    let call = |status: tonic::Status| OnlineFault::Call {
        address: address.to_owned(),
        fault: Box::new(Fault::from_status(&status)),
    };
    let malformed = |fault: Fault| OnlineFault::Malformed {
        address: address.to_owned(),
        fault: Box::new(fault),
    };
    let channel = connect("verifier", address, None, security, Expected::Log(log)).await?;
    let mut client: VerifierClient<Channel> = VerifierClient::new(channel)
        .max_decoding_message_size(VERIFIER_ANSWER_MESSAGE)
        .max_encoding_message_size(VERIFIER_REQUEST_MESSAGE);

    let ids: Vec<EntryId> = entries.iter().map(SignedEntry::id).collect();
    let questions = (0u64..).zip(entries).map(|(tag, entry)| VerifyManyRequest {
        tag,
        subject: Some(Subject {
            subject: Some(Kind::Entry(entry.to_bytes())),
        }),
    });
    let mut answers = client
        .verify_many(tokio_stream::iter(questions.collect::<Vec<_>>()))
        .await
        .map_err(call)?
        .into_inner();
    let mut verdicts = BTreeMap::new();
    while let Some(answer) = answers.next().await {
        let answer = answer.map_err(call)?;
        let id = usize::try_from(answer.tag)
            .ok()
            .and_then(|tag| ids.get(tag));
        let verdict = Verdict::try_from(answer.verdict).map_err(malformed)?;
        if let Some(id) = id {
            verdicts.insert(answer.tag, (*id, verdict));
        }
    }
    if verdicts.len() != ids.len() {
        return Err(OnlineFault::Incomplete {
            address: address.to_owned(),
            answers: verdicts.len(),
            questions: ids.len(),
        });
    }
    Ok(verdicts
        .into_values()
        .filter_map(|(id, verdict)| match verdict {
            Verdict::Valid => None,
            Verdict::Invalid(fault) => Some((id, fault.to_string())),
        })
        .collect())
}
