//! Statements `ticket` and `redeem`: the order of their public inputs, the checks outside the
//! circuit, and vectors of both, beside the entry that a person makes.
//!
//! Regenerate the vectors with `MERITS_WRITE_VECTORS=1` (a change of format must be deliberate).

use std::{fs, path::PathBuf};

use merits_primitives::{
    Fr,
    calendar::Day,
    context::Context,
    field,
    group::GroupRoot,
    ids::{AssetId, Credits, Epoch, Expiry, Origin, ScaleId},
    jubjub::{Point, PointError, Scalar},
    message::Message,
    note::NoteCommitment,
    note_tree::NoteRoot,
    nullifier::{Nullifier, RateNullifier, SpendNullifier},
    owner::RecordsBinding,
    scope::{RateScope, Scope, attest_scope},
    view_encryption::{EphemeralKey, SealedCommitment},
};
use merits_verifier::{
    EncodedProof, ProofSystem, Statement,
    codec::Canonical as _,
    entry::SignedEntry,
    spending::{ATTESTED, Attested, Spending},
    statement::{
        StatementError,
        redeem::{self, RedeemStatement},
        ticket::{self, TicketStatement},
    },
};

fn point(k: u64) -> Point {
    Point::mul_base(&Scalar::from(k)).expect("not zero")
}

fn ticket() -> TicketStatement {
    TicketStatement {
        root: GroupRoot(Fr::from(1u64)),
        scope: Scope(Fr::from(2u64)),
        nullifier: Nullifier(Fr::from(3u64)),
        b: RecordsBinding(Fr::from(4u64)),
        message: Message(Fr::from(5u64)),
        start: Day::LAST,
    }
}

fn redeem() -> RedeemStatement {
    RedeemStatement {
        note_root: NoteRoot(Fr::from(1u64)),
        group_root: GroupRoot(Fr::from(2u64)),
        asset: AssetId(3),
        expiry: Expiry(4),
        amount: Credits(5),
        floor: Credits(6),
        context: Context(Fr::from(7u64)),
        sn1: SpendNullifier(Fr::from(8u64)),
        sn2: SpendNullifier(Fr::from(9u64)),
        cm_out: NoteCommitment(Fr::from(10u64)),
        rate_scope: RateScope(Fr::from(11u64)),
        rate_limit: 12,
        rn: RateNullifier(Fr::from(13u64)),
        a: point(14),
        ey: EphemeralKey(point(15).y()),
        c_id: SealedCommitment(Fr::from(16u64)),
    }
}

fn attested() -> Attested {
    let statement = redeem();
    Attested {
        scale: ScaleId::new("cycling-week").expect("a good name"),
        expiry: statement.expiry,
        floor: statement.floor,
        context: statement.context,
        spending: Spending {
            note_root: statement.note_root,
            group_root: statement.group_root,
            sn1: statement.sn1,
            sn2: statement.sn2,
            cm_out: statement.cm_out,
            rn: statement.rn,
            epoch: Epoch(1),
            ey: statement.ey,
            c_id: statement.c_id,
        },
    }
}

fn personal() -> SignedEntry {
    SignedEntry::unsigned(
        Origin::new("vectors.example/log").expect("a good name"),
        ATTESTED,
        attested().to_bytes(),
        Some(EncodedProof::new(ProofSystem::Groth16Bn254, vec![0x33; 128]).expect("128 bytes")),
    )
}

/// Reads a vector; with `MERITS_WRITE_VECTORS` set, writes it first.
fn vector(name: &str, expected: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors/good")
        .join(name);
    if std::env::var_os("MERITS_WRITE_VECTORS").is_some() {
        fs::write(&path, expected).expect("the folder exists");
    }
    fs::read_to_string(path).expect("the vector is in the repository")
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits + "\n"
}

fn inputs(statement: &impl Statement) -> String {
    let elements = statement.public_inputs();
    elements
        .iter()
        .map(|element| hex(&field::to_bytes(element)))
        .collect()
}

#[test]
fn a_tickets_inputs_are_at_the_named_positions() {
    let statement = ticket();
    let inputs = statement.public_inputs();
    assert_eq!(inputs.len(), ticket::INPUTS);
    assert_eq!(inputs[ticket::ROOT], statement.root.0);
    assert_eq!(inputs[ticket::SCOPE], statement.scope.0);
    assert_eq!(inputs[ticket::NULLIFIER], statement.nullifier.0);
    assert_eq!(inputs[ticket::BINDING], statement.b.0);
    assert_eq!(inputs[ticket::MESSAGE], statement.message.0);
    assert_eq!(inputs[ticket::START], Fr::from(u64::from(u32::MAX)));
    assert_eq!(statement.check(), Ok(()));
}

