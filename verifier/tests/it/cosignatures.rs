//! Cosignatures and quorums: our code, vectors of another implementation, and the crate `signed_note`.

use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use merits_primitives::{calendar::Timestamp, ids::Origin};
use merits_verifier::log::{
    Checkpoint, CheckpointError, CosignatureError, LogKey, LogSigner, MAX_NOTE_BYTES,
    MAX_WITNESSES, NoteError, Quorum, QuorumError, SignedCheckpoint, WitnessKey, WitnessName,
    WitnessPolicy, WitnessSigner,
};
use signed_note::{
    Note, Signature as NoteSignature, Signer as _, StandardSigner, StandardVerifier, Verifier,
    VerifierList,
};

/// Made by Python's `cryptography`: the log with the seed 1, the witnesses with 2 and 3.
const LOG: &str = "log.example/merits+49964362+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";
const FIRST: &str = "witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU";
const SECOND: &str =
    "transparency.example/DEV:w2+8c42b16c+BO1JKMYo0cLG6ukDOJBZlWEpWSc6XGP5NjbBRhSshzfR";
const NOTE: &str = "log.example/merits
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— log.example/merits SZZDYvJHkbcr9hqTync/jUQs0kLw5IWA0uXUYt+Y814K5VOFNofehi9rCbuqeLtQqdObATYksR6+pE3baHFKUepaFQs=
— witness.example/w1 3xwKNQAAAABkGFDLLNhbLdJAlDrMmC7RID6HPCnEUCMUnJFlgKaRrYH5U1ZQLAHBE/QuMndGYfbl5F8Km5okCGTkhYiNteLRvhPnCQ==
— transparency.example/DEV:w2 jEKxbAAAAABkGFDMGnve923EIaW253QeTipkrRyPz0PbRFnRqGE2YX1pSE2ZOv4OJUMeUxmaAm50fy/pQxo4Nn9QXQfAONh0ZQ93CA==
";

fn name(text: &str) -> WitnessName {
    WitnessName::new(text).expect("a good name")
}

fn witness(seed: u8) -> WitnessSigner {
    let name = name(&format!("witness.example/w{seed}"));
    WitnessSigner::new(name, SigningKey::from_bytes(&[seed; 32]))
}

fn log() -> LogSigner {
    let origin = Origin::new("log.example/merits").expect("a good name");
    LogSigner::new(origin, SigningKey::from_bytes(&[1; 32]))
}

