"""query.poll: a long statement is started once, asked about, and read when it has rows."""

from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.server_process import act, put, rows, told, until

pytestmark = pytest.mark.both_fronts

LONG = (
    "SELECT count(*) AS n FROM generate_series(1, 200000) a(x), generate_series(1, 20000) b(y)"
    " WHERE (x * y) % 7 = 3"
)


def poll_to_end(client: flight.FlightClient, **first: Any) -> dict[str, Any]:
    reply = act(client, "query.poll", **first)
    while reply["state"] == "running":
        reply = act(client, "query.poll", query_id=reply["query_id"], wait_ms=10_000)
    return reply


def table_of(client: flight.FlightClient, reply: dict[str, Any]) -> pa.Table:
    return client.do_get(flight.Ticket(reply["ticket"])).read_all()


def test_a_query_is_answered_with_a_ticket_and_a_flight_info(client: flight.FlightClient) -> None:
    reply = poll_to_end(client, sql="SELECT ? AS a, 'x' AS b", params=[7])
    assert reply["state"] == "ready"
    assert [column["name"] for column in reply["columns"]] == ["a", "b"]
    info = flight.FlightInfo.deserialize(reply["info"])
    assert msgspec.msgpack.decode(info.app_metadata)["query_id"] == reply["query_id"]
    table = client.do_get(info.endpoints[0].ticket).read_all()
    assert table.schema == info.schema
    assert table.to_pydict() == {"a": [7], "b": ["x"]}


def test_a_poll_that_does_not_wait_tells_progress_of_what_runs(
    client: flight.FlightClient,
) -> None:
    first = act(client, "query.poll", sql=LONG, wait_ms=0)
    assert first["state"] == "running"
    assert first["progress"]["state"] == "running"
    assert "ticket" not in first
    assert act(client, "query.cancel", query_id=first["query_id"])["state"] == "cancelled"
    last = poll_to_end(client, query_id=first["query_id"])
    assert (last["state"], last["error"]["code"]) == ("cancelled", "VEL3010")


def test_rows_that_are_ready_are_given_up_when_their_query_is_cancelled(
    client: flight.FlightClient,
) -> None:
    reply = poll_to_end(client, sql="SELECT i FROM generate_series(1, 10000000) s(i)")
    assert reply["state"] == "ready"
    query_id = reply["query_id"]
    act(client, "query.cancel", query_id=query_id)
    assert until(lambda: act(client, "query.progress", query_id=query_id)["state"] == "cancelled")
    with pytest.raises(flight.FlightError) as caught:
        table_of(client, reply)
    assert told(caught.value)["code"] == "VEL1005"


def test_all_rows_come_and_once(client: flight.FlightClient) -> None:
    put(client, "poll_many", pa.table({"a": range(500_000)}))
    reply = poll_to_end(client, sql="SELECT a FROM poll_many", batch_rows=100_000)
    table = table_of(client, reply)
    assert (table.num_rows, table["a"].to_pylist()[-1]) == (500_000, 499_999)
    with pytest.raises(flight.FlightError) as caught:
        table_of(client, reply)
    assert told(caught.value)["code"] == "VEL1005"
    entry = act(client, "query.progress", query_id=reply["query_id"])
    assert (entry["state"], entry["row_count"]) == ("finished", 500_000)


def test_a_change_is_done_once_and_told_by_its_tag(client: flight.FlightClient) -> None:
    rows(client, "CREATE TABLE poll_t (a BIGINT)")
    reply = poll_to_end(client, sql="INSERT INTO poll_t VALUES (1), (2)", query_id="poll-insert")
    assert reply["query_id"] == "poll-insert"
    assert (reply["state"], reply["rows_affected"], reply["tag"]) == ("done", 2, "INSERT 0 2")
    assert act(client, "query.poll", query_id="poll-insert")["state"] == "done"
    assert rows(client, "SELECT count(*) FROM poll_t") == [(2,)]


def test_rows_of_a_change_are_read(client: flight.FlightClient) -> None:
    rows(client, "CREATE TABLE poll_r (a BIGINT)")
    reply = poll_to_end(client, sql="INSERT INTO poll_r VALUES (1), (2) RETURNING a")
    assert table_of(client, reply).to_pydict() == {"a": [1, 2]}


def test_a_failure_is_told_by_the_poll(client: flight.FlightClient) -> None:
    reply = poll_to_end(client, sql="SELECT 1 / 0")
    assert (reply["state"], reply["error"]["code"]) == ("failed", "VEL3001")
    with pytest.raises(flight.FlightError) as caught:
        act(client, "query.poll", sql="SELECT nope", query_id="poll-wrong")
    assert told(caught.value)["code"] == "VEL2012"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ({}, "VEL1003"),
        ({"query_id": "poll-nobody"}, "VEL4010"),
        ({"sql": "SELECT 1", "wait_ms": 60_001}, "VEL1003"),
        ({"sql": "SELECT 1", "wait_ms": -1}, "VEL1003"),
    ],
)
def test_a_wrong_poll_is_refused(
    client: flight.FlightClient, command: dict[str, Any], code: str
) -> None:
    with pytest.raises(flight.FlightError) as caught:
        act(client, "query.poll", **command)
    assert told(caught.value)["code"] == code


def test_a_continuous_query_is_not_polled(client: flight.FlightClient) -> None:
    act(client, "sql.execute", sql="CREATE STREAM poll_s (a BIGINT)")
    with pytest.raises(flight.FlightError) as caught:
        act(client, "query.poll", sql="SELECT a FROM poll_s")
    assert told(caught.value)["code"] == "VEL1008"
