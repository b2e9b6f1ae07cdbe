//! Asks witnesses to cosign checkpoints (c2sp.org/tlog-witness), beside the sequencer and never in
//! its way: an entry is acknowledged before anybody has cosigned it.
//!
//! One round is about one checkpoint, the newest when the round begins, because cosignatures only
//! count together on one. A round ends when enough witnesses have cosigned and the others had a
//! moment, when it cannot get enough any more, or when its time is over; the next one is about the
//! newest checkpoint then. So a witness that does not answer delays nothing as long as enough of the
//! others do, and nothing queues up.
//!
//! Anybody may bring a witness a newer checkpoint of this log while a round is about an older one,
//! which the witness then does not cosign any more. If too few are left for that round, the next one
//! follows at once.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use http::StatusCode;
use merits_fetch::{Address, FetchError, Fetcher};
use merits_proto::{
    Fault,
    limits::ADD_CHECKPOINT_ANSWER_BYTES,
    witness::{ADD_CHECKPOINT, AddCheckpoint, SIZE_TYPE, monitoring_path, size},
};
use merits_verifier::log::{
    Checkpoint, CosignatureError, LogKey, MAX_NOTE_BYTES, SignedCheckpoint, WitnessKey,
    WitnessPolicy,
};
use thiserror::Error;
use tokio::{sync::watch, time::Instant};

use crate::{archive::Archive, error::StartError, published::Published, receipts};

/// How long a witness may take for one answer. It writes to its disk, and a validating one verifies
/// the new entries first.
const ANSWER: Duration = Duration::from_secs(10);

/// How long the others are waited for, once enough have cosigned.
const MOMENT: Duration = Duration::from_millis(200);

/// When a round without enough cosignatures is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// The same, if there is a newer checkpoint meanwhile.
const SOON: Duration = Duration::from_millis(50);

/// When the newest checkpoint is cosigned again although nothing was appended, so that its
/// cosignatures tell that it is still the newest.
const REFRESH: Duration = Duration::from_secs(60);

/// A witness to ask.
#[derive(Debug)]
pub(crate) struct Witness {
    fetcher: Fetcher,
    keys: Vec<WitnessKey>,
    /// Leaves of the tree that it cosigned last, as it said.
    size: u64,
    /// Whether it is known not to answer: told once, when it begins.
    silent: bool,
}

impl Witness {
    pub(crate) fn new(address: Address, keys: Vec<WitnessKey>) -> Self {
        Self {
            fetcher: Fetcher::new(address, ANSWER),
            keys,
            size: 0,
            silent: false,
        }
    }
}

/// Why a witness did not cosign.
#[derive(Debug, Error)]
enum NotCosigned {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the consistency proof could not be made: {}", .0.message)]
    Proof(Fault),
    #[error(
        "it has cosigned {found} entries of this log, and there are {size}: this coordinator serves older data than \
         it once did, or somebody else signs with its key. Run `merits coordinator fsck`, and look for newer data"
    )]
    Ahead { found: u64, size: u64 },
    #[error(
        "somebody else brought it the checkpoint of {found} entries before that of {size}: it is asked about the \
         newest one next"
    )]
    Overtaken { found: u64, size: u64 },
    #[error("it answers {status}: {said}")]
    Refused { status: StatusCode, said: String },
    #[error("its answer: {0}")]
    Answer(#[from] CosignatureError),
    #[error("its answer is not text")]
    NoText,
}

/// How long a start waits for each witness to say what it cosigned last.
const AT_START: Duration = Duration::from_secs(5);

/// Asks every witness, before anything is appended, for the newest checkpoint that it cosigned. One
/// that this log signed and that is larger than what is stored shows that this data is older than
/// what others have seen, whatever its high-water mark says: going on would fork the log. A witness
/// that does not answer is not waited for: acknowledged entries are not its to keep.
///
/// # Errors
/// [`StartError::BehindWitness`].
pub(crate) async fn require_newest(
    witnesses: Vec<(Address, Vec<WitnessKey>)>,
    log: &LogKey,
    size: u64,
) -> Result<(), StartError> {
    let path = monitoring_path(log.origin().as_str());
    let asked = witnesses.into_iter().map(|(address, _)| {
        let path = path.clone();
        async move {
            let mut fetcher = Fetcher::new(address, AT_START);
            let newest = newest(&mut fetcher, &path, log).await;
            (fetcher.address().clone(), newest)
        }
    });
    for (address, newest) in join_all(asked).await {
        match newest {
            Some(newest) if newest.size > size => {
                let found = newest.size;
                return Err(StartError::BehindWitness {
                    witness: address.to_string(),
                    found,
                    size,
                });
            }
            Some(_) => {}
            None => {
                tracing::warn!(witness = %address, "the witness does not say what it cosigned last")
            }
        }
    }
    Ok(())
}

