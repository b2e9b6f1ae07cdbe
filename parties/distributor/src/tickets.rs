//! A ticket from a person: decrypts it and checks it as the ledger will.
//!
//! Nothing in it is trusted. Scope and message come from the ledger's own rules
//! ([`Governing::ticket_statement`][rules]). The proof must hold under the key that the ledger adopted, and
//! the terms must be the node's. b must follow from K and h, because no claim can be made with another b.
//!
//! [rules]: merits_ledger::Governing::ticket_statement

use merits_ledger::{
    Entry, Groth16Keys, KnownProofs, ProvenStatement, Refusal, State,
    entry::{PersonStatement, TicketDeposited},
    rows::RowError,
};
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, Expiry, PartyId, ScaleId, ScaleVersion},
    owner::{self, Handle, OwnerKey},
};
use merits_records::handover::{HandoverError, Ticket, TicketFile};
use merits_verifier::{
    Verified, VerifyError,
    codec::Canonical as _,
    groth16::{Proof, ProofFormatError},
};
use rand_core::CryptoRng;
use thiserror::Error;

use crate::{
    node::Node,
    store::{Imported, NewTicket, StoreError},
};

/// Why this node refuses a ticket.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TicketFault {
    /// The copy of the log.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// The ledger is in custody.
    #[error(
        "this ledger does not use tickets: its accounts are in custody, so give their records (`merits \
         distributor run --input`)"
    )]
    Custody,
    /// It cannot be decrypted here.
    #[error(transparent)]
    Handover(#[from] HandoverError),
    /// It is for another scale.
    #[error(
        "the ticket is for scale {found}, but this node claims on {expected}: its person takes it to a \
         distributor of that scale, or makes another"
    )]
    OtherScale {
        /// The node's scale.
        expected: ScaleId,
        /// The ticket's scale, as stated in it.
        found: String,
    },
    /// Its terms are not the node's.
    #[error(
        "the ticket is for terms that this distributor did not publish for the scale (digest {}…): the person must consent to the published ones",
        hex::encode(&.0[..8])
    )]
    Terms([u8; 32]),
    /// Its source is unknown.
    #[error("the ticket names a source that the ledger does not know: {0}")]
    Source(PartyId),
    /// K and h do not give b.
    #[error(
        "the ticket's keys do not give its b, so no claim can be made with it: the person must make a new one"
    )]
    Binding,
    /// The person has already withdrawn it.
    #[error("the person took this consent back")]
    Withdrawn,
    /// Its root is outdated.
    #[error(
        "the ticket was proven against an old root of the group of people: the person must make a new one"
    )]
    OldRoot,
    /// The ledger would refuse it.
    #[error("the ledger would refuse it: {0}")]
    Refused(Box<Refusal>),
    /// Its proof is malformed.
    #[error("the ticket's proof: {0}")]
    ProofFormat(#[from] ProofFormatError),
    /// Its proof does not hold.
    #[error("the ticket's proof: {0}")]
    Proof(#[from] VerifyError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Refusal> for TicketFault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// Takes in tickets, checked against one verified state.
pub struct Importer<'a> {
    node: &'a Node,
    state: &'a State,
    sealing: &'a [u8; 32],
    keys: Groth16Keys,
    known: KnownProofs,
}

impl std::fmt::Debug for Importer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Importer").finish_non_exhaustive()
    }
}

impl<'a> Importer<'a> {
    /// With the node's secret sealing key.
    pub fn new(node: &'a Node, state: &'a State, sealing: &'a [u8; 32]) -> Self {
        Self {
            node,
            state,
            sealing,
            keys: Groth16Keys::new(),
            known: KnownProofs::default(),
        }
    }

    /// With the proofs that the distributor's copy of the log need not verify again: those of tickets that were taken
    /// in are added.
    #[must_use]
    pub fn knowing(mut self, known: KnownProofs) -> Self {
        self.known = known;
        self
    }

    /// Opens and checks one file and puts the ticket into the store, signed for its deposit.
    ///
    /// # Errors
    /// [`TicketFault`]; then nothing is added to the store.
    pub async fn import(
        &mut self,
        file: &TicketFile,
        now: Timestamp,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Imported, TicketFault> {
        let ticket = self.check(file, now)?;
        Ok(self.node.store().insert_ticket(&ticket, rng).await?)
    }

    fn check(&mut self, file: &TicketFile, now: Timestamp) -> Result<NewTicket, TicketFault> {
        let (state, party, scale) = (self.state, self.node.party(), self.node.scale());
        if !state.policy().tickets {
            return Err(TicketFault::Custody);
        }
        let origin = self.node.origin();
        let ticket = file.open(origin.as_str(), &party, self.sealing)?;
        if ticket.scale != scale.as_str() {
            return Err(TicketFault::OtherScale {
                expected: scale.clone(),
                found: ticket.scale.chars().take(64).collect(),
            });
        }
        let Checked {
            account,
            deposit,
            proof,
            owner_key,
            handle,
        } = Checked::of(ticket, scale.clone())?;
        match state.tickets().terms(&party, &deposit.terms) {
            Some(terms) if terms.scale == *scale => {}
            _ => return Err(TicketFault::Terms(deposit.terms)),
        }
        crate::terms::source_keys(state, &deposit.source)
            .map_err(|_| TicketFault::Source(deposit.source))?;
        if owner::bind(&owner_key, &handle).b != deposit.b {
            return Err(TicketFault::Binding);
        }
        let statement = state.ticket_statement(&party, &deposit)?;
        if state
            .tickets()
            .is_withdrawn(&statement.nullifier, &statement.message)?
        {
            return Err(TicketFault::Withdrawn);
        }
        if !state
            .people()
            .accepts(statement.root, now.max(state.time()))?
        {
            return Err(TicketFault::OldRoot);
        }
        let digest = state.statement_keys().digest(PersonStatement::Ticket)?;
        let key = self.keys.get(state, &digest)?;
        let (nullifier, message) = (statement.nullifier, statement.message);
        let verified = Verified::check(&key, ProvenStatement::Ticket(statement), &proof)?;
        self.known.remember(proof, verified);
        let entry = Entry::TicketDeposited(deposit.clone());
        let entry_id = EntryId::derive(origin, entry.kind(), &party, &entry.statement());
        Ok(NewTicket {
            subject: account,
            scale: deposit.scale,
            period: deposit.period,
            source: deposit.source,
            nullifier,
            message,
            entry_id,
            envelope: self.node.sign_entry(&entry, Some(&proof)).to_bytes(),
            owner_key,
            handle,
        })
    }
}

/// A ticket's parts as the ledger's types: the deposit, and the private part for this node.
struct Checked {
    account: String,
    deposit: TicketDeposited,
    proof: Proof,
    owner_key: OwnerKey,
    handle: Handle,
}

impl Checked {
    fn of(ticket: Ticket, scale: ScaleId) -> Result<Self, ProofFormatError> {
        let Ticket {
            account,
            // Compared by the caller.
            scale: _,
            version,
            period,
            source,
            expiry,
            terms,
            salt,
            root,
            nullifier,
            b,
            proof,
            key,
            h,
        } = ticket;
        Ok(Self {
            account,
            deposit: TicketDeposited {
                scale,
                version: ScaleVersion(version),
                period,
                source: PartyId(source),
                expiry: Expiry(expiry),
                terms,
                salt,
                root,
                nullifier,
                b,
            },
            proof: Proof::from_bytes(&proof)?,
            owner_key: key,
            handle: h,
        })
    }
}
