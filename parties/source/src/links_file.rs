//! The links file of a source: which pseudonym each account has.
//!
//! The file has a line for each linked person, so it is never in memory. It is read line by line: once when it is
//! opened, to see that no two lines contradict each other; once for the links of a run ([`LinksFile::recall`]); and
//! once to write the new file. Only the first reading keeps something of each line, which is two hashes of 8 bytes.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{self, BufReader, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use merits_guard::{
    input,
    output::{self, Readers},
};
use merits_primitives::{
    field,
    ids::{Origin, PartyId},
    owner::Handle,
};
use merits_records::{
    bundle::{BundleError, FileKind as _, FileReader, Link, Links, LinksHeader, write_line},
    handover::LinkFile,
};
use merits_text::lookalike::skeleton;
use serde::Serialize;
use thiserror::Error;

use crate::linking::LinkFault;

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
    /// The file as it was opened, if there was one.
    before: Option<File>,
    /// Accounts in it.
    accounts: usize,
    /// Accounts that have the same line several times in it.
    repeated: HashSet<String>,
    /// Links that were taken in since.
    taken: BTreeMap<String, TakenLink>,
    distinct: bool,
}

/// A link that is not in the file yet.
#[derive(Debug, Clone, Copy)]
struct TakenLink {
    h: Handle,
    /// Whether the file has no line for the account.
    new: bool,
}

impl LinksFile {
    /// Opens the file, and checks that it is of this ledger and source and that no two lines contradict each other.
    /// A missing file counts as empty.
    ///
    /// # Errors
    /// [`LinksError`].
    pub fn open(path: &Path, origin: &Origin, source: PartyId) -> Result<Self, LinksError> {
        let before = match input::open(path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => {
                let path = path.to_owned();
                return Err(LinksError::Io { path, source });
            }
        };
        let mut out = Self {
            path: path.to_owned(),
            origin: origin.clone(),
            source,
            before,
            accounts: 0,
            repeated: HashSet::new(),
            taken: BTreeMap::new(),
            distinct: false,
        };
        out.check_lines()?;
        Ok(out)
    }

    /// Takes new accounts in although they look like others, because somebody has checked them.
    #[must_use]
    pub fn distinct(mut self, distinct: bool) -> Self {
        self.distinct = distinct;
        self
    }

