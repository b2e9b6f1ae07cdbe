//! snarkjs's JSON files: `verification_key.json`, `proof.json`, `public.json`.
//!
//! Numbers are decimal strings, points projective with z = 1. What is read is checked: each
//! number canonical, each point on its curve and in its subgroup.

use ark_bn254::{Bn254, Fq, Fq2, Fq6, Fq12, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, pairing::Pairing};
use ark_ff::{BigInt, PrimeField};
use merits_verifier::groth16::{Proof, ProofFormatError, VerifyingKey};
use serde::{Deserialize, Serialize};

const PROTOCOL: &str = "groth16";
const CURVE: &str = "bn128";

/// Why a JSON file is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnarkjsJsonError {
    /// Not JSON, or not of this shape.
    #[error("{file}: not snarkjs's format: {source}")]
    Shape {
        /// The file.
        file: &'static str,
        /// The parser's complaint.
        source: serde_json::Error,
    },
    /// Another proof system or curve.
    #[error("{file}: it is for {protocol} over {curve}; this program reads groth16 over bn128")]
    OtherSystem {
        /// What was being read.
        file: &'static str,
        /// The proof system found.
        protocol: String,
        /// Curve found.
        curve: String,
    },
    /// A number is not canonical.
    #[error("{file}, {field}: not a decimal number below the modulus")]
    Number {
        /// What was being read.
        file: &'static str,
        /// The field of the file.
        field: &'static str,
    },
    /// A point is not in the group.
    #[error("{file}, {field}: not a point of the prime-order group")]
    Point {
        /// What was being read.
        file: &'static str,
        /// The field of the file.
        field: &'static str,
    },
    /// The number of input points contradicts the number of public inputs.
    #[error("{file}: {inputs} public inputs but {points} input points")]
    InputPoints {
        /// What was being read.
        file: &'static str,
        /// Public inputs announced.
        inputs: usize,
        /// Points in the file.
        points: usize,
    },
    /// The proof's points are not acceptable.
    #[error(transparent)]
    Proof(#[from] ProofFormatError),
}

type Pair = [String; 2];
type G1Json = [String; 3];
type G2Json = [Pair; 3];

#[derive(Serialize, Deserialize)]
struct KeyJson {
    protocol: String,
    curve: String,
    #[serde(rename = "nPublic")]
    n_public: usize,
    vk_alpha_1: G1Json,
    vk_beta_2: G2Json,
    vk_gamma_2: G2Json,
    vk_delta_2: G2Json,
    /// The pairing of alpha and beta; derived, so it is not read.
    #[serde(default, skip_deserializing)]
    vk_alphabeta_12: [[Pair; 3]; 2],
    #[serde(rename = "IC")]
    ic: Vec<G1Json>,
}

#[derive(Serialize, Deserialize)]
struct ProofJson {
    pi_a: G1Json,
    pi_b: G2Json,
    pi_c: G1Json,
    protocol: String,
    curve: String,
}

/// `verification_key.json` of a key.
#[must_use]
pub fn verification_key(key: &VerifyingKey) -> String {
    pretty(&KeyJson {
        protocol: PROTOCOL.into(),
        curve: CURVE.into(),
        n_public: key.public_inputs(),
        vk_alpha_1: g1_json(&key.alpha),
        vk_beta_2: g2_json(&key.beta),
        vk_gamma_2: g2_json(&key.gamma),
        vk_delta_2: g2_json(&key.delta),
        vk_alphabeta_12: fq12_json(&Bn254::pairing(key.alpha, key.beta).0),
        ic: key.ic.iter().map(g1_json).collect(),
    })
}

/// Reads `verification_key.json`. [`VerifyingKey::check`] checks whether the key may be used.
///
/// # Errors
/// [`SnarkjsJsonError`].
pub fn read_verification_key(json: &str) -> Result<VerifyingKey, SnarkjsJsonError> {
    let file = "verification_key.json";
    let read: KeyJson = parse(file, json)?;
    check_system(file, &read.protocol, &read.curve)?;
    if read.ic.len() != read.n_public + 1 {
        let (inputs, points) = (read.n_public, read.ic.len());
        return Err(SnarkjsJsonError::InputPoints {
            file,
            inputs,
            points,
        });
    }
    Ok(VerifyingKey {
        alpha: g1(file, "vk_alpha_1", &read.vk_alpha_1)?,
        beta: g2(file, "vk_beta_2", &read.vk_beta_2)?,
        gamma: g2(file, "vk_gamma_2", &read.vk_gamma_2)?,
        delta: g2(file, "vk_delta_2", &read.vk_delta_2)?,
        ic: read
            .ic
            .iter()
            .map(|point| g1(file, "IC", point))
            .collect::<Result<_, _>>()?,
    })
}

/// `proof.json` of a proof.
#[must_use]
pub fn proof(proof: &Proof) -> String {
    let (a, b, c) = proof.points();
    pretty(&ProofJson {
        pi_a: g1_json(&a),
        pi_b: g2_json(&b),
        pi_c: g1_json(&c),
        protocol: PROTOCOL.into(),
        curve: CURVE.into(),
    })
}

