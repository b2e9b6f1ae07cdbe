use std::collections::BTreeMap;

use merits_primitives::ids::{Origin, PartyId};
use merits_verifier::codec::Canonical as _;
use rand_core_06::OsRng;
use zeroize::Zeroizing;

use super::{
    board::{TagBoard, TagFault, TagProgress, WrongShare},
    dealing::{Dealing, DealingFault, DealingId},
    key::{TagKey, TagPartial, TagPartialFault, finalize},
    message::{TagBody, TagMessage, TagRound, TagVerdict},
    participant::{Deals, ParticipantFault, TagParticipant, TagSeed},
    share::{BadElement, TagShare, check_element},
};

fn bytes<const N: usize>(digits: &str) -> [u8; N] {
    assert_eq!(digits.len(), 2 * N);
    let digit = |index: usize| u8::from_str_radix(&digits[2 * index..2 * index + 2], 16);
    std::array::from_fn(|index| digit(index).expect("hexadecimal"))
}

/// RFC 9497, A.1.2: input, blinded element, evaluation element, output.
const VECTORS: [[&str; 4]; 2] = [
    [
        "00",
        "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",
        "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
        "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7da4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c",
    ],
    [
        "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
        "cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c",
        "60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468",
        "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6",
    ],
];
const BLIND: &str = "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706";

fn party(number: u8) -> PartyId {
    PartyId([number; 32])
}

fn parties(numbers: &[u8]) -> Vec<PartyId> {
    numbers.iter().copied().map(party).collect()
}

fn id(generation: u32) -> DealingId {
    DealingId {
        origin: Origin::new("log.test/tags").expect("an origin"),
        generation,
        opener: party(1),
        attempt: 1,
    }
}

fn seed(party: &PartyId, generation: u32) -> TagSeed {
    Zeroizing::new([party.0[0] ^ (generation as u8).wrapping_mul(17); 32])
}

/// Who has which share.
type Shares = BTreeMap<PartyId, TagShare>;

fn participant<'d>(
    dealing: &'d Dealing,
    me: PartyId,
    seed: &'d TagSeed,
    present: &'d Shares,
) -> TagParticipant<'d> {
    let present = present.get(&me);
    let deals = Deals { seed, present };
    TagParticipant::new(dealing, me, seed, Some(deals)).expect("takes part")
}

/// Publishes what every party publishes until the round.
fn run_until(dealing: &Dealing, generation: u32, present: &Shares, round: TagRound) -> TagBoard {
    let mut board = TagBoard::default();
    for party in dealing.parties().iter().cycle() {
        match board.progress(dealing) {
            TagProgress::Waiting { round: now, .. } if now != round => {}
            _ => break,
        }
        let seed = seed(party, generation);
        let part = participant(dealing, *party, &seed, present);
        if let Some(message) = part.message(&board).expect("a message") {
            // Every message has one encoding.
            let again = TagMessage::from_bytes(&message.to_bytes());
            assert_eq!(again.as_ref(), Ok(&message));
            board.take(dealing, *party, message).expect("right");
        }
    }
    board
}

/// Runs a dealing to its end: the key and the shares.
fn run(dealing: &Dealing, generation: u32, present: &Shares) -> (TagKey, Shares) {
    let mut board = run_until(dealing, generation, present, TagRound::Verdict);
    for party in dealing.holders() {
        let seed = seed(party, generation);
        let part = participant(dealing, *party, &seed, present);
        let message = part.message(&board).expect("a message").expect("a verdict");
        board.take(dealing, *party, message).expect("right");
    }
    let stored = TagBoard::from_bytes(&board.to_bytes());
    assert_eq!(stored.as_ref(), Ok(&board));
    let TagProgress::Done(key) = board.progress(dealing) else {
        panic!("all confirmed");
    };
    let shares = dealing.holders().iter().map(|party| {
        let seed = seed(party, generation);
        let part = participant(dealing, *party, &seed, present);
        let share = part.share(&board).expect("a share");
        // A holder finds it again when what it dealt with is erased.
        let later = TagParticipant::new(dealing, *party, &seed, None).expect("takes part");
        let again = later.share(&board).expect("a share");
        assert_eq!(again.public(), share.public());
        (*party, share)
    });
    (key, shares.collect())
}

fn made(needed: u16, holders: &[u8]) -> (TagKey, Shares) {
    let holders = parties(holders);
    let dealing = Dealing::new(&id(1), needed, holders.clone(), holders, None);
    run(&dealing.expect("a dealing"), 1, &Shares::new())
}