fn seconds(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn signed(root: u8) -> SignedCheckpoint {
    let checkpoint = Checkpoint {
        origin: log().public().origin().clone(),
        size: 5,
        root: [root; 32],
    };
    checkpoint.sign(&log()).expect("its own log")
}

/// A checkpoint with cosignatures of these witnesses, each at the second that is its seed.
fn cosigned(by: &[u8]) -> SignedCheckpoint {
    by.iter().fold(signed(7), |note, seed| {
        let (log, witness) = (log(), witness(*seed));
        let line = witness.cosign(&note, log.public(), seconds(u64::from(*seed)));
        let line = line.expect("the log's checkpoint").to_string();
        note.with_cosignature(log.public(), witness.public(), &line)
            .expect("its own cosignature")
    })
}

fn keys(seeds: impl IntoIterator<Item = u8>) -> Vec<WitnessKey> {
    let key = |seed| witness(seed).public().clone();
    seeds.into_iter().map(key).collect()
}

fn policy(seeds: impl IntoIterator<Item = u8>, threshold: usize) -> WitnessPolicy {
    let quorum = Quorum::new(keys(seeds), threshold, 0).expect("a safe threshold");
    WitnessPolicy::new(quorum, None).expect("distinct")
}

#[test]
fn a_note_of_another_implementation_verifies_and_is_made_again_byte_by_byte() {
    let (log_key, first, second) = (
        LogKey::parse(LOG).unwrap(),
        WitnessKey::parse(FIRST).unwrap(),
        WitnessKey::parse(SECOND).unwrap(),
    );
    let note = SignedCheckpoint::parse(NOTE).unwrap();
    let quorum = Quorum::new(vec![first, second], 2, 0).unwrap();
    let policy = WitnessPolicy::new(quorum, None).unwrap();
    let found = note.verify_cosigned(&log_key, &policy).unwrap();
    assert_eq!(found.checkpoint().size, 20_852_163);
    assert_eq!(found.as_of(), seconds(1_679_315_147));
    let times: Vec<Timestamp> = found.by().iter().map(|(_, time)| *time).collect();
    assert_eq!(times, [seconds(1_679_315_147), seconds(1_679_315_148)]);

    let mut ours = found.checkpoint().sign(&log()).unwrap();
    for (seed, text, time) in [
        (2, "witness.example/w1", 1_679_315_147),
        (3, "transparency.example/DEV:w2", 1_679_315_148),
    ] {
        let signer = WitnessSigner::new(name(text), SigningKey::from_bytes(&[seed; 32]));
        let line = signer.cosign(&ours, log().public(), seconds(time)).unwrap();
        ours = ours
            .with_cosignature(log().public(), signer.public(), &line.to_string())
            .unwrap();
    }
    assert_eq!(ours.to_string(), NOTE);
}

/// A cosignature by the specification, made with `signed_note` and without our code.
struct Stock {
    name: &'static str,
    key: VerifyingKey,
}

impl Verifier for Stock {
    fn name(&self) -> &str {
        self.name
    }

    fn key_id(&self) -> u32 {
        let mut encoded = vec![4];
        encoded.extend(self.key.to_bytes());
        signed_note::key_id(self.name, &encoded)
    }

    fn verify(&self, text: &[u8], blob: &[u8]) -> bool {
        let (time, signature) = blob.split_at(8);
        let time = u64::from_be_bytes(time.try_into().unwrap());
        let mut message = format!("cosignature/v1\ntime {time}\n").into_bytes();
        message.extend(text);
        let signature = Signature::from_bytes(signature.try_into().unwrap());
        self.key.verify_strict(&message, &signature).is_ok()
    }
}

#[test]
fn signed_note_reads_our_cosigned_checkpoint() {
    let stock = |seed: u8, name| -> Box<dyn Verifier> {
        let key = SigningKey::from_bytes(&[seed; 32]).verifying_key();
        Box::new(Stock { name, key })
    };
    let log_key = StandardVerifier::new(&log().public().to_string()).unwrap();
    let known = || {
        VerifierList::new(vec![
            Box::new(log_key.clone()),
            stock(2, "witness.example/w2"),
            stock(3, "witness.example/w3"),
        ])
    };
    let ours = cosigned(&[2, 3]).to_string();
    let note = Note::from_bytes(ours.as_bytes()).unwrap();
    let (verified, others) = note.verify(&known()).unwrap();
    assert_eq!((verified.len(), others.len()), (3, 0));
    assert_eq!(note.to_bytes(), ours.as_bytes());
    // Its own check would find an error of ours.
    let wrong = ours.replacen("witness.example/w2", "witness.example/w3", 1);
    let wrong = Note::from_bytes(wrong.as_bytes()).unwrap();
    assert_eq!(wrong.verify(&known()).unwrap().0.len(), 2);
}

#[test]
fn we_read_notes_that_signed_note_signs() {
    let origin = log().public().origin().clone();
    let (secret, public) = signed_note::generate_key(&mut rand_core_06::OsRng, origin.as_str());
    let signer = StandardSigner::new(&secret).unwrap();
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let text = format!("{origin}\n9\n{root}\n");
    let mut note = Note::new(text.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    // A signature of a type that this program does not know, of an unknown key.
    let unknown = NoteSignature::new("pq.example".to_owned(), 77, vec![6; 2_428]).unwrap();
    let signatures = [
        NoteSignature::new(signer.name().to_owned(), signer.key_id(), {
            signer.sign(text.as_bytes()).unwrap()
        })
        .unwrap(),
        unknown,
    ];
    let with_unknown = Note::new(text.as_bytes(), &signatures).unwrap();
    let key = LogKey::parse(&public).unwrap();
    for note in [note, with_unknown] {
        let text = String::from_utf8(note.to_bytes()).unwrap();
        let read = SignedCheckpoint::parse(&text).unwrap();
        assert_eq!(read.verify(&key).unwrap().size, 9);
        let line = witness(2).cosign(&read, &key, seconds(4)).unwrap();
        let read = read
            .with_cosignature(&key, witness(2).public(), &line.to_string())
            .unwrap();
        assert!(read.verify_cosigned(&key, &policy([2], 1)).is_ok());
        assert!(read.to_string().starts_with(&text));
    }
}

/// Two sets of `threshold` witnesses must share an honest one, for any choice of the `faulty` ones.
#[test]
fn a_threshold_is_accepted_exactly_if_no_two_quorums_can_see_different_histories() {
    for of in 1..=7u8 {
        for threshold in 0..=8usize {
            for faulty in 0..=8usize {
                let sets = || (0..1u32 << of).filter(|s| s.count_ones() as usize == threshold);
                let splits = sets()
                    .any(|one| sets().any(|other| ((one & other).count_ones() as usize) <= faulty));
                let possible = (1..=usize::from(of)).contains(&threshold);
                let quorum = Quorum::new(keys(1..=of), threshold, faulty);
                assert_eq!(
                    quorum.is_ok(),
                    possible && !splits,
                    "{threshold} {of} {faulty}"
                );
            }
        }
    }
    let huge = Quorum::new(keys(1..=3), 3, usize::MAX);
    assert!(matches!(huge, Err(QuorumError::Splits { .. })));
    let four_of_five = Quorum::new(keys(1..=5), 4, 1).unwrap();
    assert_eq!((four_of_five.threshold(), four_of_five.faulty()), (4, 1));
}

#[test]
fn nobody_counts_twice() {
    let twice = QuorumError::Twice {
        name: "witness.example/w2".to_owned(),
    };
    assert_eq!(Quorum::new(keys([2, 3, 2]), 2, 0), Err(twice.clone()));
    let renamed = WitnessSigner::new(name("other"), SigningKey::from_bytes(&[2; 32]));
    let mut one_key = keys([2, 3]);
    one_key.push(renamed.public().clone());
    assert!(matches!(
        Quorum::new(one_key, 2, 0),
        Err(QuorumError::Twice { .. })
    ));
    let namesake = WitnessSigner::new(name("witness.example/w2"), SigningKey::from_bytes(&[9; 32]));
    let mut one_name = keys([2]);
    one_name.push(namesake.public().clone());
    assert!(matches!(
        Quorum::new(one_name, 2, 0),
        Err(QuorumError::Twice { .. })
    ));
    // A validating witness signs with a key of its own.
    let quorum = |seeds: [u8; 2]| Quorum::new(keys(seeds), 2, 0).unwrap();
    assert_eq!(
        WitnessPolicy::new(quorum([3, 2]), Some(quorum([4, 2]))),
        Err(twice)
    );
    assert!(matches!(
        Quorum::new(Vec::new(), 1, 0),
        Err(QuorumError::Count { found: 0 })
    ));
    let many = keys(1..=MAX_WITNESSES as u8 + 1);
    assert!(matches!(
        Quorum::new(many, 20, 0),
        Err(QuorumError::Count { .. })
    ));
}

/// The text of a checkpoint without one of its signature lines, or with it twice.
fn line_of(note: &SignedCheckpoint, name: &str) -> String {
    let text = note.to_string();
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("— {name} ")));
    format!("{}\n", line.expect("there is one"))
}

