//! The operations page and the scripts that run it say the same.

use std::fs;

use crate::cli::run::root;

#[test]
fn every_command_of_the_operations_page_is_run_by_a_script() {
    let page = fs::read_to_string(root().join("docs/src/operations.md")).expect("the page");
    let script = ["run.sh", "people.sh", "steps.sh"]
        .map(|name| fs::read_to_string(root().join("tests/by_hand").join(name)).expect("a script"))
        .concat();
    let mut fenced = false;
    let mut commands = 0;
    for line in page.lines() {
        if line.starts_with("```") {
            fenced = line == "```sh";
            continue;
        }
        let line = line.trim();
        let ours = ["merits ", "authority=", "log_key=", "sed "];
        if fenced && ours.iter().any(|start| line.starts_with(start)) {
            commands += 1;
            assert!(
                script.contains(line),
                "no script of tests/by_hand runs: {line}"
            );
        }
    }
    assert!(commands > 20, "the page has its commands in ```sh blocks");
}
