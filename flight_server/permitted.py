"""A statement on its way into the kernel: described, judged and started in a turn of its session.

The kernel's description is what a statement is judged by, and a name must mean to the kernel what
it meant then. So whoever runs a statement for a call does so by `started`, or inside of
`permitted`. What the same call has described before is not described again, unless something may
have changed meanwhile: it had to wait for its place, or another statement of its session has
started.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from velaria._kernel import Connection, KernelError, QueryResult, Session, StatementInfo
from velaria.flight_server.calls import Call
from velaria.flight_server.identity.permissions import (
    MAIN,
    TEMPORARY,
    allow_statement,
    allow_write,
    may_read_files,
    started_fault,
    statement_fault,
)
from velaria.flight_server.queries import TrackedQuery
from velaria.flight_server.service import Service


@dataclass(frozen=True)
class Judged:
    """A statement that a call may run, as it was described on `connection` when so many turns of
    its session had ended."""

    sql: str
    params: list[Any] | None
    connection: Session | Connection
    turns_ended: int


def described(
    service: Service, call: Call, sql: str, params: list[Any] | None = None
) -> StatementInfo:
    """The kernel's description of a statement that the call may run. VEL1004 for a text that is too
    long, VEL3011 when planning takes too long, VEL1010, and the kernel's errors as far as the call
    may know them."""
    began_s = service.limits.watchdog.clock_s()
    service.limits.check_statement(sql)
    connection = service.connection(call)
    turns_ended = _turns_ended(call)
    try:
        info = connection.describe(sql, params, opens_files=may_read_files(call))
    except KernelError as fault:
        raise statement_fault(call, fault) from None
    service.limits.check_planning(began_s)
    allow_statement(call, info)
    call.judged = Judged(sql, params, connection, turns_ended)
    return info


def permitted(
    service: Service,
    call: Call,
    sql: str,
    params: list[Any] | None = None,
    pinned: StatementInfo | None = None,
) -> AbstractContextManager[Session | Connection]:
    """What to start the statement on, within the block; VEL1004 for a text that is too long and
    VEL1010 unless the call may run it. Rights count when a statement is started, also where it was
    described before. `pinned` is that description where the statement will run as it was
    described."""
    if pinned is None:
        service.limits.check_statement(sql)
    connection = service.connection(call)
    if call.principal is None:
        return nullcontext(connection)
    return _judged(service, call, connection, sql, params, pinned)


def started(
    service: Service,
    call: Call,
    tracked: TrackedQuery,
    sql: str,
    params: list[Any] | None,
    info: StatementInfo | None = None,
) -> QueryResult:
    """A statement that the call may run, at work; done when it returns no rows. `info` is what it
    is where that is known: a query then reads what it was described with. VEL1010, and VEL3010 when
    it was cancelled before."""
    with permitted(service, call, sql, params, info) as connection:
        tracked.refuse_when_cancelled()
        result = connection.execute(sql, params, tracked.query_id, info)
    if info is not None and info.kind == "prepare":
        service.sessions.note_prepared(call.session_id)
    return result


@contextmanager
def _judged(
    service: Service,
    call: Call,
    connection: Session | Connection,
    sql: str,
    params: list[Any] | None,
    pinned: StatementInfo | None,
) -> Iterator[Session | Connection]:
    with _turn(call):
        if pinned is not None and pinned.is_repeatable:
            allow_statement(call, pinned)
        elif call.judged != Judged(sql, params, connection, _turns_ended(call)):
            described(service, call, sql, params)
        call.judged = None
        try:
            yield connection
        except KernelError as fault:
            raise started_fault(call, fault) from None


def permitted_put(
    service: Service, call: Call, schema: str | None, temporary: bool = False
) -> AbstractContextManager[Session | Connection]:
    """What to begin a put on, within the block, into a table of that schema (None: of the current
    one). VEL1010 unless the call may write there."""
    connection = service.connection(call)
    if call.principal is None:
        return nullcontext(connection)
    return _judged_put(call, connection, schema, temporary)


@contextmanager
def _judged_put(
    call: Call, connection: Session | Connection, schema: str | None, temporary: bool
) -> Iterator[Session | Connection]:
    with _turn(call):
        current = connection.schema if isinstance(connection, Connection) else MAIN
        allow_write(call, TEMPORARY if temporary else schema or current)
        try:
            yield connection
        except KernelError as fault:
            raise statement_fault(call, fault) from None


def _turn(call: Call) -> AbstractContextManager[None]:
    """No other statement of the call's session or transaction starts within: SET schema and PREPARE
    would change what names mean."""
    return nullcontext() if call.turn is None else call.turn.taken(call)


def _turns_ended(call: Call) -> int:
    return 0 if call.turn is None else call.turn.ended
