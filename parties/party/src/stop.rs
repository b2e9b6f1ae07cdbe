//! The signals that end a program gracefully.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// How long a program that starts has to come to where it waits for signals, once one came. It ends then by itself,
/// in good order; otherwise it is ended where it is.
const GRACE: Duration = Duration::from_secs(2);

/// Ends at ctrl-c or SIGTERM. Signals are caught from the call on, not only after the first poll.
/// So a program that calls this before it reports that it serves is never killed by the signal
/// itself.
///
/// As long as nobody waits for the future, the program is still starting: it may read a long ledger, or wait for
/// another server or a disk. A signal then ends the process within seconds, with exit code 0, whatever its other
/// threads do. Nothing is lost by that: everything that is kept here survives kill -9.
///
/// # Errors
/// The system's, in words, if it does not let the program wait for signals.
pub fn stop_signal() -> io::Result<BoxFuture<'static, ()>> {
    wait_for_signals().map_err(|error| {
        io::Error::new(
            error.kind(),
            format!(
                "this program cannot wait for the signals that stop it ({error}): see how many threads and files \
                 the system admits (ulimit -u, ulimit -n)"
            ),
        )
    })
}

fn wait_for_signals() -> io::Result<BoxFuture<'static, ()>> {
    let (tell, mut told) = watch::channel(false);
    let is_waited_for = Arc::new(AtomicBool::new(false));
    let (ready, began) = mpsc::channel();
    let waits = Waits {
        tell,
        is_waited_for: Arc::clone(&is_waited_for),
    };
    // A thread of its own, because those of the program may all be busy with its start.
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || waits.run(&ready))?;
    began
        .recv()
        .map_err(|_| io::Error::other("the thread that waits for signals ended"))??;
    Ok(Box::pin(async move {
        is_waited_for.store(true, Ordering::SeqCst);
        if told.wait_for(|told| *told).await.is_err() {
            // The thread ended without a signal, which it never does: nobody stops the program by that.
            std::future::pending().await
        }
    }))
}

/// What waits for signals.
struct Waits {
    tell: watch::Sender<bool>,
    is_waited_for: Arc<AtomicBool>,
}

impl Waits {
    fn run(self, ready: &mpsc::Sender<io::Result<()>>) {
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                // Who asked is told, or is gone.
                let _ = ready.send(Err(error));
                return;
            }
        };
        runtime.block_on(async {
            let signals = signal(SignalKind::terminate())
                .and_then(|terminate| Ok((terminate, signal(SignalKind::interrupt())?)));
            let (mut terminate, mut interrupt) = match signals {
                Ok(signals) => signals,
                Err(error) => {
                    let _ = ready.send(Err(error));
                    return;
                }
            };
            let _ = ready.send(Ok(()));
            tokio::select! {
                _ = terminate.recv() => (),
                _ = interrupt.recv() => (),
            }
            // Somebody still holds the future, or the program ends already.
            let _ = self.tell.send(true);
            if self.is_waited_for() {
                return;
            }
            tokio::time::sleep(GRACE).await;
            if !self.is_waited_for() {
                tracing::warn!("stopped by a signal while it was still starting: nothing is lost");
                std::process::exit(0);
            }
        });
    }

    fn is_waited_for(&self) -> bool {
        self.is_waited_for.load(Ordering::SeqCst)
    }
}
