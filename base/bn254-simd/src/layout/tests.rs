//! Files that are torn, altered or inconsistent.

mod sharing;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path as FilePath;

use merits_guard::{GuardError, Guarded};

use ark_bn254::{Fq, Fr, G1Affine, G2Affine};
use ark_ff::{BigInt, BigInteger, PrimeField, UniformRand};
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
use tempfile::TempDir;
use zerocopy::{FromBytes, IntoBytes};

use super::*;
use crate::groth16::{KeyPoints, Proof};
use crate::qap::Matrix;

const ATTACHMENT: &[u8] = b"what the caller wants to keep";
const SHA: [u8; 32] = [0xa5; 32];

/// Random points and matrices with lengths that fit each other. Every one of them affects a proof.
struct Material {
    g1: Vec<Vec<G1Affine>>,
    b_g2: Vec<G2Affine>,
    rows: [Vec<Vec<(u32, Fr)>>; 2],
    instance: usize,
    assignment: Vec<Fr>,
}

impl Material {
    fn new(wires: usize, constraints: usize, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let instance = 3;
        let domain = (constraints + instance).next_power_of_two();
        let mut g1 = |count: usize, identities: bool| -> Vec<G1Affine> {
            let mut points: Vec<_> = (0..count).map(|_| G1Affine::rand(&mut rng)).collect();
            if identities {
                points
                    .iter_mut()
                    .step_by(7)
                    .for_each(|p| *p = G1Affine::identity());
            }
            points
        };
        let g1 = vec![
            g1(wires, false),
            g1(wires, true),
            g1(wires - instance, true),
            g1(domain, false),
        ];
        let mut b_g2: Vec<_> = (0..wires).map(|_| G2Affine::rand(&mut rng)).collect();
        b_g2[5] = G2Affine::identity();
        let mut row = || -> Vec<(u32, Fr)> {
            let terms = rng.gen_range(0..4);
            (0..terms)
                .map(|_| {
                    let small = [Fr::from(1u64), -Fr::from(1u64), Fr::from(5u64)];
                    let value = small.get(rng.gen_range(0..4usize)).copied();
                    let wire = rng.gen_range(0..wires as u32);
                    (wire, value.unwrap_or_else(|| Fr::rand(&mut rng)))
                })
                .collect()
        };
        let rows = [(); 2].map(|()| (0..constraints).map(|_| row()).collect());
        let mut assignment: Vec<_> = (0..wires).map(|_| Fr::rand(&mut rng)).collect();
        assignment[0] = Fr::from(1u64);
        Self {
            g1,
            b_g2,
            rows,
            instance,
            assignment,
        }
    }

    fn prepare(&self, label: &Label) -> Prepared {
        let [alpha_g1, beta_g1, delta_g1] = [self.g1[0][0], self.g1[0][1], self.g1[0][2]];
        let points = KeyPoints {
            alpha_g1,
            beta_g1,
            beta_g2: self.b_g2[0],
            delta_g1,
            delta_g2: self.b_g2[1],
            a: (&self.g1[0]).into(),
            b_g1: (&self.g1[1]).into(),
            b_g2: (&self.b_g2).into(),
            l: (&self.g1[2]).into(),
            h: (&self.g1[3]).into(),
        };
        let matrix =
            |i: usize| Matrix::from_rows(self.rows[i].iter().map(|row| row.iter().copied()));
        assert_eq!(self.g1[0].len() - self.g1[2].len(), self.instance);
        let key = PreparedKey::new(label.path, points, matrix(0), matrix(1), label.tables);
        Prepared {
            key: key.unwrap(),
            attachment: ATTACHMENT.into(),
        }
    }

    fn prove(&self, key: &PreparedKey) -> Proof {
        let (r, s) = (-Fr::from(0x1234_5678_u64), -Fr::from(0x8765_4321_u64));
        key.prove(&self.assignment, r, s).unwrap()
    }
}

struct Fixture {
    material: Material,
    file: PreparedFile,
    _dir: TempDir,
}

