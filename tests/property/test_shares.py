"""What clients hold is what is counted for them, whatever comes and goes in which order, in every
book: one more is let in exactly when there is room in all and within the client's share."""

import contextlib
import shutil
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velaria.control.ledger import open_ledger
from velaria.flight_server import call_context
from velaria.flight_server import held as held_module
from velaria.flight_server.call_context import CallFacts
from velaria.flight_server.flight_sql.prepared import Prepared, PreparedBook
from velaria.flight_server.flight_sql.transactions import TransactionBook
from velaria.flight_server.grpc_front.handler import FlightHandler
from velaria.flight_server.held import HeldBook
from velaria.flight_server.limits.limits import Limits
from velaria.flight_server.limits.shares import Shares
from velaria.flight_server.limits.watchdog import Watchdog
from velaria.flight_server.metrics import Metrics
from velaria.flight_server.options import Options
from velaria.flight_server.queries import QueryBook
from velaria.flight_server.sessions import SessionBook
from velaria.flight_server.shared_results import SharedResults
from velaria.flight_server.streams import StreamBook
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import QueryCommand

COUNT_MAX, EACH_MAX = 4, 3
DEADLINE_S = 20.0
SCHEMA = pa.schema([("a", pa.int64())])
SETTINGS: dict[str, Any] = {
    "limits.prepared_open": COUNT_MAX,
    "limits.prepared_bytes": 100,
    "limits.transactions_open": COUNT_MAX,
    "limits.results_held": COUNT_MAX,
    "limits.results_open": COUNT_MAX,
    "limits.puts_open": COUNT_MAX,
    "limits.streams_running": COUNT_MAX,
    "sessions.open_max": COUNT_MAX,
}
"""The share is that of a server which says nothing of it: 75 % for each."""


class Fails(Exception):
    """What is opened cannot be made."""


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class OneCall:
    """What the books and the limits know of a call."""

    is_cancelled = False
    session_id = None
    principal = None
    end_silent = None

    def __init__(self, facts: CallFacts) -> None:
        self.facts = facts
        self.client = facts.client
        self.ends: list[Callable[[Any], object]] = []

    def on_end(self, action: Callable[[Any], object]) -> None:
        self.ends.append(action)

    def on_cancel(self, action: Callable[[], object]) -> None: ...

    def end(self) -> None:
        for action in self.ends:
            action(None)


class Connection:
    schema = "main"
    in_transaction = True

    def execute(self, sql: str) -> None:
        if "nowhere" in sql:
            raise Fails

    def close(self) -> None: ...


class Book(ABC):
    """One of the books: `open` what can be closed by what it returns; `fails`: it cannot be made.
    `expire` lets the time of all that is not in use pass, if it has one."""

    shares: Shares
    expires = True

    def __init__(self) -> None:
        self.clock = Clock()
        self.options = Options(SETTINGS)

    @abstractmethod
    def open(self, call: Any, *, fails: bool) -> Callable[[], object]: ...

    def expire(self) -> None:
        self.clock.now_s += 10_000.0

    def close(self) -> None:  # noqa: B027 (most books leave nothing open)
        ...


class PreparedStatements(Book):
    def __init__(self) -> None:
        super().__init__()
        self.book = PreparedBook(self.options, self.clock)
        self.shares = self.book.held._shares

    def open(self, call: Any, *, fails: bool) -> Callable[[], object]:
        prepared = Prepared("x" * (1000 if fails else 10), b"", None)
        handle = self.book.add(prepared, call)
        return lambda: self.book.close(handle, call)

    def expire(self) -> None:
        super().expire()
        self.book.held.end_idle()


class Transactions(Book):
    def __init__(self) -> None:
        super().__init__()
        kernel: Any = SimpleNamespace(connect=lambda user: Connection())
        self.book = TransactionBook(kernel, self.options, self.clock)
        self.shares = self.book.held._shares

    def open(self, call: Any, *, fails: bool) -> Callable[[], object]:
        handle = self.book.begin(call, "nowhere" if fails else "main")
        return lambda: self.book.roll_back(handle, call)

    def expire(self) -> None:
        super().expire()
        self.book.held.end_idle()


class Sessions(Book):
    def __init__(self) -> None:
        super().__init__()
        self.fails = False
        self.book = SessionBook(cast(Any, self), self.options, self.clock)
        self.shares = self.book._shares

    def connect(self, user: str | None) -> Connection:
        if self.fails:
            raise Fails
        return Connection()

    def open(self, call: Any, *, fails: bool) -> Callable[[], object]:
        self.fails = fails
        session_id = self.book.open()

        def close() -> None:
            call_context.enter(call.facts)
            self.book.close(session_id)

        return close

    def expire(self) -> None:
        super().expire()
        self.book.close_idle()


