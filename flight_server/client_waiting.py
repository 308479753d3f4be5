"""Calls of the client that hold a thread, made so that whoever waits may give them up.

gRPC's calls run outside of Python, where neither Ctrl-C nor the end of a task of asyncio is seen.
So every such call goes through `waited`, with what ends it on the server or in gRPC: on the main
thread, which alone gets signals, another thread makes it and this one waits; a thread of asyncio's
pool makes it itself and leaves word how to end it. On other threads it is a call like any other.
"""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

import pyarrow as pa
import pyarrow.flight as flight

from velaria.flight_server.call_threads import CallThreads
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

STOP_WAIT_S = 5.0
STOP_AGAIN_S = 0.2
_THREADS_MAX = 1000  # one for each call that was given up and hangs

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
_threads = CallThreads(_THREADS_MAX, name="velaria-call")


def _with_own_threads() -> None:
    """A child of fork has none of its parent's."""
    global _threads
    _threads = CallThreads(_THREADS_MAX, name="velaria-call")


os.register_at_fork(after_in_child=_with_own_threads)


def waited(call: Callable[[], _T], stop: Stop | None = None) -> _T:
    """What the call gives. `stop` ends it from another thread, and may be called again; a call
    without one is left behind when it is given up."""
    awaited = _here.awaited
    if awaited is not None and stop is not None:
        return awaited.step(call, stop)
    if awaited is not None or threading.current_thread() is not threading.main_thread():
        return call()
    future: Future[_T] = _threads.submit(call)
    try:
        return future.result()
    except BaseException:
        if stop is not None and not future.done():
            give_up(future, stop)
        raise
    finally:
        del future  # else the frame of an error would hold the error


def give_up(call: "Future[Any]", stop: Stop) -> None:
    """Returns when the call has ended, or does not end. Asks again, as the server may not have
    known a statement yet."""
    deadline_s = time.monotonic() + STOP_WAIT_S
    while not call.done() and time.monotonic() < deadline_s:
        with suppress(VelariaError, flight.FlightError, pa.ArrowException):
            stop()
        wait([call], STOP_AGAIN_S)
