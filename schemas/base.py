"""Bases and limits shared by all commands and replies."""

from typing import Annotated

import msgspec

COMMAND_BYTES_MAX = 16 * 1024 * 1024
STATEMENT_BYTES_MAX = 1 << 20
"""The kernel's limit; the highest that the setting limits.statement_bytes may say."""
PARAMETERS_MAX = 65_535
NAME_CHARS_MAX = 1024

# Published and not checked in decoding: the setting may be lower, and whoever takes a statement
# tells of every one that is too long in the same way (VEL1004).
SqlText = Annotated[
    str,
    msgspec.Meta(
        description="One SQL statement, of so many bytes at most.",
        extra_json_schema={"maxLength": STATEMENT_BYTES_MAX},
    ),
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
