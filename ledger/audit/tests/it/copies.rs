//! Copies on disk of ledgers of the fixture, and what is done to them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use ed25519_dalek::SigningKey;
use merits_audit::{
    report::Finding,
    run::Start,
    whole::{AuditReport, Audited, Copied, audit},
};
use merits_ledger::{
    Blob, BlobDigest, LedgerPolicy, entry::Entry, named_blobs, storage::wait, tree::Frontier,
};
use merits_ledger_fixture::{Citizen, Federation, Stage};
use merits_primitives::ids::Credits;
use merits_replica::Replica;
use merits_verifier::{
    codec::Canonical as _,
    entry::{Leaf, SignedEntry},
    log::{
        Checkpoint, LogKey, Quorum, SignedCheckpoint, WitnessName, WitnessPolicy, WitnessSigner,
        leaf_hash,
    },
};
use rand::{SeedableRng as _, rngs::StdRng};
use sqlx::{ConnectOptions as _, Connection as _};

pub(crate) type Town = Stage<StdRng>;

/// A ledger with its copy on disk, which tests copy before they change it.
pub(crate) struct Ledger {
    pub(crate) federation: Federation,
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) key: LogKey,
    pub(crate) policy: LedgerPolicy,
    pub(crate) witnesses: WitnessPolicy,
    directory: tempfile::TempDir,
    blobs: BTreeMap<BlobDigest, Blob>,
}

impl Ledger {
    pub(crate) fn of(town: &Town, blobs: &[Blob]) -> Self {
        let federation = town.federation.clone();
        let quorum = cosigners()
            .iter()
            .map(|signer| signer.public().clone())
            .collect();
        let quorum = Quorum::new(quorum, 3, 1).unwrap();
        let mut ledger = Self {
            key: federation.signer().public().clone(),
            policy: federation.policy(),
            federation,
            leaves: Vec::new(),
            witnesses: WitnessPolicy::new(quorum, None).unwrap(),
            directory: tempfile::tempdir().unwrap(),
            blobs: blobs
                .iter()
                .map(|blob| (blob.digest(), blob.clone()))
                .collect(),
        };
        ledger.follow(town);
        ledger
    }

    /// Takes the leaves that the ledger has now.
    pub(crate) fn follow(&mut self, town: &Town) {
        let path = self.clean().to_owned();
        let (key, policy) = (self.key.clone(), self.policy.clone());
        let mut replica = Replica::open(&path, key, policy, &mut rand::rng()).unwrap();
        let signed = self.cosigned(town.ledger.checkpoint().unwrap());
        let update = replica.update(&signed.to_string()).unwrap();
        let all: Vec<Vec<u8>> = town.ledger.store().leaves().to_vec();
        let known = usize::try_from(replica.size()).unwrap();
        let new = all[known..].iter().map(|leaf| {
            let named = named_blobs::named_by(leaf).into_iter();
            (
                leaf.clone(),
                named.map(|digest| self.blobs[&digest].clone()).collect(),
            )
        });
        replica.finish_with(update, new, &mut rand::rng()).unwrap();
        self.leaves = all
            .iter()
            .map(|leaf| Leaf::from_bytes(leaf).unwrap())
            .collect();
    }

    /// The copy that nobody changes.
    pub(crate) fn clean(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn cosigned(&self, signed: SignedCheckpoint) -> SignedCheckpoint {
        cosigners().iter().fold(signed, |signed, witness| {
            let time = merits_ledger_fixture::START;
            let line = witness
                .cosign(&signed, &self.key, time)
                .unwrap()
                .to_string();
            let public = witness.public();
            signed.with_cosignature(&self.key, public, &line).unwrap()
        })
    }

    pub(crate) fn copied(&self) -> Copied<'_> {
        Copied {
            key: &self.key,
            policy: &self.policy,
            witnesses: Some(&self.witnesses),
            mark: None,
        }
    }

    pub(crate) fn audit(&self, directory: &Path) -> AuditReport {
        self.audit_from(directory, None).report
    }

    pub(crate) fn audit_from(&self, directory: &Path, start: Option<Start>) -> Audited {
        wait(audit(directory, self.copied(), start, &mut rand::rng())).unwrap()
    }

    /// Another copy, changed by SQL, which must change something.
    pub(crate) fn altered(&self, sql: &str) -> tempfile::TempDir {
        let copy = self.another();
        let changed = run(&copy.path().join("copy.sqlite"), sql);
        assert!(changed > 0, "nothing was changed: {sql}");
        copy
    }

    fn another(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(self.clean()).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
            }
        }
        copy
    }

    /// A copy of a log that accepted these leaves and signed them: ids, tree, checkpoint and cosignatures fit.
    pub(crate) fn forged(&self, leaves: &[Leaf]) -> tempfile::TempDir {
        let mut sql = String::from("BEGIN; DELETE FROM leaf; DELETE FROM node;");
        let mut frontier = Frontier::new();
        for (index, leaf) in leaves.iter().enumerate() {
            let (id, bytes) = (hex::encode(leaf.entry.id().0), leaf.to_bytes());
            let shown = hex::encode(&bytes);
            sql += &format!("INSERT INTO leaf VALUES ({index}, x'{id}', x'{shown}');");
            for (node, hash) in frontier.push(leaf_hash(&bytes)) {
                let (level, index, hash) = (node.level, node.index, hex::encode(hash));
                sql += &format!("INSERT INTO node VALUES ({level}, {index}, x'{hash}');");
            }
        }
        let (size, root) = (frontier.size(), frontier.root());
        let note = self.checkpoint(size, root);
        let root = hex::encode(root);
        sql += &format!(
            "UPDATE log SET size = {size}, root = x'{root}', checkpoint = '{note}'; COMMIT"
        );
        self.altered(&sql)
    }

    pub(crate) fn checkpoint(&self, size: u64, root: [u8; 32]) -> SignedCheckpoint {
        let origin = self.policy.origin.clone();
        let checkpoint = Checkpoint { origin, size, root };
        self.cosigned(checkpoint.sign(&self.federation.signer()).unwrap())
    }

    /// The place of the first leaf with such an entry.
    pub(crate) fn place(&self, is: impl Fn(&Entry) -> bool) -> usize {
        self.places(is)[0]
    }

    pub(crate) fn places(&self, is: impl Fn(&Entry) -> bool) -> Vec<usize> {
        let entries = self.leaves.iter().map(|leaf| entry(&leaf.entry));
        let found = entries.enumerate().filter(|(_, entry)| is(entry));
        found.map(|(place, _)| place).collect()
    }
}

