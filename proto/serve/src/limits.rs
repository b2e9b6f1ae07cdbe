//! The `[server]` table of every server's configuration.

use std::{net::IpAddr, time::Duration};

use serde::Deserialize;
use thiserror::Error;

use crate::settings::seconds;

/// Limits for all callers of a server. The configuration of every server has the same keys with the
/// same meaning, in the table `[server]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open connections. At the limit, a connection of the address with the most connections is
    /// closed, or an idle one.
    pub connections: usize,
    /// Open connections of one address (of one /64 network in IPv6); further ones are closed at
    /// once.
    pub connections_per_address: usize,
    /// Addresses of proxies in front of this server. Many callers share such an address, so limits
    /// by address apply to each connection there.
    pub proxies: Vec<IpAddr>,
    /// Concurrent calls on one connection.
    pub streams_per_connection: u32,
    /// Concurrent calls; further callers are told to retry.
    pub calls: usize,
    /// Concurrent calls of one address, and as many items of its streams in work. Further items
    /// wait.
    pub calls_per_address: usize,
    /// Calls per second that one address may begin in the long run.
    pub requests_per_second: u32,
    /// Calls that one address may begin at once after a pause.
    pub burst: u32,
    /// Memory, in MiB, for requests and answers that wait for their peers or for the server. Calls
    /// that hold more than 256 KiB each and items of streams may use half of it, and half of what
    /// an address may hold. An address may not hold more than it leaves.
    pub memory_mib: usize,
    /// The part of it that one address may hold.
    pub memory_mib_per_address: usize,
    /// The part of it that one connection may hold.
    pub memory_mib_per_connection: usize,
    /// Longest time from the accept to the HTTP/2 preface.
    #[serde(rename = "handshake_timeout_s", with = "seconds")]
    pub handshake_timeout: Duration,
    /// Longest time that a connection may stay open without a question or answer, and a call
    /// without any action of its peer.
    #[serde(rename = "idle_timeout_s", with = "seconds")]
    pub idle_timeout: Duration,
    /// Longest time that an answer may wait for a peer that does not read.
    #[serde(rename = "unread_timeout_s", with = "seconds")]
    pub unread_timeout: Duration,
    /// Longest time to the first answer of a call.
    #[serde(rename = "request_timeout_s", with = "seconds")]
    pub request_timeout: Duration,
    /// Longest time that a stop waits for calls in flight before it cuts them.
    #[serde(rename = "stop_timeout_s", with = "seconds")]
    pub stop_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            connections_per_address: 128,
            proxies: Vec::new(),
            streams_per_connection: 256,
            calls: 4_096,
            calls_per_address: 1_024,
            requests_per_second: 1_000,
            burst: 2_000,
            memory_mib: 256,
            memory_mib_per_address: 64,
            memory_mib_per_connection: LEAST_MIB,
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(300),
            unread_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(60),
            stop_timeout: Duration::from_secs(30),
        }
    }
}

/// A stream has at most 8 MiB of items in work; a connection can have two such.
const LEAST_MIB: usize = 16;

/// A day. Longer timeouts make no sense, and sums of these do not overflow.
const LONGEST: Duration = Duration::from_secs(86_400);

/// An invalid limit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("server.{key}: {reason}")]
pub struct LimitsError {
    /// The key, without its table.
    pub key: &'static str,
    /// What is wrong with its value.
    pub reason: String,
}

impl Limits {
    /// Checks what types cannot express.
    ///
    /// # Errors
    /// [`LimitsError`] names the key.
    pub fn check(&self) -> Result<(), LimitsError> {
        let at_least = |key, value: usize, least: usize| {
            if value < least {
                let reason = format!("must be at least {least}");
                return Err(LimitsError { key, reason });
            }
            Ok(())
        };
        let streams = self.streams_per_connection as usize;
        at_least("connections", self.connections, 1)?;
        at_least("connections_per_address", self.connections_per_address, 1)?;
        at_least("streams_per_connection", streams, 1)?;
        at_least("calls", self.calls, 1)?;
        at_least("calls_per_address", self.calls_per_address, 1)?;
        at_least("requests_per_second", self.requests_per_second as usize, 1)?;
        at_least("burst", self.burst as usize, 1)?;
        let (connection, address) = (self.memory_mib_per_connection, self.memory_mib_per_address);
        at_least("memory_mib_per_connection", connection, LEAST_MIB)?;
        at_least("memory_mib_per_address", address, connection)?;
        at_least("memory_mib", self.memory_mib, address)?;
        if self.memory_mib > MOST_MIB {
            return Err(LimitsError {
                key: "memory_mib",
                reason: format!("must be at most {MOST_MIB}"),
            });
        }
        for (key, timeout) in [
            ("handshake_timeout_s", self.handshake_timeout),
            ("idle_timeout_s", self.idle_timeout),
            ("unread_timeout_s", self.unread_timeout),
            ("request_timeout_s", self.request_timeout),
            ("stop_timeout_s", self.stop_timeout),
        ] {
            if timeout.is_zero() || timeout > LONGEST {
                let reason = format!("must be from 1 to {} seconds", LONGEST.as_secs());
                return Err(LimitsError { key, reason });
            }
        }
        Ok(())
    }
}

/// 1 TiB: the units of 1 KiB that are counted fit in 32 bits.
const MOST_MIB: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold_and_what_cannot_be_is_named() {
        assert_eq!(Limits::default().check(), Ok(()));
        for (text, key) in [
            ("connections = 0", "connections"),
            ("calls_per_address = 0", "calls_per_address"),
            ("requests_per_second = 0", "requests_per_second"),
            ("memory_mib_per_connection = 4", "memory_mib_per_connection"),
            ("memory_mib_per_address = 15", "memory_mib_per_address"),
            ("memory_mib = 63", "memory_mib"),
            ("stop_timeout_s = 0", "stop_timeout_s"),
            ("idle_timeout_s = 100000", "idle_timeout_s"),
        ] {
            let limits: Limits = toml::from_str(text).unwrap();
            assert_eq!(limits.check().unwrap_err().key, key, "{text}");
        }
    }

    #[test]
    fn unknown_keys_are_refused() {
        let error = toml::from_str::<Limits>("conections = 3").unwrap_err();
        assert!(error.to_string().contains("conections"), "{error}");
    }
}
