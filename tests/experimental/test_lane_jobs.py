"""JobRunner over workers that live in the test: what it does when they answer, fail or hang."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from velaria.experimental_actor.job_runner import JobRunner, WorkerLost, WorkerPort
from velaria.experimental_actor.messages import SHARED_MEMORY, Job, JobReport, Order, Outcome
from velaria.schemas.errors import ErrorReply

Behaviour = Callable[["ScriptedWorker", Order], Awaitable[tuple[Outcome, Any]]]


class ScriptedWorker:
    """Answers orders as its script says; records what it was told."""

    def __init__(self, name: str, behaviour: Behaviour) -> None:
        self.name = name
        self.is_gone = False
        self.orders: list[Order] = []
        self.cancelled: list[int] = []
        self.is_silent = False
        self.was_killed = asyncio.Event()
        self._behaviour = behaviour

    async def run(self, order: Order, inputs: dict[str, Any]) -> tuple[Outcome, Any]:
        self.orders.append(order)
        return await self._behaviour(self, order)

    async def ping(self) -> None:
        if self.is_silent:
            raise TimeoutError

    async def cancel(self, epoch: int) -> None:
        self.cancelled.append(epoch)

    async def kill(self) -> None:
        self.is_gone = True
        self.was_killed.set()


async def works(worker: ScriptedWorker, order: Order) -> tuple[Outcome, Any]:
    return Outcome(task_id=order.task_id, epoch=order.epoch), f"partial {order.task_id}"


async def dies(worker: ScriptedWorker, order: Order) -> tuple[Outcome, Any]:
    raise WorkerLost(f"the worker's process ended: {worker.name}")


async def divides_by_zero(worker: ScriptedWorker, order: Order) -> tuple[Outcome, Any]:
    error = ErrorReply(code="VEL3001", message="division by zero")
    return Outcome(task_id=order.task_id, epoch=order.epoch, error=error), None


async def hangs(worker: ScriptedWorker, order: Order) -> tuple[Outcome, Any]:
    """Until it is killed, as a process would."""
    await worker.was_killed.wait()
    raise WorkerLost(f"the worker's process ended: {worker.name}")


async def falls_silent(worker: ScriptedWorker, order: Order) -> tuple[Outcome, Any]:
    worker.is_silent = True
    return await hangs(worker, order)


class Stage:
    """The workers of a test; `behaviours` are those of the first and of all that replace them."""

    def __init__(self, *behaviours: Behaviour, task_count: int = 2) -> None:
        self._behaviours = list(behaviours)
        self.made: list[ScriptedWorker] = []
        self.waits_s: list[float] = []
        self.job = Job(
            "job", SHARED_MEMORY, [b""] * task_count, [{}] * task_count, [""] * task_count
        )

    async def start_worker(self) -> WorkerPort:
        worker = ScriptedWorker(f"worker-{len(self.made)}", self._behaviours.pop(0))
        self.made.append(worker)
        return worker

    async def runner(self, worker_count: int) -> JobRunner:
        workers = [await self.start_worker() for _ in range(worker_count)]

        async def no_wait(seconds: float) -> None:
            self.waits_s.append(seconds)
            await asyncio.sleep(0)

        return JobRunner(self.job, workers, self.start_worker, count(1), no_wait)

    def run(self, worker_count: int, timeout_s: float | None = None) -> JobReport:
        async def whole() -> JobReport:
            runner = await self.runner(worker_count)
            return await asyncio.wait_for(runner.run(timeout_s), 20)

        return asyncio.run(whole())


def numbers_and_states(report: JobReport) -> list[tuple[int, int, str]]:
    return [(attempt.task_id, attempt.number, attempt.state) for attempt in report.attempts]


def test_partials_come_in_fragment_order() -> None:
    async def later_for_the_first(worker: ScriptedWorker, order: Order) -> tuple[Outcome, Any]:
        for _ in range(10 - 2 * order.task_id):
            await asyncio.sleep(0)
        return await works(worker, order)

    report = Stage(later_for_the_first, later_for_the_first, task_count=5).run(2)
    assert report.state == "succeeded"
    assert report.partials == [f"partial {index}" for index in range(5)]


def test_a_dead_worker_does_not_hang_its_job() -> None:
    stage = Stage(dies, works, works)
    report = stage.run(2)
    assert report.state == "succeeded"
    assert sorted(state for _, _, state in numbers_and_states(report)) == [
        "failed",
        "succeeded",
        "succeeded",
    ]
    assert 0.2 in stage.waits_s


def test_a_worker_that_falls_silent_is_given_up_after_three_heartbeats() -> None:
    stage = Stage(falls_silent, works, task_count=1)
    report = stage.run(1)
    assert report.state == "succeeded"
    assert stage.made[0].was_killed.is_set()
    assert numbers_and_states(report) == [(0, 1, "failed"), (0, 2, "succeeded")]
    assert report.attempts[0].error == "heartbeats missed in a row: 3"
    misses = [h.fields["count"] for h in report.happenings if h.name == "lane.heartbeat_miss"]
    assert misses == [1, 2, 3]


def test_a_task_that_ends_three_workers_fails_its_job() -> None:
    stage = Stage(dies, dies, dies, works, task_count=1)
    report = stage.run(1)
    assert report.state == "failed"
    assert report.error is not None
    assert report.error.code == "VEL5005"
    assert numbers_and_states(report) == [(0, 1, "failed"), (0, 2, "failed"), (0, 3, "failed")]
    assert report.partials == []


def test_a_semantic_error_is_not_retried() -> None:
    stage = Stage(divides_by_zero, task_count=1)
    report = stage.run(1)
    assert report.state == "failed"
    assert report.error is not None
    assert report.error.code == "VEL3001"
    assert numbers_and_states(report) == [(0, 1, "failed")]
    assert len(stage.made[0].orders) == 1


async def cancelled_while_running(stage: Stage) -> JobReport:
    runner = await stage.runner(1)
    ended = asyncio.create_task(runner.run())
    while not stage.made[0].orders:
        await asyncio.sleep(0)
    runner.cancel()
    return await asyncio.wait_for(ended, 20)


def test_cancellation_reaches_the_worker() -> None:
    stage = Stage(hangs, task_count=2)
    report = asyncio.run(cancelled_while_running(stage))
    (worker,) = stage.made
    assert report.state == "cancelled"
    assert report.error is not None
    assert report.error.code == "VEL3010"
    assert worker.cancelled == [worker.orders[0].epoch]
    assert worker.was_killed.is_set(), "one that does not let go is ended"
    assert len(worker.orders) == 1, "the queued task did not begin"
    assert numbers_and_states(report) == [(0, 1, "cancelled")]


def test_a_worker_that_lets_go_when_cancelled_lives_on_without_another_task() -> None:
    async def until_cancelled(worker: ScriptedWorker, order: Order) -> tuple[Outcome, Any]:
        while not worker.cancelled:
            await asyncio.sleep(0)
        error = ErrorReply(code="VEL3010", message="the attempt was cancelled")
        return Outcome(task_id=order.task_id, epoch=order.epoch, error=error), None

    stage = Stage(until_cancelled, task_count=3)
    report = asyncio.run(cancelled_while_running(stage))
    assert report.state == "cancelled"
    assert numbers_and_states(report) == [(0, 1, "cancelled")]
    assert len(stage.made[0].orders) == 1
    assert not stage.made[0].is_gone


def test_when_one_task_fails_for_good_the_others_are_cancelled() -> None:
    stage = Stage(divides_by_zero, hangs, task_count=2)
    report = stage.run(2)
    assert report.state == "failed"
    assert numbers_and_states(report) == [(0, 1, "failed"), (1, 1, "cancelled")]
    assert stage.made[1].was_killed.is_set()


def test_a_job_past_its_deadline_ends_as_timed_out() -> None:
    report = Stage(hangs, task_count=1).run(1, timeout_s=0.05)
    assert report.state == "timeout"
    assert report.error is not None
    assert report.error.code == "VEL3011"
    assert numbers_and_states(report) == [(0, 1, "timeout")]


def test_a_fault_in_the_books_ends_the_job_instead_of_hanging_it() -> None:
    async def breaks(worker: ScriptedWorker, order: Order) -> tuple[Outcome, Any]:
        raise KeyError("ours")

    report = Stage(breaks, task_count=1).run(1)
    assert report.state == "failed"
    assert report.error is not None
    assert report.error.message.startswith("the lane's books failed: KeyError")


def test_a_worker_that_cannot_be_replaced_ends_the_job() -> None:
    class NoMore(Stage):
        async def start_worker(self) -> WorkerPort:
            if self.made:
                raise WorkerLost("a worker did not start; seconds: 60")
            return await super().start_worker()

    report = NoMore(dies, task_count=1).run(1)
    assert report.state == "failed"
    assert report.error is not None
    assert report.error.message == "a worker did not start; seconds: 60"
