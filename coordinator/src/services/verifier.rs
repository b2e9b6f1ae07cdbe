//! `merits.verifier.v1.Verifier`.

use std::sync::Arc;

use merits_proto::{
    Fault, Verdict, VerifySubject,
    limits::{VERIFIER_ANSWER_MESSAGE, VERIFIER_REQUEST_MESSAGE},
    verifier::{
        VerifyManyRequest, VerifyManyResponse, VerifyOneRequest, VerifyOneResponse,
        verifier_server::Verifier,
    },
};
use merits_serve::{InWork, ItemMemory, Memory, Weights};
use prost::Message as _;
use tonic::{Request, Response, Status, Streaming};

use super::{Answers, STREAM_BYTES, each};
use crate::intake::{Intake, Judgement, fault};

/// An item of a stream holds its subject, encoded and decoded, and a verdict.
const ITEM_BYTES: usize = 2 * 1_024;

/// The memory of calls.
pub(crate) const WEIGHTS: Weights = Weights {
    usual: 2 * VERIFIER_REQUEST_MESSAGE + VERIFIER_ANSWER_MESSAGE,
    methods: &[("VerifyMany", 2 * VERIFIER_REQUEST_MESSAGE)],
};

/// Verifies proofs for others, in the same batches as submissions, and says of an entry in the log that it is there.
#[derive(Clone, Debug)]
pub(crate) struct VerifierService(pub(crate) Arc<Intake>);

#[tonic::async_trait]
impl Verifier for VerifierService {
    type VerifyManyStream = Answers<VerifyManyResponse>;

    async fn verify_one(
        &self,
        request: Request<VerifyOneRequest>,
    ) -> Result<Response<VerifyOneResponse>, Status> {
        let kept = Memory::of(&request).into();
        let holding = self.0.try_admit_verification(kept)?;
        let subject = VerifySubject::try_from(request.into_inner().subject)?;
        let judgement = self.0.judge(subject, holding).await?;
        Ok(Response::new(VerifyOneResponse {
            verdict: Some(verdict(judgement).into()),
        }))
    }

    async fn verify_many(
        &self,
        request: Request<Streaming<VerifyManyRequest>>,
    ) -> Result<Response<Self::VerifyManyStream>, Status> {
        let intake = Arc::clone(&self.0);
        let work = move |item: VerifyManyRequest, memory: ItemMemory| {
            let intake = Arc::clone(&intake);
            async move {
                let judged = judge(&intake, item.subject, memory).await;
                let verdict = match judged {
                    Ok(judgement) => verdict(judgement),
                    // An unreadable item does not end the stream, but a stop does.
                    Err(fault) if !fault.may_retry() => Verdict::Invalid(Box::new(fault)),
                    Err(fault) => return Err(fault),
                };
                Ok(VerifyManyResponse {
                    tag: item.tag,
                    verdict: Some(verdict.into()),
                })
            }
        };
        let in_work = InWork::of(&request, STREAM_BYTES);
        let size = |item: &VerifyManyRequest| ITEM_BYTES + 2 * item.encoded_len();
        let stopped = self.0.stopped();
        let answers = each(request.into_inner(), in_work, stopped, size, work);
        Ok(Response::new(answers))
    }
}

async fn judge(
    intake: &Intake,
    subject: Option<merits_proto::verifier::Subject>,
    memory: ItemMemory,
) -> Result<Judgement, Fault> {
    let holding = intake.admit_verification(memory.into()).await?;
    intake
        .judge(VerifySubject::try_from(subject)?, holding)
        .await
}

fn verdict(judgement: Judgement) -> Verdict {
    match judgement {
        Ok(()) => Verdict::Valid,
        Err(refusal) => Verdict::Invalid(Box::new(fault(&refusal))),
    }
}
