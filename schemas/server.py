"""The server about itself."""

from typing import Annotated, Any

import msgspec

from velaria.schemas.base import Command, Reply


class ServerInfoReply(Reply):
    version: str
    kernel: str
    simd_backend: str
    actions: list[str]
    flight: list[str]
    data_dir: str
    durable: bool
    pid: int
    pyarrow: str


class ServerHealthReply(Reply):
    """`state` is serving, degraded or draining; `parts` tells which part says what."""

    state: str
    parts: dict[str, str]


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
    settings: dict[str, Any]
