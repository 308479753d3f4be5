"""A lane's work as a `run.record` command: what the server writes into its run history."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal, cast

import msgspec

from velaria._kernel import KernelError
from velaria.experimental_actor.messages import JobReport
from velaria.experimental_actor.server_port import Server
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.lane import AttemptEntry, EventEntry, FinalState, RunRecord, StageEntry

_FINAL_OF = {"succeeded": "succeeded", "cancelled": "cancelled"}
"""The history's three ends of a run; whatever else ended a job is a failure."""


class RunNotes:
    """Gathers one run from its beginning on; send() records it."""

    def __init__(
        self,
        kind: Literal["lane", "bench"],
        text: str,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._kind = kind
        self._text = text
        self._clock_ns = clock_ns
        self._began_ns = clock_ns()
        self._stages: list[StageEntry] = []
        self._attempts: list[AttemptEntry] = []
        self._events: list[EventEntry] = []

    def now_us(self) -> int:
        return (self._clock_ns() - self._began_ns) // 1000

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started_us = self.now_us()
        state = "failed"
        try:
            yield
            state = "succeeded"
        finally:
            self._stages.append(
                StageEntry(
                    name=name,
                    state=cast(FinalState, state),
                    started_us=started_us,
                    finished_us=self.now_us(),
                )
            )

    def event(self, name: str, **fields: Any) -> None:
        self._events.append(EventEntry(name=name, fields=fields))

    def job(self, stage: str, report: JobReport, began_us: int) -> None:
        """The job's attempts and events; the job began at began_us of this run."""
        for attempt in report.attempts:
            self._attempts.append(
                AttemptEntry(
                    stage=f"{stage} {attempt.task_id}",
                    number=attempt.number,
                    state=final_state(attempt.state),
                    started_us=began_us + attempt.started_us,
                    finished_us=min(began_us + attempt.finished_us, self.now_us()),
                    worker=attempt.worker,
                    error=attempt.error or None,
                )
            )
        for happening in report.happenings:
            self.event(happening.name, **happening.fields)

    def send(
        self,
        server: Server,
        state: str,
        rows: int | None = None,
        error_code: str | None = None,
        error_message: str | None = None,
    ) -> str:
        """The run's id in the server's history."""
        command = RunRecord(
            kind=self._kind,
            text=self._text,
            state=final_state(state),
            elapsed_us=self.now_us(),
            rows=rows,
            error_code=error_code,
            error_message=error_message,
            stages=self._stages,
            attempts=self._attempts,
            events=self._events,
        )
        return str(server.action("run.record", **msgspec.to_builtins(command))["run_id"])


@contextmanager
def record_failures(notes: RunNotes, server: Server) -> Iterator[None]:
    """What fails or is interrupted inside is recorded, and goes on. When the history cannot be
    reached as well, the first failure is the one to tell.
    """
    try:
        yield
    except (VelariaError, KernelError) as fault:
        with suppress(VelariaError):
            notes.send(server, "failed", None, fault.code, fault.message)
        raise
    except KeyboardInterrupt:
        with suppress(VelariaError):
            notes.send(server, "cancelled", None, codes.CANCELLED, "the lane was interrupted")
        raise


def final_state(state: str) -> FinalState:
    return cast(FinalState, _FINAL_OF.get(state, "failed"))
