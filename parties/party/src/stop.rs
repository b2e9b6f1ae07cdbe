//! The signals that end a program gracefully.

use std::io;

use futures::future::BoxFuture;
use tokio::signal::unix::{SignalKind, signal};

/// Ends at ctrl-c or SIGTERM. Signals are caught from the call on, not only after the first poll.
/// So a program that calls this before it reports that it serves is never killed by the signal
/// itself.
///
/// # Errors
/// The system's, if it does not let the program wait for signals.
pub fn stop_signal() -> io::Result<BoxFuture<'static, ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(Box::pin(async move {
        tokio::select! {
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
        }
    }))
}
