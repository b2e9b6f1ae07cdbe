//! `merits source link`: people say, with a proof, which account is theirs.
//!
//! A link is the statement `ticket` in the source's own scope: its nullifier is h, the person's
//! pseudonym at this source, and its message names ledger, source and account. So the person who
//! made it is registered, has the secret behind h, and means this account. Only the source can know
//! that the account is the person's: it takes a link from who is logged in to the account.
//!
//! One account has one h, and one h one account: with two accounts, one person would have two
//! commitments for one period.

use std::{
    collections::BTreeMap,
    io::{self, BufReader},
    path::{Path, PathBuf},
};

use merits_guard::{
    input,
    output::{self, Readers},
};
use merits_ledger::{
    Groth16Keys, ProvenStatement, Refusal, State, entry::PersonStatement, rows::RowError,
};
use merits_primitives::{
    calendar::Timestamp,
    field,
    ids::{Origin, PartyId},
    message::link_message,
    nullifier::Nullifier,
    owner::Handle,
    scope::source_scope,
};
use merits_records::{
    bundle::{BundleError, FileKind as _, FileReader, Link, Links, LinksHeader, write_line},
    handover::{Handover as _, HandoverError, LinkFile},
};
use merits_text::lookalike::skeleton;
use merits_verifier::{
    Verified, VerifyError,
    groth16::{Proof, ProofFormatError},
    statement::ticket::TicketStatement,
};
use serde::Serialize;
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

/// Why the links file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LinksError {
    /// The file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its text.
    #[error("{path}: {source}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: BundleError,
    },
    /// Two lines that contradict each other.
    #[error(
        "{path}: {what}, by two lines; only what `merits source link` wrote belongs into this file: take \
         back the copy from before it was changed"
    )]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// What the lines say.
        what: String,
    },
    /// The links are of another ledger or source.
    #[error("{path}: the links are of another ledger or source; name a file of this source's own")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
}

/// The result for a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Linked {
    /// The account has a pseudonym now.
    New,
    /// It had the same before.
    Known,
    /// It had another before.
    Replaced,
}

impl std::fmt::Display for Linked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::New => "linked",
            Self::Known => "known: nothing changed",
            Self::Replaced => "replaced",
        })
    }
}

/// The links file: what `merits source sign` takes.
#[derive(Debug)]
pub struct LinksFile {
    path: PathBuf,
    origin: Origin,
    source: PartyId,
    accounts: BTreeMap<String, Handle>,
    by_handle: BTreeMap<[u8; 32], String>,
    /// Accounts by what their names look like.
    by_look: BTreeMap<String, String>,
    distinct: bool,
}

impl LinksFile {
    /// Reads the file; a missing file counts as empty.
    ///
    /// # Errors
    /// [`LinksError`].
    pub fn open(path: &Path, origin: &Origin, source: PartyId) -> Result<Self, LinksError> {
        let mut out = Self {
            path: path.to_owned(),
            origin: origin.clone(),
            source,
            accounts: BTreeMap::new(),
            by_handle: BTreeMap::new(),
            by_look: BTreeMap::new(),
            distinct: false,
        };
        let file = match input::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(out),
            Err(source) => return Err(out.io(source)),
        };
        let format = |source| LinksError::Format {
            path: path.to_owned(),
            source,
        };
        let (header, lines) = FileReader::<Links, _>::open(BufReader::new(file)).map_err(format)?;
        let LinksHeader {
            // The reader checks this.
            merits: _,
            // Once it is written here, it is the source's.
            by: _,
            origin: its_origin,
            source: its_source,
        } = header;
        if its_origin != origin.as_str() || its_source != source.0 {
            return Err(LinksError::Foreign {
                path: path.to_owned(),
            });
        }
        for link in lines {
            let link = link.map_err(format)?;
            out.check_line(&link)?;
            out.insert(link.subject, link.h);
        }
        Ok(out)
    }

    /// Takes new accounts in although they look like others, because somebody has checked them.
    #[must_use]
    pub fn distinct(mut self, distinct: bool) -> Self {
        self.distinct = distinct;
        self
    }

    /// The pseudonym of an account.
    pub fn get(&self, account: &str) -> Option<Handle> {
        self.accounts.get(account).copied()
    }

    /// Accounts with a pseudonym.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Takes a checked link in; [`LinksFile::write`] keeps it.
    ///
    /// # Errors
    /// [`LinkFault::OtherPseudonym`] unless `replace`, [`LinkFault::OtherAccount`] always.
    pub fn link(&mut self, link: &LinkFile, replace: bool) -> Result<Linked, LinkFault> {
        let handle = link.h;
        let of_handle = self.by_handle.get(&field::to_bytes(&link.h));
        if of_handle.is_some_and(|account| *account != link.account) {
            return Err(LinkFault::OtherAccount);
        }
        let linked = match self.get(&link.account) {
            None => {
                let known = self.by_look.get(&skeleton(&link.account));
                if let Some(known) = known.filter(|_| !self.distinct) {
                    return Err(LinkFault::LooksLike {
                        account: link.account.clone(),
                        known: known.clone(),
                    });
                }
                Linked::New
            }
            Some(standing) if standing == handle => return Ok(Linked::Known),
            Some(standing) if replace => {
                self.by_handle.remove(&field::to_bytes(&standing.0));
                Linked::Replaced
            }
            Some(_) => return Err(LinkFault::OtherPseudonym),
        };
        self.insert(link.account.clone(), handle);
        Ok(linked)
    }

    /// Writes the file whole and puts it in the place of the one before.
    ///
    /// # Errors
    /// [`LinksError::Io`]; the file before is then still there.
    pub fn write(&self) -> Result<(), LinksError> {
        let header = LinksHeader {
            merits: Links::NAME.to_owned(),
            by: None,
            origin: self.origin.as_str().to_owned(),
            source: self.source.0,
        };
        let written = output::replace_own(&self.path, Readers::Owner, |out| {
            write_line(out, &header)?;
            for (subject, handle) in &self.accounts {
                let link = Link {
                    subject: subject.clone(),
                    h: *handle,
                };
                write_line(out, &link)?;
            }
            Ok(())
        });
        written.map_err(|source| self.io(source))
    }

    /// One account has one pseudonym, and one pseudonym one account: so if two lines disagree,
    /// neither is dropped silently.
    fn check_line(&self, link: &Link) -> Result<(), LinksError> {
        let Link { subject, h } = link;
        let what = match (self.get(subject), self.by_handle.get(&field::to_bytes(h))) {
            (Some(known), _) if known != *h => {
                format!("the account {subject:?} has two pseudonyms")
            }
            (_, Some(known)) if known != subject => {
                format!("the accounts {known:?} and {subject:?} have one pseudonym")
            }
            _ => return Ok(()),
        };
        let path = self.path.clone();
        Err(LinksError::Contradiction { path, what })
    }

    fn insert(&mut self, account: String, handle: Handle) {
        self.by_handle
            .insert(field::to_bytes(&handle.0), account.clone());
        self.by_look.insert(skeleton(&account), account.clone());
        self.accounts.insert(account, handle);
    }

    fn io(&self, source: io::Error) -> LinksError {
        LinksError::Io {
            path: self.path.clone(),
            source: merits_guard::explain::writing(source),
        }
    }
}
