"""Calls whose first message Arrow waits for: counted, given up and cut in their time."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from velaria.flight_server.call_context import CallFacts
from velaria.flight_server.calls import Call
from velaria.flight_server.limits import limits as module
from velaria.flight_server.limits.limits import Limits
from velaria.flight_server.limits.watchdog import Watchdog
from velaria.flight_server.limits.watched import CUT_AFTER_S
from velaria.flight_server.metrics import Metrics
from velaria.flight_server.options import Options
from velaria.schemas.errors import VelariaError

IDLE_S = 10.0


class Waiting:
    """A call that has begun."""

    def __init__(self, principal: str | None = None, port: int = 1) -> None:
        self.on_end: list[Callable[[None], object]] = []
        facts = CallFacts("DoPut", principal)
        facts.peer = f"ipv4:127.0.0.{port}:{port}"
        call = SimpleNamespace(
            facts=facts, client=facts.client, on_end=self.on_end.append, end_silent=None
        )
        self.call = cast(Call, call)

    def end(self) -> None:
        for action in self.on_end:
            action(None)


@pytest.fixture
def now_s() -> list[float]:
    return [0.0]


@pytest.fixture
def cuts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    seen: list[tuple[Any, ...]] = []

    def noting(*arguments: Any) -> bool:
        seen.append(arguments)
        return True

    monkeypatch.setattr(module, "cut", noting)
    return seen


@pytest.fixture
def limits(now_s: list[float]) -> Limits:
    told = {"limits.put_idle_s": IDLE_S, "limits.puts_open": 4, "limits.share_percent": 50}
    made = Limits(Options(told), Metrics(), lambda: frozenset({31337}))
    made.watchdog = Watchdog(lambda: now_s[0])
    return made


def test_a_call_without_a_first_message_is_given_up_and_its_connection_cut(
    limits: Limits, now_s: list[float], cuts: list[tuple[Any, ...]]
) -> None:
    calls = [Waiting(port=port) for port in (1, 2)]
    heard = [limits.unheard(waiting.call) for waiting in calls]
    limits.watchdog.tick()
    now_s[0] = IDLE_S
    limits.watchdog.tick()
    assert cuts == [], "one that comes now is told why it is refused"
    with pytest.raises(VelariaError, match="VEL5009"):
        heard[0]()
    now_s[0] += CUT_AFTER_S
    limits.watchdog.tick()
    assert cuts == [("ipv4:127.0.0.2:2", frozenset({31337}))], "the other's alone"
    for waiting in calls:
        waiting.end()
    assert limits.watchdog.count() == 0


def test_a_first_message_in_time_ends_the_watch(
    limits: Limits, now_s: list[float], cuts: list[tuple[Any, ...]]
) -> None:
    waiting = Waiting()
    limits.unheard(waiting.call)()
    assert limits.watchdog.count() == 0
    now_s[0] = 2 * IDLE_S
    limits.watchdog.tick()
    waiting.end()
    assert cuts == []


def test_only_so_many_wait_and_of_each_client_its_share(limits: Limits) -> None:
    ann = [Waiting("ann") for _ in range(3)]
    limits.unheard(ann[0].call)
    limits.unheard(ann[1].call)
    with pytest.raises(VelariaError, match=r"VEL5002 .*for this client: 2"):
        limits.unheard(ann[2].call)
    heard = [limits.unheard(Waiting("bob").call) for _ in range(2)]
    with pytest.raises(VelariaError, match=r"VEL5002 .*: 4"):
        limits.unheard(Waiting("eve").call)
    heard[0]()
    ann[0].end()
    ann[0].end()
    limits.unheard(Waiting("eve").call)
    limits.unheard(Waiting("eve").call)
    with pytest.raises(VelariaError, match="VEL5002"):
        limits.unheard(Waiting("kim").call)
