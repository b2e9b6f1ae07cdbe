//! Inputs that are for this user alone: a remark where others may have read one.

use std::path::Path;

use merits_guard::exposed::{Exposed, Holds};

/// Says so if others may read or change a private input. The command goes on: nothing of its own
/// depends on the file's mode.
pub(crate) fn remark(path: &Path, holds: Holds) {
    if let Some(exposed) = Exposed::of(path, holds) {
        eprintln!("note: {exposed}");
    }
}

/// The same for files that people gave.
pub(crate) fn remark_people<'p>(paths: impl IntoIterator<Item = &'p Path>) {
    for path in paths {
        remark(path, Holds::People);
    }
}
