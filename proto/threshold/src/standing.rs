//! What anybody can tell from the messages that were published: how far a key generation is, who is at fault, and
//! which keys came out. It needs no secret, so holders, the log's rules and onlookers come to the same result.

use std::collections::BTreeMap;

use ark_ec::CurveGroup as _;
use ark_ff::Zero as _;
use merits_primitives::{
    field,
    ids::PartyId,
    jubjub::{EdwardsProjective, Point},
    threshold::Identifier,
};
use merits_sealing::is_usable;
use merits_verifier::codec::Canonical as _;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use thiserror::Error;

use crate::{
    ceremony::{Ceremony, SharedKey},
    dealing::{Packages, clears},
    message::{Body, Commitment, DealtShare, Message, RevealedShare, Round, Slot, Verdict},
    quorum::{Holder, QuorumKey},
};

/// Everything that was published, by sender and round. Whatever carries the messages authenticates the senders.
pub type Board = BTreeMap<Slot, Vec<u8>>;

/// How far a key generation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// A round is not complete.
    Waiting {
        /// The round.
        round: Round,
        /// Who has not published in it.
        missing: Vec<PartyId>,
    },
    /// The attempt failed: these are at fault. What its holders made is worth nothing.
    Failed(Vec<Blame>),
    /// All holders confirmed.
    Done(Box<Outcome>),
}

/// Who is at fault, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blame {
    /// The party.
    pub party: PartyId,
    /// What it did.
    pub fault: Fault,
}

impl std::fmt::Display for Blame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.party, self.fault)
    }
}

/// What a holder did wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// It does not decode, or is of another round.
    #[error("its message of round {round} is not one: {why}")]
    Malformed {
        /// The round.
        round: Round,
        /// Why.
        why: String,
    },
    /// Of another attempt, epoch, half or set of members.
    #[error("its message of round {0} is for another key generation")]
    OtherCeremony(Round),
    /// The package is not the one that it bound itself to.
    #[error("its package is not the one whose hash it published first")]
    OtherPackage,
    /// Nothing can be sealed to it.
    #[error("the sealing key in its package is not a usable X25519 key")]
    SealingKey,
    /// Another threshold.
    #[error(
        "its polynomial of the {key} key has {found} coefficients, and the threshold is {needed}"
    )]
    Coefficients {
        /// `claim` or `total`.
        key: &'static str,
        /// How many there are.
        found: usize,
        /// How many there must be.
        needed: u16,
    },
    /// It does not know what it commits to, or copied another's package.
    #[error("its proof of knowledge for the {key} key does not hold in this key generation")]
    Unproven {
        /// `claim` or `total`.
        key: &'static str,
    },
    /// Not exactly one share for each other holder.
    #[error("it did not deal one share to each of the other holders")]
    Receivers,
    /// A share that does not open or does not fit.
    #[error("the share that it dealt to {0} is not the one that it committed to")]
    WrongShare(PartyId),
    /// The dealer was right.
    #[error("it complained of {0}, whose share opens and fits what {0} committed to")]
    FalseComplaint(PartyId),
    /// Against itself or a stranger.
    #[error("it complained of {0}, who dealt it no share")]
    NoDealer(PartyId),
    /// It says that it saw something else.
    #[error(
        "it confirms other messages than those here: compare the files, because two different messages of one \
         sender convict that sender"
    )]
    SawOther,
    /// A key that would hide nothing, which no honest holder can cause.
    #[error("the {key} key or a verification share of it is the identity")]
    Identity {
        /// `claim` or `total`.
        key: &'static str,
    },
}

