//! A distributor's work with people's consents before a run: terms, tickets, and pseudonyms for
//! sources.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use futures::future::BoxFuture;
use merits_guard::output::{Kind, Output, Readers};
use merits_params::terms::TermsDocument;
use merits_primitives::{calendar::Timestamp, ids::EntryId};
use merits_records::{
    bundle::{FileKind as _, Links},
    handover::{Handover as _, TicketFile},
};
use merits_replica::ReplicaError;
use rand::rngs::StdRng;
use serde::Serialize;

use crate::{
    depositing::{DepositReport, deposit_tickets},
    distributor::{Distributor, unreadable},
    error::DistributorError,
    links::{TicketLinks, write_links},
    net::LedgerOutbox,
    outbox::PATIENCE,
    progress::Progress,
    publishing::{Published, admitted_name, published},
    store::{Imported, StoreError, TicketCounts},
    tickets::{Importer, TicketFault},
};

/// The kind of a new terms document: everybody may read it, and it never replaces a file.
pub const TERMS: Kind<'static> = Kind::new("a template of terms", Readers::Everybody);

/// A file of a ticket, with the result of taking it in.
#[derive(Debug, Serialize)]
pub struct TicketReport {
    /// The file.
    pub path: PathBuf,
    /// The result.
    #[serde(serialize_with = "crate::report::outcome")]
    pub outcome: Result<Imported, TicketFault>,
}

/// Pseudonyms that were written for a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinksReport {
    /// Accounts in the file.
    pub accounts: usize,
    /// Accounts with tickets of two people, left out.
    pub disputed: BTreeSet<String>,
    /// Whether the distributor vouches for whose records these are.
    pub vouched: bool,
}

/// Published terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishedTerms {
    /// SHA-256 of the document, in hexadecimal.
    pub digest: String,
    /// The entry that published it.
    #[serde(serialize_with = "crate::report::text")]
    pub entry: EntryId,
}

