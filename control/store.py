"""Writes records to Postgres and reads the four tables back."""

import contextlib
import hashlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg

from velaria.control.connection import BadRecord, GuardedConnection, PostgresAddress
from velaria.control.migrate import load_migrations, migrate
from velaria.control.partitions import days_before, drop_day, make_day
from velaria.control.records import Record
from velaria.control.run_store import DayEnd, DayRefused, Row, StoreAway, Wanted
from velaria.control.store_sql import (
    CLOSE_ORPHANS,
    COPY,
    END_RUNS_OF,
    FOLD,
    INCOMING,
    INCOMING_TYPES,
    OTHERS_WITH_OPEN_RUNS,
    READ,
    read_wanted,
)
from velaria.control.uuid7 import day_of

WRITE_S_MAX = 3.0
PING_S_MAX = 2.0
SCHEMA_S_MAX = 10.0
READ_ROWS = 1_024  # of up to 64 KiB of text each: a block has to come in a read's time
READ_S_MIN = 0.5  # however long the connection took
READ_KEPT_S_MAX = 1.0  # a kept connection answers at once, or its Postgres has gone
SERVER_VERSION_MIN = 140_000

_PASSING = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.QueryCanceled,
)
_REFERRED_TO = (psycopg.errors.ForeignKeyViolation, psycopg.errors.DependentObjectsStillExist)

_Asked = tuple[str, dict[str, Any] | None]
"""A statement and its parameters."""