class Recorded(Book):
    """One whose things are queries of the run history."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.queries = QueryBook(open_ledger("none", self.folder))
        self.numbers = iter(range(1_000_000))

    def close(self) -> None:
        self.queries.ledger.close()
        shutil.rmtree(self.folder)


class OneStream:
    name = status = "finished"

    def __init__(self, step: str) -> None:
        self.step = step
        self.has_ended = threading.Event()

    def start(self) -> None:
        if self.step == "start":
            raise Fails

    def stop(self, mode: str) -> None:
        self.has_ended.set()

    def await_termination(self, timeout_ms: int | None) -> bool:
        return self.has_ended.wait()

    def progress(self) -> dict[str, Any]:
        return {}


class Streams(Recorded):
    expires = False

    def __init__(self) -> None:
        super().__init__()
        self.streams: dict[str, OneStream] = {}
        self.step = ""
        self.book = StreamBook(cast(Any, self), self.queries, self.options)
        self.shares = self.book._places

    def start_stream(self, *_: Any, query_id: str, **__: Any) -> OneStream:
        if self.step == "make":
            raise Fails
        self.streams[query_id] = OneStream(self.step)
        return self.streams[query_id]

    def streaming_query(self, query_id: str) -> OneStream:
        return self.streams[query_id]

    def open(self, call: Any, *, fails: bool) -> Callable[[], object]:
        number = next(self.numbers)
        query_id = f"q-{number}"
        self.step = ("make", "start")[number % 2] if fails else ""
        self.book.start(cast(Any, self), "SELECT", query_id=query_id)
        follower = self.book._followers[query_id]

        def close() -> None:
            self.streams[query_id].has_ended.set()
            follower.join(DEADLINE_S)

        return close


class HeldResults(Recorded):
    def __init__(self) -> None:
        super().__init__()
        self.book = HeldBook(self.options)
        self.shares = self.book._shares
        self.patch = pytest.MonkeyPatch()
        told = SimpleNamespace(monotonic=self.clock, time_ns=time.time_ns)
        self.patch.setattr(held_module, "time", told)

    def open(self, call: Any, *, fails: bool) -> Callable[[], object]:
        self.book.refuse_when_full()
        query_id = f"q-{next(self.numbers)}"
        result: Any = SimpleNamespace(schema=SCHEMA, row_count=0, state="", cancel=lambda: None)

        @contextlib.contextmanager
        def run() -> Iterator[tuple[Any, Iterator[pa.RecordBatch]]]:
            yield result, iter(())

        if fails:  # the machine has no thread for it
            self.patch.setattr(held_module.threading.Thread, "start", self._refuse)
        try:
            tracked = self.queries.start(query_id, "query", "SELECT 1")
            held = self.book.start(tracked, run, QueryCommand(sql="SELECT 1"), SCHEMA)
        finally:
            if fails:
                self.patch.undo()
                told = SimpleNamespace(monotonic=self.clock, time_ns=time.time_ns)
                self.patch.setattr(held_module, "time", told)
        assert held.wait(DEADLINE_S) == "ready"

        def close() -> None:
            call_context.enter(call.facts)
            self.book.take(query_id)
            held._thread.join(DEADLINE_S)

        return close

    def _refuse(self, *_: Any) -> None:
        raise Fails

    def expire(self) -> None:
        super().expire()
        for held in list(self.book._held.values()):
            with held._changed:
                held._changed.notify_all()
            held._thread.join(DEADLINE_S)
        with contextlib.suppress(VelariaError):
            self.book.refuse_when_full()

    def close(self) -> None:
        held = list(self.book._held.values())
        self.book.close_all()
        for one in held:
            one._thread.join(DEADLINE_S)
        self.patch.undo()
        super().close()


class Bounded(Book):
    """One of what the limits count themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = Limits(self.options, Metrics(), frozenset)
        self.limits.watchdog = Watchdog(self.clock)


class MappedResults(Bounded):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.numbers = iter(range(1_000_000))
        self.book = SharedResults(self.limits, self.folder)
        self.shares = self.book._held

    def open(self, call: Any, *, fails: bool) -> Callable[[], object]:
        def batches() -> Iterator[pa.RecordBatch]:
            if fails:
                raise Fails
            yield from ()

        query_id = f"q-{next(self.numbers)}"
        if self.book.write(query_id, SCHEMA, batches()) is None:
            raise VelariaError("VEL5002", "sent instead")

        def close() -> None:
            call_context.enter(call.facts)
            self.book.release(query_id)
            self.book.release(query_id)

        return close

    def expire(self) -> None:
        super().expire()
        self.book.look(self.clock.now_s)

    def close(self) -> None:
        self.book.close()
        shutil.rmtree(self.folder)


class OpenResults(Bounded):
    expires = False

    def __init__(self) -> None:
        super().__init__()
        self.shares = self.limits._open["results"]

    def open(self, call: Any, *, fails: bool) -> Callable[[], object]:
        self.limits.count_result(call)
        if fails:
            call.end()
            raise Fails
        return cast(Callable[[], object], call.end)


class OpenPuts(Bounded):
    expires = False

    def __init__(self) -> None:
        super().__init__()
        self.shares = self.limits._open["puts"]

    def open(self, call: Any, *, fails: bool) -> Callable[[], object]:
        stack = contextlib.ExitStack()
        stack.enter_context(self.limits.put(call, None))
        if fails:
            with stack:
                raise Fails
        return stack.close


