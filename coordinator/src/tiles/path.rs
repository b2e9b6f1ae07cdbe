//! Paths of a log's resources (c2sp.org/tlog-tiles).
//!
//! Each resource has one path: a number with other leading zeroes, or a width that is a full
//! tile's, names nothing. So no cache keeps the same bytes twice.

use std::fmt;

/// Hashes of a full tile, and entries of a full bundle.
pub(crate) const FULL: u16 = 256;

/// log2 of [`FULL`].
const HEIGHT: u32 = 8;

/// The highest level of a tile that a tree of fewer than 2^63 leaves can have.
const MOST_LEVEL: u8 = 7;

/// Three digits a part: a tile's index has at most 19.
const MOST_PARTS: usize = 7;

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    /// `checkpoint`.
    Checkpoint,
    /// `tile/<L>/<N>[.p/<W>]`.
    Hashes { level: u8, tile: Tile },
    /// `tile/entries/<N>[.p/<W>]`.
    Entries(Tile),
}

/// A tile's place in its level, and how much of it there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tile {
    /// Its index, from the left.
    pub(crate) index: u64,
    /// Hashes or entries: 1 to [`FULL`].
    pub(crate) width: u16,
}

impl Tile {
    /// The first hash or entry, counted in its level.
    pub(crate) fn start(self) -> Option<u64> {
        self.index.checked_mul(u64::from(FULL))
    }

    /// The one after the last.
    pub(crate) fn end(self) -> Option<u64> {
        self.start()?.checked_add(u64::from(self.width))
    }

    fn parse(parts: &[&str]) -> Option<Self> {
        let (parts, width) = match parts {
            [parts @ .., width] if parts.last().is_some_and(|last| last.ends_with(".p")) => {
                let width: u16 = width.parse().ok()?;
                (1..FULL).contains(&width).then_some((parts, width))?
            }
            parts => (parts, FULL),
        };
        if parts.is_empty() || parts.len() > MOST_PARTS {
            return None;
        }
        let mut index = 0u64;
        for part in parts {
            let part = part.strip_suffix(".p").unwrap_or(part);
            let digits = part.strip_prefix('x').unwrap_or(part);
            if digits.len() != 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                return None;
            }
            index = index
                .checked_mul(1_000)?
                .checked_add(digits.parse().ok()?)?;
        }
        Some(Self { index, width })
    }
}

impl Resource {
    /// Reads a path without its prefix, such as `tile/0/x001/x234/067.p/12`.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').take(MOST_PARTS + 4).collect();
        let resource = match parts.as_slice() {
            ["checkpoint"] => Self::Checkpoint,
            ["tile", "entries", rest @ ..] => Self::Entries(Tile::parse(rest)?),
            ["tile", level, rest @ ..] => {
                let level = level.parse().ok().filter(|level| *level <= MOST_LEVEL)?;
                let tile = Tile::parse(rest)?;
                Self::Hashes { level, tile }
            }
            _ => return None,
        };
        (resource.to_string() == path).then_some(resource)
    }

    /// How many hashes of a level a tree of `size` leaves has: those of complete subtrees.
    pub(crate) fn hashes(level: u8, size: u64) -> u64 {
        size.checked_shr(HEIGHT * u32::from(level)).unwrap_or(0)
    }

    /// The level of the tree's nodes whose hashes are in tiles of this level.
    pub(crate) fn node_level(level: u8) -> u8 {
        level * HEIGHT as u8
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint => f.write_str("checkpoint"),
            Self::Hashes { level, tile } => write!(f, "tile/{level}/{tile}"),
            Self::Entries(tile) => write!(f, "tile/entries/{tile}"),
        }
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups = vec![self.index % 1_000];
        let mut rest = self.index / 1_000;
        while rest > 0 {
            groups.push(rest % 1_000);
            rest /= 1_000;
        }
        for group in groups.iter().skip(1).rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", groups[0])?;
        if self.width < FULL {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_resource_has_one_path() {
        let tile = |index, width| Tile { index, width };
        for (path, expected) in [
            ("checkpoint", Resource::Checkpoint),
            (
                "tile/0/000",
                Resource::Hashes {
                    level: 0,
                    tile: tile(0, FULL),
                },
            ),
            (
                "tile/7/x001/x234/067.p/255",
                Resource::Hashes {
                    level: 7,
                    tile: tile(1_234_067, 255),
                },
            ),
            (
                "tile/entries/x001/000",
                Resource::Entries(tile(1_000, FULL)),
            ),
            ("tile/entries/999.p/1", Resource::Entries(tile(999, 1))),
            (
                "tile/entries/x018/x446/x744/x073/x709/x551/615",
                Resource::Entries(tile(u64::MAX, FULL)),
            ),
        ] {
            assert_eq!(Resource::parse(path), Some(expected), "{path}");
            assert_eq!(expected.to_string(), path);
        }
        for path in [
            "",
            "/checkpoint",
            "checkpoint/",
            "tile",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/001/",
            "tile/0/x001",
            "tile/0/001/001",
            "tile/0/x000/001",
            "tile/00/001",
            "tile/+0/001",
            "tile/8/001",
            "tile/64/001",
            "tile/-1/001",
            "tile/8/0/001",
            "tile/data/001",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/0/x001/x018/x446/x744/x073/x709/x551/615",
            "tile/0/001.p",
            "tile/0/001.p/",
            "tile/0/001.p/0",
            "tile/0/001.p/01",
            "tile/0/001.p/+1",
            "tile/0/001.p/256",
            "tile/0/001.p/65537",
            "tile/0/001/1",
            "tile/0/x001.p/001",
            "tile/0/00\u{661}",
            "tile/entries/001.p/1/1",
            "tile/entries/../001",
        ] {
            assert_eq!(Resource::parse(path), None, "{path}");
        }
    }

    #[test]
    fn a_level_has_the_hashes_of_complete_subtrees_alone() {
        // The example of the specification.
        let hashes = |level| Resource::hashes(level, 70_000);
        assert_eq!(
            [hashes(0), hashes(1), hashes(2), hashes(3)],
            [70_000, 273, 1, 0]
        );
        assert_eq!(Resource::hashes(1, 256), 1);
        assert_eq!(Resource::hashes(1, 255), 0);
        assert_eq!(Resource::hashes(7, u64::MAX), 255);
        let last = Tile {
            index: u64::MAX,
            width: FULL,
        };
        assert_eq!(last.start(), None);
    }
}
