"""system.queries, streams and settings: what a server knows beside its kernel, as tables of SQL.

They take the place of the kernel's own of the same name; the kernel's others (tables, columns,
indexes, functions) stand as they are. The run history brings its own (runs, stages, attempts,
events); all are entered by `register_all`.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pyarrow as pa

from velaria.flight_server.service import Service

_TEXT, _COUNT = pa.string(), pa.int64()

_QUERIES = pa.schema(
    [
        ("query_id", _TEXT),
        ("kind", _TEXT),
        ("sql", _TEXT),
        ("state", _TEXT),
        ("started_unix_ms", _COUNT),
        ("ended_unix_ms", _COUNT),
        ("row_count", _COUNT),
        ("error_code", _TEXT),
        ("principal", _TEXT),
    ]
)
_STREAMS = pa.schema(
    [
        ("query_id", _TEXT),
        ("name", _TEXT),
        ("sql", _TEXT),
        ("status", _TEXT),
        ("rows_in", _COUNT),
        ("rows_out", _COUNT),
        ("rows_late", _COUNT),
        ("state_bytes", _COUNT),
    ]
)
_SETTINGS = pa.schema([("name", _TEXT), ("value", _TEXT)])


def register_all(service: Service) -> None:
    tables: dict[str, tuple[pa.Schema, Callable[[], Iterable[dict[str, Any]]]]] = {
        "queries": (_QUERIES, lambda: _query_rows(service)),
        "streams": (_STREAMS, lambda: _stream_rows(service)),
        "settings": (_SETTINGS, lambda: _setting_rows(service)),
    }
    for name, (schema, rows) in tables.items():
        service.session.register_system_table(name, schema, _opener(schema, rows))
    for name, (schema, opener) in service.ledger.system_tables().items():
        service.session.register_system_table(name, schema, opener)


def _opener(
    schema: pa.Schema, rows: Callable[[], Iterable[dict[str, Any]]]
) -> Callable[[], pa.RecordBatchReader]:
    def open_reader() -> pa.RecordBatchReader:
        batch = pa.RecordBatch.from_pylist(list(rows()), schema=schema)
        return pa.RecordBatchReader.from_batches(schema, [batch])

    return open_reader


def _query_rows(service: Service) -> Iterable[dict[str, Any]]:
    return [msgspec.structs.asdict(tracked.entry()) for tracked in service.queries.all()]


def _stream_rows(service: Service) -> Iterable[dict[str, Any]]:
    for query in service.streams.all():
        progress = query.progress()
        told = {"query_id": query.query_id, "name": query.name, "sql": query.sql}
        counts = ("rows_in", "rows_out", "rows_late", "state_bytes")
        yield told | {"status": query.status} | {name: progress.get(name) for name in counts}


def _setting_rows(service: Service) -> Iterable[dict[str, Any]]:
    # Who asks is not known here, and on a server with identity need not be an admin.
    own = service.options.shown(with_files=service.gate is None)
    shown = {**service.session.settings(), **own}
    return [{"name": name, "value": _told(value)} for name, value in sorted(shown.items())]


def _told(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
