"""Actions on queries under way or lately ended."""

from typing import Any

import msgspec

from velaria.flight_server import polling
from velaria.flight_server.actions.registry import action
from velaria.flight_server.actions.sql import columns_of
from velaria.flight_server.calls import Call
from velaria.flight_server.cancelling import cancel_query, seen_query
from velaria.flight_server.identity.permissions import may_see_query
from velaria.flight_server.service import Service
from velaria.flight_server.shared_results import SHARED_MEMORY
from velaria.schemas import errors as codes
from velaria.schemas.base import Done, Empty
from velaria.schemas.errors import VelariaError
from velaria.schemas.query import (
    QueryCancelReply,
    QueryListReply,
    QueryPoll,
    QueryPollReply,
    QueryRef,
)
from velaria.schemas.results import options_in
from velaria.schemas.tickets import QueryCommand


@action("query.list")
def list_queries(service: Service, call: Call, command: Empty) -> QueryListReply:
    """Queries under way and lately ended, oldest first."""
    seen = [each for each in service.queries.all() if may_see_query(call, each.principal)]
    return QueryListReply(queries=[tracked.entry() for tracked in seen])


@action("query.progress")
def progress(service: Service, call: Call, command: QueryRef) -> dict[str, Any]:
    """A streaming query's progress map, or state, row count and statistics of any other query."""
    for query in service.streams.all_seen(call):
        if command.query_id in (query.query_id, query.name):
            return query.progress()
    tracked = seen_query(service, call, command.query_id)
    entry: dict[str, Any] = msgspec.to_builtins(tracked.entry())
    entry |= {
        "transport_mode": tracked.transport_mode,
        "used_shared_memory": tracked.transport_mode == SHARED_MEMORY,
    }
    return tracked.statistics() | entry


@action("query.cancel")
def cancel(service: Service, call: Call, command: QueryRef) -> QueryCancelReply:
    """End a query; the state afterwards is told, which is running when it ends at its next step."""
    return QueryCancelReply(state=cancel_query(service, call, command.query_id))


@action("query.release")
def release(service: Service, call: Call, command: QueryRef) -> Done:
    """Free the shared memory of a query's rows, which its client has mapped or does not need."""
    service.shared.release(command.query_id)
    return Done()


@action("query.poll")
def poll(service: Service, call: Call, command: QueryPoll) -> QueryPollReply:
    """Start a statement, or ask about one started so; answers with a ticket when rows are there."""
    if command.sql is not None:
        asked = QueryCommand(sql=command.sql, params=command.params, **options_in(command))
        with service.promised(command.query_id) as query_id:
            held = polling.start(service, call, asked, query_id)
    elif command.query_id is not None:
        query_id = command.query_id
        held = polling.find(service, call, query_id)
    else:
        raise VelariaError(
            codes.BAD_COMMAND,
            "query.poll needs sql to start a statement, or the query_id of one that it started",
        )
    state = held.wait(command.wait_ms / 1000)
    reply = QueryPollReply(
        query_id=query_id,
        state=state,
        progress=progress(service, call, QueryRef(query_id=query_id)),
        expires_unix_ms=held.renew(),
    )
    if state == "ready":
        info, reply.ticket, schema = polling.readable(service, held)
        reply.info, reply.columns = info.serialize(), columns_of(schema)
    elif state == "done" and held.result is not None:
        reply.rows_affected, reply.tag = held.result.rows_affected, held.result.tag
    elif held.error is not None:
        reply.error = held.error.reply()
    return reply
