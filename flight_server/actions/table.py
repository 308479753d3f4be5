"""Actions on the catalog."""

from velaria.flight_server.actions.registry import action
from velaria.flight_server.actions.sql import columns_of
from velaria.flight_server.calls import Call
from velaria.flight_server.identity.permissions import allow_table, may_see
from velaria.flight_server.identity.principals import Right
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
            if may_see(call, table)
        ]
    )


@action("table.describe")
def describe(service: Service, call: Call, command: TableRef) -> TableDescription:
    """The columns of one table, view, stream or system table."""
    entry = service.seen_table(call, command.table)
    return TableDescription(
        name=entry.name,
        kind=entry.kind,
        columns=columns_of(entry.schema),
        row_count=_known(entry.row_count),
        byte_count=_known(entry.byte_count),
    )


@action("table.drop")
def drop(service: Service, call: Call, command: TableRef) -> Done:
    """Drop one table, view or stream."""
    if call.principal is not None:
        with service.refusals_audited(call, "table.drop"):
            allow_table(call, service.seen_table(call, command.table), Right.WRITE)
    service.session.drop(command.table)
    return Done()


def _known(count: int) -> int | None:
    return count if count >= 0 else None
