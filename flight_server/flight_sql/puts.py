"""DoPut of Flight SQL: updates, parameters for a prepared query, rows for a table.

Each answers with one message in app_metadata, not wrapped in an Any.
"""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight

from velaria.flight_server.calls import Call
from velaria.flight_server.flight_sql import connections, ingest, parameters, updates
from velaria.flight_server.flight_sql.asked import asked_of
from velaria.flight_server.flight_sql.messages import new, unpack
from velaria.flight_server.ingest import client_went
from velaria.flight_server.service import Service
from velaria.flight_server.wire_ends import ChunkReader, ResultWriter
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

Put = Callable[[Service, Call, Any, ChunkReader], Any]
"""Reads what the client sends, and makes the message to answer with."""


def update(service: Service, call: Call, message: Any, reader: ChunkReader) -> Any:
    """CommandStatementUpdate, with which drivers send no rows, nor the schema of any."""
    asked = asked_of(service, call, message)
    return _counted(updates.run_any(service, call, asked.sql, None))


def update_prepared(service: Service, call: Call, message: Any, reader: ChunkReader) -> Any:
    """CommandPreparedStatementUpdate. The rows that come with it are its parameters; when these
    have no columns those that were bound before count."""
    sent = parameters.receive(service, call, reader)
    asked = asked_of(service, call, message)
    rows = sent if sent.num_columns else asked.rows
    return _counted(updates.run_any(service, call, asked.sql, rows))


def _counted(row_count: int) -> Any:
    return new("DoPutUpdateResult", record_count=row_count)


def bind(service: Service, call: Call, message: Any, reader: ChunkReader) -> Any:
    """CommandPreparedStatementQuery: parameters for the readings to come."""
    service.prepared.use(message.prepared_statement_handle, call)
    rows = parameters.receive(service, call, reader)
    service.prepared.bind(message.prepared_statement_handle, call, rows)
    handle = message.prepared_statement_handle
    return new("DoPutPreparedStatementResult", prepared_statement_handle=handle)


PUTS: dict[str, Put] = {
    "CommandStatementUpdate": update,
    "CommandPreparedStatementUpdate": update_prepared,
    "CommandPreparedStatementQuery": bind,
    "CommandStatementIngest": ingest.take_in,
}


def put(
    service: Service,
    call: Call,
    descriptor: flight.FlightDescriptor,
    reader: ChunkReader,
    writer: ResultWriter,
) -> None:
    """DoPut of a descriptor whose command is a Flight SQL message."""
    name, message = unpack(descriptor.command)
    handler = PUTS.get(name)
    if handler is None:
        raise VelariaError(
            codes.BAD_REQUEST, f"DoPut does not take this message of Flight SQL: {name}"
        )
    connections.join(service, call)
    reply = handler(service, call, message, reader)
    try:
        writer.write(reply.SerializeToString())
    except (pa.ArrowException, OSError) as fault:
        raise client_went() from fault
