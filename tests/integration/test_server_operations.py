"""Logs, metrics and health of a running server whose Postgres is away."""

import contextlib
import http.client
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.flight as flight
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.server_process import ServerProcess, act, put, rows, until

CANARY = "c4nary-in-the-dsn"
DSN = f"postgresql://ann:{CANARY}@127.0.0.1:1/history?connect_timeout=1"


@pytest.fixture(scope="module")
def operated() -> Iterator[ServerProcess]:
    words = ["--metrics", "127.0.0.1:0", "--log", "json", "--log-level", "debug"]
    with ServerProcess(postgres=DSN, arguments=words) as started:
        yield started


def get(server: ServerProcess, path: str) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection(server.ready["metrics"], timeout=10)
    connection.request("GET", path)
    reply = connection.getresponse()
    told = (reply.status, reply.read().decode(), reply.headers["Content-Type"])
    connection.close()
    return told


def metric(server: ServerProcess, name: str) -> float:
    _, text, _ = get(server, "/metrics")
    found = re.search(rf"^velaria_{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def grpc_health(server: ServerProcess) -> Any:
    with grpc.insecure_channel(server.ready["side"]) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        return stub.Check(health_pb2.HealthCheckRequest(), timeout=5).status


def lines_of(server: ServerProcess) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log().splitlines()]


def test_metrics_measure_calls_queries_and_the_process(operated: ServerProcess) -> None:
    ok = 'calls_ended_total{method="DoGet",action="",status="ok"}'
    wrong = 'calls_ended_total{method="DoGet",action="",status="VEL2012"}'
    seconds = 'call_seconds_count{method="DoGet"}'
    before = {name: metric(operated, name) for name in (ok, wrong, seconds, "ingest_bytes_total")}
    with operated.connect() as client:
        put(client, "measured", pa.table({"a": pa.array(range(1000), pa.int64())}))
        assert rows(client, "SELECT count(*) FROM measured") == [(1000,)]
        with pytest.raises(flight.FlightError):
            rows(client, "SELECT no_such_column FROM measured")
        flat = act(client, "server.metrics")["metrics"]
    assert until(lambda: metric(operated, seconds) == before[seconds] + 2)
    assert metric(operated, ok) == before[ok] + 1
    assert metric(operated, wrong) == before[wrong] + 1
    assert metric(operated, "ingest_bytes_total") == before["ingest_bytes_total"] + 8000
    assert metric(operated, 'queries_total{kind="query",state="finished"}') >= 1
    assert metric(operated, 'queries_total{kind="ingest",state="finished"}') >= 1
    assert metric(operated, "tables_bytes") > 1000
    assert metric(operated, "process_resident_bytes") > 10 << 20
    assert metric(operated, "process_threads") > 3
    assert metric(operated, "process_open_files") > 3
    assert metric(operated, "memory_cap_bytes") > metric(operated, "process_resident_bytes")
    assert flat["ingest_rows_total"] >= 1000
    assert get(operated, "/metrics")[2].startswith("text/plain; version=0.0.4")


def test_without_postgres_the_server_is_degraded_and_takes_work(operated: ServerProcess) -> None:
    assert until(lambda: json.loads(get(operated, "/readyz")[1])["state"] == "degraded")
    status, body, _ = get(operated, "/readyz")
    assert (status, list(json.loads(body)["reasons"])) == (200, ["run_history"])
    assert get(operated, "/healthz")[0] == 200
    assert grpc_health(operated) == health_pb2.HealthCheckResponse.SERVING
    with operated.connect() as client:
        told = act(client, "server.health")
    assert (told["state"], told["parts"]["run_history"]) == ("degraded", "degraded")
    assert told["reasons"]["run_history"]
    assert metric(operated, "run_history_up") == 0
    assert metric(operated, 'health{state="degraded"}') == 1
    assert until(lambda: '"event": "health changed"' in operated.log())


def test_the_lines_of_a_call_name_call_query_and_run(operated: ServerProcess) -> None:
    with operated.connect() as client:
        assert rows(client, "SELECT 'find me' AS v") == [("find me",)]
        with pytest.raises(flight.FlightError):
            act(client, "table.describe", table="no_such_table")

    def ended() -> list[dict[str, Any]]:
        return [line for line in lines_of(operated) if line["event"] == "call ended"]

    assert until(lambda: any(line.get("action") == "table.describe" for line in ended()))
    (begun,) = (line for line in lines_of(operated) if "find me" in str(line.get("sql")))
    assert begun["level"] == "debug" and begun["run_id"]
    (call,) = (line for line in ended() if line.get("query_id") == begun["query_id"])
    assert (call["method"], call["status"], call["run_id"]) == ("DoGet", "ok", begun["run_id"])
    assert call["call_id"] == begun["call_id"] and call["seconds"] > 0
    (failed,) = (line for line in ended() if line.get("action") == "table.describe")
    assert (failed["level"], failed["status"]) == ("info", "VEL2011")


