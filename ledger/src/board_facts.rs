//! The board's founding facts: who its first members and witnesses are, and how many of them an act takes.

use std::{collections::BTreeSet, fmt, str::FromStr, time::Duration};

use merits_primitives::ids::PartyId;
use merits_threshold::{Side, Threshold};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};
use thiserror::Error;

/// The longest delay of an act of trust: 90 days. A proposal lives for 180 days at most, and its endorsements and its
/// delay must fit into them; otherwise no act of trust could come into force any more, and nothing could shorten the
/// delay.
pub const LONGEST_DELAY: Duration = Duration::from_secs(90 * 86_400);

/// The longest time from an opening's request to its deadline, where the founding facts do not say a shorter one: 400
/// days. What is opened must not stay hidden.
const LONGEST_OPENING_DAYS: u16 = 400;

/// When the totals of a period may be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutTimes {
    /// Seconds from the end of a period to its first cut.
    pub first_seconds: u32,
    /// Seconds from one cut to the next.
    pub every_seconds: u32,
}

impl CutTimes {
    /// 15 days after the period's end, and every 30 days from then on.
    pub const USUAL: Self = Self {
        first_seconds: 15 * 86_400,
        every_seconds: 30 * 86_400,
    };

    /// At once, for tests and demonstrations.
    pub const AT_ONCE: Self = Self {
        first_seconds: 0,
        every_seconds: 0,
    };

    /// The time from the end of a period to its first cut.
    pub fn first(self) -> Duration {
        Duration::from_secs(self.first_seconds.into())
    }

    /// The time from one cut to the next.
    pub fn every(self) -> Duration {
        Duration::from_secs(self.every_seconds.into())
    }
}

/// How many endorsements an act takes, and how long an act of trust waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Members that an ordinary act needs; at least 1.
    pub ordinary: u16,
    /// Members that an act of trust needs; at least as many as an ordinary act.
    pub trust: u16,
    /// Seconds from the last endorsement that an act of trust needed until it can be enacted, at most
    /// [`LONGEST_DELAY`].
    pub delay_seconds: u32,
    /// k: witnesses that must consent to an act on a witness, to a view-key epoch and to an act of policy. 0 only
    /// on a ledger that was founded without witnesses.
    pub consents: u16,
}

impl Thresholds {
    /// One supervisor alone, at once. Such a ledger is marked.
    pub const ALONE: Self = Self {
        ordinary: 1,
        trust: 1,
        delay_seconds: 0,
        consents: 0,
    };

    /// Whether one supervisor alone can decide something.
    pub fn is_alone(&self) -> bool {
        self.ordinary <= 1 || self.trust <= 1
    }

    /// The delay of an act of trust.
    pub fn delay(&self) -> Duration {
        Duration::from_secs(self.delay_seconds.into())
    }

    /// Whether a board of this many members and witnesses can have them.
    ///
    /// # Errors
    /// What is wrong, as text.
    pub fn check(&self, members: usize, witnesses: usize) -> Result<(), &'static str> {
        if self.ordinary == 0 {
            Err("an act takes at least one member")
        } else if self.trust < self.ordinary {
            Err("an act of trust takes at least as many members as an ordinary one")
        } else if usize::from(self.trust) > members {
            Err("an act of trust takes more members than the board has in standing")
        } else if usize::from(self.consents) > witnesses {
            Err("more witnesses must consent than there are")
        } else if self.delay() > LONGEST_DELAY {
            Err("an act of trust waits for at most 90 days, or its proposal would end before")
        } else {
            Ok(())
        }
    }
}

impl Canonical for Thresholds {
    const NAME: &'static str = "thresholds";

    fn write(&self, out: &mut Writer) {
        out.u16(self.ordinary);
        out.u16(self.trust);
        out.u32(self.delay_seconds);
        out.u16(self.consents);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            ordinary: input.u16("ordinary")?,
            trust: input.u16("trust")?,
            delay_seconds: input.u32("delay")?,
            consents: input.u16("consents")?,
        })
    }
}

/// The board at the founding: its thresholds, and who admits itself beside the authority.
///
/// As text it is one line, which configurations, kits and wallets hold and stores compare:
/// `ordinary 2; trust 3; delay 172800; consents 2; supervisors ID ID; witnesses ID ID ID`, or `alone` for the
/// authority alone. `; openings DAYS` may follow: the most days from an opening's request to its deadline, if they are
/// fewer than 400. `; cuts FIRST EVERY` may follow: the seconds from a period's end to the first cut of its totals, and
/// from one cut to the next, if they are not 15 and 30 days. Line breaks count as spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardFacts {
    thresholds: Thresholds,
    supervisors: BTreeSet<PartyId>,
    witnesses: BTreeSet<PartyId>,
    opening_days: u16,
    cuts: CutTimes,
}

