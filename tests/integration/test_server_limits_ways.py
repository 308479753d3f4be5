"""Whichever way a statement or rows come in, they reach the server's limits; what tells about the
server or ends something never waits."""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.integration import flight_sql_client as sql_client
from tests.limited_server import ENDLESS, LONG, NUMBERS, cancel_running, metric, run_long, served
from tests.server_process import ServerProcess, act, put, rows, until

Way = Callable[[flight.FlightClient, str], object]
SMALL = "SELECT n FROM lim_n WHERE n >= 0"
LONG_OVER_INPUT = (
    "SELECT count(*) AS n FROM input l CROSS JOIN generate_series(1, 1000000) a(x)"
    " CROSS JOIN generate_series(1, 1000000) b(y) WHERE l.n + a.x + b.y = -1"
)
TWO_ROWS = pa.table({"$1": pa.array([0, 0], pa.int64())})


def code_of(call: Callable[[], object]) -> str:
    """The code of the error that the call ends with; "" when it ends well."""
    try:
        call()
    except Exception as fault:  # noqa: BLE001 (each way in has classes of its own)
        return re.findall(r"VEL\d{4}", str(fault))[0]
    return ""


def descriptor(kind: str, sql: str, **fields: Any) -> flight.FlightDescriptor:
    command = {"type": kind, "sql": sql, **fields}
    return flight.FlightDescriptor.for_command(msgspec.msgpack.encode(command))


def each_row(client: flight.FlightClient, sql: str) -> pa.Table:
    handle = sql_client.prepare(client, f"{sql} AND l.n >= ?").prepared_statement_handle
    named = {"prepared_statement_handle": handle}
    sql_client.put(client, "CommandPreparedStatementQuery", TWO_ROWS, **named)
    info = sql_client.info_of(client, "CommandPreparedStatementQuery", **named)
    return client.do_get(info.endpoints[0].ticket).read_all()


def updates(client: flight.FlightClient, sql: str) -> object:
    text = f"INSERT INTO lim_out {sql} AND l.n >= ?"
    handle = sql_client.prepare(client, text).prepared_statement_handle
    named = {"prepared_statement_handle": handle}
    return sql_client.put(client, "CommandPreparedStatementUpdate", TWO_ROWS, **named)


def poll(client: flight.FlightClient, sql: str) -> None:
    reply = act(client, "query.poll", sql=sql)
    while reply["state"] == "running":
        reply = act(client, "query.poll", query_id=reply["query_id"], wait_ms=10_000)
    if reply["state"] != "ready":
        raise RuntimeError(reply["error"]["code"])
    client.do_get(flight.Ticket(reply["ticket"])).read_all()


def part(client: flight.FlightClient, sql: str) -> None:
    info = client.get_flight_info(descriptor("query", sql, parallel=2))
    client.do_get(info.endpoints[0].ticket).read_all()


def share(client: flight.FlightClient, sql: str) -> None:
    token = Path(act(client, "server.info")["host_token_file"]).read_text("ascii")
    act(client, "sql.execute", sql=sql, transport="shared-memory", host_token=token)


def transform(client: flight.FlightClient, sql: str) -> None:
    """Rows of NUMBERS through a statement; an error is told by metadata."""
    over_input = LONG_OVER_INPUT if sql == LONG.decode() else "SELECT n FROM input"
    writer, reader = client.do_exchange(descriptor("transform", over_input))
    with writer:
        writer.begin(NUMBERS.schema)
        writer.write_table(NUMBERS)
        writer.done_writing()
        for chunk in reader:
            told = chunk.app_metadata and msgspec.msgpack.decode(chunk.app_metadata)
            if told and told.get("error"):
                raise RuntimeError(told["error"]["code"])


READINGS: dict[str, Way] = {
    "Flight SQL query": sql_client.query,
    "Flight SQL query for each row": each_row,
    "Flight SQL RETURNING": lambda client, sql: sql_client.query(
        client, f"INSERT INTO lim_out {sql} RETURNING n"
    ),
    "query.poll": poll,
    "parallel part": part,
    "shared memory": share,
    "transform": transform,
}
CHANGES: dict[str, Way] = {
    "Flight SQL update": lambda client, sql: sql_client.update(
        client, f"INSERT INTO lim_out {sql}"
    ),
    "Flight SQL update for each row": updates,
    "in a transaction": lambda client, sql: sql_client.query(client, sql, sql_client.begin(client)),
}
LONG_WAYS = READINGS | CHANGES


def with_out(**limits: Any) -> ServerProcess:
    server = served(**limits)
    put(server.connect(), "lim_out", NUMBERS.slice(0, 0))
    return server


