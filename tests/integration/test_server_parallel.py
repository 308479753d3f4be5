"""A result as several endpoints: each row by one of them, whoever comes, goes or stays away."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Thread
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.server_process import ServerProcess, act, put, told, until

pytestmark = pytest.mark.both_fronts

ROWS = 1_000_000


@pytest.fixture(scope="module", autouse=True)
def _table(server: ServerProcess) -> None:
    with server.connect() as client:
        put(client, "parallel_t", pa.table({"a": pa.array(range(ROWS), pa.int64())}))


def ask(client: flight.FlightClient, sql: str, count: int, **fields: Any) -> flight.FlightInfo:
    command = {"type": "query", "sql": sql, "parallel": count, **fields}
    return client.get_flight_info(
        flight.FlightDescriptor.for_command(msgspec.msgpack.encode(command))
    )


def read(server: ServerProcess, endpoint: flight.FlightEndpoint) -> pa.Table:
    with server.connect() as client:
        return client.do_get(endpoint.ticket).read_all()


def state_of(client: flight.FlightClient, info: flight.FlightInfo) -> dict[str, Any]:
    query_id = msgspec.msgpack.decode(info.app_metadata)["query_id"]
    return act(client, "query.progress", query_id=query_id)


def test_each_row_comes_by_one_endpoint(server: ServerProcess, client: flight.FlightClient) -> None:
    info = ask(client, "SELECT a FROM parallel_t", 4, batch_rows=10_000)
    assert (len(info.endpoints), info.ordered) == (4, False)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda endpoint: read(server, endpoint), info.endpoints))
    assert all(part.schema == info.schema for part in parts)
    numbers = pa.concat_tables(parts)["a"].to_pylist()
    assert sorted(numbers) == list(range(ROWS))
    state = state_of(client, info)
    assert (state["state"], state["row_count"]) == ("finished", ROWS)


def test_endpoints_that_nobody_reads_hold_nothing_up(
    server: ServerProcess, client: flight.FlightClient
) -> None:
    info = ask(client, "SELECT a FROM parallel_t", 3)
    assert read(server, info.endpoints[1]).num_rows == ROWS
    assert read(server, info.endpoints[0]).num_rows == 0, "all is handed out"
    with pytest.raises(flight.FlightError) as caught:
        read(server, info.endpoints[1])
    assert told(caught.value)["code"] == "VEL1005"


def test_a_reader_that_stops_reading_holds_nothing_up(
    server: ServerProcess, client: flight.FlightClient
) -> None:
    info = ask(client, "SELECT a FROM parallel_t", 2, batch_rows=1000)
    slow = client.do_get(info.endpoints[0].ticket)
    first = slow.read_chunk().data.num_rows
    rest = read(server, info.endpoints[1]).num_rows
    assert first + rest + slow.read_all().num_rows == ROWS


def test_every_reader_is_told_of_the_failure(
    server: ServerProcess, client: flight.FlightClient
) -> None:
    info = ask(client, f"SELECT 1 / (a - {ROWS - 1}) FROM parallel_t", 2)
    for endpoint in info.endpoints:
        with pytest.raises(flight.FlightError) as caught:
            read(server, endpoint)
        assert told(caught.value)["code"] == "VEL3001"
    assert state_of(client, info)["state"] == "failed"


def test_the_query_ends_when_all_its_readers_have_gone(client: flight.FlightClient) -> None:
    info = ask(client, "SELECT x FROM generate_series(1, 1000000000) t(x)", 2)
    readers = [client.do_get(endpoint.ticket) for endpoint in info.endpoints]
    for reader in readers:
        reader.read_chunk()
    readers[0].cancel()
    readers[1].read_chunk()
    assert state_of(client, info)["state"] == "running"
    readers[1].cancel()
    assert until(lambda: state_of(client, info)["state"] == "cancelled")


def test_what_changes_something_has_one_endpoint(client: flight.FlightClient) -> None:
    info = ask(client, "CREATE TABLE parallel_c (a BIGINT)", 4)
    assert (len(info.endpoints), info.ordered) == (1, True)
    with pytest.raises(flight.FlightError) as caught:
        ask(client, "SELECT 1", 65)
    assert told(caught.value)["code"] == "VEL1003"


def test_a_query_ends_with_its_only_reader_and_the_other_endpoints_say_so(
    server: ServerProcess, client: flight.FlightClient
) -> None:
    sql = "SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 999) b"
    info = ask(client, sql, 2)
    with server.connect() as leaving:
        reader = leaving.do_get(info.endpoints[0].ticket)
        assert until(lambda: state_of(client, info)["state"] == "running")
        reader.cancel()
    assert until(lambda: state_of(client, info)["state"] == "cancelled")
    with pytest.raises(flight.FlightError) as caught:
        read(server, info.endpoints[1])
    assert told(caught.value)["code"] == "VEL3010"


def test_an_endpoint_begins_while_another_waits_for_rows(
    server: ServerProcess, client: flight.FlightClient
) -> None:
    sql = "SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 999) b"
    info = ask(client, sql, 2)
    waiting = client.do_get(info.endpoints[0].ticket)
    assert until(lambda: state_of(client, info)["state"] == "running")
    with server.connect() as other:
        beside = other.do_get(info.endpoints[1].ticket, flight.FlightCallOptions(timeout=10))
        assert beside.schema == waiting.schema
        waiting.cancel()
        beside.cancel()
    assert until(lambda: state_of(client, info)["state"] == "cancelled")


def test_readers_that_wait_and_are_all_gone_end_the_query(
    server: ServerProcess, client: flight.FlightClient
) -> None:
    endless = "SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 999) b"
    sql = f"SELECT x FROM generate_series(1, 200000) t(x) UNION ALL {endless}"
    info = ask(client, sql, 2, batch_rows=1000)
    counts = [0, 0]

    def read_on(index: int, reader: flight.FlightStreamReader) -> None:
        with suppress(pa.ArrowException, flight.FlightError):
            for chunk in reader:
                counts[index] += chunk.data.num_rows

    with server.connect() as leaving, server.connect() as other:
        readers = [
            each.do_get(endpoint.ticket)
            for each, endpoint in zip((leaving, other), info.endpoints, strict=True)
        ]
        threads = [Thread(target=read_on, args=told) for told in enumerate(readers)]
        for thread in threads:
            thread.start()
        assert until(lambda: sum(counts) == 200_000), str(counts)
        for reader in readers:
            reader.cancel()
        assert until(lambda: state_of(client, info)["state"] == "cancelled")
        for thread in threads:
            thread.join(30)
