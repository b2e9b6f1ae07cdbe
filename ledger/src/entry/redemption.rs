//! Offers, redemptions and attestations.

use merits_primitives::{
    calendar::{Day, Timestamp},
    ids::{Credits, EntryId, Expiry, PartyId, ScaleId},
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};
pub use merits_verifier::spending::{Attested, Spending};

use super::{read_entry_id, read_reason, scale::read_scale_id, write_entry_id};

/// Longest title of an offer, in bytes.
const MAX_TITLE_BYTES: usize = 160;

/// Longest description of an offer, in bytes.
const MAX_DESCRIPTION_BYTES: usize = 2_048;

/// Most exchanges of an offer.
const MAX_EXCHANGES: usize = 16;

/// The kind of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum OfferKind {
    /// Goods.
    Goods = 1,
    /// A service for the person.
    Services = 2,
    /// Money for a purpose, never for the person.
    Funds = 3,
}

impl OfferKind {
    /// All.
    pub const ALL: [Self; 3] = [Self::Goods, Self::Services, Self::Funds];

    /// `goods`, `services` or `funds`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Goods => "goods",
            Self::Services => "services",
            Self::Funds => "funds",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl std::fmt::Display for OfferKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A sponsor offers something for credits. The entry's id is the offer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferPublished {
    /// The scale of the credits.
    pub scale: ScaleId,
    /// Their expiry bucket.
    pub expiry: Expiry,
    /// Its kind.
    pub kind: OfferKind,
    /// Title.
    pub title: String,
    /// Description.
    pub description: String,
    /// Credits for each redemption, at least 1.
    pub price: Credits,
    /// Most redemptions, at least 1.
    pub quota: u32,
    /// From when.
    pub opens: Timestamp,
    /// Until before when.
    pub closes: Timestamp,
    /// Most redemptions a person and day, 1 to 65,536 (no limit).
    pub per_day: u32,
    /// The exchanges where it can be redeemed; at least one.
    pub exchanges: Vec<PartyId>,
    /// Distinguishes two equal offers.
    pub number: u32,
}

impl Canonical for OfferPublished {
    const NAME: &'static str = "offer published";

    fn write(&self, out: &mut Writer) {
        out.text(self.scale.as_str());
        out.u32(self.expiry.0);
        out.u8(self.kind as u8);
        out.text(&self.title);
        out.text(&self.description);
        out.u64(self.price.0);
        out.u32(self.quota);
        out.time(self.opens);
        out.time(self.closes);
        out.u32(self.per_day);
        out.count(self.exchanges.len());
        for exchange in &self.exchanges {
            out.array(&exchange.0);
        }
        out.u32(self.number);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            scale: read_scale_id(input)?,
            expiry: Expiry(input.u32("expiry")?),
            kind: read_offer_kind(input)?,
            title: input.text("title", MAX_TITLE_BYTES)?,
            description: input.document("description", MAX_DESCRIPTION_BYTES)?,
            price: Credits(input.u64("price")?),
            quota: input.u32("quota")?,
            opens: input.time("opens")?,
            closes: input.time("closes")?,
            per_day: input.u32("per day")?,
            exchanges: {
                let count = input.count("exchanges", MAX_EXCHANGES)?;
                (0..count)
                    .map(|_| Ok(PartyId(input.array("exchange")?)))
                    .collect::<Result<_, CodecError>>()?
            },
            number: input.u32("number")?,
        })
    }
}

fn read_offer_kind(input: &mut Reader<'_>) -> Result<OfferKind, CodecError> {
    let what = "offer kind";
    let number = input.u8(what)?;
    OfferKind::ALL
        .into_iter()
        .find(|kind| *kind as u8 == number)
        .ok_or(CodecError::UnknownValue {
            what,
            found: number.into(),
        })
}

/// An offer ends early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferClosed {
    /// The offer.
    pub offer: EntryId,
    /// The reason, as text.
    pub basis: String,
}

impl Canonical for OfferClosed {
    const NAME: &'static str = "offer closed";

    fn write(&self, out: &mut Writer) {
        write_entry_id(out, &self.offer);
        out.text(&self.basis);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            offer: read_entry_id(input, "offer")?,
            basis: read_reason(input, "basis")?,
        })
    }
}

/// A person redeems at an exchange, which submits it. The amount is the offer's price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeemed {
    /// The offer.
    pub offer: EntryId,
    /// The day that the rate limit counts by.
    pub day: Day,
    /// X25519: the fresh key that the voucher is sealed to.
    pub voucher_key: [u8; 32],
    /// The spending.
    pub spending: Spending,
}

impl Canonical for Redeemed {
    const NAME: &'static str = "redeemed";

    fn write(&self, out: &mut Writer) {
        write_entry_id(out, &self.offer);
        out.u32(self.day.0);
        out.array(&self.voucher_key);
        self.spending.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            offer: read_entry_id(input, "offer")?,
            day: Day(input.u32("day")?),
            voucher_key: input.array("voucher key")?,
            spending: Spending::read(input)?,
        })
    }
}
