//! A real sequencer that replicas follow.

use std::path::Path;

use ed25519_dalek::SigningKey;
use merits_ledger::{
    AnchorInterval, BoardFacts, Entry, LedgerPolicy, MemoryStore, Role, Roles, Sequencer, State,
    entry::PartyAdmitted,
};
use merits_ledger_fixture::acts;
use merits_primitives::{
    calendar::Timestamp,
    ids::{Origin, PartyId},
};
use merits_replica::{HighWaterMark, Replica, ReplicaError};
use merits_verifier::{
    codec::Canonical as _,
    groth16::KeyPolicy,
    log::{LogKey, LogSigner},
};

pub(crate) struct Log {
    pub(crate) sequencer: Sequencer<MemoryStore>,
    pub(crate) policy: LedgerPolicy,
    pub(crate) key: LogKey,
    pub(crate) supervisor: SigningKey,
    pub(crate) authority: PartyId,
}

pub(crate) fn origin() -> Origin {
    Origin::new("ledger.test/replica").expect("a valid origin")
}

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

impl Log {
    pub(crate) fn founded() -> Self {
        let supervisor = key(1);
        let application = PartyAdmitted::apply(
            &origin(),
            "supervisor",
            Roles::new(&[Role::Supervisor]),
            &supervisor,
            [9; 32],
        );
        let authority = application.party(&origin());
        let policy = LedgerPolicy {
            origin: origin(),
            authority,
            keys: KeyPolicy {
                allow_dev_keys: true,
            },
            least_claims_per_total: 20,
            tickets: false,
            anchor_interval: AnchorInterval::SECOND,
            board: BoardFacts::alone(),
        };
        let signer = LogSigner::new(origin(), key(2));
        let mut log = Self {
            key: signer.public().clone(),
            sequencer: Sequencer::new(State::new(policy.clone()), MemoryStore::default(), signer),
            policy,
            supervisor,
            authority,
        };
        log.append(application, Timestamp::from_millis(1_000));
        log
    }

    pub(crate) fn append(&mut self, application: PartyAdmitted, time: Timestamp) {
        let entry = if application.party(&origin()) == self.authority {
            Entry::PartyAdmitted(application)
        } else {
            acts::admitted(application)
        };
        let entry = entry.sign(&origin(), self.authority, None, &self.supervisor);
        self.sequencer
            .submit(&entry.to_bytes(), time)
            .expect("the rules allow it");
    }

    pub(crate) fn admit(&mut self, number: u8, millis: u64) {
        let name = format!("sponsor-{number}");
        let roles = Roles::new(&[Role::Sponsor]);
        self.append(
            PartyAdmitted::apply(&origin(), &name, roles, &key(number), [number; 32]),
            Timestamp::from_millis(millis),
        );
    }

    pub(crate) fn checkpoint(&self) -> String {
        self.sequencer.checkpoint().expect("signed").to_string()
    }

    pub(crate) fn leaves(&self, from: u64) -> Vec<Vec<u8>> {
        (from..self.sequencer.state().size())
            .map(|index| self.sequencer.receipt(index).expect("there").leaf)
            .collect()
    }

    pub(crate) fn open(&self, directory: &Path) -> Result<Replica, ReplicaError> {
        Replica::open(
            directory,
            self.key.clone(),
            self.policy.clone(),
            &mut rand::rng(),
        )
    }

    /// The copy in `directory`, guarded by the mark in `mark`.
    pub(crate) fn guarded(&self, directory: &Path, mark: &Path) -> Result<Replica, ReplicaError> {
        let mark = HighWaterMark::open(mark, directory, &self.key)?;
        self.open(directory)?.guarded_by(mark)
    }

    pub(crate) fn feed(&self, replica: &mut Replica) -> Result<(), ReplicaError> {
        let update = replica.update(&self.checkpoint())?;
        let leaves = self.leaves(update.from());
        replica.finish(update, leaves, &mut rand::rng())
    }
}

/// Changes a copy behind the program's back.
pub(crate) fn alter(directory: &Path, sql: &str) {
    use sqlx::ConnectOptions as _;
    let path = directory.join("copy.sqlite");
    merits_ledger::storage::wait(async {
        let mut db = merits_sqlite::durable(&path)
            .connect()
            .await
            .expect("opens");
        // A test's own text.
        let changed = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
        let changed = changed.execute(&mut db).await.expect("changes");
        assert!(changed.rows_affected() > 0, "{sql}");
    });
}