fn fixture(path: Path, tables: usize) -> Fixture {
    let dir = TempDir::new().unwrap();
    let label = Label {
        zkey_sha256: SHA,
        path,
        tables: TableBudget(tables),
    };
    Fixture {
        material: Material::new(90, 120, 1),
        file: PreparedFile::new(dir.path().join("prepared"), label),
        _dir: dir,
    }
}

impl Fixture {
    fn written(path: Path) -> Self {
        let fixture = fixture(path, 0);
        fixture
            .file
            .save(&fixture.material.prepare(fixture.file.label()))
            .unwrap();
        fixture
    }

    /// Opens or builds, and returns which it was. The proof must be right in
    /// either case.
    fn load(&self) -> Readiness {
        let build = || Ok::<_, LayoutError>((self.material.prepare(self.file.label()), ()));
        let accepts = |bytes: &[u8]| (bytes == ATTACHMENT).then_some(());
        let (key, (), readiness) = self.file.open_or_build(accepts, build).unwrap();
        let owned = self.material.prepare(self.file.label());
        assert_eq!(self.material.prove(&key), self.material.prove(&owned.key));
        readiness
    }

    /// Changes the file in place.
    fn tamper(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let at = self.file.location();
        let mut bytes = fs::read(&at).unwrap();
        change(&mut bytes);
        fs::remove_file(&at).unwrap();
        fs::write(&at, bytes).unwrap();
        fs::set_permissions(&at, fs::Permissions::from_mode(0o400)).unwrap();
    }

    /// The same, with a checksum that is right.
    fn forge(&self, change: impl FnOnce(&mut Vec<u8>)) {
        self.tamper(|bytes| {
            change(bytes);
            seal(bytes);
        });
    }
}

fn seal(bytes: &mut [u8]) {
    let (body, checksum) = bytes.split_at_mut(bytes.len() - CHECKSUM);
    checksum.copy_from_slice(blake3::hash(body).as_bytes());
}

fn header(bytes: &[u8]) -> Header {
    Header::read_from_prefix(bytes).unwrap().0
}

#[test]
fn mapped_and_owned_keys_give_the_same_proof() {
    // Domains below and above the smallest of the lanes, without tables and with them.
    for (wires, constraints, tables) in [(20, 10, 0), (90, 120, 0), (90, 120, 1 << 16)] {
        let material = Material::new(wires, constraints, 2);
        let mut proofs = Vec::new();
        for path in Path::all() {
            let fixture = Fixture {
                material: Material::new(wires, constraints, 2),
                ..fixture(path, tables)
            };
            assert!(matches!(
                fixture.load(),
                Readiness::Rebuilt {
                    reason: LayoutError::Missing
                }
            ));
            assert!(matches!(fixture.load(), Readiness::Mapped));
            let mapped = fixture.file.open().unwrap();
            assert_eq!(mapped.attachment, ATTACHMENT);
            proofs.push(material.prove(&mapped.key));
        }
        assert!(proofs.windows(2).all(|pair| pair[0] == pair[1]));
    }
}

/// Pins every bit of a file of this version. If the layout, a form of points or the order of H
/// changed without a new version, old files would be read as new ones.
#[test]
fn a_version_is_one_layout() {
    assert_eq!(VERSION, 1, "pin the new version's digests here");
    let digest = |path: &Path| {
        let bytes = fs::read(Fixture::written(*path).file.location()).unwrap();
        format!("{} {}", path.name(), blake3::hash(&bytes))
    };
    let pins = [
        "scalar d2efdd14ea07760784e8ed9e007b7eabff639fc1cf1e4861dec4d71f34fa804a",
        "ifma daa92d1ec5fbf0d71a148a6ee9b6b96b6dedc58d92145f6069597bf3411247c5",
    ];
    let paths = Path::all();
    let found: Vec<String> = paths.iter().map(digest).collect();
    assert_eq!(found, pins[..paths.len()], "raise VERSION, then pin again");
}