fn dealt_anew(
    (key, shares): (&TagKey, &Shares),
    generation: u32,
    needed: u16,
    holders: &[u8],
    dealers: &[u8],
) -> (TagKey, Shares) {
    let (holders, dealers) = (parties(holders), parties(dealers));
    let dealing = Dealing::new(&id(generation), needed, holders, dealers, Some(key.clone()));
    run(&dealing.expect("a dealing"), generation, shares)
}

fn answers(shares: &Shares, of: &[u8], blinded: &[u8; 32]) -> Vec<TagPartial> {
    of.iter()
        .map(|number| {
            let holder = party(*number);
            let evaluation = shares[&holder].evaluate(blinded, &mut OsRng);
            TagPartial {
                holder,
                evaluation: evaluation.expect("an element"),
            }
        })
        .collect()
}

/// The RFC's key, as one evaluator has it.
fn rfc() -> (TagKey, Shares) {
    let share = TagShare::from_seed(&[0xa3; 32], b"test key").expect("a key");
    let key = TagKey::sole(party(1), share.public());
    (key, Shares::from([(party(1), share)]))
}

#[test]
fn any_t_shares_of_the_rfcs_key_give_the_rfcs_output() {
    let (sole, whole) = rfc();
    let (key, shares) = dealt_anew((&sole, &whole), 2, 3, &[2, 3, 4, 5], &[1]);
    assert_eq!(key.public(), sole.public(), "the key stays");
    let groups: [&[u8]; 4] = [&[2, 3, 4], &[5, 4, 2], &[3, 5, 4], &[2, 3, 4, 5]];
    for [input, blinded, evaluated, output] in VECTORS {
        let blinded = bytes(blinded);
        let alone = sole.combine(&blinded, &answers(&whole, &[1], &blinded));
        assert_eq!(alone.expect("right").element, bytes(evaluated));
        for group in groups {
            let combined = key.combine(&blinded, &answers(&shares, group, &blinded));
            let combined = combined.expect("enough");
            assert_eq!(combined.element, bytes(evaluated));
            assert_eq!(combined.used, parties(&group[..3]));
            let input: Vec<u8> = match input {
                "00" => vec![0],
                _ => vec![0x5a; 17],
            };
            let found = finalize(&input, &bytes(BLIND), &combined.element).expect("an output");
            assert_eq!(*found, bytes(output));
        }
        let two = answers(&shares, &[2, 3], &blinded);
        let too_few = key.combine(&blinded, &two).expect_err("one is missing");
        assert_eq!((too_few.needed, too_few.right), (3, 2));
    }
}

#[test]
fn a_wrong_answer_is_named_and_stops_nothing_while_enough_are_right() {
    let (key, shares) = made(2, &[1, 2, 3]);
    let [blinded, other] = [VECTORS[0][1], VECTORS[1][1]].map(bytes);
    let right = key.combine(&blinded, &answers(&shares, &[1, 2], &blinded));
    let right = right.expect("enough").element;

    let mut given = answers(&shares, &[1, 2, 3], &blinded);
    // Of another element; then with another's share; then of a stranger; then one answer twice.
    given[0] = answers(&shares, &[1], &other)[0];
    let combined = key.combine(&blinded, &given).expect("two are right");
    assert_eq!(combined.element, right);
    assert_eq!(combined.wrong, [TagPartialFault::Wrong(party(1))]);
    given[0].evaluation = given[1].evaluation;
    let fault = key.check(&blinded, &given[0]).expect_err("another's share");
    assert!(fault.to_string().contains(&party(1).to_string()), "{fault}");
    given[0].holder = party(9);
    assert_eq!(
        key.check(&blinded, &given[0]),
        Err(TagPartialFault::Stranger(party(9)))
    );
    let twice = [given[1], given[1]];
    assert_eq!(key.combine(&blinded, &twice).expect_err("one").right, 1);
    // One bit of element or proof.
    for changed in [
        |partial: &mut TagPartial| partial.evaluation.element[3] ^= 1,
        |partial: &mut TagPartial| partial.evaluation.proof[3] ^= 1,
        |partial: &mut TagPartial| partial.evaluation.proof[40] ^= 1,
    ] {
        let mut partial = given[1];
        changed(&mut partial);
        assert_eq!(
            key.check(&blinded, &partial),
            Err(TagPartialFault::Wrong(party(2)))
        );
    }
    // The identity, an odd field element, an encoding that is not canonical.
    let mut odd = [0; 32];
    odd[0] = 1;
    for refused in [[0; 32], odd, [0xff; 32]] {
        assert_eq!(check_element(&refused), Err(BadElement));
        let evaluated = shares[&party(1)].evaluate(&refused, &mut OsRng);
        assert_eq!(evaluated, Err(BadElement));
    }
}

