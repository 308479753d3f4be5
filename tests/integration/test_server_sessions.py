"""Sessions over Flight: opened, named by the header, closed; and the client that opens its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

import velaria
from tests.server_process import ServerProcess, act, read, told
from velaria.schemas.errors import VelariaError

pytestmark = pytest.mark.both_fronts


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(VelariaError) as caught:
        yield
    assert caught.value.code == code, caught.value.message


def named(session: str) -> flight.FlightCallOptions:
    return flight.FlightCallOptions(headers=[(b"velaria-session", session.encode())])


def run(client: flight.FlightClient, sql: str, session: str) -> pa.Table:
    """A plain client: the statement's text as a ticket, the session in the header."""
    return client.do_get(flight.Ticket(sql.encode()), named(session)).read_all()


@pytest.fixture
def clients(server: ServerProcess) -> Iterator[tuple[Any, Any]]:
    with velaria.connect(server.uri) as one, velaria.connect(server.uri) as other:
        one.sql("CREATE OR REPLACE TABLE ses_t(a INTEGER PRIMARY KEY)")
        yield one, other
        other.sql("DROP TABLE IF EXISTS ses_t")


def test_a_plain_client_names_its_session_in_a_header(client: flight.FlightClient) -> None:
    session = act(client, "session.open")["session"]
    run(client, "CREATE TEMP TABLE ses_own(a INTEGER)", session)
    run(client, "BEGIN", session)
    run(client, "INSERT INTO ses_own VALUES (1)", session)
    assert run(client, "SELECT count(*) AS n FROM ses_own", session).to_pydict() == {"n": [1]}
    run(client, "ROLLBACK", session)
    assert run(client, "SELECT * FROM ses_own", session).num_rows == 0
    with pytest.raises(flight.FlightError) as caught:
        read(client, "SELECT * FROM ses_own")
    assert told(caught.value)["code"] == "VEL2011"
    assert act(client, "session.close", session=session) == {}
    with pytest.raises(flight.FlightError) as caught:
        run(client, "SELECT 1", session)
    assert told(caught.value)["code"] == "VEL1011"
    with pytest.raises(flight.FlightError) as caught:
        act(client, "session.close", session=session)
    assert told(caught.value)["code"] == "VEL1006"


def test_without_a_session_what_it_would_keep_is_refused(client: flight.FlightClient) -> None:
    for sql in ("BEGIN", "CREATE TEMP TABLE ses_own(a INTEGER)", "SET schema = 'main'"):
        with pytest.raises(flight.FlightError) as caught:
            read(client, sql)
        assert told(caught.value)["code"] == "VEL1008"
        assert "velaria-session" in told(caught.value)["hint"]


def test_the_client_opens_a_session_when_a_statement_needs_one(clients: tuple[Any, Any]) -> None:
    one, other = clients
    assert one.session is None
    one.sql("BEGIN")
    assert one.session is not None
    one.sql("INSERT INTO ses_t VALUES (1)")
    assert one.sql("SELECT a FROM ses_t").to_rows() == [(1,)]
    assert other.sql("SELECT a FROM ses_t").to_rows() == []
    one.sql("COMMIT")
    assert other.sql("SELECT a FROM ses_t").to_rows() == [(1,)]


