//! Links: who may say which account is whose, and one account a person.

use merits_guard::output::Output;
use merits_ledger_fixture::{Citizen, Stage};
use merits_primitives::{
    Fr,
    ids::{Origin, PartyId, Period},
    message::link_message,
    nullifier::Nullifier,
    owner::{self, Handle, OwnerKey},
    scope::source_scope,
};
use merits_records::{
    SubjectPeriod,
    bundle::{FileKind as _, FileReader, Link, Links},
    handover::{Handover as _, HandoverError, LinkFile},
};
use merits_source::{LinkChecker, LinkFault, Linked, LinksError, LinksFile, signing::Pseudonyms};
use merits_verifier::{Statement as _, statement::ticket::TicketStatement};
use rand::rngs::StdRng;

fn stage(people: u64) -> Stage<StdRng> {
    let mut stage = Stage::new(rand::make_rng::<StdRng>()).expect("a federation");
    for number in 0..people {
        stage.register(&Citizen::new(number)).expect("registered");
    }
    stage
}

/// A link as a wallet makes it, proven by the fixture's trapdoor.
fn link(stage: &mut Stage<StdRng>, citizen: &Citizen, account: &str) -> LinkFile {
    let (origin, source) = (stage.federation.origin.clone(), stage.federation.source.id);
    let scope = source_scope(&source);
    let handle = owner::handle(&citizen.secret(), scope);
    let start = stage.time.day();
    let statement = TicketStatement {
        root: stage.state().people().group().root().expect("people"),
        scope,
        nullifier: Nullifier(handle.0),
        b: owner::bind(&OwnerKey(Fr::from(1u64)), &handle).b,
        message: link_message(&origin, &source, account),
        start,
    };
    let key = &stage.federation.ticket_key;
    let proof = key
        .prove(&statement.public_inputs(), &mut stage.rng)
        .expect("the trapdoor proves anything");
    LinkFile {
        merits: LinkFile::NAME.to_owned(),
        origin: origin.to_string(),
        source: source.0,
        account: account.to_owned(),
        h: handle,
        root: statement.root,
        b: statement.b,
        start,
        proof: proof.to_bytes(),
    }
}

fn check(stage: &Stage<StdRng>, link: &LinkFile) -> Result<(), LinkFault> {
    LinkChecker::new(stage.state(), stage.federation.source.id, stage.time).check(link)
}

#[test]
fn a_link_is_of_this_person_account_source_and_ledger() {
    let mut stage = stage(2);
    let good = link(&mut stage, &Citizen::new(0), "rider 4");
    check(&stage, &good).expect("it holds");
    let other_h = owner::handle(
        &Citizen::new(1).secret(),
        source_scope(&stage.federation.source.id),
    );
    for change in [
        |link: &mut LinkFile, _: Handle| link.account = "rider 5".to_owned(),
        |link: &mut LinkFile, other: Handle| link.h = other,
        |link: &mut LinkFile, _: Handle| link.b.0 += Fr::from(1u64),
        |link: &mut LinkFile, _: Handle| link.start.0 -= 1,
    ] {
        let mut bad = good.clone();
        change(&mut bad, other_h);
        let fault = check(&stage, &bad).expect_err("refused");
        assert!(matches!(fault, LinkFault::Proof(_)), "{fault}");
    }
    let fault = |change: &dyn Fn(&mut LinkFile)| {
        let mut bad = good.clone();
        change(&mut bad);
        check(&stage, &bad).expect_err("refused")
    };
    let found = fault(&|link| link.origin = "elsewhere".to_owned());
    let foreign = matches!(
        found,
        LinkFault::Handover(HandoverError::OtherOrigin { .. })
    );
    assert!(foreign, "{found}");
    let found = fault(&|link| link.source = [9; 32]);
    let foreign = matches!(found, LinkFault::Handover(HandoverError::OtherParty { .. }));
    assert!(foreign, "{found}");
    let found = fault(&|link| link.start.0 += 1);
    assert!(matches!(found, LinkFault::Early), "{found}");
    let found = fault(&|link| link.account.clear());
    assert!(matches!(found, LinkFault::NoAccount), "{found}");
    let found = fault(&|link| link.root.0 += Fr::from(1u64));
    assert!(matches!(found, LinkFault::OldRoot), "{found}");

    // Another source has another scope: what holds there says nothing here.
    let issuer = stage.federation.issuer.id;
    let mut elsewhere = good.clone();
    elsewhere.source = issuer.0;
    let found = LinkChecker::new(stage.state(), issuer, stage.time)
        .check(&elsewhere)
        .expect_err("refused");
    assert!(matches!(found, LinkFault::Proof(_)), "{found}");

    // The group has moved on for more than an hour.
    stage.wait(7_200);
    stage.register(&Citizen::new(2)).expect("registered");
    stage.wait(7_200);
    stage.register(&Citizen::new(3)).expect("registered");
    let found = check(&stage, &good).expect_err("refused");
    assert!(matches!(found, LinkFault::OldRoot), "{found}");
}

