//! A witness of each of the three statements, of the size that a deployment has.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each example uses a part"
)]

use std::error::Error;

use merits_circuits::{
    earn::{ClaimWitness, EarnTerms, EarnWitness},
    redeem::{NoteWitness, RedeemTerms, RedeemWitness},
    ticket::TicketWitness,
};
use merits_formula::Record;
use merits_primitives::{
    Fr,
    calendar::Day,
    commitment::RecordSalt,
    context::Context,
    field,
    figures::PublicNumber,
    group::{Group, GroupPath, GroupRoot},
    identity::{Birth, Secret, leaf},
    ids::{AssetId, Credits, Expiry, Period, PeriodIndex, PeriodKind},
    jubjub::{Point, Scalar},
    note::NoteCommitment,
    note_tree::{self, NotePath},
    owner::{Handle, KeyParts, OwnerKey},
    view_encryption::Exponent,
};
use merits_verifier::statement::ticket::TicketStatement;
use rand::rngs::StdRng;

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The scale of the batch.
pub const SCALE: &str = include_str!("../../../params/scales/cycling-week/scale.toml");
/// Claims of a full batch.
pub const CLAIMS: usize = 16;
/// People of the group: a path of 14 levels. The size of the group does not change a prover's cost.
const PEOPLE: u64 = 10_000;

/// A full batch of [`SCALE`], with 40 records a claim.
pub fn earn() -> Result<(EarnTerms, EarnWitness)> {
    let terms = EarnTerms {
        asset: AssetId(1),
        expiry: Expiry(2027),
        period: Period {
            kind: PeriodKind::Week,
            index: PeriodIndex(2_333),
        },
        context: Context(Fr::from(5u64)),
        view_key: key(12_345)?,
        total_key: key(54_321)?,
        constants: [16_272, 20_000].map(PublicNumber).to_vec(),
    };
    let claim = |i: u64| ClaimWitness {
        key: OwnerKey(Fr::from(1_000 + i)),
        handle: Handle(Fr::from(2_000 + i)),
        salt: RecordSalt(Fr::from(3_000 + i)),
        records: (0..40)
            .map(|j| Record(vec![240 * j + i, 600 + i, 2_000 + j]))
            .collect(),
        exponent: Exponent::from_bytes(&[i as u8 ^ 0x5a; 32]),
    };
    let witness = EarnWitness {
        claims: (0..CLAIMS as u64).map(claim).collect(),
        total_exponent: Exponent::from_bytes(&[0x77; 32]),
        measure_exponent: None,
    };
    Ok((terms, witness))
}

/// A person of a group.
struct Member {
    secret: Secret,
    birth: Birth,
    root: GroupRoot,
    path: GroupPath,
}

impl Member {
    fn random(rng: &mut StdRng) -> Result<Self> {
        let secret = Secret::random(rng);
        let birth = Birth {
            from: Day(20_000),
            generation: 0,
        };
        let own = leaf(secret.commitment().ok_or("a zero secret")?, birth);
        let place = PEOPLE / 3;
        let mut group = Group::new();
        for at in 0..PEOPLE {
            group.push(match at == place {
                true => own,
                false => field::random(rng),
            })?;
        }
        Ok(Self {
            secret,
            birth,
            root: group.root().ok_or("an empty group")?,
            path: group.path(place)?,
        })
    }
}

/// A person who consents, and the computation of the public side.
pub fn ticket(
    rng: &mut StdRng,
) -> Result<(
    TicketWitness,
    impl Fn(&TicketWitness) -> TicketStatement + use<>,
)> {
    let person = Member::random(rng)?;
    let witness = TicketWitness {
        secret: person.secret,
        birth: person.birth,
        path: person.path,
        scope_source: field::random(rng),
    };
    let (root, scope, message) = (person.root, field::random(rng), field::random(rng));
    let statement =
        move |witness: &TicketWitness| witness.statement(root, scope, message, Day(20_500));
    Ok((witness, statement))
}

/// A person who spends two notes of one bucket, in the middle of a tree. Only the paths of the tree
/// are needed.
pub fn redeem(rng: &mut StdRng) -> Result<(RedeemTerms, RedeemWitness)> {
    let person = Member::random(rng)?;
    let (asset, expiry) = (AssetId(1), Expiry(2027));
    let mut notes = [700u64, 300].map(|value| NoteWitness {
        value: Credits(value),
        made_of: KeyParts::Earned {
            scope: field::random(rng),
            message: field::random(rng),
        },
        path: NotePath::dummy(),
    });
    let mut leaves: Vec<NoteCommitment> = (0..200).map(|_| field::random(rng)).collect();
    let first = leaves.len() as u64;
    let own = notes.iter();
    leaves.extend(own.map(|note| note.commitment(&person.secret, expiry, asset)));
    let buckets = [note_tree::bucket_root(&leaves)];
    for (note, place) in notes.iter_mut().zip(first..) {
        let path = note_tree::path(place, &leaves, &buckets);
        note.path = path.ok_or("a note outside the tree")?;
    }
    let terms = RedeemTerms {
        note_root: note_tree::root_of_buckets(&buckets),
        group_root: person.root,
        asset,
        expiry,
        amount: Credits(450),
        floor: Credits(0),
        context: field::random(rng),
        rate_scope: field::random(rng),
        rate_limit: 5,
        view_key: key(12_345)?,
    };
    let witness = RedeemWitness {
        secret: person.secret,
        birth: person.birth,
        group_path: person.path,
        notes,
        index: 2,
        exponent: Exponent::from_bytes(&[0x5a; 32]),
    };
    Ok((terms, witness))
}

fn key(secret: u64) -> Result<Point> {
    let key = Point::mul_base(&Scalar::from(secret));
    Ok(key.ok_or("a zero key")?)
}
