//! What other machines' clocks say, so that a clock that was wrong before the coordinator started is
//! seen as well.
//!
//! The operator names servers of others in `clock.peers`. Each is asked for its health, and the `date`
//! header of whatever it answers is its time, to the second: every gRPC server sends one, so no call was
//! made for this. The coordinator never takes a time from them; their clocks can only make it refuse.
//!
//! One of them alone is never believed: it takes two, and more than half of those that answered, on the
//! same side. So a single party that lies or whose clock is wrong stops nothing, and strangers have no say.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::join_all;
use tonic::transport::Endpoint;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::{
    clock::{Clock, MOST_STEP},
    config::ClockConfig,
};

/// How long a peer may take to answer; far less than what is tolerated between two clocks.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest health answer that is read: it has a few bytes.
const MOST_ANSWER: usize = 1_024;

/// How many peers must agree that the clock is wrong, at least.
const FEWEST: usize = 2;

/// What a round of questions found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nobody answered.
    Unknown,
    /// The clock is not where the peers' are.
    Wrong(Deviation),
    /// Too few say anything of it: it may be either.
    Undecided,
    /// The clock is where the peers' are.
    Right,
}

/// How the clock differs from the peers'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deviation {
    /// Their median's distance.
    pub(crate) by: Duration,
    /// Whether the coordinator's clock is the later one.
    pub(crate) ahead: bool,
    /// How many say so.
    pub(crate) say: usize,
    /// Of how many that answered.
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

/// Asks every peer once, all at the same time.
pub(crate) async fn ask(config: &ClockConfig, clock: &dyn Clock) -> Verdict {
    let answers = join_all(config.peers.iter().map(|peer| async move {
        // A task of its own: tonic 0.14.9 panics at some malformed headers, and whatever a peer sends must
        // harm this question only.
        let asked = tokio::spawn(time_of(peer.clone())).await;
        match asked.unwrap_or_else(|_| Err("its answer is malformed".to_owned())) {
            Ok(time) => Some(signed(clock.unix_millis()) - signed(time)),
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
            "none of the servers in `clock.peers` answers: nobody but this machine says that its clock is right"
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

/// Judges by how far the clock is ahead of each peer's, in milliseconds.
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
        // With an even number, the one of the two in the middle that says less.
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

/// A server's time, unix milliseconds, to the second.
async fn time_of(peer: String) -> Result<u64, String> {
    let asking = async {
        let channel = Endpoint::from_shared(peer)
            .map_err(|error| error.to_string())?
            .connect()
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

fn since_1970(time: SystemTime) -> u64 {
    millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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
            // Two liars who do not even agree.
            vec![40 * MINUTE, -40 * MINUTE],
            vec![40 * MINUTE, -40 * MINUTE, 0],
        ] {
            assert_eq!(judge(answers.clone()), Verdict::Undecided, "{answers:?}");
        }
        for answers in [
            vec![-40 * MINUTE, 0, 0],
            // What NTP may do.
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
            // Who lies far off moves nothing.
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
