//! A holder that is killed at any step comes back with the same messages.

use merits_threshold::{
    participant::{Participant, ParticipantFault},
    standing::Standing,
};
use merits_verifier::codec::Canonical as _;

use crate::federation::Federation;

/// Every holder dies before each message that it publishes, once after it stored its state and once before.
#[test]
fn whoever_dies_at_any_step_publishes_the_same_bytes() {
    let undisturbed = {
        let mut federation = Federation::new(3, 5, 21);
        let outcome = federation.play_honestly();
        (outcome, federation.board)
    };
    let mut federation = Federation::new(3, 5, 21);
    let mut stored: Vec<Vec<u8>> = federation.holders.iter().map(|h| h.to_bytes()).collect();
    let reborn = |bytes: &[u8]| Participant::from_bytes(bytes).expect("a state");
    let mut done = 0;
    while done < federation.holders.len() {
        done = 0;
        for stored in &mut stored {
            let ceremony = &federation.ceremony;
            // Dies before it stored anything: comes back as it was.
            let mut holder = reborn(stored);
            holder.advance(ceremony, &federation.board).expect("a turn");
            let mut holder = reborn(stored);
            let seen = holder.advance(ceremony, &federation.board).expect("a turn");
            *stored = holder.to_bytes();
            // Dies before it publishes, comes back, publishes one message, and dies again.
            let holder = reborn(stored);
            let party = holder.me();
            let next = holder.unpublished(&federation.board).first().copied();
            if let Some((round, bytes)) = next {
                let slot = merits_threshold::message::Slot { round, party };
                federation.board.insert(slot, bytes.to_vec());
            }
            done += usize::from(matches!(seen, Standing::Done(_)));
        }
    }
    assert_eq!(federation.board, undisturbed.1);
    for bytes in &stored {
        let shares = reborn(bytes).shares(&federation.ceremony).expect("shares");
        assert!(shares[0].belongs_to(&undisturbed.0.claim));
        assert!(shares[1].belongs_to(&undisturbed.0.total));
    }
}

#[test]
fn a_state_that_ended_makes_nothing_more() {
    let mut federation = Federation::new(2, 3, 22);
    federation.play_honestly();
    let holder = &mut federation.holders[0];
    assert!(!holder.has_ended());
    holder.end();
    let again = Participant::from_bytes(&holder.to_bytes()).expect("a state");
    assert!(again.has_ended());
    assert!(matches!(
        again.shares(&federation.ceremony),
        Err(ParticipantFault::Ended)
    ));
    // What it published can still be read, and published again.
    assert!(
        again
            .unpublished(&merits_threshold::standing::Board::new())
            .len()
            >= 4
    );
    let other = Federation::attempt(2, 3, 22, 2);
    let mut again = again;
    assert_eq!(
        again.advance(&other.ceremony, &other.board),
        Err(ParticipantFault::OtherCeremony)
    );
}

#[test]
fn two_states_of_one_party_do_not_both_publish() {
    let mut federation = Federation::new(2, 3, 23);
    federation.turn(0, &mut |_, bytes| Some(bytes));
    let party = federation.party(0);
    let seed = zeroize::Zeroizing::new([9; 32]);
    let mut second = Participant::begin(&federation.ceremony, party, seed).expect("a member");
    let refused = second.advance(&federation.ceremony, &federation.board);
    assert!(matches!(refused, Err(ParticipantFault::NotMine { .. })));
}