#[test]
fn one_account_has_one_person_and_one_person_one_account() {
    let mut stage = stage(2);
    let (one, other) = (Citizen::new(0), Citizen::new(1));
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("links.jsonl");
    let (origin, source) = (stage.federation.origin.clone(), stage.federation.source.id);
    let open = || LinksFile::open(&path, &origin, source).expect("it opens");
    let mut links = open();
    assert!(links.is_empty());
    let first = link(&mut stage, &one, "rider 4");
    assert_eq!(take(&mut links, &first, false).expect("taken"), Linked::New);
    assert_eq!(
        take(&mut links, &first, false).expect("taken"),
        Linked::Known
    );
    links.write().expect("written");

    let mut links = open();
    assert_eq!(links.len(), 1);
    // The account of somebody else, and a second account of the same person.
    let stolen = link(&mut stage, &other, "rider 4");
    let fault = take(&mut links, &stolen, false).expect_err("refused");
    assert!(matches!(fault, LinkFault::OtherPseudonym), "{fault}");
    let second = link(&mut stage, &one, "rider 5");
    for replace in [false, true] {
        let fault = take(&mut links, &second, replace).expect_err("refused");
        assert!(matches!(fault, LinkFault::OtherAccount), "{fault}");
    }
    // Sold to somebody else: the source says so, and the first person may have another account.
    assert_eq!(
        take(&mut links, &stolen, true).expect("taken"),
        Linked::Replaced
    );
    assert_eq!(
        take(&mut links, &second, false).expect("taken"),
        Linked::New
    );
    links.write().expect("written");

    // What `merits source sign` reads.
    let text = std::fs::read(&path).expect("there");
    let riders = ["rider 4", "rider 5"].map(group);
    let read = Pseudonyms::read(&text[..], origin.as_str(), source, &riders).expect("links");
    assert_eq!(read.get("rider 4"), Some(stolen.h));
    assert_eq!(read.get("rider 5"), Some(second.h));
    let mut links = open();
    assert_eq!(
        take(&mut links, &second, false).expect("there"),
        Linked::Known
    );

    // If two lines contradict each other, neither is dropped silently.
    let text = String::from_utf8(text).expect("text");
    let fifth = text.lines().last().expect("a line");
    for (changed, says) in [
        (text.replace("rider 5", "rider 4"), "two pseudonyms"),
        (
            format!("{text}{}\n", fifth.replace("rider 5", "rider 6")),
            "have one pseudonym",
        ),
    ] {
        let other = dir.path().join("changed.jsonl");
        std::fs::write(&other, changed).expect("written");
        let fault = LinksFile::open(&other, &origin, source).expect_err("refused");
        assert!(fault.to_string().contains(says), "{fault}");
    }
    // A distributor's file is the source's once links of people are in it: no distributor replaces it any more.
    let others = format!(
        "{}{}",
        String::from_utf8_lossy(Links::BEGINS),
        text.split_once(',').expect("a header").1
    );
    let merged = dir.path().join("merged.jsonl");
    std::fs::write(&merged, others).expect("written");
    Output::check(&merged, Links::KIND).expect("a distributor's");
    let links = LinksFile::open(&merged, &origin, source).expect("it opens");
    assert_eq!(links.len(), 2);
    links.write().expect("written");
    for kept in [&merged, &path] {
        Output::check(kept, Links::KIND).expect_err("people's links are in it");
    }
    assert_eq!(std::fs::read_to_string(&merged).expect("there"), text);
    // The same line twice says nothing new, and is written once.
    std::fs::write(&path, format!("{text}{fifth}\n")).expect("written");
    let links = open();
    assert_eq!(links.len(), 2);
    links.write().expect("written");
    assert_eq!(std::fs::read_to_string(&path).expect("there"), text);

    // Somebody else's file is not written over.
    for (origin, source) in [
        (Origin::new("elsewhere").expect("a name"), source),
        (origin.clone(), PartyId([3; 32])),
    ] {
        let opened = LinksFile::open(&path, &origin, source);
        assert!(matches!(opened, Err(LinksError::Foreign { .. })));
    }
}

