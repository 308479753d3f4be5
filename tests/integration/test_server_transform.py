"""DoExchange: batches in, a SELECT over them, rows out, with bounded memory between."""

import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import psutil
import pyarrow as pa
import pyarrow.flight as flight
import pytest

import velaria
from tests.server_process import ServerProcess, act, told, until
from velaria.flight_server.client import Client
from velaria.schemas.errors import VelariaError

pytestmark = pytest.mark.both_fronts

FAILING_TRANSFORMS = 50
SCHEMA = pa.schema([("a", pa.int64()), ("k", pa.string())])


@pytest.fixture
def ours(server: ServerProcess) -> Iterator[Client]:
    with velaria.connect(server.uri) as made:
        yield made


def batches(count: int, rows: int = 1000) -> pa.RecordBatchReader:
    def made() -> Iterator[pa.RecordBatch]:
        for at in range(count):
            numbers = range(at * rows, (at + 1) * rows)
            texts = [f"k{n % 3}" for n in numbers]
            yield pa.record_batch([pa.array(numbers, pa.int64()), texts], schema=SCHEMA)

    return pa.RecordBatchReader.from_batches(SCHEMA, made())


def test_rows_are_filtered_grouped_and_sorted(ours: Client) -> None:
    doubled = ours.transform(batches(10), "SELECT a * 2 AS b FROM input WHERE a % 100 = ?", [7])
    assert doubled.schema == pa.schema([("b", pa.int64())])
    assert doubled.read_all()["b"].to_pylist() == [2 * n for n in range(7, 10_000, 100)]
    grouped = ours.transform(batches(3), "SELECT k, count(*) AS n FROM input GROUP BY k ORDER BY k")
    assert grouped.read_all().to_pydict() == {"k": ["k0", "k1", "k2"], "n": [1000, 1000, 1000]}


def test_rows_come_back_before_the_input_has_ended(ours: Client) -> None:
    may_go_on = threading.Event()

    def slow() -> Iterator[pa.RecordBatch]:
        yield from batches(1)
        assert may_go_on.wait(60), "the first row did not come back before"
        yield from batches(1)

    rows = ours.transform(pa.RecordBatchReader.from_batches(SCHEMA, slow()), "SELECT a FROM input")
    assert rows.read_next_batch().num_rows == 1000
    may_go_on.set()
    assert rows.read_all().num_rows == 1000


def test_more_than_its_memory_passes_through(server: ServerProcess, ours: Client) -> None:
    before = psutil.Process(server.pid).memory_info().rss
    wide = pa.record_batch({"v": pa.array(range(500_000), pa.int64())})
    many = pa.RecordBatchReader.from_batches(wide.schema, (wide for _ in range(400)))
    most = 0
    for at, _ in enumerate(ours.transform(many, "SELECT v + 1 AS v FROM input")):
        if at % 50 == 0:
            most = max(most, psutil.Process(server.pid).memory_info().rss)
    # What an allocator keeps of threads' freed blocks is not the transform's, and grows with load.
    assert most - before < 700 * 2**20, "1,600 MB went through"


def test_a_query_that_ends_first_ends_the_exchange(ours: Client) -> None:
    rows = ours.transform(batches(2000), "SELECT a FROM input LIMIT 3")
    assert rows.read_all().to_pydict() == {"a": [0, 1, 2]}


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT nope FROM input", "VEL2012"),
        ("SELECT * FROM no_such_table", "VEL2011"),
        ("INSERT INTO input VALUES (1, 'x')", "VEL"),
        ("SELECT 1 / (a - 1500) FROM input", "VEL3001"),
        ("SELECT * FROM input x JOIN input y ON x.a = y.a", "VEL1001"),
        ("SELECT * FROM read_csv('/etc/passwd')", "VEL4001"),
    ],
)
def test_faults_are_coded(ours: Client, sql: str, code: str) -> None:
    with pytest.raises(VelariaError) as caught:
        ours.transform(batches(100), sql).read_all()
    assert caught.value.code.startswith(code)
    assert "Traceback" not in str(caught.value)


def test_a_table_of_the_server_is_not_seen(ours: Client) -> None:
    ours.put(batches(1), "transform_secret")
    with pytest.raises(VelariaError) as caught:
        ours.transform(batches(1), "SELECT * FROM transform_secret")
    assert caught.value.code == "VEL2011"


def test_a_fault_of_the_data_passes_as_it_is(ours: Client) -> None:
    def failing() -> Iterator[pa.RecordBatch]:
        yield from batches(1)
        raise LookupError("the rest is damaged")

    data = pa.RecordBatchReader.from_batches(SCHEMA, failing())
    with pytest.raises(LookupError, match="damaged"):
        ours.transform(data, "SELECT count(*) AS n FROM input").read_all()


