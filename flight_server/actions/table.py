"""Actions on the catalog."""

from velaria._kernel import TableInfo
from velaria.flight_server.actions.registry import action
from velaria.flight_server.actions.sql import columns_of
from velaria.flight_server.calls import Call
from velaria.flight_server.service import Service
from velaria.schemas.base import Done, Empty
from velaria.schemas.table import TableDescription, TableEntry, TableListReply, TableRef


@action("table.list")
def list_tables(service: Service, call: Call, command: Empty) -> TableListReply:
    """Tables, views and streams with row and byte counts."""
    return TableListReply(
        tables=[
            TableEntry(
                name=table.name,
                kind=table.kind,
                row_count=_known(table.row_count),
                byte_count=_known(table.byte_count),
            )
            for table in service.session.tables()
        ]
    )


@action("table.describe")
def describe(service: Service, call: Call, command: TableRef) -> TableDescription:
    """The columns of one table, view or stream."""
    schema = service.session.table_schema(command.table)
    entry = _find(service, command.table)
    return TableDescription(
        name=command.table,
        kind=entry.kind if entry else "table",
        columns=columns_of(schema),
        row_count=_known(entry.row_count) if entry else None,
        byte_count=_known(entry.byte_count) if entry else None,
    )


@action("table.drop")
def drop(service: Service, call: Call, command: TableRef) -> Done:
    """Drop one table, view or stream."""
    service.session.drop_table(command.table)
    return Done()


def _find(service: Service, name: str) -> TableInfo | None:
    return next((table for table in service.session.tables() if table.name == name), None)


def _known(count: int) -> int | None:
    return count if count >= 0 else None