#[test]
fn shares_are_dealt_anew_and_the_key_stays() {
    let (first, old) = made(2, &[1, 2, 3]);
    let blinded = bytes(VECTORS[0][1]);
    let element = |key: &TagKey, answers: &[TagPartial]| {
        key.combine(&blinded, answers).expect("enough").element
    };
    let before = element(&first, &answers(&old, &[1, 3], &blinded));
    // One leaves, two come; then more deal than must.
    let (second, new) = dealt_anew((&first, &old), 2, 3, &[2, 3, 4, 5], &[1, 3]);
    let (third, last) = dealt_anew((&second, &new), 3, 2, &[4, 5], &[2, 3, 4, 5]);
    for key in [&second, &third] {
        assert_eq!(key.public(), first.public());
    }
    assert_eq!(
        element(&second, &answers(&new, &[5, 2, 4], &blinded)),
        before
    );
    assert_eq!(element(&third, &answers(&last, &[5, 4], &blinded)), before);
    // What a holder keeps of its old share is worth nothing beside the new ones.
    for number in [2, 3] {
        let kept = answers(&old, &[number], &blinded);
        let wrong = TagPartialFault::Wrong(party(number));
        assert_eq!(second.check(&blinded, &kept[0]), Err(wrong));
    }
}

#[test]
fn what_makes_no_dealing_is_refused() {
    let (key, _) = made(2, &[1, 2, 3]);
    let of = |needed, holders: &[u8], dealers: &[u8], present: Option<&TagKey>| {
        let (holders, dealers) = (parties(holders), parties(dealers));
        Dealing::new(&id(1), needed, holders, dealers, present.cloned()).map(|_| ())
    };
    let key = Some(&key);
    assert_eq!(of(1, &[1], &[1], None), Err(DealingFault::Sole));
    assert_eq!(of(1, &[4], &[1, 2], key), Err(DealingFault::Sole));
    for needed in [0, 1, 5] {
        let refused = of(needed, &[1, 2, 3, 4], &[1, 2, 3, 4], None);
        assert!(
            matches!(refused, Err(DealingFault::Threshold(_))),
            "{refused:?}"
        );
    }
    let minority = DealingFault::Minority {
        needed: 2,
        holders: 4,
    };
    assert_eq!(of(2, &[1, 2, 3, 4], &[1, 2, 3, 4], None), Err(minority));
    for (holders, dealers) in [(&[1, 1][..], &[1, 2][..]), (&[1, 4], &[2, 1])] {
        let refused = of(2, holders, dealers, key);
        assert_eq!(refused, Err(DealingFault::Order(party(1))));
    }
    assert_eq!(
        of(2, &[1, 2], &[1, 3], None),
        Err(DealingFault::NotTheHolders)
    );
    assert_eq!(
        of(2, &[4, 5], &[1, 4], key),
        Err(DealingFault::NoShare(party(4)))
    );
    let too_few = DealingFault::TooFewDealers {
        needed: 2,
        found: 1,
    };
    assert_eq!(of(2, &[4, 5], &[1], key), Err(too_few));
    assert_eq!(of(2, &[4, 5], &[1, 2], key), Ok(()));
}

/// A dealing anew in which 1 and 2 deal to 2, 3 and 4, complete up to a round.
fn under_way(until: TagRound) -> (Dealing, Shares, TagBoard) {
    let (key, shares) = made(2, &[1, 2, 3]);
    let (holders, dealers) = (parties(&[2, 3, 4]), parties(&[1, 2]));
    let dealing = Dealing::new(&id(2), 2, holders, dealers, Some(key)).expect("a dealing");
    let board = run_until(&dealing, 2, &shares, until);
    (dealing, shares, board)
}

fn message(dealing: &Dealing, shares: &Shares, board: &TagBoard, number: u8) -> TagMessage {
    let (me, seed) = (party(number), seed(&party(number), 2));
    let part = participant(dealing, me, &seed, shares);
    part.message(board).expect("a message").expect("waited for")
}

#[track_caller]
fn refused(board: &TagBoard, dealing: &Dealing, number: u8, message: TagMessage) -> TagFault {
    let mut copy = board.clone();
    let fault = copy.take(dealing, party(number), message);
    assert_eq!(&copy, board, "a refused message leaves nothing");
    fault.expect_err("refused")
}

