"""Statements that query.poll or PollFlightInfo has started: carried to their first rows by a thread
of their own, and held there for the client that comes to read them.

The long part of a query is behind it when its first batch is there, so that is all that waits in
memory; the rest runs while the rows are read. Rows are handed out once. Nobody who asks or reads
for the time of the lease: they are given up, and the thread ends.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Literal

import pyarrow as pa

from velaria._kernel import QueryResult
from velaria.flight_server.call_context import caller
from velaria.flight_server.idle import Dues
from velaria.flight_server.limits.shares import Holding, Shares, share_of
from velaria.flight_server.options import Options
from velaria.flight_server.queries import TrackedQuery
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import QueryCommand

HELD_LEASE_S = 300.0

Run = Callable[[], AbstractContextManager[tuple[QueryResult, Iterator[pa.RecordBatch]]]]
"""Runs the statement, and is left when its first batch is there. The batches are none for one that
returns no rows; they raise coded errors only."""

HeldState = Literal["running", "ready", "done", "failed", "cancelled"]


class Held:
    """One of them; `schema` is that of its rows. The lease ends at `ends_s` of the monotonic clock,
    which every question moves on."""

    def __init__(
        self,
        tracked: TrackedQuery,
        run: Run,
        asked: QueryCommand,
        schema: pa.Schema,
        lease_s: float,
        holding: Holding,
    ) -> None:
        self.tracked = tracked
        self.holding = holding
        self.asked = asked
        self.schema = schema
        self.result: QueryResult | None = None
        self.error: VelariaError | None = None  # made anew
        self._run: Run | None = run
        self._lease_s = lease_s
        self._state: HeldState = "running"
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._changed = threading.Condition()
        self._is_taken = False
        self._is_given_up = False
        self.ends_s = 0.0
        self.renew()
        self._thread = threading.Thread(
            target=self._carry, name=f"held-{tracked.query_id}", daemon=True
        )
        self._thread.start()

    def renew(self) -> int:
        """When the lease ends now, in Unix milliseconds. What was given up stays so."""
        with self._changed:
            self.ends_s = time.monotonic() + self._lease_s
        return time.time_ns() // 1_000_000 + int(self._lease_s * 1000)

    def wait(self, timeout_s: float) -> HeldState:
        """The state when it is no longer running, or when the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._state != "running" or self._is_taken, timeout_s)
            return self.state

    @property
    def state(self) -> HeldState:
        """A query that is ready can still be cancelled by its id."""
        if self._state == "ready" and self.result is not None and self.result.state == "cancelled":
            return "cancelled"
        return self._state

    def is_over(self) -> bool:
        """Nothing is kept but what to tell, and nobody has asked for it in the lease's time."""
        with self._changed:
            return self._state not in ("running", "ready") and time.monotonic() > self.ends_s

    def take(self) -> tuple[QueryResult, Iterator[pa.RecordBatch]]:
        """The rows, for one reader. VEL1005 when they were handed out."""
        with self._changed:
            if self._is_taken or self._state != "ready" or self.result is None:
                raise _not_here(self.tracked.query_id)
            self._is_taken = True
            self._changed.notify_all()
            return self.result, self._batches

    def give_up(self) -> None:
        """Nobody will read it; what runs is cancelled."""
        self._stop_waiting()
        if not self._is_taken:
            self.tracked.ask_cancel()

    def _stop_waiting(self) -> None:
        with self._changed:
            self._is_given_up = True
            self._changed.notify_all()

    def _carry(self) -> None:
        try:
            result = self._run_to_first_rows()
            if result.schema is None:
                self.tracked.finish(result.rows_affected or 0)
                self._settle("done", result)
                return
        except Exception as fault:  # noqa: BLE001 (told by the next poll)
            self.error = self.tracked.fail(fault)
            self._settle("cancelled" if self.error.code == codes.CANCELLED else "failed", None)
            return
        self._settle("ready", result)
        with self.tracked.cancelled_with(self._stop_waiting):
            was_taken = self._was_taken_in_time()
        if not was_taken:
            self._batches = iter(())
            result.cancel()
            self.tracked.cancel()
            self.result = None

    def _run_to_first_rows(self) -> QueryResult:
        """What runs the statement is let go of: it holds the call, and the tables as they were."""
        run, self._run = self._run, None
        assert run is not None
        with run() as (result, rest):
            self.tracked.follow(result)
            first = next(rest, None)
        self._batches = rest if first is None else itertools.chain([first], rest)
        return result

    def _settle(self, state: HeldState, result: QueryResult | None) -> None:
        with self._changed:
            self._state, self.result = state, result
            self._changed.notify_all()

    def _was_taken_in_time(self) -> bool:
        with self._changed:
            while not self._is_taken:
                left_s = self.ends_s - time.monotonic()
                if self._is_given_up or left_s <= 0:
                    self._state = "cancelled"
                    return False
                self._changed.wait(left_s)
            return True


