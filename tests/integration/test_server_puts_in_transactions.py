"""A put belongs to the transaction that it began in: when another call ends that first, it fails
and keeps no row; rows never land in a commit of their own."""

from collections.abc import Callable
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.integration.flight_sql_client import begin, descriptor, end, query
from tests.server_process import ServerProcess, act, read, rows, told, until
from velaria.flight_server.flight_sql.messages import EndTransaction

pytestmark = pytest.mark.both_fronts

BATCH = pa.record_batch({"a": pa.array([1, 2, 3], pa.int32())})
APPEND = {"if_not_exist": 2, "if_exists": 2}


@pytest.fixture
def table(client: flight.FlightClient) -> str:
    read(client, "CREATE OR REPLACE TABLE landing(a INTEGER)")
    return "landing"


class Put:
    """A put with one batch taken in and the end still to come."""

    def __init__(
        self,
        client: flight.FlightClient,
        command: flight.FlightDescriptor,
        options: flight.FlightCallOptions,
    ) -> None:
        self.writer, self._replies = client.do_put(command, BATCH.schema, options)
        self.writer.write_batch(BATCH)
        assert until(lambda: self._is_under_way(client)), "the batch was not taken in"

    def ended(self) -> None:
        """Raises what the put ends with."""
        self.writer.done_writing()
        self._replies.read()
        self.writer.close()

    @staticmethod
    def _is_under_way(client: flight.FlightClient) -> bool:
        queries = act(client, "query.list")["queries"]
        return any(
            one["kind"] == "ingest" and one["state"] == "running" and one.get("row_count") == 3
            for one in queries
        )


def named(session: str) -> flight.FlightCallOptions:
    return flight.FlightCallOptions(headers=[(b"velaria-session", session.encode())])


def native_put(client: flight.FlightClient, session: str, **fields: Any) -> Put:
    command = msgspec.msgpack.encode({"type": "ingest", "table": "landing", **fields})
    return Put(client, flight.FlightDescriptor.for_command(command), named(session))


def refusal(put: Put) -> dict[str, Any]:
    with pytest.raises((flight.FlightError, pa.ArrowException)) as caught:
        put.ended()
    return told(caught.value)


def is_refused(client: flight.FlightClient, put: Put) -> None:
    error = refusal(put)
    assert error["code"] == "VEL2031"
    assert "none of them is kept" in error["message"] and error["hint"]
    assert rows(client, "SELECT * FROM landing") == []
    last = [one for one in act(client, "query.list")["queries"] if one["kind"] == "ingest"][-1]
    assert (last["state"], last.get("row_count", 0)) == ("failed", 0)
    assert last["error_code"] == "VEL2031"


@pytest.mark.parametrize("statements", [["COMMIT"], ["ROLLBACK"], ["COMMIT", "BEGIN"]])
def test_a_put_fails_whose_transaction_another_call_has_ended(
    client: flight.FlightClient, table: str, statements: list[str]
) -> None:
    session = act(client, "session.open")["session"]

    def run(sql: str) -> None:
        client.do_get(flight.Ticket(sql.encode()), named(session)).read_all()

    run("BEGIN")
    put = native_put(client, session)
    for sql in statements:
        run(sql)
    is_refused(client, put)
    if statements[-1] == "BEGIN":
        run("INSERT INTO landing VALUES (7)")
        run("COMMIT")
        assert rows(client, "SELECT a FROM landing") == [(7,)], "the new transaction is unharmed"
    act(client, "session.close", session=session)


def test_the_next_batch_is_told_already(client: flight.FlightClient, table: str) -> None:
    session = act(client, "session.open")["session"]
    client.do_get(flight.Ticket(b"BEGIN"), named(session)).read_all()
    put = native_put(client, session)
    act_in(client, session, "COMMIT")

    def is_told() -> bool:
        try:
            put.writer.write_batch(BATCH)
        except (flight.FlightError, pa.ArrowException):
            return True
        return False

    assert until(is_told)
    act(client, "session.close", session=session)


def act_in(client: flight.FlightClient, session: str, sql: str) -> None:
    body = msgspec.msgpack.encode({"sql": sql})
    list(client.do_action(flight.Action("sql.execute", body), named(session)))


def test_a_put_fails_when_its_session_is_closed_with_its_transaction(
    client: flight.FlightClient, table: str
) -> None:
    session = act(client, "session.open")["session"]
    act_in(client, session, "BEGIN")
    put = native_put(client, session)
    act(client, "session.close", session=session)
    is_refused(client, put)


def test_an_atomic_put_is_in_no_transaction_that_begins_after_it(
    client: flight.FlightClient, table: str
) -> None:
    session = act(client, "session.open")["session"]
    put = native_put(client, session, atomic=True)
    act_in(client, session, "BEGIN")
    is_refused(client, put)
    act(client, "session.close", session=session)


def test_other_statements_of_the_transaction_do_a_put_no_harm(
    client: flight.FlightClient, table: str
) -> None:
    session = act(client, "session.open")["session"]
    act_in(client, session, "BEGIN")
    put = native_put(client, session)
    act_in(client, session, "INSERT INTO landing VALUES (4)")
    put.ended()
    assert rows(client, "SELECT * FROM landing") == []
    act_in(client, session, "COMMIT")
    assert sorted(rows(client, "SELECT a FROM landing")) == [(1,), (2,), (3,), (4,)]
    act(client, "session.close", session=session)


ENDS: dict[str, Callable[[flight.FlightClient, bytes], None]] = {
    "commit": lambda client, transaction: end(client, transaction, EndTransaction.COMMIT),
    "rollback": lambda client, transaction: end(client, transaction, EndTransaction.ROLLBACK),
}


def ingest(client: flight.FlightClient, transaction: bytes) -> Put:
    command = descriptor(
        "CommandStatementIngest",
        table="landing",
        table_definition_options=APPEND,
        transaction_id=transaction,
    )
    return Put(client, command, flight.FlightCallOptions())


@pytest.mark.parametrize("way", list(ENDS))
def test_an_ingest_fails_whose_transaction_another_call_has_ended(
    server: ServerProcess, client: flight.FlightClient, table: str, way: str
) -> None:
    transaction = begin(client)
    put = ingest(client, transaction)
    with server.connect() as other:
        ENDS[way](other, transaction)
    is_refused(client, put)


def test_an_ingest_that_ends_first_is_part_of_its_transaction(
    client: flight.FlightClient, table: str
) -> None:
    transaction = begin(client)
    ingest(client, transaction).ended()
    assert query(client, "SELECT a FROM landing").num_rows == 0
    end(client, transaction, EndTransaction.COMMIT)
    assert query(client, "SELECT a FROM landing").num_rows == 3
