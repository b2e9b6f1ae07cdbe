//! The secrets of a federation: what is lost with each one, and what to do if others may have read
//! it.
//!
//! A message about a private file must never advise to make a new one if that destroys something: a new log
//! key ends the ledger, and new salts sign everything a second time. So every message takes its words from
//! this table.

/// The content of a private file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    /// The key that signs a ledger's checkpoints.
    LogKey,
    /// The key that signs a party's entries.
    SigningKey,
    /// The key that signs a cosigning witness's cosignatures. Such a witness is no party.
    CosigningKey,
    /// The key that opens what is sealed to a party.
    SealingKey,
    /// A source's key, from which salts come.
    Salts,
    /// The seed from which a distributor in custody derives its accounts' owner keys.
    CustodySeed,
    /// The seed of a person's wallet.
    WalletSeed,
    /// The seed of a prover's ephemeral exponents.
    EphemeralSeed,
    /// The key that seals a store of records or vouchers.
    StoreKey,
    /// The evaluator's key.
    EvaluatorKey,
    /// A holder's half of an epoch's view key.
    ViewKeyHalf,
    /// A holder's share of a quorum's half, or its state while the half is made: both are under a passphrase.
    ViewKeyShare,
    /// The passphrase of such a share.
    SharePassphrase,
    /// The key of a TLS certificate.
    TlsKey,
    /// The key of an authority that makes TLS certificates.
    TlsAuthority,
    /// The passphrase of a wallet's backup.
    Passphrase,
    /// A person's identity number.
    IdentityNumber,
}

/// A row of the table. Each text is a clause or sentences without a full stop at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worth {
    /// Its name for people.
    pub name: &'static str,
    /// How to get it back if the file is lost or damaged, and what is lost otherwise.
    pub when_lost: &'static str,
    /// What others can do if they have read it, and which command replaces it, if one does.
    pub when_exposed: &'static str,
}

