//! `merits supervisor`: found, admit, approve, open epochs, open claims and totals, answer.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::Subcommand;
use merits_ledger::{
    Role,
    entry::{PartyAdmitted, PersonStatement},
};
use merits_party::{identity::PartyConfig as _, lookup::find_entry, machine_time, public_line};
use merits_primitives::ids::{EntryId, Epoch, Output, Period};
use merits_supervisor::{
    config::SupervisorConfig,
    net::{
        Opened, OpenedClaim, QuorumEpoch, RequestShown, SessionError, Supervisor, SupervisorError,
    },
    side::Side,
};
use merits_text::typed::argument;

use super::{dates, distributor::rng, hand_over, numbers, reason::reason, witness};
use crate::{inputs, screen::working};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the keys of a founding supervisor and print its party id, which the coordinator needs
    Init {
        /// Name of the supervisor
        #[arg(long, value_parser = argument)]
        name: String,
        /// The ledger's origin, such as ledger.example.org/merits
        #[arg(long, value_parser = argument)]
        origin: String,
        /// Directory for supervisor.key and supervisor-sealing.key
        #[arg(long, default_value = ".")]
        directory: PathBuf,
    },
    /// Admit this supervisor itself: the ledger's first entry, or that of a supervisor whom the founding facts name
    Found {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
    /// Write the application of a supervisor that the founding facts do not name; the board admits it
    Apply {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Application to write: public, for a supervisor of the board
        #[arg(long)]
        output: PathBuf,
    },
    /// Admit a party by its application file, or propose it to the board
    Admit {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Made by `merits <role> apply`
        application: PathBuf,
        /// Admit it although its name looks like another party's: you have compared the two
        #[arg(long)]
        distinct: bool,
    },
    /// Suspend a party, or propose it to the board: its entries are refused from then on
    Suspend {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Name or id
        #[arg(long, value_parser = argument)]
        party: String,
        /// Why, in words; the ledger publishes it
        #[arg(long, value_parser = reason)]
        basis: String,
        /// Suspend it at once and alone, for 72 hours: once in 30 days a party, and no supervisor, log witness,
        /// registrar or evaluator
        #[arg(long)]
        emergency: bool,
    },
    /// Reinstate a suspended party, or propose it to the board
    Reinstate {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Name or id
        #[arg(long, value_parser = argument)]
        party: String,
        /// Why, in words; the ledger publishes it
        #[arg(long, value_parser = reason)]
        basis: String,
    },
    /// End a version of a scale after a period, or propose it to the board
    Retire {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Id of the scale, such as cycling-week
        #[arg(long, value_parser = argument)]
        scale: String,
        /// Version that ends
        #[arg(long, value_parser = numbers::version)]
        version: u32,
        /// The last period it is for, such as 2014-W44
        #[arg(long, value_parser = dates::period)]
        last_period: Period,
    },
    /// Approve a proposed version of a scale, or propose the approval to the board
    Approve {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Id of the scale, such as cycling-week
        #[arg(long, value_parser = argument)]
        scale: String,
        /// Version that the issuer proposed
        #[arg(long, value_parser = numbers::version)]
        version: u32,
        /// Entry that proposed it, where several did
        #[arg(long)]
        proposal: Option<String>,
    },
    /// Put a key of what people prove into force, or propose it to the board; made now if the key store has none
    Adopt {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// What the key is for: ticket (consents, withdrawals, links) or redeem (redemptions,
        /// attestations)
        #[arg(long, value_parser = parse_statement)]
        statement: PersonStatement,
        /// Directory of proving keys, which wallets prove with
        #[arg(long)]
        key_store: PathBuf,
    },
    /// Open a view-key epoch, or propose it to the board, with this supervisor's half and the witness's
    Epoch {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Number of the epoch, from 1
        #[arg(long, value_parser = numbers::epoch)]
        epoch: u32,
        /// The witness's public half, made by `merits witness half`
        #[arg(long)]
        witness_half: PathBuf,
    },
    /// Open a view-key epoch, or propose it to the board, with the halves that two quorums made by `dkg`
    QuorumEpoch {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Number of the epoch, from 1
        #[arg(long, value_parser = numbers::epoch)]
        epoch: u32,
        /// Attempt that made the supervisors' half; needed if several are done
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        supervisor_attempt: Option<u32>,
        /// Attempt that made the log witnesses' half; needed if several are done
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        witness_attempt: Option<u32>,
        /// Days for which holders keep their shares after the epoch begins
        #[arg(long, default_value_t = 3_650, value_parser = clap::value_parser!(u32).range(1..=36_500))]
        readable_days: u32,
    },
    /// Make a half of a view key together with other supervisors, so that nobody holds it alone
    #[command(subcommand)]
    Dkg(super::dkg::Command),
    /// Open one claim: the request goes on the ledger first
    Open {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Entry id of the batch; its first digits are enough
        #[arg(long, value_parser = argument)]
        entry: String,
        /// Claim in it, from 0
        #[arg(long, value_parser = numbers::claim)]
        claim: u16,
        /// Legal basis, in words
        #[arg(long, value_parser = reason)]
        basis: String,
    },
    /// Open who made one redemption, as an identity commitment: the request goes on the ledger first
    OpenRedeemer {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Entry id of the redemption; its first digits are enough
        #[arg(long, value_parser = argument)]
        entry: String,
        /// Legal basis, in words
        #[arg(long, value_parser = reason)]
        basis: String,
    },
    /// Endorse an opening that another supervisor requested, after you looked at its request file
    EndorseOpening {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Only show what the request asks for
        #[arg(long, conflicts_with = "revoke")]
        look: bool,
        /// Revoke your endorsement instead
        #[arg(long)]
        revoke: bool,
        /// Request file, which the requester handed over
        request: PathBuf,
    },
    /// Go on with an opening that was interrupted, or that others have endorsed now
    Resume {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Request file
        request: PathBuf,
    },
    /// Reveal on the ledger what a request was about, as its deadline demands
    Reveal {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Request file
        request: PathBuf,
    },
    /// Check that a disclosure opens the commitment and gives the opened credits
    Check {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Request file of the opening
        #[arg(long)]
        request: PathBuf,
        /// Made by `merits distributor disclose`
        #[arg(long)]
        disclosure: PathBuf,
    },
    /// Open and publish the total of a period
    Total {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Id of the scale, such as cycling-week
        #[arg(long, value_parser = argument)]
        scale: String,
        /// Such as 2014-W36
        #[arg(long, value_parser = dates::period)]
        period: Period,
        /// View-key epoch
        #[arg(long, default_value = "1", value_parser = numbers::epoch)]
        epoch: u32,
        /// Open the total of the scale's measure instead of its credits
        #[arg(long)]
        measure: bool,
    },
    /// Answer requests for this supervisor's half until ctrl-c or SIGTERM
    Serve {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Init {
                name,
                origin,
                directory,
            } => witness::init(Role::Supervisor, &name, &origin, &directory)?,
            Self::Found { config } => {
                let supervisor = open(&config).await?;
                let entry = supervisor.found().await?.entry;
                // The authority's entry is the first; other founders join what it founded.
                if supervisor.is_authority()? {
                    println!("founded the ledger with entry {entry}");
                } else {
                    println!("joined the ledger with entry {entry}");
                }
            }
            Self::Apply { config, output } => {
                hand_over(&config, &output, || {
                    Ok(SupervisorConfig::load(&config)?.apply(&mut rand::rng())?)
                })?;
            }
            Self::Admit {
                config,
                application,
                distinct,
            } => {
                let supervisor = open(&config).await?;
                let application = public_line::read::<PartyAdmitted>(&application)?;
                if !distinct {
                    supervisor.refuse_lookalike(&application.name)?;
                }
                let (name, roles) = (application.name.clone(), application.roles);
                let decided = supervisor.admit(application, machine_time()).await?;
                let roles: Vec<&str> = roles.iter().map(Role::name).collect();
                let done = format!("admitted {name} as {}", roles.join(", "));
                println!("{}", decided.said(&done));
            }
            Self::Suspend {
                config,
                party,
                basis,
                emergency,
            } => {
                let supervisor = open(&config).await?;
                if emergency {
                    let entry = supervisor.suspend_now(&party, &basis).await?.entry;
                    println!("suspended {party} for 72 hours: entry {entry}");
                } else {
                    let decided = supervisor.suspend(&party, &basis, machine_time()).await?;
                    println!("{}", decided.said(&format!("suspended {party}")));
                }
            }
            Self::Reinstate {
                config,
                party,
                basis,
            } => {
                let supervisor = open(&config).await?;
                let decided = supervisor.reinstate(&party, &basis, machine_time()).await?;
                println!("{}", decided.said(&format!("reinstated {party}")));
            }
            Self::Retire {
                config,
                scale,
                version,
                last_period,
            } => {
                let supervisor = open(&config).await?;
                let decided = supervisor
                    .retire(&scale, version, last_period, machine_time())
                    .await?;
                let last = last_period.label();
                let done = format!("{scale} version {version} ends with {last}");
                println!("{}", decided.said(&done));
            }
            Self::Approve {
                config,
                scale,
                version,
                proposal,
            } => {
                let proposal = proposal.map(|text| {
                    let id = EntryId::from_hex(&text);
                    id.with_context(|| format!("--proposal {text}: 64 hexadecimal digits"))
                });
                let supervisor = open(&config).await?;
                let decided = supervisor
                    .approve(&scale, version, proposal.transpose()?, machine_time())
                    .await?;
                let done = format!("approved {scale} version {version}");
                println!("{}", decided.said(&done));
            }
            Self::Adopt {
                config,
                statement,
                key_store,
            } => {
                let supervisor = open(&config).await?;
                let bar = working("compiling the statement; making or loading its keys");
                let adopted = supervisor
                    .adopt(statement, key_store, machine_time(), rng())
                    .await?;
                bar.finish_and_clear();
                match adopted.entry {
                    Some(decided) => {
                        println!("{}", decided.said(&format!("adopted a key of {statement}")));
                    }
                    None => println!("this key of {statement} is in force already"),
                }
                println!("keys and circuit files: {}", adopted.files.display());
            }
            Self::Epoch {
                config,
                epoch,
                witness_half,
            } => {
                let supervisor = open(&config).await?;
                let half = public_line::read(&witness_half)?;
                let decided = supervisor
                    .open_epoch(Epoch(epoch), half, machine_time(), &mut rng())
                    .await?;
                println!("{}", decided.said(&format!("opened epoch {epoch}")));
            }
            Self::QuorumEpoch {
                config,
                epoch,
                supervisor_attempt,
                witness_attempt,
                readable_days,
            } => {
                let supervisor = open(&config).await?;
                let wanted = QuorumEpoch {
                    epoch: Epoch(epoch),
                    supervisor: supervisor_attempt,
                    witness: witness_attempt,
                    readable: readable_days * Duration::from_secs(86_400),
                };
                let decided = supervisor.open_quorum_epoch(wanted, machine_time()).await?;
                println!("{}", decided.said(&format!("opened epoch {epoch}")));
            }
            Self::Dkg(command) => return command.run(Side::Supervisor).await,
            Self::Open {
                config,
                entry,
                claim,
                basis,
            } => {
                let supervisor = open(&config).await?;
                let entry = find_entry(&supervisor.follower().replica(), &entry)?;
                let opened = supervisor.open_claim(entry, claim, &basis, machine_time());
                report_begun(opened.await)?;
            }
            Self::OpenRedeemer {
                config,
                entry,
                basis,
            } => {
                let supervisor = open(&config).await?;
                let entry = find_entry(&supervisor.follower().replica(), &entry)?;
                let opened = supervisor.open_redeemer(entry, &basis, machine_time());
                report_begun(opened.await)?;
            }
            Self::EndorseOpening {
                config,
                look,
                revoke,
                request,
            } => {
                let seat = open(&config).await?.seat();
                if revoke {
                    let entry = seat.disown_opening(&request).await?.entry;
                    println!("revoked: entry {entry}");
                } else {
                    show_request(&seat.look_at_opening(&request).await?);
                    if !look {
                        let entry = seat.endorse_opening(&request).await?.entry;
                        println!("endorsed: entry {entry}");
                    }
                }
            }
            Self::Resume { config, request } => {
                let supervisor = open(&config).await?;
                let opened = supervisor.session().await?.resume(&request).await?;
                report_opening(&opened, &request);
            }
            Self::Reveal { config, request } => {
                let supervisor = open(&config).await?;
                let entry = supervisor.session().await?.reveal(&request).await?.entry;
                println!("revealed: entry {entry}");
            }
            Self::Check {
                config,
                request,
                disclosure,
            } => {
                let supervisor = open(&config).await?;
                inputs::remark_people([request.as_path(), disclosure.as_path()]);
                let checked = supervisor.check(&request, &disclosure)?;
                println!(
                    "the {} disclosed records open the commitment on the ledger and give {} credits{}",
                    checked.records,
                    checked.earned.credits,
                    (checked.earned.measure)
                        .map_or_else(String::new, |measure| format!(" and measure {measure}"))
                );
            }
            Self::Total {
                config,
                scale,
                period,
                epoch,
                measure,
            } => {
                let supervisor = open(&config).await?;
                let (output, did) = if measure {
                    (Output::Measure, "measured")
                } else {
                    (Output::Credits, "earned")
                };
                let published = supervisor
                    .total(&scale, period, Epoch(epoch), output)
                    .await?;
                println!(
                    "{} claims in {} of {scale} {did} {} together: entry {}",
                    published.total.set.claims(),
                    period.label(),
                    published.total.sum,
                    published.entry
                );
            }
            Self::Serve { config } => {
                let config = SupervisorConfig::load(&config)?;
                witness::serve(&config.holder, Side::Supervisor).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A supervisor, by its configuration file.
async fn open(config: &Path) -> anyhow::Result<Supervisor> {
    Ok(Supervisor::open(SupervisorConfig::load(config)?).await?)
}

fn parse_statement(text: &str) -> Result<PersonStatement, String> {
    PersonStatement::from_name(text).ok_or_else(|| "`ticket` or `redeem` is expected".to_owned())
}

fn show_request(shown: &RequestShown) {
    println!("request: entry {}, by {}", shown.request, shown.requester);
    println!("would open: {}", shown.what);
    println!("basis: {}", shown.basis);
    println!(
        "to be answered and revealed by {}; endorsed by {} of {} supervisors: {}",
        shown.deadline,
        shown.endorsed.len(),
        shown.needed,
        shown.endorsed.join(", ")
    );
}

/// What a new request came to. That others must endorse it first is no error.
fn report_begun(opened: Result<(OpenedClaim, PathBuf), SupervisorError>) -> anyhow::Result<()> {
    match opened {
        Ok((opened, file)) => report_opening(&opened, &file),
        Err(SupervisorError::Session(SessionError::Requested {
            request,
            file,
            deadline,
            source,
        })) if matches!(*source, SessionError::NotEndorsed { .. }) => println!(
            "requested: entry {request}\nnot opened yet: {source}. Then run `merits supervisor resume --config FILE \
             {path}`, by {deadline}. The content must be revealed by then, opened or not",
            path = file.display()
        ),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn report_opening(opened: &OpenedClaim, file: &Path) {
    println!("requested: entry {}", opened.request);
    println!("completed: entry {}", opened.completion);
    let what = match opened.opened {
        Opened::Claim(_) => "credits and pseudonym are",
        Opened::Redeemer(_) => "the identity commitment of the person is",
    };
    println!("{what} in {}", file.display());
}
