"""Actions on the run history; they read the same system tables that SQL reads."""

from typing import Any

from velaria.flight_server.actions.registry import action
from velaria.flight_server.calls import Call
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.run import RunList, RunListReply, RunRef, RunReply


@action("run.list")
def list_runs(service: Service, call: Call, command: RunList) -> RunListReply:
    """The newest runs first."""
    where, params = ("", []) if command.state is None else ("WHERE state = ?", [command.state])
    sql = f"SELECT * FROM system.runs {where} ORDER BY started_at DESC LIMIT {command.limit}"
    return RunListReply(runs=_rows(service, sql, params))


@action("run.get")
def get(service: Service, call: Call, command: RunRef) -> RunReply:
    """One run, by its run_id or query_id, with its stages, attempts and events."""
    runs = _rows(
        service,
        "SELECT * FROM system.runs WHERE run_id = ? OR query_id = ?",
        [command.run_id, command.run_id],
    )
    if not runs:
        raise VelariaError(codes.UNKNOWN_QUERY, f"no run of that id: {command.run_id}")
    run_id = str(runs[0]["run_id"])
    parts = {
        name: _rows(service, f"SELECT * FROM system.{name} WHERE run_id = ?", [run_id])
        for name in ("stages", "attempts", "events")
    }
    return RunReply(run=runs[0], **parts)


def _rows(service: Service, sql: str, params: list[Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = service.session.execute(sql, params or None).read_all().to_pylist()
    return rows
