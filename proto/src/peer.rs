//! A connection that is not the caller's, as a fault.

use merits_tls::PeerFault;
use merits_verifier::Reason;
use tonic::Code;

use crate::{Fault, fields};

impl From<PeerFault> for Fault {
    fn from(fault: PeerFault) -> Self {
        let code = match fault {
            PeerFault::OtherParty { .. } => Code::PermissionDenied,
            _ => Code::Unauthenticated,
        };
        // The certificate is the party's signature over its connection. Nothing was judged, so this
        // is never the signed refusal of an entry.
        Self::new(
            code,
            Reason::SignatureInvalid,
            // It is no part of the request.
            fields::CERTIFICATE,
            fault.to_string(),
        )
    }
}
