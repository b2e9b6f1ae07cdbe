//! The demonstration's people: each has a wallet of its own, is registered once, links its account,
//! and consents.
//!
//! Their wallets are directories as `merits wallet create` makes them. What all of them do in the
//! same way is done here over one copy of the log, by the calls that the command makes. What one of
//! them does alone is done by the command.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use merits_distributor::config::DistributorConfig;
use merits_params::keystore::KeyStore;
use merits_party::{config::ledger_of, machine_time};
use merits_primitives::{
    calendar::Date,
    identity::IdentityCommitment,
    ids::{PartyId, Period, ScaleId},
    owner::{Handle, handle},
    scope::source_scope,
};
use merits_records::{Plan, SubjectPeriod};
use merits_registrar::{
    config::RegistrarConfig,
    number::{IdentityNumber, NumberKind},
    registration::Occasion,
    running::{RegistrarError, Requested},
    session::Registered,
};
use merits_replica::{Follower, LedgerConfig};
use merits_source::{complete_span::CompleteSpan, config::SourceConfig};
use merits_wallet::{
    directory::{Directory, WalletConfig},
    keys::WalletKeys,
    net::{ConsentRequest, TicketFiles, Wallet},
    prover::PersonProver,
};

use super::{DISTRIBUTOR_TOML, REGISTRAR_TOML, SOURCE_TOML, federation::Federation, packs};
use crate::{
    commands::{distributor, source},
    screen::progress,
};

/// Somebody with an account, and the periods of its records.
pub(super) struct Person {
    account: String,
    periods: Vec<Period>,
    wallet: PathBuf,
    keys: WalletKeys,
    number: u32,
}

impl Person {
    /// The platform's name for the account.
    pub(super) fn account(&self) -> &str {
        &self.account
    }

    /// Directory of the wallet.
    pub(super) fn wallet(&self) -> &Path {
        &self.wallet
    }

    /// Its keys.
    pub(super) fn keys(&self) -> &WalletKeys {
        &self.keys
    }

    /// Periods with records.
    pub(super) fn periods(&self) -> &[Period] {
        &self.periods
    }

    /// A made-up number of a Chinese identity card, with its check character (GB 11643).
    pub(super) fn identity_text(&self) -> String {
        const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        const CHECK: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
        // A day of birth for each thousand of numbers.
        let (day, order) = (1 + self.number / 999 % 28, 1 + self.number % 999);
        let digits = format!("110101199001{day:02}{order:03}");
        let values = digits.chars().filter_map(|digit| digit.to_digit(10));
        let sum: u32 = values
            .zip(WEIGHTS)
            .map(|(digit, weight)| digit * weight)
            .sum();
        format!("{digits}{}", CHECK[(sum % 11) as usize])
    }

    fn identity_number(&self) -> anyhow::Result<IdentityNumber> {
        let text = self.identity_text();
        Ok(IdentityNumber::parse(NumberKind::ChineseId, &text)?)
    }
}

/// Everybody.
pub(super) struct People {
    pub(super) persons: Vec<Person>,
    follower: Follower,
    prover: PersonProver,
    distributor: PartyId,
    pub(super) source: PartyId,
    scale: ScaleId,
}

