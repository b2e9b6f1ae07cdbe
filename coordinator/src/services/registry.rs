//! `merits.registry.v1.Registry`.

use std::{ops::Bound, sync::Arc};

use merits_ledger::state::{EpochKeys, EpochStanding, VersionRecord};
use merits_primitives::{
    calendar::Timestamp,
    figures,
    ids::{PartyId, Period, PeriodKind, ScaleId},
};
use merits_proto::{
    Fault, ScaleKey, digest, fields,
    limits::REGISTRY_ANSWER_MESSAGE,
    page_size,
    registry::{
        Epoch, Figure, FoundingFact, GetLogRequest, GetLogResponse, GetPartyRequest,
        GetPartyResponse, GetScaleRequest, GetScaleResponse, ListEpochsRequest, ListEpochsResponse,
        ListPartiesRequest, ListPartiesResponse, ListScalesRequest, ListScalesResponse, Party,
        Scale, Schedule, registry_server::Registry,
    },
};
use merits_serve::Weights;
use merits_verifier::{codec::Canonical as _, entry::ENVELOPE_VERSION, log::LogKey};
use tonic::{Request, Response, Status};

use crate::{intake::fault, published::Published};

/// The memory of calls: a page or a scale, as a message and as bytes.
pub(crate) const WEIGHTS: Weights = Weights {
    usual: 2 * REGISTRY_ANSWER_MESSAGE,
    methods: &[("GetParty", 16 * 1_024), ("GetLog", 4 * 1_024)],
};

/// Answers from the published state.
#[derive(Clone, Debug)]
pub(crate) struct RegistryService {
    pub(crate) published: Arc<Published>,
    pub(crate) log_key: LogKey,
}

#[tonic::async_trait]
impl Registry for RegistryService {
    async fn list_parties(
        &self,
        request: Request<ListPartiesRequest>,
    ) -> Result<Response<ListPartiesResponse>, Status> {
        let ListPartiesRequest {
            page_size: asked,
            after,
        } = request.into_inner();
        let size = page_size(asked)?;
        let after = match after.as_slice() {
            [] => None,
            bytes => Some(PartyId(digest(fields::AFTER, bytes)?)),
        };
        let view = self.published.read();
        let rest = view
            .state
            .parties()
            .iter()
            .filter(|(id, _)| Some(**id) > after);
        let time = view.state.time();
        let (parties, more) = page(rest, size, |(id, known)| party(id, known, time));
        Ok(Response::new(ListPartiesResponse {
            parties,
            more,
            tree_size: view.checkpoint.size,
        }))
    }

    async fn get_party(
        &self,
        request: Request<GetPartyRequest>,
    ) -> Result<Response<GetPartyResponse>, Status> {
        let id = PartyId(digest(fields::ID, &request.into_inner().id)?);
        let view = self.published.read();
        let known = view.state.parties().get(&id);
        let known = known.ok_or_else(|| Fault::not_found(fields::ID, "no party has this id"))?;
        let tree_size = view.checkpoint.size;
        Ok(Response::new(GetPartyResponse {
            party: Some(party(&id, known, view.state.time())),
            tree_size,
        }))
    }

    async fn list_scales(
        &self,
        request: Request<ListScalesRequest>,
    ) -> Result<Response<ListScalesResponse>, Status> {
        let ListScalesRequest {
            page_size: asked,
            after_id,
            after_version,
        } = request.into_inner();
        let size = page_size(asked)?;
        let after = match after_id.as_str() {
            "" => Bound::Unbounded,
            id => {
                let id = ScaleId::new(id)
                    .map_err(|e| Fault::malformed(fields::AFTER_ID, e.to_string()))?;
                Bound::Excluded((id, after_version))
            }
        };
        let view = self.published.read();
        // Proposals that wait for approval are not included, because they have no effect yet.
        let rest = view
            .state
            .scales()
            .iter()
            .flat_map(|(id, known)| known.versions.iter().map(move |record| (id, record)))
            .filter(|(id, record)| match &after {
                Bound::Excluded((last, version)) => (*id, record.version().0) > (last, *version),
                _ => true,
            });
        let (scales, more) = page(rest, size, |(_, record)| scale(record));
        Ok(Response::new(ListScalesResponse {
            scales,
            more,
            tree_size: view.checkpoint.size,
        }))
    }