#[test]
fn too_few_witnesses_are_refused() {
    let (log, policy) = (log(), policy(2..=4, 2));
    let check = |note: &SignedCheckpoint| note.verify_cosigned(log.public(), &policy);
    let too_few = |found| {
        Err(CosignatureError::TooFew {
            whose: "known witnesses",
            found,
            of: 3,
            needed: 2,
            size: 5,
        })
    };
    assert_eq!(check(&signed(7)), too_few(0));
    assert_eq!(check(&cosigned(&[2])), too_few(1));
    let good = check(&cosigned(&[2, 4])).unwrap();
    assert_eq!(good.by().len(), 2);
    // As of the earlier of two, and of the second latest of three.
    assert_eq!(good.as_of(), seconds(2));
    assert_eq!(check(&cosigned(&[2, 4, 3])).unwrap().as_of(), seconds(3));

    // One witness counts once, however often it signs; its newest time counts.
    let twice = cosigned(&[2]);
    let later = witness(2)
        .cosign(&twice, log.public(), seconds(99))
        .unwrap();
    let text = format!("{twice}{}{later}", line_of(&twice, "witness.example/w2"));
    assert_eq!(check(&SignedCheckpoint::parse(&text).unwrap()), too_few(1));
    // Unknown witnesses do not count, nor does an unknown key under a known name.
    let namesake = WitnessSigner::new(name("witness.example/w3"), SigningKey::from_bytes(&[9; 32]));
    let line = namesake.cosign(&twice, log.public(), seconds(3)).unwrap();
    let text = format!("{twice}{line}");
    assert_eq!(check(&SignedCheckpoint::parse(&text).unwrap()), too_few(1));
    assert_eq!(check(&cosigned(&[2, 20, 21, 22])), too_few(1));
}

