//! What one supervisor alone decided of what an entry rests on, and whose keys one holder has alone.

use merits_ledger::{
    Entry, State,
    entry::PersonStatement,
    state::{BoardMark, Made},
};
use merits_primitives::ids::Epoch;

/// The marks of an entry of this ledger.
pub(crate) fn marks(state: &State, entry: &Entry) -> Vec<String> {
    match entry {
        Entry::EarnBatch(batch) => {
            let made = [
                Made::Scale(&batch.scale, batch.version),
                Made::Epoch(batch.epoch),
                Made::Party(&batch.source),
            ];
            collect(state, &made)
        }
        Entry::TicketDeposited(deposit) => {
            let version = Made::Scale(&deposit.scale, deposit.version);
            let key = key(state, PersonStatement::Ticket);
            collect(state, &key.into_iter().chain([version]).collect::<Vec<_>>())
        }
        Entry::ConsentWithdrawn(_) => {
            let key = key(state, PersonStatement::Ticket);
            collect(state, key.as_slice())
        }
        Entry::Redeemed(redeemed) => marks_of_spending(state, redeemed.spending.epoch),
        Entry::Attested(attested) => marks_of_spending(state, attested.spending.epoch),
        // What a proof shows rests on what the board made. Of these the marks of the ledger say all.
        Entry::PartyAdmitted(_)
        | Entry::KeysRotated(_)
        | Entry::KeySucceeded(_)
        | Entry::ActProposed(_)
        | Entry::EpochProposed(_)
        | Entry::KeyGenerationOpened(_)
        | Entry::KeyGenerationMessage(_)
        | Entry::KeyShareDestroyed(_)
        | Entry::ActEndorsed(_)
        | Entry::EndorsementRevoked(_)
        | Entry::ActEnacted(_)
        | Entry::ActObjected(_)
        | Entry::EmergencySuspended(_)
        | Entry::ScaleProposed(_)
        | Entry::ScaleRetired(_)
        | Entry::OpeningRequested(_)
        | Entry::RedeemerRequested(_)
        | Entry::OpeningEndorsed(_)
        | Entry::OpeningDisowned(_)
        | Entry::OpeningCompleted(_)
        | Entry::OpeningRevealed(_)
        | Entry::AlertRaised(_)
        | Entry::AlertHandled(_)
        | Entry::TotalsCut(_)
        | Entry::TotalsOpened(_)
        | Entry::EvaluatorOpened(_)
        | Entry::EvaluationCounted(_)
        | Entry::IdentityRegistered(_)
        | Entry::IdentityRetired(_)
        | Entry::TagDealingOpened(_)
        | Entry::TagDealingMessage(_)
        | Entry::TermsPublished(_)
        | Entry::OfferPublished(_)
        | Entry::OfferClosed(_) => collect(state, &[]),
    }
}

/// The marks of credits that are shown or spent under this epoch.
pub(crate) fn marks_of_spending(state: &State, epoch: Epoch) -> Vec<String> {
    let key = key(state, PersonStatement::Redeem);
    let made = key.into_iter().chain([Made::Epoch(epoch)]);
    collect(state, &made.collect::<Vec<_>>())
}

/// The key in force of a statement.
fn key(state: &State, statement: PersonStatement) -> Option<Made<'static>> {
    let adopted = state.statement_keys().get(statement)?;
    Some(Made::StatementKey(statement, adopted.generation))
}

fn collect(state: &State, made: &[Made<'_>]) -> Vec<String> {
    let mut marks = marks_of_board(state, made);
    // However an epoch was decided, one holder of a whole half is a hand of its own.
    marks.extend(made.iter().filter_map(|made| match made {
        Made::Epoch(epoch) => Some(state.epochs().get(*epoch)?.mark()?.to_string()),
        Made::Party(_) | Made::StatementKey(..) | Made::Scale(..) => None,
    }));
    marks
}

fn marks_of_board(state: &State, made: &[Made<'_>]) -> Vec<String> {
    let board = state.board();
    let Some(mark) = board.mark() else {
        return Vec::new();
    };
    let mut marks = vec![mark.to_string()];
    // Where one decides now, the mark says all; later it matters which things are from that time.
    if let BoardMark::Earlier { .. } = mark {
        let alone = made
            .iter()
            .filter(|made| board.made_alone(**made).is_some());
        marks.extend(alone.map(|made| {
            let what = match made {
                Made::Party(party) => {
                    let known = state.parties().get(party);
                    let name = known.map_or_else(|| party.to_string(), |known| known.name.clone());
                    format!("the admission of {name}")
                }
                Made::Epoch(epoch) => format!("view-key epoch {}", epoch.0),
                Made::StatementKey(statement, generation) => {
                    format!("key {generation} of `{statement}`")
                }
                Made::Scale(id, version) => {
                    format!("the approval of {id} version {}", version.0)
                }
            };
            format!("one supervisor alone decided {what}")
        }));
    }
    marks
}
