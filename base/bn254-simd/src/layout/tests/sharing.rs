//! Files that are in the way, or that several processes make or map at the same time.

use std::fs::{self, OpenOptions};
use std::sync::Barrier;

use tempfile::TempDir;

use super::*;

#[test]
fn without_a_place_to_write_the_key_stays_in_memory() {
    let mut fixture = fixture(Path::preferred(), 0);
    let blocked = fixture._dir.path().join("a file");
    fs::write(&blocked, b"").unwrap();
    fixture.file.dir = blocked.join("prepared");
    assert!(matches!(fixture.load(), Readiness::InMemory { .. }));
    // Only the files that existed before.
    assert_eq!(fs::read_dir(fixture._dir.path()).unwrap().count(), 1);
}

#[test]
fn several_may_build_at_once_and_whoever_has_the_old_file_keeps_it() {
    let fixture = Fixture::written(Path::preferred());
    let old = fixture.file.open().unwrap();
    let proof = fixture.material.prove(&old.key);
    fixture.tamper(|bytes| bytes[5000] ^= 1);
    let barrier = Barrier::new(6);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                barrier.wait();
                assert!(!matches!(fixture.load(), Readiness::InMemory { .. }));
            });
        }
    });
    assert!(matches!(fixture.load(), Readiness::Mapped));
    assert_eq!(fixture.material.prove(&old.key), proof);
    assert_eq!(
        fs::read_dir(&fixture.file.dir).unwrap().count(),
        1,
        "no file is left beside it"
    );
}

#[test]
fn keys_of_other_files_and_old_leftovers_are_swept() {
    let fixture = Fixture::written(Path::scalar());
    let dir = &fixture.file.dir;
    let location = fixture.file.location();
    let other = dir.join(format!("{}.scalar.prepared", "00".repeat(32)));
    let old = dir.join("left.1-0-0.tmp");
    let young = dir.join("writing.2-0-0.tmp");
    let same = location.with_file_name(
        location
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .replace("scalar", "other"),
    );
    for path in [&other, &old, &young, &same] {
        fs::write(path, b"").unwrap();
    }
    let hours_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    OpenOptions::new()
        .write(true)
        .open(&old)
        .unwrap()
        .set_modified(hours_ago)
        .unwrap();
    fixture
        .file
        .save(&fixture.material.prepare(fixture.file.label()))
        .unwrap();
    assert!(!other.exists() && !old.exists());
    assert!(young.exists() && same.exists() && location.exists());
}

const CHILD: &str = "MERITS_TEST_PREPARED_DIR";

#[test]
fn a_second_process_maps_the_same_file() {
    let label = Label {
        zkey_sha256: SHA,
        path: Path::preferred(),
        tables: TableBudget(0),
    };
    if let Some(dir) = std::env::var_os(CHILD) {
        let fixture = Fixture {
            material: Material::new(90, 120, 1),
            file: PreparedFile::new(dir, label),
            _dir: TempDir::new().unwrap(),
        };
        assert!(matches!(fixture.load(), Readiness::Mapped));
        return;
    }
    let fixture = Fixture::written(Path::preferred());
    let held = fixture.file.open().unwrap();
    let name = "layout::tests::sharing::a_second_process_maps_the_same_file";
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(CHILD, &fixture.file.dir)
        .status()
        .unwrap();
    assert!(status.success());
    fixture.material.prove(&held.key);
}
