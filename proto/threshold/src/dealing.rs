//! One holder's polynomials, the shares that it deals, and how others check them.
//!
//! All randomness of a holder comes from one seed, by a stream for each use. Who has the seed makes every
//! message again, bit by bit. Shares are sealed to a key that comes from the receiver's seed, so when the seeds are
//! erased, what was published opens for nobody.

use std::collections::BTreeMap;

use ark_ff::Zero as _;
use frost_core::{
    Ciphersuite as _, Signature,
    keys::{
        SigningShare, VerifiableSecretSharingCommitment,
        dkg::{self, round1, round2},
    },
};
use merits_primitives::{
    field,
    ids::PartyId,
    jubjub::{EdwardsProjective, Point, Scalar, scalar_from_bytes, scalar_to_bytes},
    threshold::Identifier,
};
use merits_sealing::{Sealed, SealingKey, seal};
use merits_verifier::codec::Canonical as _;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    ceremony::{Ceremony, SharedKey},
    message::{
        Commitment, DealtShare, PROOF_BYTES, Package, RevealedShare, SHARE_BYTES, share_bytes,
        share_values,
    },
    quorum::SecretShare,
    suite::BabyJubjub,
};

/// Bytes of a holder's seed.
pub const SEED_BYTES: usize = 32;

/// The seed of a holder's part in one ceremony.
pub type Seed = Zeroizing<[u8; SEED_BYTES]>;

/// All packages of a ceremony, by their dealer.
pub type Packages = BTreeMap<PartyId, Package>;

/// A share of both keys in plain.
pub type PlainShare = [Zeroizing<Scalar>; 2];

/// Why a holder's own part cannot be computed. No message of others leads here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DealingFault {
    /// The party does not take part.
    #[error("party {0} is no member of this key generation")]
    NoMember(PartyId),
    /// The library refused what was checked before.
    #[error("the key generation cannot go on: {0}")]
    Library(String),
    /// A share of zero, with probability 2^-251.
    #[error("the share is zero, with which nothing can be proven: begin another attempt")]
    ZeroShare,
}

/// One holder's secret polynomials of both keys, with the package that commits to them.
pub struct Dealing<'c> {
    ceremony: &'c Ceremony,
    me: PartyId,
    seed: Seed,
    secrets: [round1::SecretPackage<BabyJubjub>; 2],
    sealing: SealingKey,
    package: Package,
}

impl std::fmt::Debug for Dealing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dealing({}, ..)", self.me)
    }
}

impl<'c> Dealing<'c> {
    /// The polynomials of this seed. The same seed, ceremony and party give the same ones.
    ///
    /// # Errors
    /// [`DealingFault`].
    pub fn of(ceremony: &'c Ceremony, me: PartyId, seed: Seed) -> Result<Self, DealingFault> {
        if !ceremony.has(&me) {
            return Err(DealingFault::NoMember(me));
        }
        let round1 = |key: SharedKey| {
            let stream = Zeroizing::new(field::digest(
                "merits/dkg/polynomial/v1",
                &[
                    seed.as_ref(),
                    &ceremony.digest(),
                    &[key.half(ceremony.side()) as u8],
                    &me.0,
                ],
            ));
            dkg::part1::<BabyJubjub, _>(
                frost_identifier(&ceremony.identifier(key, &me))?,
                ceremony.threshold().holders(),
                ceremony.threshold().needed(),
                Stream(ChaCha20Rng::from_seed(*stream)),
            )
            .map_err(library)
        };
        let (claim_secret, claim) = round1(SharedKey::Claim)?;
        let (total_secret, total) = round1(SharedKey::Total)?;
        let material = Zeroizing::new(field::digest(
            "merits/dkg/sealing-key/v1",
            &[seed.as_ref(), &ceremony.digest(), &me.0],
        ));
        let sealing = SealingKey::derive(material.as_ref());
        let package = Package {
            sealing_key: sealing.public(),
            claim: Commitment::of(&claim)?,
            total: Commitment::of(&total)?,
        };
        Ok(Self {
            ceremony,
            me,
            seed,
            secrets: [claim_secret, total_secret],
            sealing,
            package,
        })
    }

