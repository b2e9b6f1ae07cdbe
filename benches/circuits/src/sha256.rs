//! SHA-256 over bits: a circuit in which nearly all wires are 0 or 1, as for every conventional
//! hash function in a proof system over a large field.
//!
//! Written as circomlib's `sha256` is, so that sizes compare with what others publish: an exclusive
//! or of three bits takes two constraints, `Ch` one, `Maj` two, and sums modulo 2^32 are decomposed
//! into bits and their carries dropped. About 30,700 constraints a block.

use merits_primitives::Fr;
use sha2::{Digest as _, Sha256};

use merits_circuits::builder::{Bit, Builder, Circuit, Lc};

/// Bytes of a block.
const BLOCK: usize = 64;
/// The bit 1 after the message, in its own byte, and the message's length in bits.
const PADDING: usize = 9;

/// 32 bits, lowest first.
type Word = Vec<Bit>;

/// Length of the messages that [`sha256_chain`] hashes, in bytes: the longest of `blocks` blocks.
#[must_use]
pub const fn sha256_message_len(blocks: usize) -> usize {
    blocks * BLOCK - PADDING
}

/// SHA-256 of a private message of [`sha256_message_len`] bytes: `blocks` compressions in a
/// chain. Public: the digest's two halves as big-endian numbers.
///
/// # Panics
/// If `blocks` is 0.
#[must_use]
pub fn sha256_chain(blocks: usize) -> Circuit {
    assert!(blocks > 0, "a message has at least one block");
    let mut b = Builder::new();
    let digest = [b.public("digest, high half"), b.public("digest, low half")];
    let len = sha256_message_len(blocks);
    let bytes: Vec<Lc> = (0..len).map(|i| b.input(&format!("byte {i}"))).collect();
    // A message's bits, highest of a byte first.
    let mut bits: Vec<Bit> = b.section("message", |b| {
        bytes
            .iter()
            .flat_map(|byte| b.bits(byte, 8).into_iter().rev())
            .collect()
    });
    bits.push(Bit::constant(true));
    bits.extend(std::iter::repeat_n(Bit::constant(false), 7));
    let length = 8 * len as u64;
    bits.extend((0..64).rev().map(|i| Bit::constant(length >> i & 1 == 1)));

    let mut state: Vec<Word> = INITIAL.iter().map(|word| constant(*word)).collect();
    for block in bits.chunks(8 * BLOCK) {
        let words = block.chunks(32).map(|word| word.iter().rev().cloned());
        let words = words.map(Iterator::collect).collect();
        state = b.section("compression", |b| compress(b, state, words));
    }
    for (half, expected) in state.chunks(4).zip(&digest) {
        let low_first: Vec<Bit> = half.iter().rev().flatten().cloned().collect();
        b.assert_equal(&Lc::from_bits(&low_first), expected);
    }
    b.finish()
}

/// Inputs that satisfy [`sha256_chain`], with the digest by the `sha2` crate.
///
/// # Panics
/// If no number of blocks has messages of this length.
#[must_use]
pub fn sha256_chain_inputs(message: &[u8]) -> Vec<Fr> {
    assert!(
        (message.len() + PADDING).is_multiple_of(BLOCK),
        "the message must fill its last block but for the padding"
    );
    let digest = Sha256::digest(message);
    let half = |bytes: &[u8]| {
        let number = bytes
            .iter()
            .fold(0u128, |number, byte| number << 8 | u128::from(*byte));
        Fr::from(number)
    };
    let (high, low) = digest.split_at(16);
    let bytes = message.iter().map(|byte| Fr::from(*byte));
    [half(high), half(low)].into_iter().chain(bytes).collect()
}

fn compress(b: &mut Builder, state: Vec<Word>, mut schedule: Vec<Word>) -> Vec<Word> {
    for t in 16..ROUND.len() {
        let small0 = sigma(b, &schedule[t - 15], [7, 18], Last::Shift(3));
        let small1 = sigma(b, &schedule[t - 2], [17, 19], Last::Shift(10));
        let word = sum(b, &[&small1, &schedule[t - 7], &small0, &schedule[t - 16]]);
        schedule.push(word);
    }
    let mut w = state.clone();
    for (constant_word, word) in ROUND.iter().zip(&schedule) {
        let big1 = sigma(b, &w[4], [6, 11], Last::Rotation(25));
        let choice: Word = (0..32)
            .map(|i| choose(b, &w[4][i], &w[5][i], &w[6][i]))
            .collect();
        let constant_word = constant(*constant_word);
        let first = sum(b, &[&w[7], &big1, &choice, &constant_word, word]);
        let big0 = sigma(b, &w[0], [2, 13], Last::Rotation(22));
        let most: Word = (0..32)
            .map(|i| majority(b, &w[0][i], &w[1][i], &w[2][i]))
            .collect();
        let second = sum(b, &[&big0, &most]);
        w.rotate_right(1);
        w[4] = sum(b, &[&w[4], &first]);
        w[0] = sum(b, &[&first, &second]);
    }
    state
        .iter()
        .zip(&w)
        .map(|(before, after)| sum(b, &[before, after]))
        .collect()
}

