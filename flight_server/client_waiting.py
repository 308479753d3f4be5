"""Calls of the client that hold a thread, made so that whoever waits may give them up.

gRPC's calls run outside of Python, where neither Ctrl-C nor the end of a task of asyncio is seen.
So every such call goes through `waited`, with what ends it on the server or in gRPC: on the main
thread, which alone gets signals, another thread makes it and this one waits; a thread of asyncio's
pool makes it itself and leaves word how to end it. On other threads it is a call like any other.
"""

import _thread
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

import pyarrow as pa
import pyarrow.flight as flight

from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

STOP_WAIT_S = 5.0
STOP_AGAIN_S = 0.2
IDLE_S = 5.0

_T = TypeVar("_T")
Stop: TypeAlias = Callable[[], object]


class AwaitedCall:
    """A call that a task of asyncio awaits, and how to end the step that it is at."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stop: Stop | None = None
        self._is_stopped = False

    def run(self, call: Callable[[], _T]) -> _T:
        """On the thread that makes the call."""
        _here.awaited = self
        try:
            return call()
        finally:
            _here.awaited = None

    def step(self, call: Callable[[], _T], stop: Stop) -> _T:
        """VEL3010 when nobody awaits it any more."""
        with self._lock:
            if self._is_stopped:
                raise VelariaError(codes.CANCELLED, "the call was cancelled")
            outer, self._stop = self._stop, stop
        try:
            return call()
        finally:
            with self._lock:
                self._stop = outer

    def stop(self) -> None:
        with self._lock:
            self._is_stopped = True
            stop = self._stop
        if stop is not None:
            stop()


class _Here(threading.local):
    awaited: AwaitedCall | None = None


_here = _Here()


class _Beside:
    """A call that another thread makes for the main one.

    KeyboardInterrupt comes between any two steps of Python code, also in a Condition that has just
    taken its lock, and then nobody gives the lock back: the thread of a Future's call would wait
    for ever. So nothing here is waited for but by locks and queues of C.
    """

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._result: Any = None
        self._fault: BaseException | None = None
        self._has_ended = False
        self._over = _thread.allocate_lock()
        self._over.acquire()

    def run(self) -> None:
        try:
            self._result = self._call()
        except BaseException as fault:  # noqa: BLE001 (it is for who waits)
            self._fault = fault
        finally:
            self._has_ended = True
            self._over.release()

    def is_over(self, wait_s: float = 0.0) -> bool:
        """Waits so long for it."""
        if not self._has_ended and self._over.acquire(timeout=wait_s):
            self._over.release()
        return self._has_ended

    def result(self) -> Any:
        """Waits for it; asked for once."""
        self._over.acquire()
        if self._fault is None:
            return self._result
        fault, self._fault = self._fault, None  # its frame would hold the error
        raise fault


_Inbox: TypeAlias = "queue.SimpleQueue[_Beside]"
_idle: deque[_Inbox] = deque()
"""Of threads that have no call."""

# A child of fork has none of its parent's threads.
os.register_at_fork(after_in_child=_idle.clear)


def _made_beside(call: Callable[[], Any]) -> _Beside:
    beside = _Beside(call)
    try:
        inbox = _idle.pop()
    except IndexError:
        inbox = queue.SimpleQueue()
        _thread.start_new_thread(_serve, (inbox,))
    inbox.put(beside)
    return beside


def _serve(inbox: _Inbox) -> None:
    """A thread for calls, until none comes. One whose call was given up, and hangs, keeps no
    process from its end."""
    while True:
        try:
            inbox.get(timeout=IDLE_S).run()
        except queue.Empty:
            with suppress(ValueError):  # a call is on its way
                _idle.remove(inbox)
                return
        else:
            _idle.append(inbox)


def waited(call: Callable[[], _T], stop: Stop | None = None) -> _T:
    """What the call gives. `stop` ends it from another thread, and may be called again; a call
    without one is left behind when it is given up."""
    awaited = _here.awaited
    if awaited is not None and stop is not None:
        return awaited.step(call, stop)
    if awaited is not None or threading.current_thread() is not threading.main_thread():
        return call()
    beside = _made_beside(call)
    try:
        result: _T = beside.result()
        return result
    except BaseException:
        if stop is not None and not beside.is_over():
            give_up(beside.is_over, stop)
        raise
    finally:
        del beside  # else the frame of an error would hold the error


def give_up(is_over: Callable[[float], bool], stop: Stop) -> None:
    """Returns when the call has ended, or does not end; `is_over` waits for it so many seconds.
    Asks again, as the server may not have known a statement yet."""
    deadline_s = time.monotonic() + STOP_WAIT_S
    while not is_over(0.0) and time.monotonic() < deadline_s:
        with suppress(VelariaError, flight.FlightError, pa.ArrowException):
            stop()
        is_over(STOP_AGAIN_S)
