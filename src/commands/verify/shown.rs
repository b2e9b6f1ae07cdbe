//! What a verified entry shows, in words, and what it rests on.

use merits_ledger::{Entry, State, entry::EarnBatch};
use merits_primitives::ids::{EntryId, Expiry, PartyId, Period, PeriodKind};
use merits_sponsor::offline::VerifiedEntry;

use crate::screen::thousands;

/// Prints who signed the entry, what its proof shows, and what nobody can tell from it alone.
pub(super) fn print(state: &State, verified: &VerifiedEntry) -> anyhow::Result<()> {
    match (&verified.party, &verified.entry) {
        (None, _) => println!("signatures  none: a person made it, and its proof speaks alone"),
        (Some(party), Entry::EarnBatch(batch)) => println!(
            "signatures  yes: distributor {} and source {}",
            name(state, party),
            name(state, &batch.source)
        ),
        (Some(party), _) => println!("signatures  yes: {}", name(state, party)),
    }
    match &verified.entry {
        Entry::EarnBatch(batch) => {
            println!(
                "proof       yes: {} claims of {} version {} follow its formula, period {}",
                batch.claims.len(),
                batch.scale,
                batch.version.0,
                batch.period.label(),
            );
            print_figures(state, batch)?;
        }
        Entry::TicketDeposited(deposit) => {
            println!(
                "proof       yes: a person consents to this distributor for {} version {}, period \
                 {}, records of {}",
                deposit.scale,
                deposit.version.0,
                deposit.period.label(),
                name(state, &deposit.source)
            );
            println!("terms       {}", hex::encode(deposit.terms));
            rests("that the person was registered, and has no other ticket for the period");
        }
        Entry::ConsentWithdrawn(withdrawn) => {
            println!(
                "proof       yes: whoever gave the consent with nullifier {} takes it back",
                withdrawn.nullifier
            );
            rests("that the person was registered still");
        }
        Entry::Redeemed(redeemed) => {
            let offer = state.offers().get(&redeemed.offer);
            let offer = offer.map(|offer| &offer.published);
            println!(
                "proof       yes: somebody spent {} credits{} on offer {}{}",
                offer.map_or(0, |offer| offer.price.0),
                offer.map_or(String::new(), |offer| format!(" of {}", offer.scale)),
                short(&redeemed.offer),
                offer.map_or(String::new(), |offer| format!(" ({:?})", offer.title)),
            );
            rests("that the credits were earned, and are spent once");
        }
        Entry::Attested(attested) => {
            println!(
                "proof       yes: somebody owned at least {} credits of {}, good until before {}",
                thousands(attested.floor.0),
                attested.scale,
                first_day(attested.expiry)
            );
            rests("that the credits were earned and not spent before");
        }
        other => println!(
            "proof       none: entries of the kind `{}` have none",
            other.kind_name()
        ),
    }
    Ok(())
}

/// Of people and notes a kit has nothing: what the log took is the log's word.
fn rests(what: &str) {
    println!(
        "not checked {what}: that is the log's word, whose copy tells (`merits audit replay`)"
    );
}

/// The public numbers that the proof counts with: those in force in the batch's period.
fn print_figures(state: &State, batch: &EarnBatch) -> anyhow::Result<()> {
    let terms = &state.scales().version(&batch.scale, batch.version)?.terms;
    for (name, value) in terms.figures.in_words(batch.period) {
        println!("figure      {name} = {value}");
    }
    Ok(())
}

/// A party as it was admitted.
fn name(state: &State, party: &PartyId) -> String {
    match state.parties().get(party) {
        Some(known) => format!("{} ({party})", known.name),
        None => party.to_string(),
    }
}

fn short(id: &EntryId) -> String {
    id.to_hex().chars().take(16).collect()
}

fn first_day(expiry: Expiry) -> String {
    let (kind, index) = (PeriodKind::Month, expiry.0);
    format!("{}-01", Period { kind, index }.label())
}
