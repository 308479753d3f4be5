"""What the writer and readers ask of a store of runs."""

import enum
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from velaria.control.records import Record

AUDIT = "audit"
"""The kind of runs that tell who came in and who was refused."""

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Wanted:
    """Which runs a reader wants, or whose stages, attempts and events: those of the newest `limit`
    runs for which all holds that is set here."""

    limit: int
    known_as: str | None = None
    """Its query_id, which a client may have chosen, like anything."""
    run_id: uuid.UUID | None = None
    """The server's own name for it."""
    state: str | None = None
    principal: str | None = None

    @property
    def finds_none(self) -> bool:
        """Of a text with a NUL, which no run holds and Postgres does not take."""
        return any("\0" in (text or "") for text in (self.known_as, self.state, self.principal))


class StoreAway(Exception):
    """The store cannot take records now.

    The text and the hint may be told to any client; `detail` is for the log: it may hold addresses
    and paths, but no secret.
    """

    def __init__(self, reason: str, hint: str = "", detail: str = "") -> None:
        super().__init__(reason)
        self.hint = hint
        self.detail = detail


class StoreFailed(StoreAway):
    """The store has failed in a way that waiting for its start does not mend."""


class DayEnd(enum.Enum):
    """What became of a day that was to be dropped."""

    DROPPED = "dropped"
    RUNNING = "running"  # kept: a run that began in it has not ended
    GONE = "gone"  # another server of the database was first


class DayRefused(Exception):
    """The store does not drop a day, and is well otherwise. Text, hint and detail as StoreAway's.

    `passes` says that the reason is one that goes by itself, like a reader at work.
    """

    def __init__(self, reason: str, hint: str = "", detail: str = "", passes: bool = False) -> None:
        super().__init__(reason)
        self.hint = hint
        self.detail = detail
        self.passes = passes


class RunStore(Protocol):
    """Keeps records. All but read() and abort() are called by the writer's thread alone."""

    refused_record_count: int

    def connect(self) -> None:
        """Make the store ready; raises StoreAway. Called again after each StoreAway."""

    def write(self, records: Sequence[Record]) -> None:
        """Store all the records or, raising StoreAway, perhaps some of them: writing them again is
        harmless.
        """

    def ping(self) -> None:
        """Raise StoreAway when the store has gone."""

    def close_orphans(self) -> int:
        """End the runs that an earlier life of this server left running; returns their number."""

    def servers_away(self) -> list[uuid.UUID]:
        """Other servers that have runs open and are not connected."""

    def end_runs_of(self, server_id: uuid.UUID) -> int:
        """End the open runs of another server, unless it is connected; returns their number."""

    def old_days(self, today: int, keep_days: int) -> list[int]:
        """The days that it has something of and that ended keep_days ago or more, the oldest first,
        as days since 1970 UTC; by the store's own clock where that is behind `today`.
        """

    def drop_day(self, day: int) -> DayEnd:
        """Drop all that began in a day, unless some of it still runs. DayRefused, and nothing is
        dropped, when the store does not let it be."""

    def read(
        self, table: str, deadline_s: float, wanted: Wanted | None = None
    ) -> Iterator[list[Row]]:
        """The rows of "runs", "stages", "attempts" or "events" in blocks, in their system table's
        column order: all of them, or those that are wanted, of the newest run first.

        The first block is there, or StoreAway is raised, within deadline_s. Any thread may call it.
        """

    def abort(self) -> None:
        """Make a call that another thread is waiting in fail soon."""

    def close(self) -> None:
        """Let go of connections."""
