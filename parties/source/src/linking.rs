//! `merits source link`: people say, with a proof, which account is theirs.
//!
//! A link is the statement `ticket` in the source's own scope: its nullifier is h, the person's
//! pseudonym at this source, and its message names ledger, source and account. So the person who
//! made it is registered, has the secret behind h, and means this account. Only the source can know
//! that the account is the person's: it takes a link from who is logged in to the account.
//!
//! One account has one h, and one h one account: with two accounts, one person would have two
//! commitments for one period.

use merits_ledger::{
    Groth16Keys, ProvenStatement, Refusal, State, entry::PersonStatement, rows::RowError,
};
use merits_primitives::{
    calendar::Timestamp, ids::PartyId, message::link_message, nullifier::Nullifier,
    scope::source_scope,
};
use merits_records::handover::{Handover as _, HandoverError, LinkFile};
use merits_verifier::{
    Verified, VerifyError,
    groth16::{Proof, ProofFormatError},
    statement::ticket::TicketStatement,
};
use thiserror::Error;

/// Why a link is not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LinkFault {
    /// The copy of the log.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// For another ledger.
    #[error(transparent)]
    Handover(#[from] HandoverError),
    /// An account without a name.
    #[error(
        "the link names no account: its person makes it again (`merits wallet link --account`)"
    )]
    NoAccount,
    /// It was made for a later day.
    #[error("the link is of a day in the future: the person's clock, or this one, is wrong")]
    Early,
    /// Proven against an old root.
    #[error(
        "the link was proven against an old root of the group of people: the person has to make it again"
    )]
    OldRoot,
    /// The ledger has no key yet.
    #[error("{0}")]
    Key(Box<Refusal>),
    /// No proof.
    #[error("the link's proof: {0}")]
    ProofFormat(#[from] ProofFormatError),
    /// Not proven.
    #[error(
        "the link's proof does not hold for this account and pseudonym ({0}): it was made for another \
         account or source, or by a person who is not registered"
    )]
    Proof(#[from] VerifyError),
    /// Another pseudonym stands.
    #[error(
        "the account has another pseudonym already: if its person changed, or was registered again, replace \
         it with --replace"
    )]
    OtherPseudonym,
    /// A new account whose name people would mistake for another's.
    #[error(
        "the account {account:?} is new and looks like {known:?}, which another person linked: find out \
         whether the source has both; if it has, take the link in with --distinct"
    )]
    LooksLike {
        /// The new account.
        account: String,
        /// The one that is linked.
        known: String,
    },
    /// Another account has this pseudonym.
    #[error(
        "the same person linked another account here: one person has one account at a source, so ask which \
         of the two is in use"
    )]
    OtherAccount,
    /// The links file was not read for this link.
    #[error(
        "the links file was not read for this link: this is a fault of the program, so please report it. The link \
         was not taken in"
    )]
    NotRecalled,
}

impl From<Refusal> for LinkFault {
    fn from(refusal: Refusal) -> Self {
        Self::Key(Box::new(refusal))
    }
}

/// Checks links by one verified state.
#[derive(Debug)]
pub struct LinkChecker<'a> {
    state: &'a State,
    source: PartyId,
    /// The time.
    now: Timestamp,
    keys: Groth16Keys,
}

impl<'a> LinkChecker<'a> {
    /// For a source, at `now`.
    pub fn new(state: &'a State, source: PartyId, now: Timestamp) -> Self {
        Self {
            state,
            source,
            now: now.max(state.time()),
            keys: Groth16Keys::new(),
        }
    }

    /// Checks that a registered person with the pseudonym h says that the account is theirs.
    ///
    /// # Errors
    /// [`LinkFault`].
    pub fn check(&mut self, link: &LinkFile) -> Result<(), LinkFault> {
        let origin = self.state.origin();
        link.expect_origin(origin.as_str())?;
        if link.source != self.source.0 {
            return Err(LinkFault::Handover(HandoverError::OtherParty {
                expected: self.source,
                found: PartyId(link.source),
            }));
        }
        if link.account.is_empty() {
            return Err(LinkFault::NoAccount);
        }
        if link.start > self.now.day() {
            return Err(LinkFault::Early);
        }
        if !self.state.people().accepts(link.root, self.now)? {
            return Err(LinkFault::OldRoot);
        }
        let statement = TicketStatement {
            root: link.root,
            scope: source_scope(&self.source),
            nullifier: Nullifier(link.h.0),
            b: link.b,
            message: link_message(origin, &self.source, &link.account),
            start: link.start,
        };
        let proof = Proof::from_bytes(&link.proof)?;
        let digest = self
            .state
            .statement_keys()
            .digest(PersonStatement::Ticket)?;
        let key = self.keys.get(self.state, &digest)?;
        Verified::check(&key, ProvenStatement::Ticket(statement), &proof)?;
        Ok(())
    }
}
