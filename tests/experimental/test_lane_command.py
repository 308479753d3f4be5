"""`velaria lane` as a person runs it, against a server with a run history."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.server_process import ServerProcess, put, read, rows, until
from velaria.experimental_actor import shared_memory

pytestmark = pytest.mark.lane

LANE = [sys.executable, "-m", "velaria.flight_server.cli", "lane"]
LIMIT_S = 120


def lane(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LANE, *words],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[ServerProcess, flight.FlightClient]]:
    with ServerProcess() as server:
        client = server.connect()
        keys = [None if index % 11 == 0 else f"k{index % 5}" for index in range(1000)]
        put(client, "sales", pa.table({"k": keys, "v": range(1000)}))
        yield server, client
        client.close()


def runs_of(client: flight.FlightClient, text: str) -> list[dict[str, object]]:
    quoted = text.replace("'", "''")
    found: list[dict[str, object]] = read(
        client, f"SELECT * FROM system.runs WHERE kind <> 'query' AND text = '{quoted}'"
    ).to_pylist()
    return found


def test_a_statement_gives_the_servers_rows_and_is_in_the_history(
    served: tuple[ServerProcess, flight.FlightClient],
) -> None:
    server, client = served
    sql = "SELECT k, count(*) AS n, sum(v) AS total FROM sales GROUP BY k ORDER BY k"
    done = lane("run", "--server", server.uri, "--workers", "2", "--output", "json", sql)
    assert done.returncode == 0, done.stderr
    expected = json.loads(json.dumps(read(client, sql).to_pylist(), default=str))
    assert [json.loads(line) for line in done.stdout.splitlines()] == expected
    (run,) = runs_of(client, sql)
    assert (run["kind"], run["state"], run["rows"]) == ("lane", "succeeded", 6)
    of_run = f"run_id = '{run['run_id']}'"
    assert rows(
        client, f"SELECT name, state FROM system.stages WHERE {of_run} ORDER BY number"
    ) == [(name, "succeeded") for name in ("fetch", "split", "start", "fragments", "merge")]
    attempts = rows(
        client, f"SELECT stage, number, state, worker FROM system.attempts WHERE {of_run}"
    )
    assert sorted(attempt[:3] for attempt in attempts) == [
        ("fragment 0", 1, "succeeded"),
        ("fragment 1", 1, "succeeded"),
    ]
    assert {attempt[3] for attempt in attempts} == {"worker-0", "worker-1"}


def test_a_statement_that_cannot_be_split_ends_with_its_code(
    served: tuple[ServerProcess, flight.FlightClient],
) -> None:
    server, client = served
    sql = "SELECT v FROM sales"
    done = lane("run", "--server", server.uri, sql)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("VEL2002 the query cannot be split over workers")
    assert "Traceback" not in done.stderr
    (run,) = runs_of(client, sql)
    assert (run["state"], run["error_code"]) == ("failed", "VEL2002")


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["run", "--workers", "0", "SELECT 1"], 1, "must be 1 to 64: 0"),
        (["run", "--server", "grpc://127.0.0.1:1", "SELECT count(*) FROM t"], 5, "VEL5007"),
        (["bench", "--rounds", "x"], 1, "must be 1 to 100000: x"),
        ([], 1, "COMMAND"),
    ],
)
def test_a_wrong_call_ends_with_a_message(words: list[str], status: int, told: str) -> None:
    done = lane(*words)
    assert done.returncode == status
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_column_is_shown_as_the_server_shows_it(
    served: tuple[ServerProcess, flight.FlightClient],
) -> None:
    done = lane("run", "--server", served[0].uri, "SELECT sum(w) FROM sales")
    assert done.returncode == 2
    assert done.stderr.startswith("VEL2012 unknown column: w")


def test_without_ray_the_lane_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['ray'] = None; "
        "from velaria.experimental_actor.command_line import main; "
        "sys.exit(main(['bench', '--rounds', '1']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 5
    assert done.stderr.startswith("VEL5004 the lane needs Ray, which is not installed: ray")
    assert ".[lane]" in done.stderr


def test_the_benchmark_prints_one_table_and_records_it(
    served: tuple[ServerProcess, flight.FlightClient],
) -> None:
    server, client = served
    done = lane("bench", "--server", server.uri, "--rounds", "20")
    assert done.returncode == 0, done.stderr
    header, _, *lines = done.stdout.splitlines()
    assert [word.strip() for word in header.split("|")] == [
        "transport",
        "task",
        "label",
        "rounds",
        "p50_us",
        "p99_us",
    ]
    measured = [[word.strip() for word in line.split("|")] for line in lines]
    assert [(line[0], line[1]) for line in measured] == [
        ("multiprocessing pipe", "no-op"),
        ("multiprocessing pipe", "32 MB, copied in"),
        ("Ray actor call", "no-op"),
        ("Ray actor call", "32 MB, copied in"),
        ("Ray actor call", "32 MB, in place"),
        ("socket and shared memory", "no-op"),
        ("socket and shared memory", "32 MB, copied in"),
        ("socket and shared memory", "32 MB, in place"),
    ]
    assert all(0 < float(line[4]) <= float(line[5]) for line in measured)
    (run,) = runs_of(client, "velaria lane bench --rounds 20")
    assert (run["kind"], run["state"], run["rows"]) == ("bench", "succeeded", 8)
    events = rows(
        client,
        f"SELECT count(*) FROM system.events WHERE run_id = '{run['run_id']}' "
        "AND name = 'bench.measured'",
    )
    assert events == [(8,)]


def sockets() -> set[Path]:
    return set(shared_memory.ROOT.glob(f"{shared_memory.PREFIX}*/worker-*.sock"))


def test_an_interrupted_lane_leaves_a_record_and_nothing_else(
    served: tuple[ServerProcess, flight.FlightClient],
) -> None:
    server, client = served
    sql = "SELECT sum(v) AS interrupted FROM sales"
    before = sockets()
    with subprocess.Popen(
        [*LANE[:2], "velaria.experimental_actor", "run", "--server", server.uri, sql],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert until(lambda: bool(sockets() - before), 60)
        folder = next(iter(sockets() - before)).parent
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert not folder.exists()
    (run,) = runs_of(client, sql)
    assert (run["state"], run["error_code"]) == ("cancelled", "VEL3010")


def test_folders_of_killed_lanes_are_swept_and_those_of_living_ones_kept(tmp_path: Path) -> None:
    killed = tmp_path / f"{shared_memory.PREFIX}killed"
    killed.mkdir()
    (killed / "lock").touch()
    (killed / "part-0").write_bytes(os.urandom(16))
    with shared_memory.SharedFolder(tmp_path) as living:
        assert not killed.exists()
        with shared_memory.SharedFolder(tmp_path):
            assert living.path.exists()
    assert list(tmp_path.iterdir()) == []