#[test]
fn a_party_joins_with_what_its_part_needs() {
    let (dealing, shares, board) = under_way(TagRound::Join);
    // 1 deals only, 2 does both, 3 gets a share only.
    let [dealer, both, holder] = [1, 2, 3].map(|number| message(&dealing, &shares, &board, number));
    let changed = |message: &TagMessage, change: fn(&mut super::message::Join)| {
        let mut message = message.clone();
        let TagBody::Join(join) = &mut message.body else {
            panic!("a join");
        };
        change(join);
        message
    };
    for (number, wrong) in [
        (1, changed(&dealer, |join| join.commitment = None)),
        (1, changed(&dealer, |join| join.keys.push([9; 32]))),
        (2, changed(&both, |join| join.keys.truncate(1))),
        (3, changed(&holder, |join| join.commitment = Some([1; 32]))),
        // Nothing can be sealed to it.
        (3, changed(&holder, |join| join.keys[0] = [0; 32])),
    ] {
        assert_eq!(refused(&board, &dealing, number, wrong), TagFault::Join);
    }
    let mut other = holder.clone();
    other.dealing[0] ^= 1;
    assert_eq!(refused(&board, &dealing, 3, other), TagFault::OtherDealing);
    let (stranger, round) = (party(9), TagRound::Join);
    let published = |party| TagFault::Published { party, round };
    assert_eq!(
        refused(&board, &dealing, 9, holder.clone()),
        published(stranger)
    );
    let mut board = board;
    board
        .take(&dealing, party(3), holder.clone())
        .expect("right");
    assert_eq!(refused(&board, &dealing, 3, holder), published(party(3)));
}

#[test]
fn a_dealer_deals_its_share_and_nothing_else() {
    let (dealing, shares, board) = under_way(TagRound::Deal);
    let right = message(&dealing, &shares, &board, 1);
    let (expected, found) = (TagRound::Deal, TagRound::Verdict);
    let early = TagMessage {
        dealing: dealing.digest(),
        body: TagBody::Verdict(TagVerdict::Fits([1; 32])),
    };
    assert_eq!(
        refused(&board, &dealing, 3, early),
        TagFault::Round { expected, found }
    );
    let TagBody::Deal(deal) = &right.body else {
        panic!("a deal");
    };
    let with = |deal| TagMessage {
        dealing: dealing.digest(),
        body: TagBody::Deal(deal),
    };
    let mut fewer = deal.clone();
    fewer.shares.pop();
    assert_eq!(
        refused(&board, &dealing, 1, with(fewer)),
        TagFault::Receivers
    );
    let mut other = deal.clone();
    other.commitment.response[0] ^= 1;
    assert_eq!(
        refused(&board, &dealing, 1, with(other)),
        TagFault::OtherCommitment
    );
    // A dealer that binds itself to a polynomial of its own choice changes no key. It cannot even make the message
    // with this program, so its hash is put on the board for it.
    let fresh = made(2, &[1, 2]);
    let anew = Dealing::new(
        &id(2),
        2,
        parties(&[2, 3, 4]),
        parties(&[1, 2]),
        Some(fresh.0.clone()),
    );
    let anew = anew.expect("a dealing");
    let forged_board = run_until(&anew, 2, &fresh.1, TagRound::Deal);
    let forged = message(&anew, &fresh.1, &forged_board, 1);
    let TagBody::Deal(forged) = forged.body else {
        panic!("a deal");
    };
    let seed = seed(&party(1), 2);
    let part = participant(&dealing, party(1), &seed, &fresh.1);
    assert_eq!(part.message(&board), Err(ParticipantFault::NoShare));
    let hash = forged.commitment.hash(&dealing.digest(), &party(1));
    let mut joining = run_until(&dealing, 2, &shares, TagRound::Join);
    for number in [1, 2, 3, 4] {
        let mut join = message(&dealing, &shares, &joining, number);
        if let (1, TagBody::Join(join)) = (number, &mut join.body) {
            join.commitment = Some(hash);
        }
        joining.take(&dealing, party(number), join).expect("right");
    }
    // Its proof was made for the other dealing.
    assert_eq!(
        refused(&joining, &dealing, 1, with(forged)),
        TagFault::Unproven
    );
}

