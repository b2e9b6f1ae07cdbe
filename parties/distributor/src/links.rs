//! The links file for a source that cannot link people: which pseudonym belongs to which account.
//!
//! On a ledger in custody the pseudonyms come from the custody seed; on a ledger with tickets, and
//! for a scale whose sources cannot link, from people's own tickets. In both cases the distributor
//! vouches for whose records these are.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use merits_primitives::{
    ids::{Origin, PartyId},
    owner::Handle,
};
use merits_records::bundle::{FileKind, Link, Links, LinksAuthor, LinksHeader, write_line};

use crate::custody::Custody;

/// Writes the links of accounts at a source, in the accounts' order. The same accounts always
/// give the same file.
///
/// # Errors
/// The writer's.
pub fn write_links(
    custody: &Custody,
    origin: &Origin,
    source: &PartyId,
    subjects: &BTreeSet<String>,
    out: &mut impl Write,
) -> io::Result<()> {
    let links = subjects
        .iter()
        .map(|subject| (subject.as_str(), custody.handle(subject, source)));
    write(origin, source, links, out)
}

/// The pseudonyms of accounts from people's tickets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TicketLinks {
    /// Pseudonyms by account.
    pub links: BTreeMap<String, Handle>,
    /// Accounts with tickets of two people, which are left out: the distributor must find out whose
    /// each is.
    pub disputed: BTreeSet<String>,
}

impl TicketLinks {
    /// Combines the data of single tickets.
    pub fn new(handles: impl IntoIterator<Item = (String, Handle)>) -> Self {
        let mut out = Self::default();
        for (subject, handle) in handles {
            let known = *out.links.entry(subject.clone()).or_insert(handle);
            if known != handle {
                out.disputed.insert(subject);
            }
        }
        let disputed = &out.disputed;
        out.links.retain(|subject, _| !disputed.contains(subject));
        out
    }

    /// Writes them, in the accounts' order.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&self, origin: &Origin, source: &PartyId, out: &mut impl Write) -> io::Result<()> {
        let links = self
            .links
            .iter()
            .map(|(subject, handle)| (subject.as_str(), *handle));
        write(origin, source, links, out)
    }
}

fn write<'a>(
    origin: &Origin,
    source: &PartyId,
    links: impl Iterator<Item = (&'a str, Handle)>,
    out: &mut impl Write,
) -> io::Result<()> {
    let header = LinksHeader {
        merits: Links::NAME.to_owned(),
        by: Some(LinksAuthor::Distributor),
        origin: origin.as_str().to_owned(),
        source: source.0,
    };
    write_line(out, &header)?;
    for (subject, handle) in links {
        let link = Link {
            subject: subject.to_owned(),
            h: handle,
        };
        write_line(out, &link)?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_primitives::Fr;

    /// A distributor may overwrite its own file.
    #[test]
    fn a_new_file_replaces_an_old_one() {
        let origin = Origin::new("links.test").expect("a good origin");
        let links = TicketLinks::new([("a".to_owned(), Handle(Fr::from(1u64)))]);
        let mut file = Vec::new();
        links
            .write(&origin, &PartyId([1; 32]), &mut file)
            .expect("memory");
        assert!(file.starts_with(Links::BEGINS));
    }

    #[test]
    fn an_account_of_two_people_gets_no_link() {
        let handle = |number: u64| Handle(Fr::from(number));
        let link = |name: &str, number| (name.to_owned(), handle(number));
        let said = [link("a", 1), link("b", 2), link("a", 1), link("b", 3)];
        let links = TicketLinks::new(said);
        assert_eq!(links.links, BTreeMap::from([link("a", 1)]));
        assert_eq!(links.disputed, BTreeSet::from(["b".to_owned()]));
    }
}
