"""The run history as SQL sees it: system.runs, system.stages, system.attempts, system.events."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from velaria.control.errors import LedgerError, history_unavailable
from velaria.control.run_store import Row, RunStore, StoreAway, Wanted
from velaria.control.writer import StoreState, Writer

OPEN_S_MAX = 4.5
FLUSH_S_MAX = {StoreState.STARTING: 3.5, StoreState.OK: 2.0, StoreState.AWAY: 1.0}

_UTC = ZoneInfo("UTC")
"""Held, so that the times of rows are told without opening its file when no file can be opened."""
_TIME = pa.timestamp("us", _UTC.key)
_SPAN = [("started_at", _TIME), ("finished_at", _TIME), ("duration_ms", pa.float64())]

SCHEMAS: dict[str, pa.Schema] = {
    "runs": pa.schema(
        [
            *[(name, pa.utf8()) for name in ("run_id", "query_id", "kind", "text", "state")],
            *_SPAN,
            ("rows", pa.int64()),
            ("error_code", pa.utf8()),
            ("error_message", pa.utf8()),
            ("attempts", pa.int64()),
        ]
    ),
    "stages": pa.schema(
        [
            ("run_id", pa.utf8()),
            ("number", pa.int64()),
            ("name", pa.utf8()),
            ("state", pa.utf8()),
            *_SPAN,
            ("rows", pa.int64()),
        ]
    ),
    "attempts": pa.schema(
        [
            ("run_id", pa.utf8()),
            ("stage", pa.utf8()),
            ("number", pa.int64()),
            ("state", pa.utf8()),
            *_SPAN,
            ("worker", pa.utf8()),
            ("error", pa.utf8()),
        ]
    ),
    "events": pa.schema(
        [
            ("run_id", pa.utf8()),
            ("seq", pa.int64()),
            ("occurred_at", _TIME),
            ("name", pa.utf8()),
            ("fields", pa.utf8()),
        ]
    ),
}

SystemTable = tuple[pa.Schema, Callable[[], pa.RecordBatchReader]]


def system_tables(writer: Writer, store: RunStore) -> dict[str, SystemTable]:
    """name -> (schema, open). open() answers or raises LedgerError VEL5003 within OPEN_S_MAX.

    It first waits for what is still queued, so that a run which ended before the read is in it. It
    refuses rather than leave out what stands in the journal.
    """

    def opener(table: str) -> Callable[[], pa.RecordBatchReader]:
        return lambda: _open(table, writer, store)

    return {table: (schema, opener(table)) for table, schema in SCHEMAS.items()}


def read_wanted(
    table: str, writer: Writer, store: RunStore, wanted: Wanted
) -> list[dict[str, Any]]:
    """Those rows of a system table that belong to the runs that are wanted, newest run first. It
    takes as long, and fails in the same way, as opening the table does."""
    if wanted.finds_none:
        return []
    rows: list[dict[str, Any]] = _open(table, writer, store, wanted).read_all().to_pylist()
    return rows


def _open(
    table: str, writer: Writer, store: RunStore, wanted: Wanted | None = None
) -> pa.RecordBatchReader:
    ends_at = time.monotonic() + OPEN_S_MAX
    if not writer.flush(FLUSH_S_MAX[writer.state]):
        raise _refusal(writer)
    try:
        blocks = store.read(table, ends_at - time.monotonic(), wanted)
    except StoreAway as away:
        raise history_unavailable(str(away), away.hint) from None
    return pa.RecordBatchReader.from_batches(SCHEMAS[table], _batches(SCHEMAS[table], blocks))


def _refusal(writer: Writer) -> LedgerError:
    if writer.state is StoreState.OK:
        return history_unavailable(
            "the store is behind", "Try again: what is queued is being written."
        )
    if writer.state is StoreState.STARTING:
        return history_unavailable("Postgres is starting", "Try again in a moment.")
    return history_unavailable(
        writer.reason, writer.hint or "Queries go on; what they did is kept in the journal."
    )


def _batches(schema: pa.Schema, blocks: Iterator[Sequence[Row]]) -> Iterator[pa.RecordBatch]:
    for rows in blocks:
        if rows:
            columns = zip(*rows, strict=True)
            arrays = [
                pa.array(list(column), field.type)
                for column, field in zip(columns, schema, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
