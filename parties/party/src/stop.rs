//! The signals that end a program in good order.

use std::io;

use futures::future::BoxFuture;
use tokio::signal::unix::{SignalKind, signal};

/// Ends at ctrl-c or SIGTERM. Signals are waited for from the call on, not only once the future is polled: a
/// program that calls this before it says that it serves is never ended by the signal itself.
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
