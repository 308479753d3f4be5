"""Results in shared memory: for who is on the host and shows it, and freed whatever happens."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight
import pytest

import velaria
from tests.server_process import ServerProcess, act, put, told, until
from velaria.flight_server import call_context
from velaria.flight_server.call_context import CallFacts
from velaria.flight_server.client import Client
from velaria.flight_server.limits.limits import Limits
from velaria.flight_server.metrics import Metrics
from velaria.flight_server.options import Options
from velaria.flight_server.shared_results import MEMORY_FOLDER, SharedResults
from velaria.schemas.errors import VelariaError

pytestmark = [
    pytest.mark.both_fronts,
    pytest.mark.skipif(
        not os.access(MEMORY_FOLDER, os.W_OK), reason="the host has no folder in memory"
    ),
]

SCHEMA = pa.schema([("a", pa.int64())])
BATCH = pa.record_batch([pa.array(range(1000), pa.int64())], schema=SCHEMA)


@pytest.fixture
def ours(server: ServerProcess) -> Iterator[Client]:
    with velaria.connect(server.uri) as made:
        yield made


@pytest.fixture
def limits() -> Iterator[Limits]:
    made = limits_of()
    made.start()
    yield made
    made.close()


def limits_of(**told: int) -> Limits:
    options = Options({f"limits.{name}": value for name, value in told.items()})
    return Limits(options, Metrics(), frozenset)


def folder_of(client: flight.FlightClient) -> Path:
    return Path(act(client, "server.info")["host_token_file"]).parent


def share(client: flight.FlightClient, sql: str, **fields: Any) -> dict[str, Any]:
    token = (folder_of(client) / "token").read_text()
    told = {"sql": sql, "transport": "shared-memory", "host_token": token, **fields}
    return act(client, "sql.execute", **told)


def test_rows_are_mapped_and_freed(client: flight.FlightClient, ours: Client) -> None:
    table = pa.table({"a": range(300_000), "k": pa.array(["x", "y"] * 150_000).dictionary_encode()})
    put(client, "shared_t", table)
    result = ours.sql("SELECT * FROM shared_t", transport="shared-memory")
    assert [path.name for path in folder_of(client).iterdir()] == ["token"], "released at once"
    assert result.to_arrow().equals(table)
    progress = ours.action("query.progress", query_id=result.query_id)
    assert (progress["transport_mode"], progress["used_shared_memory"]) == ("shared-memory", True)
    assert (progress["state"], progress["row_count"]) == ("finished", 300_000)
    batches = list(ours.sql("SELECT a FROM shared_t", transport="shared-memory", batch_rows=1000))
    assert max(batch.num_rows for batch in batches) == 1000
    streamed = ours.sql("SELECT 1 AS a")
    streamed.to_arrow()
    progress = ours.action("query.progress", query_id=streamed.query_id)
    assert (progress["transport_mode"], progress["used_shared_memory"]) == ("flight", False)


def test_a_file_is_there_until_it_is_released(client: flight.FlightClient) -> None:
    reply = share(client, "SELECT 7 AS a")
    path = Path(reply["shared"]["path"])
    assert path.parent.stat().st_mode & 0o077 == 0
    assert pa.ipc.open_file(pa.memory_map(str(path))).read_all().to_pydict() == {"a": [7]}
    act(client, "query.release", query_id=reply["query_id"])
    act(client, "query.release", query_id=reply["query_id"])
    assert not path.exists()


def test_only_who_has_read_the_token_is_served(client: flight.FlightClient) -> None:
    for token in ("", "0" * 32, None):
        with pytest.raises(flight.FlightError) as caught:
            share(client, "SELECT 1", host_token=token)
        assert told(caught.value)["code"] == "VEL1010"


def test_what_is_no_plain_select_is_answered_as_always(client: flight.FlightClient) -> None:
    assert share(client, "CREATE TABLE shared_r (a BIGINT)")["tag"] == "CREATE TABLE"
    reply = share(client, "INSERT INTO shared_r VALUES (1) RETURNING a")
    assert client.do_get(flight.Ticket(reply["ticket"])).read_all().to_pydict() == {"a": [1]}


def test_a_failure_is_coded_and_leaves_nothing(client: flight.FlightClient) -> None:
    with pytest.raises(flight.FlightError) as caught:
        share(client, "SELECT 1 / 0 AS a")
    assert told(caught.value)["code"] == "VEL3001"
    assert [path.name for path in folder_of(client).iterdir()] == ["token"]


def test_the_folder_goes_with_the_server() -> None:
    with ServerProcess() as own:
        with own.connect() as client:
            share(client, "SELECT 1 AS a")
            folder = folder_of(client)
        own.terminate()
        assert not folder.exists()


def test_the_folder_of_a_killed_server_is_removed_by_the_next() -> None:
    with ServerProcess() as killed, killed.connect() as client:
        folder = folder_of(client)
        killed.process.kill()
        killed.process.wait()
        assert folder.exists()
        results = SharedResults(limits_of())
        assert not folder.exists()
        results.close()


def test_leases_end_by_themselves_and_cost_no_thread(tmp_path: Path, limits: Limits) -> None:
    results = SharedResults(limits, tmp_path, lease_s=0.05)
    before = threading.active_count()
    for _ in range(2):
        written = [results.write(f"q{n}", SCHEMA, [BATCH]) for n in range(20)]
        assert threading.active_count() <= before
        paths = [Path(shared.path) for shared in written if shared is not None]
        assert len(paths) == 20
        assert until(lambda paths=paths: not any(path.exists() for path in paths))
        assert until(lambda: limits.watchdog.count() == 0), "nothing is left to look at"
    assert results.byte_count() == 0
    results.close()


def test_only_so_many_results_are_in_shared_memory(tmp_path: Path) -> None:
    results = SharedResults(limits_of(results_open=4, share_percent=50), tmp_path)
    nothing: list[pa.RecordBatch] = []
    enter_from("192.0.2.2")
    assert results.write("a", SCHEMA, nothing) is not None
    assert results.write("b", SCHEMA, nothing) is not None
    assert results.write("c", SCHEMA, nothing) is None, "one client has its share"
    enter_from("192.0.2.1")  # who is not known counts by the host
    assert results.write("d", SCHEMA, nothing) is not None
    enter_from("192.0.2.2")
    results.release("a")
    assert results.write("c", SCHEMA, nothing) is not None
    call_context.leave()
    results.close()


def test_an_id_that_is_used_again_loses_no_file_under_lease(tmp_path: Path) -> None:
    results = SharedResults(limits_of(), tmp_path)
    first = results.write("a", SCHEMA, [BATCH])
    assert first is not None and Path(first.path).exists()
    assert results.write("a", SCHEMA, [BATCH]) is None, "sent instead"
    results.release("a")
    assert results.byte_count() == 0 and not Path(first.path).exists()
    assert results.write("a", SCHEMA, [BATCH]) is not None
    results.close()
    assert results.byte_count() == 0


def enter_from(address: str) -> None:
    facts = CallFacts("DoAction")
    facts.peer = f"ipv4:{address}:40000"
    call_context.enter(facts)


def test_what_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    results = SharedResults(limits_of(shared_memory_bytes=BATCH.nbytes * 2), tmp_path)
    assert results.write("q", SCHEMA, [BATCH] * 3) is None
    assert results.byte_count() == 0
    assert results.write("q", SCHEMA, [BATCH] * 2) is not None
    assert results.write("r", SCHEMA, [BATCH]) is None, "together"
    results.release("q")
    assert results.write("r", SCHEMA, [BATCH]) is not None

    def failing() -> Iterator[pa.RecordBatch]:
        yield BATCH
        raise LookupError("broken")

    with pytest.raises(LookupError):
        results.write("s", SCHEMA, failing())
    assert results.byte_count() == BATCH.nbytes
    assert len(list(tmp_path.glob("*/*.arrow"))) == 1
    results.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_another_server_removes_meanwhile_is_passed_over(tmp_path: Path) -> None:
    # A link to nothing is found by its name, and is gone for who looks at it.
    (tmp_path / "velaria-results-0-gone").symlink_to(tmp_path / "nowhere")
    results = SharedResults(limits_of(), tmp_path)
    assert results.token_file is not None
    results.close()


def test_without_a_folder_in_memory_nothing_is_offered(tmp_path: Path) -> None:
    results = SharedResults(limits_of(), tmp_path / "none")
    assert results.token_file is None
    with pytest.raises(VelariaError) as caught:
        results.check_host("x")
    assert caught.value.code == "VEL1008"
    results.close()
