"""What the server does for the actor lane, without Ray: name a query's tables, and record runs."""

from typing import Any

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.server_process import act, put, read, told

RUN: dict[str, Any] = {
    "kind": "lane",
    "text": "SELECT count(*) FROM lane_recorded",
    "state": "failed",
    "elapsed_us": 2_000_000,
    "rows": None,
    "error_code": "VEL5005",
    "error_message": "a lane task failed after its attempts: 2",
    "stages": [
        {"name": "fetch", "state": "succeeded", "started_us": 0, "finished_us": 500_000, "rows": 7},
        {"name": "fragments", "state": "failed", "started_us": 500_000, "finished_us": 1_900_000},
    ],
    "attempts": [
        {
            "stage": "fragment 0",
            "number": number,
            "state": "failed",
            "started_us": 600_000 * number,
            "finished_us": 600_000 * number + 100_000,
            "worker": f"worker-{number}",
            "error": "the worker's process ended",
        }
        for number in (1, 2)
    ],
    "events": [{"name": "lane.retry", "fields": {"task": 0, "wait_ms": 200}}],
}


def history(client: flight.FlightClient, table: str, run_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(
        client, f"SELECT * FROM system.{table} WHERE run_id = '{run_id}'"
    ).to_pylist()
    return found


def test_the_tables_of_a_query_are_named_with_their_kinds(client: flight.FlightClient) -> None:
    put(client, "lane_a", pa.table({"k": [1]}))
    put(client, "lane_b", pa.table({"k": [1]}))
    sql = "SELECT count(*) FROM LANE_A a JOIN lane_b b ON a.k = b.k"
    assert act(client, "lane.inputs", sql=sql) == {"tables": {"lane_a": "table", "lane_b": "table"}}


def test_the_tables_of_a_faulty_query_are_refused_with_its_place(
    client: flight.FlightClient,
) -> None:
    with pytest.raises(flight.FlightServerError) as caught:
        act(client, "lane.inputs", sql="SELECT count(*) FROM lane_nowhere")
    assert told(caught.value)["code"] == "VEL2011"


def test_a_recorded_run_has_its_stages_attempts_and_events(client: flight.FlightClient) -> None:
    run_id = act(client, "run.record", **RUN)["run_id"]
    (run,) = history(client, "runs", run_id)
    assert (run["kind"], run["state"], run["error_code"]) == ("lane", "failed", "VEL5005")
    assert run["duration_ms"] == pytest.approx(2000, abs=500)
    stages = sorted(history(client, "stages", run_id), key=lambda stage: stage["number"])
    assert [(s["name"], s["state"], s["rows"]) for s in stages] == [
        ("fetch", "succeeded", 7),
        ("fragments", "failed", None),
    ]
    assert stages[0]["started_at"] == run["started_at"]
    assert stages[1]["duration_ms"] == 1400
    attempts = sorted(history(client, "attempts", run_id), key=lambda attempt: attempt["number"])
    assert [(a["stage"], a["number"], a["worker"], a["duration_ms"]) for a in attempts] == [
        ("fragment 0", 1, "worker-1", 100),
        ("fragment 0", 2, "worker-2", 100),
    ]
    names = [event["name"] for event in history(client, "events", run_id)]
    assert "lane.retry" in names


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "query"},
        {"state": "running"},
        {"elapsed_us": -1},
        {"elapsed_us": 1_000_000},
        {"unknown": 1},
        {"attempts": [{"stage": "fragment 0", "number": 0}]},
        {"events": [{"name": "n"}] * 10_001},
        {"stages": [{"name": "s", "state": "failed", "started_us": 9, "finished_us": 8}]},
    ],
)
def test_a_run_that_breaks_a_rule_is_refused(
    client: flight.FlightClient, change: dict[str, Any]
) -> None:
    with pytest.raises(flight.FlightServerError) as caught:
        act(client, "run.record", **(RUN | change))
    assert told(caught.value)["code"] == "VEL1003"
