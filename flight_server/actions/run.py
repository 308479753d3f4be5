"""Actions on the run history, which find their runs in its store by what they are asked for."""

from velaria.flight_server.actions.registry import action
from velaria.flight_server.calls import Call
from velaria.flight_server.cancelling import cancel_query
from velaria.flight_server.identity.permissions import may_see_query
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.query import QueryCancelReply
from velaria.schemas.run import RunList, RunListReply, RunRef, RunReply


@action("run.list")
def list_runs(service: Service, call: Call, command: RunList) -> RunListReply:
    """The newest runs first."""
    return RunListReply(runs=service.ledger.runs(command.limit, command.state, _only(call)))


@action("run.get")
def get(service: Service, call: Call, command: RunRef) -> RunReply:
    """One run, by its run_id or query_id, with its stages, attempts and events."""
    found = service.ledger.run_told(command.run_id, _only(call))
    if found is None:
        raise VelariaError(codes.UNKNOWN_QUERY, f"no run of that id: {command.run_id}")
    return RunReply(**found)


@action("run.cancel")
def cancel(service: Service, call: Call, command: RunRef) -> QueryCancelReply:
    """End the query of a run, named by its run_id or query_id; the state afterwards is told."""
    run = get(service, call, command).run
    tracked = service.queries.find(run["query_id"])
    if tracked is None or str(tracked.run_id) != run["run_id"]:
        # Another query may have its query_id by now, which clients choose.
        raise VelariaError(
            codes.UNKNOWN_QUERY,
            f"the run's query has ended, or is of another server: {command.run_id}",
        )
    return QueryCancelReply(state=cancel_query(service, call, tracked.query_id))


def _only(call: Call) -> str | None:
    """Whose runs the call may see: its principal's own, all of them for an operator (None)."""
    return None if may_see_query(call, None) else call.client.name
