#!/usr/bin/env python3
"""Finds aggregates of SQL that are not decoded as an `Option`.

    .ci/aggregates.py [FILE ...]

sqlx reads a NULL of SQLite into a plain number as 0, and PostgreSQL makes it an error. So each statement that fetches
aggregates (count, sum, max, min, avg, total) must have an `Option<` for each column of them. Tests are left out. Without files it reads
every source of the repository, and it first checks that it finds what it must find.
"""
import re
import sys
from pathlib import Path

AGGREGATE = re.compile(r"\b(?:count|sum|max|min|avg|total)\(\s*(?:\*|distinct\b|[a-z_.]+\s*(?:\)|,))", re.I)
SQL = re.compile(r'"((?:[^"\\]|\\.)*)"', re.S)
TESTS = re.compile(r"#\[cfg\((?:test|all\(test,[^\]]*\))\)\]\s*mod \w+ \{")


def columns(sql: str) -> int:
    """Columns of a query that hold an aggregate."""
    listed = re.search(r"\b(?:select|returning)\b", sql, re.I)
    depth, column, found = 0, "", 0
    for at in range(listed.end(), len(sql) + 1):
        rest = sql[at:]
        if depth == 0 and (not rest or rest[0] == "," or re.match(r"\s(?:from|where|into)\b", rest, re.I)):
            found += bool(AGGREGATE.search(column))
            column = ""
            if not rest or rest[0] != ",":
                return found
            continue
        if not rest:
            return found
        depth += (rest[0] == "(") - (rest[0] == ")")
        column += rest[0]
    return found


def wrong(text: str) -> list[int]:
    """Lines of the statements at fault."""
    text = TESTS.split(text)[0]
    found = []
    for literal in SQL.finditer(text):
        if not re.match(r"\s*(?:select|with|insert|update|delete)\b", literal[1], re.I):
            continue
        if not re.search(r"\b(?:select|returning)\b", literal[1], re.I) or not columns(literal[1]):
            continue
        # The statement: Rust's `;` and braces do not occur in our queries.
        start = max(text.rfind(end, 0, literal.start()) for end in ";{}") + 1
        ends = [at for at in (text.find(end, literal.end()) for end in ";{}") if at >= 0]
        statement = text[start : min(ends, default=len(text))]
        if ".execute(" not in statement and statement.count("Option<") < columns(literal[1]):
            found.append(text.count("\n", 0, literal.start()) + 1)
    return found


def selftest() -> None:
    fetch = '.fetch_one(db).await?;'
    assert wrong(f'let n: i64 = query_scalar("SELECT count(*) FROM t"){fetch}') == [1]
    assert wrong(f'fn a() {{\nlet n: (i64, String) =\n query_as("SELECT max(idx), a FROM t"){fetch}') == [3]
    assert wrong(f'let r = query("SELECT SUM(\n value) AS s FROM t"){fetch}') == [1]
    assert not wrong(f'let n: Option<i64> = query_scalar("SELECT count(*) FROM t"){fetch}')
    assert wrong(f'let n: (i64, Option<i64>) = query_as("SELECT count(*), max(a) FROM t"){fetch}') == [1]
    assert not wrong(f'let n: Option<i64> = query_scalar("SELECT (SELECT count(*) FROM t) + sum(b) FROM u"){fetch}')
    assert not wrong('query("UPDATE t SET a = (SELECT min(id) FROM t)").execute(db).await?;')
    assert not wrong(f'let a: i64 = query_scalar("SELECT total FROM stock"){fetch}')
    assert not wrong(f'#[cfg(test)]\nmod tests {{ let n: i64 = query_scalar("SELECT count(*) FROM t"){fetch}')


def main() -> int:
    selftest()
    root = Path(__file__).parent.parent
    files = [Path(name) for name in sys.argv[1:]]
    if not files:
        skipped = {"target", "tests", "examples", "benches"}
        files = [file for file in root.rglob("*.rs") if not skipped & set(file.relative_to(root).parts)]
    faults = [(file, line) for file in sorted(files) for line in wrong(file.read_text())]
    for file, line in faults:
        print(f"{file}:{line}: this aggregate is decoded as a plain value: decode it as an Option (merits_sqlite::counted)")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