class PostgresRunStore:
    """A RunStore over one connection for writing and a kept one for reading."""

    def __init__(
        self,
        address: Callable[[], PostgresAddress],
        server_id: uuid.UUID,
        boot_id: uuid.UUID,
        log: Any,
    ) -> None:
        self._address = address
        self._server_id = server_id
        self._boot_id = boot_id
        self._log = log
        self._fold = FOLD.format(server_id=server_id).encode()
        self._connection: GuardedConnection | None = None
        self._days: set[int] = set()
        self._kept_reader: GuardedConnection | None = None
        self._is_closed = False
        self._abort_lock = threading.Lock()
        self.refused_record_count = 0

    def connect(self) -> None:
        self._drop_connection()
        connection = self._address().connect("velaria-ledger")
        try:
            with connection.guard(SCHEMA_S_MAX):
                if connection.raw.info.server_version < SERVER_VERSION_MIN:
                    raise StoreAway(
                        f"PostgreSQL 14 or newer is needed: {connection.raw.info.server_version}"
                    )
                applied = migrate(connection.raw, load_migrations())
                connection.raw.execute(INCOMING)
                own = _lock_of(self._server_id)
                connection.raw.execute("SELECT pg_advisory_lock_shared(%s)", [own])
        except StoreAway:
            connection.close()
            raise
        with self._abort_lock:
            self._connection = connection
        self._days.clear()
        if applied:
            self._log.info("run_history_migrated", applied=applied)

    def write(self, records: Sequence[Record]) -> None:
        try:
            self._write_or_refuse(records)
        except BadRecord:
            # Perhaps someone dropped the partition of a day that we have made before.
            self._days.clear()
            self._write_without_bad(records)

    def ping(self) -> None:
        connection = self._connected()
        try:
            with connection.guard(PING_S_MAX):
                connection.raw.execute("SELECT 1")
        except StoreAway:
            self._drop_connection()
            raise

    def close_orphans(self) -> int:
        connection = self._connected()
        with connection.guard(SCHEMA_S_MAX):
            return connection.raw.execute(CLOSE_ORPHANS, [self._server_id, self._boot_id]).rowcount

    def servers_away(self) -> list[uuid.UUID]:
        connection = self._connected()
        with connection.guard(PING_S_MAX):
            found = connection.raw.execute(OTHERS_WITH_OPEN_RUNS, [self._server_id]).fetchall()
            # The lock that is had for a moment ends with its statement.
            return [server_id for (server_id,) in found if _is_away(connection, server_id)]

    def end_runs_of(self, server_id: uuid.UUID) -> int:
        connection = self._connected()
        with connection.guard(SCHEMA_S_MAX), connection.raw.transaction():
            if not _is_away(connection, server_id):
                return 0
            return connection.raw.execute(END_RUNS_OF, [server_id]).rowcount

    def old_days(self, today: int, keep_days: int) -> list[int]:
        with self._dropping() as connection:
            return days_before(connection.raw, today, keep_days)

    def drop_day(self, day: int) -> DayEnd:
        self._days.discard(day)
        with self._dropping() as connection:
            return drop_day(connection.raw, day)

    @contextlib.contextmanager
    def _dropping(self) -> Iterator[GuardedConnection]:
        """StoreAway for a connection that has gone; DayRefused for what Postgres refuses, which
        says nothing about records.
        """
        connection = self._connected()
        try:
            with connection.guard(SCHEMA_S_MAX):
                try:
                    yield connection
                except psycopg.Error as error:
                    if connection.raw.closed:
                        raise
                    away = connection.address.away(error)
                    passes = isinstance(error, _PASSING)
                    raise DayRefused(str(away), _drop_hint(error), away.detail, passes) from None
        except StoreAway:
            self._drop_connection()
            raise

    def read(
        self, table: str, deadline_s: float, wanted: Wanted | None = None
    ) -> Iterator[list[Row]]:
        asked = (READ[table], None) if wanted is None else read_wanted(table, wanted)
        blocks = self._read_blocks(asked, deadline_s)
        first = next(blocks, None)
        return _chain(first, blocks)

    def abort(self) -> None:
        with self._abort_lock:
            if self._connection is not None:
                self._connection.abort()

    def close(self) -> None:
        reader = self._exchange_reader(None)
        self._is_closed = True
        if reader is not None:
            reader.close()
        self._drop_connection()

    def _connected(self) -> GuardedConnection:
        if self._connection is None:
            raise StoreAway("not connected")
        return self._connection

    def _drop_connection(self) -> None:
        with self._abort_lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _write_or_refuse(self, records: Sequence[Record]) -> None:
        connection = self._connected()
        try:
            with connection.guard(WRITE_S_MAX):
                self._make_days(connection, records)
                self._copy_and_fold(connection, records)
        except StoreAway:
            self._drop_connection()
            raise

    def _make_days(self, connection: GuardedConnection, records: Sequence[Record]) -> None:
        for day in {day_of(record.run_id) for record in records} - self._days:
            make_day(connection.raw, day)
            self._days.add(day)

    def _copy_and_fold(self, connection: GuardedConnection, records: Sequence[Record]) -> None:
        with connection.raw.transaction(), connection.raw.cursor() as cursor:
            with cursor.copy(COPY) as copy:
                copy.set_types(INCOMING_TYPES)
                for record in records:
                    copy.write_row(record)
            cursor.execute(self._fold)

    def _write_without_bad(self, records: Sequence[Record]) -> None:
        """Find the records that Postgres can never take by halving, and leave out those alone."""
        try:
            self._write_or_refuse(records)
        except BadRecord as bad:
            if len(records) == 1:
                self._refuse(records[0], bad)
                return
            middle = len(records) // 2
            self._write_without_bad(records[:middle])
            self._write_without_bad(records[middle:])

    def _refuse(self, record: Record, bad: BadRecord) -> None:
        self.refused_record_count += 1
        self._log.error(
            "run_history_record_refused",
            run_id=str(record.run_id),
            seq=record.seq,
            sqlstate=bad.sqlstate,
        )

    def _read_blocks(self, asked: _Asked, deadline_s: float) -> Iterator[list[Row]]:
        """One snapshot of what is asked, read behind a server-side cursor. A connection that was
        read to its end waits for the next reading; any other ends with the iterator.
        """
        connection, cursor, block = self._begin_reading(asked, time.monotonic() + deadline_s)
        is_read_to_end = False
        try:
            while len(block) == READ_ROWS:
                yield block
                with connection.guard(WRITE_S_MAX):
                    block = cursor.fetchmany(READ_ROWS)
            with connection.guard(PING_S_MAX):
                connection.raw.rollback()
            is_read_to_end = True
        finally:
            unwanted = self._exchange_reader(connection) if is_read_to_end else connection
            if unwanted is not None:
                unwanted.close()
        if block:
            yield block

    def _begin_reading(
        self, asked: _Asked, ends_at: float
    ) -> tuple[GuardedConnection, Any, list[Row]]:
        """The first block, from the kept connection, or from a fresh one when that has died."""
        kept = self._exchange_reader(None)
        if kept is not None:
            try:
                return kept, *_first_block(kept, asked, READ_KEPT_S_MAX)
            except StoreAway:
                kept.close()
        fresh = self._address().connect("velaria-reader")
        try:
            fresh.raw.autocommit = False
            left_s = max(READ_S_MIN, ends_at - time.monotonic())
            return fresh, *_first_block(fresh, asked, left_s)
        except BaseException:
            fresh.close()
            raise

    def _exchange_reader(self, connection: GuardedConnection | None) -> GuardedConnection | None:
        """Keep a connection for the next reading; the one kept before is the caller's. A closed
        store keeps none.
        """
        with self._abort_lock:
            if self._is_closed:
                return connection
            kept, self._kept_reader = self._kept_reader, connection
            return kept


def _drop_hint(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return "The role needs to own the tables of the schema velaria, or that schema."
    if isinstance(error, _REFERRED_TO):
        return "Something else in the database refers to that day."
    return ""


def _first_block(
    connection: GuardedConnection, asked: _Asked, seconds: float
) -> tuple[Any, list[Row]]:
    with connection.guard(seconds):
        cursor = connection.raw.cursor(name="rows", binary=True)
        cursor.itersize = READ_ROWS
        cursor.execute(*asked)
        return cursor, cursor.fetchmany(READ_ROWS)


def _lock_of(server_id: uuid.UUID) -> int:
    """The key of the advisory lock that a server shares with nobody but a copy of its folder."""
    digest = hashlib.sha256(b"velaria server " + server_id.bytes).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _is_away(connection: GuardedConnection, server_id: uuid.UUID) -> bool:
    """Whether nobody holds the server's lock; nobody takes it until the transaction ends."""
    asked = "SELECT pg_try_advisory_xact_lock(%s)"
    row = connection.raw.execute(asked, [_lock_of(server_id)]).fetchone()
    return row is not None and bool(row[0])


def _chain(first: list[Row] | None, rest: Iterator[list[Row]]) -> Iterator[list[Row]]:
    if first is not None:
        yield first
        yield from rest
