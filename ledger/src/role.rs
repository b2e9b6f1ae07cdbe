//! Roles of parties, and the combinations that one institution may not hold.

use merits_threshold::Side;
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

/// What a party may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Role {
    /// Publishes scales.
    Issuer = 0,
    /// Commits to behaviour records.
    Source = 1,
    /// Computes credits and proves them.
    Distributor = 2,
    /// Gives goods and funds.
    Sponsor = 3,
    /// Lets people redeem.
    Exchange = 4,
    /// Settles between institutions.
    Clearing = 5,
    /// Admits, suspends, approves, opens.
    Supervisor = 6,
    /// Holds the log witnesses' half of the view keys.
    Witness = 7,
    /// Identifies people and registers their identities.
    Registrar = 8,
    /// Computes uniqueness tags for registrars, under a key that no registrar holds.
    Evaluator = 9,
}

impl Role {
    /// The role of those who hold shares on a side.
    pub(crate) fn of_side(side: Side) -> Self {
        match side {
            Side::Supervisor => Self::Supervisor,
            Side::Witness => Self::Witness,
        }
    }

    /// Every role, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Issuer,
        Self::Source,
        Self::Distributor,
        Self::Sponsor,
        Self::Exchange,
        Self::Clearing,
        Self::Supervisor,
        Self::Witness,
        Self::Registrar,
        Self::Evaluator,
    ];

    /// The role's name in configuration and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Source => "source",
            Self::Distributor => "distributor",
            Self::Sponsor => "sponsor",
            Self::Exchange => "exchange",
            Self::Clearing => "clearing",
            Self::Supervisor => "supervisor",
            Self::Witness => "witness",
            Self::Registrar => "registrar",
            Self::Evaluator => "evaluator",
        }
    }

    /// The role of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of roles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Roles(u16);

impl Roles {
    /// The set of these roles.
    pub fn new(roles: &[Role]) -> Self {
        Self(roles.iter().fold(0, |set, role| set | 1 << *role as u8))
    }

    /// True if the role is in the set.
    pub fn has(self, role: Role) -> bool {
        self.0 >> role as u8 & 1 == 1
    }

    /// True without any role.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The roles, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }

    /// A role of the set on whose admission, suspension and end the trust in a ledger rests.
    pub fn of_trust(self) -> Option<Role> {
        OF_TRUST.into_iter().find(|role| self.has(*role))
    }

    /// Two roles of the set that one institution may not hold together.
    pub fn conflict(self) -> Option<(Role, Role)> {
        CONFLICTS
            .into_iter()
            .find(|(one, other)| self.has(*one) && self.has(*other))
    }
}

impl std::fmt::Debug for Roles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Canonical for Roles {
    const NAME: &'static str = "roles";

    fn write(&self, out: &mut Writer) {
        out.u16(self.0);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let set = input.u16(Self::NAME)?;
        if set >> Role::ALL.len() != 0 {
            return Err(CodecError::UnknownValue {
                what: Self::NAME,
                found: set.into(),
            });
        }
        Ok(Self(set))
    }
}

/// Supervisors decide and witnesses watch them; registrars and evaluators say who is a person.
const OF_TRUST: [Role; 4] = [
    Role::Supervisor,
    Role::Witness,
    Role::Registrar,
    Role::Evaluator,
];

/// A supervisor oversees all others and holds half of the view keys, so it may hold no other role.
/// Above all it may not be a witness, which would give it both halves. A witness must not be a
/// source or distributor, because it could refuse openings that would convict it.
///
/// An evaluator must not be a registrar: one institution with both could try identity numbers
/// without a trace.
const CONFLICTS: [(Role, Role); 12] = [
    (Role::Supervisor, Role::Witness),
    (Role::Supervisor, Role::Issuer),
    (Role::Supervisor, Role::Source),
    (Role::Supervisor, Role::Distributor),
    (Role::Supervisor, Role::Sponsor),
    (Role::Supervisor, Role::Exchange),
    (Role::Supervisor, Role::Clearing),
    (Role::Supervisor, Role::Registrar),
    (Role::Supervisor, Role::Evaluator),
    (Role::Evaluator, Role::Registrar),
    (Role::Witness, Role::Source),
    (Role::Witness, Role::Distributor),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_are_found_and_ordinary_sets_pass() {
        for (one, other) in CONFLICTS {
            assert!(
                Roles::new(&[one, other]).conflict().is_some(),
                "{one} and {other}"
            );
        }
        assert_eq!(
            Roles::new(&[Role::Source, Role::Distributor, Role::Sponsor]).conflict(),
            None
        );
        for role in Role::ALL {
            assert_eq!(Roles::new(&[role]).conflict(), None);
            assert_eq!(Role::from_name(role.name()), Some(role));
        }
    }

    #[test]
    fn unknown_roles_are_refused() {
        assert!(Roles::from_bytes(&[0xff, 0x04]).is_err());
        let all = Roles::new(&Role::ALL);
        assert_eq!(Roles::from_bytes(&all.to_bytes()), Ok(all));
    }
}