#[test]
fn a_flipped_bit_anywhere_is_found_and_the_file_made_again() {
    for path in Path::all() {
        let fixture = Fixture::written(path);
        let bytes = fs::read(fixture.file.location()).unwrap();
        let mut places = vec![0, 9, 13, 20, 50, bytes.len() - 1, bytes.len() - CHECKSUM];
        places.extend((0..size_of::<Header>()).step_by(16));
        for [offset, length] in header(&bytes).sections {
            let (start, length) = (offset as usize, length as usize);
            // The padding before it, its first byte, one within, its last.
            places.extend([start - 1, start, start + length / 2]);
            places.push((start + length).saturating_sub(1));
        }
        for place in places {
            let flip = |bytes: &mut Vec<u8>| bytes[place] ^= 1 << (place % 8);
            fixture.tamper(flip);
            assert!(fixture.file.open().is_err(), "byte {place}");
            fixture.tamper(flip);
            fixture.file.open().unwrap();
        }
        fixture.tamper(|bytes| bytes[9999] ^= 4);
        let reason = fixture.load();
        assert!(matches!(
            reason,
            Readiness::Rebuilt {
                reason: LayoutError::Altered
            }
        ));
        assert!(matches!(fixture.load(), Readiness::Mapped));
    }
}

#[test]
fn a_torn_file_is_found() {
    let fixture = Fixture::written(Path::preferred());
    let whole = fs::read(fixture.file.location()).unwrap();
    let mut lengths = vec![0, 1, 8, 100, size_of::<Header>() - 1, size_of::<Header>()];
    for [offset, length] in header(&whole).sections {
        lengths.extend([offset, offset + length / 2, offset + length].map(|n| n as usize));
    }
    lengths.extend([whole.len() - CHECKSUM, whole.len() - 1]);
    for length in lengths {
        fixture.tamper(|bytes| bytes.truncate(length));
        let error = fixture.file.open().unwrap_err();
        assert!(
            matches!(error, LayoutError::Torn { .. }),
            "{length}: {error}"
        );
        // Cut off, with a new checksum.
        if length >= CHECKSUM {
            fixture.tamper(|bytes| seal(bytes));
            assert!(fixture.file.open().is_err());
        }
        fixture.tamper(|bytes| bytes.clone_from(&whole));
    }
    fixture.tamper(|bytes| bytes.push(0));
    assert!(matches!(fixture.file.open(), Err(LayoutError::Torn { .. })));
}

#[test]
fn a_head_that_lies_gives_an_error_or_a_proof_but_never_a_panic() {
    for path in Path::all() {
        let fixture = Fixture::written(path);
        let whole = fs::read(fixture.file.location()).unwrap();
        let (mut refused, mut taken) = (0, 0);
        for word in 6..size_of::<Header>() / 8 {
            let at = 8 * word;
            let old = u64::read_from_bytes(&whole[at..at + 8]).unwrap();
            let lies = [
                0,
                1,
                old.wrapping_add(1),
                old.wrapping_sub(1),
                old.wrapping_add(64),
                old.wrapping_sub(64),
                old.wrapping_mul(2),
                old / 2,
                whole.len() as u64,
                1 << 31,
                1 << 32,
                u64::MAX,
                u64::MAX - 63,
                // Bits of a chunk without rows for them.
                old ^ 5 << 32,
            ];
            for lie in lies.into_iter().filter(|lie| *lie != old) {
                fixture.forge(|bytes| bytes[at..at + 8].copy_from_slice(lie.as_bytes()));
                match fixture.file.open() {
                    Err(_) => refused += 1,
                    // Another number of public wires, or bytes of the attachment.
                    Ok(lying) => {
                        taken += 1;
                        fixture.material.prove(&lying.key);
                    }
                }
                fixture.tamper(|bytes| bytes.clone_from(&whole));
            }
        }
        assert!(refused > 10 * taken, "{refused} refused, {taken} taken");
    }
}

