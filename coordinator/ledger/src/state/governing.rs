//! The governing state: the part of the state that nearly every entry is checked against. It is
//! small, in memory, derived from the rows of the tables that govern, and pure.

use std::collections::BTreeMap;

use merits_primitives::{
    calendar::Timestamp,
    field,
    ids::{Origin, PartyId},
};
use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    entry::{Leaf, SignedEntry},
    groth16::{KeyDigest, Provenance, VerifyingKey},
    log::{Hash, leaf_hash},
    proof::Proof,
    signature::PublicKey,
};

use super::blobs;
use super::draft::Draft;
use super::epochs;
use super::notes::NoteEdge;
use super::people::Register;
use super::tickets::{PublishedTerms, check_not_withdrawn, withdrawal_key};
use super::{Anchor, CommitError, Effects, Epochs, Offers, Parties, Scales, StatementKeys};
use crate::entry::{Entry, PersonStatement};
use crate::policy::LedgerPolicy;
use crate::proven::{Groth16Job, Job, ProvenStatement, SchnorrJob, VerifiedProof};
use crate::refusal::{CheckError, Refusal};
use crate::role::Role;
use crate::rows::{Key, Record, RowError, Rows, Table, View, decode};
use crate::signatures::{ClaimSignature, Unverified};
use crate::store::UniqueSet;
use crate::submission::{Authentic, Sender, Submission};

/// The part of the state that is in memory. Clones share its tables until one of them changes a table.
#[derive(Debug, Clone)]
pub struct Governing {
    pub(super) policy: LedgerPolicy,
    log: LogHead,
    pub(super) parties: Parties,
    pub(super) epochs: Epochs,
    pub(super) scales: Scales,
    pub(super) statement_keys: StatementKeys,
    pub(super) people: Register,
    pub(super) terms: PublishedTerms,
    pub(super) notes: NoteEdge,
    pub(super) offers: Offers,
}

/// How much of the log was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct LogHead {
    /// Leaves applied.
    size: u64,
    /// Time of the last leaf.
    time: Timestamp,
    /// Chain over all leaf hashes, so that the digest covers what the tables do not keep.
    history: [u8; 32],
}

impl Canonical for LogHead {
    const NAME: &'static str = "log";

    fn write(&self, out: &mut Writer) {
        out.u64(self.size);
        out.time(self.time);
        out.array(&self.history);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            size: input.u64("size")?,
            time: input.time("time")?,
            history: input.array("history")?,
        })
    }
}

impl Record for LogHead {
    const TABLE: Table = Table::Log;
}

impl Governing {
    /// For an empty ledger.
    pub fn new(policy: LedgerPolicy) -> Self {
        Self {
            notes: NoteEdge::new(policy.anchor_seconds),
            policy,
            log: LogHead::default(),
            parties: Parties::default(),
            epochs: Epochs::default(),
            scales: Scales::default(),
            statement_keys: StatementKeys::default(),
            people: Register::default(),
            terms: PublishedTerms::default(),
            offers: Offers::default(),
        }
    }

