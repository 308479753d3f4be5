"""The store that needs no database: the newest runs, in this process."""

import heapq
import itertools
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from velaria.control.records import ATTEMPT, RUN, STAGE, Record
from velaria.control.run_store import AUDIT, DayEnd, Row, Wanted
from velaria.control.uuid7 import day_of

MEMORY_RUNS_MAX = 10_000
MEMORY_EVENTS_PER_RUN_MAX = 100


class MemoryRunStore:
    """Keeps the newest runs in this process: the run history of a server without Postgres.

    Audit runs have a ring of their own, so that no number of statements washes them out.
    """

    refused_record_count = 0

    def __init__(self, runs_max: int = MEMORY_RUNS_MAX) -> None:
        self._statements, self._audits = _Ring(runs_max), _Ring(runs_max)
        self._lock = threading.Lock()

    def connect(self) -> None:
        """Nothing to do."""

    def write(self, records: Sequence[Record]) -> None:
        with self._lock:
            for record in records:
                run = self._find(record.run_id)
                if run is None:
                    if record.seq != 0:
                        continue  # Its run was forgotten: the ring is full of newer ones.
                    ring = self._audits if record.kind == AUDIT else self._statements
                    run = ring.add(record)
                run.take(record)

    def ping(self) -> None:
        """Nothing to do."""

    def close_orphans(self) -> int:
        return 0

    def servers_away(self) -> list[uuid.UUID]:
        return []

    def end_runs_of(self, server_id: uuid.UUID) -> int:
        return 0

    def old_days(self, today: int, keep_days: int) -> list[int]:
        with self._lock:
            days = {run.day for run in self._oldest_first()}
        return sorted(day for day in days if day < today - keep_days)

    def drop_day(self, day: int) -> DayEnd:
        with self._lock:
            runs = [run for run in self._oldest_first() if run.day == day]
            if any(run.is_running for run in runs):
                return DayEnd.RUNNING
            for run in runs:
                self._ring_of(run.run_id).forget(run)
        return DayEnd.DROPPED if runs else DayEnd.GONE

    def read(
        self, table: str, deadline_s: float, wanted: Wanted | None = None
    ) -> Iterator[list[Row]]:
        with self._lock:
            runs = self._oldest_first() if wanted is None else self._wanted(wanted)
            rows = [row for run in runs for row in run.rows(table)]
        return iter([rows])

    def abort(self) -> None:
        """Nothing ever waits here."""

    def close(self) -> None:
        """Nothing to let go of."""

    def _find(self, run_id: uuid.UUID) -> "_MemoryRun | None":
        return self._statements.runs.get(run_id.int) or self._audits.runs.get(run_id.int)

    def _ring_of(self, run_id: uuid.UUID) -> "_Ring":
        return self._audits if run_id.int in self._audits.runs else self._statements

    def _oldest_first(self) -> "Iterator[_MemoryRun]":
        return heapq.merge(self._statements.runs.values(), self._audits.runs.values(), key=_age)

    def _newest_first(self) -> "Iterator[_MemoryRun]":
        statements, audits = self._statements.runs.values(), self._audits.runs.values()
        return heapq.merge(reversed(statements), reversed(audits), key=_age, reverse=True)

    def _wanted(self, wanted: Wanted) -> "Iterator[_MemoryRun]":
        runs: Iterable[_MemoryRun]
        if wanted.run_id is not None:
            run = self._find(wanted.run_id)
            runs = [] if run is None else [run]
        elif wanted.known_as is not None:
            runs = self._of_query(wanted.known_as)
        else:
            runs = self._newest_first()
        return itertools.islice(filter(lambda run: run.is_wanted(wanted), runs), wanted.limit)

    def _of_query(self, query_id: str) -> "list[_MemoryRun]":
        rings = (self._statements, self._audits)
        found = [run for ring in rings for run in ring.of_query.get(query_id, [])]
        return sorted(found, key=_age, reverse=True)


class _Ring:
    """The newest runs by their id's number, the oldest first, and those of each query_id."""

    def __init__(self, runs_max: int) -> None:
        self._runs_max = runs_max
        self.runs: OrderedDict[int, _MemoryRun] = OrderedDict()
        self.of_query: dict[str, list[_MemoryRun]] = {}

    def add(self, first: Record) -> "_MemoryRun":
        run = self.runs[first.run_id.int] = _MemoryRun(first)
        self.of_query.setdefault(run.query_id, []).append(run)
        if len(self.runs) > self._runs_max:
            self.forget(next(iter(self.runs.values())))
        return run

    def forget(self, run: "_MemoryRun") -> None:
        del self.runs[run.run_id.int]
        of_query = self.of_query[run.query_id]
        of_query.remove(run)
        if not of_query:
            del self.of_query[run.query_id]


class _MemoryRun:
    """One run's records: many are written for each that is read, so rows are made then."""

    def __init__(self, first: Record) -> None:
        self.run_id = first.run_id
        self.day = day_of(first.run_id)
        self.query_id = first.query_id or ""
        self._run: Record | None = None
        self._stages: dict[int | None, Record] = {}
        self._attempts: list[Record] = []
        self._events: list[Record] = []

    def take(self, record: Record) -> None:
        if len(self._events) < MEMORY_EVENTS_PER_RUN_MAX or record.ends_run:
            self._events.append(record)
        if record.role == RUN:
            self._run = record
        elif record.role == STAGE:
            self._stages[record.number] = record
        elif record.role == ATTEMPT and len(self._attempts) < MEMORY_EVENTS_PER_RUN_MAX:
            self._attempts.append(record)

    @property
    def is_running(self) -> bool:
        return self._run is None or not self._run.ends_run

    def is_wanted(self, wanted: Wanted) -> bool:
        if wanted.known_as is not None and wanted.known_as != self.query_id:
            return False
        if wanted.state is not None and (self._run is None or self._run.state != wanted.state):
            return False
        return wanted.principal is None or wanted.principal == self._principal()

    def _principal(self) -> str | None:
        """As its first event tells it; None for nobody's."""
        fields = self._events[0].fields if self._events else None
        return None if fields is None else msgspec.json.decode(fields).get("principal")

    def rows(self, table: str) -> list[Row]:
        """In the column order of the system tables."""
        if table == "runs":
            return [_run_row(self._run)] if self._run else []
        if table == "stages":
            return [_stage_row(record) for record in self._stages.values()]
        if table == "attempts":
            return [_attempt_row(record) for record in self._attempts]
        return [_event_row(record) for record in self._events]


def _age(run: _MemoryRun) -> uuid.UUID:
    """Run ids of version 7 begin with the time."""
    return run.run_id


def _run_row(record: Record) -> Row:
    return (
        *(str(record.run_id), record.query_id, record.kind, record.text, record.state),
        *_span(record),
        *(record.rows, record.error_code, record.error_message, record.number or 0),
    )


def _stage_row(record: Record) -> Row:
    told = (str(record.run_id), record.number, record.stage, record.state)
    return (*told, *_span(record), record.rows)


def _attempt_row(record: Record) -> Row:
    told = (str(record.run_id), record.stage, record.number, record.state)
    return (*told, *_span(record), record.worker, record.error_message)


def _event_row(record: Record) -> Row:
    return (str(record.run_id), record.seq, record.at_us, record.name, record.fields)


def _span(record: Record) -> tuple[int | None, int | None, float | None]:
    """started_at, finished_at and duration_ms."""
    started, finished = record.started_us, record.finished_us
    duration_ms = None if started is None or finished is None else (finished - started) / 1000
    return started, finished, duration_ms
