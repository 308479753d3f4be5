"""The books of Flight SQL: bounded, owned, expiring, and counted right."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, cast

import pyarrow as pa
import pytest

from tests.unit.test_server_running import in_memory
from velaria import _kernel
from velaria.flight_server.calls import Call
from velaria.flight_server.flight_sql.handles import HandleBook
from velaria.flight_server.flight_sql.prepared import Prepared, PreparedBook
from velaria.flight_server.flight_sql.transactions import TransactionBook
from velaria.flight_server.identity.clients import Client
from velaria.flight_server.limits.watchdog import Watchdog
from velaria.flight_server.options import Options
from velaria.flight_server.running import RunningServer
from velaria.schemas.errors import VelariaError


class OneCall:
    """What the books know of a call."""

    def __init__(self, principal: str | None = None, session_id: str | None = None) -> None:
        self.client = Client(principal)
        self.session_id = session_id
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


def call(principal: str | None = None, session_id: str | None = None) -> Call:
    return cast(Call, OneCall(principal, session_id))


def end(ended: Call) -> None:
    cast(OneCall, ended).end()


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(VelariaError) as caught:
        yield
    assert caught.value.code == code, caught.value.message


def book_of(ended: list[str], clock: Clock | None = None, held_max: int = 10) -> HandleBook[str]:
    options = Options({"limits.prepared_open": held_max})
    started = clock or Clock()
    return HandleBook("thing", options, "limits.prepared_open", 10.0, ended.append, started)


def test_a_handle_is_long_and_no_two_are_equal() -> None:
    book = book_of([], held_max=500)
    handles = {book.add(lambda: "x", call()) for _ in range(500)}
    assert len(handles) == 500
    assert {len(handle) for handle in handles} == {16}


def test_a_handle_of_another_principal_is_answered_like_an_unknown_one() -> None:
    book = book_of([])
    handle = book.add(lambda: "hers", call("ann"))
    number = book.number_of(handle)
    assert book.use(handle, call("ann")) == "hers"
    assert book.use_number(number, call("ann")) == "hers"
    told = set()
    for stranger in (call("bob"), call(None)):
        for attempt in (
            lambda who=stranger: book.use(handle, who),
            lambda who=stranger: book.use(b"x" * 16, who),
            lambda who=stranger: book.remove(handle, who),
            lambda who=stranger: book.use_number(number, who),
            lambda who=stranger: book.use_number(number + 1, who),
        ):
            with pytest.raises(VelariaError) as caught:
                attempt()
            told.add((caught.value.code, caught.value.message))
    assert told == {("VEL1011", "no thing of that handle")}


def test_what_is_idle_ends_and_what_a_call_uses_does_not() -> None:
    ended: list[str] = []
    clock = Clock()
    book = book_of(ended, clock)
    idle, used = book.add(lambda: "idle", call()), book.add(lambda: "used", call())
    long_call = call()
    book.use(used, long_call)
    clock.now_s = 10.5
    with refused("VEL1011"):
        book.use(idle, call())
    assert ended == ["idle"]
    end(long_call)
    clock.now_s = 20.0
    assert book.use(used, call()) == "used"


def test_a_full_book_refuses_and_makes_nothing() -> None:
    book = book_of([], held_max=2)
    made: list[int] = []
    for _ in range(2):
        book.add(lambda: "x", call())
    with refused("VEL5002"):
        book.add(lambda: made.append(1) or "x", call())  # type: ignore[func-returns-value]
    assert not made
    book.end_all()
    assert book.count() == 0
    book.add(lambda: "x", call())


@pytest.fixture
def kernel() -> Iterator[_kernel.Session]:
    session = _kernel.Session(threads=1)
    session.execute("CREATE TABLE t(a INTEGER)")
    yield session
    session.close()


def count(kernel: _kernel.Session) -> int:
    rows = kernel.execute("SELECT count(*) AS n FROM t").read_all()
    return int(rows["n"][0].as_py())


def test_a_transaction_is_seen_when_it_is_committed(kernel: _kernel.Session) -> None:
    book = TransactionBook(kernel, Options())
    kept, undone = book.begin(call(), "main"), book.begin(call(), "main")
    book.use(kept, call()).execute("INSERT INTO t VALUES (1)")
    book.use(undone, call()).execute("INSERT INTO t VALUES (2), (3)")
    assert count(kernel) == 0
    book.commit(kept, call())
    book.roll_back(undone, call())
    assert count(kernel) == 1
    for ended in (kept, undone):
        with refused("VEL1011"):
            book.use(ended, call())


def test_an_idle_transaction_is_rolled_back(kernel: _kernel.Session) -> None:
    clock = Clock()
    book = TransactionBook(kernel, Options(), clock, idle_s=5)
    transaction_id = book.begin(call(), "main")
    using = call()
    connection = book.use(transaction_id, using)
    connection.execute("INSERT INTO t VALUES (1)")
    end(using)
    clock.now_s = 6
    with refused("VEL1011"):
        book.commit(transaction_id, call())
    assert not connection.in_transaction
    assert count(kernel) == 0


def test_a_transaction_of_a_client_that_has_gone_is_rolled_back_by_the_watchdog(
    kernel: _kernel.Session,
) -> None:
    """It is in no session, and nobody asks for a transaction any more: it would keep its snapshot
    for as long as the server lives."""
    clock, watchdog = Clock(), Watchdog()
    book = TransactionBook(kernel, Options(), clock, idle_s=5)
    book.held.be_watched(watchdog)
    transaction_id = book.begin(call(), "main")
    using = call()
    connection = book.use(transaction_id, using)
    clock.now_s = 6
    watchdog.tick()
    assert (connection.in_transaction, watchdog.count()) == (True, 1)
    end(using)
    clock.now_s = 12
    watchdog.tick()
    assert (connection.in_transaction, watchdog.count()) == (False, 0)
    book.begin(call(), "main")
    assert watchdog.count() == 1


def test_a_servers_transactions_are_watched() -> None:
    with closing(RunningServer(in_memory())) as running:
        service = running.service
        resting = service.limits.watchdog.count()
        service.transactions.begin(call(), "main")
        assert service.limits.watchdog.count() == resting + 1


def test_a_transaction_that_ended_by_itself_may_be_rolled_back_and_not_committed(
    kernel: _kernel.Session,
) -> None:
    clock = Clock()
    book = TransactionBook(kernel, Options(), clock, idle_s=5)
    expired = book.begin(call("ann"), "main")
    clock.now_s = 6
    of_session = book.begin(call("ann", "s-1"), "main")
    book.held.end_of_session("s-1")
    committed, rolled_back = book.begin(call("ann"), "main"), book.begin(call("ann"), "main")
    book.commit(committed, call("ann"))
    book.roll_back(rolled_back, call("ann"))
    of_another_server = bytes(byte ^ 1 for byte in expired)
    for over in (expired, of_session, of_another_server):
        for _ in range(2):
            with pytest.raises(VelariaError, match="VEL1011") as caught:
                book.commit(over, call("ann"))
            assert "Roll it back" in caught.value.hint
            book.roll_back(over, call("ann"))
    for over in (expired, of_session):
        with refused("VEL1011"):
            book.roll_back(over, call("bob"))
    for unknown in (committed, rolled_back, expired[:4] + bytes(12), expired[:-1], b""):
        with refused("VEL1011"):
            book.roll_back(unknown, call("ann"))


def test_the_handles_remembered_for_having_ended_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("velaria.flight_server.flight_sql.handles.ENDED_MAX", 1)
    clock = Clock()
    book = book_of([], clock)
    first, second = book.add(lambda: "x", call()), book.add(lambda: "y", call())
    clock.now_s += 11
    assert (book.has_ended(first, call()), book.has_ended(second, call())) == (False, True)


def test_what_names_no_transaction_is_told_once_when_the_sessions_one_has_expired(
    kernel: _kernel.Session,
) -> None:
    clock = Clock()
    book = TransactionBook(kernel, Options(), clock, idle_s=10)
    inside = call(session_id="s-1")
    assert book.meant_in("s-1") == b""
    transaction = book.begin(inside, "main")
    assert book.meant_in("s-1") == transaction
    clock.now_s = 10.5
    assert book.meant_in("s-2") == b""
    with refused("VEL1011"):
        book.meant_in("s-1")
    assert book.meant_in("s-1") == b""
    book.begin(inside, "main")
    clock.now_s = 21.0
    book.held.end_idle()
    again = book.begin(inside, "main")
    assert book.meant_in("s-1") == again
    book.roll_back(again, inside)
    assert book.meant_in("s-1") == b""
    book.begin(inside, "main")
    clock.now_s = 32.0
    book.held.end_idle()
    book.held.end_of_session("s-1")
    assert book.meant_in("s-1") == b""


def test_with_a_session_that_falls_asleep_its_transaction_expires(kernel: _kernel.Session) -> None:
    book = TransactionBook(kernel, Options())
    inside, beside = call(session_id="s-1"), call(session_id="s-2")
    transaction, other = book.begin(inside, "main"), book.begin(beside, "main")
    connection = book.use(transaction, inside)
    book.held.expire_in_session("s-1")
    assert not connection.in_transaction
    with refused("VEL1011"):
        book.meant_in("s-1")
    with refused("VEL1011"):
        book.use(transaction, inside)
    book.roll_back(transaction, inside)
    assert book.use(other, beside).in_transaction


def test_the_sessions_remembered_for_what_expired_in_them_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("velaria.flight_server.flight_sql.handles.EXPIRED_IN_MAX", 1)
    clock = Clock()
    book = book_of([], clock)
    for session in ("s-1", "s-2"):
        book.add(lambda: "x", call(session_id=session))
        clock.now_s += 11
        book.end_idle()
    assert (book.has_expired_in("s-1"), book.has_expired_in("s-2")) == (False, True)


def test_the_end_of_a_session_rolls_its_transactions_back(kernel: _kernel.Session) -> None:
    book = TransactionBook(kernel, Options())
    of_session = book.begin(call(session_id="s-1"), "main")
    other = book.begin(call(session_id="s-2"), "main")
    book.held.end_of_session("s-1")
    with refused("VEL1011"):
        book.use(of_session, call())
    assert book.use(other, call()).in_transaction


def test_a_transaction_begins_in_its_sessions_schema(kernel: _kernel.Session) -> None:
    kernel.execute('CREATE SCHEMA "o""dd"')
    book = TransactionBook(kernel, Options())
    transaction_id = book.begin(call(session_id="s-1"), 'o"dd')
    assert book.use(transaction_id, call()).schema == 'o"dd'
    book.set_schema("s-1", "main", call())
    assert book.use(transaction_id, call()).schema == "main"


def test_after_a_failed_commit_only_a_rollback_is_taken(kernel: _kernel.Session) -> None:
    book = TransactionBook(kernel, Options())
    transaction_id = book.begin(call(), "main")
    connection = book.use(transaction_id, call())
    connection.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(_kernel.KernelError):
        connection.execute("SELECT * FROM nowhere")
    with pytest.raises(_kernel.KernelError) as caught:
        book.commit(transaction_id, call())
    assert caught.value.code == "VEL2031"
    for attempt in (book.use, book.commit, book.begin_savepoint):
        with refused("VEL2031"):
            attempt(transaction_id, call())
    book.roll_back(transaction_id, call())
    assert (count(kernel), book.held.count()) == (0, 0)


def test_a_statement_that_ends_a_transaction_leaves_nothing_to_autocommit(
    kernel: _kernel.Session,
) -> None:
    book = TransactionBook(kernel, Options())
    transaction_id = book.begin(call(), "main")
    book.use(transaction_id, call()).execute("ROLLBACK")
    with refused("VEL2031"):
        book.use(transaction_id, call())


def test_savepoints_nest(kernel: _kernel.Session) -> None:
    book = TransactionBook(kernel, Options())
    transaction_id = book.begin(call(), "main")
    connection = book.use(transaction_id, call())
    connection.execute("INSERT INTO t VALUES (1)")
    outer = book.begin_savepoint(transaction_id, call())
    connection.execute("INSERT INTO t VALUES (2)")
    inner = book.begin_savepoint(transaction_id, call())
    connection.execute("INSERT INTO t VALUES (3)")
    book.roll_back_to_savepoint(outer, call())
    with refused("VEL1011"):
        book.release_savepoint(inner, call())
    book.roll_back_to_savepoint(outer, call())
    book.release_savepoint(outer, call())
    with refused("VEL1011"):
        book.roll_back_to_savepoint(outer, call())
    book.commit(transaction_id, call())
    assert count(kernel) == 1


def test_a_savepoint_is_out_of_reach_for_others_and_bounded(kernel: _kernel.Session) -> None:
    book = TransactionBook(kernel, Options({"limits.savepoints_open": 3}))
    transaction_id = book.begin(call("ann"), "main")
    savepoint_id = book.begin_savepoint(transaction_id, call("ann"))
    for wrong in (savepoint_id[:-1] + b"\0", savepoint_id[:16], b"", savepoint_id + b"x"):
        with refused("VEL1011"):
            book.release_savepoint(wrong, call("ann"))
    with refused("VEL1011"):
        book.release_savepoint(savepoint_id, call("bob"))
    for _ in range(2):
        book.begin_savepoint(transaction_id, call("ann"))
    with refused("VEL5002"):
        book.begin_savepoint(transaction_id, call("ann"))


def rows(*values: int) -> pa.Table:
    return pa.table({"0": pa.array(values, pa.int64())})


def test_prepared_statements_take_a_bounded_number_of_bytes() -> None:
    book = PreparedBook(Options({"limits.prepared_bytes": 100}))
    handle = book.add(Prepared("x" * 20, b"", None), call())
    for _ in range(5):  # what was bound before is let go
        book.bind(handle, call(), rows(1, 2, 3))
    with refused("VEL5002"):
        book.add(Prepared("y" * 70, b"", None), call())
    with refused("VEL5002"):
        book.bind(handle, call(), rows(*range(11)))
    assert book.use(handle, call()).rows == rows(1, 2, 3)
    book.close(handle, call())
    book.add(Prepared("z" * 100, b"", None), call())


def test_a_prepared_statement_is_its_owners_and_ends_with_its_session() -> None:
    book = PreparedBook(Options())
    hers = book.add(Prepared("SELECT 1", b"", "s-1"), call("ann", "s-1"))
    for attempt in (book.use, book.close):
        with refused("VEL1011"):
            attempt(hers, call("bob"))
    with refused("VEL1011"):
        book.bind(hers, call("bob"), rows(1))
    book.held.end_of_session("s-1")
    with refused("VEL1011"):
        book.use(hers, call("ann"))


def test_rows_bound_to_a_statement_that_was_closed_meanwhile_are_not_counted() -> None:
    book = PreparedBook(Options({"limits.prepared_bytes": 100}))
    handle = book.add(Prepared("x" * 20, b"", None), call())
    prepared = book.use(handle, call())
    book.close(handle, call())
    book.held.use = lambda *_: prepared  # type: ignore[method-assign]
    book.bind(handle, call(), rows(1, 2))
    book.add(Prepared("y" * 100, b"", None), call())
