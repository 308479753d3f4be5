"""Sessions expire when they are idle, and only then."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from velaria import _kernel
from velaria.flight_server.limits.watchdog import Watchdog
from velaria.flight_server.options import Options
from velaria.flight_server.sessions import SessionBook
from velaria.schemas.errors import VelariaError


class OneCall:
    def __init__(self) -> None:
        self.ends: list[Callable[[Any], None]] = []

    def on_end(self, action: Callable[[Any], None]) -> None:
        self.ends.append(action)

    def end(self) -> None:
        for action in self.ends:
            action(None)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def use(book: SessionBook, session: str) -> OneCall:
    call = OneCall()
    book.use(session, cast(Any, call))
    return call


def test_an_idle_session_is_closed_and_its_transaction_rolled_back() -> None:
    kernel, clock = _kernel.Session(threads=1), Clock()
    kernel.execute("CREATE TABLE t(a INTEGER)")
    book = SessionBook(kernel, Options(), clock)
    session = book.open(idle_s=10)
    call = OneCall()
    connection = book.use(session, cast(Any, call))
    connection.execute("BEGIN")
    connection.execute("INSERT INTO t VALUES (1)")
    call.end()
    clock.now_s = 10.0
    use(book, session).end()
    clock.now_s = 20.5
    with pytest.raises(VelariaError) as caught:
        use(book, session)
    assert caught.value.code == "VEL1011"
    assert not connection.in_transaction
    assert kernel.execute("SELECT count(*) AS n FROM t").read_all().to_pydict() == {"n": [0]}
    assert book.count() == 0


def test_a_session_with_a_call_under_way_is_not_idle() -> None:
    clock = Clock()
    book = SessionBook(_kernel.Session(threads=1), Options(), clock)
    session = book.open(idle_s=1)
    long_call = use(book, session)
    clock.now_s = 100.0
    use(book, session).end()
    clock.now_s = 200.0
    book.close_idle()
    assert book.count() == 1
    long_call.end()
    clock.now_s = 201.5
    book.close_idle()
    assert book.count() == 0


def test_a_call_that_uses_what_belongs_to_a_session_keeps_it() -> None:
    clock = Clock()
    book = SessionBook(_kernel.Session(threads=1), Options(), clock)
    session = book.open(idle_s=1)
    for _ in range(3):
        clock.now_s += 0.9
        call = OneCall()
        book.touch(session, cast(Any, call))
        call.end()
    assert book.count() == 1
    for nobodys in (None, "s-unknown"):
        book.touch(nobodys, cast(Any, OneCall()))
    clock.now_s += 1.5
    book.touch(session, cast(Any, OneCall()))
    assert book.count() == 0


def test_there_are_not_more_sessions_than_allowed() -> None:
    book = SessionBook(_kernel.Session(threads=1), Options({"sessions.open_max": 2}))
    first = book.open()
    book.open()
    with pytest.raises(VelariaError) as caught:
        book.open()
    assert caught.value.code == "VEL5002"
    book.close(first)
    book.open()
    book.close_all()
    assert book.count() == 0


def expired(*statements: str) -> tuple[SessionBook, str, Clock]:
    """A session in which these were run, and whose time is over."""
    clock = Clock()
    book = SessionBook(_kernel.Session(threads=1), Options({"sessions.open_max": 2}), clock)
    session = book.open(idle_s=10, query_s=7)
    call = OneCall()
    connection = book.use(session, cast(Any, call))
    for sql in statements:
        connection.execute(sql)
    call.end()
    clock.now_s = 10.5
    book.close_idle()
    assert book.count() == 0
    return book, session, clock


def test_one_with_nothing_to_lose_sleeps_and_wakes_with_what_was_told_of_it() -> None:
    book, session, clock = expired(
        "BEGIN", "COMMIT", "CREATE TEMP TABLE t(a INTEGER)", "DROP TABLE t"
    )
    assert session in book._asleep
    assert book.holds(session)
    assert book.query_s_of(session) == 7
    use(book, session).end()
    assert (session in book._asleep, book.count()) == (False, 1)
    clock.now_s = 21.0
    book.close_idle()
    assert (session in book._asleep, book.count()) == (True, 0)
    book.close(session)
    assert not book.holds(session)


@pytest.mark.parametrize(
    "statements",
    [
        ("BEGIN",),
        ("SET schema = 'information_schema'",),
        ("CREATE TEMP TABLE t(a INTEGER)",),
        ("CREATE TEMP VIEW t AS SELECT 1 AS a",),
    ],
)
def test_one_with_something_to_lose_is_over(statements: tuple[str, ...]) -> None:
    book, session, _ = expired(*statements)
    assert not book.holds(session)


def test_who_keeps_something_for_a_session_is_told_that_it_sleeps() -> None:
    clock = Clock()
    book = SessionBook(_kernel.Session(threads=1), Options(), clock)
    told: list[tuple[str, str]] = []
    book.on_sleep(lambda session: told.append(("sleeps", session)))
    book.on_end(lambda session: told.append(("is over", session)))
    sleeping, losing = book.open(idle_s=1), book.open(idle_s=10)
    call = OneCall()
    book.use(losing, cast(Any, call)).execute("BEGIN")
    call.end()
    clock.now_s = 1.5
    book.close_idle()
    clock.now_s = 12.0
    book.close_idle()
    assert told == [("sleeps", sleeping), ("is over", losing)]


def test_one_that_sleeps_is_woken_only_where_there_is_room() -> None:
    book, session, _ = expired()
    first = book.open()
    book.open()
    with pytest.raises(VelariaError) as caught:
        use(book, session)
    assert caught.value.code == "VEL5002"
    book.close(first)
    use(book, session)


def test_of_those_that_sleep_the_first_is_over_when_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("velaria.flight_server.sessions.ASLEEP_MAX", 2)
    clock, ended = Clock(), []
    book = SessionBook(_kernel.Session(threads=1), Options(), clock)
    book.on_end(lambda session: ended.append((session, session in book._asleep)))
    ids = []
    for _ in range(3):
        ids.append(book.open(idle_s=1))
        clock.now_s += 2
        book.close_idle()
    assert [book.holds(session) for session in ids] == [False, True, True]
    assert (ids[0], False) in ended


LOSES = "velaria.flight_server.sessions._has_something_to_lose"


def test_a_call_that_comes_while_it_is_found_what_there_is_to_lose_keeps_its_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    book = SessionBook(_kernel.Session(threads=1), Options(), clock)
    session = book.open(idle_s=1)

    def comes(held: object) -> bool:
        use(book, session).end()
        return True

    with monkeypatch.context() as patched:
        patched.setattr(LOSES, comes)
        clock.now_s = 2.0
        book.close_idle()
    assert (book.holds(session), book.count()) == (True, 1)
    clock.now_s = 4.0
    book.close_idle()
    assert (session in book._asleep, book.count()) == (True, 0)


def test_one_that_is_closed_while_it_is_found_what_there_is_to_lose_does_not_sleep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    book = SessionBook(_kernel.Session(threads=1), Options(), clock)
    session = book.open(idle_s=1)
    monkeypatch.setattr(LOSES, lambda held: bool(book.close(session)))
    clock.now_s = 2.0
    book.close_idle()
    assert (book.holds(session), book.count()) == (False, 0)


def test_the_name_of_one_that_sleeps_stays_good_in_tickets() -> None:
    clock = Clock()
    book = SessionBook(_kernel.Session(threads=1), Options(), clock)
    session = book.open(idle_s=10)
    number = book.number_of(session)
    clock.now_s = 10.5
    book.close_idle()
    assert session in book._asleep
    assert (book.number_of(session), book.id_of(number)) == (number, session)
    use(book, session).end()
    assert (book.number_of(session), book.id_of(number)) == (number, session)
    book.close(session)
    assert (book.number_of(session), book.id_of(number)) == (0, None)


def test_the_watchdog_ends_what_nobody_asks_for_and_then_rests() -> None:
    clock, watchdog, ended = Clock(), Watchdog(), []
    kernel = _kernel.Session(threads=1)
    book = SessionBook(kernel, Options(), clock)
    book.be_watched(watchdog)
    book.on_end(ended.append)
    session = book.open(idle_s=10)
    call = OneCall()
    connection = book.use(session, cast(Any, call))
    connection.execute("BEGIN")
    call.end()
    clock.now_s = 9.0
    watchdog.tick()
    assert (ended, watchdog.count()) == ([], 1)
    clock.now_s = 11.0
    watchdog.tick()
    assert (ended, connection.in_transaction, watchdog.count()) == ([session], False, 0)
    book.open(idle_s=10)
    assert watchdog.count() == 1
