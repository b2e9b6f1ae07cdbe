//! The gRPC client of a coordinator.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use merits_ledger::{Blob, BlobDigest, FactFault, check_facts};
use merits_primitives::{
    ids::{EntryId, sha256},
    note::NoteCommitment,
    note_tree::BUCKET,
};
use merits_proto::{
    Expected, Fault, NoteBucket, NoteBuckets, Security, Unreachable, Verdict, connect,
    ledger::{
        GetBlobRequest, GetCheckpointRequest, GetConsistencyProofRequest,
        GetCosignedCheckpointRequest, GetCosignedReceiptRequest, GetReceiptRequest,
        StreamEntriesRequest, SubmitRequest, SubmitResponse, SubmitWithBlobsRequest,
        blobs_client::BlobsClient, cosignatures_client::CosignaturesClient,
        ledger_client::LedgerClient,
    },
    limits::{
        BLOBS_ANSWER_MESSAGE, BLOBS_REQUEST_MESSAGE, LEDGER_ANSWER_MESSAGE, LEDGER_REQUEST_MESSAGE,
        NOTES_ANSWER_MESSAGE, VERIFIER_ANSWER_MESSAGE, VERIFIER_REQUEST_MESSAGE,
    },
    notes::{GetBucketRequest, GetBucketsRequest, notes_client::NotesClient},
    registry::{GetLogRequest, registry_client::RegistryClient},
    verifier::{Subject, VerifyOneRequest, subject, verifier_client::VerifierClient},
};
use merits_verifier::{
    Reason, ReasonCode,
    codec::Canonical as _,
    entry::SignedEntry,
    log::{CosignatureError, Hash, LogKey, WitnessPolicy},
    receipt::{Receipt, ReceiptError},
    refusal::{RefusalNotice, SignedRefusal},
};
use thiserror::Error;
use tokio::time::Instant;
use tonic::{Streaming, transport::Channel};

/// Why a call to a coordinator gave no result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// It cannot be reached.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// It refused, or failed. `notice` is its signed refusal, if it sent one that verifies.
    #[error("{}", fault.told_of("the coordinator"))]
    Refused {
        /// Reason, field and message.
        fault: Box<Fault>,
        /// The refusal that the log signed.
        notice: Option<Box<RefusalNotice>>,
        /// The same with its signature, as text: evidence, if the log breaks its word.
        note: Option<Box<str>>,
    },
    /// Its receipt does not verify.
    #[error("the coordinator's receipt is refused: {0}; do not count the entry as appended")]
    Receipt(#[from] ReceiptError),
    /// Its receipt is for another entry.
    #[error("the coordinator answered entry {expected} with the receipt of {found}")]
    OtherEntry {
        /// The submitted entry.
        expected: EntryId,
        /// The receipt's entry.
        found: EntryId,
    },
    /// The entry is in the log, and the cosignatures that this party demands are not there.
    #[error(
        "the entry {id} is in the log, but witnesses have not cosigned it within {} s{}: do not act on it. Send it \
         again later, it is not appended twice",
        within.as_secs(),
        .why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default()
    )]
    NotCosigned {
        /// The entry.
        id: EntryId,
        /// How long it was waited for.
        within: Duration,
        /// What was missing last, as far as it is known.
        why: Option<Box<ReceiptError>>,
    },
    /// The ledger's founding facts are not such as a party reads.
    #[error(
        "the founding facts that the coordinator states are refused: {0}. Ask the ledger's operator which program \
         founded it"
    )]
    Fact(#[from] FactFault),
    /// The answer lacks a required part.
    #[error("the coordinator's answer lacks a valid {0}")]
    Malformed(&'static str),
}

impl ClientError {
    /// True if the same call may succeed later: unreachable, busy, stopping.
    pub fn may_retry(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::NotCosigned { .. } => true,
            Self::Refused { fault, .. } => fault.may_retry(),
            Self::Receipt(_) | Self::OtherEntry { .. } | Self::Fact(_) | Self::Malformed(_) => {
                false
            }
        }
    }

    /// True if submitting `sent` left no entry in the log, by the log's own word: it signed a refusal of these very bytes,
    /// or they were not sent. The refusal of another submission says nothing: a coordinator could show an old one. A log
    /// may break its word and append the bytes later, so keep what is needed then, and the refusal.
    pub fn leaves_nothing(&self, sent: &SignedEntry) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { notice, .. } => notice
                .as_ref()
                .is_some_and(|notice| notice.submission == sha256(&sent.to_bytes())),
            Self::Receipt(_)
            | Self::OtherEntry { .. }
            | Self::NotCosigned { .. }
            | Self::Fact(_)
            | Self::Malformed(_) => false,
        }
    }

    /// The refusal with the log's signature, as text, if it sent one that verifies.
    pub fn signed_refusal(&self) -> Option<&str> {
        match self {
            Self::Refused { note, .. } => note.as_deref(),
            _ => None,
        }
    }

    /// The reason of a refusal. A newer coordinator may give one that this program does not know.
    pub fn reason(&self) -> Option<&ReasonCode> {
        match self {
            Self::Refused { fault, .. } => Some(&fault.reason),
            _ => None,
        }
    }
}

