"""A failure that is kept and told to many keeps nothing of who caused it or was told."""

import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from velaria import _kernel
from velaria.control.ledger import open_ledger
from velaria.flight_server import poll_info
from velaria.flight_server.held import Held, HeldBook
from velaria.flight_server.limits.watched import WatchedPut, Ways
from velaria.flight_server.options import Options
from velaria.flight_server.parts import PartedReading, Started
from velaria.flight_server.queries import QueryBook, TrackedQuery
from velaria.flight_server.tickets import OnceReplies, TicketOffice
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import QueryCommand

ASKED_TIMES = 50
SCHEMA = pa.schema([("a", pa.int64())])


class Local:
    """What a frame holds; gone when nothing keeps the frame."""


class Sources:
    """Failures that are kept, each with what it is asked by."""

    def __init__(self, queries: QueryBook) -> None:
        self.queries = queries
        self.locals: list[weakref.ref[Local]] = []

    def fail(self) -> NoReturn:
        mine = Local()
        self.locals.append(weakref.ref(mine))
        raise VelariaError("VEL3001", "division by zero", line=1, column=8, caret="x\n^")

    def tracked(self) -> TrackedQuery:
        return self.queries.start("q-1", "query", "SELECT 1 / 0")

    def held(self) -> Held:
        @contextmanager
        def run() -> Iterator[tuple[_kernel.QueryResult, Iterator[pa.RecordBatch]]]:
            self.fail()
            yield  # type: ignore[unreachable]  # it is a context manager all the same

        held = HeldBook(Options()).start(self.tracked(), run, QueryCommand(sql="SELECT 1"), SCHEMA)
        assert held.wait(10) == "failed"
        held._thread.join(10)
        return held

    def poll_of_a_held_query(self) -> Callable[[], object]:
        held, tickets = self.held(), TicketOffice(Options())
        ticket = tickets.issue("", None, "q-1", "held")
        service: Any = SimpleNamespace(
            tickets=tickets,
            held=SimpleNamespace(find=lambda query_id: held),
            sessions=SimpleNamespace(touch=lambda session_id, call: None),
        )
        descriptor = flight.FlightDescriptor.for_command(ticket)
        call = cast(Any, SimpleNamespace(session_id=None))
        return lambda: poll_info.poll(service, call, descriptor, cast(Any, None))

    def reader_of_a_part(self) -> Callable[[], object]:
        def batches() -> Iterator[pa.RecordBatch]:
            self.fail()
            yield

        reading = PartedReading()
        result: Any = SimpleNamespace(schema=SCHEMA, row_count=0)
        started = Started(self.tracked(), result, batches(), lambda: None)
        reading.enter(0, lambda: started)
        return lambda: next(reading.batches(cast(Any, None)))

    def reply_of_a_change(self) -> Callable[[], object]:
        once = OnceReplies(Options())
        once.promise("q-1")
        return lambda: once.reply("q-1", self.fail)

    def reason_of_the_server(self) -> Callable[[], object]:
        tracked = self.tracked()
        try:
            self.fail()
        except VelariaError as reason:
            tracked.give_up(reason)
        return tracked.refuse_when_cancelled

    def failure_under_that_reason(self) -> Callable[[], object]:
        refuse = cast(Any, self.reason_of_the_server()).__self__

        def fail() -> NoReturn:
            try:
                raise VelariaError("VEL3010", "cancelled")
            except VelariaError as fault:
                raise refuse.fail(fault) from fault

        return fail

    def silent_client(self) -> Callable[[], object]:
        ways = Ways(lambda: None, lambda: None)
        watched = WatchedPut(lambda silent: None, ways, lambda: 0.0, lambda: 1.0)
        watched.waits()
        watched.look(2.0)
        return watched.refuse_when_given_up


KINDS = [
    Sources.poll_of_a_held_query,
    Sources.reader_of_a_part,
    Sources.reply_of_a_change,
    Sources.reason_of_the_server,
    Sources.failure_under_that_reason,
    Sources.silent_client,
]


def told_by(ask: Callable[[], object], asker: Local) -> tuple[str, int]:
    """The failure's code and how many frames it has passed; `asker` is what a frame holds."""
    try:
        ask()
    except VelariaError as fault:
        frames, trace = 0, fault.__traceback__
        while trace is not None:
            frames, trace = frames + 1, trace.tb_next
        return fault.code, frames
    raise AssertionError("it did not fail")


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[Sources]:
    ledger = open_ledger("none", tmp_path)
    gc.disable()  # what is freed must be so without it
    yield Sources(QueryBook(ledger))
    gc.enable()
    ledger.close()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_failure_that_is_told_often_keeps_no_frames(
    sources: Sources, kind: Callable[[Sources], Callable[[], object]]
) -> None:
    ask = kind(sources)
    told_by(ask, Local())  # the one that causes it, where nothing has yet
    told = set()
    for _ in range(ASKED_TIMES):
        asker = Local()
        sources.locals.append(weakref.ref(asker))
        told.add(told_by(ask, asker))
        del asker
    assert len(told) == 1, "a code or a number of frames that changes"
    assert [kept() for kept in sources.locals if kept() is not None] == []


def test_a_held_query_keeps_its_error_without_frames(sources: Sources) -> None:
    error = sources.held().error
    assert error is not None and (error.code, error.column, error.caret) == ("VEL3001", 8, "x\n^")
    assert (error.__traceback__, error.__cause__, error.__context__) == (None, None, None)
    assert [kept() for kept in sources.locals] == [None]
