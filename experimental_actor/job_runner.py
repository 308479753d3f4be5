"""Runs one job over the workers: hands out tasks, listens to heartbeats, retries, cancels.

Workers stand behind `WorkerPort`; what Ray does is in job_master.py. All of a JobRunner runs on one
event loop, so its books need no lock.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Protocol

from velaria.experimental_actor.messages import Attempt, Job, JobReport, Order, Outcome
from velaria.experimental_actor.task_book import (
    HEARTBEAT_S,
    LANE_TASK_FAILED,
    MissCounter,
    State,
    Task,
    TaskBook,
)
from velaria.schemas import errors as codes
from velaria.schemas.errors import ErrorReply

CANCEL_GRACE_S = 0.5


class WorkerLost(Exception):
    """The worker's process ended, or nothing is heard from it any more."""


class WorkerPort(Protocol):
    """One worker process. After kill(), or after any call raised WorkerLost, it is not used."""

    name: str
    is_gone: bool

    async def run(self, order: Order, inputs: dict[str, Any]) -> tuple[Outcome, Any]:
        """The outcome, and the partial state as the transport holds it."""

    async def ping(self) -> None: ...

    async def cancel(self, epoch: int) -> None:
        """End this attempt and all before it, begun or not. One that does not let go ends by
        kill().
        """

    async def kill(self) -> None: ...


StartWorker = Callable[[], Awaitable[WorkerPort]]
Sleep = Callable[[float], Awaitable[None]]


