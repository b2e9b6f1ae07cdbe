//! The book keeps what it promises: every page is listed, every link leads somewhere, and every
//! identifier that code cites is defined in the specification.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a readable directory").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let skipped = ["target", "node_modules", ".git"]
            .iter()
            .any(|skip| name == *skip);
        if path.is_dir() && !skipped {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

/// The crates of the architecture's table, in its order, and the roles' place among them.
fn crates_in_order() -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/src/architecture.md")).expect("the page");
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| crate |"));
    let rows = rows.skip(2).take_while(|line| line.starts_with("| "));
    rows.map(|row| {
        let cell = row.split('|').nth(1).unwrap_or_default();
        cell.trim().trim_matches('`').to_owned()
    })
    .collect()
}

/// Dependencies point one way, and what makes proofs of false statements is in no product: the page
/// on architecture says so.
#[test]
fn crates_depend_on_those_above_them_in_the_table_and_never_on_what_forges() {
    const FORGING: [&str; 2] = ["merits-trapdoor", "merits-ledger-fixture"];
    let order = crates_in_order();
    let role = order.iter().position(|name| name == "one for each role");
    let role = role.expect("the roles' row");
    let mut manifests = Vec::new();
    files(root(), "toml", &mut manifests);
    let mut seen = BTreeSet::new();
    for path in manifests {
        if path.file_name().is_none_or(|name| name != "Cargo.toml") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a manifest");
        let manifest: toml::Table = toml::from_str(&text).expect("TOML");
        let name = manifest["package"]["name"].as_str().expect("a name");
        let place = |name: &str| {
            let place = order.iter().position(|listed| listed == name);
            place.unwrap_or(role)
        };
        if !order.iter().any(|listed| listed == name) {
            let parent = path.parent().and_then(Path::parent).expect("a parent");
            assert!(parent.ends_with("parties"), "{name} is not in the table");
        }
        seen.insert(name.to_owned());
        for section in ["dependencies", "build-dependencies"] {
            let dependencies = manifest.get(section).and_then(toml::Value::as_table);
            for used in dependencies.into_iter().flat_map(toml::Table::keys) {
                if !used.starts_with("merits") {
                    continue;
                }
                assert!(
                    place(used) < place(name),
                    "{name} uses {used}, which stands below it"
                );
                let measures = FORGING.contains(&name) || name == "merits-bench";
                assert!(
                    measures || !FORGING.contains(&used.as_str()),
                    "{name} uses {used} outside of its tests"
                );
                assert!(
                    used != "merits-bench" || name == "merits" && is_optional(&manifest, used),
                    "{name} uses {used} in every build"
                );
            }
        }
    }
    for listed in order.iter().filter(|name| *name != "one for each role") {
        assert!(seen.contains(listed), "there is no crate {listed}");
    }
}

/// A key that took an earlier one's place gives the id of a party that does not exist. So ids are made from keys in
/// these files only: each knows that the key is a first one, or asks for the id that is kept beside it.
#[test]
fn ids_of_parties_are_made_from_first_keys_only() {
    const KNOWN: [&str; 5] = [
        "base/primitives/src/ids.rs",
        "ledger/fixture/src/member.rs",
        "ledger/src/entry/party.rs",
        "parties/party/src/identity.rs",
        "parties/source/src/signer.rs",
    ];
    let call = ["of_first", "_key("].concat();
    let mut sources = Vec::new();
    files(root(), "rs", &mut sources);
    let mut found: Vec<String> = sources
        .iter()
        .filter(|path| fs::read_to_string(path).is_ok_and(|text| text.contains(&call)))
        .filter_map(|path| path.strip_prefix(root()).ok())
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, KNOWN);
}

/// Whether a dependency comes with a feature that is not on by default.
fn is_optional(manifest: &toml::Table, used: &str) -> bool {
    let features = manifest.get("features").and_then(toml::Value::as_table);
    let default = features.is_some_and(|features| features.contains_key("default"));
    let optional = manifest["dependencies"][used].get("optional");
    // Features that bring others are not followed, because no feature of the command needs to be a default.
    !default && optional.and_then(toml::Value::as_bool) == Some(true)
}

/// Targets of `[text](target)` outside code blocks.
fn links(markdown: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        found.extend(
            line.split("](")
                .skip(1)
                .filter_map(|rest| rest.split(')').next())
                .map(str::to_owned),
        );
    }
    found
}

