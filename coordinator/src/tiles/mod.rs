//! The log as static resources over HTTP (c2sp.org/tlog-tiles), for readers that speak no gRPC:
//! checkpoint, tiles of hashes, bundles of entries.
//!
//! Everything is read from the store when somebody asks. A bundle may have 16 MiB, so it is read and
//! sent page by page. Tiles never change, full ones and partial ones, so caches may keep them; a
//! tile that the published tree does not fill yet is not there, and no cache keeps that answer.

mod path;

use std::{fmt, sync::Arc};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{FutureExt as _, future::BoxFuture, stream};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::StreamBody;
use merits_ledger::tree::Node;
use merits_proto::{Fault, limits::PAGE_BYTES};
use merits_serve::site::{Body, Site, text};

use self::path::{FULL, Resource, Tile};
use crate::{archive::Archive, faults::database, published::Published};

/// A page of leaves, with the leaf that crosses its bound, while it is read and while it is sent.
const BUNDLE_BYTES: usize = 3 * PAGE_BYTES;
/// A tile while it is read, with its nodes' places, and while it is sent.
const TILE_BYTES: usize = 64 * 1_024;
/// A checkpoint with all its cosignatures, twice.
const USUAL_BYTES: usize = 40 * 1_024;

/// A year: caches need not ask again.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// The checkpoint changes with every group of entries.
const ASK_AGAIN: &str = "no-cache";

/// The log's static resources.
#[derive(Clone)]
pub(crate) struct Tiles {
    pub(crate) archive: Archive,
    pub(crate) published: Arc<Published>,
}

impl fmt::Debug for Tiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tiles")
    }
}

impl Site for Tiles {
    fn weight(&self, path: &str) -> usize {
        match resource(path) {
            Some(Resource::Entries(_)) => BUNDLE_BYTES,
            Some(Resource::Hashes { .. }) => TILE_BYTES,
            Some(Resource::Checkpoint) | None => USUAL_BYTES,
        }
    }

    fn answer(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        let tiles = self.clone();
        async move {
            if !matches!(*request.method(), Method::GET | Method::HEAD) {
                return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is allowed\n");
            }
            let Some(resource) = resource(request.uri().path()) else {
                return text(
                    StatusCode::NOT_FOUND,
                    "there are checkpoint, tile/<L>/<N>[.p/<W>] and tile/entries/<N>[.p/<W>]\n",
                );
            };
            tiles.find(resource).await.unwrap_or_else(|missing| match missing {
                Missing::NotThere => text(
                    StatusCode::NOT_FOUND,
                    "the log's newest tree does not fill this tile yet\n",
                ),
                Missing::Failed => text(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the log could not be read: its operator finds the reason in the coordinator's log\n",
                ),
            })
        }
        .boxed()
    }
}

fn resource(path: &str) -> Option<Resource> {
    Resource::parse(path.strip_prefix('/')?)
}

/// Why a resource is not answered.
enum Missing {
    NotThere,
    Failed,
}

impl From<Fault> for Missing {
    fn from(_: Fault) -> Self {
        Self::Failed
    }
}

impl Tiles {
    async fn find(&self, resource: Resource) -> Result<Response<Body>, Missing> {
        let size = self.published.checkpoint().0.size;
        match resource {
            Resource::Checkpoint => {
                // A checkpoint that witnesses have seen is worth more than a newer one.
                let cosigned = self.published.cosigned();
                let (_, signed) = cosigned.unwrap_or_else(|| self.published.checkpoint());
                let mut response = text(StatusCode::OK, signed.to_string());
                let headers = response.headers_mut();
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(ASK_AGAIN));
                Ok(response)
            }
            Resource::Hashes { level, tile } => {
                let (start, end) = within(tile, Resource::hashes(level, size))?;
                self.hashes(Resource::node_level(level), start, end).await
            }
            Resource::Entries(tile) => {
                let (start, end) = within(tile, size)?;
                self.entries(start, end).await
            }
        }
    }

    async fn hashes(&self, level: u8, start: u64, end: u64) -> Result<Response<Body>, Missing> {
        let wanted: Vec<Node> = (start..end).map(|index| Node { level, index }).collect();
        let nodes = self.archive.nodes(&wanted).await.map_err(database)?;
        let mut bytes = Vec::with_capacity(32 * wanted.len());
        for node in wanted {
            let Some(hash) = nodes.get(&node) else {
                tracing::error!(?node, "a hash is missing from the stored tree: run fsck");
                return Err(Missing::Failed);
            };
            bytes.extend(hash);
        }
        Ok(immutable(Body::new(http_body_util::Full::new(
            Bytes::from(bytes),
        ))))
    }

    /// The first page is read before the answer begins, so that a log that cannot be read is an
    /// error and not half an answer.
    async fn entries(&self, start: u64, end: u64) -> Result<Response<Body>, Missing> {
        let first = page(&self.archive, start, end).await?;
        let archive = self.archive.clone();
        let pages = stream::try_unfold(Next::Read(first), move |next| {
            let archive = archive.clone();
            async move {
                let (next, bytes) = match next {
                    Next::Read(read) => read,
                    Next::From(from) if from < end => match page(&archive, from, end).await {
                        Ok(read) => read,
                        Err(_) => return Err(Broken),
                    },
                    Next::From(_) => return Ok(None),
                };
                Ok(Some((Frame::data(bytes), Next::From(next))))
            }
        });
        Ok(immutable(Body::new(StreamBody::new(pages))))
    }
}

/// A bundle's pages: one that is read, or where to read the next one from.
enum Next {
    Read((u64, Bytes)),
    From(u64),
}

/// A bundle that could not be read to its end. The connection is cut, so that nobody takes a part
/// for the whole.
#[derive(Debug, thiserror::Error)]
#[error("the log could not be read")]
struct Broken;

/// Entries from `from` on, each behind its length, and where the next ones begin.
async fn page(archive: &Archive, from: u64, until: u64) -> Result<(u64, Bytes), Fault> {
    let leaves = archive.page(from, until).await.map_err(database)?;
    if leaves.is_empty() {
        tracing::error!(
            from,
            until,
            "leaves are missing from the stored log: run fsck"
        );
        return Err(Fault::internal());
    }
    let next = from + leaves.len() as u64;
    let mut bytes = BytesMut::with_capacity(leaves.iter().map(|leaf| 2 + leaf.len()).sum());
    for leaf in leaves {
        let Ok(length) = u16::try_from(leaf.len()) else {
            tracing::error!(
                from,
                bytes = leaf.len(),
                "a stored leaf is too long: run fsck"
            );
            return Err(Fault::internal());
        };
        bytes.put_u16(length);
        bytes.put_slice(&leaf);
    }
    Ok((next, bytes.freeze()))
}

/// The tile's range, if a level of `available` hashes or entries fills it.
fn within(tile: Tile, available: u64) -> Result<(u64, u64), Missing> {
    match (tile.start(), tile.end()) {
        (Some(start), Some(end)) if end <= available => Ok((start, end)),
        _ => Err(Missing::NotThere),
    }
}

fn immutable(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOR_EVER));
    response
}

const _: () = assert!(merits_verifier::entry::MAX_LEAF_BYTES <= u16::MAX as usize);
const _: () = assert!(FULL as usize * 32 * 2 < TILE_BYTES);
