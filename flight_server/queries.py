"""The statements under way and lately ended, each joined to its run in the run history.

A `TrackedQuery` is opened before a statement is looked at, so that a wrong statement is a run, too.
It ends once: the first `end` counts, whoever calls it (the handler, the end of the call, a stop).
"""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import structlog

from velaria._kernel import KernelError
from velaria.flight_server import call_context
from velaria.flight_server.errors import as_velaria_error
from velaria.flight_server.logs import cut_statement, writes_debug
from velaria.flight_server.metrics import Metrics
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.query import QueryEntry

if TYPE_CHECKING:
    from velaria._kernel import QueryResult, Session
    from velaria.control.ledger import Ledger
    from velaria.flight_server.traces import Tracer

ENDED_KEPT_MAX = 1_000
PROMISED_KEPT_MAX = 10_000
TEXT_CHARS_MAX = 16_384

_RUN_STATES = {"finished": "succeeded", "failed": "failed", "cancelled": "cancelled"}


_log = structlog.get_logger("velaria.flight_server")


def new_query_id() -> str:
    return f"q-{secrets.token_hex(8)}"


def id_is_taken(query_id: str) -> VelariaError:
    return VelariaError(
        codes.BAD_PARAMETER,
        f"a query of that id is known: {query_id}",
        hint="Choose another id, or leave it out.",
    )


class TrackedQuery:
    """One statement from its start to its end. Made by QueryBook.start only."""

    def __init__(self, book: "QueryBook", query_id: str, kind: str, sql: str) -> None:
        self.query_id = query_id
        self.kind = kind
        self.sql = sql[:TEXT_CHARS_MAX]
        self.principal = call_context.caller().name
        self.state = "running"
        self.started_unix_ms = time.time_ns() // 1_000_000
        self.ended_unix_ms: int | None = None
        self.error_code: str | None = None
        self.transport_mode = "flight"
        self._row_count = 0
        self._result: QueryResult | None = None
        self._is_cancel_asked = False
        self._reason: VelariaError | None = None
        self._ended_by_cancel: list[Callable[[], object]] = []
        self._lock = threading.Lock()  # over what is asked and who is to be told of it
        self._under_way = threading.Lock()
        self._under_way.acquire()
        self._book = book
        self._began_s = time.monotonic()
        self._run = book.ledger.start_run(kind, self.sql, query_id, principal=self.principal)
        self.run_id = self._run.run_id
        call_context.note_query(query_id, self.run_id)
        self.span = book.begin_span(self)
        if writes_debug():
            _log.debug("query begun", query_id=query_id, kind=kind, sql=cut_statement(sql))

    def follow(self, result: "QueryResult") -> None:
        """Tell rows and statistics from the kernel's result while it is read."""
        self._result = result
        if self._is_cancel_asked:
            result.cancel()

    def ask_cancel(self) -> str | None:
        """The one way to end a query, wherever it is; from any thread, once or more. A result that
        is being read ends, the kernel ends what it runs, whatever is `cancelled_with` it is told,
        and who runs it by himself asks `refuse_when_cancelled` at his next step. The kernel's state
        of it afterwards; None when the kernel does not know it, or not yet."""
        with self._lock:
            self._is_cancel_asked = True
            actions = list(self._ended_by_cancel)
        result = self._result
        if result is not None:
            result.cancel()
        for action in actions:
            action()
        return self._book.cancel_in_kernel(self.query_id)

    @contextmanager
    def cancelled_with(self, action: Callable[[], object]) -> Iterator[None]:
        """Within, `action` is run when ask_cancel comes, and now when it has; for who waits for
        something else than the kernel. Several may do so at once."""
        with self._lock:
            self._ended_by_cancel.append(action)
            is_asked = self._is_cancel_asked
        if is_asked:
            action()
        try:
            yield
        finally:
            with self._lock:
                self._ended_by_cancel.remove(action)

    def give_up(self, reason: VelariaError) -> None:
        """The server itself ends the query: this is how it ends then, not as cancelled. The first
        reason stays."""
        self._reason = self._reason or reason.anew()
        self.ask_cancel()

    @property
    def reason(self) -> VelariaError | None:
        """To be raised by who asks; made anew for each."""
        return self._reason and self._reason.anew()

    def told(self, fault: BaseException) -> VelariaError:
        """The failure's coded form; the server's reason when it was the server that cancelled."""
        error = as_velaria_error(fault)
        return self.reason or error if error.code == codes.CANCELLED else error

    def refuse_when_cancelled(self) -> None:
        if self._is_cancel_asked:
            raise self.reason or VelariaError(
                codes.CANCELLED, f"the query was cancelled: {self.query_id}"
            )

    def wait_ended(self, timeout_s: float) -> bool:
        """True once its end is in the run history."""
        has_ended = self._under_way.acquire(timeout=timeout_s)
        if has_ended:
            self._under_way.release()
        return has_ended

    def add_rows(self, row_count: int) -> None:
        """For what takes rows in: they are told while it runs, too."""
        self._row_count += row_count

    @property
    def row_count(self) -> int:
        result = self._result
        return self._row_count if result is None else result.row_count

    @property
    def schema(self) -> pa.Schema | None:
        """The result's schema while rows are being read."""
        result = self._result
        return None if result is None else result.schema

    def statistics(self) -> dict[str, Any]:
        """The kernel's measurements while rows are being read."""
        result = self._result
        return {} if result is None else result.statistics()

    def finish(self, row_count: int) -> None:
        self.end("finished", row_count, None)

    def cancel(self, row_count: int = 0) -> None:
        if self._reason is not None:
            self.end("failed", row_count, self._reason)
            return
        self.end("cancelled", row_count, VelariaError(codes.CANCELLED, "the query was cancelled"))

    def fail(self, fault: BaseException, row_count: int = 0) -> VelariaError:
        """Record the failure and hand back its coded form, which the caller raises."""
        error = self.told(fault)
        self.end("cancelled" if error.code == codes.CANCELLED else "failed", row_count, error)
        return error

    def end(self, state: str, row_count: int, error: VelariaError | None) -> None:
        if not self._book.retire(self, state):
            return
        self._row_count = row_count
        self._result = None
        self.error_code = error.code if error else None
        self.ended_unix_ms = time.time_ns() // 1_000_000
        self._run.finish(
            _RUN_STATES[state],
            rows=row_count,
            error_code=self.error_code,
            error_message=error.message if error else None,
        )
        self._under_way.release()
        self._book.tell_end(self, time.monotonic() - self._began_s)

    def entry(self) -> QueryEntry:
        return QueryEntry(
            query_id=self.query_id,
            kind=self.kind,
            sql=self.sql,
            state=self.state,
            started_unix_ms=self.started_unix_ms,
            ended_unix_ms=self.ended_unix_ms,
            row_count=self.row_count,
            error_code=self.error_code,
            principal=self.principal,
        )


