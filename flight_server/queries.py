"""The statements under way and lately ended, each joined to its run in the run history.

A `TrackedQuery` is opened before a statement is looked at, so that a wrong statement is a run, too.
It ends once: the first `end` counts, whoever calls it (the handler, the end of the call, a stop).
"""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from velaria.flight_server.errors import as_velaria_error
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.query import QueryEntry

if TYPE_CHECKING:
    from velaria._kernel import QueryResult
    from velaria.control.ledger import Ledger

ENDED_KEPT_MAX = 1_000
PROMISED_KEPT_MAX = 10_000
TEXT_CHARS_MAX = 16_384

_RUN_STATES = {"finished": "succeeded", "failed": "failed", "cancelled": "cancelled"}


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
        self.state = "running"
        self.started_unix_ms = time.time_ns() // 1_000_000
        self.ended_unix_ms: int | None = None
        self.error_code: str | None = None
        self._row_count = 0
        self._result: QueryResult | None = None
        self._cancel_asked = threading.Event()
        self._has_ended = threading.Event()
        self._book = book
        self._run = book.ledger.start_run(kind, self.sql, query_id)

    def follow(self, result: "QueryResult") -> None:
        """Tell rows and statistics from the kernel's result while it is read."""
        self._result = result
        if self._cancel_asked.is_set():
            result.cancel()

    def ask_cancel(self) -> None:
        """For what the kernel does not run, or not yet: who runs it asks at its next step."""
        self._cancel_asked.set()

    def refuse_when_cancelled(self) -> None:
        if self._cancel_asked.is_set():
            raise VelariaError(codes.CANCELLED, f"the query was cancelled: {self.query_id}")

    def wait_ended(self, timeout_s: float) -> bool:
        return self._has_ended.wait(timeout_s)

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
        self.end("cancelled", row_count, VelariaError(codes.CANCELLED, "the query was cancelled"))

    def fail(self, fault: BaseException, row_count: int = 0) -> VelariaError:
        """Record the failure and hand back its coded form, which the caller raises."""
        error = as_velaria_error(fault)
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
        self._has_ended.set()

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
        )


class QueryBook:
    """All tracked queries: the running ones and a bounded number of ended and promised ones."""

    def __init__(self, ledger: "Ledger") -> None:
        self.ledger = ledger
        self._lock = threading.Lock()
        self._running: OrderedDict[str, TrackedQuery] = OrderedDict()
        self._ended: OrderedDict[str, TrackedQuery] = OrderedDict()
        self._promised: OrderedDict[str, bool] = OrderedDict()
        self._redeemed: set[str] = set()

    def promise(self, chosen: str | None = None) -> str:
        """A query id that a statement will run under: at the first DoGet of its ticket, or soon.

        VEL1006 for one that the client chose and that a query here has.
        """
        query_id = chosen or new_query_id()
        with self._lock:
            books = (self._promised, self._redeemed, self._running, self._ended)
            if any(query_id in book for book in books):
                raise id_is_taken(query_id)
            self._promised[query_id] = False
            while len(self._promised) > PROMISED_KEPT_MAX:
                self._promised.popitem(last=False)
        return query_id

    @contextmanager
    def redeem(self, query_id: str) -> Iterator[str]:
        """The id to run under: the promised one at first, a new one at every later reading.

        Within the block the query starts; until then no other can be promised the id.
        """
        with self._lock:
            is_cancelled = self._promised.get(query_id)
            if is_cancelled is False:
                del self._promised[query_id]
                self._redeemed.add(query_id)
        if is_cancelled:
            raise VelariaError(codes.CANCELLED, f"the query was cancelled: {query_id}")
        if is_cancelled is None:
            yield new_query_id()
            return
        try:
            yield query_id
        finally:
            with self._lock:
                self._redeemed.discard(query_id)

    def give_back(self, query_id: str) -> None:
        """Nothing will run under the promised id; it can be chosen again."""
        with self._lock:
            self._promised.pop(query_id, None)

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

    def find(self, query_id: str) -> TrackedQuery | None:
        with self._lock:
            return self._running.get(query_id) or self._ended.get(query_id)

    def cancel_promise(self, query_id: str) -> bool:
        """True when the id was of a ticket nobody has read yet; reading it is then refused."""
        with self._lock:
            if query_id not in self._promised:
                return False
            self._promised[query_id] = True
            return True

    def running(self) -> list[TrackedQuery]:
        with self._lock:
            return list(self._running.values())

    def all(self) -> list[TrackedQuery]:
        """Ended ones first, oldest first."""
        with self._lock:
            return [*self._ended.values(), *self._running.values()]
