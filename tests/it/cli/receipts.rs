//! `merits verify` on the receipt of a real batch, and on what damage and deceit make of it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use crate::cli::{
    founding::Ledger,
    run::{Ran, edit, merits, root},
};

/// A kit and the receipt of a batch, made by `tests/by_hand/run.sh --fixtures`.
pub(crate) fn fixtures() -> PathBuf {
    root().join("tests/it/cli/federation")
}

/// The fixture's log.
const ORIGIN: &str = "ledger.example.org/merits";

/// A copy to be damaged.
fn copy() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (from, to) = (fixtures(), directory.path());
    fs::create_dir(to.join("kit")).expect("made");
    fs::copy(from.join("batch.receipt"), to.join("batch.receipt")).expect("copied");
    for file in fs::read_dir(from.join("kit")).expect("the kit").flatten() {
        fs::copy(file.path(), to.join("kit").join(file.file_name())).expect("copied");
    }
    directory
}

fn verify(directory: &Path, receipt: &str) -> Ran {
    merits(
        directory,
        &["verify", receipt, "--kit", "kit", "--allow-dev-keys"],
    )
}

#[test]
fn a_batch_verifies_offline() {
    let ran = verify(&fixtures(), "batch.receipt");
    ran.succeeds("included    yes")
        .succeeds("witnesses   no witnesses")
        .succeeds("signatures  yes: distributor green-city-app")
        .succeeds("proof       yes: ")
        .succeeds(" claims of cycling-week version 1 follow its formula")
        .succeeds("figure      factor = 162.72");
}

/// The log signed the receipt, and nobody cosigned it.
#[test]
fn a_receipt_without_the_cosignatures_that_are_demanded_is_refused() {
    const WITNESS: &str =
        "witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU";
    let directory = fixtures();
    let run = |arguments: &[&str]| {
        let mut all = vec![
            "verify",
            "batch.receipt",
            "--kit",
            "kit",
            "--allow-dev-keys",
        ];
        all.extend(arguments);
        merits(&directory, &all)
    };
    run(&["--witness", WITNESS, "--threshold", "1"]).refuses(&["0 of 1", "demands 1"]);
    let unsafe_policy = ["--witness", WITNESS, "--threshold", "1", "--faulty", "1"];
    run(&unsafe_policy).refuses(&["--threshold", "two histories"]);
    run(&["--witness", "x", "--threshold", "1"]).refuses(&["--witness", "not a witness key"]);
    run(&["--witness", WITNESS]).is_misused(&["--threshold"]);
}

#[test]
fn a_key_of_one_party_needs_consent() {
    merits(&fixtures(), &["verify", "batch.receipt", "--kit", "kit"]).refuses(&[
        "insecure-dev",
        "--allow-dev-keys",
        "scale-proposed",
    ]);
}

#[test]
fn entries_without_a_proof_are_told_as_such() {
    verify(&fixtures(), "kit/00000000-party-admitted.receipt")
        .succeeds("entries of the kind `party admitted` have none")
        .succeeds("name        city-supervisor")
        .succeeds("roles       supervisor")
        .succeeds("rules       yes");
    verify(&fixtures(), "kit/00000009-act-proposed.receipt")
        .succeeds("entries of the kind `act proposed` have none")
        .succeeds("act         ")
        .succeeds("signatures  yes: city-supervisor")
        .succeeds("rules       yes");
}

#[test]
fn a_damaged_receipt_is_refused_for_its_damage() {
    let good = fs::read_to_string(fixtures().join("batch.receipt")).expect("the receipt");
    let lines: Vec<&str> = good.lines().collect();
    // The receipt is text: a head, the leaf, its index, hashes, and the signed checkpoint.
    let leaf = lines[1].strip_prefix("extra ").expect("the leaf's line");
    let origin = lines.iter().position(|line| *line == ORIGIN);
    let size = lines[origin.expect("the checkpoint") + 1];
    let size: u64 = size.parse().expect("the size of the tree");
    let flip = |text: &str, at: usize| {
        let other = if text.as_bytes()[at] == b'A' {
            "B"
        } else {
            "A"
        };
        format!("{}{other}{}", &text[..at], &text[at + 1..])
    };
    for (what, damaged, names) in [
        (
            "cut off",
            good[..good.len() / 2].to_owned(),
            &["damaged.receipt"][..],
        ),
        ("empty", String::new(), &["damaged.receipt"]),
        (
            "another leaf",
            good.replace(leaf, &flip(leaf, leaf.len() / 2)),
            &["damaged.receipt", "root"],
        ),
        (
            "another proof",
            // The proof stands before the signature, the last 64 bytes of the leaf.
            good.replace(leaf, &flip(leaf, leaf.len() - 180)),
            &["damaged.receipt", "root"],
        ),
        (
            "another size in the signed text",
            good.replace(
                &format!("{ORIGIN}\n{size}\n"),
                &format!("{ORIGIN}\n{}\n", size + 1),
            ),
            &["damaged.receipt", "signature"],
        ),
        (
            "the text of another file",
            "Dear reader,\n".to_owned(),
            &["damaged.receipt"],
        ),
    ] {
        assert_ne!(damaged, good, "{what}: the damage changes something");
        let directory = copy();
        fs::write(directory.path().join("damaged.receipt"), damaged).expect("written");
        let ran = verify(directory.path(), "damaged.receipt");
        assert!(!ran.stdout.contains("proof       yes"), "{what}: {ran:#?}");
        ran.refuses(names);
    }
}

