//! The gRPC interface of MERITS: generated clients and servers, all limits, and the checked
//! conversions between wire messages and the types that the rest of the system uses. Also what is
//! said to a witness, which is text over HTTP ([`witness`]).
//!
//! In scope: the services of `merits/**/v1/*.proto`, [`limits`], the error model ([`Fault`]) and
//! the conversions. Out of scope: the behaviour of services.
//!
//! Two rules hold here. First, these files have no message for raw behaviour records, so no service
//! can ask for them. Second, generated types do not leave this crate: a server first turns a
//! request into a checked type with one constructor (`TryFrom`), which names the field at fault.

mod checked;
mod connect;
mod evaluation;
mod fault;
pub mod limits;
mod note_tree;
mod peer;
mod redemption;
mod transport;
mod verdict;
pub mod witness;

pub use checked::{
    BareProof, LeafRange, PartialRequest, ScaleKey, SealedPartial, TotalPartialRequest,
    VerifySubject, blob, digest, entry_bytes, entry_id, page_size,
};
pub use connect::{Unreachable, connect};
pub use evaluation::{EvaluationAnswer, EvaluationRequest};
pub use fault::{BadFault, Fault};
pub use generated::fault::v1::Fault as FaultMessage;
pub use note_tree::{NoteBucket, NoteBuckets};
pub use redemption::{OfferHere, OfferPage, RedemptionRequest, SealedVoucher, VoucherRequest};
pub use transport::transport_words;
pub use verdict::Verdict;

pub use merits_tls::{Expected, Security};
pub use merits_verifier::{FieldName, FieldPath, Reason, ReasonCode, fields};

pub use generated::{
    exchange::v1 as exchange, ledger::v1 as ledger, notes::v1 as notes, registry::v1 as registry,
    supervision::v1 as supervision, uniqueness::v1 as uniqueness, verifier::v1 as verifier,
};

/// Generated code, in the modules that it expects, because a message may contain one of another
/// package.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
mod generated {
    pub mod exchange {
        pub mod v1 {
            tonic::include_proto!("merits.exchange.v1");
        }
    }
    pub mod fault {
        pub mod v1 {
            tonic::include_proto!("merits.fault.v1");
        }
    }
    pub mod ledger {
        pub mod v1 {
            tonic::include_proto!("merits.ledger.v1");
        }
    }
    pub mod notes {
        pub mod v1 {
            tonic::include_proto!("merits.notes.v1");
        }
    }
    pub mod registry {
        pub mod v1 {
            tonic::include_proto!("merits.registry.v1");
        }
    }
    pub mod supervision {
        pub mod v1 {
            tonic::include_proto!("merits.supervision.v1");
        }
    }
    pub mod uniqueness {
        pub mod v1 {
            tonic::include_proto!("merits.uniqueness.v1");
        }
    }
    pub mod verifier {
        pub mod v1 {
            tonic::include_proto!("merits.verifier.v1");
        }
    }
}

/// Encoded `FileDescriptorSet` of every service here, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/merits.bin"));
