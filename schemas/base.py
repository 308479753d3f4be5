"""Bases and limits shared by all commands and replies."""

from typing import Annotated

import msgspec

COMMAND_BYTES_MAX = 16 * 1024 * 1024
STATEMENT_CHARS_MAX = 8 * 1024 * 1024
PARAMETERS_MAX = 65_535
NAME_CHARS_MAX = 1024

SqlText = Annotated[
    str, msgspec.Meta(max_length=STATEMENT_CHARS_MAX, description="One SQL statement.")
]
Name = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=NAME_CHARS_MAX, description="A table, view, stream or query."
    ),
]
QueryId = Annotated[
    str, msgspec.Meta(min_length=1, max_length=NAME_CHARS_MAX, description="A query's id, or name.")
]

QUERY_ID_CHARS_MAX = 64
NewQueryId = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=QUERY_ID_CHARS_MAX,
        pattern="^[A-Za-z0-9._:-]+$",
        description="An id that the client chooses, to ask about the query or cancel it before "
        "the reply has come. Refused when the server knows a query of that id.",
    ),
]


class Command(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a client asks. An unknown field is refused, so that a misspelt one is not ignored."""


class Reply(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What the server answers. Clients ignore fields they do not know, so fields may be added."""


class Empty(Command):
    """A command without fields."""


class Done(Reply):
    """A reply without fields."""
