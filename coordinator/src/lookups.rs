//! Looks up whether an entry is in the log, for every submission. One query answers all concurrent
//! callers and costs little more than a query for a single entry.

use std::collections::HashMap;

use merits_primitives::ids::EntryId;
use merits_proto::Fault;
use tokio::sync::{mpsc, oneshot};

use crate::{archive::Archive, faults::database};

/// Entries of one query.
const MOST: usize = 1_024;

/// A handle to the task that queries. The task ends when the last handle is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Lookups(mpsc::Sender<Asked>);

#[derive(Debug)]
struct Asked {
    id: EntryId,
    reply: oneshot::Sender<Option<u64>>,
}

impl Lookups {
    /// Starts the task on the caller's runtime.
    pub(crate) fn start(archive: Archive) -> Self {
        let (send, asked) = mpsc::channel(MOST);
        tokio::spawn(look(archive, asked));
        Self(send)
    }

    /// Index of an entry's leaf, if it is in the log.
    ///
    /// # Errors
    /// [`Fault::internal`] if the log cannot be read; the cause is logged.
    pub(crate) async fn find(&self, id: EntryId) -> Result<Option<u64>, Fault> {
        let (reply, answer) = oneshot::channel();
        let asked = self.0.send(Asked { id, reply }).await;
        asked.map_err(|_| Fault::internal())?;
        answer.await.map_err(|_| Fault::internal())
    }
}

async fn look(archive: Archive, mut asked: mpsc::Receiver<Asked>) {
    let mut together = Vec::with_capacity(MOST);
    while asked.recv_many(&mut together, MOST).await > 0 {
        let ids: Vec<EntryId> = together.iter().map(|asked| asked.id).collect();
        let found: HashMap<EntryId, u64> = match archive.find_all(&ids).await {
            Ok(found) => found,
            Err(error) => {
                // Without an answer, the callers get an internal fault.
                let _ = database(error);
                together.clear();
                continue;
            }
        };
        for Asked { id, reply } in together.drain(..) {
            // The caller may have gone away.
            let _ = reply.send(found.get(&id).copied());
        }
    }
}