@pytest.fixture(scope="module")
def busy() -> Iterator[ServerProcess]:
    """Its one place is taken."""
    with with_out(statements_running=1, statements_waiting=1, wait_s=0.3) as server:
        client = server.connect()
        run_long(server)
        assert until(lambda: metric(client, "statements_running") == 1)
        yield server
        cancel_running(client)


@pytest.mark.parametrize("way", LONG_WAYS)
def test_a_statement_waits_for_its_turn_and_not_too_long(busy: ServerProcess, way: str) -> None:
    client = busy.connect()
    assert (
        code_of(lambda: LONG_WAYS[way](client, f"{SMALL.replace('lim_n', 'lim_n l')}")) == "VEL5002"
    )
    assert metric(client, "statements_waiting") == 0


def test_metadata_transactions_cancel_and_health_do_not_wait(busy: ServerProcess) -> None:
    client = busy.connect()
    info = sql_client.info_of(client, "CommandGetTables", include_schema=True)
    assert client.do_get(info.endpoints[0].ticket).read_all().num_rows >= 2
    handle = sql_client.prepare(client, SMALL).prepared_statement_handle
    sql_client.put(
        client, "CommandPreparedStatementQuery", pa.table({}), prepared_statement_handle=handle
    )
    asked = sql_client.info_of(client, "CommandStatementQuery", query=SMALL)
    cancelled = parse_info(asked)
    assert sql_client.bare(client, "CancelFlightInfo", info=cancelled).status
    transaction = sql_client.begin(client)
    sql_client.wrapped(
        client,
        "EndTransaction",
        "ActionEndTransactionRequest",
        transaction_id=transaction,
        action=2,
    )
    assert act(client, "server.health")["state"] == "serving"
    assert metric(client, "statements_running") == 1


def parse_info(info: flight.FlightInfo) -> Any:
    return sql_client.parse("FlightInfo", info.serialize())


def test_adbc_waits_and_is_told_why_it_was_refused(busy: ServerProcess) -> None:
    dbapi = pytest.importorskip("adbc_driver_flightsql.dbapi")
    with dbapi.connect(busy.uri, autocommit=True) as connection, connection.cursor() as cursor:
        assert connection.adbc_get_table_types()

        def read() -> None:
            cursor.execute(SMALL)
            cursor.fetchall()

        assert code_of(read) == "VEL5002"
        assert cursor.adbc_ingest("lim_adbc", NUMBERS, mode="create") == NUMBERS.num_rows


@pytest.fixture(scope="module")
def hasty() -> Iterator[ServerProcess]:
    with with_out(query_s=0.5) as server:
        yield server


@pytest.mark.parametrize("way", LONG_WAYS)
def test_a_statement_ends_at_its_time(hasty: ServerProcess, way: str) -> None:
    client = hasty.connect()
    assert code_of(lambda: LONG_WAYS[way](client, LONG.decode())) == "VEL3011"
    assert until(lambda: metric(client, "statements_running") == 0)


@pytest.fixture(scope="module")
def short() -> Iterator[ServerProcess]:
    with with_out(result_rows=1000) as server:
        yield server


@pytest.mark.parametrize("way", READINGS)
def test_a_result_may_have_only_so_many_rows(short: ServerProcess, way: str) -> None:
    client = short.connect()
    sql = SMALL.replace("lim_n", "lim_n l")
    assert code_of(lambda: READINGS[way](client, sql)) == "VEL3015"
    assert until(lambda: metric(client, "queries_running") == 0)
    assert code_of(lambda: sql_client.query(client, f"{sql} AND n < 1000")) == ""


def test_only_so_many_results_are_open() -> None:
    with with_out(results_open=1) as server:
        client = server.connect()
        ready = act(client, "query.poll", sql=SMALL, wait_ms=10_000)
        assert ready["state"] == "ready"
        act(client, "sql.execute", sql="CREATE STREAM lim_s (a BIGINT)")
        started = act(client, "stream.start", sql="SELECT a FROM lim_s")
        subscribe = {"type": "subscribe", "query_id": started["query_id"]}
        reader = server.connect().do_get(flight.Ticket(ENDLESS))
        reader.read_chunk()
        refused = {
            "Flight SQL": code_of(lambda: sql_client.query(client, SMALL)),
            "for each row": code_of(lambda: each_row(client, "SELECT l.n FROM lim_n l WHERE true")),
            "part": code_of(lambda: part(client, SMALL)),
            "held": code_of(lambda: client.do_get(flight.Ticket(ready["ticket"])).read_all()),
            "subscription": code_of(
                lambda: client.do_get(flight.Ticket(msgspec.msgpack.encode(subscribe))).read_chunk()
            ),
        }
        assert refused == dict.fromkeys(refused, "VEL5002")
        tables = sql_client.info_of(client, "CommandGetTables")
        assert client.do_get(tables.endpoints[0].ticket).read_all().num_rows
        reader.cancel()
        assert until(lambda: metric(client, "results_open") == 0)
        held = client.do_get(flight.Ticket(ready["ticket"])).read_all()
        assert held.num_rows == NUMBERS.num_rows, "a refused reading takes nothing away"


