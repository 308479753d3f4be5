"""Actions on the server itself."""

import os
from typing import Any

import pyarrow as pa

from velaria import _kernel
from velaria.flight_server.actions.registry import ACTIONS, action
from velaria.flight_server.calls import Call
from velaria.flight_server.service import Service
from velaria.schemas.base import Empty
from velaria.schemas.server import (
    ServerDrain,
    ServerDrainReply,
    ServerHealthReply,
    ServerInfoReply,
    ServerMetricsReply,
    ServerSettingsReply,
)


@action("server.info")
def info(service: Service, call: Call, command: Empty) -> ServerInfoReply:
    """Version, address, kernel and the names of all actions."""
    return ServerInfoReply(
        version=_kernel.__version__,
        kernel=_kernel.__version__,
        simd_backend=_kernel.simd_backend(),
        actions=sorted(ACTIONS),
        flight=service.flight_uris,
        data_dir=str(service.settings.data_dir),
        durable=service.settings.durable,
        pid=os.getpid(),
        pyarrow=pa.__version__,
    )


@action("server.health")
def health(service: Service, call: Call, command: Empty) -> ServerHealthReply:
    """serving, degraded or draining, and what each part says."""
    return ServerHealthReply(state=service.health_state(), parts=service.health_parts())


@action("server.metrics")
def metrics(service: Service, call: Call, command: Empty) -> ServerMetricsReply:
    """Counters since the start, and gauges."""
    return ServerMetricsReply(metrics=service.read_metrics())


@action("server.settings")
def settings(service: Service, call: Call, command: Empty) -> ServerSettingsReply:
    """The kernel's settings and what the server was started with."""
    shown: dict[str, Any] = dict(service.session.settings())
    shown.update(service.settings.shown())
    return ServerSettingsReply(settings=shown)


@action("server.drain")
def drain(service: Service, call: Call, command: ServerDrain) -> ServerDrainReply:
    """Take no new work and end the process, as SIGTERM does."""
    service.request_drain(command.wait_ms / 1000)
    return ServerDrainReply(state="draining", running=len(service.queries.running()))
