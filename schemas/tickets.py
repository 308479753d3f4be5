"""Descriptor commands and tickets: MessagePack maps told apart by their `type`."""

from typing import Annotated, Literal

import msgspec

from velaria.schemas.base import Command, Name, NewQueryId, QueryId, SqlText
from velaria.schemas.results import ResultOptions
from velaria.schemas.sql import Parameters

ENDPOINTS_MAX = 64


class QueryCommand(ResultOptions, tag_field="type", tag="query"):
    """A statement as descriptor command or ticket; what plain SQL text says, with parameters."""

    sql: SqlText
    params: Parameters | None = None
    parallel: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            le=ENDPOINTS_MAX,
            description="As many endpoints for a SELECT's rows, read side by side: each row comes "
            "by one of them, in no order.",
        ),
    ] = 1


class SubscribeCommand(Command, tag_field="type", tag="subscribe"):
    """The batches a running streaming query emits from now on."""

    query_id: QueryId


class IngestCommand(Command, tag_field="type", tag="ingest"):
    """Where the batches of a DoPut go. By `query_id` the client asks query.progress afterwards what
    a put that broke off has left in the table.
    """

    table: Name
    mode: Literal["append", "create", "replace"] = "append"
    atomic: Annotated[
        bool,
        msgspec.Meta(
            description="All rows are there at the end, or none; else each batch is at once. In a "
            "transaction they are part of it either way."
        ),
    ] = False
    query_id: NewQueryId | None = None


class TransformCommand(ResultOptions, tag_field="type", tag="transform"):
    """A SELECT over the batches that a DoExchange sends, which it reads as the relation `input`."""

    sql: SqlText
    params: Parameters | None = None
    query_id: NewQueryId | None = None


class StatementTicket(ResultOptions, tag_field="type", tag="statement"):
    """A ticket as the server makes it: self-contained, signed with a key that dies with the
    server.

    `effect` says what DoGet does: `rows` runs a SELECT over what stood when the ticket was made;
    `continuous` runs an unbounded one for this reader; `once` runs a statement that changes
    something at the first DoGet and replays its small reply at later ones; `once_rows` runs one
    that changes something and returns rows (RETURNING), or may (EXPLAIN ANALYZE), at the first
    DoGet, and later ones are refused with VEL1005; `part` is one of the endpoints that share a
    query's rows; `held` hands out, once, the rows of a query that query.poll has started.

    `parameters` are rows of them as an Arrow IPC stream: the statement runs once for each, and the
    results follow one another. `connection` is the number of the session or transaction it was
    asked in.
    """

    sql: SqlText
    params: Parameters | None
    query_id: QueryId
    effect: Literal["rows", "continuous", "once", "once_rows", "held", "part"]
    expires_unix_ms: int
    part: int = 0
    parameters: bytes | None = None
    connection: Annotated[str, msgspec.Meta(pattern="^[st][0-9]{1,18}$")] | None = None
    signature: Annotated[bytes, msgspec.Meta(max_length=32)] = b""


DescriptorCommand = QueryCommand | SubscribeCommand | IngestCommand | TransformCommand
TicketCommand = QueryCommand | SubscribeCommand | StatementTicket
