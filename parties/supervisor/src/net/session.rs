//! The two procedures of `docs/src/supervision.md`, step by step over the network. Each step stores
//! enough to continue after a crash.

use std::{path::Path, sync::Arc};

use futures::future::join_all;
use merits_party::report::Entered;
use merits_primitives::{calendar::Timestamp, ids::EntryId};
use merits_replica::{ClientError, Follower};
use merits_verifier::{entry::SignedEntry, possession::TotalsKey};
use thiserror::Error;

use super::{
    client::{HolderClient, HolderError},
    service::{Follow, FollowError},
};
use crate::{
    acts::EntrySigner,
    holder::{OpeningAsk, SealedPartial, TotalAsk, TotalPartial},
    request::{BasisError, OpeningResult, RequestFile, request_content},
    requester::{OpeningFault, combine_and_name},
    totals::{OpenedTotal, SetFault, TotalFault, TotalSet},
    view::Unreadable,
};
use merits_sealing::SealingKey;

/// A supervisor with its copy of the log and its connections to the holders.
#[derive(Debug)]
pub struct Session {
    signer: EntrySigner,
    sealing_key: Arc<SealingKey>,
    follower: Follower,
    holders: Vec<HolderClient>,
}

/// An opened claim, with the traces it left.
#[derive(Debug)]
pub struct OpenedClaim {
    /// The OpeningRequested entry.
    pub request: EntryId,
    /// The OpeningCompleted entry.
    pub completion: EntryId,
    /// Credits, measure and pseudonym.
    pub opened: OpeningResult,
}

/// A published total.
#[derive(Debug)]
pub struct PublishedTotal {
    /// The TotalsOpened entry.
    pub entry: EntryId,
    /// Its contents.
    pub total: OpenedTotal,
}