    /// What this holder publishes in round 1.
    pub fn package(&self) -> &Package {
        &self.package
    }

    /// The sealed shares for all others, under these packages.
    ///
    /// # Errors
    /// [`DealingFault`].
    pub fn shares(&self, packages: &Packages) -> Result<Vec<DealtShare>, DealingFault> {
        let (_, plain) = self.round2(packages)?;
        let receivers = self.ceremony.members().iter().copied();
        receivers
            .filter(|to| *to != self.me)
            .map(|to| {
                let unknown = DealingFault::NoMember(to);
                let share = plain.get(&to).ok_or_else(|| unknown.clone())?;
                let context = share_context(self.ceremony, packages, &self.me, &to);
                let seed = self.sealing_seed(&context);
                let sealed = seal_share(packages, &to, &context, share, &seed).ok_or(unknown)?;
                Ok(DealtShare { to, sealed })
            })
            .collect()
    }

    /// Opens the share that a dealer sealed to this holder, and checks it against the dealer's commitments; `None`
    /// if either fails.
    pub fn open(
        &self,
        packages: &Packages,
        dealer: &PartyId,
        sealed: &Sealed,
    ) -> Option<PlainShare> {
        let context = share_context(self.ceremony, packages, dealer, &self.me);
        let plain = self.sealing.open(INFO, &context, sealed).ok()?;
        let values = share_values(&plain)?;
        fits(self.ceremony, packages, dealer, &self.me, &values).then_some(values)
    }

    /// A share that its receiver disputes, in plain and with the seed of its sealing.
    ///
    /// # Errors
    /// [`DealingFault`].
    pub fn reveal(
        &self,
        packages: &Packages,
        complainer: &PartyId,
    ) -> Result<RevealedShare, DealingFault> {
        let (_, plain) = self.round2(packages)?;
        let share = plain
            .get(complainer)
            .ok_or(DealingFault::NoMember(*complainer))?;
        let context = share_context(self.ceremony, packages, &self.me, complainer);
        Ok(RevealedShare {
            to: *complainer,
            share: **share,
            sealing: *self.sealing_seed(&context),
        })
    }

    /// This holder's secret shares of both keys, from what every other holder dealt it. The shares were
    /// checked against their commitments before.
    ///
    /// # Errors
    /// [`DealingFault`].
    pub fn finish(
        &self,
        packages: &Packages,
        dealt: &BTreeMap<PartyId, PlainShare>,
    ) -> Result<[SecretShare; 2], DealingFault> {
        let (secrets, _) = self.round2(packages)?;
        let share = |place: usize, key: SharedKey| {
            let secret = secrets.get(place).ok_or(DealingFault::ZeroShare)?;
            let mut round2_packages = BTreeMap::new();
            for (dealer, values) in dealt {
                let value = values.get(place).ok_or(DealingFault::ZeroShare)?;
                let bytes = Zeroizing::new(scalar_to_bytes(value));
                let share = SigningShare::deserialize(bytes.as_ref()).map_err(library)?;
                round2_packages.insert(
                    frost_identifier(&self.ceremony.identifier(key, dealer))?,
                    round2::Package::new(share),
                );
            }
            let others = self.others(packages, key)?;
            let (own, _) = dkg::part3(secret, &others, &round2_packages).map_err(library)?;
            let bytes = Zeroizing::new(own.signing_share().serialize());
            let value = scalar_of(&bytes).ok_or(DealingFault::ZeroShare)?;
            SecretShare::new(self.me, value).ok_or(DealingFault::ZeroShare)
        };
        Ok([share(0, SharedKey::Claim)?, share(1, SharedKey::Total)?])
    }

