//! Help of every command, pinned: a change of the command line is made on purpose.
//! `MERITS_UPDATE_PINS=1` writes the file again.

use crate::cli::run::{merits, root};

#[test]
#[cfg(not(feature = "bench"))]
fn help_is_as_pinned() {
    let mut help = String::new();
    collect(&mut Vec::new(), &mut help);
    merits_test_runner::assert_pinned(root(), "tests/it/cli/help.txt", &help);
}

#[test]
fn every_option_says_what_it_is() {
    let mut help = String::new();
    collect(&mut Vec::new(), &mut help);
    let mut command = "";
    let mut silent = Vec::new();
    for (line, next) in help.lines().zip(help.lines().skip(1)) {
        if line.starts_with("$ ") {
            command = line;
        }
        // Words are beside an option, or below it, indented deeper.
        let bare = line.trim_start().starts_with("--") && line.trim_end().ends_with('>');
        if bare && !next.starts_with("          ") {
            silent.push(format!("{command}: {}", line.trim()));
        }
    }
    assert!(silent.is_empty(), "without a word: {silent:#?}");
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    for arguments in [
        &["fly"][..],
        &["supervisor", "open", "--claim", "0"],
        &["verify", "some.receipt"],
        &["distributor", "run", "--config", "a", "--bundle", "b"],
        &["demo", "--subjects", "0"],
    ] {
        let ran = merits(root(), arguments);
        assert_eq!(ran.code, Some(2), "{ran:#?}");
        assert!(ran.stderr.contains("--help"), "{ran:#?}");
    }
}

/// The measures forge proofs, so they are not in the command that is shipped.
#[test]
#[cfg(not(feature = "bench"))]
fn a_command_without_benchmarks_says_where_they_are() {
    for arguments in [
        &["bench"][..],
        &["bench", "--only", "ledger"],
        &["bench", "prover"],
    ] {
        merits(root(), arguments).refuses(&["--features bench", "merits-bench"]);
    }
}

/// The help of a command and of all below it.
fn collect(path: &mut Vec<String>, help: &mut String) {
    let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
    arguments.push("--help");
    let ran = merits(root(), &arguments);
    ran.succeeds("Usage: merits");
    help.push_str(&format!(
        "$ merits {}\n{}\n",
        arguments.join(" "),
        ran.stdout
    ));
    for name in subcommands(&ran.stdout) {
        path.push(name);
        collect(path, help);
        path.pop();
    }
}

fn subcommands(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // A wrapped description is indented deeper.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}