#[test]
fn contents_that_lie_are_refused() {
    for path in Path::all() {
        let fixture = Fixture::written(path);
        let whole = fs::read(fixture.file.location()).unwrap();
        let sections = header(&whole).sections;
        let refuse = |section: usize, at: usize, lie: &[u8]| {
            let start = sections[section][0] as usize + at;
            assert!(at + lie.len() <= sections[section][1] as usize);
            fixture.forge(|bytes| bytes[start..start + lie.len()].copy_from_slice(lie));
            let error = fixture.file.open().unwrap_err();
            let expected = matches!(error, LayoutError::Inconsistent { .. });
            assert!(expected, "section {section} at {at}: {error}");
            fixture.tamper(|bytes| bytes.clone_from(&whole));
        };
        let ones = [0xff; 32];
        // The bounds that the kernels rely on: x below 1.0625p, y up to 2p; on words 1 + 2^-57.
        let [x, y] = if path.is_vectorized() {
            [Fq::MODULUS >> 4, Fq::MODULUS]
        } else {
            [Fq::MODULUS >> 57; 2]
        };
        for query in 0..QUERIES {
            let coordinates: &[_] = if query < 4 { &[x, y] } else { &[x, x, y, y] };
            for (i, over) in coordinates.iter().enumerate() {
                let at = 32 * (coordinates.len() + i);
                let mut limit = Fq::MODULUS;
                limit.add_with_carry(over);
                let start = sections[section::points(query)][0] as usize + at;
                fixture.forge(|bytes| {
                    bytes[start..start + 32].copy_from_slice(limit.0.as_bytes());
                });
                fixture.file.open().unwrap();
                limit.add_with_carry(&BigInt::one());
                refuse(section::points(query), at, limit.0.as_bytes());
                refuse(section::points(query), at, &ones);
            }
        }
        for query in [1, 2, 4] {
            refuse(section::slots(query), 16, &(u32::MAX - 1).to_le_bytes());
            refuse(section::slots(query), 16, &90u32.to_le_bytes());
            // One stored point too many.
            refuse(section::slots(query), 16, &u32::MAX.to_le_bytes());
        }
        for matrix in 0..2 {
            let (ends, terms, coefficients) = (
                section::ends(matrix),
                section::ends(matrix) + 1,
                section::ends(matrix) + 2,
            );
            refuse(ends, 40, &u32::MAX.to_le_bytes());
            refuse(ends, 4 * 119, &1u32.to_le_bytes());
            refuse(terms, 8, &90u32.to_le_bytes());
            refuse(terms, 12, &u32::MAX.to_le_bytes());
            // The first number that no coefficient has: they follow one and minus one.
            let known = sections[coefficients][1] as u32 / 32;
            refuse(terms, 12, &(known + 2).to_le_bytes());
            refuse(coefficients, 0, &ones);
            refuse(coefficients, 0, Fr::MODULUS.0.as_bytes());
        }
        refuse(section::SINGLE, 32, Fq::MODULUS.0.as_bytes());
        refuse(section::SINGLE, 448 - 32, &ones);
    }
}

#[test]
fn more_public_wires_than_wires_are_refused() {
    // The circuit is so small that the domain stays the same.
    let fixture = Fixture {
        material: Material::new(12, 17, 1),
        ..fixture(Path::scalar(), 0)
    };
    let prepared = fixture.material.prepare(fixture.file.label());
    fixture.file.save(&prepared).unwrap();
    fixture.forge(|bytes| {
        let mut lying = header(bytes);
        lying.instance = 13;
        bytes[..size_of::<Header>()].copy_from_slice(lying.as_bytes());
    });
    let error = fixture.file.open().unwrap_err();
    assert!(matches!(error, LayoutError::Inconsistent { .. }), "{error}");
}

