"""Rows of parameters: one column for each parameter of the statement, one row for each run.

They come from a stranger, so every batch is fully validated before a value of it is looked at. In a
ticket they travel as an Arrow IPC stream, so that whoever holds the ticket can run its statement.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from velaria import _kernel
from velaria.flight_server.calls import Call
from velaria.flight_server.errors import as_velaria_error
from velaria.flight_server.ingest import blamed, next_batch, next_schema
from velaria.flight_server.service import Service
from velaria.flight_server.wire_ends import ChunkReader
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError


def receive(service: Service, call: Call, reader: ChunkReader) -> pa.Table:
    """All rows of a DoPut, validated. VEL1004 for more than limits.parameters_bytes, VEL4006 for
    damage, VEL5009 for a client that sends none and does not end, VEL5002 as Limits.put says."""
    bytes_max = service.options.get("limits.parameters_bytes")
    batches: list[pa.RecordBatch] = []
    byte_count = 0
    with service.limits.put(call, None) as watched:
        try:
            schema = next_schema(reader, call, watched)
            while (batch := next_batch(reader, call, watched)) is not None:
                _kernel.validate_batch(batch)
                byte_count += batch.nbytes
                _refuse_beyond(bytes_max, byte_count, "exceed")
                batches.append(batch)
            return pa.Table.from_batches(batches, schema)
        except Exception as fault:
            watched.refuse_when_given_up()
            raise as_velaria_error(blamed(fault, call)) from fault


def first_row(rows: pa.Table | None) -> list[Any] | None:
    """What the statement is described with; None when it is described without values."""
    return None if rows is None or rows.num_rows == 0 else _row(rows, 0)


def only_row(rows: pa.Table | None) -> list[Any] | None:
    """What runs once, whatever its parameters, runs with. VEL1006 for several rows of them."""
    if rows is not None and rows.num_columns > 0 and rows.num_rows > 1:
        raise VelariaError(
            codes.BAD_PARAMETER,
            f"a continuous query runs with one row of parameters: {rows.num_rows}",
            hint="Start it once for each row.",
        )
    return first_row(rows)


def each_row(rows: pa.Table | None) -> Iterator[list[Any] | None]:
    """The parameters of each run: none at all when there are no columns of them."""
    if rows is None or rows.num_columns == 0:
        yield None
        return
    for index in range(rows.num_rows):
        yield _row(rows, index)


def _row(rows: pa.Table, index: int) -> list[Any]:
    return [column[index] for column in rows.columns]


def to_ticket(service: Service, rows: pa.Table | None) -> bytes | None:
    """VEL1004 for more than limits.ticket_parameters_bytes."""
    if rows is None or rows.num_columns == 0:
        return None
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    written = sink.getvalue()
    bytes_max = service.options.get("limits.ticket_parameters_bytes")
    _refuse_beyond(bytes_max, written.size, "of a query exceed")
    return bytes(written.to_pybytes())


def from_ticket(raw: bytes | None) -> pa.Table | None:
    """Only from tickets whose signature was checked."""
    return None if raw is None else pa.ipc.open_stream(raw).read_all()


def _refuse_beyond(bytes_max: int, byte_count: int, what: str) -> None:
    if byte_count > bytes_max:
        raise VelariaError(
            codes.REQUEST_TOO_LARGE,
            f"the parameters {what} {bytes_max} bytes: {byte_count}",
            hint="Put the values into a table, and join it.",
        )
