"""What the writer asks of a store, and the store that needs no database."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from velaria.control.records import ATTEMPT, RUN, STAGE, Record

MEMORY_RUNS_MAX = 10_000
MEMORY_EVENTS_PER_RUN_MAX = 100

Row = tuple[Any, ...]


class StoreAway(Exception):
    """The store cannot take records now.

    The text and the hint may be told to any client; `detail` is for the log: it may hold addresses
    and paths, but no secret.
    """

    def __init__(self, reason: str, hint: str = "", detail: str = "") -> None:
        super().__init__(reason)
        self.hint = hint
        self.detail = detail


class StoreFailed(StoreAway):
    """The store has failed in a way that waiting for its start does not mend."""


class RunStore(Protocol):
    """Keeps records. All but read() and abort() are called by the writer's thread alone."""

    refused_record_count: int

    def connect(self) -> None:
        """Make the store ready; raises StoreAway. Called again after each StoreAway."""

    def write(self, records: Sequence[Record]) -> None:
        """Store all the records or, raising StoreAway, perhaps some of them: writing them again is
        harmless.
        """

    def ping(self) -> None:
        """Raise StoreAway when the store has gone."""

    def close_orphans(self) -> int:
        """End the runs that an earlier life of this server left running; returns their number."""

    def read(self, table: str, deadline_s: float) -> Iterator[list[Row]]:
        """The rows of "runs", "stages", "attempts" or "events" in blocks, in their system table's
        column order.

        The first block is there, or StoreAway is raised, within deadline_s. Any thread may call it.
        """

    def abort(self) -> None:
        """Make a call that another thread is waiting in fail soon."""

    def close(self) -> None:
        """Let go of connections."""


class MemoryRunStore:
    """Keeps the newest runs in this process: the run history of a server without Postgres."""

    refused_record_count = 0

    def __init__(self, runs_max: int = MEMORY_RUNS_MAX) -> None:
        self._runs_max = runs_max
        self._runs: OrderedDict[bytes, _MemoryRun] = OrderedDict()
        self._lock = threading.Lock()

    def connect(self) -> None:
        """Nothing to do."""

    def write(self, records: Sequence[Record]) -> None:
        with self._lock:
            for record in records:
                run = self._runs.get(record.run_id.bytes)
                if run is None:
                    if record.role != RUN:
                        continue  # Its run was forgotten: the ring is full of newer ones.
                    run = self._runs[record.run_id.bytes] = _MemoryRun(str(record.run_id))
                    if len(self._runs) > self._runs_max:
                        self._runs.popitem(last=False)
                run.take(record)

    def ping(self) -> None:
        """Nothing to do."""

    def close_orphans(self) -> int:
        return 0

    def read(self, table: str, deadline_s: float) -> Iterator[list[Row]]:
        with self._lock:
            rows = [row for run in self._runs.values() for row in run.rows(table)]
        return iter([rows])

    def abort(self) -> None:
        """Nothing ever waits here."""

    def close(self) -> None:
        """Nothing to let go of."""


class _MemoryRun:
    """One run's rows, in the column order of the system tables."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._run: Row | None = None
        self._stages: dict[int | None, Row] = {}
        self._attempts: list[Row] = []
        self._events: list[Row] = []

    def take(self, record: Record) -> None:
        if len(self._events) < MEMORY_EVENTS_PER_RUN_MAX or record.ends_run:
            self._events.append(
                (self._run_id, record.seq, record.at_us, record.name, record.fields)
            )
        if record.role == RUN:
            self._run = (
                *(self._run_id, record.query_id, record.kind, record.text, record.state),
                *_span(record),
                *(record.rows, record.error_code, record.error_message, record.number or 0),
            )
        elif record.role == STAGE:
            self._stages[record.number] = (
                *(self._run_id, record.number, record.stage, record.state),
                *_span(record),
                record.rows,
            )
        elif record.role == ATTEMPT and len(self._attempts) < MEMORY_EVENTS_PER_RUN_MAX:
            self._attempts.append(
                (
                    *(self._run_id, record.stage, record.number, record.state),
                    *_span(record),
                    *(record.worker, record.error_message),
                )
            )

    def rows(self, table: str) -> list[Row]:
        if table == "runs":
            return [self._run] if self._run else []
        if table == "stages":
            return list(self._stages.values())
        return list(self._attempts if table == "attempts" else self._events)


def _span(record: Record) -> tuple[int | None, int | None, float | None]:
    """started_at, finished_at and duration_ms."""
    started, finished = record.started_us, record.finished_us
    duration_ms = None if started is None or finished is None else (finished - started) / 1000
    return started, finished, duration_ms
