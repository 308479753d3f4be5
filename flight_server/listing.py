"""What can be read without knowing SQL: tables, views, streams by path, and queries under way."""

from collections.abc import Iterator

import msgspec
import pyarrow.flight as flight

from velaria._kernel import TableInfo
from velaria.flight_server.calls import Call
from velaria.flight_server.flight_infos import FlightInfo, info_of
from velaria.flight_server.identity.permissions import may_see, may_see_query
from velaria.flight_server.ingest import path_of
from velaria.flight_server.plain_types import plain_schema
from velaria.flight_server.queries import TrackedQuery
from velaria.flight_server.service import Service
from velaria.flight_server.statements import flight_info
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import QueryCommand, SubscribeCommand
from velaria.sql_text import quoted_name


def select_all(parts: list[str]) -> str:
    """The statement a path stands for."""
    return f"SELECT * FROM {'.'.join(map(quoted_name, parts))}"


def info_of_path(service: Service, call: Call, descriptor: flight.FlightDescriptor) -> FlightInfo:
    parts = path_of(descriptor)
    name = ".".join(parts)
    command = QueryCommand(sql=select_all(_split_parts(service, parts)))
    for table in service.session.tables():
        if table.name == name and may_see(call, table):
            return flight_info(
                service, call, descriptor, command, table.row_count, table.byte_count
            )
    return flight_info(service, call, descriptor, command)


def _split_parts(service: Service, parts: list[str]) -> list[str]:
    """["sc.t"] as [sc, t] when that is a table, so that a path reads what a DoPut to it writes."""
    if len(parts) == 1 and "." in parts[0]:
        for table in service.session.tables():
            if table.name.lower() == parts[0].lower():
                return [table.catalog_schema, table.bare_name]
    return parts


def list_flights(service: Service, call: Call, criteria: bytes) -> Iterator[FlightInfo]:
    """All that the call can read; `criteria` is the beginning of a name, empty for all."""
    try:
        prefix = criteria.decode("utf-8")
    except UnicodeDecodeError:
        raise VelariaError(codes.BAD_REQUEST, "the criteria are not UTF-8 text") from None
    for table in service.session.tables():
        if table.name.startswith(prefix) and table.kind != "sink" and may_see(call, table):
            yield _table_info(table)
    for tracked in service.queries.running():
        is_seen = may_see_query(call, tracked.principal)
        if is_seen and tracked.schema is not None and tracked.query_id.startswith(prefix):
            yield _running_info(tracked)
    for query in service.streams.all_seen(call):
        if query.name.startswith(prefix):
            progress = query.progress()
            command = msgspec.msgpack.encode(SubscribeCommand(query_id=query.query_id))
            yield info_of(
                plain_schema(query.schema),
                flight.FlightDescriptor.for_command(command),
                [command],
                query.query_id,
                progress.get("rows_out"),
            )


def _running_info(tracked: TrackedQuery) -> FlightInfo:
    """A SELECT that is being read: rows so far, and the id to cancel it by."""
    descriptor = flight.FlightDescriptor.for_command(tracked.sql.encode())
    return info_of(tracked.schema, descriptor, [], tracked.query_id, tracked.row_count)


def _table_info(table: TableInfo) -> FlightInfo:
    outside = table.catalog_schema != "main"
    parts = [table.catalog_schema, table.bare_name] if outside else [table.name]
    return info_of(
        table.schema,
        flight.FlightDescriptor.for_path(*parts),
        [select_all(parts).encode()],
        row_count=table.row_count,
        byte_count=table.byte_count,
    )
