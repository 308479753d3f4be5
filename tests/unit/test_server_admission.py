"""The queue before the places: never more than the bound, first come first served per principal,
shares, and no place lost whatever is given up when."""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velaria.flight_server.limits.admission import Admission, Place, bounds_of
from velaria.flight_server.options import Options
from velaria.schemas.errors import VelariaError

STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "leave_running", "leave_waiting"]), st.integers(0, 99)),
    max_size=120,
)


def bounds(
    running: int = 2, waiting: int = 100, wait_s: float = 0.0, share: float = 1.0
) -> Options:
    told = {"statements_running": running, "statements_waiting": waiting, "wait_s": wait_s}
    flags = {f"limits.{name}": value for name, value in told.items()}
    return Options({**flags, "limits.share_percent": round(100 * share)})


@given(steps=STEPS, running=st.integers(1, 4), share=st.sampled_from([0.3, 0.5, 1.0]))
def test_under_any_order_of_asking_and_leaving_the_rules_hold(
    steps: list[tuple[str, int]], running: int, share: float
) -> None:
    options = bounds(running, 20, share=share)
    admission, limits = Admission(options), bounds_of(options)
    alive: list[Place] = []
    for step, number in steps:
        if step == "ask":
            try:
                alive.append(admission.request(f"p{number % 3}"))
            except VelariaError as error:
                assert error.code == "VEL5002"
        else:
            wanted = [p for p in alive if p.is_granted == (step == "leave_running")]
            if wanted:
                gone = wanted[number % len(wanted)]
                alive.remove(gone)
                gone.leave()
                gone.leave()  # a second time does nothing
        granted = [place for place in alive if place.is_granted]
        waiting = [place for place in alive if not place.is_granted]
        assert admission.counts() == {"running": len(granted), "waiting": len(waiting)}
        assert len(granted) <= running
        each = Counter(place.client for place in granted)
        assert all(count <= limits.places_each() for count in each.values())
        for place in waiting:  # nobody waits for a free place that he may have
            assert len(granted) == running or each[place.client] == limits.places_each()
            later = [g.turn for g in granted if g.client == place.client]
            assert all(turn < place.turn for turn in later), "somebody was overtaken"
    for place in alive:
        place.leave()
    assert admission.counts() == {"running": 0, "waiting": 0}


def test_a_free_place_goes_to_the_principal_with_the_fewest() -> None:
    admission = Admission(bounds(2))
    first, second = admission.request("many"), admission.request("many")
    third, other = admission.request("many"), admission.request("one")
    first.leave()
    assert (second.is_granted, other.is_granted, third.is_granted) == (True, True, False)


def test_one_principal_leaves_places_for_others() -> None:
    admission = Admission(bounds(4, share=0.75))
    places = [admission.request("many") for _ in range(10)]
    assert [place.is_granted for place in places] == [True] * 3 + [False] * 7
    assert admission.request("one").is_granted


def test_one_principal_cannot_fill_the_queue() -> None:
    admission = Admission(bounds(1, 4, share=0.5))
    for _ in range(3):
        admission.request("many")
    with pytest.raises(VelariaError, match="VEL5002 too many statements wait for this client: 2"):
        admission.request("many")
    assert not admission.request("one").is_granted


def test_a_full_queue_refuses_with_a_hint() -> None:
    admission = Admission(bounds(1, 1))
    admission.request("a")
    admission.request("b")
    with pytest.raises(VelariaError, match="VEL5002") as caught:
        admission.request("c")
    assert caught.value.retry == "later"
    assert "try again" in caught.value.hint
    assert admission.counts() == {"running": 1, "waiting": 1}


def test_who_waits_too_long_is_refused_and_leaves_the_queue() -> None:
    admission = Admission(bounds(1, wait_s=0.0))
    admission.enter("a")
    with pytest.raises(VelariaError, match="VEL5002 the statement waited too long"):
        admission.enter("b")
    assert admission.counts() == {"running": 1, "waiting": 0}


def test_who_gives_up_waiting_is_told_so_and_leaves_the_queue() -> None:
    admission = Admission(bounds(1, wait_s=60.0))
    admission.enter("a")
    with pytest.raises(VelariaError, match="VEL3010"):
        admission.enter("b", lambda give_up: nullcontext(give_up()))
    assert admission.counts() == {"running": 1, "waiting": 0}


def test_giving_up_after_the_grant_does_not_lose_the_place() -> None:
    admission = Admission(bounds(1, wait_s=60.0))
    first = admission.enter("a")
    give_up = []
    got: list[Place] = []
    asked = threading.Event()

    def wait() -> None:
        def waiting(action: Callable[[], object]) -> AbstractContextManager[None]:
            give_up.append(action)
            return nullcontext(asked.set())

        got.append(admission.enter("b", waiting))

    thread = threading.Thread(target=wait)
    thread.start()
    assert asked.wait(10)
    first.leave()
    thread.join(10)
    give_up[0]()
    assert got[0].is_granted
    assert admission.counts() == {"running": 1, "waiting": 0}


def test_more_places_are_handed_out_when_the_bound_is_raised() -> None:
    environ = {"VELARIA_LIMITS_STATEMENTS_RUNNING": "1", "VELARIA_LIMITS_SHARE_PERCENT": "100"}
    options = Options(environ=environ)
    admission = Admission(options)
    admission.request("a")
    waiting = admission.request("a")
    environ["VELARIA_LIMITS_STATEMENTS_RUNNING"] = "2"
    options.reload()
    assert waiting.is_granted


def test_many_threads_never_hold_more_than_the_bound() -> None:
    admission = Admission(bounds(3, 1000, wait_s=60.0))
    held, most, lock = [0], [0], threading.Lock()

    def run(number: int) -> None:
        for _ in range(50):
            place = admission.enter(f"p{number % 4}")
            with lock:
                held[0] += 1
                most[0] = max(most[0], held[0])
            with lock:
                held[0] -= 1
            place.leave()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most[0] <= 3
    assert admission.counts() == {"running": 0, "waiting": 0}
