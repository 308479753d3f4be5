"""Workers that are killed, stopped or cancelled in the middle of a task.

SIGSTOP holds a worker inside its attempt for as long as a test wants.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.server_process import until
from velaria.experimental_actor.inputs import SplitStatement
from velaria.experimental_actor.lane import Lane
from velaria.experimental_actor.messages import JobReport
from velaria.experimental_actor.ray_cluster import LOOPBACK

pytestmark = pytest.mark.lane


class HeldJob:
    """A job whose two tasks lie with two stopped workers."""

    def __init__(self, lane: Lane, statement: SplitStatement, timeout_s: float = 60) -> None:
        self.lane = lane
        # A job before this one may have cost a worker; one that runs through replaces it.
        assert lane.run(statement, timeout_s=60).state == "succeeded"
        self.pids: dict[str, int] = lane.status()["workers"]
        for pid in self.pids.values():
            os.kill(pid, signal.SIGSTOP)
        self.job_id, self._report = lane.submit(statement, timeout_s)
        assert until(lambda: len(self.running()) == 2), lane.status()

    def running(self) -> dict[int, str]:
        """task -> worker."""
        running: dict[int, str] = self.lane.status()["running"].get(self.job_id, {})
        return running

    def send(self, worker: str, number: int) -> None:
        os.kill(self.pids[worker], number)

    def report(self) -> JobReport:
        report: JobReport = self.lane.ray.get(self._report, timeout=90)
        return report

    def release(self) -> None:
        for pid in self.pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@pytest.fixture
def held(lane: Lane, numbers: SplitStatement) -> Iterator[HeldJob]:
    job = HeldJob(lane, numbers)
    yield job
    job.release()


def answer(lane: Lane, statement: SplitStatement, report: JobReport) -> Any:
    return statement.merge(lane.partials(report)).to_pylist()


def test_a_worker_killed_in_its_task_costs_one_attempt_and_not_the_job(
    lane: Lane, numbers: SplitStatement, held: HeldJob
) -> None:
    victim = held.running()[0]
    (other,) = set(held.pids) - {victim}
    held.send(victim, signal.SIGKILL)
    held.send(other, signal.SIGCONT)
    report = held.report()
    assert report.state == "succeeded", report.error
    assert answer(lane, numbers, report) == [{"total": 4950}]
    told = [(a.task_id, a.number, a.state) for a in report.attempts]
    assert told == [(0, 1, "failed"), (0, 2, "succeeded"), (1, 1, "succeeded")]
    assert report.attempts[0].worker == victim
    assert "lane.worker_lost" in [happening.name for happening in report.happenings]


def test_a_worker_that_falls_silent_is_replaced_after_three_heartbeats(
    lane: Lane, numbers: SplitStatement, held: HeldJob
) -> None:
    silent = held.running()[1]
    (other,) = set(held.pids) - {silent}
    held.send(other, signal.SIGCONT)
    report = held.report()
    assert report.state == "succeeded", report.error
    assert answer(lane, numbers, report) == [{"total": 4950}]
    (first,) = [a for a in report.attempts if a.state == "failed"]
    assert (first.task_id, first.worker) == (1, silent)
    assert first.error == "heartbeats missed in a row: 3"
    assert until(lambda: not psutil.pid_exists(held.pids[silent]))


def test_cancelling_a_job_ends_workers_that_do_not_let_go(
    lane: Lane, numbers: SplitStatement, held: HeldJob
) -> None:
    lane.cancel(held.job_id)
    report = held.report()
    assert report.state == "cancelled"
    assert report.error is not None
    assert report.error.code == "VEL3010"
    assert [a.state for a in report.attempts] == ["cancelled", "cancelled"]
    assert until(lambda: not any(map(psutil.pid_exists, held.pids.values())))
    after = lane.run(numbers, timeout_s=60)
    assert answer(lane, numbers, after) == [{"total": 4950}]


def test_a_job_past_its_deadline_ends(lane: Lane, numbers: SplitStatement) -> None:
    job = HeldJob(lane, numbers, timeout_s=0.5)
    report = job.report()
    assert report.state == "timeout"
    assert report.error is not None
    assert report.error.code == "VEL3011"
    assert until(lambda: not any(map(psutil.pid_exists, job.pids.values())))


def test_ended_jobs_are_not_kept(lane: Lane, numbers: SplitStatement) -> None:
    assert lane.run(numbers, timeout_s=60).state == "succeeded"
    assert lane.status()["running"] == {}


def test_ray_listens_on_loopback_only_and_wants_a_token(ray: Any) -> None:
    assert os.environ["RAY_AUTH_MODE"] == "token"
    processes = psutil.Process().children(recursive=True)
    assert any("raylet" in process.name() for process in processes)
    addresses = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found = process.net_connections("inet")
            addresses |= {c.laddr.ip for c in found if c.status == psutil.CONN_LISTEN}
    assert addresses
    assert addresses <= {LOOPBACK, "::1", f"::ffff:{LOOPBACK}"}
