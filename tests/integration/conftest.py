"""Connections of ADBC's driver, which is imported only by tests that ask for one."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from tests.server_process import ServerProcess


@pytest.fixture(scope="session")
def adbc_big(server: ServerProcess) -> Iterator[None]:
    from tests.integration.adbc_client import ROW_COUNT, dbapi, update

    with dbapi.connect(server.uri, autocommit=True) as conn, conn.cursor() as cursor:
        numbers = pa.array(range(ROW_COUNT), pa.int64())
        data = pa.table({"k": numbers, "v": pa.array([n % 1000 for n in range(ROW_COUNT)])})
        cursor.adbc_ingest("adbc_big", data, mode="replace")
        yield
        update(conn, "DROP TABLE adbc_big")


@pytest.fixture
def conn(server: ServerProcess, adbc_big: None) -> Iterator[Any]:
    """With autocommit, as most of the tests want it."""
    from tests.integration.adbc_client import dbapi

    with dbapi.connect(server.uri, autocommit=True) as connection:
        yield connection


@pytest.fixture
def other(server: ServerProcess) -> Iterator[Any]:
    from tests.integration.adbc_client import dbapi

    with dbapi.connect(server.uri, autocommit=True) as connection:
        yield connection


@pytest.fixture
def adbc_t(conn: Any) -> Iterator[str]:
    from tests.integration.adbc_client import update

    update(conn, "CREATE OR REPLACE TABLE adbc_t(a BIGINT, b VARCHAR)")
    yield "adbc_t"
    update(conn, "DROP TABLE IF EXISTS adbc_t")


@pytest.fixture
def inside(server: ServerProcess, adbc_t: str) -> Iterator[Any]:
    """A connection without autocommit."""
    from tests.integration.adbc_client import dbapi

    with dbapi.connect(server.uri) as connection:
        yield connection