    /// Accounts with a pseudonym.
    pub fn len(&self) -> usize {
        self.accounts + self.taken.values().filter(|link| link.new).count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads what the file has for these links. Memory is needed for them alone, however many people are linked.
    ///
    /// # Errors
    /// [`LinksError`].
    pub fn recall<'l>(
        &mut self,
        links: impl IntoIterator<Item = &'l LinkFile>,
    ) -> Result<RecalledLinks<'_>, LinksError> {
        let (mut by_account, mut by_handle, mut by_look) =
            (HashMap::new(), HashMap::new(), HashMap::new());
        for link in links {
            by_account.insert(link.account.clone(), None);
            by_handle.insert(field::to_bytes(&link.h), None);
            by_look.insert(skeleton(&link.account), None);
        }
        if !by_account.is_empty() {
            self.each_line(|Link { subject, h }| {
                if let Some(known) = by_account.get_mut(&subject) {
                    *known = Some(h);
                }
                if let Some(known) = by_handle.get_mut(&field::to_bytes(&h)) {
                    *known = Some(subject.clone());
                }
                if let Some(known) = by_look.get_mut(&skeleton(&subject)) {
                    *known = Some(subject);
                }
                Ok::<_, LinksError>(())
            })?;
        }
        Ok(RecalledLinks {
            file: self,
            by_account,
            by_handle,
            by_look,
        })
    }

    /// Writes the file whole and puts it in the place of the one before.
    ///
    /// # Errors
    /// [`LinksError`]; the file before is then still there.
    pub fn write(self) -> Result<(), LinksError> {
        let header = LinksHeader {
            merits: Links::NAME.to_owned(),
            // Once it is written here, it is the source's.
            by: None,
            origin: self.origin.as_str().to_owned(),
            source: self.source.0,
        };
        let mut unread = None;
        let written = output::replace_own(&self.path, Readers::Owner, |out| {
            write_line(out, &header)?;
            let copied: Result<(), CopyFault> = self.each_line(|link| Ok(write_line(out, &link)?));
            copied.map_err(|fault| match fault {
                CopyFault::Write(source) => source,
                CopyFault::Read(fault) => {
                    unread = Some(fault);
                    io::Error::other("the file before cannot be read")
                }
            })
        });
        match (written, unread) {
            (Ok(()), _) => Ok(()),
            (Err(_), Some(fault)) => Err(fault),
            (Err(source), None) => Err(LinksError::Io {
                source: merits_guard::explain::writing(source),
                path: self.path,
            }),
        }
    }

    /// Visits each account with its pseudonym: the lines of the file in their order, with what was taken in since.
    /// New accounts come before the first line of a later account, so a sorted file stays sorted.
    fn each_line<E: From<LinksError>>(
        &self,
        mut visit: impl FnMut(Link) -> Result<(), E>,
    ) -> Result<(), E> {
        let new = self.taken.iter().filter(|(_, link)| link.new);
        let mut new = new
            .map(|(account, link)| Link {
                subject: account.clone(),
                h: link.h,
            })
            .peekable();
        let mut seen = HashSet::new();
        self.each_line_before(|mut link| {
            while let Some(new) = new.next_if(|new| new.subject < link.subject) {
                visit(new)?;
            }
            if self.repeated.contains(&link.subject) && !seen.insert(link.subject.clone()) {
                return Ok(());
            }
            if let Some(taken) = self.taken.get(&link.subject) {
                link.h = taken.h;
            }
            visit(link)
        })?;
        new.try_for_each(visit)
    }

    /// Visits the lines of the file as it was opened.
    fn each_line_before<E: From<LinksError>>(
        &self,
        mut visit: impl FnMut(Link) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(mut file) = self.before.as_ref() else {
            return Ok(());
        };
        let path = || self.path.clone();
        let format = |source| LinksError::Format {
            path: path(),
            source,
        };
        file.seek(SeekFrom::Start(0))
            .map_err(|source| LinksError::Io {
                path: path(),
                source: merits_guard::explain::reading(source),
            })?;
        let (header, lines) = FileReader::<Links, _>::open(BufReader::new(file)).map_err(format)?;
        let LinksHeader {
            // The reader checks this.
            merits: _,
            by: _,
            origin,
            source,
        } = header;
        if origin != self.origin.as_str() || source != self.source.0 {
            return Err(LinksError::Foreign { path: path() }.into());
        }
        for link in lines {
            visit(link.map_err(format)?)?;
        }
        Ok(())
    }

    /// One account has one pseudonym, and one pseudonym one account: so if two lines disagree,
    /// neither is dropped silently. Two hashes of each line tell which lines may repeat an account or a pseudonym, and
    /// only these are compared.
    fn check_lines(&mut self) -> Result<(), LinksError> {
        let (mut accounts, mut handles) = (Vec::new(), Vec::new());
        self.each_line_before(|link| {
            accounts.push(short_hash(link.subject.as_bytes()));
            handles.push(short_hash(&field::to_bytes(&link.h)));
            Ok::<_, LinksError>(())
        })?;
        self.accounts = accounts.len();
        let (accounts, handles) = (repeated(accounts), repeated(handles));
        if accounts.is_empty() && handles.is_empty() {
            return Ok(());
        }
        let mut by_account: HashMap<String, Handle> = HashMap::new();
        let mut by_handle: HashMap<[u8; 32], String> = HashMap::new();
        let mut repeated = HashSet::new();
        let mut again = 0;
        self.each_line_before(|Link { subject, h }| {
            let handle = field::to_bytes(&h);
            if !accounts.contains(&short_hash(subject.as_bytes()))
                && !handles.contains(&short_hash(&handle))
            {
                return Ok(());
            }
            let what = match (by_account.get(&subject), by_handle.get(&handle)) {
                (Some(known), _) if *known != h => {
                    format!("the account {subject:?} has two pseudonyms")
                }
                (_, Some(known)) if *known != subject => {
                    format!("the accounts {known:?} and {subject:?} have one pseudonym")
                }
                (Some(_), _) => {
                    again += 1;
                    repeated.insert(subject);
                    return Ok(());
                }
                (None, _) => {
                    by_account.insert(subject.clone(), h);
                    by_handle.insert(handle, subject);
                    return Ok(());
                }
            };
            let path = self.path.clone();
            Err(LinksError::Contradiction { path, what })
        })?;
        self.accounts -= again;
        self.repeated = repeated;
        Ok(())
    }
}

