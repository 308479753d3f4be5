"""Of what is bounded nobody holds more than a share, and nothing is kept of who holds none."""

import threading

import pytest

from velaria.flight_server.limits.shares import Shares
from velaria.schemas.errors import VelariaError


def refused(shares: Shares, holder: str, count_max: int, share: float) -> str:
    with pytest.raises(VelariaError) as caught:
        shares.enter(holder, count_max, share)
    assert caught.value.code == "VEL5002"
    assert caught.value.hint
    return caught.value.message


def test_one_holder_has_its_share_and_the_rest_is_for_others() -> None:
    shares = Shares("things are open")
    first, _, _ = (shares.enter("a", 4, 0.75) for _ in range(3))
    assert refused(shares, "a", 4, 0.75) == "too many things are open for this client: 3"
    shares.enter("b", 4, 0.75)
    assert refused(shares, "c", 4, 0.75) == "too many things are open: 4"
    first.leave()
    shares.enter("c", 4, 0.75)
    assert shares.count() == 4


def test_the_share_of_few_leaves_one_to_others() -> None:
    shares = Shares("things are open")
    shares.enter("a", 2, 0.75)
    assert refused(shares, "a", 2, 0.75) == "too many things are open for this client: 1"
    shares.enter("b", 2, 0.75)


def test_the_smallest_share_is_one() -> None:
    shares = Shares("things are open")
    only = shares.enter("a", 1, 0.01)
    assert refused(shares, "b", 1, 0.01) == "too many things are open: 1"
    only.leave()
    shares.enter("b", 1, 0.01)


def test_nothing_is_kept_of_who_holds_none() -> None:
    shares = Shares("things are open")
    for index in range(1000):
        with shares.enter(f"client {index}", 2, 1.0):
            refused(shares, f"other {index}", 1, 1.0)
    assert (shares.count(), shares.holders()) == (0, 0)


def test_threads_never_have_more_than_there_are() -> None:
    shares, over = Shares("things are open"), []

    def take_and_leave(holder: str) -> None:
        for _ in range(300):
            try:
                holding = shares.enter(holder, 3, 0.7)
            except VelariaError:
                continue
            if shares.count() > 3:
                over.append(holder)
            holding.leave()

    threads = [threading.Thread(target=take_and_leave, args=(str(n % 3),)) for n in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (over, shares.count(), shares.holders()) == ([], 0, 0)


def test_what_was_given_back_is_not_given_back_again() -> None:
    shares = Shares("things are open")
    kept, left = shares.enter("a", 4, 0.5), shares.enter("a", 4, 0.5)
    threads = [threading.Thread(target=left.leave) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (shares.count(), shares.holders()) == (1, 1)
    kept.leave()
    assert (shares.count(), shares.holders()) == (0, 0)


def test_where_nobody_is_known_only_the_number_of_all_counts() -> None:
    shares = Shares("things are open")
    held = [shares.enter("", 4, 0.5) for _ in range(4)]
    assert refused(shares, "", 4, 0.5) == "too many things are open: 4"
    assert shares.holders() == 0
    for holding in held:
        holding.leave()
    assert shares.count() == 0


def test_to_ask_whether_there_is_room_takes_none() -> None:
    shares = Shares("things are open", "Close some.")
    for _ in range(3):
        shares.refuse_when_full("a", 2, 0.5)
    shares.enter("a", 2, 0.5)
    with pytest.raises(VelariaError, match="for this client: 1") as caught:
        shares.refuse_when_full("a", 2, 0.5)
    assert caught.value.hint == "Close some."