impl People {
    /// A wallet for each account of the file.
    pub(super) async fn move_in(
        federation: &Federation,
        input: &Path,
        subjects: Option<usize>,
    ) -> anyhow::Result<Self> {
        let mut periods: BTreeMap<String, Vec<Period>> = BTreeMap::new();
        // A period for which no claim can be made needs no consent.
        for group in played(federation, input, subjects)? {
            periods.entry(group.subject).or_default().push(group.period);
        }
        let wallets = federation.path("wallets");
        let ledger: LedgerConfig = ledger_of(&wallets.join("ledger.toml"))?;
        let follower = ledger.follow().await?;
        follower.sync().await?;
        let key_store = std::path::absolute(federation.path("../keys"))?;
        let prover = {
            let replica = follower.replica();
            let state = replica.state()?;
            let store = KeyStore::new(&key_store);
            PersonProver::new(store, state.policy().keys, state.statement_keys())
        };
        let mut persons = Vec::with_capacity(periods.len());
        for (number, (account, periods)) in (0..).zip(periods) {
            let config = WalletConfig {
                key_store: key_store.clone(),
                ledger: LedgerConfig {
                    replica: "replica".into(),
                    ..ledger.clone()
                },
            };
            // Accounts are the platform's words, and not names for directories.
            let path = wallets.join(format!("person-{}", number + 1));
            let directory = Directory::create(&path, config, &mut rand::rng())?;
            persons.push(Person {
                account,
                periods,
                wallet: path,
                keys: directory.keys()?,
                number,
            });
        }
        ensure!(!persons.is_empty(), "nobody in {}", input.display());
        let (distributor, source) = {
            let replica = follower.replica();
            let find = |name| merits_party::lookup::find_party(&replica, name);
            (
                find(federation.pack.distributor)?,
                find(federation.pack.source)?,
            )
        };
        Ok(Self {
            persons,
            follower,
            prover,
            distributor,
            source,
            scale: federation.manifest.id().clone(),
        })
    }