@dataclass(eq=False)
class _Promise:
    owner: str | None
    is_cancelled: bool = False


class QueryBook:
    """All tracked queries: the running ones and a bounded number of ended and promised ones."""

    def __init__(
        self,
        ledger: "Ledger",
        metrics: Metrics | None = None,
        tracer: "Tracer | None" = None,
        session: "Session | None" = None,
    ) -> None:
        """`session` is the kernel's that runs the queries."""
        self.ledger = ledger
        self._session = session
        self._metrics = metrics or Metrics()
        self._tracer = tracer
        self._lock = threading.Lock()
        self._running: OrderedDict[str, TrackedQuery] = OrderedDict()
        self._ended: OrderedDict[str, TrackedQuery] = OrderedDict()
        self._promised: OrderedDict[str, _Promise] = OrderedDict()
        self._redeemed: set[str] = set()

    def promise(self, chosen: str | None = None) -> str:
        """A query id that a statement will run under: at the first DoGet of its ticket, or soon.

        VEL1006 for one that the client chose and that a query here has.
        """
        query_id = chosen or new_query_id()
        with self._lock:
            books = (self._promised, self._redeemed, self._running, self._ended)
            if chosen is not None and any(query_id in book for book in books):
                raise id_is_taken(query_id)
            self._promised[query_id] = _Promise(call_context.caller().name)
            while len(self._promised) > PROMISED_KEPT_MAX:
                self._promised.popitem(last=False)
        return query_id

    @contextmanager
    def redeem(self, query_id: str) -> Iterator[str]:
        """The id to run under: the promised one at first, a new one at every later reading.

        Within the block the query starts; until then no other can be promised the id.
        """
        with self._lock:
            promise = self._promised.get(query_id)
            if promise is not None and not promise.is_cancelled:
                del self._promised[query_id]
                self._redeemed.add(query_id)
        if promise is not None and promise.is_cancelled:
            raise VelariaError(codes.CANCELLED, f"the query was cancelled: {query_id}")
        if promise is None:
            yield new_query_id()
            return
        try:
            yield query_id
        finally:
            with self._lock:
                self._redeemed.discard(query_id)

    @contextmanager
    def promised(self, chosen: str | None = None) -> Iterator[str]:
        """As promise; when the block fails and nothing has run under the id, it can be chosen
        again."""
        query_id = self.promise(chosen)
        with self._lock:
            promise = self._promised.get(query_id)
        try:
            yield query_id
        except BaseException:
            with self._lock:
                if promise is not None and self._promised.get(query_id) is promise:
                    del self._promised[query_id]
            raise

    def start(self, query_id: str, kind: str, sql: str) -> TrackedQuery:
        tracked = TrackedQuery(self, query_id, kind, sql)
        with self._lock:
            self._promised.pop(query_id, None)
            self._running[query_id] = tracked
        return tracked

    def record_failure(
        self, kind: str, sql: str, fault: BaseException, query_id: str | None = None
    ) -> VelariaError:
        """A statement that was refused before anything ran is a run all the same."""
        return self.start(query_id or new_query_id(), kind, sql).fail(fault)

    def retire(self, tracked: TrackedQuery, state: str) -> bool:
        """Move a query to the ended ones; False when somebody did so before."""
        with self._lock:
            if tracked.state != "running":
                return False
            tracked.state = state
            self._running.pop(tracked.query_id, None)
            self._ended[tracked.query_id] = tracked
            while len(self._ended) > ENDED_KEPT_MAX:
                self._ended.popitem(last=False)
            return True

    def begin_span(self, tracked: TrackedQuery) -> Any:
        """The query's span, under that of the call which runs it; None when nothing is traced."""
        if self._tracer is None:
            return None
        facts = call_context.current()
        return self._tracer.begin_query(facts.span if facts else None, tracked)

    def tell_end(self, tracked: TrackedQuery, seconds: float) -> None:
        """Count, trace and log a query that has ended."""
        if self._tracer is not None:
            self._tracer.end_query(tracked.span, tracked)
        self._metrics.add("queries_total", kind=tracked.kind, state=tracked.state)
        self._metrics.observe("query_seconds", seconds, kind=tracked.kind)
        if tracked.kind != "ingest":
            self._metrics.add("result_rows_total", tracked.row_count)
        if writes_debug():
            _log.debug(
                "query ended",
                query_id=tracked.query_id,
                state=tracked.state,
                row_count=tracked.row_count,
                code=tracked.error_code,
                seconds=round(seconds, 6),
            )

    def cancel_in_kernel(self, query_id: str) -> str | None:
        """The kernel's state of a query afterwards; None when it does not know it."""
        if self._session is None:
            return None
        try:
            return self._session.cancel(query_id)
        except KernelError as fault:
            if fault.code == codes.UNKNOWN_QUERY:
                return None
            raise

    def find(self, query_id: str) -> TrackedQuery | None:
        with self._lock:
            return self._running.get(query_id) or self._ended.get(query_id)

    def promise_owner(self, query_id: str) -> str | None:
        """The principal that an id was promised to; None for no such id, too."""
        with self._lock:
            promise = self._promised.get(query_id)
        return None if promise is None else promise.owner

    def cancel_promise(self, query_id: str) -> bool:
        """True when the id was of a ticket nobody has read yet; reading it is then refused."""
        with self._lock:
            promise = self._promised.get(query_id)
            if promise is None:
                return False
            promise.is_cancelled = True
            return True

    def running(self) -> list[TrackedQuery]:
        with self._lock:
            return list(self._running.values())

    def all(self) -> list[TrackedQuery]:
        """Ended ones first, oldest first."""
        with self._lock:
            return [*self._ended.values(), *self._running.values()]