impl Fault {
    /// A short name that never changes its meaning, for programs and stores.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::OtherCeremony(_) => "other-ceremony",
            Self::OtherPackage => "other-package",
            Self::SealingKey => "sealing-key",
            Self::Coefficients { .. } => "coefficients",
            Self::Unproven { .. } => "unproven",
            Self::Receivers => "receivers",
            Self::WrongShare(_) => "wrong-share",
            Self::FalseComplaint(_) => "false-complaint",
            Self::NoDealer(_) => "no-dealer",
            Self::SawOther => "saw-other",
            Self::Identity { .. } => "identity",
        }
    }

    /// The other party of a dispute.
    pub fn other_party(&self) -> Option<PartyId> {
        match self {
            Self::WrongShare(other) | Self::FalseComplaint(other) | Self::NoDealer(other) => {
                Some(*other)
            }
            Self::Malformed { .. }
            | Self::OtherCeremony(_)
            | Self::OtherPackage
            | Self::SealingKey
            | Self::Coefficients { .. }
            | Self::Unproven { .. }
            | Self::Receivers
            | Self::SawOther
            | Self::Identity { .. } => None,
        }
    }
}

/// The finished half of both keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The half of A.
    pub claim: QuorumKey,
    /// The half of At.
    pub total: QuorumKey,
    /// A digest of all messages up to the shares, which all holders confirmed.
    pub digest: [u8; 32],
}

impl Outcome {
    /// The quorum of one key.
    pub fn of(&self, key: SharedKey) -> &QuorumKey {
        match key {
            SharedKey::Claim => &self.claim,
            SharedKey::Total => &self.total,
        }
    }
}

/// What holders need of the rounds before the verdicts.
#[derive(Debug, Clone)]
pub struct Dealt {
    /// All packages.
    pub packages: Packages,
    /// All sealed shares, by dealer.
    pub shares: BTreeMap<PartyId, Vec<DealtShare>>,
    /// The keys that they give.
    pub outcome: Outcome,
}

/// How far the key generation is by these messages. Messages of parties that take no part are ignored.
pub fn standing(ceremony: &Ceremony, board: &Board) -> Standing {
    match run(ceremony, board) {
        Ok(outcome) => Standing::Done(Box::new(outcome)),
        Err(stop) => stop,
    }
}

/// The packages, once round 1 is complete and right.
///
/// # Errors
/// [`Standing`], which is not `Done`.
pub fn packages(ceremony: &Ceremony, board: &Board) -> Result<Packages, Standing> {
    let hashes = round(ceremony, board, Round::Hash, |body| match body {
        Body::Hash(hash) => Some(hash),
        _ => None,
    })?;
    let packages = round(ceremony, board, Round::Package, |body| match body {
        Body::Package(package) => Some(package),
        _ => None,
    })?;
    let mut blames = Vec::new();
    for (party, package) in &packages {
        let fault = if hashes.get(party) != Some(&package.hash(&ceremony.digest(), party)) {
            Some(Fault::OtherPackage)
        } else if !is_usable(&package.sealing_key, &mut ChaCha20Rng::from_seed([0; 32])) {
            // Whether a key is usable does not depend on the randomness.
            Some(Fault::SealingKey)
        } else {
            SharedKey::BOTH
                .into_iter()
                .find_map(|key| commitment_fault(ceremony, key, party, package.of(key)))
        };
        blames.extend(fault.map(|fault| Blame {
            party: *party,
            fault,
        }));
    }
    guilty(blames)?;
    Ok(packages)
}

/// Packages and shares, once round 2 is complete.
///
/// # Errors
/// [`Standing`], which is not `Done`.
pub fn dealt(ceremony: &Ceremony, board: &Board) -> Result<Dealt, Standing> {
    let packages = packages(ceremony, board)?;
    let shares = round(ceremony, board, Round::Shares, |body| match body {
        Body::Shares(shares) => Some(shares),
        _ => None,
    })?;
    let blames = shares
        .iter()
        .filter(|(dealer, shares)| {
            let others = ceremony.members().iter();
            !others
                .filter(|party| party != dealer)
                .eq(shares.iter().map(|share| &share.to))
        })
        .map(|(dealer, _)| Blame {
            party: *dealer,
            fault: Fault::Receivers,
        });
    guilty(blames.collect())?;
    let digest = transcript(ceremony, board);
    let quorum = |key| quorum_of(ceremony, key, &packages);
    let outcome = Outcome {
        claim: quorum(SharedKey::Claim)?,
        total: quorum(SharedKey::Total)?,
        digest,
    };
    Ok(Dealt {
        packages,
        shares,
        outcome,
    })
}