/// The newest checkpoint that a witness shows, if this log signed it.
async fn newest(fetcher: &mut Fetcher, path: &str, log: &LogKey) -> Option<Checkpoint> {
    let answer = fetcher.get(path, MAX_NOTE_BYTES).await.ok()?;
    if answer.status != StatusCode::OK {
        return None;
    }
    let text = std::str::from_utf8(&answer.body).ok()?;
    SignedCheckpoint::parse(text).ok()?.verify(log).ok()
}

/// The task that asks.
pub(crate) struct Cosigning {
    pub(crate) archive: Archive,
    pub(crate) published: Arc<Published>,
    pub(crate) key: LogKey,
    pub(crate) policy: WitnessPolicy,
    pub(crate) witnesses: Vec<Witness>,
}

impl Cosigning {
    /// Asks until `stopping` is true.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut sizes = self.published.sizes();
        loop {
            sizes.borrow_and_update();
            let Round {
                enough,
                about,
                overtaken,
            } = tokio::select! {
                done = self.round() => done,
                _ = stopping.wait_for(|stop| *stop) => return,
            };
            let pause = match enough {
                true => REFRESH,
                false if overtaken && *sizes.borrow() > about => SOON,
                false => AGAIN,
            };
            tokio::select! {
                changed = sizes.changed(), if enough => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = tokio::time::sleep(pause) => {}
                _ = stopping.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Has the newest checkpoint cosigned.
    async fn round(&mut self) -> Round {
        let (checkpoint, signed) = self.published.checkpoint();
        let plain = signed.without_cosignatures(&self.key);
        let (archive, published, key) = (&self.archive, &self.published, &self.key);
        let mut asked: FuturesUnordered<_> = self
            .witnesses
            .iter_mut()
            .map(|witness| {
                let (checkpoint, plain) = (&checkpoint, &plain);
                async move {
                    let cosigned = witness
                        .ask(archive, published, checkpoint, plain, key)
                        .await;
                    witness.tell(&cosigned);
                    let overtaken = matches!(cosigned, Err(NotCosigned::Overtaken { .. }));
                    let lines = cosigned.unwrap_or_default();
                    (witness.keys.clone(), lines, overtaken)
                }
            })
            .collect();
        let mut note = plain.clone();
        let (mut without, mut overtaken) = (Vec::new(), false);
        let (mut enough, mut until) = (false, Instant::now() + 3 * ANSWER);
        while let Ok(Some((keys, lines, ahead))) =
            tokio::time::timeout_at(until, asked.next()).await
        {
            overtaken |= ahead;
            let cosigned = |asked: &WitnessKey| lines.iter().any(|(by, _)| by == asked);
            without.extend(keys.into_iter().filter(|key| !cosigned(key)));
            for (witness, line) in &lines {
                // It was verified when it came.
                if let Ok(more) = note.with_cosignature(key, witness, line) {
                    note = more;
                }
            }
            if !can_suffice(&self.policy, &without) {
                break;
            }
            if note.verify_cosigned(key, &self.policy).is_ok() {
                published.show_cosigned(&checkpoint, note.clone());
                if !enough {
                    enough = true;
                    until = Instant::now() + MOMENT;
                }
            }
        }
        if !enough {
            tracing::warn!(
                size = checkpoint.size,
                "too few witnesses cosign the newest checkpoint: clients that demand cosignatures wait"
            );
        }
        Round {
            enough,
            about: checkpoint.size,
            overtaken,
        }
    }
}

/// What came of asking once.
struct Round {
    /// Whether enough witnesses cosigned.
    enough: bool,
    /// The size that they were asked about.
    about: u64,
    /// Whether a witness has cosigned a newer checkpoint, so that asking soon helps.
    overtaken: bool,
}

/// Whether the witnesses without these keys could cosign as the policy demands.
fn can_suffice(policy: &WitnessPolicy, without: &[WitnessKey]) -> bool {
    let quorums = [Some(policy.witnesses()), policy.validating()];
    quorums.into_iter().flatten().all(|quorum| {
        let left = quorum
            .witnesses()
            .iter()
            .filter(|key| !without.contains(key));
        left.count() >= quorum.threshold()
    })
}

impl Witness {
    /// Its cosignatures of a checkpoint: each key with the answer that holds its line.
    async fn ask(
        &mut self,
        archive: &Archive,
        published: &Published,
        checkpoint: &Checkpoint,
        plain: &SignedCheckpoint,
        log: &LogKey,
    ) -> Result<Vec<(WitnessKey, String)>, NotCosigned> {
        // Once with the size that it had last, and once more with the size that it says.
        let mut answer = self.post(archive, published, checkpoint, plain).await?;
        if answer.status == StatusCode::CONFLICT && answer.media_type() == SIZE_TYPE {
            let text = std::str::from_utf8(&answer.body).unwrap_or("");
            if let Some(found) = text.strip_suffix('\n').and_then(size) {
                self.size = found;
                answer = self.post(archive, published, checkpoint, plain).await?;
            }
        }
        let text = std::str::from_utf8(&answer.body).map_err(|_| NotCosigned::NoText)?;
        if answer.status != StatusCode::OK {
            let said: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
            let status = answer.status;
            return Err(NotCosigned::Refused { status, said });
        }
        self.size = checkpoint.size;
        let mut cosigned = Vec::new();
        let mut missing = None;
        for key in &self.keys {
            match plain.with_cosignature(log, key, text) {
                Ok(_) => cosigned.push((key.clone(), text.to_owned())),
                // A validating witness that is behind signs with its other key alone.
                Err(error) => missing = Some(error),
            }
        }
        match missing {
            Some(error) if cosigned.is_empty() => Err(error.into()),
            _ => Ok(cosigned),
        }
    }

    async fn post(
        &mut self,
        archive: &Archive,
        published: &Published,
        checkpoint: &Checkpoint,
        plain: &SignedCheckpoint,
    ) -> Result<merits_fetch::Answer, NotCosigned> {
        let (old, size) = (self.size, checkpoint.size);
        if old > size {
            let found = old;
            return Err(if found <= published.checkpoint().0.size {
                NotCosigned::Overtaken { found, size }
            } else {
                NotCosigned::Ahead { found, size }
            });
        }
        let proof = receipts::consistency(archive, published, old, size).await;
        let request = AddCheckpoint {
            old,
            proof: proof.map_err(NotCosigned::Proof)?,
            checkpoint: plain.clone(),
        };
        let most = ADD_CHECKPOINT_ANSWER_BYTES;
        let answered = self.fetcher.post(ADD_CHECKPOINT, request.to_string(), most);
        Ok(answered.await?)
    }

    /// Logs when a witness stops answering, and when it answers again.
    fn tell<T>(&mut self, cosigned: &Result<T, NotCosigned>) {
        match cosigned {
            // It does cosign, and its size is known.
            Err(error @ NotCosigned::Overtaken { .. }) => {
                tracing::debug!(witness = %self.fetcher.address(), %error, "a witness was asked by others");
                return;
            }
            Err(error) if !self.silent => {
                tracing::warn!(witness = %self.fetcher.address(), %error, "a witness does not cosign");
                self.silent = true;
            }
            Ok(_) if self.silent => {
                tracing::info!(witness = %self.fetcher.address(), "a witness cosigns again");
                self.silent = false;
            }
            _ => {}
        }
        // It may have forgotten, or have been asked by somebody else: ask it again.
        if cosigned.is_err() {
            self.size = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use merits_verifier::{
        log::{Quorum, WitnessName},
        signature::PublicKey,
    };

    use super::*;

    fn key(seed: u8) -> WitnessKey {
        let name = WitnessName::new(&format!("witness.test/w{seed}")).expect("a name");
        WitnessKey::new(name, PublicKey::of(&SigningKey::from_bytes(&[seed; 32])))
    }

    fn quorum(seeds: &[u8], threshold: usize) -> Quorum {
        let keys = seeds.iter().copied().map(key).collect();
        Quorum::new(keys, threshold, 0).expect("a quorum")
    }

    /// A round that one false witness could end would never reach the others.
    #[test]
    fn a_round_ends_early_only_if_too_few_witnesses_are_left() {
        let policy =
            |validating| WitnessPolicy::new(quorum(&[1, 2, 3], 2), validating).expect("a policy");
        let left_without = |policy: &WitnessPolicy, seeds: &[u8]| {
            let keys: Vec<WitnessKey> = seeds.iter().copied().map(key).collect();
            can_suffice(policy, &keys)
        };
        let plain = policy(None);
        assert!(left_without(&plain, &[]) && left_without(&plain, &[3, 9]));
        assert!(!left_without(&plain, &[3, 1]));
        let both = policy(Some(quorum(&[4], 1)));
        assert!(left_without(&both, &[2]) && !left_without(&both, &[4]));
    }
}
