"""Handles that callers hold: a Run, and its Stages. No call waits for anything but a short lock."""

import itertools
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from velaria.control.records import (
    ATTEMPT,
    EVENT,
    FINAL_STATES,
    MESSAGE_CHARS_MAX,
    NAME_CHARS_MAX,
    PRINCIPAL_CHARS_MAX,
    RUN,
    STAGE,
    TEXT_CHARS_MAX,
    Record,
    fields_json,
    storable_text,
)

EmitSample = Callable[[Record], bool]

STATEMENT_STAGE = "statement"


class Emit(Protocol):
    """Takes the records of one moment, the last of them last."""

    def __call__(self, *records: Record) -> None: ...


class Run:
    """One query, stream, workflow or lane job from its start to its end.

    Order of calls: stage(), attempt(), event() and sample() as often as wanted, from any thread,
    then finish() once. What comes after finish() is not recorded. A run that names no stage or
    attempt of its own gets one of each when it finishes, called "statement": the run itself, done
    once.
    """

    def __init__(
        self,
        run_id: uuid.UUID,
        boot_id: uuid.UUID,
        kind: str,
        text: str,
        query_id: str,
        started_us: int,
        emit: Emit,
        emit_sample: EmitSample,
        elapsed_us: int = 0,
        principal: str | None = None,
    ) -> None:
        self.run_id = run_id
        self.kind = _name(kind)
        self.text = storable_text(text, TEXT_CHARS_MAX)
        self.query_id = _name(query_id)
        self._boot_id = boot_id
        self.started_us = started_us
        self._started_monotonic_ns = time.monotonic_ns() - elapsed_us * 1000
        self._emit = emit
        self._emit_sample = emit_sample
        self._seq = itertools.count()
        self._stage_number = itertools.count(1)
        self._stage_count = 0
        self._attempt_count = 0
        self._lock = threading.Lock()
        self._finished = False
        told = {}
        if principal is not None:
            told["principal"] = storable_text(principal, PRINCIPAL_CHARS_MAX)
        emit(self._run_record("run.started", "running", fields=fields_json(told)))

    def stage(self, name: str) -> "Stage":
        """Begin a part of the run that is worth a line of its own."""
        with self._lock:
            self._stage_count += 1
        return Stage(self, _name(name), next(self._stage_number), self.now_us())

    def ended_stage(
        self, name: str, state: str, began_us: int, ended_us: int, rows: int | None = None
    ) -> None:
        """Record a part of the run that is over; times count from the run's start."""
        with self._lock:
            if self._finished:
                return
            self._stage_count += 1
        started_us, finished_us = self.started_us + began_us, self.started_us + ended_us
        self._emit(self._ended_stage(_name(name), _final(state), started_us, finished_us, rows))

    def attempt(
        self,
        stage: "Stage | str",
        number: int,
        state: str,
        started: datetime,
        finished: datetime,
        worker: str | None = None,
        error: str | None = None,
    ) -> None:
        """Record one try at a stage, once, at its end. Numbers start at 1; naive times are UTC."""
        with self._lock:
            if self._finished:
                return
            self._attempt_count += 1
        self._emit(
            self._attempt(
                stage.name if isinstance(stage, Stage) else _name(stage),
                _count(number, 2**31),
                _final(state),
                _micros(started),
                _micros(finished),
                None if worker is None else _name(worker),
                error,
            )
        )

    def event(self, name: str, **fields: Any) -> None:
        """Record that something happened. Never dropped."""
        self.emit(self._event_record(name, fields))

    def sample(self, name: str, **fields: Any) -> bool:
        """Record a measurement that may be dropped when the ledger is behind; False says that it
        was.
        """
        if self._finished:
            return False
        return self._emit_sample(self._event_record(name, fields))

    def finish(
        self,
        state: str,
        rows: int | None = None,
        error_code: str | None = None,
        error_message: str | None = None,
    ) -> None:
        """End the run as succeeded, failed or cancelled. A second call changes nothing."""
        _final(state)
        rows = _count(rows, 2**63)
        with self._lock:
            if self._finished:
                return
            self._finished = True
        finished_us = self.now_us()
        span = self.started_us, finished_us
        told: list[Record] = []
        if not self._stage_count:
            told.append(self._ended_stage(STATEMENT_STAGE, state, *span, rows))
        if not self._attempt_count:
            self._attempt_count = 1
            told.append(self._attempt(STATEMENT_STAGE, 1, state, *span, None, error_message))
        end = self._run_record(
            f"run.{state}",
            state,
            finished_us=finished_us,
            number=self._attempt_count,
            rows=rows,
            error_code=None if error_code is None else _name(error_code),
            error_message=_message(error_message),
        )
        self._emit(*told, end)

    @property
    def is_finished(self) -> bool:
        return self._finished

    def now_us(self) -> int:
        """Start plus time elapsed: never before the start, whatever the wall clock does."""
        return self.started_us + (time.monotonic_ns() - self._started_monotonic_ns) // 1000

    def record(self, role: str, name: str, at_us: int, **values: Any) -> Record:
        """The run's next record. Values are columns of Record."""
        return Record(self.run_id, next(self._seq), role, name, at_us, self._boot_id, **values)

    def emit(self, record: Record) -> None:
        if not self._finished:
            self._emit(record)

    def _run_record(
        self, name: str, state: str, finished_us: int | None = None, **values: Any
    ) -> Record:
        return Record(
            self.run_id,
            next(self._seq),
            RUN,
            name,
            self.started_us if finished_us is None else finished_us,
            self._boot_id,
            query_id=self.query_id,
            kind=self.kind,
            text=self.text,
            state=state,
            started_us=self.started_us,
            finished_us=finished_us,
            **values,
        )

    def _event_record(self, name: str, fields: dict[str, Any]) -> Record:
        return self.record(EVENT, _name(name), self.now_us(), fields=fields_json(fields))

    def _ended_stage(
        self, name: str, state: str, started_us: int, finished_us: int, rows: int | None
    ) -> Record:
        return Record(
            self.run_id,
            next(self._seq),
            STAGE,
            f"stage.{state}",
            finished_us,
            self._boot_id,
            stage=name,
            number=next(self._stage_number),
            state=state,
            started_us=started_us,
            finished_us=finished_us,
            rows=_count(rows, 2**63),
        )

    def _attempt(
        self,
        stage: str,
        number: int | None,
        state: str,
        started_us: int,
        finished_us: int,
        worker: str | None,
        error: str | None,
    ) -> Record:
        return Record(
            self.run_id,
            next(self._seq),
            ATTEMPT,
            f"attempt.{state}",
            finished_us,
            self._boot_id,
            stage=stage,
            number=number,
            state=state,
            started_us=started_us,
            finished_us=finished_us,
            worker=worker,
            error_message=_message(error),
        )


