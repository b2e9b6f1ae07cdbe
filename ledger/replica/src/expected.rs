//! Which servers a party may speak to over TLS, by its own copy of the ledger.

use merits_ledger::Role;
use merits_proto::Expected;

use crate::replica::{Replica, ReplicaError};

impl Replica {
    /// The parties in standing that have one of these roles, as who must be at the other end of a
    /// connection. `what` describes them in errors, such as "an exchange".
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub fn expected(&self, what: &'static str, roles: &[Role]) -> Result<Expected, ReplicaError> {
        let state = self.state()?;
        let time = state.time();
        let parties = state.parties().iter();
        let parties = parties.filter(|(_, party)| {
            party.is_in_standing(time) && roles.iter().any(|role| party.roles.has(*role))
        });
        Ok(Expected::OneOf {
            origin: self.key().origin().clone(),
            what,
            parties: parties
                .flat_map(|(id, party)| party.keys(time).map(|key| (*id, key)))
                .collect(),
        })
    }
}
