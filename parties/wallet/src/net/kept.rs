//! What earlier commands found in the log, kept in `found.sealed` beside the copy, so that a command
//! reads only the leaves that came since.
//!
//! The file says which consents, credits and redemptions are the person's, which nobody else can find
//! out. It is sealed under a key from the seed and the log's name (XChaCha20-Poly1305), so a copy of the file
//! without the seed tells nothing, and a wallet of another seed or ledger cannot use it. Size and root
//! of the log at that point are in it: they must be those of the verified copy.
//!
//! Nothing depends on the file. If it is lost, damaged, or of another log, the whole copy is read again.

use std::{
    io::{self, Write as _},
    path::Path,
};

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305,
    aead::{Aead as _, Payload},
};
use merits_guard::{
    input,
    output::{self, Readers},
};
use merits_primitives::note_tree::BucketRoot;
use merits_replica::Replica;
use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    log::Hash,
};
use rand_core::CryptoRng;
use serde::Serialize;

use super::WalletError;
use crate::{
    keys::WalletKeys,
    view::{Found, View, Walk},
};

/// Name of the file.
pub(super) const FILE: &str = "found.sealed";

/// What a wallet keeps between commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// What was found.
    found: Found,
    /// Root of the log with the leaves in which it was found.
    root: Hash,
    /// Roots of complete buckets of the note tree, from the first on.
    pub(super) buckets: Vec<BucketRoot>,
}

/// How much of the log was read for the newest view, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// The first leaf that was read. What is before it was known.
    pub from: u64,
    /// The number of leaves that were read.
    pub leaves: u64,
    /// Why everything was read again, though something was kept.
    pub again: Option<Again>,
    /// Why `found.sealed` could not be written. The next command then reads these leaves again.
    pub unwritten: Option<String>,
}

/// Why the whole log was read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Again {
    /// The file is not of this seed, ledger and version, or it was altered.
    #[error(
        "found.sealed is damaged, or of another seed, ledger or version of this program: the whole copy of the log \
         was read again, and nothing is lost"
    )]
    Unreadable,
    /// The copy is shorter than the log in which it was found, or has another root there.
    #[error(
        "found.sealed was made with another or a longer copy of the log than this one: the whole copy was read again"
    )]
    OtherLog,
    /// The seed has a further identity, which was not registered then.
    #[error(
        "a further identity of this wallet was registered: the whole copy of the log was read again"
    )]
    NewIdentity,
}

impl Kept {
    /// Reads the file of a wallet; nothing if there is none.
    pub(super) fn load(path: &Path, keys: &WalletKeys) -> Result<Option<Self>, Again> {
        match input::read(path, MOST_BYTES) {
            Ok(bytes) => open(&bytes, keys).map(Some).ok_or(Again::Unreadable),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(_) => Err(Again::Unreadable),
        }
    }

    /// Writes the file: the old one stays until the new one is on the disk.
    pub(super) fn store(
        &self,
        path: &Path,
        keys: &WalletKeys,
        rng: &mut impl CryptoRng,
    ) -> io::Result<()> {
        let sealed = self.seal(keys, rng)?;
        output::replace_own(path, Readers::Owner, |out| out.write_all(&sealed))
    }

    fn seal(&self, keys: &WalletKeys, rng: &mut impl CryptoRng) -> io::Result<Vec<u8>> {
        let mut nonce = [0u8; NONCE];
        rng.fill_bytes(&mut nonce);
        let payload = Payload {
            msg: &self.to_bytes(),
            aad: HEADER,
        };
        let sealed = cipher(keys).encrypt(&nonce.into(), payload);
        let sealed = sealed.map_err(|_| io::Error::other("it cannot be sealed"))?;
        let bytes = [HEADER, &nonce, &sealed].concat();
        if bytes.len() as u64 > MOST_BYTES {
            return Err(io::Error::other(format!(
                "it would have more than {MOST_BYTES} bytes"
            )));
        }
        Ok(bytes)
    }

