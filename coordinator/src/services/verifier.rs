//! `merits.verifier.v1.Verifier`.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use merits_proto::{
    Fault, VerifySubject,
    verifier::{
        Verdict, VerifyManyRequest, VerifyManyResponse, VerifyOneRequest, VerifyOneResponse,
        verifier_server::Verifier,
    },
};
use tonic::{Request, Response, Status, Streaming};

use super::{Answers, STREAM_PARALLEL};
use crate::intake::{Intake, Judgement};

/// Verifies for others, in the same batches as submissions.
#[derive(Clone, Debug)]
pub(crate) struct VerifierService(pub(crate) Arc<Intake>);

#[tonic::async_trait]
impl Verifier for VerifierService {
    type VerifyManyStream = Answers<VerifyManyResponse>;

    async fn verify_one(
        &self,
        request: Request<VerifyOneRequest>,
    ) -> Result<Response<VerifyOneResponse>, Status> {
        let permit = self.0.try_admit_verification()?;
        let subject = VerifySubject::try_from(request.into_inner().subject)?;
        let judgement = self.0.judge(subject, permit).await?;
        Ok(Response::new(VerifyOneResponse {
            verdict: Some(verdict(judgement)),
        }))
    }

    async fn verify_many(
        &self,
        request: Request<Streaming<VerifyManyRequest>>,
    ) -> Result<Response<Self::VerifyManyStream>, Status> {
        let intake = Arc::clone(&self.0);
        let answers = request
            .into_inner()
            .take_until(self.0.stopped())
            .map_ok(move |item| {
                let intake = Arc::clone(&intake);
                async move {
                    let judged = judge(&intake, item.subject).await;
                    let verdict = match judged {
                        Ok(judgement) => verdict(judgement),
                        // One that cannot be read does not end the stream; a stop does.
                        Err(fault) if !fault.may_retry() => unreadable(fault),
                        Err(fault) => return Err(fault.into()),
                    };
                    Ok(VerifyManyResponse {
                        tag: item.tag,
                        verdict: Some(verdict),
                    })
                }
            })
            .try_buffer_unordered(STREAM_PARALLEL);
        Ok(Response::new(answers.boxed()))
    }
}

async fn judge(
    intake: &Intake,
    subject: Option<merits_proto::verifier::Subject>,
) -> Result<Judgement, Fault> {
    let permit = intake.admit_verification().await?;
    intake
        .judge(VerifySubject::try_from(subject)?, permit)
        .await
}

fn verdict(judgement: Judgement) -> Verdict {
    match judgement {
        Ok(()) => Verdict {
            valid: true,
            ..Verdict::default()
        },
        Err(refusal) => Verdict {
            valid: false,
            reason: refusal.code().to_owned(),
            field: refusal.field(),
            message: refusal.to_string(),
        },
    }
}

fn unreadable(fault: Fault) -> Verdict {
    Verdict {
        valid: false,
        reason: fault.reason.into_owned(),
        field: fault.field.into_owned(),
        message: fault.message,
    }
}
