//! Alerts of supervisors: raised once for each occasion, then silenced or acknowledged.
//!
//! The ledger cannot evaluate a rule, because rule files are not in it. It bounds what a supervisor can do with alerts:
//! windows that are over, subjects that exist, and so many entries a day.

use std::time::Duration;

use merits_primitives::{
    calendar::{Day, Timestamp},
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

/// Longest window of an alert: 366 days.
pub const LONGEST_WINDOW: Duration = Duration::from_secs(366 * 24 * 3_600);

/// Entries with which a supervisor raises and handles alerts, in a day (UTC). Every participant keeps each of them, so a
/// rule that holds for everybody, or a stolen key, must not fill their disks.
pub const ALERT_ENTRIES_A_DAY: u32 = 1_000;

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

    /// Visits all alerts since the founding, in the order of their entries' ids. They are read page by page, because
    /// there is no bound for their number.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn each(&self, mut visit: impl FnMut(EntryId, Alert)) -> Result<(), RowError> {
        rows::scan(self.rows, &[], |key, alert: Alert| {
            if let Ok(id) = <[u8; 32]>::try_from(key) {
                visit(EntryId(id), alert);
            }
            true
        })
    }
}

pub(super) fn alert_key(alert: &EntryId) -> Key<Alert> {
    Key::new(&[&alert.0])
}

/// The entries about alerts that a supervisor sent on the last day on which it sent any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AlertQuota {
    day: Day,
    taken: u32,
}

impl Canonical for AlertQuota {
    const NAME: &'static str = "alert quota";

    fn write(&self, out: &mut Writer) {
        out.u32(self.day.0);
        out.u32(self.taken);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            day: Day(input.u32("day")?),
            taken: input.u32("entries")?,
        })
    }
}

impl Record for AlertQuota {
    const TABLE: Table = Table::AlertQuota;
}

pub(super) fn quota_key(party: &PartyId) -> Key<AlertQuota> {
    Key::new(&[&party.0])
}

/// Counts an entry about alerts.
fn check_quota(party: &PartyId, time: Timestamp, draft: &mut Draft<'_>) -> Result<(), CheckError> {
    let day = time.day();
    let before = draft.get(&quota_key(party))?;
    let before = before.filter(|quota| quota.day == day);
    let taken = before.map_or(0, |quota| quota.taken).saturating_add(1);
    if taken > ALERT_ENTRIES_A_DAY {
        let limit = ALERT_ENTRIES_A_DAY;
        return Err(AlertRefusal::Quota { limit }.into());
    }
    draft.put(quota_key(party), &AlertQuota { day, taken });
    Ok(())
}

pub(super) fn check_raised(
    (id, party): (EntryId, PartyId),
    raised: &AlertRaised,
    (parties, scales): (&Parties, &Scales),
    time: Timestamp,
    draft: &mut Draft<'_>,
) -> Result<(), CheckError> {
    let (from, until) = (raised.from, raised.until);
    if until <= from || until > time || until.since(from) > LONGEST_WINDOW {
        return Err(AlertRefusal::Window {
            from,
            until,
            now: time,
            limit: LONGEST_WINDOW,
        }
        .into());
    }
    match &raised.subject {
        AlertSubject::Ledger => {}
        // Suspended and ended parties too: what they did before counts.
        AlertSubject::Party(subject) if parties.get(subject).is_none() => {
            return Err(Refusal::PartyUnknown { party: *subject }.into());
        }
        AlertSubject::Party(_) => {}
        AlertSubject::Scale(scale) => {
            scales.get(scale)?;
        }
    }
    check_quota(&party, time, draft)?;
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
    check_quota(&party, time, draft)?;
    draft.put(alert_key(&id), &alert);
    Ok(())
}