/// Why founding facts of a board are refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BoardFactsError {
    /// No part of such a text.
    #[error(
        "{0:?} is not a part of a board: `ordinary N; trust N; delay SECONDS; consents N; supervisors ID ..; \
         witnesses ID ..`, with or without `; openings DAYS` and `; cuts FIRST EVERY`, or `alone`, is expected"
    )]
    Part(String),
    /// A part is missing or comes twice.
    #[error("`{0}` must stand exactly once in the board's facts")]
    Once(&'static str),
    /// The parts contradict each other.
    #[error("the board cannot work: {0}")]
    Thresholds(&'static str),
    /// The longest deadline of openings.
    #[error(
        "openings of {0} days: an opening is revealed at most 400 days after its request, and at least 1 day is \
         needed to carry it out"
    )]
    OpeningDays(u16),
    /// One party is named twice.
    #[error("party {0} is named twice on the board")]
    Twice(PartyId),
    /// More of one role than the founding facts name.
    #[error(
        "the founding facts name {found} {}{}, and may name at most {}: name fewer, and let the board admit the \
         others later",
        side.many(),
        match side {
            Side::Supervisor => " (the authority is one)",
            Side::Witness => "",
        },
        BoardFacts::MOST_OF_A_SIDE
    )]
    TooMany {
        /// The role's side.
        side: Side,
        /// How many there are.
        found: usize,
    },
}

/// A board's text without ids, with numbers of the most digits.
const WIDEST: &str = "ordinary 65535; trust 65535; delay 4294967295; consents 65535; supervisors; witnesses; openings 400; cuts 4294967295 4294967295";

/// A space and an id.
const ID_TEXT: usize = 1 + 2 * 32;

impl BoardFacts {
    /// Most supervisors that found a ledger, the authority among them, and most witnesses: as many as can hold a half
    /// of the view keys together. A board may admit more later.
    pub const MOST_OF_A_SIDE: usize = Threshold::MOST_HOLDERS as usize;

    /// Bytes that the text of a board has at most. The authority is not in it.
    pub const LONGEST_TEXT: usize = WIDEST.len() + (2 * Self::MOST_OF_A_SIDE - 1) * ID_TEXT;

    /// The authority alone, without witnesses and without a delay.
    pub fn alone() -> Self {
        Self {
            thresholds: Thresholds::ALONE,
            supervisors: BTreeSet::new(),
            witnesses: BTreeSet::new(),
            opening_days: LONGEST_OPENING_DAYS,
            cuts: CutTimes::USUAL,
        }
    }

    /// The board of the authority, these further supervisors, and these witnesses.
    ///
    /// # Errors
    /// [`BoardFactsError`].
    pub fn new(
        thresholds: Thresholds,
        supervisors: impl IntoIterator<Item = PartyId>,
        witnesses: impl IntoIterator<Item = PartyId>,
    ) -> Result<Self, BoardFactsError> {
        let supervisors = once_each(supervisors)?;
        let witnesses = once_each(witnesses)?;
        if let Some(both) = supervisors.intersection(&witnesses).next() {
            return Err(BoardFactsError::Twice(*both));
        }
        // The authority is a member too.
        let sides = [
            (Side::Supervisor, supervisors.len() + 1),
            (Side::Witness, witnesses.len()),
        ];
        let too_many = |(_, found): &(Side, usize)| *found > Self::MOST_OF_A_SIDE;
        if let Some((side, found)) = sides.into_iter().find(too_many) {
            return Err(BoardFactsError::TooMany { side, found });
        }
        thresholds
            .check(supervisors.len() + 1, witnesses.len())
            .map_err(BoardFactsError::Thresholds)?;
        if thresholds.consents == 0 && !witnesses.is_empty() {
            let why = "witnesses are named, but none of them must consent";
            return Err(BoardFactsError::Thresholds(why));
        }
        Ok(Self {
            thresholds,
            supervisors,
            witnesses,
            opening_days: LONGEST_OPENING_DAYS,
            cuts: CutTimes::USUAL,
        })
    }