    /// Registers everybody; then the first person tries to register once more. Returns why that was
    /// refused.
    pub(super) async fn register(&self, federation: &Federation) -> anyhow::Result<String> {
        let config = RegistrarConfig::load(&federation.path(REGISTRAR_TOML))?;
        let bar = progress(self.persons.len() as u64, "registering people");
        for person in &self.persons {
            let number = person.identity_number()?;
            let shown = format!(
                "{}\n{}\n",
                person.identity_text(),
                person.keys.commitment(0)
            );
            federation.handed("registrar", "wallets", "in person", shown.as_bytes());
            register(&config, person.keys.commitment(0), number).await?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        let first = self.first()?;
        // A second identity of the same wallet: only the number reveals that it is the same person.
        let (other, number) = (first.keys.commitment(1), first.identity_number()?);
        match register(&config, other, number).await {
            Err(refusal) => Ok(refusal.to_string()),
            Ok(_) => bail!("one person was registered twice"),
        }
    }

    /// Each account's pseudonym, proven to the source, which takes the links in.
    pub(super) async fn link(&self, federation: &Federation) -> anyhow::Result<usize> {
        self.follower.sync().await?;
        let mut files = Vec::with_capacity(self.persons.len());
        let bar = progress(self.persons.len() as u64, "proving links");
        for person in &self.persons {
            let wallet = self.open(person)?;
            let name = format!("link-{}.json", person.number + 1);
            let path = federation.path("handover").join(name);
            let (account, now) = (&person.account, machine_time());
            wallet.write_link(&self.source, account, &path, &self.prover, now)?;
            federation.handed_file("source", "wallets", &path)?;
            files.push(path);
            bar.inc(1);
        }
        bar.finish_and_clear();
        let config = SourceConfig::load(&federation.path(SOURCE_TOML))?;
        // Accounts of the records are different ones, however much they look alike.
        let (replace, distinct) = (false, true);
        let report = config
            .import_links(&files, replace, distinct, machine_time())
            .await?;
        for file in &report.files {
            if let Err(fault) = &file.outcome {
                bail!("{}: {fault}", file.path.display());
            }
        }
        Ok(report.accounts)
    }

    /// A ticket for each person and period, sealed to the distributor.
    pub(super) async fn consent(&self, federation: &Federation) -> anyhow::Result<Vec<PathBuf>> {
        self.follower.sync().await?;
        let total = self.persons.iter().map(|person| person.periods.len()).sum();
        let mut tickets = Vec::with_capacity(total);
        let bar = progress(total as u64, "proving consents");
        for person in &self.persons {
            let wallet = self.open(person)?;
            let proposal = wallet.propose_consent(&ConsentRequest {
                distributor: self.distributor,
                source: self.source,
                scale: self.scale.as_str(),
                periods: person.periods.clone(),
                account: Some(person.account.clone()),
            })?;
            let folder = format!("tickets-{}", person.number + 1);
            let folder = federation.path("handover").join(folder);
            merits_guard::create_folder(&folder).with_context(|| folder.display().to_string())?;
            let files = TicketFiles::new(&folder, &self.scale, &person.periods);
            let (prover, rng) = (&self.prover, &mut rand::rng());
            let mut written = |_: &Path| bar.inc(1);
            let given = wallet.write_tickets(
                &proposal,
                &files,
                prover,
                &machine_time,
                rng,
                &mut written,
            )?;
            for file in &given.files {
                federation.handed_file("distributor", "wallets", file)?;
            }
            tickets.extend(given.files);
        }
        bar.finish_and_clear();
        Ok(tickets)
    }

    /// Everybody's pseudonym at the source, in the order of the people.
    pub(super) fn pseudonyms(&self) -> Vec<Handle> {
        let scope = source_scope(&self.source);
        let persons = self.persons.iter();
        persons
            .map(|person| handle(&person.keys.secret(0), scope))
            .collect()
    }

    /// What the source's operator says of the records.
    pub(super) fn complete(&self) -> CompleteSpan {
        let periods = self.persons.iter().flat_map(|person| &person.periods);
        complete(periods.copied())
    }

    /// The person whose wallet the demonstration shows.
    pub(super) fn first(&self) -> anyhow::Result<&Person> {
        self.persons.first().context("nobody is there")
    }

    /// The person who withdraws a consent.
    pub(super) fn last(&self) -> anyhow::Result<&Person> {
        self.persons.last().context("nobody is there")
    }

    /// A person's wallet over the copy that all of them share.
    fn open(&self, person: &Person) -> anyhow::Result<Wallet> {
        let directory = Directory::open(&person.wallet)?;
        Ok(Wallet::sharing(directory, self.follower.clone())?)
    }
}

/// Registers a person for the first time, for deeds of any day.
async fn register(
    config: &RegistrarConfig,
    commitment: IdentityCommitment,
    number: IdentityNumber,
) -> Result<Registered, RegistrarError> {
    let now = machine_time();
    let requested = Requested::new(commitment, None, now)?;
    let rng = &mut distributor::rng();
    config
        .register(Occasion::First, requested, number, now, rng)
        .await
}

/// Publishes the distributor's terms.
pub(super) async fn publish_terms(federation: &Federation) -> anyhow::Result<()> {
    let distributor = distributor::open(&federation.path(DISTRIBUTOR_TOML)).await?;
    let path = federation.path("distributor/terms.toml");
    distributor.write_terms(&path)?;
    let published = distributor.publish_terms(&path).await;
    distributor.close(published).await?;
    Ok(())
}

/// The subject-periods of a file of records for which claims can be made.
pub(super) fn played(
    federation: &Federation,
    input: &Path,
    subjects: Option<usize>,
) -> anyhow::Result<Vec<SubjectPeriod>> {
    let config = DistributorConfig::load(&federation.path(DISTRIBUTOR_TOML))?;
    let plan = Plan::new(&config.mapping, federation.manifest.schema())?;
    let mut groups = source::read(input, &plan, subjects, None)?.groups;
    groups.retain(|group| packs::plays(&federation.manifest, &plan, group.period));
    Ok(groups)
}

/// What the demonstration says of its records, as an operator does: from the first of these periods to the last
/// nothing is missing. They may begin and end in the middle of a period.
pub(super) fn complete(periods: impl Iterator<Item = Period> + Clone) -> CompleteSpan {
    let day = |days: i64| Date::from_days(u32::try_from(days).unwrap_or_default());
    let first = periods.clone().map(Period::first_day).min();
    let last = periods.map(Period::last_day).max();
    CompleteSpan {
        complete_from: first.map(day),
        complete_until: last.map(day),
    }
}
