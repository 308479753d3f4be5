"""One client cannot take from the others what may be open at once, nor be many by its own word."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pyarrow.flight as flight
import pytest

from tests.conftest import FRONTS
from tests.integration.identity_support import As, make_tokens
from tests.limited_server import error_of, served
from tests.server_process import ServerProcess, act
from tests.tcp_proxy import TcpProxy

SHARE = ["limits.share_percent=50", "sessions.open_max=4", "limits.streams_running=2"]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[As, As]]:
    """A viewer and an admin of a server whose clients may have half of all each."""
    folder = tmp_path_factory.mktemp("shares")
    tokens = make_tokens(folder)
    words = [word for setting in SHARE for word in ("--set", setting)]
    with ServerProcess(data_dir=folder, arguments=words) as server:
        yield As(server, tokens["viewer"]), As(server, tokens["admin"])


def opened(who: As, action: str, **values: Any) -> int:
    """How often the action is let through."""
    count = 0
    with contextlib.suppress(flight.FlightError):
        while count < 1000:
            who.act(action, **values)
            count += 1
    return count


def test_one_principal_leaves_sessions_to_the_others(people: tuple[As, As]) -> None:
    viewer, admin = people
    assert opened(viewer, "session.open") == 2
    assert viewer.code(viewer.act, "session.open") == "VEL5002"
    assert opened(admin, "session.open") == 2


def test_one_principal_leaves_results_of_query_poll_to_the_others(people: tuple[As, As]) -> None:
    viewer, admin = people
    assert opened(viewer, "query.poll", sql="SELECT 1", wait_ms=10_000) == 50
    assert viewer.code(viewer.act, "query.poll", sql="SELECT 1") == "VEL5002"
    assert admin.act("query.poll", sql="SELECT 1", wait_ms=10_000)["state"] == "ready"


def test_one_principal_leaves_continuous_queries_to_the_others(people: tuple[As, As]) -> None:
    _, admin = people
    admin.act("sql.execute", sql="CREATE STREAM shared_e (a INT)")
    assert opened(admin, "stream.start", sql="SELECT a FROM shared_e") == 1
    assert admin.code(admin.act, "stream.start", sql="SELECT a FROM shared_e") == "VEL5002"


def of_session(session: str) -> flight.FlightCallOptions:
    return flight.FlightCallOptions(headers=[(b"velaria-session", session.encode())])


def listed(client: flight.FlightClient, session: str) -> None:
    list(client.do_action(flight.Action("table.list", b""), of_session(session)))


def test_a_session_is_no_client_of_its_own_be_it_made_up_or_open() -> None:
    with served(calls_per_s=0.001, calls_burst=8) as server:
        client = server.connect()
        known = act(client, "session.open")["session"]
        through = 0
        with pytest.raises(flight.FlightError):
            for number in range(20):
                listed(client, f"made-up-{number}")
                through += 1
        assert through < 8
        assert error_of(lambda: listed(client, "made-up"))["code"] == "VEL5008"
        assert error_of(lambda: listed(client, known))["code"] == "VEL5008"


@pytest.mark.parametrize("front", FRONTS)
def test_without_identity_a_client_is_a_host_on_either_front(front: str) -> None:
    words = ["--front", front, "--set", "sessions.open_max=4", "--set", "limits.results_held=4"]
    opening = {"session.open": {}, "query.poll": {"sql": "SELECT 1", "wait_ms": 10_000}}
    with (
        ServerProcess(arguments=words) as server,
        TcpProxy(server.uri, source="127.0.0.2") as proxy,
    ):
        near = [own_connection(server.uri) for _ in range(2)]
        far = own_connection(proxy.uri)
        for action, values in opening.items():
            for number in range(3):
                act(near[number % 2], action, **values)
            for client in near:
                told = refusal(client, action, values)
                assert (told["code"], told["retry"]) == ("VEL5002", "later")
                assert told["message"].endswith("for this client: 3")
            act(far, action, **values)
            assert refusal(far, action, values)["message"].endswith(": 4")


def refusal(client: flight.FlightClient, action: str, values: dict[str, Any]) -> dict[str, Any]:
    return error_of(lambda: act(client, action, **values))


def own_connection(uri: str) -> flight.FlightClient:
    return flight.FlightClient(uri, generic_options=[("grpc.use_local_subchannel_pool", 1)])