/// A receipt as versions before this one wrote it: no place for the digest of the state after the leaf's time.
fn of_an_older_version(receipt: &str) -> String {
    let line = receipt.lines().nth(1).expect("the leaf's line");
    let encoded = line.strip_prefix("extra ").expect("the leaf");
    let leaf = BASE64.decode(encoded).expect("base64");
    // The flag, and the digest if there is one.
    let state = 8..if leaf[8] == 0 { 9 } else { 9 + 32 };
    let older = [&leaf[..state.start], &leaf[state.end..]].concat();
    receipt.replace(encoded, &BASE64.encode(older))
}

/// Regression: "leaf state: 2 has no meaning here", and a kit was told to be damaged.
#[test]
fn receipts_and_kits_of_an_older_version_are_told_as_that() {
    let directory = copy();
    let here = directory.path();
    let old = of_an_older_version(&fs::read_to_string(here.join("batch.receipt")).expect("text"));
    fs::write(here.join("old.receipt"), &old).expect("written");
    let told = ["an older version of MERITS", "a program of that version"];
    verify(here, "old.receipt").refuses(&["old.receipt", told[0], told[1], "its kit"]);

    for file in fs::read_dir(here.join("kit")).expect("the kit").flatten() {
        if file.file_name() != "ledger.toml" {
            let text = fs::read_to_string(file.path()).expect("text");
            fs::write(file.path(), of_an_older_version(&text)).expect("written");
        }
    }
    verify(here, "batch.receipt").refuses(&["offline kit kit", told[0], told[1], "`merits kit`"]);
    // The oldest had no board.
    let facts = here.join("kit/ledger.toml");
    let text = fs::read_to_string(&facts).expect("text");
    let (before, _) = text.split_once("board = ").expect("a board");
    fs::write(&facts, before).expect("written");
    let ran = verify(here, "batch.receipt");
    ran.refuses(&["offline kit kit", told[0], told[1]]);
    assert!(!ran.stderr.contains("cut off"), "{ran:#?}");
    verify(here, "old.receipt").refuses(&["old.receipt", told[0]]);

    // The same file among receipts of this version was cut off.
    let directory = copy();
    fs::write(directory.path().join("kit/ledger.toml"), before).expect("written");
    verify(directory.path(), "batch.receipt").refuses(&["ledger.toml", "cut off or changed"]);
}

#[test]
fn files_that_are_not_there_are_named() {
    let directory = copy();
    verify(directory.path(), "lost.receipt").refuses(&["lost.receipt", "there is no such file"]);
    merits(
        directory.path(),
        &["verify", "batch.receipt", "--kit", "nowhere"],
    )
    .refuses(&["nowhere", "ledger.toml"]);
}

#[test]
fn a_kit_that_lacks_or_alters_something_is_refused() {
    let directory = copy();
    let kit = directory.path().join("kit");
    fs::remove_file(kit.join("00000009-act-proposed.receipt")).expect("removed");
    verify(directory.path(), "batch.receipt").refuses(&["cycling-week"]);

    let directory = copy();
    let kit = directory.path().join("kit");
    fs::copy(
        directory.path().join("batch.receipt"),
        kit.join("00000008-scale-proposed.receipt"),
    )
    .expect("copied");
    // A receipt's content counts, not the name of its file.
    verify(directory.path(), "batch.receipt").refuses(&["act-proposed"]);

    let directory = copy();
    for file in fs::read_dir(directory.path().join("kit"))
        .expect("the kit")
        .flatten()
    {
        if file.file_name() != "ledger.toml" {
            fs::remove_file(file.path()).expect("removed");
        }
    }
    verify(directory.path(), "batch.receipt").refuses(&["no receipts in it"]);

    let directory = copy();
    edit(
        &directory.path().join("kit/ledger.toml"),
        "authority",
        "master",
    );
    verify(directory.path(), "batch.receipt").refuses(&["ledger.toml", "line 2"]);
}

#[test]
fn a_receipt_of_another_log_is_refused() {
    let other = Ledger::found();
    other
        .merits("sponsor apply --config sponsor.toml --output sponsor.application")
        .succeeds("");
    other
        .merits("supervisor admit --config supervisor.toml sponsor.application")
        .succeeds("");
    other
        .merits("kit --config sponsor.toml --output kit")
        .succeeds("wrote 2 receipts");
    let receipt = fixtures().join("batch.receipt");
    // The same name, another key: somebody plays this ledger's log.
    verify(other.path(), receipt.to_str().expect("UTF-8"))
        .refuses(&["batch.receipt", "not signed by"]);
    // And the other way round.
    let receipt = other.path().join("kit/00000001-act-proposed.receipt");
    verify(&fixtures(), receipt.to_str().expect("UTF-8")).refuses(&["not signed by"]);
}