    /// Round 2 of both keys: what is kept, and each other's share.
    #[allow(clippy::type_complexity, reason = "a private pair")]
    fn round2(
        &self,
        packages: &Packages,
    ) -> Result<
        (
            Vec<round2::SecretPackage<BabyJubjub>>,
            BTreeMap<PartyId, Zeroizing<[u8; SHARE_BYTES]>>,
        ),
        DealingFault,
    > {
        let mut kept = Vec::with_capacity(2);
        let mut values: BTreeMap<PartyId, Vec<Zeroizing<Scalar>>> = BTreeMap::new();
        for (key, secret) in SharedKey::BOTH.into_iter().zip(&self.secrets) {
            let others = self.others(packages, key)?;
            let (own, dealt) = dkg::part2(secret.clone(), &others).map_err(library)?;
            kept.push(own);
            for party in self.ceremony.members() {
                if *party == self.me {
                    continue;
                }
                let at = frost_identifier(&self.ceremony.identifier(key, party))?;
                let package = dealt.get(&at).ok_or(DealingFault::NoMember(*party))?;
                let bytes = Zeroizing::new(package.signing_share().serialize());
                let value = scalar_of(&bytes).ok_or(DealingFault::ZeroShare)?;
                values.entry(*party).or_default().push(value);
            }
        }
        let plain = values
            .into_iter()
            .filter_map(|(party, values)| {
                let [claim, total] = values.as_slice() else {
                    return None;
                };
                Some((party, share_bytes(claim, total)))
            })
            .collect();
        Ok((kept, plain))
    }

    /// The other holders' packages of one key, for the library.
    fn others(
        &self,
        packages: &Packages,
        key: SharedKey,
    ) -> Result<
        BTreeMap<frost_core::Identifier<BabyJubjub>, round1::Package<BabyJubjub>>,
        DealingFault,
    > {
        packages
            .iter()
            .filter(|(dealer, _)| **dealer != self.me)
            .map(|(dealer, package)| {
                let at = frost_identifier(&self.ceremony.identifier(key, dealer))?;
                Ok((at, package.of(key).to_library()?))
            })
            .collect()
    }

    /// The seed of one sealing. It covers the whole context, so one seed never seals two messages.
    fn sealing_seed(&self, context: &[u8; 32]) -> Seed {
        Zeroizing::new(field::digest(
            "merits/dkg/sealing/v1",
            &[self.seed.as_ref(), context],
        ))
    }
}

impl Package {
    /// The commitment of one key.
    pub fn of(&self, key: SharedKey) -> &Commitment {
        match key {
            SharedKey::Claim => &self.claim,
            SharedKey::Total => &self.total,
        }
    }
}

impl Commitment {
    /// The polynomial's value at this place, times Base8.
    pub fn value_at(&self, at: &Identifier) -> EdwardsProjective {
        self.coefficients
            .iter()
            .rev()
            .fold(EdwardsProjective::zero(), |sum, coefficient| {
                sum * at.value() + coefficient.projective()
            })
    }

    /// Whether the polynomial has this value there.
    pub fn fits(&self, at: &Identifier, value: &Scalar) -> bool {
        Point::base().projective() * *value == self.value_at(at)
    }

    /// Whether its maker, whose identifier this is, knows the constant term.
    pub fn is_proven(&self, maker: &Identifier) -> bool {
        let Some(constant) = self.coefficients.first() else {
            return false;
        };
        let preimage = [
            &scalar_to_bytes(&maker.value())[..],
            &constant.to_bytes(),
            &self.nonce.to_bytes(),
        ]
        .concat();
        let Some(challenge) = BabyJubjub::HDKG(&preimage) else {
            return false;
        };
        let expected =
            Point::base().projective() * self.response - constant.projective() * challenge;
        expected == self.nonce.projective()
    }

    fn of(package: &round1::Package<BabyJubjub>) -> Result<Self, DealingFault> {
        let coefficients = package.commitment().serialize().map_err(library)?;
        let proof = package.proof_of_knowledge().serialize().map_err(library)?;
        let (nonce, response) = proof
            .split_at_checked(PROOF_BYTES - 32)
            .ok_or_else(|| DealingFault::Library("the proof is short".to_owned()))?;
        Ok(Self {
            coefficients: coefficients
                .iter()
                .map(|bytes| point_of(bytes))
                .collect::<Result<_, _>>()?,
            nonce: point_of(nonce)?,
            response: *scalar_of(response)
                .ok_or_else(|| DealingFault::Library("the proof is no scalar".to_owned()))?,
        })
    }

