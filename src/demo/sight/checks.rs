//! Shows that a search is worth something: nothing was left out of the record, what must be in it is found, and so are
//! leaks that are planted.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use anyhow::{Context as _, bail, ensure};
use merits_ledger::named_blobs::named_by;
use merits_supervisor::net::Supervisor;
use merits_verifier::codec::Canonical as _;

use super::{
    Found, Played, Sight,
    data::{Kind, Pattern},
    fields::{self, Interface},
    table::{ADD_CHECKPOINT, BLOBS, Opened, Receiver, SERVICES},
};
use crate::demo::{
    SUPERVISOR_FOLDER,
    federation::{self, Federation},
    wire::{Message, Part, Recorder},
};

/// Every configuration reaches servers through the recorder only. So no call can have been missed.
pub(super) fn nobody_goes_around(
    federation: &Federation,
    recorder: &Recorder,
) -> anyhow::Result<()> {
    let routes = recorder.routes();
    let servers: BTreeSet<_> = routes.iter().map(|route| route.server).collect();
    for path in federation.configurations()? {
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let around = servers
            .iter()
            .find(|server| text.contains(&federation::address(**server)));
        if let Some(server) = around {
            bail!(
                "{} names the server at {server} itself, so its calls were not recorded",
                path.display()
            );
        }
    }
    Ok(())
}

/// What only some demonstrations call for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Uses {
    /// Somebody redeemed at the exchange.
    pub(super) redemptions: bool,
    /// An entry names a blob: a verifying key that is too large for an entry.
    pub(super) blobs: bool,
}

