//! One module a role.

pub(crate) mod coordinator;
pub(crate) mod verify;

use tokio::signal::unix::{SignalKind, signal};

/// Returns at ctrl-c or SIGTERM.
async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}
