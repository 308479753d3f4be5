"""When the run history looks for days that are over, what it tells of those it may not drop, and
the same rule without Postgres."""

import uuid
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest
from structlog.testing import CapturingLogger

from velaria.control.ledger import Ledger
from velaria.control.logs import control_logger
from velaria.control.memory_store import MemoryRunStore
from velaria.control.records import Record
from velaria.control.retention import LOOK_S, PASSING_RETRY_S, REFUSED_RETRY_S, Retention
from velaria.control.run import Run
from velaria.control.run_store import DayEnd, DayRefused, StoreAway
from velaria.control.uuid7 import Uuid7Source
from velaria.control.writer import Writer

TODAY = (date(2013, 6, 30) - date(1970, 1, 1)).days
DAY_S = 86_400


class Clock:
    """Seconds that pass only when they are told to."""

    def __init__(self, now_s: float = 0.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


class Days(MemoryRunStore):
    """A store of days without runs; each is refused while it has an entry in `refusals`."""

    def __init__(self, *days: int) -> None:
        super().__init__()
        self.days = sorted(days)
        self.refusals: dict[int, Exception] = {}
        self.look_count = 0

    def old_days(self, today: int, keep_days: int) -> list[int]:
        self.look_count += 1
        return [day for day in self.days if day < today - keep_days]

    def drop_day(self, day: int) -> DayEnd:
        if day in self.refusals:
            raise self.refusals[day]
        self.days.remove(day)
        return DayEnd.DROPPED


class Looks:
    """A Retention with its clocks, and what it has logged."""

    def __init__(self, store: MemoryRunStore, keep_days: int | None = 30) -> None:
        self.store = store
        self.clock, self.unix = Clock(), Clock(TODAY * DAY_S + 3_600)
        self.retention = Retention(self.clock, self.unix)
        self.log = CapturingLogger()
        if keep_days is not None:
            self.retention.keep_for(keep_days)

    @property
    def warnings(self) -> list[dict[str, Any]]:
        return [call.kwargs for call in self.log.calls if call.method_name == "warning"]

    def pass_s(self, seconds: float) -> None:
        """As the writer does: look when it is due."""
        self.clock.now_s += seconds
        self.unix.now_s += seconds
        if self.retention.wait_s() == 0:
            self.retention.drop_old(self.store, self.log, lambda: True)


def test_a_day_goes_when_its_end_is_so_many_days_ago() -> None:
    store = Days(TODAY - 400, TODAY - 31, TODAY - 30, TODAY)
    looks = Looks(store)
    looks.pass_s(0)
    assert store.days == [TODAY - 30, TODAY]
    looks.pass_s(DAY_S)
    assert store.days == [TODAY]


def test_it_looks_once_a_day_of_the_clock_that_does_not_jump() -> None:
    store = Days()
    looks = Looks(store)
    looks.pass_s(0)
    looks.unix.now_s += 3 * DAY_S
    looks.pass_s(LOOK_S - 1)
    assert store.look_count == 1
    looks.pass_s(1)
    assert store.look_count == 2
    looks.unix.now_s -= 9 * DAY_S
    looks.pass_s(LOOK_S)
    assert store.look_count == 3


def test_a_clock_that_jumps_ahead_drops_nothing_and_one_that_jumps_back_less() -> None:
    store = Days(TODAY - 30, TODAY - 29, TODAY - 28)
    looks = Looks(store)
    looks.unix.now_s += 9_000 * DAY_S
    looks.pass_s(0)
    assert len(store.days) == 3
    looks.pass_s(DAY_S)
    assert store.days == [TODAY - 29, TODAY - 28]
    looks.unix.now_s -= 9_010 * DAY_S
    looks.pass_s(DAY_S)
    assert store.days == [TODAY - 29, TODAY - 28]


def test_nothing_goes_before_a_number_is_said_and_none_for_0() -> None:
    store = Days(1, 2, 3)
    untold = Looks(store, keep_days=None)
    untold.pass_s(9 * LOOK_S)
    for_ever = Looks(store, keep_days=0)
    for_ever.pass_s(0)
    for_ever.pass_s(9 * LOOK_S)
    assert (store.days, store.look_count) == ([1, 2, 3], 0)


def test_a_new_number_counts_at_once() -> None:
    store = Days(TODAY - 20, TODAY - 5)
    looks = Looks(store)
    looks.pass_s(0)
    looks.retention.keep_for(10)
    looks.pass_s(0)
    assert store.days == [TODAY - 5]


def test_a_refused_day_is_told_once_and_the_others_go() -> None:
    store = Days(1, 2, 3)
    store.refusals[1] = DayRefused(
        "Postgres refuses: 42501", "Own the tables.", "permission denied"
    )
    looks = Looks(store)
    for _ in range(4):
        looks.pass_s(REFUSED_RETRY_S)
    assert store.days == [1]
    assert store.look_count == 4
    reason = "1970-01-02 is over and cannot be dropped: Postgres refuses: 42501"
    assert looks.retention.reason == reason
    (warning,) = looks.warnings
    assert (warning["reason"], warning["hint"]) == (reason, "Own the tables.")
    store.refusals.clear()
    looks.pass_s(REFUSED_RETRY_S)
    assert (store.days, looks.retention.reason) == ([], "")
    looks.pass_s(LOOK_S - 1)
    assert store.look_count == 5


def test_what_should_pass_is_tried_again_soon_and_told_when_it_lasts() -> None:
    store = Days(1, 2)
    store.refusals[1] = DayRefused("Postgres refuses: 55P03", passes=True)
    looks = Looks(store)
    looks.pass_s(0)
    assert store.days == [1, 2]
    for _ in range(59):
        looks.pass_s(PASSING_RETRY_S)
    assert (store.look_count, looks.retention.reason, looks.warnings) == (60, "", [])
    looks.pass_s(PASSING_RETRY_S)
    assert looks.retention.reason.endswith("55P03")
    assert len(looks.warnings) == 1
    store.refusals.clear()
    looks.pass_s(PASSING_RETRY_S)
    assert (store.days, looks.retention.reason) == ([], "")


def test_a_number_of_0_takes_back_what_was_told() -> None:
    store = Days(1)
    store.refusals[1] = DayRefused("no")
    looks = Looks(store)
    looks.pass_s(0)
    assert looks.retention.reason
    looks.retention.keep_for(0)
    looks.pass_s(0)
    assert (looks.retention.reason, store.days) == ("", [1])


def test_a_store_that_goes_away_at_each_look_is_not_tried_in_a_loop() -> None:
    store = Days(1)
    store.refusals[1] = StoreAway("gone")
    looks = Looks(store)
    with pytest.raises(StoreAway):
        looks.pass_s(0)
    assert looks.retention.wait_s() == REFUSED_RETRY_S


def test_the_writer_writes_between_two_days_and_lives_on() -> None:
    """A store that forgets days for ever, as long as records come."""
    store = Days(*range(50))
    writer = Writer(store, None, control_logger(), waits_for_room=True)
    ledger = Ledger(writer, store, uuid.uuid4(), Uuid7Source())
    ledger.keep_for(30)
    for index in range(500):
        ledger.start_run("query", f"SELECT {index}", f"q-{index}").finish("succeeded")
    assert len(ledger.runs(1_000)) == 500
    ledger.close()
    assert store.days == []


# ---- the store without Postgres


def begin_on(day: int, text: str, kind: str, emit: Callable[..., None]) -> Run:
    started_us = (day * DAY_S + DAY_S // 2) * 1_000_000
    run_id = Uuid7Source(lambda: started_us * 1000)()
    return Run(run_id, uuid.uuid4(), kind, text, text, started_us, emit, lambda record: True)


def texts(store: MemoryRunStore) -> list[str]:
    (rows,) = store.read("runs", 1)
    return sorted(row[3] for row in rows)


def test_without_postgres_days_go_by_the_same_rule() -> None:
    store = MemoryRunStore()

    def emit(*records: Record) -> None:
        store.write(records)

    for day, text, kind in (
        (TODAY - 40, "old", "query"),
        (TODAY - 40, "old login", "audit"),
        (TODAY - 35, "beside a running one", "query"),
        (TODAY - 30, "young", "query"),
        (TODAY - 30, "young login", "audit"),
    ):
        begin_on(day, text, kind, emit).finish("succeeded")
    running = begin_on(TODAY - 35, "running", "stream", emit)
    looks = Looks(store)
    looks.pass_s(0)
    kept = ["beside a running one", "running", "young", "young login"]
    assert texts(store) == kept
    running.finish("succeeded")
    looks.retention.keep_for(0)
    looks.pass_s(0)
    assert texts(store) == kept
    looks.retention.keep_for(30)
    looks.pass_s(0)
    assert texts(store) == ["young", "young login"]
    assert [
        run.query_id for ring in (store._statements, store._audits) for run in ring.runs.values()
    ] == ["young", "young login"]
    assert set(store._statements.of_query) | set(store._audits.of_query) == {
        "young",
        "young login",
    }


def test_a_forgotten_run_does_not_come_back_when_it_ends() -> None:
    store = MemoryRunStore(runs_max=2)
    told: list[Record] = []

    def emit(*records: Record) -> None:
        told.extend(records)
        store.write(records)

    def rows_of(table: str) -> Sequence[Any]:
        (rows,) = store.read(table, 1)
        return rows

    forgotten = begin_on(TODAY - 1, "forgotten", "query", emit)
    others = [begin_on(TODAY, f"other {index}", "query", emit) for index in range(2)]
    forgotten.event("late")
    forgotten.finish("succeeded")
    assert told[-1].ends_run
    assert texts(store) == ["other 0", "other 1"]
    assert {row[0] for row in rows_of("events")} == {str(run.run_id) for run in others}
    assert rows_of("stages") == []
