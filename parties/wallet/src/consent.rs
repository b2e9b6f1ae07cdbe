//! Links, tickets and withdrawals: the three messages of a person in the statement `ticket`.
//!
//! All values that the ledger will compare are taken from the wallet's copy of its state. So a
//! statement either fails here with a reason, or the ledger will accept it.

use merits_circuits::ticket::TicketWitness;
use merits_ledger::{
    Entry, Refusal, ScaleRefusal, State,
    entry::{ConsentWithdrawn, TicketDeposited},
    rows::RowError,
    state::MOST_DAYS_AHEAD,
};
use merits_primitives::{
    Fr,
    calendar::{Day, Timestamp},
    group::{GroupError, GroupRoot},
    ids::{PartyId, Period, ScaleId},
    message::{Message, SALT_BYTES, claim_salt, link_message},
    nullifier::{Nullifier, claim_nullifier},
    owner::{Handle, RecordsBinding},
    scope::{Scope, source_scope},
};
use merits_records::handover::{Handover as _, HandoverError, LinkFile, Ticket, TicketFile};
use merits_text::typed::typed;
use merits_verifier::{entry::SignedEntry, statement::ticket::TicketStatement};
use thiserror::Error;

use crate::{
    keys::WalletKeys,
    prover::{PersonProving, ProvingError},
    view::{ConsentStanding, OwnConsent, OwnIdentity, View},
};

/// Why a link, a ticket or a withdrawal cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConsentError {
    /// The copy of the log.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// The view belongs to another state.
    #[error("the wallet's view does not fit its copy of the ledger: scan again")]
    OtherView,
    /// No identity.
    #[error(
        "this wallet's identity is not registered: run `merits wallet register` and take the \
         request to a registrar"
    )]
    NotRegistered,
    /// The identity was retired.
    #[error(
        "this wallet's identity was retired: it can say nothing any more; run `merits wallet \
         register` and take the request to a registrar"
    )]
    Retired,
    /// Not yet eligible.
    #[error(
        "the identity is eligible from {from} on, and the period begins on {start}: after a new \
         registration, only periods that no older ticket can reach count"
    )]
    NotEligible {
        /// First day of eligibility.
        from: Day,
        /// First day of the period.
        start: Day,
    },
    /// Too far ahead.
    #[error(
        "period {period} begins more than {MOST_DAYS_AHEAD} days ahead: no distributor can deposit \
         a ticket for it yet"
    )]
    TooEarly {
        /// Label of the period.
        period: String,
    },
    /// Claimed already.
    #[error("period {period} was claimed already, by {distributor}: a person claims once")]
    Claimed {
        /// Label of the period.
        period: String,
        /// The distributor.
        distributor: PartyId,
    },
    /// Another ticket is open.
    #[error(
        "period {period} is reserved for {distributor}, which has a ticket for it: take the ticket back \
         first by `merits wallet withdraw`"
    )]
    Reserved {
        /// Label of the period.
        period: String,
        /// The distributor.
        distributor: PartyId,
    },
    /// It was withdrawn before.
    #[error(
        "this consent was taken back, which is final: claim period {period} \
         through another distributor, or under new terms of this one"
    )]
    Withdrawn {
        /// Label of the period.
        period: String,
    },
    /// Nothing to take back.
    #[error("this consent was already taken back")]
    AlreadyWithdrawn,
    /// It was given by another identity.
    #[error(
        "the consent for period {period} was given by a retired identity of this wallet: it cannot be taken \
         back; it lapses unless a claim was made with it"
    )]
    OtherIdentity {
        /// Label of the period.
        period: String,
    },
    /// The ledger would refuse it.
    #[error("the ledger would refuse it: {0}")]
    Refused(Box<Refusal>),
    /// The group has no such leaf: the state contradicts itself, which is a bug.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The distributor's sealing key cannot be used.
    #[error(transparent)]
    Handover(#[from] HandoverError),
    /// No proof.
    #[error(transparent)]
    Proving(#[from] ProvingError),
}

impl From<Refusal> for ConsentError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// The person, the state, and the prover of a statement.
pub struct Speaker<'a> {
    state: &'a State,
    keys: &'a WalletKeys,
    identity: &'a OwnIdentity,
    prover: &'a dyn PersonProving,
}

impl std::fmt::Debug for Speaker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Speaker(..)")
    }
}