#[test]
fn a_redemptions_inputs_are_at_the_named_positions() {
    let statement = redeem();
    let inputs = statement.public_inputs();
    assert_eq!(inputs.len(), redeem::INPUTS);
    let numbered = [
        redeem::NOTE_ROOT,
        redeem::GROUP_ROOT,
        redeem::ASSET,
        redeem::EXPIRY,
        redeem::AMOUNT,
        redeem::FLOOR,
        redeem::CONTEXT,
        redeem::SN1,
        redeem::SN2,
        redeem::NOTE_OUT,
        redeem::RATE_SCOPE,
        redeem::RATE_LIMIT,
        redeem::RATE_NULLIFIER,
    ];
    for (position, value) in numbered.into_iter().zip(1u64..) {
        assert_eq!(inputs[position], Fr::from(value), "position {position}");
    }
    assert_eq!(inputs[redeem::VIEW_KEY], statement.a.x());
    assert_eq!(inputs[redeem::VIEW_KEY + 1], statement.a.y());
    assert_eq!(inputs[redeem::EPHEMERAL], statement.ey.0);
    assert_eq!(inputs[redeem::SEALED_IDENTITY], statement.c_id.0);
    assert_eq!(statement.check(), Ok(()));
}

#[test]
fn what_the_circuit_of_redeem_leaves_open_is_checked_outside() {
    type Change = fn(&mut RedeemStatement);
    let checked = |change: Change| {
        let mut statement = redeem();
        change(&mut statement);
        statement.check()
    };
    let cases: [(Change, StatementError); 7] = [
        (|s| s.sn2 = s.sn1, StatementError::SameNoteTwice),
        (|s| s.rate_limit = 0, StatementError::RateLimit { found: 0 }),
        (
            |s| s.rate_limit = 65_537,
            StatementError::RateLimit { found: 65_537 },
        ),
        (|s| s.cm_out.0 = Fr::from(0u64), StatementError::EmptyNote),
        (|s| s.ey.0 = Fr::from(0u64), StatementError::RedeemEphemeral),
        (|s| s.ey.0 = Fr::from(1u64), StatementError::RedeemEphemeral),
        (|s| s.ey.0 = not_on_curve(), StatementError::RedeemEphemeral),
    ];
    for (change, error) in cases {
        assert_eq!(checked(change), Err(error));
    }
    for limit in [1, 65_536] {
        let mut statement = redeem();
        statement.rate_limit = limit;
        assert_eq!(statement.check(), Ok(()));
    }
}

/// The values that an entry omits because they are the same for every attestation.
#[test]
fn an_attestation_spends_nothing_and_once_a_context() {
    let statement = attested().statement(AssetId(3), point(14));
    assert_eq!(statement.amount, Credits(0));
    assert_eq!(statement.rate_limit, 1);
    assert_eq!(statement.rate_scope, attest_scope(statement.context));
    let expected = RedeemStatement {
        amount: Credits(0),
        rate_scope: statement.rate_scope,
        rate_limit: 1,
        ..redeem()
    };
    assert_eq!(statement, expected);
}

/// A y that no curve point has.
fn not_on_curve() -> Fr {
    (2u64..)
        .map(Fr::from)
        .find(|y| matches!(Point::from_y(*y), Err(PointError::NotOnCurve)))
        .expect("half of all numbers")
}

#[test]
fn statements_and_personal_entries_agree_with_the_vectors() {
    let file = vector("ticket.inputs", &inputs(&ticket()));
    assert_eq!(file, inputs(&ticket()));
    let file = vector("redeem.inputs", &inputs(&redeem()));
    assert_eq!(file, inputs(&redeem()));

    let entry = personal();
    assert!(entry.is_unsigned());
    assert_eq!(
        vector("personal.hex", &hex(&entry.to_bytes())),
        hex(&entry.to_bytes())
    );
    let id = format!("{}\n", entry.id());
    assert_eq!(vector("personal.id", &id), id);
    let read = SignedEntry::from_bytes(&entry.to_bytes()).expect("a good entry");
    assert_eq!(read, entry);
    let statement = Attested::from_bytes(&read.statement).expect("a good statement");
    assert_eq!(statement, attested());
    // The same statement by a party is another entry.
    let key = ed25519_dalek::SigningKey::from_bytes(&[0x11; 32]);
    let party = merits_primitives::ids::PartyId([1; 32]);
    let origin = entry.origin.clone();
    let signed = SignedEntry::sign(origin, ATTESTED, party, entry.statement, entry.proof, &key);
    assert!(!signed.is_unsigned());
    assert_ne!(signed.id(), personal().id());
}
