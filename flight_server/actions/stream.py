"""Actions on streaming queries."""

from typing import Any

from velaria.flight_server.actions.registry import action
from velaria.flight_server.calls import Call
from velaria.flight_server.forms import check_parameters
from velaria.flight_server.identity.permissions import allow_table
from velaria.flight_server.identity.principals import Right
from velaria.flight_server.permitted import permitted
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.base import Done, Empty
from velaria.schemas.errors import VelariaError
from velaria.schemas.sql import ExplainReply
from velaria.schemas.stream import (
    StreamEndInput,
    StreamEntry,
    StreamExplain,
    StreamListReply,
    StreamRef,
    StreamStart,
    StreamStarted,
    StreamStop,
)


@action("stream.start")
def start(service: Service, call: Call, command: StreamStart) -> StreamStarted:
    """Start a streaming query; it runs until it is stopped or its input ends."""
    options: dict[str, Any] = {}
    if command.delivery_mode is not None:
        options["delivery_mode"] = command.delivery_mode
    if command.checkpoint_interval_ms is not None:
        raise VelariaError(
            codes.UNSUPPORTED_REQUEST,
            f"checkpoints are not offered: checkpoint_interval_ms={command.checkpoint_interval_ms}",
            hint="Streams are kept in memory and end with the server; leave the field out.",
        )
    check_parameters(command.params)
    with (
        service.refusals_audited(call, "stream.start"),
        permitted(service, call, command.sql, command.params) as connection,
    ):
        query = service.streams.start(
            connection, command.sql, command.name, options, params=command.params
        )
    return StreamStarted(query_id=query.query_id, name=query.name)


@action("stream.stop")
def stop(service: Service, call: Call, command: StreamStop) -> dict[str, Any]:
    """End a streaming query and tell its last progress."""
    query = service.streams.seen(call, command.query_id)
    return service.streams.stop(query.query_id, command.mode)


@action("stream.list")
def list_streams(service: Service, call: Call, command: Empty) -> StreamListReply:
    """All streaming queries."""
    return StreamListReply(
        streams=[
            StreamEntry(
                query_id=query.query_id,
                name=query.name,
                sql=query.sql,
                status=query.status,
                rows_in=progress.get("rows_in"),
                rows_out=progress.get("rows_out"),
            )
            for query in service.streams.all_seen(call)
            for progress in [query.progress()]
        ]
    )


@action("stream.progress")
def progress(service: Service, call: Call, command: StreamRef) -> dict[str, Any]:
    """All progress fields of a streaming query."""
    return service.streams.seen(call, command.query_id).progress()


@action("stream.explain")
def explain(service: Service, call: Call, command: StreamExplain) -> ExplainReply:
    """The three sections for a streaming query; nothing is started."""
    with (
        service.refusals_audited(call, "stream.explain"),
        permitted(service, call, command.sql) as connection,
    ):
        return ExplainReply(**connection.explain_stream(command.sql))


@action("stream.end_input")
def end_input(service: Service, call: Call, command: StreamEndInput) -> Done:
    """Log the end of a stream's input; queries over it finish."""
    if call.principal is not None:
        with service.refusals_audited(call, "stream.end_input"):
            allow_table(call, service.seen_table(call, command.stream), Right.WRITE)
    service.session.end_input(command.stream)
    return Done()
