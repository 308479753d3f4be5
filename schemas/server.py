"""The server about itself."""

from typing import Annotated, Any

import msgspec

from velaria.schemas.base import Command, Reply


class ServerInfoReply(Reply):
    """`host_token_file` is what a client on this host reads to prove that it is, so every known
    caller is told it; `data_dir` is told to admins, and to all where nobody is asked who he is.
    `message_bytes_max` is the largest message that a listener of the grpcio front takes."""

    version: str
    kernel: str
    simd_backend: str
    actions: list[str]
    flight: list[str]
    durable: bool
    pid: int
    pyarrow: str
    data_dir: str | None = None
    host_token_file: str | None = None
    message_bytes_max: int | None = None


class ServerHealthReply(Reply):
    """`state` is serving, degraded, draining or down; `parts` tells which part says what, `reasons`
    why, of the parts that are not well."""

    state: str
    parts: dict[str, str]
    reasons: dict[str, str]


class ServerMetricsReply(Reply):
    """Counters since the start, and gauges; the names are listed in the reference."""

    metrics: dict[str, float]


class ServerDrain(Command):
    """Take no new work and end the process when what runs has ended, or when the time is over."""

    wait_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 2_000


class ServerDrainReply(Reply):
    state: str
    running: int


class ServerSettingsReply(Reply):
    """`sources` says of each of the server's own settings: flag, environment, file or default."""

    settings: dict[str, Any]
    sources: dict[str, str]


class ServerReloadReply(Reply):
    """`need_restart` are settings whose new value is not in force yet."""

    changed: list[str]
    need_restart: list[str]
