"""What a client sets and asks of its session: the current catalog and schema.

Settings of the kernel are the whole server's, so they are none of a session's. A session is opened
by the first SetSessionOptions of a client that is in none.
"""

from typing import Any

from velaria._kernel import KernelError
from velaria.flight_server.calls import Call
from velaria.flight_server.flight_sql import connections
from velaria.flight_server.flight_sql.messages import (
    SessionCloseStatus,
    SessionOptionError,
    new,
)
from velaria.flight_server.permitted import permitted
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.sql_text import quoted_name

CATALOG, SCHEMA = "catalog", "schema"

_OF_THE_VALUE = frozenset({codes.NOT_PERMITTED, codes.REQUEST_TOO_LARGE})
"""Beside all that is wrong with a statement (VEL2xxx), whose one changing part is the value."""


def set_options(service: Service, call: Call, message: Any) -> Any:
    """Each option is set, or its fault told; those without fault are set all the same. VEL1011 when
    the call names a session that is not open."""
    service.connection(call)
    wanted = {name: _text_of(value) for name, value in message.session_options.items()}
    faults = {name: fault for name in wanted if (fault := _fault_of(service, name, wanted[name]))}
    schema = wanted.get(SCHEMA)
    if schema is not None and SCHEMA not in faults:
        fault = _set_schema(service, call, schema)
        if fault is not None:
            faults[SCHEMA] = fault
    errors = {name: new("SetSessionOptionsError", value=fault) for name, fault in faults.items()}
    return new("SetSessionOptionsResult", errors=errors)


def get_options(service: Service, call: Call, message: Any) -> Any:
    told = {
        CATALOG: connections.catalog(service),
        SCHEMA: connections.current_schema(service, call),
    }
    options = {name: new("SessionOptionValue", string_value=told[name]) for name in told}
    return new("GetSessionOptionsResult", session_options=options)


def close(service: Service, call: Call, message: Any) -> Any:
    """Transactions of the session are rolled back, its prepared statements closed."""
    is_closed = connections.close_session(service, call)
    status = SessionCloseStatus.CLOSED if is_closed else SessionCloseStatus.NOT_CLOSEABLE
    return new("CloseSessionResult", status=status)


def _text_of(value: Any) -> str | None:
    """None for what is no text: a value without one, too, by which a client unsets an option."""
    return value.string_value if value.WhichOneof("option_value") == "string_value" else None


def _fault_of(service: Service, name: str, value: str | None) -> SessionOptionError | None:
    if name not in (CATALOG, SCHEMA):
        return SessionOptionError.INVALID_NAME
    if value is None or (name == CATALOG and value != connections.catalog(service)):
        return SessionOptionError.INVALID_VALUE
    return None


def _set_schema(service: Service, call: Call, schema: str) -> SessionOptionError | None:
    """What is wrong with it, as when there is no such schema that the call may see; then no session
    is opened for it either."""
    is_new = call.session_id is None
    if is_new:
        connections.open_session(service, call, keep_unbound=True)
    sql = f"SET schema = {quoted_name(schema)}"
    try:
        with permitted(service, call, sql) as connection:
            connection.execute(sql)
    except (KernelError, VelariaError) as fault:
        if is_new:
            connections.close_session(service, call)
        told = _told_as(fault.code)
        if told is None:
            raise
        return told
    assert call.session_id is not None
    service.transactions.set_schema(call.session_id, schema, call)
    return None


def _told_as(code: str) -> SessionOptionError | None:
    """None for what is no option's fault, and so the call's: that it was cancelled, say."""
    if code == codes.TRANSACTION_STATE:
        return SessionOptionError.ERROR
    is_of_value = code in _OF_THE_VALUE or code.startswith("VEL2")
    return SessionOptionError.INVALID_VALUE if is_of_value else None
