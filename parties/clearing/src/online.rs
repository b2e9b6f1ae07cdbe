//! Online verification of many entries over one stream of the coordinator's Verifier service.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

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
use tokio_stream::{Stream, StreamExt as _};
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
        answers: u64,
        /// Entries that were sent.
        questions: u64,
    },
}

/// Entries that the service calls invalid, with its reason.
pub type Invalid = Vec<(EntryId, String)>;

/// The questions of one stream.
#[derive(Debug, Default)]
struct Questions {
    /// Entries that were sent.
    sent: u64,
    /// Those without a verdict, by their tags.
    open: HashMap<u64, EntryId>,
    /// Whether the last one was sent.
    ended: bool,
}

impl Questions {
    fn ask(&mut self, entry: &SignedEntry) -> VerifyManyRequest {
        let tag = self.sent;
        self.sent += 1;
        self.open.insert(tag, entry.id());
        VerifyManyRequest {
            tag,
            subject: Some(Subject {
                subject: Some(Kind::Entry(entry.to_bytes())),
            }),
        }
    }
}

fn locked(questions: &Mutex<Questions>) -> MutexGuard<'_, Questions> {
    // Each change is whole.
    questions.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Streams earn entries to the Verifier at `address` (such as `http://127.0.0.1:7400`), and returns
/// those that it calls invalid. Over TLS it must be the coordinator of the log with the key `log`.
/// Only entries that wait for their verdict are remembered.
///
/// # Errors
/// [`OnlineFault`] when there are no verdicts.
pub async fn verify_online(
    address: &str,
    security: &Security,
    log: LogKey,
    entries: impl Stream<Item = SignedEntry> + Send + 'static,
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

    let questions = Arc::new(Mutex::new(Questions::default()));
    let asked = Arc::clone(&questions);
    let last = tokio_stream::once(None);
    let requests = entries.map(Some).chain(last).filter_map(move |entry| {
        let mut questions = locked(&asked);
        match entry {
            Some(entry) => Some(questions.ask(&entry)),
            None => {
                questions.ended = true;
                None
            }
        }
    });
    let mut answers = client
        .verify_many(requests)
        .await
        .map_err(call)?
        .into_inner();
    let mut invalid = Vec::new();
    let mut verdicts = 0;
    while let Some(answer) = answers.next().await {
        let answer = answer.map_err(call)?;
        let verdict = Verdict::try_from(answer.verdict).map_err(malformed)?;
        // A verdict that nobody asked for, or the second one, is none.
        let Some(id) = locked(&questions).open.remove(&answer.tag) else {
            continue;
        };
        verdicts += 1;
        if let Verdict::Invalid(fault) = verdict {
            invalid.push((answer.tag, id, fault.to_string()));
        }
    }
    let questions = locked(&questions);
    if !questions.ended || !questions.open.is_empty() {
        return Err(OnlineFault::Incomplete {
            address: address.to_owned(),
            answers: verdicts,
            questions: questions.sent,
        });
    }
    // In the order of the log.
    invalid.sort_unstable_by_key(|(tag, _, _)| *tag);
    Ok(invalid
        .into_iter()
        .map(|(_, id, fault)| (id, fault))
        .collect())
}