class UnheardCalls(Bounded):
    expires = False

    def __init__(self) -> None:
        super().__init__()
        self.shares = self.limits._unheard

    def open(self, call: Any, *, fails: bool) -> Callable[[], object]:
        heard = self.limits.unheard(call)

        def close() -> None:
            heard()
            call.end()

        if fails:
            close()
            raise Fails
        return close


class ListenersPlaces(Bounded):
    expires = False

    def __init__(self) -> None:
        super().__init__()
        self.handler = FlightHandler(cast(Any, None), self.limits, COUNT_MAX, lambda run: None)
        self.shares = self.handler._places

    def open(self, call: Any, *, fails: bool) -> Callable[[], object]:
        stack = contextlib.ExitStack()
        try:
            stack.enter_context(self.handler._place(call))
        except pa.ArrowException as refusal:
            assert "VEL5002" in str(refusal)
            raise VelariaError("VEL5002", str(refusal)) from None
        if fails:
            with stack:
                raise Fails
        return stack.close


BOOKS = [
    PreparedStatements,
    Transactions,
    Sessions,
    Streams,
    HeldResults,
    MappedResults,
    OpenResults,
    OpenPuts,
    UnheardCalls,
    ListenersPlaces,
]


def from_host(address: str, port: int) -> CallFacts:
    facts = CallFacts("DoAction")
    facts.peer = f"ipv4:{address}:{port}"
    return facts


CLIENTS: dict[str, Callable[[], CallFacts]] = {
    "ann": lambda: CallFacts("DoAction", "ann"),
    "bob": lambda: CallFacts("DoAction", "bob"),
    "host": lambda: from_host("192.0.2.1", 4001),
    "other host": lambda: from_host("192.0.2.2", 4001),
}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["open", "open", "open", "fail", "close", "expire"]),
        st.sampled_from(list(CLIENTS)),
        st.integers(0, 100),
    ),
    max_size=25,
)


@pytest.fixture(autouse=True)
def no_call() -> Iterator[None]:
    yield
    call_context.leave()


class Model:
    """What is there, and the law of what may come."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.open: list[tuple[str, Callable[[], object]]] = []

    def has_room(self, client: str) -> bool:
        own = Counter(who for who, _ in self.open)[client]
        return len(self.open) < COUNT_MAX and own < EACH_MAX

    def take(self, client: str, *, fails: bool) -> None:
        facts = CLIENTS[client]()
        call_context.enter(facts)
        expected = self.has_room(client)
        try:
            close = self.book.open(OneCall(facts), fails=fails)
        except VelariaError as refusal:
            assert fails or not expected, refusal
        except Fails:
            assert fails and expected
        else:
            assert expected and not fails
            self.open.append((client, close))

    def check(self) -> None:
        holders = {who for who, _ in self.open}
        assert self.book.shares.count() == len(self.open)
        assert self.book.shares.holders() == len(holders)


@pytest.mark.parametrize("made", BOOKS)
@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_the_counts_are_what_is_there(made: type[Book], steps: list[tuple[str, str, int]]) -> None:
    book = made()
    model = Model(book)
    try:
        for step, client, number in steps:
            if step == "open":
                model.take(client, fails=False)
            elif step == "fail":
                model.take(client, fails=True)
            elif step == "close" and model.open:
                model.open.pop(number % len(model.open))[1]()
            elif step == "expire" and book.expires:
                book.expire()
                model.open.clear()
            model.check()
        for _, close in model.open:
            close()
        model.open.clear()
        model.check()
    finally:
        book.close()


@pytest.mark.parametrize("made", BOOKS)
def test_one_host_may_have_three_quarters_and_the_rest_is_for_others(made: type[Book]) -> None:
    book = made()
    model = Model(book)
    try:
        for _ in range(EACH_MAX + 2):
            model.take("host", fails=False)
        assert len(model.open) == EACH_MAX
        model.take("other host", fails=False)
        assert len(model.open) == COUNT_MAX
        for _, close in model.open:
            close()
        assert book.shares.count() == 0
    finally:
        book.close()


@pytest.mark.alone
def test_the_last_of_ten_thousand_prepared_statements_costs_what_the_first_does() -> None:
    options = Options({"limits.prepared_open": 10_000, "limits.share_percent": 100})
    book = PreparedBook(options)
    facts = CLIENTS["host"]()
    call = cast(Any, OneCall(facts))
    call.session_id = "s-1"

    def seconds(count: int) -> float:
        began_s = time.thread_time()
        for _ in range(count):
            handle = book.add(Prepared("SELECT 1", b"", "s-1"), call)
            book.use(handle, call)
        call.end()
        call.ends.clear()
        return time.thread_time() - began_s

    first_s = min(seconds(100) for _ in range(5))
    seconds(9_000)
    last_s = min(seconds(100) for _ in range(5))
    assert book.held.count() == 10_000
    assert last_s < 5 * first_s, (first_s, last_s)