/// The subject of a consent: one scale, one recipient, one period.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The distributor that may claim.
    pub distributor: PartyId,
    /// The person's name in the distributor's records.
    pub account: &'a str,
    /// The scale.
    pub scale: &'a ScaleId,
    /// Digest of the published terms.
    pub terms: [u8; 32],
    /// The source of the records.
    pub source: PartyId,
    /// The period.
    pub period: Period,
}

impl<'a> Speaker<'a> {
    /// A registered person.
    ///
    /// # Errors
    /// [`ConsentError::NotRegistered`], [`ConsentError::Retired`].
    pub fn new(
        state: &'a State,
        keys: &'a WalletKeys,
        view: &'a View,
        prover: &'a dyn PersonProving,
    ) -> Result<Self, ConsentError> {
        let identity = view.identity.as_ref().ok_or(ConsentError::NotRegistered)?;
        if identity.retired {
            return Err(ConsentError::Retired);
        }
        Ok(Self {
            state,
            keys,
            identity,
            prover,
        })
    }

    /// The witness for a statement about deeds at `source`, and its root.
    fn witness(&self, scope_source: Scope) -> Result<(TicketWitness, GroupRoot), ConsentError> {
        let group = self.state.people().group();
        let witness = TicketWitness {
            secret: self.keys.secret(self.identity.generation),
            birth: self.identity.birth,
            path: group
                .path(self.identity.index)?
                .ok_or(ConsentError::OtherView)?,
            scope_source,
        };
        // There is a leaf, so there is a root.
        let root = group.root().ok_or(ConsentError::NotRegistered)?;
        Ok((witness, root))
    }

    /// A link for a source: this account is the person with this pseudonym.
    ///
    /// # Errors
    /// [`ConsentError`].
    pub fn link(
        &self,
        source: &PartyId,
        account: &str,
        now: Timestamp,
    ) -> Result<LinkFile, ConsentError> {
        let scope = source_scope(source);
        let (witness, root) = self.witness(scope)?;
        let today = now.day();
        // A person who was registered again may link at once; only claims have to wait.
        let start = today.max(self.identity.birth.from);
        let account = &*typed(account);
        let message = link_message(self.state.origin(), source, account);
        let statement = witness.statement(root, scope, message, start);
        let proof = self.prover.ticket(&witness, &statement)?;
        Ok(LinkFile {
            merits: LinkFile::NAME.to_owned(),
            origin: self.state.origin().to_string(),
            source: source.0,
            account: account.to_owned(),
            h: Handle(statement.nullifier.0),
            root,
            b: statement.b,
            start,
            proof: proof.to_bytes(),
        })
    }

