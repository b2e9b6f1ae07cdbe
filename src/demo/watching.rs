//! The demonstration's indicators: the shipped rules over its log, and over a copy of it with a planted fraud.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use merits_indicators::{DEFAULT_RULES, Finding, Indicators, RuleFile};
use merits_ledger::{Entry, entry::EARN_BATCH};
use merits_supervisor::net::Supervisor;
use merits_verifier::entry::Leaf;

use crate::screen::{say, step, thousands};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The rule that finds the fraud.
const RULE: &str = "claims-jump";

/// Steady days before the fraud: as many as the rules remember, so that the demonstration itself is forgotten.
const STEADY_DAYS: u32 = 28;

pub(super) async fn watch(supervisor: &Supervisor) -> anyhow::Result<()> {
    step(16, "Indicators watch the log");
    supervisor.sync().await?;
    let (leaves, findings) = replay(supervisor, 1)?;
    let before = findings.iter().filter(|found| found.alert.rule == RULE);
    ensure!(
        before.count() == 0,
        "the shipped rules find a fraud in the honest log: {findings:?}"
    );
    // More than twice the mean and 20: the days before all have the batch's claims once.
    let claims = claims_of(&batch(supervisor)?)?;
    let times = 3 + 20 / claims;
    let (_, findings) = replay(supervisor, times)?;
    let mut found = findings.iter().filter(|found| found.alert.rule == RULE);
    let alert = &found
        .next()
        .context("the planted fraud was not found")?
        .alert;
    ensure!(
        found.next().is_none(),
        "one fraud was found twice: {findings:?}"
    );
    say(&format!(
        "The supervisor's program reads all {} leaves by the rules of a file, and raises what it finds as entries. A \
         month of honest days is added to a copy of the log in memory: nothing is found. In another copy the \
         distributor makes the last day's claims {times} times: rule {RULE} finds {} claims on {}, and its threshold \
         is {}.",
        thousands(leaves),
        thousands(alert.value),
        alert.from.day(),
        thousands(alert.threshold),
    ));
    Ok(())
}

/// The findings over the log, over steady days that each repeat one of its batches, and over a day on which that batch
/// comes `times` times. Also the log's own number of leaves.
fn replay(supervisor: &Supervisor, times: u64) -> anyhow::Result<(u64, Vec<Finding>)> {
    let batch = batch(supervisor)?;
    let replica = supervisor.follower().replica();
    let rules = RuleFile::read(DEFAULT_RULES)?;
    let mut indicators = Indicators::new(rules, replica.state()?.origin().as_str());
    let mut findings = Vec::new();
    let mut newest = batch.time;
    for leaf in replica.leaves() {
        let (index, leaf) = leaf?;
        findings.extend(indicators.observe(index, &leaf)?);
        newest = leaf.time;
    }
    let leaves = indicators.next();
    let days = (1..=STEADY_DAYS).map(|day| (day, 1));
    let end = [(STEADY_DAYS + 1, times), (STEADY_DAYS + 2, 1)];
    for (day, times) in days.chain(end) {
        let leaf = Leaf {
            time: newest + DAY * day,
            ..batch.clone()
        };
        for _ in 0..times {
            findings.extend(indicators.observe(indicators.next(), &leaf)?);
        }
    }
    let failures = indicators.take_failures();
    anyhow::ensure!(failures.is_empty(), "rules failed: {failures:?}");
    Ok((leaves, findings))
}

/// The log's first batch.
fn batch(supervisor: &Supervisor) -> anyhow::Result<Leaf> {
    let replica = supervisor.follower().replica();
    for leaf in replica.leaves() {
        let (_, leaf) = leaf?;
        if leaf.entry.kind == EARN_BATCH {
            return Ok(leaf);
        }
    }
    anyhow::bail!("the ledger has no batch")
}

fn claims_of(leaf: &Leaf) -> anyhow::Result<u64> {
    let entry = Entry::decode(leaf.entry.kind, &leaf.entry.statement);
    match entry.context("a known kind")?? {
        Entry::EarnBatch(batch) => Ok(batch.claims.len() as u64),
        _ => anyhow::bail!("not a batch"),
    }
}
