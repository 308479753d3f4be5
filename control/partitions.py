"""One partition per day and table, named run_20130501 and so on."""

import contextlib
import re
from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg import sql

from velaria.control.run_store import DayEnd
from velaria.control.uuid7 import first_of_day

PARTITIONED = ("event", "run", "stage", "attempt")
"""In the order in which a batch is written to them: whoever locks all four takes turns with it."""
SCHEMA_LOCK = 0x56454C4152494131  # "VELARIA1": held by whoever changes the schema
DROP_LOCK_MS_MAX = 500  # others wait behind who waits to drop
DROP_STATEMENT_MS_MAX = 5_000

_EPOCH = date(1970, 1, 1)
_NAME = re.compile(r"(\w+)_(\d{8})\Z", re.ASCII)

# Only what is attached: a day that somebody has detached is his.
_ATTACHED = """
SELECT parent.relname, child.relname
FROM pg_inherits i
JOIN pg_class parent ON parent.oid = i.inhparent
JOIN pg_class child ON child.oid = i.inhrelid
WHERE parent.relnamespace = to_regnamespace('velaria') AND parent.relname = ANY (%s)
  AND child.relnamespace = parent.relnamespace
"""


def make_day(connection: psycopg.Connection[Any], day: int) -> None:
    """Make a day's partitions if they are missing. Several servers may do so at once.

    Each is made on its own and then attached: attaching lets others read and write the other days
    meanwhile.
    """
    with connection.transaction():
        _lock_schema(connection)
        for table in PARTITIONED:
            name = _name(table, day)
            found = connection.execute("SELECT to_regclass(%s)", [f"velaria.{name}"]).fetchone()
            if found is not None and found[0] is not None:
                continue
            parent, child = sql.Identifier("velaria", table), sql.Identifier("velaria", name)
            # Defaults and checks are copied; the keys and indexes come with the attachment.
            connection.execute(
                sql.SQL(
                    "CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
                ).format(child, parent)
            )
            connection.execute(
                sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
                    parent,
                    child,
                    sql.Literal(str(first_of_day(day))),
                    sql.Literal(str(first_of_day(day + 1))),
                )
            )


def days_before(connection: psycopg.Connection[Any], today: int, keep_days: int) -> list[int]:
    """The days that have a partition and ended keep_days ago or more, by the database's
    clock where that is behind `today`.
    """
    row = connection.execute(
        "SELECT floor(extract(epoch FROM clock_timestamp()) / 86400)::bigint"
    ).fetchone()
    assert row is not None
    ends_before = min(today, int(row[0])) - keep_days
    return sorted({day for day in _attached(connection).values() if day < ends_before})


def drop_day(connection: psycopg.Connection[Any], day: int) -> DayEnd:
    """Drop a day of all four tables in one transaction, unless a run of it has not ended.

    A partition is detached before it is dropped, which Postgres refuses while a row elsewhere
    refers to one of its own.
    """
    with connection.transaction():
        connection.execute(
            f"SET LOCAL lock_timeout = {DROP_LOCK_MS_MAX};"
            f"SET LOCAL statement_timeout = {DROP_STATEMENT_MS_MAX}"
        )
        _lock_schema(connection)
        attached = _attached(connection)
        tables = [table for table in PARTITIONED if attached.get(_name(table, day)) == day]
        if not tables:
            return DayEnd.GONE
        if "run" in tables and _has_running(
            connection, sql.Identifier("velaria", _name("run", day))
        ):
            return DayEnd.RUNNING
        for table in tables:
            parent = sql.Identifier("velaria", table)
            child = sql.Identifier("velaria", _name(table, day))
            connection.execute(sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(parent, child))
            connection.execute(sql.SQL("DROP TABLE {}").format(child))
    return DayEnd.DROPPED


def _has_running(connection: psycopg.Connection[Any], partition: sql.Identifier) -> bool:
    """Nobody writes to the partition from here to the end of the transaction."""
    connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(partition))
    row = connection.execute(
        sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE finished_at IS NULL)").format(partition)
    ).fetchone()
    return row is not None and bool(row[0])


def _attached(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """The partitions that make_day() has made, and their days."""
    rows = connection.execute(_ATTACHED, [list(PARTITIONED)]).fetchall()
    found = {}
    for parent, child in rows:
        match = _NAME.match(child)
        if match is not None and match[1] == parent:
            with contextlib.suppress(ValueError):  # digits that are no date are somebody else's
                found[child] = (date.fromisoformat(match[2]) - _EPOCH).days
    return found


def _name(table: str, day: int) -> str:
    return f"{table}_{_EPOCH + timedelta(days=day):%Y%m%d}"


def _lock_schema(connection: psycopg.Connection[Any]) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [SCHEMA_LOCK])