    /// A ticket, sealed to its distributor. `view` tells what was claimed before.
    ///
    /// # Errors
    /// [`ConsentError`].
    pub fn ticket(
        &self,
        view: &View,
        asked: &Asked<'_>,
        now: Timestamp,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<TicketFile, ConsentError> {
        let (witness, root) = self.witness(source_scope(&asked.source))?;
        let (deposit, statement) = self.deposit(&witness, root, asked)?;
        self.expect_free(view, asked, &statement, now)?;
        let sealing_key = self.state.parties().active(&asked.distributor)?.sealing_key;
        let proof = self.prover.ticket(&witness, &statement)?;
        let ticket = Ticket {
            account: typed(asked.account).into_owned(),
            scale: deposit.scale.to_string(),
            version: deposit.version.0,
            period: deposit.period,
            source: deposit.source.0,
            expiry: deposit.expiry.0,
            terms: deposit.terms,
            salt: deposit.salt,
            root: deposit.root,
            nullifier: deposit.nullifier,
            b: deposit.b,
            proof: proof.to_bytes(),
            key: witness.owner_key(statement.scope, statement.message),
            h: witness.handle(),
        };
        let origin = self.state.origin().as_str();
        Ok(ticket.seal(origin, &asked.distributor, &sealing_key, rng)?)
    }

    /// The deposit that the distributor will make, and its statement.
    fn deposit(
        &self,
        witness: &TicketWitness,
        root: GroupRoot,
        asked: &Asked<'_>,
    ) -> Result<(TicketDeposited, TicketStatement), ConsentError> {
        let mut deposit = self.unsalted(root, asked)?;
        // The ledger determines scope and message. The salt and the nullifier depend on the scope,
        // and b on both.
        let scope = self
            .state
            .ticket_statement(&asked.distributor, &deposit)?
            .scope;
        deposit.salt = claim_salt(&witness.secret, scope);
        let asks = self.state.ticket_statement(&asked.distributor, &deposit)?;
        let statement = witness.statement(root, scope, asks.message, asks.start);
        deposit.nullifier = statement.nullifier;
        deposit.b = statement.b;
        Ok((deposit, statement))
    }

    fn unsalted(
        &self,
        root: GroupRoot,
        asked: &Asked<'_>,
    ) -> Result<TicketDeposited, ConsentError> {
        let scale = self.state.scales().get(asked.scale)?;
        let version = scale.in_force(asked.period.index).ok_or_else(|| {
            Refusal::Scale(ScaleRefusal::IdUnknown {
                id: asked.scale.clone(),
            })
        })?;
        Ok(TicketDeposited {
            scale: asked.scale.clone(),
            version: version.version(),
            period: asked.period,
            source: asked.source,
            expiry: version.terms.expiry.expiry(asked.period),
            terms: asked.terms,
            salt: [0; SALT_BYTES],
            root,
            nullifier: Nullifier(Fr::from(0u64)),
            b: RecordsBinding(Fr::from(0u64)),
        })
    }

    /// Checks that nothing prevents the deposit, so that reasons for which a distributor would
    /// return the ticket are reported now.
    fn expect_free(
        &self,
        view: &View,
        asked: &Asked<'_>,
        statement: &TicketStatement,
        now: Timestamp,
    ) -> Result<(), ConsentError> {
        let period = asked.period.label();
        let (from, start) = (self.identity.birth.from, statement.start);
        if from > start {
            return Err(ConsentError::NotEligible { from, start });
        }
        if start > now.day().saturating_add(MOST_DAYS_AHEAD) {
            return Err(ConsentError::TooEarly { period });
        }
        let nullifier = statement.nullifier;
        let claimed = view.consents.iter().find(|consent| {
            consent.nullifier == nullifier
                && matches!(consent.standing, ConsentStanding::Claimed { .. })
        });
        if let Some(consent) = claimed {
            let distributor = consent.distributor;
            return Err(ConsentError::Claimed {
                period,
                distributor,
            });
        }
        let tickets = self.state.tickets();
        if tickets.is_withdrawn(&nullifier, &statement.message)? {
            return Err(ConsentError::Withdrawn { period });
        }
        let standing = tickets.open(&nullifier)?;
        if let Some(standing) = standing.filter(|open| open.reserves(now)) {
            let distributor = standing.distributor;
            return Err(ConsentError::Reserved {
                period,
                distributor,
            });
        }
        Ok(())
    }

    /// The entry that withdraws a consent, deposited or not: its message follows from seed and
    /// ledger in both cases. The person submits it without any party.
    ///
    /// # Errors
    /// [`ConsentError`].
    pub fn withdraw(&self, asked: &Asked<'_>) -> Result<SignedEntry, ConsentError> {
        let (witness, root) = self.witness(source_scope(&asked.source))?;
        let (_, consent) = self.deposit(&witness, root, asked)?;
        self.withdraw_message(consent.scope, consent.message)
    }

    /// [`Speaker::withdraw`] of a consent that was deposited.
    ///
    /// # Errors
    /// [`ConsentError`]; [`ConsentError::OtherIdentity`] when a retired identity gave it.
    pub fn withdraw_own(&self, consent: &OwnConsent) -> Result<SignedEntry, ConsentError> {
        if consent.generation != self.identity.generation {
            return Err(ConsentError::OtherIdentity {
                period: consent.period.label(),
            });
        }
        self.withdraw_message(consent.scope, consent.message)
    }

    fn withdraw_message(
        &self,
        scope: Scope,
        message: Message,
    ) -> Result<SignedEntry, ConsentError> {
        // It is not about deeds, so there is no source.
        let (witness, root) = self.witness(Scope(Fr::from(0u64)))?;
        let nullifier = claim_nullifier(&witness.secret, scope);
        if self.state.tickets().is_withdrawn(&nullifier, &message)? {
            return Err(ConsentError::AlreadyWithdrawn);
        }
        let mut withdrawn = ConsentWithdrawn {
            scope,
            nullifier,
            message,
            b: RecordsBinding(Fr::from(0u64)),
            root,
        };
        let asks = self.state.withdrawal_statement(&withdrawn);
        let statement = witness.statement(root, scope, asks.message, asks.start);
        withdrawn.b = statement.b;
        let proof = self.prover.ticket(&witness, &statement)?;
        Ok(Entry::ConsentWithdrawn(withdrawn).personal(self.state.origin(), &proof))
    }
}
