"""An id that a client chose is free again when nothing has run under it, whatever it was for."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.limited_server import error_of
from tests.server_process import act

Attempt = Callable[[flight.FlightClient, str], Any]


def execute(**values: Any) -> Attempt:
    return lambda client, query_id: act(client, "sql.execute", query_id=query_id, **values)


def poll(headers: list[tuple[bytes, bytes]] | None = None, **values: Any) -> Attempt:
    def asked(client: flight.FlightClient, query_id: str) -> None:
        body = msgspec.msgpack.encode({"query_id": query_id, **values})
        options = flight.FlightCallOptions(headers=headers or [])
        list(client.do_action(flight.Action("query.poll", body), options))

    return asked


FAILING: dict[str, tuple[Attempt, str]] = {
    "rows in shared memory for a client elsewhere": (
        execute(sql="SELECT 1", transport="shared-memory", host_token="no"),
        "VEL1010",
    ),
    "a ticket of a continuous query with result options": (
        execute(sql="SELECT a FROM promised_s", compression="zstd"),
        "VEL1008",
    ),
    "a poll in a session that is not open": (
        poll([(b"velaria-session", b"s-none")], sql="SELECT 1"),
        "VEL1011",
    ),
    "a poll of what has no end": (poll(sql="SELECT a FROM promised_s"), "VEL1008"),
}


@pytest.fixture
def stream(client: flight.FlightClient) -> Iterator[None]:
    act(client, "sql.execute", sql="CREATE STREAM promised_s (a INT)")
    yield
    act(client, "sql.execute", sql="DROP STREAM promised_s")


@pytest.mark.parametrize("case", FAILING)
def test_an_id_can_be_chosen_again_after(
    client: flight.FlightClient, stream: None, case: str
) -> None:
    attempt, code = FAILING[case]
    query_id = "promised-" + case.replace(" ", "-")
    for _ in range(2):
        assert error_of(lambda: attempt(client, query_id))["code"] == code
    reply = act(client, "sql.execute", sql="SELECT 1 AS a", query_id=query_id)
    assert client.do_get(flight.Ticket(reply["ticket"])).read_all().num_rows == 1
    taken = error_of(lambda: execute(sql="SELECT 1")(client, query_id))
    assert taken["code"] == "VEL1006"


def put(client: flight.FlightClient, query_id: str) -> None:
    command = {"type": "ingest", "table": "promised_t", "query_id": query_id}
    descriptor = flight.FlightDescriptor.for_command(msgspec.msgpack.encode(command))
    writer, _ = client.do_put(descriptor, pa.schema([("a", pa.int64())]))
    with writer:
        writer.done_writing()


def transform(client: flight.FlightClient, query_id: str) -> None:
    command = {"type": "transform", "sql": "SELECT a FROM input", "query_id": query_id}
    descriptor = flight.FlightDescriptor.for_command(msgspec.msgpack.encode(command))
    writer, reader = client.do_exchange(descriptor)
    with writer:
        writer.begin(pa.schema([("a", pa.int64())]))
        writer.done_writing()
        reader.read_all()


@pytest.mark.parametrize("attempt", [execute(sql="SELECT 1"), poll(sql="SELECT 1"), put, transform])
def test_a_streams_name_is_nobodys_id(
    client: flight.FlightClient, stream: None, attempt: Attempt
) -> None:
    act(client, "stream.start", sql="SELECT a FROM promised_s", name="promised_name")
    try:
        assert error_of(lambda: attempt(client, "promised_name"))["code"] == "VEL1006"
    finally:
        act(client, "stream.stop", query_id="promised_name", mode="now")


def test_a_change_that_fails_when_its_ticket_is_read_fails_under_the_id_it_was_promised(
    client: flight.FlightClient,
) -> None:
    act(client, "sql.execute", sql="CREATE TABLE promised_gone (a INT)")
    insert = flight.FlightDescriptor.for_command(b"INSERT INTO promised_gone VALUES (1)")
    info = client.get_flight_info(insert)
    act(client, "sql.execute", sql="DROP TABLE promised_gone")
    read = error_of(lambda: client.do_get(info.endpoints[0].ticket).read_all())
    query_id = msgspec.msgpack.decode(info.app_metadata)["query_id"]
    entry = act(client, "query.progress", query_id=query_id)
    assert (entry["state"], entry["error_code"]) == ("failed", read["code"])