#[test]
fn validating_witnesses_are_counted_apart() {
    let (log, quorum) = (log(), |seeds: [u8; 2]| {
        Quorum::new(keys(seeds), 2, 0).unwrap()
    });
    let both = WitnessPolicy::new(quorum([2, 3]), Some(quorum([4, 5]))).unwrap();
    assert_eq!(both.all().count(), 4);
    let check = |by: &[u8]| cosigned(by).verify_cosigned(log.public(), &both);
    assert_eq!(check(&[2, 3, 4, 5]).unwrap().by().len(), 4);
    let few = |by: &[u8]| match check(by) {
        Err(CosignatureError::TooFew { whose, found, .. }) => (whose, found),
        other => panic!("{other:?}"),
    };
    assert_eq!(few(&[2, 3, 4]), ("known validating witnesses", 1));
    assert_eq!(few(&[2, 4, 5]), ("known witnesses", 1));
}

#[test]
fn a_line_of_a_known_witness_that_does_not_hold_refuses_the_note() {
    let (log, policy) = (log(), policy(2..=4, 2));
    let check = |text: &str| {
        SignedCheckpoint::parse(text)
            .unwrap()
            .verify_cosigned(log.public(), &policy)
    };
    let bad = |name: &str| {
        Err(CosignatureError::BadSignature {
            name: name.to_owned(),
        })
    };
    let good = cosigned(&[2, 3, 4]).to_string();
    assert!(check(&good).is_ok());
    // The cosignature of another tree of the same log.
    let other = signed(8);
    let line = witness(4).cosign(&other, log.public(), seconds(4)).unwrap();
    let two = cosigned(&[2, 3]);
    assert_eq!(check(&format!("{two}{line}")), bad("witness.example/w4"));
    // Every byte after the key id counts: time, signature, and their number.
    let line = line_of(&cosigned(&[2, 3, 4]), "witness.example/w4");
    let (head, encoded) = line.trim_end().rsplit_once(' ').unwrap();
    let blob = decode(encoded);
    for at in 4..blob.len() {
        let mut altered = blob.clone();
        altered[at] ^= 1;
        let text = format!("{two}{head} {}\n", encode(&altered));
        assert_eq!(check(&text), bad("witness.example/w4"), "byte {at}");
    }
    for length in [5, 12, 75, 77] {
        let mut other = blob.clone();
        other.resize(length, 0);
        let text = format!("{two}{head} {}\n", encode(&other));
        assert_eq!(check(&text), bad("witness.example/w4"), "{length} bytes");
    }
    // A plain signature under the id of a cosignature.
    let mut plain = blob[..4].to_vec();
    plain.extend([3; 64]);
    assert_eq!(
        check(&format!("{two}{head} {}\n", encode(&plain))),
        bad("witness.example/w4")
    );
}

#[test]
fn a_note_that_the_log_did_not_sign_is_refused_with_any_cosignatures() {
    let (log, policy) = (log(), policy(2..=4, 2));
    let note = cosigned(&[2, 3, 4]).to_string();
    let own = line_of(&cosigned(&[2]), "log.example/merits");
    let without = SignedCheckpoint::parse(&note.replacen(&own, "", 1)).unwrap();
    let refused = without.verify_cosigned(log.public(), &policy);
    assert!(matches!(
        refused,
        Err(CosignatureError::Checkpoint(CheckpointError::Note(
            NoteError::NotSigned { .. }
        )))
    ));
    let other = note.replacen("\n5\n", "\n6\n", 1);
    let other = SignedCheckpoint::parse(&other).unwrap();
    assert!(matches!(
        other.verify_cosigned(log.public(), &policy),
        Err(CosignatureError::Checkpoint(CheckpointError::Note(
            NoteError::BadSignature { .. }
        )))
    ));
    assert!(witness(2).cosign(&other, log.public(), seconds(1)).is_err());
}

