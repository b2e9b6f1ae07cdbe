//! What a walk over the log found, and how far it came: as data that can be stored.

use merits_primitives::{
    calendar::Day,
    ids::{AssetId, Credits, EntryId, Expiry, PartyId, Period, Quantity, ScaleId, ScaleVersion},
    owner::KeyParts,
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use super::{
    ConsentStanding, Contradiction, EntryFault, NoteOrigin, OwnConsent, OwnNote, OwnRegistration,
    OwnSpending, SpendingPurpose, View,
};

/// What a walk found in the first leaves of a log.
///
/// It holds only what these leaves say. What the state says (whether a consent still reserves its
/// period, openings, the newest identity) is asked again for each view.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Leaves that were read.
    pub(super) leaves: u64,
    /// Identities of the seed that were looked for.
    pub(super) identities: u16,
    /// The possessions. Consents that were not claimed have no standing yet; identity and openings
    /// are empty.
    pub(super) view: View,
}

impl Found {
    /// Leaves in which it was found: those from index 0 on.
    pub fn leaves(&self) -> u64 {
        self.leaves
    }
}

impl Canonical for Found {
    const NAME: &'static str = "what was found";

    fn write(&self, out: &mut Writer) {
        out.u64(self.leaves);
        out.u16(self.identities);
        out.u64(self.view.tree_size);
        out.list(&self.view.registrations);
        out.list(&self.view.consents);
        out.list(&self.view.notes);
        out.list(&self.view.spendings);
        out.list(&self.view.faults);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let found = Self {
            leaves: input.u64("leaves")?,
            identities: input.u16("identities")?,
            view: View {
                tree_size: input.u64("size of the note tree")?,
                registrations: input.list("registrations", MOST)?,
                consents: input.list("consents", MOST)?,
                notes: input.list("notes", MOST)?,
                spendings: input.list("spendings", MOST)?,
                faults: input.list("faults", MOST)?,
                ..View::default()
            },
        };
        let view = &found.view;
        let generations = (view.consents.iter().map(|consent| consent.generation))
            .chain(view.notes.iter().map(|note| note.generation));
        let mut spent = (view.spendings.iter())
            .flat_map(|spending| spending.spent.iter().chain(&spending.change));
        if generations
            .max()
            .is_some_and(|most| u16::from(most) >= found.identities)
            || spent.any(|at| *at >= view.notes.len())
        {
            return Err(CodecError::NotCanonical { what: Self::NAME });
        }
        Ok(found)
    }
}

impl Canonical for OwnRegistration {
    const NAME: &'static str = "own registration";

    fn write(&self, out: &mut Writer) {
        out.array(&self.entry.0);
        out.array(&self.registrar.0);
        out.bool(self.retired);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            entry: EntryId(input.array("entry")?),
            registrar: PartyId(input.array("registrar")?),
            retired: input.bool("retired")?,
        })
    }
}

impl Canonical for OwnConsent {
    const NAME: &'static str = "own consent";

    fn write(&self, out: &mut Writer) {
        out.text(self.scale.as_str());
        out.u32(self.version.0);
        out.u64(self.period.to_u64());
        out.array(&self.source.0);
        out.array(&self.distributor.0);
        out.array(&self.terms);
        out.u32(self.expiry.0);
        out.field(&self.scope);
        out.field(&self.message);
        out.field(&self.nullifier);
        out.array(&self.deposit.0);
        out.u8(self.generation);
        let claimed = match &self.standing {
            ConsentStanding::Claimed { entry, claim } => Some((*entry, *claim)),
            // The state is asked again.
            ConsentStanding::Deposited { .. }
            | ConsentStanding::Withdrawn
            | ConsentStanding::Lapsed => None,
        };
        out.option(claimed.as_ref(), |out, (entry, claim)| {
            out.array(&entry.0);
            out.u16(*claim);
        });
        out.bool(self.withdrawn);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            scale: scale(input)?,
            version: ScaleVersion(input.u32("version")?),
            period: period(input)?,
            source: PartyId(input.array("source")?),
            distributor: PartyId(input.array("distributor")?),
            terms: input.array("terms")?,
            expiry: Expiry(input.u32("expiry")?),
            scope: input.field("scope")?,
            message: input.field("message")?,
            nullifier: input.field("nullifier")?,
            deposit: EntryId(input.array("deposit")?),
            generation: input.u8("generation")?,
            standing: input
                .option("claimed", |input| {
                    Ok(ConsentStanding::Claimed {
                        entry: EntryId(input.array("batch")?),
                        claim: input.u16("claim")?,
                    })
                })?
                .unwrap_or(ConsentStanding::Lapsed),
            withdrawn: input.bool("withdrawn")?,
        })
    }
}

impl Canonical for OwnNote {
    const NAME: &'static str = "own note";

