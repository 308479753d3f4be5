"""A fragment under way is ended from another thread, and its worker takes the next order.

No Ray takes part: a KernelWorker is an ordinary object. The cross join would take minutes, so a
cancellation that is not heard fails by its deadline.
"""

import threading
import time
from collections.abc import Callable

import msgspec
import pyarrow as pa
import pytest

from tests.experimental.conftest import statement
from tests.server_process import until
from velaria._kernel import ExecutionError, FragmentCancel, Session
from velaria.experimental_actor.inputs import SplitStatement
from velaria.experimental_actor.kernel_worker import KernelWorker
from velaria.experimental_actor.messages import Order, Outcome

DEADLINE_S = 30.0
BUSY_S = 0.2


@pytest.fixture(scope="module")
def endless() -> SplitStatement:
    column = pa.array(range(200_000), pa.int64())
    tables = {"l": pa.table({"a": column}), "r": pa.table({"b": column})}
    return statement("SELECT sum(l.a % 7 + r.b % 5) AS s FROM l CROSS JOIN r", tables)


class InBackground:
    """A call on a thread of its own; its result or its failure."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.result: object = None
        self.failure: Exception | None = None
        self._call = call
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._call()
        except Exception as fault:  # noqa: BLE001  (handed to the test)
            self.failure = fault

    def wait_busy(self) -> None:
        """Until the process has computed for a while: nothing else in it does."""
        begin_s = time.process_time()
        assert until(lambda: time.process_time() - begin_s > BUSY_S, DEADLINE_S)
        assert self._thread.is_alive(), (self.result, self.failure)

    def ended(self) -> bool:
        self._thread.join(DEADLINE_S)
        return not self._thread.is_alive()


def inputs_of(split: SplitStatement, index: int = 0) -> dict[str, pa.Table]:
    return {name: split.split.partition(name, index) for name in split.split.inputs}


def order_of(split: SplitStatement, epoch: int) -> bytes:
    return msgspec.msgpack.encode(Order(task_id=0, epoch=epoch, fragment=split.split.fragments[0]))


def outcome_of(answer: object) -> Outcome:
    assert isinstance(answer, tuple)
    return msgspec.msgpack.decode(answer[0], type=Outcome)


def test_a_fragment_under_way_is_cancelled(endless: SplitStatement) -> None:
    session, cancel = Session(threads=1), FragmentCancel()
    fragment, inputs = endless.split.fragments[0], inputs_of(endless)
    running = InBackground(lambda: session.run_fragment(fragment, inputs, 1, cancel))
    running.wait_busy()
    cancel.cancel()
    assert running.ended()
    assert isinstance(running.failure, ExecutionError)
    assert running.failure.code == "VEL3010"


def test_a_fragment_cancelled_before_it_begins_does_not_begin(endless: SplitStatement) -> None:
    cancel = FragmentCancel()
    cancel.cancel()
    with pytest.raises(ExecutionError) as caught:
        Session(threads=1).run_fragment(endless.split.fragments[0], inputs_of(endless), 1, cancel)
    assert caught.value.code == "VEL3010"


def test_a_cancellation_after_the_end_changes_nothing(numbers: SplitStatement) -> None:
    partials = []
    for index, fragment in enumerate(numbers.split.fragments):
        cancel = FragmentCancel()
        inputs = inputs_of(numbers, index)
        partials.append(numbers.session.run_fragment(fragment, inputs, 1, cancel))
        cancel.cancel()
    assert numbers.merge(partials).to_pylist() == [{"total": 4950}]


def test_a_worker_lets_go_of_a_cancelled_attempt_and_takes_the_next(
    endless: SplitStatement, numbers: SplitStatement
) -> None:
    worker = KernelWorker("")
    inputs = inputs_of(endless)
    running = InBackground(lambda: worker.run(order_of(endless, 3), list(inputs), *inputs.values()))
    running.wait_busy()
    worker.cancel(2)
    worker.ping()
    assert running.failure is None and running.result is None
    worker.cancel(3)
    assert running.ended()
    outcome = outcome_of(running.result)
    assert outcome.error is not None
    assert (outcome.epoch, outcome.error.code) == (3, "VEL3010")
    small = inputs_of(numbers)
    late = outcome_of(worker.run(order_of(numbers, 3), list(small), *small.values()))
    assert late.error is not None and late.error.code == "VEL3010"
    after = outcome_of(worker.run(order_of(numbers, 4), list(small), *small.values()))
    assert after.error is None
