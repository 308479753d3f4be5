"""What the ledger writes: one record per thing that happened to a run, the same in the queue, the
journal and Postgres.

A run's records are numbered 0, 1, 2, ... by `seq`, and (run_id, seq) names a record for good:
storing one twice changes nothing. Every record becomes an event; `role` says which table it also
shapes. A record that ends a run or a stage repeats what its beginning said, so that order of
arrival does not matter.
"""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

RUN, STAGE, ATTEMPT, EVENT = "run", "stage", "attempt", "event"
FINAL_STATES = frozenset({"succeeded", "failed", "cancelled"})
STATES = FINAL_STATES | {"queued", "running"}

TEXT_CHARS_MAX = 65_536
MESSAGE_CHARS_MAX = 8_192
NAME_CHARS_MAX = 200
PRINCIPAL_CHARS_MAX = 300
"""More than any has: who may read a run is told by the whole name."""
FIELDS_BYTES_MAX = 16_384


class Record(NamedTuple):
    """One line of the ledger. Times are microseconds since 1970 UTC."""

    run_id: uuid.UUID
    seq: int
    role: str
    name: str
    at_us: int
    boot_id: uuid.UUID
    query_id: str | None = None
    kind: str | None = None
    text: str | None = None
    stage: str | None = None
    number: int | None = None
    state: str | None = None
    started_us: int | None = None
    finished_us: int | None = None
    rows: int | None = None
    worker: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    fields: str | None = None

    @property
    def ends_run(self) -> bool:
        return self.role == RUN and self.finished_us is not None


ARROW_SCHEMA = pa.schema(
    [
        pa.field("run_id", pa.binary(16), nullable=False),
        pa.field("seq", pa.int32(), nullable=False),
        pa.field("role", pa.utf8(), nullable=False),
        pa.field("name", pa.utf8(), nullable=False),
        pa.field("at_us", pa.int64(), nullable=False),
        pa.field("boot_id", pa.binary(16), nullable=False),
        pa.field("query_id", pa.utf8()),
        pa.field("kind", pa.utf8()),
        pa.field("text", pa.utf8()),
        pa.field("stage", pa.utf8()),
        pa.field("number", pa.int32()),
        pa.field("state", pa.utf8()),
        pa.field("started_us", pa.int64()),
        pa.field("finished_us", pa.int64()),
        pa.field("rows", pa.int64()),
        pa.field("worker", pa.utf8()),
        pa.field("error_code", pa.utf8()),
        pa.field("error_message", pa.utf8()),
        pa.field("fields", pa.utf8()),
    ]
)


def to_arrow(records: Sequence[Record]) -> pa.RecordBatch:
    """The records as one batch of ARROW_SCHEMA."""
    columns = [list(column) for column in zip(*records, strict=True)]
    columns[0] = [run_id.bytes for run_id in columns[0]]
    columns[5] = [boot_id.bytes for boot_id in columns[5]]
    arrays = [
        pa.array(column, field.type) for column, field in zip(columns, ARROW_SCHEMA, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=ARROW_SCHEMA)


def from_arrow(batch: pa.RecordBatch) -> list[Record]:
    """The inverse of to_arrow()."""
    rows: Iterable[tuple[Any, ...]] = zip(
        *(column.to_pylist() for column in batch.columns), strict=True
    )
    return [
        Record._make(row)._replace(run_id=uuid.UUID(bytes=row[0]), boot_id=uuid.UUID(bytes=row[5]))
        for row in rows
    ]


def storable_text(text: str, chars_max: int) -> str:
    """Text that Postgres can hold: no NUL, no lone surrogate, at most chars_max characters and an
    ellipsis.
    """
    if len(text) > chars_max:
        text = text[:chars_max] + "\u2026"
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def fields_json(fields: dict[str, Any]) -> str | None:
    """An event's fields as JSON text, None when there are none. Values that JSON lacks are written
    as their str().

    Fields that cannot be written, or only in more than FIELDS_BYTES_MAX bytes, leave a note of that
    in their place.
    """
    if not fields:
        return None
    try:
        encoded = msgspec.json.encode(fields, enc_hook=str)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        return _note("unwritable", type(error).__name__)
    if len(encoded) > FIELDS_BYTES_MAX:
        return _note("oversized_bytes", len(encoded))
    # A jsonb value cannot hold U+0000. Only an odd run of backslashes before "u0000" is that
    # escape.
    if b"\\u0000" in encoded:
        encoded = encoded.replace(b"\\\\", b"\\u005c").replace(b"\\u0000", b"\\ufffd")
    return encoded.decode("utf-8")


def _note(key: str, value: object) -> str:
    return msgspec.json.encode({key: value}).decode("utf-8")
