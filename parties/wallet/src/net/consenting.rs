//! Links and consents: the questions to a person, and the files for sources and distributors.

use std::path::{Path, PathBuf};

use merits_guard::output::OutputError;
use merits_ledger::{Entry, Role, State};
use merits_params::terms::TermsDocument;
use merits_primitives::{
    calendar::Timestamp,
    ids::{PartyId, Period, ScaleId},
};
use merits_records::handover::{Handover as _, LinkFile, TicketFile};
use merits_replica::Replica;
use rand_core::CryptoRng;
use serde::Serialize;

use super::{Wallet, WalletError, scale};
use crate::{
    consent::{Asked, Speaker},
    prover::PersonProver,
    recompute::approved,
    report::{newest_manifest, party_name},
};

/// The request for a consent.
#[derive(Debug, Clone)]
pub struct ConsentRequest<'a> {
    /// The distributor that may claim.
    pub distributor: PartyId,
    /// The source of the records.
    pub source: PartyId,
    /// The scale.
    pub scale: &'a str,
    /// The periods, in order.
    pub periods: Vec<Period>,
    /// The person's name in the distributor's records; `None` for the one of the last time.
    pub account: Option<String>,
}

/// A consent, as shown to the person before they give it.
#[derive(Debug, Clone, Serialize)]
pub struct ConsentProposal {
    /// The distributor's name.
    pub distributor: String,
    /// The source's name.
    pub source: String,
    /// The person's name in the distributor's records.
    pub account: String,
    /// The terms as text, one line for each point.
    pub terms: String,
    /// The versions that apply to the periods.
    pub counted_by: Vec<CountedBy>,
    /// Whether only the distributor vouches for whose records these are.
    pub vouched: bool,
    #[serde(skip)]
    asked: AskedOf,
}

/// A version of a scale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountedBy {
    /// Its number.
    pub version: u32,
    /// SHA-256 of its manifest.
    pub manifest: String,
}

#[derive(Debug, Clone)]
struct AskedOf {
    distributor: PartyId,
    source: PartyId,
    scale: ScaleId,
    terms: TermsDocument,
}

/// The files of tickets, one for each period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketFiles {
    /// The folder that they go into, which is made.
    folder: Option<PathBuf>,
    files: Vec<(Period, PathBuf)>,
}

impl TicketFiles {
    /// The file `output` for one period. For several, or if `output` is a folder, files in that folder.
    pub fn new(output: &Path, scale: &ScaleId, periods: &[Period]) -> Self {
        let folder = (periods.len() > 1 || output.is_dir()).then(|| output.to_owned());
        let file = |period: &Period| {
            let path = match &folder {
                Some(folder) => folder.join(format!("ticket-{scale}-{}.json", period.label())),
                None => output.to_owned(),
            };
            (*period, path)
        };
        Self {
            files: periods.iter().map(file).collect(),
            folder,
        }
    }

    /// The files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(_, path)| &**path)
    }

    /// Judges whether all may be written, before the work for them, and writes nothing.
    ///
    /// # Errors
    /// [`OutputError`] names the one that may not.
    pub fn admit(&self) -> Result<(), OutputError> {
        // A folder that is not there is made when the person has consented.
        if self.folder.as_ref().is_some_and(|folder| !folder.exists()) {
            return Ok(());
        }
        self.paths().try_for_each(TicketFile::admit)
    }
}

/// Files that were written for a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HandedOver {
    /// The party's name.
    pub party: String,
    /// What it calls the person.
    pub account: String,
    /// The files.
    pub files: Vec<PathBuf>,
}

