//! `merits.ledger.v1.Ledger`.

use std::sync::Arc;

use futures::StreamExt as _;
use merits_proto::{
    Fault, LeafRange, entry_id, fields,
    ledger::{
        GetCheckpointRequest, GetCheckpointResponse, GetConsistencyProofRequest,
        GetConsistencyProofResponse, GetReceiptRequest, GetReceiptResponse, StreamEntriesRequest,
        StreamEntriesResponse, SubmitManyRequest, SubmitManyResponse, SubmitRequest,
        SubmitResponse, ledger_server::Ledger, submit_many_response::Outcome,
    },
    limits::{LEDGER_ANSWER_MESSAGE, LEDGER_REQUEST_MESSAGE},
};
use merits_serve::{InWork, ItemMemory, Memory, Weights, peer};
use tonic::{Request, Response, Status, Streaming};

use super::{Answers, STREAM_BYTES, each};
use crate::{
    archive::Archive,
    faults::database,
    intake::{Accepted, Intake, WithoutPermit},
    receipts,
};

/// An item of a stream holds its entry, the receipt (the entry again, as text) and as much again.
const ITEM_BYTES: usize = 2 * 1_024;

/// The memory of calls: an entry and its receipt; a page while it is read and while it is sent; an
/// item of a stream that is being read.
pub(crate) const WEIGHTS: Weights = Weights {
    usual: 16 * 1_024,
    methods: &[
        ("Submit", 3 * LEDGER_REQUEST_MESSAGE),
        ("SubmitMany", 2 * LEDGER_REQUEST_MESSAGE),
        ("GetReceipt", 3 * LEDGER_REQUEST_MESSAGE),
        ("StreamEntries", 3 * LEDGER_ANSWER_MESSAGE),
    ],
};

/// Appends and serves the log.
#[derive(Clone, Debug)]
pub(crate) struct LedgerService(pub(crate) Arc<Intake>);

#[tonic::async_trait]
impl Ledger for LedgerService {
    type SubmitManyStream = Answers<SubmitManyResponse>;
    type StreamEntriesStream = Answers<StreamEntriesResponse>;

    async fn submit(
        &self,
        request: Request<SubmitRequest>,
    ) -> Result<Response<SubmitResponse>, Status> {
        let (kept, peer) = (Memory::of(&request).into(), peer(&request));
        let entry = request.into_inner().entry;
        let accepted = self.0.submit(entry, None, kept, &peer, WithoutPermit::Busy);
        let accepted = accepted.await?;
        Ok(Response::new(answer(accepted)))
    }

    async fn submit_many(
        &self,
        request: Request<Streaming<SubmitManyRequest>>,
    ) -> Result<Response<Self::SubmitManyStream>, Status> {
        let (intake, peer) = (Arc::clone(&self.0), peer(&request));
        let work = move |item: SubmitManyRequest, memory: ItemMemory| {
            let (intake, peer) = (Arc::clone(&intake), peer.clone());
            async move {
                let kept = memory.into();
                let submitted = intake.submit(item.entry, None, kept, &peer, WithoutPermit::Wait);
                let outcome = match submitted.await {
                    Ok(accepted) => Outcome::Accepted(answer(accepted)),
                    Err(fault) => Outcome::Refused(fault.into()),
                };
                Ok(SubmitManyResponse {
                    tag: item.tag,
                    outcome: Some(outcome),
                })
            }
        };
        let in_work = InWork::of(&request, STREAM_BYTES);
        let size = |item: &SubmitManyRequest| ITEM_BYTES + 3 * item.entry.len();
        let stopped = self.0.stopped();
        let answers = each(request.into_inner(), in_work, stopped, size, work);
        Ok(Response::new(answers))
    }

    async fn get_receipt(
        &self,
        request: Request<GetReceiptRequest>,
    ) -> Result<Response<GetReceiptResponse>, Status> {
        let id = entry_id(fields::ENTRY_ID, &request.into_inner().entry_id)?;
        let stored = self
            .0
            .archive
            .find(&id)
            .await
            .map_err(database)?
            .ok_or_else(|| {
                Fault::not_found(fields::ENTRY_ID, "no entry of this log has this id")
            })?;
        let index = stored.index;
        let receipt = self.0.receipt(stored).await?;
        Ok(Response::new(GetReceiptResponse {
            receipt: receipt.to_string(),
            index,
        }))
    }

    async fn get_checkpoint(
        &self,
        _: Request<GetCheckpointRequest>,
    ) -> Result<Response<GetCheckpointResponse>, Status> {
        let (_, signed) = self.0.published.checkpoint();
        Ok(Response::new(GetCheckpointResponse {
            checkpoint: signed.to_string(),
        }))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<GetConsistencyProofRequest>,
    ) -> Result<Response<GetConsistencyProofResponse>, Status> {
        let GetConsistencyProofRequest { old_size, new_size } = request.into_inner();
        let proof =
            receipts::consistency(&self.0.archive, &self.0.published, old_size, new_size).await?;
        let hashes = proof.iter().map(|hash| hash.to_vec()).collect();
        Ok(Response::new(GetConsistencyProofResponse { hashes }))
    }

    async fn stream_entries(
        &self,
        request: Request<StreamEntriesRequest>,
    ) -> Result<Response<Self::StreamEntriesStream>, Status> {
        let LeafRange { from, until } = LeafRange::try_from(request.into_inner())?;
        let size = self.0.published.checkpoint().0.size;
        let until = until.unwrap_or(size);
        if from > size || until > size {
            let field = if from > size {
                fields::FROM
            } else {
                fields::UNTIL
            };
            return Err(Fault::malformed(field, format!("the log has {size} entries")).into());
        }
        let archive = self.0.archive.clone();
        let pages = futures::stream::try_unfold(from, move |first| {
            let archive = archive.clone();
            async move { next_page(&archive, first, until).await }
        });
        Ok(Response::new(pages.boxed()))
    }
}

async fn next_page(
    archive: &Archive,
    first: u64,
    until: u64,
) -> Result<Option<(StreamEntriesResponse, u64)>, Status> {
    if first >= until {
        return Ok(None);
    }
    let leaves = archive.page(first, until).await.map_err(database)?;
    if leaves.is_empty() {
        tracing::error!(first, until, "leaves are missing from the stored log");
        return Err(Fault::internal().into());
    }
    let next = first + leaves.len() as u64;
    Ok(Some((StreamEntriesResponse { first, leaves }, next)))
}

pub(super) fn answer(accepted: Accepted) -> SubmitResponse {
    SubmitResponse {
        index: accepted.receipt.index,
        receipt: accepted.receipt.to_string(),
        entry_id: accepted.id.0.to_vec(),
        already_present: accepted.already_present,
    }
}
