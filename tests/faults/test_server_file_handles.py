"""A server that can open no more files: who needs one is told so, the others are served, and it
goes on when files are free again."""

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.flight as flight
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.conftest import FRONTS
from tests.limited_server import exhausted, open_files
from tests.server_process import ServerProcess, act, put, rows, told, until

ROOM = 12
WAIT_S = 60


class InBackground:
    """A call that may have to wait for the server; result() waits for it."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._told: list[Any] = []
        self._thread = threading.Thread(target=lambda: self._told.append(call()), daemon=True)
        self._thread.start()

    def result(self) -> Any:
        self._thread.join(WAIT_S)
        assert self._told, "it has not ended well, or not at all"
        return self._told[0]


@pytest.fixture(params=FRONTS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    arguments = ["--front", request.param, "--metrics", "127.0.0.1:0", "--log", "json"]
    with ServerProcess(allow_path=[tmp_path], arguments=arguments) as process:
        yield process


def fresh_answer(server: ServerProcess, name: str) -> list[tuple[Any, ...]]:
    """By a connection that nobody has used before."""
    options = [("grpc.primary_user_agent", name)]
    with flight.FlightClient(server.uri, generic_options=options) as client:
        return rows(client, "SELECT count(*) FROM handles_t")


def side_answer(server: ServerProcess) -> int:
    with grpc.insecure_channel(server.ready["side"]) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        answer = check(health_pb2.HealthCheckRequest(), timeout=WAIT_S, wait_for_ready=True)
        status: int = answer.status
        return status


def http(server: ServerProcess, path: str) -> str:
    with urllib.request.urlopen(f"http://{server.ready['metrics']}{path}", timeout=WAIT_S) as got:
        text: str = got.read().decode()
        return text


def error_of(call: Callable[[], Any]) -> dict[str, Any]:
    with pytest.raises((flight.FlightError, pa.ArrowException, OSError)) as caught:
        call()
    return told(caught.value)


def test_a_server_without_file_handles_answers_and_goes_on_when_they_are_free(
    server: ServerProcess, tmp_path: Path
) -> None:
    csv = tmp_path / "x.csv"
    csv.write_text("a\n1\n")
    client = server.connect()
    put(client, "handles_t", pa.table({"n": pa.array(range(1_000), pa.int64())}))
    assert rows(client, f"SELECT a FROM '{csv}'") == [(1,)]
    assert until(lambda: act(client, "server.health")["state"] == "serving")
    base = open_files(server.pid)
    with exhausted(server, base + ROOM):
        # What needs no file is answered.
        assert rows(client, "SELECT count(*) FROM handles_t") == [(1_000,)]
        put(client, "handles_u", pa.table({"n": [1]}))
        assert len(act(client, "run.list", limit=3)["runs"]) == 3
        assert act(client, "server.metrics")["metrics"]["process_open_files"] >= base + ROOM
        # What needs one is told that there is none, each query for itself.
        needing = (
            "SELECT a FROM '{}/x.csv'",
            "SELECT a FROM '{}/*.csv'",
            "COPY handles_t TO '{}/y.csv'",
        )
        for statement in (text.format(tmp_path) for text in needing):
            error = error_of(lambda statement=statement: rows(client, statement))
            assert (error["code"], error["retry"]) == ("VEL4003", "later")
            assert "too many open files" in error["message"].lower()
        # Who asks whether it is well is told, by a call and by HTTP, for which one file is kept.
        assert until(lambda: act(client, "server.health")["state"] == "degraded")
        health = act(client, "server.health")
        assert list(health["reasons"]) == ["files"]
        for _ in range(3):
            assert json.loads(http(server, "/readyz"))["reasons"] == health["reasons"]
        assert "velaria_process_open_files" in http(server, "/metrics")
        # Who comes now waits until others have gone.
        waiting = [
            InBackground(lambda: fresh_answer(server, "waiting")),
            InBackground(lambda: side_answer(server)),
        ]
    assert [each.result() for each in waiting] == [
        [(1_000,)],
        health_pb2.HealthCheckResponse.SERVING,
    ]
    assert fresh_answer(server, "afterwards") == [(1_000,)]
    assert rows(client, f"SELECT a FROM '{csv}'") == [(1,)]
    assert until(lambda: act(client, "server.health")["state"] == "serving")
    assert until(lambda: open_files(server.pid) <= base + 3)
    assert "Traceback" not in server.log()
    assert server.terminate() == 0