    /// From stored rows: all rows of the tables that govern, in the order of tables and keys. The
    /// rows are trusted.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn restore<'r>(
        policy: LedgerPolicy,
        rows: impl IntoIterator<Item = (Table, &'r [u8], &'r [u8])>,
    ) -> Result<Self, RowError> {
        let mut governing = Self::new(policy);
        for (table, key, value) in rows {
            governing.apply(table, key, Some(value))?;
        }
        Ok(governing)
    }

    /// Like [`Governing::restore`], from a reader of rows.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn load(policy: LedgerPolicy, rows: &dyn Rows) -> Result<Self, RowError> {
        let mut governing = Self::new(policy);
        for table in Table::ALL.into_iter().filter(|table| table.governs()) {
            let mut from = Vec::new();
            loop {
                let page = rows.range(table, &from, PAGE)?;
                let full = page.len() == PAGE;
                for (key, value) in page {
                    governing.apply(table, &key, Some(&value))?;
                    from = key;
                }
                if !full {
                    break;
                }
                // The next possible key.
                from.push(0);
            }
        }
        Ok(governing)
    }

    /// The founding parameters.
    pub fn policy(&self) -> &LedgerPolicy {
        &self.policy
    }

    /// The log's name.
    pub fn origin(&self) -> &Origin {
        &self.policy.origin
    }

    /// Leaves applied.
    pub fn size(&self) -> u64 {
        self.log.size
    }

    /// Notes in the note tree.
    pub fn note_count(&self) -> u64 {
        self.notes.size()
    }

    /// Time of the last leaf; [`Timestamp::FIRST`] before the first.
    pub fn time(&self) -> Timestamp {
        self.log.time
    }

    /// All parties.
    pub fn parties(&self) -> &Parties {
        &self.parties
    }

    /// All view-key epochs.
    pub fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// All scales.
    pub fn scales(&self) -> &Scales {
        &self.scales
    }

    /// The keys of `ticket` and `redeem`.
    pub fn statement_keys(&self) -> &StatementKeys {
        &self.statement_keys
    }

    /// Offers and redemptions.
    pub fn offers(&self) -> &Offers {
        &self.offers
    }

    /// The newest anchor of the note tree at `time`; `None` before the first.
    pub fn anchor(&self, time: Timestamp) -> Option<Anchor> {
        self.notes.anchor(time)
    }

    /// A verifying key of an approved version or of a statement, by digest.
    pub fn verifying_key(&self, digest: &KeyDigest) -> Option<(&VerifyingKey, Provenance)> {
        self.scales
            .verifying_key(digest)
            .or_else(|| self.statement_keys.verifying_key(digest))
    }

    /// The proof to verify for this submission; `None` for kinds without a proof. `view` must have
    /// the rows that [`Governing::job_reads`] requests.
    ///
    /// # Errors
    /// [`CheckError::Refused`] when no proof could make the entry acceptable.
    pub fn job(&self, submission: &Submission, view: &View) -> Result<Option<Job>, CheckError> {
        self.check_before_proof(submission, view)?;
        Ok(self.question(submission)?)
    }

    /// The part of [`Governing::job`] that reads rows: one or two comparisons. The rest is
    /// [`Governing::question`].
    ///
    /// # Errors
    /// [`CheckError::Refused`] when no proof could make the entry acceptable.
    pub fn check_before_proof(
        &self,
        submission: &Submission,
        view: &View,
    ) -> Result<(), CheckError> {
        // Anybody can send these two kinds, so cheap checks come before the verification of a
        // proof. The time of the last leaf is earlier than the entry's will be, so a root that is
        // too old now will be too old then.
        match submission.entry() {
            Entry::ConsentWithdrawn(withdrawn) => {
                self.check_group_root(view, withdrawn.root, self.log.time)?;
                let key = withdrawal_key(&withdrawn.nullifier, &withdrawn.message);
                check_not_withdrawn(view.get(&key)?)?;
            }
            Entry::Attested(attested) => {
                let root = attested.spending.group_root;
                self.check_group_root(view, root, self.log.time)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// What the proof of this submission must show, by parties, scales, keys and offers alone. It
    /// is for checking an entry of the log without the log's people and notes; the log is then
    /// trusted on which roots were valid. `None` for kinds without a proof.
    ///
    /// # Errors
    /// [`Refusal`] when no proof could make the entry acceptable.
    pub fn question(&self, submission: &Submission) -> Result<Option<Job>, Refusal> {
        let party = submission.party();
        let person = |kind| self.statement_keys.digest(kind);
        let proof = match &submission.proof {
            None => return Ok(None),
            Some(Proof::Schnorr(proof)) => {
                let statement = match submission.entry() {
                    Entry::ViewKeyEpochOpened(opened) => {
                        self.parties.acting(&party, Role::Supervisor)?;
                        self.epochs.check_next(&self.parties, opened)?;
                        epochs::possession(self.origin(), opened)
                    }
                    _ => return Err(Refusal::NotVerified),
                };
                let proof = proof.clone();
                return Ok(Some(Job::Schnorr(SchnorrJob { statement, proof })));
            }
            Some(Proof::Groth16(proof)) => *proof,
        };
        let (key, statement) = match submission.entry() {
            Entry::EarnBatch(batch) => {
                let (key, statement) = self.earn_question(batch, &party)?;
                (key, ProvenStatement::Earn(statement))
            }
            Entry::TicketDeposited(deposit) => {
                let statement = self.ticket_statement(&party, deposit)?;
                let key = person(PersonStatement::Ticket)?;
                (key, ProvenStatement::Ticket(statement))
            }
            Entry::ConsentWithdrawn(withdrawn) => {
                let statement = self.withdrawal_statement(withdrawn);
                let key = person(PersonStatement::Ticket)?;
                (key, ProvenStatement::Ticket(statement))
            }
            Entry::Redeemed(redeemed) => {
                let statement = self.redeem_statement(&party, redeemed)?;
                let key = person(PersonStatement::Redeem)?;
                (key, ProvenStatement::Redeem(statement))
            }
            Entry::Attested(attested) => {
                let statement = self.attest_statement(attested)?;
                let key = person(PersonStatement::Redeem)?;
                (key, ProvenStatement::Redeem(statement))
            }
            // A submission has a proof only if its kind has a system.
            _ => return Err(Refusal::NotVerified),
        };
        Ok(Some(Job::Groth16(Groth16Job {
            key,
            statement,
            proof,
        })))
    }

    /// The sender of an entry, determined from its envelope alone. It costs one signature check,
    /// some tens of microseconds, and a digest of the bytes, whatever the statement contains. It
    /// checks neither the statement nor its proof.
    ///
    /// # Errors
    /// [`Refusal::OtherOrigin`], [`Refusal::UnknownKind`], [`Refusal::PartyUnknown`],
    /// [`Refusal::PartySuspended`], [`Refusal::SignatureInvalid`].
    pub fn sender(&self, signed: &SignedEntry) -> Result<Sender, Refusal> {
        if signed.origin != *self.origin() {
            return Err(Refusal::OtherOrigin {
                expected: self.origin().to_string(),
                found: signed.origin.to_string(),
            });
        }
        let kind = signed.kind;
        // Only checks whether the kind exists.
        if Entry::decode(kind, &[]).is_none() {
            return Err(Refusal::UnknownKind { kind });
        }
        if Entry::is_personal_kind(kind) {
            return Ok(Sender::Person);
        }
        if self.parties.is_empty() {
            return Ok(Sender::Founder);
        }
        let party = signed.party;
        let known = self.parties.active(&party)?;
        // The key before the present one may sign for some time still.
        let mut keys = known.keys(self.time());
        let key = keys.find(|key| signed.verify_signature(key).is_ok());
        key.map(Sender::Party)
            .ok_or(Refusal::SignatureInvalid { party })
    }

    /// Checks all signatures of a submission: the party's, the consent or possession that the kind
    /// requires, and the source's for each claim. May run on any thread.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn authenticate(&self, submission: Submission) -> Result<Authentic, Refusal> {
        self.signatures(submission, None)?.verify()
    }

    /// The signatures that [`Governing::authenticate`] checks, for checking together with others
    /// ([`crate::verify_together`]). `known` is the key under which the party's signature holds, if
    /// [`Governing::sender`] has found it.
    ///
    /// # Errors
    /// [`Refusal`], if no signature could make the entry acceptable.
    pub fn signatures(
        &self,
        submission: Submission,
        known: Option<PublicKey>,
    ) -> Result<Unverified, Refusal> {
        if submission.entry().is_personal() {
            if !submission.signed().is_unsigned() {
                return Err(Refusal::SignatureUnexpected {
                    kind: submission.entry().kind_name(),
                });
            }
            return Ok(Unverified::new(submission));
        }
        let party = submission.party();
        let signer = match submission.entry() {
            Entry::PartyAdmitted(admitted) if self.parties.is_empty() => {
                // Nobody is admitted yet, so the founder vouches for itself.
                self.check_founder(&submission)?;
                admitted.signing_key
            }
            entry => {
                let known = self.parties.active(&party)?;
                let signed = submission.signed();
                let holds = |key: &PublicKey| match known {
                    // Mostly there is one key, and its signature is verified with others later.
                    _ if entry.changes_keys() => *key == known.signing_key,
                    known if known.former.is_none() => *key == known.signing_key,
                    _ => signed.verify_signature(key).is_ok(),
                };
                let key = known.keys(self.time()).find(holds);
                key.unwrap_or(known.signing_key)
            }
        };
        let mut unverified = Unverified::new(submission);
        unverified.expect_signer(signer, known == Some(signer));
        match self.others(unverified.submission(), &party) {
            Ok(None) => {}
            Ok(Some(claims)) => unverified.expect_source(claims),
            Err(refusal) => unverified.refuse(refusal),
        }
        Ok(unverified)
    }

    /// The checks besides the party's signature: consent and possession, which are rare and checked
    /// immediately, and the source's signatures.
    fn others(
        &self,
        submission: &Submission,
        party: &PartyId,
    ) -> Result<Option<Vec<ClaimSignature>>, Refusal> {
        let origin = self.origin();
        match submission.entry() {
            Entry::PartyAdmitted(admitted) => admitted
                .verify_consent(origin)
                .map_err(|_| Refusal::PossessionInvalid { what: "consent" })?,
            Entry::KeysRotated(rotated) => rotated
                .verify_possession(origin, party)
                .map_err(|_| Refusal::PossessionInvalid { what: "possession" })?,
            Entry::KeySucceeded(succeeded) => succeeded
                .verify_possession(origin, party)
                .map_err(|_| Refusal::PossessionInvalid { what: "possession" })?,
            Entry::EarnBatch(batch) => {
                return Ok(Some(self.source_signatures(batch, self.source_of(batch)?)));
            }
            _ => {}
        }
        Ok(None)
    }

    /// Checks every rule. It is pure: it changes nothing, and the answer depends only on the
    /// governing state, the rows of the view, the entry and the time. An entry with a proof needs
    /// its verified statement, which must be exactly the one that this state gives.
    ///
    /// # Errors
    /// [`CheckError`].
    pub fn check(
        &self,
        authentic: &Authentic,
        time: Timestamp,
        verified: Option<&VerifiedProof>,
        view: &View,
    ) -> Result<Effects, CheckError> {
        let submission = &authentic.submission;
        let LogHead {
            size,
            time: last,
            history,
        } = self.log;
        if time < last {
            return Err(Refusal::TimeBackwards { last, found: time }.into());
        }
        if submission.signed.origin != *self.origin() {
            return Err(Refusal::OtherOrigin {
                expected: self.origin().to_string(),
                found: submission.signed.origin.to_string(),
            }
            .into());
        }
        self.check_signer(authentic, time)?;
        let mut draft = Draft::new(view);
        draft.use_up(UniqueSet::Entry, submission.id.0, None);
        self.check_kind(authentic, time, verified, &mut draft)?;
        blobs::check_quota(submission, time, &mut draft)?;
        let leaf = Leaf::encoded(time, &submission.signed);
        let hash: Hash = leaf_hash(&leaf);
        let head = LogHead {
            size: size + 1,
            time,
            history: field::digest("merits/history/v1", &[&history, &hash]),
        };
        draft.put(Key::new(&[]), &head);
        let (rows, uniques, notes) = draft.finish();
        Ok(Effects {
            index: size,
            time,
            id: submission.id,
            leaf,
            hash,
            uniques,
            rows,
            notes,
            blobs: submission.blobs().to_vec(),
        })
    }

    /// Applies the effects of [`Governing::check`], after the store has stored them.
    ///
    /// # Errors
    /// [`CommitError`] when another entry was committed in between.
    pub fn commit(&mut self, effects: &Effects) -> Result<(), CommitError> {
        if effects.index != self.log.size {
            return Err(CommitError::Stale {
                expected: self.log.size,
                found: effects.index,
            });
        }
        for (key, value) in &effects.rows {
            if key.table.governs() {
                self.apply(key.table, &key.key, value.as_deref())?;
            }
        }
        Ok(())
    }

    /// Like [`Governing::commit`] for each, one after the other. It applies each row only once, in
    /// its last form, because every entry of a group changes the same few rows.
    ///
    /// # Errors
    /// [`CommitError`]. The governing state must not be used after an error.
    pub fn commit_all(&mut self, effects: &[Effects]) -> Result<(), CommitError> {
        let mut rows = BTreeMap::new();
        for (effects, expected) in effects.iter().zip(self.log.size..) {
            let found = effects.index;
            if found != expected {
                return Err(CommitError::Stale { expected, found });
            }
            let governing = effects.rows.iter().filter(|(key, _)| key.table.governs());
            rows.extend(governing.map(|(key, value)| (key, value.as_deref())));
        }
        for (key, value) in rows {
            self.apply(key.table, &key.key, value)?;
        }
        Ok(())
    }

    /// Applies a row of a table that governs; `None` for a removed row.
    fn apply(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) -> Result<(), RowError> {
        let Some(value) = value else {
            // Nothing else is ever removed from the governing state.
            return match table {
                Table::Proposal => self.scales.apply_proposal(key, None),
                _ => Err(RowError::Missing { table }),
            };
        };
        match table {
            Table::Log => {
                self.log = decode(value)?;
                Ok(())
            }
            Table::Party => self.parties.apply(key, value),
            Table::PartyKey => self.parties.apply_key(key),
            Table::Epoch => self.epochs.apply(value),
            Table::Scale => self.scales.apply(key, value),
            Table::Version => self.scales.apply_version(value),
            Table::Proposal => self.scales.apply_proposal(key, Some(value)),
            Table::StatementKey => self.statement_keys.apply(value),
            Table::Evaluator | Table::EvaluationCount | Table::Group => {
                self.people.apply(table, key, value)
            }
            Table::Terms => self.terms.apply(key, value),
            Table::Offer => self.offers.apply(key, value),
            Table::Redeemed => self.offers.apply_redeemed(key, value),
            Table::Notes => self.notes.apply(value),
            Table::Evaluation
            | Table::Person
            | Table::Commitment
            | Table::GroupNode
            | Table::OldRoot
            | Table::Ticket
            | Table::Withdrawal
            | Table::Anchor
            | Table::NoteRun
            | Table::Opening
            | Table::Totals
            | Table::BatchTotal
            | Table::OpenedTotal
            | Table::BlobQuota => Ok(()),
        }
    }

    fn check_founder(&self, submission: &Submission) -> Result<(), Refusal> {
        let authority = self.policy.authority;
        match submission.entry() {
            Entry::PartyAdmitted(admitted)
                if submission.party() == authority
                    && admitted.party(self.origin()) == authority
                    && admitted.roles.has(Role::Supervisor) =>
            {
                Ok(())
            }
            _ => Err(Refusal::NotFounded { authority }),
        }
    }

    fn check_signer(&self, authentic: &Authentic, time: Timestamp) -> Result<(), Refusal> {
        let party = authentic.submission.party();
        if self.parties.is_empty() {
            return self.check_founder(&authentic.submission);
        }
        let Some(signer) = authentic.signer else {
            return if authentic.submission.entry().is_personal() {
                Ok(())
            } else {
                Err(Refusal::KeyRotated { party })
            };
        };
        let known = self.parties.active(&party)?;
        let holds = if authentic.submission.entry().changes_keys() {
            known.signing_key == signer
        } else {
            known.signs_with(&signer, time)
        };
        holds.then_some(()).ok_or(Refusal::KeyRotated { party })
    }
}

/// The number of rows that one query of a range returns.
const PAGE: usize = 1_024;
