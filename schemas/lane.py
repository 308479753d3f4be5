"""The actor lane: which tables a statement reads, and its jobs' way into the run history."""

from typing import Annotated, Any, Literal

import msgspec

from velaria.schemas.base import Command, Reply, SqlText

ENTRIES_MAX = 10_000

FinalState = Literal["succeeded", "failed", "cancelled"]
Micros = Annotated[
    int, msgspec.Meta(ge=0, le=2**53, description="Microseconds since the run's beginning.")
]
ShortText = Annotated[str, msgspec.Meta(max_length=200)]
Message = Annotated[str, msgspec.Meta(max_length=65_536)]


class LaneInputs(Command):
    """Ask which tables a query reads, before they are handed to the lane's workers."""

    sql: SqlText


class LaneInputsReply(Reply):
    """Name -> kind ("table", "view", "stream", ...) in the order of reading."""

    tables: dict[str, str]


class StageEntry(Command):
    """A part of the run that is over."""

    name: ShortText
    state: FinalState
    started_us: Micros
    finished_us: Micros
    rows: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None


class AttemptEntry(Command):
    """One try at a stage."""

    stage: ShortText
    number: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    state: FinalState
    started_us: Micros
    finished_us: Micros
    worker: ShortText | None = None
    error: Message | None = None


class EventEntry(Command):
    """Something that happened to the run."""

    name: ShortText
    fields: dict[str, Any] = {}


class RunRecord(Command):
    """A run that another process carried out, recorded when it is over.

    All times count from its beginning, `elapsed_us` before now: two clocks are never compared.
    """

    kind: Literal["lane", "bench"]
    text: SqlText
    state: FinalState
    elapsed_us: Micros
    rows: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None
    error_code: ShortText | None = None
    error_message: Message | None = None
    stages: Annotated[list[StageEntry], msgspec.Meta(max_length=ENTRIES_MAX)] = []
    attempts: Annotated[list[AttemptEntry], msgspec.Meta(max_length=ENTRIES_MAX)] = []
    events: Annotated[list[EventEntry], msgspec.Meta(max_length=ENTRIES_MAX)] = []


class RunRecordReply(Reply):
    run_id: str
    query_id: str
