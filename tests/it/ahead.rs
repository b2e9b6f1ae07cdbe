//! A log whose newest entry is dated ahead of a follower's clock, and what its commands say.

use std::time::Duration;

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use merits_coordinator::{Clock, Coordinator, SystemClock};
use merits_primitives::calendar::Timestamp;

use crate::{
    cli::merits,
    federation::{Client, Founding},
};

/// The machine's clock, shifted by this many milliseconds.
#[derive(Debug, Default)]
struct Shifted(AtomicI64);

/// This many milliseconds later, or earlier.
fn shifted(time: Timestamp, by: i64) -> Timestamp {
    let length = Duration::from_millis(by.unsigned_abs());
    if by < 0 { time - length } else { time + length }
}

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        shifted(SystemClock.now(), self.0.load(Ordering::Relaxed))
    }

    fn steady(&self) -> Duration {
        SystemClock.steady()
    }
}

/// People read what a command prints, and not what a function returns. Other commands than servers warn, and go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_from_the_future_is_told_by_the_command_that_follows_it() {
    for (millis, warns) in [(0, false), (20 * 60 * 1_000, true)] {
        let dir = tempfile::tempdir().unwrap();
        let founding = Founding::new(98);
        let clock = Arc::new(Shifted::default());
        clock.0.store(millis, Ordering::Relaxed);
        let config = founding.config(dir.path());
        let coordinator = Coordinator::found(config, clock as Arc<dyn Clock>)
            .await
            .unwrap();
        let key = coordinator.log_key().clone();
        let mut client = Client::connect(coordinator.address(), key.clone()).await;
        for entry in &founding.entries {
            client.submit(entry).await.unwrap();
        }
        let policy = founding.federation.policy();
        let text = format!(
            "[ledger]\ncoordinator = \"http://{}\"\nlog_key = \"{key}\"\nauthority = \"{}\"\n\
             least_claims_per_total = {}\ntickets = {}\nanchor_seconds = {}\nboard = \"{}\"\nallow_dev_keys = true\n\
             replica = \"replica\"\nhigh_water_mark = \"replica.mark\"\n",
            coordinator.address(),
            hex::encode(policy.authority.0),
            policy.least_claims_per_total,
            policy.tickets,
            policy.anchor_interval.as_secs(),
            policy.board,
        );
        fs::write(dir.path().join("party.toml"), text).unwrap();
        let path = dir.path().to_owned();
        let ran = tokio::task::spawn_blocking(move || {
            merits(&path, &["kit", "--config", "party.toml", "--output", "kit"])
        })
        .await
        .unwrap();
        ran.succeeds("wrote");
        let said = "dated ahead of this machine's clock";
        assert_eq!(ran.stderr.contains(said), warns, "{ran:#?}");
        coordinator.shutdown().await.unwrap();
    }
}
