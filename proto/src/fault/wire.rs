//! A fault as a protobuf message, alone and in the metadata of a gRPC status.

use std::time::Duration;

use merits_verifier::{
    FieldPath, Reason, ReasonCode,
    field_path::{FieldName, FieldPathError, FieldStep},
};
use prost::Message as _;
use thiserror::Error;
use tonic::{Code, Status, metadata::MetadataValue};

use super::Fault;
use crate::{
    generated::fault::v1 as raw,
    limits::{FAULT_BYTES, REFUSAL_BYTES, REFUSAL_TEXT_BYTES},
    transport::transport_words,
};

/// Metadata key of the [`raw::Fault`]. It is not `grpc-status-details-bin`, because tonic 0.14 drops the whole
/// status if that one is malformed.
const FAULT: &str = "merits-fault-bin";

/// Why a fault from another program cannot be read. That program is to blame.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadFault {
    /// The metadata is not base64.
    #[error("its details (`{FAULT}`) are not base64")]
    Encoding,
    /// The details are longer than any fault.
    #[error("its details have {found} bytes; at most {FAULT_BYTES} are read")]
    TooLong {
        /// Their length in bytes.
        found: usize,
    },
    /// They are not a protobuf message.
    #[error("its details are not a `merits.fault.v1.Fault`: {0}")]
    Message(#[from] prost::DecodeError),
    /// It has no reason, or one that only clients use.
    #[error("its reason is number {found}, which no server sends")]
    Reason {
        /// The number.
        found: i32,
    },
    /// The path of the field.
    #[error("its field at fault is not a path: {0}")]
    Field(#[from] FieldPathError),
    /// A step of the path is neither a name nor an index.
    #[error("its field at fault has a step that is neither a name nor an index")]
    Step,
    /// Its signed refusal is longer than any valid one.
    #[error("its signed refusal has {found} bytes; at most {REFUSAL_BYTES} are read")]
    Refusal {
        /// Its length in bytes.
        found: usize,
    },
}

/// Reasons that a client uses when it got no answer. A server that passes one on would claim that
/// it did not answer itself.
const OF_CLIENTS: [Reason; 2] = [Reason::NoAnswer, Reason::FaultUnreadable];

impl From<Fault> for raw::Fault {
    fn from(fault: Fault) -> Self {
        let mut message = fault.message;
        truncate(&mut message, REFUSAL_TEXT_BYTES);
        // The caller has an answer. If another server did not answer this one, that is a failure of
        // this one. So is a reason without a number, which no server sends.
        let own = OF_CLIENTS.iter().any(|own| fault.reason == *own);
        let number = fault.reason.number().filter(|_| !own);
        let number = number.unwrap_or(Reason::Internal.number());
        let signed_refusal = Some(fault.signed_refusal);
        Self {
            reason: i32::try_from(number).unwrap_or(i32::MAX),
            field: fault.field.steps().iter().map(step).collect(),
            message,
            retry_after_ms: fault
                .retry_after
                .map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
            signed_refusal: signed_refusal
                .filter(|note| note.len() <= REFUSAL_BYTES)
                .unwrap_or_default(),
            code: fault.code as u32,
        }
    }
}

fn step(step: &FieldStep) -> raw::FieldStep {
    use raw::field_step::Step;
    let step = match step {
        FieldStep::Name(name) => Step::Name(name.as_str().to_owned()),
        FieldStep::Index(index) => Step::Index(*index),
    };
    raw::FieldStep { step: Some(step) }
}

impl TryFrom<raw::Fault> for Fault {
    type Error = BadFault;

    fn try_from(raw: raw::Fault) -> Result<Self, BadFault> {
        use raw::field_step::Step;
        let refused = BadFault::Reason { found: raw.reason };
        let number = u32::try_from(raw.reason).ok();
        let reason = number
            .and_then(ReasonCode::from_number)
            .filter(|reason| OF_CLIENTS.iter().all(|own| reason != own))
            .ok_or(refused)?;
        let steps = raw.field.into_iter().map(|step| {
            Ok(match step.step.ok_or(BadFault::Step)? {
                Step::Name(name) => FieldStep::Name(FieldName::new(name)?),
                Step::Index(index) => FieldStep::Index(index),
            })
        });
        let steps = steps.collect::<Result<_, BadFault>>()?;
        if raw.signed_refusal.len() > REFUSAL_BYTES {
            return Err(BadFault::Refusal {
                found: raw.signed_refusal.len(),
            });
        }
        Ok(Self {
            code: match i32::try_from(raw.code).map(Code::from_i32) {
                // A fault is not a success.
                Err(_) | Ok(Code::Ok) => Code::Unknown,
                Ok(code) => code,
            },
            reason,
            field: FieldPath::from_steps(steps)?,
            message: shown(&raw.message),
            retry_after: raw.retry_after_ms.map(Duration::from_millis),
            signed_refusal: raw.signed_refusal,
        })
    }
}

impl Fault {
    /// Reads the fault that a server put in `status`. A status from another origin (transport,
    /// proxy, tonic's own limits) gets a reason from its code. A status whose details cannot be
    /// read becomes [`Reason::FaultUnreadable`].
    pub fn from_status(status: &Status) -> Self {
        let (code, message) = (status.code(), shown(&said(status)));
        match details(status) {
            Ok(Some(fault)) => Self {
                code,
                message,
                ..fault
            },
            Ok(None) => from_elsewhere(status, message),
            Err(bad) => Self {
                retry_after: is_over(status).then_some(RETRY_AFTER),
                ..Self::new(
                    code,
                    Reason::FaultUnreadable,
                    FieldPath::NONE,
                    format!("{bad}; it says: {message}"),
                )
            },
        }
    }
}

fn details(status: &Status) -> Result<Option<Fault>, BadFault> {
    let Some(value) = status.metadata().get_bin(FAULT) else {
        return Ok(None);
    };
    let bytes = value.to_bytes().map_err(|_| BadFault::Encoding)?;
    if bytes.len() > FAULT_BYTES {
        let found = bytes.len();
        return Err(BadFault::TooLong { found });
    }
    Fault::try_from(raw::Fault::decode(bytes)?).map(Some)
}

fn from_elsewhere(status: &Status, message: String) -> Fault {
    let reason = match status.code() {
        Code::OutOfRange | Code::ResourceExhausted => Reason::TooLarge,
        _ if is_lost(status) => Reason::NoAnswer,
        Code::DeadlineExceeded => Reason::TimedOut,
        Code::NotFound => Reason::NotFound,
        Code::InvalidArgument => Reason::Malformed,
        _ => Reason::Internal,
    };
    Fault {
        retry_after: is_over(status).then_some(RETRY_AFTER),
        ..Fault::new(status.code(), reason, FieldPath::NONE, message)
    }
}

/// What a status says; in our words where the transport made it here, and where a server answers that
/// does not speak gRPC.
fn said(status: &Status) -> String {
    match std::error::Error::source(status) {
        Some(cause) => transport_words(cause),
        None if is_no_grpc(status) => transport_words(status),
        None => status.message().to_owned(),
    }
}

/// A web server answered, which has no status of gRPC.
fn is_no_grpc(status: &Status) -> bool {
    status.message().starts_with("grpc-status header missing")
}

/// The time after which a call without an answer may be repeated.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The call got no answer, or not in time.
fn is_over(status: &Status) -> bool {
    is_lost(status) || status.code() == Code::DeadlineExceeded
}

/// The call got no answer: the server is not there, or its connection broke or fell silent under
/// the call. For a broken connection, the transport creates a status here, with a cause and an
/// arbitrary code. A status that a server sent has no cause.
fn is_lost(status: &Status) -> bool {
    let made_here = std::error::Error::source(status).is_some();
    match status.code() {
        Code::Unavailable => true,
        // A peer that speaks another protocol is internal to the transport.
        Code::Unknown | Code::Cancelled | Code::Internal => made_here || is_no_grpc(status),
        _ => is_no_grpc(status),
    }
}

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        let code = fault.code;
        let mut details = raw::Fault::from(fault);
        let mut status = Status::new(code, std::mem::take(&mut details.message));
        details.code = 0;
        let details = MetadataValue::from_bytes(&details.encode_to_vec());
        status.metadata_mut().insert_bin(FAULT, details);
        status
    }
}

