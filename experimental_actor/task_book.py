"""The books of one job: which task is in which state, how often it was tried, what may come next.

No clock, thread or process is in here: JobRunner tells what happened and at which time.
"""

from collections.abc import Iterator
from enum import StrEnum

from velaria.experimental_actor.messages import Attempt, Happening
from velaria.schemas.errors import ErrorReply

RETRIES_MAX = 3
DEATHS_MAX = 3
"""A task that ended this many workers is not given a further one."""

EARLY_CANCELS_MAX = 1_000

BACKOFF_BASE_MS = 200
BACKOFF_MS_MAX = 3000

HEARTBEAT_S = 1.0
HEARTBEAT_MISSES_MAX = 3

LANE_TASK_FAILED = "VEL5005"

_SEMANTIC = ("VEL1", "VEL2", "VEL3")


class State(StrEnum):
    CREATED = "created"
    QUEUED = "queued"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    HEARTBEAT_MISS = "heartbeat_miss"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"


FINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.TIMEOUT})


def backoff_ms(retry_index: int) -> int:
    """The wait before a retry; the first has index 0."""
    return min(BACKOFF_BASE_MS << min(retry_index, 16), BACKOFF_MS_MAX)


def is_semantic(error: ErrorReply) -> bool:
    """Whether a second try would fail alike: the fault is the statement's or the data's."""
    return error.code.startswith(_SEMANTIC)


class EarlyCancels:
    """Jobs cancelled before they began. One that is over cannot be told from one to come, so only
    the newest are remembered.
    """

    def __init__(self) -> None:
        self._job_ids: dict[str, None] = {}  # in the order they came

    def __len__(self) -> int:
        return len(self._job_ids)

    def add(self, job_id: str) -> None:
        self._job_ids[job_id] = None
        while len(self._job_ids) > EARLY_CANCELS_MAX:
            del self._job_ids[next(iter(self._job_ids))]

    def take(self, job_id: str) -> bool:
        """Whether it was cancelled; asked once, when the job begins."""
        was_cancelled = job_id in self._job_ids
        self._job_ids.pop(job_id, None)
        return was_cancelled


class MissCounter:
    """Counts heartbeats missed in a row."""

    def __init__(self) -> None:
        self.count = 0

    def answered(self) -> None:
        self.count = 0

    def missed(self) -> bool:
        """One more; True when the limit is reached."""
        self.count += 1
        return self.count >= HEARTBEAT_MISSES_MAX


class Task:
    """One fragment's way through its states. `epoch` is that of its newest attempt."""

    def __init__(self, task_id: int) -> None:
        self.task_id = task_id
        self.state = State.CREATED
        self.epoch = 0
        self.attempt_count = 0
        self.death_count = 0
        self.worker = ""
        self.started_us = 0


class TaskBook:
    """All tasks of a job. A task has at most one attempt under way; every attempt is told once."""

    def __init__(self, task_count: int, epochs: Iterator[int]) -> None:
        """`epochs` rises from 1 and is shared by all jobs of a lane: a worker that outlives a job
        tells its late orders from those of the next.
        """
        self.tasks = [Task(task_id) for task_id in range(task_count)]
        self.attempts: list[Attempt] = []
        self.happenings: list[Happening] = []
        self.error: ErrorReply | None = None
        self._epochs = epochs

    def enqueue(self, task: Task) -> None:
        task.state = State.QUEUED

    def schedule(self, task: Task, worker: str) -> int:
        """Give the task to a worker; the epoch of this attempt."""
        if task.state is not State.QUEUED:
            raise AssertionError(f"a task is scheduled that does not wait: {task.state}")
        task.epoch = next(self._epochs)
        task.state = State.SCHEDULED
        task.worker = worker
        return task.epoch

    def begin(self, task: Task, at_us: int) -> None:
        task.state = State.RUNNING
        task.attempt_count += 1
        task.started_us = at_us

    def succeeded(self, task: Task, epoch: int, at_us: int) -> bool:
        """False when the answer is of an attempt that was given up; then nothing changes."""
        if not self._is_current(task, epoch):
            return False
        self._close(task, State.SUCCEEDED, at_us)
        return True

    def failed(self, task: Task, epoch: int, at_us: int, error: ErrorReply) -> int | None:
        """The wait in ms before the next try; None when there is none: the error ends the job."""
        if not self._is_current(task, epoch):
            return None
        self._close(task, State.FAILED, at_us, f"{error.code} {error.message}")
        if is_semantic(error):
            self.error = self.error or error
            return None
        return self._retry_or_give_up(task, error)

    def worker_lost(self, task: Task, epoch: int, at_us: int, reason: str) -> int | None:
        """The worker died or fell silent; as failed()."""
        if not self._is_current(task, epoch):
            return None
        task.death_count += 1
        self._close(task, State.FAILED, at_us, reason)
        self.happened("lane.worker_lost", worker=task.worker, task=task.task_id, reason=reason)
        error = ErrorReply(code=LANE_TASK_FAILED, message=reason, retry="later")
        if task.death_count >= DEATHS_MAX:
            self.happened("lane.task_quarantined", task=task.task_id, deaths=task.death_count)
            self._give_up(task, error)
            return None
        return self._retry_or_give_up(task, error)

    def heartbeat_missed(self, task: Task, count: int) -> None:
        task.state = State.HEARTBEAT_MISS
        self.happened("lane.heartbeat_miss", worker=task.worker, task=task.task_id, count=count)

    def heartbeat_back(self, task: Task) -> None:
        if task.state is State.HEARTBEAT_MISS:
            task.state = State.RUNNING

    def end_all(self, state: State, at_us: int) -> None:
        """The job ends in that state: its open tasks end with it, cancelled when another failed."""
        left_as = State.CANCELLED if state is State.FAILED else state
        for task in self.tasks:
            if task.state in (State.RUNNING, State.HEARTBEAT_MISS):
                self._close(task, left_as, at_us, f"the job ended: {state}")
            elif task.state not in FINAL:
                task.state = left_as
            # Whatever still answers is of an attempt that was given up.
            task.epoch = 0

    def happened(self, name: str, **fields: object) -> None:
        self.happenings.append(Happening(name, fields))

    @property
    def is_complete(self) -> bool:
        return all(task.state is State.SUCCEEDED for task in self.tasks)

    def _is_current(self, task: Task, epoch: int) -> bool:
        is_open = task.state in (State.SCHEDULED, State.RUNNING, State.HEARTBEAT_MISS)
        return is_open and epoch == task.epoch

    def _close(self, task: Task, state: State, at_us: int, error: str = "") -> None:
        task.state = state
        self.attempts.append(
            Attempt(
                task.task_id,
                task.attempt_count,
                str(state),
                task.worker,
                task.started_us,
                at_us,
                error,
            )
        )

    def _retry_or_give_up(self, task: Task, error: ErrorReply) -> int | None:
        if task.attempt_count > RETRIES_MAX:
            self._give_up(task, error)
            return None
        task.state = State.RETRYING
        wait_ms = backoff_ms(task.attempt_count - 1)
        self.happened("lane.retry", task=task.task_id, after=task.attempt_count, wait_ms=wait_ms)
        return wait_ms

    def _give_up(self, task: Task, error: ErrorReply) -> None:
        self.error = self.error or ErrorReply(
            code=LANE_TASK_FAILED,
            message=f"a lane task failed after its attempts: {task.attempt_count}",
            detail=error.message,
            hint="Run it in a single process; system.attempts tells how each attempt ended.",
            retry="later",
        )
