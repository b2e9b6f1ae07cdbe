//! `merits.notes.v1.Notes`.

use std::sync::{Arc, Mutex, PoisonError};

use merits_proto::{
    Fault, NoteBuckets,
    limits::{BUCKETS, NOTES_ANSWER_MESSAGE},
    notes::{
        GetBucketRequest, GetBucketResponse, GetBucketsRequest, GetBucketsResponse,
        notes_server::Notes,
    },
};
use merits_serve::Weights;
use tonic::{Request, Response, Status};

use crate::{notes::BucketRoots, published::Published, timekeeper::Timekeeper};

/// What calls hold: a bucket's leaves as a message, each a vector of its own, and as bytes.
pub(crate) const WEIGHTS: Weights = Weights::of_all(NOTES_ANSWER_MESSAGE + BUCKETS * 80);

/// Serves the note tree, in buckets.
#[derive(Clone, Debug)]
pub(crate) struct NotesService {
    pub(crate) published: Arc<Published>,
    pub(crate) time: Arc<Timekeeper>,
    /// Held while roots are made: whoever asks meanwhile waits for them instead of making them again.
    pub(crate) roots: Arc<Mutex<BucketRoots>>,
}

#[tonic::async_trait]
impl Notes for NotesService {
    async fn get_buckets(
        &self,
        _: Request<GetBucketsRequest>,
    ) -> Result<Response<GetBucketsResponse>, Status> {
        let (anchor, buckets) = {
            let view = self.published.read();
            let time = self.time.now_or(view.state.time());
            match view.state.notes().anchor(time) {
                None => return Ok(Response::new(GetBucketsResponse::default())),
                Some(anchor) => (anchor, view.notes.of(anchor.size)),
            }
        };
        let roots = Arc::clone(&self.roots);
        let make = move || -> Option<NoteBuckets> {
            // A root is pushed whole or not at all.
            let mut roots = roots.lock().unwrap_or_else(PoisonError::into_inner);
            roots.of(&anchor, &buckets)
        };
        let answer = tokio::task::spawn_blocking(make)
            .await
            .map_err(|_| Fault::internal())?;
        let answer = answer.ok_or_else(|| {
            tracing::error!(size = anchor.size, "the kept notes are not the state's");
            Fault::internal()
        })?;
        Ok(Response::new(answer.into()))
    }

    async fn get_bucket(
        &self,
        request: Request<GetBucketRequest>,
    ) -> Result<Response<GetBucketResponse>, Status> {
        let index = request.into_inner().index;
        let leaves = self.published.read().notes.bucket(index);
        let leaves =
            leaves.ok_or_else(|| Fault::not_found("index", "there is no note in this bucket"))?;
        Ok(Response::new(leaves.as_slice().into()))
    }
}
