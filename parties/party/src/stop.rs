//! The signals that end a program gracefully.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
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

/// Steps of a start that are under way and must be done whole, and [`ENDING`] once the process exits.
static WHOLE: AtomicUsize = AtomicUsize::new(0);

/// No step begins any more.
const ENDING: usize = 1 << (usize::BITS - 1);

/// A step that a signal while starting does not end in the middle, such as making a store and then its key. It
/// ends when this is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Whole(());

impl Whole {
    /// Begins the step.
    pub(crate) fn begin() -> Self {
        if WHOLE.fetch_add(1, Ordering::SeqCst) & ENDING != 0 {
            // The process exits now.
            loop {
                thread::park();
            }
        }
        Self(())
    }

    /// Whether nothing is under way; then nothing begins any more.
    fn has_ended() -> bool {
        let ended = WHOLE.compare_exchange(0, ENDING, Ordering::SeqCst, Ordering::SeqCst);
        ended.is_ok()
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        WHOLE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Ends at ctrl-c or SIGTERM. Signals are caught from the call on, not only after the first poll.
/// So a program that calls this before it reports that it serves is never killed by the signal
/// itself.
///
/// Until the future is awaited, the program is starting, and a signal ends the process within seconds with
/// exit code 0, even while it reads a long ledger, or waits for another server or a disk. Only one step is
/// always finished first: making a new store and then its key ([`crate::store_key::StoreKey`]). Nothing is
/// lost, because all stores survive kill -9. A program that drops the future ends by itself.
///
/// # Errors
/// The system's, in words, if it does not let the program wait for signals.
pub fn stop_signal() -> io::Result<BoxFuture<'static, ()>> {
    wait_for_signals().map_err(|error| {
        let kind = error.kind();
        io::Error::new(
            kind,
            format!(
                "this program cannot wait for the signals that stop it: {}",
                merits_guard::explain::starting_thread(error)
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
    let start = Start(is_waited_for);
    Ok(Box::pin(async move {
        drop(start);
        if told.wait_for(|told| *told).await.is_err() {
            // The thread ended without a signal, which it never does: nobody stops the program by that.
            std::future::pending().await
        }
    }))
}

/// A program's start. It is over once somebody waits for the signals, or drops what would wait.
struct Start(Arc<AtomicBool>);

impl Drop for Start {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
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
            while !self.is_waited_for() {
                if !Whole::has_ended() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
                tracing::warn!("stopped by a signal while it was still starting: nothing is lost");
                std::process::exit(0);
            }
        });
    }

    fn is_waited_for(&self) -> bool {
        self.is_waited_for.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader, Write as _},
        process::{Command, Stdio},
    };

    use super::*;

    fn say(word: &str) {
        let mut out = io::stdout();
        writeln!(out, "{word}")
            .and_then(|()| out.flush())
            .expect("told");
    }

    /// A program that never finishes its start, within a step that takes longer than the grace.
    #[test]
    #[ignore = "a part of the test below, in a process of its own"]
    fn a_start_with_a_long_step() {
        let stop = stop_signal().expect("signals");
        let step = Whole::begin();
        say("\nbegun");
        thread::sleep(GRACE + Duration::from_secs(1));
        say("done whole");
        drop(step);
        thread::sleep(Duration::from_secs(60));
        drop(stop);
    }

    /// Regression: a signal while starting could leave a store without its key.
    #[test]
    fn a_step_of_a_start_is_not_ended_in_the_middle() {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "stop::tests::a_start_with_a_long_step"])
            .args(["--ignored", "--nocapture"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let mut said = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut says = |word: &str| said.any(|line| line.is_ok_and(|line| line == word));
        assert!(says("begun"));
        let killed = Command::new("kill").arg(child.id().to_string()).status();
        assert!(killed.expect("kill").success());
        assert!(says("done whole"));
        assert_eq!(child.wait().expect("ended").code(), Some(0));
    }
}
