//! File descriptors: a server takes no more connections than it has descriptors for.

use rustix::process::{Resource, getrlimit};

/// Descriptors that are left for files, databases, and connections of our own.
const RESERVE: usize = 64;

/// This many connections, or fewer if the process lacks the descriptors.
pub(crate) fn cap(connections: usize) -> usize {
    let Some(most) = getrlimit(Resource::Nofile).current else {
        return connections;
    };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    // With very few descriptors, use half of them.
    let capped = most.saturating_sub(RESERVE).max(most / 2).max(1);
    if capped < connections {
        tracing::warn!(
            connections,
            descriptors = most,
            taken = capped,
            "this process has too few file descriptors for the configured number of connections: raise the limit (ulimit -n)"
        );
    }
    connections.min(capped)
}
