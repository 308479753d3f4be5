"""Fixtures for all tests: one server for the whole run, a plain client, a session in process.

Tests share the server, so each uses table names of its own. A test that ends or damages a server
starts one itself.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow.flight as flight
import pytest

from tests.server_process import ServerProcess

if TYPE_CHECKING:
    import velaria


@pytest.fixture(scope="session")
def server() -> Iterator[ServerProcess]:
    with ServerProcess() as process:
        yield process


@pytest.fixture
def client(server: ServerProcess) -> Iterator[flight.FlightClient]:
    connection = server.connect()
    yield connection
    connection.close()


@pytest.fixture
def session() -> Iterator["velaria.Session"]:
    import velaria

    with velaria.Session() as made:
        yield made