#[test]
fn only_the_requested_cosignature_of_an_answer_is_added() {
    let (log, note) = (log(), signed(7));
    let line = |seed: u8| {
        witness(seed)
            .cosign(&note, log.public(), seconds(1))
            .unwrap()
    };
    let answer = format!("{}nonsense\n{}", line(3), line(2));
    let taken = note
        .with_cosignature(log.public(), witness(2).public(), &answer)
        .unwrap();
    assert_eq!(taken.to_string(), format!("{note}{}", line(2)));
    let missing = note.with_cosignature(log.public(), witness(4).public(), &answer);
    assert!(matches!(missing, Err(CosignatureError::Missing { .. })));
    assert_eq!(taken.without_cosignatures(log.public()), note);
    // The time 0 means no time. A cosignature is always made with a time, and read only with one.
    let early = witness(2)
        .cosign(&note, log.public(), Timestamp::FIRST)
        .unwrap();
    let taken = note
        .with_cosignature(log.public(), witness(2).public(), &early.to_string())
        .unwrap();
    assert!(taken.verify_cosigned(log.public(), &policy([2], 1)).is_ok());
}

#[test]
fn a_note_of_the_largest_policy_can_be_read() {
    let log = log();
    let long = |seed: u8| {
        let name = name(&format!("{seed:03}{}", "w".repeat(WitnessName::MAX - 3)));
        WitnessSigner::new(name, SigningKey::from_bytes(&[seed; 32]))
    };
    let most = MAX_WITNESSES as u8;
    let note = (1..=2 * most).fold(signed(7), |note, seed| {
        let line = long(seed).cosign(&note, log.public(), seconds(1)).unwrap();
        note.with_cosignature(log.public(), long(seed).public(), &line.to_string())
            .unwrap()
    });
    assert!(note.to_string().len() <= MAX_NOTE_BYTES);
    let quorum = |seeds: std::ops::RangeInclusive<u8>| {
        let keys = seeds.map(|seed| long(seed).public().clone()).collect();
        Quorum::new(keys, MAX_WITNESSES, 0).unwrap()
    };
    let policy = WitnessPolicy::new(quorum(1..=most), Some(quorum(most + 1..=2 * most))).unwrap();
    let read = SignedCheckpoint::parse(&note.to_string()).unwrap();
    let found = read.verify_cosigned(log.public(), &policy).unwrap();
    assert_eq!(found.by().len(), 2 * MAX_WITNESSES);
}

#[test]
fn a_witness_key_has_one_text() {
    let key = WitnessKey::parse(FIRST).unwrap();
    assert_eq!(key.to_string(), FIRST);
    assert_eq!(WitnessKey::parse(&format!(" {FIRST}\n")), Ok(key));
    // A log's key is not a witness's key, and a witness's key is not a log's.
    assert!(WitnessKey::parse(LOG).is_err());
    assert!(LogKey::parse(FIRST).is_err());
    for wrong in [
        "",
        "a+b",
        &FIRST.replacen("df1c0a35", "df1c0a36", 1),
        &FIRST.replacen("df1c0a35", "DF1C0A35", 1),
        &FIRST.replacen("w1", "w2", 1),
        &FIRST.replacen("w1", "w 1", 1),
        &FIRST.replacen("BIE5", "BAE5", 1),
    ] {
        assert!(WitnessKey::parse(wrong).is_err(), "{wrong}");
    }
    assert!(WitnessName::new(&"w".repeat(WitnessName::MAX + 1)).is_err());
    assert!(WitnessName::new("witness\u{2028}").is_err());
    let shown = format!("{:?}", witness(2));
    assert!(!shown.contains("02, 2"), "it shows the secret: {shown}");
}

fn encode(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.decode(text).expect("base64")
}
