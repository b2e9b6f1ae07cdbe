//! Who owns the files, and whether they can be written.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
};

use merits_sqlite::{FileError, durable, keep_private, prove_writable, restrict};
use sqlx::{ConnectOptions as _, Connection as _};

use super::{count, store};

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Regression: under the umask 002 a ledger's database was readable by everybody, and a `-shm` that
/// SQLite made while the file was read-only kept its mode after `chmod`, so that nothing could be
/// written.
#[tokio::test]
async fn the_files_are_their_owners_for_any_umask() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    let db = store(&path, 3).await;
    for (suffix, left) in [("", 0o664), ("-wal", 0o644), ("-shm", 0o400)] {
        set(&beside(&path, suffix), left);
    }
    keep_private(&path).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        assert_eq!(mode(&beside(&path, suffix)), 0o600, "{suffix}");
    }
    db.close().await.unwrap();
}

/// Root can write despite the mode, so the mode itself is checked: somebody set it on purpose.
#[tokio::test]
async fn a_file_or_folder_that_its_owner_may_not_write_is_named_with_mode_and_advice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    store(&path, 3).await.close().await.unwrap();
    for (closed, said) in [
        (0o400, "mode 400"),
        (0o444, "mode 444"),
        (0o200, "mode 200"),
    ] {
        set(&path, closed);
        for refused in [keep_private(&path), restrict(&path)] {
            let error = refused.unwrap_err();
            assert!(matches!(error, FileError::NotWritable { .. }), "{error}");
            let text = error.to_string();
            let owner = format!("owner {}", fs::metadata(&path).unwrap().uid());
            for part in [said, &owner, "chmod 600", "store.sqlite"] {
                assert!(text.contains(part), "{part:?} is not in {text}");
            }
        }
        assert_eq!(mode(&path), closed, "nobody decides that for its owner");
        assert!(!beside(&path, "-shm").exists());
    }
    set(&path, 0o600);
    keep_private(&path).unwrap();
    set(dir.path(), 0o500);
    let refused = keep_private(&path).unwrap_err().to_string();
    set(dir.path(), 0o700);
    for part in ["its folder", "mode 500", "chmod u+rwx"] {
        assert!(refused.contains(part), "{part:?} is not in {refused}");
    }
    keep_private(&path).unwrap();
}

#[tokio::test]
async fn what_others_may_replace_or_own_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("data");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("store.sqlite");
    store(&path, 3).await.close().await.unwrap();
    for (open, taken) in [
        (0o777, false),
        (0o770, false),
        (0o1777, true),
        (0o755, true),
    ] {
        set(&folder, open);
        for kept in [keep_private(&path), restrict(&path)] {
            assert_eq!(kept.is_ok(), taken, "{open:o}: {kept:?}");
        }
    }
    set(&folder, 0o777);
    let said = restrict(&folder.join("new.sqlite"))
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("chmod go-w") && said.contains("mode 777"),
        "{said}"
    );
    assert!(!folder.join("new.sqlite").exists());
    set(&folder, 0o700);

    // Only root can give files away.
    fs::write(beside(&path, "-shm"), "").unwrap();
    for suffix in ["", "-shm"] {
        let path_of = beside(&path, suffix);
        if chown(&path_of, Some(1), None).is_err() {
            return;
        }
        let error = keep_private(&path).unwrap_err();
        assert!(
            matches!(&error, FileError::OtherUser { path, owner: 1, .. } if *path == path_of),
            "{error}"
        );
        chown(&path_of, Some(0), None).unwrap();
    }
    keep_private(&path).unwrap();
}

#[tokio::test]
async fn a_proof_writes_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    let mut db = store(&path, 3).await;
    sqlx::raw_sql("PRAGMA user_version = 7; PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&mut db)
        .await
        .unwrap();
    let log = || fs::metadata(beside(&path, "-wal")).unwrap().len();
    assert_eq!(log(), 0);
    prove_writable(&mut db, &path).await.unwrap();
    assert!(log() > 4_096, "a page went to the disk");
    let version: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut db)
        .await
        .unwrap();
    assert_eq!((version, count(&mut db).await), (7, 3));
    assert!(!db.is_in_transaction());

    // A connection that cannot write, as one to a disk that is mounted read-only.
    let mut reader = durable(&path).read_only(true).connect().await.unwrap();
    let error = prove_writable(&mut reader, &path).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, FileError::NotWritable { .. }), "{text}");
    assert!(
        text.contains("store.sqlite cannot be written (mode"),
        "{text}"
    );
    assert!(
        !text.contains("readonly database") && !text.contains("code"),
        "{text}"
    );
}

/// Regression: only the folder of the link was checked, and SQLite's files were expected beside the
/// link.
#[tokio::test]
async fn a_link_is_as_safe_as_its_target() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path().canonicalize().unwrap();
    let folder = here.join("data");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("store.sqlite");
    let link = here.join("link.sqlite");
    symlink(&path, &link).unwrap();
    // The link leads to nothing: the file is lost, and no new one is made.
    let lost = restrict(&link).unwrap_err().to_string();
    assert!(lost.contains("a link to nothing"), "{lost}");
    assert!(!path.exists());
    let db = store(&path, 3).await;
    for (suffix, left) in [("", 0o664), ("-wal", 0o644), ("-shm", 0o400)] {
        set(&beside(&path, suffix), left);
    }
    restrict(&link).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        assert_eq!(mode(&beside(&path, suffix)), 0o600, "{suffix}");
    }
    db.close().await.unwrap();
    for open in [&folder, &here] {
        set(open, 0o777);
        for refused in [keep_private(&link), restrict(&link)] {
            let said = refused.unwrap_err().to_string();
            assert!(said.contains("mode 777"), "{said}");
        }
        set(open, 0o700);
    }
    set(&folder, 0o500);
    let refused = keep_private(&link).unwrap_err().to_string();
    set(&folder, 0o700);
    assert!(refused.contains("data (mode 500)"), "{refused}");
    keep_private(&link).unwrap();
}

/// Regression: SQLite reported a disk error for a link to nothing, and a file that cannot be opened for a circle.
#[tokio::test]
async fn links_beside_a_store_that_lead_nowhere_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    store(&path, 1).await.close().await.unwrap();
    for suffix in ["-wal", "-shm", "-journal"] {
        let name = format!("store.sqlite{suffix}");
        let beside = dir.path().join(&name);
        for (target, says) in [
            (dir.path().join("nothing"), "a link to nothing"),
            (beside.clone(), "links lead in a circle"),
        ] {
            symlink(&target, &beside).unwrap();
            for error in [
                merits_sqlite::require_files(&path).unwrap_err(),
                merits_sqlite::keep_private(&path).unwrap_err(),
                merits_sqlite::examine(&path).unwrap_err(),
            ] {
                let said = error.to_string();
                assert!(said.contains(&name) && said.contains(says), "{said}");
            }
            fs::remove_file(&beside).unwrap();
        }
    }
    merits_sqlite::keep_private(&path).unwrap();
}