#[test]
fn a_dealer_that_deals_a_wrong_share_is_at_fault_and_nobody_else() {
    let (dealing, shares, mut board) = under_way(TagRound::Deal);
    let mut wrong = message(&dealing, &shares, &board, 1);
    let TagBody::Deal(deal) = &mut wrong.body else {
        panic!("a deal");
    };
    // What holder 3 gets is holder 2's.
    deal.shares[1] = deal.shares[0].clone();
    board.take(&dealing, party(1), wrong).expect("not seen yet");
    let right = message(&dealing, &shares, &board, 2);
    board.take(&dealing, party(2), right).expect("right");

    let fits = message(&dealing, &shares, &board, 2);
    assert!(matches!(fits.body, TagBody::Verdict(TagVerdict::Fits(_))));
    let complaint = message(&dealing, &shares, &board, 3);
    let TagBody::Verdict(TagVerdict::Complaint { dealer, secret }) = complaint.body else {
        panic!("a complaint");
    };
    assert_eq!(dealer, party(1));
    let with = |dealer, secret| TagMessage {
        dealing: dealing.digest(),
        body: TagBody::Verdict(TagVerdict::Complaint { dealer, secret }),
    };
    let other = refused(&board, &dealing, 3, with(dealer, [7; 32]));
    assert_eq!(other, TagFault::OtherSecret);
    // The secret is of the key for one dealer, and opens nothing that another dealt.
    let other = refused(&board, &dealing, 3, with(party(2), secret));
    assert_eq!(other, TagFault::OtherSecret);
    let other = refused(&board, &dealing, 3, with(party(4), secret));
    assert_eq!(other, TagFault::NoDealer(party(4)));
    let mut confirmed = fits.clone();
    confirmed.body = TagBody::Verdict(TagVerdict::Fits([7; 32]));
    let other = refused(&board, &dealing, 2, confirmed);
    assert_eq!(other, TagFault::OtherKey);

    board.take(&dealing, party(3), complaint).expect("right");
    let (dealer, holder) = (party(1), party(3));
    assert_eq!(
        board.progress(&dealing),
        TagProgress::Failed(WrongShare { dealer, holder })
    );
    assert_eq!(refused(&board, &dealing, 2, fits), TagFault::Over);
}

#[test]
fn a_false_complaint_is_refused_and_a_lost_seed_is_told() {
    let (dealing, shares, board) = under_way(TagRound::Verdict);
    let part_seed = seed(&party(3), 2);
    let part = participant(&dealing, party(3), &part_seed, &shares);
    let secret = part.secret_for(&party(1));
    let complaint = TagMessage {
        dealing: dealing.digest(),
        body: TagBody::Verdict(TagVerdict::Complaint {
            dealer: party(1),
            secret,
        }),
    };
    assert_eq!(
        refused(&board, &dealing, 3, complaint),
        TagFault::FalseComplaint(party(1))
    );
    let lost = Zeroizing::new([99; 32]);
    let part = participant(&dealing, party(3), &lost, &shares);
    assert_eq!(part.message(&board), Err(ParticipantFault::OtherSeed));
    let stranger = TagParticipant::new(&dealing, party(9), &lost, None);
    assert_eq!(
        stranger.map(|_| ()).expect_err("no party"),
        ParticipantFault::NoParty(party(9))
    );
}

/// One place of a dealing changes its digest, and with it every secret that is drawn for it.
#[test]
fn every_part_of_a_dealing_changes_its_digest() {
    let (key, _) = made(2, &[1, 2, 3]);
    let of = |id: &DealingId, needed, holders: &[u8], dealers: &[u8], key: &TagKey| {
        let (holders, dealers) = (parties(holders), parties(dealers));
        let dealing = Dealing::new(id, needed, holders, dealers, Some(key.clone()));
        dealing.expect("a dealing").digest()
    };
    let one = of(&id(2), 2, &[1, 2, 3], &[1, 2], &key);
    let mut changed: Vec<DealingId> = Vec::new();
    for change in [
        |id: &mut DealingId| id.origin = Origin::new("log.test/other").expect("an origin"),
        |id: &mut DealingId| id.generation = 3,
        |id: &mut DealingId| id.opener = party(2),
        |id: &mut DealingId| id.attempt = 2,
    ] {
        let mut other = id(2);
        change(&mut other);
        changed.push(other);
    }
    let other_key = TagKey::sole(party(1), key.public());
    let mut digests: Vec<_> = changed
        .iter()
        .map(|id| of(id, 2, &[1, 2, 3], &[1, 2], &key))
        .collect();
    digests.extend([
        one,
        of(&id(2), 3, &[1, 2, 3], &[1, 2], &key),
        of(&id(2), 2, &[1, 2, 4], &[1, 2], &key),
        of(&id(2), 2, &[1, 2, 3], &[1, 3], &key),
        of(&id(2), 2, &[1, 2, 3], &[1], &other_key),
    ]);
    let count = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), count);
}
