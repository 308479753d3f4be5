"""Clients that are killed or give up: their queries end and nothing is left behind."""

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import psutil
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.server_process import ServerProcess, act, put, rows, until

ENDLESS = "SELECT l.n, r.n AS m FROM vanish_n l CROSS JOIN vanish_n r"
CALL_COUNT = 2_000
THREADS = 8
CANCEL_SEED = 7

READER = f"""
import sys, pyarrow.flight as flight
reader = flight.connect(sys.argv[1]).do_get(flight.Ticket({ENDLESS!r}.encode()))
reader.read_chunk()
print("reading", flush=True)
sys.stdin.read()
"""

WRITER = """
import sys, pyarrow as pa, pyarrow.flight as flight
table = pa.table({"a": list(range(1000))})
path = flight.FlightDescriptor.for_path("vanish_put")
writer, _ = flight.connect(sys.argv[1]).do_put(path, table.schema)
for _ in range(10):
    writer.write_table(table)
print("writing", flush=True)
sys.stdin.read()
"""


REPLACER = """
import sys, msgspec, pyarrow as pa, pyarrow.flight as flight
table = pa.table({"b": list(range(1000))})
command = msgspec.msgpack.encode({"type": "ingest", "table": "vanish_old", "mode": "replace"})
descriptor = flight.FlightDescriptor.for_command(command)
writer, _ = flight.connect(sys.argv[1]).do_put(descriptor, table.schema)
for _ in range(10):
    writer.write_table(table)
print("writing", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module", params=["native", "grpcio"])
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """A server of its own: these tests look at what is left in the process."""
    with ServerProcess(arguments=["--front", request.param]) as process:
        put(process.connect(), "vanish_n", pa.table({"n": pa.array(range(20_000), pa.int64())}))
        yield process


# Seconds to plan, and as many to run.
SLOW_TO_PLAN = (
    "INSERT INTO vanish_planned SELECT count(*) FROM generate_series(1, 300000000) AS g(x)"
    f" WHERE x NOT IN ({', '.join(str(7 * n) for n in range(16_000))})"
)


def is_idle(client: flight.FlightClient) -> bool:
    """Nothing runs but the call that asks."""
    metrics = act(client, "server.metrics")["metrics"]
    return metrics["calls_active"] == 1 and metrics["queries_running"] == 0


def is_put(client: flight.FlightClient, rows_min: int = 0) -> bool:
    """Whether the server has begun to take rows in, and so many of them."""
    queries = act(client, "query.list")["queries"]
    return any(
        (query["kind"], query["state"]) == ("ingest", "running")
        and query.get("row_count", 0) >= rows_min
        for query in queries
    )


def kill_after_first_line(
    script: str, uri: str, arrived: Callable[[], bool] = lambda: True
) -> None:
    """What a client has written may be on its way still: `arrived` is waited for, too."""
    child = subprocess.Popen(
        [sys.executable, "-c", script, uri], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline()
    assert until(arrived)
    child.send_signal(signal.SIGKILL)
    child.wait()


def test_a_change_whose_client_went_while_it_was_planned_is_not_made(
    server: ServerProcess,
) -> None:
    with server.connect() as client:
        rows(client, "CREATE OR REPLACE TABLE vanish_planned (n BIGINT)")
        command = {"sql": SLOW_TO_PLAN, "query_id": "vanish-planned"}
        asked = flight.Action("sql.execute", msgspec.msgpack.encode(command))
        with pytest.raises(flight.FlightTimedOutError):
            list(client.do_action(asked, flight.FlightCallOptions(timeout=0.05)))
        assert until(lambda: is_idle(client))
        assert rows(client, "SELECT n FROM vanish_planned") == []


def test_a_reader_killed_in_the_middle_frees_its_query(
    server: ServerProcess, client: flight.FlightClient
) -> None:
    for _ in range(3):
        kill_after_first_line(READER, server.uri)
    assert until(lambda: is_idle(client))
    ended = [q for q in act(client, "query.list")["queries"] if q["sql"] == ENDLESS]
    assert [q["state"] for q in ended] == ["cancelled"] * 3


def test_a_writer_killed_in_the_middle_leaves_whole_batches(
    server: ServerProcess, client: flight.FlightClient
) -> None:
    kill_after_first_line(WRITER, server.uri, lambda: is_put(client, 1000))
    assert until(lambda: is_idle(client))
    ((count,),) = rows(client, "SELECT count(*) FROM vanish_put")
    assert count % 1000 == 0 < count
    run = rows(client, "SELECT state, rows FROM system.runs WHERE text = 'DoPut vanish_put'")
    assert run == [("cancelled", count)]


def test_a_writer_killed_while_it_replaces_leaves_the_old_table(
    server: ServerProcess, client: flight.FlightClient
) -> None:
    put(client, "vanish_old", pa.table({"a": [1, 2, 3]}))
    kill_after_first_line(REPLACER, server.uri, lambda: is_put(client))
    assert until(lambda: is_idle(client))
    assert rows(client, "SELECT sum(a) FROM vanish_old") == [(6,)]
    newest = act(client, "run.list", state="cancelled", limit=1)["runs"][0]
    assert (newest["text"], newest["rows"]) == ("DoPut vanish_old", 0)


def test_cancelling_by_query_id_ends_the_reading(client: flight.FlightClient) -> None:
    reader = client.do_get(flight.Ticket(ENDLESS.encode()))
    reader.read_chunk()
    (running,) = [q for q in act(client, "query.list")["queries"] if q["state"] == "running"]
    assert act(client, "query.cancel", query_id=running["query_id"])["state"] == "cancelled"
    with pytest.raises(flight.FlightError) as caught:
        reader.read_all()
    assert b"VEL3010" in (caught.value.extra_info or b"")
    assert until(lambda: is_idle(client))


def one_random_call(uri: str, rng: random.Random) -> None:
    """A read, a write or an action that is given up at some moment, or not."""
    client = flight.connect(uri)
    options = flight.FlightCallOptions(timeout=rng.choice([0.001, 0.005, 0.02, 0.1, 5.0]))
    try:
        kind = rng.randrange(4)
        if kind == 0:
            reader = client.do_get(flight.Ticket(ENDLESS.encode()), options)
            for _ in range(rng.randrange(4)):
                reader.read_chunk()
            reader.cancel()
        elif kind == 1:
            reader = client.do_get(flight.Ticket(ENDLESS.encode()), options)
            timer = threading.Timer(rng.random() * 0.02, reader.cancel)
            timer.start()
            while True:
                reader.read_chunk()
        elif kind == 2:
            table = pa.table({"a": list(range(100))})
            path = flight.FlightDescriptor.for_path("vanish_random")
            writer, _ = client.do_put(path, table.schema, options)
            for _ in range(rng.randrange(5)):
                writer.write_table(table)
            if rng.random() < 0.5:
                writer.close()
        else:
            list(client.do_action(flight.Action("sql.functions", b""), options))
    except (pa.ArrowException, OSError, StopIteration):
        pass
    finally:
        client.close()


def test_two_thousand_calls_cancelled_at_random_moments_leave_nothing(
    server: ServerProcess, client: flight.FlightClient
) -> None:
    print(f"seed {CANCEL_SEED}")
    process = psutil.Process(server.pid)
    one_random_call(server.uri, random.Random(0))
    assert until(lambda: is_idle(client))
    threads_before = process.num_threads()
    with ThreadPoolExecutor(THREADS) as pool:
        seeds = range(CANCEL_SEED, CANCEL_SEED + CALL_COUNT)
        list(pool.map(lambda seed: one_random_call(server.uri, random.Random(seed)), seeds))
    assert server.is_alive()
    assert until(lambda: is_idle(client), 20)
    assert rows(client, "SELECT count(*) FROM vanish_n") == [(20_000,)]
    assert until(lambda: process.num_threads() <= threads_before + 2 * THREADS, 20)
    assert "Traceback" not in server.log()
