"""Actions for the actor lane, a process of its own: what it asks and what it reports."""

from datetime import UTC, datetime

from velaria.control.ledger import Run
from velaria.flight_server import statements
from velaria.flight_server.actions.registry import action
from velaria.flight_server.calls import Call
from velaria.flight_server.queries import new_query_id
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.lane import (
    AttemptEntry,
    LaneInputs,
    LaneInputsReply,
    RunRecord,
    RunRecordReply,
    StageEntry,
)

_FILE = "file"


@action("lane.inputs")
def inputs(service: Service, call: Call, command: LaneInputs) -> LaneInputsReply:
    """The tables that a query reads, with their kinds."""
    info = statements.describe(service, call, command.sql, None)
    kinds = {table.name: table.kind for table in service.session.tables()}
    return LaneInputsReply(tables={name: kinds.get(name, _FILE) for name in info.reads})


@action("run.record")
def record(service: Service, call: Call, command: RunRecord) -> RunRecordReply:
    """Record a finished run of the lane, with its stages, attempts and events."""
    service.limits.check_statement(command.text)
    _check_times(command)
    query_id = new_query_id()
    run = service.ledger.start_run(
        command.kind,
        command.text,
        query_id,
        elapsed_us=command.elapsed_us,
        principal=call.client.name,
    )
    for stage in command.stages:
        run.ended_stage(stage.name, stage.state, stage.started_us, stage.finished_us, stage.rows)
    for attempt in command.attempts:
        run.attempt(
            attempt.stage,
            attempt.number,
            attempt.state,
            _moment(run, attempt.started_us),
            _moment(run, attempt.finished_us),
            attempt.worker,
            attempt.error,
        )
    for event in command.events:
        run.event(event.name, **event.fields)
    run.finish(command.state, command.rows, command.error_code, command.error_message)
    return RunRecordReply(run_id=str(run.run_id), query_id=query_id)


def _moment(run: Run, offset_us: int) -> datetime:
    return datetime.fromtimestamp((run.started_us + offset_us) / 1_000_000, UTC)


def _check_times(command: RunRecord) -> None:
    entries: list[StageEntry | AttemptEntry] = [*command.stages, *command.attempts]
    for entry in entries:
        if not entry.started_us <= entry.finished_us <= command.elapsed_us:
            raise VelariaError(
                codes.BAD_COMMAND,
                "a stage or attempt lies outside its run: "
                f"{entry.started_us} to {entry.finished_us} of {command.elapsed_us} us",
            )
