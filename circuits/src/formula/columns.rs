//! One value in a column of several, and one of several values, by the bits of a position.

use crate::builder::{Bit, Builder, Lc};

/// Sums of columns.
pub(super) fn by_column(columns: &[Vec<Lc>], keys: usize) -> Vec<Lc> {
    (0..keys)
        .map(|key| Lc::sum(columns.iter().map(|column| &column[key])))
        .collect()
}

/// The value in the column of a number that is given by its bits, 0 in the other columns:
/// `columns` - 1 constraints.
///
/// A binary tree over the bits: the product with the highest bit is the upper half, and the rest of
/// the value is the lower half. If the upper half is past the last column, the bit is 0 for every
/// record, by the bounds of the number. For a slot whose value is 0, everything here is 0.
pub(super) fn split_one(b: &mut Builder, value: &Lc, bits: &[Bit], columns: usize) -> Vec<Lc> {
    let Some((highest, lower)) = bits.split_last().filter(|_| columns > 1) else {
        return vec![value.clone()];
    };
    let half = 1usize << lower.len();
    if columns <= half {
        return split_one(b, value, lower, columns);
    }
    let upper = b.mul(value, highest.lc());
    let mut parts = split_one(b, &(value - &upper), lower, half);
    parts.extend(split_one(b, &upper, lower, columns - half));
    parts
}

/// [`split_one`] of a flag whose bits are 0 unless it is set: one constraint less for each bit.
///
/// Works from the highest bit down, with columns that add up to the flag. Each column but one is
/// multiplied by the next bit. The product of that column follows from the others: all products add
/// up to flag·bit, which is the bit itself.
pub(super) fn one_hot(b: &mut Builder, flag: &Bit, bits: &[Bit], columns: usize) -> Vec<Lc> {
    let mut parts = vec![flag.lc().clone()];
    for (at, bit) in bits.iter().enumerate().rev() {
        // The number of columns when the bits from `at` on distinguish numbers.
        let wanted = columns.div_ceil(1 << at);
        let pairs = parts.len();
        // If the last part has no upper half, its records have a 0 here.
        let split = pairs - (2 * pairs - wanted);
        let mut rest = bit.lc().clone();
        let mut next = Vec::with_capacity(wanted);
        for (i, part) in parts.iter().enumerate() {
            if i >= split {
                next.push(part.clone());
                continue;
            }
            let upper = if i + 1 == split {
                rest.clone()
            } else {
                b.mul(part, bit.lc())
            };
            rest -= &upper;
            next.push(part - &upper);
            next.push(upper);
        }
        parts = next;
    }
    parts
}

/// The value at a position that is given by its bits: one constraint less than there are values.
/// Bits that only positions past the last have are 0, by the bounds of the position.
pub(super) fn choose(b: &mut Builder, values: &[Lc], bits: &[Bit]) -> Lc {
    let Some((highest, lower)) = bits.split_last().filter(|_| values.len() > 1) else {
        // Never empty: an enum has at least two names, and groups have a key.
        return values.first().cloned().unwrap_or_default();
    };
    let half = 1usize << lower.len();
    if values.len() <= half {
        return choose(b, values, lower);
    }
    let low = choose(b, &values[..half], lower);
    let high = choose(b, &values[half..], lower);
    b.select(highest, &high, &low)
}

#[cfg(test)]
mod tests {
    use merits_primitives::Fr;

    use super::*;
    use crate::gadgets::bits;

    /// Every number of columns up to 9, with every position and a flag that is not set.
    #[test]
    fn splitting_and_choosing_agree_with_indexing() {
        for columns in 1..=9usize {
            let n = (usize::BITS - (columns - 1).leading_zeros()) as usize;
            let mut b = Builder::new();
            let flag = b.input("flag");
            let flag = b.assert_bool(&flag);
            let key = bits::gated_input_bits(&mut b, "key", n, &flag);
            let value = b.input("value");
            let before = b.n_constraints();
            let hot = one_hot(&mut b, &flag, &key, columns);
            assert_eq!(b.n_constraints() - before, (columns - 1).saturating_sub(n));
            let before = b.n_constraints();
            let split = split_one(&mut b, &value, &key, columns);
            assert_eq!(b.n_constraints() - before, columns - 1);
            let table: Vec<Lc> = (0..columns).map(|_| b.input("cell")).collect();
            let before = b.n_constraints();
            let chosen = choose(&mut b, &table, &key);
            assert_eq!(b.n_constraints() - before, columns - 1);
            let results = hot.into_iter().chain(split).chain([chosen]);
            let wires: Vec<usize> = results
                .map(|lc| {
                    let copy = b.mul_add(&value, &value, &lc);
                    copy.as_wire().expect("a wire").index()
                })
                .collect();
            let circuit = b.finish();
            for at in 0..=columns {
                // The last run has no flag, key 0.
                let (flag, key) = if at < columns { (1, at) } else { (0, 0) };
                let value = Fr::from(1000u64);
                let mut inputs = vec![Fr::from(flag as u64)];
                inputs.extend((0..n).map(|i| Fr::from((key >> i & 1) as u64)));
                inputs.push(value);
                inputs.extend((0..columns as u64).map(|i| Fr::from(7 + i)));
                let assignment = circuit.program.run(&inputs).expect("a witness");
                circuit.check(&assignment).expect("satisfied");
                let found: Vec<Fr> = (wires.iter())
                    .map(|wire| assignment[*wire] - value * value)
                    .collect();
                let unit = |with: Fr, set: bool| {
                    (0..columns).map(move |i| {
                        if set && i == key {
                            with
                        } else {
                            Fr::from(0u64)
                        }
                    })
                };
                let expected: Vec<Fr> = unit(Fr::from(1u64), flag == 1)
                    .chain(unit(value, true))
                    .chain([Fr::from(7 + key as u64)])
                    .collect();
                assert_eq!(found, expected, "{columns} columns, {at}");
            }
        }
    }
}
