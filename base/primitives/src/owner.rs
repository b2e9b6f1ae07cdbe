//! Owner keys, pseudonyms, and the binding of a person to a deed.
//!
//! The wallet derives them by this code and, until wallets exist, so does a distributor's custody.

use zeroize::Zeroize;

use crate::{
    Fr,
    earned::Earned,
    element::{private_element, public_element},
    identity::Secret,
    message::Message,
    nullifier::SpendNullifier,
    poseidon,
    scope::Scope,
    tags,
};

private_element! {
    /// h: a person's pseudonym at a source. Only the source and the distributor know it.
    Handle
}

private_element! {
    /// K: the secret owner key of one note. Anybody who has it and h can read the credits, so it is
    /// shown to the distributor only.
    OwnerKey
}

public_element! {
    /// b = P(BIND; K, h)\[0\]: binds a ticket and a claim to one person's records.
    RecordsBinding
}

public_element! {
    /// u = v + 2^64·w + pad: the amounts earned, readable by the owner only.
    HiddenEarned
}

/// The inputs of an owner key besides the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyParts {
    /// The inputs of an earned note.
    Earned {
        /// The claim's scope.
        scope: Scope,
        /// The consent's message.
        message: Message,
    },
    /// The inputs of a change note.
    Change {
        /// The nullifier of the first note that was spent.
        sn1: SpendNullifier,
    },
}

impl Zeroize for KeyParts {
    fn zeroize(&mut self) {
        match self {
            Self::Earned { scope, message } => {
                scope.0.zeroize();
                message.0.zeroize();
            }
            Self::Change { sn1 } => sn1.0.zeroize(),
        }
    }
}

impl KeyParts {
    /// f1 and f2, as the circuit takes them.
    pub fn elements(self) -> [Fr; 2] {
        match self {
            Self::Earned { scope, message } => [scope.0, message.0],
            Self::Change { sn1 } => [sn1.0, Fr::from(0u64)],
        }
    }

    /// K of this person.
    pub fn owner_key(self, secret: &Secret) -> OwnerKey {
        let [f1, f2] = self.elements();
        owner_key(secret, f1, f2)
    }
}

/// (b, pad): b is public and ties person, ticket and deed; pad hides v from all but the owner.
#[derive(Clone, Copy)]
pub struct Binding {
    /// The public binding.
    pub b: RecordsBinding,
    pad: Fr,
}

impl core::fmt::Debug for Binding {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Binding")
            .field("b", &self.b)
            .field("pad", &"..")
            .finish()
    }
}

impl Binding {
    /// u = v + 2^64·w + pad.
    pub fn hide(&self, earned: impl Into<Earned>) -> HiddenEarned {
        HiddenEarned(earned.into().element() + self.pad)
    }

    /// v and w from u − pad. `None` when the difference is not such a number, so u belongs to other
    /// keys. The ledger says whether the scale has a measure.
    pub fn reveal(&self, u: HiddenEarned, measured: bool) -> Option<Earned> {
        Earned::from_element(&(u.0 - self.pad), measured)
    }
}

/// h = Pos2(scope_source, secret).
pub fn handle(secret: &Secret, source_scope: Scope) -> Handle {
    Handle(poseidon::pos2(source_scope.0, secret.element()))
}

/// K = P(OWN; secret, scope, message): of an earned note.
pub fn earned_key(secret: &Secret, scope: Scope, message: Message) -> OwnerKey {
    KeyParts::Earned { scope, message }.owner_key(secret)
}

/// K = P(OWN; secret, f1, f2), for either kind of note: [`earned_key`] or [`change_key`].
fn owner_key(secret: &Secret, f1: Fr, f2: Fr) -> OwnerKey {
    OwnerKey(poseidon::hash(tags::OWN, &[secret.element(), f1, f2]))
}

/// (b, pad) = P(BIND; K, h)[0, 1].
pub fn bind(key: &OwnerKey, handle: &Handle) -> Binding {
    let [b, pad] = poseidon::hash2(tags::BIND, &[key.0, handle.0]);
    Binding {
        b: RecordsBinding(b),
        pad,
    }
}

/// K = P(OWN; secret, sn1, 0): change of a redemption, back to the same person only.
pub fn change_key(secret: &Secret, sn1: SpendNullifier) -> OwnerKey {
    KeyParts::Change { sn1 }.owner_key(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Credits, Quantity};

    #[test]
    fn the_owner_reads_the_credits_and_another_key_does_not() {
        let secret = Secret::from_seed(&[1; 32], "a");
        let h = handle(&secret, Scope(Fr::from(9u64)));
        let binding = bind(&owner_key(&secret, Fr::from(1u64), Fr::from(2u64)), &h);
        let earned = Earned {
            credits: Credits(1627),
            measure: Some(Quantity(3)),
        };
        let u = binding.hide(Credits(1627));
        assert_eq!(binding.reveal(u, false), Some(Credits(1627).into()));
        let both = binding.hide(earned);
        assert_eq!(binding.reveal(both, true), Some(earned));
        assert_eq!(binding.reveal(both, false), None);
        let other = bind(&owner_key(&secret, Fr::from(1u64), Fr::from(3u64)), &h);
        assert_eq!(other.reveal(u, true), None);
    }
}