/// The third part of a σ: the small ones end in a shift, the big ones in a rotation.
#[derive(Clone, Copy)]
enum Last {
    Rotation(usize),
    Shift(usize),
}

/// Exclusive or of a word turned right by three distances: 64 constraints, less one for each bit
/// that a shift leaves out.
fn sigma(b: &mut Builder, word: &[Bit], rotations: [usize; 2], last: Last) -> Word {
    (0..32)
        .map(|i| {
            let turned = |by: usize| &word[(i + by) % 32];
            let two = xor(b, turned(rotations[0]), turned(rotations[1]));
            match last {
                Last::Rotation(by) => xor(b, &two, turned(by)),
                Last::Shift(by) if i + by < 32 => xor(b, &two, &word[i + by]),
                Last::Shift(_) => two,
            }
        })
        .collect()
}

/// `x + y − 2xy`, as a wire of its own, so that sums of such bits stay short: 1 constraint.
fn xor(b: &mut Builder, x: &Bit, y: &Bit) -> Bit {
    let sum = x.lc() + y.lc();
    // Both are bits, so the value is 0 or 1.
    Bit::assume(b.mul_add(&(x.lc() * -Fr::from(2u64)), y.lc(), &sum))
}

/// `x` decides between `y` (1) and `z` (0): 1 constraint.
fn choose(b: &mut Builder, x: &Bit, y: &Bit, z: &Bit) -> Bit {
    // One of two bits.
    Bit::assume(b.mul_add(x.lc(), &(y.lc() - z.lc()), z.lc()))
}

/// The majority of three bits: `yz + x(y + z − 2yz)`, 2 constraints.
fn majority(b: &mut Builder, x: &Bit, y: &Bit, z: &Bit) -> Bit {
    let both = b.and(y, z);
    let differ = y.lc() + z.lc() - both.lc() * Fr::from(2u64);
    // `both` if y = z, else x: a bit.
    Bit::assume(b.mul_add(x.lc(), &differ, both.lc()))
}

/// The sum modulo 2^32: 33 constraints and one for each bit of carry.
fn sum(b: &mut Builder, words: &[&Word]) -> Word {
    let parts: Vec<Lc> = words.iter().map(|word| Lc::from_bits(word)).collect();
    let total = Lc::sum(&parts);
    // A sum of n words is below n * 2^32.
    let carry = words.len().next_power_of_two().ilog2() as usize;
    let mut bits = b.bits(&total, 32 + carry);
    bits.truncate(32);
    bits
}

fn constant(word: u32) -> Word {
    (0..32).map(|i| Bit::constant(word >> i & 1 == 1)).collect()
}

/// FIPS 180-4, 5.3.3: fractional parts of the square roots of the first 8 primes.
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// FIPS 180-4, 4.2.2: fractional parts of the cube roots of the first 64 primes.
#[rustfmt::skip]
const ROUND: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

#[cfg(test)]
mod tests {
    use ark_ff::Field as _;

    use super::*;

    #[test]
    fn digests_are_those_of_the_sha2_crate() {
        let circuit = sha256_chain(2);
        for seed in 0..4u32 {
            let byte =
                |i: usize| (i as u32 * 151 + seed * 77).to_le_bytes()[usize::from(seed == 3)];
            let message: Vec<u8> = (0..sha256_message_len(2)).map(byte).collect();
            let inputs = sha256_chain_inputs(&message);
            let assignment = circuit.program.run(&inputs).expect("a witness");
            circuit.check(&assignment).expect("the digest fits");

            // Another digest, or another message under the same digest, does not.
            for at in [0, 1, 2, inputs.len() - 1] {
                let mut wrong = inputs.clone();
                wrong[at] = if wrong[at] == Fr::ONE {
                    Fr::from(2u64)
                } else {
                    Fr::ONE
                };
                let assignment = circuit.program.run(&wrong).expect("bytes are bytes");
                assert!(circuit.check(&assignment).is_err(), "input {at}");
            }
        }
    }

    #[test]
    fn two_blocks_are_just_below_two_to_the_sixteenth_and_nearly_all_bits() {
        let circuit = sha256_chain(2);
        let constraints = circuit.r1cs.n_constraints();
        assert!((60_000..65_536).contains(&constraints), "{constraints}");
        assert_eq!(circuit.r1cs.domain_log2(), 16);
        let inputs = sha256_chain_inputs(&[0xa5; sha256_message_len(2)]);
        let assignment = circuit.program.run(&inputs).expect("a witness");
        let bits = assignment
            .iter()
            .filter(|v| **v == Fr::ONE || **v == Fr::from(0u64));
        assert!(bits.count() * 100 >= assignment.len() * 99);
    }
}
