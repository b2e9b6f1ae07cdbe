//! Offers: from a sponsor's file to the ledger's entry, their status, and vouchers for them.

use std::path::Path;

use jiff::{
    civil::DateTime,
    fmt::temporal::DateTimeParser,
    tz::{TimeZone, TimeZoneDatabase},
};
use merits_ledger::{
    State,
    entry::{OfferKind, OfferPublished},
    state::Offer,
};
use merits_primitives::{
    calendar::{CalendarError, Timestamp},
    ids::{Credits, EntryId, Expiry, PartyId, Period, PeriodKind, ScaleId},
};
use merits_replica::{ConfigFileError, ConfigKind, read_config};
use merits_text::{display, typed::typed};
use merits_verifier::statement::redeem::MOST_A_DAY;
use rand_core::CryptoRng;
use serde::Deserialize;
use thiserror::Error;
use zeroize::Zeroizing;

/// `offer.toml`; `offer.sample.toml` is the annotated sample.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferFile {
    /// The scale of the credits.
    pub scale: String,
    /// The expiry bucket, by its month.
    pub expires: Option<String>,
    /// The expiry bucket, by a period in which its credits were earned.
    pub earned: Option<String>,
    /// `goods`, `services` or `funds`.
    pub kind: String,
    /// Title.
    pub title: String,
    /// Description.
    #[serde(default)]
    pub description: String,
    /// Credits a redemption.
    pub price: Credits,
    /// Most redemptions.
    pub quota: u32,
    /// The start.
    pub opens: String,
    /// The end (exclusive).
    pub closes: String,
    /// Most redemptions for each person and day.
    pub per_day: Option<u32>,
    /// Exchanges, by name or id.
    pub exchanges: Vec<String>,
}

/// Why an offer's file is invalid: a value that no ledger accepts, or that this one does not know.
/// The sponsor must correct it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{key}`: {reason}")]
pub struct OfferFault {
    /// The key.
    pub key: &'static str,
    /// What is wrong with its value, and what to do.
    pub reason: String,
}

