//! Which answers a journal has, as a table of keys in a file.
//!
//! Answers are never forgotten, so they are not kept in memory. The
//! file has no name: it is made anew from the journal's lines whenever a journal is opened, and ends with the process.
//! So no index is older than its journal, and none has to be backed up or judged.
//!
//! It is a hash table with open addressing, of which at most half is full. The order of its slots is this process's
//! own, so that nobody chooses keys that fall together.

use std::{
    fs::{File, OpenOptions},
    hash::{BuildHasher as _, RandomState},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use merits_guard::beside::{Beside, Readers};

/// A key, or what belongs to it.
pub(super) type Word = [u8; 32];

/// A key and its value.
const SLOT_BYTES: usize = 64;
/// Slots of a new index. A power of two, as all numbers of slots.
const FIRST_SLOTS: u64 = 1 << 10;
/// Slots that are copied at once when the index grows: 64 KiB.
const COPIED: usize = 1 << 10;
/// No digest is this, so it stands for an empty slot.
const EMPTY: Word = [0; 32];

/// The table.
#[derive(Debug)]
pub(super) struct Index {
    /// The journal, whose folder has the file.
    journal: PathBuf,
    file: File,
    slots: u64,
    used: u64,
    order: RandomState,
}

/// What a key leads to.
struct Found {
    /// Its slot, or the one where it belongs.
    slot: u64,
    value: Option<Word>,
}

impl Index {
    /// An empty one, in the folder of a journal.
    pub(super) fn begin(journal: &Path) -> io::Result<Self> {
        Self::with_slots(journal, FIRST_SLOTS)
    }

    fn with_slots(journal: &Path, slots: u64) -> io::Result<Self> {
        let (mut beside, made) = Beside::make(journal, Readers::Owner)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(beside.path())?;
        drop(made);
        // The file stays until it is closed.
        beside.delete()?;
        file.set_len(slots.saturating_mul(SLOT_BYTES as u64))?;
        Ok(Self {
            journal: journal.to_owned(),
            file,
            slots,
            used: 0,
            order: RandomState::new(),
        })
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &Word) -> io::Result<Option<Word>> {
        Ok(self.find(key)?.value)
    }

    /// Whether there is a key.
    pub(super) fn has(&self, key: &Word) -> io::Result<bool> {
        Ok(self.get(key)?.is_some())
    }

    /// Gives a key this value, in place of an earlier one.
    pub(super) fn put(&mut self, key: &Word, value: &Word) -> io::Result<()> {
        if self.used >= self.slots / 2 {
            self.grow()?;
        }
        let Found { slot, value: known } = self.find(key)?;
        let mut bytes = [0; SLOT_BYTES];
        let (left, right) = bytes.split_at_mut(key.len());
        left.copy_from_slice(key);
        right.copy_from_slice(value);
        self.file
            .write_all_at(&bytes, slot.saturating_mul(SLOT_BYTES as u64))?;
        self.used += u64::from(known.is_none());
        Ok(())
    }

    fn find(&self, key: &Word) -> io::Result<Found> {
        let mask = self.slots - 1;
        let first = self.order.hash_one(key) & mask;
        let mut bytes = [0; SLOT_BYTES];
        for step in 0..self.slots {
            let slot = first.wrapping_add(step) & mask;
            self.file
                .read_exact_at(&mut bytes, slot.saturating_mul(SLOT_BYTES as u64))?;
            let (found, value) = halves(&bytes);
            if found == EMPTY {
                return Ok(Found { slot, value: None });
            }
            if found == *key {
                let value = Some(value);
                return Ok(Found { slot, value });
            }
        }
        Err(io::Error::other(
            "the index has no empty slot, which is this program's fault",
        ))
    }

    /// The same keys in twice as many slots.
    fn grow(&mut self) -> io::Result<()> {
        let mut larger = Self::with_slots(&self.journal, self.slots.saturating_mul(2))?;
        let mut bytes = vec![0; COPIED * SLOT_BYTES];
        let length = self.slots.saturating_mul(SLOT_BYTES as u64);
        for at in (0..length).step_by(bytes.len()) {
            self.file.read_exact_at(&mut bytes, at)?;
            for slot in bytes.chunks_exact(SLOT_BYTES) {
                let (key, value) = halves(slot);
                if key != EMPTY {
                    larger.put(&key, &value)?;
                }
            }
        }
        *self = larger;
        Ok(())
    }
}

/// The key and the value of a slot.
fn halves(slot: &[u8]) -> (Word, Word) {
    let (mut key, mut value) = (EMPTY, EMPTY);
    for (word, part) in [&mut key, &mut value]
        .into_iter()
        .zip(slot.chunks_exact(32))
    {
        word.copy_from_slice(part);
    }
    (key, value)
}

#[cfg(test)]
mod tests {
    use merits_primitives::field;

    use super::*;

    fn word(number: u64) -> Word {
        field::digest("merits/test", &[&number.to_le_bytes()])
    }

    #[test]
    fn it_finds_what_it_was_given_however_much_that_is() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut index = Index::begin(&dir.path().join("journal.jsonl")).expect("made");
        let count = 5 * FIRST_SLOTS;
        for number in 0..count {
            assert!(!index.has(&word(number)).expect("read"));
            index
                .put(&word(number), &word(number + count))
                .expect("written");
        }
        // Another value takes the place of the first, and no second slot.
        index.put(&word(0), &word(7)).expect("written");
        assert_eq!(index.used, count);
        assert!(index.slots >= 2 * count);
        assert_eq!(index.get(&word(0)).expect("read"), Some(word(7)));
        for number in 1..count {
            assert_eq!(
                index.get(&word(number)).expect("read"),
                Some(word(number + count))
            );
        }
        assert_eq!(index.get(&word(2 * count)).expect("read"), None);
        // Nobody finds it by a name.
        let left = std::fs::read_dir(dir.path()).expect("read").count();
        assert_eq!(left, 0);
    }
}
