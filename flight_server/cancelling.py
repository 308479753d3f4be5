"""Ending a query by its id, whatever it is: one stream among others, a promise, a statement."""

from velaria.flight_server.calls import Call
from velaria.flight_server.identity.permissions import may_see_query
from velaria.flight_server.queries import TrackedQuery
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

CANCEL_WAIT_S = 1.0


def seen_query(service: Service, call: Call, query_id: str) -> TrackedQuery:
    """VEL4010 for another principal's query as for one that is not there."""
    tracked = service.queries.find(query_id)
    if tracked is None or not may_see_query(call, tracked.principal):
        raise VelariaError(codes.UNKNOWN_QUERY, f"no query of that id: {query_id}")
    return tracked


def cancel_query(service: Service, call: Call, query_id: str) -> str:
    """The state afterwards, which is running when the query ends at its next step. VEL4010."""
    for query in service.streams.all_seen(call):
        if query_id in (query.query_id, query.name):
            query.stop("now")
            return query.status
    may_cancel = may_see_query(call, service.queries.promise_owner(query_id))
    if may_cancel and service.queries.cancel_promise(query_id):
        return "cancelled"
    tracked = seen_query(service, call, query_id)
    if tracked.state != "running":
        return tracked.state
    state = tracked.ask_cancel()
    if state is None:
        tracked.wait_ended(CANCEL_WAIT_S)
        state = tracked.state
    return state