/// Why a procedure stopped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The supervisor's copy.
    #[error(transparent)]
    Copy(#[from] Unreadable),
    /// The basis.
    #[error(transparent)]
    Basis(#[from] BasisError),
    /// The claim is not on the ledger.
    #[error("claim {claim} of entry {entry} is not in the verified copy of the log")]
    NoSuchClaim {
        /// The batch.
        entry: EntryId,
        /// From 0.
        claim: u16,
    },
    /// The request file.
    #[error("request file {path}: {source}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The request file is for something else.
    #[error("request file {path} holds no request for {origin}")]
    OtherFile {
        /// The file.
        path: std::path::PathBuf,
        /// This log.
        origin: String,
    },
    /// The coordinator.
    #[error(transparent)]
    Coordinator(#[from] ClientError),
    /// The copy.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// A holder.
    #[error(transparent)]
    Holder(#[from] HolderError),
    /// The answers.
    #[error(transparent)]
    Opening(#[from] OpeningFault),
    /// The set.
    #[error(transparent)]
    Set(#[from] SetFault),
    /// The answers for a total.
    #[error(transparent)]
    Total(#[from] TotalFault),
}

impl Session {
    /// `holders` are connections to both sides' holders, in any order.
    pub fn new(
        signer: EntrySigner,
        sealing_key: SealingKey,
        follower: Follower,
        holders: Vec<HolderClient>,
    ) -> Self {
        Self {
            signer,
            sealing_key: Arc::new(sealing_key),
            follower,
            holders,
        }
    }

    /// Signs acts that are one entry.
    pub fn signer(&self) -> &EntrySigner {
        &self.signer
    }

    /// Submits one entry; it is durable, and its receipt verified, when this returns.
    ///
    /// # Errors
    /// [`SessionError::Coordinator`].
    pub async fn submit(&self, entry: &SignedEntry) -> Result<EntryId, SessionError> {
        Ok(self.follower.client().submit(entry).await?.id)
    }

    /// Opens one claim: request into the log, then partials, then the result's hash. `file`
    /// keeps content and result;
    ///
    /// # Errors
    /// [`SessionError`]. After the request is in the log, [`Session::resume`] continues from
    /// `file`.
    pub async fn open_claim(
        &mut self,
        entry: EntryId,
        claim: u16,
        basis: &str,
        deadline: Timestamp,
        file: &Path,
    ) -> Result<OpenedClaim, SessionError> {
        let content = request_content(entry, claim, basis, &mut rand::rng())?;
        let batch = self.follower.synced(move |log| log.batch(&entry)).await??;
        let batch = batch
            .filter(|batch| usize::from(claim) < batch.claims.len())
            .ok_or(SessionError::NoSuchClaim { entry, claim })?;
        let signed = self.signer.request_opening(batch.scale, &content, deadline);
        let request = signed.id();
        // Write the content to disk before its commitment is in the log: a request whose content is
        // lost could never be revealed.
        let origin = self.signer.origin();
        write(
            &RequestFile::new(origin, &request, &content, deadline),
            file,
        )?;
        self.submit(&signed).await?;
        let ask = OpeningAsk {
            origin: origin.clone(),
            request,
            content,
        };
        self.answer(ask, file).await
    }

    /// Continues a request that is in the log, from its file.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn resume(&mut self, file: &Path) -> Result<OpenedClaim, SessionError> {
        let ask = self.ask_of(file)?;
        self.answer(ask, file).await
    }

    /// Reveals the content of a request to everybody, from its file. Due by the request's deadline.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn reveal(&self, file: &Path) -> Result<Entered, SessionError> {
        let ask = self.ask_of(file)?;
        let entry = self.signer.reveal_opening(ask.request, ask.content);
        Ok(self.submit(&entry).await?.into())
    }

    fn ask_of(&self, file: &Path) -> Result<OpeningAsk, SessionError> {
        let logged = read(file)?;
        let origin = self.signer.origin().clone();
        match (logged.request_id(), logged.content()) {
            (Some(request), Some(content)) if logged.origin == origin.as_str() => Ok(OpeningAsk {
                origin,
                request,
                content,
            }),
            _ => Err(SessionError::OtherFile {
                path: file.to_owned(),
                origin: origin.to_string(),
            }),
        }
    }

    async fn answer(&mut self, ask: OpeningAsk, file: &Path) -> Result<OpenedClaim, SessionError> {
        // A holder that does not answer stops nothing as long as enough others of its side do.
        let asked = join_all(self.holders.iter_mut().map(|holder| holder.opening(&ask))).await;
        let (answers, unanswered) = answered::<SealedPartial>(asked);
        let unanswered = unanswered.into_iter().next();
        let request = ask.request;
        let content = ask.content.clone();
        let key = Arc::clone(&self.sealing_key);
        let combined = self
            .follower
            .synced(move |log| combine_and_name(log, &ask, &key, &answers))
            .await?;
        let combined = match (combined, unanswered) {
            (Ok(combined), _) => combined,
            // What a holder says is more than that its answer is missing.
            (Err(OpeningFault::Missing(_)), Some(error)) => return Err(error.into()),
            (Err(OpeningFault::TooFew { faults, .. }), Some(error)) if faults.is_empty() => {
                return Err(error.into());
            }
            (Err(fault), _) => return Err(fault.into()),
        };
        for fault in &combined.faults {
            tracing::warn!(%fault, "a holder's answer is wrong, and enough others were right");
        }
        let opened = combined.opened;
        let hash = opened.hash(&request, &content);
        write(&read(file)?.completed(&opened, &hash), file)?;
        let completion = self
            .submit(&self.signer.complete_opening(request, hash))
            .await?;
        Ok(OpenedClaim {
            request,
            completion,
            opened,
        })
    }

    /// Opens and publishes the total of one output over all batches of a period that no total of
    /// it covers yet, or over the set that the other output was opened over. If a holder answered for a shorter head before and it was never published, that head is
    /// opened; call again for the rest.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn open_total(&mut self, key: TotalsKey) -> Result<PublishedTotal, SessionError> {
        let mut limit = None;
        loop {
            let (set, ask) = self
                .follower
                .synced(move |log| {
                    TotalSet::head(log, key, limit).map(|set| (set.clone(), set.ask(log)))
                })
                .await??;
            // If the sum is already open, no holder needs to answer.
            let (answers, unanswered) = match set.t1() {
                Some(_) => self.ask_total(&ask).await,
                None => (Vec::new(), Vec::new()),
            };
            let opened = self.follower.synced(move |log| set.open(log, &answers));
            match opened.await? {
                Ok(total) => {
                    for fault in &total.wrong {
                        tracing::warn!(%fault, "a holder's answer is wrong, and enough others were right");
                    }
                    let entry = self.submit(&self.signer.publish_total(&total)).await?;
                    return Ok(PublishedTotal { entry, total });
                }
                Err(fault @ (TotalFault::Missing(_) | TotalFault::TooFew { .. })) => {
                    // Each retry asks for a strictly shorter head, so this ends.
                    let heads = unanswered.iter().filter_map(HolderError::answered_head);
                    let shorter = heads
                        .filter(|head| (1..ask.entries.len()).contains(head))
                        .min();
                    if let Some(head) = shorter {
                        limit = Some(head);
                        continue;
                    }
                    // What a holder says is more than that its answer is missing. A wrong answer is more than both.
                    let wrong =
                        matches!(&fault, TotalFault::TooFew { wrong, .. } if !wrong.is_empty());
                    return Err(match unanswered.into_iter().next() {
                        Some(error) if !wrong => error.into(),
                        _ => fault.into(),
                    });
                }
                Err(fault) => return Err(fault.into()),
            }
        }
    }

    /// Asks every holder. Who is silent, or refuses, stops nothing as long as enough others of its side answer.
    async fn ask_total(&mut self, ask: &TotalAsk) -> (Vec<TotalPartial>, Vec<HolderError>) {
        answered(join_all(self.holders.iter_mut().map(|holder| holder.total(ask))).await)
    }
}

/// The answers, and why other holders gave none.
fn answered<T>(asked: Vec<Result<T, HolderError>>) -> (Vec<T>, Vec<HolderError>) {
    let (mut answers, mut unanswered) = (Vec::with_capacity(asked.len()), Vec::new());
    for answer in asked {
        match answer {
            Ok(answer) => answers.push(answer),
            Err(error) => {
                tracing::warn!(%error, "a holder of the view key does not answer");
                unanswered.push(error);
            }
        }
    }
    (answers, unanswered)
}

fn write(content: &RequestFile, path: &Path) -> Result<(), SessionError> {
    content.write(path).map_err(|source| SessionError::File {
        path: path.to_owned(),
        source: merits_guard::explain::writing(source),
    })
}

fn read(path: &Path) -> Result<RequestFile, SessionError> {
    RequestFile::read(path).map_err(|source| SessionError::File {
        path: path.to_owned(),
        source: merits_guard::explain::writing(source),
    })
}