INGEST = {
    "table": "lim_sql",
    "table_definition_options": {"if_not_exist": 1, "if_exists": 2},
}


def open_puts(client: flight.FlightClient) -> dict[str, tuple[Any, Any]]:
    """Each way to bring rows, begun and silent: writer and reader."""
    handle = sql_client.prepare(client, f"{SMALL} AND n >= ?").prepared_statement_handle
    bind = sql_client.descriptor("CommandPreparedStatementQuery", prepared_statement_handle=handle)
    over = client.do_exchange(descriptor("transform", "SELECT count(*) AS n FROM input"))
    with contextlib.suppress(flight.FlightError):  # `ended` reads what it was refused for
        over[0].begin(NUMBERS.schema)
    ingest = sql_client.descriptor("CommandStatementIngest", **INGEST)
    return {
        "ingest": client.do_put(ingest, NUMBERS.schema),
        "bind": client.do_put(bind, TWO_ROWS.schema),
        "transform": over,
    }


def ended(sides: tuple[Any, Any]) -> str:
    """The code that the server ends it with when the client ends its own side."""
    writer, reader = sides
    if isinstance(reader, flight.FlightMetadataReader):
        writer.done_writing()
        return code_of(writer.close)

    def read() -> None:
        writer.done_writing()
        for chunk in reader:
            told = chunk.app_metadata and msgspec.msgpack.decode(chunk.app_metadata)
            if told and told.get("error"):
                raise RuntimeError(told["error"]["code"])

    code = code_of(read)
    code_of(writer.close)
    return code


def test_only_so_many_calls_bring_rows() -> None:
    with with_out(puts_open=1) as server:
        client = server.connect()
        writer, _ = server.connect().do_put(
            flight.FlightDescriptor.for_path("lim_put"), NUMBERS.schema
        )
        writer.write_table(NUMBERS)
        assert until(lambda: metric(client, "puts_open") == 1)
        told = {name: ended(sides) for name, sides in open_puts(client).items()}
        assert told == dict.fromkeys(told, "VEL5002")
        writer.close()
        assert until(lambda: metric(client, "puts_open") == 0)


def test_silent_calls_that_should_bring_rows_are_told_so_and_cut() -> None:
    with with_out(put_idle_s=0.3) as server:
        watching = server.connect()
        silent = open_puts(server.connect())
        assert until(lambda: metric(watching, "calls_idle_total") == len(silent))
        told = {name: ended(sides) for name, sides in silent.items()}
        assert told == dict.fromkeys(told, "VEL5009")
        assert rows(watching, "SELECT count(*) FROM system.tables WHERE name = 'lim_sql'") == [(0,)]
        left = open_puts(server.connect())
        assert until(lambda: metric(server.connect(), "puts_open") == len(left))
        assert until(lambda: metric(server.connect(), "puts_open") == 0, 20)


def write_without_end(writer: Any) -> None:
    try:
        while True:
            writer.write_table(NUMBERS)
    except (pa.ArrowException, OSError):
        return


def test_readers_of_parts_held_rows_and_transforms_that_do_not_read_are_cut() -> None:
    with with_out(read_idle_s=0.5) as server:
        client = server.connect()
        info = client.get_flight_info(descriptor("query", ENDLESS.decode(), parallel=2))
        ready = act(client, "query.poll", sql=ENDLESS.decode(), wait_ms=10_000)
        stuck = [
            server.connect().do_get(ticket)
            for ticket in (info.endpoints[0].ticket, flight.Ticket(ready["ticket"]))
        ]
        for reader in stuck:
            reader.read_chunk()
        other = server.connect()
        writer, answers = other.do_exchange(
            descriptor("transform", "SELECT n, n AS m, n AS o FROM input")
        )
        writer.begin(NUMBERS.schema)
        threading.Thread(target=write_without_end, args=(writer,), daemon=True).start()
        answers.read_chunk()
        assert until(lambda: metric(server.connect(), "queries_running") == 0, 30)
        assert until(lambda: metric(server.connect(), "results_open") == 0, 30)
        assert until(lambda: metric(server.connect(), "puts_open") == 0, 30)
        state = "SELECT count(*) FROM system.runs WHERE error_code = 'VEL5009'"
        assert until(lambda: rows(server.connect(), state) == [(3,)], 20)
        del stuck
