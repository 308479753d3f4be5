"""Fixtures for all tests: one server for the whole run, a plain client, a session in process.

Tests share the server, so each uses table names of its own. A test that ends or damages a server
starts one itself.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pyarrow.flight as flight
import pytest

from tests.secured_server import OPENSSL, Secured, secured_by_tls
from tests.server_process import ServerProcess

if TYPE_CHECKING:
    import velaria


FRONTS = ("native", "grpcio")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module marked `both_fronts` has its tests of a server run against each front."""
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    is_told = any("server" in mark.args for mark in metafunc.definition.iter_markers("parametrize"))
    if "both_fronts" in marks and "server" in metafunc.fixturenames and not is_told:
        metafunc.parametrize("server", FRONTS, indirect=True, scope="session")


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[str], ServerProcess]]:
    """One server for each front that is asked for."""
    started: dict[str, ServerProcess] = {}

    def of_front(front: str) -> ServerProcess:
        if front not in started:
            started[front] = ServerProcess(arguments=["--front", front])
        return started[front]

    yield of_front
    for process in started.values():
        process.close()


@pytest.fixture(scope="session")
def server(
    request: pytest.FixtureRequest, servers: Callable[[str], ServerProcess]
) -> ServerProcess:
    return servers(getattr(request, "param", "native"))


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A server with TLS and identity, for clients that are to come through both."""
    if OPENSSL is None:
        pytest.skip("the program openssl is not installed")
    with secured_by_tls(tmp_path_factory.mktemp("secured")) as made:
        yield made


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