fn run(ceremony: &Ceremony, board: &Board) -> Result<Outcome, Standing> {
    let dealt = dealt(ceremony, board)?;
    let verdicts = round(ceremony, board, Round::Verdict, |body| match body {
        Body::Verdict(verdict) => Some(verdict),
        _ => None,
    })?;
    let mut blames = Vec::new();
    let mut disputes: BTreeMap<PartyId, Vec<PartyId>> = BTreeMap::new();
    for (party, verdict) in &verdicts {
        let mut blame = |fault| {
            blames.push(Blame {
                party: *party,
                fault,
            });
        };
        match verdict {
            Verdict::Fits(digest) if *digest != dealt.outcome.digest => blame(Fault::SawOther),
            Verdict::Fits(_) => {}
            Verdict::Complaint(dealers) => {
                for dealer in dealers {
                    if dealer == party || !ceremony.has(dealer) {
                        blame(Fault::NoDealer(*dealer));
                    } else {
                        disputes.entry(*dealer).or_default().push(*party);
                    }
                }
            }
        }
    }
    if !disputes.is_empty() {
        blames.extend(judge(ceremony, board, &dealt, &disputes)?);
    }
    guilty(blames)?;
    Ok(dealt.outcome)
}

/// The faults in all disputes: for each, either the dealer's or the complainer's.
fn judge(
    ceremony: &Ceremony,
    board: &Board,
    dealt: &Dealt,
    disputes: &BTreeMap<PartyId, Vec<PartyId>>,
) -> Result<Vec<Blame>, Standing> {
    let accused: Vec<PartyId> = disputes.keys().copied().collect();
    let reveals: BTreeMap<PartyId, Vec<RevealedShare>> = round_of(
        ceremony,
        board,
        Round::Reveal,
        &accused,
        |body| match body {
            Body::Reveal(shares) => Some(shares),
            _ => None,
        },
    )?;
    let mut blames = Vec::new();
    for (dealer, complainers) in disputes {
        for complainer in complainers {
            let sealed = dealt
                .shares
                .get(dealer)
                .and_then(|shares| shares.iter().find(|share| share.to == *complainer));
            let revealed = reveals
                .get(dealer)
                .and_then(|shares| shares.iter().find(|share| share.to == *complainer));
            let cleared = sealed.zip(revealed).is_some_and(|(sealed, revealed)| {
                clears(ceremony, &dealt.packages, dealer, &sealed.sealed, revealed)
            });
            blames.push(if cleared {
                Blame {
                    party: *complainer,
                    fault: Fault::FalseComplaint(*dealer),
                }
            } else {
                Blame {
                    party: *dealer,
                    fault: Fault::WrongShare(*complainer),
                }
            });
        }
    }
    Ok(blames)
}

/// One round's messages of all members.
fn round<T>(
    ceremony: &Ceremony,
    board: &Board,
    round: Round,
    body: impl Fn(Body) -> Option<T>,
) -> Result<BTreeMap<PartyId, T>, Standing> {
    round_of(ceremony, board, round, ceremony.members(), body)
}

