//! Measure 3: other sizes of claims and batches, weighed by how many trips real weeks have.

use std::hint::black_box;

use merits_circuits::{earn::EarnCircuit, prover::Prover as _};
use merits_params::keystore::KeyStore;
use rand::{SeedableRng as _, rngs::StdRng};

use super::{
    Effort,
    cases::{Case, SHIPPED, Size, Weeks, scale},
    earn::{DEV_KEYS, default_prover},
    sampling::{Work, in_turns, ms},
    table::{Table, percent},
};
use crate::screen::{progress, thousands};

/// Sizes whose constraints are counted.
const RECORDS: [u16; 5] = [16, 24, 30, 40, 56];
const CLAIMS: [u16; 3] = [8, 16, 32];

/// Sizes that are proven: the shipped size; sizes with fewer and with more claims; and sizes with fewer
/// records. The last have as many claims as fit a domain of 2^17.
const PROVEN: [Size; 6] = [
    SHIPPED,
    size(40, 8),
    size(40, 19),
    size(40, 32),
    size(16, 28),
    size(24, 24),
];

const fn size(records: u16, claims: u16) -> Size {
    Size { records, claims }
}

pub(super) fn measure(table: &mut Table, weeks: &Weeks, effort: &Effort) -> anyhow::Result<()> {
    table.section("Size classes: constraints of R records a claim, B claims a proof");
    let bar = progress(RECORDS.len() as u64, "size classes: counting");
    for records in RECORDS {
        for claims in CLAIMS {
            let manifest = scale(size(records, claims))?;
            let costs = EarnCircuit::build(manifest.formula(), usize::from(claims)).costs();
            let fill = (costs.constraints + costs.publics + 1) as f64 / costs.domain() as f64;
            table.row(
                format!("R {records}, B {claims}"),
                thousands(costs.constraints as u64),
                format!("{} of 2^{}", percent(fill), costs.domain().ilog2()),
                format!(
                    "{} a claim; {} weeks have more trips",
                    thousands(costs.per_claim() as u64),
                    thousands(weeks.above(records) as u64)
                ),
            );
        }
        bar.inc(1);
    }
    bar.finish_and_clear();

    table.section(&format!(
        "Size classes: proving a claim, {} threads, real weeks that fit",
        effort.threads
    ));
    let sizes = if effort.quick {
        &PROVEN[..3]
    } else {
        &PROVEN[..]
    };
    let bar = progress(sizes.len() as u64, "size classes: keys");
    let mut proving = Vec::new();
    for &size in sizes {
        proving.push(ready(weeks, size, effort)?);
        bar.inc(1);
    }
    bar.set_message("size classes: proofs in turns");
    let mut works: Vec<Work<'_>> = Vec::new();
    for prove in &mut proving {
        works.push(prove);
    }
    let samples = effort
        .pool()?
        .install(|| in_turns(effort.proofs.min(5), &mut works))?;
    let mut measured = Vec::new();
    for (&size, prove) in sizes.iter().zip(samples) {
        let each = prove.each(usize::from(size.claims));
        table.row(
            format!("R {}, B {}: a claim", size.records, size.claims),
            ms(each.median()),
            each.range(),
            format!("a proof {}", ms(prove.median())),
        );
        measured.push((size, each.median()));
    }
    bar.finish_and_clear();
    weigh(table, weeks, &measured);
    Ok(())
}

/// Makes one proof of one size at each call. The key is from the store, or is made for it.
fn ready(
    weeks: &Weeks,
    size: Size,
    effort: &Effort,
) -> anyhow::Result<impl FnMut() -> anyhow::Result<()> + Send> {
    let mut rng = StdRng::seed_from_u64(3);
    let manifest = scale(size)?;
    let circuit = EarnCircuit::build(manifest.formula(), usize::from(size.claims));
    let store = KeyStore::new(&effort.keys);
    let key = store.get_or_set_up(&circuit.circuit().r1cs, "merits bench", DEV_KEYS, &mut rng)?;
    let prover = default_prover(key.zkey)?;
    let most = size.records.min(SHIPPED.records);
    let batch = weeks.pick(usize::from(size.claims), 0, most)?;
    let wires = Case::new(&manifest, circuit, batch, &mut rng)?.assignment()?;
    Ok(move || {
        black_box(prover.prove(&wires, &mut rng)?);
        Ok(())
    })
}

/// The cost of two classes for these weeks, compared with the shipped one alone.
fn weigh(table: &mut Table, weeks: &Weeks, measured: &[(Size, f64)]) {
    let Some((_, shipped)) = measured.iter().find(|(size, _)| *size == SHIPPED) else {
        return;
    };
    let all = weeks.count() as f64;
    table.row(
        "trips a week: median; 90 of 100 weeks; most",
        format!(
            "{}; {}; {}",
            weeks.quantile(0.5),
            weeks.quantile(0.9),
            weeks.quantile(1.0)
        ),
        format!("{} weeks", thousands(weeks.count() as u64)),
        format!(
            "{} over {}: refused",
            weeks.above(SHIPPED.records),
            SHIPPED.records
        ),
    );
    for (size, each) in measured
        .iter()
        .filter(|(size, _)| size.records < SHIPPED.records)
    {
        let large = weeks.above(size.records) as f64 / all;
        let cost = (1.0 - large) * each + large * shipped;
        table.row(
            format!(
                "two classes, {} and {}: a claim on average",
                size.records, SHIPPED.records
            ),
            ms(cost),
            format!("{} of weeks in the larger", percent(large)),
            format!("{} less than one class", percent(1.0 - cost / shipped)),
        );
    }
}