/// Another spelling of a linked account would be a second cap: a person decides about it.
#[test]
fn an_account_that_only_looks_new_is_put_aside() {
    let mut stage = stage(2);
    let (one, other) = (Citizen::new(0), Citizen::new(1));
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("links.jsonl");
    let (origin, source) = (stage.federation.origin.clone(), stage.federation.source.id);
    let open = || LinksFile::open(&path, &origin, source).expect("it opens");
    let mut links = open();
    let first = link(&mut stage, &one, "rider 4o");
    assert_eq!(take(&mut links, &first, false).expect("taken"), Linked::New);
    links.write().expect("written");
    let mut links = open();
    // Case, full width, a Cyrillic letter, a zero.
    for account in ["Rider 4O", "rider　４ｏ", "rid\u{435}r 4o", "rider 40"] {
        let alike = link(&mut stage, &other, account);
        let fault = take(&mut links, &alike, false).expect_err("put aside");
        assert!(
            matches!(&fault, LinkFault::LooksLike { known, .. } if known == "rider 4o"),
            "{fault}"
        );
        assert_eq!(links.len(), 1);
    }
    // Somebody looked: they are two people.
    let mut links = open().distinct(true);
    let alike = link(&mut stage, &other, "rider 40");
    assert_eq!(take(&mut links, &alike, false).expect("taken"), Linked::New);
    assert_eq!(links.len(), 2);
}

/// A new line goes where it belongs in a sorted file, a replaced one stays in its place, and of a run no more is
/// kept than its own links.
#[test]
fn the_file_is_copied_line_by_line() {
    let mut stage = stage(3);
    let (one, other, third) = (Citizen::new(0), Citizen::new(1), Citizen::new(2));
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("links.jsonl");
    let (origin, source) = (stage.federation.origin.clone(), stage.federation.source.id);
    let open = || LinksFile::open(&path, &origin, source).expect("it opens");
    let mut links = open();
    for (citizen, account) in [(&one, "rider 2"), (&other, "rider 4")] {
        let made = link(&mut stage, citizen, account);
        take(&mut links, &made, false).expect("taken");
    }
    links.write().expect("written");
    let accounts = || {
        let text = std::fs::read(&path).expect("there");
        let (_, lines) = FileReader::<Links, _>::open(&text[..]).expect("links");
        let lines: Result<Vec<Link>, _> = lines.collect();
        lines.expect("whole lines")
    };
    let before = accounts();
    assert_eq!(before[0].subject, "rider 2");
    // Both in one run, and in another order than the file's.
    let (new, sold) = (
        link(&mut stage, &other, "rider 3"),
        link(&mut stage, &third, "rider 4"),
    );
    let mut links = open();
    let mut recalled = links.recall([&sold, &new]).expect("read");
    let strange = link(&mut stage, &one, "rider 9");
    let fault = recalled.link(&strange, false).expect_err("not asked for");
    assert!(matches!(fault, LinkFault::NotRecalled), "{fault}");
    let early = recalled.link(&new, false).expect_err("still linked");
    assert!(matches!(early, LinkFault::OtherAccount), "{early}");
    let replaced = recalled.link(&sold, true).expect("taken");
    assert_eq!(replaced, Linked::Replaced);
    assert_eq!(recalled.link(&new, false).expect("taken"), Linked::New);
    // What is taken in and not written yet counts in a later run too.
    let fault = take(&mut links, &link(&mut stage, &third, "rider 8"), false);
    assert!(matches!(fault, Err(LinkFault::OtherAccount)), "{fault:?}");
    assert_eq!(links.len(), 3);
    links.write().expect("written");
    let after = accounts();
    let names: Vec<&str> = after.iter().map(|link| link.subject.as_str()).collect();
    assert_eq!(names, ["rider 2", "rider 3", "rider 4"]);
    assert_eq!(after[0], before[0]);
    assert_eq!([after[1].h, after[2].h], [new.h, sold.h]);
}

/// Takes one link in, as a run of its own.
fn take(links: &mut LinksFile, link: &LinkFile, replace: bool) -> Result<Linked, LinkFault> {
    links.recall([link]).expect("read").link(link, replace)
}

/// An account in a run that signs.
fn group(subject: &str) -> SubjectPeriod {
    SubjectPeriod {
        subject: subject.to_owned(),
        period: Period::from_label("2026-05").expect("a month"),
        records: Vec::new(),
    }
}
