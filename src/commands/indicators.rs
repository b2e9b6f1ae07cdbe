//! `merits indicators`: judge a rule file, run it over the log, raise alerts, handle them.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::Subcommand;
use merits_guard::{beside::Readers, input, output::replace_own, protected::Protected};
use merits_indicators::{
    DEFAULT_RULES, Failure, Finding, Indicators, MAX_RULE_FILE_BYTES, Metrics, OTHER_RULES,
    RuleFile, SaveError, metrics_text,
};
use merits_ledger::{
    State,
    entry::{AlertHandled, AlertRaised, AlertSubject},
};
use merits_party::{lookup::find_entry, machine_time};
use merits_primitives::{calendar::Timestamp, ids::PartyId};
use merits_proto::Reason;
use merits_supervisor::{
    config::SupervisorConfig,
    net::{Supervisor, SupervisorError},
};
use merits_text::{display::line, screen::output, typed::argument};

use super::reason::reason;

/// Largest saved position that is read: some thousand parties, scales, terms and offers.
const MAX_POSITION_BYTES: u64 = 256 << 20;

/// How every file of metrics begins. Another file is not replaced.
const METRICS_BEGIN: &str = "# HELP merits_indicator_findings_total";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the rules that come with MERITS: a file to begin with
    Rules,
    /// Judge a rule file, and list its rules
    Check {
        /// Rule file
        rules: PathBuf,
    },
    /// Read the log from where the last run stopped, and print what the rules find
    Run {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Rule file
        #[arg(long)]
        rules: PathBuf,
        /// Where this run begins and the next one goes on; made if it is not there
        #[arg(long)]
        position: PathBuf,
        /// Raise an alert on the ledger for each finding, and save the position. Without this the position stays
        #[arg(long)]
        raise: bool,
        /// Raise no alert for windows that ended more than this many days before the newest leaf
        #[arg(long, default_value_t = 7)]
        days: u16,
        /// File for Prometheus' textfile collector, replaced by each run; its name must end in .prom
        #[arg(long)]
        metrics: Option<PathBuf>,
    },
    /// List the ledger's alerts that are neither acknowledged nor silent
    Status {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// List silent and acknowledged ones too
        #[arg(long)]
        all: bool,
    },
    /// Acknowledge an alert, or silence it for some days
    Handle {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// The entry that raised it: its id, or how the id begins
        #[arg(value_parser = argument)]
        alert: String,
        /// Why, in words. The ledger publishes it for ever, so name no person
        #[arg(long, value_parser = reason)]
        reason: String,
        /// Silence it for this many days, at most 89. Without this it is acknowledged, which is final
        // The ledger takes 90 by its own clock, which may be behind this machine's.
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=89))]
        silence_days: Option<u16>,
    },
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            // As it is, because it is written to a file: the macros mark lines.
            Self::Rules => output::out(format_args!("{DEFAULT_RULES}")),
            Self::Check { rules } => check(&read_rules(&rules)?),
            Self::Run {
                config,
                rules,
                position,
                raise,
                days,
                metrics,
            } => {
                let rules = read_rules(&rules)?;
                let supervisor = open(&config).await?;
                let files = (position.as_path(), metrics.as_deref());
                if !run(&supervisor, rules, files, raise.then_some(days)).await? {
                    return Ok(ExitCode::FAILURE);
                }
            }
            Self::Status { config, all } => {
                let supervisor = open(&config).await?;
                status(&supervisor, all)?;
            }
            Self::Handle {
                config,
                alert,
                reason,
                silence_days,
            } => {
                let supervisor = open(&config).await?;
                let alert = find_entry(&supervisor.follower().replica(), &alert)?;
                let silent = silence_days.map(|days| {
                    let length = Duration::from_secs(u64::from(days) * 86_400);
                    machine_time() + length
                });
                let handled = AlertHandled {
                    alert,
                    silent_until: silent,
                    reason,
                };
                let entry = supervisor.signer().handle(handled);
                let entry = supervisor.submit(&entry).await?;
                match silent {
                    Some(until) => println!("silenced until {until}: entry {entry}"),
                    None => println!("acknowledged: entry {entry}"),
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn open(config: &Path) -> anyhow::Result<Supervisor> {
    Ok(Supervisor::open(SupervisorConfig::load(config)?).await?)
}

fn read_rules(path: &Path) -> anyhow::Result<RuleFile> {
    let shown = || format!("rule file {}", path.display());
    let bytes = input::read(path, MAX_RULE_FILE_BYTES as u64).with_context(shown)?;
    let text = String::from_utf8(bytes).with_context(shown)?;
    RuleFile::read(&text).with_context(shown)
}

fn check(rules: &RuleFile) {
    for rule in &rules.rules {
        println!(
            "{:<24} {:<8} each {}, {} h: {}",
            rule.id,
            rule.severity.name(),
            rule.subject.name(),
            rule.window_hours,
            rule.words
        );
    }
    println!(
        "{} rules, digest {}",
        rules.rules.len(),
        hex::encode(rules.digest)
    );
    println!("not seen: refused entries, because a log has accepted ones only");
}

/// Observes what is new, raises what is asked for, and saves the position last. A run that raises nothing leaves the
/// position, or its findings would never be raised. The position comes last, so after a crash the same alerts
/// are sent again, and the ledger has each of them once.
///
/// Returns `false` if a rule could not be evaluated in some window. It stops no other rule: a party that is watched can
/// bring that about.
async fn run(
    supervisor: &Supervisor,
    rules: RuleFile,
    (position, metrics): (&Path, Option<&Path>),
    raise: Option<u16>,
) -> anyhow::Result<bool> {
    if let Some(path) = metrics {
        check_metrics_file(path)?;
        let mut kept = Protected::new();
        kept.keep(position, "the position");
        kept.admit(path, "the metrics")?;
    }
    let (indicators, findings, newest, sound) = {
        let replica = supervisor.follower().replica();
        let origin = replica.state()?.origin().to_string();
        let mut indicators = resume(rules, &origin, position)?;
        let (next, size) = (indicators.next(), replica.size());
        anyhow::ensure!(
            next <= size,
            "position {}: leaf {next} is next, but the copy of the log has {size} leaves only: the position is of \
             another copy; remove the file, and the log is read again from its beginning",
            position.display()
        );
        let (mut findings, mut newest) = (Vec::new(), replica.newest_time());
        for leaf in replica.leaves_from(indicators.next()) {
            let (index, leaf) = leaf?;
            findings.extend(indicators.observe(index, &leaf)?);
            newest = Some(leaf.time);
        }
        for finding in &findings {
            print(replica.state()?, finding);
        }
        let failures = indicators.take_failures();
        for failure in &failures {
            tell(replica.state()?, failure);
        }
        (indicators, findings, newest, failures.is_empty())
    };
    let mut raised = 0u64;
    if let (Some(days), Some(newest)) = (raise, newest) {
        let oldest = newest - Duration::from_secs(u64::from(days) * 86_400);
        let (recent, old): (Vec<_>, Vec<_>) = findings
            .iter()
            .partition(|found| found.alert.until >= oldest);
        if !old.is_empty() {
            println!(
                "not raised: {} findings whose windows ended more than {days} days before the newest leaf. To raise them, \
                 remove the position, and run again with more --days",
                old.len()
            );
        }
        for finding in recent {
            let rule = &finding.alert.rule;
            let entry = supervisor.signer().raise(finding.alert.clone());
            match supervisor.submit(&entry).await {
                Ok(entry) => {
                    println!("raised {rule}: entry {entry}");
                    raised += 1;
                }
                // By another version of this program, which counted otherwise.
                Err(error) if was_raised_before(&error) => {
                    println!("raised before, with other figures: {rule}");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    if raise.is_some() {
        let saved = indicators.save()?;
        replace_own(position, Readers::Owner, |out| {
            out.write_all(saved.as_bytes())
        })
        .with_context(|| format!("position {}", position.display()))?;
    }
    if let Some(path) = metrics {
        let text = text_of_metrics(&indicators, supervisor, newest)?;
        replace_own(path, Readers::Everybody, |out| {
            out.write_all(text.as_bytes())
        })
        .with_context(|| format!("metrics {}", path.display()))?;
    }
    println!(
        "{} leaves observed, {} findings, {raised} alerts raised",
        indicators.next(),
        findings.len()
    );
    Ok(sound)
}

fn was_raised_before(error: &SupervisorError) -> bool {
    match error {
        SupervisorError::Client(refused) => refused
            .reason()
            .is_some_and(|reason| *reason == Reason::AlertRaisedBefore),
        _ => false,
    }
}

/// The indicators at the saved position, or at the log's beginning if there is none, or one of other rules.
fn resume(rules: RuleFile, origin: &str, position: &Path) -> anyhow::Result<Indicators> {
    let shown = || format!("position {}", position.display());
    let mut indicators = Indicators::new(rules, origin);
    if !position.try_exists().with_context(shown)? {
        return Ok(indicators);
    }
    let saved = input::read(position, MAX_POSITION_BYTES).with_context(shown)?;
    let saved = String::from_utf8(saved).with_context(shown)?;
    match indicators.resume(&saved) {
        Ok(()) => {}
        Err(other @ SaveError::Other) => println!("note: {other}"),
        Err(damaged) => return Err(damaged).with_context(shown),
    }
    Ok(indicators)
}

fn check_metrics_file(path: &Path) -> anyhow::Result<()> {
    let named = path
        .extension()
        .is_some_and(|extension| extension == "prom");
    anyhow::ensure!(
        named,
        "metrics {}: the name must end in .prom",
        path.display()
    );
    if path.try_exists()? {
        let before = input::read(path, MAX_POSITION_BYTES)?;
        anyhow::ensure!(
            before.starts_with(METRICS_BEGIN.as_bytes()),
            "metrics {}: the file has something else, and is not replaced: choose another name",
            path.display()
        );
    }
    Ok(())
}

fn text_of_metrics(
    indicators: &Indicators,
    supervisor: &Supervisor,
    newest: Option<Timestamp>,
) -> anyhow::Result<String> {
    let replica = supervisor.follower().replica();
    let mut open = BTreeMap::new();
    if let Some(time) = replica.newest_time() {
        replica.state()?.alerts().each(|_, alert| {
            if alert.is_open(time) {
                let rule = indicators.rules().rule(&alert.raised.rule);
                let rule = rule.map_or(OTHER_RULES, |rule| &rule.id);
                *open.entry(rule.to_owned()).or_insert(0) += 1;
            }
        })?;
    }
    Ok(metrics_text(indicators, &Metrics { open, newest }))
}

fn status(supervisor: &Supervisor, all: bool) -> anyhow::Result<()> {
    let replica = supervisor.follower().replica();
    let state = replica.state()?;
    let now = machine_time();
    let (mut total, mut shown) = (0u64, Vec::new());
    // Only their places: a ledger has alerts without bound, and their texts are read again one by one.
    state.alerts().each(|id, alert| {
        total += 1;
        if all || alert.is_open(now) {
            shown.push((alert.time, id));
        }
    })?;
    shown.sort_unstable();
    for (_, id) in &shown {
        let Some(alert) = state.alerts().get(id)? else {
            continue;
        };
        let standing = match (alert.acknowledged, alert.silent_until) {
            (Some(by), _) => format!("acknowledged by {}", name(state, &by)),
            (None, Some(until)) if until > now => format!("silent until {until}"),
            (None, _) => "open".to_owned(),
        };
        println!(
            "{id} {standing}: {} (raised by {})",
            said(state, &alert.raised),
            name(state, &alert.supervisor)
        );
    }
    println!("{} of {total} alerts", shown.len());
    Ok(())
}

fn print(state: &State, finding: &Finding) {
    println!(
        "{}: {}. {}",
        finding.severity.name(),
        said(state, &finding.alert),
        finding.words
    );
}

/// A rule that was not judged.
fn tell(state: &State, failure: &Failure) {
    let others = match failure.subjects {
        0 | 1 => String::new(),
        all => format!(" and {} others", all - 1),
    };
    println!(
        "not judged: {} for {}{others}, {} until {}. Correct the rule file; the other rules were judged",
        failure.fault,
        subject(state, &failure.subject),
        failure.from,
        failure.until
    );
}

fn subject(state: &State, subject: &AlertSubject) -> String {
    match subject {
        AlertSubject::Ledger => "the ledger".to_owned(),
        AlertSubject::Scale(scale) => format!("scale {scale}"),
        AlertSubject::Party(party) => name(state, party),
    }
}

fn said(state: &State, alert: &AlertRaised) -> String {
    let subject = subject(state, &alert.subject);
    format!(
        "{} for {subject}, {} until {}: {}, threshold {}",
        alert.rule, alert.from, alert.until, alert.value, alert.threshold
    )
}

fn name(state: &State, party: &PartyId) -> String {
    let known = state.parties().get(party);
    known.map_or_else(|| party.to_string(), |known| line(&known.name).to_string())
}