/// An entry that is in the log, with its receipt.
#[derive(Debug, Clone)]
pub struct Submitted {
    /// The entry.
    pub id: EntryId,
    /// Its leaf.
    pub index: u64,
    /// True if it was already in the log.
    pub already_present: bool,
    /// The receipt, verified under the log's key.
    pub receipt: Receipt,
}

/// A connection to a coordinator. Cheap to clone; clones share the connection.
#[derive(Debug, Clone)]
pub struct Client {
    key: LogKey,
    /// The cosignatures without which no receipt and no checkpoint is taken.
    policy: Option<Arc<WitnessPolicy>>,
    /// How long a submission waits for them.
    patience: Duration,
    cosignatures: CosignaturesClient<Channel>,
    ledger: LedgerClient<Channel>,
    blobs: BlobsClient<Channel>,
    verifier: VerifierClient<Channel>,
    notes: NotesClient<Channel>,
    registry: RegistryClient<Channel>,
}

impl Client {
    /// Connects to a coordinator on this machine, such as `http://127.0.0.1:7700`, whose answers
    /// must verify under `key`.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`].
    pub fn connect(address: &str, key: LogKey) -> BoxFuture<'_, Result<Self, ClientError>> {
        Self::connect_over(address, key, Security::default())
    }

    /// The same for any address that `security` allows. Over TLS the log's key must have signed for
    /// the coordinator's certificate.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`].
    pub fn connect_over(
        address: &str,
        key: LogKey,
        security: Security,
    ) -> BoxFuture<'_, Result<Self, ClientError>> {
        Box::pin(async move {
            let (calls, expected) = (Some(CALL_TIMEOUT), Expected::Log(key.clone()));
            let channel = connect("coordinator", address, calls, &security, expected).await?;
            Ok(Self {
                key,
                policy: None,
                patience: COSIGNED_WITHIN,
                cosignatures: CosignaturesClient::new(channel.clone())
                    .max_decoding_message_size(LEDGER_ANSWER_MESSAGE),
                ledger: LedgerClient::new(channel.clone())
                    .max_decoding_message_size(LEDGER_ANSWER_MESSAGE)
                    .max_encoding_message_size(LEDGER_REQUEST_MESSAGE),
                blobs: BlobsClient::new(channel.clone())
                    .max_decoding_message_size(BLOBS_ANSWER_MESSAGE)
                    .max_encoding_message_size(BLOBS_REQUEST_MESSAGE),
                notes: NotesClient::new(channel.clone())
                    .max_decoding_message_size(NOTES_ANSWER_MESSAGE),
                registry: RegistryClient::new(channel.clone()),
                verifier: VerifierClient::new(channel)
                    .max_decoding_message_size(VERIFIER_ANSWER_MESSAGE)
                    .max_encoding_message_size(VERIFIER_REQUEST_MESSAGE),
            })
        })
    }

    /// The log's key.
    pub fn key(&self) -> &LogKey {
        &self.key
    }

    /// Takes from now on only receipts and checkpoints with these cosignatures. A submission then
    /// returns when witnesses have cosigned a tree that holds its entry.
    #[must_use]
    pub fn demanding(mut self, policy: WitnessPolicy) -> Self {
        self.policy = Some(Arc::new(policy));
        self
    }

    /// Waits at most so long for cosignatures, instead of 30 seconds.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Submits an entry. Returns after it is durable and its receipt verified.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn submit<'a>(
        &'a mut self,
        entry: &'a SignedEntry,
    ) -> BoxFuture<'a, Result<Submitted, ClientError>> {
        Box::pin(async move {
            let request = SubmitRequest {
                entry: entry.to_bytes(),
            };
            let answer = self.ledger.submit(request).await;
            let answer = answer.map_err(|status| self.refused(&status))?.into_inner();
            self.submitted(&entry.id(), answer).await
        })
    }

    /// Submits an entry with the blob that it names. Returns after both are durable and the receipt is verified.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn submit_with<'a>(
        &'a mut self,
        entry: &'a SignedEntry,
        blob: &'a Blob,
    ) -> BoxFuture<'a, Result<Submitted, ClientError>> {
        Box::pin(async move {
            let request = SubmitWithBlobsRequest {
                entry: entry.to_bytes(),
                blob: blob.bytes().to_vec(),
            };
            let answer = self.blobs.submit_with_blobs(request).await;
            let answer = answer.map_err(|status| self.refused(&status))?.into_inner();
            self.submitted(&entry.id(), answer).await
        })
    }

    /// A blob that an entry of the log names. Its digest is checked.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::Malformed`] for bytes of another digest.
    pub fn blob(&mut self, digest: BlobDigest) -> BoxFuture<'_, Result<Blob, ClientError>> {
        Box::pin(async move {
            let request = GetBlobRequest {
                digest: digest.0.to_vec(),
            };
            let answer = self.blobs.get_blob(request).await;
            let answer = answer.map_err(|status| self.refused(&status))?.into_inner();
            Blob::new(answer.blob)
                .ok()
                .filter(|blob| blob.digest() == digest)
                .ok_or(ClientError::Malformed(
                    "blob of the digest that was asked for",
                ))
        })
    }

    /// The receipt of an entry, verified.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn receipt<'a>(
        &'a mut self,
        id: &'a EntryId,
    ) -> BoxFuture<'a, Result<Receipt, ClientError>> {
        Box::pin(async move {
            if let Some(policy) = self.policy.clone() {
                return self.cosigned_receipt(id, &policy).await;
            }
            let request = GetReceiptRequest {
                entry_id: id.0.to_vec(),
            };
            let answer = self.ledger.get_receipt(request).await;
            let answer = answer.map_err(|status| self.refused(&status))?.into_inner();
            self.verified_receipt(id, &answer.receipt)
        })
    }

    /// The text of the newest checkpoint, or of the newest cosigned one if this client demands
    /// cosignatures; the caller verifies it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn checkpoint(&mut self) -> BoxFuture<'_, Result<String, ClientError>> {
        Box::pin(async move {
            if self.policy.is_some() {
                let request = GetCosignedCheckpointRequest {};
                let answer = self.cosignatures.get_cosigned_checkpoint(request).await;
                let answer = answer.map_err(|status| self.refused(&status))?;
                return Ok(answer.into_inner().checkpoint);
            }
            let answer = self.ledger.get_checkpoint(GetCheckpointRequest {}).await;
            Ok(answer
                .map_err(|status| self.refused(&status))?
                .into_inner()
                .checkpoint)
        })
    }

    /// The founding parameters that the coordinator reports. They are not verified, but good enough
    /// to notice a configuration that differs.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn founding_facts(&mut self) -> BoxFuture<'_, Result<Vec<(String, String)>, ClientError>> {
        Box::pin(async move {
            let answer = self.registry.get_log(GetLogRequest {}).await;
            let answer = answer.map_err(|status| self.refused(&status))?.into_inner();
            let facts: Vec<_> = answer
                .founding
                .into_iter()
                .map(|f| (f.name, f.value))
                .collect();
            check_facts(&facts)?;
            Ok(facts)
        })
    }

    /// The proof that the tree of `old` leaves is a prefix of the tree of `new` leaves.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn consistency_proof(
        &mut self,
        old: u64,
        new: u64,
    ) -> BoxFuture<'_, Result<Vec<Hash>, ClientError>> {
        Box::pin(async move {
            let request = GetConsistencyProofRequest {
                old_size: old,
                new_size: new,
            };
            let answer = self.ledger.get_consistency_proof(request).await;
            let hashes = answer
                .map_err(|status| self.refused(&status))?
                .into_inner()
                .hashes;
            hashes
                .into_iter()
                .map(|hash| hash.try_into().map_err(|_| ClientError::Malformed("hash")))
                .collect()
        })
    }

    /// Leaves `from` to `until`, page by page.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn leaves(&mut self, from: u64, until: u64) -> BoxFuture<'_, Result<Pages, ClientError>> {
        Box::pin(async move {
            let answer = self
                .ledger
                .stream_entries(StreamEntriesRequest { from, until })
                .await;
            let stream = answer.map_err(|status| self.refused(&status))?.into_inner();
            Ok(Pages {
                next: from,
                stream,
                key: self.key.clone(),
            })
        })
    }

    /// Asks the coordinator's Verifier about an entry with a proof. It changes nothing. The answer
    /// is not verified; use [`crate::Replica`] to verify entries yourself.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn verify_entry<'a>(
        &'a mut self,
        entry: &'a SignedEntry,
    ) -> BoxFuture<'a, Result<Verdict, ClientError>> {
        Box::pin(async move {
            let subject = Subject {
                subject: Some(subject::Subject::Entry(entry.to_bytes())),
            };
            let answer = self
                .verifier
                .verify_one(VerifyOneRequest {
                    subject: Some(subject),
                })
                .await;
            let answer = answer.map_err(|status| self.refused(&status))?.into_inner();
            Verdict::try_from(answer.verdict).map_err(|_| ClientError::Malformed("verdict"))
        })
    }

    /// The buckets of the newest anchor's note tree. Trust them if their root is an anchor of a
    /// ledger that was verified ([`merits_ledger::state::Notes::find_anchor`]).
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn note_buckets(&mut self) -> BoxFuture<'_, Result<NoteBuckets, ClientError>> {
        Box::pin(async move {
            let answer = self.notes.get_buckets(GetBucketsRequest {}).await;
            let answer = answer.map_err(|status| self.refused(&status))?.into_inner();
            NoteBuckets::try_from(answer).map_err(|_| ClientError::Malformed("list of buckets"))
        })
    }

    /// The leaves of a bucket, without those beyond the anchor's `size`. It is always a whole
    /// bucket, so that nobody learns which note is meant. [`merits_primitives::note_tree::path`]
    /// makes the paths and refuses leaves that are not under the bucket's root.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn note_bucket(
        &mut self,
        index: u32,
        size: u64,
    ) -> BoxFuture<'_, Result<Vec<NoteCommitment>, ClientError>> {
        Box::pin(async move {
            let answer = self.notes.get_bucket(GetBucketRequest { index }).await;
            let answer = answer.map_err(|status| self.refused(&status))?.into_inner();
            let NoteBucket(mut leaves) = NoteBucket::try_from(answer)
                .map_err(|_| ClientError::Malformed("bucket of notes"))?;
            let kept = size.saturating_sub(u64::from(index) * BUCKET).min(BUCKET);
            leaves.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
            Ok(leaves)
        })
    }

    async fn submitted(
        &mut self,
        id: &EntryId,
        answer: SubmitResponse,
    ) -> Result<Submitted, ClientError> {
        let mut receipt = self.verified_receipt(id, &answer.receipt)?;
        if let Some(policy) = self.policy.clone() {
            receipt = self.cosigned_receipt(id, &policy).await?;
        }
        Ok(Submitted {
            id: *id,
            index: receipt.index,
            already_present: answer.already_present,
            receipt,
        })
    }

    /// The receipt of an entry under a checkpoint that was cosigned as `policy` demands. Waits for the
    /// witnesses, for a limited time.
    async fn cosigned_receipt(
        &mut self,
        id: &EntryId,
        policy: &WitnessPolicy,
    ) -> Result<Receipt, ClientError> {
        let until = Instant::now() + self.patience;
        let mut pause = COSIGNED_LOOK;
        loop {
            let request = GetCosignedReceiptRequest {
                entry_id: id.0.to_vec(),
            };
            let why = match self.cosignatures.get_cosigned_receipt(request).await {
                Ok(answer) => {
                    let receipt = Receipt::parse(&answer.into_inner().receipt)?;
                    match receipt.verify_cosigned(&self.key, policy) {
                        Ok(leaf) => return expect_entry(id, leaf.id()).map(|()| receipt),
                        // The coordinator asks for fewer cosignatures than this party.
                        Err(
                            error @ ReceiptError::Cosignatures(CosignatureError::TooFew { .. }),
                        ) => Some(Box::new(error)),
                        Err(error) => return Err(error.into()),
                    }
                }
                Err(status) => match self.refused(&status) {
                    ClientError::Refused { fault, .. } if fault.reason == Reason::Busy => None,
                    error => return Err(error),
                },
            };
            if Instant::now() >= until {
                let (id, within) = (*id, self.patience);
                return Err(ClientError::NotCosigned { id, within, why });
            }
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(COSIGNED_LOOK_AT_MOST);
        }
    }

    fn verified_receipt(&self, id: &EntryId, text: &str) -> Result<Receipt, ClientError> {
        let receipt = Receipt::parse(text)?;
        let found = receipt.verify(&self.key)?.id();
        expect_entry(id, found)?;
        Ok(receipt)
    }

    fn refused(&self, status: &tonic::Status) -> ClientError {
        refused(&self.key, status)
    }
}

