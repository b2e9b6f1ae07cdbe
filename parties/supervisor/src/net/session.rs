//! The two procedures of `docs/src/supervision.md`, step by step over the network. Each step stores
//! enough to continue after a crash.

use std::{path::Path, sync::Arc};

use futures::future::join_all;
use merits_ledger::{entry::OpeningContent, state::OpeningSubject};
use merits_party::report::Entered;
use merits_primitives::{
    calendar::Timestamp,
    identity::IdentityCommitment,
    ids::{EntryId, ScaleId},
};
use merits_replica::{ClientError, Follower};
use merits_verifier::{entry::SignedEntry, possession::TotalsKey};

use super::{
    SessionError,
    client::{HolderClient, HolderError},
    service::Follow as _,
};
use crate::{
    acts::EntrySigner,
    holder::{OpeningAsk, SealedPartial, TotalAsk, TotalPartial},
    request::{OpeningResult, RequestFile, identity_hash, request_content},
    requester::{OpeningFault, combine_and_name, combine_redeemer, fewest_holders},
    totals::{Next, OpenedTotal, TotalFault, TotalSet},
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
    /// Why other holders cannot be asked.
    unreachable: Vec<HolderError>,
}

/// A request with its content, and by when the content must be revealed.
#[derive(Debug)]
pub(super) struct Asked {
    subject: OpeningSubject,
    pub(super) ask: OpeningAsk,
    deadline: Timestamp,
}

/// What an opening showed.
#[derive(Clone, PartialEq, Eq)]
pub enum Opened {
    /// Credits, measure and pseudonym.
    Claim(OpeningResult),
    /// Who made a redemption.
    Redeemer(IdentityCommitment),
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opened(..)")
    }
}

/// An opened claim, or a redemption's opened identity, with the traces it left.
#[derive(Debug)]
pub struct OpenedClaim {
    /// The OpeningRequested entry.
    pub request: EntryId,
    /// The OpeningCompleted entry.
    pub completion: EntryId,
    /// What it showed.
    pub opened: Opened,
}