/// Reads `proof.json`.
///
/// # Errors
/// [`SnarkjsJsonError`].
pub fn read_proof(json: &str) -> Result<Proof, SnarkjsJsonError> {
    let file = "proof.json";
    let read: ProofJson = parse(file, json)?;
    check_system(file, &read.protocol, &read.curve)?;
    let a = g1(file, "pi_a", &read.pi_a)?;
    let b = g2(file, "pi_b", &read.pi_b)?;
    let c = g1(file, "pi_c", &read.pi_c)?;
    Ok(Proof::new(a, b, c)?)
}

/// `public.json` of public inputs.
#[must_use]
pub fn public(inputs: &[Fr]) -> String {
    pretty(&inputs.iter().map(ToString::to_string).collect::<Vec<_>>())
}

/// Reads `public.json`.
///
/// # Errors
/// [`SnarkjsJsonError`].
pub fn read_public(json: &str) -> Result<Vec<Fr>, SnarkjsJsonError> {
    let file = "public.json";
    let inputs: Vec<String> = parse(file, json)?;
    inputs
        .iter()
        .map(|input| number(file, "input", input))
        .collect()
}

fn pretty(value: &impl Serialize) -> String {
    // Strings, lists and structs only: nothing that JSON could fail to express.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

fn parse<'a, T: Deserialize<'a>>(file: &'static str, json: &'a str) -> Result<T, SnarkjsJsonError> {
    serde_json::from_str(json).map_err(|source| SnarkjsJsonError::Shape { file, source })
}

fn check_system(file: &'static str, protocol: &str, curve: &str) -> Result<(), SnarkjsJsonError> {
    if (protocol, curve) == (PROTOCOL, CURVE) {
        return Ok(());
    }
    let (protocol, curve) = (protocol.to_owned(), curve.to_owned());
    Err(SnarkjsJsonError::OtherSystem {
        file,
        protocol,
        curve,
    })
}

fn number<F: PrimeField<BigInt = BigInt<4>>>(
    file: &'static str,
    field: &'static str,
    text: &str,
) -> Result<F, SnarkjsJsonError> {
    let refused = SnarkjsJsonError::Number { file, field };
    // 78 digits hold 2^256. Leading zeros and signs would be other spellings of the same number.
    let digits = text.len() <= 78 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || text.is_empty() || (text.len() > 1 && text.starts_with('0')) {
        return Err(refused);
    }
    let value = text.bytes().fold(F::ZERO, |value, digit| {
        value * F::from(10u64) + F::from(u64::from(digit - b'0'))
    });
    // Parsing reduces a number that is too large. Then it does not print as it was read.
    if value.to_string() == text {
        Ok(value)
    } else {
        Err(refused)
    }
}

fn g1(
    file: &'static str,
    field: &'static str,
    [x, y, z]: &G1Json,
) -> Result<G1Affine, SnarkjsJsonError> {
    let point = match z.as_str() {
        "0" => G1Affine::identity(),
        "1" => G1Affine::new_unchecked(number(file, field, x)?, number(file, field, y)?),
        _ => return Err(SnarkjsJsonError::Point { file, field }),
    };
    if !point.is_on_curve() || !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(SnarkjsJsonError::Point { file, field });
    }
    Ok(point)
}

fn g2(
    file: &'static str,
    field: &'static str,
    [x, y, z]: &G2Json,
) -> Result<G2Affine, SnarkjsJsonError> {
    let fq2 = |[c0, c1]: &Pair| -> Result<Fq2, SnarkjsJsonError> {
        Ok(Fq2::new(number(file, field, c0)?, number(file, field, c1)?))
    };
    let point = match [z[0].as_str(), z[1].as_str()] {
        ["0", "0"] => G2Affine::identity(),
        ["1", "0"] => G2Affine::new_unchecked(fq2(x)?, fq2(y)?),
        _ => return Err(SnarkjsJsonError::Point { file, field }),
    };
    if !point.is_on_curve() || !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(SnarkjsJsonError::Point { file, field });
    }
    Ok(point)
}

fn g1_json(point: &G1Affine) -> G1Json {
    match point.xy() {
        Some((x, y)) => [x.to_string(), y.to_string(), "1".into()],
        None => ["0".into(), "1".into(), "0".into()],
    }
}

fn g2_json(point: &G2Affine) -> G2Json {
    let pair = |c0: &str, c1: &str| [c0.to_owned(), c1.to_owned()];
    match point.xy() {
        Some((x, y)) => [fq2_json(&x), fq2_json(&y), pair("1", "0")],
        None => [pair("0", "0"), pair("1", "0"), pair("0", "0")],
    }
}

fn fq2_json(value: &Fq2) -> Pair {
    let text = |value: &Fq| value.to_string();
    [text(&value.c0), text(&value.c1)]
}

fn fq12_json(value: &Fq12) -> [[Pair; 3]; 2] {
    let fq6 = |value: &Fq6| {
        [
            fq2_json(&value.c0),
            fq2_json(&value.c1),
            fq2_json(&value.c2),
        ]
    };
    [fq6(&value.c0), fq6(&value.c1)]
}
