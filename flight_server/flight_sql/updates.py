"""Changes of Flight SQL: run at once, with no parameters, with one row of them or with many.

DoPut(CommandStatementUpdate) and DoPut(CommandPreparedStatementUpdate) answer with a
DoPutUpdateResult, and DoPut(CommandPreparedStatementQuery), which only binds, with a
DoPutPreparedStatementResult: plain messages in app_metadata, not wrapped in an Any.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import pyarrow as pa

from velaria._kernel import Connection, KernelError, Session, StatementInfo
from velaria.flight_server import statements
from velaria.flight_server.calls import Call
from velaria.flight_server.errors import as_velaria_error
from velaria.flight_server.flight_sql import connections, parameters
from velaria.flight_server.limits.watched import WatchedStatement
from velaria.flight_server.permitted import described, permitted
from velaria.flight_server.pulling import pulled
from velaria.flight_server.queries import TrackedQuery, new_query_id
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.sql_text import quoted_name

UNKNOWN_COUNT = -1

_NAMES_NO_PARAMETERS = frozenset({"insert", "update", "delete"})
"""Kinds that are judged once for all rows of parameters: each row uses the same tables, and every
file needs the same right. Of others (SET schema = ?) each row is judged."""


def run(
    service: Service,
    call: Call,
    info: StatementInfo,
    sql: str,
    rows: pa.Table | None,
    query_id: str,
) -> int | None:
    """A statement that returns no rows, once or, all or none, for each row of parameters. The rows
    it concerned; None when it is none that counts them."""
    is_once = rows is None or rows.num_columns == 0 or rows.num_rows == 1
    if is_once or statements.is_continuous(info):
        only = parameters.only_row(rows)
        return statements.change(service, call, info, sql, only, query_id).rows_affected
    tracked = service.queries.start(query_id, "statement", sql)
    try:
        with (
            _at_work(service, call, tracked),
            permitted(service, call, sql, parameters.first_row(rows)) as connection,
        ):
            if call.principal is not None and info.kind not in _NAMES_NO_PARAMETERS:
                for values in parameters.each_row(rows):
                    described(service, call, sql, values)
            result = connection.execute_many(sql, rows, query_id)
    except Exception as fault:
        raise tracked.fail(fault) from fault
    tracked.finish(result.rows_affected or 0)
    return result.rows_affected


@contextmanager
def _at_work(service: Service, call: Call, tracked: TrackedQuery) -> Iterator[WatchedStatement]:
    """In one turn for all rows of parameters, since nothing is sent before the last."""
    watched = service.limits.statement(call, tracked)
    tracked.refuse_when_cancelled()
    yield watched
    watched.close()


@contextmanager
def _permitting(
    service: Service, call: Call, info: StatementInfo, sql: str, rows: pa.Table | None
) -> Iterator[Callable[[list[Any] | None], AbstractContextManager[Session | Connection]]]:
    """What the run of each row of parameters is to be inside of. A change of tables is judged once,
    since to judge a row means to describe the statement anew, and is made whole or not at all."""
    if info.kind not in _NAMES_NO_PARAMETERS:
        yield partial(permitted, service, call, sql)
        return
    with (
        permitted(service, call, sql, parameters.first_row(rows)) as connection,
        _whole(service, call, connection, info, rows) as own,
    ):
        yield lambda values: nullcontext(own)


@contextmanager
def _whole(
    service: Service,
    call: Call,
    connection: Session | Connection,
    info: StatementInfo,
    rows: pa.Table | None,
) -> Iterator[Session | Connection]:
    """Several rows outside of a transaction: one of their own, so that a failure leaves none. On a
    connection of its own, since other statements of the session may run meanwhile; temporary tables
    are not there, and their rows are changed one by one."""
    is_open = isinstance(connection, Connection) and connection.in_transaction
    is_temporary = any(use.kind == "temporary" for use in info.uses)
    if is_open or is_temporary or rows is None or rows.num_rows < 2:
        yield connection
        return
    own = service.session.connect(call.client.name)
    try:
        own.execute(f"SET schema = {quoted_name(connections.current_schema(service, call))}")
        own.execute("BEGIN")
        yield own
        try:
            own.execute("COMMIT")
        except KernelError as fault:
            told = as_velaria_error(fault)
            told.line, told.column, told.caret = 0, 0, ""  # of a text that nobody has sent
            raise told from fault
    finally:
        own.close()


def run_with_rows(
    service: Service,
    call: Call,
    info: StatementInfo,
    sql: str,
    rows: pa.Table | None,
    query_id: str,
) -> pa.Table:
    """A change that returns rows (RETURNING), or may be one (EXPLAIN ANALYZE): all its rows, those
    of each row of parameters after those of the one before."""
    tracked = service.queries.start(query_id, "statement", sql)
    tables: list[pa.Table] = []
    try:
        with (
            _at_work(service, call, tracked) as watched,
            _permitting(service, call, info, sql, rows) as permit,
        ):
            meter = service.limits.meter(tracked, watched)
            for values in parameters.each_row(rows):
                tracked.refuse_when_cancelled()
                with permit(values) as connection:
                    result = connection.execute(sql, values, query_id)
                batches = meter.batches(pulled(result))
                tables.append(pa.Table.from_batches(batches, result.schema))
        reply = pa.concat_tables(tables) if tables else statements.result_schema(info).empty_table()
    except Exception as fault:
        raise tracked.fail(fault) from fault
    tracked.finish(reply.num_rows)
    return reply


def run_any(service: Service, call: Call, sql: str, rows: pa.Table | None) -> int:
    """Whatever a client takes for an update; the rows it concerned, -1 when that is not known.

    A query is read to its end, and its rows are dropped. VEL1008 for one that has no end.
    """
    info = statements.describe(service, call, sql, parameters.first_row(rows))
    connections.hold(service, call, info)
    query_id = new_query_id()
    if not info.returns_rows:
        return run(service, call, info, sql, rows, query_id) or 0
    if statements.is_continuous(info):
        raise VelariaError(
            codes.UNSUPPORTED_REQUEST,
            "an unbounded SELECT is no update",
            hint="Ask for its FlightInfo and read it by DoGet, or start it by stream.start.",
        )
    reply = run_with_rows(service, call, info, sql, rows, query_id)
    return reply.num_rows if info.writes else UNKNOWN_COUNT
