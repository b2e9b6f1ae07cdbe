//! The ledger's prepared verifying keys. Each is prepared once, outside of any lock, and only few
//! at a time.
//!
//! Preparing a key takes some milliseconds, and more with more public inputs. Only callers that
//! need this key, or another unprepared key, wait for it. Parties and others have one turn each, so
//! neither waits for the other, and slow keys take at most one thread of the pool each.

use std::sync::Arc;

use merits_ledger::{Groth16Keys, Refusal};
use merits_proto::Fault;
use merits_verifier::groth16::{KeyDigest, PreparedKey};
use tokio::sync::Semaphore;

use crate::{
    faults::{full, lost},
    holding::Holding,
    verify_pool::{Class, VerifyPool},
};

/// The prepared keys, and the turns to prepare others.
#[derive(Debug)]
pub(crate) struct Keys {
    ring: Groth16Keys,
    /// The turns of parties and of others.
    turns: [Semaphore; 2],
}

impl Keys {
    /// Without any key.
    pub(crate) fn new() -> Self {
        Self {
            ring: Groth16Keys::new(),
            turns: [Semaphore::new(1), Semaphore::new(1)],
        }
    }

    /// The key with this digest. If it is not prepared, `find` returns the work that prepares it,
    /// which runs in the pool and keeps `holding` meanwhile.
    ///
    /// # Errors
    /// [`Fault`] when the pool has no room or stops; the refusal of `find` or of the key inside.
    pub(crate) async fn get<P>(
        &self,
        pool: &VerifyPool,
        class: Class,
        digest: &KeyDigest,
        holding: &Holding,
        find: impl FnOnce() -> Result<P, Refusal>,
    ) -> Result<Result<Arc<PreparedKey>, Box<Refusal>>, Fault>
    where
        P: FnOnce() -> Result<PreparedKey, Refusal> + Send + 'static,
    {
        if let Some(key) = self.ring.find(digest) {
            return Ok(Ok(key));
        }
        let [parties, others] = &self.turns;
        let turns = if class == Class::Parties {
            parties
        } else {
            others
        };
        let _turn = turns.acquire().await.map_err(|_| Fault::stopping())?;
        if let Some(key) = self.ring.find(digest) {
            return Ok(Ok(key));
        }
        let prepare = match find() {
            Ok(prepare) => prepare,
            Err(refusal) => return Ok(Err(Box::new(refusal))),
        };
        let held = holding.clone();
        let prepared = pool.run(class, move || {
            let _held = held;
            prepare()
        });
        let prepared = prepared.map_err(full)?;
        Ok(match prepared.await.map_err(lost)? {
            Ok(key) => Ok(self.ring.keep(key)),
            Err(refusal) => Err(Box::new(refusal)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        time::Duration,
    };

    use merits_trapdoor::TrapdoorKey;
    use merits_verifier::groth16::{KeyPolicy, Provenance};
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;
    use crate::verify_pool::{BareInputs, PoolLimits};

    fn key(seed: u64) -> (TrapdoorKey, PreparedKey) {
        let made = TrapdoorKey::generate(2, &mut StdRng::seed_from_u64(seed));
        let policy = KeyPolicy {
            allow_dev_keys: true,
        };
        let prepared = PreparedKey::new(made.key.clone(), Provenance::InsecureDev, policy).unwrap();
        (made, prepared)
    }

    /// A key whose preparation does not end blocks only one thread and the turn of its kind.
    #[tokio::test]
    async fn a_slow_key_blocks_nobody() {
        let limits = PoolLimits {
            threads: 2,
            batch: 8,
            linger: Duration::ZERO,
            queue: 64,
            parties_percent: 50,
        };
        let pool = Arc::new(VerifyPool::start(limits).unwrap());
        let keys = Arc::new(Keys::new());
        let held = Holding::of_nothing();
        let (known, prepared) = key(1);
        let known_digest = prepared.digest();
        let ready = keys.get(&pool, Class::Others, &known_digest, &held, || {
            Ok(|| Ok(prepared))
        });
        ready.await.unwrap().unwrap();

        // It is slow until it is told to go on.
        let (go_on, told) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel::<()>();
        let (_, slow_key) = key(2);
        let slow_digest = slow_key.digest();
        let slow = {
            let (pool, keys) = (Arc::clone(&pool), Arc::clone(&keys));
            let held = held.clone();
            tokio::spawn(async move {
                let prepare = move || {
                    begun.send(()).unwrap();
                    told.recv().unwrap();
                    Ok(slow_key)
                };
                keys.get(&pool, Class::Others, &slow_digest, &held, || Ok(prepare))
                    .await
            })
        };
        tokio::task::spawn_blocking(move || begins.recv().unwrap())
            .await
            .unwrap();

        // Further unknown callers with other keys wait for their turn and take no thread.
        let started = Arc::new(AtomicUsize::new(0));
        let mut waiting = Vec::new();
        for seed in 10..14 {
            let (pool, keys, started) =
                (Arc::clone(&pool), Arc::clone(&keys), Arc::clone(&started));
            let held = held.clone();
            waiting.push(tokio::spawn(async move {
                let (_, prepared) = key(seed);
                let digest = prepared.digest();
                let prepare = move || {
                    started.fetch_add(1, Ordering::SeqCst);
                    Ok(prepared)
                };
                keys.get(&pool, Class::Others, &digest, &held, || Ok(prepare))
                    .await
            }));
        }

        // A party's new key is prepared, and proofs under known keys are verified for everybody.
        let (_, of_party) = key(3);
        let digest = of_party.digest();
        let got = keys.get(&pool, Class::Parties, &digest, &held, || {
            Ok(|| Ok(of_party))
        });
        assert_eq!(got.await.unwrap().unwrap().digest(), digest);
        let unneeded = || -> Result<fn() -> Result<PreparedKey, Refusal>, Refusal> {
            panic!("it is prepared already")
        };
        for class in [Class::Parties, Class::Others] {
            let key = keys.get(&pool, class, &known_digest, &held, unneeded).await;
            let inputs = [5u64.into(), 6u64.into()];
            let proof = known.prove(&inputs, &mut rand::rng()).unwrap();
            let answer = pool.verify(
                class,
                &key.unwrap().unwrap(),
                (BareInputs(inputs.to_vec()), proof, ()),
                held.clone(),
            );
            answer.unwrap().await.unwrap().unwrap();
        }
        assert_eq!(started.load(Ordering::SeqCst), 0, "one at a time");
        assert!(!slow.is_finished());

        go_on.send(()).unwrap();
        assert_eq!(slow.await.unwrap().unwrap().unwrap().digest(), slow_digest);
        for waiter in waiting {
            waiter.await.unwrap().unwrap().unwrap();
        }
        assert_eq!(started.load(Ordering::SeqCst), 4);
    }
}
