//! A distributor's reports on the screen.

use std::path::Path;

use merits_distributor::{
    LinksReport, StatusReport, TicketReport,
    consents::Wait,
    depositing::DepositReport,
    store::Imported,
    summary::{Outcome, RunSummary},
};

use crate::screen::{self, VOUCHED, thousands};

pub(super) fn links(report: &LinksReport, output: &Path) {
    for account in &report.disputed {
        println!("left out: {account}: two people gave tickets for this account");
    }
    println!(
        "wrote pseudonyms of {} accounts to {}",
        report.accounts,
        output.display()
    );
    if report.vouched {
        println!("{VOUCHED}");
    }
}

pub(super) fn status(report: &StatusReport) {
    let (counts, tickets) = (&report.counts, &report.tickets);
    println!("scale       {}", report.scale);
    println!("subjects    {}", thousands(counts.subjects));
    println!(
        "claims      {} in no batch yet, {} on the ledger, {} refused",
        counts.ingested, counts.acknowledged, counts.refused
    );
    println!(
        "batches     {} to prove, {} in the outbox, {} on the ledger, {} refused",
        counts.formed, counts.outbox, counts.acknowledged_batches, counts.refused_batches
    );
    if tickets.total() > 0 {
        println!(
            "tickets     {} to deposit, {} on the ledger, {} claimed with, {} lapsed, \
             {} refused, {} taken back",
            tickets.imported,
            tickets.deposited,
            tickets.claimed,
            tickets.lapsed,
            tickets.refused,
            tickets.withdrawn
        );
    }
    outlook(report);
    for aside in &report.aside {
        println!("waiting     {aside}");
    }
    if report.lost_earnings > 0 {
        println!(
            "LOST        what {} claims on the ledger earn: restore the store from a copy",
            thousands(report.lost_earnings)
        );
    }
    if report.vouched {
        println!("note        {VOUCHED}: its sources cannot link people");
    }
    for (entry, refusal) in &report.refusals {
        println!("refused     {entry}: {refusal}");
    }
    for (entry, refusal) in &report.ticket_refusals {
        println!("refused     ticket {entry}: {refusal}");
    }
}

/// Prints how many deeds the next run would claim, and why it would not claim the others.
fn outlook(report: &StatusReport) {
    let (ready, waiting) = (report.outlook.ready, &report.outlook.waiting);
    if ready + waiting.total() == 0 {
        return;
    }
    println!("ready       {ready} for the next `merits distributor run`");
    for (reason, count) in &waiting.without_terms {
        println!("waiting     {count}: {reason}");
    }
    for (reason, count) in &waiting.counts {
        println!("waiting     {count}: {reason}");
    }
    if let Some(why) = &report.not_compared {
        println!("note        \"ready\" was not compared with the ledger: {why}");
    }
}

/// Prints the result for a ticket's file, and returns whether the ticket is usable.
pub(super) fn ticket(report: &TicketReport) -> bool {
    let path = report.path.display();
    match &report.outcome {
        Ok(Imported::New) => println!("{path}: taken in"),
        Ok(Imported::Known) => println!("{path}: known"),
        Ok(Imported::Again) => println!("{path}: taken in again, it was refused before"),
        Ok(Imported::Standing) => {
            println!("{path}: not needed, another ticket of the account is valid");
        }
        Ok(Imported::Over) => {
            println!("REFUSED {path}: it lapsed or was taken back; a new one is needed");
            return false;
        }
        Ok(Imported::LooksLike(known)) => {
            println!(
                "REFUSED {path}: its account has no records here and looks like {known:?}, which has: \
                 find out whether they are one person's. If they are two people, name the new one in \
                 `distinct_accounts` of the configuration and import again; if not, the person has to \
                 consent again, with the right name of the account"
            );
            return false;
        }
        Err(fault) => {
            println!("REFUSED {path}: {fault}");
            return false;
        }
    }
    true
}

pub(super) fn deposits(report: &DepositReport) {
    for (entry, fault) in &report.refused {
        println!("REFUSED ticket {entry}: {fault}");
    }
    for entry in &report.damaged {
        println!("REFUSED ticket {entry}: the stored ticket is damaged: import it again");
    }
}

pub(super) fn run(summary: &RunSummary) {
    let (rows, ingest) = (&summary.reading, &summary.ingest);
    println!(
        "{} rows read, {} rejected; {} new claims taken in, {} known, {} not taken",
        thousands(rows.rows),
        thousands(rows.rejected),
        ingest.ingested,
        ingest.known,
        ingest.untaken.len()
    );
    for group in &summary.refused_groups {
        println!("refused: {group}");
    }
    for untaken in &ingest.untaken {
        println!("not taken: {untaken}");
    }
    println!(
        "{} proofs over {} claims in {}; {} batches acknowledged",
        summary.proved.proofs,
        summary.proved.claims,
        screen::seconds(summary.proved.elapsed),
        summary.submitted.acknowledged
    );
    for (entry, fault) in &summary.submitted.refused {
        println!("REFUSED {entry}: {fault}");
    }
    consents(summary);
    let lost = summary.lost_earnings.max(summary.submitted.unopened);
    if lost > 0 {
        println!(
            "LOST: the store no longer has what {} claims on the ledger earn: restore it from a copy",
            thousands(lost)
        );
    }
    if summary.outcome() == Outcome::Nothing {
        println!("NOTHING WAS TAKEN IN OR CLAIMED");
    }
}

/// Prints what the run learned of people's consents, and what waits.
fn consents(summary: &RunSummary) {
    deposits(&summary.deposits);
    for erased in &summary.followed.erased {
        println!(
            "consent taken back: {} in {}: {} deeds dropped, the records of {} on the ledger \
             deleted; their proofs still verify",
            erased.subject.as_deref().unwrap_or("a forgotten account"),
            erased.period.label(),
            erased.records.dropped,
            erased.records.shredded
        );
    }
    if summary.followed.lapsed > 0 {
        println!("{} tickets lapsed", summary.followed.lapsed);
    }
    let waiting = &summary.formed.waiting;
    for (reason, count) in &waiting.without_terms {
        println!("waiting: {count}: {reason}");
    }
    for aside in &summary.aside {
        println!("waiting: {aside}");
    }
    if summary.submitted.damaged > 0 {
        println!(
            "{} proven batches were damaged in the store and are proven again",
            summary.submitted.damaged
        );
    }
    for (reason, count) in &waiting.counts {
        println!("waiting: {count}: {reason}");
    }
    for (account, period) in &waiting.other_person {
        println!(
            "waiting: {account} in {}: {}",
            period.label(),
            Wait::OtherPerson
        );
    }
}
