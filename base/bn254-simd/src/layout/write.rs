//! Writing a prepared key.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use ark_bn254::Fq;
use ark_ec::AffineRepr;
use zerocopy::{FromZeros, IntoBytes};

use super::{
    ALIGNMENT, CHECKSUM, Header, Label, LayoutError, MAGIC, Prepared, VERSION, form, section,
};
use crate::curve::Group;
use crate::groth16::PreparedKey;
use crate::modulus::Modulus;
use crate::msm::Bases;
use crate::qap::Matrix;
use crate::table_shape::TableShape;

/// Writes to a temporary file beside `path`, flushes it and renames it. Then
/// removes files there that are no longer of use.
pub(super) fn save(path: &FilePath, label: &Label, prepared: &Prepared) -> Result<(), LayoutError> {
    let dir = path.parent().unwrap_or(FilePath::new("."));
    make_private(dir).map_err(|source| LayoutError::io("creating", dir, source))?;
    let beside = temporary(path);
    let write = || -> io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 20, create(&beside)?);
        write_all(label, prepared, &mut out)?;
        out.into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync_all()?;
        fs::rename(&beside, path)?;
        // A file that a power failure undoes is made again.
        let _ = File::open(dir).and_then(|dir| dir.sync_all());
        Ok(())
    };
    write().map_err(|source| {
        // The file may not exist. The caller should get the first error, not
        // one of the removal.
        let _ = fs::remove_file(&beside);
        LayoutError::io("writing", &beside, source)
    })?;
    sweep(dir, path);
    Ok(())
}

/// A name that no other thread or process uses. Processes in two containers may have the same
/// process id, so the time is part of the name too. If the name is taken nevertheless, [`create`]
/// refuses it.
fn temporary(path: &FilePath) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let nanoseconds = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |time| time.subsec_nanos());
    let mut name = path.as_os_str().to_owned();
    name.push(format!(
        ".{}-{count}-{nanoseconds}{TEMPORARY}",
        std::process::id()
    ));
    name.into()
}

const TEMPORARY: &str = ".tmp";

fn create(path: &FilePath) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o400);
    options.open(path)
}

/// Makes a directory that this user alone can enter, if there is none.
fn make_private(dir: &FilePath) -> io::Result<()> {
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Removes prepared keys of other `.zkey` files, and files that crashes left behind more than an
/// hour ago. Files that cannot be removed stay.
fn sweep(dir: &FilePath, kept: &FilePath) {
    let name = |path: &FilePath| Some(path.file_name()?.to_str()?.to_owned());
    let digest = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    let ours = name(kept).map(|name| digest(&name));
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let Some(name) = name(&entry.path()) else {
            continue;
        };
        let old = || {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            modified
                .ok()
                .and_then(|time| time.elapsed().ok())
                .is_some_and(|age| age.as_secs() > 3600)
        };
        let other = name.ends_with(".prepared") && Some(digest(&name)) != ours;
        if other || (name.ends_with(TEMPORARY) && old()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn write_all(label: &Label, prepared: &Prepared, out: &mut impl Write) -> io::Result<()> {
    let key = &prepared.key;
    let single = single_points(key);
    let matrices = [key.reduction.a(), key.reduction.b()];
    let coefficients = matrices.map(coefficients);
    let mut sections: [&[u8]; section::COUNT] = [&[]; section::COUNT];
    sections[section::SINGLE] = single.as_bytes();
    for (query, bases) in [&key.a, &key.b_g1, &key.l, &key.h].into_iter().enumerate() {
        put_bases(&mut sections, query, bases);
    }
    put_bases(&mut sections, 4, &key.b_g2);
    for (i, matrix) in matrices.into_iter().enumerate() {
        let at = section::ends(i);
        sections[at] = matrix.ends().as_bytes();
        sections[at + 1] = matrix.terms().as_bytes();
        sections[at + 2] = coefficients[i].as_bytes();
    }
    sections[section::ATTACHMENT] = &prepared.attachment;

    let mut header = Header::new_zeroed();
    let mut end = size_of::<Header>();
    for (place, bytes) in header.sections.iter_mut().zip(sections) {
        let start = end.next_multiple_of(ALIGNMENT);
        *place = [start as u64, bytes.len() as u64];
        end = start + bytes.len();
    }
    header = Header {
        magic: MAGIC,
        version: VERSION,
        form: form(key.path),
        zkey_sha256: label.zkey_sha256,
        length: (end + CHECKSUM) as u64,
        tables: key.tables.0 as u64,
        wires: key.wires() as u64,
        instance: key.reduction.instance() as u64,
        constraints: key.reduction.a().rows() as u64,
        shapes: [key.a.shape, key.h.shape].map(|TableShape { levels, bits }| [levels, bits]),
        sections: header.sections,
    };

    let mut hasher = blake3::Hasher::new();
    let mut put = |bytes: &[u8]| {
        hasher.update(bytes);
        out.write_all(bytes)
    };
    put(header.as_bytes())?;
    let mut end = size_of::<Header>();
    for bytes in sections {
        let padding = end.next_multiple_of(ALIGNMENT) - end;
        put(&[0; ALIGNMENT][..padding])?;
        put(bytes)?;
        end += padding + bytes.len();
    }
    out.write_all(hasher.finalize().as_bytes())
}

fn put_bases<'k, C: Group>(
    sections: &mut [&'k [u8]; section::COUNT],
    query: usize,
    bases: &'k Bases<C>,
) {
    sections[section::points(query)] = bases.points.as_bytes();
    if let Some(slots) = &bases.slots {
        sections[section::slots(query)] = slots.as_bytes();
    }
}

fn single_points(key: &PreparedKey) -> Vec<[u64; 4]> {
    let mut out = Vec::with_capacity(14);
    let mut put = |value: Fq| out.push(value.words());
    // An identity as zeros, which are not a point.
    for point in [key.alpha_g1, key.beta_g1, key.delta_g1] {
        let (x, y) = point.xy().unwrap_or_default();
        [x, y].into_iter().for_each(&mut put);
    }
    for point in [key.beta_g2, key.delta_g2] {
        let (x, y) = point.xy().unwrap_or_default();
        [x.c0, x.c1, y.c0, y.c1].into_iter().for_each(&mut put);
    }
    out
}

fn coefficients(matrix: &Matrix) -> Vec<[u64; 4]> {
    let all = matrix.coefficients().iter();
    all.map(|value| value.words()).collect()
}
