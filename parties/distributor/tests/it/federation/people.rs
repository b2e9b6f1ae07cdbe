//! People of a ledger with tickets, acting through their wallets: rider-000 is citizen 0, and so
//! on. Proofs come from the fixture's trapdoor.

use merits_ledger::{State, entry::TicketDeposited};
use merits_ledger_fixture::{Citizen, Consented, Member};
use merits_primitives::{
    ids::{Period, ScaleVersion},
    message::{Consent, claim_salt},
    nullifier::claim_nullifier,
    owner::{self, Handle},
    scope::{claim_scope, source_scope},
};
use merits_records::handover::{Ticket, TicketFile};
use merits_verifier::Statement as _;

use super::{World, scale_id};

/// The name of a citizen in the records.
pub fn rider(number: u64) -> String {
    format!("rider-{number:03}")
}

impl World {
    /// h of a citizen at the source.
    pub fn handle(&self, citizen: &Citizen) -> Handle {
        owner::handle(&citizen.secret(), source_scope(&self.federation.source.id))
    }

    /// The terms of a person's consent.
    pub fn consent(
        &self,
        state: &State,
        citizen: &Citizen,
        period: Period,
        distributor: &Member,
    ) -> Consented {
        let federation = &self.federation;
        let (secret, source) = (citizen.secret(), federation.source.id);
        let terms = state
            .earn_terms(&scale_id(), ScaleVersion(1), period)
            .unwrap();
        let scope = claim_scope(terms.asset, period, None);
        let digest = federation.terms_of(distributor).digest();
        let consent = Consent {
            origin: &federation.origin,
            distributor: &distributor.id,
            terms: &digest,
            scale: &scale_id(),
            version: ScaleVersion(1),
            manifest: &self.manifest.digest(),
            expiry: terms.expiry,
        };
        let salt = claim_salt(&secret, scope);
        let message = consent.message(&salt);
        let handle = self.handle(citizen);
        let key = owner::earned_key(&secret, scope, message);
        Consented {
            citizen: citizen.clone(),
            distributor: distributor.clone(),
            deposit: TicketDeposited {
                scale: scale_id(),
                version: ScaleVersion(1),
                period,
                source,
                expiry: terms.expiry,
                terms: digest,
                salt,
                root: state.people().group().root().unwrap(),
                nullifier: claim_nullifier(&secret, scope),
                b: owner::bind(&key, &handle).b,
            },
            scope,
            message,
            handle,
        }
    }

    /// The ticket of a consent for an account, as a wallet makes it.
    pub fn ticket(&self, state: &State, account: &str, consented: &Consented) -> Ticket {
        let deposit = &consented.deposit;
        let statement = state
            .ticket_statement(&consented.distributor.id, deposit)
            .unwrap();
        let key = &self.federation.ticket_key;
        let proof = key
            .prove(&statement.public_inputs(), &mut rand::rng())
            .unwrap();
        Ticket {
            account: account.to_owned(),
            scale: deposit.scale.to_string(),
            version: deposit.version.0,
            period: deposit.period,
            source: deposit.source.0,
            expiry: deposit.expiry.0,
            terms: deposit.terms,
            salt: deposit.salt,
            root: deposit.root,
            nullifier: deposit.nullifier,
            b: deposit.b,
            proof: proof.to_bytes(),
            key: consented.key(),
            h: consented.handle,
        }
    }

    /// A ticket, sealed.
    pub fn seal(&self, ticket: &Ticket, distributor: &Member, key: &[u8; 32]) -> TicketFile {
        let origin = self.federation.origin.as_str();
        ticket
            .seal(origin, &distributor.id, key, &mut rand::rng())
            .unwrap()
    }
}
