"""Streams over Flight: fed by DoPut, read live by DoGet, started and stopped by actions."""

import threading
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.server_process import act, put, read, rows, told, until

pytestmark = pytest.mark.both_fronts

WINDOWED = (
    "SELECT w, k, COUNT(*) AS n, SUM(v) AS s FROM {} "
    "WINDOW BY ts EVERY 10000 AS w GROUP BY w, k EMIT PER BATCH"
)


def events(*told_rows: tuple[int, str, int]) -> pa.Table:
    """Rows of (second, key, value)."""
    return pa.table(
        {
            "ts": pa.array([second * 1_000_000 for second, _, _ in told_rows], pa.timestamp("us")),
            "k": [key for _, key, _ in told_rows],
            "v": pa.array([value for _, _, value in told_rows], pa.int64()),
        }
    )


FIRST = events((1, "a", 1), (4, "b", 2), (9, "a", 3))
SECOND = events((12, "a", 4), (8, "b", 5), (15, "b", 6))


def create_stream(client: flight.FlightClient, name: str) -> None:
    read(client, f"CREATE STREAM {name} (ts TIMESTAMP, k VARCHAR, v BIGINT)")


class Subscriber:
    """Reads a ticket to its end on a thread: rows, and the kinds of the messages."""

    def __init__(self, client: flight.FlightClient, ticket: bytes) -> None:
        self.reader = client.do_get(flight.Ticket(ticket))
        self.rows: list[dict[str, Any]] = []
        self.kinds: list[str] = []
        self.fault: Exception | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for chunk in self.reader:
                self.kinds.append(msgspec.msgpack.decode(chunk.app_metadata.to_pybytes())["kind"])
                self.rows += chunk.data.to_pylist()
        except (pa.ArrowException, OSError) as fault:
            self.fault = fault

    def join(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()

    def last_per_key(self) -> dict[tuple[int, str], tuple[int, int]]:
        """The newest value of each window, in seconds, and key."""
        return {(r["w"].minute * 60 + r["w"].second, r["k"]): (r["n"], r["s"]) for r in self.rows}


def test_a_live_window_is_read_by_do_get_until_its_input_ends(client: flight.FlightClient) -> None:
    create_stream(client, "live_e")
    subscriber = Subscriber(client, WINDOWED.format("live_e").encode())
    assert until(lambda: bool(running(client, "live_e")))
    put(client, "live_e", FIRST)
    first = {(0, "a"): (2, 4), (0, "b"): (1, 2)}
    assert until(lambda: subscriber.last_per_key() == first), subscriber.rows
    put(client, "live_e", SECOND)
    act(client, "stream.end_input", stream="live_e")
    subscriber.join()
    assert subscriber.fault is None
    assert subscriber.kinds[-1] == "end"
    assert subscriber.last_per_key() == {
        (0, "a"): (2, 4),
        (0, "b"): (2, 7),
        (10, "a"): (1, 4),
        (10, "b"): (1, 6),
    }


def running(client: flight.FlightClient, stream: str) -> list[dict[str, Any]]:
    ended = ("finished", "stopped", "failed")
    streams = act(client, "stream.list")["streams"]
    return [s for s in streams if f"FROM {stream} " in s["sql"] and s["status"] not in ended]


def test_a_reader_that_goes_takes_its_query_along(client: flight.FlightClient) -> None:
    create_stream(client, "gone_e")
    subscriber = Subscriber(client, WINDOWED.format("gone_e").encode())
    assert until(lambda: len(running(client, "gone_e")) == 1)
    subscriber.reader.cancel()
    subscriber.join()
    assert until(lambda: not running(client, "gone_e"))


def test_a_started_query_fills_a_table_and_tells_its_progress(client: flight.FlightClient) -> None:
    create_stream(client, "job_e")
    read(client, "CREATE TABLE job_out (w TIMESTAMP, k VARCHAR, n BIGINT, s BIGINT)")
    sql = f"INSERT INTO job_out {WINDOWED.format('job_e')}"
    started = act(client, "stream.start", sql=sql, name="job")
    assert started["name"] == "job"
    put(client, "job_e", FIRST)
    progress = act(client, "stream.stop", query_id=started["query_id"], mode="drain")
    assert progress["query_id"] == started["query_id"]
    assert progress["rows_in"] == 3
    assert progress["has_window"] is True
    assert rows(client, "SELECT k, n, s FROM job_out ORDER BY k") == [("a", 2, 4), ("b", 1, 2)]
    assert act(client, "stream.progress", query_id="job")["status"] in ("stopped", "finished")
    sql = f"SELECT kind, state FROM system.runs WHERE query_id = '{started['query_id']}'"
    assert until(lambda: rows(client, sql) == [("stream", "succeeded")])


def test_subscribers_join_a_named_query_and_leave_it_running(client: flight.FlightClient) -> None:
    create_stream(client, "shared_e")
    query = act(client, "stream.start", sql=WINDOWED.format("shared_e"), name="shared")
    ticket = msgspec.msgpack.encode({"type": "subscribe", "query_id": "shared"})
    info = client.get_flight_info(flight.FlightDescriptor.for_command(ticket))
    first, second = (Subscriber(client, e) for e in (info.endpoints[0].ticket.ticket, ticket))
    put(client, "shared_e", FIRST)
    assert until(lambda: len(first.last_per_key()) == len(second.last_per_key()) == 2)
    first.reader.cancel()
    put(client, "shared_e", SECOND)
    assert until(lambda: len(second.last_per_key()) == 4)
    act(client, "query.cancel", query_id=query["query_id"])
    second.join()
    assert second.kinds[-1] == "end"


def test_execute_of_a_streaming_insert_answers_with_the_query(client: flight.FlightClient) -> None:
    create_stream(client, "exec_e")
    read(client, "CREATE TABLE exec_out (k VARCHAR)")
    reply = act(client, "sql.execute", sql="INSERT INTO exec_out SELECT k FROM exec_e")
    put(client, "exec_e", FIRST)
    act(client, "stream.end_input", stream="exec_e")
    assert until(lambda: rows(client, "SELECT count(*) FROM exec_out") == [(3,)])
    assert act(client, "stream.progress", query_id=reply["query_id"])["rows_in"] == 3


ABOVE_ONE = "SELECT v FROM {} WHERE v > ?"


def test_a_continuous_query_gets_its_parameters(client: flight.FlightClient) -> None:
    create_stream(client, "param_e")
    read(client, "CREATE TABLE param_out (v BIGINT)")
    sql = ABOVE_ONE.format("param_e")
    by_command = msgspec.msgpack.encode({"type": "query", "sql": sql, "params": [2]})
    info = client.get_flight_info(flight.FlightDescriptor.for_command(by_command))
    tickets = (by_command, info.endpoints[0].ticket.ticket)
    subscribers = [Subscriber(client, ticket) for ticket in tickets]
    act(client, "sql.execute", sql="INSERT INTO param_out " + sql, params=[1])
    act(client, "stream.start", sql="INSERT INTO param_out " + sql, params=[2], name="param_q")
    assert until(lambda: len(running(client, "param_e")) == 4)
    put(client, "param_e", FIRST)
    act(client, "stream.end_input", stream="param_e")
    for subscriber in subscribers:
        subscriber.join()
        assert subscriber.rows == [{"v": 3}]
    assert until(lambda: rows(client, "SELECT v FROM param_out ORDER BY v") == [(2,), (3,), (3,)])


def test_a_continuous_query_without_its_parameters_is_refused(client: flight.FlightClient) -> None:
    create_stream(client, "unparam_e")
    with pytest.raises(flight.FlightError) as caught:
        act(client, "stream.start", sql=ABOVE_ONE.format("unparam_e"))
    assert told(caught.value)["code"] == "VEL1006"


def test_the_id_in_a_flight_info_is_that_of_the_query(client: flight.FlightClient) -> None:
    create_stream(client, "id_e")
    command = b"SELECT k FROM id_e WHERE v > 0"
    info = client.get_flight_info(flight.FlightDescriptor.for_command(command))
    query_id = msgspec.msgpack.decode(info.app_metadata)["query_id"]
    first, second = (Subscriber(client, info.endpoints[0].ticket.ticket) for _ in range(2))
    assert until(lambda: len(running(client, "id_e")) == 2)
    put(client, "id_e", FIRST)
    assert until(lambda: len(first.rows) == len(second.rows) == 3)
    assert act(client, "query.progress", query_id=query_id)["rows_in"] == 3
    assert act(client, "query.cancel", query_id=query_id) == {"state": "stopped"}
    # A ticket read a second time runs under an id of its own.
    (other,) = running(client, "id_e")
    assert other["query_id"] != query_id
    act(client, "stream.end_input", stream="id_e")
    first.join()
    second.join()


def test_a_continuous_query_cancelled_before_it_is_read_does_not_start(
    client: flight.FlightClient,
) -> None:
    create_stream(client, "early_e")
    info = client.get_flight_info(
        flight.FlightDescriptor.for_command(b"SELECT k FROM early_e WHERE v > 0")
    )
    query_id = msgspec.msgpack.decode(info.app_metadata)["query_id"]
    assert act(client, "query.cancel", query_id=query_id) == {"state": "cancelled"}
    with pytest.raises(flight.FlightError) as caught:
        client.do_get(info.endpoints[0].ticket).read_all()
    assert told(caught.value)["code"] == "VEL3010"
    assert not running(client, "early_e")


@pytest.mark.parametrize("mode", ["best-effort", "at-least-once", "exactly-once", "sometimes"])
def test_a_delivery_mode_is_kept_or_refused_by_name(client: flight.FlightClient, mode: str) -> None:
    create_stream(client, f"mode_{mode.replace('-', '_')}_e")
    sql = f"SELECT k FROM mode_{mode.replace('-', '_')}_e"
    if mode in ("best-effort", "at-least-once"):
        query_id = act(client, "stream.start", sql=sql, delivery_mode=mode)["query_id"]
        progress = act(client, "stream.stop", query_id=query_id, mode="now")
        assert progress["checkpoint_delivery_mode"] == mode
        return
    with pytest.raises(flight.FlightError) as caught:
        act(client, "stream.start", sql=sql, delivery_mode=mode)
    assert mode in told(caught.value)["message"]
    assert told(caught.value)["code"] == {"exactly-once": "VEL1008", "sometimes": "VEL1006"}[mode]


def test_explain_and_start_refuse_alike(client: flight.FlightClient) -> None:
    create_stream(client, "refused_e")
    sql = "SELECT * FROM refused_e ORDER BY v"
    codes = []
    for name in ("stream.explain", "stream.start"):
        with pytest.raises(flight.FlightError) as caught:
            act(client, name, sql=sql)
        codes.append(told(caught.value)["code"])
    assert codes == ["VEL2101", "VEL2101"]
    sections = act(client, "stream.explain", sql=WINDOWED.format("refused_e"))
    assert set(sections) == {"logical", "physical", "strategy"}


def test_streaming_queries_are_listed_as_flights_and_rows(client: flight.FlightClient) -> None:
    create_stream(client, "listed_e")
    started = act(client, "stream.start", sql=WINDOWED.format("listed_e"), name="listed")
    (info,) = [f for f in client.list_flights(b"listed") if f.descriptor.command]
    assert msgspec.msgpack.decode(info.app_metadata)["query_id"] == started["query_id"]
    assert rows(client, "SELECT name FROM system.streams WHERE name = 'listed'") == [("listed",)]
    act(client, "stream.stop", query_id="listed", mode="now")


def test_a_put_after_the_end_of_input_is_refused(client: flight.FlightClient) -> None:
    create_stream(client, "ended_e")
    act(client, "stream.end_input", stream="ended_e")
    with pytest.raises(flight.FlightError) as caught:
        put(client, "ended_e", FIRST)
    assert told(caught.value)["code"] == "VEL4012"


def test_what_a_stream_in_memory_cannot_do_is_refused_by_name(client: flight.FlightClient) -> None:
    create_stream(client, "unoffered_e")
    sql = "SELECT k FROM unoffered_e"
    for fields, code in (({"checkpoint_interval_ms": 1000}, "VEL1008"), ({"name": ""}, "VEL1003")):
        with pytest.raises(flight.FlightError) as caught:
            act(client, "stream.start", sql=sql, **fields)
        assert told(caught.value)["code"] == code


def test_emissions_with_coded_texts_are_read_by_every_front(client: flight.FlightClient) -> None:
    names = pa.array(["x", "y"]).dictionary_encode()
    put(client, "names_d", pa.table({"k": ["a", "b"], "name": names}))
    create_stream(client, "coded_d")
    put(client, "coded_d", FIRST)
    act(client, "stream.end_input", stream="coded_d")
    sql = b"SELECT names_d.name, v FROM coded_d JOIN names_d ON coded_d.k = names_d.k"
    info = client.get_flight_info(flight.FlightDescriptor.for_command(sql))
    for ticket in (info.endpoints[0].ticket, flight.Ticket(sql)):
        emitted = client.do_get(ticket).read_all()
        assert emitted.schema == info.schema == pa.schema({"name": pa.utf8(), "v": pa.int64()})
        assert sorted(emitted.to_pylist(), key=lambda row: int(row["v"])) == [
            {"name": "x", "v": 1},
            {"name": "y", "v": 2},
            {"name": "x", "v": 3},
        ]