    /// The kept data if its leaves are the first ones of this copy.
    fn of(self, replica: &Replica) -> Result<Option<Self>, WalletError> {
        let root = replica.root_at(self.found.leaves())?;
        Ok((root == Some(self.root)).then_some(self))
    }
}

fn open(bytes: &[u8], keys: &WalletKeys) -> Option<Kept> {
    let rest = bytes.strip_prefix(HEADER)?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE>()?;
    let payload = Payload {
        msg: sealed,
        aad: HEADER,
    };
    let text = cipher(keys).decrypt(&(*nonce).into(), payload).ok()?;
    Kept::from_bytes(&text).ok()
}

fn cipher(keys: &WalletKeys) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&(*keys.found_key()).into())
}

/// Reads the leaves that are not in `kept`, and calls `store` with what is to be kept: once for each
/// [`PART`] leaves and at the end, so that a command that is stopped loses one part. `failed` says why `kept`
/// is missing, if it should be there.
pub(super) fn advance(
    replica: &Replica,
    keys: &WalletKeys,
    kept: Option<Kept>,
    failed: Option<Again>,
    part: u64,
    mut store: impl FnMut(&Kept) -> io::Result<()>,
) -> Result<(Kept, View, Reading), WalletError> {
    let mut again = failed;
    let before = match kept {
        None => None,
        Some(kept) => {
            let kept = kept.of(replica)?;
            if kept.is_none() {
                again = Some(Again::OtherLog);
            }
            kept
        }
    };
    let known = before.clone().unwrap_or_default();
    let mut walk = Walk::resume(replica.state()?, keys, known.found)?;
    if walk.restarted() {
        again = Some(Again::NewIdentity);
    }
    let mut reading = Reading {
        from: walk.next(),
        again,
        ..Reading::default()
    };
    let keep = |walk: &Walk<'_>| -> Result<Kept, WalletError> {
        let root = replica.root_at(walk.next())?;
        Ok(Kept {
            found: walk.found().clone(),
            root: root.unwrap_or_default(),
            buckets: known.buckets.clone(),
        })
    };
    for leaf in replica.leaves_from(walk.next()) {
        walk.read(&leaf?.1);
        reading.leaves += 1;
        if reading.leaves.is_multiple_of(part) && walk.next() < replica.size() {
            // If this fails, the write at the end fails too and says so.
            let _ = store(&keep(&walk)?);
        }
    }
    let kept = keep(&walk)?;
    if before.as_ref() != Some(&kept) {
        let written = store(&kept);
        reading.unwritten = written.err().map(|error| error.to_string());
    }
    Ok((kept, walk.view()?, reading))
}

impl Canonical for Kept {
    const NAME: &'static str = "found.sealed";

