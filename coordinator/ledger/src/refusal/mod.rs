//! Why an entry is not appended: one variant a reason, each with a code for machines, the field
//! at fault, and words that say what came, what was expected and what to do next.

mod code;

use merits_primitives::{
    figures::FiguresError,
    ids::{EntryId, Epoch, Expiry, PartyId, ScaleId, ScaleVersion},
    jubjub::PointError,
};
use merits_verifier::{
    VerifyError,
    codec::CodecError,
    groth16::{KeyError, ProofError, ProofFormatError},
    statement::StatementError,
};
use thiserror::Error;

use crate::entry::PersonStatement;
use crate::role::Role;
use crate::store::UniqueSet;

/// Why an entry is refused. Unless said otherwise the submitter is to blame, and nothing
/// changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    // The envelope.
    /// Over the size limit.
    #[error("the entry has {found} bytes; at most {limit} are taken: split the batch")]
    TooLarge {
        /// Bytes that came.
        found: usize,
        /// Most bytes.
        limit: usize,
    },
    /// Not the canonical encoding of an entry.
    #[error("malformed entry: {0}")]
    Malformed(CodecError),
    /// A Baby Jubjub point that no key or ciphertext may be.
    #[error("{what}: {fault}")]
    BadPoint {
        /// Which point.
        what: &'static str,
        /// What is wrong with it.
        fault: PointError,
    },
    /// Made for another log.
    #[error("the entry was made for log {found}; this is {expected}")]
    OtherOrigin {
        /// This log.
        expected: String,
        /// The log it was made for.
        found: String,
    },
    /// A kind that does not exist.
    #[error("entry kind {kind:#06x} is unknown: the submitter may run a newer version")]
    UnknownKind {
        /// Its number.
        kind: u16,
    },
    /// A proof where none belongs.
    #[error("an entry of kind `{kind}` carries no proof, but one came")]
    ProofUnexpected {
        /// The kind.
        kind: &'static str,
    },
    /// A signature where none belongs.
    #[error(
        "an entry of kind `{kind}` is a person's: party and signature are zeros, and the proof speaks alone"
    )]
    SignatureUnexpected {
        /// The kind.
        kind: &'static str,
    },
    /// The sequencer's time is less than the last leaf's. The coordinator's clock is to blame.
    #[error("time {found} ms is before the last leaf's {last} ms: the sequencer's clock went back")]
    TimeBackwards {
        /// Time of the last leaf.
        last: u64,
        /// Time given.
        found: u64,
    },

    // Parties.
    /// The first entry must be the founding supervisor's own admission.
    #[error("the first entry must be party {authority} admitting itself as a supervisor")]
    NotFounded {
        /// The configured authority.
        authority: PartyId,
    },
    /// No such party.
    #[error("party {party} is not admitted")]
    PartyUnknown {
        /// The party.
        party: PartyId,
    },
    /// The party is suspended.
    #[error("party {party} is suspended")]
    PartySuspended {
        /// The party.
        party: PartyId,
    },
    /// The party's signature does not hold.
    #[error("the signature does not hold under the key that the ledger has for party {party}")]
    SignatureInvalid {
        /// The party.
        party: PartyId,
    },
    /// The signing key changed between authentication and append.
    #[error("the signing key of party {party} was rotated meanwhile: sign again with the new one")]
    KeyRotated {
        /// The party.
        party: PartyId,
    },
    /// The party acts outside its roles.
    #[error("party {party} is no {needed}, which this entry takes")]
    RoleMissing {
        /// The party.
        party: PartyId,
        /// The role it lacks.
        needed: Role,
    },
    /// A party without any role.
    #[error("a party needs at least one role")]
    RolesEmpty,
    /// Two roles that one institution may not hold together.
    #[error("one institution may not be both {one} and {other}")]
    RoleConflict {
        /// One.
        one: Role,
        /// The other.
        other: Role,
    },
    /// The party is already admitted.
    #[error("party {party} is already admitted")]
    PartyExists {
        /// The party.
        party: PartyId,
    },
    /// Another party has that name.
    #[error("another party is named {name:?}")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Another party has, or had, that signing key.
    #[error("the signing key is or was another's: every party and generation needs its own")]
    KeyTaken,
    /// A proof of possession or consent that does not hold.
    #[error(
        "{what} does not hold: whoever made it does not know the secret, or made it for another log, party or epoch"
    )]
    PossessionInvalid {
        /// Which one.
        what: &'static str,
    },
    /// A running number is not the next one.
    #[error("{what} must be {expected} and is {found}")]
    OutOfSequence {
        /// Which number.
        what: &'static str,
        /// The next one.
        expected: u32,
        /// What came.
        found: u32,
    },
    /// The party already stands as the entry wants it.
    #[error("party {party} is already {standing}")]
    StandingUnchanged {
        /// The party.
        party: PartyId,
        /// "suspended" or "in good standing".
        standing: &'static str,
    },
    /// The last active supervisor cannot be suspended: nobody could undo it.
    #[error("party {party} is the last active supervisor; admit another before suspending it")]
    LastSupervisor {
        /// The party.
        party: PartyId,
    },

    // View keys.
    /// A sum of halves is the identity, under which nothing is hidden.
    #[error("the halves of the {key} key add up to the identity: nothing would be hidden")]
    ViewKeyIdentity {
        /// "view" or "totals".
        key: &'static str,
    },
    /// A and At, or their halves, are equal: totals would open claims.
    #[error("the view key and the totals key share a half: opening a total would open claims")]
    ViewKeysEqual,
    /// Both halves with one holder.
    #[error("both halves have one holder: it could open every claim without a trace")]
    OneHolder,
    /// The epoch's times contradict each other.
    #[error("the epoch's times contradict each other: {why}")]
    EpochTimes {
        /// How.
        why: &'static str,
    },
    /// No such epoch.
    #[error("view-key epoch {} is unknown", epoch.0)]
    EpochUnknown {
        /// The epoch.
        epoch: Epoch,
    },
    /// The epoch is not accepted now.
    #[error("view-key epoch {} is {standing} and not accepted now: encrypt under the active one and prove again", epoch.0)]
    EpochNotAccepted {
        /// The epoch.
        epoch: Epoch,
        /// "pending" or "retired".
        standing: &'static str,
    },

    // Scales.
    /// No such scale or version.
    #[error("scale {id} version {} is unknown", version.0)]
    ScaleUnknown {
        /// The scale.
        id: ScaleId,
        /// The version.
        version: ScaleVersion,
    },
    /// No such scale.
    #[error("scale {id} is unknown")]
    ScaleIdUnknown {
        /// The scale.
        id: ScaleId,
    },
    /// Proposed but not approved.
    #[error("scale {id} version {} is not approved", version.0)]
    ScaleNotApproved {
        /// The scale.
        id: ScaleId,
        /// The version.
        version: ScaleVersion,
    },
    /// Retired before that period.
    #[error("scale {id} version {} is retired: period {last} was its last", version.0)]
    ScaleRetired {
        /// The scale.
        id: ScaleId,
        /// The version.
        version: ScaleVersion,
        /// Label of the last period.
        last: String,
    },
    /// Not yet valid in that period.
    #[error("scale {id} version {} is not yet valid: period {first} is its first", version.0)]
    ScaleNotYetValid {
        /// The scale.
        id: ScaleId,
        /// The version.
        version: ScaleVersion,
        /// Label of the first period.
        first: String,
    },
    /// A later version is in force for that period.
    #[error("scale {id} version {} is superseded: version {} is in force for that period", version.0, in_force.0)]
    ScaleSuperseded {
        /// The scale.
        id: ScaleId,
        /// The version that came.
        version: ScaleVersion,
        /// The version in force.
        in_force: ScaleVersion,
    },
    /// Already approved or retired.
    #[error("scale {id} version {} is already {standing}", version.0)]
    ScaleStanding {
        /// The scale.
        id: ScaleId,
        /// The version.
        version: ScaleVersion,
        /// How it stands.
        standing: &'static str,
    },
    /// The approval names another proposal.
    #[error("the approval names another entry than the one that proposed this version")]
    ProposalMismatch {
        /// The entry that proposed the version.
        expected: EntryId,
    },
    /// Versions of an approved scale come from its issuer.
    #[error("scale {id} is another issuer's: propose under an id of your own")]
    ScaleOfAnother {
        /// The scale.
        id: ScaleId,
    },
    /// The asset number belongs to another scale id, or the id has another one.
    #[error("asset number {found} does not belong to scale {id}: {why}")]
    AssetMismatch {
        /// The scale.
        id: ScaleId,
        /// The number that came.
        found: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Something that must be the same for all versions differs.
    #[error("scale {id}: {what} differs from the earlier version's, and must not")]
    VersionDiffers {
        /// The scale.
        id: ScaleId,
        /// What differs.
        what: &'static str,
    },
    /// A property of the scale is out of its range.
    #[error("scale {id}: {what}")]
    ScaleInvalid {
        /// The scale.
        id: ScaleId,
        /// What is out of range.
        what: &'static str,
    },
    /// A new version would change a period that was already claimed.
    #[error("scale {id}: version {} would begin in a period that was already claimed; begin after {last}", version.0)]
    VersionRetroactive {
        /// The scale.
        id: ScaleId,
        /// The version.
        version: ScaleVersion,
        /// Label of the last claimed period.
        last: String,
    },
    /// The figures cannot be a scale's.
    #[error("the scale's figures: {0}")]
    Figures(#[from] FiguresError),
    /// The verifying key is refused.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key is for another number of public inputs than figures, measure and capacity give.
    #[error("the key takes {found} public inputs; figures, measure and capacity give {expected}")]
    KeyInputs {
        /// Inputs by figures, measure and capacity.
        expected: usize,
        /// Inputs that the key takes.
        found: usize,
    },

    // Earn batches.
    /// The prover proved for another value of the scale's terms.
    #[error("the batch was proven for {what} {found}; the approved scale has {expected}")]
    OtherTerms {
        /// "asset", "expiry" or "schema".
        what: &'static str,
        /// What the ledger has.
        expected: String,
        /// What the prover took.
        found: String,
    },
    /// Another kind of period than the scale's.
    #[error("the batch is for a {found:?}; the scale counts by {expected:?}")]
    OtherPeriod {
        /// The scale's kind.
        expected: merits_primitives::ids::PeriodKind,
        /// The batch's kind.
        found: merits_primitives::ids::PeriodKind,
    },
    /// The prover took a constant that is not approved.
    #[error("{name} was taken as {found}; {approved} is approved for {period}")]
    ConstantNotApproved {
        /// Its name, such as `fare (before)`.
        name: String,
        /// The approved public number of the period.
        approved: u64,
        /// The prover's.
        found: u64,
        /// Label of the period.
        period: String,
    },
    /// The prover took another number of public numbers.
    #[error("{found} public numbers came; the approved version's figures give {expected}")]
    ConstantCount {
        /// By the version's figures.
        expected: usize,
        /// What came.
        found: usize,
    },
    /// A measured scale's batch without the measure's total, or another's with one.
    #[error("{}", if *measured {
        "the scale has a measure, and the batch brings no total of it (M1, M2)"
    } else {
        "the scale has no measure, and the batch brings a total of one (M1, M2)"
    })]
    MeasureUnfit {
        /// Whether the scale has a measure.
        measured: bool,
    },
    /// The period is not over.
    #[error("period {period} is not over anywhere on Earth")]
    PeriodNotOver {
        /// Label of the period.
        period: String,
    },
    /// The source is no admitted source.
    #[error("source {source_party} is not admitted as a source")]
    SourceUnknown {
        /// The party that was named.
        source_party: PartyId,
    },
    /// A source signature does not hold.
    #[error(
        "claim {claim}: the source's signature over (log, source, schema, period, C) does not hold"
    )]
    SourceSignature {
        /// Index of the claim.
        claim: usize,
    },
    /// The proof's bytes are no proof.
    #[error(transparent)]
    ProofFormat(#[from] ProofFormatError),
    /// The statement is refused before its proof is looked at.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The proof does not hold for the statement that the ledger's state gives.
    #[error(
        "the proof does not hold for the statement that the ledger's state gives \
         (records, credits, b, keys or context differ from what was proven)"
    )]
    ProofInvalid,
    /// The coordinator passed a verified statement that is not this entry's. Its fault.
    #[error("the entry was not verified against the present state; submit it again")]
    NotVerified,
    /// The supply cap would be passed.
    #[error(
        "scale {id}: at most {room} more credits may come to be, and these claims could be {wanted}; open totals to find what earlier claims really were"
    )]
    SupplyExhausted {
        /// The scale.
        id: ScaleId,
        /// Credits left under the cap, at worst.
        room: u64,
        /// Credits of these claims, at worst.
        wanted: u64,
    },
    /// A value that may occur once occurred before.
    #[error("{}: already used by an earlier entry", set.describe())]
    AlreadyUsed {
        /// Which set.
        set: UniqueSet,
        /// Index of the claim, if the set is one of claims.
        claim: Option<usize>,
    },

    // People, consents, redemptions.
    /// Statement key missing.
    #[error("the ledger has no key for statement `{statement}` yet: a supervisor adopts one first")]
    StatementKeyMissing {
        /// Which statement.
        statement: PersonStatement,
    },
    /// Evaluator stands.
    #[error("the evaluator's key is fixed: another one would give every person a second tag")]
    EvaluatorStands,
    /// Not the evaluator.
    #[error("party {party} is not this ledger's evaluator")]
    NotTheEvaluator {
        /// Who says so.
        party: PartyId,
    },
    /// Evaluation number.
    #[error("the next evaluation has number {expected}, not {found}")]
    EvaluationNumber {
        /// The next one.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// Evaluation unfit.
    #[error(
        "the evaluation named is unknown, another registrar's, or served a registration before: have the evaluator answer again"
    )]
    EvaluationUnfit,
    /// Commitment known.
    #[error("this identity commitment was registered before: make a new identity in the wallet")]
    CommitmentKnown,
    /// Person known.
    #[error(
        "this person is registered already: an identity is given anew (generation + 1) only after a loss"
    )]
    PersonKnown,
    /// Eligible too early.
    #[error(
        "an identity given anew is eligible from day {earliest} at the earliest, not {found}: tickets of the one before may reach until then"
    )]
    EligibleTooEarly {
        /// First day that is possible.
        earliest: u32,
        /// What came.
        found: u32,
    },
    /// Generations used up.
    #[error("this person was registered 256 times, which is the most")]
    GenerationsUsedUp,
    /// Identity unknown.
    #[error("no identity in force has this commitment")]
    IdentityUnknown,
    /// Group root unknown.
    #[error(
        "the proof was made for a group of people that is not the present one nor of the last hour: bring the wallet up to date and prove again"
    )]
    GroupRootUnknown,
    /// Terms known.
    #[error("this document was published before: change it, or use it as it is")]
    TermsKnown,
    /// Terms unknown.
    #[error("the distributor published no such terms for this scale")]
    TermsUnknown,
    /// Ticket too early.
    #[error("the period {period} begins more than 31 days from now: deposit the ticket later")]
    TicketTooEarly {
        /// The period's label.
        period: String,
    },
    /// Ticket reserved.
    #[error(
        "this person's claim of the period is reserved for distributor {distributor} until {until} ms: the person withdraws there first, or waits"
    )]
    TicketReserved {
        /// For whom.
        distributor: PartyId,
        /// Until when, unix milliseconds.
        until: u64,
    },
    /// Consent withdrawn.
    #[error(
        "the person withdrew this consent: the records must be deleted, and the claim cannot be made here"
    )]
    ConsentWithdrawn {
        /// Index of the claim, of a batch.
        claim: Option<usize>,
    },
    /// Ticket missing.
    #[error(
        "claim {claim}: no deposited ticket stands behind it: it was never deposited, or it was claimed with"
    )]
    TicketMissing {
        /// Index of the claim.
        claim: usize,
    },
    /// Ticket unexpected.
    #[error("claim {claim}: this ledger keeps accounts in custody and takes no tickets")]
    TicketUnexpected {
        /// Index of the claim.
        claim: usize,
    },
    /// Ticket of another.
    #[error("claim {claim}: the ticket was given to another distributor")]
    TicketOfAnother {
        /// Index of the claim.
        claim: usize,
    },
    /// Ticket lapsed.
    #[error(
        "claim {claim}: the ticket's reservation ended at {until} ms: ask the person for another"
    )]
    TicketLapsed {
        /// Index of the claim.
        claim: usize,
        /// Until when, unix milliseconds.
        until: u64,
    },
    /// Ticket other.
    #[error("claim {claim}: the ticket is for another {what}")]
    TicketOther {
        /// Index of the claim.
        claim: usize,
        /// What differs.
        what: &'static str,
    },
    /// Ticket other records.
    #[error("claim {claim}: the ticket is bound to another person's records (its b differs)")]
    TicketOtherRecords {
        /// Index of the claim.
        claim: usize,
    },
    /// Ticket twice.
    #[error("claim {claim}: an earlier claim of the batch has the same ticket")]
    TicketTwice {
        /// Index of the claim.
        claim: usize,
    },
    /// Offer invalid.
    #[error("the offer is not one: {what} {rule}")]
    OfferInvalid {
        /// Which field.
        what: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// Offer unknown.
    #[error("offer {offer} is unknown")]
    OfferUnknown {
        /// The entry named.
        offer: EntryId,
    },
    /// Offer of another.
    #[error("offer {offer} is another sponsor's")]
    OfferOfAnother {
        /// The offer.
        offer: EntryId,
    },
    /// Offer not open.
    #[error("offer {offer} is not open: not yet, no longer, or closed by its sponsor")]
    OfferNotOpen {
        /// The offer.
        offer: EntryId,
    },
    /// Offer sold out.
    #[error("offer {offer} is sold out: its quota is used up")]
    OfferSoldOut {
        /// The offer.
        offer: EntryId,
    },
    /// Offer elsewhere.
    #[error("offer {offer} is not redeemed at this exchange")]
    OfferElsewhere {
        /// The offer.
        offer: EntryId,
    },
    /// Credits expired.
    #[error("credits of expiry bucket {} have expired: they were good until before that month (counted from January 1970)", expiry.0)]
    CreditsExpired {
        /// The bucket.
        expiry: Expiry,
    },
    /// Other day.
    #[error("the proof counts by day {found}, and today is day {today}: prove again")]
    OtherDay {
        /// The ledger's day.
        today: u32,
        /// What came.
        found: u32,
    },
    /// Note root unknown.
    #[error(
        "the proof was made for a note tree that is no anchor of this ledger: bring the wallet up to date and prove again"
    )]
    NoteRootUnknown,
    /// Note tree full.
    #[error("the note tree is full")]
    NoteTreeFull,

    // Openings and totals.
    /// No such opening request.
    #[error("opening request {request} is unknown")]
    RequestUnknown {
        /// The entry named.
        request: EntryId,
    },
    /// Not the requester's.
    #[error("opening request {request} is another party's")]
    RequestOfAnother {
        /// The request.
        request: EntryId,
    },
    /// The step was already taken.
    #[error("opening request {request} is already {standing}")]
    RequestStanding {
        /// The request.
        request: EntryId,
        /// "completed" or "revealed".
        standing: &'static str,
    },
    /// The deadline is past, or too far.
    #[error(
        "the deadline {deadline} ms must be after the ledger's time {now} ms, and within {limit} ms of it"
    )]
    Deadline {
        /// The request's deadline.
        deadline: u64,
        /// The ledger's time.
        now: u64,
        /// Longest time to a deadline.
        limit: u64,
    },
    /// What is revealed is not what the request committed to.
    #[error("the revealed content does not open the commitment of request {request}")]
    RevealMismatch {
        /// The request.
        request: EntryId,
    },
    /// The entries are not the next unopened batches.
    #[error(
        "entry {position} of the total is not the next unopened batch of this asset, period, epoch and output"
    )]
    TotalSet {
        /// Position at fault.
        position: usize,
    },
    /// The other output of these batches was opened in another set. Credits and measure follow
    /// from the same records, so sets that differ would say more than either sum.
    #[error(
        "the total covers {found} batches; the other output was opened over the first {expected}: open exactly these"
    )]
    TotalCut {
        /// Batches of the other output's total.
        expected: usize,
        /// Batches that came.
        found: usize,
    },
    /// Too few claims: a sum over few says much about each.
    #[error("the total covers {claims} claims; at least {least} are needed")]
    TotalTooFew {
        /// Claims covered.
        claims: u64,
        /// Least number.
        least: u64,
    },
    /// V_max × claims, or W_max × claims, over 2^48.
    #[error("the total could reach {worst}, over the limit of 2^48: open fewer batches at once")]
    TotalTooLarge {
        /// The most that the sum can be.
        worst: u128,
    },
    /// The entries' T1 add up to the identity.
    #[error("the batches' T1 add up to the identity")]
    TotalDegenerate,
    /// A partial's proof does not hold: it was made with another key, for another set of
    /// batches, or from a ciphertext that is no total.
    #[error(
        "the {side}'s partial does not hold for the sum of these batches' T1 under its half of At"
    )]
    PartialInvalid {
        /// "supervisor" or "witness".
        side: &'static str,
    },
    /// The sum is not what the ciphertexts hold.
    #[error("the sum {sum} is not what the batches' totals hold")]
    SumWrong {
        /// The sum that came.
        sum: u64,
    },
}

impl From<CodecError> for Refusal {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Point { what, fault } => Self::BadPoint { what, fault },
            error => Self::Malformed(error),
        }
    }
}

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Statement(error) => Self::Statement(error),
            VerifyError::Proof(ProofError::InputCount { expected, found }) => Self::KeyInputs {
                expected: found,
                found: expected,
            },
            _ => Self::ProofInvalid,
        }
    }
}