    fn to_library(&self) -> Result<round1::Package<BabyJubjub>, DealingFault> {
        let coefficients = self.coefficients.iter().map(Point::to_bytes);
        let commitment =
            VerifiableSecretSharingCommitment::deserialize(coefficients).map_err(library)?;
        let proof = [&self.nonce.to_bytes()[..], &scalar_to_bytes(&self.response)].concat();
        let proof = Signature::deserialize(&proof).map_err(library)?;
        Ok(round1::Package::new(commitment, proof))
    }
}

/// Whether a revealed share clears its dealer: it fits the commitments, and sealing it again gives exactly what
/// was dealt. Otherwise the dealer is at fault.
pub fn clears(
    ceremony: &Ceremony,
    packages: &Packages,
    dealer: &PartyId,
    dealt: &Sealed,
    revealed: &RevealedShare,
) -> bool {
    let Some(values) = share_values(&revealed.share) else {
        return false;
    };
    let context = share_context(ceremony, packages, dealer, &revealed.to);
    let again = seal_share(
        packages,
        &revealed.to,
        &context,
        &revealed.share,
        &revealed.sealing,
    );
    fits(ceremony, packages, dealer, &revealed.to, &values) && again.as_ref() == Some(dealt)
}

/// A digest of all packages, in the order of the members.
pub fn packages_digest(packages: &Packages) -> [u8; 32] {
    let bytes: Vec<Vec<u8>> = packages
        .values()
        .map(|package| package.to_bytes())
        .collect();
    let parts: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
    field::digest("merits/dkg/packages/v1", &parts)
}

fn fits(
    ceremony: &Ceremony,
    packages: &Packages,
    dealer: &PartyId,
    receiver: &PartyId,
    values: &PlainShare,
) -> bool {
    let Some(package) = packages.get(dealer) else {
        return false;
    };
    SharedKey::BOTH.into_iter().zip(values).all(|(key, value)| {
        let at = ceremony.identifier(key, receiver);
        package.of(key).fits(&at, value)
    })
}

/// What a sealed share is bound to: ceremony, dealer, receiver, and the packages of all.
fn share_context(
    ceremony: &Ceremony,
    packages: &Packages,
    dealer: &PartyId,
    receiver: &PartyId,
) -> [u8; 32] {
    field::digest(
        "merits/dkg/share-context/v1",
        &[
            &ceremony.digest(),
            &dealer.0,
            &receiver.0,
            &packages_digest(packages),
        ],
    )
}

/// Seals to the key in the receiver's package, with the randomness of a seed. `None` where there is no such package
/// or the key is not usable, which is found with the packages.
fn seal_share(
    packages: &Packages,
    to: &PartyId,
    context: &[u8; 32],
    share: &[u8; SHARE_BYTES],
    seed: &[u8; SEED_BYTES],
) -> Option<Sealed> {
    let key = &packages.get(to)?.sealing_key;
    let rng = &mut ChaCha20Rng::from_seed(*seed);
    seal(key, INFO, context, share, rng).ok()
}

/// What no other sealed message has.
const INFO: &[u8] = b"merits/dkg/share/v1";

fn frost_identifier(at: &Identifier) -> Result<frost_core::Identifier<BabyJubjub>, DealingFault> {
    frost_core::Identifier::deserialize(&scalar_to_bytes(&at.value())).map_err(library)
}

fn point_of(bytes: &[u8]) -> Result<Point, DealingFault> {
    let bytes = bytes
        .try_into()
        .map_err(|_| DealingFault::Library("a point is short".to_owned()))?;
    Point::from_bytes(bytes).map_err(|fault| DealingFault::Library(fault.to_string()))
}

fn scalar_of(bytes: &[u8]) -> Option<Zeroizing<Scalar>> {
    scalar_from_bytes(bytes.try_into().ok()?).map(Zeroizing::new)
}

fn library(error: frost_core::Error<BabyJubjub>) -> DealingFault {
    DealingFault::Library(error.to_string())
}

/// A generator for a library that takes one of an older interface.
struct Stream(ChaCha20Rng);

impl rand_core_06::RngCore for Stream {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core_06::Error> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

impl rand_core_06::CryptoRng for Stream {}
