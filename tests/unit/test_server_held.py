"""Held results: handed out once, given up after their lease, bounded in number."""

import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.calls import call_on
from tests.server_process import until
from velaria import _kernel
from velaria.control.ledger import open_ledger
from velaria.flight_server import poll_info, polling
from velaria.flight_server.calls import Call
from velaria.flight_server.flight_sql import cancel
from velaria.flight_server.flight_sql.messages import new, pack
from velaria.flight_server.held import HELD_LEASE_S, Held, HeldBook
from velaria.flight_server.options import Options
from velaria.flight_server.polling import readable
from velaria.flight_server.pulling import pulled
from velaria.flight_server.queries import QueryBook, new_query_id
from velaria.flight_server.service import Service
from velaria.flight_server.tickets import TicketOffice
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import QueryCommand


@pytest.fixture
def queries(tmp_path: object) -> Iterator[QueryBook]:
    ledger = open_ledger("none", tmp_path)  # type: ignore[arg-type]
    yield QueryBook(ledger)
    ledger.close()


def held_in(
    book: HeldBook, queries: QueryBook, sql: str = "SELECT 1 AS a", query_id: str | None = None
) -> Held:
    session = _kernel.Session()
    query_id = query_id or new_query_id()
    tracked = queries.start(query_id, "query", sql)

    @contextmanager
    def run() -> Iterator[tuple[_kernel.QueryResult, Iterator[pa.RecordBatch]]]:
        result = session.execute(sql, None, query_id)
        yield result, pulled(result) if result.schema is not None else iter(())

    schema = session.describe(sql).schema or pa.schema([])
    return book.start(tracked, run, QueryCommand(sql=sql), schema)


def test_rows_are_handed_out_once(queries: QueryBook) -> None:
    book = HeldBook(Options())
    held = held_in(book, queries)
    assert held.wait(10) == "ready"
    query_id = held.tracked.query_id
    _, _, batches = book.take(query_id)
    assert pa.Table.from_batches(batches).to_pydict() == {"a": [1]}
    with pytest.raises(VelariaError, match="were read"):
        book.take(query_id)
    with pytest.raises(VelariaError, match="were read"):
        held.take()


class Pinned:
    """What only the running of a statement needs."""


@pytest.mark.parametrize(
    ("sql", "state"),
    [("SELECT 1 AS a", "ready"), ("CREATE TABLE t (a INT)", "done"), ("SELECT 1 / 0", "failed")],
)
def test_what_has_run_the_statement_is_let_go_of(queries: QueryBook, sql: str, state: str) -> None:
    session, pinned = _kernel.Session(), Pinned()
    kept = weakref.ref(pinned)

    @contextmanager
    def run(held: Pinned = pinned) -> Iterator[tuple[_kernel.QueryResult, Iterator[Any]]]:
        result = session.execute(sql)
        yield result, pulled(result) if result.schema is not None else iter(())

    tracked = queries.start(new_query_id(), "query", sql)
    held = HeldBook(Options()).start(tracked, run, QueryCommand(sql=sql), pa.schema([]))
    del run, pinned
    assert held.wait(10) == state
    assert until(lambda: kept() is None)
    held.give_up()


def test_rows_that_nobody_reads_are_given_up_when_the_lease_is_over(queries: QueryBook) -> None:
    book = HeldBook(Options(), lease_s=0.05)
    held = held_in(book, queries)
    assert until(lambda: held.state == "cancelled")
    assert until(lambda: held.tracked.state == "cancelled")
    with pytest.raises(VelariaError, match="nobody asked"):
        book.take(held.tracked.query_id)


def test_there_is_room_again_when_the_ended_are_over(queries: QueryBook) -> None:
    book = HeldBook(Options({"limits.results_held": 1}), lease_s=0.05)
    held = held_in(book, queries)
    with pytest.raises(VelariaError, match="too many results") as caught:
        book.refuse_when_full()
    with pytest.raises(VelariaError, match="too many results"):
        held_in(book, queries)  # as by one that was asked before the first was there
    assert (caught.value.code, caught.value.retry) == ("VEL5002", "later")
    assert until(held.is_over)
    book.refuse_when_full()


def test_an_id_that_is_used_again_takes_the_place_of_the_ended_one(queries: QueryBook) -> None:
    book = HeldBook(Options({"limits.results_held": 2}))
    for _ in range(4):
        held = held_in(book, queries, "CREATE TABLE t (a INT)", query_id="mine")
        assert held.wait(10) == "done"
        assert book.count() == 1


