"""Actions on statements."""

import pyarrow as pa

from velaria._kernel import StatementInfo
from velaria.flight_server import sharing, statements
from velaria.flight_server.actions.registry import action
from velaria.flight_server.calls import Call
from velaria.flight_server.forms import check_parameters
from velaria.flight_server.permitted import permitted
from velaria.flight_server.service import Service
from velaria.schemas.base import Empty
from velaria.schemas.sql import (
    Column,
    ExplainReply,
    FunctionEntry,
    FunctionsReply,
    SqlExecute,
    SqlExecuteReply,
    SqlExplain,
)


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
