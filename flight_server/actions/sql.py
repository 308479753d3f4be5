"""Actions on statements."""

import pyarrow as pa

from velaria._kernel import StatementInfo
from velaria.flight_server import sharing, statements
from velaria.flight_server.actions.registry import action
from velaria.flight_server.calls import Call
from velaria.flight_server.forms import check_parameters
from velaria.flight_server.permitted import permitted
from velaria.flight_server.queries import id_is_taken
from velaria.flight_server.service import Service
from velaria.schemas.base import Empty
from velaria.schemas.errors import VelariaError
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
    query_id = promised_id(service, command.query_id)
    info = statements.describe(service, call, command.sql, command.params, query_id)
    if command.open_session and info.needs_connection and call.session_id is None:
        return _execute_in_new_session(service, call, command, info, query_id)
    if info.returns_rows:
        shared = sharing.share(service, call, command, info, query_id)
        if shared is not None:
            return SqlExecuteReply(query_id=query_id, kind=info.kind, shared=shared)
        if service.queries.find(query_id) is not None:
            query_id = service.queries.promise()  # it was tried, and the ticket is another run
        ticket = statements.issue_ticket(
            service, info, command.sql, command.params, query_id, command
        )
        columns = columns_of(statements.result_schema(info, command))
        return SqlExecuteReply(query_id=query_id, kind=info.kind, columns=columns, ticket=ticket)
    return _change(service, call, command, info, query_id)


def promised_id(service: Service, chosen: str | None) -> str:
    """A stream's name is looked up like an id, so that it cannot be one of another query."""
    if chosen is not None and any(chosen == stream.name for stream in service.streams.all()):
        raise id_is_taken(chosen)
    return service.queries.promise(chosen)


def _execute_in_new_session(
    service: Service, call: Call, command: SqlExecute, info: StatementInfo, query_id: str
) -> SqlExecuteReply:
    """The client said that it can hold a session; it is told of one that holds something."""
    try:
        call.session_id = service.sessions.open()
    except VelariaError:
        service.queries.give_back(query_id)  # the client may try again under this id
        raise
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
    service.limits.check_statement(command.sql)
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
