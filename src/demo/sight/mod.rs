//! `merits demo --record`: keeps everything that each role receives, and searches it for what the role must not see.
//!
//! [`super::wire`] keeps it, [`data`] knows what is looked for, [`fields`] names the place of what was found, and [`table`]
//! says who may receive what. This module judges, and [`checks`] shows that the search is neither blind nor
//! incomplete.

mod checks;
mod data;
mod fields;
mod table;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use merits_primitives::owner::Handle;
use merits_supervisor::net::Supervisor;

pub(crate) use self::table::{DISCLOSURE, VERIFIER};

use self::{
    checks::{
        Uses, all_entries_were_seen, all_services_were_seen, any_blob_is_named, nobody_goes_around,
        planted_leaks, what_is_there_is_found,
    },
    data::{Kind, Looked, Search},
    fields::Interface,
    table::{Of, Opened, Receiver},
};
use super::{
    SUPERVISOR_FOLDER,
    federation::{self, Federation},
    people::People,
    wire::{Message, Part, Recorder},
};
use crate::screen::{say, step, thousands};

/// Something that a role received.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    receiver: String,
    call: String,
    part: Part,
    field: String,
    kind: Kind,
    person: usize,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} received {} of person {}: {} ({}), {}",
            self.receiver,
            self.kind,
            self.person + 1,
            self.call,
            self.part.name(),
            self.field
        )
    }
}

/// Looks into messages.
struct Sight<'a> {
    interface: &'a Interface,
    search: Search<'a>,
}

impl Sight<'_> {
    /// What is in a message, whoever may see it.
    fn look(&self, message: &Message) -> anyhow::Result<BTreeSet<Found>> {
        let found = |hit: data::Hit, field: String| Found {
            receiver: message.receiver.clone(),
            call: message.call.clone(),
            part: message.part,
            field,
            kind: hit.kind,
            person: hit.person,
        };
        let mut all = BTreeSet::new();
        for hit in self.search.find(&message.heads) {
            all.insert(found(hit, "the headers".to_owned()));
        }
        let described = self.interface.received(&message.call, message.part);
        let frames = described.map(|_| fields::frames(&message.body));
        let frames = frames.unwrap_or_default();
        if let Some(compressed) = frames.iter().position(|frame| frame.compressed) {
            bail!(
                "message {compressed} of {} ({}) to {} is compressed, so it cannot be searched",
                message.call,
                message.part.name(),
                message.receiver
            );
        }
        for hit in self.search.find(&message.body) {
            let frame = frames.iter().find(|frame| frame.content.contains(&hit.at));
            let field = match (described, frame) {
                (Some(name), Some(frame)) => {
                    let bytes = message.body.get(frame.content.clone()).unwrap_or_default();
                    let place = self
                        .interface
                        .locate(name, bytes, hit.at - frame.content.start);
                    format!("field {place}")
                }
                _ => format!("byte {}", hit.at),
            };
            all.insert(found(hit, field));
        }
        Ok(all)
    }

    /// Looks into all messages. Nothing may be there that the table does not allow.
    fn judge(&self, messages: &[Message], opened: Opened<'_>) -> anyhow::Result<BTreeSet<Found>> {
        let mut all = BTreeSet::new();
        let mut refused = BTreeSet::new();
        for message in messages {
            for found in self.look(message)? {
                if !opened.allow(message, found.kind, found.person) {
                    refused.insert(found.clone());
                }
                all.insert(found);
            }
        }
        if refused.is_empty() {
            return Ok(all);
        }
        let mut told: Vec<String> = refused.iter().take(SHOWN).map(Found::to_string).collect();
        if refused.len() > SHOWN {
            told.push(format!("and {} more", refused.len() - SHOWN));
        }
        bail!(
            "a role received what its row in the table does not allow: {}",
            told.join("; ")
        )
    }
}

/// How much of what must not be there an error names.
const SHOWN: usize = 8;

/// What the search needs from the demonstration.
pub(crate) struct Played<'a> {
    pub(crate) federation: &'a Federation,
    pub(crate) people: &'a People,
    pub(crate) supervisor: &'a Supervisor,
    /// The source's file, and how many of its subjects play.
    pub(crate) records: (&'a Path, Option<usize>),
    /// Whose claim was opened.
    pub(crate) opened: Option<Handle>,
    /// Whether somebody redeemed, which takes credits.
    pub(crate) redeemed: bool,
}

