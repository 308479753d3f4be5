"""Queries under way or lately ended."""

from typing import Annotated, Any, Literal

import msgspec

from velaria.schemas.base import Command, NewQueryId, QueryId, Reply, SqlText
from velaria.schemas.errors import ErrorReply
from velaria.schemas.results import ResultOptions
from velaria.schemas.sql import Column, Parameters

POLL_WAIT_MS_MAX = 60_000


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
    principal: str | None = None


class QueryListReply(Reply):
    queries: list[QueryEntry]


class QueryCancelReply(Reply):
    """The state after the cancellation; a DoPut that waits for its client is still running."""

    state: str


class QueryPoll(ResultOptions):
    """Start a statement that may take long, by `sql`, or ask again about one that was started so,
    by `query_id`; with both the id is the client's choice. Result options count at the start.

    The reply comes when the statement has come to an end or its first rows are there, and after
    `wait_ms` at the latest.
    """

    sql: SqlText | None = None
    params: Parameters | None = None
    query_id: NewQueryId | None = None
    wait_ms: Annotated[
        int,
        msgspec.Meta(ge=0, le=POLL_WAIT_MS_MAX, description="Milliseconds to wait for the end."),
    ] = 1_000


class QueryPollReply(Reply):
    """What PollInfo is in Flight: `info`, a serialized FlightInfo, and `ticket` are there when rows
    can be read, once and until `expires_unix_ms`, which every poll moves on.

    `state` is running: ask again; ready: read the rows; done: it returned none, `rows_affected` and
    `tag` say what it did; failed or cancelled: `error` says why. `progress` is what query.progress
    tells.
    """

    query_id: str
    state: Literal["running", "ready", "done", "failed", "cancelled"]
    progress: dict[str, Any]
    expires_unix_ms: int | None = None
    columns: list[Column] | None = None
    ticket: bytes | None = None
    info: bytes | None = None
    rows_affected: int | None = None
    tag: str | None = None
    error: ErrorReply | None = None
