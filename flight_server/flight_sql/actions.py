"""The actions of Flight SQL and of Flight's sessions, by name: one message in, at most one out.

Bodies of Flight SQL's own actions are wrapped in an Any, those that Flight has since made its own
are not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from velaria.flight_server import statements
from velaria.flight_server.calls import Call
from velaria.flight_server.flight_sql import cancel, connections, session_options
from velaria.flight_server.flight_sql.messages import (
    EndSavepoint,
    EndTransaction,
    new,
    pack,
    parse,
    unpack,
)
from velaria.flight_server.flight_sql.prepared import Prepared
from velaria.flight_server.identity.permissions import allow_action
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError


def create_prepared(service: Service, call: Call, message: Any) -> Any:
    """Prepare a statement; its parameters and the columns of its result are told."""
    connections.enter(service, call, message.transaction_id)
    info = statements.describe(service, call, message.query, None)
    prepared = Prepared(message.query, message.transaction_id, call.session_id)
    handle = service.prepared.add(prepared, call)
    # Drivers take a statement without a dataset_schema for an update.
    has_rows = info.returns_rows and info.schema is not None
    result = statements.result_schema(info) if has_rows else None
    return new(
        "ActionCreatePreparedStatementResult",
        prepared_statement_handle=handle,
        dataset_schema=result.serialize().to_pybytes() if result is not None else b"",
        parameter_schema=info.parameter_schema.serialize().to_pybytes(),
        is_update=result is None,
    )


def close_prepared(service: Service, call: Call, message: Any) -> None:
    """Forget a prepared statement."""
    service.prepared.close(message.prepared_statement_handle, call)


def begin_transaction(service: Service, call: Call, message: Any) -> Any:
    """Begin a transaction, which statements name by its id."""
    connections.hold_session(service, call)
    schema = connections.current_schema(service, call)
    transaction_id = service.transactions.begin(call, schema)
    return new("ActionBeginTransactionResult", transaction_id=transaction_id)


def end_transaction(service: Service, call: Call, message: Any) -> None:
    """Commit a transaction, or roll it back."""
    connections.tell_end_of_session(service, call, message.transaction_id)
    if message.action == EndTransaction.COMMIT:
        service.transactions.commit(message.transaction_id, call)
    elif message.action == EndTransaction.ROLLBACK:
        service.transactions.roll_back(message.transaction_id, call)
    else:
        raise _no_end("transaction", message.action)


def begin_savepoint(service: Service, call: Call, message: Any) -> Any:
    """Mark a moment of a transaction that it can be rolled back to."""
    savepoint_id = service.transactions.begin_savepoint(message.transaction_id, call)
    return new("ActionBeginSavepointResult", savepoint_id=savepoint_id)


def end_savepoint(service: Service, call: Call, message: Any) -> None:
    """Release a savepoint, or roll its transaction back to it."""
    if message.action == EndSavepoint.RELEASE:
        service.transactions.release_savepoint(message.savepoint_id, call)
    elif message.action == EndSavepoint.ROLLBACK:
        service.transactions.roll_back_to_savepoint(message.savepoint_id, call)
    else:
        raise _no_end("savepoint", message.action)


def _no_end(what: str, action: int) -> VelariaError:
    return VelariaError(codes.BAD_REQUEST, f"no way to end a {what} has that number: {action}")


@dataclass(frozen=True)
class FlightSqlAction:
    """`request` is the message of the body."""

    request: str
    handler: Callable[[Service, Call, Any], Any]
    summary: str
    is_wrapped: bool = True
    even_draining: bool = False


def _own(
    request: str, handler: Callable[[Service, Call, Any], Any], *, even_draining: bool = False
) -> FlightSqlAction:
    summary = (handler.__doc__ or "").split("\n", 1)[0]
    return FlightSqlAction(request, handler, summary, even_draining=even_draining)


ACTIONS: dict[str, FlightSqlAction] = {
    "CreatePreparedStatement": _own("ActionCreatePreparedStatementRequest", create_prepared),
    "ClosePreparedStatement": _own(
        "ActionClosePreparedStatementRequest", close_prepared, even_draining=True
    ),
    "CreatePreparedSubstraitPlan": FlightSqlAction(
        "ActionCreatePreparedSubstraitPlanRequest", lambda *_: None, "Refused: no Substrait."
    ),
    "BeginTransaction": _own("ActionBeginTransactionRequest", begin_transaction),
    "EndTransaction": _own("ActionEndTransactionRequest", end_transaction, even_draining=True),
    "BeginSavepoint": _own("ActionBeginSavepointRequest", begin_savepoint),
    "EndSavepoint": _own("ActionEndSavepointRequest", end_savepoint),
    "CancelQuery": FlightSqlAction(
        "ActionCancelQueryRequest",
        cancel.cancel_old,
        "Cancel a query; CancelFlightInfo is the newer way.",
        even_draining=True,
    ),
    "CancelFlightInfo": FlightSqlAction(
        "CancelFlightInfoRequest",
        cancel.cancel_flight_info,
        "Cancel the query of a FlightInfo.",
        is_wrapped=False,
        even_draining=True,
    ),
    "RenewFlightEndpoint": FlightSqlAction(
        "RenewFlightEndpointRequest",
        cancel.renew,
        "Give an endpoint's ticket its lifetime again.",
        is_wrapped=False,
    ),
    "SetSessionOptions": FlightSqlAction(
        "SetSessionOptionsRequest",
        session_options.set_options,
        "Set the session's catalog or schema.",
        is_wrapped=False,
    ),
    "GetSessionOptions": FlightSqlAction(
        "GetSessionOptionsRequest",
        session_options.get_options,
        "The session's catalog and schema.",
        is_wrapped=False,
    ),
    "CloseSession": FlightSqlAction(
        "CloseSessionRequest",
        session_options.close,
        "Close the session.",
        is_wrapped=False,
        even_draining=True,
    ),
}


def run(service: Service, call: Call, name: str, body: bytes) -> list[bytes]:
    """The results of an action of ACTIONS."""
    action = ACTIONS[name]
    with service.refusals_audited(call, name):
        allow_action(call, name)
    if action.is_wrapped:
        told, message = unpack(body)
        if told != action.request:
            raise VelariaError(
                codes.BAD_COMMAND, f"the action {name} does not take a message of that name: {told}"
            )
    else:
        message = parse(action.request, body)
    connections.join(service, call)
    reply = action.handler(service, call, message)
    if reply is None:
        return []
    return [pack(reply) if action.is_wrapped else bytes(reply.SerializeToString())]
