//! The book lists every code of a refusal, and no other.

use std::collections::BTreeSet;

use merits_verifier::Reason;

/// Words of small letters and hyphens between these quotes.
fn words(text: &str, quote: char) -> BTreeSet<String> {
    text.split(quote)
        .skip(1)
        .step_by(2)
        .filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        .map(str::to_owned)
        .collect()
}

/// The variant's name that this text begins with.
fn variant(text: &str) -> String {
    let letters = text.chars().take_while(char::is_ascii_alphanumeric);
    letters.collect()
}

#[test]
fn every_refusal_is_in_the_book() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    let read = |path: &str| std::fs::read_to_string(format!("{root}{path}")).expect("a file");
    let sources = std::fs::read_dir(format!("{root}src/refusal")).expect("the refusals");
    let names = sources.map(|file| file.expect("a file").file_name());
    let code: String = names
        .filter_map(|name| {
            let source = read(&format!("src/refusal/{}", name.display()));
            let (_, code) = source.split_once("fn code")?;
            let (code, _) = code.split_once("fn field").expect("then the fields");
            Some(code.to_owned())
        })
        .collect();
    let given: BTreeSet<_> = code.split("Reason::").skip(1).map(variant).collect();
    let reasons = Reason::ALL.iter();
    let codes: BTreeSet<_> = reasons
        .filter(|reason| given.contains(&format!("{reason:?}")))
        .map(|reason| reason.as_str().to_owned())
        .collect();
    assert_eq!(codes.len(), given.len());
    assert!(codes.len() > 120, "{}", codes.len());

    let book = read("../docs/src/ledger.md");
    let (_, table) = book.split_once("| about | codes |").expect("the table");
    let (table, _) = table.split_once("\n\n").expect("its end");
    let listed = words(table, '`');
    let missing: Vec<_> = codes.difference(&listed).collect();
    let extra: Vec<_> = listed.difference(&codes).collect();
    assert_eq!((missing, extra), (Vec::new(), Vec::new()));
}