impl Wallet {
    /// Remembers the account, and writes a link for a source.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn write_link(
        &self,
        source: &PartyId,
        account: &str,
        output: &Path,
        prover: &PersonProver,
        now: Timestamp,
    ) -> Result<HandedOver, WalletError> {
        let party = self.party_name(source)?;
        let link = self.link(source, account, prover, now)?;
        self.remember(&party, account)?;
        link.write(output)?;
        Ok(HandedOver {
            party,
            account: account.to_owned(),
            files: vec![output.to_owned()],
        })
    }

    /// Writes the ticket of each period, proven at the time that `clock` shows then. `written` is told of each file. The
    /// account is remembered before the first file is there, so that no ticket is without its note.
    ///
    /// # Errors
    /// [`WalletError`]; tickets that were written stay.
    pub fn write_tickets(
        &self,
        proposal: &ConsentProposal,
        tickets: &TicketFiles,
        prover: &PersonProver,
        clock: &dyn Fn() -> Timestamp,
        rng: &mut impl CryptoRng,
        written: &mut dyn FnMut(&Path),
    ) -> Result<HandedOver, WalletError> {
        if let Some(folder) = &tickets.folder {
            // Tickets go to their distributor alone.
            merits_guard::create_folder(folder).map_err(|source| WalletError::Folder {
                path: folder.display().to_string(),
                source,
            })?;
        }
        let mut remembered = false;
        for (period, path) in &tickets.files {
            let ticket = self.ticket(proposal, *period, prover, clock(), rng)?;
            if !remembered {
                self.remember(&proposal.distributor, &proposal.account)?;
                remembered = true;
            }
            ticket.write(path)?;
            written(path);
        }
        Ok(HandedOver {
            party: proposal.distributor.clone(),
            account: proposal.account.clone(),
            files: tickets.paths().map(Path::to_owned).collect(),
        })
    }

    /// A link for a source: this account is the person with this pseudonym. The
    /// wallet remembers the account by [`Wallet::remember`].
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn link(
        &self,
        source: &PartyId,
        account: &str,
        prover: &PersonProver,
        now: Timestamp,
    ) -> Result<LinkFile, WalletError> {
        let replica = self.replica();
        let state = replica.state()?;
        state.parties().acting(source, Role::Source)?;
        let speaker = Speaker::new(state, &self.keys, &self.view, prover)?;
        Ok(speaker.link(source, account, now)?)
    }

    /// Stores a party's name for the person.
    ///
    /// # Errors
    /// [`WalletError::Directory`].
    pub fn remember(&self, party: &str, account: &str) -> Result<(), WalletError> {
        let mut notebook = self.directory.notebook()?;
        notebook.learn(party, account);
        Ok(self.directory.keep_notebook(&notebook)?)
    }

    /// A party's name on the ledger.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn party_name(&self, party: &PartyId) -> Result<String, WalletError> {
        Ok(party_name(self.replica().state()?, party))
    }

    /// The terms that a distributor published last for a scale, if they agree with both.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn newest_terms(
        &self,
        distributor: &PartyId,
        scale: &ScaleId,
    ) -> Result<TermsDocument, WalletError> {
        newest_terms(&self.replica(), distributor, scale)
    }

    /// The consent to show to the person before anything is proven.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn propose_consent(
        &self,
        request: &ConsentRequest<'_>,
    ) -> Result<ConsentProposal, WalletError> {
        let replica = self.replica();
        let state = replica.state()?;
        let (distributor, source) = (request.distributor, request.source);
        state.parties().acting(&distributor, Role::Distributor)?;
        state.parties().acting(&source, Role::Source)?;
        let scale = scale(state, request.scale)?;
        let terms = newest_terms(&replica, &distributor, &scale)?;
        let name = party_name(state, &distributor);
        let account = match &request.account {
            Some(account) => account.clone(),
            None => {
                let notebook = self.directory.notebook()?;
                let known = notebook.account(&name).map(str::to_owned);
                known.ok_or(WalletError::NoAccount)?
            }
        };
        let first = request.periods.first().ok_or(WalletError::NoPeriod)?;
        Ok(ConsentProposal {
            source: party_name(state, &source),
            distributor: name,
            account,
            terms: terms.words(),
            counted_by: versions_of(state, &scale, &request.periods),
            vouched: approved(state, &scale, *first)?.vouched(),
            asked: AskedOf {
                distributor,
                source,
                scale,
                terms,
            },
        })
    }

    /// The ticket of one period, proven and sealed to its distributor.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn ticket(
        &self,
        proposal: &ConsentProposal,
        period: Period,
        prover: &PersonProver,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<TicketFile, WalletError> {
        let AskedOf {
            distributor,
            source,
            scale,
            terms,
        } = &proposal.asked;
        let asked = Asked {
            distributor: *distributor,
            account: &proposal.account,
            scale,
            terms: terms.digest(),
            source: *source,
            period,
        };
        let replica = self.replica();
        let state = replica.state()?;
        // Every field that this period's version reads is in the terms.
        let manifest = approved(state, scale, period)?;
        terms.check(distributor, &proposal.distributor, &manifest)?;
        let speaker = Speaker::new(state, &self.keys, &self.view, prover)?;
        Ok(speaker.ticket(&self.view, &asked, now, rng)?)
    }
}

