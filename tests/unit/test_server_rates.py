"""The rate of calls per client, under a clock that the test turns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velaria.flight_server.limits.rates import CLIENTS_KEPT_MAX, RateLimiter
from velaria.flight_server.options import Options
from velaria.schemas.errors import VelariaError


def rate(per_s: float, burst: int) -> Options:
    return Options({"limits.calls_per_s": per_s, "limits.calls_burst": burst})


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@given(
    gaps=st.lists(st.floats(0, 2, allow_nan=False), max_size=200),
    per_s=st.integers(1, 50),
    burst=st.integers(1, 10),
)
def test_no_stretch_of_time_has_more_than_burst_and_rate(
    gaps: list[float], per_s: int, burst: int
) -> None:
    clock = Clock()
    limiter = RateLimiter(rate(per_s, burst), clock)
    taken: list[float] = []
    for gap in gaps:
        clock.now_s += gap
        if limiter.wait_s("p") == 0:
            taken.append(clock.now_s)
    for first, begin in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= burst + (taken[last] - begin) * per_s + 1e-3


@given(per_s=st.integers(1, 50), burst=st.integers(1, 10), calls=st.integers(1, 30))
def test_who_waits_as_told_is_let_through(per_s: int, burst: int, calls: int) -> None:
    clock = Clock()
    limiter = RateLimiter(rate(per_s, burst), clock)
    for _ in range(calls):
        wait_s = limiter.wait_s("p")
        if wait_s:
            clock.now_s += wait_s
            assert limiter.wait_s("p") == 0


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    clock = Clock()
    limiter = RateLimiter(rate(10, 3), clock)
    assert [limiter.wait_s("p") for _ in range(3)] == [0, 0, 0]
    assert limiter.wait_s("p") == pytest.approx(0.1)
    clock.now_s += 0.1
    assert limiter.wait_s("p") == 0


def test_a_refused_call_does_not_count() -> None:
    clock = Clock()
    limiter = RateLimiter(rate(10, 1), clock)
    limiter.check("p")
    for _ in range(100):
        assert limiter.wait_s("p") > 0
    clock.now_s += 0.1
    limiter.check("p")


def test_principals_do_not_share_a_rate() -> None:
    limiter = RateLimiter(rate(1, 1), Clock())
    assert [limiter.wait_s(name) for name in ("a", "b", "c")] == [0, 0, 0]


def test_the_refusal_tells_the_time_to_wait() -> None:
    limiter = RateLimiter(rate(4, 1), Clock())
    limiter.check("p")
    with pytest.raises(VelariaError, match="VEL5008") as caught:
        limiter.check("p")
    assert caught.value.hint == "Try again in 250 ms."
    assert caught.value.retry == "later"


def test_no_rate_lets_everything_through() -> None:
    limiter = RateLimiter(rate(0, 1), Clock())
    assert all(limiter.wait_s("p") == 0 for _ in range(100))


def test_what_is_kept_of_principals_is_bounded() -> None:
    limiter = RateLimiter(rate(1, 1), Clock())
    for number in range(CLIENTS_KEPT_MAX + 10):
        limiter.check(f"p{number}")
    assert len(limiter._due_s) == CLIENTS_KEPT_MAX
