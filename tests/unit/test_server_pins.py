"""Pins: found while their tickets are good, let go of when they are not."""

import weakref

import pytest

from velaria._kernel import Session, StatementInfo
from velaria.flight_server.limits.memory import MemoryGuard
from velaria.flight_server.limits.watchdog import Watchdog
from velaria.flight_server.options import Options
from velaria.flight_server.pins import SPARE_ENDS_MAX, Pins
from velaria.schemas.errors import VelariaError


@pytest.fixture
def described() -> StatementInfo:
    return Session().describe("SELECT 1")


def is_kept(pins: Pins, query_id: str) -> bool:
    try:
        pins.find(query_id)
    except VelariaError as fault:
        assert fault.code == "VEL1005"
        return False
    return True


class Clock:
    now_ms = 0

    def __call__(self) -> int:
        return self.now_ms


def test_a_pin_is_found_as_often_as_it_is_asked_for(described: StatementInfo) -> None:
    pins = Pins(Options())
    pins.keep("q-1", described, 100)
    assert pins.find("q-1") is pins.find("q-1") is described
    assert not is_kept(pins, "q-2")


def test_what_is_over_is_let_go_of(described: StatementInfo) -> None:
    clock = Clock()
    pins = Pins(Options(), clock)
    pins.keep("q-1", described, 100)
    pins.keep("q-2", described, 150)
    clock.now_ms = 101
    pins.look(0.0)
    assert [is_kept(pins, f"q-{n}") for n in (1, 2)] == [False, True]


def test_the_watchdog_lets_go_of_what_is_over_and_then_rests() -> None:
    clock, watchdog = Clock(), Watchdog()
    pins = Pins(Options(), clock)
    pins.be_watched(watchdog)
    described = Session().describe("SELECT 1")
    held = weakref.ref(described)
    pins.keep("q-1", described, 100)
    del described
    clock.now_ms = 100
    watchdog.tick()
    assert (is_kept(pins, "q-1"), watchdog.count()) == (True, 1)
    clock.now_ms = 101
    watchdog.tick()
    assert (held(), watchdog.count()) == (None, 0)


def test_a_renewed_pin_stays(described: StatementInfo) -> None:
    clock = Clock()
    pins = Pins(Options(), clock)
    pins.keep("q-1", described, 100)
    pins.renew("q-1", 300)
    clock.now_ms = 200
    pins.look(0.0)
    assert is_kept(pins, "q-1")
    with pytest.raises(VelariaError):
        pins.renew("q-9", 300)


def test_those_that_are_over_go_whichever_was_made_first(described: StatementInfo) -> None:
    """As after a reload that gives tickets less time than before."""
    clock = Clock()
    pins = Pins(Options(), clock)
    pins.keep("long", described, 10_000)
    pins.keep("renewed", described, 9_000)
    pins.keep("short", described, 100)
    pins.renew("renewed", 100)
    clock.now_ms = 101
    pins.look(0.0)
    assert [is_kept(pins, name) for name in ("long", "renewed", "short")] == [True, False, False]


def test_past_the_bound_the_one_goes_that_ends_first(described: StatementInfo) -> None:
    pins = Pins(Options({"tickets.pins_kept": 2}))
    pins.keep("long", described, 10_000)
    pins.keep("short", described, 100)
    pins.keep("kept again", described, 100)
    pins.keep("kept again", described, 5_000)
    assert [is_kept(pins, name) for name in ("long", "short", "kept again")] == [True, False, True]


def test_a_new_pin_has_room_though_it_ends_before_all_others(described: StatementInfo) -> None:
    """As after a reload that gives tickets less time than before."""
    pins = Pins(Options({"tickets.pins_kept": 2}))
    pins.keep("first", described, 10_000)
    pins.keep("second", described, 20_000)
    for name in ("new", "newer"):
        pins.keep(name, described, 100)
        assert is_kept(pins, name)
    assert [is_kept(pins, name) for name in ("first", "second", "new")] == [False, True, False]


def test_a_pin_that_is_renewed_for_ever_costs_no_more_than_one(described: StatementInfo) -> None:
    clock = Clock()
    pins = Pins(Options(), clock)
    for until_ms in range(10 * SPARE_ENDS_MAX):
        pins.keep("q-1", described, until_ms)
        pins.renew("q-1", until_ms + 1)
        assert len(pins._ends) <= 2 + SPARE_ENDS_MAX
    clock.now_ms = 10 * SPARE_ENDS_MAX + 1
    pins.look(0.0)
    assert not is_kept(pins, "q-1")


def test_past_the_bound_the_oldest_goes(described: StatementInfo) -> None:
    environ = {"VELARIA_TICKETS_PINS_KEPT": "2"}
    options = Options(environ=environ)
    pins = Pins(options)
    for number in range(3):
        pins.keep(f"q-{number}", described, 100)
    assert [is_kept(pins, f"q-{n}") for n in range(3)] == [False, True, True]
    environ["VELARIA_TICKETS_PINS_KEPT"] = "1"
    options.reload()
    pins.keep("q-3", described, 100)
    assert [is_kept(pins, f"q-{n}") for n in range(4)] == [False, False, False, True]


def test_all_are_let_go_of_when_memory_is_short(described: StatementInfo) -> None:
    pins = Pins(Options())
    pins.keep("q-1", described, 100)
    kept = [800]

    def let_go() -> None:
        pins.let_go()
        kept[0] = 100

    guard = MemoryGuard(1000, lambda: 0, lambda: kept[0], lambda: None)
    assert guard.is_high()
    guard.spare(let_go)
    assert not guard.is_high()
    assert not is_kept(pins, "q-1")
