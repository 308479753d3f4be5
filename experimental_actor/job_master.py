"""JobMaster, the named Ray actor that owns jobs: attempts, retries, heartbeats, cancellation.

Ray itself retries nothing: a try that Ray makes again by itself is in nobody's history. It runs on
one event loop, and needs no core of its own.
"""

import asyncio
import contextlib
import itertools
import os
from collections.abc import Awaitable
from typing import Any

import msgspec
import ray

from velaria.experimental_actor.job_runner import JobRunner, WorkerLost, WorkerPort
from velaria.experimental_actor.kernel_worker import KernelWorker
from velaria.experimental_actor.messages import (
    SHARED_MEMORY,
    Job,
    JobReport,
    Order,
    Outcome,
    Run,
)
from velaria.experimental_actor.shared_memory import HEADER
from velaria.experimental_actor.task_book import EarlyCancels

WORKER_START_S_MAX = 60.0

_CONTROL_THREADS = 3
"""One for the order under way, two for ping and cancel."""


class RayWorker:
    """A KernelWorker as a WorkerPort. With a socket path, orders go through that socket."""

    def __init__(self, name: str, socket_path: str) -> None:
        self.name = name
        self.pid = 0
        self.is_gone = False
        self._socket_path = socket_path
        self._handle: Any = None

    async def start(self) -> None:
        actor = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(KernelWorker)
        self._handle = actor.options(max_concurrency=_CONTROL_THREADS).remote(self._socket_path)
        try:
            async with asyncio.timeout(WORKER_START_S_MAX):
                self.pid = await self._told(self._handle.pid.remote())
        except TimeoutError:
            await self.kill()
            raise WorkerLost(f"a worker did not start; seconds: {WORKER_START_S_MAX}") from None

    async def run(self, order: Order, inputs: dict[str, Any]) -> tuple[Outcome, Any]:
        if self._socket_path:
            return await self._run_by_socket(order, inputs)
        body = msgspec.msgpack.encode(order)
        outcome, partial = self._handle.run.options(num_returns=2).remote(
            body, list(inputs), *inputs.values()
        )
        told = await self._told(outcome)
        return msgspec.msgpack.decode(told, type=Outcome), partial

    async def ping(self) -> None:
        await self._told(self._handle.ping.remote())

    async def cancel(self, epoch: int) -> None:
        await self._told(self._handle.cancel.remote(epoch))

    async def kill(self) -> None:
        self.is_gone = True
        ray.kill(self._handle, no_restart=True)
        if self._socket_path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._socket_path)

    async def _run_by_socket(self, order: Order, inputs: dict[str, Any]) -> tuple[Outcome, Any]:
        order = msgspec.structs.replace(order, input_paths=inputs)
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket_path)
            try:
                body = msgspec.msgpack.encode(Run(order=order))
                writer.write(HEADER.pack(len(body)) + body)
                await writer.drain()
                (size,) = HEADER.unpack(await reader.readexactly(HEADER.size))
                outcome = msgspec.msgpack.decode(await reader.readexactly(size), type=Outcome)
            finally:
                writer.close()
        except (OSError, asyncio.IncompleteReadError):
            self.is_gone = True
            raise WorkerLost(f"the worker closed its socket: {self.name}") from None
        return outcome, order.partial_path

    async def _told(self, answer: Awaitable[Any]) -> Any:
        """Ray's answer, its own failures as WorkerLost."""
        try:
            return await answer
        except (ray.exceptions.RayActorError, ray.exceptions.ObjectLostError):
            self.is_gone = True
            raise WorkerLost(f"the worker's process ended: {self.name}") from None


class JobMaster:
    """Made once per lane; start() comes first."""

    def __init__(self, worker_count: int, transport: str, socket_folder: str) -> None:
        self._worker_count = worker_count
        self._transport = transport
        self._socket_folder = socket_folder
        self._numbers = itertools.count()
        self._epochs = itertools.count(1)
        self._workers: list[WorkerPort] = []
        self._runners: dict[str, JobRunner] = {}
        self._early_cancels = EarlyCancels()
        self._one_job = asyncio.Lock()

    async def start(self) -> list[str]:
        """The workers' names."""
        starting = [self._start_worker() for _ in range(self._worker_count)]
        self._workers = list(await asyncio.gather(*starting))
        return [worker.name for worker in self._workers]

    async def run(self, job: Job, timeout_s: float | None) -> JobReport:
        """Jobs run one after another; each has all workers."""
        async with self._one_job:
            for index, worker in enumerate(self._workers):
                if worker.is_gone:
                    self._workers[index] = await self._start_worker()
            runner = JobRunner(job, self._workers, self._start_worker, self._epochs)
            self._runners[job.job_id] = runner
            try:
                if self._early_cancels.take(job.job_id):
                    runner.cancel()
                return await runner.run(timeout_s)
            finally:
                # The report goes to the driver and into the run history; none is kept here.
                del self._runners[job.job_id]

    async def cancel(self, job_id: str) -> None:
        """End a job that runs, or one still to begin: Ray may bring its order after this one."""
        runner = self._runners.get(job_id)
        if runner is None:
            self._early_cancels.add(job_id)
        else:
            runner.cancel()

    async def status(self) -> dict[str, Any]:
        """Workers with their process ids, and which task each job runs where."""
        return {
            "workers": {
                worker.name: worker.pid for worker in self._workers if isinstance(worker, RayWorker)
            },
            "running": {job_id: runner.running_on() for job_id, runner in self._runners.items()},
        }

    async def _start_worker(self) -> WorkerPort:
        name = f"worker-{next(self._numbers)}"
        path = f"{self._socket_folder}/{name}.sock" if self._transport == SHARED_MEMORY else ""
        worker = RayWorker(name, path)
        await worker.start()
        return worker
