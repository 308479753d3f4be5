"""Queries under way or lately ended."""

from velaria.schemas.base import Command, QueryId, Reply


class QueryRef(Command):
    """Names one query."""

    query_id: QueryId


class QueryEntry(Reply):
    """One query. `state` is created, running, finished, failed or cancelled."""

    query_id: str
    kind: str
    sql: str
    state: str
    started_unix_ms: int
    ended_unix_ms: int | None = None
    row_count: int = 0
    error_code: str | None = None


class QueryListReply(Reply):
    queries: list[QueryEntry]


class QueryCancelReply(Reply):
    """The state after the cancellation; a DoPut that waits for its client is still running."""

    state: str
