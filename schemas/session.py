"""Sessions: what a client has of its own on the server between its calls."""

from typing import Annotated

import msgspec

from velaria.schemas.base import NAME_CHARS_MAX, Command, Reply

IDLE_S_MAX = 86_400

SessionId = Annotated[
    str, msgspec.Meta(min_length=1, max_length=128, description="What session.open answered with.")
]
IdleSeconds = Annotated[
    float,
    msgspec.Meta(
        gt=0, le=IDLE_S_MAX, description="Seconds without a call after which it is closed."
    ),
]


QuerySeconds = Annotated[
    float,
    msgspec.Meta(
        gt=0,
        description="How long one of its statements may run; the server's own limit, where it is "
        "lower, goes before.",
    ),
]


class SessionOpen(Command):
    """Open a session; calls name it in the header velaria-session."""

    idle_s: IdleSeconds | None = None
    query_s: QuerySeconds | None = None


class SessionOpened(Reply):
    session: SessionId


class SessionSet(Command):
    """Change what is given of an open session, all of it or nothing."""

    session: SessionId
    catalog_schema: (
        Annotated[
            str,
            msgspec.Meta(
                min_length=1, max_length=NAME_CHARS_MAX, description="Its current schema."
            ),
        ]
        | None
    ) = None
    idle_s: IdleSeconds | None = None
    query_s: QuerySeconds | None = None


class SessionClose(Command):
    """Close a session: its open transaction is rolled back, its temporary tables are dropped."""

    session: SessionId
