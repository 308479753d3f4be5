"""A call of pyarrow's server has one Python thread state, from its beginning to its end and no
longer."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from velaria.flight_server.calls import MIDDLEWARE_KEY, Call, CallFactory, CallWatcher
from velaria.flight_server.metrics import Metrics
from velaria.flight_server.thread_states import KeptThreadState

CALLS = 20
PATH = flight.FlightDescriptor.for_path("p")
SCHEMA = pa.schema([("a", pa.int64())])

_local = threading.local()
"""Lives as long as the thread state that it was written in."""


class MarkingFactory(CallFactory):
    """Notes what an earlier call has left in the thread state, and leaves its own mark."""

    def __init__(self, *, keeps: bool) -> None:
        super().__init__(CallWatcher(), Metrics(), on_foreign_threads=keeps)
        self.left: list[object] = []

    def start_call(self, info: flight.CallInfo, headers: dict[str, Any]) -> Call:
        self.left.append(getattr(_local, "mark", None))
        _local.mark = "mine"
        return super().start_call(info, headers)


class MarkedServer(flight.FlightServerBase):  # type: ignore[misc]
    def __init__(self, factory: MarkingFactory) -> None:
        super().__init__("grpc://127.0.0.1:0", middleware={MIDDLEWARE_KEY: factory})
        self.factory = factory
        self.seen: list[object] = []
        self.seen_at_end: list[object] = []

    def do_action(
        self, context: flight.ServerCallContext, action: flight.Action
    ) -> list[flight.Result]:
        self.seen.append(getattr(_local, "mark", None))
        call: Call = context.get_middleware(MIDDLEWARE_KEY)
        call.on_end(lambda _: self.seen_at_end.append(getattr(_local, "mark", None)))
        if action.type == "fail":
            raise flight.FlightServerError("as asked")
        return []


@contextmanager
def called(*, keeps: bool, action: str = "do") -> Iterator[MarkedServer]:
    with MarkedServer(MarkingFactory(keeps=keeps)) as server:
        with flight.connect(f"grpc://127.0.0.1:{server.port}") as client:
            for _ in range(CALLS):
                if action == "fail":
                    with pytest.raises(flight.FlightServerError):
                        list(client.do_action(action))
                else:
                    list(client.do_action(action))
        yield server


@pytest.mark.parametrize("action", ["do", "fail"])
def test_a_kept_state_lasts_from_the_calls_beginning_to_its_end(action: str) -> None:
    with called(keeps=True, action=action) as server:
        assert server.seen == ["mine"] * CALLS
        assert server.seen_at_end == ["mine"] * CALLS


@pytest.mark.parametrize("action", ["do", "fail"])
def test_no_call_finds_the_state_of_another(action: str) -> None:
    with called(keeps=True, action=action) as server:
        assert server.factory.left == [None] * CALLS


WAYS: dict[str, Callable[[flight.FlightClient], object]] = {
    "ListFlights": lambda client: list(client.list_flights()),
    "ListActions": lambda client: list(client.list_actions()),
    "GetFlightInfo": lambda client: client.get_flight_info(PATH),
    "GetSchema": lambda client: client.get_schema(PATH),
    "DoGet": lambda client: client.do_get(flight.Ticket(b"t")).read_all(),
    "DoPut": lambda client: client.do_put(PATH, SCHEMA)[0].close(),
    "DoExchange": lambda client: client.do_exchange(PATH)[1].read_all(),
    "Handshake": lambda client: client.authenticate_basic_token("a", "b"),
}
"""None of them is known to the server below, and so each fails."""


@pytest.mark.parametrize("way", WAYS)
def test_every_method_gives_its_state_back(way: str) -> None:
    factory = MarkingFactory(keeps=True)
    with (
        MarkedServer(factory) as server,
        flight.connect(f"grpc://127.0.0.1:{server.port}") as client,
    ):
        for _ in range(CALLS):
            with pytest.raises((pa.ArrowException, NotImplementedError)):
                WAYS[way](client)
    assert factory.left == [None] * CALLS


def test_without_keeping_each_entry_has_a_state_of_its_own() -> None:
    with called(keeps=False) as server:
        assert server.seen == [None] * CALLS


def test_a_state_is_not_given_back_on_another_thread() -> None:
    kept = KeptThreadState()
    other = threading.Thread(target=kept.give_back)
    other.start()
    other.join()
    kept.give_back()
    assert not other.is_alive()