class HeldBook:
    """All of them, by query id: as many as limits.results_held, of which those that are over make
    room."""

    def __init__(self, options: Options, lease_s: float = HELD_LEASE_S) -> None:
        self._options = options
        self._lease_s = lease_s
        self._lock = threading.Lock()
        self._held: dict[str, Held] = {}
        self._shares = Shares(
            "results are held for query.poll", "Read those that are ready, or cancel them."
        )
        self._dues: Dues[str] = Dues()

    def refuse_when_full(self) -> None:
        """VEL5002 when too many are held, in all or of this client; before a statement is looked
        at."""
        with self._lock:
            self._forget_those_over()
        self._shares.refuse_when_full(caller().holder, *self._bounds())

    def start(
        self, tracked: TrackedQuery, run: Run, asked: QueryCommand, schema: pa.Schema
    ) -> Held:
        """VEL5002 when others have come first meanwhile."""
        with self._lock:
            self._forget_those_over()
            self._forget(tracked.query_id)  # of an earlier query that had the id and has ended
            holding = self._shares.enter(caller().holder, *self._bounds())
            try:
                held = Held(tracked, run, asked, schema, self._lease_s, holding)
            except Exception:
                holding.leave()
                raise
            self._held[tracked.query_id] = held
            self._dues.put(tracked.query_id, held.ends_s)
        return held

    def find(self, query_id: str) -> Held:
        held = self._callers(query_id)
        if held is None:
            raise VelariaError(
                codes.UNKNOWN_QUERY,
                f"query.poll has started no query of that id, or it was read: {query_id}",
            )
        return held

    def renew(self, query_id: str) -> int:
        """As of Held, for rows that can still be read. VEL1005."""
        held = self._callers(query_id)
        if held is None or held.state not in ("running", "ready"):
            raise _not_here(query_id)
        return held.renew()

    def take(self, query_id: str) -> tuple[Held, QueryResult, Iterator[pa.RecordBatch]]:
        held = self._callers(query_id)
        if held is None:
            raise _not_here(query_id)
        result, batches = held.take()
        with self._lock:
            self._forget(query_id)
        return held, result, batches

    def close_all(self) -> None:
        with self._lock:
            given_up = [self._forget(query_id) for query_id in list(self._held)]
        for held in given_up:
            if held is not None:
                held.give_up()

    def count(self) -> int:
        return self._shares.count()

    def _callers(self, query_id: str) -> Held | None:
        with self._lock:
            held = self._held.get(query_id)
        return held if held is not None and caller().owns(held.tracked.principal) else None

    def _bounds(self) -> tuple[int, float]:
        return self._options.get("limits.results_held"), share_of(self._options)

    def _forget_those_over(self) -> None:
        now_s = time.monotonic()
        for query_id in self._dues.take_passed(now_s):
            held = self._held[query_id]
            if held.is_over():
                self._forget(query_id)
            else:
                self._dues.put(query_id, max(held.ends_s, now_s))

    def _forget(self, query_id: str) -> Held | None:
        self._dues.drop(query_id)
        held = self._held.pop(query_id, None)
        if held is not None:
            held.holding.leave()
        return held


def _not_here(query_id: str) -> VelariaError:
    return VelariaError(
        codes.BAD_TICKET,
        f"the rows were read, or nobody asked for them in time: {query_id}",
        hint="Start the statement again.",
    )