    /// The same facts, where the deadline of an opening is at most this many days after its request: 1 to 400.
    ///
    /// # Errors
    /// [`BoardFactsError::OpeningDays`].
    pub fn opening_within(mut self, days: u16) -> Result<Self, BoardFactsError> {
        if !(1..=LONGEST_OPENING_DAYS).contains(&days) {
            return Err(BoardFactsError::OpeningDays(days));
        }
        self.opening_days = days;
        Ok(self)
    }

    /// The same facts, where totals are cut at these times.
    #[must_use]
    pub fn cutting(self, cuts: CutTimes) -> Self {
        Self { cuts, ..self }
    }

    /// When totals are cut.
    pub fn cuts(&self) -> CutTimes {
        self.cuts
    }

    /// The longest time from an opening's request to its deadline, by which its content is revealed.
    pub fn longest_opening(&self) -> Duration {
        u32::from(self.opening_days) * Duration::from_secs(86_400)
    }

    /// The same facts, with an authority that they do not name: it is a member beside them.
    ///
    /// # Errors
    /// [`BoardFactsError::Twice`].
    pub fn beside(self, authority: &PartyId) -> Result<Self, BoardFactsError> {
        if self.names_supervisor(authority) || self.names_witness(authority) {
            Err(BoardFactsError::Twice(*authority))
        } else {
            Ok(self)
        }
    }

    /// The first thresholds.
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// The supervisors that admit themselves, beside the authority.
    pub fn supervisors(&self) -> impl Iterator<Item = &PartyId> {
        self.supervisors.iter()
    }

    /// The witnesses that admit themselves.
    pub fn witnesses(&self) -> impl Iterator<Item = &PartyId> {
        self.witnesses.iter()
    }

    /// Whether the party is one of those supervisors.
    pub fn names_supervisor(&self, party: &PartyId) -> bool {
        self.supervisors.contains(party)
    }

    /// Whether the party is one of those witnesses.
    pub fn names_witness(&self, party: &PartyId) -> bool {
        self.witnesses.contains(party)
    }
}

fn once_each(
    parties: impl IntoIterator<Item = PartyId>,
) -> Result<BTreeSet<PartyId>, BoardFactsError> {
    let mut set = BTreeSet::new();
    for party in parties {
        if !set.insert(party) {
            return Err(BoardFactsError::Twice(party));
        }
    }
    Ok(set)
}

impl fmt::Display for BoardFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::alone() {
            return f.write_str("alone");
        }
        let Thresholds {
            ordinary,
            trust,
            delay_seconds,
            consents,
        } = self.thresholds;
        write!(
            f,
            "ordinary {ordinary}; trust {trust}; delay {delay_seconds}; consents {consents}; supervisors"
        )?;
        let write_ids = |f: &mut fmt::Formatter<'_>, ids: &BTreeSet<PartyId>| {
            ids.iter().try_for_each(|id| {
                f.write_str(" ")?;
                id.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            })
        };
        write_ids(f, &self.supervisors)?;
        f.write_str("; witnesses")?;
        write_ids(f, &self.witnesses)?;
        match self.opening_days {
            LONGEST_OPENING_DAYS => {}
            days => write!(f, "; openings {days}")?,
        }
        match self.cuts {
            CutTimes::USUAL => Ok(()),
            CutTimes {
                first_seconds,
                every_seconds,
            } => write!(f, "; cuts {first_seconds} {every_seconds}"),
        }
    }
}

impl FromStr for BoardFacts {
    type Err = BoardFactsError;

