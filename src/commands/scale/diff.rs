//! `merits scale diff`: what a new version changes, and what the change requires.

use std::{path::Path, process::ExitCode};

use merits_params::manifest::diff;

use super::file;
use crate::screen::say;

pub(super) fn run(old: &Path, new: &Path) -> anyhow::Result<ExitCode> {
    // The old version may have been approved before the checks refused something in it.
    let (before, after) = (file::read_approved(old)?, file::read(new)?);
    println!(
        "{} version {} -> {} version {}",
        before.id(),
        before.version().0,
        after.id(),
        after.version().0
    );
    let difference = diff(&before, &after);
    println!("\nchanges");
    if difference.changes.is_empty() {
        say("none");
    }
    for change in &difference.changes {
        say(&change.to_string());
    }
    if !difference.examples.is_empty() {
        println!("\nexamples of the old version, under the new one");
        for example in &difference.examples {
            say(&example.to_string());
        }
    }
    println!("\nkey");
    if difference.new_key.is_empty() {
        say("the same: the shape of the circuit is unchanged, only numbers that are public inputs");
    } else {
        say("a new one, made and proposed with this version, because the shape is another:");
        for reason in &difference.new_key {
            say(&format!("- {reason}"));
        }
    }
    println!("   shape before  {}", hex::encode(before.shape().digest()));
    println!("   shape after   {}", hex::encode(after.shape().digest()));
    if difference.refused.is_empty() {
        println!("\nthe new version may follow the old one");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("error: the new version cannot follow the old one");
    for reason in &difference.refused {
        eprintln!("  {reason}");
    }
    Ok(ExitCode::FAILURE)
}
