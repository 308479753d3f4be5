"""The threads of calls: as many as are needed, none when nothing is to do."""

import threading

import pytest

from tests.server_process import until
from velaria.flight_server.call_threads import CallThreads


def test_calls_run_beside_one_another_up_to_the_bound() -> None:
    threads = CallThreads(2)
    gate, started = threading.Event(), threading.Semaphore(0)

    def call(number: int) -> int:
        started.release()
        gate.wait(10)
        return number

    futures = [threads.submit(call, number) for number in range(3)]
    assert started.acquire(timeout=10)
    assert started.acquire(timeout=10)
    assert threads.count() == 2
    assert not futures[2].running()
    gate.set()
    assert [future.result(10) for future in futures] == [0, 1, 2]
    threads.shutdown()
    assert threads.count() == 0


def test_a_thread_goes_when_no_call_comes_for_its_idle_time() -> None:
    threads = CallThreads(4, idle_s=0.01)
    assert threads.submit(lambda: 1).result(10) == 1
    assert until(lambda: threads.count() == 0)
    assert threads.submit(lambda: 2).result(10) == 2
    threads.shutdown()


def test_a_call_that_fails_tells_its_future_and_leaves_the_thread() -> None:
    threads = CallThreads(1)
    with pytest.raises(ZeroDivisionError):
        threads.submit(lambda: 1 // 0).result(10)
    assert threads.submit(lambda: 3).result(10) == 3
    threads.shutdown()
    with pytest.raises(RuntimeError):
        threads.submit(lambda: 4)


def test_a_thread_that_the_machine_does_not_give_takes_no_slot_and_loses_no_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = CallThreads(2)

    def refused(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as scarce:
        scarce.setattr(threading.Thread, "start", refused)
        waiting = [threads.submit(lambda number=number: number) for number in range(3)]
    assert threads.count() == 0
    assert threads.submit(lambda: 3).result(10) == 3
    assert [future.result(10) for future in waiting] == [0, 1, 2]
    threads.shutdown()
