"""A query that fails behind its first rows tells code, place and hint, whatever way it is read."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

import velaria
from tests.integration import flight_sql_client
from tests.server_process import ServerProcess, act, told, until
from velaria.schemas.errors import VelariaError

pytestmark = pytest.mark.both_fronts

ROWS = 500_000
# What stands before the failure is more than a result holds (32 MiB) until it is read.
FAILS_LATE = (
    "SELECT n, repeat('x', 200) AS pad,\n"
    f"  regexp_matches('a', CASE WHEN n = {ROWS} THEN '(late' ELSE 'a' END) AS c\n"
    f"FROM generate_series(1, {ROWS}) AS s(n)"
)
PLACE = (2, 3)

Reading = Callable[[flight.FlightClient, str], object]


def ask(client: flight.FlightClient, sql: str, **options: Any) -> flight.FlightInfo:
    command = msgspec.msgpack.encode({"type": "query", "sql": sql, **options})
    return client.get_flight_info(flight.FlightDescriptor.for_command(command))


def by_options(**options: Any) -> Reading:
    return lambda client, sql: read(client, ask(client, sql, **options).endpoints[0].ticket)


def read(client: flight.FlightClient, ticket: flight.Ticket) -> None:
    """The first rows come, and the failure after them."""
    reader = client.do_get(ticket)
    assert reader.read_chunk().data.num_rows > 0
    reader.read_all()


def by_poll(client: flight.FlightClient, sql: str) -> None:
    reply = act(client, "query.poll", sql=sql, wait_ms=30_000)
    assert reply["state"] == "ready"
    read(client, flight.Ticket(reply["ticket"]))


def by_shared_memory(client: flight.FlightClient, sql: str) -> None:
    token = Path(act(client, "server.info")["host_token_file"]).read_text()
    act(client, "sql.execute", sql=sql, transport="shared-memory", host_token=token)


def by_flight_sql(client: flight.FlightClient, sql: str) -> None:
    info = flight_sql_client.info_of(client, "CommandStatementQuery", query=sql)
    read(client, info.endpoints[0].ticket)


def by_each_row(client: flight.FlightClient, sql: str) -> None:
    """The second row of parameters is the one that fails."""
    sql = sql.replace(f"n = {ROWS} ", "n = ?     ")
    handle = flight_sql_client.prepare(client, sql).prepared_statement_handle
    rows = pa.table({"p": pa.array([0, ROWS], pa.int64())})
    name = "CommandPreparedStatementQuery"
    flight_sql_client.put(client, name, rows, prepared_statement_handle=handle)
    info = flight_sql_client.info_of(client, name, prepared_statement_handle=handle)
    reader = client.do_get(info.endpoints[0].ticket)
    read_count = 0
    while read_count < ROWS:
        read_count += reader.read_chunk().data.num_rows
    reader.read_all()


def by_update(client: flight.FlightClient, sql: str) -> None:
    """A query that a client takes for a change is read by the server."""
    flight_sql_client.update(client, sql)


WAYS: dict[str, Reading] = {
    "text": lambda client, sql: read(client, flight.Ticket(sql.encode())),
    "ticket": by_options(),
    "cut": by_options(batch_rows=1_000),
    "decoded": by_options(keep_dictionaries=False),
    "parallel": by_options(parallel=2),
    "query.poll": by_poll,
    "shared memory": by_shared_memory,
    "Flight SQL": by_flight_sql,
    "rows of parameters": by_each_row,
    "update": by_update,
}


@pytest.mark.parametrize("way", list(WAYS))
def test_code_place_and_hint_arrive(client: flight.FlightClient, way: str) -> None:
    with pytest.raises((flight.FlightError, pa.ArrowException)) as caught:
        WAYS[way](client, FAILS_LATE)
    check(told(caught.value))
    assert re.search(r"\n  regexp_matches\(.* AS c\n  \^\n", str(caught.value))


def check(error: dict[str, Any]) -> None:
    assert error["code"] == "VEL2008"
    assert (int(error["line"]), int(error["column"])) == PLACE
    assert "RE2" in error["hint"]
    assert error["message"].endswith("late")


def test_a_run_ends_with_what_its_client_was_told(client: flight.FlightClient) -> None:
    info = ask(client, FAILS_LATE)
    with pytest.raises(flight.FlightError):
        read(client, info.endpoints[0].ticket)
    query_id = msgspec.msgpack.decode(info.app_metadata)["query_id"]
    progress = act(client, "query.progress", query_id=query_id)
    assert (progress["state"], progress["error_code"]) == ("failed", "VEL2008")


@pytest.mark.parametrize("way", ["text", "Flight SQL"])
def test_a_call_is_counted_by_the_code_it_ended_with(client: flight.FlightClient, way: str) -> None:
    def counts() -> dict[str, float]:
        told: dict[str, float] = act(client, "server.metrics")["metrics"]
        ended = 'calls_ended_total{method="DoGet",action="",status='
        return {name: count for name, count in told.items() if name.startswith(ended)}

    before = counts()
    with pytest.raises((flight.FlightError, pa.ArrowException)):
        WAYS[way](client, FAILS_LATE)
    assert until(lambda: counts() != before)
    added = {name: count - before.get(name, 0) for name, count in counts().items()}
    assert {name[-9:-2]: count for name, count in added.items() if count} == {"VEL2008": 1}


def test_a_transform_tells_it_alike(server: ServerProcess) -> None:
    with velaria.connect(server.uri) as ours, pytest.raises(VelariaError) as caught:
        data = pa.table({"n": range(1, ROWS + 1)})
        sql = FAILS_LATE.replace(f"generate_series(1, {ROWS}) AS s(n)", "input")
        ours.transform(data, sql).read_all()
    check(msgspec.to_builtins(caught.value.reply()))


def test_dictionaries_arrive_by_flight_sql_too(client: flight.FlightClient) -> None:
    values = pa.array(["x", None, "y"]).dictionary_encode()
    with_values = pa.table({"k": values.take(pa.array([0, 1, 2, 0]))})
    flight_sql_client.put(
        client,
        "CommandStatementIngest",
        with_values,
        table="late_kinds",
        table_definition_options={"if_not_exist": 1, "if_exists": 3},
    )
    got = flight_sql_client.query(client, "SELECT k FROM late_kinds")
    assert got["k"].to_pylist() == ["x", None, "y", "x"]