def test_an_end_while_the_client_writes_harms_nobody(server: ServerProcess, ours: Client) -> None:
    logged = len(server.log())

    def failing() -> Iterator[pa.RecordBatch]:
        yield from batches(1, 10)
        raise LookupError("the rest is damaged")

    for _ in range(60):  # two sends at once in one call would abort the client's process
        with pytest.raises(LookupError):
            data = pa.RecordBatchReader.from_batches(SCHEMA, failing())
            ours.transform(data, "SELECT count(*) AS n FROM input").read_all()
        with pytest.raises(VelariaError):
            ours.transform(batches(30, 100), "SELECT 1 / (a - 150) FROM input").read_all()
        assert ours.transform(batches(50, 100), "SELECT a FROM input LIMIT 3").read_all().num_rows
    assert "internal fault" not in server.log()[logged:]


def test_transforms_that_fail_leave_no_session_behind(
    server: ServerProcess, client: flight.FlightClient
) -> None:
    """Each runs in a session of its own, which has two threads; what waits for the collector of
    cycles is allowed for."""
    raw = msgspec.msgpack.encode({"type": "transform", "sql": "SELECT a, k FROM input"})
    command = flight.FlightDescriptor.for_command(raw)
    text = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")]
    )
    damaged = pa.record_batch([pa.array([1], pa.int64()), text], schema=SCHEMA)

    def fail() -> None:
        writer, reader = client.do_exchange(command)
        with pytest.raises((flight.FlightError, pa.ArrowException)) as caught, writer:
            writer.begin(SCHEMA)
            writer.write_batch(damaged)
            writer.done_writing()
            list(reader)
        assert told(caught.value)["code"] == "VEL4006"

    process = psutil.Process(server.pid)
    fail()
    before = process.num_threads()
    for _ in range(FAILING_TRANSFORMS):
        fail()
    assert until(lambda: process.num_threads() < before + FAILING_TRANSFORMS)


def test_a_transform_is_listed_cancelled_and_recorded(ours: Client, server: ServerProcess) -> None:
    waits = threading.Event()

    def endless() -> Iterator[pa.RecordBatch]:
        yield from batches(1)
        waits.wait(60)

    data = pa.RecordBatchReader.from_batches(SCHEMA, endless())
    rows = ours.transform(data, "SELECT a FROM input", query_id="transform-cancel")
    assert rows.read_next_batch().num_rows == 1000
    with velaria.connect(server.uri) as beside:
        entry = beside.action("query.progress", query_id="transform-cancel")
        assert entry["state"] == "running"
        beside.cancel("transform-cancel")
    with pytest.raises(VelariaError) as caught:
        waits.set()
        rows.read_all()
    assert caught.value.code == "VEL3010"
    assert ours.action("query.progress", query_id="transform-cancel")["state"] == "cancelled"


def test_a_client_that_goes_ends_its_query(server: ServerProcess, ours: Client) -> None:
    rows = ours.transform(batches(100_000), "SELECT a FROM input", query_id="transform-gone")
    rows.read_next_batch()
    rows.close()
    del rows

    def state() -> Any:
        return ours.action("query.progress", query_id="transform-gone")["state"]

    assert until(lambda: state() != "running")


def test_plain_pyarrow_is_enough(client: flight.FlightClient) -> None:
    command = {"type": "transform", "sql": "SELECT sum(a) AS s FROM input", "compression": "lz4"}
    descriptor = flight.FlightDescriptor.for_command(msgspec.msgpack.encode(command))
    writer, reader = client.do_exchange(descriptor)
    with writer:
        writer.begin(SCHEMA)
        for batch in batches(3):
            writer.write_batch(batch)
        writer.done_writing()
        chunks = list(reader)
    assert chunks[0].data.to_pydict() == {"s": [sum(range(3000))]}
    end = msgspec.msgpack.decode(chunks[-1].app_metadata)
    assert (end["kind"], end["row_count"]) == ("end", 1)


@pytest.mark.parametrize("raw", [b"SELECT 1", msgspec.msgpack.encode({"type": "transform"})])
def test_an_exchange_is_started_by_its_command(client: flight.FlightClient, raw: bytes) -> None:
    writer, reader = client.do_exchange(flight.FlightDescriptor.for_command(raw))
    with pytest.raises(flight.FlightError) as caught:
        writer.begin(SCHEMA)
        reader.read_chunk()
    assert told(caught.value)["code"] in ("VEL1001", "VEL1003")
    with pytest.raises(flight.FlightError) as caught:
        command = msgspec.msgpack.encode({"type": "transform", "sql": "SELECT 1"})
        client.get_flight_info(flight.FlightDescriptor.for_command(command))
    assert told(caught.value)["code"] == "VEL1001"
    assert act(client, "server.health")["state"] == "serving"


def test_an_exchange_without_a_schema_is_its_clients_fault(
    client: flight.FlightClient, server: ServerProcess
) -> None:
    command = msgspec.msgpack.encode({"type": "transform", "sql": "SELECT 1 AS one FROM input"})
    logged = len(server.log())
    writer, reader = client.do_exchange(flight.FlightDescriptor.for_command(command))
    with pytest.raises(flight.FlightError) as caught:
        writer.write_metadata(b"no schema")
        writer.done_writing()
        reader.read_chunk()
    assert told(caught.value)["code"] == "VEL4006"
    assert "internal fault" not in server.log()[logged:]
