"""Every setting that is marked live is in force after a reload: each has its probe here, and is
looked at in one service before and after."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
import structlog

from tests.calls import call_on
from velaria import _kernel
from velaria.control.ledger import open_ledger
from velaria.flight_server import call_context, logs
from velaria.flight_server.flight_sql import parameters
from velaria.flight_server.flight_sql.prepared import Prepared
from velaria.flight_server.options import Options
from velaria.flight_server.pulling import pulled
from velaria.flight_server.queries import new_query_id
from velaria.flight_server.service import Service
from velaria.flight_server.settings import SETTINGS, Setting
from velaria.flight_server.shared_results import SharedResults
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import QueryCommand

BATCH = pa.record_batch({"a": pa.array(range(10), pa.int64())})  # 80 bytes
FILLED_MAX = 9  # of what a probe opens; the bounds are lower


class Reader:
    """Of a DoPut that brings one batch."""

    schema = BATCH.schema

    def __init__(self) -> None:
        self._chunks = iter([SimpleNamespace(data=BATCH, app_metadata=None)])

    def __next__(self) -> Any:
        return next(self._chunks)


class World:
    """A service that is not served, its clock, and a call; `kept` is what a probe leaves for its
    second look."""

    def __init__(self, options: Options, folder: Path, undo: ExitStack) -> None:
        self.now_s = 1000.0
        self.options, self.folder, self.undo = options, folder, undo
        ledger = open_ledger("none", folder)
        undo.callback(ledger.close)
        session = _kernel.Session(threads=1)
        undo.callback(session.close)
        self.service = Service(session, ledger, options, folder)
        self.limits = self.service.limits
        undo.callback(self.service.shared.close)
        undo.callback(self.service.sessions.close_all)
        undo.callback(self.service.transactions.held.end_all)
        undo.callback(self.service.held.close_all)
        undo.callback(self.service.streams.wait_ended, 10)
        undo.callback(self.service.streams.stop_all)
        self.limits.watchdog.clock_s = self.limits.rates._clock_s = self.clock_s
        self.service.sessions._idle._clock_s = self.clock_s
        self.call = call_on(self.service.watcher, self.service.metrics)
        self.kept: list[Any] = []

    def clock_s(self) -> float:
        return self.now_s

    def tracked(self) -> Any:
        return self.service.queries.start(new_query_id(), "query", "SELECT 1")


def refusal(action: Callable[[], object]) -> str:
    """Its code; "" when there is none."""
    try:
        action()
    except VelariaError as fault:
        return fault.code
    return ""


def filled(action: Callable[[], object], count: Callable[[], float]) -> int:
    """How many there are when one more is refused, or enough."""
    while count() < FILLED_MAX and not refusal(action):
        pass
    return int(count())


def logged(world: World) -> bool:
    if not world.kept:
        world.undo.enter_context(restored_logs())
        logs.configure_logs(world.options)
        world.kept.append("configured")
    return logs.writes_debug()


@contextmanager
def restored_logs() -> Iterator[None]:
    before, handlers, level = structlog.get_config(), logging.root.handlers[:], logging.root.level
    hook, writes_debug = threading.excepthook, logs.writes_debug()
    yield
    structlog.configure(**before)
    logging.root.handlers, logging.root.level = handlers, level
    threading.excepthook, logs._written.debug = hook, writes_debug


def days_kept(world: World) -> int:
    kept: int = world.service.ledger._writer.retention._keep_days
    return kept


def disk(world: World) -> str:
    world.service.health._disk_and_files._seen = None
    return world.service.health.report().parts["disk"].state


def idle_session_stays(world: World) -> bool:
    session_id = world.service.sessions.open()
    world.now_s += 100
    world.service.sessions.close_idle()
    return session_id in world.service.sessions._held


def sessions(world: World) -> int:
    return filled(world.service.sessions.open, world.service.sessions.count)


def running(world: World) -> int:
    admission = world.limits.admission
    while admission.request("one").is_granted:
        pass
    return int(admission.counts()["running"])


def waiting(world: World) -> int:
    admission = world.limits.admission
    return filled(lambda: admission.request("one"), lambda: admission.counts()["waiting"])


def wait(world: World) -> str:
    admission = world.limits.admission
    admission.request("one")
    with pytest.raises(VelariaError) as caught:
        admission.enter("one")
    return caught.value.message.rpartition(": ")[2]


def results(world: World) -> int:
    count = world.limits.gauges()["results_open"]
    return filled(lambda: world.limits.count_result(world.call), count)


def puts(world: World) -> int:
    def put() -> None:
        world.undo.enter_context(world.limits.put(world.call, None))

    return filled(put, world.limits.gauges()["puts_open"])


def streams(world: World) -> int:
    service = world.service
    if not world.kept:
        service.session.execute("CREATE STREAM s (a INT)")
        world.kept.append("s")
    return filled(
        lambda: service.streams.start(service.session, "SELECT a FROM s"),
        lambda: len(service.streams.all()),
    )


def held(world: World) -> int:
    service = world.service

    def start() -> None:
        service.held.refuse_when_full()
        tracked = world.tracked()

        @contextmanager
        def run() -> Iterator[Any]:
            result = service.session.execute("SELECT 1", None, tracked.query_id)
            yield result, pulled(result)

        service.held.start(tracked, run, QueryCommand(sql="SELECT 1"), BATCH.schema)

    return filled(start, lambda: len(service.held._held))


def prepared(world: World) -> int:
    """Each of them of 10 bytes."""
    book = world.service.prepared
    return filled(lambda: book.add(Prepared("0123456789", b"", None), world.call), book.held.count)


def transactions(world: World) -> int:
    book = world.service.transactions
    return filled(lambda: book.begin(world.call, "main"), book.held.count)


def savepoints(world: World) -> int:
    book = world.service.transactions
    if not world.kept:
        world.kept.append(book.begin(world.call, "main"))
    begin = lambda: world.kept.append(book.begin_savepoint(world.kept[0], world.call))  # noqa: E731
    return filled(begin, lambda: len(world.kept) - 1)


def shares(world: World) -> set[int]:
    """How many of everything one client has, where there are four."""
    facts = call_context.CallFacts("DoGet", "ann")
    world.call.facts = facts
    call_context.enter(facts)
    try:
        return {
            *(running(world), sessions(world), results(world), puts(world), streams(world)),
            *(held(world), prepared(world), transactions(world)),
        }
    finally:
        call_context.leave()


def received(world: World) -> str:
    reader: Any = Reader()
    return refusal(lambda: parameters.receive(world.service, world.call, reader))


def in_ticket(world: World) -> str:
    return refusal(lambda: parameters.to_ticket(world.service, pa.table(BATCH)))


def fits_shared_memory(world: World) -> bool:
    if not world.kept:
        world.kept.append(SharedResults(world.limits, world.folder))
        world.undo.callback(world.kept[0].close)
    return world.kept[0].write(new_query_id(), BATCH.schema, [BATCH]) is not None


def calls_at_once(world: World) -> int:
    world.now_s += 1000
    let: list[bool] = []
    return filled(lambda: (world.limits.check_rate(world.call), let.append(True)), lambda: len(let))


def time_of_a_statement(world: World) -> tuple[str, float]:
    began_s = world.now_s - 10
    planned = refusal(lambda: world.limits.check_planning(began_s))
    return planned, world.limits.statement(world.call, world.tracked()).query_s


def statement(world: World) -> str:
    return refusal(lambda: world.limits.check_statement("SELECT 1"))


def counted(world: World) -> str:
    tracked = world.tracked()
    meter = world.limits.meter(tracked, world.limits.statement(world.call, tracked))
    return refusal(lambda: meter.count(BATCH))


def silent_puts(world: World) -> set[str]:
    heard = world.limits.unheard(world.call)
    with world.limits.put(world.call, None) as watched:
        watched.waits()
        world.now_s += 100
        world.limits.watchdog.tick()
        return {refusal(watched.refuse_when_given_up), refusal(heard)}


def silent_reader(world: World) -> str:
    watched = world.limits.reader(world.call, lambda silent: None)
    watched.waits()
    world.now_s += 100
    world.limits.watchdog.tick()
    return refusal(watched.refuse_when_given_up)


def pins(world: World) -> int:
    book, described = world.service.tickets.pins, world.service.session.describe("SELECT 1")
    for number in range(FILLED_MAX):
        book.keep(f"q-{number}", described, 1 << 60)
    return sum(not refusal(lambda n=n: book.find(f"q-{n}")) for n in range(FILLED_MAX))


def lifetime_ms(world: World) -> int:
    world.service.tickets._clock_unix_ms = lambda: 0
    return world.service.tickets.next_expiry()


def replies(world: World) -> int:
    """Each of them of 8 bytes."""
    once = world.service.once
    for number in range(FILLED_MAX):
        once.keep(f"q-{number}", pa.table({"a": pa.array([1], pa.int64())}))
    return len(once._slots)


@dataclass(frozen=True)
class Probe:
    """What `look` sees of a setting of these two values; `others` are settings beside it."""

    look: Callable[[World], Any]
    values: tuple[Any, Any]
    seen: tuple[Any, Any]
    others: dict[str, Any] = field(default_factory=dict)


ONE_RUNS = {"limits.statements_running": 1}
FOUR = dict.fromkeys(
    (
        "limits.statements_running",
        "sessions.open_max",
        "limits.results_open",
        "limits.puts_open",
        "limits.streams_running",
        "limits.results_held",
        "limits.prepared_open",
        "limits.transactions_open",
    ),
    4,
)
PROBES: dict[str, Probe] = {
    "server.drain_wait_s": Probe(lambda world: world.service.drain_wait_s, (2, 5), (2.0, 5.0)),
    "history.keep_days": Probe(days_kept, (7, 60), (7, 60)),
    "log.level": Probe(logged, ("info", "debug"), (False, True)),
    "health.disk_free_min_bytes": Probe(disk, (0, 1 << 60), ("ok", "degraded")),
    "sessions.idle_s": Probe(idle_session_stays, (10, 1000), (False, True)),
    "sessions.open_max": Probe(sessions, (1, 3), (1, 3)),
    "limits.statements_running": Probe(running, (1, 2), (1, 2)),
    "limits.statements_waiting": Probe(waiting, (1, 3), (1, 3), ONE_RUNS),
    "limits.wait_s": Probe(wait, (0, 0.001), ("0 s", "0.001 s"), ONE_RUNS),
    "limits.share_percent": Probe(shares, (50, 100), ({2}, {4}), FOUR),
    "limits.results_open": Probe(results, (1, 3), (1, 3)),
    "limits.puts_open": Probe(puts, (1, 3), (1, 3)),
    "limits.streams_running": Probe(streams, (1, 3), (1, 3)),
    "limits.results_held": Probe(held, (1, 3), (1, 3)),
    "limits.prepared_open": Probe(prepared, (1, 3), (1, 3)),
    "limits.prepared_bytes": Probe(prepared, (10, 30), (1, 3)),
    "limits.transactions_open": Probe(transactions, (1, 3), (1, 3)),
    "limits.savepoints_open": Probe(savepoints, (1, 3), (1, 3)),
    "limits.parameters_bytes": Probe(received, (8, 800), ("VEL1004", "")),
    "limits.ticket_parameters_bytes": Probe(in_ticket, (10, 10_000), ("VEL1004", "")),
    "limits.shared_memory_bytes": Probe(fits_shared_memory, (8, 800), (False, True)),
    "limits.calls_per_s": Probe(calls_at_once, (0, 1), (FILLED_MAX, 1), {"limits.calls_burst": 1}),
    "limits.calls_burst": Probe(calls_at_once, (1, 3), (1, 3), {"limits.calls_per_s": 1}),
    "limits.query_s": Probe(time_of_a_statement, (0, 5), (("", 0.0), ("VEL3011", 5.0))),
    "limits.statement_bytes": Probe(statement, (5, 50), ("VEL1004", "")),
    "limits.result_rows": Probe(counted, (5, 50), ("VEL3015", "")),
    "limits.result_bytes": Probe(counted, (8, 800), ("VEL3015", "")),
    "limits.put_idle_s": Probe(silent_puts, (10, 1000), ({"VEL5009"}, {""})),
    "limits.read_idle_s": Probe(silent_reader, (10, 1000), ("VEL5009", "")),
    "tickets.pins_kept": Probe(pins, (1, 3), (1, 3)),
    "tickets.lifetime_s": Probe(lifetime_ms, (10, 100), (10_000, 100_000)),
    "tickets.replies_kept": Probe(replies, (1, 3), (1, 3)),
    "tickets.replies_bytes": Probe(replies, (8, 24), (1, 3)),
}

LIVE = [row for row in SETTINGS if row.live]


@pytest.mark.parametrize("row", LIVE, ids=[row.name for row in LIVE])
def test_a_live_setting_is_in_force_after_a_reload(row: Setting, tmp_path: Path) -> None:
    assert row.name in PROBES, "a live setting needs a probe"
    probe = PROBES[row.name]
    environ = {row.variable: str(probe.values[0])}
    whole = {} if row.name == "limits.share_percent" else {"limits.share_percent": 100}
    options = Options({**whole, **probe.others}, environ)
    with ExitStack() as undo:
        world = World(options, tmp_path, undo)
        before = probe.look(world)
        environ[row.variable] = str(probe.values[1])
        assert options.reload() == [row.name]
        assert (before, probe.look(world)) == probe.seen


def test_only_live_settings_have_a_probe() -> None:
    assert set(PROBES) == {row.name for row in LIVE}
