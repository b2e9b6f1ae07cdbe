//! What each shipped scale costs, pinned in a page of the documentation.
//!
//! `MERITS_UPDATE_PINS=1 cargo nextest run --release -p merits-circuits scale_costs` writes the
//! page again.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use merits_circuits::earn::EarnCircuit;
use merits_params::manifest::Manifest;

/// The bars of issue 3: fewer constraints a claim than this.
const BARS: [(&str, usize); 3] = [
    ("cycling-week", 7_500),
    ("steps-and-calories", 5_500),
    ("stop-driving", 6_500),
];

const HEAD: &str = "\
# What the scales cost

This page counts the constraints of statement [`earn`](statement-earn.md) for each shipped scale. A test
writes the page and fails if it is no longer true: `MERITS_UPDATE_PINS=1 cargo nextest run --release -p
merits-circuits scale_costs` rewrites it. `merits scale explain <file>` shows the same for any manifest, with
the proving time.

- **R**: the most records in a claim. **numbers**: constants, cells and change days, all public.
- **slots**: flags, bits and bounds of the fields, order of the key. **formula**: credits and measure.
- **C**: the commitment to the records. The rest of a claim is the same for every scale: binding, note,
  both ciphertexts, and the two multiples that encrypt for supervisors.
- **batch**: constraints that each proof has once. **B**: claims in a proof. **domain**: what B claims need.

";

const TAIL: &str = "
A test also enforces these limits, with audit encryption included and all numbers public: stop-driving with
a reading for each day of a month below 6,500 constraints a claim, cycling-week with 40 trips below 7,500,
steps with 31 days below 5,500.
";

struct Row {
    claim: usize,
    line: String,
}

#[test]
fn scale_costs_agree_with_the_page() {
    let mut rows = BTreeMap::new();
    let scales = Path::new(env!("CARGO_MANIFEST_DIR")).join("../params/scales");
    for folder in fs::read_dir(scales).expect("the scales are there") {
        let folder = folder.expect("a folder").path();
        let text = fs::read_to_string(folder.join("scale.toml")).expect("a manifest");
        let manifest = Manifest::from_toml(&text).expect("a shipped scale is good");
        rows.insert(manifest.id().to_string(), row(&manifest));
    }
    for (id, bar) in BARS {
        let claim = rows[id].claim;
        assert!(
            claim < bar,
            "{id}: {claim} constraints a claim, the bar is {bar}"
        );
    }
    let mut page = String::from(HEAD);
    page.push_str(
        "| scale | R | numbers | slots | formula | C | **a claim** | batch | B | domain |\n",
    );
    page.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
    for (id, row) in &rows {
        writeln!(page, "| {id} | {} |", row.line).expect("a String takes all");
    }
    page.push_str(TAIL);

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/scale-costs.md");
    if std::env::var_os("MERITS_UPDATE_PINS").is_some() {
        fs::write(&file, &page).expect("the page is writable");
    }
    let pinned = fs::read_to_string(&file).expect("the page is committed");
    assert!(
        page == pinned,
        "costs have changed. If that is meant, run with MERITS_UPDATE_PINS=1.\nfound:\n{page}"
    );
}

/// From a circuit of one claim: claims are alike, and what a batch has once grows only with the
/// bits of its totals.
fn row(manifest: &Manifest) -> Row {
    let circuit = EarnCircuit::build(manifest.formula(), 1);
    let costs = circuit.costs();
    let part = |path: &str| {
        let line = costs.lines.iter().find(|line| line.part == path);
        line.map_or(0, |line| line.total)
    };
    let (claim, claims) = (costs.per_claim(), usize::from(manifest.claims_per_proof()));
    let batch = costs.constraints - claim;
    let publics = costs.publics + (claims - 1) * 7;
    let in_all = batch + claims * claim + publics + 1;
    let domain = in_all.next_power_of_two().ilog2();
    let line = format!(
        "{} | {} | {} | {} | {} | **{claim}** | {batch} | {claims} | 2^{domain}, {}% used",
        costs.records,
        manifest.formula().constants().len(),
        part("claim/records"),
        part("claim/formula"),
        part("claim/commitment"),
        100 * in_all / (1 << domain),
    );
    Row { claim, line }
}