class JobRunner:
    """One job from its first task to its report. run() is called once; cancel() from anywhere on
    the loop, as often as wanted.

    `workers` stays the caller's list: a lost worker is replaced in it by a new one.
    """

    def __init__(
        self,
        job: Job,
        workers: list[WorkerPort],
        start_worker: StartWorker,
        epochs: Iterator[int],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.job = job
        self.book = TaskBook(len(job.fragments), epochs)
        self._workers = workers
        self._start_worker = start_worker
        self._sleep = sleep
        self._began_ns = time.monotonic_ns()
        self._queue: asyncio.Queue[Task] = asyncio.Queue()
        self._partials: list[Any] = [None] * len(job.fragments)
        self._over = asyncio.Event()
        self._end_state = State.FAILED
        self._running: dict[int, tuple[Task, WorkerPort]] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._retries: set[asyncio.Task[None]] = set()

    async def run(self, timeout_s: float | None = None) -> JobReport:
        for task in self.book.tasks:
            self._enqueue(task)
        slots = [
            asyncio.create_task(self._serve_slot(index)) for index in range(len(self._workers))
        ]
        for slot in slots:
            slot.add_done_callback(self._slot_ended)
        try:
            async with asyncio.timeout(timeout_s):
                await self._over.wait()
        except TimeoutError:
            self._end(State.TIMEOUT)
        await self._stop_running()
        for waiting in [*slots, *self._retries]:
            waiting.cancel()
        await asyncio.gather(*slots, *self._retries, return_exceptions=True)
        return self._report(timeout_s)

    def cancel(self) -> None:
        """End the job: queued tasks do not begin, running ones are stopped at their worker."""
        self._end(State.CANCELLED)

    def now_us(self) -> int:
        return (time.monotonic_ns() - self._began_ns) // 1000

    def running_on(self) -> dict[int, str]:
        """task -> worker, of attempts under way."""
        return {task.task_id: worker.name for task, worker in self._running.values()}

    def _enqueue(self, task: Task) -> None:
        self.book.enqueue(task)
        self._queue.put_nowait(task)

    async def _serve_slot(self, index: int) -> None:
        """Give one worker, or its successors, task after task."""
        while True:
            task = await self._queue.get()
            if self._over.is_set():
                return
            is_there = await self._attempt(task, self._workers[index])
            if self._over.is_set():
                return
            if not is_there:
                try:
                    self._workers[index] = await self._start_worker()
                except WorkerLost as fault:
                    self._fail(str(fault))

    def _slot_ended(self, slot: "asyncio.Task[None]") -> None:
        """A slot ends only by a fault of ours; without this the job would wait for ever."""
        if not slot.cancelled() and (fault := slot.exception()) is not None:
            self._fail(f"the lane's books failed: {type(fault).__name__}: {fault}")

    async def _attempt(self, task: Task, worker: WorkerPort) -> bool:
        """One attempt; False when the worker is gone."""
        epoch = self.book.schedule(task, worker.name)
        order = Order(
            task_id=task.task_id,
            epoch=epoch,
            fragment=self.job.fragments[task.task_id],
            partial_path=self.job.partial_paths[task.task_id],
        )
        inputs = dict(self.job.inputs[task.task_id])
        self.book.begin(task, self.now_us())
        self._took_up(task, worker)
        try:
            outcome, partial = await self._run_watched(task, worker, order, inputs)
        except WorkerLost as fault:
            self._let_go(task)
            await worker.kill()
            self._again_or_end(task, self.book.worker_lost(task, epoch, self.now_us(), str(fault)))
            return False
        self._let_go(task)
        if outcome.error is not None:
            wait_ms = self.book.failed(task, outcome.epoch, self.now_us(), outcome.error)
            self._again_or_end(task, wait_ms)
        elif self.book.succeeded(task, outcome.epoch, self.now_us()):
            self._partials[task.task_id] = partial
            if self.book.is_complete:
                self._end(State.SUCCEEDED)
        return True

    async def _run_watched(
        self, task: Task, worker: WorkerPort, order: Order, inputs: dict[str, Any]
    ) -> tuple[Outcome, Any]:
        """The worker's answer, or WorkerLost when its process ends or its heart stops."""
        answer = asyncio.ensure_future(worker.run(order, inputs))
        heart = asyncio.ensure_future(self._watch_heart(task, worker))
        try:
            await asyncio.wait({answer, heart}, return_when=asyncio.FIRST_COMPLETED)
            return answer.result() if answer.done() else await heart
        finally:
            for future in (answer, heart):
                future.cancel()
            await asyncio.gather(answer, heart, return_exceptions=True)

    async def _watch_heart(self, task: Task, worker: WorkerPort) -> Any:
        """Never returns: raises WorkerLost when the limit of missed heartbeats is reached."""
        misses = MissCounter()
        while True:
            await self._sleep(HEARTBEAT_S)
            try:
                # Not wait_for: until Python 3.12 it can swallow a cancellation, and this loop
                # would go on for ever.
                async with asyncio.timeout(HEARTBEAT_S):
                    await worker.ping()
            except TimeoutError:
                is_dead = misses.missed()
                self.book.heartbeat_missed(task, misses.count)
                if is_dead:
                    raise WorkerLost(f"heartbeats missed in a row: {misses.count}") from None
            else:
                misses.answered()
                self.book.heartbeat_back(task)

    def _again_or_end(self, task: Task, wait_ms: int | None) -> None:
        if wait_ms is not None:
            retry = asyncio.create_task(self._enqueue_later(task, wait_ms))
            self._retries.add(retry)
            retry.add_done_callback(self._retries.discard)
        elif self.book.error is not None:
            self._end(State.FAILED)

    async def _enqueue_later(self, task: Task, wait_ms: int) -> None:
        await self._sleep(wait_ms / 1000)
        if task.state is State.RETRYING:
            self._enqueue(task)

    def _fail(self, message: str) -> None:
        error = ErrorReply(code=LANE_TASK_FAILED, message=message, retry="later")
        self.book.error = self.book.error or error
        self._end(State.FAILED)

    def _end(self, state: State) -> None:
        if not self._over.is_set():
            self._end_state = state
            self._over.set()

    async def _stop_running(self) -> None:
        """Close the books, tell the workers, and kill those that do not let go in time."""
        running = [(task.epoch, worker) for task, worker in self._running.values()]
        self.book.happened("lane.job_ended", state=str(self._end_state), stopped=len(running))
        self.book.end_all(self._end_state, self.now_us())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CANCEL_GRACE_S):
                tellings = [worker.cancel(epoch) for epoch, worker in running]
                await asyncio.gather(*tellings, return_exceptions=True)
                await self._idle.wait()
        for _, worker in list(self._running.values()):
            await worker.kill()

    def _took_up(self, task: Task, worker: WorkerPort) -> None:
        self._running[task.task_id] = (task, worker)
        self._idle.clear()

    def _let_go(self, task: Task) -> None:
        del self._running[task.task_id]
        if not self._running:
            self._idle.set()

    def _report(self, timeout_s: float | None) -> JobReport:
        error = self.book.error if self._end_state is State.FAILED else None
        if self._end_state is State.CANCELLED:
            error = ErrorReply(code=codes.CANCELLED, message="the lane's job was cancelled")
        if self._end_state is State.TIMEOUT:
            error = ErrorReply(
                code=codes.DEADLINE_EXCEEDED,
                message=f"the lane's job ran past its deadline; seconds: {timeout_s}",
                retry="later",
            )
        return JobReport(
            self.job.job_id,
            str(self._end_state),
            _in_order(self.book.attempts),
            self.book.happenings,
            self._partials if self._end_state is State.SUCCEEDED else [],
            error,
        )


def _in_order(attempts: Sequence[Attempt]) -> list[Attempt]:
    return sorted(attempts, key=lambda attempt: (attempt.task_id, attempt.number))