    async fn get_scale(
        &self,
        request: Request<GetScaleRequest>,
    ) -> Result<Response<GetScaleResponse>, Status> {
        let ScaleKey { id, version } = ScaleKey::try_from(request.into_inner())?;
        let view = self.published.read();
        let record = view
            .state
            .scales()
            .version(&id, version)
            .map_err(|refusal| {
                let refused = fault(&refusal);
                Fault {
                    code: tonic::Code::NotFound,
                    ..refused
                }
            })?;
        let figures = &record.terms.figures;
        Ok(Response::new(GetScaleResponse {
            scale: Some(scale(record)),
            manifest: record.terms.manifest.clone(),
            verifying_key: record.verifying_key.to_bytes(),
            tree_size: view.checkpoint.size,
            figures: figures.figures.iter().map(figure).collect(),
            schedules: figures
                .schedules
                .iter()
                .map(|days| schedule(days))
                .collect(),
        }))
    }

    async fn list_epochs(
        &self,
        request: Request<ListEpochsRequest>,
    ) -> Result<Response<ListEpochsResponse>, Status> {
        let ListEpochsRequest {
            page_size: asked,
            after,
        } = request.into_inner();
        let size = page_size(asked)?;
        let view = self.published.read();
        let epochs = view.state.epochs();
        let rest = epochs.iter().filter(|keys| keys.epoch.0 > after);
        let (epochs, more) = page(rest, size, |keys| {
            epoch(keys, epochs.standing(keys.epoch, view.state.time()))
        });
        Ok(Response::new(ListEpochsResponse {
            epochs,
            more,
            tree_size: view.checkpoint.size,
        }))
    }

    async fn get_log(&self, _: Request<GetLogRequest>) -> Result<Response<GetLogResponse>, Status> {
        Ok(Response::new(GetLogResponse {
            origin: self.log_key.origin().as_str().to_owned(),
            log_key: self.log_key.public().to_bytes().to_vec(),
            entry_version: ENVELOPE_VERSION.into(),
            founding: (self.published.read().state.policy().facts().into_iter())
                .map(|(name, value)| FoundingFact {
                    name: name.to_owned(),
                    value,
                })
                .collect(),
        }))
    }
}

/// The first `size` of `items`, and whether there are more.
fn page<I, T>(
    items: impl Iterator<Item = I>,
    size: usize,
    message: impl Fn(I) -> T,
) -> (Vec<T>, bool) {
    let mut items = items.peekable();
    let page = items.by_ref().take(size).map(message).collect();
    (page, items.peek().is_some())
}

/// A party with its standing at `time`.
fn party(id: &PartyId, known: &merits_ledger::state::Party, time: Timestamp) -> Party {
    Party {
        id: id.0.to_vec(),
        name: known.name.clone(),
        roles: known
            .roles
            .iter()
            .map(|role| role.name().to_owned())
            .collect(),
        signing_key: known.signing_key.to_bytes().to_vec(),
        sealing_key: known.sealing_key.to_vec(),
        suspended: !known.is_in_standing(time),
    }
}

fn scale(record: &VersionRecord) -> Scale {
    let terms = &record.terms;
    Scale {
        id: terms.id.as_str().to_owned(),
        version: terms.version.0,
        asset: terms.asset.0,
        status: record.standing.to_string(),
        provenance: terms.provenance.to_string(),
        shape_digest: terms.shape.to_vec(),
        key_digest: record.key.0.to_vec(),
        claims_per_batch: terms.capacity.into(),
        max_credits: terms.max_credits.0,
        max_measure: terms.max_measure.map(|most| most.0),
    }
}

fn figure(known: &figures::Figure) -> Figure {
    Figure {
        name: known.name.clone(),
        exponent: known.exponent.into(),
        low: known.low,
        high: known.high,
        schedule: known.schedule.map(u32::from),
        values: known.values.clone(),
    }
}

fn schedule(days: &[u32]) -> Schedule {
    let date = |day: &u32| Period::of_day(PeriodKind::Day, *day).label();
    Schedule {
        days: days.to_vec(),
        dates: days.iter().map(date).collect(),
    }
}

fn epoch(keys: &EpochKeys, standing: Option<EpochStanding>) -> Epoch {
    Epoch {
        number: keys.epoch.0,
        view_key: keys.view_key.to_bytes().to_vec(),
        totals_key: keys.totals_key.to_bytes().to_vec(),
        accepted: matches!(standing, Some(EpochStanding::Active | EpochStanding::Grace)),
    }
}