impl OfferFile {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ConfigFileError`], with line and column.
    pub fn read(path: &Path) -> Result<Self, ConfigFileError> {
        read_config(path, &[ConfigKind::Offer])
    }

    /// The offer of `sponsor` on this ledger, its running number filled in.
    ///
    /// # Errors
    /// [`OfferFault`] names the key at fault.
    pub fn publish(&self, state: &State, sponsor: &PartyId) -> Result<OfferPublished, OfferFault> {
        let scale = ScaleId::new(&self.scale).map_err(|e| value("scale", e.to_string()))?;
        let kind = OfferKind::from_name(&self.kind).ok_or_else(|| {
            let names = OfferKind::ALL.map(OfferKind::name).join(", ");
            value("kind", format!("{:?} is not one of {names}", self.kind))
        })?;
        if self.title.trim().is_empty() {
            return Err(value("title", "is empty"));
        }
        // The text as it will be on the ledger: positions in it are those in the file's text.
        display::check_line(self.title.trim())
            .map_err(|fault| value("title", fault.to_string()))?;
        display::check_document(self.description.trim())
            .map_err(|fault| value("description", fault.to_string()))?;
        for (key, number) in [("price", self.price.0), ("quota", self.quota.into())] {
            if number == 0 {
                return Err(value(key, "must be at least 1"));
            }
        }
        let per_day = self.per_day.unwrap_or(MOST_A_DAY);
        if !(1..=MOST_A_DAY).contains(&per_day) {
            return Err(value(
                "per_day",
                "must be 1 to 65,536; leave it out for no limit",
            ));
        }
        let (opens, closes) = (
            instant("opens", &self.opens)?,
            instant("closes", &self.closes)?,
        );
        if closes <= opens {
            return Err(value("closes", "must be after `opens`"));
        }
        let own = |offer: &&Offer| offer.sponsor == *sponsor;
        let before = state
            .offers()
            .iter()
            .map(|(_, offer)| offer)
            .filter(own)
            .count();
        Ok(OfferPublished {
            expiry: self.expiry(state, &scale)?,
            exchanges: self.exchange_ids(state)?,
            scale,
            kind,
            title: typed(self.title.trim()).into_owned(),
            description: typed(self.description.trim()).into_owned(),
            price: self.price,
            quota: self.quota,
            opens,
            closes,
            per_day,
            number: u32::try_from(before + 1).unwrap_or(u32::MAX),
        })
    }

    fn expiry(&self, state: &State, id: &ScaleId) -> Result<Expiry, OfferFault> {
        let scale = state
            .scales()
            .get(id)
            .map_err(|refusal| value("scale", refusal.to_string()))?;
        match (&self.expires, &self.earned) {
            (Some(text), None) => {
                let expiry = month("expires", text)?;
                let rules = || scale.versions.iter().map(|record| record.terms.expiry);
                // A bucket that no version uses can never contain credits.
                let known = |bucket: u16| expiry.0.is_multiple_of(u32::from(bucket.max(1)));
                if rules().any(|rule| known(rule.bucket_months)) {
                    return Ok(expiry);
                }
                let months: Vec<String> =
                    rules().map(|rule| rule.bucket_months.to_string()).collect();
                Err(value(
                    "expires",
                    format!(
                        "no credits of {id} lapse in {text}: its buckets are {} months long, counted from January 1970; `earned` with a period finds the bucket",
                        months.join(" or ")
                    ),
                ))
            }
            (None, Some(text)) => {
                let period = Period::from_label(text)
                    .map_err(|error: CalendarError| value("earned", error.to_string()))?;
                if period.kind != scale.period_kind {
                    let reason = format!(
                        "{id} counts by {:?}, but {text} is of another kind",
                        scale.period_kind
                    );
                    return Err(value("earned", reason));
                }
                let record = scale
                    .in_force(period.index)
                    .ok_or_else(|| value("earned", format!("no version of {id} is for {text}")))?;
                Ok(record.terms.expiry.expiry(period))
            }
            _ => Err(value(
                "expires",
                "give one of `expires` (a month) and `earned` (a period)",
            )),
        }
    }

    fn exchange_ids(&self, state: &State) -> Result<Vec<PartyId>, OfferFault> {
        if self.exchanges.is_empty() {
            return Err(value("exchanges", "names no exchange: nobody could redeem"));
        }
        let mut ids: Vec<PartyId> = Vec::with_capacity(self.exchanges.len());
        for text in &self.exchanges {
            let found = state
                .parties()
                .by_name(&typed(text))
                .map(|(id, _)| *id)
                .or_else(|| {
                    let id = PartyId(EntryId::from_hex(text)?.0);
                    state.parties().get(&id).map(|_| id)
                });
            let Some(id) = found else {
                let reason = format!("the ledger has no party {text:?}, by name or id");
                return Err(value("exchanges", reason));
            };
            if ids.contains(&id) {
                return Err(value("exchanges", format!("names {text:?} twice")));
            }
            ids.push(id);
        }
        Ok(ids)
    }
}

fn value(key: &'static str, reason: impl Into<String>) -> OfferFault {
    OfferFault {
        key,
        reason: reason.into(),
    }
}

/// A month, or the first day of one.
fn month(key: &'static str, text: &str) -> Result<Expiry, OfferFault> {
    let wrong = || {
        value(
            key,
            format!("{text:?} is not a month: 2028-01 is expected, or its first day 2028-01-01"),
        )
    };
    let period = Period::from_label(text).map_err(|_| wrong())?;
    let month = match period.kind {
        PeriodKind::Month => period,
        PeriodKind::Day => Period::of_day(PeriodKind::Month, period.index.0),
        PeriodKind::Week => return Err(wrong()),
    };
    if month.first_day() != period.first_day() {
        return Err(wrong());
    }
    Ok(Expiry(month.index.0))
}

/// The instant of a date, or a date and time, in UTC unless it says its offset or zone.
fn instant(key: &'static str, text: &str) -> Result<Timestamp, OfferFault> {
    let wrong = || {
        value(
            key,
            format!(
                "{text:?} is not an instant: 2026-12-01 or 2026-12-01T08:00 (both in UTC) is expected, or with an \
                 offset 2026-12-01T08:00+08:00, or with a place 2026-12-01T08:00[Asia/Shanghai]"
            ),
        )
    };
    let text = text.trim();
    let said = if text.contains('[') {
        // The parser of instants passes over a zone, also over one that contradicts the offset.
        Some(in_zone(text).ok_or_else(wrong)?)
    } else {
        text.parse().ok()
    };
    let instant = match said {
        Some(instant) => instant,
        None => {
            // The parser of civil times passes over an offset and a zone.
            let plain = |b: u8| b.is_ascii_digit() || b"-:T .".contains(&b);
            if !text.bytes().all(plain) || text.matches('-').count() != 2 {
                return Err(wrong());
            }
            let civil: DateTime = text.parse().map_err(|_| wrong())?;
            let zoned = civil.to_zoned(TimeZone::UTC).map_err(|_| wrong())?;
            zoned.timestamp()
        }
    };
    let millis = u64::try_from(instant.as_millisecond());
    millis.map(Timestamp::from_millis).map_err(|_| wrong())
}

/// The instant of a time with its zone, by the zones that the program carries, and never the machine's.
fn in_zone(text: &str) -> Option<jiff::Timestamp> {
    let zoned = DateTimeParser::new()
        .parse_zoned_with(&TimeZoneDatabase::bundled(), text)
        .ok()?;
    let (zone, instant) = (zoned.time_zone(), zoned.timestamp());
    // `Etc/Unknown` and `Factory` say that nobody has set a zone.
    let is_place = !zone.is_unknown() && zone.to_offset_info(instant).abbreviation() != "-00";
    is_place.then_some(instant)
}

/// The day of an instant, such as `2026-12-01`.
pub fn day_label(time: Timestamp) -> String {
    time.day().to_string()
}

/// The status of an offer at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfferStatus {
    /// Before its time.
    Coming,
    /// It can be redeemed.
    Open,
    /// All of its quota is redeemed.
    SoldOut,
    /// Its time is over, it was closed early, or its credits have lapsed.
    Over,
}

impl std::fmt::Display for OfferStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Coming => "coming",
            Self::Open => "open",
            Self::SoldOut => "sold out",
            Self::Over => "over",
        })
    }
}

/// How an offer stands at `time`.
pub fn offer_status(id: &EntryId, offer: &Offer, time: Timestamp) -> OfferStatus {
    if offer.check_open(id, time).is_ok() {
        OfferStatus::Open
    } else if offer.closed.is_none() && time < offer.published.opens {
        OfferStatus::Coming
    } else if offer.redeemed >= offer.published.quota {
        OfferStatus::SoldOut
    } else {
        OfferStatus::Over
    }
}

/// Crockford's base 32: no letter that looks like a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Random voucher codes of 125 bits, such as `7K3QX-0M8ZT-R5W1N-CJ2VH-6D4GA`.
pub fn voucher_codes(
    count: u32,
    rng: &mut impl CryptoRng,
) -> impl Iterator<Item = Zeroizing<String>> {
    (0..count).map(move |_| {
        let mut random = Zeroizing::new([0u8; 25]);
        rng.fill_bytes(random.as_mut());
        let mut code = Zeroizing::new(String::with_capacity(29));
        for (place, byte) in random.iter().enumerate() {
            if place > 0 && place % 5 == 0 {
                code.push('-');
            }
            // 256 is a multiple of 32: every letter is as likely.
            code.push(char::from(ALPHABET[usize::from(byte % 32)]));
        }
        code
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use merits_ledger_fixture::Stage;
    use merits_primitives::calendar::Day;
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn sample() -> OfferFile {
        toml::from_str(include_str!("../offer.sample.toml")).expect("the sample parses")
    }

    fn stage() -> Stage<StdRng> {
        Stage::new(StdRng::seed_from_u64(1)).expect("the fixture's names are good")
    }

    fn of_the_fixture(stage: &Stage<StdRng>) -> OfferFile {
        OfferFile {
            scale: stage.federation.scale_id().as_str().to_owned(),
            expires: None,
            earned: Some(stage.federation.period().label()),
            exchanges: vec![stage.federation.exchange.name.to_owned()],
            opens: "2026-01-01".to_owned(),
            ..sample()
        }
    }

    #[test]
    fn a_file_becomes_an_offer_that_the_ledger_takes() {
        let mut stage = stage();
        let sponsor = stage.federation.sponsor.clone();
        let file = of_the_fixture(&stage);
        for number in 1..=2 {
            let offer = file.publish(stage.state(), &sponsor.id).expect("an offer");
            assert_eq!(offer.number, number);
            assert_eq!(offer.exchanges, [stage.federation.exchange.id]);
            assert_eq!(
                offer.expiry,
                stage.federation.terms(stage.federation.period()).expiry
            );
            let entry = merits_ledger::Entry::OfferPublished(offer);
            stage.act(&sponsor, &entry).expect("the ledger takes it");
        }
        // The same bucket by its month, and the exchange by its id.
        let bucket = stage.federation.terms(stage.federation.period()).expiry;
        let other = OfferFile {
            expires: Some(bucket.label()),
            earned: None,
            exchanges: vec![EntryId(stage.federation.exchange.id.0).to_hex()],
            ..file
        };
        let offer = other.publish(stage.state(), &sponsor.id).expect("an offer");
        assert_eq!((offer.expiry, offer.number), (bucket, 3));
        assert_eq!(offer.exchanges, [stage.federation.exchange.id]);
    }

    #[test]
    fn each_fault_names_its_key() {
        let stage = stage();
        let good = of_the_fixture(&stage);
        type Spoil = fn(&mut OfferFile);
        let faults: [(&str, Spoil); 16] = [
            ("scale", |f| f.scale = "nowhere".to_owned()),
            ("scale", |f| f.scale = "Two Words".to_owned()),
            ("kind", |f| f.kind = "money".to_owned()),
            ("title", |f| f.title = " ".to_owned()),
            ("price", |f| f.price = Credits::ZERO),
            ("quota", |f| f.quota = 0),
            ("per_day", |f| f.per_day = Some(0)),
            ("per_day", |f| f.per_day = Some(65_537)),
            ("opens", |f| f.opens = "soon".to_owned()),
            ("closes", |f| f.closes = f.opens.clone()),
            ("exchanges", |f| f.exchanges.clear()),
            ("exchanges", |f| f.exchanges.push("exchange".to_owned())),
            ("exchanges", |f| f.exchanges = vec!["nobody".to_owned()]),
            ("expires", |f| f.expires = Some("2029-01".to_owned())),
            ("earned", |f| f.earned = Some("2026-12".to_owned())),
            ("expires", |f| {
                // Not the first of a month.
                (f.earned, f.expires) = (None, Some("2029-01-02".to_owned()));
            }),
        ];
        for (expected, spoil) in faults {
            let mut file = good.clone();
            spoil(&mut file);
            let fault = file.publish(stage.state(), &stage.federation.sponsor.id);
            let OfferFault { key, reason } = fault.expect_err(expected);
            assert_eq!(key, expected, "{reason}");
        }
        // A month in which no bucket of the scale ends.
        let off = OfferFile {
            earned: None,
            expires: Some("2050-02".to_owned()),
            ..good
        };
        let fault = off.publish(stage.state(), &stage.federation.sponsor.id);
        assert!(
            fault
                .expect_err("no bucket")
                .to_string()
                .contains("buckets are")
        );
    }

    #[test]
    fn times_are_utc_and_labels_come_back() {
        let second = Day(1).start();
        assert_eq!(instant("opens", "1970-01-02").expect("a day"), second);
        assert_eq!(
            instant("opens", "1970-01-02T00:01").expect("a minute"),
            second + Duration::from_secs(60)
        );
        assert_eq!(day_label(second + Duration::from_secs(60)), "1970-01-02");
        assert!(instant("opens", "1969-12-31").is_err());
        // Regression: an offset was read and ignored.
        for text in [
            "1970-01-02T08:00+08:00",
            "1970-01-01T16:00-08:00",
            "1970-01-02T00:00Z",
            "1970-01-02T08:00[Asia/Shanghai]",
            "1970-01-02T08:00+08:00[Asia/Shanghai]",
            " 1970-01-02 ",
        ] {
            assert_eq!(instant("opens", text).expect(text), second, "{text}");
        }
        for text in [
            "yesterday",
            "1970-01-02+08:00",
            "1970-01-02-04",
            "02.01.1970",
            // No place's clock, or another machine's.
            "1970-01-02T08:00[Factory]",
            "1970-01-02T08:00[Etc/Unknown]",
            "1970-01-02T08:00[localtime]",
            "1970-01-02T08:00[posix/Asia/Shanghai]",
            // The zone and the offset contradict each other.
            "1970-01-02T08:00+01:00[Asia/Shanghai]",
            "1970-01-02T08:00+08:00[Mars/Olympus]",
        ] {
            let said = instant("opens", text).expect_err(text).to_string();
            assert!(said.contains("2026-12-01T08:00+08:00"), "{said}");
        }
        let expiry = month("expires", "2029-01").expect("a month");
        assert_eq!(month("expires", "2029-01-01").expect("its day"), expiry);
        assert_eq!(expiry.label(), "2029-01");
        assert!(month("expires", "2029-W01").is_err());
    }

    #[test]
    fn offers_stand_as_the_ledger_judges_them() {
        let mut stage = stage();
        let id = stage.offer(Credits(5), 3).expect("an offer");
        let offer = stage.state().offers().get(&id).expect("there").clone();
        let (opens, closes) = (offer.published.opens, offer.published.closes);
        assert_eq!(
            offer_status(&id, &offer, opens - Duration::from_millis(1)),
            OfferStatus::Coming
        );
        assert_eq!(offer_status(&id, &offer, opens), OfferStatus::Open);
        assert_eq!(offer_status(&id, &offer, closes), OfferStatus::Over);
        let sold = Offer {
            redeemed: 3,
            ..offer.clone()
        };
        assert_eq!(offer_status(&id, &sold, opens), OfferStatus::SoldOut);
        let closed = Offer {
            closed: Some(opens),
            ..offer
        };
        assert_eq!(
            offer_status(&id, &closed, opens + Duration::from_millis(1)),
            OfferStatus::Over
        );
    }

    #[test]
    fn codes_differ_and_have_a_form() {
        let codes: BTreeSet<String> = voucher_codes(1_000, &mut rand::rng())
            .map(|code| code.to_string())
            .collect();
        assert_eq!(codes.len(), 1_000);
        let well_formed =
            |code: &String| code.len() == 29 && code.split('-').all(|group| group.len() == 5);
        assert!(codes.iter().all(well_formed));
    }
}
