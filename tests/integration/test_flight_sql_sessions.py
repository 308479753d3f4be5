"""Sessions of Flight SQL: how a call names its own, what can be set of it, and when it ends."""

from collections.abc import Iterator
from typing import Any

import pyarrow.flight as flight
import pytest

from tests.integration.flight_sql_client import bare, begin, query, refused, update
from tests.server_process import ServerProcess, act, until
from velaria.flight_server.flight_sql.messages import SessionCloseStatus, SessionOptionError, new

pytestmark = pytest.mark.both_fronts

COOKIE = "arrow_flight_session_id"


class Cookies(flight.ClientMiddlewareFactory):  # type: ignore[misc]
    """A client that keeps cookies, as JDBC's driver does."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, str] = {}

    def start_call(self, info: flight.CallInfo) -> "Jar":
        return Jar(self.kept)


class Jar(flight.ClientMiddleware):  # type: ignore[misc]
    def __init__(self, kept: dict[str, str]) -> None:
        super().__init__()
        self._kept = kept

    def sending_headers(self) -> dict[str, str]:
        cookies = [f"{name}={value}" for name, value in self._kept.items()]
        return {"cookie": "; ".join(["other=1", *cookies])}

    def received_headers(self, headers: dict[str, list[str]]) -> None:
        for told in headers.get("set-cookie", []):
            pair, *rest = [part.strip() for part in told.split(";")]
            name, value = pair.split("=", 1)
            if "Max-Age=0" in rest:
                self._kept.pop(name, None)
            else:
                self._kept[name] = value


@pytest.fixture
def schemas(client: flight.FlightClient) -> Iterator[None]:
    update(client, "CREATE SCHEMA fsql_side")
    update(client, "CREATE TABLE fsql_side.only_here AS SELECT 42 AS x")
    yield
    update(client, "DROP SCHEMA fsql_side CASCADE")


def option(value: str) -> Any:
    return new("SessionOptionValue", string_value=value)


def schema_of(client: flight.FlightClient, **options: Any) -> str:
    told = bare(client, "GetSessionOptions", **options).session_options
    assert told["catalog"].string_value == "velaria"
    return str(told["schema"].string_value)


def test_a_cookie_names_the_session_from_any_connection(
    server: ServerProcess, schemas: None
) -> None:
    cookies = Cookies()
    with flight.connect(server.uri, middleware=[cookies]) as one:
        reply = bare(one, "SetSessionOptions", session_options={"schema": option("fsql_side")})
        assert not reply.errors
        assert cookies.kept[COOKIE].startswith("s-")
        assert query(one, "SELECT x FROM only_here")["x"].to_pylist() == [42]
        with flight.connect(server.uri, middleware=[cookies]) as two:
            assert schema_of(two) == "fsql_side"
            assert query(two, "SELECT x FROM only_here")["x"].to_pylist() == [42]
            assert bare(two, "CloseSession").status == SessionCloseStatus.CLOSED
        assert COOKIE not in cookies.kept
        assert schema_of(one) == "main"
        assert bare(one, "CloseSession").status == SessionCloseStatus.NOT_CLOSEABLE


def test_without_a_cookie_the_connection_names_it(server: ServerProcess, schemas: None) -> None:
    with server.connect() as one, server.connect() as two:
        bare(one, "SetSessionOptions", session_options={"schema": option("fsql_side")})
        assert (schema_of(one), schema_of(two)) == ("fsql_side", "main")
        with refused("VEL2011"):
            query(two, "SELECT x FROM only_here")
        bare(one, "CloseSession")
        assert schema_of(one) == "main"


def test_the_header_comes_before_both(client: flight.FlightClient, schemas: None) -> None:
    session = act(client, "session.open")["session"]
    headers = [(b"velaria-session", session.encode())]
    bare(client, "SetSessionOptions", headers, session_options={"schema": option("fsql_side")})
    assert (schema_of(client, headers=headers), schema_of(client)) == ("fsql_side", "main")
    act(client, "session.close", session=session)
    with refused("VEL1011"):
        bare(client, "GetSessionOptions", headers)


def test_each_option_has_a_fault_of_its_own(client: flight.FlightClient, schemas: None) -> None:
    told = {
        "schema": option("fsql_side"),
        "catalog": option("another"),
        "colour": option("blue"),
        "float_sum": option("fast"),
    }
    errors = bare(client, "SetSessionOptions", session_options=told).errors
    assert {name: errors[name].value for name in errors} == {
        "catalog": SessionOptionError.INVALID_VALUE,
        "colour": SessionOptionError.INVALID_NAME,
        "float_sum": SessionOptionError.INVALID_NAME,
    }
    assert schema_of(client) == "fsql_side"
    for value in (option("fsql_nowhere"), new("SessionOptionValue", int64_value=3)):
        errors = bare(client, "SetSessionOptions", session_options={"schema": value}).errors
        assert errors["schema"].value == SessionOptionError.INVALID_VALUE
    assert schema_of(client) == "fsql_side"
    bare(client, "CloseSession")


def test_what_is_wrong_with_a_schema_is_told_apart_from_what_keeps_it_from_being_set(
    server: ServerProcess, schemas: None
) -> None:
    def faults(client: flight.FlightClient, schema: str, **options: Any) -> dict[str, int]:
        wanted = {"schema": option(schema)}
        errors = bare(client, "SetSessionOptions", session_options=wanted, **options).errors
        return {name: errors[name].value for name in errors}

    wrong = {"schema": SessionOptionError.INVALID_VALUE}
    with server.connect() as one:
        for schema in ("fsql_nowhere", "", "x" * 100_000, 'a"b', "a\x00b"):
            assert faults(one, schema) == wrong, schema
        assert bare(one, "CloseSession").status == SessionCloseStatus.NOT_CLOSEABLE
        assert faults(one, "fsql_side") == {}
        query(one, "BEGIN")
        with refused("VEL2011"):
            query(one, "SELECT x FROM fsql_not_there")
        with refused("VEL2031"):
            query(one, "SELECT 1")
        assert faults(one, "main") == {"schema": SessionOptionError.ERROR}
        bare(one, "CloseSession")
        unknown = [(b"velaria-session", b"s-unknown")]
        with refused("VEL1011"):
            faults(one, "main", headers=unknown)


def test_a_client_that_vanishes_leaves_no_session_behind(
    server: ServerProcess, client: flight.FlightClient
) -> None:
    def sessions() -> int:
        return int(act(client, "server.metrics")["metrics"]["sessions_open"])

    before = sessions()
    for _ in range(3):
        gone = server.connect()
        begin(gone)
        gone.close()
    assert sessions() > before

    def next_one_finds_them_gone() -> bool:
        with server.connect() as one:
            bare(one, "SetSessionOptions", session_options={"schema": option("main")})
            bare(one, "CloseSession")
        return sessions() <= before  # sessions of other tests may end meanwhile

    assert until(next_one_finds_them_gone)