    fn from_str(text: &str) -> Result<Self, BoardFactsError> {
        if matches!(text.trim(), "" | "alone") {
            return Ok(Self::alone());
        }
        let mut parts = Parts::default();
        for part in text.split(';') {
            let mut words = part.split_whitespace();
            let bad = || BoardFactsError::Part(part.trim().to_owned());
            let name = words.next().ok_or_else(bad)?;
            let place = match name {
                "ordinary" => &mut parts.ordinary,
                "trust" => &mut parts.trust,
                "delay" => &mut parts.delay,
                "consents" => &mut parts.consents,
                "openings" => &mut parts.openings,
                "cuts" => {
                    let mut number = || words.next()?.parse().ok();
                    let cuts = CutTimes {
                        first_seconds: number().ok_or_else(bad)?,
                        every_seconds: number().ok_or_else(bad)?,
                    };
                    if words.next().is_some() || parts.cuts.replace(cuts).is_some() {
                        return Err(bad());
                    }
                    continue;
                }
                "supervisors" | "witnesses" => {
                    let ids = words.map(|word| party(word).ok_or_else(bad));
                    let ids = ids.collect::<Result<Vec<_>, _>>()?;
                    let (place, name) = match name {
                        "supervisors" => (&mut parts.supervisors, "supervisors"),
                        _ => (&mut parts.witnesses, "witnesses"),
                    };
                    if place.replace(ids).is_some() {
                        return Err(BoardFactsError::Once(name));
                    }
                    continue;
                }
                _ => return Err(bad()),
            };
            let number = words.next().and_then(|word| word.parse().ok());
            let number = number.filter(|_| words.next().is_none()).ok_or_else(bad)?;
            if place.replace(number).is_some() {
                return Err(BoardFactsError::Part(part.trim().to_owned()));
            }
        }
        let number = |part: Option<u32>, name| part.ok_or(BoardFactsError::Once(name));
        let small = |part: Option<u32>, name| {
            u16::try_from(number(part, name)?)
                .map_err(|_| BoardFactsError::Thresholds("a threshold is above 65,535"))
        };
        let thresholds = Thresholds {
            ordinary: small(parts.ordinary, "ordinary")?,
            trust: small(parts.trust, "trust")?,
            delay_seconds: number(parts.delay, "delay")?,
            consents: small(parts.consents, "consents")?,
        };
        let ids = |ids: Option<Vec<PartyId>>, name| ids.ok_or(BoardFactsError::Once(name));
        let facts = Self::new(
            thresholds,
            ids(parts.supervisors, "supervisors")?,
            ids(parts.witnesses, "witnesses")?,
        )?
        .cutting(parts.cuts.unwrap_or(CutTimes::USUAL));
        match parts.openings {
            None => Ok(facts),
            Some(days) => facts.opening_within(u16::try_from(days).unwrap_or(u16::MAX)),
        }
    }
}

/// The parts of a text, as they come.
#[derive(Default)]
struct Parts {
    ordinary: Option<u32>,
    trust: Option<u32>,
    delay: Option<u32>,
    consents: Option<u32>,
    openings: Option<u32>,
    cuts: Option<CutTimes>,
    supervisors: Option<Vec<PartyId>>,
    witnesses: Option<Vec<PartyId>>,
}

