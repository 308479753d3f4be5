"""Threads for calls: made when a call needs one, kept for the next, gone when none comes."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

IDLE_S = 5.0


class CallThreads(Executor):
    """What grpcio runs its handlers on, and a client the calls that its caller may give up.

    Python's own pool keeps each thread for ever, so that one busy moment would be seen in the
    process until its end, and the process does not end before all of them have: a call that was
    given up, and hangs, would keep it. These are daemons.
    """

    def __init__(self, threads_max: int, idle_s: float = IDLE_S, name: str = "grpc-call") -> None:
        self._threads_max = threads_max
        self._name = name
        self._idle_s = idle_s
        self._changed = threading.Condition()
        self._work: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._threads = 0
        self._idle = 0
        self._is_closed = False

    def count(self) -> int:
        with self._changed:
            return self._threads

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """RuntimeError after shutdown(). When the machine gives no thread the work waits for one
        that is there, or for the next that is made: grpcio serves no call after an error here."""
        future: Future[Any] = Future()
        with self._changed:
            if self._is_closed:
                raise RuntimeError("the threads are shut down")
            self._work.append((future, lambda: fn(*args, **kwargs)))
            if self._idle >= len(self._work):
                self._changed.notify()
            elif self._threads < self._threads_max:
                self._start_thread()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing more is taken; with `wait` returns when all that was taken is done."""
        with self._changed:
            self._is_closed = True
            if cancel_futures:
                for future, _ in self._work:
                    future.cancel()
            self._changed.notify_all()
            if wait:
                self._changed.wait_for(lambda: self._threads == 0)

    def _start_thread(self) -> None:
        """Under the lock. It counts only once it runs."""
        thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # Clients import this module, log nothing, and start faster without.
            import structlog

            log = structlog.get_logger("velaria.flight_server")
            log.exception("starting a thread for a call", threads=self._threads)
            return
        self._threads += 1

    def _serve(self) -> None:
        while (taken := self._next()) is not None:
            future, run = taken
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = run()
            except BaseException as fault:  # noqa: BLE001 (it is for who holds the future)
                future.set_exception(fault)
            else:
                future.set_result(result)
            del taken, future, run  # an idle thread holds nothing of its last call

    def _next(self) -> tuple[Future[Any], Callable[[], Any]] | None:
        """None when the thread shall go."""
        with self._changed:
            if not self._work and not self._is_closed:
                self._idle += 1
                self._changed.wait_for(lambda: self._work or self._is_closed, self._idle_s)
                self._idle -= 1
            if self._work:
                return self._work.popleft()
            self._threads -= 1
            self._changed.notify_all()
            return None
