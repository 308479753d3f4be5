"""What each role may do through ADBC's driver, come with a token or with name and password."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pyarrow as pa
import pytest

from tests.conftest import FRONTS
from tests.integration.adbc_client import dbapi, ingest, refused, rows, update
from tests.integration.identity_support import ROLES, secured
from tests.server_process import ServerProcess

Served = tuple[ServerProcess, dict[str, str]]

ALL = frozenset(ROLES)
READERS = frozenset({"admin", "author", "operator", "viewer"})
AUTHORS = frozenset({"admin", "author"})
SALES = frozenset({"sales_author", "sales_viewer"})

ONE = pa.table({"a": pa.array([1], pa.int32())})

# What is done, and who may.
CASES: dict[str, tuple[Callable[[Any], Any], frozenset[str]]] = {
    "query": (lambda conn: rows(conn, "SELECT * FROM sales.t"), READERS | SALES),
    "query of another schema": (lambda conn: rows(conn, "SELECT * FROM hr.pay"), READERS),
    "query with parameters": (
        lambda conn: rows(conn, "SELECT salary FROM hr.pay WHERE salary = ?", (1,)),
        READERS,
    ),
    "insert": (
        lambda conn: update(conn, "INSERT INTO sales.t VALUES (1)"),
        AUTHORS | {"sales_author"},
    ),
    "insert of parameters": (lambda conn: _executemany(conn), AUTHORS | {"sales_author"}),
    "update": (lambda conn: update(conn, "UPDATE hr.pay SET salary = 1 WHERE false"), AUTHORS),
    "create": (
        lambda conn: update(conn, "CREATE TABLE IF NOT EXISTS sales.adbc (a INT)"),
        AUTHORS | {"sales_author"},
    ),
    "ingest": (
        lambda conn: ingest(conn, "t", ONE, "append", db_schema_name="sales"),
        AUTHORS | {"sales_author"},
    ),
    "ingest into main": (lambda conn: ingest(conn, "adbc", ONE, "create_append"), AUTHORS),
    "ingest into a table that is to come": (
        lambda conn: ingest(conn, "fresh", ONE, "replace", db_schema_name="hr"),
        AUTHORS,
    ),
    "temporary ingest": (
        lambda conn: ingest(conn, "mine", ONE, "replace", temporary=True),
        ALL - {"nobody"},
    ),
}


def _executemany(conn: Any) -> None:
    with conn.cursor() as cursor:
        cursor.executemany("INSERT INTO sales.t VALUES (?)", [(1,), (2,)])


@pytest.fixture(scope="module", params=FRONTS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("files")
    with secured(request.param, tmp_path_factory.mktemp("state"), folder) as made:
        yield made


def connected(served: Served, name: str, **more: str) -> AbstractContextManager[Any]:
    server, tokens = served
    options = more or {"adbc.flight.sql.authorization_header": f"Bearer {tokens[name]}"}
    connection: AbstractContextManager[Any] = dbapi.connect(
        server.uri, db_kwargs=options, autocommit=True
    )
    return connection


@pytest.mark.parametrize("name", ROLES)
def test_each_role_does_what_it_may(served: Served, name: str) -> None:
    with connected(served, name) as connection:
        for run, allowed in CASES.values():
            if name in allowed:
                run(connection)
                continue
            with refused("VEL1010", dbapi.Error):
                run(connection)


def test_a_name_and_a_password_are_exchanged_by_handshake(served: Served) -> None:
    _, tokens = served
    told = {"username": "sales_viewer", "password": tokens["sales_viewer"]}
    with connected(served, "", **told) as connection:
        assert rows(connection, "SELECT count(*) >= 0 FROM sales.t") == [(True,)]
        with refused("VEL1010", dbapi.Error):
            rows(connection, "SELECT * FROM hr.pay")


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"username": "viewer", "password": "wrong"},
        {"adbc.flight.sql.authorization_header": "Bearer vel_0123456789abcdef_x"},
    ],
)
def test_a_stranger_is_answered_nothing(served: Served, told: dict[str, str]) -> None:
    server, _ = served
    with refused("VEL1009", dbapi.Error), dbapi.connect(server.uri, db_kwargs=told) as connection:
        rows(connection, "SELECT 1")


def test_objects_are_those_that_may_be_read(served: Served) -> None:
    def schemas(name: str) -> set[str]:
        with connected(served, name) as connection:
            (catalog,) = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
            found = {entry["db_schema_name"] for entry in catalog["catalog_db_schemas"]}
        return found - {"temp"}

    assert {"sales", "hr", "main"} <= schemas("viewer")
    assert schemas("sales_viewer") == {"sales"}
