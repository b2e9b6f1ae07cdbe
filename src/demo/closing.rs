//! The demonstration's last screen: figures, what it left, what to try next.

use std::time::Duration;

use comfy_table::{Table, presets::UTF8_BORDERS_ONLY};

use super::{Story, federation::Federation};
use crate::screen::{seconds, thousands};

pub(super) fn print(federation: &Federation, story: &Story, total: Duration) {
    let summary = &story.summary;
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    let set_up = if story.key_was_there {
        "key loaded"
    } else {
        "key made (once)"
    };
    let mut row = |what: &str, value: String| {
        table.add_row([what.to_owned(), value]);
    };
    row(
        "records read",
        thousands(summary.reading.rows - summary.reading.left_out),
    );
    row("records rejected", thousands(summary.reading.rejected));
    row(
        &format!("{}s refused whole", federation.period_word()),
        thousands(summary.refused_groups.len() as u64),
    );
    row("claims", thousands(summary.proved.claims));
    row(
        &format!("credits ({})", federation.manifest.unit()),
        thousands(summary.submitted.earned.credits.0),
    );
    row("proofs", thousands(summary.proved.proofs));
    row("people with wallets", thousands(story.people as u64));
    row("tickets given", thousands(story.tickets as u64));
    if let Some((period, claims, sum)) = story.opened_total {
        row(
            &format!("opened total, {}", period.label()),
            format!("{} over {claims} claims", thousands(sum.0)),
        );
    }
    row(&format!("time: scale, {set_up}"), seconds(story.set_up));
    row(
        "time: reading, checking, forming",
        seconds(summary.times.reading + summary.times.ingesting + summary.times.forming),
    );
    row(
        "time: proving and submitting",
        seconds(summary.times.proving),
    );
    if summary.proved.claims > 0 {
        let each =
            summary.proved.elapsed / u32::try_from(summary.proved.claims).unwrap_or(u32::MAX);
        row("  a claim", seconds(each));
    }
    row(
        "time: registering people, one by one",
        seconds(story.registering),
    );
    row("time: links, tickets, deposits", seconds(story.consenting));
    if story.tickets > 0 {
        let each = story.consenting / u32::try_from(story.tickets).unwrap_or(u32::MAX);
        row("  a ticket", seconds(each));
    }
    row(
        "time: offer, vouchers, redemption",
        seconds(story.redeeming),
    );
    row("time: sponsor's verification", seconds(story.sponsor));
    row("time: clearing's audit", seconds(story.clearing));
    row("time: opening one claim", seconds(story.opening));
    row("time: all", seconds(total));
    println!("\n{table}");

    let path = |name: &str| federation.path(name).display().to_string();
    println!("\nWhat it left:");
    println!("  ledger      {}", path("coordinator/data/ledger.sqlite"));
    println!("  receipts    {}", path("receipts"));
    println!("  rejects     {}", path("distributor/rejects.csv"));
    println!("  wallets     {}", path("wallets"));
    let keys = federation.directory.parent().map(|data| data.join("keys"));
    if let Some(keys) = keys {
        println!(
            "  keys        {} (.r1cs, .zkey, verification_key.json)",
            keys.display()
        );
    }
    println!(
        "  one directory a role, with its config, in {}",
        federation.directory.display()
    );

    let receipt = std::fs::read_dir(federation.path("receipts"))
        .ok()
        .and_then(|mut files| files.next())
        .and_then(Result::ok)
        .map_or_else(
            || path("receipts"),
            |file| file.path().display().to_string(),
        );
    println!("\nTry next (merits = target/release/merits):");
    println!(
        "  merits verify {receipt} --kit {} --allow-dev-keys",
        path("kit")
    );
    println!(
        "  merits coordinator fsck --config {}",
        path("coordinator/coordinator.toml")
    );
    println!(
        "  merits coordinator serve --config {} &",
        path("coordinator/coordinator.toml")
    );
    let witness = path("witness-$n/cosigner.toml");
    println!("  for n in 1 2 3 4; do merits witness cosign serve --config {witness} & done");
    println!(
        "  merits board status --config {}",
        path("supervisor-2/supervisor.toml")
    );
    println!("  merits wallet history --dir {}", path("wallets/person-1"));
    println!(
        "  merits distributor status --config {}",
        path("distributor/distributor.toml")
    );
    println!(
        "  merits clearing audit --config {}",
        path("clearing/clearing.toml")
    );
}