/// Another party's text, for this party's screen.
fn shown(message: &str) -> String {
    let mut message = message.to_owned();
    truncate(&mut message, REFUSAL_TEXT_BYTES);
    merits_text::display::document(&message)
}

/// Cuts `text` to at most `limit` bytes, at a character boundary.
fn truncate(text: &mut String, limit: usize) {
    if text.len() > limit {
        let end = (0..=limit)
            .rev()
            .find(|&i| text.is_char_boundary(i))
            .unwrap_or(0);
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use merits_verifier::fields;

    use super::*;

    /// A status with these details, as a server would send it.
    fn status_of(details: &[u8]) -> Status {
        let mut status = Status::failed_precondition("said\u{1b}[2J");
        let value = MetadataValue::from_bytes(details);
        status.metadata_mut().insert_bin(FAULT, value);
        status
    }

    #[test]
    fn a_fault_survives_status_and_message() {
        let mut fault = Fault::busy(Duration::from_millis(250));
        fault.field = FieldPath::name(fields::CLAIMS).index(3).then(fields::C);
        fault.signed_refusal = "first\nsecond\n".to_owned();
        assert_eq!(Fault::from_status(&Status::from(fault.clone())), fault);
        assert_eq!(Fault::try_from(raw::Fault::from(fault.clone())), Ok(fault));
    }

    /// The wire's numbers and names are those of the one table.
    #[test]
    fn the_protobuf_enum_is_the_table() {
        for &reason in Reason::ALL {
            let number = i32::try_from(reason.number()).unwrap();
            let on_the_wire = raw::Reason::try_from(number).unwrap();
            let name = reason.as_str().to_uppercase().replace('-', "_");
            assert_eq!(on_the_wire.as_str_name(), format!("REASON_{name}"));
        }
        let proto = include_str!("../../merits/fault/v1/fault.proto");
        let names = proto.lines().filter(|line| line.starts_with("  REASON_"));
        // One more, for REASON_UNSPECIFIED.
        assert_eq!(names.count(), Reason::ALL.len() + 1);
    }

    #[test]
    fn a_reason_of_a_newer_server_is_kept_and_passed_on() {
        let newer = raw::Fault {
            reason: 60_001,
            ..raw::Fault::default()
        };
        let fault = Fault::from_status(&status_of(&newer.encode_to_vec()));
        assert_eq!(fault.code, Code::FailedPrecondition);
        assert_eq!(fault.reason.known(), None);
        assert!(fault.to_string().starts_with("reason-60001: "), "{fault}");
        let passed_on = Fault::from_status(&Status::from(fault.clone()));
        assert_eq!(passed_on.reason, fault.reason);
    }

    #[test]
    fn details_that_cannot_be_read_are_a_fault_of_their_own() {
        let good = raw::Fault {
            reason: 1,
            ..raw::Fault::default()
        };
        let with = |alter: fn(&mut raw::Fault)| {
            let mut fault = good.clone();
            alter(&mut fault);
            fault.encode_to_vec()
        };
        let name = |name: &str| raw::FieldStep {
            step: Some(raw::field_step::Step::Name(name.to_owned())),
        };
        let stray = |names: Vec<raw::FieldStep>| {
            let mut fault = good.clone();
            fault.field = names;
            fault.encode_to_vec()
        };
        let cases = [
            (b"\xff\xff".to_vec(), "are not a `merits.fault.v1.Fault`"),
            (vec![0; FAULT_BYTES + 1], "at most"),
            (Vec::new(), "reason is number 0"),
            (with(|fault| fault.reason = -3), "reason is number -3"),
            // A server that sends this has answered, so the reason is false.
            (with(|fault| fault.reason = 20), "reason is number 20"),
            (
                with(|fault| fault.signed_refusal = "n".repeat(REFUSAL_BYTES + 1)),
                "signed refusal",
            ),
            (stray(vec![name("a\u{1b}[2J")]), "is not a path"),
            (stray(vec![name("a.b")]), "is not a path"),
            (stray(vec![name("a"); 9]), "is not a path"),
            (stray(vec![raw::FieldStep { step: None }]), "neither a name"),
        ];
        for (details, expected) in cases {
            let fault = Fault::from_status(&status_of(&details));
            assert_eq!(fault.reason, Reason::FaultUnreadable, "{expected}");
            assert!(fault.message.contains(expected), "{fault}");
            assert!(
                fault.message.ends_with("it says: said\\u{1b}[2J"),
                "{fault}"
            );
            assert!(fault.leaves_open() && !fault.may_retry());
            let told = fault.told_of("the coordinator");
            assert!(told.starts_with("the coordinator answers with an error"));
        }
        // Not base64; no method of this program writes that.
        let mut headers = http::HeaderMap::new();
        headers.insert("grpc-status", "9".parse().unwrap());
        headers.insert(FAULT, "*not base64*".parse().unwrap());
        let status = Status::from_header_map(&headers).unwrap();
        let fault = Fault::from_status(&status);
        assert_eq!(fault.reason, Reason::FaultUnreadable);
        assert!(fault.message.contains("base64"), "{fault}");
    }

    #[test]
    fn a_foreign_status_gets_a_reason() {
        let fault = Fault::from_status(&Status::out_of_range("message length too large"));
        assert_eq!(fault.reason, Reason::TooLarge);
        assert!(!fault.may_retry());
        assert!(Fault::from_status(&Status::unavailable("connection refused")).may_retry());
        // A connection that broke during a call is not a decision of the server.
        let broken = std::io::Error::other("keep-alive timed out");
        let fault = Fault::from_status(&Status::from_error(broken.into()));
        assert_eq!(fault.code, Code::Unknown);
        assert!(fault.may_retry());
        assert!(!Fault::from_status(&Status::unknown("said by the server")).may_retry());
    }

    /// If a server passed on that another one was silent, it would be called silent itself.
    #[test]
    fn an_answer_never_says_that_there_is_none() {
        let broken = std::io::Error::other("keep-alive timed out");
        for silence in [
            Status::from_error(broken.into()),
            Status::unavailable("connection refused"),
        ] {
            let silent = Fault::from_status(&silence);
            assert_eq!(silent.reason, Reason::NoAnswer);
            let passed_on = Fault::from_status(&Status::from(silent));
            assert_eq!(passed_on.reason, Reason::Internal);
            assert!(passed_on.leaves_open() && passed_on.may_retry());
        }
    }

    #[test]
    fn a_peer_does_not_speak_to_the_terminal() {
        let fault = Fault::from_status(&Status::internal("fine\u{1b}[2J\u{202e}"));
        assert_eq!(fault.message, "fine\\u{1b}[2J\\u{202e}");
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        let fault = Fault::malformed(fields::ENTRY, "善".repeat(1_000));
        let status = Status::from(fault);
        assert_eq!(
            status.message().len(),
            REFUSAL_TEXT_BYTES - REFUSAL_TEXT_BYTES % 3
        );
    }
}