fn expect_entry(expected: &EntryId, found: EntryId) -> Result<(), ClientError> {
    if found == *expected {
        return Ok(());
    }
    let expected = *expected;
    Err(ClientError::OtherEntry { expected, found })
}

/// Pages of leaves as they arrive.
#[derive(Debug)]
pub struct Pages {
    next: u64,
    stream: Streaming<merits_proto::ledger::StreamEntriesResponse>,
    key: LogKey,
}

impl Pages {
    /// The next page; `None` at the end.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::Malformed`] when a page does not follow the one before.
    pub fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<Vec<u8>>>, ClientError>> {
        Box::pin(async move {
            let page = self
                .stream
                .message()
                .await
                .map_err(|status| refused(&self.key, &status))?;
            let Some(page) = page else { return Ok(None) };
            if page.first != self.next || page.leaves.is_empty() {
                return Err(ClientError::Malformed("page of leaves"));
            }
            self.next += page.leaves.len() as u64;
            Ok(Some(page.leaves))
        })
    }
}

fn refused(key: &LogKey, status: &tonic::Status) -> ClientError {
    let fault = Fault::from_status(status);
    let notice = SignedRefusal::parse(&fault.signed_refusal)
        .ok()
        .and_then(|signed| signed.verify(key).ok())
        .map(Box::new);
    let note = notice
        .as_ref()
        .map(|_| fault.signed_refusal.as_str().into());
    ClientError::Refused {
        fault: Box::new(fault),
        notice,
        note,
    }
}

/// How long a client that demands cosignatures waits for them. Witnesses answer in milliseconds; a
/// validating one verifies the entries first.
const COSIGNED_WITHIN: Duration = Duration::from_secs(30);
/// When it looks for the first time. Each pause is twice the one before.
const COSIGNED_LOOK: Duration = Duration::from_millis(4);
/// The longest pause.
const COSIGNED_LOOK_AT_MOST: Duration = Duration::from_millis(100);
/// Proof verification and a durable append take milliseconds; a full queue answers at once.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
