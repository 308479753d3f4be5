"""Streaming queries of the server: started, found, stopped, and followed to their end.

The kernel owns the queries; this book only ties each to its run and waits for its end on a thread
of its own, which sleeps in the kernel.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from velaria._kernel import Connection, KernelError, Session, StreamingQuery, Subscription
from velaria.flight_server.call_context import caller
from velaria.flight_server.calls import Call
from velaria.flight_server.identity.permissions import may_follow, may_see_query
from velaria.flight_server.limits.shares import Holding, Shares, share_of
from velaria.flight_server.options import Options
from velaria.flight_server.queries import QueryBook, TrackedQuery, new_query_id
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

_ENDED_WELL = frozenset({"finished", "stopped"})

_log = structlog.get_logger("velaria.flight_server")


class StreamBook:
    def __init__(self, session: Session, queries: QueryBook, options: Options) -> None:
        self._session = session
        self._queries = queries
        self._options = options
        self._lock = threading.Lock()
        self._places = Shares("continuous queries run", "Stop some that are not needed.")
        self._followers: dict[str, threading.Thread] = {}

    def start(
        self,
        connection: Session | Connection,
        sql: str,
        name: str | None = None,
        options: dict[str, Any] | None = None,
        *,
        params: list[Any] | None = None,
        query_id: str | None = None,
    ) -> StreamingQuery:
        asked = (sql, name, options, params, query_id or new_query_id())
        with self._prepared(connection, *asked) as query:
            query.start()
        return query

    def start_subscribed(
        self,
        connection: Session | Connection,
        sql: str,
        params: list[Any] | None,
        query_id: str,
    ) -> Subscription:
        """A new query's every emission, from its first on."""
        with self._prepared(connection, sql, None, None, params, query_id) as query:
            subscription = query.subscribe()
            query.start()
        return subscription

    def find(self, id_or_name: str) -> StreamingQuery:
        return self._session.streaming_query(id_or_name)

    def seen(self, call: Call, id_or_name: str) -> StreamingQuery:
        """One that the call may look at and stop; VEL4010 when there is none."""
        query = self.find(id_or_name)
        if not may_see_query(call, self._owner(query)):
            raise _unknown(id_or_name)
        return query

    def followed(self, call: Call, id_or_name: str) -> StreamingQuery:
        """One whose emissions the call may read; VEL4010 when there is none."""
        query = self.find(id_or_name)
        if not may_follow(call, self._owner(query)):
            raise _unknown(id_or_name)
        return query

    def all(self) -> list[StreamingQuery]:
        return self._session.streaming_queries()

    def all_seen(self, call: Call) -> list[StreamingQuery]:
        return [query for query in self.all() if may_see_query(call, self._owner(query))]

    def _owner(self, query: StreamingQuery) -> str | None:
        tracked = self._queries.find(query.query_id)
        return None if tracked is None else tracked.principal

    def stop(self, id_or_name: str, mode: str) -> dict[str, Any]:
        """The last progress of the query."""
        return self._session.streaming_query(id_or_name).stop(mode)

    def stop_soon(self, query_id: str) -> None:
        """End a query at once without waiting for it, which may take long.

        The caller may be the one thread that watches all calls. A query is given up by its only
        reader and once, so there is one such thread per query at most.
        """
        threading.Thread(
            target=self._stop_quietly, args=(query_id,), name=f"stop-{query_id}", daemon=True
        ).start()

    def stop_all(self) -> None:
        """Ends every query at once; used when the server drains."""
        for query in self.all():
            try:
                query.stop("now")
            except Exception:  # noqa: BLE001 (the others must be stopped, too)
                _log.exception("stopping a stream", query_id=query.query_id)

    def wait_ended(self, timeout_s: float) -> None:
        with self._lock:
            followers = [each for each in self._followers.values() if each.ident is not None]
        for follower in followers:
            follower.join(timeout_s / max(len(followers), 1))

    def _stop_quietly(self, query_id: str) -> None:
        try:
            self.stop(query_id, "now")
        except KernelError as fault:
            if fault.code not in (codes.UNKNOWN_QUERY, codes.QUERY_STATE):
                _log.exception("stopping a stream", query_id=query_id)

    @contextmanager
    def _prepared(
        self,
        connection: Session | Connection,
        sql: str,
        name: str | None,
        options: dict[str, Any] | None,
        params: list[Any] | None,
        query_id: str,
    ) -> Iterator[StreamingQuery]:
        """A query to be started within the block, and followed from there; one that does not come
        so far is taken back."""
        tracked = self._queries.start(query_id, "stream", sql)
        not_yet = {**(options or {}), "start": False}
        try:
            running_max = self._options.get("limits.streams_running")
            place = self._places.enter(caller().holder, running_max, share_of(self._options))
        except VelariaError as fault:
            raise tracked.fail(fault) from fault
        try:
            query = connection.start_stream(
                sql, name, not_yet, parameters=params, query_id=query_id
            )
        except Exception as fault:
            place.leave()
            raise tracked.fail(fault) from fault
        follower = threading.Thread(
            target=self._follow,
            args=(query, tracked, place),
            name=f"stream-{query.name}",
            daemon=True,
        )
        with self._lock:
            self._followers[query_id] = follower
        try:
            yield query
            follower.start()
        except Exception as fault:
            self._leave(query_id, place)
            self._stop_quietly(query_id)
            raise tracked.fail(fault) from fault

    def _follow(self, query: StreamingQuery, tracked: TrackedQuery, place: Holding) -> None:
        try:
            query.await_termination(None)
            progress = query.progress()
            row_count = int(progress.get("rows_out") or 0)
            if query.status in _ENDED_WELL:
                tracked.finish(row_count)
            else:
                tracked.fail(_failure_of(query), row_count)
        except Exception as fault:  # noqa: BLE001 (recorded as the end of the run)
            tracked.fail(fault)
        finally:
            self._leave(tracked.query_id, place)

    def _leave(self, query_id: str, place: Holding) -> None:
        place.leave()
        with self._lock:
            self._followers.pop(query_id, None)


def _unknown(id_or_name: str) -> VelariaError:
    """As the kernel says it."""
    return VelariaError(codes.UNKNOWN_QUERY, f"no streaming query of that id or name: {id_or_name}")


def _failure_of(query: StreamingQuery) -> Exception:
    try:
        query.failure()
    except KernelError as fault:
        return fault
    return VelariaError(codes.QUERY_STATE, f"the streaming query ended as {query.status}")