    fn write(&self, out: &mut Writer) {
        self.found.write(out);
        out.array(&self.root);
        out.count(self.buckets.len());
        self.buckets.iter().for_each(|root| out.field(root));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            found: Found::read(input)?,
            root: input.array("root")?,
            buckets: (0..input.count("buckets", MOST_BUCKETS)?)
                .map(|_| input.field("bucket"))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// Leaves after which what was found is kept, in the middle of a long walk.
pub(super) const PART: u64 = 1 << 16;

/// How the file begins. Raise the number if the encoding changes, or if a walk finds more than before:
/// the whole copy is then read again.
const HEADER: &[u8] = b"merits/wallet-found/v1\n";

/// Bytes of the nonce.
const NONCE: usize = 24;

/// Most bytes of the file: some 200,000 consents with their credits.
const MOST_BYTES: u64 = 1 << 27;

/// Buckets of 2^40 notes.
const MOST_BUCKETS: usize = 1 << 24;

#[cfg(test)]
mod tests {
    use merits_ledger_fixture::{Citizen, Stage};
    use merits_primitives::{Fr, ids::Origin};
    use rand::{SeedableRng as _, rngs::StdRng};
    use zeroize::Zeroizing;

    use super::*;

    const SEED: [u8; 32] = [7; 32];

    fn keys(origin: &Origin) -> WalletKeys {
        WalletKeys::new(Zeroizing::new(SEED), origin.clone())
    }

    /// A copy in memory of a town's log.
    fn copy(town: &Stage<StdRng>) -> Replica {
        let (policy, log) = (town.federation.policy(), town.federation.signer());
        let mut replica = Replica::in_memory(log.public().clone(), policy);
        let checkpoint = town.ledger.checkpoint().expect("a checkpoint").to_string();
        let update = replica.update(&checkpoint).expect("an update");
        let leaves = 0..town.state().size();
        let leaves = leaves.map(|index| town.ledger.receipt(index).expect("a leaf").leaf);
        let leaves: Vec<Vec<u8>> = leaves.collect();
        let finished = replica.finish(update, leaves, &mut rand::rng());
        finished.expect("a copy");
        replica
    }

    /// A town in which the person earned.
    fn town() -> Stage<StdRng> {
        let mut town = Stage::new(StdRng::seed_from_u64(11)).expect("a ledger");
        town.earner(&Citizen::new(1)).expect("a note");
        town.earner(&Citizen::from_seed(SEED)).expect("a note");
        town
    }

    #[test]
    fn a_walk_that_was_stopped_goes_on_where_it_kept_something() {
        let town = town();
        let (replica, keys) = (copy(&town), keys(&town.federation.origin));
        let mut parts = Vec::new();
        let (whole, view, _) = advance(&replica, &keys, None, None, 5, |kept| {
            parts.push(kept.clone());
            Ok(())
        })
        .expect("read");
        assert_eq!(view.notes.len(), 1);
        assert_eq!(parts.pop().as_ref(), Some(&whole));
        assert!(parts.len() > 2, "kept in the middle");
        for kept in parts {
            let from = kept.found.leaves();
            assert!(from > 0 && from < replica.size());
            let (end, found, reading) =
                advance(&replica, &keys, Some(kept), None, 5, |_| Ok(())).expect("read");
            assert_eq!((&end, &found), (&whole, &view));
            let expected = Reading {
                from,
                leaves: replica.size() - from,
                ..Reading::default()
            };
            assert_eq!(reading, expected);
        }
    }

    #[test]
    fn a_disk_that_takes_nothing_is_told_and_stops_nobody() {
        let town = town();
        let (replica, keys) = (copy(&town), keys(&town.federation.origin));
        let full = |_: &Kept| Err(io::ErrorKind::StorageFull.into());
        let (kept, view, reading) =
            advance(&replica, &keys, None, None, 5, full).expect("it is read");
        assert_eq!(view.notes.len(), 1);
        assert!(reading.unwritten.is_some());
        // Nothing new, so nothing is written.
        let (_, _, reading) =
            advance(&replica, &keys, Some(kept), None, 5, full).expect("nothing is read");
        assert_eq!((reading.leaves, reading.unwritten), (0, None));
    }

    #[test]
    fn what_is_sealed_opens_under_its_seed_and_ledger_only() {
        let town = town();
        let (replica, own) = (copy(&town), keys(&town.federation.origin));
        let (mut kept, ..) = advance(&replica, &own, None, None, 5, |_| Ok(())).expect("read");
        kept.buckets = vec![BucketRoot(Fr::from(3u64)), BucketRoot(Fr::from(4u64))];
        let sealed = kept.seal(&own, &mut rand::rng()).expect("sealed");
        assert_eq!(open(&sealed, &own), Some(kept));
        let other = Origin::new("other.example/merits").expect("an origin");
        assert_eq!(open(&sealed, &keys(&other)), None);
        let origin = town.federation.origin.clone();
        let stranger = WalletKeys::new(Zeroizing::new([8; 32]), origin);
        assert_eq!(open(&sealed, &stranger), None);
    }
}
