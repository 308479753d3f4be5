"""The table of Flight SQL's commands: who tells the schema and who answers, by message.

A descriptor's command and a ticket are looked up here alike. A command whose answer needs no
ticket of its own is its own ticket: FlightInfo runs nothing, and DoGet answers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight

from velaria.flight_server.calls import Call
from velaria.flight_server.flight_infos import FlightInfo, info_of
from velaria.flight_server.flight_sql import (
    connections,
    messages,
    metadata,
    schemas,
    statements,
)
from velaria.flight_server.flight_sql.sql_info import sql_info
from velaria.flight_server.flight_sql.xdbc_types import xdbc_types
from velaria.flight_server.results import DataStream, RowStream
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

BATCH_BYTES_MAX = 1 << 20
"""Listings are cut at about this size: clients refuse messages of more than a few MiB."""

SchemaOf = Callable[[Service, Call, Any], pa.Schema]
Answer = Callable[[Service, Call, Any], DataStream]
Info = Callable[[Service, Call, flight.FlightDescriptor, Any], FlightInfo]


@dataclass(frozen=True)
class Handler:
    """What a message can be asked for. `info` None: its bytes are the ticket to its answer."""

    schema_of: SchemaOf | None = None
    answer: Answer | None = None
    info: Info | None = None


def _listing(
    schema: pa.Schema | SchemaOf, rows: Callable[[Service, Call, Any], pa.Table]
) -> Handler:
    schema_of = (lambda *_: schema) if isinstance(schema, pa.Schema) else schema
    return Handler(schema_of, lambda service, call, command: stream(rows(service, call, command)))


HANDLERS: dict[str, Handler] = {
    "CommandStatementQuery": Handler(statements.schema_of, info=statements.flight_info),
    "CommandPreparedStatementQuery": Handler(statements.schema_of, info=statements.flight_info),
    "TicketStatementQuery": Handler(answer=statements.open_ticket),
    "CommandGetSqlInfo": _listing(schemas.SQL_INFO, sql_info),
    "CommandGetXdbcTypeInfo": _listing(schemas.XDBC_TYPE_INFO, xdbc_types),
    "CommandGetCatalogs": _listing(schemas.CATALOGS, metadata.catalogs),
    "CommandGetDbSchemas": _listing(schemas.DB_SCHEMAS, metadata.db_schemas),
    "CommandGetTables": _listing(metadata.tables_schema, metadata.tables),
    "CommandGetTableTypes": _listing(schemas.TABLE_TYPES, metadata.table_types),
    "CommandGetPrimaryKeys": _listing(schemas.PRIMARY_KEYS, metadata.primary_keys),
    "CommandGetExportedKeys": _listing(schemas.FOREIGN_KEYS, metadata.foreign_keys),
    "CommandGetImportedKeys": _listing(schemas.FOREIGN_KEYS, metadata.foreign_keys),
    "CommandGetCrossReference": _listing(schemas.FOREIGN_KEYS, metadata.foreign_keys),
}


def flight_info(service: Service, call: Call, descriptor: flight.FlightDescriptor) -> FlightInfo:
    """GetFlightInfo of a descriptor whose command is a Flight SQL message."""
    command, handler = _asked(service, call, descriptor.command)
    if handler.info is not None:
        return handler.info(service, call, descriptor, command)
    if handler.schema_of is None or handler.answer is None:
        raise _misplaced(command, "GetFlightInfo")
    schema = handler.schema_of(service, call, command)
    return info_of(schema, descriptor, [descriptor.command])


def schema_of(service: Service, call: Call, raw: bytes) -> pa.Schema:
    """GetSchema; nothing is run."""
    command, handler = _asked(service, call, raw)
    if handler.schema_of is None:
        raise _misplaced(command, "GetSchema")
    return handler.schema_of(service, call, command)


def do_get(service: Service, call: Call, raw: bytes) -> DataStream:
    """DoGet of a ticket that is a Flight SQL message."""
    command, handler = _asked(service, call, raw)
    if handler.answer is None:
        raise _misplaced(command, "DoGet")
    return handler.answer(service, call, command)


def stream(table: pa.Table) -> DataStream:
    """A small result as it stands, in batches that every client takes."""
    rows_max = max(1, table.num_rows * BATCH_BYTES_MAX // max(1, table.nbytes))
    batches = table.to_batches(max_chunksize=rows_max)
    return RowStream(pa.RecordBatchReader.from_batches(table.schema, batches))


def _asked(service: Service, call: Call, raw: bytes) -> tuple[Any, Handler]:
    """The message, in the session of its call, and what it can be asked for."""
    connections.join(service, call)
    name, command = messages.unpack(raw)
    return command, HANDLERS.get(name, Handler())


def _misplaced(command: Any, method: str) -> VelariaError:
    return VelariaError(
        codes.BAD_REQUEST,
        f"{method} does not take this message of Flight SQL: {command.DESCRIPTOR.name}",
        hint="Statements that change something go by DoPut, actions by DoAction.",
    )