def test_threads_that_begin_at_once_share_the_clients_one_session(
    server: ServerProcess, clients: tuple[Any, Any]
) -> None:
    """Each has its answer before either is taken: the client has no session until then."""
    _, other = clients
    open_before = sessions_open(other)
    with velaria.connect(server.uri) as one:
        both_told, action = threading.Barrier(2), one.action
        told: list[str] = []

        def told_together(name: str, /, **fields: Any) -> dict[str, Any]:
            answer = action(name, **fields)
            if answer.get("session") is not None:
                both_told.wait(20)
            return answer

        def begin() -> None:
            try:
                told.append(one.sql("BEGIN").tag or "")
            except VelariaError as fault:
                told.append(fault.code)

        one.action = told_together  # type: ignore[method-assign]
        threads = [threading.Thread(target=begin) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(told) == ["BEGIN", "VEL2031"]
        assert sessions_open(other) == open_before + 1
    assert sessions_open(other) == open_before


def sessions_open(client: Any) -> float:
    count: float = client.action("server.metrics")["metrics"]["sessions_open"]
    return count


def test_an_error_fails_the_transaction_over_flight_too(clients: tuple[Any, Any]) -> None:
    one, other = clients
    one.sql("BEGIN")
    with refused("VEL2011"):
        one.sql("SELECT * FROM ses_nothing")
    with refused("VEL2031"):
        one.sql("SELECT 1")
    one.sql("ROLLBACK")
    one.sql("BEGIN")
    one.sql("INSERT INTO ses_t VALUES (2)")
    other.sql("INSERT INTO ses_t VALUES (2)")
    with refused("VEL3005"):
        one.sql("COMMIT")


def test_a_put_is_part_of_the_open_transaction(clients: tuple[Any, Any]) -> None:
    one, other = clients
    for end, left in (("ROLLBACK", []), ("COMMIT", [(1,), (2,)])):
        one.sql("BEGIN")
        assert one.put(pa.table({"a": pa.array([1, 2], pa.int32())}), "ses_t") == 2
        assert one.sql("SELECT count(*) FROM ses_t").to_rows() == [(2,)]
        assert other.sql("SELECT a FROM ses_t").to_rows() == []
        one.sql(end)
        assert other.sql("SELECT a FROM ses_t ORDER BY a").to_rows() == left


def test_a_put_that_fails_in_a_transaction_leaves_no_rows(clients: tuple[Any, Any]) -> None:
    one, other = clients
    good, bad = pa.table({"a": pa.array([1], pa.int32())}), pa.table({"a": ["x"]})
    one.sql("BEGIN")
    writer, _ = one.flight.do_put(
        flight.FlightDescriptor.for_path("ses_t"), good.schema, named(one.session)
    )
    writer.write_table(good)
    writer.write_metadata(msgspec.msgpack.encode({"type": "abort"}))
    with pytest.raises(flight.FlightError) as caught:
        writer.close()
    assert told(caught.value)["code"] == "VEL4006"
    with refused("VEL4005"):
        one.put(bad, "ses_t")
    one.put(good, "ses_t")
    one.sql("COMMIT")
    assert other.sql("SELECT a FROM ses_t").to_rows() == [(1,)]
    found = other.sql(
        "SELECT state, rows FROM system.runs WHERE text = 'DoPut ses_t' ORDER BY started_at DESC"
    ).to_rows()
    assert found[:3] == [("succeeded", 1), ("failed", 0), ("failed", 0)]


def test_a_failed_transaction_takes_no_put(clients: tuple[Any, Any]) -> None:
    one, _ = clients
    one.sql("BEGIN")
    with refused("VEL2011"):
        one.sql("SELECT * FROM ses_nothing")
    with refused("VEL2031"):
        one.put(pa.table({"a": pa.array([1], pa.int32())}), "ses_t")
    one.sql("ROLLBACK")


def test_a_put_goes_into_any_schema_and_the_sessions_temporary_tables(
    clients: tuple[Any, Any],
) -> None:
    one, other = clients
    one.sql("CREATE SCHEMA ses_schema")
    rows = pa.table({"a": [1, 2]})
    assert one.put(rows, "ses_schema.t") == 2
    one.sql("SET schema = 'ses_schema'")
    assert one.put(rows, "t") == 2
    assert other.sql("SELECT count(*) FROM ses_schema.t").to_rows() == [(4,)]
    assert "ses_schema.t" in {table.name for table in one.tables()}
    for table in ("temp.ses_own", "temp.ses_own"):
        assert one.put(rows, table) == 2
    assert one.sql("SELECT count(*) FROM ses_own").to_rows() == [(4,)]
    with refused("VEL2011"):
        other.sql("SELECT * FROM ses_own")
    with refused("VEL2011"):
        other.sql("SELECT * FROM ses_schema.ses_own")
    one.sql("DROP SCHEMA ses_schema CASCADE")


def test_an_atomic_put_is_there_at_its_end_or_not_at_all(client: flight.FlightClient) -> None:
    rows = pa.table({"a": [1]})
    for ends_well, left in ((False, None), (True, 2)):
        command = msgspec.msgpack.encode({"type": "ingest", "table": "ses_whole", "atomic": True})
        writer, replies = client.do_put(flight.FlightDescriptor.for_command(command), rows.schema)
        writer.write_table(rows)
        writer.write_table(rows)
        if ends_well:
            writer.done_writing()
            assert msgspec.msgpack.decode(replies.read().to_pybytes())["row_count"] == 2
            writer.close()
        else:
            writer.write_metadata(msgspec.msgpack.encode({"type": "abort"}))
            with pytest.raises(flight.FlightError) as caught:
                writer.close()
            assert told(caught.value)["code"] == "VEL4006"
        listed = read(client, "SELECT sum(row_count) FROM system.tables WHERE name = 'ses_whole'")
        assert listed.column(0).to_pylist() == [left]
    act(client, "table.drop", table="ses_whole")


def test_closing_the_client_rolls_back(server: ServerProcess, clients: tuple[Any, Any]) -> None:
    _, other = clients
    with velaria.connect(server.uri) as third:
        third.sql("BEGIN")
        third.sql("INSERT INTO ses_t VALUES (9)")
    assert other.sql("SELECT a FROM ses_t").to_rows() == []


def test_a_statement_that_fails_leaves_no_session_open(server: ServerProcess) -> None:
    with velaria.connect(server.uri) as one:
        with refused("VEL2028"):
            one.sql("SET schema = 'ses_nowhere'")
        assert one.session is None
