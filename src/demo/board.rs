//! The demonstration's board: members that decide together, each by its own key and its own copy of the log.

use anyhow::ensure;
use merits_supervisor::{
    config::SupervisorConfig,
    net::{Decided, Seat, Supervisor},
};

use super::{
    federation::Federation,
    members::{CONSENTS, TRUST},
};

/// Those who speak in the demonstration: the authority, who proposes; as many other supervisors as an act of trust
/// takes beside it; and as many log witnesses as must consent. The second supervisor is not among them, because it
/// types its commands, and they have a copy of their own.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) supervisor: Supervisor,
    members: Vec<Seat>,
    witnesses: Vec<Seat>,
}

impl Board {
    /// Opens the copies of those who speak.
    pub(super) async fn open(federation: &Federation) -> anyhow::Result<Self> {
        let (others, consents) = (usize::from(TRUST) - 1, usize::from(CONSENTS));
        let mut members = Vec::with_capacity(others);
        for member in federation.supervisors.iter().skip(2).take(others) {
            members.push(Seat::open(&member.config(&federation.directory)?).await?);
        }
        let mut witnesses = Vec::with_capacity(consents);
        for member in federation.witnesses.iter().take(consents) {
            witnesses.push(Seat::open(&member.config(&federation.directory)?).await?);
        }
        let config = SupervisorConfig::load(&federation.path(super::SUPERVISOR_TOML))?;
        Ok(Self {
            supervisor: Supervisor::open(config).await?,
            members,
            witnesses,
        })
    }

    /// Has an act that the first supervisor proposed endorsed by as many as it takes, and puts it into force.
    pub(super) async fn decide(&self, decided: Decided) -> anyhow::Result<()> {
        let Some(demands) = decided.waits else {
            return Ok(());
        };
        let others = usize::from(demands.members).saturating_sub(1);
        let consents = usize::from(demands.consents);
        ensure!(
            others <= self.members.len() && consents <= self.witnesses.len(),
            "to {} takes more members than speak in the demonstration",
            decided.act
        );
        let members = self.members.iter().take(others);
        for seat in members.chain(self.witnesses.iter().take(consents)) {
            seat.follower().sync().await?;
            seat.endorse(decided.entry, false).await?;
        }
        self.supervisor.seat().enact(decided.entry).await?;
        Ok(())
    }
}
