//! `merits.ledger.v1.Cosignatures`.

use std::{sync::Arc, time::Duration};

use merits_proto::{
    Fault, FieldPath, entry_id, fields,
    ledger::{
        GetCosignedCheckpointRequest, GetCosignedCheckpointResponse, GetCosignedReceiptRequest,
        GetCosignedReceiptResponse, cosignatures_server::Cosignatures,
    },
    limits::LEDGER_REQUEST_MESSAGE,
};
use merits_serve::Weights;
use tonic::{Request, Response, Status};

use crate::{faults::database, intake::Intake, published::Shown, receipts};

/// The memory of calls: a receipt is an entry and its text.
pub(crate) const WEIGHTS: Weights = Weights {
    usual: 40 * 1_024,
    methods: &[("GetCosignedReceipt", 3 * LEDGER_REQUEST_MESSAGE)],
};

/// When a caller should ask again for what witnesses have not cosigned yet.
const RETRY: Duration = Duration::from_millis(200);

/// Serves what witnesses have cosigned.
#[derive(Clone, Debug)]
pub(crate) struct CosignaturesService {
    pub(crate) intake: Arc<Intake>,
    /// Whether witnesses are asked at all.
    pub(crate) asks: bool,
}

impl CosignaturesService {
    fn newest(&self) -> Result<Shown, Fault> {
        if !self.asks {
            return Err(Fault::not_found(
                FieldPath::NONE,
                "this coordinator asks no witnesses to cosign: its operator names them in the table [log]",
            ));
        }
        self.intake.published.cosigned().ok_or_else(waits)
    }
}

#[tonic::async_trait]
impl Cosignatures for CosignaturesService {
    async fn get_cosigned_checkpoint(
        &self,
        _: Request<GetCosignedCheckpointRequest>,
    ) -> Result<Response<GetCosignedCheckpointResponse>, Status> {
        let (_, signed) = self.newest()?;
        Ok(Response::new(GetCosignedCheckpointResponse {
            checkpoint: signed.to_string(),
        }))
    }

    async fn get_cosigned_receipt(
        &self,
        request: Request<GetCosignedReceiptRequest>,
    ) -> Result<Response<GetCosignedReceiptResponse>, Status> {
        let id = entry_id(fields::ENTRY_ID, &request.into_inner().entry_id)?;
        let shown = self.newest()?;
        let archive = &self.intake.archive;
        let stored = archive.find(&id).await.map_err(database)?;
        let stored = stored.ok_or_else(|| {
            Fault::not_found(fields::ENTRY_ID, "no entry of this log has this id")
        })?;
        let index = stored.index;
        if index >= shown.0.size {
            return Err(waits().into());
        }
        let receipt = receipts::receipt_under(archive, shown, stored).await?;
        Ok(Response::new(GetCosignedReceiptResponse {
            receipt: receipt.to_string(),
            index,
        }))
    }
}

fn waits() -> Fault {
    Fault {
        message: "too few witnesses have cosigned a checkpoint so far; ask again".to_owned(),
        ..Fault::busy(RETRY)
    }
}