#[test]
fn identities_count_as_scalars() {
    // Slots that are all identities, and as many wires: no points are needed for 2^26 of them.
    let fixture = Fixture::written(Path::scalar());
    let whole = fs::read(fixture.file.location()).unwrap();
    fixture.forge(|bytes| {
        let mut lying = header(bytes);
        let wires = 1usize << 26;
        lying.wires = wires as u64;
        lying.shapes[0] = [32, crate::table_shape::TableShape::of_levels(32).bits];
        bytes.truncate(bytes.len() - CHECKSUM);
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        let start = bytes.len() as u64;
        bytes.resize(bytes.len() + 4 * wires, 0xff);
        for query in [0, 1, 2, 4] {
            lying.sections[section::points(query)] = [start, 0];
            lying.sections[section::slots(query)] = [start, 4 * wires as u64];
        }
        bytes.resize(bytes.len() + CHECKSUM, 0);
        lying.length = bytes.len() as u64;
        bytes[..size_of::<Header>()].copy_from_slice(lying.as_bytes());
    });
    let error = fixture.file.open().unwrap_err();
    let expected = matches!(error, LayoutError::Inconsistent { what } if what.contains("scalars"));
    assert!(expected, "{error}");
    fixture.tamper(|bytes| bytes.clone_from(&whole));
}

#[test]
fn a_file_for_something_else_is_not_taken() {
    let fixture = Fixture::written(Path::scalar());
    let with = |change: &dyn Fn(&mut Label)| {
        let mut label = *fixture.file.label();
        change(&mut label);
        let file = PreparedFile::new(fixture.file.dir.clone(), label);
        if file.location() != fixture.file.location() {
            fs::copy(fixture.file.location(), file.location()).unwrap();
        }
        file.open().unwrap_err()
    };
    let other = |error| matches!(error, LayoutError::Other { .. });
    assert!(other(with(&|label| label.zkey_sha256[31] ^= 1)));
    assert!(other(with(&|label| label.tables = TableBudget(1 << 20))));
    if let Some(ifma) = Path::ifma() {
        assert!(other(with(&|label| label.path = ifma)));
    }
    fixture.forge(|bytes| bytes[8] += 1);
    let error = fixture.file.open().unwrap_err();
    assert!(matches!(error, LayoutError::Version { found, .. } if found == VERSION + 1));
    assert!(matches!(fixture.load(), Readiness::Rebuilt { .. }));

    let mut wrong = fixture.material.prepare(fixture.file.label());
    wrong.key.tables = TableBudget(1);
    assert!(other(fixture.file.save(&wrong).unwrap_err()));

    // Another attachment.
    let mut other = fixture.material.prepare(fixture.file.label());
    other.attachment = b"of somebody else".into();
    fixture.file.save(&other).unwrap();
    assert!(matches!(fixture.load(), Readiness::Rebuilt { .. }));
}

#[test]
fn what_others_could_have_written_is_not_taken() {
    let fixture = Fixture::written(Path::preferred());
    let place = fixture.file.location();
    let mode = |path: &FilePath| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&place), mode(&fixture.file.dir)), (0o400, 0o700));
    for (path, bad, good) in [(&place, 0o602, 0o400), (&fixture.file.dir, 0o770, 0o700)] {
        fs::set_permissions(path, fs::Permissions::from_mode(bad)).unwrap();
        let error = fixture.file.open().unwrap_err();
        assert!(matches!(error, LayoutError::Exposed(_)), "{error}");
        fs::set_permissions(path, fs::Permissions::from_mode(good)).unwrap();
    }
    fixture.file.open().unwrap();
    // A file of another user, who could give themselves the right. Only root can try.
    let file = Guarded::File(place.clone());
    let folder = Guarded::Folder {
        folder: fixture.file.dir.clone(),
        file: place.clone(),
    };
    for (path, at) in [(&place, file), (&fixture.file.dir, folder)] {
        if std::os::unix::fs::chown(path, Some(1), None).is_err() {
            continue;
        }
        let error = fixture.file.open().unwrap_err();
        let foreign = GuardError::Foreign {
            place: at,
            owner: 1,
            user: 0,
        };
        assert!(error.to_string().contains(&foreign.to_string()), "{error}");
        std::os::unix::fs::chown(path, Some(0), None).unwrap();
    }
    // A directory in its place.
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    let readiness = fixture.load();
    assert!(
        matches!(readiness, Readiness::InMemory { .. }),
        "{readiness:?}"
    );
}
