//! The signals that end a program in good order.

use std::io;

use futures::future::BoxFuture;
use tokio::signal::unix::{SignalKind, signal};

/// Returns at ctrl-c or SIGTERM.
///
/// # Errors
/// The system's, if it does not let the program wait for signals.
pub fn stop_signal() -> BoxFuture<'static, io::Result<()>> {
    Box::pin(async {
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            interrupted = tokio::signal::ctrl_c() => interrupted,
        }
    })
}
