"""A session that ends by itself: its client is told once, and nothing is done in its stead."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.flight as flight
import pytest

import velaria
from tests.flight_sql import SERVICE
from tests.integration.flight_sql_client import (
    bare,
    begin,
    descriptor,
    end,
    info_of,
    prepare,
    put,
    query,
    refused,
    update,
    wrapped,
)
from tests.integration.test_flight_sql_sessions import COOKIE, Cookies, option
from tests.server_process import ServerProcess, act, until
from velaria.flight_server.client import Client
from velaria.flight_server.commands.shell import Shell
from velaria.flight_server.commands.shell_view import View
from velaria.flight_server.flight_sql.messages import EndTransaction, SessionCloseStatus
from velaria.schemas.errors import VelariaError

OVER = "VEL1011"

SETTLED: list[tuple[str, ...]] = [
    ("BEGIN", "INSERT INTO lost_t VALUES (1)"),
    ("SET schema = 'lost_side'",),
    ("CREATE TEMP TABLE lost_t AS SELECT 1 AS a",),
    ("PREPARE lost_p AS SELECT 1 AS a",),
]
"""Statements that leave something to lose."""


@pytest.fixture(scope="module", params=["native", "grpcio"])
def idling(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """A server whose sessions expire after a second."""
    arguments = ["--front", request.param, "--set", "sessions.idle_s=1"]
    with ServerProcess(arguments=arguments) as server:
        yield server


@pytest.fixture
def tables(idling: ServerProcess) -> Iterator[Callable[[], int]]:
    """lost_t in two schemas; how many rows the two have."""
    with idling.connect() as watcher:
        for sql in ("lost_t(a INTEGER)", "lost_side.lost_t(a INTEGER)"):
            update(watcher, "CREATE SCHEMA IF NOT EXISTS lost_side")
            update(watcher, f"CREATE OR REPLACE TABLE {sql}")
        both = "SELECT * FROM lost_t UNION ALL SELECT * FROM lost_side.lost_t"
        yield lambda: query(watcher, both).num_rows


def wait_until_expired(server: ServerProcess) -> None:
    """No session is open any more; opening another makes the server look."""

    def all_are_over() -> bool:
        with server.connect() as watcher:
            act(watcher, "session.close", session=act(watcher, "session.open")["session"])
            return int(act(watcher, "server.metrics")["metrics"]["sessions_open"]) == 0

    assert until(all_are_over)


@contextmanager
def lost() -> Iterator[None]:
    with pytest.raises(VelariaError) as caught:
        yield
    assert caught.value.code == OVER
    assert "new session" in caught.value.hint


@pytest.mark.parametrize("statements", SETTLED)
def test_a_client_of_one_tcp_connection_is_told_once(
    idling: ServerProcess, tables: Callable[[], int], statements: tuple[str, ...]
) -> None:
    with idling.connect() as client:
        for sql in statements:
            update(client, sql)
        wait_until_expired(idling)
        with refused(OVER):
            update(client, "INSERT INTO lost_t VALUES (2)")
        assert tables() == 0
        with refused("VEL2031"):
            update(client, "ROLLBACK")
        update(client, "INSERT INTO lost_t VALUES (3)")
        assert tables() == 1
        update(client, "BEGIN")
        update(client, "ROLLBACK")


@pytest.mark.parametrize("statements", SETTLED)
def test_a_client_that_keeps_cookies_is_told_once_and_loses_its_cookie(
    idling: ServerProcess, tables: Callable[[], int], statements: tuple[str, ...]
) -> None:
    cookies = Cookies()
    with flight.connect(idling.uri, middleware=[cookies]) as client:
        for sql in statements:
            query(client, sql)
        assert COOKIE in cookies.kept
        query(client, "SELECT 1")
        wait_until_expired(idling)
        with refused(OVER):
            query(client, "INSERT INTO lost_t VALUES (2)")
        assert COOKIE not in cookies.kept
        assert tables() == 0
        query(client, "BEGIN")
        query(client, "INSERT INTO lost_t VALUES (2)")
        query(client, "COMMIT")
        assert tables() == 1


def test_a_cookie_of_another_server_is_told_once(idling: ServerProcess) -> None:
    cookies = Cookies()
    cookies.kept[COOKIE] = "s-of-a-server-that-was-here-before"
    with flight.connect(idling.uri, middleware=[cookies]) as client:
        with refused(OVER):
            query(client, "SELECT 1")
        assert query(client, "SELECT 1 AS x")["x"].to_pylist() == [1]


def test_a_header_is_told_each_time(idling: ServerProcess, tables: Callable[[], int]) -> None:
    with idling.connect() as client:
        session = act(client, "session.open")["session"]
        headers = [(b"velaria-session", session.encode())]
        query(client, "BEGIN", headers=headers)
        wait_until_expired(idling)
        for _ in range(2):
            with refused(OVER):
                query(client, "INSERT INTO lost_t VALUES (2)", headers=headers)
            with pytest.raises(flight.FlightError, match=OVER):
                client.do_get(
                    flight.Ticket(b"SELECT 1"), flight.FlightCallOptions(headers=headers)
                ).read_all()
    assert tables() == 0


NEXT: dict[str, Callable[[flight.FlightClient], Any]] = {
    "prepare": lambda client: prepare(client, "INSERT INTO lost_t VALUES (2)"),
    "info": lambda client: info_of(client, "CommandStatementQuery", query="SELECT 1"),
    "begin": begin,
    "option": lambda client: bare(
        client, "SetSessionOptions", session_options={"schema": option("main")}
    ),
    "ingest": lambda client: put(
        client,
        "CommandStatementIngest",
        pa.table({"a": pa.array([2], pa.int32())}),
        table="lost_t",
        table_definition_options={"if_not_exist": 2, "if_exists": 2},
    ),
}


@pytest.mark.parametrize("name", NEXT)
def test_whatever_call_comes_next_is_told(
    idling: ServerProcess, tables: Callable[[], int], name: str
) -> None:
    with idling.connect() as client:
        update(client, "BEGIN")
        update(client, "INSERT INTO lost_t VALUES (1)")
        wait_until_expired(idling)
        with refused(OVER):
            NEXT[name](client)
        assert tables() == 0
        NEXT[name](client)
        bare(client, "CloseSession")


def test_a_poll_is_told(idling: ServerProcess, tables: Callable[[], int]) -> None:
    def asked(sql: str) -> bytes:
        return bytes(descriptor("CommandStatementQuery", query=sql).serialize())

    with grpc.insecure_channel(idling.uri.removeprefix("grpc://")) as channel:
        info = channel.unary_unary(SERVICE + "GetFlightInfo")
        poll = channel.unary_unary(SERVICE + "PollFlightInfo")
        info(asked("BEGIN"), timeout=60)
        wait_until_expired(idling)
        with pytest.raises(grpc.RpcError) as caught:
            poll(asked("INSERT INTO lost_t VALUES (2)"), timeout=60)
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        assert OVER in str(caught.value.details())
        assert tables() == 0
        poll(asked("SELECT 1"), timeout=60)


def test_who_cleans_up_first_is_told_afterwards(
    idling: ServerProcess, tables: Callable[[], int]
) -> None:
    """Drivers pass over the failure of a close."""
    with idling.connect() as client:
        update(client, "BEGIN")
        handle = prepare(client, "INSERT INTO lost_t VALUES (2)").prepared_statement_handle
        wait_until_expired(idling)
        for _ in range(2):
            with refused(OVER):
                request = "ActionClosePreparedStatementRequest"
                wrapped(client, "ClosePreparedStatement", request, prepared_statement_handle=handle)
        with refused("session of this call is over"):
            update(client, "INSERT INTO lost_t VALUES (2)")
    assert tables() == 0


def test_who_closes_a_session_that_is_over_need_not_be_told(idling: ServerProcess) -> None:
    with idling.connect() as client:
        update(client, "BEGIN")
        wait_until_expired(idling)
        assert bare(client, "CloseSession").status == SessionCloseStatus.NOT_CLOSEABLE
        query(client, "SELECT 1")


def test_a_transaction_in_use_keeps_its_session(
    idling: ServerProcess, tables: Callable[[], int]
) -> None:
    with idling.connect() as client:
        transaction, began_s = begin(client), time.monotonic()
        update(client, "INSERT INTO lost_t VALUES (1)", transaction)

        def has_been_used_for_twice_its_time() -> bool:
            query(client, "SELECT 1", transaction)
            return time.monotonic() - began_s > 2

        assert until(has_been_used_for_twice_its_time)
        end(client, transaction, EndTransaction.COMMIT)
    assert tables() == 1


def test_an_ingest_that_names_no_transaction_is_told_of_the_one_it_was_in(
    idling: ServerProcess, tables: Callable[[], int]
) -> None:
    with idling.connect() as client:
        begin(client)
        wait_until_expired(idling)
        with refused("transaction of this session is over"):
            NEXT["ingest"](client)
        assert tables() == 0
        NEXT["ingest"](client)
        assert tables() == 1


def test_a_session_with_nothing_to_lose_is_replaced_unnoticed(
    idling: ServerProcess, tables: Callable[[], int]
) -> None:
    cookies = Cookies()
    with (
        idling.connect() as bound,
        flight.connect(idling.uri, middleware=[cookies]) as keeping,
        velaria.connect(idling.uri) as own,
    ):
        for _ in range(2):
            for sql in ("BEGIN", "INSERT INTO lost_t VALUES (1)", "COMMIT"):
                query(bound, sql)
                query(keeping, sql)
                own.sql(sql)
            wait_until_expired(idling)
    assert tables() == 6


def test_a_ticket_outlives_the_sleep_of_its_session(idling: ServerProcess) -> None:
    with idling.connect() as client:
        update(client, "BEGIN")
        update(client, "COMMIT")
        info = info_of(client, "CommandStatementQuery", query="SELECT 7 AS a")
        wait_until_expired(idling)
        rows = client.do_get(info.endpoints[0].ticket).read_all()
    assert rows.to_pydict() == {"a": [7]}


@pytest.mark.parametrize("statements", SETTLED)
def test_the_client_is_told_once_and_goes_on(
    idling: ServerProcess, tables: Callable[[], int], statements: tuple[str, ...]
) -> None:
    with velaria.connect(idling.uri) as client:
        for sql in statements:
            client.sql(sql)
        wait_until_expired(idling)
        with lost():
            client.sql("INSERT INTO lost_t VALUES (2)")
        assert client.session is None
        assert tables() == 0
        assert client.sql("SELECT 1").to_rows() == [(1,)]
        client.sql("BEGIN")
        assert client.put(pa.table({"a": pa.array([1], pa.int32())}), "lost_t") == 1
        wait_until_expired(idling)
        with lost():
            client.put(pa.table({"a": pa.array([1], pa.int32())}), "lost_t")
        assert tables() == 0
        assert client.put(pa.table({"a": pa.array([1], pa.int32())}), "lost_t") == 1


def test_the_client_goes_on_with_another_server_at_its_address() -> None:
    with ServerProcess() as before:
        client = velaria.connect(before.uri)
        client.sql("BEGIN")
    port = before.uri.rsplit(":", 1)[1]
    with client, ServerProcess(arguments=["--listen", f"grpc://127.0.0.1:{port}"]):

        def is_reached() -> bool:
            try:
                client.health()
            except VelariaError:
                return False
            return True

        assert until(is_reached)
        with lost():
            client.sql("COMMIT")
        client.sql("BEGIN")
        client.sql("ROLLBACK")


@pytest.mark.parametrize("has_completed", [False, True])
def test_the_shell_says_it_once_and_goes_on(
    idling: ServerProcess,
    tables: Callable[[], int],
    capfd: pytest.CaptureFixture[str],
    has_completed: bool,
) -> None:
    """Also when it is the asking for names, at a TAB, that meets the end."""
    with Client(idling.uri) as client:
        shell = Shell(client, View("csv"))
        assert shell.answer("BEGIN; INSERT INTO lost_t VALUES (1);")
        wait_until_expired(idling)
        if has_completed:
            shell.completer.forget()
            shell.completer.completions("lost")
        capfd.readouterr()
        assert not shell.answer("INSERT INTO lost_t VALUES (2);")
        said = capfd.readouterr().err
        assert OVER in said
        assert "Statements from now on run in a new session" in said
        assert tables() == 0
        assert shell.answer("BEGIN; INSERT INTO lost_t VALUES (3); COMMIT;")
        assert tables() == 1


def test_adbc_does_nothing_in_the_place_of_a_lost_transaction(
    idling: ServerProcess, tables: Callable[[], int]
) -> None:
    from tests.integration.adbc_client import dbapi

    with dbapi.connect(idling.uri, autocommit=True) as connection:

        def run(sql: str) -> None:
            with connection.cursor() as cursor:
                cursor.execute(sql)

        for sql in ("SET schema = 'lost_side'", "BEGIN", "INSERT INTO lost_t VALUES (1)"):
            run(sql)
        wait_until_expired(idling)
        with pytest.raises(dbapi.Error, match=OVER):
            run("INSERT INTO lost_t VALUES (2)")
        assert tables() == 0
        for sql in ("BEGIN", "INSERT INTO lost_t VALUES (3)", "COMMIT"):
            run(sql)
        assert tables() == 1


@pytest.mark.parametrize("is_used_before", [True, False])
@pytest.mark.parametrize("has_lost_more", [True, False])
def test_adbc_rolls_a_lost_transaction_back_and_goes_on(
    idling: ServerProcess,
    tables: Callable[[], int],
    has_lost_more: bool,
    is_used_before: bool,
) -> None:
    """The driver begins another transaction only when the end of the old one was taken. Where the
    current schema is lost as well it is told before, so that nothing goes into another."""
    from tests.integration.adbc_client import dbapi

    with dbapi.connect(idling.uri, autocommit=False) as connection:

        def insert(number: int) -> None:
            with connection.cursor() as cursor:
                cursor.execute(f"INSERT INTO lost_t VALUES ({number})")

        if has_lost_more:
            connection.adbc_current_db_schema = "lost_side"
        insert(1)
        wait_until_expired(idling)
        if is_used_before:
            told = "the session of this call is over" if has_lost_more else "no transaction"
            with pytest.raises(dbapi.Error, match=f"{OVER} {told}"):
                insert(2)
        elif has_lost_more:
            with pytest.raises(dbapi.Error, match=f"{OVER} the session of this call is over"):
                connection.rollback()
            with pytest.raises(dbapi.Error, match="missing a valid transaction"):
                insert(2)
            assert tables() == 0
            return
        assert tables() == 0

        def goes_on() -> bool:
            """Not where it took longer than the session waits."""
            connection.rollback()
            try:
                insert(3)
            except dbapi.Error as error:
                assert OVER in str(error)
                return False
            return True

        assert until(goes_on)
        connection.commit()
        assert tables() == 1


def test_adbc_rolls_a_transaction_of_a_server_that_has_ended_back_and_goes_on() -> None:
    from tests.integration.adbc_client import dbapi

    with ServerProcess() as before:
        connection = dbapi.connect(before.uri, autocommit=False)
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE lost_t (a INTEGER)")
    port = before.uri.rsplit(":", 1)[1]
    with connection, ServerProcess(arguments=["--listen", f"grpc://127.0.0.1:{port}"]) as after:

        def is_reached() -> bool:
            try:
                connection.cursor().execute("SELECT 1")
            except dbapi.Error as error:
                return OVER in str(error)
            return False

        assert until(is_reached)
        connection.rollback()
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE found_t (a INTEGER)")
        connection.commit()
        with after.connect() as watcher:
            assert query(watcher, "SELECT * FROM found_t").num_rows == 0
