#!/usr/bin/env bash
# A write to SQLite that is rolled back succeeds on a disk that takes nothing.
#
# A server that wants to know before it serves whether its database can be written begins a transaction for
# writing, writes a row, and rolls back, so that nothing changes. In WAL mode that succeeds where not one byte can
# be written: pages stay in memory until the commit. The commit of the same row fails. So the probe has to commit,
# and it can: `PRAGMA user_version` set to the value that it has is written like any other change.
#
# Seen with SQLite 3.40 and later (Python's sqlite3), 2026-11-30. Met by start-up and health checks of everything
# that stores in SQLite. The full disk is a limit on the size of files here (RLIMIT_FSIZE).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >probe.py <<'P'
import resource
import signal
import sqlite3

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
db = sqlite3.connect("a.sqlite", isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("CREATE TABLE t (x)")
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
version = db.execute("PRAGMA user_version").fetchone()[0]


def attempt(write, end):
    try:
        db.execute("BEGIN IMMEDIATE")
        db.execute(write)
        db.execute(end)
        return "works"
    except sqlite3.Error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        return "fails"


row, same = "INSERT INTO t VALUES (1)", f"PRAGMA user_version = {version}"
resource.setrlimit(resource.RLIMIT_FSIZE, (16, resource.RLIM_INFINITY))
found = [(attempt(row, "ROLLBACK"), attempt(row, "COMMIT")), (attempt(same, "ROLLBACK"), attempt(same, "COMMIT"))]
print(*(f"rolled back: {back}, committed: {kept}" for back, kept in found), sep="\n")
P
# Through a pipe, which the limit does not reach.
seen=$(python3 probe.py | cat)
echo "$seen"
[ "$(sort -u <<<"$seen")" = 'rolled back: works, committed: fails' ] || { echo 'changed'; exit 1; }
