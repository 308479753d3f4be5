"""Asks DuckDB about every record: where the dialects agree, it should give the rows we expect.

    python -m tests.slt.tools.judge [--verbose] [FILE ...]

A record is *confirmed*, *not spoken* (DuckDB refuses it: another dialect), or DuckDB gives other
rows or takes what we refuse. Then it is *as PostgreSQL* when that confirms it, else *declared* when
a comment above the record (`by hand:`, `oracle: postgresql`) says that we mean it, else
*different*: those are to be looked at. Exit 1 when there is one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from ..runner.__main__ import SLT_FOLDER, find_files
from ..runner.compare import expected_rows
from ..runner.files import write_files
from ..runner.parse import HashedRows, QueryRecord, Record, StatementRecord, parse_file
from .expect_from import Answer, ask, same_rows
from .oracles import DuckdbOracle, PostgresCluster, PostgresOracle

VERDICTS = ("confirmed", "as PostgreSQL", "declared", "not spoken", "different")


def opinion(record: Record, answer: Answer) -> str:
    """ "confirmed", "not spoken", "different", or "" for a record that is no question."""
    if isinstance(record, StatementRecord):
        if (answer.rows is None) == record.expects_error:
            return "confirmed"
        return "different" if record.expects_error else "not spoken"
    if not isinstance(record, QueryRecord) or record.expected is None:
        return ""
    if isinstance(record.expected, HashedRows):
        return ""
    if answer.rows is None:
        return "not spoken"
    expected = expected_rows(record, record.expected)
    by_value = record.sort == "valuesort"
    return (
        "confirmed"
        if same_rows(expected, answer.rows, record.types, by_value=by_value)
        else "different"
    )


def verdict(record: Record, duckdb: Answer, postgres: Answer) -> str:
    """One of VERDICTS, or "" for a record that is no question."""
    found = opinion(record, duckdb)
    if found != "different":
        return found
    if opinion(record, postgres) == "confirmed":
        return "as PostgreSQL"
    reasons = ("by hand:", "oracle: postgresql")
    declared = any(comment.startswith(reasons) for comment in record.comments)
    return "declared" if declared else "different"


def judge_file(path: Path, dsn: str, *, verbose: bool) -> Counter[str]:
    duckdb, postgres = DuckdbOracle(), PostgresOracle(dsn)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        for record in parse_file(path).records:
            answers = [ask(engine, record, Path(folder)) for engine in (duckdb, postgres)]
            found = verdict(record, *answers)
            counts[found] += 1
            if found == "different" or (verbose and found in VERDICTS[1:]):
                print(f"{path.name}:{record.line}: {found}\n    {record.sql}")
                print(f"      duckdb: {answers[0]}\n      postgresql: {answers[1]}")
    duckdb.close()
    postgres.close()
    return counts


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.slt.tools.judge")
    parser.add_argument("paths", nargs="*", type=Path, help="default: every record file")
    parser.add_argument("--verbose", action="store_true", help="show all that is not confirmed")
    options = parser.parse_args(arguments)
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="velaria-pg-") as folder:
        cluster = PostgresCluster(Path(folder))
        try:
            for path in options.paths or find_files([SLT_FOLDER]):
                total += judge_file(path, cluster.dsn, verbose=options.verbose)
        finally:
            cluster.close()
    print(", ".join(f"{total[name]} {name}" for name in VERDICTS))
    return 1 if total["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
