//! What rules speak about: kinds of subjects, what is counted of each, and how full things are.

use serde::{Deserialize, Serialize};

/// Makes an enumeration whose variants have a name in rule files.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $( $(#[$vdoc])* #[serde(rename = $text)] $variant, )+
        }

        impl $name {
            /// All, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in rule files.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

named! {
    /// A kind of subject. A rule is evaluated for each subject of its kind that the log shows.
    SubjectKind {
        /// The ledger as a whole.
        Ledger = "ledger",
        /// A distributor.
        Distributor = "distributor",
        /// A source.
        Source = "source",
        /// A sponsor.
        Sponsor = "sponsor",
        /// An exchange.
        Exchange = "exchange",
        /// A supervisor.
        Supervisor = "supervisor",
        /// A registrar.
        Registrar = "registrar",
        /// An evaluator.
        Evaluator = "evaluator",
        /// A scale.
        Scale = "scale",
    }
}

named! {
    /// What is counted of a subject in each window.
    Count {
        /// Claims in batches.
        Claims = "claims",
        /// Batches.
        Batches = "batches",
        /// Deposited tickets.
        Tickets = "tickets",
        /// Published terms.
        Terms = "terms",
        /// Withdrawn consents.
        Withdrawals = "withdrawals",
        /// Published offers.
        Offers = "offers",
        /// Redemptions.
        Redemptions = "redemptions",
        /// Credits that were redeemed.
        Redeemed = "redeemed",
        /// Attestations.
        Attestations = "attestations",
        /// Requests to open a claim.
        Openings = "openings",
        /// Openings that were revealed after their deadline.
        LateReveals = "late_reveals",
        /// Opened totals.
        Totals = "totals",
        /// Emergency suspensions.
        Emergencies = "emergencies",
        /// Evaluations for registrations, one for each evaluator that answered.
        Evaluations = "evaluations",
        /// Evaluations that registrations used: as many for each as evaluators had to answer.
        UsedEvaluations = "used_evaluations",
        /// Registrations.
        Registrations = "registrations",
        /// Identities that were retired.
        Retirements = "retirements",
    }
}

named! {
    /// A figure at the end of a window that is no count.
    Level {
        /// Windows of the subject before this one, at most 28.
        History = "history",
        /// Its claims, in thousandths of all claims of the window.
        ClaimsShare = "claims_share",
        /// Its redemptions, in thousandths of all redemptions of the window.
        RedemptionsShare = "redemptions_share",
        /// Subjects of its kind that the log shows.
        Peers = "peers",
        /// Claims times most credits of a claim, in thousandths of the supply cap; 0 without a cap.
        SupplyUsed = "supply_used",
        /// Credits that were redeemed, in thousandths of claims times most credits of a claim.
        RedemptionRate = "redemption_rate",
        /// Terms that were published before the window.
        OldTerms = "old_terms",
        /// Tickets of those of them that fewest tickets name.
        RarestTerms = "rarest_terms",
        /// Requests to open a claim that are past their deadline and not revealed.
        Overdue = "overdue",
        /// Evaluations since the beginning for which nobody was registered.
        UnusedEvaluations = "unused_evaluations",
    }
}

impl SubjectKind {
    /// What is counted of such a subject.
    pub const fn counts(self) -> &'static [Count] {
        match self {
            Self::Ledger => Count::ALL,
            Self::Distributor => &[Count::Claims, Count::Batches, Count::Tickets, Count::Terms],
            Self::Source => &[Count::Claims, Count::Batches, Count::Tickets],
            Self::Sponsor => &[Count::Offers, Count::Redemptions, Count::Redeemed],
            Self::Exchange => &[Count::Redemptions, Count::Redeemed],
            Self::Supervisor => &[
                Count::Openings,
                Count::LateReveals,
                Count::Totals,
                Count::Emergencies,
            ],
            Self::Registrar => &[
                Count::Evaluations,
                Count::UsedEvaluations,
                Count::Registrations,
            ],
            Self::Evaluator => &[Count::Evaluations],
            Self::Scale => &[
                Count::Claims,
                Count::Batches,
                Count::Tickets,
                Count::Offers,
                Count::Redemptions,
                Count::Redeemed,
                Count::Openings,
            ],
        }
    }

    /// Its figures that are no counts.
    pub const fn levels(self) -> &'static [Level] {
        match self {
            Self::Ledger => &[Level::History, Level::Overdue, Level::UnusedEvaluations],
            Self::Distributor => &[
                Level::History,
                Level::ClaimsShare,
                Level::Peers,
                Level::OldTerms,
                Level::RarestTerms,
            ],
            Self::Source => &[Level::History, Level::ClaimsShare, Level::Peers],
            Self::Evaluator => &[Level::History, Level::Peers],
            Self::Sponsor | Self::Exchange => {
                &[Level::History, Level::RedemptionsShare, Level::Peers]
            }
            Self::Supervisor => &[Level::History, Level::Peers, Level::Overdue],
            Self::Registrar => &[Level::History, Level::Peers, Level::UnusedEvaluations],
            Self::Scale => &[
                Level::History,
                Level::Peers,
                Level::SupplyUsed,
                Level::RedemptionRate,
            ],
        }
    }

    /// The names that a rule for such a subject may use, each a whole number: a count `claims` also gives
    /// `claims_mean`, `claims_deviation` and `claims_total`.
    pub fn names(self) -> impl Iterator<Item = String> {
        let counts = self.counts().iter().flat_map(|count| {
            let name = count.name();
            ["", "_mean", "_deviation", "_total"].map(|of| format!("{name}{of}"))
        });
        let levels = self.levels().iter();
        counts.chain(levels.map(|level| level.name().to_owned()))
    }
}
