"""One lane: a private Ray with a JobMaster and its workers, from start to end.

    with open_lane(worker_count=2, transport="shared-memory") as lane:
        table, report = lane.run(statement)

The process that opens a lane is Ray's driver. When Ray's daemon is killed, the driver ends at once,
without an exception; so it is never the server.
"""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from velaria.experimental_actor.inputs import SplitStatement, place_inputs
from velaria.experimental_actor.messages import SHARED_MEMORY, Job, JobReport
from velaria.experimental_actor.ray_cluster import private_ray
from velaria.experimental_actor.shared_memory import SharedFolder
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

JOB_MASTER = "job-master"
START_S_MAX = 90.0
CANCEL_S_MAX = 10.0


class Lane:
    """Made by open_lane(). One thread drives it; cancel() may come from another."""

    def __init__(self, ray: Any, transport: str, folder: SharedFolder | None, master: Any) -> None:
        self.transport = transport
        self.master = master
        self.ray = ray
        self._folder = folder

    def submit(self, statement: SplitStatement, timeout_s: float | None = None) -> tuple[str, Any]:
        """Place the inputs and start the job: its id, and the reference of its JobReport."""
        job_id = secrets.token_hex(8)
        split = statement.split
        paths = [""] * len(split.fragments)
        if self._folder is not None:
            paths = [
                self._folder.file_path(f"{job_id}-partial-{index}")
                for index in range(len(split.fragments))
            ]
        inputs = place_inputs(split, self.transport, self._folder, self.ray)
        job = Job(job_id, self.transport, split.fragments, inputs, paths)
        return job_id, self.master.run.remote(job, timeout_s)

    def run(self, statement: SplitStatement, timeout_s: float | None = None) -> JobReport:
        """Wait for the job. Ctrl-C cancels it at its workers before it is passed on."""
        job_id, reference = self.submit(statement, timeout_s)
        try:
            report: JobReport = self.ray.get(reference)
        except KeyboardInterrupt:
            self.cancel(job_id)
            self.ray.wait([reference], timeout=CANCEL_S_MAX)
            raise
        return report

    def cancel(self, job_id: str) -> None:
        self.ray.get(self.master.cancel.remote(job_id), timeout=CANCEL_S_MAX)

    def status(self) -> dict[str, Any]:
        told: dict[str, Any] = self.ray.get(self.master.status.remote())
        return told

    def partials(self, report: JobReport) -> list[bytes]:
        """The partial states of a job that succeeded, in fragment order."""
        if self.transport == SHARED_MEMORY:
            return [Path(path).read_bytes() for path in report.partials]
        return list(self.ray.get(report.partials))


@contextlib.contextmanager
def open_lane(worker_count: int, transport: str) -> Iterator[Lane]:
    """Start Ray, the JobMaster and its workers; a few seconds. All of it ends with the block."""
    with contextlib.ExitStack() as undo:
        folder = None
        if transport == SHARED_MEMORY:
            folder = undo.enter_context(SharedFolder())
        ray = undo.enter_context(private_ray(worker_count))
        yield undo.enter_context(lane_on(ray, worker_count, transport, folder))


@contextlib.contextmanager
def lane_on(
    ray: Any, worker_count: int, transport: str, folder: SharedFolder | None
) -> Iterator[Lane]:
    """A lane on a Ray that runs; its JobMaster takes its workers along when it ends."""
    # Imported now: the module imports ray, which must see its environment first.
    from velaria.experimental_actor.job_master import JobMaster

    actor = ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0)(JobMaster)
    master = actor.options(name=JOB_MASTER, namespace=f"velaria-{secrets.token_hex(4)}").remote(
        worker_count, transport, str(folder.path) if folder is not None else ""
    )
    try:
        try:
            ray.get(master.start.remote(), timeout=START_S_MAX)
        except ray.exceptions.RayError as fault:
            raise VelariaError(
                codes.LANE_UNAVAILABLE,
                f"the lane's workers did not start: {type(fault).__name__}",
                detail=str(fault),
            ) from fault
        yield Lane(ray, transport, folder, master)
    finally:
        ray.kill(master, no_restart=True)
