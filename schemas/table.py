"""Tables, views and streams of the catalog."""

from velaria.schemas.base import Command, Name, Reply
from velaria.schemas.sql import Column


class TableRef(Command):
    """Names one table, view or stream."""

    table: Name


class TableEntry(Reply):
    """One entry of the catalog; a count is absent when it is not known without reading."""

    name: str
    kind: str
    row_count: int | None = None
    byte_count: int | None = None


class TableListReply(Reply):
    tables: list[TableEntry]


class TableDescription(Reply):
    name: str
    kind: str
    columns: list[Column]
    row_count: int | None = None
    byte_count: int | None = None
