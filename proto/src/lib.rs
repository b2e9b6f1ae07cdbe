//! The gRPC wire of MERITS: generated clients and servers, every limit, and the checked
//! conversions between wire messages and the types that the rest of the system uses.
//!
//! In scope: the services of `merits/**/v1/*.proto`, [`limits`], the error model
//! ([`Fault`]) and the conversions. Out of scope: what a service does.
//!
//! Two rules hold here. Raw behaviour records have no message in these files, so no service can
//! ask for them. And generated types stop at this crate: a server turns a request into a checked
//! type with one constructor (`TryFrom`), which names the field at fault, and only then looks at
//! it.

mod checked;
mod connect;
mod evaluation;
mod fault;
pub mod limits;
mod note_tree;
mod redemption;

pub use checked::{
    BareProof, LeafRange, PartialRequest, ScaleKey, SealedPartial, TotalPartialRequest,
    VerifySubject, digest, entry_bytes, entry_id, page_size, signed_entry,
};
pub use connect::{Unreachable, connect};
pub use evaluation::{EvaluationAnswer, EvaluationRequest};
pub use fault::{Fault, reason};
pub use note_tree::{NoteBucket, NoteBuckets};
pub use redemption::{OfferHere, OfferPage, RedemptionRequest, SealedVoucher, VoucherRequest};

/// Generated code of `merits.ledger.v1`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod ledger {
    tonic::include_proto!("merits.ledger.v1");
}

/// Generated code of `merits.registry.v1`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod registry {
    tonic::include_proto!("merits.registry.v1");
}

/// Generated code of `merits.verifier.v1`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod verifier {
    tonic::include_proto!("merits.verifier.v1");
}

/// Generated code of `merits.supervision.v1`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod supervision {
    tonic::include_proto!("merits.supervision.v1");
}

/// Generated code of `merits.exchange.v1`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod exchange {
    tonic::include_proto!("merits.exchange.v1");
}

/// Generated code of `merits.notes.v1`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod notes {
    tonic::include_proto!("merits.notes.v1");
}

/// Generated code of `merits.uniqueness.v1`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod uniqueness {
    tonic::include_proto!("merits.uniqueness.v1");
}

/// Encoded `FileDescriptorSet` of every service here, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/merits.bin"));
