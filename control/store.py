"""Writes records to Postgres and reads the four tables back."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg

from velaria.control.connection import GuardedConnection, PostgresAddress
from velaria.control.migrate import load_migrations, migrate
from velaria.control.partitions import make_day
from velaria.control.records import Record
from velaria.control.run_store import Row, StoreAway
from velaria.control.uuid7 import day_of

WRITE_S_MAX = 3.0
PING_S_MAX = 2.0
SCHEMA_S_MAX = 10.0
READ_ROWS = 16_384
READ_S_MIN = 0.5  # however long the connection took
SERVER_VERSION_MIN = 140_000

_INCOMING = """
CREATE TEMPORARY TABLE IF NOT EXISTS incoming (
    run_id uuid, seq int, role text, name text, at_us bigint, boot_id uuid, query_id text, kind text, text text,
    stage text, number int, state text, started_us bigint, finished_us bigint, rows bigint, worker text,
    error_code text, error_message text, fields text
) ON COMMIT DELETE ROWS
"""
_INCOMING_TYPES = (
    "uuid int4 text text int8 uuid text text text text int4 text int8 int8 int8 text text text text".split()
)
# The end of a run or stage repeats its beginning, so the one with the highest seq is enough.
_FOLD = """
INSERT INTO velaria.event (run_id, seq, occurred_at, name, fields)
    SELECT run_id, seq, velaria.time_of(at_us), name, fields::jsonb FROM pg_temp.incoming
    ON CONFLICT DO NOTHING;
INSERT INTO velaria.run AS r (run_id, query_id, kind, text, state, started_at, finished_at, rows, error_code,
                              error_message, attempts, server_id, boot_id)
    SELECT DISTINCT ON (run_id) run_id, query_id, kind, text, state, velaria.time_of(started_us),
           velaria.time_of(finished_us), rows, error_code, error_message, coalesce(number, 0), '{server_id}', boot_id
    FROM pg_temp.incoming WHERE role = 'run' ORDER BY run_id, seq DESC
    ON CONFLICT (run_id) DO UPDATE SET state = excluded.state, finished_at = excluded.finished_at,
        rows = excluded.rows, error_code = excluded.error_code, error_message = excluded.error_message,
        attempts = excluded.attempts
    WHERE r.finished_at IS NULL AND excluded.finished_at IS NOT NULL;
INSERT INTO velaria.stage AS s (run_id, number, name, state, started_at, finished_at, rows)
    SELECT DISTINCT ON (run_id, number) run_id, number, stage, state, velaria.time_of(started_us),
           velaria.time_of(finished_us), rows
    FROM pg_temp.incoming WHERE role = 'stage' ORDER BY run_id, number, seq DESC
    ON CONFLICT (run_id, number) DO UPDATE SET state = excluded.state, finished_at = excluded.finished_at,
        rows = excluded.rows
    WHERE s.finished_at IS NULL AND excluded.finished_at IS NOT NULL;
INSERT INTO velaria.attempt (run_id, seq, stage, number, state, started_at, finished_at, worker, error)
    SELECT run_id, seq, stage, number, state, velaria.time_of(started_us), velaria.time_of(finished_us), worker,
           error_message
    FROM pg_temp.incoming WHERE role = 'attempt'
    ON CONFLICT DO NOTHING
"""
_CLOSE_ORPHANS = """
UPDATE velaria.run SET state = 'failed', finished_at = greatest(now(), started_at),
    error_message = 'the server ended before the run did'
