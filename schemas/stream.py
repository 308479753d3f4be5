"""Streaming queries and the ends of their inputs."""

from typing import Annotated, Literal

import msgspec

from velaria.schemas.base import Command, Name, QueryId, Reply, SqlText
from velaria.schemas.sql import Parameters

DeliveryMode = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=100,
        description="at-least-once or best-effort; the kernel decides.",
    ),
]
CheckpointIntervalMs = Annotated[int, msgspec.Meta(ge=1, le=86_400_000)]


class StreamStart(Command):
    """Start a streaming query: an unbounded SELECT, or INSERT INTO a table or sink from one."""

    sql: SqlText
    params: Parameters | None = None
    name: Name | None = None
    delivery_mode: DeliveryMode | None = None
    checkpoint_interval_ms: CheckpointIntervalMs | None = None


class StreamStarted(Reply):
    query_id: str
    name: str


class StreamStop(Command):
    """End a streaming query: drain works off what has come in, now does not."""

    query_id: QueryId
    mode: Literal["drain", "now"] = "drain"


class StreamRef(Command):
    """Names one streaming query."""

    query_id: QueryId


class StreamExplain(Command):
    """Explain a streaming query without starting it."""

    sql: SqlText


class StreamEndInput(Command):
    """Log the end of a stream's input; queries over it finish."""

    stream: Name


class StreamEntry(Reply):
    query_id: str
    name: str
    sql: str
    status: str
    rows_in: int | None = None
    rows_out: int | None = None


class StreamListReply(Reply):
    streams: list[StreamEntry]
