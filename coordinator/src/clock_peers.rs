//! Compares the clock with those of other machines, which also detects a clock that was already
//! wrong when the coordinator started.
//!
//! The operator names servers of other institutions in `clock.peers`. Each is asked for its health,
//! and the `date` header of any answer is its time, to the second. Every gRPC server sends this
//! header, so no special call is needed. The coordinator never takes its time from them; their
//! clocks can only make it refuse.
//!
//! A single peer is never trusted: at least two, and more than half of those that answered, must be
//! on the same side. So a single party that lies or has a wrong clock cannot stop anything, and
//! unknown servers have no influence.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::join_all;
use merits_primitives::calendar::Timestamp;
use merits_proto::{Expected, Security, connect};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::{
    clock::{Clock, MOST_STEP},
    config::ClockConfig,
};

/// How long a peer may take to answer; far less than the tolerated difference between two clocks.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest health answer that is read: it has a few bytes.
const MOST_ANSWER: usize = 1_024;

/// How many peers must agree that the clock is wrong, at least.
const FEWEST: usize = 2;

/// The result of one round of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nobody answered.
    Unknown,
    /// The clock differs from the peers' clocks.
    Wrong(Deviation),
    /// Too few peers answered to decide.
    Undecided,
    /// The clock agrees with the peers' clocks.
    Right,
}

/// How the clock differs from the peers'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deviation {
    /// The distance to their median.
    pub(crate) by: Duration,
    /// Whether the coordinator's clock is the later one.
    pub(crate) ahead: bool,
    /// How many peers agree on this.
    pub(crate) say: usize,
    /// How many peers answered.
    pub(crate) of: usize,
}

impl std::fmt::Display for Deviation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "by the clocks of {} of the {} servers in `clock.peers` that answered, the coordinator's clock is {} \
             s {}",
            self.say,
            self.of,
            self.by.as_secs(),
            if self.ahead { "ahead" } else { "behind" }
        )
    }
}

/// Asks every peer once, concurrently.
pub(crate) async fn ask(config: &ClockConfig, security: &Security, clock: &dyn Clock) -> Verdict {
    let answers = join_all(config.peers.iter().map(|peer| async move {
        // A separate task, because tonic 0.14.9 panics at some malformed headers, and nothing that
        // a peer sends may harm more than this question.
        let asked = tokio::spawn(time_of(peer.clone(), security.clone())).await;
        match asked.unwrap_or_else(|_| Err("its answer is malformed".to_owned())) {
            Ok(time) => Some(ahead(clock.now(), time)),
            Err(reason) => {
                tracing::debug!(%peer, %reason, "a peer does not tell its time");
                None
            }
        }
    }))
    .await;
    let verdict = judge(answers.iter().flatten().copied().collect());
    if verdict == Verdict::Unknown && !config.peers.is_empty() {
        tracing::warn!(
            "none of the servers in `clock.peers` answers, so this machine's clock cannot be compared with others"
        );
    }
    for (peer, by) in config.peers.iter().zip(&answers) {
        if let Some(by) = by.filter(|by| by.unsigned_abs() > millis(MOST_STEP)) {
            let ahead_s = by / 1_000;
            tracing::warn!(%peer, ahead_s, "a peer's clock differs: this machine's is ahead of it, or behind");
        }
    }
    verdict
}

/// Decides by how far the clock is ahead of each peer's, in milliseconds.
fn judge(mut ahead: Vec<i64>) -> Verdict {
    let of = ahead.len();
    if of == 0 {
        return Verdict::Unknown;
    }
    let most = signed(millis(MOST_STEP));
    ahead.sort_unstable();
    let later = ahead.iter().filter(|by| **by > most).count();
    let earlier = ahead.iter().filter(|by| **by < -most).count();
    let (say, median) = if later > earlier {
        // With an even number, take the smaller of the two in the middle.
        (later, ahead[(of - 1) / 2])
    } else {
        (earlier, ahead[of / 2])
    };
    let enough = |say: usize| say >= FEWEST && 2 * say > of;
    if enough(of - later - earlier) {
        return Verdict::Right;
    }
    if !enough(say) {
        return Verdict::Undecided;
    }
    Verdict::Wrong(Deviation {
        by: Duration::from_millis(median.unsigned_abs()),
        ahead: median > 0,
        say,
        of,
    })
}

/// A server's time, to the second.
async fn time_of(peer: String, security: Security) -> Result<Timestamp, String> {
    let asking = async {
        // More than half of them must agree, so any server of this name will do.
        let channel = connect("peer", &peer, None, &security, Expected::AnyServer)
            .await
            .map_err(|error| error.to_string())?;
        // A refusal has a date as well.
        let answer = HealthClient::new(channel)
            .max_decoding_message_size(MOST_ANSWER)
            .check(HealthCheckRequest::default())
            .await;
        let headers = match &answer {
            Ok(answer) => answer.metadata(),
            Err(status) => status.metadata(),
        };
        let date = headers.get("date").ok_or("it sends no date")?;
        let date = date.to_str().map_err(|error| error.to_string())?;
        let time = httpdate::parse_http_date(date).map_err(|error| error.to_string())?;
        Ok(since_1970(time))
    };
    match tokio::time::timeout(ANSWER_TIMEOUT, asking).await {
        Ok(answer) => answer,
        Err(_) => Err("no answer came in time".to_owned()),
    }
}

fn since_1970(time: SystemTime) -> Timestamp {
    Timestamp::FIRST + time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// By how many milliseconds `this` is ahead of `other`.
fn ahead(this: Timestamp, other: Timestamp) -> i64 {
    signed(this.as_millis()) - signed(other.as_millis())
}

fn signed(millis: u64) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60 * 1_000;

    #[test]
    fn one_alone_is_never_believed() {
        for answers in [
            vec![40 * MINUTE],
            vec![0],
            vec![40 * MINUTE, 0],
            vec![40 * MINUTE, 40 * MINUTE, 0, 0],
            // Two liars that do not even agree.
            vec![40 * MINUTE, -40 * MINUTE],
            vec![40 * MINUTE, -40 * MINUTE, 0],
        ] {
            assert_eq!(judge(answers.clone()), Verdict::Undecided, "{answers:?}");
        }
        for answers in [
            vec![-40 * MINUTE, 0, 0],
            // Differences that NTP may cause.
            vec![4 * MINUTE, 5 * MINUTE, 4 * MINUTE],
        ] {
            assert_eq!(judge(answers.clone()), Verdict::Right, "{answers:?}");
        }
        assert_eq!(judge(Vec::new()), Verdict::Unknown);
    }

    #[test]
    fn more_than_half_and_two_at_least_are_believed() {
        for (answers, minutes, say) in [
            (vec![6 * MINUTE, 7 * MINUTE], 6, 2),
            (vec![-6 * MINUTE, -7 * MINUTE], -6, 2),
            (vec![40 * MINUTE, 0, 41 * MINUTE], 40, 2),
            // A lie that is far off changes nothing.
            (vec![i64::MIN / 2, -40 * MINUTE, -41 * MINUTE], -41, 3),
        ] {
            let Verdict::Wrong(found) = judge(answers.clone()) else {
                panic!("{answers:?}");
            };
            let by = i64::try_from(found.by.as_secs()).unwrap() / 60;
            assert_eq!(
                (if found.ahead { by } else { -by }, found.say, found.of),
                (minutes, say, answers.len()),
                "{answers:?}"
            );
        }
    }
}
