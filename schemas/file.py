"""Files that the server can read."""

from typing import Annotated

import msgspec

from velaria.schemas.base import Command, NewQueryId, Reply
from velaria.schemas.results import ResultOptions
from velaria.schemas.sql import Column

PATH_CHARS_MAX = 4096

FilePath = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=PATH_CHARS_MAX, description="A path on the server."),
]


class FileProbe(Command):
    """Names one file below the server's allowed roots."""

    path: FilePath


class FileRead(ResultOptions):
    """Read one file, or those that a pattern matches, as `SELECT * FROM 'path'` does; answered with
    a ticket, as by sql.execute."""

    path: FilePath
    query_id: NewQueryId | None = None


class FileCandidate(Reply):
    """A format that the file could have."""

    format: str
    score: int


class FileProbeReply(Reply):
    """What the file seems to be; what a format needs to be read again stands in the last fields."""

    kind: str
    final_format: str
    score: int
    confidence: str
    schema: list[Column]
    suggested_table_name: str
    candidates: list[FileCandidate]
    warnings: list[str]
    delimiter: str | None = None
    mode: str | None = None
    split_delimiter: str | None = None
    mappings: list[tuple[str, int]] | None = None
    format: str | None = None
    columns: list[str] | None = None