fn party(digits: &str) -> Option<PartyId> {
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut id = [0; 32];
    for (byte, at) in id.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
    }
    Some(PartyId(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: &[u8]) -> Vec<PartyId> {
        numbers
            .iter()
            .map(|number| PartyId([*number; 32]))
            .collect()
    }

    const THREE_OF_FIVE: Thresholds = Thresholds {
        ordinary: 2,
        trust: 3,
        delay_seconds: 172_800,
        consents: 2,
    };

    #[test]
    fn the_text_gives_the_facts_back() {
        let facts = BoardFacts::new(THREE_OF_FIVE, ids(&[1, 2, 3, 4]), ids(&[9, 8])).unwrap();
        let text = facts.to_string();
        assert_eq!(text.parse(), Ok(facts.clone()));
        assert_eq!(text.replace(' ', "\n  ").parse(), Ok(facts));
        assert_eq!("".parse(), Ok(BoardFacts::alone()));
        for facts in [
            BoardFacts::alone(),
            BoardFacts::new(THREE_OF_FIVE, ids(&[1, 2]), ids(&[9, 8])).unwrap(),
        ] {
            assert_eq!(facts.longest_opening(), Duration::from_secs(400 * 86_400));
            let facts = facts.opening_within(30).unwrap();
            assert_eq!(facts.longest_opening(), Duration::from_secs(30 * 86_400));
            let text = facts.to_string();
            assert!(text.ends_with("; openings 30"), "{text}");
            assert_eq!(text.parse(), Ok(facts.clone()));
            assert_eq!(facts.cuts(), CutTimes::USUAL);
            let facts = facts.cutting(CutTimes {
                first_seconds: 5,
                every_seconds: 0,
            });
            let text = facts.to_string();
            assert!(text.ends_with("; openings 30; cuts 5 0"), "{text}");
            assert_eq!(text.parse(), Ok(facts));
        }
        assert_eq!(
            BoardFacts::alone().to_string().parse(),
            Ok(BoardFacts::alone())
        );
    }

    #[test]
    fn boards_that_cannot_work_are_refused() {
        let of = |change: fn(&mut Thresholds)| {
            let mut thresholds = THREE_OF_FIVE;
            change(&mut thresholds);
            BoardFacts::new(thresholds, ids(&[1, 2]), ids(&[8, 9]))
        };
        assert!(of(|_| ()).is_ok());
        assert!(of(|of| of.delay_seconds = 90 * 86_400).is_ok());
        for wrong in [
            of(|of| of.ordinary = 0),
            of(|of| of.trust = 1),
            of(|of| of.trust = 4),
            of(|of| of.consents = 3),
            of(|of| of.consents = 0),
            of(|of| of.delay_seconds = 90 * 86_400 + 1),
        ] {
            assert!(
                matches!(wrong, Err(BoardFactsError::Thresholds(_))),
                "{wrong:?}"
            );
        }
        let twice = BoardFacts::new(THREE_OF_FIVE, ids(&[1, 2]), ids(&[2, 3]));
        assert!(matches!(twice, Err(BoardFactsError::Twice(_))));
        let facts = BoardFacts::new(THREE_OF_FIVE, ids(&[1, 2]), ids(&[8, 9])).unwrap();
        for named in [1, 9] {
            let beside = facts.clone().beside(&PartyId([named; 32]));
            assert!(matches!(beside, Err(BoardFactsError::Twice(_))));
        }
        assert!(facts.beside(&PartyId([7; 32])).is_ok());
    }

    /// A board of so many supervisors, the authority among them, and so many witnesses.
    fn of_many(supervisors: u8, witnesses: u8) -> Result<BoardFacts, BoardFactsError> {
        let thresholds = Thresholds {
            ordinary: supervisors.into(),
            trust: supervisors.into(),
            delay_seconds: 90 * 86_400,
            consents: witnesses.into(),
        };
        let numbered = |first: u8, last: u8| ids(&(first..last).collect::<Vec<_>>());
        let (supervisors, witnesses) = (numbered(1, supervisors), numbered(100, 100 + witnesses));
        BoardFacts::new(thresholds, supervisors, witnesses)
    }

    /// A follower reads texts up to the constant, so no board may have a longer one.
    #[test]
    fn the_largest_board_has_the_longest_text() {
        let most = u8::try_from(BoardFacts::MOST_OF_A_SIDE).unwrap();
        let largest = of_many(most, most).unwrap().opening_within(399).unwrap();
        let largest = largest.cutting(CutTimes {
            first_seconds: u32::MAX,
            every_seconds: u32::MAX,
        });
        let text = largest.to_string();
        assert_eq!(text.parse(), Ok(largest));
        // The constant has room for the widest numbers.
        let spare = BoardFacts::LONGEST_TEXT.checked_sub(text.len());
        assert!(spare.is_some_and(|spare| spare < 16), "{spare:?}");
    }

    #[test]
    fn a_board_that_is_too_large_is_refused_with_its_number() {
        let most = u8::try_from(BoardFacts::MOST_OF_A_SIDE).unwrap();
        let found = usize::from(most) + 1;
        for (facts, side) in [
            (of_many(most + 1, 3), Side::Supervisor),
            (of_many(3, most + 1), Side::Witness),
        ] {
            let error = facts.unwrap_err();
            assert_eq!(error, BoardFactsError::TooMany { side, found });
            let said = error.to_string();
            assert!(said.contains(side.many()) && said.contains("33"), "{said}");
        }
        // A text says so too.
        let largest = of_many(most, most).unwrap().to_string();
        let more = format!("{largest} {}", "ff".repeat(32));
        let side = Side::Witness;
        assert_eq!(
            more.parse::<BoardFacts>(),
            Err(BoardFactsError::TooMany { side, found })
        );
    }

    #[test]
    fn texts_that_say_something_else_are_refused() {
        let good = BoardFacts::new(THREE_OF_FIVE, ids(&[1, 2]), ids(&[8, 9])).unwrap();
        let good = good.to_string();
        for (from, to) in [
            ("ordinary 2; ", ""),
            ("trust 3", "trust 3 4"),
            ("trust 3", "trust three"),
            ("delay 172800", "delay 172800; delay 1"),
            ("witnesses", "guards"),
            ("0101", "01"),
            ("consents 2", "consents 70000"),
            ("ordinary 2", "openings 0; ordinary 2"),
            ("ordinary 2", "openings 401; ordinary 2"),
            ("ordinary 2", "openings 70000; ordinary 2"),
            ("ordinary 2", "openings 9; openings 9; ordinary 2"),
            ("ordinary 2", "openings; ordinary 2"),
            ("ordinary 2", "cuts 1; ordinary 2"),
            ("ordinary 2", "cuts 1 2 3; ordinary 2"),
            ("ordinary 2", "cuts 1 -2; ordinary 2"),
            ("ordinary 2", "cuts 1 2; cuts 1 2; ordinary 2"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good);
            assert!(text.parse::<BoardFacts>().is_err(), "{text}");
        }
    }
}