/// Why a file was not copied.
enum CopyFault {
    Read(LinksError),
    Write(io::Error),
}

impl From<LinksError> for CopyFault {
    fn from(fault: LinksError) -> Self {
        Self::Read(fault)
    }
}

impl From<io::Error> for CopyFault {
    fn from(fault: io::Error) -> Self {
        Self::Write(fault)
    }
}

/// Tells most values apart. Equal ones are compared by their values.
fn short_hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// The hashes that are there more than once.
fn repeated(mut hashes: Vec<u64>) -> HashSet<u64> {
    hashes.sort_unstable();
    let pairs = hashes.windows(2).filter(|pair| pair[0] == pair[1]);
    pairs.map(|pair| pair[0]).collect()
}

/// What a links file has for the links of one run, and what the run takes in.
#[derive(Debug)]
pub struct RecalledLinks<'a> {
    file: &'a mut LinksFile,
    /// Pseudonyms by the accounts that were asked for.
    by_account: HashMap<String, Option<Handle>>,
    /// Accounts by the pseudonyms that were asked for.
    by_handle: HashMap<[u8; 32], Option<String>>,
    /// Accounts by what the names that were asked for look like.
    by_look: HashMap<String, Option<String>>,
}

impl RecalledLinks<'_> {
    /// Takes a checked link in; [`LinksFile::write`] keeps it.
    ///
    /// # Errors
    /// [`LinkFault::OtherPseudonym`] unless `replace`, [`LinkFault::OtherAccount`] always.
    pub fn link(&mut self, link: &LinkFile, replace: bool) -> Result<Linked, LinkFault> {
        let (account, handle, look) = (&link.account, link.h, skeleton(&link.account));
        let (Some(standing), Some(of_handle), Some(like)) = (
            self.by_account.get(account).copied(),
            self.by_handle.get(&field::to_bytes(&handle)),
            self.by_look.get(&look),
        ) else {
            return Err(LinkFault::NotRecalled);
        };
        if of_handle.as_ref().is_some_and(|known| known != account) {
            return Err(LinkFault::OtherAccount);
        }
        let linked = match standing {
            None => {
                if let Some(known) = like.as_ref().filter(|_| !self.file.distinct) {
                    return Err(LinkFault::LooksLike {
                        account: account.clone(),
                        known: known.clone(),
                    });
                }
                Linked::New
            }
            Some(standing) if standing == handle => return Ok(Linked::Known),
            Some(standing) if replace => {
                self.by_handle.insert(field::to_bytes(&standing), None);
                Linked::Replaced
            }
            Some(_) => return Err(LinkFault::OtherPseudonym),
        };
        self.by_account.insert(account.clone(), Some(handle));
        self.by_handle
            .insert(field::to_bytes(&handle), Some(account.clone()));
        self.by_look.insert(look, Some(account.clone()));
        let taken = self.file.taken.entry(account.clone());
        let new = linked == Linked::New;
        taken.or_insert(TakenLink { h: handle, new }).h = handle;
        Ok(linked)
    }
}