/// A published total.
#[derive(Debug)]
pub struct PublishedTotal {
    /// The TotalsOpened entry.
    pub entry: EntryId,
    /// Its contents.
    pub total: OpenedTotal,
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
            unreachable: Vec::new(),
        }
    }

    /// The same, where other holders cannot be reached: errors say why.
    #[must_use]
    pub fn without(mut self, unreachable: Vec<HolderError>) -> Self {
        self.unreachable = unreachable;
        self
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

    /// Opens one claim: request into the log, then partials, then the result's hash. `file` keeps content and result. If
    /// the ledger refuses the request, it is renamed to `FILE.refused` and keeps the signed refusal.
    ///
    /// # Errors
    /// [`SessionError`]. [`SessionError::Requested`] and [`SessionError::MaybeRequested`] leave a request, and
    /// [`Session::resume`] continues from `file`; [`SessionError::RefusedRequest`] leaves the renamed file, and all others
    /// leave nothing.
    pub async fn open_claim(
        &mut self,
        entry: EntryId,
        claim: u16,
        basis: &str,
        deadline: Timestamp,
        file: &Path,
    ) -> Result<OpenedClaim, SessionError> {
        let content = request_content(entry, claim, basis, &mut rand::rng())?;
        self.open(OpeningSubject::Claim, content, deadline, file)
            .await
    }

    /// Opens who made one redemption, in the same way.
    ///
    /// # Errors
    /// As of [`Session::open_claim`].
    pub async fn open_redeemer(
        &mut self,
        redemption: EntryId,
        basis: &str,
        deadline: Timestamp,
        file: &Path,
    ) -> Result<OpenedClaim, SessionError> {
        let content = request_content(redemption, 0, basis, &mut rand::rng())?;
        self.open(OpeningSubject::Redeemer, content, deadline, file)
            .await
    }

    async fn open(
        &mut self,
        subject: OpeningSubject,
        content: OpeningContent,
        deadline: Timestamp,
        file: &Path,
    ) -> Result<OpenedClaim, SessionError> {
        let (scale, needed) = self.sealed_of(subject, &content).await?;
        let reached = self.holders.len();
        if reached < needed {
            return Err(SessionError::TooFewReached {
                needed,
                reached,
                unreachable: std::mem::take(&mut self.unreachable),
            });
        }
        let signed = self.sign_request(subject, scale, &content, deadline);
        let request = signed.id();
        // Write the content to disk before its commitment is in the log: a request whose content is
        // lost could never be revealed.
        let origin = self.signer.origin();
        let kept = RequestFile::new(origin, &request, &content, deadline);
        let kept = match subject {
            OpeningSubject::Claim => kept,
            OpeningSubject::Redeemer => kept.of_redeemer(),
        };
        write(&kept, file)?;
        let asked = Asked {
            subject,
            ask: OpeningAsk {
                origin: origin.clone(),
                request,
                content,
            },
            deadline,
        };
        if let Err(error) = self.request(&signed, &asked, file).await {
            if let SessionError::Coordinator(ClientError::Unreachable(_)) = &error {
                // Nothing was sent. It would look like the file of a request; without it the error is the same.
                let _ = std::fs::remove_file(file);
            }
            return Err(error);
        }
        self.answer(asked, file).await
    }

    /// Continues a request from its file. One that did not reach the log is sent again: it is the same entry. Of one that
    /// is completed, the file's result is given again.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn resume(&mut self, file: &Path) -> Result<OpenedClaim, SessionError> {
        let asked = self.ask_of(file)?;
        let (request, content) = (asked.ask.request, &asked.ask.content);
        let logged = self.follower.synced(move |log| log.request(&request));
        if let Some(logged) = logged.await?? {
            let requester = logged.requester;
            if requester != self.signer.party() {
                return Err(SessionError::OthersRequest { request, requester });
            }
            if logged.commitment != content.commitment(&asked.ask.origin) {
                return Err(SessionError::Altered {
                    request,
                    path: file.to_owned(),
                });
            }
            if let Some(hash) = logged.result {
                return self.completed(&asked, hash, file);
            }
        } else {
            let (scale, _) = self.sealed_of(asked.subject, content).await?;
            let signed = self.sign_request(asked.subject, scale, content, asked.deadline);
            if signed.id() != request {
                return Err(SessionError::NotRequested {
                    request,
                    path: file.to_owned(),
                });
            }
            self.request(&signed, &asked, file).await?;
        }
        self.answer(asked, file).await
    }

    fn sign_request(
        &self,
        subject: OpeningSubject,
        scale: ScaleId,
        content: &OpeningContent,
        deadline: Timestamp,
    ) -> SignedEntry {
        match subject {
            OpeningSubject::Claim => self.signer.request_opening(scale, content, deadline),
            OpeningSubject::Redeemer => self.signer.request_redeemer(scale, content, deadline),
        }
    }

    /// The scale of what is to be opened, and how many holders must answer.
    async fn sealed_of(
        &self,
        subject: OpeningSubject,
        content: &OpeningContent,
    ) -> Result<(ScaleId, usize), SessionError> {
        let (entry, claim) = (content.entry, content.claim);
        let found = self.follower.synced(move |log| {
            let needed = fewest_holders(log, &entry)?.unwrap_or_default();
            let scale = match subject {
                OpeningSubject::Claim => {
                    let batch = log.batch(&entry)?;
                    let batch = batch.filter(|batch| usize::from(claim) < batch.claims.len());
                    batch.map(|batch| batch.scale)
                }
                OpeningSubject::Redeemer => log.redemption(&entry)?.map(|found| found.scale),
            };
            Ok::<_, Unreadable>((scale, needed))
        });
        let (scale, needed) = found.await??;
        let scale = scale.ok_or(match subject {
            OpeningSubject::Claim => SessionError::NoSuchClaim { entry, claim },
            OpeningSubject::Redeemer => SessionError::NoSuchRedemption(entry),
        })?;
        Ok((scale, needed))
    }

    /// Puts a request on the ledger.
    async fn request(
        &self,
        signed: &SignedEntry,
        asked: &Asked,
        file: &Path,
    ) -> Result<(), SessionError> {
        let Err(error) = self.follower.client().submit(signed).await else {
            return Ok(());
        };
        let request = asked.ask.request;
        if error.leaves_nothing(signed) {
            let Some(note) = error.signed_refusal() else {
                return Err(error.into());
            };
            let file = set_aside(file, note)?;
            let source = Box::new(error);
            return Err(SessionError::RefusedRequest {
                request,
                file,
                source,
            });
        }
        let (deadline, file) = (asked.deadline, file.to_owned());
        let is_there = matches!(error, ClientError::NotCosigned { .. });
        let source = Box::new(error.into());
        Err(if is_there {
            SessionError::Requested {
                request,
                file,
                deadline,
                source,
            }
        } else {
            SessionError::MaybeRequested {
                request,
                file,
                deadline,
                source,
            }
        })
    }

    /// Reveals the content of a request to everybody, from its file. Due by the request's deadline.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn reveal(&self, file: &Path) -> Result<Entered, SessionError> {
        let Asked { ask, .. } = self.ask_of(file)?;
        let entry = self.signer.reveal_opening(ask.request, ask.content);
        Ok(self.submit(&entry).await?.into())
    }

    fn ask_of(&self, file: &Path) -> Result<Asked, SessionError> {
        let logged = read(file)?;
        let origin = self.signer.origin().clone();
        match (logged.request_id(), logged.content()) {
            (Some(request), Some(content)) if logged.origin == origin.as_str() => Ok(Asked {
                subject: match logged.redeemer {
                    false => OpeningSubject::Claim,
                    true => OpeningSubject::Redeemer,
                },
                ask: OpeningAsk {
                    origin,
                    request,
                    content,
                },
                deadline: logged.deadline,
            }),
            _ => Err(SessionError::OtherFile {
                path: file.to_owned(),
                origin: origin.to_string(),
            }),
        }
    }

    /// Has the holders answer a request that is on the ledger.
    async fn answer(&mut self, asked: Asked, file: &Path) -> Result<OpenedClaim, SessionError> {
        let Asked {
            subject,
            ask,
            deadline,
        } = asked;
        let request = ask.request;
        let finished = self.finish(subject, ask, file).await;
        finished.map_err(|source| SessionError::Requested {
            request,
            file: file.to_owned(),
            deadline,
            source: Box::new(source),
        })
    }

    /// Whether as many members endorse a request as it takes. Holders look at their own copies.
    async fn require_endorsed(&self, ask: &OpeningAsk) -> Result<(), SessionError> {
        let OpeningAsk {
            request, content, ..
        } = ask.clone();
        let counted = self.follower.synced(move |log| {
            // The requester's copy may be a moment behind the entry that it just sent.
            let Some(logged) = log.request(&request)? else {
                return Ok(None);
            };
            let endorsing = logged.endorsing(log.origin(), &request, &content);
            Ok::<_, Unreadable>(Some((endorsing.count(), logged.needed)))
        });
        match counted.await?? {
            Some((found, needed)) if found < needed.into() => {
                Err(SessionError::NotEndorsed { found, needed })
            }
            _ => Ok(()),
        }
    }

    async fn finish(
        &mut self,
        subject: OpeningSubject,
        ask: OpeningAsk,
        file: &Path,
    ) -> Result<OpenedClaim, SessionError> {
        self.require_endorsed(&ask).await?;
        // A holder that does not answer stops nothing as long as enough others of its side do.
        let asked = join_all(self.holders.iter_mut().map(|holder| holder.opening(&ask))).await;
        let (answers, mut unanswered) = answered::<SealedPartial>(asked);
        unanswered.append(&mut self.unreachable);
        let request = ask.request;
        let content = ask.content.clone();
        let key = Arc::clone(&self.sealing_key);
        let combined = self
            .follower
            .synced(move |log| match subject {
                OpeningSubject::Claim => {
                    let combined = combine_and_name(log, &ask, &key, &answers)?;
                    Ok((Opened::Claim(combined.opened), combined.faults))
                }
                OpeningSubject::Redeemer => {
                    let (identity, faults) = combine_redeemer(log, &ask, &key, &answers)?;
                    Ok((Opened::Redeemer(identity), faults))
                }
            })
            .await?;
        let (opened, faults) = match combined {
            Ok(combined) => combined,
            Err(fault @ OpeningFault::Missing(_)) => return Err(missing(fault, unanswered)),
            Err(fault @ OpeningFault::TooFew { .. }) => return Err(too_few(fault, unanswered)),
            Err(fault) => return Err(fault.into()),
        };
        remark(&unanswered);
        for fault in &faults {
            tracing::warn!(%fault, "a holder's answer is wrong, and enough others were right");
        }
        let kept = read(file)?;
        let (hash, kept) = match &opened {
            Opened::Claim(opened) => {
                let hash = opened.hash(&request, &content);
                (hash, kept.completed(opened, &hash))
            }
            Opened::Redeemer(identity) => {
                let hash = identity_hash(&request, &content, identity);
                (hash, kept.identified(identity, &hash))
            }
        };
        write(&kept, file)?;
        let completion = self
            .submit(&self.signer.complete_opening(request, hash))
            .await?;
        Ok(OpenedClaim {
            request,
            completion,
            opened,
        })
    }

    /// Opens and publishes the total of one output over the first interval that no total of it covers yet. Where it was
    /// not cut, the cut goes on the ledger first, which refuses it if it is too early, or if a sum would be about too
    /// few deeds.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn open_total(&mut self, key: TotalsKey) -> Result<PublishedTotal, SessionError> {
        let set = self.cut(key).await?;
        // If the sum is already open, no holder needs to answer.
        let (answers, mut unanswered) = match set.t1() {
            Some(_) => {
                let asked = set.clone();
                let ask = self.follower.synced(move |log| asked.ask(log)).await?;
                self.ask_total(&ask).await
            }
            None => (Vec::new(), Vec::new()),
        };
        let opened = self.follower.synced(move |log| set.open(log, &answers));
        match opened.await? {
            Ok(total) => {
                remark(&self.unreachable);
                remark(&unanswered);
                for fault in &total.wrong {
                    tracing::warn!(%fault, "a holder's answer is wrong, and enough others were right");
                }
                let entry = self.submit(&self.signer.publish_total(&total)).await?;
                Ok(PublishedTotal { entry, total })
            }
            Err(fault @ TotalFault::Missing(_)) => {
                unanswered.append(&mut self.unreachable);
                Err(missing(fault, unanswered))
            }
            Err(fault @ TotalFault::TooFew { .. }) => {
                unanswered.append(&mut self.unreachable);
                Err(too_few(fault, unanswered))
            }
            Err(
                fault @ (TotalFault::NoEpoch(_)
                | TotalFault::BadPartial { .. }
                | TotalFault::NoSum(_)),
            ) => Err(fault.into()),
        }
    }

    /// The next total to open, after the cut that it takes.
    async fn cut(&self, key: TotalsKey) -> Result<TotalSet, SessionError> {
        let next = self.follower.synced(move |log| TotalSet::next(log, key));
        let number = match next.await?? {
            Next::Open(set) => return Ok(set),
            Next::Cut(number) => number,
        };
        self.submit(&self.signer.cut_totals(key, number)).await?;
        let cut = self
            .follower
            .synced(move |log| TotalSet::check(log, key, number));
        Ok(cut.await??)
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
            Err(error) => unanswered.push(error),
        }
    }
    (answers, unanswered)
}