impl Secret {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::LogKey,
        Self::SigningKey,
        Self::CosigningKey,
        Self::SealingKey,
        Self::Salts,
        Self::CustodySeed,
        Self::WalletSeed,
        Self::EphemeralSeed,
        Self::StoreKey,
        Self::EvaluatorKey,
        Self::ViewKeyHalf,
        Self::ViewKeyShare,
        Self::SharePassphrase,
        Self::TlsKey,
        Self::TlsAuthority,
        Self::Passphrase,
        Self::IdentityNumber,
    ];

    /// Whether a new one can take its place, by a command that the table names. If not, its loss ends
    /// everything that depends on it.
    pub fn is_replaceable(self) -> bool {
        match self {
            Self::SigningKey
            | Self::CosigningKey
            | Self::SealingKey
            | Self::WalletSeed
            | Self::ViewKeyHalf
            | Self::ViewKeyShare
            | Self::SharePassphrase
            | Self::TlsKey
            | Self::TlsAuthority
            | Self::Passphrase => true,
            Self::LogKey
            | Self::Salts
            | Self::CustodySeed
            | Self::EphemeralSeed
            | Self::StoreKey
            | Self::EvaluatorKey
            | Self::IdentityNumber => false,
        }
    }

    /// Whether a person gives it to a command that uses it once: it may then come from a pipe or a terminal. All
    /// others are kept in files.
    pub fn may_be_piped(self) -> bool {
        match self {
            Self::SharePassphrase | Self::Passphrase | Self::IdentityNumber => true,
            Self::LogKey
            | Self::SigningKey
            | Self::CosigningKey
            | Self::SealingKey
            | Self::Salts
            | Self::CustodySeed
            | Self::WalletSeed
            | Self::EphemeralSeed
            | Self::StoreKey
            | Self::EvaluatorKey
            | Self::ViewKeyHalf
            | Self::ViewKeyShare
            | Self::TlsKey
            | Self::TlsAuthority => false,
        }
    }

    /// Its row of the table.
    pub fn worth(self) -> Worth {
        match self {
            Self::LogKey => Worth {
                name: "log key",
                when_lost: "put it back from your backup: with another key the log is another log, and nobody \
                            who follows this one takes it",
                when_exposed: "Keep the key in any case, because a new one would end this ledger. If others \
                               may have read it, they can sign another history in this log's name: tell every \
                               party, so that they compare their checkpoints",
            },
            Self::SigningKey => Worth {
                name: "signing key",
                when_lost: "put it back from your backup, because another key is another party's. The role's \
                            `apply` makes the keys of a party that is new",
                when_exposed: "If others may have read it, they can sign as this party: end it at once (`merits \
                               party rotate-key --grace-hours 0`). If they were quicker, have a supervisor \
                               suspend the party (`merits supervisor suspend`), and apply again under a new \
                               name, with new keys",
            },
            Self::CosigningKey => Worth {
                name: "cosigning key",
                when_lost: "put it back from your backup, because another key is another witness's, which \
                            nobody names yet. `merits witness cosign init` makes the key of a witness that is \
                            new",
                when_exposed: "If others may have read it, they can cosign another history in this witness's \
                               name: make a witness of a new name (`merits witness cosign init`), and have \
                               the log's operator and every party put its key in this one's place",
            },
            Self::SealingKey => Worth {
                name: "sealing key",
                when_lost: "put it back from your backup, because another key is another party's, and nobody \
                            can open what was sealed to this one. The role's `apply` makes the keys of a party \
                            that is new",
                when_exposed: "If others may have read it, they can open what is sealed to this party: have a \
                               supervisor suspend it (`merits supervisor suspend`), and apply again under a \
                               new name, with new keys",
            },
            Self::Salts => Worth {
                name: "salt key",
                when_lost: "put it back from your backup: with another key, what was signed before could be \
                            signed once more with other records",
                when_exposed: "Keep the key in any case, because the commitments are made of it and no command \
                               replaces it. If others may have read it, they can test guesses of records \
                               against the commitments: tell the distributors that get signatures from this \
                               source",
            },
            Self::CustodySeed => Worth {
                name: "custody seed",
                when_lost: "put it back from your backup: without it the accounts' owners lose their credits",
                when_exposed: "Keep the seed in any case, because the accounts' owner keys are made of it and \
                               no command replaces it. If others may have read it, they have these owner keys \
                               too: tell the accounts' owners",
            },
            Self::WalletSeed => Worth {
                name: "wallet's seed",
                when_lost: "if the seed was lost, get it back from its backup (`merits wallet restore` makes a \
                            wallet from one); without seed and backup nobody can spend its credits, and a \
                             person must register again with a new wallet",
                when_exposed: "Keep the seed until its credits are spent. If others may have read it, they can \
                               spend them too: spend them now, then make a new wallet and have a registrar \
                               register it in this one's place (`merits registrar re-register`)",
            },
            Self::EphemeralSeed => Worth {
                name: "ephemeral seed",
                when_lost: "put it back from your backup, beside the store that it belongs to",
                when_exposed: "Keep the seed in any case, because batches that wait are proven with it and no \
                               command replaces it. If others may have read it, they can open the claims that \
                               were made with it: tell the supervisor",
            },
            Self::StoreKey => Worth {
                name: "store's master key",
                when_lost: "put it back from your backup: without it nobody can read what is in the store",
                when_exposed: "Keep the key in any case, because nobody can read the store without it and no \
                               command replaces it. If others may have read it, they can read every copy of \
                               the store that they get: keep the store and its backups from them",
            },
            Self::EvaluatorKey => Worth {
                name: "evaluator's key",
                when_lost: "put it back from your backup: a ledger has one evaluator key for its life; \
                            `merits evaluator announce` makes that of a new ledger",
                when_exposed: "Keep the key in any case, because a ledger has one evaluator key for its life. \
                               If others may have read it, they can test identity numbers against the ledger: \
                               tell the supervisor and the registrars",
            },
            Self::ViewKeyHalf => Worth {
                name: "half of a view key",
                when_lost: "put it back from your backup; without it this half of the epoch's claims and totals \
                            is never opened again",
                when_exposed: "Keep the half in any case, because the claims of its epoch are opened only with \
                               it. If others may have read it, open the next epoch with new halves (`merits \
                               witness half`, `merits supervisor epoch`)",
            },
            Self::ViewKeyShare => Worth {
                name: "share of a view key",
                when_lost: "put it back from your backup; the other holders go on without it as long as enough of \
                            them are left",
                when_exposed: "Keep the share in any case, because the claims of its epoch are opened with it. If \
                               others may have read it and its passphrase, tell the other holders, and make the \
                               next epoch's half with them (`merits supervisor dkg open`, or `merits witness dkg \
                               open`)",
            },
            Self::SharePassphrase => Worth {
                name: "passphrase of a share",
                when_lost: "without it nobody can open the share; the other holders go on without it as long as \
                            enough of them are left",
                when_exposed: "If others may have read it, keep the share's file and its backups from them. If they \
                               may have these too, tell the other holders, and make the next epoch's half with \
                               them (`merits supervisor dkg open`, or `merits witness dkg open`)",
            },
            Self::TlsKey => Worth {
                name: "TLS key",
                when_lost: "`merits tls certificate` makes another key with its certificate, and nothing is lost",
                when_exposed: "If others may have read it, they can speak in this party's name over TLS until \
                               the certificate ends, but sign nothing: have its authority revoke it (`merits \
                               tls revoke`), and make another (`merits tls certificate`)",
            },
            Self::TlsAuthority => Worth {
                name: "key of the TLS authority",
                when_lost: "put it back from your backup, or make another authority (`merits tls ca`), whose \
                            certificate every party adds to its `authorities`",
                when_exposed: "If others may have read it, they can make certificates for any server's name, \
                               but for no party: make another authority (`merits tls ca`), and have every \
                               party take this one out of its `authorities`",
            },
            Self::Passphrase => Worth {
                name: "passphrase",
                when_lost: "without it nobody can open the backup; while the wallet is there, make another \
                            backup (`merits wallet backup`)",
                when_exposed: "If others may have read it, make another backup under another passphrase \
                               (`merits wallet backup`), and delete the old backup",
            },
            Self::IdentityNumber => Worth {
                name: "identity number",
                when_lost: "read it from the document again",
                when_exposed: "Others may know the number now, and nothing here can change that: delete the \
                               file when the person is registered",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: it named the way over a folder, which is for machines without a network, and supervisors alone.
    #[test]
    fn another_half_is_made_over_the_ledger_by_either_side() {
        for secret in [Secret::ViewKeyShare, Secret::SharePassphrase] {
            let advice = secret.worth().when_exposed;
            for command in ["`merits supervisor dkg open`", "`merits witness dkg open`"] {
                assert!(advice.contains(command), "{advice}");
            }
            assert!(!advice.contains("begin"), "{advice}");
        }
    }

    /// Regression: the message for a readable log key told people to make a new one, which ends the
    /// ledger.
    #[test]
    fn no_advice_replaces_a_secret_that_cannot_be_replaced() {
        for secret in Secret::ALL {
            let Worth {
                name,
                when_lost,
                when_exposed,
            } = secret.worth();
            for text in [name, when_lost, when_exposed] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
                assert!(!text.contains("make a new one"), "{text}");
            }
            let kept = when_exposed.starts_with("Keep the ");
            let named = when_exposed.contains("`merits ");
            if secret.is_replaceable() {
                assert!(named, "{name}: which command replaces it?");
            } else {
                assert!(!named, "{name}: no command replaces it");
                assert!(kept || secret == Secret::IdentityNumber, "{name}");
            }
        }
    }
}