pub(crate) fn entry(signed: &SignedEntry) -> Entry {
    Entry::decode(signed.kind, &signed.statement)
        .unwrap()
        .unwrap()
}

/// Four witnesses.
fn cosigners() -> Vec<WitnessSigner> {
    let witness = |number: u8| {
        let name = WitnessName::new(&format!("witness.example/w{number}")).unwrap();
        WitnessSigner::new(name, SigningKey::from_bytes(&[100 + number; 32]))
    };
    (1..=4).map(witness).collect()
}

fn run(path: &Path, sql: &str) -> u64 {
    wait(async {
        let mut db = merits_sqlite::durable(path).connect().await.unwrap();
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        let done = sqlx::raw_sql(sql).execute(&mut db).await.unwrap();
        db.close().await.unwrap();
        done.rows_affected()
    })
}

/// A finding of a check about a leaf.
pub(crate) fn found<'r>(
    report: &'r AuditReport,
    check: &str,
    leaf: Option<usize>,
) -> Option<&'r Finding> {
    let leaf = leaf.map(|leaf| leaf as u64);
    let mut findings = report.findings.kept.iter();
    findings.find(|finding| finding.check == check && finding.leaf == leaf)
}

/// A ledger with entries of many kinds, and a second redemption of a note, which it does not have.
pub(crate) fn full() -> (Ledger, SignedEntry) {
    let mut town = Stage::new(StdRng::seed_from_u64(12)).unwrap();
    let federation = town.federation.clone();
    let large = federation.large_scale(&mut town.rng);
    let proposed = Entry::ScaleProposed(large.proposed);
    let proposed = federation.sign(&proposed, &federation.issuer).to_bytes();
    town.wait(1);
    let (blobs, time) = (vec![large.blob.clone()], town.time);
    town.ledger.submit_with(&proposed, blobs, time).unwrap();
    let people: Vec<_> = (1..=5).map(Citizen::new).collect();
    let mut consents = Vec::new();
    for citizen in &people {
        town.register(citizen).unwrap();
        consents.push(town.deposit(citizen).unwrap());
    }
    let taken_back = consents.pop().unwrap();
    town.withdraw(&taken_back).unwrap();
    let notes = town.earn(&consents).unwrap();
    let sum = Credits(4 * merits_ledger_fixture::WORTH.0);
    town.act(&federation.supervisor, &federation.cut(0))
        .unwrap();
    let total = federation.open_total(town.ledger.state(), 0, sum, &mut town.rng);
    town.act(&federation.supervisor, &Entry::TotalsOpened(total))
        .unwrap();
    let offer = town.offer(Credits(60), 10).unwrap();
    let (double, _) = town.redemption(&people[0], &notes[..1], offer).unwrap();
    town.redeem(&people[0], &notes[..1], offer).unwrap();
    town.attest(&people[1], &notes[1..2], Credits(50)).unwrap();
    // A batch that no total covers.
    town.earner(&Citizen::new(6)).unwrap();
    (Ledger::of(&town, &[large.blob]), double)
}

/// A ledger whose people do what chance says.
pub(crate) fn random(seed: u64) -> Ledger {
    let mut town = Stage::new(StdRng::seed_from_u64(seed)).unwrap();
    let mut chance = seed;
    let mut pick = |choices: u64| {
        // SplitMix64.
        chance = chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (chance ^ (chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % choices
    };
    let (mut people, mut purses, mut waiting) = (0, Vec::new(), Vec::new());
    let mut offers = Vec::new();
    for _ in 0..4 + pick(10) {
        match pick(6) {
            0 | 1 => {
                people += 1;
                let citizen = Citizen::new(1_000 * seed + people);
                town.register(&citizen).unwrap();
                waiting.push((town.deposit(&citizen).unwrap(), citizen));
            }
            2 if !waiting.is_empty() => {
                let (consents, owners): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
                let notes = town.earn(&consents).unwrap();
                purses.extend(owners.into_iter().zip(notes));
            }
            3 => offers.push(town.offer(Credits(10 + pick(90)), 5).unwrap()),
            4 => {
                if let (Some((citizen, note)), Some(offer)) = (purses.pop(), offers.last()) {
                    town.redeem(&citizen, &[note], *offer).unwrap();
                }
            }
            5 => {
                if let Some((citizen, note)) = purses.pop() {
                    let (_, left) = town.attest(&citizen, &[note], Credits(1)).unwrap();
                    purses.push((citizen, left));
                } else if let Some((consented, _)) = waiting.pop() {
                    town.withdraw(&consented).unwrap();
                }
            }
            _ => town.time += Duration::from_secs(pick(1_000)),
        }
    }
    Ledger::of(&town, &[])
}
