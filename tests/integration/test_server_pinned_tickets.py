"""A SELECT's ticket reads what stood when it was made, whatever has changed since."""

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest
from adbc_driver_flightsql import dbapi

from tests.server_process import ServerProcess, act, rows
from velaria.flight_server.flight_sql.messages import new, pack

pytestmark = pytest.mark.both_fronts


def info_of(client: flight.FlightClient, command: object) -> flight.FlightInfo:
    raw = command if isinstance(command, bytes) else msgspec.msgpack.encode(command)
    return client.get_flight_info(flight.FlightDescriptor.for_command(raw))


def read(client: flight.FlightClient, info: flight.FlightInfo) -> pa.Table:
    return pa.concat_tables(
        client.do_get(endpoint.ticket).read_all() for endpoint in info.endpoints
    )


SQL = "SELECT a FROM pinned_t ORDER BY a"
COMMANDS = {
    "text": SQL.encode(),
    "command": msgspec.msgpack.encode({"type": "query", "sql": SQL}),
    "parallel": msgspec.msgpack.encode({"type": "query", "sql": SQL, "parallel": 2}),
    "flight_sql": pack(new("CommandStatementQuery", query=SQL)),
}


@pytest.fixture
def table(client: flight.FlightClient) -> str:
    rows(client, "CREATE OR REPLACE TABLE pinned_t AS SELECT 1 AS a")
    return "pinned_t"


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_rows_are_those_of_the_ticket(
    client: flight.FlightClient, table: str, command: bytes
) -> None:
    info = info_of(client, command)
    rows(client, f"INSERT INTO {table} VALUES (2)")
    rows(client, f"UPDATE {table} SET a = 9 WHERE a = 1")
    assert read(client, info).to_pydict() == {"a": [1]}
    if len(info.endpoints) == 1:
        assert read(client, info).to_pydict() == {"a": [1]}
    assert read(client, info_of(client, command)).to_pydict() == {"a": [2, 9]}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_schema_is_that_of_the_ticket(
    client: flight.FlightClient, table: str, command: bytes
) -> None:
    info = info_of(client, command)
    rows(client, f"DROP TABLE {table}")
    rows(client, f"CREATE TABLE {table} AS SELECT 'x' AS a, 2 AS b")
    got = read(client, info)
    assert (got.schema, got.num_rows) == (info.schema, 1)


def test_the_ticket_of_sql_execute_reads_what_stood_then(
    client: flight.FlightClient, table: str
) -> None:
    ticket = act(client, "sql.execute", sql=SQL)["ticket"]
    rows(client, f"DELETE FROM {table}")
    assert client.do_get(flight.Ticket(ticket)).read_all().num_rows == 1


def test_a_text_as_a_ticket_reads_what_stands_now(client: flight.FlightClient, table: str) -> None:
    rows(client, f"INSERT INTO {table} VALUES (2)")
    assert client.do_get(flight.Ticket(SQL.encode())).read_all().num_rows == 2


def test_a_transaction_reads_what_it_has_changed(
    server: ServerProcess, client: flight.FlightClient, table: str
) -> None:
    with dbapi.connect(server.uri) as connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} VALUES (2)")
        cursor.execute(SQL)
        assert cursor.fetchall() == [(1,), (2,)]
        connection.rollback()
        cursor.execute(SQL)
        assert cursor.fetchall() == [(1,)]