/// The versions in force in these periods, each once.
fn versions_of(state: &State, scale: &ScaleId, periods: &[Period]) -> Vec<CountedBy> {
    let Ok(scale) = state.scales().get(scale) else {
        return Vec::new();
    };
    let mut versions: Vec<CountedBy> = periods
        .iter()
        .filter_map(|period| scale.in_force(period.index))
        .map(|record| CountedBy {
            version: record.version().0,
            manifest: hex::encode(record.manifest),
        })
        .collect();
    versions.dedup();
    versions
}

pub(super) fn newest_terms(
    replica: &Replica,
    distributor: &PartyId,
    scale: &ScaleId,
) -> Result<TermsDocument, WalletError> {
    let state = replica.state()?;
    let name = party_name(state, distributor);
    let published = state.tickets().all_terms();
    let newest = published
        .filter(|(_, terms)| terms.distributor == *distributor && terms.scale == *scale)
        .filter_map(|(_, terms)| replica.find(&terms.entry).transpose())
        .collect::<Result<Vec<u64>, _>>()?
        .into_iter()
        .max()
        .ok_or_else(|| WalletError::NoTerms {
            distributor: name.clone(),
            scale: scale.to_string(),
        })?;
    let leaf = replica
        .leaf(newest)?
        .ok_or(WalletError::NoTermsAt(newest))?;
    let Some(Ok(Entry::TermsPublished(terms))) =
        Entry::decode(leaf.entry.kind, &leaf.entry.statement)
    else {
        return Err(WalletError::NoTermsAt(newest));
    };
    let terms =
        TermsDocument::parse(&terms.text).map_err(|source| WalletError::UnreadableTerms {
            distributor: name.clone(),
            scale: scale.to_string(),
            source,
        })?;
    let manifest = newest_manifest(state, scale)
        .ok_or_else(|| WalletError::UnreadableManifest(scale.to_string()))?;
    terms.check(distributor, &name, &manifest)?;
    Ok(terms)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn tickets_have_a_file_each_and_replace_nothing_else() {
        let dir = tempfile::tempdir().expect("a directory");
        let scale = ScaleId::new("cycling-week").expect("an id");
        let [one, other] =
            ["2026-W10", "2026-W11"].map(|text| Period::from_label(text).expect("a week"));
        let files = |output: &Path, periods: &[Period]| TicketFiles::new(output, &scale, periods);
        let names =
            |files: &TicketFiles| -> Vec<PathBuf> { files.paths().map(Path::to_owned).collect() };

        let file = dir.path().join("ticket.json");
        assert_eq!(names(&files(&file, &[one])), [&*file]);
        let folder = dir.path().join("tickets");
        let [first, second] = ["2026-W10", "2026-W11"]
            .map(|period| folder.join(format!("ticket-cycling-week-{period}.json")));
        let two = files(&folder, &[one, other]);
        assert_eq!(names(&two), [first.clone(), second.clone()]);
        // The folder is not there yet.
        two.admit().expect("nothing is in the way");
        fs::create_dir(&folder).expect("made");
        // Into a folder goes also one ticket alone.
        assert_eq!(names(&files(&folder, &[one])), [first]);
        fs::write(&second, "somebody's notes").expect("written");
        let refused = two.admit().expect_err("it holds something else");
        assert!(refused.to_string().contains("2026-W11"), "{refused}");
    }
}