/// Says who did not answer, where enough others did. Errors say it themselves.
fn remark(unanswered: &[HolderError]) {
    for error in unanswered {
        tracing::warn!(%error, "a holder of the view key does not answer");
    }
}

/// Why the only holder of a side did not answer: what a holder says is more than that its answer is missing.
fn missing(fault: impl Into<SessionError>, unanswered: Vec<HolderError>) -> SessionError {
    let first = unanswered.into_iter().next();
    first.map_or_else(|| fault.into(), SessionError::from)
}

/// Too few holders of a side, and why others gave no answer.
fn too_few(fault: impl Into<SessionError>, unanswered: Vec<HolderError>) -> SessionError {
    if unanswered.is_empty() {
        return fault.into();
    }
    SessionError::Unanswered {
        few: Box::new(fault.into()),
        unanswered,
    }
}

fn write(content: &RequestFile, path: &Path) -> Result<(), SessionError> {
    content.write(path).map_err(|source| SessionError::File {
        path: path.to_owned(),
        source: merits_guard::explain::writing(source),
    })
}

/// Keeps the file of a refused request under another name, with the signed refusal in it: the log may append the request
/// all the same, and then only this file can reveal it. A name that is taken is left alone.
fn set_aside(path: &Path, note: &str) -> Result<std::path::PathBuf, SessionError> {
    write(&read(path)?.refused(note), path)?;
    if path.extension().is_some_and(|is| is == "refused") {
        return Ok(path.to_owned());
    }
    let mut name = path.to_owned();
    name.as_mut_os_string().push(".refused");
    // A link is never made over a file.
    if std::fs::hard_link(path, &name).is_err() {
        return Ok(path.to_owned());
    }
    match std::fs::remove_file(path) {
        Ok(()) => Ok(name),
        Err(_) => Ok(path.to_owned()),
    }
}

pub(super) fn read(path: &Path) -> Result<RequestFile, SessionError> {
    RequestFile::read(path).map_err(|source| SessionError::File {
        path: path.to_owned(),
        source: merits_guard::explain::writing(source),
    })
}
