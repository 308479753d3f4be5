"""The run history, as far as it is told without SQL (`SELECT * FROM system.runs` tells more)."""

from typing import Annotated, Any

import msgspec

from velaria.schemas.base import Command, Name, Reply

RUNS_LISTED_MAX = 10_000


class RunList(Command):
    """The newest runs, optionally of one state."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=RUNS_LISTED_MAX)] = 100
    state: Annotated[str, msgspec.Meta(max_length=32)] | None = None


class RunRef(Command):
    """Names one run by run_id or query_id."""

    run_id: Name


class RunListReply(Reply):
    runs: list[dict[str, Any]]


class RunReply(Reply):
    """One run with its stages, attempts and events, each as a row of its system table."""

    run: dict[str, Any]
    stages: list[dict[str, Any]]
    attempts: list[dict[str, Any]]
    events: list[dict[str, Any]]
