"""The server's limits as one: what handlers ask before and while they work for a call."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from velaria.flight_server.limits.admission import Admission, Place
from velaria.flight_server.limits.connections import cut
from velaria.flight_server.limits.memory import MemoryGuard, cap_bytes
from velaria.flight_server.limits.metered import Meter
from velaria.flight_server.limits.rates import RateLimiter
from velaria.flight_server.limits.shares import Holding, Shares, share_of
from velaria.flight_server.limits.watchdog import TICK_S, Watchdog
from velaria.flight_server.limits.watched import (
    WatchedClient,
    WatchedPut,
    WatchedStatement,
    Ways,
    too_late,
    unread,
)
from velaria.flight_server.metrics import Metrics
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria._kernel import QueryResult
    from velaria.flight_server.calls import Call
    from velaria.flight_server.options import Options
    from velaria.flight_server.queries import TrackedQuery

PRESSED_IDLE_S = 1.0
"""How long a result may stay unread while the server's memory is short."""
MEMORY_WAIT_S = 3 * PRESSED_IDLE_S
"""How long a statement waits for memory before it is refused."""


class Limits:
    """Made with the service. Its watchdog runs between start() and close()."""

    def __init__(
        self,
        options: "Options",
        metrics: Metrics,
        ports: Callable[[], frozenset[int]],
    ) -> None:
        """`ports` are those that Flight is served on."""
        self._options = options
        self._metrics = metrics
        self._ports = ports
        self.admission = Admission(options)
        self.rates = RateLimiter(options)
        self.memory = MemoryGuard(cap_bytes(options.get("limits.memory_bytes")))
        self.watchdog = Watchdog()
        self._open = {
            "puts": Shares("calls bring rows"),
            "results": Shares("results are being read"),
        }
        self._unheard = Shares("calls wait for their first message")
        self._never = threading.Event()

    def start(self) -> None:
        self.watchdog.start()

    def close(self) -> None:
        self.watchdog.close()

    def check_rate(self, call: "Call") -> None:
        """VEL5008 for who calls too often."""
        if self.rates.per_s > 0:
            self.rates.check(call.client.holder)

    def check_statement(self, sql: str) -> None:
        """VEL1004 for a text that is too long; before it is parsed."""
        bytes_max: int = self._options.get("limits.statement_bytes")
        if len(sql) > bytes_max or len(sql) * 4 > bytes_max < len(sql.encode()):
            raise VelariaError(
                codes.REQUEST_TOO_LARGE,
                f"the statement is longer than {bytes_max} bytes: {len(sql.encode())}",
                hint="Send values as parameters, and rows by DoPut.",
            )

    def check_planning(self, began_s: float) -> None:
        """VEL3011 when planning alone took longer than a statement may."""
        query_s: float = self._options.get("limits.query_s")
        if 0 < query_s <= self.watchdog.clock_s() - began_s:
            raise too_late(query_s)

    def statement(self, call: "Call", tracked: "TrackedQuery") -> WatchedStatement:
        """Wait for a place, and be watched from then to the end of the call; the query is cancelled
        when the call is. VEL5002 and VEL3010 as Admission says; VEL5002 while memory is short and
        others are at work."""
        call.on_cancel(tracked.ask_cancel)
        watched = self._started(call, tracked, self._read_idle_s)
        call.on_end(lambda _: watched.close())
        return watched

    def lasting(
        self, call: "Call", tracked: "TrackedQuery", *, is_awaited: bool = False
    ) -> WatchedStatement:
        """The same for a query that lives longer than the call which asked for it, whose readers
        are watched one by one. Whoever owns the query closes it. `is_awaited`: the call waits until
        it has a place, and the waiting ends with the call."""
        return self._started(call, tracked, lambda: 0.0, call if is_awaited else None)

    def again(self, call: "Call", tracked: "TrackedQuery", watched: WatchedStatement) -> None:
        """Wait for a place once more, for a statement that works in several pieces."""
        watched.result = None  # else the rows of the piece before would give the new place back
        watched.leave_place()
        watched.take_place(self.admission.enter(call.client.holder, tracked.cancelled_with))

    def reading(self, call: "Call", tracked: "TrackedQuery", result: "QueryResult") -> None:
        """Watch a call that reads what has been worked out already, or is paced by its reading; the
        query is cancelled when the call is."""
        call.on_cancel(tracked.ask_cancel)
        watched = self._watch(call, tracked, None, self._read_idle_s)
        watched.result = result
        call.on_end(lambda _: watched.close())

    def reader(self, call: "Call", give_up: Callable[[VelariaError], object]) -> WatchedClient:
        """Watch a client to which batches are sent one by one, to the end of its call."""
        watched = WatchedClient(
            unread,
            give_up,
            self._ways(call),
            self.watchdog.clock_s,
            self._read_idle_s,
        )
        self.watchdog.watch(watched)
        call.on_end(lambda _: self.watchdog.drop(watched))
        return watched

    def meter(self, tracked: "TrackedQuery", watched: WatchedStatement) -> Meter:
        """What counts the batches of a statement's result."""
        get = self._options.get
        return Meter(
            tracked,
            get("limits.result_rows"),
            get("limits.result_bytes"),
            has_deadline=watched.query_s > 0,
        )

    def count_result(self, call: "Call") -> None:
        """A result is open until its call ends. VEL5002 when too many are."""
        holding = self._enter("results", call)
        call.on_end(lambda _: holding.leave())

    def unheard(self, call: "Call") -> Callable[[], None]:
        """Watch a call from its beginning until what is returned is called at its first message:
        VEL5009 when that came too late. VEL5002 when as many as limits.puts_open wait, of which
        each client has a share."""
        watching = ExitStack()
        watching.enter_context(
            self._unheard.enter(call.client.holder, self.count_max("puts"), self.share())
        )
        watched = self._watched_put(call, lambda silent: None)
        watching.callback(self.watchdog.drop, watched)
        watched.waits()

        def heard() -> None:
            watched.moved()
            watching.close()
            watched.refuse_when_given_up()

        call.on_end(lambda _: watching.close())
        return heard

    @contextmanager
    def first_message(self, call: "Call") -> Iterator[None]:
        """A call whose client has sent nothing yet, while its first message is waited for. VEL5009
        when none comes."""
        watched = self._watched_put(call, lambda silent: None)
        try:
            with watched.awaited():
                yield
        finally:
            self.watchdog.drop(watched)

    @contextmanager
    def put(self, call: "Call", tracked: "TrackedQuery | None") -> Iterator[WatchedPut]:
        """A call that brings rows, under way. VEL5002 when too many are, or, where the rows are a
        query of their own, memory is short."""
        if tracked is not None:
            self.memory.refuse_when_high("rows")
        holding = self._enter("puts", call)

        watched = self._watched_put(call, tracked.give_up if tracked else lambda silent: None)
        try:
            yield watched
        finally:
            self.watchdog.drop(watched)
            holding.leave()

    def count_max(self, what: str) -> int:
        """How many "results" or "puts" may be open."""
        open_max: int = self._options.get(f"limits.{what}_open")
        return open_max

    def shared_bytes_max(self) -> int:
        """How many bytes results in shared memory may take together."""
        bytes_max: int = self._options.get("limits.shared_memory_bytes")
        return bytes_max

    def share(self) -> float:
        """The part of what is bounded that one client may have."""
        return share_of(self._options)

    def gauges(self) -> dict[str, Callable[[], float]]:
        """How to read those rows of the metrics' table that are measured here."""
        return {
            "statements_running": lambda: self.admission.counts()["running"],
            "statements_waiting": lambda: self.admission.counts()["waiting"],
            "results_open": self._open["results"].count,
            "puts_open": self._open["puts"].count,
            "process_resident_bytes": self.memory.resident_bytes,
        }

    def _started(
        self,
        call: "Call",
        tracked: "TrackedQuery",
        idle_s: Callable[[], float],
        awaiting: "Call | None" = None,
    ) -> WatchedStatement:
        """Watched from the moment when it has a place. `awaiting` is a call that the waiting ends
        with, beside the query."""

        @contextmanager
        def waiting(give_up: Callable[[], object]) -> Iterator[None]:
            if awaiting is not None:
                awaiting.on_cancel(give_up)
            with tracked.cancelled_with(give_up):
                yield

        has_waited = self._await_memory(tracked, awaiting)
        place = self.admission.enter(call.client.holder, waiting)
        if has_waited or place.has_waited:
            call.judged = None  # what it was judged by may have changed meanwhile
        return self._watch(call, tracked, place, idle_s)

    def _watch(
        self,
        call: "Call",
        tracked: "TrackedQuery",
        place: Place | None,
        idle_s: Callable[[], float],
    ) -> WatchedStatement:
        watched = WatchedStatement(
            tracked,
            place,
            self._ways(call),
            self.watchdog.clock_s(),
            self._query_s(call),
            idle_s,
            self.watchdog.drop,
        )
        self.watchdog.watch(watched)
        return watched

    def _watched_put(self, call: "Call", give_up: Callable[[VelariaError], object]) -> WatchedPut:
        """Watched until it is dropped. Where the front can, it ends the silent call alone."""
        ways = self._ways(call)

        def end() -> None:
            if call.end_silent is None or watched.fault is None:
                ways.cut()
            else:
                call.end_silent(watched.fault)

        watched = WatchedPut(
            give_up,
            ways._replace(cut=end),
            self.watchdog.clock_s,
            self._put_idle_s,
        )
        self.watchdog.watch(watched)
        return watched

    def _put_idle_s(self) -> float:
        idle_s: float = self._options.get("limits.put_idle_s")
        return idle_s

    def _ways(self, call: "Call") -> Ways:
        peer = call.facts.peer

        def cut_off() -> None:
            if cut(peer, self._ports()):
                self._metrics.add("connections_cut_total")

        return Ways(lambda: self._metrics.add("calls_idle_total"), cut_off)

    def _query_s(self, call: "Call") -> float:
        """The server's limit or the session's lower one; 0 for none."""
        told = (self._options.get("limits.query_s"), call.query_s or 0.0)
        return min((seconds for seconds in told if seconds > 0), default=0.0)

    def _read_idle_s(self) -> float:
        idle_s: float = self._options.get("limits.read_idle_s")
        return min(idle_s or PRESSED_IDLE_S, PRESSED_IDLE_S) if self.memory.is_high() else idle_s

    def _await_memory(self, tracked: "TrackedQuery", awaiting: "Call | None") -> bool:
        """Whether there was a wait: memory comes back soon when it is held by results that nobody
        reads."""
        asked_s = self.watchdog.clock_s()
        has_waited = False
        while self._others_work() and self.memory.is_high():
            if awaiting is not None and awaiting.is_cancelled:
                raise VelariaError(codes.CANCELLED, "the client went away before its turn")
            tracked.refuse_when_cancelled()
            if self.watchdog.clock_s() - asked_s >= MEMORY_WAIT_S:
                self.memory.refuse_when_high("statements")
            self._never.wait(TICK_S)
            has_waited = True
        return has_waited

    def _others_work(self) -> bool:
        """While nothing else is at work a statement is let in however full the memory is: it may be
        the one that drops a table."""
        open_count = sum(shares.count() for shares in self._open.values())
        return open_count > 1 or self.admission.counts()["running"] > 0

    def _enter(self, what: str, call: "Call") -> Holding:
        return self._open[what].enter(call.client.holder, self.count_max(what), self.share())
