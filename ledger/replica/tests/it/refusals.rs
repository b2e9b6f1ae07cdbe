//! What a refused submission says about the log.

use merits_ledger::{Entry, Role, Roles, entry::PartyAdmitted};
use merits_primitives::{calendar::Timestamp, ids::sha256};
use merits_proto::Fault;
use merits_replica::ClientError;
use merits_verifier::{
    FieldPath, Reason, codec::Canonical as _, entry::SignedEntry, refusal::RefusalNotice,
};

use crate::log::{key, origin};

fn entry(number: u8) -> SignedEntry {
    let key = key(number);
    let roles = Roles::new(&[Role::Supervisor]);
    let application = PartyAdmitted::apply(&origin(), "supervisor", roles, &key, [9; 32]);
    let party = application.party(&origin());
    Entry::PartyAdmitted(application).sign(&origin(), party, None, &key)
}

fn refused(notice: Option<RefusalNotice>) -> ClientError {
    ClientError::Refused {
        fault: Box::new(Fault::internal()),
        note: notice.as_ref().map(|_| "a note".into()),
        notice: notice.map(Box::new),
    }
}

/// A supervisor removes the file of a request that the ledger refused. A coordinator must not bring that about with the
/// refusal of something else, because a request whose file is gone cannot be revealed.
#[test]
fn only_the_refusal_of_the_very_submission_says_that_it_left_nothing() {
    let (sent, other) = (entry(1), entry(2));
    let notice = |submission: &[u8]| RefusalNotice {
        origin: origin(),
        entry: sent.id(),
        submission: sha256(submission),
        time: Timestamp::from_millis(1),
        code: Reason::Malformed.into(),
        field: FieldPath::default(),
        message: String::new(),
    };
    let bytes = sent.to_bytes();
    assert!(refused(Some(notice(&bytes))).leaves_nothing(&sent));
    let mut resigned = bytes.clone();
    *resigned.last_mut().expect("a signature") ^= 1;
    for submission in [&other.to_bytes(), &resigned, &Vec::new()] {
        assert!(!refused(Some(notice(submission))).leaves_nothing(&sent));
    }
    assert!(!refused(None).leaves_nothing(&sent));
    assert!(!ClientError::Malformed("receipt").leaves_nothing(&sent));
}
