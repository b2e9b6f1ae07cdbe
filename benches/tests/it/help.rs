//! The program's help, pinned: a change of the command line is made on purpose.
//! `MERITS_UPDATE_PINS=1` writes the file again.

use std::path::Path;

use merits_test_runner::assert_pinned;

use crate::run;

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
    assert_pinned(root, "tests/it/help.txt", &help);
}