    fn write(&self, out: &mut Writer) {
        out.u64(self.position);
        out.field(&self.cm);
        out.u64(self.value.0);
        out.option(self.measure.as_ref(), |out, measure| out.u64(measure.0));
        out.text(self.scale.as_str());
        out.u64(self.asset.0);
        out.u32(self.expiry.0);
        match &self.made_of {
            KeyParts::Earned { scope, message } => {
                out.u8(0);
                out.field(scope);
                out.field(message);
            }
            KeyParts::Change { sn1 } => {
                out.u8(1);
                out.field(sn1);
            }
        }
        self.from.write(out);
        out.option(self.spent.as_ref(), |out, entry| out.array(&entry.0));
        out.u8(self.generation);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            position: input.u64("position")?,
            cm: input.field("cm")?,
            value: Credits(input.u64("value")?),
            measure: input.option("measure", |input| input.u64("measure").map(Quantity))?,
            scale: scale(input)?,
            asset: AssetId(input.u64("asset")?),
            expiry: Expiry(input.u32("expiry")?),
            made_of: match input.u8("key parts")? {
                0 => KeyParts::Earned {
                    scope: input.field("scope")?,
                    message: input.field("message")?,
                },
                1 => KeyParts::Change {
                    sn1: input.field("sn1")?,
                },
                other => return Err(unknown("key parts", other)),
            },
            from: NoteOrigin::read(input)?,
            spent: input.option("spent", |input| input.array("spent").map(EntryId))?,
            generation: input.u8("generation")?,
        })
    }
}

impl Canonical for NoteOrigin {
    const NAME: &'static str = "origin of a note";

    fn write(&self, out: &mut Writer) {
        match self {
            Self::Claim {
                entry,
                claim,
                period,
                distributor,
                source,
                vouched,
            } => {
                out.u8(0);
                out.array(&entry.0);
                out.u16(*claim);
                out.u64(period.to_u64());
                out.array(&distributor.0);
                out.array(&source.0);
                out.bool(*vouched);
            }
            Self::Change { entry } => {
                out.u8(1);
                out.array(&entry.0);
            }
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        match input.u8(Self::NAME)? {
            0 => Ok(Self::Claim {
                entry: EntryId(input.array("entry")?),
                claim: input.u16("claim")?,
                period: period(input)?,
                distributor: PartyId(input.array("distributor")?),
                source: PartyId(input.array("source")?),
                vouched: input.bool("vouched")?,
            }),
            1 => Ok(Self::Change {
                entry: EntryId(input.array("entry")?),
            }),
            other => Err(unknown(Self::NAME, other)),
        }
    }
}

impl Canonical for OwnSpending {
    const NAME: &'static str = "own spending";

    fn write(&self, out: &mut Writer) {
        out.array(&self.entry.0);
        match &self.purpose {
            SpendingPurpose::Redeemed {
                offer,
                exchange,
                day,
                amount,
                voucher_key,
            } => {
                out.u8(0);
                out.array(&offer.0);
                out.array(&exchange.0);
                out.u32(day.0);
                out.u64(amount.0);
                out.array(voucher_key);
            }
            SpendingPurpose::Attested { floor, context } => {
                out.u8(1);
                out.u64(floor.0);
                out.field(context);
            }
        }
        out.field(&self.sn1);
        out.field(&self.rn);
        out.count(self.spent.len());
        self.spent.iter().for_each(|at| out.count(*at));
        out.option(self.change.as_ref(), |out, at| out.count(*at));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            entry: EntryId(input.array("entry")?),
            purpose: match input.u8("purpose")? {
                0 => SpendingPurpose::Redeemed {
                    offer: EntryId(input.array("offer")?),
                    exchange: PartyId(input.array("exchange")?),
                    day: Day(input.u32("day")?),
                    amount: Credits(input.u64("amount")?),
                    voucher_key: input.array("voucher key")?,
                },
                1 => SpendingPurpose::Attested {
                    floor: Credits(input.u64("floor")?),
                    context: input.field("context")?,
                },
                other => return Err(unknown("purpose", other)),
            },
            sn1: input.field("sn1")?,
            rn: input.field("rn")?,
            spent: (0..input.count("spent notes", 2)?)
                .map(|_| input.count("spent note", MOST))
                .collect::<Result<_, _>>()?,
            change: input.option("change", |input| input.count("change", MOST))?,
        })
    }
}

impl Canonical for EntryFault {
    const NAME: &'static str = "entry that contradicts itself";

    fn write(&self, out: &mut Writer) {
        out.array(&self.entry.0);
        out.u8(match self.what {
            Contradiction::OtherRecords => 0,
            Contradiction::NoAmount => 1,
            Contradiction::Overpaid => 2,
            Contradiction::OtherNote => 3,
        });
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            entry: EntryId(input.array("entry")?),
            what: match input.u8("contradiction")? {
                0 => Contradiction::OtherRecords,
                1 => Contradiction::NoAmount,
                2 => Contradiction::Overpaid,
                3 => Contradiction::OtherNote,
                other => return Err(unknown("contradiction", other)),
            },
        })
    }
}

fn scale(input: &mut Reader<'_>) -> Result<ScaleId, CodecError> {
    let text = input.text("scale", MOST_NAME)?;
    ScaleId::new(&text).map_err(|_| CodecError::NotText { what: "scale" })
}

fn period(input: &mut Reader<'_>) -> Result<Period, CodecError> {
    let found = input.u64("period")?;
    let what = "period";
    Period::from_u64(found).ok_or(CodecError::UnknownValue { what, found })
}

fn unknown(what: &'static str, found: u8) -> CodecError {
    let found = found.into();
    CodecError::UnknownValue { what, found }
}

/// Most consents, notes or spendings of a person.
const MOST: usize = 1 << 20;

/// Most bytes of a scale's id.
const MOST_NAME: usize = 256;
