//! The gRPC services. Each turns a request into its checked form, passes it on, and turns the
//! answer into a message. They decide nothing.

pub(crate) mod blobs;
pub(crate) mod cosignatures;
pub(crate) mod ledger;
pub(crate) mod notes;
pub(crate) mod registry;
pub(crate) mod verifier;

pub(crate) use blobs::BlobsService;
pub(crate) use cosignatures::CosignaturesService;
pub(crate) use ledger::LedgerService;
pub(crate) use notes::NotesService;
pub(crate) use registry::RegistryService;
pub(crate) use verifier::VerifierService;

use std::pin::Pin;

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use merits_proto::Fault;
use merits_serve::{InWork, ItemMemory};
use tokio::task::JoinHandle;
use tonic::{Status, Streaming};

/// Concurrent items of one stream: enough to fill a batch of proofs.
const STREAM_PARALLEL: usize = 256;

/// The memory that one streaming call may have in work: half of a full batch of the largest earn
/// batches, and a full batch of any others.
pub(crate) const STREAM_BYTES: usize = 8 * 1_024 * 1_024;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Processes each item of a stream until `stopped`.
///
/// Each item runs in a separate task. The stream of answers only runs while its peer reads. Work
/// inside it would keep its permits while a peer does not read, and so take them from everybody. An
/// item's memory (`size` of the item) is kept until its answer is received, and until all work on
/// it has ended, even if the stream ended before.
fn each<I, O, W>(
    requests: Streaming<I>,
    in_work: InWork,
    stopped: impl Future<Output = ()> + Send + 'static,
    size: impl Fn(&I) -> usize + Send + 'static,
    work: impl Fn(I, ItemMemory) -> W + Send + Sync + 'static,
) -> Answers<O>
where
    I: Send + 'static,
    O: Send + 'static,
    W: Future<Output = Result<O, Fault>> + Send + 'static,
{
    let places = in_work.clone();
    let answers = requests
        .take_until(stopped)
        .and_then(move |item| {
            let (in_work, size) = (in_work.clone(), size(&item));
            async move { Ok((in_work.memory(size).await?, item)) }
        })
        .map_ok(move |(memory, item)| {
            let (places, working) = (places.clone(), work(item, memory.clone()));
            let task = Task(tokio::spawn(async move {
                let _place = places.place().await?;
                working.await
            }));
            async move {
                let answer = task.end().await?;
                drop(memory);
                Ok(answer)
            }
        })
        .try_buffer_unordered(STREAM_PARALLEL);
    answers.boxed()
}

/// A task that is aborted when its waiter is dropped.
struct Task<O>(JoinHandle<Result<O, Fault>>);

impl<O> Task<O> {
    async fn end(mut self) -> Result<O, Fault> {
        // A panic would be a bug.
        (&mut self.0)
            .await
            .unwrap_or_else(|_| Err(Fault::internal()))
    }
}

impl<O> Drop for Task<O> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
