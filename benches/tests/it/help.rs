//! The program's help, pinned: a change of the command line is made on purpose.
//! `MERITS_UPDATE_PINS=1` writes the file again.

use std::{fs, path::Path};

use crate::ran::run;

#[test]
fn help_is_as_pinned() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut help = String::new();
    for arguments in [&["--help"][..], &["prover", "--help"]] {
        let ran = run(root, arguments);
        ran.succeeds("Usage: merits-bench");
        let line = arguments.join(" ");
        help.push_str(&format!("$ merits-bench {line}\n{}\n", ran.stdout));
    }
    let path = root.join("tests/it/help.txt");
    if std::env::var_os("MERITS_UPDATE_PINS").is_some_and(|update| update == "1") {
        fs::write(&path, &help).expect("written");
    }
    let pinned = fs::read_to_string(&path).expect("tests/it/help.txt");
    assert!(
        help == pinned,
        "help differs from benches/tests/it/help.txt; MERITS_UPDATE_PINS=1 writes it anew:\n{help}"
    );
}