impl Distributor {
    /// The published terms.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub fn published_terms(&self) -> Result<Vec<PublishedTerms>, ReplicaError> {
        let replica = self.follower.replica();
        let (party, scale) = (self.node.party(), self.node.scale());
        let terms = published(replica.state()?, &party, scale);
        let terms = terms.map(|(digest, entry)| PublishedTerms {
            digest: hex::encode(digest),
            entry,
        });
        Ok(terms.collect())
    }

    /// Writes a template of terms. An existing file is not changed.
    ///
    /// # Errors
    /// [`DistributorError`]: the ledger does not know the distributor, or the file cannot be written.
    pub fn write_terms(&self, output: &Path) -> Result<(), DistributorError> {
        let party = self.node.party();
        let text = {
            let replica = self.follower.replica();
            let name = admitted_name(replica.state()?, &party)?;
            TermsDocument::template(&party, name, &self.manifest)
        };
        Ok(Output::write(output, TERMS, text.as_bytes())?)
    }

    /// Publishes terms.
    ///
    /// # Errors
    /// [`DistributorError`].
    pub fn publish_terms<'a>(
        &'a self,
        input: &'a Path,
    ) -> BoxFuture<'a, Result<Published, DistributorError>> {
        Box::pin(async move {
            let text =
                merits_text::file::read(input).map_err(|source| unreadable("", input, source))?;
            let state = self.follower.replica().state()?.clone();
            let port = LedgerOutbox::new(self.follower.clone());
            let published = self
                .node
                .publish_terms(&text, &self.manifest, &state, &port)
                .await;
            published.map_err(|source| DistributorError::Publish {
                path: input.to_owned(),
                source,
            })
        })
    }

    /// Takes tickets in, checked by the ledger's state at `now`.
    ///
    /// # Errors
    /// [`DistributorError`]: the ledger takes no tickets, or cannot be read. A refused file does not
    /// stop the others: its report has the reason.
    pub fn import_tickets<'a>(
        &'a self,
        files: &'a [PathBuf],
        now: Timestamp,
        rng: &'a mut StdRng,
    ) -> BoxFuture<'a, Result<Vec<TicketReport>, DistributorError>> {
        Box::pin(async move {
            if !self.has_tickets()? {
                return Err(DistributorError::InCustody);
            }
            let (state, known) = {
                let replica = self.follower.replica();
                (replica.state()?.clone(), replica.known_proofs())
            };
            let secret = self.sealing.to_bytes();
            let mut importer = Importer::new(&self.node, &state, &secret).knowing(known);
            let mut reports = Vec::with_capacity(files.len());
            for path in files {
                let outcome = match TicketFile::read(path) {
                    Ok(file) => importer.import(&file, now, rng).await,
                    Err(error) => Err(error.into()),
                };
                let path = path.clone();
                reports.push(TicketReport { path, outcome });
            }
            Ok(reports)
        })
    }

    /// Deposits every ticket that waits for it.
    ///
    /// # Errors
    /// [`DistributorError::Deposit`]; tickets without an answer wait for the next time.
    pub fn deposit(&self) -> BoxFuture<'_, Result<DepositReport, DistributorError>> {
        Box::pin(async move {
            let port = LedgerOutbox::new(self.follower.clone());
            Ok(deposit_tickets(&self.node, &port, PATIENCE).await?)
        })
    }

    /// The node's tickets by state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tickets(&self) -> BoxFuture<'_, Result<TicketCounts, StoreError>> {
        Box::pin(async move { self.node.store().ticket_counts(self.node.scale()).await })
    }

    /// Writes the pseudonyms of accounts, for a source: those that people's tickets give, for a source
    /// that cannot link people; on a ledger in custody those of all accounts in a file of records,
    /// `input`.
    ///
    /// # Errors
    /// [`DistributorError`].
    pub fn write_links<'a>(
        &'a self,
        input: Option<&'a Path>,
        source: &'a str,
        output: &'a Path,
        subjects: Option<usize>,
        now: Timestamp,
        progress: &'a dyn Progress,
    ) -> BoxFuture<'a, Result<LinksReport, DistributorError>> {
        Box::pin(async move {
            if self.has_tickets()? {
                return self.write_ticket_links(source, output).await;
            }
            let input = input.ok_or(DistributorError::AccountsUnknown)?;
            self.write_custody_links(input, source, output, subjects, now, progress)
        })
    }

    async fn write_ticket_links(
        &self,
        source: &str,
        output: &Path,
    ) -> Result<LinksReport, DistributorError> {
        if !self.manifest.vouched() {
            return Err(DistributorError::NotVouched(self.node.scale().clone()));
        }
        let source = self.find_party(source)?;
        let store = self.node.store();
        let handles = store.ticket_handles(self.node.scale(), &source).await?;
        let links = TicketLinks::new(handles);
        let mut file = Output::begin(output, Links::KIND)?;
        links
            .write(self.node.origin(), &source, &mut file)
            .map_err(|source| unwritten(output, source))?;
        file.publish()?;
        Ok(LinksReport {
            accounts: links.links.len(),
            disputed: links.disputed,
            vouched: true,
        })
    }

    fn write_custody_links(
        &self,
        input: &Path,
        source: &str,
        output: &Path,
        subjects: Option<usize>,
        now: Timestamp,
        progress: &dyn Progress,
    ) -> Result<LinksReport, DistributorError> {
        let reading = self.read(input, subjects, None, now, progress)?;
        let groups = reading.groups.into_iter();
        let subjects: BTreeSet<String> = groups.map(|group| group.subject).collect();
        let source = self.find_party(source)?;
        let mut file = Output::begin(output, Links::KIND)?;
        let (custody, origin) = (self.node.custody(), self.node.origin());
        write_links(custody, origin, &source, &subjects, &mut file)
            .map_err(|source| unwritten(output, source))?;
        file.publish()?;
        Ok(LinksReport {
            accounts: subjects.len(),
            disputed: BTreeSet::new(),
            vouched: self.manifest.vouched(),
        })
    }
}

fn unwritten(path: &Path, source: std::io::Error) -> DistributorError {
    DistributorError::Write {
        path: path.to_owned(),
        source: merits_guard::explain::writing(source),
    }
}