#[test]
fn every_page_is_in_the_summary() {
    let source = root().join("docs/src");
    let summary = fs::read_to_string(source.join("SUMMARY.md")).expect("the summary");
    let listed: BTreeSet<String> = links(&summary).into_iter().collect();
    let mut pages = Vec::new();
    files(&source, "md", &mut pages);
    let pages: BTreeSet<String> = pages
        .iter()
        .filter_map(|page| page.strip_prefix(&source).ok())
        .map(|page| page.to_string_lossy().into_owned())
        .filter(|page| page != "SUMMARY.md")
        .collect();
    assert_eq!(
        listed, pages,
        "SUMMARY.md lists exactly the pages of docs/src"
    );
}

/// The cells of a table's rows whose first cell names a shipped scale.
fn scale_rows(text: &str) -> Vec<(String, Vec<String>)> {
    let scales = root().join("params/scales");
    text.lines()
        .filter_map(|line| {
            let cells: Vec<String> = line
                .strip_prefix('|')?
                .split('|')
                .map(|cell| cell.trim().replace(['*', ','], ""))
                .collect();
            let first = cells.first()?;
            let id = first.split('`').nth(1).unwrap_or(first).to_owned();
            scales.join(&id).is_dir().then_some((id, cells))
        })
        .filter(|(id, _)| !id.is_empty())
        .collect()
}

#[test]
fn the_readme_names_every_scale_with_its_pinned_cost() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let costs = fs::read_to_string(root().join("docs/src/scale-costs.md")).expect("the costs");
    let shown: BTreeSet<(String, String)> = scale_rows(&readme)
        .into_iter()
        .filter_map(|(id, cells)| Some((id, cells.get(2)?.clone())))
        .collect();
    let pinned: BTreeSet<(String, String)> = scale_rows(&costs)
        .into_iter()
        .filter_map(|(id, cells)| Some((id, cells.get(6)?.clone())))
        .collect();
    assert!(pinned.len() >= 9, "{pinned:?}");
    assert_eq!(shown, pinned);
}

#[test]
fn relative_links_resolve() {
    let mut pages = Vec::new();
    files(root(), "md", &mut pages);
    let mut dead = Vec::new();
    for page in &pages {
        let text = fs::read_to_string(page).expect("a page");
        for link in links(&text) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            if !page
                .parent()
                .expect("a page has a directory")
                .join(target)
                .exists()
            {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "dead links: {dead:#?}");
}

/// The text between backticks outside code blocks.
fn quoted(markdown: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            found.extend(line.split('`').skip(1).step_by(2));
        }
    }
    found
}

/// The pages that say how things are now, with what they quote.
fn quotations() -> Vec<(PathBuf, Vec<String>)> {
    let mut pages = Vec::new();
    files(&root().join("docs/src"), "md", &mut pages);
    pages.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|page| root().join(page)));
    let quotations = pages.into_iter().map(|page| {
        let text = fs::read_to_string(&page).expect("a page");
        let quoted = quoted(&text).into_iter().map(str::to_owned).collect();
        (page, quoted)
    });
    quotations.collect()
}

/// Regression: pages named files that had moved.
#[test]
fn files_that_pages_name_exist() {
    let folders = [
        "base",
        "benches",
        "circuits",
        "coordinator",
        "docs",
        "examples",
        "findings",
        "ledger",
        "params",
        "parties",
        "proto",
        "src",
        "tests",
        "verifier",
    ];
    let (mut checked, mut missing) = (0, Vec::new());
    for (page, quoted) in quotations() {
        for name in quoted {
            let is_path = name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            let folder = name.split('/').next().unwrap_or_default();
            // ROLE, NAME and the like stand for what a reader puts there.
            let is_pattern = name
                .split(['/', '-', '.'])
                .any(|part| part.len() > 1 && part.chars().all(|c| c.is_ascii_uppercase()));
            if !is_path || is_pattern || !name.contains('/') || !folders.contains(&folder) {
                continue;
            }
            checked += 1;
            if !root().join(&name).exists() {
                missing.push(format!("{}: {name}", page.display()));
            }
        }
    }
    assert!(checked > 100, "pages name files: {checked}");
    assert!(missing.is_empty(), "named and not there: {missing:#?}");
}

