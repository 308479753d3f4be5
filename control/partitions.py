"""One partition per day and table, named run_20130501 and so on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from velaria.control.uuid7 import first_of_day

PARTITIONED = ("run", "stage", "attempt", "event")
SCHEMA_LOCK = 0x56454C4152494131  # "VELARIA1": held by whoever changes the schema


def make_day(connection: psycopg.Connection[Any], day: int) -> None:
    """Make a day's partitions if they are missing. Several servers may do so at once.

    Each is made on its own and then attached: attaching lets others read and write the other days
    meanwhile.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [SCHEMA_LOCK])
        for table in PARTITIONED:
            name = f"{table}_{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day):%Y%m%d}"
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