class Stage:
    """A part of a run, under way until finish()."""

    def __init__(self, run: Run, name: str, number: int, started_us: int) -> None:
        self.name = name
        self._run = run
        self._number = number
        self.started_us = started_us
        self._finished = False
        run.emit(self._record("stage.started", started_us, state="running"))

    def finish(self, state: str, rows: int | None = None) -> None:
        """End the stage as succeeded, failed or cancelled. A second call changes nothing."""
        _final(state)
        if self._finished:
            return
        self._finished = True
        now_us = self._run.now_us()
        self._run.emit(
            self._record(
                f"stage.{state}", now_us, state=state, finished_us=now_us, rows=_count(rows, 2**63)
            )
        )

    def _record(self, name: str, at_us: int, **values: Any) -> Record:
        return self._run.record(
            STAGE,
            name,
            at_us,
            stage=self.name,
            number=self._number,
            started_us=self.started_us,
            **values,
        )


def _name(text: str) -> str:
    return storable_text(text, NAME_CHARS_MAX)


def _message(text: str | None) -> str | None:
    return None if text is None else storable_text(text, MESSAGE_CHARS_MAX)


def _count(value: int | None, limit: int) -> int | None:
    """A number that its column can hold."""
    return None if value is None else max(0, min(int(value), limit - 1))


def _final(state: str) -> str:
    if state not in FINAL_STATES:
        raise ValueError(f"state must be one of {sorted(FINAL_STATES)}: {state}")
    return state


def _micros(moment: datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000_000)
