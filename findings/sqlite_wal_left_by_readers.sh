#!/usr/bin/env bash
# SQLite: a read-only connection that closes last leaves the write-ahead log unfolded.
#
# One expects that the last connection to leave a database in WAL mode folds the log into the file, since
# that is what the last connection does. It is true only of a connection that may write. A server whose
# pool of readers outlives its one writer stops without an error and leaves all that it wrote in `-wal`;
# the file alone opens well and is empty or old. A backup that copies the file alone copies that.
#
# Seen with APSW 3.46.1.0 (SQLite 3.46.1), and with sqlx 0.9.0 on SQLite, 2026-11-30. Met by whoever opens
# readers with SQLITE_OPEN_READONLY beside a writer: fold with `PRAGMA wal_checkpoint(TRUNCATE)` before the
# writer closes, and look at its answer.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check apsw==3.46.1.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import os, shutil, sys, apsw

def rows_in_the_file_alone(name, reader_last):
    writer = apsw.Connection(name)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    reader = apsw.Connection(name, flags=apsw.SQLITE_OPEN_READONLY)
    writer.execute("CREATE TABLE deed (n INTEGER)")
    writer.executemany("INSERT INTO deed VALUES (?)", [(n,) for n in range(60)])
    assert reader.execute("SELECT count(*) FROM deed").fetchall() == [(60,)]
    for connection in (writer, reader) if reader_last else (reader, writer):
        connection.close()
    left = os.path.exists(name + "-wal") and os.path.getsize(name + "-wal") > 0
    shutil.copy(name, name + ".copy")
    copy = apsw.Connection(name + ".copy")
    tables = copy.execute("SELECT count(*) FROM sqlite_schema").fetchall()[0][0]
    rows = copy.execute("SELECT count(*) FROM deed").fetchall()[0][0] if tables else 0
    return left, rows

print("SQLite", apsw.sqlite_lib_version())
last = {}
for who, reader_last in (("the writer", False), ("the reader", True)):
    left, rows = rows_in_the_file_alone("after-" + who.split()[1], reader_last)
    print(f"{who} closes last: log left {left}, rows in a copy of the file {rows} of 60")
    last[who] = (left, rows)
sys.exit(last != {"the writer": (False, 60), "the reader": (True, 0)})
PY