WHERE server_id = %s AND boot_id <> %s AND finished_at IS NULL
"""
_SPAN = """velaria.micros_of(started_at), velaria.micros_of(finished_at),
    (velaria.micros_of(finished_at) - velaria.micros_of(started_at)) / 1000.0::float8"""
_READ = {
    "runs": f"SELECT run_id::text, query_id, kind, text, state, {_SPAN}, rows, error_code, error_message, attempts"
    " FROM velaria.run",
    "stages": f"SELECT run_id::text, number, name, state, {_SPAN}, rows FROM velaria.stage",
    "attempts": f"SELECT run_id::text, stage, number, state, {_SPAN}, worker, error FROM velaria.attempt",
    "events": "SELECT run_id::text, seq, velaria.micros_of(occurred_at), name, fields::text FROM velaria.event",
}


class PostgresRunStore:
    """A RunStore over one connection for writing and a short-lived one per read."""

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
        self._fold = _FOLD.format(server_id=server_id).encode()
        self._connection: GuardedConnection | None = None
        self._days: set[int] = set()
        self._abort_lock = threading.Lock()
        self.refused_record_count = 0

    def connect(self) -> None:
        self._drop_connection()
        connection = self._address().connect("velaria-ledger")
        try:
            with connection.guard(SCHEMA_S_MAX):
                if connection.raw.info.server_version < SERVER_VERSION_MIN:
                    raise StoreAway(f"PostgreSQL 14 or newer is needed: {connection.raw.info.server_version}")
                applied = migrate(connection.raw, load_migrations())
                connection.raw.execute(_INCOMING)
        except StoreAway:
            connection.close()
            raise
        with self._abort_lock:
            self._connection = connection
        self._days.clear()
        if applied:
            self._log.info("run_history_migrated", applied=applied)

    def write(self, records: Sequence[Record]) -> None:
        connection = self._connected()
        try:
            with connection.guard(WRITE_S_MAX):
                self._make_days(connection, records)
                self._copy_and_fold(connection, records)
        except psycopg.DataError as error:
            self._write_without_refused(records, error)
        except StoreAway:
            self._drop_connection()
            raise

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
            return connection.raw.execute(_CLOSE_ORPHANS, [self._server_id, self._boot_id]).rowcount

    def read(self, table: str, deadline_s: float) -> Iterator[list[Row]]:
        blocks = self._read_blocks(table, deadline_s)
        first = next(blocks, None)
        return _chain(first, blocks)

    def abort(self) -> None:
        with self._abort_lock:
            if self._connection is not None:
                self._connection.abort()

    def close(self) -> None:
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

    def _make_days(self, connection: GuardedConnection, records: Sequence[Record]) -> None:
        for day in {day_of(record.run_id) for record in records} - self._days:
            make_day(connection.raw, day)
            self._days.add(day)

    def _copy_and_fold(self, connection: GuardedConnection, records: Sequence[Record]) -> None:
        with connection.raw.transaction(), connection.raw.cursor() as cursor:
            with cursor.copy("COPY pg_temp.incoming FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(_INCOMING_TYPES)
                for record in records:
                    copy.write_row(record)
            cursor.execute(self._fold)

    def _write_without_refused(self, records: Sequence[Record], error: psycopg.DataError) -> None:
        """Find the records that Postgres can never take by halving, and leave out those alone."""
        if len(records) > 1:
            middle = len(records) // 2
            self.write(records[:middle])
            self.write(records[middle:])
            return
        self.refused_record_count += 1
        record = records[0]
        self._log.error(
            "run_history_record_refused", run_id=str(record.run_id), seq=record.seq, sqlstate=error.sqlstate
        )

    def _read_blocks(self, table: str, deadline_s: float) -> Iterator[list[Row]]:
        """One snapshot of the table, read behind a server-side cursor; the connection ends with the iterator."""
        ends_at = time.monotonic() + deadline_s
        connection = self._address().connect("velaria-reader")
        try:
            with connection.guard(max(READ_S_MIN, ends_at - time.monotonic())):
                connection.raw.autocommit = False
                cursor = connection.raw.cursor(name="rows", binary=True)
                cursor.itersize = READ_ROWS
                cursor.execute(_READ[table])
                block = cursor.fetchmany(READ_ROWS)
            while block:
                yield block
                if len(block) < READ_ROWS:
                    return
                with connection.guard(WRITE_S_MAX):
                    block = cursor.fetchmany(READ_ROWS)
        finally:
            connection.close()


def _chain(first: list[Row] | None, rest: Iterator[list[Row]]) -> Iterator[list[Row]]:
    if first is not None:
        yield first
        yield from rest
