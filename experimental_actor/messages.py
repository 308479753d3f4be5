"""What driver, JobMaster and KernelWorker say to each other, the same bytes over Ray and over the
socket: MessagePack, so that nothing is unpickled that came through a socket.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from velaria.schemas.errors import ErrorReply

RAY_OBJECT = "ray-object"
SHARED_MEMORY = "shared-memory"
TRANSPORTS = (SHARED_MEMORY, RAY_OBJECT)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at one task. `input_paths` is empty when tables come through Ray.

    The `epoch` fences: an answer that carries another epoch than the task's newest is of an attempt
    that was given up, and is dropped.
    """

    task_id: int
    epoch: int
    fragment: bytes
    input_paths: dict[str, str] = {}
    partial_path: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's answer to an order: done, or a failure with its code."""

    task_id: int
    epoch: int
    error: ErrorReply | None = None


class Touch(msgspec.Struct, frozen=True, kw_only=True, tag="touch"):
    """Map a table and count its rows; without a path, only answer. The benchmark's task."""

    path: str = ""


class Run(msgspec.Struct, frozen=True, kw_only=True, tag="run"):
    """Carry out an order."""

    order: Order


SocketRequest = Touch | Run


@dataclass(frozen=True)
class Job:
    """A split statement: one fragment per task, each with its tables.

    A table is a path in shared memory or a Ray object reference, as `transport` says. Fragments are
    merged in their order here, whatever the order in which they end.
    """

    job_id: str
    transport: str
    fragments: list[bytes]
    inputs: Sequence[Mapping[str, Any]]
    partial_paths: list[str]


@dataclass(frozen=True)
class Attempt:
    """One try at a task, told once, at its end. Times are microseconds since the job began."""

    task_id: int
    number: int
    state: str
    worker: str
    started_us: int
    finished_us: int
    error: str = ""


@dataclass(frozen=True)
class Happening:
    """Something worth an event in the run history."""

    name: str
    fields: dict[str, Any]


@dataclass
class JobReport:
    """How a job ended. `partials` are in fragment order, complete only when it succeeded."""

    job_id: str
    state: str
    attempts: list[Attempt] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    partials: list[Any] = field(default_factory=list)
    error: ErrorReply | None = None