def test_closing_gives_everything_up(queries: QueryBook) -> None:
    book = HeldBook(Options())
    held = held_in(book, queries)
    held.wait(10)
    book.close_all()
    assert until(lambda: held.tracked.state == "cancelled")


def test_rows_that_are_cancelled_while_they_are_told_are_no_fault_of_ours(
    queries: QueryBook,
) -> None:
    held = held_in(HeldBook(Options()), queries)
    assert held.wait(10) == "ready"
    held.give_up()
    held._thread.join(10)
    service = cast(Service, SimpleNamespace(tickets=TicketOffice(Options())))
    info, _, schema = readable(service, held)
    assert info.schema == schema == held.schema


def test_a_question_between_a_cancellation_and_its_end_does_not_undo_it(
    queries: QueryBook,
) -> None:
    book = HeldBook(Options())
    held = held_in(book, queries)
    assert held.wait(10) == "ready"
    with held._changed:  # its thread cannot wake up meanwhile
        held.tracked.ask_cancel()
        held.renew()
    assert until(lambda: held.tracked.state == "cancelled")
    held._thread.join(10)
    assert not held._thread.is_alive()


@contextmanager
def service_of(folder: Path, options: Options) -> Iterator[Service]:
    with ExitStack() as undo:
        ledger = undo.enter_context(closing(open_ledger("none", folder)))
        session = undo.enter_context(closing(_kernel.Session(threads=1)))
        service = Service(session, ledger, options, folder)
        undo.callback(service.shared.close)
        undo.callback(service.held.close_all)
        yield service


def test_an_endpoint_of_held_rows_is_told_and_renewed_for_as_long_as_they_are_held(
    tmp_path: Path,
) -> None:
    options = Options({"tickets.lifetime_s": "3600"})
    with service_of(tmp_path, options) as service:
        call = call_on(service.watcher)

        def left_s(until_s: float) -> float:
            """At least, of the time that is told."""
            return until_s - time.time()

        command = pack(new("CommandStatementQuery", query="SELECT 1 AS a"))
        descriptor = flight.FlightDescriptor.for_command(command)
        told = poll_info.poll(service, call, descriptor, lambda: None)  # type: ignore[arg-type,return-value]
        (endpoint,) = told.info.message.endpoint
        assert left_s(endpoint.expiration_time.seconds) <= HELD_LEASE_S
        (held,) = service.held._held.values()
        held.ends_s = time.monotonic() + 5
        raw = endpoint.ticket.ticket
        request = new("RenewFlightEndpointRequest", endpoint={"ticket": {"ticket": raw}})
        renewed = cancel.renew(service, call, request)
        assert held.ends_s > time.monotonic() + HELD_LEASE_S / 2
        assert HELD_LEASE_S / 2 < left_s(renewed.expiration_time.seconds) <= HELD_LEASE_S
        service.held.take(held.tracked.query_id)
        with pytest.raises(VelariaError, match="VEL1005"):
            cancel.renew(service, call, request)


def test_a_held_statement_and_who_asks_for_it_keep_their_session(tmp_path: Path) -> None:
    now_s = [0.0]
    options = Options({"limits.statements_running": 1})
    with service_of(tmp_path, options) as service:
        service.sessions._idle._clock_s = lambda: now_s[0]

        def call_in_session() -> Call:
            call = call_on(service.watcher)
            call.session_id = session_id
            return call

        def is_open() -> bool:
            service.sessions.close_idle()
            return service.sessions.count() == 1

        session_id = service.sessions.open(idle_s=10)
        others = service.limits.admission.enter("another")
        asking = call_in_session()
        sql = QueryCommand(sql="SELECT 1 AS a")
        held = polling.start(service, asking, sql, service.queries.promise())
        assert until(lambda: service.limits.admission.counts()["waiting"] == 1)
        asking.call_completed(None)
        now_s[0] += 11
        assert is_open()
        others.leave()
        assert held.wait(10) == "ready"
        now_s[0] += 9
        asking = call_in_session()
        assert polling.find(service, asking, held.tracked.query_id) is held
        asking.call_completed(None)
        now_s[0] += 9
        assert is_open()
        now_s[0] += 2
        assert not is_open()
