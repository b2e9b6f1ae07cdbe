//! `merits.ledger.v1.Blobs`.

use std::sync::Arc;

use merits_ledger::BlobDigest;
use merits_proto::{
    Fault, blob, digest, fields,
    ledger::{
        GetBlobRequest, GetBlobResponse, SubmitResponse, SubmitWithBlobsRequest,
        blobs_server::Blobs,
    },
    limits::{BLOBS_ANSWER_MESSAGE, BLOBS_REQUEST_MESSAGE},
};
use merits_serve::{Memory, Weights, peer};
use tonic::{Request, Response, Status};

use super::ledger::answer;
use crate::{
    faults::database,
    intake::{Intake, WithoutPermit},
};

/// What calls hold: an entry and its blob, as they come and as they are stored; a blob as it is read and as it is
/// sent.
pub(crate) const WEIGHTS: Weights = Weights {
    usual: 16 * 1_024,
    methods: &[
        ("SubmitWithBlobs", 3 * BLOBS_REQUEST_MESSAGE),
        ("GetBlob", 2 * BLOBS_ANSWER_MESSAGE),
    ],
};

/// Takes entries, each with its blob, and serves blobs.
#[derive(Clone, Debug)]
pub(crate) struct BlobsService(pub(crate) Arc<Intake>);

#[tonic::async_trait]
impl Blobs for BlobsService {
    async fn submit_with_blobs(
        &self,
        request: Request<SubmitWithBlobsRequest>,
    ) -> Result<Response<SubmitResponse>, Status> {
        let (kept, peer) = (Memory::of(&request).into(), peer(&request));
        let SubmitWithBlobsRequest {
            entry,
            blob: beside,
        } = request.into_inner();
        let beside = blob(beside)?;
        let accepted = self
            .0
            .submit(entry, beside, kept, &peer, WithoutPermit::Busy);
        Ok(Response::new(answer(accepted.await?)))
    }

    async fn get_blob(
        &self,
        request: Request<GetBlobRequest>,
    ) -> Result<Response<GetBlobResponse>, Status> {
        let digest = BlobDigest(digest(fields::DIGEST, &request.into_inner().digest)?);
        let stored = self.0.archive.blob(&digest).await.map_err(database)?;
        let blob = stored.ok_or_else(|| {
            Fault::not_found(fields::DIGEST, "no entry of this log names this blob")
        })?;
        Ok(Response::new(GetBlobResponse { blob }))
    }
}
