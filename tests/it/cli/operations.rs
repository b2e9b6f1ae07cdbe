//! What the book tells people to type exists, and the operations page is one that can be pasted.
//! `tests/by_hand/run.sh` pastes it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::cli::run::root;

/// A fenced block.
struct Block {
    /// As it begins: `sh`, `sh refused`, `text`.
    kind: String,
    /// The `##` heading above it.
    part: String,
    lines: Vec<String>,
}

fn blocks(page: &str) -> Vec<Block> {
    let (mut found, mut part, mut open) = (Vec::new(), String::new(), None::<Block>);
    for line in page.lines() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(kind), None) => {
                open = Some(Block {
                    kind: kind.to_owned(),
                    part: part.clone(),
                    lines: Vec::new(),
                });
            }
            (None, Some(block)) => block.lines.push(line.to_owned()),
            (None, None) => {
                if let Some(heading) = line.strip_prefix("## ") {
                    part = heading.to_owned();
                }
            }
        }
    }
    assert!(open.is_none(), "a block never ends");
    found
}

/// The `merits` commands of a line, without what a shell makes of the rest.
fn commands(line: &str) -> Vec<Vec<String>> {
    let line = line.split(" # ").next().unwrap_or_default();
    let ends = |c: char| "|>&;)".contains(c);
    line.match_indices("merits ")
        .filter(|(at, _)| {
            let before = line[..*at].chars().next_back();
            before.is_none_or(|c| " (".contains(c))
        })
        .map(|(at, name)| {
            let rest = line[at + name.len()..].split(ends).next();
            let words = rest.unwrap_or_default().split_whitespace();
            words.map(str::to_owned).collect()
        })
        .collect()
}

/// Options by command, as the pinned help has them.
fn options() -> BTreeMap<String, String> {
    let help = fs::read_to_string(root().join("tests/it/cli/help.txt")).expect("the pinned help");
    let mut all = BTreeMap::new();
    for section in help.split("$ merits ").skip(1) {
        let (command, text) = section.split_once('\n').expect("a command and its help");
        let command = command.trim_end_matches("--help").trim_end();
        all.insert(command.to_owned(), text.to_owned());
    }
    all
}

/// What is wrong with a command, if anything.
fn fault(options: &BTreeMap<String, String>, words: &[String]) -> Option<String> {
    // A loop over roles.
    let word = |word: &String| match word.as_str() {
        "$role" => "witness".to_owned(),
        other => other.to_owned(),
    };
    let words: Vec<String> = words.iter().map(word).collect();
    let depth = (1..=words.len())
        .rev()
        .find(|depth| options.contains_key(&words[..*depth].join(" ")));
    let Some(depth) = depth else {
        let global = words.iter().all(|word| word.starts_with('-'));
        return (!global).then(|| format!("no command: merits {}", words.join(" ")));
    };
    let command = words[..depth].join(" ");
    let help = &options[&command];
    let unknown = words[depth..].iter().find(|word| {
        let name = word.split('=').next().unwrap_or_default();
        let known = |line: &str| {
            let mut tokens = line.split_whitespace();
            tokens.any(|token| token.trim_end_matches(',') == name)
        };
        name.starts_with("--") && !help.lines().any(known)
    });
    unknown.map(|option| format!("merits {command} takes no {option}"))
}

#[test]
fn every_command_that_the_book_shows_exists() {
    let options = options();
    let mut pages: Vec<PathBuf> = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    pages.extend(markdown(&root().join("docs/src")));
    pages.extend(markdown(&root().join("examples")));
    let (mut seen, mut faults) = (0, Vec::new());
    for page in pages {
        let text = fs::read_to_string(&page).expect("a page");
        for block in blocks(&text).iter().filter(|b| b.kind.starts_with("sh")) {
            for words in block.lines.iter().flat_map(|line| commands(line)) {
                seen += 1;
                let fault = fault(&options, &words);
                faults.extend(fault.map(|fault| format!("{}: {fault}", page.display())));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(seen > 100, "only {seen} commands: are blocks still ```sh?");
}

/// Pages below a directory.
fn markdown(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(markdown(&path));
        } else if path.extension().is_some_and(|ending| ending == "md") {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_operations_page_can_be_pasted() {
    let page = fs::read_to_string(root().join("docs/src/operations.md")).expect("the page");
    let blocks = blocks(&page);
    let pasted = ["Before you begin", "In custody", "With people"];
    let mut set = vec![
        "HOME".to_owned(),
        "PATH".to_owned(),
        "PWD".to_owned(),
        "1".to_owned(),
        "2".to_owned(),
    ];
    for block in blocks.iter().filter(|block| block.kind.starts_with("sh")) {
        let text = block.lines.join("\n");
        assert!(
            pasted.contains(&block.part.as_str()),
            "run.sh pastes the parts {pasted:?}, and this stands in {:?}:\n{text}",
            block.part
        );
        // A reader who pastes from the top has each variable by the time that it is used.
        for line in &block.lines {
            set.extend(assigned(line));
            for name in used(line) {
                assert!(set.contains(&name), "${name} is not set before: {line}");
            }
        }
    }
    let refused = blocks.iter().filter(|block| block.kind == "sh refused");
    assert!(refused.count() > 3, "what must not be is shown");
    // Each server that a reader starts is stopped by the page.
    let all: String = blocks
        .iter()
        .map(|block| block.lines.join("\n") + "\n")
        .collect();
    for server in [
        "coordinator",
        "supervisor",
        "witness",
        "evaluator",
        "exchange",
    ] {
        let stopped = all
            .lines()
            .any(|line| line.starts_with("kill \"") && line.contains(&format!("\"${server}\"")));
        assert!(stopped, "nothing stops the {server}");
    }
}

/// Variables that a line gives a value: `NAME=`, `export NAME=`, `for NAME in`.
fn assigned(line: &str) -> Option<String> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let name = match line.strip_prefix("for ") {
        Some(rest) => rest.split_once(" in ")?.0,
        None => line.split_once('=')?.0,
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(is_name).then(|| name.to_owned())
}

/// Variables that a line reads, but for those of awk, in single quotes.
fn used(line: &str) -> Vec<String> {
    let outside: String = line.split('\'').step_by(2).collect();
    let mut names = Vec::new();
    for rest in outside.split('$').skip(1) {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name: String = rest.chars().take_while(|c| is_name(*c)).collect();
        if !name.is_empty() {
            names.push(name);
        }
    }
    names
}