/// One round's messages of these parties. Who published nonsense is named before who is missing.
fn round_of<T>(
    ceremony: &Ceremony,
    board: &Board,
    round: Round,
    parties: &[PartyId],
    body: impl Fn(Body) -> Option<T>,
) -> Result<BTreeMap<PartyId, T>, Standing> {
    let (mut read, mut missing, mut blames) = (BTreeMap::new(), Vec::new(), Vec::new());
    for party in parties.iter().copied() {
        let Some(bytes) = board.get(&Slot { round, party }) else {
            missing.push(party);
            continue;
        };
        let malformed = |why: String| Fault::Malformed { round, why };
        let message = Message::from_bytes(bytes).map_err(|fault| malformed(fault.to_string()));
        let content = message.and_then(|message| {
            if message.ceremony != ceremony.digest() {
                return Err(Fault::OtherCeremony(round));
            }
            let found = message.body.round();
            body(message.body).ok_or_else(|| malformed(format!("it is of round {found}")))
        });
        match content {
            Ok(content) => {
                read.insert(party, content);
            }
            Err(fault) => blames.push(Blame { party, fault }),
        }
    }
    guilty(blames)?;
    if missing.is_empty() {
        Ok(read)
    } else {
        Err(Standing::Waiting { round, missing })
    }
}

fn guilty(blames: Vec<Blame>) -> Result<(), Standing> {
    if blames.is_empty() {
        Ok(())
    } else {
        Err(Standing::Failed(blames))
    }
}

fn commitment_fault(
    ceremony: &Ceremony,
    key: SharedKey,
    party: &PartyId,
    commitment: &Commitment,
) -> Option<Fault> {
    let needed = ceremony.threshold().needed();
    let found = commitment.coefficients.len();
    let name = key.name();
    if found != usize::from(needed) {
        return Some(Fault::Coefficients {
            key: name,
            found,
            needed,
        });
    }
    (!commitment.is_proven(&ceremony.identifier(key, party)))
        .then_some(Fault::Unproven { key: name })
}

/// The key and the verification shares that the packages give: sums of the commitments.
fn quorum_of(
    ceremony: &Ceremony,
    key: SharedKey,
    packages: &Packages,
) -> Result<QuorumKey, Standing> {
    // Nobody alone causes it, so every member is named.
    let identity = || {
        let blame = |party: &PartyId| Blame {
            party: *party,
            fault: Fault::Identity { key: key.name() },
        };
        Standing::Failed(ceremony.members().iter().map(blame).collect())
    };
    let sum = |points: &mut dyn Iterator<Item = EdwardsProjective>| {
        let sum = points.fold(EdwardsProjective::zero(), |sum, point| sum + point);
        Point::from_affine(sum.into_affine()).map_err(|_| identity())
    };
    let needed = usize::from(ceremony.threshold().needed());
    let coefficients: Vec<EdwardsProjective> = (0..needed)
        .map(|place| {
            packages
                .values()
                .filter_map(|package| package.of(key).coefficients.get(place))
                .map(Point::projective)
                .fold(EdwardsProjective::zero(), |sum, point| sum + point)
        })
        .collect();
    let value_at = |at: &Identifier| {
        coefficients
            .iter()
            .rev()
            .fold(EdwardsProjective::zero(), |sum, coefficient| {
                sum * at.value() + coefficient
            })
    };
    let public = sum(&mut coefficients.first().copied().into_iter())?;
    let holders = ceremony
        .members()
        .iter()
        .map(|party| {
            let at = ceremony.identifier(key, party);
            Ok(Holder {
                party: *party,
                at,
                share: sum(&mut std::iter::once(value_at(&at)))?,
            })
        })
        .collect::<Result<_, Standing>>()?;
    Ok(QuorumKey::of_polynomial(
        ceremony.threshold(),
        public,
        holders,
    ))
}

/// A digest of the ceremony and of every message of the members up to the shares.
fn transcript(ceremony: &Ceremony, board: &Board) -> [u8; 32] {
    let ceremony_digest = ceremony.digest();
    let mut parts: Vec<&[u8]> = vec![&ceremony_digest[..]];
    for round in [Round::Hash, Round::Package, Round::Shares] {
        for party in ceremony.members().iter().copied() {
            parts.push(
                board
                    .get(&Slot { round, party })
                    .map_or(&[][..], Vec::as_slice),
            );
        }
    }
    field::digest("merits/dkg/transcript/v1", &parts)
}
