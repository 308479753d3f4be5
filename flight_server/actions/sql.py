"""Actions on statements."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pyarrow as pa

from velaria._kernel import KernelError, StatementInfo
from velaria.flight_server import sharing, statements
from velaria.flight_server.actions.registry import action
from velaria.flight_server.calls import Call
from velaria.flight_server.errors import as_velaria_error
from velaria.flight_server.forms import check_parameters
from velaria.flight_server.permitted import permitted
from velaria.flight_server.service import Service
from velaria.schemas.base import Done, Empty
from velaria.schemas.errors import VelariaError
from velaria.schemas.sql import (
    AnalyzeReply,
    Column,
    ExplainReply,
    FunctionEntry,
    FunctionsReply,
    SqlAnalyze,
    SqlClose,
    SqlExecute,
    SqlExecuteReply,
    SqlExplain,
    SqlPrepare,
    SqlPrepareReply,
)
from velaria.sql_text import quoted_name


@action("sql.execute")
def execute(service: Service, call: Call, command: SqlExecute) -> SqlExecuteReply:
    """Run one statement; a SELECT is answered with a ticket."""
    check_parameters(command.params)
    with service.promised(command.query_id) as query_id:
        info = statements.describe(service, call, command.sql, command.params, query_id)
        if command.open_session and info.needs_connection and call.session_id is None:
            return _execute_in_new_session(service, call, command, info, query_id)
        if not info.returns_rows:
            return _change(service, call, command, info, query_id)
        shared = sharing.share(service, call, command, info, query_id)
        if shared is not None:
            return SqlExecuteReply(query_id=query_id, kind=info.kind, shared=shared)
        if service.queries.find(query_id) is None:
            return _ticketed(service, command, info, query_id)
    with service.promised() as another_id:  # the first was tried, and the ticket is another run
        return _ticketed(service, command, info, another_id)


def _ticketed(
    service: Service, command: SqlExecute, info: StatementInfo, query_id: str
) -> SqlExecuteReply:
    ticket = statements.issue_ticket(service, info, command.sql, command.params, query_id, command)
    columns = columns_of(statements.result_schema(info, command))
    return SqlExecuteReply(query_id=query_id, kind=info.kind, columns=columns, ticket=ticket)


def _execute_in_new_session(
    service: Service, call: Call, command: SqlExecute, info: StatementInfo, query_id: str
) -> SqlExecuteReply:
    """The client said that it can hold a session; it is told of one that holds something."""
    call.session_id = service.sessions.open()
    try:
        reply = _change(service, call, command, info, query_id)
    except Exception:
        service.sessions.close(call.session_id)
        raise
    reply.session = call.session_id
    return reply


def _change(
    service: Service, call: Call, command: SqlExecute, info: StatementInfo, query_id: str
) -> SqlExecuteReply:
    with service.queries.redeem(query_id) as running_id:
        done = statements.change(service, call, info, command.sql, command.params, running_id)
    return SqlExecuteReply(
        query_id=done.query_id,
        kind=info.kind,
        name=done.stream_name,
        rows_affected=done.rows_affected,
        tag=done.tag,
    )


@action("sql.explain")
def explain(service: Service, call: Call, command: SqlExplain) -> ExplainReply:
    """The logical, physical and strategy sections; nothing is run."""
    with (
        service.refusals_audited(call, "sql.explain"),
        permitted(service, call, command.sql) as connection,
    ):
        return ExplainReply(**connection.explain(command.sql))


@action("sql.analyze")
def analyze(service: Service, call: Call, command: SqlAnalyze) -> AnalyzeReply:
    """Run a statement and tell rows, time and memory of each of its operators."""
    check_parameters(command.params)
    with (
        service.promised(command.query_id) as query_id,
        _behind("EXPLAIN (ANALYZE, FORMAT JSON)", command.sql) as sql,
    ):
        info = statements.describe(service, call, sql, command.params, query_id)
        with service.queries.redeem(query_id) as running_id:
            told = statements.whole(service, call, info, sql, command.params, running_id)
    return AnalyzeReply(query_id=query_id, report=msgspec.json.decode(told["text"][0].as_py()))


@action("sql.prepare")
def prepare(service: Service, call: Call, command: SqlPrepare) -> SqlPrepareReply:
    """Keep a statement by a name in the call's session."""
    info = statements.describe(service, call, command.sql, None)
    with _behind(f"PREPARE {quoted_name(command.name)} AS", command.sql) as sql:
        statements.at_once(service, call, sql)
    columns = columns_of(info.schema) if info.schema is not None else None
    types = [str(field.type) for field in info.parameter_schema]
    return SqlPrepareReply(name=command.name, parameters=types, columns=columns)


@action("sql.close")
def close(service: Service, call: Call, command: SqlClose) -> Done:
    """Forget a prepared statement of the call's session."""
    statements.at_once(service, call, f"DEALLOCATE {quoted_name(command.name)}")
    return Done()


@contextmanager
def _behind(words: str, sql: str) -> Iterator[str]:
    """The statement behind words of ours, on a line of their own: places in it are told as the
    client wrote them."""
    try:
        yield f"{words}\n{sql}"
    except (KernelError, VelariaError) as fault:
        if fault.line > 1:
            fault = as_velaria_error(fault).anew()
            fault.line -= 1
        raise fault from None


@action("sql.functions")
def functions(service: Service, call: Call, command: Empty) -> FunctionsReply:
    """Every function with signature and an example."""
    return FunctionsReply(
        functions=[
            FunctionEntry(
                name=row.name,
                kind=row.kind,
                group=row.group,
                signature=row.signature,
                summary=row.summary,
                null_rule=row.null_rule,
                example=row.example,
                example_result=row.example_result,
            )
            for row in service.session.functions()
        ]
    )


def columns_of(schema: pa.Schema) -> list[Column]:
    return [Column(name=f.name, type=str(f.type), nullable=f.nullable) for f in schema]
