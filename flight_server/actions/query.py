"""Actions on queries under way or lately ended."""

from typing import Any

import msgspec

from velaria.flight_server.actions.registry import action
from velaria.flight_server.calls import Call
from velaria.flight_server.service import Service
from velaria.flight_server.statements import cancel_in_kernel
from velaria.schemas import errors as codes
from velaria.schemas.base import Empty
from velaria.schemas.errors import VelariaError
from velaria.schemas.query import QueryCancelReply, QueryListReply, QueryRef

CANCEL_WAIT_S = 1.0


@action("query.list")
def list_queries(service: Service, call: Call, command: Empty) -> QueryListReply:
    """Queries under way and lately ended, oldest first."""
    return QueryListReply(queries=[tracked.entry() for tracked in service.queries.all()])


@action("query.progress")
def progress(service: Service, call: Call, command: QueryRef) -> dict[str, Any]:
    """A streaming query's progress map, or state, row count and statistics of any other query."""
    for query in service.streams.all():
        if command.query_id in (query.query_id, query.name):
            return query.progress()
    tracked = service.queries.find(command.query_id)
    if tracked is None:
        raise VelariaError(codes.UNKNOWN_QUERY, f"no query of that id: {command.query_id}")
    entry: dict[str, Any] = msgspec.to_builtins(tracked.entry())
    return tracked.statistics() | entry


@action("query.cancel")
def cancel(service: Service, call: Call, command: QueryRef) -> QueryCancelReply:
    """End a query; the state afterwards is told, which is running when it ends at its next step."""
    for query in service.streams.all():
        if command.query_id in (query.query_id, query.name):
            query.stop("now")
            return QueryCancelReply(state=query.status)
    if service.queries.cancel_promise(command.query_id):
        return QueryCancelReply(state="cancelled")
    tracked = service.queries.find(command.query_id)
    if tracked is None:
        raise VelariaError(codes.UNKNOWN_QUERY, f"no query of that id: {command.query_id}")
    if tracked.state != "running":
        return QueryCancelReply(state=tracked.state)
    tracked.ask_cancel()
    state = cancel_in_kernel(service, tracked.query_id)
    if state is None:
        tracked.wait_ended(CANCEL_WAIT_S)
        state = tracked.state
    return QueryCancelReply(state=state)
