//! The table of the reasons.

/// Makes [`Reason`] from the table: meaning, number, variant and text of each reason.
macro_rules! reasons {
    ($($(#[doc = $meaning:literal])+ $number:literal $variant:ident $text:literal,)+) => {
        /// Why an entry or a call is refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(u16)]
        pub enum Reason {
            $($(#[doc = $meaning])+ $variant = $number,)+
        }

        impl Reason {
            /// All reasons, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable text: lower-case words joined by `-`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// What it means, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($meaning),+),)+
                }
                .trim_ascii_start()
            }

            /// The reason with this number.
            pub const fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)+
                    _ => None,
                }
            }

            pub(super) fn from_text(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

reasons! {
    // The wire.
    /// A field has the wrong length, is missing, or is out of its range.
    1 Malformed "malformed",
    /// A field or message is larger than its limit.
    2 TooLarge "too-large",
    /// The requested item does not exist.
    3 NotFound "not-found",
    /// A queue is full, or the server is behind its log: try again.
    4 Busy "busy",
    /// More calls than one address may begin in a second: try again.
    5 TooFast "too-fast",
    /// The service is stopping: try again.
    6 Stopping "stopping",
    /// The service's clock cannot be right: try again.
    7 ClockOutOfStep "clock-out-of-step",
    /// The call took longer than the service, or its caller, allows. Nothing was refused.
    8 TimedOut "timed-out",
    /// The service failed: its operator finds the cause in its log.
    9 Internal "internal",
    /// The service cannot write to its disk, and accepts nothing that it must keep: try again.
    10 CannotWrite "cannot-write",

    // Made by a client, never sent.
    /// The call got no answer. Nothing was refused.
    20 NoAnswer "no-answer",
    /// The server's answer is an error whose details cannot be read.
    21 FaultUnreadable "fault-unreadable",

    // The envelope of an entry.
    /// The entry or request was made for another log.
    100 OtherOrigin "other-origin",
    /// No entry has this kind.
    101 KindUnknown "kind-unknown",
    /// A proof came with an entry of a kind that carries none.
    102 ProofUnexpected "proof-unexpected",
    /// A signature came with a person's entry, which carries none.
    103 SignatureUnexpected "signature-unexpected",
    /// The coordinator's clock went back to before the last entry.
    104 TimeBackwards "time-backwards",
    /// The entry is in the log already.
    105 EntryUsed "entry-used",
    /// The proof is of another system than the entry's kind carries.
    106 OtherProofSystem "other-proof-system",
    /// A blob that the entry names did not come with it.
    107 BlobMissing "blob-missing",
    /// A blob came that the entry does not name, or came twice.
    108 BlobUnexpected "blob-unexpected",
    /// A blob is over its limit.
    109 BlobTooLarge "blob-too-large",
    /// The party's entries named as many blobs today as they may.
    110 BlobQuota "blob-quota",

    // Points.
    /// A coordinate of a Baby Jubjub point is not reduced.
    120 PointNotCanonical "point-not-canonical",
    /// Coordinates do not belong to a point of Baby Jubjub.
    121 PointNotOnCurve "point-not-on-curve",
    /// A Baby Jubjub point outside the prime-order subgroup.
    122 PointOutsideSubgroup "point-outside-subgroup",
    /// A point is the identity, which no key or ciphertext may be.
    123 PointIdentity "point-identity",

    // Parties.
    /// The first entry must be the founding supervisor's own admission.
    140 NotFounded "not-founded",
    /// The party is not admitted.
    141 PartyUnknown "party-unknown",
    /// The party is suspended.
    142 PartySuspended "party-suspended",
    /// The party's signature does not hold.
    143 SignatureInvalid "signature-invalid",
    /// The party's signing key was rotated meanwhile: sign again with the new one.
    144 KeyRotated "key-rotated",
    /// The party lacks the role that this entry takes.
    145 RoleMissing "role-missing",
    /// A party is admitted without a role.
    146 RolesEmpty "roles-empty",
    /// One party may not hold both roles.
    147 RoleConflict "role-conflict",
    /// The party is admitted already.
    148 PartyExists "party-exists",
    /// Another party has the name.
    149 NameTaken "name-taken",
    /// Another party has, or had, the signing key.
    150 KeyTaken "key-taken",
    /// A proof of possession of a key does not hold.
    151 PossessionInvalid "possession-invalid",
    /// A sequence number or epoch that is not the next one.
    152 OutOfSequence "out-of-sequence",
    /// The party is already in the state that the entry asks for.
    153 StandingUnchanged "standing-unchanged",
    /// The last active supervisor cannot be suspended.
    154 LastSupervisor "last-supervisor",
    /// The key before the present one still signs for some time, which only a change of keys without a grace ends.
    155 KeyInGrace "key-in-grace",

    // View keys.
    /// The halves of a key add up to the identity, which hides nothing.
    170 ViewKeyIdentity "view-key-identity",
    /// The view key and the totals key share a half.
    171 ViewKeysEqual "view-keys-equal",
    /// Both halves of a key have one holder.
    172 OneHolder "one-holder",
    /// The times of the epoch contradict each other.
    173 EpochTimes "epoch-times",
    /// The view-key epoch is unknown.
    174 EpochUnknown "epoch-unknown",
    /// The view-key epoch is not accepted now.
    175 EpochNotAccepted "epoch-not-accepted",
    /// No entry opened this attempt of a key generation.
    176 KeyGenerationUnknown "key-generation-unknown",
    /// The party's last attempt of a key generation still runs.
    177 KeyGenerationOpen "key-generation-open",
    /// The attempt is done or failed, and takes no more messages.
    178 KeyGenerationEnded "key-generation-ended",
    /// The attempt's deadline is past.
    179 KeyGenerationOver "key-generation-over",
    /// The message was made for another key generation.
    180 KeyGenerationOther "key-generation-other",
    /// The attempt waits for another round than the message's.
    181 KeyGenerationRound "key-generation-round",
    /// The holder has published in this round, or has nothing to publish in it.
    182 KeyGenerationPublished "key-generation-published",
    /// These holders and this threshold make no quorum.
    183 QuorumInvalid "quorum-invalid",
    /// The party holds no share of this half.
    184 NotAHolder "not-a-holder",
    /// The attempt that the epoch names made no half.
    185 HalfNotMade "half-not-made",
    /// The shares of the epoch are still kept.
    186 ShareRetained "share-retained",

    // Scales.
    /// The scale, or its version, is unknown.
    200 ScaleUnknown "scale-unknown",
    /// The version of the scale is not approved.
    201 ScaleNotApproved "scale-not-approved",
    /// The version of the scale is retired.
    202 ScaleRetired "scale-retired",
    /// The version of the scale begins later than the period.
    203 ScaleNotYetValid "scale-not-yet-valid",
    /// A later version of the scale is in force for the period.
    204 ScaleSuperseded "scale-superseded",
    /// The version is approved or retired already.
    205 ScaleStanding "scale-standing",
    /// The entry that the approval names did not propose this version.
    206 ProposalMismatch "proposal-mismatch",
    /// The scale is another issuer's.
    207 ScaleOfAnother "scale-of-another",
    /// The asset number does not belong to the scale.
    208 AssetMismatch "asset-mismatch",
    /// A value that must be the same in all versions differs from the approved ones.
    209 VersionDiffers "version-differs",
    /// A property of the scale is out of its range.
    210 ScaleInvalid "scale-invalid",
    /// The version would begin in a period that was already claimed.
    211 VersionRetroactive "version-retroactive",
    /// The version would begin in a period whose tickets consent to the version before.
    212 VersionUnderConsent "version-under-consent",
    /// The supply cap of the scale would be passed.
    213 SupplyExhausted "supply-exhausted",
    /// A value of a figure lies outside the interval that the circuit was compiled for.
    214 ConstantOutsideInterval "constant-outside-interval",
    /// A schedule changes twice within one period.
    215 TwoChangesInAPeriod "two-changes-in-a-period",
    /// The figures are not valid for a scale.
    216 FiguresInvalid "figures-invalid",
    /// The verifying key is marked insecure-dev, and the ledger accepts no such keys.
    217 DevKey "dev-key",
    /// The key's delta is the generator: its set-up was never finished.
    218 KeyDeltaGenerator "key-delta-generator",
    /// The key's delta equals gamma or its negative: anybody could forge.
    219 KeyDeltaGamma "key-delta-gamma",
    /// The key's beta equals gamma, delta or a negative of them: anybody could forge.
    220 KeyBetaRelated "key-beta-related",
    /// Two input points of the key are equal or opposite.
    221 KeyInputsAlike "key-inputs-alike",
    /// The verifying key is refused.
    222 KeyInvalid "key-invalid",
    /// The verifying key takes another number of public inputs than the statement has.
    223 KeyInputs "key-inputs",
    /// No key was adopted for this statement of a person.
    224 StatementKeyMissing "statement-key-missing",

    // Earn batches.
    /// The batch was proven for another asset number.
    300 OtherAsset "other-asset",
    /// The batch was proven for another expiry.
    301 OtherExpiry "other-expiry",
    /// The batch was proven for another schema.
    302 OtherSchema "other-schema",
    /// The batch is for another kind of period than the scale's.
    303 OtherPeriod "other-period",
    /// The prover used a constant that is not the approved one.
    304 ConstantNotApproved "constant-not-approved",
    /// The prover used another number of public numbers than the version has.
    305 ConstantCount "constant-count",
    /// The scale has a measure, and the batch has no total of it.
    306 MeasureMissing "measure-missing",
    /// The scale has no measure, and the batch has a total of one.
    307 MeasureUnexpected "measure-unexpected",
    /// The period is not over everywhere on Earth.
    308 PeriodNotOver "period-not-over",
    /// The party is not admitted as a source.
    309 SourceUnknown "source-unknown",
    /// The source's signature over a claim's records does not hold.
    310 SourceSignatureInvalid "source-signature-invalid",
    /// The bytes of the proof are not a proof.
    311 ProofMalformed "proof-malformed",
    /// The proof does not hold for the statement that the ledger's state gives.
    312 ProofInvalid "proof-invalid",
    /// The entry was not verified against the present state: submit it again.
    313 NotVerified "not-verified",
    /// No claim, or more claims than the circuit has room for.
    314 ClaimCount "claim-count",
    /// The ephemeral key of a claim is 0 or 1.
    315 EphemeralTrivial "ephemeral-trivial",
    /// The ephemeral key of a claim does not belong to a point.
    316 EphemeralNotOnCurve "ephemeral-not-on-curve",
    /// The key of a total is the ephemeral key of a claim.
    317 ClaimAsTotal "claim-as-total",
    /// The totals of credits and measure share their key.
    318 TotalsShareKey "totals-share-key",
    /// Two claims share a value that must be unique to each.
    319 DuplicateInBatch "duplicate-in-batch",
    /// The statement is refused before its proof is verified.
    320 StatementInvalid "statement-invalid",
    /// The commitment to records was claimed before.
    321 CommitmentUsed "commitment-used",
    /// The note is in the log already.
    322 NoteUsed "note-used",

    // Identities.
    /// The ledger already has an evaluator's key, which cannot be replaced.
    400 EvaluatorStands "evaluator-stands",
    /// The party is not this ledger's evaluator.
    401 NotTheEvaluator "not-the-evaluator",
    /// The evaluation does not have the next number.
    402 EvaluationNumber "evaluation-number",
    /// The evaluation that a registration names cannot serve it.
    403 EvaluationUnfit "evaluation-unfit",
    /// The identity commitment was registered before.
    404 CommitmentKnown "commitment-known",
    /// The person is registered already.
    405 PersonKnown "person-known",
    /// A new generation would overlap with tickets of the one before.
    406 EligibleTooEarly "eligible-too-early",
    /// The person was registered 256 times, which is the most.
    407 GenerationsUsedUp "generations-used-up",
    /// The group has 2^32 identities, which is the most.
    408 GroupFull "group-full",
    /// No identity in force has this commitment.
    409 IdentityUnknown "identity-unknown",
    /// The proof was made for a group that is neither the present one nor of the last hour.
    410 GroupRootUnknown "group-root-unknown",

    // Consents and tickets.
    /// The terms were published before.
    430 TermsKnown "terms-known",
    /// The distributor published no such terms for the scale.
    431 TermsUnknown "terms-unknown",
    /// The period of the ticket begins too far ahead.
    432 TicketTooEarly "ticket-too-early",
    /// The person's claim of the period is reserved for a distributor for a while.
    433 TicketReserved "ticket-reserved",
    /// The person's claim of the period was made before.
    434 NullifierUsed "nullifier-used",
    /// The person withdrew the consent: the records must be deleted.
    435 ConsentWithdrawn "consent-withdrawn",
    /// The claim has no open deposited ticket.
    436 TicketMissing "ticket-missing",
    /// A claim has a ticket, but the ledger takes none.
    437 TicketUnexpected "ticket-unexpected",
    /// The ticket was given to another distributor.
    438 TicketOfAnother "ticket-of-another",
    /// The reservation of the ticket has ended.
    439 TicketLapsed "ticket-lapsed",
    /// The ticket is for another scale, version, source, period or expiry.
    440 TicketOther "ticket-other",
    /// The ticket is bound to another person's records.
    441 TicketOtherRecords "ticket-other-records",
    /// Two claims of the batch have the same ticket.
    442 TicketTwice "ticket-twice",

    // Offers and redemptions.
    /// A field of the offer is outside its bounds.
    500 OfferInvalid "offer-invalid",
    /// The offer is unknown.
    501 OfferUnknown "offer-unknown",
    /// The offer is another sponsor's.
    502 OfferOfAnother "offer-of-another",
    /// The offer is not open: not yet, no longer, or closed.
    503 OfferNotOpen "offer-not-open",
    /// The quota of the offer is used up.
    504 OfferSoldOut "offer-sold-out",
    /// The offer is not redeemed at this exchange.
    505 OfferElsewhere "offer-elsewhere",
    /// The credits have expired.
    506 CreditsExpired "credits-expired",
    /// The proof counts by another day than the ledger.
    507 OtherDay "other-day",
    /// The person's redemptions of the day are used up.
    508 RateLimit "rate-limit",
    /// A note was spent before.
    509 Spent "spent",
    /// One note was given twice.
    510 SameNoteTwice "same-note-twice",
    /// The proof was made for a note tree that is not an anchor of the ledger.
    511 NoteRootUnknown "note-root-unknown",
    /// The note tree is full.
    512 NoteTreeFull "note-tree-full",
    /// The change note is 0, which is not a note.
    513 NoteEmpty "note-empty",
    /// The rate limit is out of its range.
    514 RateLimitRange "rate-limit-range",
    /// The ephemeral key of the sealed identity is not valid.
    515 EphemeralInvalid "ephemeral-invalid",

    // Openings.
    /// The opening request is unknown.
    600 RequestUnknown "request-unknown",
    /// The opening request is another party's.
    601 RequestOfAnother "request-of-another",
    /// The opening request is completed or revealed already.
    602 RequestStanding "request-standing",
    /// The deadline is past, or too far ahead.
    603 Deadline "deadline",
    /// The revealed data does not open the commitment of the request.
    604 RevealMismatch "reveal-mismatch",

    // Totals.
    /// The entries are not the next unopened batches.
    620 TotalSet "total-set",
    /// The other output of these batches was opened over another set.
    621 TotalCut "total-cut",
    /// The total covers too few claims.
    622 TotalTooFew "total-too-few",
    /// The sum could exceed 2^48.
    623 TotalTooLarge "total-too-large",
    /// The sum is already open: publish it without partials.
    624 TotalOpenAlready "total-open-already",
    /// The sum is hidden, but there are no partials.
    625 PartialsMissing "partials-missing",
    /// The proof of a partial does not hold.
    626 PartialInvalid "partial-invalid",
    /// The sum is not the one in the batches.
    627 SumWrong "sum-wrong",
    /// The other output must be opened first, in the sets that wait for it.
    628 TotalTwinBehind "total-twin-behind",
    /// A side has another number of partials than its threshold.
    629 PartialCount "partial-count",
    /// One holder's partial is there twice.
    630 PartialTwice "partial-twice",
    /// A partial is of a party that holds no share of this half.
    631 PartialForeign "partial-foreign",

    // Holders of view-key shares.
    /// The holder follows another log.
    640 OtherLog "other-log",
    /// The holder cannot read its copy of the log.
    641 CopyUnreadable "copy-unreadable",
    /// The opening request is not in the holder's copy of the log.
    642 RequestNotLogged "request-not-logged",
    /// The requester is not a supervisor.
    643 NotASupervisor "not-a-supervisor",
    /// The disclosed data is not what the logged request commits to.
    644 RequestMismatch "request-mismatch",
    /// The deadline of the request is past by the holder's clock.
    645 DeadlinePast "deadline-past",
    /// The opening request is completed in the log.
    646 RequestCompleted "request-completed",
    /// The entry is not an earn batch in the holder's copy of the log.
    647 BatchUnknown "batch-unknown",
    /// The logged request names another scale than the batch's.
    648 OtherScale "other-scale",
    /// The batch has no such claim.
    649 ClaimUnknown "claim-unknown",
    /// The holder has no published half of the epoch.
    650 EpochNotHeld "epoch-not-held",
    /// The ephemeral key in the log is unusable.
    651 EphemeralUnusable "ephemeral-unusable",
    /// The requester's sealing key in the log is unusable.
    652 SealingKeyUnusable "sealing-key-unusable",
    /// There is no batch whose total could be opened.
    653 TotalEmpty "total-empty",
    /// An entry of the set is not an uncovered batch of this scale, period, epoch and output.
    654 TotalForeignEntry "total-foreign-entry",
    /// The set is not the head of the uncovered batches in the log's order.
    655 TotalSkipsEntry "total-skips-entry",
    /// The set has more batches than one entry of the log holds.
    656 TotalTooManyEntries "total-too-many-entries",
    /// The set has too few claims.
    657 TotalTooFewClaims "total-too-few-claims",
    /// The holder answered before for a set that overlaps this one.
    658 TotalOverlaps "total-overlaps",
    /// The holder cannot write its journal.
    659 JournalUnavailable "journal-unavailable",

    // The evaluator.
    /// The blinded element was evaluated for another registrar.
    680 ElementOfAnother "element-of-another",
    /// The ledger does not have this evaluator's key.
    681 EvaluatorNotOpened "evaluator-not-opened",

    // Exchanges.
    /// The exchange cannot reach its log, or the coordinator failed: try again.
    700 LedgerUnavailable "ledger-unavailable",
    /// The log gave a receipt, but the log that the exchange follows lacks the entry.
    701 LogDiffers "log-differs",
    /// The exchange has fewer vouchers than the offer's quota.
    702 OfferNotStocked "offer-not-stocked",
    /// The exchange cannot write its store: nothing was spent, try again.
    703 StoreUnwritable "store-unwritable",
    /// The redemption counts, and its voucher comes later: send the same again.
    704 VoucherLater "voucher-later",
    /// The redemption counts, and the exchange has no voucher for it.
    705 VoucherMissing "voucher-missing",

    // The board.
    /// A party that the founding facts do not name would be admitted without an act of the board.
    720 NotAFounder "not-a-founder",
    /// The founding facts give this founder another role.
    721 FounderRoles "founder-roles",
    /// No entry of the log proposed this act.
    722 ActUnknown "act-unknown",
    /// The act took effect before.
    723 ActEnacted "act-enacted",
    /// The proposal's end is past.
    724 ActOver "act-over",
    /// The act was proposed under other thresholds than those in force.
    725 ActPolicyMoved "act-policy-moved",
    /// The proposal's end is too soon or too late.
    726 ActEnd "act-end",
    /// The member has too many open proposals.
    727 ActTooMany "act-too-many",
    /// The act needs endorsements, consents or a delay.
    728 ActNotAlone "act-not-alone",
    /// Too few members in standing endorse the act.
    729 ActEndorsements "act-endorsements",
    /// Too few witnesses consent to the act.
    730 ActConsents "act-consents",
    /// The act's delay is not over.
    731 ActTooEarly "act-too-early",
    /// Most of the witnesses that are left object to the act.
    732 ActObjected "act-objected",
    /// The party has endorsed the act, or objected to it, already.
    733 VoiceStanding "voice-standing",
    /// The party has no endorsement to revoke.
    734 VoiceMissing "voice-missing",
    /// The party is neither a supervisor nor a witness.
    735 NoVoice "no-voice",
    /// The board cannot have these thresholds.
    736 ThresholdsInvalid "thresholds-invalid",
    /// One member alone cannot suspend a party with this role.
    737 EmergencyProtected "emergency-protected",
    /// One member suspended this party within the last 30 days.
    738 EmergencyAgain "emergency-again",
    /// The party has ended and never acts again.
    739 PartyEnded "party-ended",
}
