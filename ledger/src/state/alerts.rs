//! Alerts of supervisors: raised once for each occasion, then silenced or acknowledged.

use std::time::Duration;

use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, PartyId},
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use super::draft::Draft;
use super::stored::read_party;
use super::{Parties, Scales};
use crate::entry::{AlertHandled, AlertRaised, AlertSubject};
use crate::refusal::{AlertRefusal, CheckError, Refusal};
use crate::rows::{self, Key, Record, RowError, Rows, Table};
use crate::store::UniqueSet;

/// Longest time for which an alert is silenced by one entry: 90 days. What is open longer needs a reason again.
pub const LONGEST_SILENCE: Duration = Duration::from_secs(90 * 24 * 3_600);

/// The state of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// The supervisor that raised it.
    pub supervisor: PartyId,
    /// What it says.
    pub raised: AlertRaised,
    /// When.
    pub time: Timestamp,
    /// Until when it is silent, if it was silenced.
    pub silent_until: Option<Timestamp>,
    /// Who acknowledged it.
    pub acknowledged: Option<PartyId>,
}

impl Alert {
    /// Whether somebody must look at it at `time`: neither acknowledged nor silent.
    pub fn is_open(&self, time: Timestamp) -> bool {
        self.acknowledged.is_none() && self.silent_until.is_none_or(|until| until <= time)
    }
}

impl Canonical for Alert {
    const NAME: &'static str = "alert";

    fn write(&self, out: &mut Writer) {
        out.array(&self.supervisor.0);
        self.raised.write(out);
        out.time(self.time);
        out.option(self.silent_until.as_ref(), |out, until| out.time(*until));
        out.option(self.acknowledged.as_ref(), |out, party| out.array(&party.0));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            supervisor: read_party(input, "supervisor")?,
            raised: AlertRaised::read(input)?,
            time: input.time("time")?,
            silent_until: input.option("silent until", |input| input.time("silent until"))?,
            acknowledged: input
                .option("acknowledged", |input| read_party(input, "acknowledged"))?,
        })
    }
}

impl Record for Alert {
    const TABLE: Table = Table::Alert;
}

/// A reader of all alerts, by the id of the entry that raised them.
#[derive(Debug, Clone, Copy)]
pub struct Alerts<'s> {
    pub(super) rows: &'s dyn Rows,
}

impl Alerts<'_> {
    /// An alert by its entry.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn get(&self, alert: &EntryId) -> Result<Option<Alert>, RowError> {
        rows::get(self.rows, &alert_key(alert))
    }

    /// All alerts, by the ids of their entries.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn all(&self) -> Result<Vec<(EntryId, Alert)>, RowError> {
        let mut found = Vec::new();
        rows::scan(self.rows, &[], |key, alert: Alert| {
            if let Ok(id) = <[u8; 32]>::try_from(key) {
                found.push((EntryId(id), alert));
            }
            true
        })?;
        Ok(found)
    }
}

pub(super) fn alert_key(alert: &EntryId) -> Key<Alert> {
    Key::new(&[&alert.0])
}

pub(super) fn check_raised(
    (id, party): (EntryId, PartyId),
    raised: &AlertRaised,
    (parties, scales): (&Parties, &Scales),
    time: Timestamp,
    draft: &mut Draft<'_>,
) -> Result<(), Refusal> {
    let (from, until) = (raised.from, raised.until);
    if until <= from || from > time {
        let now = time;
        return Err(AlertRefusal::Window { from, until, now }.into());
    }
    match &raised.subject {
        AlertSubject::Ledger => {}
        // Suspended and ended parties too: what they did before counts.
        AlertSubject::Party(subject) if parties.get(subject).is_none() => {
            return Err(Refusal::PartyUnknown { party: *subject });
        }
        AlertSubject::Party(_) => {}
        AlertSubject::Scale(scale) => {
            scales.get(scale)?;
        }
    }
    draft.use_up(UniqueSet::Alert, raised.occasion(&party), None);
    let alert = Alert {
        supervisor: party,
        raised: raised.clone(),
        time,
        silent_until: None,
        acknowledged: None,
    };
    draft.put(alert_key(&id), &alert);
    Ok(())
}

pub(super) fn check_handled(
    party: PartyId,
    handled: &AlertHandled,
    time: Timestamp,
    draft: &mut Draft<'_>,
) -> Result<(), CheckError> {
    let id = handled.alert;
    let found = draft.get(&alert_key(&id))?;
    let mut alert = found.ok_or(AlertRefusal::Unknown { alert: id })?;
    if alert.raised.subject == AlertSubject::Party(party) {
        return Err(AlertRefusal::AboutItself { alert: id }.into());
    }
    if alert.acknowledged.is_some() {
        return Err(AlertRefusal::Acknowledged { alert: id }.into());
    }
    match handled.silent_until {
        None => alert.acknowledged = Some(party),
        Some(until) => {
            let earliest = alert.silent_until.map_or(time, |before| before.max(time));
            if until <= earliest || until.since(time) > LONGEST_SILENCE {
                let limit = LONGEST_SILENCE;
                return Err(AlertRefusal::Silence {
                    until,
                    earliest,
                    limit,
                }
                .into());
            }
            alert.silent_until = Some(until);
        }
    }
    draft.put(alert_key(&id), &alert);
    Ok(())
}
