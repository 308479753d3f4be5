"""The books of a job: states, retries, back-off, fences. No clock and no process takes part."""

from itertools import count

import pytest

from velaria.experimental_actor.run_history import RunNotes, final_state
from velaria.experimental_actor.task_book import (
    DEATHS_MAX,
    EARLY_CANCELS_MAX,
    HEARTBEAT_MISSES_MAX,
    LANE_TASK_FAILED,
    RETRIES_MAX,
    EarlyCancels,
    MissCounter,
    State,
    Task,
    TaskBook,
    backoff_ms,
    is_semantic,
)
from velaria.schemas.errors import ErrorReply

PASSING = ErrorReply(code="VEL5004", message="the worker cannot use shared memory", retry="later")


def begun(book: TaskBook) -> tuple[Task, int]:
    (task,) = book.tasks
    book.enqueue(task)
    epoch = book.schedule(task, "worker-0")
    book.begin(task, 10)
    return task, epoch


def test_the_back_off_doubles_up_to_three_seconds() -> None:
    assert [backoff_ms(index) for index in range(6)] == [200, 400, 800, 1600, 3000, 3000]
    assert backoff_ms(1_000_000) == 3000


def test_the_miss_counter_reaches_its_limit() -> None:
    counter = MissCounter()
    assert [counter.missed() for _ in range(HEARTBEAT_MISSES_MAX)] == [False, False, True]


def test_an_answer_begins_the_count_of_misses_anew() -> None:
    counter = MissCounter()
    counter.missed()
    counter.missed()
    counter.answered()
    assert not counter.missed()


@pytest.mark.parametrize(
    ("code", "expected"),
    [("VEL1003", True), ("VEL2012", True), ("VEL3001", True), ("VEL5004", False)],
)
def test_faults_of_statement_and_data_are_semantic(code: str, expected: bool) -> None:
    assert is_semantic(ErrorReply(code=code, message="")) is expected


def test_a_semantic_error_is_not_retried_and_becomes_the_jobs() -> None:
    book = TaskBook(1, count(1))
    task, epoch = begun(book)
    error = ErrorReply(code="VEL3001", message="division by zero")
    assert book.failed(task, epoch, 20, error) is None
    assert book.error == error
    assert task.state is State.FAILED
    assert [(a.number, a.state, a.error) for a in book.attempts] == [
        (1, "failed", "VEL3001 division by zero")
    ]


def test_a_passing_error_is_retried_three_times_and_no_more() -> None:
    book = TaskBook(1, count(1))
    task, epoch = begun(book)
    waits = []
    while (wait_ms := book.failed(task, epoch, 20, PASSING)) is not None:
        waits.append(wait_ms)
        assert task.state is State.RETRYING
        book.enqueue(task)
        epoch = book.schedule(task, "worker-0")
        book.begin(task, 10)
    assert waits == [200, 400, 800]
    assert [attempt.number for attempt in book.attempts] == [1, 2, 3, RETRIES_MAX + 1]
    assert book.error is not None
    assert book.error.code == LANE_TASK_FAILED


def test_a_task_that_ends_three_workers_is_quarantined() -> None:
    book = TaskBook(1, count(1))
    task, epoch = begun(book)
    for _ in range(DEATHS_MAX - 1):
        assert book.worker_lost(task, epoch, 20, "the worker's process ended: w") is not None
        book.enqueue(task)
        epoch = book.schedule(task, "worker-1")
        book.begin(task, 10)
    assert book.worker_lost(task, epoch, 20, "the worker's process ended: w") is None
    assert book.error is not None
    assert book.error.code == LANE_TASK_FAILED
    assert "lane.task_quarantined" in [happening.name for happening in book.happenings]


def test_a_retry_does_not_start_the_chain_twice() -> None:
    book = TaskBook(1, count(1))
    task, old_epoch = begun(book)
    assert book.worker_lost(task, old_epoch, 20, "gone") is not None
    assert book.worker_lost(task, old_epoch, 21, "gone") is None
    book.enqueue(task)
    epoch = book.schedule(task, "worker-1")
    with pytest.raises(AssertionError, match="does not wait"):
        book.schedule(task, "worker-2")
    book.begin(task, 30)
    assert not book.succeeded(task, old_epoch, 40), "the late answer of the attempt given up"
    assert book.succeeded(task, epoch, 41)
    assert not book.succeeded(task, epoch, 42), "the same answer again"
    assert [(a.number, a.state) for a in book.attempts] == [(1, "failed"), (2, "succeeded")]


def test_the_end_of_a_job_closes_what_is_open_and_fences_it() -> None:
    book = TaskBook(2, count(1))
    running, waiting = book.tasks
    book.enqueue(running)
    book.enqueue(waiting)
    epoch = book.schedule(running, "worker-0")
    book.begin(running, 10)
    book.end_all(State.CANCELLED, 20)
    assert {task.state for task in book.tasks} == {State.CANCELLED}
    assert [(a.task_id, a.state) for a in book.attempts] == [(0, "cancelled")]
    assert not book.succeeded(running, epoch, 30)
    assert not book.is_complete


def test_a_heartbeat_that_comes_back_ends_the_state_of_a_miss() -> None:
    book = TaskBook(1, count(1))
    task, _ = begun(book)
    book.heartbeat_missed(task, 1)
    assert task.state is State.HEARTBEAT_MISS
    book.heartbeat_back(task)
    assert task.state is State.RUNNING


def test_the_history_knows_three_ends() -> None:
    states = [State.SUCCEEDED, State.FAILED, State.CANCELLED, State.TIMEOUT]
    assert [final_state(state) for state in states] == [
        "succeeded",
        "failed",
        "cancelled",
        "failed",
    ]


def test_a_stage_that_raises_is_noted_as_failed() -> None:
    sent: dict[str, object] = {}

    class Recorder:
        def sql(self, text: str) -> object:
            raise AssertionError(text)

        def action(self, name: str, /, **fields: object) -> dict[str, object]:
            sent.update(fields, name=name)
            return {"run_id": "r"}

    ticks = iter(range(0, 100_000, 1000))
    notes = RunNotes("lane", "SELECT 1", lambda: next(ticks))
    with pytest.raises(KeyError), notes.stage("merge"):
        raise KeyError
    assert notes.send(Recorder(), "timeout") == "r"  # type: ignore[arg-type]
    assert sent["name"] == "run.record"
    assert sent["state"] == "failed"
    assert sent["stages"] == [
        {"name": "merge", "state": "failed", "started_us": 1, "finished_us": 2, "rows": None}
    ]


def test_a_job_cancelled_before_it_begins_is_remembered_until_it_does() -> None:
    cancels = EarlyCancels()
    cancels.add("job")
    assert [cancels.take(job_id) for job_id in ("other", "job", "job")] == [False, True, False]


def test_cancelling_jobs_that_are_over_does_not_pile_up() -> None:
    cancels = EarlyCancels()
    for number in range(EARLY_CANCELS_MAX + 10):
        cancels.add(f"job-{number}")
    assert len(cancels) == EARLY_CANCELS_MAX
    assert not cancels.take("job-9")
    assert cancels.take("job-10")
