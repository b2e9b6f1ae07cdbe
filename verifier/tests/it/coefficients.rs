//! The coefficients of a batch: all their bits count, none is zero, and knowing them allows
//! forgery. Runs like `batch.rs`, over `ark-ec` and over the kernels.

use std::convert::Infallible;

use ark_bn254::{G1Affine, g1};
use ark_ec::{AffineRepr, CurveGroup, scalar_mul::glv::GLVConfig};
use merits_trapdoor::TrapdoorKey;
use merits_verifier::groth16::{
    BatchError, KeyPolicy, PreparedKey, Proof, Provenance, verify_batch,
};
use merits_verifier::primitives::{Fr, field};
use rand::{SeedableRng, rngs::StdRng};
use rand_core::{TryCryptoRng, TryRng};

type Item = (Vec<Fr>, Proof);

/// The halves of a coefficient: low, then high.
type Halves = [u64; 2];

/// A generator that gives the coefficients that a test wants, and then random ones.
struct Told {
    words: std::vec::IntoIter<u64>,
    then: StdRng,
}

impl Told {
    fn new(coefficients: &[Halves]) -> Self {
        Self {
            words: coefficients.concat().into_iter(),
            then: StdRng::seed_from_u64(7),
        }
    }
}

impl TryRng for Told {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        match self.words.next() {
            Some(word) => Ok(word),
            None => self.then.try_next_u64(),
        }
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.then.try_fill_bytes(out)
    }
}

impl TryCryptoRng for Told {}

/// A key, and proofs under it that hold.
fn proven(count: usize) -> (PreparedKey, Vec<Item>) {
    let mut rng = StdRng::seed_from_u64(53);
    let trapdoor = TrapdoorKey::generate(1, &mut rng);
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let key = PreparedKey::new(trapdoor.key.clone(), Provenance::InsecureDev, policy)
        .expect("a good key");
    let items = (0..count)
        .map(|_| {
            let inputs = vec![field::random(&mut rng)];
            let proof = trapdoor.prove(&inputs, &mut rng).expect("a proof");
            (inputs, proof)
        })
        .collect();
    (key, items)
}

fn value([low, high]: Halves) -> Fr {
    Fr::from(low) + g1::Config::LAMBDA * Fr::from(high)
}

/// Shows why the generator must be unpredictable and that all 128 bits are used: faults that are
/// made for two coefficients cancel under these, but not under coefficients that differ in one bit.
#[test]
fn faults_cancel_only_under_known_coefficients() {
    let (key, mut items) = proven(2);
    let coefficients: [Halves; 2] = [
        [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9],
        [0x94d0_49bb_1331_11eb, 0xd6e8_feb8_6659_fd93],
    ];
    let [first, second] = coefficients.map(value);
    let shift = G1Affine::generator();
    for (item, by) in items.iter_mut().zip([second, -first]) {
        let (a, b, c) = item.1.points();
        let shifted = (shift * by + c).into_affine();
        item.1 = Proof::new(a, b, shifted).expect("points of the groups");
    }
    let verify = |coefficients: &[Halves]| verify_batch(&key, &items, &mut Told::new(coefficients));
    assert_eq!(verify(&coefficients), Ok(()), "the forgery");
    for bit in 0..256 {
        let mut other = coefficients;
        other[bit / 128][bit / 64 % 2] ^= 1 << (bit % 64);
        let both = Err(BatchError { bad: vec![0, 1] });
        assert_eq!(verify(&other), both, "without bit {bit}");
    }
}

/// A coefficient of zero would take its proof out of the batch.
#[test]
fn a_coefficient_of_zero_is_drawn_again() {
    let (key, good) = proven(9);
    let one = [1, 0];
    for place in 0..good.len() {
        let mut items = good.clone();
        items[place].0[0] += Fr::from(1u64);
        let mut coefficients = vec![one; place];
        coefficients.extend([[0, 0]; 3]);
        let found = verify_batch(&key, &items, &mut Told::new(&coefficients));
        assert_eq!(found, Err(BatchError { bad: vec![place] }));
    }
}

#[test]
fn coefficients_at_their_ends_name_the_bad_proof_too() {
    let ends = [0, 1, 1 << 63, u64::MAX];
    let coefficients: Vec<Halves> = ends
        .iter()
        .flat_map(|low| ends.map(|high| [*low, high]))
        .filter(|halves| *halves != [0, 0])
        .collect();
    let (key, good) = proven(coefficients.len());
    let verify = |items: &[Item]| verify_batch(&key, items, &mut Told::new(&coefficients));
    assert_eq!(verify(&good), Ok(()));
    for place in 0..good.len() {
        let mut items = good.clone();
        items[place].0[0] -= Fr::from(1u64);
        assert_eq!(verify(&items), Err(BatchError { bad: vec![place] }));
    }
}