/// Searches what every role received, writes it into a folder, and refuses what the table does not allow.
pub(crate) async fn search(
    played: &Played<'_>,
    recorder: &Recorder,
    folder: &Path,
) -> anyhow::Result<()> {
    step(17, "What each role received");
    played.supervisor.sync().await?;
    // Before the configurations name the servers again.
    nobody_goes_around(played.federation, recorder)?;
    let messages = recorder.messages();
    let Played {
        people, supervisor, ..
    } = *played;
    let looked = Looked::collect(played.federation, people, supervisor, played.records)?;
    let interface = Interface::read()?;
    let sight = Sight {
        interface: &interface,
        search: Search::new(&looked.patterns),
    };
    let pseudonyms = people.pseudonyms();
    let opened = Opened {
        requester: SUPERVISOR_FOLDER,
        person: (played.opened).and_then(|handle| pseudonyms.iter().position(|own| *own == handle)),
    };
    ensure!(
        opened.person.is_some() == played.opened.is_some(),
        "the pseudonym that was opened belongs to nobody who plays"
    );
    write_messages(folder, &messages)?;
    let found = sight.judge(&messages, opened)?;
    all_entries_were_seen(supervisor, &interface, &messages)?;
    let uses = Uses {
        redemptions: played.redeemed,
        blobs: any_blob_is_named(supervisor)?,
    };
    all_services_were_seen(&messages, uses)?;
    let everybody = people.persons.len();
    what_is_there_is_found(&found, everybody, opened, played)?;
    let planted = planted_leaks(&sight, &messages, &looked.patterns, opened)?;
    let report = report(&messages, &found, &looked, planted);
    federation::write(&folder.join("report.txt"), report.as_bytes())?;
    let bytes: usize = messages.iter().map(|message| message.body.len()).sum();
    say(&format!(
        "Everything that roles received was recorded: {} messages and files, {} bytes. It was searched for every record, \
         pseudonym, account, amount, identity number and secret of {everybody} people, in {} forms. Nobody received what \
         the table of roles does not allow. Then {} leaks were planted in copies of what was recorded, and each was \
         found. ({} numbers and names are too short to be told from others, and were looked for in no form.) See {}.",
        thousands(messages.len() as u64),
        thousands(bytes as u64),
        thousands(looked.patterns.len() as u64),
        thousands(planted as u64),
        thousands(looked.mistakable as u64),
        folder.join("report.txt").display(),
    ));
    Ok(())
}

/// Everything that a role received, in a file of its own: one message a line, as hexadecimal digits.
fn write_messages(folder: &Path, messages: &[Message]) -> anyhow::Result<()> {
    merits_guard::create_shared_folder(folder).with_context(|| folder.display().to_string())?;
    let mut by_receiver: BTreeMap<&str, String> = BTreeMap::new();
    for message in messages {
        let text = by_receiver.entry(&message.receiver).or_default();
        writeln!(
            text,
            "{}\t{}\t{}\t{}\t{}",
            message.part.name(),
            message.call,
            message.sender,
            hex::encode(&message.heads),
            hex::encode(&message.body)
        )?;
    }
    for (receiver, text) in by_receiver {
        let path: PathBuf = folder.join(format!("{receiver}.txt"));
        federation::write(&path, text.as_bytes())?;
    }
    Ok(())
}

/// What each role received, and of how many people which data were in it.
fn report(
    messages: &[Message],
    found: &BTreeSet<Found>,
    looked: &Looked,
    planted: usize,
) -> String {
    let mut text = format!(
        "{} forms looked for, {} data too short, {planted} planted leaks found\n",
        looked.patterns.len(),
        looked.mistakable
    );
    let receivers: BTreeSet<&str> = messages.iter().map(|message| &*message.receiver).collect();
    for receiver in receivers {
        let received = || {
            messages
                .iter()
                .filter(|message| message.receiver == receiver)
        };
        let bytes: usize = received().map(|message| message.body.len()).sum();
        text.push_str(&format!(
            "\n{receiver}: {} received, {bytes} bytes\n",
            received().count()
        ));
        let mut calls: BTreeMap<(Part, &str), usize> = BTreeMap::new();
        for message in received() {
            *calls.entry((message.part, &message.call)).or_default() += 1;
        }
        for ((part, call), count) in calls {
            text.push_str(&format!("  {count} x {call} ({})\n", part.name()));
        }
        for kind in Kind::ALL {
            let people: BTreeSet<usize> = found
                .iter()
                .filter(|found| found.receiver == receiver && found.kind == kind)
                .map(|found| found.person)
                .collect();
            let of = Receiver::of(receiver).map_or(Of::Nobody, |who| table::may(who, kind));
            text.push_str(&format!(
                "  {kind}: of {} people (allowed: {of})\n",
                people.len()
            ));
        }
    }
    text
}
