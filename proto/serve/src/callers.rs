//! The state of each address: its number of connections, its rate of calls, and what it holds.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;

use crate::{bound::Bound, limits::Limits, pressure::Pressure};

/// One address, or one connection of a proxy.
#[derive(Debug)]
pub(crate) struct Caller {
    connections: AtomicUsize,
    bucket: Mutex<Bucket>,
    /// Concurrent calls.
    pub(crate) calls: Bound,
    /// Concurrent health checks.
    pub(crate) probes: Bound,
    /// Concurrent health watches.
    pub(crate) watches: Bound,
    /// Concurrent items of streams.
    pub(crate) items: Arc<Semaphore>,
    /// KiB.
    pub(crate) memory: Bound,
    /// The part of them that large calls and items of streams hold.
    pub(crate) large: Bound,
    /// Whether another call waits for what this caller holds.
    pub(crate) pressed: Pressure,
}

/// Probes, and watches, that one caller may have open.
const HEALTH: usize = 16;

impl Caller {
    fn new(limits: &Limits, calls: usize) -> Self {
        Self {
            connections: AtomicUsize::new(0),
            bucket: Mutex::new(Bucket::full(limits, Instant::now())),
            calls: Bound::new(calls),
            probes: Bound::new(HEALTH),
            watches: Bound::new(HEALTH),
            items: Arc::new(Semaphore::new(calls)),
            large: Bound::new(limits.memory_mib_per_address * 512),
            memory: Bound::new(limits.memory_mib_per_address * 1_024),
            pressed: Pressure::default(),
        }
    }

    /// Takes the right to begin a call. The error is the time until there is one.
    pub(crate) fn begin(&self, now: Instant) -> Result<(), Duration> {
        self.bucket
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(now)
    }

    /// Its number of connections.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    fn is_forgettable(&self, now: Instant) -> bool {
        // A caller is remembered until its bucket is full again, so that a new connection does
        // not bring a new burst.
        self.connections.load(Ordering::Relaxed) == 0
            && self
                .bucket
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_full(now)
    }
}

/// Tokens that come at a steady rate.
#[derive(Debug)]
struct Bucket {
    rate: f64,
    most: f64,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn full(limits: &Limits, now: Instant) -> Self {
        let most = f64::from(limits.burst);
        Self {
            rate: f64::from(limits.requests_per_second),
            most,
            tokens: most,
            at: now,
        }
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate).min(self.most);
        self.at = now;
    }

    fn take(&mut self, now: Instant) -> Result<(), Duration> {
        self.refill(now);
        if self.tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - self.tokens) / self.rate));
        }
        self.tokens -= 1.0;
        Ok(())
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.tokens >= self.most
    }
}

/// All callers.
#[derive(Debug)]
pub(crate) struct Callers {
    limits: Limits,
    known: Mutex<HashMap<IpAddr, Arc<Caller>>>,
}

/// One connection of a caller, counted while this value lives.
#[derive(Debug)]
pub(crate) struct Place(pub(crate) Arc<Caller>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Callers {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            known: Mutex::default(),
        }
    }

    /// Counts one more connection, unless its address has as many as it may have.
    pub(crate) fn place(&self, address: IpAddr) -> Option<Place> {
        let address = network(address);
        if self.limits.proxies.iter().any(|p| network(*p) == address) {
            let calls = self.limits.streams_per_connection as usize;
            let caller = Caller::new(&self.limits, calls.max(ITEMS_OF_A_STREAM));
            caller.connections.store(1, Ordering::Relaxed);
            return Some(Place(Arc::new(caller)));
        }
        let mut known = self.known();
        if known.len() > 2 * self.limits.connections {
            let now = Instant::now();
            known.retain(|_, caller| !caller.is_forgettable(now));
        }
        let caller = known
            .entry(address)
            .or_insert_with(|| Arc::new(Caller::new(&self.limits, self.limits.calls_per_address)));
        // It is only increased under the lock.
        if caller.connections.load(Ordering::Relaxed) >= self.limits.connections_per_address {
            return None;
        }
        caller.connections.fetch_add(1, Ordering::Relaxed);
        Some(Place(Arc::clone(caller)))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<IpAddr, Arc<Caller>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream behind a proxy keeps as many items in work as any other.
const ITEMS_OF_A_STREAM: usize = 256;

/// A caller with one IPv6 address usually has its whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_share_of_connections_and_a_proxy_has_none() {
        let callers = Callers::new(&Limits {
            connections_per_address: 2,
            proxies: vec![address("10.0.0.9")],
            ..Limits::default()
        });
        let one = callers.place(address("2001:db8::1")).unwrap();
        let two = callers.place(address("2001:db8::2")).unwrap();
        assert!(callers.place(address("2001:db8::ffff:3")).is_none());
        let _other = callers.place(address("2001:db8:0:1::1")).unwrap();
        drop(one);
        let again = callers.place(address("2001:db8::4")).unwrap();
        assert!(Arc::ptr_eq(&again.0, &two.0));

        let four = callers.place(address("192.0.2.1")).unwrap();
        let mapped = callers.place(address("::ffff:192.0.2.1")).unwrap();
        assert!(Arc::ptr_eq(&four.0, &mapped.0));

        let many: Vec<Place> = (0..20)
            .map(|_| callers.place(address("10.0.0.9")).unwrap())
            .collect();
        assert!(!Arc::ptr_eq(&many[0].0, &many[1].0));
    }

    #[test]
    fn a_new_connection_brings_no_new_burst() {
        let callers = Callers::new(&Limits {
            requests_per_second: 10,
            burst: 3,
            ..Limits::default()
        });
        let now = Instant::now();
        let place = callers.place(address("192.0.2.1")).unwrap();
        for _ in 0..3 {
            place.0.begin(now).unwrap();
        }
        let wait = place.0.begin(now).unwrap_err();
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
        drop(place);
        let place = callers.place(address("192.0.2.1")).unwrap();
        place.0.begin(now).unwrap_err();
        place.0.begin(now + Duration::from_millis(110)).unwrap();
    }
}
