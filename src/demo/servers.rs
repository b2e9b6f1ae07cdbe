//! The servers of the demonstration's roles.

use std::future::Future;

use tokio::{sync::watch, task::JoinSet};

/// They run as tasks of this process until they are told to stop.
#[derive(Debug)]
pub(super) struct Servers {
    tasks: JoinSet<anyhow::Result<()>>,
    stop: watch::Sender<bool>,
    /// Stops those that leave early.
    early: watch::Sender<bool>,
}

impl Servers {
    pub(super) fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            stop: watch::Sender::new(false),
            early: watch::Sender::new(false),
        }
    }

    pub(super) fn spawn(
        &mut self,
        server: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        self.tasks.spawn(server);
    }

    /// Resolves when a server shall stop: at the end, or when those that leave early are switched off.
    pub(super) fn stop(&self, leaves_early: bool) -> impl Future<Output = ()> + Send + use<> {
        let sender = if leaves_early {
            &self.early
        } else {
            &self.stop
        };
        let mut stopped = sender.subscribe();
        async move {
            // Also ends when the sender is gone.
            let _ = stopped.wait_for(|stop| *stop).await;
        }
    }

    /// Stops the servers that leave early.
    pub(super) fn switch_off_early(&self) {
        self.early.send_replace(true);
    }

    /// Stops all, and returns when they have ended.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        self.switch_off_early();
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(())
    }
}
