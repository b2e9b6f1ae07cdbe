//! The store in memory passes the conformance tests for stores.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use merits_ledger::storage::MemoryStorage;
use merits_ledger_fixture::conformance;

/// Runs what never waits.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("memory never waits"),
    }
}

#[test]
fn memory_passes_the_conformance_suite() {
    ready(conformance::run(
        || std::future::ready(MemoryStorage::new()),
    ));
}
