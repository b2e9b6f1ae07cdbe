//! What all connections of a server share: its bounds, its open connections, and whether it stops.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use merits_tls::ServerTls;
use tokio::sync::watch;

use crate::{
    bound::Bound,
    callers::{Caller, Callers},
    connection::Connection,
    descriptors,
    limits::Limits,
    pressure::Pressure,
    weights::{UNIT, UNKNOWN, Wanted, Weights},
};

/// The state that all connections of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// What makes handshakes; `None` for plain text.
    pub(crate) tls: Option<ServerTls>,
    pub(crate) limits: Limits,
    pub(crate) memory: Bound,
    /// The part of the memory that large calls and items of streams may hold.
    pub(crate) large: Bound,
    pub(crate) calls: Bound,
    /// Concurrent health checks.
    pub(crate) probes: Bound,
    /// Concurrent health watches.
    pub(crate) watches: Bound,
    pub(crate) pressed: Pressure,
    pub(crate) callers: Callers,
    /// One for each connection.
    pub(crate) places: Bound,
    open: Mutex<Vec<Weak<Connection>>>,
    weights: Vec<(&'static str, Weights)>,
    pub(crate) phase: watch::Receiver<Phase>,
}

impl Shared {
    /// Nothing is in use yet.
    pub(crate) fn new(
        tls: Option<ServerTls>,
        limits: Limits,
        weights: Vec<(&'static str, Weights)>,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        Self {
            tls,
            memory: Bound::new(limits.memory_mib * 1_024 * 1_024 / UNIT),
            large: Bound::new(limits.memory_mib * 512 * 1_024 / UNIT),
            calls: Bound::new(limits.calls),
            probes: Bound::new(PROBES),
            watches: Bound::new(WATCHES),
            callers: Callers::new(&limits),
            places: Bound::new(descriptors::cap(limits.connections)),
            open: Mutex::default(),
            pressed: Pressure::default(),
            weights,
            limits,
            phase,
        }
    }

    /// Whether this call only watches: it ends when the server stops.
    pub(crate) fn is_watching(path: &str) -> bool {
        let service = path
            .strip_prefix('/')
            .and_then(|path| path.split('/').next());
        service.is_some_and(|name| name == HEALTH || REFLECTION.contains(&name))
    }

    /// Resolves when the server stops.
    pub(crate) fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut phase = self.phase.clone();
        async move {
            let _ = phase.wait_for(|phase| *phase > Phase::Serving).await;
        }
    }

    /// The kind of a call of this path.
    pub(crate) fn wanted(&self, path: &str) -> Wanted {
        let (service, method) = path
            .strip_prefix('/')
            .and_then(|path| path.split_once('/'))
            .unwrap_or_default();
        if service == HEALTH {
            return match method {
                "Watch" => Wanted::Watch,
                _ => Wanted::Probe,
            };
        }
        let known = self.weights.iter().find(|(name, _)| *name == service);
        let weights = known.map_or(UNKNOWN, |(_, weights)| *weights);
        Wanted::Units(weights.units(method))
    }

    /// Whether a caller holds more than a small part of something that others wait for. Other
    /// callers are not to blame and may be slow.
    pub(crate) fn has_more_than_its_part(&self, caller: &Caller) -> bool {
        let much = |own: &Bound, all: &Bound| own.held() > all.total() / PARTS;
        much(&caller.memory, &self.memory)
            || much(&caller.large, &self.large)
            || much(&caller.calls, &self.calls)
            || much(&caller.probes, &self.probes)
    }

    /// Whether others wait for what this connection's calls hold.
    pub(crate) fn presses(&self, connection: &Connection, now: Instant) -> bool {
        let caller = &connection.place.0;
        caller.pressed.is_there(now)
            || (self.pressed.is_there(now) && self.has_more_than_its_part(caller))
    }

    fn open(&self) -> MutexGuard<'_, Vec<Weak<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a connection, and removes those that have ended.
    pub(crate) fn remember(&self, connection: &Arc<Connection>) {
        let mut open = self.open();
        if open.len() >= 2 * self.limits.connections {
            open.retain(|known| known.strong_count() > 0);
        }
        open.push(Arc::downgrade(connection));
    }

    /// Makes room for a connection of `caller`, which is already counted. If another caller has
    /// more connections than this one, ends a connection of the caller with the most, even if it is
    /// busy. Otherwise ends an unused connection. So an address that fills the server only harms
    /// itself.
    pub(crate) fn make_room(&self, caller: &Arc<Caller>) -> Room {
        let now = Instant::now();
        let known: Vec<_> = {
            let open = self.open();
            let known = open.iter().filter_map(Weak::upgrade);
            known.filter(|connection| !connection.is_gone()).collect()
        };
        let own = caller.connections();
        let most = known.iter().map(|known| known.place.0.connections()).max();
        let most = most.unwrap_or(0);
        let of_the_greedy = known
            .iter()
            .filter(|known| most > own && known.place.0.connections() == most);
        // Among those, connections without an open call go first, then those that moved nothing for
        // the longest time.
        let least_used = |known: &&Arc<Connection>| (known.calls() == 0, known.disuse(now));
        if let Some(victim) = of_the_greedy.max_by_key(least_used) {
            tracing::warn!(
                connections = most,
                "all connections are taken: one of the address with the most is closed"
            );
            victim.cut();
            return Room::Soon;
        }
        let of_no_use = known.iter().filter(|known| {
            let least = if known.calls() == 0 {
                IDLE_FOR_ROOM
            } else {
                BUSY_FOR_ROOM
            };
            known.disuse(now) >= least
        });
        if let Some(victim) = of_no_use.max_by_key(least_used) {
            tracing::warn!("all connections are taken: an idle one is closed");
            victim.cut();
            return Room::Soon;
        }
        if own > 1 { Room::Never } else { Room::Later }
    }
}

/// The result of making room for one more connection.
pub(crate) enum Room {
    /// One was closed.
    Soon,
    /// Not yet, and no caller has more than this one.
    Later,
    /// No caller has more than this one, and it has other connections.
    Never,
}

/// A caller that holds more than this part of a resource must move while others wait.
const PARTS: usize = 64;

/// How often a connection is checked.
pub(crate) const TICK: Duration = Duration::from_millis(200);

/// Concurrent health checks, at most 8 KiB each, and watches.
const PROBES: usize = 256;
const WATCHES: usize = 1_024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Serving,
    Stopping,
    Cutting,
}

pub(crate) const HEALTH: &str = "grpc.health.v1.Health";
pub(crate) const REFLECTION: [&str; 2] = [
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];

/// After this time, a connection without a call may be closed for another one.
const IDLE_FOR_ROOM: Duration = Duration::from_secs(1);
/// After this time, a connection with calls on which nothing moves may be closed.
const BUSY_FOR_ROOM: Duration = Duration::from_secs(10);
