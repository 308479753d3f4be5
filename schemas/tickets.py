"""Descriptor commands and tickets: MessagePack maps told apart by their `type`."""

from typing import Annotated, Literal

import msgspec

from velaria.schemas.base import Command, Name, QueryId, SqlText
from velaria.schemas.sql import Parameters


class QueryCommand(Command, tag_field="type", tag="query"):
    """A statement as descriptor command or ticket; what plain SQL text says, with parameters."""

    sql: SqlText
    params: Parameters | None = None


class SubscribeCommand(Command, tag_field="type", tag="subscribe"):
    """The batches a running streaming query emits from now on."""

    query_id: QueryId


class IngestCommand(Command, tag_field="type", tag="ingest"):
    """Where the batches of a DoPut go."""

    table: Name
    mode: Literal["append", "create", "replace"] = "append"


class StatementTicket(Command, tag_field="type", tag="statement"):
    """A ticket as the server makes it: self-contained, signed with a key that dies with the
    server.

    `effect` says what DoGet does: `rows` runs a SELECT, each time anew; `continuous` runs an
    unbounded one for this reader; `once` runs a statement that changes something at the first
    DoGet and replays its small reply at later ones; `once_rows` runs one that changes something
    and returns rows (RETURNING), or may (EXPLAIN ANALYZE), at the first DoGet, and later ones are
    refused with VEL1005.
    """

    sql: SqlText
    params: Parameters | None
    query_id: QueryId
    effect: Literal["rows", "continuous", "once", "once_rows"]
    expires_unix_ms: int
    signature: Annotated[bytes, msgspec.Meta(max_length=32)] = b""


DescriptorCommand = QueryCommand | SubscribeCommand | IngestCommand
TicketCommand = QueryCommand | SubscribeCommand | StatementTicket