/// Whether an entry of the log names a blob.
pub(super) fn any_blob_is_named(supervisor: &Supervisor) -> anyhow::Result<bool> {
    for leaf in supervisor.follower().replica().leaves() {
        let (_, leaf) = leaf?;
        if !named_by(&leaf.to_bytes()).is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Every entry of the log was in a request that was recorded.
pub(super) fn all_entries_were_seen(
    supervisor: &Supervisor,
    interface: &Interface,
    messages: &[Message],
) -> anyhow::Result<()> {
    let mut sent: HashSet<&[u8]> = HashSet::new();
    for message in messages
        .iter()
        .filter(|message| message.part == Part::Request)
    {
        let Some(name) = interface.received(&message.call, message.part) else {
            continue;
        };
        for frame in fields::frames(&message.body) {
            let bytes = message.body.get(frame.content).unwrap_or_default();
            sent.extend(interface.contents(name, bytes, "entry"));
        }
    }
    let replica = supervisor.follower().replica();
    for leaf in replica.leaves() {
        let (index, leaf) = leaf?;
        ensure!(
            sent.contains(leaf.entry.to_bytes().as_slice()),
            "entry {index} of the log was in no request that was recorded, so calls are missing"
        );
    }
    ensure!(!sent.is_empty(), "no entry was recorded");
    Ok(())
}

/// Of every service that the demonstration uses, requests to its role and answers to callers were recorded, and of no
/// other.
pub(super) fn all_services_were_seen(messages: &[Message], uses: Uses) -> anyhow::Result<()> {
    let role = |folder: &str| Receiver::of(folder).map(|receiver| receiver.to_string());
    let seen = |service: &str, server: &str| {
        let of = |message: &&Message| {
            let name = message
                .call
                .strip_prefix('/')
                .and_then(|path| path.split_once('/'));
            message.call == service || name.is_some_and(|(name, _)| name == service)
        };
        let requests = messages.iter().filter(of).filter(|message| {
            message.part == Part::Request && role(&message.receiver).as_deref() == Some(server)
        });
        let answers = messages.iter().filter(of).filter(|message| {
            message.part == Part::Answer && role(&message.sender).as_deref() == Some(server)
        });
        [requests.count(), answers.count()]
    };
    for (service, server) in SERVICES
        .into_iter()
        .chain([(ADD_CHECKPOINT, Some("witness"))])
    {
        match server {
            Some("exchange") if !uses.redemptions => {}
            Some(_) if service == BLOBS && !uses.blobs => {}
            Some(server) => ensure!(
                !seen(service, server).contains(&0),
                "no call of {service} to the {server} was recorded, though the demonstration makes such calls"
            ),
            None => {
                let path = format!("/{service}/");
                let called = messages
                    .iter()
                    .any(|message| message.call.starts_with(&path));
                ensure!(
                    !called,
                    "the demonstration calls {service}: say so in the table of services"
                );
            }
        }
    }
    Ok(())
}

/// What a role receives by its job is found: a search that finds nothing shows nothing.
pub(super) fn what_is_there_is_found(
    found: &BTreeSet<Found>,
    everybody: usize,
    opened: Opened<'_>,
    played: &Played<'_>,
) -> anyhow::Result<()> {
    let found_of = |receiver: &str, kind: Kind| -> BTreeSet<usize> {
        let of = found
            .iter()
            .filter(|found| found.receiver == receiver && found.kind == kind);
        of.map(|found| found.person).collect()
    };
    let must = |receiver: &str, kind: Kind| {
        let count = found_of(receiver, kind).len();
        ensure!(
            count == everybody,
            "the search finds {kind} of {count} of {everybody} people in what {receiver} received, though all are there"
        );
        Ok(())
    };
    for follower in [
        "coordinator",
        "sponsor",
        "clearing",
        "wallets",
        "witness-1",
        SUPERVISOR_FOLDER,
    ] {
        must(follower, Kind::Commitment)?;
    }
    if played.redeemed {
        must("exchange", Kind::Commitment)?;
    }
    must("registrar", Kind::Number)?;
    for receiver in ["source", "distributor"] {
        must(receiver, Kind::Record)?;
        if !played.federation.manifest.vouched() {
            must(receiver, Kind::Pseudonym)?;
        }
    }
    let disclosed = found_of(opened.requester, Kind::Pseudonym);
    ensure!(
        disclosed == opened.person.into_iter().collect(),
        "the claim of one person was opened, and {} pseudonyms were disclosed",
        disclosed.len()
    );
    Ok(())
}

/// Plants each kind of data that a receiver must not have, in each of its forms, into a copy of a message that it did
/// receive, and counts them. Each must be found.
pub(super) fn planted_leaks(
    sight: &Sight<'_>,
    messages: &[Message],
    patterns: &[Pattern],
    opened: Opened<'_>,
) -> anyhow::Result<usize> {
    let mut hosts: BTreeMap<(&str, Part), &Message> = BTreeMap::new();
    for message in messages {
        let host = hosts
            .entry((&message.receiver, message.part))
            .or_insert(message);
        // The shortest, which is searched the most quickly.
        if message.body.len() < host.body.len() {
            *host = message;
        }
    }
    let mut planted = 0;
    for host in hosts.into_values() {
        for kind in Kind::ALL {
            // Of the first person of whom the receiver may not have it.
            let foreign = patterns
                .iter()
                .filter(|pattern| pattern.kind == kind)
                .filter(|pattern| !opened.allow(host, kind, pattern.person));
            let person = foreign.clone().map(|pattern| pattern.person).next();
            for pattern in foreign.filter(|pattern| Some(pattern.person) == person) {
                let leaking = plant(host, &pattern.bytes);
                let found = sight.look(&leaking)?;
                let is_found = found
                    .iter()
                    .any(|found| found.kind == kind && found.person == pattern.person);
                ensure!(
                    is_found && sight.judge(std::slice::from_ref(&leaking), opened).is_err(),
                    "the search does not see {kind} that was planted in {} to {}",
                    host.call,
                    host.receiver
                );
                planted += 1;
            }
        }
    }
    Ok(planted)
}

/// A copy of a message with one more datum: in the first field of one more gRPC message, or at the end.
fn plant(host: &Message, datum: &[u8]) -> Message {
    let mut leaking = host.clone();
    if host.call.starts_with('/') && host.part != Part::Handed {
        // Whatever was cut off at the end of the body would swallow it.
        let whole = fields::frames(&host.body)
            .last()
            .map_or(0, |last| last.content.end);
        leaking.body.truncate(whole);
        let mut field = vec![1 << 3 | 2];
        let mut length = datum.len();
        while length > 0x7f {
            field.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        field.push((length & 0x7f) as u8);
        field.extend_from_slice(datum);
        leaking.body.push(0);
        leaking.body.extend((field.len() as u32).to_be_bytes());
        leaking.body.extend(field);
    } else {
        leaking.body.push(b' ');
        leaking.body.extend_from_slice(datum);
    }
    leaking
}
