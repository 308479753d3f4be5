"""A server whose Postgres is away, killed or hung: statements are answered as ever, health says
degraded and never down, and what ran is told once when Postgres is back."""

import contextlib
import json
import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.flight as flight
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.integration.run_history_support import OutsidePostgres, cluster, data_dir, outside
from tests.limited_server import exhausted, open_files
from tests.server_process import ServerProcess, act, put, rows, told, until

__all__ = ["cluster", "data_dir", "outside"]

STATEMENTS = 40
STATEMENT_S_MAX = 5.0
"""Far above what one takes, on a machine that does much else, and below any limit on Postgres."""
BACK_S = 30.0


@contextlib.contextmanager
def served(postgres: OutsidePostgres, data_dir: Path) -> Iterator[ServerProcess]:
    arguments = ["--metrics", "127.0.0.1:0"]
    with ServerProcess(postgres=postgres.tcp, data_dir=data_dir, arguments=arguments) as server:
        yield server


def work(client: flight.FlightClient, tag: str) -> float:
    """Statements with the tag, a change and a DoPut; the longest time (s) that one of them took."""
    slowest_s = 0.0
    put(client, f"away_{tag}", pa.table({"n": [1, 2, 3]}))
    act(client, "sql.execute", sql=f"DELETE FROM away_{tag} WHERE n = 3")
    for index in range(STATEMENTS):
        began = time.monotonic()
        assert rows(client, f"SELECT n, '{tag}' FROM away_{tag} WHERE n > {index}") is not None
        slowest_s = max(slowest_s, time.monotonic() - began)
    assert rows(client, f"SELECT count(*) FROM away_{tag}") == [(2,)]
    return slowest_s


def kept(postgres: OutsidePostgres, tag: str) -> list[tuple[Any, ...]]:
    """Of the tag's statements: runs, ends and, of each of the three other tables, rows."""
    where = f"FROM velaria.run r WHERE text LIKE 'SELECT n, ''{tag}''%'"
    counts = [
        f"(SELECT count(*) FROM velaria.{table} p WHERE p.run_id IN (SELECT r.run_id {where}))"
        for table in ("stage", "attempt", "event")
    ]
    return postgres.rows(f"SELECT count(*), count(finished_at), {', '.join(counts)} {where}")


ONCE = [(STATEMENTS, STATEMENTS, STATEMENTS, STATEMENTS, 4 * STATEMENTS)]


def health_of(server: ServerProcess) -> tuple[str, dict[str, str]]:
    """By a call, which the other ways must not contradict."""
    with grpc.insecure_channel(server.ready["side"]) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        status = check(health_pb2.HealthCheckRequest(), timeout=10).status
    assert status == health_pb2.HealthCheckResponse.SERVING
    for path in ("/healthz", "/readyz"):
        with urllib.request.urlopen(f"http://{server.ready['metrics']}{path}", timeout=10) as got:
            assert json.loads(got.read())["state"] in ("serving", "degraded")
    health = act(server.connect(), "server.health")
    return health["state"], health["reasons"]


def is_degraded_by_the_history(server: ServerProcess) -> bool:
    state, reasons = health_of(server)
    return (state, list(reasons)) == ("degraded", ["run_history"])


def reading_is_refused(client: flight.FlightClient) -> None:
    began = time.monotonic()
    with pytest.raises((flight.FlightError, pa.ArrowException)) as caught:
        rows(client, "SELECT count(*) FROM system.runs")
    error = told(caught.value)
    assert (error["code"], error["retry"]) == ("VEL5003", "later")
    assert time.monotonic() - began < 5 + STATEMENT_S_MAX


def can_read(client: flight.FlightClient) -> bool:
    with contextlib.suppress(flight.FlightError, pa.ArrowException):
        return rows(client, "SELECT count(*) >= 0 FROM system.runs") == [(True,)]
    return False


def comes_back(server: ServerProcess, postgres: OutsidePostgres, *tags: str) -> None:
    # Reading waits for what is queued, and is refused while there is a journal.
    client = server.connect()
    assert until(lambda: can_read(client), BACK_S)
    assert [kept(postgres, tag) for tag in tags] == [ONCE] * len(tags)
    assert until(lambda: health_of(server) == ("serving", {}), BACK_S)
    assert act(client, "server.metrics")["metrics"]["run_history_lost_total"] == 0


def test_postgres_that_is_away_at_the_start_is_not_waited_for(
    outside: OutsidePostgres, data_dir: Path
) -> None:
    outside.kill()
    with served(outside, data_dir) as server:
        client = server.connect()
        assert work(client, "first") < STATEMENT_S_MAX
        assert until(lambda: is_degraded_by_the_history(server))
        reading_is_refused(client)
        outside.start()
        comes_back(server, outside, "first")


def test_postgres_that_is_killed_costs_no_statement_and_no_record(
    outside: OutsidePostgres, data_dir: Path
) -> None:
    with served(outside, data_dir) as server:
        client = server.connect()
        work(client, "before")
        outside.kill()
        assert work(client, "during") < STATEMENT_S_MAX
        assert until(lambda: is_degraded_by_the_history(server))
        reading_is_refused(client)
        outside.start()
        comes_back(server, outside, "before", "during")
        assert rows(client, "SELECT count(*) > 80 FROM system.runs") == [(True,)]


def test_postgres_that_hangs_holds_up_neither_statements_nor_the_end(
    outside: OutsidePostgres, data_dir: Path
) -> None:
    with served(outside, data_dir) as server:
        client = server.connect()
        work(client, "before")
        outside.signal(signal.SIGSTOP)
        assert work(client, "during") < STATEMENT_S_MAX
        assert until(lambda: is_degraded_by_the_history(server), 20)
        reading_is_refused(client)
        outside.signal(signal.SIGCONT)
        comes_back(server, outside, "before", "during")
        outside.signal(signal.SIGSTOP)
        assert work(client, "again") < STATEMENT_S_MAX
        began = time.monotonic()
        assert server.terminate() == 0
        assert time.monotonic() - began < 10
    with served(outside, data_dir) as server:
        assert work(server.connect(), "anew") < STATEMENT_S_MAX
        assert until(lambda: is_degraded_by_the_history(server), 20)
        outside.signal(signal.SIGCONT)
        comes_back(server, outside, "before", "during", "again", "anew")


def test_postgres_that_goes_when_no_file_is_left_comes_back_when_one_is(
    outside: OutsidePostgres, data_dir: Path
) -> None:
    with served(outside, data_dir) as server:
        client = server.connect()
        work(client, "before")
        assert until(lambda: can_read(client))
        with exhausted(server, open_files(server.pid) + 12):
            outside.kill()
            # Its connection was a file, which another connection has taken meanwhile.
            assert work(client, "during") < STATEMENT_S_MAX
            wanted = ["run_history", "files"]
            assert until(lambda: list(act(client, "server.health")["reasons"]) == wanted)
            reading_is_refused(client)
            outside.start()
        comes_back(server, outside, "before", "during")
        assert "Traceback" not in server.log()