/// Regression: a page named a function that nobody has written.
#[test]
fn items_that_pages_name_exist() {
    let mut manifests = Vec::new();
    files(root(), "toml", &mut manifests);
    let (mut checked, mut missing) = (0, Vec::new());
    for (page, quoted) in quotations() {
        for name in quoted {
            let mut parts = name.split("::");
            let krate = parts.next().unwrap_or_default().replace('_', "-");
            let Some(item) = parts.last().filter(|_| krate.starts_with("merits-")) else {
                continue;
            };
            checked += 1;
            let line = format!("name = \"{krate}\"");
            let manifest = manifests.iter().find(|path| {
                path.ends_with("Cargo.toml")
                    && fs::read_to_string(path).is_ok_and(|text| text.lines().any(|l| l == line))
            });
            let mut sources = Vec::new();
            if let Some(folder) = manifest.and_then(|path| path.parent()) {
                files(&folder.join("src"), "rs", &mut sources);
            }
            let defines = |source: &PathBuf| {
                let text = fs::read_to_string(source).expect("a source file");
                [
                    "fn",
                    "struct",
                    "enum",
                    "mod",
                    "const",
                    "type",
                    "trait",
                    "macro_rules!",
                ]
                .iter()
                .any(|kind| {
                    let definition = format!("{kind} {item}");
                    let mut ends = text.split(definition.as_str()).skip(1);
                    ends.any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
                })
            };
            if !sources.iter().any(defines) {
                missing.push(format!("{}: {name}", page.display()));
            }
        }
    }
    assert!(checked > 10, "pages name items: {checked}");
    assert!(missing.is_empty(), "named and not there: {missing:#?}");
}

#[test]
fn identifiers_cited_in_code_are_specified() {
    let specification =
        fs::read_to_string(root().join("docs/src/statement-earn.md")).expect("the specification");
    let mut sources = Vec::new();
    files(&root().join("circuits"), "rs", &mut sources);
    files(&root().join("verifier"), "rs", &mut sources);
    let mut cited = BTreeSet::new();
    for source in sources {
        let text = fs::read_to_string(source).expect("a source file");
        for rest in text.split("EARN-").skip(1) {
            let number: String = rest
                .chars()
                .take_while(|c| c.is_ascii_digit() || *c == '.')
                .collect();
            let number = number.trim_end_matches('.');
            if !number.is_empty() {
                cited.insert(format!("EARN-{number}"));
            }
        }
    }
    assert!(!cited.is_empty(), "the circuit cites its specification");
    let missing: Vec<_> = cited
        .iter()
        .filter(|id| !specification.contains(id.as_str()))
        .collect();
    assert!(missing.is_empty(), "cited but not specified: {missing:?}");
}

/// The threat model says which test shows which refusal; a test that was renamed would leave it
/// lying.
#[test]
fn tests_named_in_the_threat_model_exist() {
    let page = fs::read_to_string(root().join("docs/src/threat-model.md")).expect("the page");
    let (_, table) = page
        .split_once("## Refusals and the tests that show them")
        .expect("the table");
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let mut missing = Vec::new();
    let mut checked = 0;
    for row in rows.skip(1) {
        let tests = row.trim_end_matches('|').rsplit('|').next();
        for group in tests.expect("a third column").split(';') {
            let mut quoted = group.split('`').skip(1).step_by(2);
            let file = quoted.next().expect("a file, then its tests");
            let source = fs::read_to_string(root().join(file)).unwrap_or_default();
            for test in quoted {
                checked += 1;
                if !source.contains(&format!("fn {test}(")) {
                    missing.push(format!("{file}: {test}"));
                }
            }
        }
    }
    assert!(checked > 50, "the table names its tests: {checked}");
    assert!(missing.is_empty(), "named and not there: {missing:#?}");
}

/// Somebody whose key others may have read looks there for what to do.
#[test]
fn the_operations_page_says_of_every_secret_what_to_do_when_others_may_have_read_it() {
    use merits_guard::Secret;
    let page = fs::read_to_string(root().join("docs/src/operations.md")).expect("the page");
    let (_, section) = page
        .split_once("## Secrets that others may have read")
        .expect("the section");
    let section = section.split("\n## ").next().expect("its text");
    for secret in Secret::ALL {
        let row = format!("| {} |", secret.worth().name);
        let row = section.lines().find(|line| line.starts_with(&row));
        let row = row.unwrap_or_else(|| panic!("{} has no row", secret.worth().name));
        assert_eq!(
            row.contains("keep it"),
            secret.worth().when_exposed.contains("in any case"),
            "{row}"
        );
    }
}
