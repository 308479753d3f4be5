"""Sessions over Flight: opened, named by the header, closed; and the client that opens its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight
import pytest

import velaria
from tests.server_process import ServerProcess, act, read, told
from velaria.schemas.errors import VelariaError


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
    assert told(caught.value)["code"] == "VEL1006"
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


def test_a_put_stays_outside_of_transactions(server: ServerProcess) -> None:
    with velaria.connect(server.uri) as one:
        one.sql("BEGIN")
        with refused("VEL2031"):
            one.put(pa.table({"a": [1]}), "ses_put")
        one.sql("ROLLBACK")
        assert one.put(pa.table({"a": [1]}), "ses_put") == 1
        one.sql("CREATE SCHEMA ses_schema")
        assert one.put(pa.table({"a": [1, 2]}), "ses_schema.t") == 2
        assert one.sql("SELECT count(*) FROM ses_schema.t").to_rows() == [(2,)]
        listed = {table.name for table in one.tables()}
        assert "ses_schema.t" in listed
        one.sql("DROP SCHEMA ses_schema CASCADE")
        one.sql("DROP TABLE ses_put")


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
