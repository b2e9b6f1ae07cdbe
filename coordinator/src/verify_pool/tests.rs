//! The order in which classes are served, and what is skipped.

use std::sync::mpsc;

use merits_verifier::groth16::{KeyPolicy, Provenance};

use super::*;

/// One thread, and a job that holds it until the sender is dropped.
fn held(parties_percent: u32) -> (VerifyPool, mpsc::Sender<()>) {
    let limits = PoolLimits {
        threads: 1,
        batch: 8,
        linger: Duration::ZERO,
        queue: 10_000,
        parties_percent,
    };
    let pool = VerifyPool::start(limits).unwrap();
    let (release, held) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel();
    let hold = move || {
        let _ = begin.send(());
        held.recv()
    };
    let holding = pool.run(Class::Door, hold).unwrap();
    begun.recv().unwrap();
    drop(holding);
    (pool, release)
}

#[test]
fn parties_have_their_share_whatever_others_want() {
    let (pool, release) = held(50);
    let order = Arc::new(Mutex::new(Vec::new()));
    let queue = |class, count| -> Vec<oneshot::Receiver<()>> {
        (0..count)
            .map(|_| {
                let order = Arc::clone(&order);
                let job = move || {
                    std::thread::sleep(Duration::from_millis(2));
                    order.lock().unwrap().push(class);
                };
                pool.run(class, job).unwrap()
            })
            .collect()
    };
    let mut waiting = queue(Class::Others, 400);
    waiting.extend(queue(Class::Door, 400));
    let parties = queue(Class::Parties, 40);
    drop(release);
    for answer in parties {
        answer.blocking_recv().unwrap();
    }
    let done = order.lock().unwrap().clone();
    // They have half of the time: 40 of about 80. First come, first served would give 840.
    assert!(done.len() < 160, "{} before the last of 40", done.len());
    let others = done.iter().filter(|class| **class == Class::Others).count();
    assert!(others >= 5, "others have their share too: {others}");
    drop(waiting);
}

#[test]
fn work_whose_caller_is_gone_is_left_out() {
    let (pool, release) = held(50);
    let done = Arc::new(Mutex::new(0));
    for _ in 0..100 {
        let done = Arc::clone(&done);
        drop(pool.run(Class::Others, move || *done.lock().unwrap() += 1));
    }
    drop(release);
    let last = pool.run(Class::Others, || ()).unwrap();
    last.blocking_recv().unwrap();
    assert_eq!(*done.lock().unwrap(), 0);
}

/// Regression: the one thread that waited until a lane was due took another job, and then no thread
/// waited for the lane.
#[test]
fn a_lane_is_looked_after_while_the_thread_that_waited_works() {
    let limits = PoolLimits {
        threads: 2,
        batch: 8,
        linger: Duration::from_millis(300),
        queue: 100,
        parties_percent: 50,
    };
    let pool = VerifyPool::start(limits).unwrap();
    let rng = &mut rand::rng();
    let made = merits_trapdoor::TrapdoorKey::generate(1, rng);
    let inputs = vec![Fr::from(7u64)];
    let proof = made.prove(&inputs, rng).unwrap();
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let key = PreparedKey::new(made.key.clone(), Provenance::InsecureDev, policy).unwrap();
    let question = (BareInputs(inputs), proof, ());
    let answer = pool.verify(
        Class::Others,
        &Arc::new(key),
        question,
        Holding::of_nothing(),
    );
    let answer = answer.unwrap();
    // The threads wait in turns: the other one takes this, and then it is the turn of the one that waits for the
    // lane.
    let short = pool.run(Class::Door, || ()).unwrap();
    short.blocking_recv().unwrap();
    std::thread::sleep(Duration::from_millis(20));
    let (release, held) = mpsc::channel::<()>();
    let hold = move || held.recv_timeout(Duration::from_secs(20)).is_ok();
    let holding = pool.run(Class::Door, hold).unwrap();
    assert!(answer.blocking_recv().unwrap().is_ok());
    let _ = release.send(());
    assert!(holding.blocking_recv().unwrap(), "the lane waited for it");
}