def test_the_dsns_password_is_nowhere(operated: ServerProcess) -> None:
    with operated.connect() as client:
        shown = act(client, "server.settings")["settings"]
        listed = rows(client, "SELECT value FROM system.settings WHERE name = 'postgres.dsn'")
        with pytest.raises(flight.FlightError):
            rows(client, f"SELECT '{CANARY}' + nothing")
    assert shown["postgres.dsn"] == "***"
    assert listed == [("***",)]
    assert until(lambda: "run_history" in operated.log())
    assert CANARY not in operated.log()
    assert CANARY not in get(operated, "/metrics")[1] + get(operated, "/readyz")[1]


def test_the_metrics_port_survives_silent_and_odd_clients(operated: ServerProcess) -> None:
    host, port = operated.ready["metrics"].rsplit(":", 1)
    silent = [socket.create_connection((host, int(port))) for _ in range(20)]
    for held in silent:
        held.close()
    with socket.create_connection((host, int(port))) as odd:
        odd.sendall(b"\x00\xff" * 1000 + b"\r\n\r\n")
    assert until(lambda: _answers(operated))
    assert get(operated, "/no/such/page")[0] == 404


def _answers(server: ServerProcess) -> bool:
    try:
        return get(server, "/metrics")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def watched(server: ServerProcess) -> list[int]:
    """The statuses that the side port tells a watcher, as they come."""
    seen: list[int] = []

    def watch() -> None:
        with grpc.insecure_channel(server.ready["side"]) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            with contextlib.suppress(grpc.RpcError):
                for reply in stub.Watch(health_pb2.HealthCheckRequest()):
                    seen.append(reply.status)

    threading.Thread(target=watch, daemon=True).start()
    return seen


def test_a_draining_server_is_alive_and_not_ready() -> None:
    with ServerProcess(arguments=["--metrics", "127.0.0.1:0"]) as server:
        assert get(server, "/readyz")[0] == 200
        client = server.connect()
        act(client, "sql.execute", sql="CREATE STREAM endless (a INTEGER)")
        reader = client.do_get(flight.Ticket(b"SELECT a FROM endless"))
        seen = watched(server)
        assert until(lambda: seen == [health_pb2.HealthCheckResponse.SERVING])
        act(client, "server.drain", wait_ms=30_000)
        assert until(lambda: get(server, "/readyz")[0] == 503)
        assert get(server, "/healthz")[0] == 200
        assert grpc_health(server) == health_pb2.HealthCheckResponse.NOT_SERVING
        assert until(lambda: seen[1:] == [health_pb2.HealthCheckResponse.NOT_SERVING])
        threading.Thread(target=reader.cancel, daemon=True).start()
        assert server.process.wait(20) == 0


def test_a_draining_server_still_ends_what_its_clients_have_begun() -> None:
    with ServerProcess() as server:
        client = server.connect()
        act(client, "sql.execute", sql="CREATE STREAM endless (a INTEGER)")
        client.do_get(flight.Ticket(b"SELECT a FROM endless"))
        (run,) = act(client, "run.list", state="running")["runs"]
        act(client, "server.drain", wait_ms=30_000)
        with pytest.raises(flight.FlightError, match="VEL5001"):
            act(client, "run.list")
        assert act(client, "query.release", query_id="q-none") == {}
        assert act(client, "run.cancel", run_id=run["run_id"])["state"] in ("stopped", "finished")
        assert server.process.wait(20) == 0


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_a_metrics_port_off_loopback_must_be_meant(address: str) -> None:
    with pytest.raises(RuntimeError, match=r"VEL1007 the metrics port is off loopback"):
        ServerProcess(arguments=["--metrics", address])
    meant = ["--metrics", address, "--set", "metrics.off_loopback=true"]
    with ServerProcess(arguments=meant) as server:
        assert server.is_alive()


def test_the_doctor_tells_why_a_server_is_degraded(operated: ServerProcess) -> None:
    command = [sys.executable, "-m", "velaria.flight_server.cli", "doctor", "--json"]
    done = subprocess.run(
        [*command, "--server", operated.uri], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 5, done.stderr
    told = json.loads(done.stdout)
    (server,) = (check for check in told["checks"] if check["name"] == "server")
    assert server["state"] == "wrong"
    assert "degraded: run_history: " in server["text"]
    assert not any(check["name"] == "listener" for check in told["checks"])
